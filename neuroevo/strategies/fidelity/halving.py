"""Successive halving and Hyperband: whole brackets, rung by rung."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from genomes.base import shown
from neuroevo.core.individual import DONE, STOPPED, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import CHECKPOINT, Artifact, Fidelity, Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.fidelity.proposals import AsOf, Proposals, Proposing
from neuroevo.strategies.fidelity.rungs import (
    Bracket,
    Schedule,
    best_first,
    check_rungs,
    fidelity,
    going_on,
    halving,
    hyperband,
    left_checkpoint,
    rungs_of,
)

Told = Literal["highest", "last"]


class Brackets(Proposing):
    """What successive halving and Hyperband share: brackets one after the other, each of them rung by rung."""

    eta: int
    first: int
    schedule: Schedule
    told: Told | None

    def __post_init__(self) -> None:
        check_rungs(self.eta, self.first, self.schedule)
        if self.told is not None:
            check("told", self.told, ("highest", "last"))
        self._settle_proposals()

    @abstractmethod
    def brackets(self) -> list[Bracket]:
        """The brackets of a cycle, in their order."""

    @property
    def full(self) -> Fidelity:
        return Fidelity(self._maximum)

    @property
    def _maximum(self) -> int:
        return max(bracket.epochs[-1] for bracket in self.brackets())

    def start(self, search: Search) -> None:
        super().start(search)
        self._cycle, self._last_rung = self.brackets(), self._maximum
        self._proposals = Proposals(self._proposing, search, self._as_told)
        self._number = self._rung = 0
        self._members: list[Individual] = []  # of the bracket, as they were proposed
        self._going_on: list[Individual] = []  # to its next rung
        self._left: set[int] = set()  # the trials that left a checkpoint, of the last rung
        self._sizes: list[int] = []  # that its rungs had
        self._last: dict[str, Any] = {}
        self.generation = 0

    @property
    def _bracket(self) -> Bracket:
        return self._cycle[self._number % len(self._cycle)]

    def ask(self) -> Sequence[Trial]:
        if self._rung:
            return [self._trial(one, one.trial if one.trial in self._left else None) for one in self._going_on]
        drawn = self._proposals.draw(self._bracket.candidates[0])
        self._members = [one.individual for one in drawn]
        return [self._trial(one.individual, None, one.artifacts, one.options) for one in drawn]

    def _trial(
        self, one: Individual, previous: int | None, artifacts: Sequence[Artifact] = (), options: Mapping[str, Any] | None = None
    ) -> Trial:
        epochs = self._bracket.epochs
        leaves = (CHECKPOINT,) if self._rung < len(epochs) - 1 else ()
        way = fidelity(epochs[self._rung], self._last_rung, self.schedule, previous)
        return self.search.trial(one, fidelity=way, artifacts=artifacts, leaves=leaves, options=options)

    def tell(self, results: Sequence[Result]) -> None:
        ranked = best_first([result.individuals[0] for result in results])
        self._sizes.append(len(results))
        self._left = {result.trial.id for result in results if left_checkpoint(result)}
        self._rung += 1
        self._going_on = ranked[: going_on(len(results), self.eta)]
        if self._rung == len(self._bracket.epochs) or not self._going_on:
            self._complete()

    def _complete(self) -> None:
        """The bracket is over: whatever its candidates reached is what they are worth."""
        for one in self._members:
            self._proposals.tell(one)
        self._last = {"bracket": self._bracket.number, "candidates": len(self._members), "rungs": self._sizes}
        self._number += 1
        self._rung, self._members, self._going_on, self._sizes, self._left = 0, [], [], [], set()
        self.generation += 1

    def _as_told(self, individual: Individual) -> Individual:
        """A candidate as the proposing strategy sees it."""
        told = self.told or ("last" if self._proposing.models_scores else "highest")
        reached = individual.fidelity is not None and individual.fidelity.reaches(self.full)
        if told == "highest" or reached or individual.status != DONE:
            return individual
        return AsOf.of(individual, STOPPED, "it did not reach the last rung")

    @property
    def living(self) -> Sequence[Individual]:
        return [*self._proposals.living, *self._going_on]

    def champions(self) -> Sequence[Individual]:
        """Everybody whom the proposing strategy is still told of."""
        return [*self._members, *self._proposals.champions()]

    def needs(self) -> Collection[tuple[int, str]]:
        checkpoints = [(one.trial, CHECKPOINT) for one in self._going_on if one.trial is not None and one.trial in self._left]
        heirs = self._members if self.inheritance != "none" else []  # who may become a parent when the bracket is over
        weights = [one.artifact.name for one in heirs if one.artifact is not None]
        return [*self._proposals.needs(), *checkpoints, *weights]

    def state(self) -> State:
        proposals = self._proposals.state()
        json = {
            "generation": self.generation,
            "number": self._number,
            "rung": self._rung,
            "members": [one.id for one in self._members],
            "going_on": [one.id for one in self._going_on],
            "left": sorted(self._left),
            "sizes": self._sizes,
            "last": self._last,
            "proposals": proposals.json,
        }
        return State(json, proposals.arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation, self._number, self._rung = known["generation"], known["number"], known["rung"]
        self._members = [individuals(id) for id in known["members"]]
        self._going_on = [individuals(id) for id in known["going_on"]]
        self._left, self._sizes, self._last = set(known["left"]), list(known["sizes"]), dict(known["last"])
        self._proposals.restore(State(known["proposals"], state.arrays), individuals)

    def report(self) -> dict[str, Any]:
        """Of the last bracket: how many times it halves, its candidates, and how many were at each rung."""
        return self._last


@dataclass
class SuccessiveHalving(Brackets):
    """Successive halving (Jamieson & Talwalkar 2016): all candidates are trained a little, the best of them go on from where they stand.

    After each rung the best 1 / `eta` of its candidates go on to the next, which trains them `eta` times as long in all: by their score, with
    several objectives by non-dominated rank, then by crowding. What failed or was stopped does not go on. A run has brackets one after the
    other. Only those of the last rung are on the front. A run gives the same with any number of workers. An estimation that leaves no
    checkpoints begins each rung anew.

    Candidates are proposed by another strategy, whose parts, inheritance and toolbox entries are then those of the search. It is told of all
    candidates of a bracket when the bracket is over.

    Args:
        candidates: a bracket begins with.
        eta: one in so many goes on to the next rung.
        first: epochs of the first rung.
        rungs: how many; None: until one candidate is left.
        proposals: the strategy that proposes candidates, or its name; None: random search. One that works in whole generations only, or
            chooses fidelities itself, does not do.
        schedule: epochs that the learning rate's schedule is spread over: those of the last rung ("whole"), so that a training that goes on is
            one long training; or those of each rung ("rung"), so that what is compared was trained to the end of a schedule, and a training
            that goes on begins the next one where its share of that is done.
        told: what the proposing strategy is told of a candidate: its fitness at the "highest" rung that it reached; or with "last" the same, and
            of those that did not reach the last rung that they were stopped, so that they are not learned from. None: "last" for a strategy
            that fits a model to the scores (`Bayesian`), which those after one epoch would mislead about those after many.

    Raises:
        ValueError: a setting out of its range.
        TypeError: `proposals` is no strategy.
    """

    candidates: int = 27
    eta: int = 3
    first: int = 1
    rungs: int | None = None
    proposals: Strategy | str | None = None
    schedule: Schedule = "whole"
    told: Told | None = None

    def __post_init__(self) -> None:
        check_count("candidates", self.candidates)
        if self.rungs is not None:
            check_count("rungs", self.rungs)
        super().__post_init__()

    def brackets(self) -> list[Bracket]:
        count = self.rungs or rungs_of(self.candidates, self.eta)
        return [halving(self.candidates, self.eta, [self.first * self.eta**rung for rung in range(count)])]


@dataclass
class Hyperband(Brackets):
    """Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar 2018): successive halving, with many candidates that are trained a little at
    first, then with fewer that are trained longer from the beginning, since nobody knows how early scores can be trusted.

    Its brackets take about as many epochs each; after the last one they begin again. See `SuccessiveHalving` for the rungs and for how
    candidates are proposed. With `proposals=Bayesian()` the candidates are model-based, as in BOHB (Falkner, Klein & Hutter 2018), but the model
    learns the last rung's scores alone; with `RegularizedEvolution()` they are children of those of earlier brackets.

    Args:
        eta: one in so many goes on to the next rung.
        first: epochs of the first rung of the first bracket, at least.
        maximum: epochs of every last rung; best `first` times a power of `eta`.
        proposals, schedule, told: as for `SuccessiveHalving`.

    Raises:
        ValueError: a setting out of its range.
        TypeError: `proposals` is no strategy.
    """

    eta: int = 3
    first: int = 1
    maximum: int = 27
    proposals: Strategy | str | None = None
    schedule: Schedule = "whole"
    told: Told | None = None

    def __post_init__(self) -> None:
        check_count("maximum", self.maximum)
        super().__post_init__()
        if self.maximum < self.first:
            raise ValueError(
                f"maximum must be >= first, the epochs of the first rung; got {shown(self.maximum)} and {self.first}"
            )

    def brackets(self) -> list[Bracket]:
        return hyperband(self.eta, self.first, self.maximum)
