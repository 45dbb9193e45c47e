"""BayesNas: sparse priors on operations (Zhou, Yang, Wang & Pan 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from genomes.base import shown
from neuroevo.strategies.evolution.breeding import check
from neuroevo.strategies.oneshot.differentiable import Differentiable


@dataclass
class BayesNas(Differentiable):
    """Every operation has a weight of its own with a prior whose variance the data decide; what is not needed shrinks to nothing, and with a node all
    that starts there. The network that comes out has the operations of the largest variance.

    An epoch is a trial: the weights alone on a share of the samples, then both, then an update of the priors from the curvature of the loss.

    Args:
        penalty: lambda, of the prior against the loss.
        rate: of the operations' weights.
        alone: share of the samples for the weights alone.
        normalised: which candidates are standardised by their batch: "all", since an operation with larger outputs would else win with a
            smaller weight; "poolings" or "none".
        discretise, stop, most_skips, earliest: see `Differentiable`; no perturbation and no eigenvalue.
        epochs, learning_rate, final_rate, momentum, weight_decay, clip, batch_size, flip, shift, finals, statistics, calibration: see `OneShot`.

    Raises:
        ValueError: a setting out of its range.
    """

    penalty: float = 0.01
    rate: float = 0.025
    alone: float = 0.1
    normalised: Literal["none", "poolings", "all"] = "all"
    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        super().__post_init__()
        check("normalised", self.normalised, ("none", "poolings", "all"))
        if self.stop is not None:
            check("stop", self.stop, ("skips",))
        check("discretise", self.discretise, ("argmax", "top_2"))
        for name in ("penalty", "rate", "alone"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < (1 if name == "alone" else float("inf")):
                raise ValueError(f"{name} must be a number > 0{' and < 1' if name == 'alone' else ''}, got {shown(value)}")

    def method(self) -> dict[str, Any]:
        return {"normalised": self.normalised}

    def rule(self) -> dict[str, Any]:
        return {"rule": "bayesnas", "penalty": self.penalty, "rate": self.rate, "alone": self.alone}
