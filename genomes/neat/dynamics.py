"""Networks in time: leaky, continuous-time and spiking nodes, as callables that keep a state between calls.

The genes stay those of NEAT. Leaky and continuous-time nodes take the *response* gene as their time constant (its absolute value, at least a
time step); spiking nodes take the *activation* gene as the kind of neuron, whose four parameters the space names. So they vary, cross and
travel like every other genome: `response_mutation_rate` evolves time constants, `activation_mutation_rate` kinds of neurons.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from genomes.neat.expressions import CONSTANT, Program, as_programs
from genomes.neat.functions import ACTIVATIONS, CUSTOM, Functions, name_of

if TYPE_CHECKING:
    from genomes.neat.genes import Pool
    from genomes.neat.genome import NeatGenome
    from genomes.neat.network import Step
    from genomes.neat.space import NeatSpace
    from genomes.neat.threads import Threads

Floats = npt.NDArray[np.float64]

DYNAMICS = ("none", "leaky", "ctrnn", "ctrnn_alternating", "spiking")

# a, b, c, d of Izhikevich 2003: time scale and sensitivity of the recovery, potential after a spike, jump of the recovery.
NEURONS = {
    "regular_spiking": (0.02, 0.2, -65.0, 8.0),
    "intrinsically_bursting": (0.02, 0.2, -55.0, 4.0),
    "chattering": (0.02, 0.2, -50.0, 2.0),
    "fast_spiking": (0.1, 0.2, -65.0, 2.0),
    "thalamo_cortical": (0.02, 0.25, -65.0, 0.05),
    "resonator": (0.1, 0.25, -65.0, 2.0),
    "low_threshold_spiking": (0.02, 0.25, -65.0, 2.0),
}


def neurons(definitions: tuple[str, ...]) -> Functions:
    """Kinds of neurons as `Functions`: every built-in kind, and those defined as "name = a, b, c, d".

    Raises:
        ValueError: an unknown kind, or a definition that is not four finite numbers.
    """
    if not isinstance(definitions, tuple) or not definitions or not all(isinstance(item, str) for item in definitions):
        raise ValueError(f"activations must be a non-empty tuple of kinds of neurons, got {shown(definitions)}")
    kinds = dict(NEURONS)
    for definition in definitions:
        name = name_of(definition)
        if "=" not in definition:
            if name not in NEURONS:
                raise ValueError(unknown("kind of neuron", name, sorted(NEURONS)))
        elif not name.isidentifier() or name in ACTIVATIONS or name in NEURONS:
            raise ValueError(f"{shown(name)} cannot name a kind of neuron: use a new identifier")
        else:
            kinds[name] = _four(definition)
    codes = {name: code for code, name in enumerate(ACTIVATIONS)}  # inputs hold "identity"
    codes |= {name: CUSTOM + number for number, name in enumerate(kinds)}
    programs: list[Program] = [[(CONSTANT, value) for value in parameters] for parameters in kinds.values()]
    return Functions(codes, {code: name for name, code in codes.items()}, as_programs(programs))


def _four(definition: str) -> tuple[float, float, float, float]:
    parts = definition.split("=", 1)[1].split(",")
    try:
        a, b, c, d = (float(part) for part in parts)
    except ValueError:
        raise ValueError(f"a kind of neuron is 'name = a, b, c, d' with four numbers, got {shown(definition)}") from None
    if not all(math.isfinite(value) for value in (a, b, c, d)):
        raise ValueError(f"the parameters of a neuron must be finite, got {shown(definition)}")
    return a, b, c, d


class PopulationInTime:
    """The networks in time of many genomes as one callable.

    `population(x)` maps float [samples, inputs] or [members, samples, inputs] to float64 [members, samples, outputs]; a call advances every
    network by `steps_a_call` time steps of its space while the inputs stay as they are. The state is kept from call to call, one for every member
    and sample; `reset()` starts an episode. Spiking outputs are the share of the time steps in which the node fired.
    """

    def __init__(self, space: NeatSpace, pool: Pool, threads: Threads | None = None) -> None:
        from genomes.neat.network import PopulationNetwork

        self._wiring = PopulationNetwork(space, pool, threads)
        self._start()

    def _start(self) -> None:
        self.space, self.networks, self.threads = self._wiring.space, self._wiring.networks, self._wiring.threads
        self._state: Floats | None = None

    def __len__(self) -> int:
        return len(self._wiring)

    def steps(self, position: int = 0) -> list[Step]:
        """What one member computes: the response is the time constant, the activation of a spiking node its kind."""
        return self._wiring.steps(position)

    def reset(self) -> None:
        """Forget the state: the next call starts an episode."""
        self._state = None

    def subset(self, positions: npt.NDArray[np.int64]) -> PopulationInTime:
        """The networks of some members, which go on from the state that they have here, and share it."""
        part = object.__new__(PopulationInTime)
        part._wiring = self._wiring.subset(positions)
        part._start()
        part._state = self._state
        return part

    def member(self, position: int) -> PopulationInTime:
        """The network of one member, as a population of one, at rest."""
        one = self.subset(np.array([position]))
        one.reset()
        return one

    def controller(self, position: int = 0) -> ControllerInTime:
        """One member as a callable on one observation at a time."""
        return ControllerInTime(self.member(position))

    def __call__(self, x: npt.ArrayLike) -> Floats:
        """The outputs of every member.

        Raises:
            ValueError: x has the wrong width, dimension or number of members; or the number of samples changed without a reset.
        """
        from genomes.neat.kernels.dynamics import advance_leaky, advance_spiking

        batch = self._wiring._batch(x)
        space, samples = self.space, batch.shape[1]
        spiking, starts = space.dynamics == "spiking", self._state is None
        if self._state is None:
            self._state = np.zeros((3 if spiking else 2, self._wiring._room, samples))
        if self._state.shape[2] != samples:
            raise ValueError(
                f"the networks hold the state of {self._state.shape[2]} samples, got {samples}; call reset() between episodes"
            )
        y = np.empty((len(self), samples, space.outputs))
        step, times = (1.0 if space.dynamics == "leaky" else float(space.time_step)), space.steps_a_call
        if spiking:
            self.threads.run(advance_spiking, len(self), self.networks, batch, y, self._state, step, times, starts)
        else:
            alternating = space.dynamics == "ctrnn_alternating"
            self.threads.run(advance_leaky, len(self), self.networks, batch, y, self._state, step, times, alternating)
        return y


class NetworkInTime(PopulationInTime):
    """One genome as a network in time: maps float [samples, inputs] to float64 [samples, outputs], each sample with a state of its own."""

    def __init__(self, genome: NeatGenome) -> None:
        super().__init__(genome.space, genome.pool)

    def __call__(self, x: npt.ArrayLike) -> Floats:
        if np.ndim(x) != 2:
            raise ValueError(f"x must be [samples, {self.space.inputs}], got an array of shape {np.shape(x)}")
        result: Floats = super().__call__(x)[0]
        return result


class ControllerInTime:
    """One network in time on one observation at a time: float [inputs] to float64 [outputs]."""

    def __init__(self, network: PopulationInTime) -> None:
        self._network = network
        self.reset = network.reset

    def __call__(self, observation: npt.NDArray[Any]) -> Floats:
        result: Floats = self._network(np.asarray(observation, np.float64)[None])[0, 0]
        return result
