"""Trails: where the robots of a run ended in their maze, and the ways that some of them went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import FAILED, Individual
from neuroevo.plots.palette import BLUE, GREY, INK, ORANGE
from neuroevo.run.run import Run
from neuroevo.run.settings import task_from_settings
from neuroevo.simulators.deceptive_maze import DeceptiveMaze
from neuroevo.simulators.maze import Maze

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 250  # ways that are drawn
PIXELS_FROM = 2_000  # points that are drawn as pixels: a page with so many shapes would be large and slow


@dataclass(frozen=True)
class TrailsData:
    """What the figure shows.

    Attributes:
        maze: the walls.
        ends: float64 [individuals, 2], where everybody's robot was at last.
        generations: int64 [individuals].
        paths: float64 [robots, steps + 1, 2], the ways of the last generation's robots whose genomes are kept, at most `MOST`.
        way: float64 [steps + 1, 2], that of the robot that came nearest to the goal; `best` is its individual.
        distance: how near that was.
        solved: how many robots reached the goal.
    """

    maze: Maze
    ends: npt.NDArray[np.float64]
    generations: npt.NDArray[np.int64]
    paths: npt.NDArray[np.float64]
    way: npt.NDArray[np.float64]
    best: int
    distance: float
    solved: int


def trails_data(run: Run) -> TrailsData:
    """The numbers behind `trails`.

    Raises:
        ValueError: the run is not one of robots in a maze, or everybody failed.
    """
    from neuroevo.decode import population_network

    task, done = robots(run)
    ends = np.array([one.descriptors for one in done])
    away = task.maze.distance(ends)
    last = max(one.generation for one in done)
    chosen = [one.genome for one in done if one.generation == last][:MOST]
    best = done[int(away.argmin())]
    return TrailsData(
        task.maze,
        ends,
        np.array([one.generation for one in done]),
        task.play(population_network(chosen), paths=True).paths,
        task.play(best.genome, paths=True).paths[0],
        best.id,
        float(away.min()),
        int((away <= DeceptiveMaze.near).sum()),
    )


def robots(run: Run) -> tuple[DeceptiveMaze, list[Individual]]:
    """The maze of a run, and those whose robots lived in it.

    Raises:
        ValueError: the run is not one of robots in a maze, or everybody failed.
    """
    described = run.settings["task"]
    if not isinstance(described, dict) or described.get("task") != DeceptiveMaze.__name__:
        raise ValueError("there are no trails to draw: the task of this run is not neuroevo.simulators.DeceptiveMaze")
    task = task_from_settings(described)
    assert isinstance(task, DeceptiveMaze)
    done = [one for one in run if one.status != FAILED and one.descriptors is not None]
    if not done:
        raise ValueError(f"there are no trails to draw: {run.evaluations} individuals were evaluated, and none of them lived")
    return task, done


def trails(run: Run) -> Figure:
    """Draw a run's maze twice: on the left where everybody's robot was at last, by generation; on the right the ways of the last generation's
    robots, and that of the robot that came nearest to the goal."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    data = trails_data(run)
    low, high = data.maze.box
    width, height = high - low
    beside = bool(width < 1.2 * height)
    figure = Figure(figsize=(9.6, 5.4) if beside else (7.0, 7.6), layout="constrained")
    everyone, ways = figure.subplots(1, 2) if beside else figure.subplots(2, 1)
    points = everyone.scatter(
        data.ends[:, 0], data.ends[:, 1], c=data.generations, s=12 if len(data.ends) < PIXELS_FROM else 5, cmap="viridis_r", linewidths=0,
        alpha=0.8, rasterized=len(data.ends) > PIXELS_FROM, zorder=2,
    )  # fmt: skip
    figure.colorbar(points, ax=everyone, label="generation", shrink=0.85, ticks=MaxNLocator(integer=True))
    everyone.set_title(f"Where {len(data.ends):,} robots ended; {data.solved:,} at the goal", fontsize=11)
    for path in data.paths:
        ways.plot(path[:, 0], path[:, 1], color=GREY, linewidth=0.5, alpha=0.5, zorder=1, rasterized=True)
    ways.plot(
        data.way[:, 0], data.way[:, 1], color=BLUE, linewidth=2.0, zorder=3, label=f"individual {data.best}, nearest to the goal"
    )
    ways.set_title(f"The ways of {len(data.paths):,} robots of the last generation", fontsize=11)
    for axes in (everyone, ways):
        draw_maze(axes, data.maze)
    handles, labels = ways.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def draw_maze(axes: Axes, maze: Maze) -> None:
    """Draw the walls, the start and the goal of a maze."""
    for x1, y1, x2, y2 in maze.walls:
        axes.plot([x1, x2], [y1, y2], color=INK, linewidth=2.2, solid_capstyle="round", zorder=4)
    axes.plot(
        *maze.start, marker="o", markersize=9, color="white", markeredgecolor=INK, linestyle="none", zorder=5, label="start"
    )
    axes.plot(*maze.goal, marker="*", markersize=15, color=ORANGE, markeredgecolor=INK, linestyle="none", zorder=5, label="goal")
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
