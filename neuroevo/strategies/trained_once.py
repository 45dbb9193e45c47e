"""TrainedOnce: any strategy, with isomorphic genomes trained once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from genomes.base import shown
from neuroevo.core.individual import FAILED, Individual
from neuroevo.core.trial import FULL, Measurement, Result, Trial
from neuroevo.strategies.base import Search, State, Strategy

ROUNDS = 1000  # asks in a row that may bring nothing but twins


@dataclass
class TrainedOnce(Strategy):
    """Another strategy, whose individuals are trained once for each network.

    A *twin* has the canonical key and the cheap objectives of an individual that was evaluated before, or that comes earlier in the same
    batch. It is not evaluated: the strategy is told of that individual again, in the twin's place, with its fitness and its weights.
    So twins cost nothing and count for nothing in the budget. Where children inherit weights, the individual must still be in the
    population, since weights are not kept for longer; else the network is trained again, from its own parents. Trials at a fidelity of their own, of several individuals at once, or that
    train one genome on (the operator "continue" of hill climbing) are left alone. Not for asynchronous schedules.

    Args:
        strategy: the strategy, such as `Lemonade()`.
    """

    strategy: Strategy

    def __post_init__(self) -> None:
        if not isinstance(self.strategy, Strategy) or isinstance(self.strategy, TrainedOnce):
            raise ValueError(f"strategy must be a neuroevo.strategies.Strategy such as Lemonade(), got {shown(self.strategy)}")
        self.inheritance = self.strategy.inheritance

    def start(self, search: Search) -> None:
        super().start(search)
        self.strategy.start(search)
        self._originals: dict[int, Individual] = {}
        self._twins: list[tuple[Trial, int]] = []
        self._cheap = [o.of for o in search.objectives.values() if o.kind == "cheap" and o.of is not None]

    def ask(self) -> Sequence[Trial]:
        for _ in range(ROUNDS):
            trials = self.strategy.ask()
            fresh = self._without_twins(trials)
            if fresh or not trials:
                return fresh
            self.tell([])  # all of them are known already
        return []

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            if _may_be_twin(result.trial):
                self._originals[self._token(result.individuals[0])] = result.individuals[0]
        told = [*results, *[_again(trial, self._originals[token]) for trial, token in self._twins]]
        self._twins = []
        self.strategy.tell(sorted(told, key=lambda result: result.trial.id))
        self.generation = self.strategy.generation

    def _without_twins(self, trials: Sequence[Trial]) -> list[Trial]:
        fresh, coming = [], set[int]()
        inherits = self.inheritance != "none"
        living = {individual.id for individual in self.strategy.living} if inherits else set()
        for trial in sorted(trials, key=lambda trial: trial.id):
            token = self._token(trial.individuals[0]) if _may_be_twin(trial) else None
            known = token in self._originals and (not inherits or self._originals[token].id in living)
            if token is not None and (known or token in coming):
                self._twins.append((trial, token))
                continue
            if token is not None:
                coming.add(token)
            fresh.append(trial)
        return fresh

    def _token(self, individual: Individual) -> int:
        """Eight bytes that stand for the network."""
        # isomorphic genomes may differ in cost (edges without effect): then they are two networks
        text = f"{individual.genome.key()} {[of(individual.genome) for of in self._cheap]}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

    def state(self) -> State:
        state = self.strategy.state()
        tokens = sorted(self._originals)
        arrays = {
            "once_tokens": np.array(tokens, dtype=np.uint64),
            "once_ids": np.array([self._originals[token].id for token in tokens], dtype=np.int64),
        }
        return State(state.json, {**state.arrays, **arrays})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        arrays = dict(state.arrays)
        tokens, ids = arrays.pop("once_tokens").tolist(), arrays.pop("once_ids").tolist()
        self.strategy.restore(State(state.json, arrays), individuals)
        self._originals = {token: individuals(id) for token, id in zip(tokens, ids, strict=True)}
        self.generation = self.strategy.generation

    @property
    def living(self) -> Sequence[Individual]:
        return self.strategy.living

    def report(self) -> dict[str, Any]:
        return self.strategy.report()

    def champions(self) -> Sequence[Individual]:
        return [*self.strategy.champions(), *self._originals.values()]

    def settings(self) -> dict[str, Any]:
        return {"strategy": type(self).__name__, "of": self.strategy.settings()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The strategy that `settings` described.

        Raises:
            ValueError: not such settings.
        """
        from neuroevo.run.settings import strategy_from_settings

        inner = settings.get("of")
        if not isinstance(inner, Mapping) or inner.get("strategy") == cls.__name__:
            raise ValueError(f"TrainedOnce needs the settings of another strategy as 'of', got {shown(inner)}")
        return cls(strategy_from_settings(inner))


def _may_be_twin(trial: Trial) -> bool:
    alone = len(trial.individuals) == 1 and not trial.separable
    return alone and trial.job == "evaluate" and trial.fidelity is FULL and trial.individuals[0].operators != ("continue",)


def _again(trial: Trial, original: Individual) -> Result:
    """A twin's result: the original's."""
    reasons = {0: original.reason} if original.status == FAILED else {}
    values = np.array([original.fitness.values], dtype=np.float64)
    return Result(Trial(trial.id, (original,)), Measurement(values, reasons))
