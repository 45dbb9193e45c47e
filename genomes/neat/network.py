"""Network and PopulationNetwork: genomes as fast callables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.neat.genes import Pool, pool_of
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    from genomes.neat.control import Controller
    from genomes.neat.genome import NeatGenome
    from genomes.neat.kernels.networks import Networks
    from genomes.neat.space import NeatSpace


class Step(NamedTuple):
    """The value of one node: activation(bias + response * aggregation(weights * values of the sources)). Nodes are indices in the
    genome's node genes; activation and aggregation are codes of the space's functions."""

    node: int
    bias: float
    response: float
    activation: int
    aggregation: int
    sources: tuple[int, ...]
    weights: tuple[float, ...]


class PopulationNetwork:
    """The networks of many genomes as one callable.

    `population(x)` maps float [samples, inputs] (all members see the same) or [members, samples, inputs] to float64 [members,
    samples, outputs]. A recurrent population advances one time step a call and keeps a state for every member and sample (sample s
    of one call continues sample s of the last); `reset()` clears it.

    Attributes:
        networks: the compiled arrays, for kernels that simulate in a closed loop (`genomes.neat.kernels.networks.control`).
        activations_per_step: how often a recurrent network is activated on each input.
    """

    def __init__(self, space: NeatSpace, pool: Pool, threads: Threads | None = None, activations_per_step: int = 1) -> None:
        from genomes.neat.kernels.networks import compile_members, room_for

        self.space = space
        self.threads = threads or Threads(1)
        self.activations_per_step = activations_per_step
        self.networks: Networks = room_for(
            pool,
            space.activation_functions.programs,
            space.aggregation_functions.programs,
            space.inputs,
            space.outputs,
            space.sensors,
            float(space.bias_value),
            space.recurrent,
        )
        self.threads.run(compile_members, len(pool.node_start), pool, self.networks)
        self._room = len(pool.nodes.marking)
        self._state: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.networks.step_count)

    def member(self, position: int) -> PopulationNetwork:
        """The network of one member, as a population of one, its state zero."""
        one = self.subset(np.array([position]))
        one._state = None
        return one

    def subset(self, positions: npt.NDArray[np.int64]) -> PopulationNetwork:
        """The networks of some members, at once. Recurrent ones go on from the state that they have here, and share it."""
        part = object.__new__(PopulationNetwork)
        part.space, part.threads, part.activations_per_step = self.space, self.threads, self.activations_per_step
        part.networks = self.networks._replace(
            integer_start=self.networks.integer_start[positions],
            number_start=self.networks.number_start[positions],
            value_start=self.networks.value_start[positions],
            step_count=self.networks.step_count[positions],
            width=self.networks.width[positions],
        )
        part._room, part._state = self._room, self._state
        return part

    def controller(self, position: int = 0) -> Controller:
        """One member as a callable on one observation at a time, for worlds that are stepped in Python."""
        from genomes.neat.control import Controller

        return Controller(self, position)

    def reset(self) -> None:
        """Forget the state of recurrent networks: the next call starts from zeros."""
        self._state = None

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The outputs of every member.

        Raises:
            ValueError: x has the wrong width, dimension or number of members; or the number of samples changed without a reset.
        """
        batch = self._batch(x)
        y = np.empty((len(self), batch.shape[1], self.space.outputs))
        if not self.space.recurrent:
            from genomes.neat.kernels.networks import forward

            self.threads.run(forward, len(self), self.networks, batch, y)
            return y
        from genomes.neat.kernels.networks import advance

        if self._state is None:
            self._state = np.zeros((self._room, batch.shape[1]))
        if self._state.shape[1] != batch.shape[1]:
            raise ValueError(
                f"the networks hold the state of {self._state.shape[1]} samples, got {batch.shape[1]}; call reset() between episodes"
            )
        self.threads.run(advance, len(self), self.networks, batch, y, self._state, self.activations_per_step)
        return y

    def _batch(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        batch = np.asarray(x, dtype=np.float64)
        if batch.ndim == 2:
            batch = batch[None]
        if batch.ndim != 3 or batch.shape[2] != self.space.inputs or batch.shape[0] not in (1, len(self)):
            raise ValueError(
                f"x must be [samples, {self.space.inputs}] or [{len(self)}, samples, {self.space.inputs}], "
                f"got an array of shape {np.shape(x)}"
            )
        return np.ascontiguousarray(batch)

    def steps(self, position: int) -> list[Step]:
        """What one member computes, sources first (feed-forward): for inspection, drawing and export."""
        networks = self.networks
        p, q = int(networks.integer_start[position]), int(networks.number_start[position])
        found = []
        for _ in range(int(networks.step_count[position])):
            node, activation, aggregation, edges = (int(value) for value in networks.integers[p : p + 4])
            sources = networks.integers[p + 4 : p + 4 + edges].tolist()
            bias, response = networks.numbers[q : q + 2].tolist()
            weights = networks.numbers[q + 2 : q + 2 + edges].tolist()
            found.append(Step(node, bias, response, activation, aggregation, tuple(sources), tuple(weights)))
            p, q = p + 4 + edges, q + 2 + edges
        return found


class Network(PopulationNetwork):
    """One genome as a callable: maps float [samples, inputs] to float64 [samples, outputs].

    A recurrent network advances one time step a call, every sample with a state of its own; `reset()` clears it.
    """

    def __init__(self, genome: NeatGenome, activations_per_step: int = 1) -> None:
        super().__init__(genome.space, genome.pool, activations_per_step=activations_per_step)

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        if np.ndim(x) != 2:
            raise ValueError(f"x must be [samples, {self.space.inputs}], got an array of shape {np.shape(x)}")
        result: npt.NDArray[np.float64] = super().__call__(x)[0]
        return result


def population_network(genomes: Sequence[NeatGenome], threads: Threads | None = None, **settings: Any) -> Any:
    """The networks of these genomes (of one space) as one callable.

    Raises:
        ValueError: no genomes, or genomes of different spaces.
    """
    if not genomes:
        raise ValueError("a population network needs at least one genome")
    space = genomes[0].space
    if any(genome.space is not space and genome.space != space for genome in genomes):
        raise ValueError("the genomes of a population network must be of one space")
    if settings and space.dynamics != "none":
        raise ValueError(
            f"networks in time have no {', '.join(settings)}: a call advances them by steps_a_call time steps of their space"
        )
    pool = pool_of([(genome.nodes, genome.connections) for genome in genomes])
    return PopulationNetwork(space, pool, threads, **settings) if settings else space.population_network(pool, threads)
