"""The archive of MAP-Elites for a run's page and for a terminal: which cells are filled, by whom, and how good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from neuroevo.plots.archive_figure import ArchiveData

Floats = npt.NDArray[np.float64]
STOPS = 9  # of the scale of colours


def archive_line(run: Run) -> str:
    """Coverage and QD score after the last complete generation, in words; of an archive of what was new, how much is in it; "" where the run
    keeps none."""
    last = run.summaries[-1] if run.summaries else {}
    if "qd_score" not in last:
        return f"archive: {last['archive']:,} descriptors of what was new" if "archive" in last else ""
    share = f"{last['coverage']:.1%} of the cells" if last["coverage"] < 1 else "all cells"
    return f"archive: {last['elites']:,} elites in {share}, QD score {last['qd_score']:,.4g}"


def archive_json(run: Run) -> dict[str, Any] | None:
    """The same as JSON."""
    last = run.summaries[-1] if run.summaries else {}
    return {name: last[name] for name in ("elites", "coverage", "qd_score")} if "qd_score" in last else None


def archive_map(run: Run) -> dict[str, Any] | None:
    """JSON: the map that the page's script draws, over the first two axes; None where the run keeps no archive, or nothing is in it yet."""
    from neuroevo.plots.archive_figure import archive_data

    try:
        data = archive_data(run)
    except ValueError:
        return None
    objective = next(iter(run.objectives.values()))
    seen = _seen(data, objective.weight)
    values = np.array([data.values[cell] for cell, _ in seen])
    fills, scale = _colours(values, objective)
    return {
        "axes": [
            {
                "name": data.names[axis],
                "log": data.logarithmic[axis],
                "ends": [_real(data, axis, end[axis]) for end in (data.cells.low, data.cells.high)],
            }
            for axis in range(min(2, len(data.cells.low)))
        ],
        "of": len(data.cells.low),
        "objective": objective.name,
        "direction": objective.direction,
        "scale": scale,
        "ends": [float(f"{end:.4g}") for end in (values.min(), values.max())],
        "cells": [
            {
                "id": data.elites[cell],
                "fill": fill,
                "corners": [
                    [float(f"{_real(data, axis, place):.6g}") for axis, place in enumerate(corner)] for corner in corners
                ],
            }
            for (cell, corners), fill in zip(seen, fills, strict=True)
        ],
    }


def _real(data: ArchiveData, axis: int, place: float) -> float:
    """A place on an axis in the axis's own unit."""
    return float(10.0**place if axis < len(data.logarithmic) and data.logarithmic[axis] else place)


def _seen(data: ArchiveData, weight: float) -> list[tuple[int, Floats]]:
    """The cells that are seen from above, each with its corners, float64 [corners, 2]; of cells behind each other the one with the best."""
    from neuroevo.selection.cells import Grid, Voronoi

    low, high = data.cells.low, data.cells.high
    cells = list(data.elites)
    if isinstance(data.cells, Grid):
        counts = data.cells.cells
        best: dict[tuple[int, ...], int] = {}
        for cell in cells:
            at = tuple(int(number) for number in np.unravel_index(cell, counts))[:2]
            if at not in best or (data.values[cell] - data.values[best[at]]) * weight > 0:
                best[at] = cell
        sides = [(high[axis] - low[axis]) / counts[axis] for axis in range(min(2, len(low)))]
        found = []
        for at, cell in best.items():
            left, right = (low[0] + (at[0] + more) * sides[0] for more in (0, 1))
            bottom, top = (low[1] + (at[1] + more) * sides[1] for more in (0, 1)) if len(at) > 1 else (0.0, 1.0)
            found.append((cell, np.array([[left, bottom], [right, bottom], [right, top], [left, top]])))
        return found
    assert isinstance(data.cells, Voronoi)
    if len(low) == 1:
        return _intervals(data)
    every = list(range(data.cells.count)) if len(low) == 2 else cells
    corners = _polygons(data.cells.centres[every, :2])
    return [(cell, low[:2] + shape * (high - low)[:2]) for cell, shape in zip(every, corners, strict=True) if cell in data.elites]


def _intervals(data: ArchiveData) -> list[tuple[int, Floats]]:
    """The regions of a single axis."""
    from neuroevo.selection.cells import Voronoi

    assert isinstance(data.cells, Voronoi)
    centres = data.cells.centres[:, 0]
    order = np.argsort(centres)
    edges = np.concatenate([[0.0], (centres[order][1:] + centres[order][:-1]) / 2.0, [1.0]])
    edges = data.cells.low[0] + edges * (data.cells.high[0] - data.cells.low[0])
    shapes = {
        int(cell): np.array([[left, 0.0], [right, 0.0], [right, 1.0], [left, 1.0]])
        for cell, left, right in zip(order, edges, edges[1:], strict=False)
    }
    return [(cell, shapes[cell]) for cell in data.elites]


def _polygons(centres: Floats) -> list[Floats]:
    """The corners of the regions of the unit square that are nearest to these: mirrored at its four sides, the centres bound each other."""
    from scipy import spatial

    x, y = centres[:, 0], centres[:, 1]
    mirrored = [centres, *(np.stack(pair, axis=1) for pair in ((-x, y), (2.0 - x, y), (x, -y), (x, 2.0 - y)))]
    diagram = spatial.Voronoi(np.concatenate(mirrored))
    return [np.clip(diagram.vertices[diagram.regions[diagram.point_region[place]]], 0.0, 1.0) for place in range(len(centres))]


def _colours(values: Floats, objective: Objective) -> tuple[list[str], list[str]]:
    """The colour of each value, and those of the scale from the least to the greatest; yellow is best."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    colours = colormaps["cividis" if objective.weight > 0 else "cividis_r"]
    shown = np.log10(values) if objective.log and (values > 0).all() else values
    width = float(shown.max() - shown.min())
    shares = (shown - shown.min()) / width if width > 0 else np.full(len(shown), 0.5)
    return [to_hex(colours(float(share))) for share in shares], [to_hex(colours(stop / (STOPS - 1))) for stop in range(STOPS)]
