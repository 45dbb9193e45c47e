"""Proposals: the candidates of a strategy inside another one, and what it is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import FAILED, STOPPED, Individual
from neuroevo.core.registry import part_from_text
from neuroevo.core.state import State
from neuroevo.core.trial import Artifact, Evaluation, Measurement, Result, Trial
from neuroevo.strategies.base import Search, Strategy

PREFIX = "proposals."  # before the names of the arrays that the proposing strategy remembers


class Apart(Search):
    """A search as the proposing strategy sees it: births are the run's own, trials are numbered apart, since a candidate may wait for its first
    one."""

    def __init__(self, search: Search) -> None:
        super().__init__(search.space, search.task, search.seed, search.toolbox)
        self._search = search
        self.find_artifact = self._found

    def _found(self, trial: int, kind: str) -> Artifact | None:
        return None if self._search.find_artifact is None else self._search.find_artifact(trial, kind)

    def reserve(self, count: int = 1) -> int:
        return self._search.reserve(count)

    def trial(self, *arguments: Any, **named: Any) -> Trial:
        made = super().trial(*arguments, **named)
        for individual in made.individuals:
            individual.asked -= 1  # it is asked for when its first rung is
        return made


class AsOf(Individual):
    """An individual as one of its evaluations scored it, whatever later ones do; with the weights that it has now."""

    __slots__ = ("_original",)

    def __init__(self, original: Individual, evaluation: Evaluation) -> None:
        self._original = original
        super().__init__(
            original.id, original.genome, original.fitness.weights, names=original.names, parents=original.parents,
            operators=original.operators, generation=original.generation, limits=original.fitness.limits,
        )  # fmt: skip
        self.asked = original.asked
        self.take(evaluation)

    @classmethod
    def of(cls, individual: Individual, status: str | None = None, reason: str = "") -> AsOf:
        """As it is now, with another status where one is given."""
        assert individual.trial is not None and individual.fidelity is not None
        return cls(
            individual,
            Evaluation(
                individual.id, individual.trial, individual.fitness.values, status or individual.status, reason or individual.reason,
                fidelity=individual.fidelity,
            ),
        )  # fmt: skip

    @property
    def artifact(self) -> Artifact | None:
        return self._original.artifact

    @artifact.setter
    def artifact(self, artifact: Artifact | None) -> None:
        """What training leaves is the original's."""


class Proposal(NamedTuple):
    """A candidate that nobody evaluated yet.

    Args:
        individual: the candidate.
        artifacts: what its first trial starts from.
        options: of that trial.
    """

    individual: Individual
    artifacts: tuple[Artifact, ...]
    options: Mapping[str, Any]


