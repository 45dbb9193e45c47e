"""Reinforce: a policy that designs networks and follows their rewards (Zoph & Le 2017; Zoph et al. 2018; Hsu et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.optimisers import Optimiser
from neuroevo.strategies.reinforcement.designing import Designing, check_growth, growth_limit
from neuroevo.strategies.reinforcement.factorised import Factorised
from neuroevo.strategies.reinforcement.lstm import Attention, Lstm
from neuroevo.strategies.reinforcement.rewards import (
    Reward,
    Rewarding,
    checked_reward,
    finite_number,
    scorer,
)
from neuroevo.strategies.reinforcement.walks import Policy, Walk, entropies, everything, grown

Gathered = tuple[Walk, float]
RATES = {"factorised": 0.1, "lstm": 0.001}  # learning rates where none is given


@dataclass
class Reinforce(Strategy):
    """A policy draws networks decision by decision, and its parameters follow the gradient of the expected reward.

    With `rule` "reinforce" each network moves the probabilities of its decisions by its advantage, the reward less a moving average of
    rewards (Williams 1992); with "ppo" a batch is gone over several times, while no probability changes by more than a share (Schulman et al.
    2017, section 3). Published searches are settings:

        Zoph & Le 2017       policy="lstm", hidden=35, layers=2, initial=0.08, learning_rate=6e-4, reward=Power(3, last=5), grow=(6, 2, 1600)
        NASNet (Zoph 2018)   policy="lstm", rule="ppo", hidden=100, layers=1, initial=0.1, learning_rate=3.5e-4, batch=20, entropy=1e-5,
                             baseline=0.95, attention="none"
        NAS-Bench-201        policy="factorised", learning_rate=0.1, baseline=0.9 (Dong & Yang 2020)
        MONAS (Hsu 2018)     policy="lstm", reward=Mixed(0.8, {"flops": 200e6}), Capped("flops", 1e8), Floor("flops", 0.9, 2e8)

    An individual that fails gets the lowest reward so far. A network beyond a limit on a cheap objective is drawn again, at most 100 times.

    Args:
        policy: "factorised" (a softmax for each question; `initial` is their first logits' spread) or "lstm".
        rule: "reinforce" or "ppo".
        reward: what is learned from: `Power(3)`, `Mixed(...)`, `Capped(...)`, `Floor(...)`, `Mirror(...)`, a function of an individual, or
            such a reward as a text; None is the accuracy.
        batch: networks of an update; workers evaluate them side by side.
        learning_rate: None for 0.1 (factorised) or 0.001 (lstm).
        optimizer: "adam" or "sgd".
        baseline: decay of the moving average of rewards, from 0 on; the average is corrected for its beginning.
        entropy: weight of the entropy of the decisions, >= 0.
        clip: with "ppo", the share by which a probability may change in an update.
        passes: with "ppo", how often a batch is gone over.
        hidden, layers, attention: of the LSTM: units, layers, and "none", "skips" or "inputs" (see `Lstm`).
        initial: spread of the first parameters; None for 0.001 (factorised) or 0.08 (lstm).
        grow: (first, step, every): networks of at most `first` layers, and `step` more after every so many networks; None: any depth.

    Raises:
        ValueError: a setting out of its range; at the start, a space without decisions, or a reward that does not fit the search.
        TypeError: a reward that is none.
    """

    policy: Literal["factorised", "lstm"] = "factorised"
    rule: Literal["reinforce", "ppo"] = "reinforce"
    reward: Reward | Callable[[Individual], float] | str | None = None
    batch: int = 1
    learning_rate: float | None = None
    optimizer: Literal["adam", "sgd"] = "adam"
    baseline: float = 0.9
    entropy: float = 0.0
    clip: float = 0.2
    passes: int = 4
    hidden: int = 35
    layers: int = 2
    attention: Attention = "skips"
    initial: float | None = None
    grow: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        check("policy", self.policy, ("factorised", "lstm"))
        check("rule", self.rule, ("reinforce", "ppo"))
        check("optimizer", self.optimizer, ("adam", "sgd"))
        check("attention", self.attention, ("none", "skips", "inputs"))
        for name in ("batch", "passes", "hidden", "layers"):
            check_count(name, getattr(self, name))
        for name, value in (("learning_rate", self.learning_rate), ("clip", self.clip), ("initial", self.initial)):
            if value is not None:
                finite_number(name, value)
                if not value > 0:
                    raise ValueError(f"{name} must be > 0, got {value!r}")
        for name, value in (("baseline", self.baseline), ("entropy", self.entropy)):
            finite_number(name, value)
            if value < 0 or (name == "baseline" and value >= 1):
                raise ValueError(f"{name} must be >= 0{' and < 1' if name == 'baseline' else ''}, got {value!r}")
        check_growth(self.grow)
        self.reward = checked_reward(self.reward)
        self._steady = False

    def start(self, search: Search) -> None:
        super().start(search)
        self._designing = Designing(search)
        self._rewarding = Rewarding(scorer(self.reward, search))
        self._policy = self._new_policy()
        rate = RATES[self.policy] if self.learning_rate is None else self.learning_rate
        self._optimiser = Optimiser(self.optimizer, rate)
        self._asked = self._rewards = 0
        self._average = 0.0
        self._pending: dict[int, Walk] = {}
        self._gathered: list[Gathered] = []
        self._last: dict[str, float] = {}

    def _new_policy(self) -> Policy:
        if self.policy == "factorised":
            return Factorised(self.search.seed, 1e-3 if self.initial is None else self.initial)
        initial = 0.08 if self.initial is None else self.initial
        return Lstm(self.search.seed, self.hidden, self.layers, initial, self.attention)

    def _allowed(self) -> Any:
        return everything if self.grow is None else grown(growth_limit(self.grow, self._asked))

    def ask(self) -> Sequence[Trial]:
        count = 1 if self._steady else self.batch
        allowed = self._allowed()

        def walks(rngs: Sequence[np.random.Generator]) -> list[tuple[list[int], Walk]]:
            return [(walk.answers, walk) for walk in self._policy.walk(self.search.space, rngs, allowed)]

        born = self._designing.born(count, walks, self.generation)
        self._asked += count
        trials = []
        for individual, walk in born:
            trial = self.search.trial(individual)
            self._pending[trial.id] = walk
            trials.append(trial)
        return trials

    def steady_state(self) -> Strategy:
        """Every worker that is free takes the next network; the policy is updated when `batch` of them are back."""
        fresh = replace(self)
        fresh._steady = True
        return fresh

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            individual = result.individuals[0]
            reward = self._rewarding.of(individual)
            self._gathered.append((self._pending.pop(result.trial.id), reward))
        if self._gathered and not (self._steady and len(self._gathered) < self.batch):
            self._learn(self._gathered)
            self._gathered = []
            self.generation += 1
        elif not self._steady:
            self.generation += 1

    def _learn(self, gathered: Sequence[Gathered]) -> None:
        """An update of the policy. The average takes the rewards first, as in the code of NAS-Bench-201: the first advantage is 0."""
        walks, rewards = [walk for walk, _ in gathered], [reward for _, reward in gathered]
        for reward in rewards:
            self._rewards += 1
            self._average = self.baseline * self._average + (1.0 - self.baseline) * reward
        average = self._average / (1.0 - self.baseline**self._rewards)
        advantages = [reward - average for reward in rewards]
        for _ in range(self.passes if self.rule == "ppo" else 1):
            gradient = self._policy.gradient(walks, lambda logs: self._coefficients(walks, advantages, logs), self.entropy)
            for name in gradient:
                gradient[name] /= len(walks)
            self._optimiser.step(self._policy.arrays, gradient)
        self._last = {"reward": float(np.mean(rewards)), "baseline": float(average)}

    def _coefficients(self, walks: Sequence[Walk], advantages: Sequence[float], logs: Sequence[Any]) -> list[Any]:
        """By how much the objective changes with each decision's log probability."""
        found = []
        for walk, advantage, now in zip(walks, advantages, logs, strict=True):
            if self.rule == "reinforce":
                found.append(np.full(len(now), advantage))
                continue
            ratio = np.exp(now - np.array(walk.log_probabilities))
            beyond = ratio > 1.0 + self.clip if advantage > 0 else ratio < 1.0 - self.clip
            found.append(np.where(beyond, 0.0, ratio * advantage))
        return found

    @property
    def settled(self) -> bool:
        return not self._gathered

    def state(self) -> State:
        json = {
            "generation": self.generation,
            "asked": self._asked,
            "rewards": self._rewards,
            "average": self._average,
            "lowest": self._rewarding.lowest,
            "names": self._policy.names(),
            "steps": self._optimiser.steps,
            "last": self._last,
        }
        arrays = {f"policy.{name}": array for name, array in self._policy.arrays.items()}
        return State(json, {**arrays, **self._optimiser.arrays()})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation, self._asked, self._rewards = known["generation"], known["asked"], known["rewards"]
        self._average, self._rewarding.lowest, self._last = known["average"], known["lowest"], dict(known["last"])
        arrays = {name.removeprefix("policy."): array for name, array in state.arrays.items() if name.startswith("policy.")}
        self._policy.restore(known["names"], arrays)
        self._optimiser.restore(known["steps"], state.arrays)

    def report(self) -> dict[str, Any]:
        """The mean reward of the last update and the baseline, the mean entropy of a decision (in nats), the decisions of the likeliest network,
        and the probabilities of the options along it."""
        _, probabilities = self._policy.likeliest(self.search.space, self._allowed())
        entropy = float(np.mean([entropies(each) for each in probabilities])) if probabilities else 0.0
        likeliest = [int(each.argmax()) for each in probabilities]
        policy = [np.round(each, 4).tolist() for each in probabilities]
        return {**self._last, "entropy": entropy, "decisions": likeliest, "policy": policy}
