"""Classification: which of several classes a sample belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.core.objectives import Objective
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import Kind, Part
from neuroevo.tasks import intervals, metrics
from neuroevo.tasks.supervised import CHEAP, ENERGY, LATENCY, PROXIES, ObjectiveLike, Supervised

ClassWeights = Literal["balanced"] | Mapping[str, float] | None


class Classification(Supervised):
    """Networks that classify: `Classification("digits", objectives=("error", "parameters<20000"))`.

    Offered objectives: `error` (share of wrong answers, 0 to 1), `balanced_error` (the mean of the classes' errors), `loss` (cross-entropy,
    nats), `f1` and `auc` (maximised, classes weighted equally), `parameters`, `flops` (multiply-adds), `latency` (milliseconds for one
    sample), `energy` (joules for one sample, where the hardware counts them), and the zero-cost proxies of the untrained network (`naswot`, `synflow`, ...;
    maximised; `neuroevo list proxies`); see `Supervised` for functions of your own. All scores are on the validation part.

    Args:
        class_weights: by how much the samples of a class count in the training loss: "balanced", so that all classes count alike, or weights
            by the names of classes (the others weigh 1); they are scaled to a mean of 1 over the training samples. None: samples count alike.
        data, objectives, target, seed, missing, columns: as for `neuroevo.tasks.supervised.Supervised`.

    Raises:
        ValueError: class weights that are neither, or are not positive; of a class that the data does not have, when it is loaded.
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

    def __init__(
        self,
        data: Any,
        objectives: str | Sequence[ObjectiveLike] | None = None,
        target: str | Sequence[str] | None = None,
        seed: int = 0,
        missing: Sequence[str] = (),
        columns: Columns | Mapping[str, Any] | None = None,
        class_weights: ClassWeights = None,
    ) -> None:
        super().__init__(data, objectives, target, seed, missing, columns)
        self.class_weights = _checked(class_weights)

    @property
    def weighted(self) -> bool:
        return self.class_weights is not None

    def training_targets(self, part: Part, network: Any = None) -> npt.NDArray[np.float32]:
        targets = self.dataset.targets(part)
        return targets if self.class_weights is None else targets * self._weights()[part.y, None]

    def _weights(self) -> npt.NDArray[np.float32]:
        """By how much a sample of each class counts: float32 [classes]."""
        given, names = self.class_weights, self.dataset.label_names
        counts = np.bincount(self.dataset.train.y, minlength=len(names))
        if isinstance(given, Mapping):
            if absent := [name for name in given if name not in names]:
                raise ValueError(unknown("class to weigh", absent[0], names))
            weights = np.array([given.get(name, 1.0) for name in names])
        else:
            weights = 1.0 / np.maximum(counts, 1)
        return np.asarray(weights * counts.sum() / (weights * counts).sum(), np.float32)

    def settings(self) -> dict[str, Any]:
        given = self.class_weights
        return {**super().settings(), **({} if given is None else {"class_weights": given if given == "balanced" else dict(given)})}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        task = super().from_settings(settings)
        task.class_weights = _checked(settings.get("class_weights"))
        return task

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


def _checked(weights: Any) -> ClassWeights:
    if weights is None or weights == "balanced":
        return weights  # type: ignore[no-any-return]
    fine = isinstance(weights, Mapping) and all(
        isinstance(name, str) and isinstance(weight, (int, float)) and 0 < weight < float("inf") for name, weight in weights.items()
    )
    if not fine or not weights:
        raise ValueError(
            f"class_weights are 'balanced', or positive numbers by the names of classes, such as {{'malignant': 3}}, got {shown(weights)}"
        )
    return {name: float(weight) for name, weight in weights.items()}
