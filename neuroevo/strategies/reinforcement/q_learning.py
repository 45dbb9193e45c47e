"""QLearning: values of decisions, learned from the rewards of whole networks (Baker et al. 2017, MetaQNN; Zhong et al. 2018, BlockQNN)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from genomes.base import shown
from genomes.questions import Question
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import ATTEMPTS, check, check_count
from neuroevo.strategies.reinforcement.designing import Designing, check_growth, growth_limit
from neuroevo.strategies.reinforcement.rewards import (
    Reward,
    Rewarding,
    checked_reward,
    finite_number,
    scorer,
)
from neuroevo.strategies.reinforcement.walks import everything, grown

REPLAY = 4  # the streams that experience is replayed with

# Baker et al. 2017, table 2: so many different networks at each epsilon.
METAQNN = (
    (1.0, 1500), (0.9, 100), (0.8, 100), (0.7, 100), (0.6, 150), (0.5, 150), (0.4, 150), (0.3, 150), (0.2, 150), (0.1, 150),
)  # fmt: skip


Walked = tuple[tuple[int, ...], tuple[int, ...]]  # the places of the states, and the answers


class Experience(NamedTuple):
    """A network's decisions: for each, the place of its state in the table and the position of the answer; and the reward."""

    states: tuple[int, ...]
    answers: tuple[int, ...]
    reward: float


