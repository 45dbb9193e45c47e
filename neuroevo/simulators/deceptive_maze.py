"""The deceptive mazes as tasks: where to come nearer to the goal leads into a dead end (Lehman & Stanley 2011)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from genomes.base import frozen_tuples, shown, unknown
from neuroevo.core.objectives import Objective, choose, recorded
from neuroevo.simulators.maze import MAZES, NEAR, Maze
from neuroevo.simulators.simulation import Described, networks_of

Floats = npt.NDArray[np.float64]

FARTHEST = 300.0  # the distance from the goal that is worth nothing; 0.1 is the least closeness
CLOSENESS = Objective("closeness", "maximise", ideal=FARTHEST, reference=0.0)
CURIOSITY = Objective("curiosity", "maximise")


class Lives(NamedTuple):
    """What robots did.

    Attributes:
        ends: float64 [members, 2], where each was at last.
        lasted: int64 [members], the steps that each took: fewer than it had where it came to the goal.
        places: int64 [members], in how many distinct cells each was.
        paths: float64 [members, steps + 1, 2], where each was after each step; [0, steps + 1, 2] where they were not asked for.
    """

    ends: Floats
    lasted: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    paths: Floats


class DeceptiveMaze(Described[Lives]):
    """A robot that has to find its way through a deceptive maze (Lehman & Stanley 2011, section 4): the straight way ends in a dead end, so
    that a search by closeness to the goal alone is led astray. A whole population of NEAT networks in one compiled call.

    A network sees six rangefinders (right, half right, ahead, half left, left, behind; 1 is 100 units or more) and whether the goal lies
    ahead, to the left, behind or to the right: 10 inputs. Its outputs, 0 to 1 with 0.5 for nothing, change the turn (degrees a step) and the
    speed (units a step), both within +-3. A move that would touch a wall is not made.

    Descriptors: where the robot is at last, (x, y). Objective `closeness`, maximised: 300 - the distance from the goal at last, at least 0.1.
    A robot within 5 units of the goal has solved the maze, and stops: `Budget(target=task.target)`. Objective `curiosity`, maximised: in how
    many places, cells of a grid, the robot was in this one life, whatever others did.

    Args:
        maze: "medium" or "hard", the two of the paper; or a `Maze`.
        objectives: of "closeness" and "curiosity", separated by commas; the first is the one that `Neat` maximises.
        steps: that a life lasts.
        cell: side of a cell, for `curiosity`: about the width of a corridor. In much smaller ones to weave through a room pays as much as to leave it.
        first_activations: how often a recurrent network is activated on what it sees first, before the robot moves.
        activations_per_step: how often before each step.

    Attributes:
        inputs, outputs: what a space for this task needs.
        near: the distance from the goal within which a robot has solved the maze.

    Raises:
        ValueError: an unknown maze or objective, or a number out of its range.
    """

    inputs, outputs, near = 10, 2, NEAR
    offered = (CLOSENESS, CURIOSITY)

    def __init__(
        self,
        maze: str | Maze = "medium",
        objectives: str | Sequence[str | Objective] = "closeness",
        steps: int = 400,
        cell: float = 25.0,
        first_activations: int = 10,
        activations_per_step: int = 1,
    ) -> None:
        if not isinstance(maze, Maze) and maze not in MAZES:
            raise ValueError(unknown("maze", maze, list(MAZES)))
        for name, count, least in (
            ("steps", steps, 1), ("first_activations", first_activations, 0), ("activations_per_step", activations_per_step, 1),
        ):  # fmt: skip
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {shown(count)}")
        if not (isinstance(cell, (int, float)) and 0 < cell < math.inf):
            raise ValueError(f"cell must be a length > 0, got {shown(cell)}")
        self.maze = maze if isinstance(maze, Maze) else MAZES[maze]
        self.objectives: Mapping[str, Objective] = choose(objectives, self.offered)
        self.steps, self.cell = steps, float(cell)
        self.first_activations, self.activations_per_step = first_activations, activations_per_step

    @property
    def target(self) -> float:
        """The closeness of a robot that has solved the maze, for `Budget(target=...)`."""
        return FARTHEST - self.near

    def play(self, network: Any, *, paths: bool = False) -> Lives:
        """What the robots of these networks (or of one genome) do.

        Args:
            paths: whether where they were at each step is kept.

        Raises:
            ValueError: not the networks of NEAT genomes, or with the wrong number of inputs or outputs.
        """
        from neuroevo.simulators.maze_kernels import lives

        network = networks_of(self, network)
        members = len(network)
        found = Lives(
            np.empty((members, 2)),
            np.empty(members, np.int64),
            np.empty(members, np.int64),
            np.empty((members if paths else 0, self.steps + 1, 2)),
        )
        lowest, highest = self.maze.box
        cells = np.maximum(np.ceil((highest - lowest) / self.cell), 1).astype(np.int64)
        start = np.array([*self.maze.start, self.maze.heading], np.float64)
        network.threads.run(
            lives, members, network.networks, self.maze.array, start, np.array(self.maze.goal, np.float64), self.steps,
            self.first_activations, self.activations_per_step, self.cell, lowest, cells, found.ends, found.lasted, found.places,
            found.paths, fewest=8,
        )  # fmt: skip
        return found

    def scores_of(self, played: Lives) -> Mapping[str, Floats]:
        closeness: Floats = np.maximum(0.1, FARTHEST - self.maze.distance(played.ends))
        return {"closeness": closeness, "curiosity": played.places.astype(np.float64)}

    def descriptors_of(self, played: Lives) -> Floats:
        return played.ends

    def settings(self) -> dict[str, Any]:
        return {
            "task": type(self).__name__,
            "maze": self.maze.name if MAZES.get(self.maze.name) == self.maze else asdict(self.maze),
            "objectives": [objective.settings() for objective in self.objectives.values()],
            "steps": self.steps,
            "cell": self.cell,
            "first_activations": self.first_activations,
            "activations_per_step": self.activations_per_step,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        given = {name: value for name, value in settings.items() if name != "task"}
        if isinstance(given.get("maze"), Mapping):
            try:
                given["maze"] = Maze(**{name: frozen_tuples(value) for name, value in given["maze"].items()})
            except TypeError as error:
                raise ValueError(f"the settings of a maze do not fit this release: {error}") from None
        if "objectives" in given:
            given["objectives"] = recorded(given["objectives"], cls.offered)
        try:
            return cls(**given)
        except TypeError as error:
            raise ValueError(f"the settings of {cls.__name__} do not fit this release: {error}") from None
