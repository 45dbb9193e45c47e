"""Dataset: three parts of normalised samples, and what is needed to treat new samples alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import boxes_in
from neuroevo.data.normalisation import Normalisation

Kind = Literal["classification", "regression", "detection"]


class DataError(ValueError):
    """Data that cannot be used; the sentence says why and what to do."""


class InputWarning(UserWarning):
    """Inputs that can be used, and are not like those that a model was trained on; the sentence says how."""


@dataclass(frozen=True)
class Part:
    """Samples and what they are.

    Args:
        x: float32 [samples, *input_shape], normalised.
        y: int64 [samples], the class of each; or float64 [samples, outputs], the values in their own units; or float32 [samples, most, 5], the
            boxes in each image (see `neuroevo.data.boxes`).
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """Data ready for a search: normalised on the training part alone.

    The search sees `train` and `validation`; `test` is scored once, at the end.

    Args:
        name: the name or path it was loaded from.
        kind: "classification", "regression" or "detection".
        label_names: the classes in the order of `y`'s numbers, or the names of the regression's outputs.
        normalisation: of the inputs.
        target_normalisation: of a regression's values (`y` itself is in its own units); None for classification.
        columns: for a table, how its columns become features (JSON, see `neuroevo.data.table`); None otherwise.
        images: for image files, how they became numbers (JSON, see `neuroevo.data.images`); None otherwise.
        notes: what was done to the data and what is odd about it, in sentences for people.
        validation_given: whether the source said which samples are for validation; then they are not mixed with others unless a user asks for it.
    """

    name: str
    kind: Kind
    train: Part
    validation: Part
    test: Part
    label_names: tuple[str, ...]
    normalisation: Normalisation
    target_normalisation: Normalisation | None = None
    columns: Mapping[str, Any] | None = None
    images: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    validation_given: bool = False

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(features,), (steps, channels) or (height, width, channels)."""
        return tuple(self.train.x.shape[1:])

    @property
    def outputs(self) -> int:
        """Classes, or values that a regression predicts."""
        return len(self.label_names)

    @property
    def nbytes(self) -> int:
        """Memory that the samples take, in bytes."""
        return sum(part.x.nbytes + part.y.nbytes for part in (self.train, self.validation, self.test))

    def targets(self, part: Part) -> npt.NDArray[np.float32]:
        """What a network is trained towards: one-hot classes, or normalised values: float32 [samples, outputs].

        Raises:
            ValueError: boxes, which become targets by the grids of a network (`neuroevo.tasks.Detection.training_targets`).
        """
        if self.kind == "detection":
            raise ValueError("this is for classification and regression: what a detection network is trained towards depends on its grids")
        if self.target_normalisation is not None:
            return self.target_normalisation(part.y)
        one_hot: npt.NDArray[np.float32] = np.eye(self.outputs, dtype=np.float32)[part.y]
        return one_hot

    @property
    def search_part(self) -> Part:
        """Training and validation samples together, for the last training of a chosen network."""
        return Part(np.concatenate([self.train.x, self.validation.x]), np.concatenate([self.train.y, self.validation.y]))

    @property
    def class_counts(self) -> dict[str, int]:
        """Samples of each class over all parts, of a detection boxes; empty for a regression."""
        if self.kind == "regression":
            return {}
        every = np.concatenate([self.train.y, self.validation.y, self.test.y])
        if self.kind == "detection":
            every = boxes_in(every)[:, 4].astype(np.int64)
        return dict(zip(self.label_names, np.bincount(every, minlength=self.outputs).tolist(), strict=True))

    def digest(self) -> str:
        """A digest of every sample, so that a resumed run can tell that its data changed."""
        scale = self.target_normalisation
        rounded = scale is not None and bool(scale.held.all())  # as in runs so far, which kept float32
        sha = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            sha.update(np.ascontiguousarray(part.x).data)
            sha.update(np.ascontiguousarray(part.y.astype(np.float32) if rounded else part.y).data)
        return sha.hexdigest()[:16]

    def __repr__(self) -> str:
        sizes = f"{len(self.train)} / {len(self.validation)} / {len(self.test)}"
        return f"<Dataset {self.name} {self.kind} {self.input_shape} -> {self.outputs}, train / validation / test {sizes}>"
