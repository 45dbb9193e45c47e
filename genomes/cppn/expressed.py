"""Networks that CPPNs describe: what every substrate's expression gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from genomes.cppn.connective import ConnectiveSubstrate

Floats = npt.NDArray[np.float64]


class Wiring(NamedTuple):
    """One expressed network, node by node: for drawing, export and analysis.

    Attributes:
        coordinates: float64 [nodes, dimension].
        layer: int64 [nodes]: 0 for inputs, the highest number for outputs.
        source, target: int64 [connections], indices of nodes.
        weight: float64 [connections].
        bias: float64 [nodes].
        activation: the name of what hidden nodes compute; output_activation: of the outputs.
    """

    coordinates: Floats
    layer: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: Floats
    bias: Floats
    activation: str
    output_activation: str


def node_groups(wiring: Wiring) -> list[npt.NDArray[np.int64]]:
    """The nodes of a feed-forward network in groups that can be computed one after the other: the inputs, hidden nodes by the length of the
    longest way that leads to them, the outputs.

    Raises:
        ValueError: the connections have a cycle.
    """
    nodes = len(wiring.layer)
    top = int(wiring.layer.max())
    level = np.where(wiring.layer == 0, 0, 1)
    for _ in range(nodes + 1):
        raised = level.copy()
        np.maximum.at(raised, wiring.target, level[wiring.source] + 1)
        if np.array_equal(raised, level):
            break
        level = raised
    else:
        raise ValueError("the connections have a cycle: node groups need a feed-forward network")
    hidden = (wiring.layer > 0) & (wiring.layer < top)
    groups = [np.flatnonzero(wiring.layer == 0)]
    groups += [np.flatnonzero(hidden & (level == number)) for number in np.unique(level[hidden])]
    return [*groups, np.flatnonzero(wiring.layer == top)]


class ExpressedPopulation(ABC):
    """The expressed networks of many CPPNs as one callable.

    `population(x)` maps float [samples, inputs] or [members, samples, inputs] to float64 [members, samples, outputs]. Where the
    substrate is recurrent, each call advances one time step and every member and sample keeps a state; `reset()` clears it.

    Attributes:
        substrate: what was expressed.
    """

    substrate: ConnectiveSubstrate

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _run(self, batch: Floats) -> Floats:
        """Outputs [members, samples, outputs] of a contiguous float64 [members or 1, samples, inputs]."""

    @abstractmethod
    def wiring(self, position: int = 0) -> Wiring:
        """The nodes and connections of one member."""

    @property
    @abstractmethod
    def connections(self) -> npt.NDArray[np.int64]:
        """How many connections each member has: int64 [members]."""

    @property
    @abstractmethod
    def hidden(self) -> npt.NDArray[np.int64]:
        """How many hidden nodes each member has: int64 [members]."""

    @abstractmethod
    def reset(self) -> None:
        """Forget the state of recurrent networks: the next call starts from zeros."""

    @abstractmethod
    def member(self, position: int) -> ExpressedNetwork:
        """One member as a network of its own, with a state of its own."""

    def __call__(self, x: npt.ArrayLike) -> Floats:
        """The outputs of every member.

        Raises:
            ValueError: x has the wrong width, dimension or number of members; or the number of samples changed without a reset.
        """
        batch = np.asarray(x, dtype=np.float64)
        if batch.ndim == 2:
            batch = batch[None]
        inputs = self.substrate.input_count
        if batch.ndim != 3 or batch.shape[2] != inputs or batch.shape[0] not in (1, len(self)):
            raise ValueError(
                f"x must be [samples, {inputs}] or [{len(self)}, samples, {inputs}], one number for each input of the substrate; got an "
                f"array of shape {np.shape(x)}"
            )
        return self._run(np.ascontiguousarray(batch))


class ExpressedNetwork:
    """One expressed network as a callable: maps float [samples, inputs] to float64 [samples, outputs].

    A recurrent one advances one time step a call, every sample with a state of its own; `reset()` clears it.
    """

    def __init__(self, population: ExpressedPopulation) -> None:
        self.population = population

    @property
    def substrate(self) -> ConnectiveSubstrate:
        """What was expressed."""
        return self.population.substrate

    def __call__(self, x: npt.ArrayLike) -> Floats:
        if np.ndim(x) != 2:
            raise ValueError(f"x must be [samples, {self.substrate.input_count}], got an array of shape {np.shape(x)}")
        result: Floats = self.population(x)[0]
        return result

    @property
    def wiring(self) -> Wiring:
        """Nodes and connections."""
        return self.population.wiring(0)

    @property
    def connections(self) -> int:
        """Expressed connections."""
        return int(self.population.connections[0])

    @property
    def hidden(self) -> int:
        """Hidden nodes."""
        return int(self.population.hidden[0])

    def reset(self) -> None:
        """Forget the state of a recurrent network."""
        self.population.reset()

    def __repr__(self) -> str:
        substrate = self.substrate
        return (
            f"<{type(self).__name__} {substrate.input_count} inputs, {self.hidden} hidden nodes, {substrate.output_count} outputs, "
            f"{self.connections} connections>"
        )
