"""Predictions: what a model says of each input, as lines of text, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input.

    Args:
        source: the file, or "row 3".
        label: the most probable class, or by a threshold the class that is said; None for a regression.
        values: by name, the probability of each class or the predicted values.
        digits: of each value the significant digits that say something: more than 6 where values differ by little beside their size;
            () is 6 of each.
    """

    source: str
    label: str | None
    values: Mapping[str, float]
    digits: tuple[int, ...] = ()

    def __str__(self) -> str:
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
    predicted values by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
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
        values = dict(prediction.values)
        said = {"values": values} if prediction.label is None else {"class": prediction.label, "probabilities": values}
        found.append({source: row, **said})
    return found


def _numbered(prediction: Prediction) -> tuple[int | str, str]:
    """The row's number or the file, and which of the two it is."""
    kind, _, number = prediction.source.partition(" ")
    return (int(number), "row") if kind == "row" and number.isdigit() else (prediction.source, "file")
