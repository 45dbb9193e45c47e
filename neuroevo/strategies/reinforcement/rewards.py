"""Rewards: one number for an individual that was measured, made of its objectives."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from genomes.base import Settings, frozen_tuples, shown, unknown
from neuroevo.core.functions import how_to_go_on, imported
from neuroevo.core.individual import FAILED, Individual
from neuroevo.core.registry import part, part_from_text

if TYPE_CHECKING:
    from neuroevo.strategies.base import Search

Scorer = Callable[[Individual], float]
PARTS = {
    "Capped": "neuroevo.strategies.reinforcement.rewards:Capped",
    "Floor": "neuroevo.strategies.reinforcement.rewards:Floor",
    "Mirror": "neuroevo.strategies.reinforcement.mirror:Mirror",
    "Mixed": "neuroevo.strategies.reinforcement.rewards:Mixed",
    "Power": "neuroevo.strategies.reinforcement.rewards:Power",
}


@dataclass(frozen=True, kw_only=True)
class Reward(metaclass=Settings):
    """What a controller learns from. Subclass as a frozen dataclass whose fields are its settings, with `__call__(individual) -> float`.

    Every reward begins with the *accuracy*: an objective that is maximised as it is, one that is minimised taken from 1 (an error of 0.03 is
    an accuracy of 0.97).

    Args:
        objective: whose accuracy; "" for the first.
        scale: the objective is multiplied by it first: 0.01 for one in per cent.
        last: the best accuracy of the last so many epochs of the learning curve (Zoph & Le 2017, section 4.1: 5), where there is one and as
            often as the estimation takes it (`curve`); 0: the final accuracy.
    """

    objective: str = ""
    scale: float = 1.0
    last: int = 0
    name: ClassVar[str]

    def __post_init__(self) -> None:
        if not isinstance(self.objective, str):
            raise ValueError(f"objective must be the name of an objective, got {shown(self.objective)}")
        finite_number("scale", self.scale)
        if isinstance(self.last, bool) or not isinstance(self.last, int) or self.last < 0:
            raise ValueError(f"last must be a whole number >= 0 (epochs of the learning curve), got {shown(self.last)}")

    def accuracy(self, individual: Individual) -> float:
        """The accuracy of an individual that was measured."""
        name = self.objective or individual.names[0]
        value = self.scale * individual.values[name]
        maximised = individual.fitness.weights[individual.names.index(name)] > 0
        found = value if maximised else 1.0 - value
        curve = individual.info.get("curve") if self.last and "folds" not in individual.info else None  # of folds, the first's alone
        if curve and curve.get(name):
            first = curve["epochs"][-1] - self.last
            latest = [self.scale * score for epoch, score in zip(curve["epochs"], curve[name], strict=True) if epoch > first]
            found = max(latest) if maximised else 1.0 - min(latest)
        return found

    def __call__(self, individual: Individual) -> float:
        return self.accuracy(individual)

    def begin(self, search: Search) -> Scorer:
        """What scores the individuals of a search; called once at its beginning.

        Raises:
            ValueError: the search has no objective of a name that is needed, or something else that does not fit it.
        """
        for name in self.needed():
            if name and name not in search.names:
                raise ValueError(unknown(f"objective of the reward {type(self).__name__}", name, search.names))
        return self

    def needed(self) -> tuple[str, ...]:
        """The objectives that it asks for."""
        return (self.objective,)

    def settings(self) -> dict[str, Any]:
        """JSON: the reward's name and settings."""
        return {"reward": type(self).__name__, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The reward that these settings describe."""
        try:
            return cls(**{name: frozen_tuples(value) for name, value in settings.items() if name != "reward"})
        except TypeError as error:
            raise ValueError(f"the settings of reward {settings['reward']!r} do not fit this release: {error}") from None


@dataclass(frozen=True)
class Power(Reward):
    """The accuracy to a power (Zoph & Le 2017, section 4.1: the cube).

    Args:
        exponent: > 0; 1 is the accuracy itself.
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        finite_number("exponent", self.exponent)
        if not self.exponent > 0:
            raise ValueError(f"exponent must be > 0, got {shown(self.exponent)}")

    def __call__(self, individual: Individual) -> float:
        accuracy = self.accuracy(individual)
        return math.copysign(abs(accuracy) ** self.exponent, accuracy)


@dataclass(frozen=True)
class Mixed(Reward):
    """MONAS's weighted sum: alpha * accuracy - (1 - alpha) * cost (Hsu et al. 2018, section 3.2). The cost is an objective divided by a fixed
    reference, so that the same network has the same reward whenever it comes; several are averaged.

    Args:
        alpha: weight of the accuracy, 0 to 1.
        references: of each objective that is a cost, the value that counts as 1, > 0: {"flops": 200e6}.
    """

    alpha: float
    references: Mapping[str, float]

    def __post_init__(self) -> None:
        super().__post_init__()
        finite_number("alpha", self.alpha)
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be a number between 0 and 1, got {shown(self.alpha)}")
        if not isinstance(self.references, Mapping) or not self.references:
            raise ValueError(f"references must name one cost or more, such as {{'flops': 200e6}}, got {shown(self.references)}")
        for name, value in self.references.items():
            positive_reference(name, value)

    def needed(self) -> tuple[str, ...]:
        return (self.objective, *self.references)

    def __call__(self, individual: Individual) -> float:
        costs = [individual.values[name] / reference for name, reference in self.references.items()]
        return self.alpha * self.accuracy(individual) - (1.0 - self.alpha) * sum(costs) / len(costs)

    def __hash__(self) -> int:
        return hash((self.alpha, tuple(self.references.items())))


@dataclass(frozen=True)
class Capped(Reward):
    """MONAS's first constraint: the accuracy where a cost is at most the cap, else 0 (Hsu et al. 2018, section 3.2).

    Args:
        of: the objective that is the cost.
        cap: the largest cost that is rewarded.
    """

    of: str
    cap: float

    def __post_init__(self) -> None:
        super().__post_init__()
        finite_number("cap", self.cap)

    def needed(self) -> tuple[str, ...]:
        return (self.objective, self.of)

    def __call__(self, individual: Individual) -> float:
        return self.accuracy(individual) if individual.values[self.of] <= self.cap else 0.0


@dataclass(frozen=True)
class Floor(Reward):
    """MONAS's second constraint: the saving where the accuracy is at least the floor, else 0 (Hsu et al. 2018, section 3.2). The saving is
    1 - cost / reference, not below 0.

    Args:
        of: the objective that is the cost.
        floor: the least accuracy that is rewarded.
        reference: the cost that saves nothing, > 0.
    """

    of: str
    floor: float
    reference: float

    def __post_init__(self) -> None:
        super().__post_init__()
        finite_number("floor", self.floor)
        positive_reference(self.of, self.reference)

    def needed(self) -> tuple[str, ...]:
        return (self.objective, self.of)

    def __call__(self, individual: Individual) -> float:
        if self.accuracy(individual) < self.floor:
            return 0.0
        return max(0.0, 1.0 - individual.values[self.of] / self.reference)


@dataclass
class Rewarding:
    """The rewards of a search: a failed individual gets the lowest that there was, 0 before there was any.

    Args:
        score: what scores an individual.
        lowest: of all rewards so far.
    """

    score: Scorer
    lowest: float | None = field(default=None)

    def of(self, individual: Individual) -> float:
        """The reward of an individual.

        Raises:
            ValueError: the reward is no finite number.
        """
        if individual.status == FAILED:
            return 0.0 if self.lowest is None else self.lowest
        found: Any = self.score(individual)
        try:
            reward = float(found)
        except (TypeError, ValueError):
            reward = math.nan
        if not math.isfinite(reward):
            values = ", ".join(f"{name} {value:g}" for name, value in individual.values.items())
            raise ValueError(f"a reward must be a finite number, got {shown(found)} for individual {individual.id} ({values})")
        self.lowest = reward if self.lowest is None else min(self.lowest, reward)
        return reward


def scorer(reward: Reward | Scorer | str | None, search: Search) -> Scorer:
    """What scores the individuals of a search: None is the accuracy itself.

    Raises:
        ValueError: the reward does not fit the search.
    """
    if reward is None:
        return Power().begin(search)
    assert not isinstance(reward, str)  # a text was read when the strategy was made
    return reward.begin(search) if isinstance(reward, Reward) else reward


def checked_reward(reward: Any) -> Any:
    """The reward that is meant: of a text, what it describes.

    Raises:
        TypeError: neither a reward, nor a callable, nor a text, nor None.
        ValueError: a text that describes no reward.
    """
    if isinstance(reward, str):
        return reward_from_text(reward)
    if reward is not None and not callable(reward):
        raise TypeError(
            f"reward must be a reward such as Power(3), a function of an individual that returns a number, or None; got {shown(reward)}"
        )
    return reward


def reward_from_text(text: str) -> Reward:
    """The reward that a text describes (`neuroevo.core.registry.part_from_text`).

    Raises:
        ValueError: it describes none.
    """
    return part_from_text("reward", text, "Power(3) or Mixed(0.8, {'flops': 2e8})")  # type: ignore[no-any-return]


def reward_from_settings(settings: Any) -> Any:
    """The reward that JSON describes.

    Raises:
        ValueError: not the settings of a reward, or a Python function that this process has not imported.
    """
    if settings is None:
        return None
    if not isinstance(settings, Mapping):
        raise ValueError(f"a reward's settings are a JSON object, got {shown(settings)}")
    if settings.get("reward") == "function":
        found = imported(str(settings.get("name")))
        if found is None:
            raise ValueError(how_to_go_on("reward", str(settings.get("name"))))
        return found
    return part("reward", settings.get("reward")).from_settings(settings)


def finite_number(name: str, value: Any) -> None:
    """Refuse a setting that is no finite number.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {shown(value)}")


def positive_reference(name: str, value: Any) -> None:
    """Refuse a reference that nothing can be divided by.

    Raises:
        ValueError: not a finite number > 0.
    """
    finite_number(f"the reference of {name}", value)
    if not value > 0:
        raise ValueError(f"the reference of {name} must be > 0, got {shown(value)}")
