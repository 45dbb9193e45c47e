"""CPPNs' pictures: the pattern of one over the plane, and contact sheets of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.cppn import CppnGenome
from genomes.cppn.coordinates import grid
from genomes.cppn.pattern import PAINTING
from neuroevo.core.individual import Individual
from neuroevo.plots.palette import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

MOST_PICTURES = 400  # on a contact sheet


@dataclass(frozen=True)
class PatternData:
    """What a pattern's figure shows.

    Attributes:
        values: float64 [height, width], or [height, width, 3] for a coloured picture.
        signed: whether values are weights, from -1 to 1, rather than brightness.
        name: the output that is shown, and where it was asked.
    """

    values: Floats
    signed: bool
    name: str


def pattern_data(
    individual: Individual | Genome, size: int = 256, *, source: Sequence[float] | None = None, output: int = 0
) -> PatternData:
    """The numbers behind `pattern`.

    Raises:
        ValueError: no CPPN, an output that is not there, or a source of the wrong dimension.
    """
    genome = cppn_of(individual)
    space = genome.space
    if not 0 <= output < space.outputs:
        raise ValueError(f"output must be between 0 and {space.outputs - 1}, got {output}")
    name = space.output_names[output]
    if space.substrate is None and space.inputs == len(PAINTING):
        colour = space.outputs >= 3 and output == 0
        if colour:
            return PatternData(genome.picture(size, colour=True), False, "hue, saturation and brightness")
        return PatternData(np.abs(genome.query(_painting(size))[:, output]).reshape(size, size).clip(0, 1), False, name)
    if space.substrate is None:
        dimension, rest = space.inputs, ""
        points = np.zeros((size * size, dimension))
        points[:, : min(2, dimension)] = grid((size, size))[:, : min(2, dimension)]
        if dimension > 2:
            rest = ", the other inputs 0"
        return PatternData(genome.query(points)[:, output].reshape(size, size), True, f"{name} over the first two inputs{rest}")
    substrate = space.substrate
    place = np.zeros(substrate.dimension) if source is None else np.asarray(source, dtype=np.float64)
    if place.shape != (substrate.dimension,):
        raise ValueError(f"source must be a place of {substrate.dimension} coordinates, got {source!r}")
    targets = np.zeros((size * size, substrate.dimension))
    targets[:, : min(2, substrate.dimension)] = grid((size, size))[:, : min(2, substrate.dimension)]
    asked = connection_points(substrate, np.broadcast_to(place, targets.shape), targets)
    shown = ", ".join(f"{value:g}" for value in place)
    return PatternData(genome.query(asked)[:, output].reshape(size, size), True, f"{name} of connections from ({shown})")


def pattern(
    individual: Individual | Genome, size: int = 256, *, source: Sequence[float] | None = None, output: int = 0
) -> Figure:
    """Draw a CPPN's pattern over the plane: its picture, or for connections the weights from one place to every other.

    Args:
        individual: an individual of a run, or a bare genome.
        size: pixels of its edge.
        source: with a substrate, where the connections come from; default the origin.
        output: which output is drawn.
    """
    from matplotlib.figure import Figure

    data = pattern_data(individual, size, source=source, output=output)
    figure = Figure(figsize=(5.6, 5.0) if data.signed else (4.8, 5.0), layout="constrained")
    axes = figure.subplots()
    extent = (-1.0, 1.0, 1.0, -1.0)
    if data.signed:
        most = float(np.nanmax(np.abs(data.values))) or 1.0
        drawn = axes.imshow(data.values, cmap="RdBu", vmin=-most, vmax=most, extent=extent, interpolation="nearest")
        figure.colorbar(drawn, ax=axes, shrink=0.8, label=data.name.split(" of ")[0].split(" over ")[0])
    else:
        axes.imshow(data.values, cmap="gray", vmin=0.0, vmax=1.0, extent=extent, interpolation="nearest")
    connective = cppn_of(individual).space.substrate is not None
    axes.set_xticks((-1.0, -0.5, 0.0, 0.5, 1.0))
    axes.set_yticks((-1.0, -0.5, 0.0, 0.5, 1.0))
    axes.set_xlabel("x2" if connective else "x")
    axes.set_ylabel("y2" if connective else "y")
    title = _title(individual)
    axes.set_title(f"{title}\n{data.name}" if title else data.name, fontsize=9.5, color=INK)
    return figure


def pictures(
    individuals: Sequence[Individual | Genome], size: int = 64, *, columns: int | None = None, target: Floats | None = None
) -> Figure:
    """A contact sheet: the pictures of many painting CPPNs, each with its first score below.

    Args:
        individuals: a population, or genomes.
        size: pixels of each picture's edge.
        columns: pictures in a row; default about as many as rows.
        target: a picture [height, width] or [height, width, 3] that is put first, named "target".

    Raises:
        ValueError: nothing to draw, more than 400 pictures, or CPPNs that do not paint.
    """
    from matplotlib.figure import Figure

    tiles: list[tuple[Any, str]] = [] if target is None else [(np.asarray(target), "target")]
    if not 1 <= len(individuals) <= MOST_PICTURES:
        raise ValueError(f"a contact sheet shows 1 to {MOST_PICTURES} pictures, got {len(individuals)}")
    for individual in individuals:
        genome = cppn_of(individual)
        label = ""
        if isinstance(individual, Individual):
            label = f"{individual.id}: {next(iter(individual.values.values())):.3g}" if individual.values else str(individual.id)
        tiles.append((genome.picture(size, colour=genome.space.outputs >= 3), label))
    across = columns or math.ceil(math.sqrt(len(tiles) * 1.3))
    rows = math.ceil(len(tiles) / across)
    figure = Figure(figsize=(across * 1.05 + 0.2, rows * 1.22 + 0.2), layout="constrained")
    for number, axes in enumerate(figure.subplots(rows, across, squeeze=False).ravel()):
        axes.axis("off")
        if number < len(tiles):
            values, label = tiles[number]
            axes.imshow(values, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
            weight = "bold" if label == "target" else "normal"
            axes.text(
                0.5, -0.03, label, transform=axes.transAxes, ha="center", va="top", fontsize=6.5, color=INK, fontweight=weight
            )
    return figure


def connection_points(substrate: Any, sources: Floats, targets: Floats) -> Floats:
    """What a CPPN is told of connections between places: float64 [connections, its inputs]."""
    parts = [sources, targets]
    if substrate.differences:
        parts.append(targets - sources)
    if substrate.length:
        parts.append(np.sqrt(((targets - sources) ** 2).sum(axis=1, keepdims=True)))
    return np.concatenate(parts, axis=1)


def cppn_of(individual: Individual | Genome) -> CppnGenome:
    """The CPPN of an individual.

    Raises:
        ValueError: it is of another encoding.
    """
    genome = individual.genome if isinstance(individual, Individual) else individual
    if not isinstance(genome, CppnGenome):
        raise ValueError(f"only a CPPN has a pattern, got a {type(genome).__name__}")
    return genome


def _painting(size: int) -> Floats:
    from genomes.cppn.pattern import painting_coordinates

    return painting_coordinates(size)


def _title(individual: Individual | Genome) -> str:
    from neuroevo.plots.genome_figure import genome_title

    return genome_title(individual) if isinstance(individual, Individual) else ""
