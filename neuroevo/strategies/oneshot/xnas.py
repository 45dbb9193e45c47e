"""Xnas: operations as experts (Nayman, Noy, Ridnik, Friedman, Jin & Zelnik-Manor 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from genomes.base import shown
from neuroevo.strategies.evolution.breeding import check
from neuroevo.strategies.oneshot.differentiable import Differentiable


@dataclass
class Xnas(Differentiable):
    """Every operation is an expert: its weight is multiplied by exp(rate * reward) for what the loss would gain from more of it, and it is wiped out as
    soon as it cannot become the best in the steps that are left. The rate follows from the number of steps, so that regret is bounded.

    An epoch is a trial; weights and experts learn from halves of the training samples.

    Args:
        bound: the largest magnitude of a reward (L).
        rate: of the experts; None: sqrt(2 ln N / (T L^2)), T counting validation samples, epochs and cells of the kind.
        normalised: which candidates are standardised by their batch before they are mixed: "none", "poolings" or "all".
        discretise, measure, tune, tune_rate, stop, most_skips, earliest: see `Differentiable`; no eigenvalue.
        epochs, learning_rate, final_rate, momentum, weight_decay, clip, batch_size, flip, shift, finals, statistics, calibration: see `OneShot`.

    Raises:
        ValueError: a setting out of its range.
    """

    bound: float = 1.0
    rate: float | None = None
    normalised: Literal["none", "poolings", "all"] = "none"
    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        super().__post_init__()
        check("normalised", self.normalised, ("none", "poolings", "all"))
        if self.stop is not None:
            check("stop", self.stop, ("skips",))
        for name in ("bound", "rate"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf")):
                raise ValueError(f"{name} must be a number > 0, got {shown(value)}")

    def method(self) -> dict[str, Any]:
        return {"normalised": self.normalised}

    def rule(self) -> dict[str, Any]:
        return {"rule": "xnas", "bound": self.bound, "rate": self.rate}
