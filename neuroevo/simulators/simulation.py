"""What simulations that play a whole population of NEAT networks in one compiled call have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.neat.network import PopulationNetwork
from neuroevo.tasks.base import Context, Task

Floats = npt.NDArray[np.float64]
Played = TypeVar("Played")


def networks_of(task: Any, network: Any) -> PopulationNetwork:
    """The networks that a task simulates: these, or that of one genome.

    Args:
        task: with `inputs` and `outputs`.

    Raises:
        ValueError: not the networks of NEAT genomes, or with the wrong number of inputs or outputs.
    """
    network = task.phenotype(network) if isinstance(network, Genome) else network
    if not isinstance(network, PopulationNetwork):
        raise ValueError(f"{type(task).__name__} simulates the networks of NEAT genomes, got {type(network).__name__}")
    if (network.space.inputs, network.space.outputs) != (task.inputs, task.outputs):
        raise ValueError(
            f"{type(task).__name__} needs networks with {task.inputs} inputs and {task.outputs} output{'s' * (task.outputs > 1)}, "
            f"got {network.space.inputs} and {network.space.outputs}"
        )
    return network


class Described(Task, Generic[Played]):
    """A simulation with descriptors: what networks do is found out once for their scores and their descriptors. Subclass with `play`,
    `scores_of` and `descriptors_of`."""

    population = True
    _last: tuple[PopulationNetwork, Played] | None = None

    @abstractmethod
    def play(self, network: Any) -> Played:
        """What these networks (or that of one genome) do."""

    @abstractmethod
    def scores_of(self, played: Played) -> Mapping[str, Floats]:
        """Of what networks did: float64 [members] of each objective that is offered."""

    @abstractmethod
    def descriptors_of(self, played: Played) -> Floats:
        """Of what networks did: float64 [members, d]."""

    def score_population(self, network: PopulationNetwork, context: Context) -> Mapping[str, Floats]:
        self._last = network, self.play(network)  # kept until their descriptors are asked for
        return self.scores_of(self._last[1])

    def descriptors_population(self, population: PopulationNetwork, context: Context) -> Floats:
        last, self._last = self._last, None
        return self.descriptors_of(last[1] if last is not None and last[0] is population else self.play(population))

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        return {name: float(values[0]) for name, values in self.score_population(phenotype, context).items()}

    def descriptors(self, phenotype: Any, context: Context) -> Floats:
        found: Floats = self.descriptors_population(phenotype, context)[0]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}
