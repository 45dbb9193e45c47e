"""Random search: the baseline that every other strategy must beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Deduplicate, check, check_count


@dataclass
class RandomSearch(Strategy):
    """Random genomes, independent of each other (Bergstra & Bengio 2012). The baseline of every comparison.

    Args:
        batch: genomes of one generation; what is drawn does not depend on it.
        deduplicate: "none", "genome" (never the same genes twice) or "key" (never two isomorphic genomes).

    Raises:
        ValueError: a setting out of its range.
    """

    screens: ClassVar[bool] = True
    batch: int = 20
    deduplicate: Deduplicate = "none"

    def __post_init__(self) -> None:
        check_count("batch", self.batch)
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate)

    def ask(self) -> Sequence[Trial]:
        return [self.search.trial(individual) for individual in self._breeding.first(self.batch, self.generation)]

    def steady_state(self) -> Strategy:
        """Random genomes wait for nobody."""
        return replace(self)

    def tell(self, results: Sequence[Result]) -> None:
        self.generation += 1

    def state(self) -> State:
        return State({"generation": self.generation}, self._breeding.arrays())

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        return ()
