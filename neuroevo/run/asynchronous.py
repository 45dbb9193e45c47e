"""The asynchronous schedule: a worker that is free gets the next child at once (steady state), for candidates of very different cost.

What decides such a search beside the seed is the order in which evaluations are completed, and how many the strategy had been told of
at each ask. Both are recorded. A resumed search, and a replay, goes through them again: births depend on the seed, the ids and what
was told, so the same order gives the same search.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from neuroevo.core.trial import Result, Trial
from neuroevo.run.batch import Found
from neuroevo.run.budget import Budget
from neuroevo.run.loop import Loop, refuse_missing_artifacts, refuse_universal_failure
from neuroevo.store import Ask, Store, StoreError
from neuroevo.strategies.base import Strategy


@dataclass
class Order:
    """The recorded course of an asynchronous search.

    Args:
        asks: when the strategy was asked for more.
        completions: ids of trials in the order in which they were completed.
    """

    asks: deque[Ask] = field(default_factory=deque)
    completions: deque[int] = field(default_factory=deque)

    @classmethod
    def of(cls, store: Store) -> Order:
        """The order that a run recorded."""
        return cls(deque(store.asks()), deque(store.completions()))

    def begins(self, other: Order) -> bool:
        """Whether the other order goes on from this one."""
        asks, completions = list(other.asks)[: len(self.asks)], list(other.completions)[: len(self.completions)]
        return list(self.asks) == asks and list(self.completions) == completions


class AsynchronousLoop(Loop):
    """Drives a strategy in its steady state; `neuroevo.evolve(schedule="asynchronous")` makes it.

    A generation is as many completions as the first ask gave trials. The run ends as soon as a target is reached; at other limits, the
    trials in flight are finished.
    """

    def __init__(self, *arguments: Any, order: Order | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.order = order or Order()
        self._pending: dict[int, Trial] = {}  # asked, not completed; in order of birth
        self._queue: deque[int] = deque()  # pending and not submitted
        self._early: dict[int, Result] = {}  # completed before their recorded turn
        self._told = self._asks = self._size = self._in_flight = 0
        self._fruitless_ask = False  # the last ask gave nothing, and nothing was told since
        self._improved = False
        self._first: list[Result] = []

    def _until_the_end(self) -> str:
        while True:
            ended = self._spent_after_generation()
            if ended == "target" and not self.order.completions:
                return ended
            while self._ask_is_due(ended):
                self._ask_for_more()
                if not self.order.completions:
                    self._submit(None, ended)
            result = self._next_result(ended)
            if result is None:
                return ended or "exhausted"
            self._complete(*result)

    # Ask ----------------------------------------------------------------------------------------------------------------------

    def _ask_is_due(self, ended: str) -> bool:
        if self.order.asks:
            return self.order.asks[0].told == self._told
        if self.order.completions or ended or self._queue or self._fruitless_ask or self._spent_before_trial():
            return False
        return self._asks == 0 or (self._told > 0 and self._in_flight < self.evaluator.capacity)

    def _ask_for_more(self) -> None:
        first = self.search.next_id
        asked = [
            replace(trial, separable=False) if trial.separable else trial for trial in self._ask()
        ]  # each goes to one worker
        if self.order.asks:
            self._check(self.order.asks.popleft(), Ask(self._asks, self._told, first, len(asked)))
        if self.store is not None:
            self.store.asked(Ask(self._asks, self._told, first, len(asked)))
        trials, answers = self._split(asked)
        self._asks += 1
        self._size = self._size or len(asked)
        self._fruitless_ask = not asked
        self._pending.update((trial.id, trial) for trial in trials)
        self._queue.extend(trial.id for trial in trials)
        for answer in answers:  # predicted: completed at once
            self._tell_one(answer)
            self._end_generation_when_due()

    def _check(self, recorded: Ask, made: Ask) -> None:
        if recorded != made:
            raise StoreError(
                f"the recorded order of this search cannot be followed: ask {recorded.number} gave {recorded.born} births from id "
                f"{recorded.first} on, now {made.born} from {made.first}; the code that varies genomes has changed since, or the "
                "record is damaged: start a new run in another folder"
            )

    # Complete -----------------------------------------------------------------------------------------------------------------

    def _next_result(self, ended: str) -> tuple[Result, list[Found]] | None:
        """The next completion: the recorded one, or whichever comes; None when nothing is left to wait for."""
        wanted = self.order.completions.popleft() if self.order.completions else None
        if wanted is not None and wanted not in self._pending:
            raise StoreError(
                f"the record says that trial {wanted} was completed, but it was not yet asked for: the record is damaged"
            )
        if wanted is not None and (recalled := self._recalled(wanted)) is not None:
            return recalled
        while True:
            if wanted is not None and wanted in self._early:
                return self._applied(self._early.pop(wanted))
            if wanted is None and self._early:
                return self._applied(self._early.pop(next(iter(self._early))))
            self._submit(wanted, ended)
            if self._in_flight == 0:
                return None
            result = next(iter(self.evaluator.as_completed()))
            self._in_flight -= 1
            self._early[result.trial.id] = result

    def _applied(self, result: Result) -> tuple[Result, list[Found]]:
        result, evaluations = self._apply(result)
        self._submitted -= len(result.individuals)
        self._epochs_ahead -= self._cost(result.trial)
        return result, list(zip(result.individuals, evaluations, strict=True))

    def _recalled(self, id: int) -> tuple[Result, list[Found]] | None:
        trial = self._pending[id]
        recalled = self._recall_trial(trial) if id in self._queue else None
        if recalled is None:
            return None
        result, evaluations = recalled
        self._submitted -= len(evaluations)
        self._epochs_ahead -= self._cost(trial)
        self._queue.remove(id)
        return result, list(zip(trial.individuals, evaluations, strict=True))

    def _submit(self, wanted: int | None, ended: str) -> None:
        """Keep the workers busy; what the record waits for comes first."""
        if wanted is not None and wanted in self._queue:
            self._queue.remove(wanted)
            self._queue.appendleft(wanted)
        while self._queue and self._in_flight < self.evaluator.capacity:
            following = wanted is not None and self._queue[0] == wanted
            if not following and (ended or self._spent_before_trial()):
                break
            self._in_flight += 1
            self._submit_to_evaluator(self._pending[self._queue.popleft()])

    def _complete(self, result: Result, found: list[Found]) -> None:
        recalled = result.attempts == 0
        last_recalled = recalled and not self.order.completions
        del self._pending[result.trial.id]
        self._improved |= self._add(found)
        self._simulated = 0.0
        self._spend()
        self.estimation.observe([result])
        self._tell_one(result)
        if last_recalled and self.store is not None:
            refuse_missing_artifacts(self.store, self._needed_artifacts())
        if not recalled:
            for callback in self.callbacks:
                callback.on_result(self.run, result)
        self._end_generation_when_due()

    def _tell_one(self, result: Result) -> None:
        """Tell the strategy of one result."""
        self.strategy.tell([result])
        self._told += 1
        self._fruitless_ask = False
        self.run.seconds = self._elapsed()
        if self._told <= self._size:
            self._first.append(result)
            if self._told == self._size:
                refuse_universal_failure(self._first)
                self._fix_box(self._first)
                self._first = []

    def _end_generation_when_due(self) -> None:
        """A generation is as many results as the first ask gave trials."""
        if self._told % self._size == 0:
            self.run.generation = self._told // self._size
            self.stale = 0 if self._improved else self.stale + 1
            self._improved = False
            self._complete_generation()

    # Keep ---------------------------------------------------------------------------------------------------------------------

    @property
    def _passing(self) -> bool:
        return bool(self.order.completions) or super()._passing

    def _save_state(self) -> None:
        if self.order.completions:  # the record says how a run goes on; a state only which artifacts it needs then
            self._forget_artifacts(self._needed_artifacts())
        else:
            super()._save_state()

    def _needed_artifacts(self) -> set[tuple[int, str]]:
        starting = {artifact.name for trial in self._pending.values() for artifact in trial.artifacts}
        return super()._needed_artifacts() | starting


def steady(strategy: Strategy, budget: Budget) -> Strategy:
    """The strategy in its steady state.

    Raises:
        ValueError: it has none, or the budget needs the synchronous schedule.
    """
    if budget.simulated_seconds is not None:
        raise ValueError("a budget of simulated_seconds runs one trial at a time: use schedule='synchronous' with it")
    return strategy.steady_state()
