"""Mazes for a robot: walls, a start and a goal; the two of Lehman & Stanley (2011)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genomes.base import Settings, frozen_tuples, shown

Floats = npt.NDArray[np.float64]

RADIUS = 8.0  # of the robot's body
NEAR = 5.0  # a robot within this distance of the goal has solved the maze


@dataclass(frozen=True)
class Maze(metaclass=Settings):
    """Walls, a start and a goal.

    Args:
        name: what it is called.
        walls: (x1, y1, x2, y2) of each, in the maze's units; the robot's body has a radius of 8.
        start: (x, y) of the robot's centre at first.
        goal: (x, y).
        heading: of the robot at first, degrees, counterclockwise from the x-axis.

    Raises:
        ValueError: no walls, one of no length, a number that is not finite, or a start where the robot touches a wall.
    """

    name: str
    walls: tuple[tuple[float, float, float, float], ...]
    start: tuple[float, float]
    goal: tuple[float, float]
    heading: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "walls", frozen_tuples(list(map(list, self.walls))))
        for given, width, what in ((self.walls, 4, "wall"), ((self.start,), 2, "start"), ((self.goal,), 2, "goal")):
            for place in given:
                if len(place) != width or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in place):
                    raise ValueError(f"a maze's {what} is {width} finite numbers, got {shown(place)}")
        if not self.walls or any(wall[:2] == wall[2:] for wall in self.walls):
            raise ValueError(f"a maze needs walls, (x1, y1, x2, y2) each and of some length, got {shown(self.walls)}")
        first, along = self.array[:, :2], self.array[:, 2:] - self.array[:, :2]
        share = ((np.array(self.start) - first) * along).sum(axis=1) / (along**2).sum(axis=1)
        away = np.array(self.start) - first - np.clip(share, 0.0, 1.0)[:, None] * along
        if np.hypot(away[:, 0], away[:, 1]).min() < RADIUS:
            raise ValueError(f"the robot, of radius {RADIUS:g}, touches a wall where it starts: {shown(self.start)}")

    @property
    def array(self) -> Floats:
        """The walls as float64 [walls, 4]."""
        return np.array(self.walls, np.float64)

    @property
    def box(self) -> tuple[Floats, Floats]:
        """The lower left and the upper right corner of all walls, float64 [2] each."""
        points = self.array.reshape(-1, 2)
        return points.min(axis=0), points.max(axis=0)

    def distance(self, places: Floats) -> Floats:
        """How far places, float64 [places, 2], are from the goal: float64 [places]."""
        away: Floats = np.hypot(places[:, 0] - self.goal[0], places[:, 1] - self.goal[1])
        return away


# The walls of the authors' program.
MAZES = {
    "medium": Maze(
        "medium",
        (
            (293, 7, 289, 130), (289, 130, 6, 134), (6, 134, 8, 5), (8, 5, 292, 7), (241, 130, 58, 65), (114, 7, 73, 42),
            (130, 91, 107, 46), (196, 8, 139, 51), (219, 122, 182, 63), (267, 9, 214, 63), (271, 129, 237, 88),
        ),
        start=(30, 22),
        goal=(270, 100),
    ),
    "hard": Maze(
        "hard",
        (
            (41, 5, 3, 8), (3, 8, 4, 49), (4, 49, 57, 53), (4, 49, 7, 202), (7, 202, 195, 198), (195, 198, 186, 8), (186, 8, 39, 5),
            (56, 54, 56, 157), (57, 106, 158, 162), (77, 201, 108, 164), (6, 80, 33, 121), (192, 146, 87, 91), (56, 55, 133, 30),
        ),
        start=(36, 184),
        goal=(31, 20),
    ),
}  # fmt: skip
