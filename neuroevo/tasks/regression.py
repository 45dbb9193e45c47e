"""Regression: one or several numbers for each sample."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective
from neuroevo.data.dataset import Kind
from neuroevo.tasks import intervals, metrics
from neuroevo.tasks.supervised import CHEAP, ENERGY, LATENCY, PROXIES, Supervised


class Regression(Supervised):
    """Networks that predict numbers: `Regression("houses.csv", target="price")`.

    Offered objectives: `mae` and `rmse` (in the target's own units), `loss` (mean squared error of the normalised target: 1 is as
    good as always saying the mean), `parameters`, `flops` (multiply-adds), `latency` (milliseconds for one sample), `energy`
    (joules for one sample, where the hardware counts them), and the zero-cost proxies of the untrained network (`naswot`, `synflow`, ...;
    maximised; `neuroevo list proxies`); see `Supervised` for functions of your own. All scores are on the validation part.
    """

    kind: ClassVar[Kind] = "regression"
    loss: ClassVar[str] = "mean_squared_error"
    selection: str = "mae"
    offered: ClassVar[tuple[Objective, ...]] = (
        Objective("mae", "minimise", ideal=0.0),
        Objective("rmse", "minimise", ideal=0.0),
        Objective("loss", "minimise", ideal=0.0),
        *CHEAP,
        LATENCY,
        ENERGY,
        *PROXIES,
    )

    def scores(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, float]:
        scale = self.dataset.target_normalisation
        assert scale is not None  # a regression's data has one
        predicted = scale.inverse(outputs)
        return {
            "mae": metrics.mean_absolute_error(predicted, y),
            "rmse": metrics.root_mean_squared_error(predicted, y),
            "loss": float(((outputs - scale(y)).astype(np.float64) ** 2).mean()),
        }

    def intervals(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, intervals.Interval]:
        scale = self.dataset.target_normalisation
        assert scale is not None  # a regression's data has one
        away = scale.inverse(outputs) - y
        squares = intervals.of_mean((away**2).mean(axis=1))
        normalised = ((outputs - scale(y)).astype(np.float64) ** 2).mean(axis=1)
        found = {
            "mae": intervals.of_mean(np.abs(away).mean(axis=1)),
            "rmse": (max(0.0, squares[0]) ** 0.5, squares[1] ** 0.5),
            "loss": intervals.of_mean(normalised),
        }
        return {name: (max(0.0, low), high) for name, (low, high) in found.items()}
