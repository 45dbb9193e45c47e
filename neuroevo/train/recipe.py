"""Recipe: how a network is trained, as one JSON-able value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Settings, shown, unknown

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("cosine", "constant", "restarts")


@dataclass(frozen=True)
class Augmentation(metaclass=Settings):
    """What is done to each training sample anew in every epoch; nothing by default.

    Args:
        flip: mirror half of the images left to right.
        shift: move by up to this many pixels (or steps), every direction alike; what comes in is the border's value.
        crop: cut out a window whose sides are up to this share smaller, and stretch it to the full size again.
    """

    flip: bool = False
    shift: int = 0
    crop: float = 0.0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"shift must be >= 0 (pixels), got {self.shift}")
        if not 0 <= self.crop < 1:
            raise ValueError(f"crop must be in [0, 1) (share of a side), got {self.crop}")

    def __bool__(self) -> bool:
        return self.flip or self.shift > 0 or self.crop > 0


NO_AUGMENTATION = Augmentation()


@dataclass(frozen=True)
class Recipe(metaclass=Settings):
    """How a network is trained.

    Args:
        epochs: how often every training sample is seen; None goes by the number of samples (`sized`).
        batch_size: samples in one step; None likewise.
        optimizer: "sgd" (with momentum), "adam", or "adamw" (decoupled weight decay).
        learning_rate: the highest rate.
        momentum: of SGD, in [0, 1).
        nesterov: whether SGD looks ahead.
        weight_decay: per step, times the learning rate, on kernels only (never on biases and normalisations); for "sgd" and
            "adam" it is part of the gradient, for "adamw" decoupled (Loshchilov & Hutter 2019).
        schedule: "cosine" falls to 0 at the end; "restarts" falls to 0 again and again, each period longer (SGDR, Loshchilov &
            Hutter 2017); "constant".
        period, growth: of "restarts": epochs of the first period, and how much longer each next one is.
        warmup: epochs over which the rate rises linearly from 0; at most a quarter of all.
        label_smoothing: share of the label's weight that is spread over all classes, in [0, 1).
        averaging: decay per step of an exponential moving average of the weights, which is what is kept and scored; 0 for none.
        clip: largest norm of a step's whole gradient, which is shortened to it (Pascanu et al. 2013); 0 for no limit.
        augment: what is done to the training samples.

    Raises:
        ValueError: a value out of its range, or an unknown optimizer or schedule (the nearest is suggested).
    """

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    period: float = 10.0
    growth: float = 2.0
    warmup: float = 0.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    clip: float = 0.0
    augment: Augmentation = field(default=NO_AUGMENTATION)

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 0:
            raise ValueError(f"epochs must be >= 0, got {self.epochs}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {self.batch_size}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(unknown("optimizer", self.optimizer, OPTIMIZERS))
        if self.schedule not in SCHEDULES:
            raise ValueError(unknown("schedule", self.schedule, SCHEDULES))
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(f"learning_rate must be > 0, got {self.learning_rate}")
        for name in ("momentum", "label_smoothing", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        for name in ("weight_decay", "warmup", "clip"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)}")
        if self.period <= 0 or self.growth < 1:
            raise ValueError(f"period must be > 0 epochs and growth >= 1, got {self.period} and {self.growth}")

    def sized(self, samples: int, epochs: int | None = None) -> Recipe:
        """The recipe with its epochs and batch size settled for a training set.

        Small sets want many small steps: about 64 steps an epoch in batches of 16 to 64, and 40 epochs at 1,000 samples, falling
        with the square root of their number, from 60 down to 3.
        """
        batch = self.batch_size or 2 ** round(math.log2(min(64, max(16, samples / 64))))
        if epochs is None:
            epochs = self.epochs
        if epochs is None:
            epochs = round(min(60.0, max(3.0, 40 * math.sqrt(1000 / max(samples, 1)))))
        return replace(self, epochs=epochs, batch_size=batch)

    def rates(self, steps: int) -> npt.NDArray[np.float32]:
        """The learning rate of every step of a training: float32 [epochs, steps], `steps` being the steps of one epoch.

        Raises:
            ValueError: the epochs are not settled (`sized`).
        """
        epochs = self.epochs
        if epochs is None:
            raise ValueError("the recipe leaves its epochs to the data: call sized(samples) first")
        time = np.arange(epochs * steps) / steps  # in epochs
        if self.schedule == "constant":
            factor = np.ones(len(time))
        elif self.schedule == "cosine":
            factor = 0.5 * (1 + np.cos(np.pi * time / max(epochs, 1)))
        else:
            factor = 0.5 * (1 + np.cos(np.pi * self._phase(time)))
        warmup = min(self.warmup, epochs / 4)
        if warmup > 0:
            factor = factor * np.minimum(1.0, (time + 1 / steps) / warmup)
        return (self.learning_rate * factor).astype(np.float32).reshape(epochs, steps)

    def _phase(self, time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where each moment (epochs) lies in its period, from 0 to 1."""
        phase = np.zeros(len(time))
        start, length = 0.0, self.period
        while len(time) and start <= time[-1]:
            inside = (time >= start) & (time < start + length)
            phase[inside] = (time[inside] - start) / length
            start, length = start + length, length * self.growth
        return phase

    def to_dict(self) -> dict[str, Any]:
        """JSON: every setting."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` described.

        Raises:
            ValueError: unknown settings, or values out of range.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a recipe is a JSON object, got {shown(data)}")
        names = [f.name for f in dataclasses.fields(Recipe)]
        for key in data:
            if key not in names:
                raise ValueError(unknown("training setting", key, names))
        values = dict(data)
        try:
            if isinstance(values.get("augment"), Mapping):
                values["augment"] = Augmentation(**values["augment"])
            return Recipe(**values)
        except TypeError as error:
            raise ValueError(f"a recipe cannot be made from {shown(data)}: {error}") from error


# From scratch, small data wants a high rate, small batches and softened labels. A slow start and short gradients keep networks whose
# dense layers have no normalisation alive at that rate. An inherited network is near a good one already: half the rate,
# and a slow rise, so that its first epoch leaves it near its parent (`experiments/first_epoch.py`).
FROM_SCRATCH = Recipe(learning_rate=0.1, weight_decay=2e-3, label_smoothing=0.1, clip=1.0, warmup=3)
INHERITED = Recipe(learning_rate=0.05, weight_decay=2e-3, label_smoothing=0.1, clip=1.0, warmup=5)
# Tables overfit sooner and come in all scales: strong decoupled decay and Adam's steps suit them better (`benchmarks/table_recipes.py`).
TABLE = replace(FROM_SCRATCH, optimizer="adamw", learning_rate=0.02, weight_decay=0.3)
TABLE_INHERITED = replace(INHERITED, optimizer="adamw", learning_rate=0.01, weight_decay=0.3)
FORMERLY = (replace(INHERITED, warmup=1),)  # the usual ones of earlier releases, as their runs recorded them