@dataclass
class QLearning(Strategy):
    """Tabular Q-learning with experience replay designs networks decision by decision.

    A decision is the best by its value Q(state, option), or at probability epsilon any. When a network has its reward, so many remembered
    ones are drawn, and the values along each follow, last decision first:

        Q(s, u) += alpha * (r + gamma * max Q(s', .) - Q(s, u))

    with the reward at the last decision (MetaQNN), or in equal parts at every decision (BlockQNN's shaping, r / T, with which early decisions
    learn as soon as late ones). What a state is the space says (`Question.state`): for stacks of layers MetaQNN's, for others the question and
    the answer before it. A network that was drawn before is learned from again with the reward it had, and not trained; so the schedule
    counts different networks.

        MetaQNN (Baker 2017)     QLearning() over a StackSpace
        BlockQNN (Zhong 2018)    QLearning(shaping="equal") over a CellSpace
        IRLAS (Guo 2019)         QLearning(alpha=0.1, shaping="equal", reward=Mirror(expert, 0.2))

    An individual that fails gets the lowest reward so far. A network beyond a limit on a cheap objective is drawn again, at most 100 times.

    Args:
        alpha: learning rate, above 0 and at most 1 (the paper's 0.01).
        gamma: discount of later values, 0 to 1.
        initial: values of decisions nobody made yet (the paper's text and code: 0.5; its algorithm 1: 0).
        replay: remembered networks that are learned from after each one (the paper's 100); 0: the last one only.
        schedule: ((epsilon, different networks), ...); the last epsilon stays.
        shaping: "terminal" or "equal".
        reward: as for `Reinforce`.
        batch: networks drawn from the same values; workers evaluate them side by side.
        distinct: whether a network that was drawn before is not evaluated again.
        grow: as for `Reinforce`.

    Raises:
        ValueError: a setting out of its range; at the start, a space without decisions, or a reward that does not fit the search.
        TypeError: a reward that is none.
    """

    alpha: float = 0.01
    gamma: float = 1.0
    initial: float = 0.5
    replay: int = 100
    schedule: tuple[tuple[float, int], ...] = METAQNN
    shaping: Literal["terminal", "equal"] = "terminal"
    reward: Reward | Callable[[Individual], float] | str | None = None
    batch: int = 1
    distinct: bool = True
    grow: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, least in (("alpha", False), ("gamma", True)):
            value = getattr(self, name)
            finite_number(name, value)
            if not 0 <= value <= 1 or (value == 0 and not least):
                raise ValueError(f"{name} must be {'between 0 and 1' if least else 'above 0 and at most 1'}, got {shown(value)}")
        finite_number("initial", self.initial)
        check_count("replay", self.replay, 0)
        check_count("batch", self.batch)
        check("shaping", self.shaping, ("terminal", "equal"))
        if not isinstance(self.distinct, bool):
            raise ValueError(f"distinct must be true or false, got {shown(self.distinct)}")
        check_growth(self.grow)
        self.reward = checked_reward(self.reward)
        if not isinstance(self.schedule, tuple) or not self.schedule or not all(_is_phase(phase) for phase in self.schedule):
            raise ValueError(
                "schedule must be ((epsilon, networks), ...), each with 0 <= epsilon <= 1 and a whole number >= 1, got "
                f"{shown(self.schedule)}"
            )
        self._steady = False

    def start(self, search: Search) -> None:
        super().start(search)
        self._designing = Designing(search)
        self._rewarding = Rewarding(scorer(self.reward, search))
        self._states: dict[tuple[str, tuple[str, ...]], int] = {}
        self._values: list[list[float]] = []
        self._memory: list[Experience] = []
        self._known: dict[int, float] = {}  # rewards by network
        self._pending: dict[int, tuple[int, tuple[int, ...], tuple[int, ...]]] = {}
        self._seen: set[int] = set()  # networks that were asked for
        self._learned = 0
        self._drawn_again: list[float] = []  # rewards of the networks that were learned from again since the last tell
        self._last: dict[str, float] = {}

    @property
    def epsilon(self) -> float:
        """The probability of a random decision now."""
        left = len(self._seen)
        for epsilon, networks in self.schedule:
            left -= networks
            if left < 0:
                return epsilon
        return self.schedule[-1][0]

    def ask(self) -> Sequence[Trial]:
        return [trial for trial in (self._trial() for _ in range(1 if self._steady else self.batch)) if trial is not None]

    def _trial(self) -> Trial | None:
        """The next network's trial: of those that are drawn the first that is new; any, at random, where 100 were not."""
        tries = 0

        def draw(rngs: Sequence[np.random.Generator]) -> list[tuple[list[int], Walked]]:
            nonlocal tries
            tries += 1
            answers, states = self._drawn(rngs[0], always_at_random=tries > ATTEMPTS // 2)
            return [(answers, (states, tuple(answers)))]

        born = self._designing.born(1, draw, self.generation)
        if not born:
            return None
        individual, walked = born[0]
        token = self._token(individual.genome)
        self._seen.add(token)
        trial = self.search.trial(individual)
        self._pending[trial.id] = token, *walked
        return trial

    def _drawn(self, rng: np.random.Generator, *, always_at_random: bool) -> tuple[list[int], tuple[int, ...]]:
        """Decisions for a new network, and the places of their states; those of networks that were drawn before are learned from."""
        for attempt in range(ATTEMPTS + 1):
            epsilon = 1.0 if always_at_random or attempt == ATTEMPTS else self.epsilon
            answers, states = self._walk(rng, epsilon)
            if not self.distinct:
                break
            token = self._token(self.search.space.build(answers))
            if token not in self._seen:
                break
            if token in self._known:
                self._drawn_again.append(self._known[token])
                self._learn(Experience(states, tuple(answers), self._known[token]))
        return answers, states

    def _walk(self, rng: np.random.Generator, epsilon: float) -> tuple[list[int], tuple[int, ...]]:
        """Decisions, and the places of their states in the table."""
        space = self.search.space
        allowed = everything if self.grow is None else grown(growth_limit(self.grow, len(self._seen)))
        answers, states = list[int](), list[int]()
        before = ""
        while (question := space.question(answers)) is not None:
            place = self._place(question, before)
            positions = allowed(question) or tuple(range(len(question.options)))
            values = self._values[place]
            if len(positions) > 1 and rng.random() < epsilon:
                answer = positions[int(rng.integers(len(positions)))]
            else:
                most = max([values[position] for position in positions])
                best = [position for position in positions if values[position] == most]
                answer = best[int(rng.integers(len(best)))] if len(best) > 1 else best[0]
            answers.append(answer)
            states.append(place)
            before = question.options[answer]
        return answers, tuple(states)

    def _place(self, question: Question, before: str) -> int:
        """The place of a state in the table."""
        key = self._key(question, before)
        place = self._states.get(key)
        if place is None:
            place = self._states[key] = len(self._values)
            self._values.append([self.initial] * len(question.options))
        return place

    @staticmethod
    def _key(question: Question, before: str) -> tuple[str, tuple[str, ...]]:
        state = [question.about, before] if question.state is None else question.state
        return json.dumps(state, default=list), question.options

    def _token(self, genome: Any) -> int:
        costs = [objective.of(genome) for objective in self.search.objectives.values() if objective.of is not None]
        text = f"{genome.key()} {costs}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

    def steady_state(self) -> Strategy:
        """Every worker that is free takes the next network."""
        fresh = replace(self)
        fresh._steady = True
        return fresh

    def tell(self, results: Sequence[Result]) -> None:
        rewards = []
        for result in results:
            token, states, answers = self._pending.pop(result.trial.id)
            reward = self._rewarding.of(result.individuals[0])
            rewards.append(reward)
            self._known[token] = reward
            self._learn(Experience(states, answers, reward))
        if rewards:
            drawn = [*rewards, *self._drawn_again]
            self._last = {"reward": float(np.mean(rewards)), "drawn": len(drawn), "drawn_reward": float(np.mean(drawn))}
            self._drawn_again = []
        self.generation += 1

    def _learn(self, experience: Experience) -> None:
        """Remember a network, and learn from it or from so many that are remembered."""
        self._memory.append(experience)
        self._learned += 1
        if not self.replay:
            self._follow(experience)
            return
        rng = self.search.rng(self._learned, REPLAY)
        for place in rng.integers(len(self._memory), size=self.replay).tolist():
            self._follow(self._memory[place])

    def _follow(self, experience: Experience) -> None:
        """Change the values along a network's decisions, the last first."""
        alpha, gamma, table = self.alpha, self.gamma, self._values
        share = experience.reward / len(experience.states) if self.shaping == "equal" else 0.0
        target = experience.reward if self.shaping == "terminal" else share
        for place, answer in zip(reversed(experience.states), reversed(experience.answers), strict=True):
            values = table[place]
            values[answer] += alpha * (target - values[answer])
            target = share + gamma * max(values)

    def state(self) -> State:
        names = [[state, list(options)] for state, options in self._states]
        whole = [value for values in self._values for value in values]
        steps = [(place, answer) for one in self._memory for place, answer in zip(one.states, one.answers, strict=True)]
        json_state = {
            "generation": self.generation,
            "states": names,
            "learned": self._learned,
            "lowest": self._rewarding.lowest,
            "last": self._last,
        }
        known = sorted(self._known)
        arrays = {
            "values": np.array(whole, np.float64),
            "steps": np.array(steps, np.int64).reshape(-1, 2),
            "lengths": np.array([len(one.states) for one in self._memory], np.int64),
            "rewards": np.array([one.reward for one in self._memory], np.float64),
            "known": np.array(known, np.uint64),
            "known_rewards": np.array([self._known[token] for token in known], np.float64),
            "seen": np.array(sorted(self._seen), np.uint64),
        }
        return State(json_state, arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known, arrays = state.json, state.arrays
        self.generation, self._learned = known["generation"], known["learned"]
        self._rewarding.lowest, self._last = known["lowest"], dict(known["last"])
        self._states = {(name, tuple(options)): place for place, (name, options) in enumerate(known["states"])}
        values = arrays["values"].tolist()
        self._values, first = [], 0
        for _, options in self._states:
            self._values.append(values[first : first + len(options)])
            first += len(options)
        self._memory, first = [], 0
        steps = arrays["steps"].tolist()
        for length, reward in zip(arrays["lengths"].tolist(), arrays["rewards"].tolist(), strict=True):
            walked = steps[first : first + length]
            self._memory.append(Experience(tuple([p for p, _ in walked]), tuple([a for _, a in walked]), reward))
            first += length
        self._known = dict(zip(arrays["known"].tolist(), arrays["known_rewards"].tolist(), strict=True))
        self._seen = set(arrays["seen"].tolist())

    def report(self) -> dict[str, Any]:
        """The mean reward of the last networks; how many were drawn, with those that were known, and their mean reward; epsilon; how many states
        were met; the best decisions; and the values of the options along them."""
        values, answers, before = list[list[float]](), list[int](), ""
        allowed = everything if self.grow is None else grown(growth_limit(self.grow, len(self._seen)))
        while (question := self.search.space.question(answers)) is not None:
            place = self._states.get(self._key(question, before))
            known = [self.initial] * len(question.options) if place is None else self._values[place]
            positions = allowed(question) or range(len(question.options))
            answers.append(max(positions, key=lambda position: known[position]))
            values.append(list(known))
            before = question.options[answers[-1]]
        return {**self._last, "epsilon": self.epsilon, "states": len(self._values), "decisions": answers, "values": values}


def _is_phase(phase: Any) -> bool:
    if not isinstance(phase, tuple) or len(phase) != 2:
        return False
    epsilon, networks = phase
    number = isinstance(epsilon, (int, float)) and not isinstance(epsilon, bool) and 0 <= epsilon <= 1
    return number and type(networks) is int and networks >= 1
