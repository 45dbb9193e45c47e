"""Stop rules: what ends a training early, as data.

A rule is made in the driver (by an estimation's `stop`, or by a strategy), travels in `Trial.stop` as JSON that holds all that the rule
knows, and is made again in the worker, which asks it after every scored epoch. So a replay of the trial stops where the trial did.

    trial = search.trial(individual, stop=Threshold(epoch=5, score=0.5).to_json())

A rule of one's own is a dataclass in a module that workers can import; its JSON names it as "module:Class":

    @dataclass(frozen=True)
    class Flat(StopRule):
        patience: int

        def verdict(self, progress):
            flat = min(progress.scores) < min(progress.scores[-self.patience :])
            return f"no better score in {self.patience} looks" if len(progress.scores) > self.patience and flat else ""
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from genomes.base import shown, unknown


@dataclass(frozen=True)
class Progress:
    """What a rule sees of a training.

    Args:
        epoch: how many epochs were done, those of trials that this one continues included.
        epochs: how many it has in all.
        schedule: over how many the learning rate's schedule is spread.
        scored: after which epochs the validation score was taken; the last one is `epoch`.
        scores: these scores; lower is better.
        train_loss: of every epoch.
        inherited: whether it began with its parents' weights.
    """

    epoch: int
    epochs: int
    schedule: int
    scored: Sequence[int]
    scores: Sequence[float]
    train_loss: Sequence[float]
    inherited: bool = False

    @property
    def best(self) -> float:
        """The best score so far."""
        return min(self.scores)


class StopRule(ABC):
    """Says when a training ends early. Subclasses are dataclasses whose fields are JSON."""

    @abstractmethod
    def verdict(self, progress: Progress) -> str:
        """Why the training ends now, in a sentence that is recorded; "" to go on. Asked after every scored epoch but the last."""

    def extrapolation(self, progress: Progress) -> Mapping[str, Any]:
        """What is expected of a training that ends now, JSON that is recorded with it; nothing by default: the last `epoch`, the `mean` score then
        and its `deviation`, a 90 % interval from `low` to `high`, the score `to_beat`, and the `probability` that it is better."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """JSON that `rule_from_json` makes the rule from again."""
        return {"rule": name_of(type(self)), **dataclasses.asdict(self)}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Self:
        """The rule with these settings.

        Raises:
            ValueError, TypeError: not settings of this rule.
        """
        return cls(**settings)


@dataclass(frozen=True)
class Threshold(StopRule):
    """A training ends that has not reached `score` when `epoch` epochs are done: it is hopeless.

    Args:
        epoch: from which epoch on it is looked at, >= 1.
        score: the worst best score that may go on; lower is better.

    Raises:
        ValueError: a value out of its range.
    """

    epoch: int
    score: float

    def __post_init__(self) -> None:
        check_count("epoch", self.epoch)
        check_number("score", self.score)

    def verdict(self, progress: Progress) -> str:
        if progress.epoch < self.epoch or progress.best <= self.score:
            return ""
        return f"the best score after {progress.epoch} epoch{'' if progress.epoch == 1 else 's'}, {progress.best:.4g}, has not reached {self.score:.4g}"


@dataclass(frozen=True)
class Medians:
    """The medians of earlier trainings whose schedule is spread over as many epochs.

    Args:
        schedule: these epochs.
        epochs: ascending, where there is a median.
        medians: of the running averages of the scores up to there.
        trials: how many trainings these are.
    """

    schedule: int
    epochs: tuple[int, ...]
    medians: tuple[float, ...]
    trials: int

    def __post_init__(self) -> None:
        check_count("schedule", self.schedule)
        check_count("trials", self.trials)
        object.__setattr__(self, "epochs", tuple(self.epochs))
        object.__setattr__(self, "medians", tuple(self.medians))
        for epoch in self.epochs:
            check_count("epochs", epoch)
        for median in self.medians:
            check_number("medians", median)
        if len(self.epochs) != len(self.medians) or list(self.epochs) != sorted(set(self.epochs)):
            raise ValueError(f"epochs must ascend, with one median for each; got {shown(self.epochs)} and {shown(self.medians)}")

    def at(self, epoch: int) -> float | None:
        """The median at the last epoch up to this one, or None where there is none yet."""
        known = [median for at, median in zip(self.epochs, self.medians, strict=True) if at <= epoch]
        return known[-1] if known else None


@dataclass(frozen=True)
class Median(StopRule):
    """The median stopping rule (Golovin, Solnik, Moitra, Kochanski, Karro & Sculley 2017, section 3.2.2): a training ends when its best
    score so far is worse than the median of the running averages, up to the same epoch, of the trainings that were completed.

    A training is compared with those whose schedule is spread over as many epochs: at epoch 12 of 12 a cosine schedule has brought a network
    elsewhere than at epoch 12 of 200. Where there are none, it goes on.

    Args:
        medians: of one or more schedules, as `Medians` or as JSON.
        begin: the first epoch after which a training may end.
    """

    medians: tuple[Medians, ...]
    begin: int = 1

    def __post_init__(self) -> None:
        check_count("begin", self.begin)
        object.__setattr__(self, "medians", tuple(m if isinstance(m, Medians) else Medians(**m) for m in self.medians))

    def verdict(self, progress: Progress) -> str:
        for known in self.medians:
            median = known.at(progress.epoch) if known.schedule == progress.schedule and progress.epoch >= self.begin else None
            if median is not None and progress.best > median:
                return (
                    f"the best score after {progress.epoch} epoch{'' if progress.epoch == 1 else 's'}, {progress.best:.4g}, is worse than {median:.4g}, the median of "
                    f"{known.trials} completed trainings up to there"
                )
        return ""


@dataclass(frozen=True)
class Either(StopRule):
    """A training ends as soon as one of several rules ends it.

    Args:
        rules: as rules, or as JSON.
    """

    rules: tuple[StopRule, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(r if isinstance(r, StopRule) else rule_from_json(r) for r in self.rules))

    def verdict(self, progress: Progress) -> str:
        return next((reason for rule in self.rules if (reason := rule.verdict(progress))), "")

    def extrapolation(self, progress: Progress) -> Mapping[str, Any]:
        return next((rule.extrapolation(progress) for rule in self.rules if rule.verdict(progress)), {})

    def to_json(self) -> dict[str, Any]:
        return {"rule": name_of(type(self)), "rules": [rule.to_json() for rule in self.rules]}


RULES: Mapping[str, str] = {
    "threshold": "neuroevo.estimation.stopping:Threshold",
    "median": "neuroevo.estimation.stopping:Median",
    "either": "neuroevo.estimation.stopping:Either",
    "unlikely": "neuroevo.estimation.unlikely:Unlikely",
}


def name_of(rule: type[StopRule]) -> str:
    """What a rule's JSON calls it: a built-in one's name, or "module:Class"."""
    place = f"{rule.__module__}:{rule.__qualname__}"
    return next((name for name, known in RULES.items() if known == place), place)


def rule_from_json(data: Mapping[str, Any]) -> StopRule:
    """The rule that `to_json` described.

    Raises:
        ValueError: an unknown rule (the nearest is suggested), a module that cannot be imported, or settings that are not the rule's.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("rule"), str):
        raise ValueError(
            f"a stop rule is a JSON object with the name of the 'rule', such as {Threshold(5, 0.5).to_json()}; got {shown(data)}"
        )
    name, settings = data["rule"], {key: value for key, value in data.items() if key != "rule"}
    rule = _imported(RULES.get(name, name))
    try:
        return rule.from_json(settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the stop rule {name!r} cannot be made from {shown(settings)}: {error}") from error


def _imported(name: str) -> type[StopRule]:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ValueError(f"{unknown('stop rule', name, sorted(RULES))}; a rule of one's own is named 'module:Class'")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the stop rule {name!r} cannot be imported here ({error}); define it in a module that workers can import"
        ) from error
    if not isinstance(found, type) or not issubclass(found, StopRule):
        raise ValueError(f"{name!r} is no stop rule: derive it from neuroevo.estimation.StopRule")
    return found


def check_count(name: str, value: Any) -> None:
    """Check a number of epochs or of trainings.

    Raises:
        ValueError: it is no whole number >= 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {shown(value)}")


def check_number(name: str, value: Any) -> None:
    """Check a number.

    Raises:
        ValueError: it is not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {shown(value)}")