class Proposals:
    """Candidates of a strategy that is asked for one when one is needed, and told of each once, when the strategy around it knows what it is
    worth. The strategy works in its steady state: several candidates may be under way.

    What is saved is the strategy's own state when nothing of it was under way, and in which order it was asked and told since then; with that
    it is asked again and told again.

    Args:
        strategy: what proposes; a fresh one of its settings works.
        search: of the strategy around it.
        as_told: an individual as the proposing strategy is to see it; for one that was told of before the same again.

    Raises:
        ValueError: the strategy has no steady state, or it chooses fidelities itself.
    """

    def __init__(self, strategy: Strategy, search: Search, as_told: Callable[[Individual], Individual]) -> None:
        self.strategy = strategy.steady_state()
        self._search, self._births, self._as_told = Apart(search), search, as_told
        self.strategy.start(self._search)
        self._trials: dict[int, Trial] = {}  # asked for and not told of, by individual
        self._waiting: deque[int] = deque()  # individuals of these that nobody took yet
        self._artifacts: dict[int, list[tuple[int, str]]] = {}  # what those start from
        self._saved: State | None = None  # of the strategy when the log begins; None: it was not asked for anything
        self._begin_log()

    def _begin_log(self) -> None:
        self._from = (self._search.next_trial, self.strategy.generation, self.strategy.counts_itself)
        self._asks: list[tuple[int, list[Individual]]] = []  # the first birth of each ask, and whom it was told of before
        self._told: list[Individual] = []  # and since the last
        self._taken = 0

    def next(self) -> Proposal | None:
        """The next candidate; None where there is none now."""
        if not self._waiting:
            self._ask()
        if not self._waiting:
            return None
        id = self._waiting.popleft()
        self._taken += 1
        found = (self._search._found(*name) for name in self._artifacts.pop(id))
        trial = self._trials[id]
        return Proposal(trial.individuals[0], tuple(one for one in found if one is not None), trial.options)

    def draw(self, count: int) -> list[Proposal]:
        """Up to so many candidates."""
        drawn: list[Proposal] = []
        while len(drawn) < count and (one := self.next()) is not None:
            drawn.append(one)
        return drawn

    def tell(self, individual: Individual) -> None:
        """What became of a candidate."""
        trial, seen = self._trials.pop(individual.id), self._as_told(individual)
        self.strategy.tell([Result(replace(trial, individuals=(seen,)), _measured(seen))])
        self.strategy.count_tell()
        self._told.append(individual)

    def _ask(self) -> None:
        if self._asks and not self._trials and self.strategy.settled:  # nothing of it is under way: its state says all
            with suppress(NotImplementedError):  # then it is asked again from the beginning
                self._saved = self.strategy.state()
                self._begin_log()
        self._ask_on()

    def _ask_on(self) -> None:
        self._asks.append((self._births.next_id, self._told))
        self._told = []
        self._take(self.strategy.ask())

    def _take(self, trials: Sequence[Trial]) -> None:
        for trial in sorted(trials, key=lambda trial: trial.id):
            self._refuse(trial)
            id = trial.individuals[0].id
            self._trials[id] = trial
            self._artifacts[id] = [artifact.name for artifact in trial.artifacts]
            self._waiting.append(id)

    def _refuse(self, trial: Trial) -> None:
        """Refuse what is no candidate.

        Raises:
            ValueError: the trial is not of one new individual, or names a fidelity.
        """
        name = type(self.strategy).__name__
        if len(trial.individuals) != 1 or trial.job != "evaluate" or not trial.fidelity.unnamed:
            raise ValueError(
                f"candidates are proposed by a strategy whose trials evaluate one individual each and name no fidelity, such as RandomSearch(); "
                f"{name} asks for {len(trial.individuals)} individuals, job {shown(trial.job)}, fidelity {trial.fidelity.to_dict()}"
            )
        (individual,) = trial.individuals
        if individual.id in self._trials or individual.trial is not None:
            raise ValueError(
                f"{name} asks for individual {individual.id} again: give proposals a strategy that asks for each candidate once, such as "
                "RegularizedEvolution()"
            )

    @property
    def living(self) -> Sequence[Individual]:
        return self.strategy.living

    def champions(self) -> list[Individual]:
        """Everybody whom a restored strategy is told of again, and its own champions."""
        return [*[one for _, told in self._asks for one in told], *self._told, *self.strategy.champions()]

    def needs(self) -> Collection[tuple[int, str]]:
        """The artifacts that those who wait, and who come after them, may start from."""
        return [*self.strategy.needs(), *[name for names in self._artifacts.values() for name in names]]

    def state(self) -> State:
        trials, generation, counts = self._from
        json: dict[str, Any] = {
            "trials": trials,
            "generation": generation,
            "counts": counts,
            "saved": None if self._saved is None else self._saved.json,
            "asks": [[first, [one.id for one in told]] for first, told in self._asks],
            "told": [one.id for one in self._told],
            "taken": self._taken,
            "artifacts": [[list(name) for name in self._artifacts[id]] for id in self._waiting],
        }
        arrays: Mapping[str, npt.NDArray[Any]] = {} if self._saved is None else self._saved.arrays
        return State(json, {PREFIX + name: array for name, array in arrays.items()})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        """Go on from a state.

        Raises:
            ValueError: asked again, the strategy proposes others.
        """
        json, births = state.json, self._births.next_id
        if json["saved"] is not None:
            arrays = {name.removeprefix(PREFIX): array for name, array in state.arrays.items() if name.startswith(PREFIX)}
            self._saved = State(json["saved"], arrays)
            self.strategy.restore(self._saved, lambda id: self._as_told(individuals(id)))
            if not json["counts"]:
                self.strategy.generation = json["generation"]
            self.strategy.counts_itself = json["counts"]
        self._search.next_trial = json["trials"]
        self._begin_log()
        for first, told in json["asks"]:
            self._tell_again(told, individuals)
            self._births.next_id = first
            self._ask_on()
            while self._waiting and self._taken < json["taken"]:
                self._take_again(individuals)
        self._tell_again(json["told"], individuals)
        self._births.next_id = births
        if self._taken != json["taken"] or len(self._waiting) != len(json["artifacts"]):
            raise ValueError(self._differs(f"{len(self._waiting)} wait instead of {len(json['artifacts'])}"))
        for id, names in zip(self._waiting, json["artifacts"], strict=True):
            self._artifacts[id] = [(int(trial), str(kind)) for trial, kind in names]

    def _tell_again(self, ids: Sequence[int], individuals: Callable[[int], Individual]) -> None:
        for id in ids:
            self.tell(individuals(id))

    def _take_again(self, individuals: Callable[[int], Individual]) -> None:
        id = self._waiting.popleft()
        self._taken += 1
        del self._artifacts[id]
        known = individuals(id)
        if known.genome.genes() != self._trials[id].individuals[0].genome.genes():
            raise ValueError(self._differs(f"individual {id} is another"))
        self._trials[id] = replace(self._trials[id], individuals=(known,))

    def _differs(self, how: str) -> str:
        return f"asked again, {type(self.strategy).__name__} proposes other candidates ({how}): the code that varies genomes has changed since"


