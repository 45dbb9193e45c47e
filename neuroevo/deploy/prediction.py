"""Predictions: what a model says of each input, as lines of text, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class FoundBox:
    """A thing that was found in an image.

    Args:
        label: its class.
        score: how sure that is, from 0 to 1.
        left, top, right, bottom: of its box, in pixels of the image.
    """

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    def __str__(self) -> str:
        corners = ", ".join(f"{side:.0f}" for side in (self.left, self.top, self.right, self.bottom))
        return f"{self.label} ({100 * self.score:.0f} %) at {corners}"


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input.

    Args:
        source: the file, or "row 3".
        label: the most probable class, or by a threshold the class that is said; None for a regression and a detection.
        values: by name, the probability of each class or the predicted values; empty for a detection.
        digits: of each value the significant digits that say something: more than 6 where values differ by little beside their size;
            () is 6 of each.
        boxes: of a detection what was found, the surest first; None for anything else.
    """

    source: str
    label: str | None
    values: Mapping[str, float]
    digits: tuple[int, ...] = ()
    boxes: tuple[FoundBox, ...] | None = None

    def __str__(self) -> str:
        if self.boxes is not None:
            return f"{self.source}: {'; '.join(map(str, self.boxes)) or 'nothing found'}"
        if self.label is not None:
            return f"{self.source}: {self.label} ({100 * self.values[self.label]:.1f} %)"
        return f"{self.source}: {', '.join(f'{name} {text}' for name, text in zip(self.values, self.texts(), strict=True))}"

    def texts(self, least: int = 6) -> list[str]:
        """The values as text.

        Args:
            least: significant digits of each, where it has no more.
        """
        digits = self.digits or (6,) * len(self.values)
        return [f"{value:.{max(least, count)}g}" for value, count in zip(self.values.values(), digits, strict=True)]


def predictions_csv(predictions: Sequence[Prediction]) -> str:
    """A table with a header and one row for each input: its number or file; then the class and the probability of each class, or the
    predicted values by name. Of a detection one row for each box: its image, class, score and sides in pixels."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if any(prediction.boxes is not None for prediction in predictions):
        writer.writerow([_numbered(predictions[0])[1], "class", "score", *SIDES])
        for prediction in predictions:
            for box in prediction.boxes or ():
                sides = [f"{getattr(box, side):.2f}" for side in SIDES]
                writer.writerow([_numbered(prediction)[0], box.label, f"{box.score:.4f}", *sides])
        return text.getvalue()
    for number, prediction in enumerate(predictions):
        row, source = _numbered(prediction)
        if number == 0:
            classes = prediction.label is not None
            names = [f"probability of {name}" if classes else name for name in prediction.values]
            writer.writerow([source, *(["class"] if classes else []), *names])
        said = [] if prediction.label is None else [prediction.label]
        writer.writerow([row, *said, *prediction.texts(9)])
    return text.getvalue()


def predictions_json(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """The same for scripts: a dict for each input."""
    found = []
    for prediction in predictions:
        row, source = _numbered(prediction)
        if prediction.boxes is not None:
            boxes: list[dict[str, Any]] = [
                {"class": box.label, "score": box.score, **{side: getattr(box, side) for side in SIDES}} for box in prediction.boxes
            ]
            found.append({source: row, "boxes": boxes})
            continue
        values = dict(prediction.values)
        said: dict[str, Any] = {"values": values} if prediction.label is None else {"class": prediction.label, "probabilities": values}
        found.append({source: row, **said})
    return found


def _numbered(prediction: Prediction) -> tuple[int | str, str]:
    """The row's number or the file, and which of the two it is."""
    kind, _, number = prediction.source.partition(" ")
    return (int(number), "row") if kind == "row" and number.isdigit() else (prediction.source, "file")
