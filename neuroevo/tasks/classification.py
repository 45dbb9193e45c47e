"""Classification: which of several classes a sample belongs to."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective
from neuroevo.data.dataset import Kind
from neuroevo.tasks import intervals, metrics
from neuroevo.tasks.supervised import CHEAP, ENERGY, LATENCY, PROXIES, Supervised


class Classification(Supervised):
    """Networks that classify: `Classification("digits", objectives=("error", "parameters<20000"))`.

    Offered objectives: `error` (share of wrong answers, 0 to 1), `balanced_error` (the mean of the classes' errors), `loss` (cross-entropy,
    nats), `f1` and `auc` (maximised, classes weighted equally), `parameters`, `flops` (multiply-adds), `latency` (milliseconds for one
    sample), `energy` (joules for one sample, where the hardware counts them), and the zero-cost proxies of the untrained network (`naswot`, `synflow`, ...;
    maximised; `neuroevo list proxies`); see `Supervised` for functions of your own. All scores are on the validation part.
    """

    kind: ClassVar[Kind] = "classification"
    loss: ClassVar[str] = "cross_entropy"
    selection: str = "error"
    offered: ClassVar[tuple[Objective, ...]] = (
        Objective("error", "minimise", ideal=0.0, reference=1.0),
        Objective("balanced_error", "minimise", ideal=0.0, reference=1.0),
        Objective("loss", "minimise", ideal=0.0),
        Objective("f1", "maximise", ideal=1.0, reference=0.0),
        Objective("auc", "maximise", ideal=1.0, reference=0.0),
        *CHEAP,
        LATENCY,
        ENERGY,
        *PROXIES,
    )

    def scores(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, float]:
        return {
            "error": metrics.error(outputs, y),
            "balanced_error": metrics.balanced_error(outputs, y),
            "loss": metrics.cross_entropy(outputs, y),
            "f1": metrics.f1(outputs, y),
            "auc": metrics.auc(outputs, y),
        }

    def intervals(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, intervals.Interval]:
        counts = intervals.confusion(outputs.argmax(axis=1), y, outputs.shape[1])
        of_loss = intervals.of_mean(-metrics.log_probabilities(outputs)[np.arange(len(y)), y])
        return {
            "error": intervals.of_share(int(counts.sum() - np.trace(counts)), len(y)),
            "balanced_error": intervals.of_confusion(counts, intervals.balanced_error_of),
            "loss": (max(0.0, of_loss[0]), of_loss[1]),
            "f1": intervals.of_confusion(counts, intervals.f1_of),
            "auc": intervals.of_auc(outputs, y),
        }
