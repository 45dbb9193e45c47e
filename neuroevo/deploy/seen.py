"""Images of the validation data as a detection network sees them: what is there, and what it finds; kept in the run's folder, so that figures need
neither the data nor the network again."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import boxes_in

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset
    from neuroevo.tasks.detection import Detection

IMAGES = 12
Row = tuple[float, ...]


@dataclass(frozen=True)
class SeenImage:
    """An image, what is there and what a network finds.

    Attributes:
        png: the image, as networks get it, in base64.
        truth: of each box left, top, right, bottom in pixels and the number of its class.
        found: the same of what the network finds, and its score.
    """

    png: str
    truth: tuple[Row, ...]
    found: tuple[Row, ...]

    @property
    def values(self) -> npt.NDArray[np.uint8]:
        """uint8 [height, width] or [height, width, 3]."""
        from PIL import Image

        with Image.open(io.BytesIO(base64.b64decode(self.png))) as image:
            return np.asarray(image)


def seen_images(task: Detection, network: Any, count: int = IMAGES) -> tuple[SeenImage, ...]:
    """Images spread evenly over the validation part, with the boxes that the network is sure of (scores from 0.3 on).

    Args:
        network: a `keras.Model` or a callable, of normalised images.
    """
    from neuroevo.deploy.finding import SURE
    from neuroevo.tasks.detecting import told
    from neuroevo.tasks.supervised import outputs_of

    part = task.dataset.validation
    rows = np.unique(np.linspace(0, len(part) - 1, min(count, len(part))).round().astype(int))
    pictures = as_pictures(task.dataset, part.x[rows])
    seen = []
    for picture, truth, found in zip(pictures, part.y[rows], task.detected(outputs_of(network, part.x[rows])), strict=True):
        sure = told(found, SURE)
        boxes = np.concatenate([sure.boxes, sure.classes[:, None], sure.scores[:, None]], axis=1)
        seen.append(SeenImage(_png(picture), _rows(boxes_in(truth)), _rows(boxes)))
    return tuple(seen)


def as_pictures(dataset: Dataset, x: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Normalised images as people see them: uint8 [samples, height, width, channels]; numbers that are not 0 to 255 are stretched to that."""
    raw = dataset.normalisation.inverse(x)
    low, high = float(raw.min()), float(raw.max())
    if not (low > -0.5 and 1.0 < high < 255.5):
        raw = 255 * (raw - low) / max(high - low, 1e-12)
    return np.clip(np.rint(raw), 0, 255).astype(np.uint8)


def read_seen(found: Mapping[str, Any]) -> SeenImage:
    """What was recorded of an image."""
    return SeenImage(str(found["png"]), *(tuple(tuple(map(float, row)) for row in found[name]) for name in ("truth", "found")))


def _png(values: npt.NDArray[np.uint8]) -> str:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[2] != 3 else values).save(written, format="png")
    return base64.b64encode(written.getvalue()).decode()


def _rows(boxes: npt.NDArray[np.float32]) -> tuple[Row, ...]:
    return tuple(tuple(round(float(value), 4) for value in row) for row in boxes)
