"""A study of fidelities: the same networks trained at each of several, so that one sees where cheap trainings stop ranking as full ones do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genomes.base import Genome, shown
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Fidelity, Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, check_count


@dataclass
class FidelityStudy(Strategy):
    """Train one sample of networks at several fidelities, each time from scratch; nothing is searched for.

    First every network is trained at the reference, then at each of the fidelities, at last (with `again`) at the reference once more, with
    other random numbers: no fidelity can be expected to rank better than a second full training does. A training of n epochs is a run of
    its own, with a learning rate that falls to its end, unless its fidelity names a `schedule`: then it is the first part of a longer one.
    `neuroevo fidelity` says what was found.

    Args:
        fidelities: what is compared, each as `Fidelity.to_dict()` gives it: {"epochs": 5}, {"data": 0.25}, {"epochs": 5, "schedule": 40}.
        networks: how many are drawn at random, where `genomes` gives none.
        reference: what they are compared with; {} is the estimation's full effort.
        again: whether the reference is taken a second time.
        genomes: the networks, as `genome.to_dict()` gives them, or None.

    Raises:
        ValueError: a setting out of its range; at the first `ask`, a genome of another space than the search's.
    """

    fidelities: Sequence[Mapping[str, Any]]
    networks: int = 24
    reference: Mapping[str, Any] | None = None
    again: bool = True
    genomes: Sequence[Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        check_count("networks", self.networks, 2)
        named = [Fidelity.from_dict(each) for each in self.fidelities]
        self._reference = FULL if self.reference is None else Fidelity.from_dict(self.reference)
        if not named:
            raise ValueError("fidelities must name at least one fidelity to compare, such as {'epochs': 5}")
        if len(set(named)) < len(named) or self._reference in named:
            raise ValueError(f"every fidelity is named once, and the reference apart; got {shown(list(self.fidelities))}")
        if any(each.previous is not None for each in [*named, self._reference]):
            raise ValueError("the trainings of a study begin from scratch: a fidelity of it has no 'previous'")
        if self.genomes is not None and len(self.genomes) < 2:
            raise ValueError(f"a ranking needs two networks or more, got {len(self.genomes)} genomes")
        self.steps = (self._reference, *named, *([self._reference] if self.again else []))

    def start(self, search: Search) -> None:
        super().start(search)
        self._individuals: list[Individual] = []

    @property
    def living(self) -> Sequence[Individual]:
        return self._individuals

    @property
    def full(self) -> Fidelity | None:
        return None if self._reference == FULL else self._reference

    def needs(self) -> Collection[tuple[int, str]]:
        """Nothing: every training begins from scratch."""
        return ()

    def ask(self) -> Sequence[Trial]:
        if self.generation >= len(self.steps):
            return []
        if self.generation == 0:
            self._individuals = self._first()
        return [self.search.trial(one, fidelity=self.steps[self.generation]) for one in self._individuals]

    def tell(self, results: Sequence[Result]) -> None:
        self.generation += 1

    def state(self) -> State:
        return State({"generation": self.generation, "individuals": [one.id for one in self._individuals]})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._individuals = [individuals(id) for id in state.json["individuals"]]

    def settings(self) -> dict[str, Any]:
        return {
            "strategy": "FidelityStudy",
            "networks": self.networks,
            "fidelities": [dict(each) for each in self.fidelities],
            "reference": None if self.reference is None else dict(self.reference),
            "again": self.again,
            "genomes": None if self.genomes is None else [dict(each) for each in self.genomes],
        }

    def _first(self) -> list[Individual]:
        if self.genomes is None:
            return Breeding(self.search, "key").first(self.networks)
        found = [Genome.from_dict(dict(each)) for each in self.genomes]
        if any(genome.space != self.search.space for genome in found):
            raise ValueError("the genomes of a study are of the search's space; make them with the same settings")
        return [self.search.individual(self.search.reserve(), genome, operators=("given",)) for genome in found]
