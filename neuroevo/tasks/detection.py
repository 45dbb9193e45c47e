"""Detection: what is where in an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.layers import BOX
from neuroevo.core.objectives import Objective
from neuroevo.data.dataset import Dataset, Kind, Part
from neuroevo.tasks.average_precision import average_precision
from neuroevo.tasks.detecting import Detected, detections
from neuroevo.tasks.supervised import CHEAP, ENERGY, LATENCY, PROXIES, ObjectiveLike, Supervised
from neuroevo.train.assignment import detection_targets
from neuroevo.train.augmentation import augmented_with_boxes
from neuroevo.train.grids import Floats, Grids, grids_of
from neuroevo.train.loop import Vary
from neuroevo.train.recipe import Augmentation, Recipe

if TYPE_CHECKING:
    from genomes.base import Space

ImageSize = int | tuple[int, int] | str | None
RECIPE = Recipe(batch_size=16, optimizer="adam", learning_rate=1e-2, weight_decay=1e-4, clip=1.0, warmup=1)
LOSS_BATCH = 256  # samples whose loss is computed at a time


class Detection(Supervised):
    """Networks that find objects in images: `Detection("boxes/", objectives=("ap", "parameters<100000"))`.

    A network maps images to float32 [samples, locations, classes + 5], as those of `genomes.PyramidSpace` do: for each cell of the levels' grids
    the logits of the classes, four numbers of the box, and the logit of the centreness (FCOS; Tian et al. 2019).

    Offered objectives: `ap` (COCO's average precision, the mean over overlaps from .50 to .95, 0 to 1; maximised, as are the next two), `ap50`
    and `ap75`, `loss` (focal loss, centreness and generalised overlap together), `parameters`, `flops` (multiply-adds), `latency` (milliseconds
    for one image, before boxes that overlap are taken out), `energy`, and the zero-cost proxies of the untrained network; see `Supervised` for
    functions of your own. All scores are on the validation part. Average precision is counted by faster-coco-eval (the extra `detection`); its
    intervals are not known.

    Args:
        data: a folder of images with COCO's annotations, "scattered_digits", a pair of images and of the boxes in each, or a Dataset
            (`neuroevo.data.load`).
        objectives: as for `neuroevo.tasks.supervised.Supervised`.
        seed: decides the split of the data.
        image_size: what images are fitted into, boxes with them: pixels of both sides, (height, width), or "128x96" (width x height).
    """

    kind: ClassVar[Kind] = "detection"
    loss: ClassVar[str] = "detection"
    encoding: ClassVar[str] = "pyramid"
    selection: str = "ap"
    offered: ClassVar[tuple[Objective, ...]] = (
        Objective("ap", "maximise", ideal=1.0, reference=0.0),
        Objective("ap50", "maximise", ideal=1.0, reference=0.0),
        Objective("ap75", "maximise", ideal=1.0, reference=0.0),
        Objective("loss", "minimise", ideal=0.0),
        *CHEAP,
        LATENCY,
        ENERGY,
        *PROXIES,
    )

    def __init__(
        self,
        data: Any,
        objectives: str | Sequence[ObjectiveLike] | None = None,
        seed: int = 0,
        image_size: ImageSize = None,
    ) -> None:
        super().__init__(data, objectives, seed=seed)
        self.image_size = tuple(image_size) if isinstance(image_size, list) else image_size

    def _load(self) -> Dataset:
        from neuroevo.data import load

        return load(self.data, seed=self.seed, kind=self.kind, image_size=self.image_size)

    def default_space(self, **settings: Any) -> Space:
        """The space of feature pyramids for this data's images and classes."""
        from genomes import PyramidSpace

        return replace(PyramidSpace.for_data(self.dataset.input_shape, self.dataset.outputs), **settings)

    @property
    def from_scratch(self) -> Recipe:
        return replace(RECIPE, epochs=self._epochs)

    @property
    def inherited(self) -> Recipe:
        return replace(RECIPE, epochs=max(1, self._epochs // 2), learning_rate=RECIPE.learning_rate / 2)

    @property
    def _epochs(self) -> int:
        """12 at 1,000 images, falling with the square root of their number, as `Recipe.sized` has it for other tasks."""
        return round(min(60.0, max(3.0, 12 * math.sqrt(1000 / len(self.dataset.train)))))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images, as networks get them."""
        height, width = self.dataset.input_shape[:2]
        return height, width

    def grids(self, network: Any) -> Grids:
        """The grids of a network for this task.

        Args:
            network: a `keras.Model` or a compiled network.

        Raises:
            ValueError: it gives something else than [locations, classes + 5], or is for images of another size.
        """
        model = getattr(network, "model", network)
        inputs, outputs = tuple(model.input_shape[1:]), tuple(model.output_shape[1:])
        wanted = self.dataset.outputs + BOX
        if len(outputs) != 2 or outputs[1] != wanted:
            raise ValueError(
                f"a network for this detection gives [locations, {wanted}] for each image, {self.dataset.outputs} classes and {BOX} numbers more; "
                f"this one gives {list(outputs)}: networks of PyramidSpace detect (--encoding pyramid)"
            )
        if inputs != self.dataset.input_shape:
            raise ValueError(f"the images have the shape {self.dataset.input_shape}, this network takes {inputs}; detection has no lower resolution")
        return grids_of(self.size, outputs[0])

    def training_targets(self, part: Part, network: Any = None) -> Floats:
        return detection_targets(part.y, self.grids(network))

    def output_shape(self, of: tuple[int, ...]) -> tuple[int, ...]:
        return (of[0] if of else 1, self.dataset.outputs + BOX)

    def varying(self, part: Part, network: Any) -> Vary:
        grids = self.grids(network)

        def vary(augment: Augmentation, rng: np.random.Generator) -> tuple[Floats, Floats]:
            x, y = augmented_with_boxes(part.x, part.y, augment, rng)
            return x, detection_targets(y, grids)

        return vary

    def plain_targets(self, part: Part, network: Any) -> Floats:
        return self.training_targets(part, network)

    def detected(self, outputs: Floats) -> list[Detected]:
        """What a network found in each image, by its outputs: float32 [samples, locations, classes + 5]."""
        return detections(outputs, grids_of(self.size, outputs.shape[1]))

    def scores(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, float]:
        grids = grids_of(self.size, outputs.shape[1])
        found = average_precision(detections(outputs, grids), y, self.size, self.dataset.outputs)
        return {**found, "loss": _loss(outputs, y, grids)}

    def settings(self) -> dict[str, Any]:
        size = self.image_size
        return {**super().settings(), **({} if size is None else {"image_size": list(size) if isinstance(size, tuple) else size})}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        data, objectives = cls._recorded(settings)
        size = settings.get("image_size")
        if isinstance(size, bool) or not isinstance(size, (int, str, list, type(None))):
            raise ValueError(f"the size of images is recorded as a number, a text or [height, width], got {shown(size)}")
        return cls(data, objectives, settings.get("seed", 0), size)  # type: ignore[arg-type]


def _loss(outputs: Floats, y: Floats, grids: Grids) -> float:
    """The training loss over all images at once."""
    from keras import ops

    from neuroevo.train.detection_loss import detection_sums, of_sums

    sums = np.zeros(5)
    for at in range(0, len(outputs), LOSS_BATCH):
        rows = slice(at, at + LOSS_BATCH)
        sums += np.asarray(ops.convert_to_numpy(detection_sums(ops.convert_to_tensor(outputs[rows]), detection_targets(y[rows], grids))))
    return float(ops.convert_to_numpy(of_sums(ops.convert_to_tensor(sums.astype(np.float32)))))
