"""Darts: differentiable architecture search (Liu, Simonyan & Yang 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from genomes.base import shown
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.oneshot.differentiable import Differentiable


@dataclass
class Darts(Differentiable):
    """Operations are mixed by architecture parameters, which learn by gradient from half of the training samples, while the weights learn from the
    other half; an epoch is a trial.

    The published settings are the defaults of the architecture's Adam. Its rate is right for the paper's hundred of thousands of steps; with
    hundreds of steps it decides nothing, and needs to be higher. First-order DARTS tends to end with skips only (its cell on NAS-Bench-201): see
    `stop`, and `discretise="perturbation"`.

    Args:
        order: 1, or 2 for gradients at weights that are one step ahead (three times the time).
        weighing: "softmax", or "independent": the sigmoid of each parameter, so that options do not compete (Chu et al. 2020).
        rate, decay: of the architecture's Adam (0.5, 0.999).
        begin: epochs in which the weights learn alone.
        normalised: which candidates are standardised by their batch before they are mixed: "none", "poolings" as in the paper, or "all".
        discretise, measure, tune, tune_rate, stop, most_skips, earliest: see `Differentiable`.
        epochs, learning_rate, final_rate, momentum, weight_decay, clip, batch_size, flip, shift, finals, statistics, calibration: see `OneShot`.

    Raises:
        ValueError: a setting out of its range.
    """

    order: Literal[1, 2] = 1
    weighing: Literal["softmax", "independent"] = "softmax"
    rate: float = 3e-4
    decay: float = 1e-3
    begin: int = 0
    normalised: Literal["none", "poolings", "all"] = "none"
    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {shown(self.order)}")
        check("weighing", self.weighing, ("softmax", "independent"))
        check("normalised", self.normalised, ("none", "poolings", "all"))
        check_count("begin", self.begin, 0)

    def method(self) -> dict[str, Any]:
        return {"normalised": self.normalised}

    def rule(self) -> dict[str, Any]:
        return {
            "rule": "darts",
            "order": self.order,
            "weighing": self.weighing,
            "rate": self.rate,
            "decay": self.decay,
            "begin": self.begin,
            "eigenvalue": self.stop == "eigenvalue",
        }
