"""ASHA: successive halving that waits for nobody."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import CHECKPOINT, STATUSES, Evaluation, Fidelity, Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import check_count
from neuroevo.strategies.fidelity.proposals import AsOf, Proposals, Proposing
from neuroevo.strategies.fidelity.rungs import Schedule, best_first, check_rungs, fidelity, left_checkpoint


@dataclass
class Asha(Proposing):
    """ASHA, asynchronous successive halving (Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht & Talwalkar 2020, algorithm 2).

    Whenever something is to be done, the best candidate of the highest rung possible goes on that is among the best 1 / `eta` of those which
    came through the rung so far and has not gone on; where there is none, a new candidate begins at the first rung. So nobody waits for
    a rung to be complete, and candidates go on that a complete rung would not have let go. Who is best is decided as in
    `SuccessiveHalving`. Made for `schedule="asynchronous"`; in the synchronous one `batch` trials are chosen side by side, and a run gives the
    same with any number of workers.

    The proposing strategy is told of each candidate once, with what its first rung found: at that all of them are compared alike. Checkpoints
    of all that may still go on are kept. An estimation that leaves no checkpoints begins each rung anew.

    Args:
        eta: one in so many goes on to the next rung.
        first: epochs of the first rung.
        rungs: how many.
        proposals: the strategy that proposes candidates, or its name; None: random search. One that works in whole generations only, or
            chooses fidelities itself, does not do.
        schedule: epochs that the learning rate's schedule is spread over, "whole" or "rung": as for `SuccessiveHalving`.
        batch: trials asked for side by side; in the asynchronous schedule only at the beginning, so at least as many as there are workers.

    Raises:
        ValueError: a setting out of its range.
        TypeError: `proposals` is no strategy.
    """

    eta: int = 3
    first: int = 1
    rungs: int = 4
    proposals: Strategy | str | None = None
    schedule: Schedule = "whole"
    batch: int = 9

    def __post_init__(self) -> None:
        check_rungs(self.eta, self.first, self.schedule)
        check_count("rungs", self.rungs)
        check_count("batch", self.batch)
        self._settle_proposals()
        self._steady = False

    @property
    def full(self) -> Fidelity:
        return Fidelity(self._epochs(self.rungs - 1))

    def _epochs(self, rung: int) -> int:
        return int(self.first * self.eta**rung)

    def start(self, search: Search) -> None:
        super().start(search)
        self._rungs: list[list[AsOf]] = [[] for _ in range(self.rungs)]  # who came through each, as it found them
        self._promoted: list[set[int]] = [set() for _ in range(self.rungs)]
        self._first: dict[int, AsOf] = {}  # of the first rung, by id
        self._everyone: dict[int, Individual] = {}
        self._left: set[int] = set()  # the trials that left a checkpoint
        self._proposals = Proposals(self._proposing, search, lambda individual: self._first[individual.id])
        self._asked = False
        self.generation = 0

    def steady_state(self) -> Strategy:
        """The paper's own schedule: each worker that is free continues a candidate or begins one."""
        fresh = replace(self)
        fresh._steady = True
        return fresh

    def ask(self) -> Sequence[Trial]:
        count = 1 if self._steady and self._asked else self.batch
        self._asked = True
        trials: list[Trial] = []
        while len(trials) < count and (trial := self._promotion() or self._beginning()) is not None:
            trials.append(trial)
        return trials

    def _promotion(self) -> Trial | None:
        """The next rung of the best candidate that may go on, from the highest rung possible."""
        for rung in reversed(range(self.rungs - 1)):
            for one in best_first(self._rungs[rung])[: len(self._rungs[rung]) // self.eta]:
                if one.id not in self._promoted[rung]:
                    self._promoted[rung].add(one.id)
                    previous = one.trial if one.trial in self._left else None
                    way = fidelity(self._epochs(rung + 1), self._epochs(self.rungs - 1), self.schedule, previous)
                    return self.search.trial(self._everyone[one.id], fidelity=way, leaves=self._leaves(rung + 1))
        return None

    def _beginning(self) -> Trial | None:
        """The first rung of a new candidate."""
        found = self._proposals.next()
        if found is None:
            return None
        way = fidelity(self._epochs(0), self._epochs(self.rungs - 1), self.schedule, None)
        return self.search.trial(
            found.individual, fidelity=way, artifacts=found.artifacts, leaves=self._leaves(0), options=found.options
        )

    def _leaves(self, rung: int) -> tuple[str, ...]:
        return (CHECKPOINT,) if rung < self.rungs - 1 else ()

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            (one,) = result.individuals
            rung = next(rung for rung in range(self.rungs) if self._epochs(rung) == result.trial.fidelity.epochs)
            self._came_through(rung, one, AsOf.of(one), left_checkpoint(result))
            if rung == 0:
                self._proposals.tell(one)
        self.generation += 1

    def _came_through(self, rung: int, one: Individual, then: AsOf, left: bool) -> None:
        self._rungs[rung].append(then)
        self._everyone[one.id] = one
        if left and then.trial is not None:
            self._left.add(then.trial)
        if rung == 0:
            self._first[one.id] = then

    def _may_go_on(self) -> list[AsOf]:
        """Those that may still go on to the next rung."""
        below = zip(self._rungs[:-1], self._promoted[:-1], strict=True)
        return [one for rung, promoted in below for one in rung if one.status == DONE and one.id not in promoted]

    @property
    def living(self) -> Sequence[Individual]:
        return [*self._proposals.living, *[self._everyone[one.id] for one in self._may_go_on()]]

    def champions(self) -> Sequence[Individual]:
        """Everybody: the scores that a rung found decide who else goes on."""
        return [*self._everyone.values(), *self._proposals.champions()]

    def needs(self) -> Collection[tuple[int, str]]:
        going_on = [(one.trial, CHECKPOINT) for one in self._may_go_on() if one.trial is not None and one.trial in self._left]
        return [*self._proposals.needs(), *going_on]

    def state(self) -> State:
        proposals = self._proposals.state()
        entries = [(rung, one) for rung, found in enumerate(self._rungs) for one in found]
        rows = [
            (rung, one.id, one.trial, STATUSES.index(one.status), one.id in self._promoted[rung], one.trial in self._left)
            for rung, one in entries
        ]
        objectives = len(self.search.objectives)
        arrays: dict[str, npt.NDArray[Any]] = {
            "rungs": np.array(rows, np.int64).reshape(-1, 6),
            "values": np.array([one.fitness.values for _, one in entries], np.float64).reshape(-1, objectives),
        }
        json = {
            "generation": self.generation,
            "asked": self._asked,
            "reasons": {str(row): one.reason for row, (_, one) in enumerate(entries) if one.reason},
            "proposals": proposals.json,
        }
        return State(json, {**arrays, **proposals.arrays})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation, self._asked = state.json["generation"], state.json["asked"]
        rows = zip(state.arrays["rungs"].tolist(), state.arrays["values"].tolist(), strict=True)
        for row, ((rung, id, trial, status, promoted, left), values) in enumerate(rows):
            one = individuals(id)
            reason = state.json["reasons"].get(str(row), "")
            found = Evaluation(id, trial, tuple(values), STATUSES[status], reason, fidelity=Fidelity(self._epochs(rung)))
            self._came_through(rung, one, AsOf(one, found), bool(left))
            if promoted:
                self._promoted[rung].add(id)
        self._proposals.restore(State(state.json["proposals"], state.arrays), individuals)

    def report(self) -> dict[str, Any]:
        """How many came through each rung."""
        return {"rungs": [len(rung) for rung in self._rungs]}
