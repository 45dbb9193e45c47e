"""The trails of a run as a film: generation by generation, where robots went and ended."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.plots.palette import BLUE, GREY, INK, ORANGE
from neuroevo.plots.trails_figure import draw_maze, robots
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from PIL.Image import Image

    from neuroevo.simulators.maze import Maze

FRAMES = 60  # at most
MOST = 120  # ways of a frame
LAST = 2.0  # seconds for which the last frame stays
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """One frame.

    Attributes:
        generation: the last one that is shown.
        robots: how many there have been until then.
        paths: float64 [robots, steps + 1, 2], the ways of that generation's robots whose genomes are kept, at most `MOST`.
        ends: float64 [robots, 2], where that generation's were at last.
        before: float64 [robots, 2], where all earlier ones were.
        solved: how many of all reached the goal.
    """

    generation: int
    robots: int
    paths: Floats
    ends: Floats
    before: Floats
    solved: int


def scenes(run: Run, frames: int = FRAMES) -> tuple[Maze, list[Scene]]:
    """The maze, and the numbers behind `trails_film`; of more generations than frames, some that lie evenly, the first and the last among them.

    Raises:
        ValueError: the run is not one of robots in a maze, or everybody failed.
    """
    from neuroevo.decode import population_network

    task, done = robots(run)
    done.sort(key=lambda one: (one.generation, one.id))
    by_generation = {number: list(group) for number, group in itertools.groupby(done, key=lambda one: one.generation)}
    ends = np.array([one.descriptors for one in done])
    born = np.array([one.generation for one in done])
    at_goal = task.maze.distance(ends) <= task.near
    numbers = list(by_generation)
    chosen = [
        numbers[place] for place in np.unique(np.linspace(0, len(numbers) - 1, min(frames, len(numbers))).round().astype(int))
    ]
    found = []
    for number in chosen:
        genomes = [one.genome for one in by_generation[number]][:MOST]
        paths = task.play(population_network(genomes), paths=True).paths
        seen = born <= number
        found.append(Scene(number, int(seen.sum()), paths, ends[born == number], ends[born < number], int(at_goal[seen].sum())))
    return task.maze, found


def trails_film(run: Run, path: Path, *, frames: int = FRAMES, rate: float = 8.0, width: int = 480) -> None:
    """Write the trails of a run as an animated GIF: in each frame the ways of one generation's robots (blue), where they were at last (orange),
    and where all earlier ones were (grey).

    Args:
        frames: at most; the last one stays for two seconds.
        rate: frames a second.
        width: pixels.

    Raises:
        ValueError: the run is not one of robots in a maze, or everybody failed; a number out of its range.
    """
    if frames < 1 or not 0 < rate <= 50 or width < 160:
        raise ValueError(f"frames must be >= 1, rate from 0 to 50 and width >= 160 pixels, got {frames}, {rate} and {width}")
    first, *others = _pictures(*scenes(run, frames), width)
    steady = round(1000.0 / rate)
    durations = [*[steady] * len(others), round(1000.0 * LAST)]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0)


def _pictures(maze: Maze, found: list[Scene], width: int) -> Iterator[Image]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from PIL import Image

    low, high = maze.box
    tall = float((high - low)[1] / (high - low)[0])
    inches = width / 100.0
    figure = Figure(figsize=(inches, inches * tall + 0.9), dpi=100, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw_maze(axes, maze)
    ways = LineCollection([], colors=BLUE, linewidths=0.7, alpha=0.45, zorder=2)
    axes.add_collection(ways)
    (before,) = axes.plot([], [], ".", color=GREY, markersize=2.5, zorder=1, label="ended here before")
    (ends,) = axes.plot(
        [], [], ".", color=ORANGE, markeredgecolor=INK, markeredgewidth=0.3, markersize=6, zorder=3, label="ended here now"
    )
    axes.plot([], [], color=BLUE, linewidth=1.0, label="way of a robot")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=5, frameon=False, fontsize=7, columnspacing=1.0, handletextpad=0.4
    )
    for scene in found:
        ways.set_segments(list(scene.paths))
        before.set_data(*scene.before.T)
        ends.set_data(*scene.ends.T)
        reached = f"; {scene.solved:,} at the goal" if scene.solved else ""
        axes.set_title(f"generation {scene.generation}, {scene.robots:,} robots so far{reached}", fontsize=10)
        canvas.draw()
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).quantize(64)
