"""Detections: images with what is there, and with what a network finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.deploy.examination import Examination, examination
from neuroevo.deploy.finding import SURE
from neuroevo.deploy.seen import SeenImage
from neuroevo.plots.palette import GREEN, MUTED, ORANGE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
SIDE = 2.7  # inches of an image
LONGEST = 14  # characters of a class's name


@dataclass(frozen=True)
class DetectionsData:
    """What the figure shows.

    Attributes:
        labels: the classes.
        images: of the validation data.
        examined: the rest.
    """

    labels: tuple[str, ...]
    images: tuple[SeenImage, ...]
    examined: Examination


def detections_data(run: Run, name: int | str | None = None) -> DetectionsData:
    """The images behind `detections`.

    Raises:
        KeyError: there is no such network.
        ValueError: the run is no detection.
    """
    found = examination(run, name)
    if not found.seen:
        raise ValueError("boxes are found in a detection; this run is none: neuroevo plot RUN confusion, or residuals")
    return DetectionsData(found.labels, found.seen, found)


def detections(run: Run, name: int | str | None = None) -> Figure:
    """Draw images of the validation data, the boxes that are there (dashed) and those that the network finds, with their scores.

    Args:
        name: an individual's id or a derived network's name; None: the best.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    data = detections_data(run, name)
    columns = min(COLUMNS, len(data.images))
    rows = -(-len(data.images) // columns)
    figure = Figure(figsize=(SIDE * columns, SIDE * rows + 0.9), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False)
    for axes in every.flat:
        axes.set_axis_off()
    for axes, image in zip(every.flat, data.images, strict=False):
        _draw(axes, image, data.labels)
    score, value = data.examined.score
    known = f"{score} {value:.3f} on {'all ' if data.examined.part == 'validation' else ''}{data.examined.part} data"
    figure.suptitle(f"individual {data.examined.name}, some images of the validation data ({known})", fontsize=11)
    lines = [Line2D([], [], color=GREEN, linestyle="--"), Line2D([], [], color=ORANGE)]
    figure.legend(lines, ["what is there", "what the network finds"], loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    said = f"{len(data.images)} images of the validation data; boxes of a score from {SURE:g} on, in %"
    figure.supxlabel(said, fontsize=9, color=MUTED, x=0.99, ha="right")
    return figure


def _draw(axes: Any, image: SeenImage, labels: tuple[str, ...]) -> None:
    from matplotlib.patches import Rectangle

    values = image.values
    axes.imshow(values, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    room = 0.05 * values.shape[0]  # for a label outside of a box; else it stands inside
    below = values.shape[0] - room
    boxes = [(box, "", GREEN, "--", False) for box in image.truth]
    boxes += [(box[:5], f" {100 * box[5]:.0f}", ORANGE, "-", True) for box in reversed(image.found)]  # the surest on top
    for (left, top, right, bottom, label), sure, colour, style, above in boxes:
        # the middle of the first pixel is at 0, its edge at -0.5
        corner = (left - 0.5, top - 0.5)
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=colour, linestyle=style, linewidth=1.4))
        said = _short(labels[int(label)]) + sure
        axes.text(
            left if above else right - 1, top if above else bottom - 1, said, fontsize=7, color="white",
            ha="left" if above else "right", va=("bottom" if top > room else "top") if above else ("top" if bottom < below else "bottom"), clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
        )  # fmt: skip
    axes.set_xlim(-0.5, values.shape[1] - 0.5)
    axes.set_ylim(values.shape[0] - 0.5, -0.5)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 3]}..."
