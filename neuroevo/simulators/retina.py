"""The left and right retina: a task of two parts that have nothing to do with each other (Kashtan & Alon 2005; Risi & Stanley 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.objectives import Objective
from neuroevo.tasks.base import Context, Task

Floats = npt.NDArray[np.float64]

# The objects of the left side, as pixels (outer top, inner top, outer bottom, inner bottom): at most one pixel, or the inner column with at
# most one of the outer. The right side's are their mirror images.
OBJECTS = (
    (0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 1, 0, 1), (1, 1, 0, 1), (0, 1, 1, 1),
)  # fmt: skip
SOLVED = 1000.0


class Retina(Task):
    """Eight pixels, two rows of four: the left four show one of 8 objects or not, the right four likewise. The first output tells whether
    the left side shows one of its own, the second the right side; all 256 patterns.

    The objective `fitness`, maximised: 1000 / (1 + e**2), e 20 times the mean absolute error in units of high - low. A network whose outputs
    are all on the right side of the middle scores `SOLVED`, every other less.

    Args:
        on, off: what a pixel's input is.
        high, low: what the outputs should be; the middle decides.

    Attributes:
        inputs: float64 [256, 8], pixels row by row, left to right.
        answers: bool [256, 2].
        places: (x, y) of the pixels from -1 to 1, in the order of the inputs.

    Raises:
        ValueError: values that are not two different numbers.
    """

    population = True
    places = tuple((x, y) for y in (-1.0, 1.0) for x in (-1.0, -1 / 3, 1 / 3, 1.0))

    def __init__(self, on: float = 3.0, off: float = -3.0, high: float = 1.0, low: float = -1.0) -> None:
        for first, second, names in ((on, off, "on and off"), (high, low, "high and low")):
            if not (np.isfinite(first) and np.isfinite(second)) or first == second:
                raise ValueError(f"{names} must be two different numbers, got {shown(first)} and {shown(second)}")
        self.on, self.off, self.high, self.low = float(on), float(off), float(high), float(low)
        self.objectives: Mapping[str, Objective] = {"fitness": Objective("fitness", "maximise")}
        pixels = (np.arange(256)[:, None] >> np.arange(8)) & 1
        left, right = pixels[:, [0, 1, 4, 5]], pixels[:, [3, 2, 7, 6]]
        self.answers: npt.NDArray[np.bool_] = np.stack(
            [(side[:, None, :] == np.array(OBJECTS)).all(axis=2).any(axis=1) for side in (left, right)], axis=1
        )
        self.inputs: Floats = np.where(pixels == 1, self.on, self.off)
        self._wanted = np.where(self.answers, self.high, self.low)

    def right(self, outputs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which outputs are on the right side of the middle: bool [..., 256, 2].

        Raises:
            ValueError: outputs of another shape.
        """
        values = np.asarray(outputs, dtype=np.float64)
        if values.shape[-2:] != (256, 2):
            raise ValueError(
                f"the network must answer with 2 numbers to each of 256 patterns, got an array of shape {values.shape}"
            )
        above = values > 0.5 * (self.high + self.low) if self.high > self.low else values < 0.5 * (self.high + self.low)
        right: npt.NDArray[np.bool_] = above == self.answers
        return right

    def fitness(self, outputs: npt.ArrayLike) -> Floats:
        """The objective: float64 [...] from float [..., 256, 2]."""
        right = self.right(outputs)
        error = np.abs(np.asarray(outputs, dtype=np.float64) - self._wanted) / abs(self.high - self.low)
        mean = np.nan_to_num(error, nan=1.0).clip(0.0, 1.0).mean(axis=(-2, -1))
        return np.where(right.all(axis=(-2, -1)), SOLVED, SOLVED / (1.0 + (20.0 * mean) ** 2) * 0.999)

    def score_population(self, network: Any, context: Context) -> Floats:
        return self.fitness(network(self.inputs))

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        outputs = phenotype(self.inputs)
        return {"fitness": float(self.fitness(outputs)), "right": float(self.right(outputs).mean())}

    def settings(self) -> dict[str, Any]:
        return {"task": "Retina", "on": self.on, "off": self.off, "high": self.high, "low": self.low}
