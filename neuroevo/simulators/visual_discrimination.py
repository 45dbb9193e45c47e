"""Visual discrimination: find the larger of two boxes in a field of pixels (Stanley, D'Ambrosio & Gauci 2009, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.objectives import Objective
from neuroevo.tasks.base import Context, Task

Floats = npt.NDArray[np.float64]

CELLS = 11  # the field's width in units of the small box's edge


class VisualDiscrimination(Task):
    """A network sees a field of `resolution` x `resolution` pixels with a small and a large box (edges of 1/11 and 3/11 of the field) and
    answers with one number for each pixel: the highest says where the large box's centre is.

    75 trials, as in the paper: the small box at 25 places; the large one 5 cells to the right, 5 down, or 5 both ways, around the field's
    edges where it must be (and then whole inside the field).

    The objective `distance`, minimised, is the mean distance from the answer to the large box's centre in widths of the field.

    Args:
        resolution: pixels of the field's edge, a multiple of 11; the boxes grow with it, so trials are the same at every resolution.

    Attributes:
        inputs: the pixels, 1 in a box and 0 elsewhere: float64 [75, resolution ** 2], row by row.
        centres: float64 [75, 2], (x, y) of the large box's centre, field widths from the left and upper edge.

    Raises:
        ValueError: a resolution that is no multiple of 11.
    """

    population = True

    def __init__(self, resolution: int = CELLS) -> None:
        if isinstance(resolution, bool) or not isinstance(resolution, int) or resolution < CELLS or resolution % CELLS:
            raise ValueError(f"resolution must be a multiple of {CELLS} pixels, got {shown(resolution)}")
        self.resolution = resolution
        self.objectives: Mapping[str, Objective] = {"distance": Objective("distance", "minimise")}
        trials = [_trial(x, y, dx, dy) for y in range(1, 10, 2) for x in range(1, 10, 2) for dx, dy in ((5, 0), (0, 5), (5, 5))]
        scale = resolution // CELLS
        self.inputs: Floats = np.stack([_field(small, large, scale).ravel() for small, large in trials])
        self.centres: Floats = np.array([[(x + 0.5) / CELLS, (y + 0.5) / CELLS] for _, (x, y) in trials])

    def distances(self, outputs: npt.ArrayLike) -> Floats:
        """From the highest outputs to the large boxes' centres: float64 [..., 75] from float [..., 75, pixels].

        Raises:
            ValueError: not one output for each pixel.
        """
        values = np.asarray(outputs, dtype=np.float64)
        if values.shape[-2:] != self.inputs.shape:
            raise ValueError(
                f"the network must answer with {self.inputs.shape[1]} numbers, one for each pixel, in {len(self.inputs)} trials; got an array "
                f"of shape {values.shape}"
            )
        answer = np.argmax(values, axis=-1)
        x, y = (answer % self.resolution + 0.5) / self.resolution, (answer // self.resolution + 0.5) / self.resolution
        found: Floats = np.hypot(x - self.centres[:, 0], y - self.centres[:, 1])
        return found

    @property
    def guessing(self) -> float:
        """The distance that a random pixel has on average."""
        line = (np.arange(self.resolution) + 0.5) / self.resolution
        x, y = self.centres[:, 0, None, None], self.centres[:, 1, None, None]
        return float(np.hypot(line[None, None, :] - x, line[None, :, None] - y).mean())

    def score_population(self, network: Any, context: Context) -> Floats:
        mean: Floats = self.distances(network(self.inputs)).mean(axis=-1)
        return mean

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        return {"distance": float(self.distances(phenotype(self.inputs)).mean())}

    def settings(self) -> dict[str, Any]:
        return {"task": "VisualDiscrimination", "resolution": self.resolution}


def _trial(x: int, y: int, dx: int, dy: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The cells (column, row) of the small box and of the large box's centre."""
    large = ((x + dx) % CELLS, (y + dy) % CELLS)
    return (x, y), (min(max(large[0], 1), CELLS - 2), min(max(large[1], 1), CELLS - 2))


def _field(small: tuple[int, int], large: tuple[int, int], scale: int) -> Floats:
    cells = np.zeros((CELLS, CELLS))
    cells[small[1], small[0]] = 1.0
    cells[large[1] - 1 : large[1] + 2, large[0] - 1 : large[0] + 2] = 1.0
    return np.repeat(np.repeat(cells, scale, axis=0), scale, axis=1)