class Proposing(Strategy):
    """A strategy around another one, which proposes the candidates: `proposals`, made of its name by `proposing`."""

    proposals: Strategy | str | None

    @property
    def toolbox_entries(self) -> tuple[str, ...]:  # type: ignore[override]
        return self._proposing.toolbox_entries

    @property
    def _proposing(self) -> Strategy:
        assert isinstance(self.proposals, Strategy)
        return self.proposals

    def _settle_proposals(self) -> None:
        """Make the proposing strategy of what was given; children inherit as it says."""
        self.proposals = proposing(self.proposals)
        self.inheritance = self.proposals.inheritance


def proposing(strategy: Any) -> Strategy:
    """The strategy that is meant: of a text, what it describes ("regularized_evolution", "Nsga2(population=12)"); of None, random search.

    Raises:
        TypeError: neither a strategy, nor a text, nor None.
        ValueError: a text that describes no strategy, or a strategy that cannot propose.
    """
    if strategy is None:
        from neuroevo.strategies.random_search import RandomSearch

        strategy = RandomSearch()
    if isinstance(strategy, str):
        strategy = part_from_text("strategy", strategy, "regularized_evolution or Nsga2(population=12)")
    if not isinstance(strategy, Strategy):
        raise TypeError(
            f"proposals must be a strategy such as RegularizedEvolution(), its name, or None for random search; got {shown(strategy)}"
        )
    if strategy.full is not None:
        raise ValueError(
            f"proposals must leave fidelities to the strategy around it; {type(strategy).__name__} chooses them itself"
        )
    try:
        strategy.steady_state()
    except ValueError:
        raise ValueError(
            f"proposals must be a strategy that proposes while earlier candidates are under way, such as RandomSearch(), RegularizedEvolution(), "
            f"Nsga2() or Bayesian(); {type(strategy).__name__} works in whole generations only"
        ) from None
    return strategy


def _measured(individual: Individual) -> Measurement:
    """What it would have been measured as."""
    values = np.array([individual.fitness.values], np.float64)
    return Measurement(
        values,
        {0: individual.reason} if individual.status == FAILED else {},
        (dict(individual.info),) if individual.info else (),
        stopped={0: individual.reason} if individual.status == STOPPED else {},
    )
