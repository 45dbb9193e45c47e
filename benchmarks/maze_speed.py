"""Steps a second of a robot in a deceptive maze at population 500: the compiled maze and networks next to neat-python's networks in a maze that is
written in plain Python.

Both play whole lives of 400 steps of recurrent networks in one process: ours random genomes of one hidden node, neat-python's a first population of
the same size (sensors to one hidden node, that to both outputs). The Python maze is the same world, written with care for its speed (floats and
local names, no arrays); before anything is timed, some of our own networks are led through it one step at a time, and must end where the compiled
maze says. Networks are made before the clock runs, on both sides. Two ratios: on one thread, by the processor time of the process; and by the
clock on the wall, ours on all cores, as a search has it. Medians of several repetitions, taken in turns. Needs the extra `bench`. Takes about a
minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from neat_speed import NEAT_PYTHON
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from genomes import NeatSpace
from genomes.neat.network import population_network
from genomes.neat.threads import Threads, available_cores
from neuroevo.simulators import DeceptiveMaze

RADIUS, REACH, FASTEST, NEAR = 8.0, 100.0, 3.0, 5.0
ANGLES = tuple(math.radians(angle) for angle in (-90, -45, 0, 45, 90, 180))
Act = Callable[[Sequence[float]], Sequence[float]]


class PythonMaze:
    """The world of `DeceptiveMaze`, in plain Python."""

    def __init__(self, task: DeceptiveMaze) -> None:
        self.task = task
        self.walls = [(x1, y1, x2 - x1, y2 - y1, (x2 - x1) ** 2 + (y2 - y1) ** 2) for x1, y1, x2, y2 in task.maze.walls]

    def sense(self, x: float, y: float, heading: float) -> list[float]:
        """What the robot sees."""
        toward, seen, walls = math.radians(heading), [], self.walls
        for angle in ANGLES:
            across, up = math.cos(toward + angle), math.sin(toward + angle)
            nearest = REACH
            for x1, y1, along_x, along_y, _ in walls:
                crossing = across * along_y - up * along_x
                if crossing:
                    to_x, to_y = x1 - x, y1 - y
                    distance = (to_x * along_y - to_y * along_x) / crossing
                    if 0.0 <= distance < nearest and 0.0 <= (to_x * up - to_y * across) / crossing <= 1.0:
                        nearest = distance
            seen.append(nearest / REACH)
        goal_x, goal_y = self.task.maze.goal
        cosine, sine = math.cos(toward), math.sin(toward)
        ahead, left = cosine * (goal_x - x) + sine * (goal_y - y), cosine * (goal_y - y) - sine * (goal_x - x)
        if -ahead <= left < ahead:
            return [*seen, 1.0, 0.0, 0.0, 0.0]
        if left >= ahead and left > -ahead:
            return [*seen, 0.0, 1.0, 0.0, 0.0]
        return [*seen, 0.0, 0.0, 1.0, 0.0] if left <= -ahead and left > ahead else [*seen, 0.0, 0.0, 0.0, 1.0]

    def touches(self, x: float, y: float) -> bool:
        """Whether a robot at this place would touch a wall."""
        for x1, y1, along_x, along_y, squared in self.walls:
            share = ((x - x1) * along_x + (y - y1) * along_y) / squared
            share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
            away_x, away_y = x - x1 - share * along_x, y - y1 - share * along_y
            if away_x * away_x + away_y * away_y < RADIUS * RADIUS:
                return True
        return False

    def life(self, act: Act) -> tuple[float, float, int]:
        """Where the robot was at last, and the steps that it took."""
        (x, y), heading, speed, turn = self.task.maze.start, self.task.maze.heading, 0.0, 0.0
        goal_x, goal_y = self.task.maze.goal
        seen = self.sense(x, y, heading)
        for _ in range(self.task.first_activations):
            act(seen)
        for step in range(1, self.task.steps + 1):
            turned, faster = act(seen)
            turn = min(max(turn + turned - 0.5, -FASTEST), FASTEST)
            speed = min(max(speed + faster - 0.5, -FASTEST), FASTEST)
            toward = math.radians(heading)
            new_x, new_y = x + math.cos(toward) * speed, y + math.sin(toward) * speed
            heading = (heading + turn) % 360.0
            if not self.touches(new_x, new_y):
                x, y = new_x, new_y
            if (x - goal_x) ** 2 + (y - goal_y) ** 2 <= NEAR * NEAR:
                return x, y, step
            seen = self.sense(x, y, heading)
        return x, y, self.task.steps


def neat_python_networks(population: int, seed: int) -> list[Act]:
    """The networks of a first population of neat-python's."""
    import neat

    random.seed(seed)
    text = NEAT_PYTHON.format(population=population)
    for name, value in (("num_inputs = 2", "num_inputs = 10"), ("num_outputs = 1", "num_outputs = 2"), ("num_hidden = 0", "num_hidden = 1"), ("feed_forward = True", "feed_forward = False"), ("full_direct", "full_nodirect")):  # fmt: skip
        text = text.replace(name, value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.ini"
        path.write_text(text)
        config = neat.Config(
            neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, str(path)
        )
    genomes = neat.Population(config).population.values()
    return [neat.nn.RecurrentNetwork.create(genome, config).activate for genome in genomes]


def check(task: DeceptiveMaze, genomes: list, world: PythonMaze, members: int = 10) -> None:
    """Lead some of our networks through the Python maze.

    Raises:
        SystemExit: one ends somewhere else than in the compiled maze.
    """
    expected = task.play(population_network(genomes)).ends
    moved = np.flatnonzero(np.linalg.norm(expected - task.maze.start, axis=1) > 20)[:members]
    for member in moved:
        controller = genomes[member].network().controller()
        controller.reset()
        x, y, _ = world.life(lambda seen: controller(np.array(seen)))  # noqa: B023
        if abs(x - expected[member, 0]) > 1e-6 or abs(y - expected[member, 1]) > 1e-6:
            raise SystemExit(f"the two mazes are not the same world: member {member} ends at {(x, y)} and at {expected[member]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--population", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mazes", nargs="+", default=["medium", "hard"])
    parser.add_argument("--workers", type=int, default=1, help="always 1: both are timed in this process")
    parser.add_argument("--run", type=Path, help="nothing is recorded: there is no search")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    space = NeatSpace(10, 2, recurrent=True, bias="input", initial="full", initial_hidden=1)
    rng = np.random.default_rng(options.seed)
    genomes = [space.random(rng) for _ in range(options.population)]
    ours: dict[str, float] = {}
    runs = []
    columns = (
        "maze",
        "neat-python, Python maze",
        "neuroevo, one thread",
        "ratio",
        f"{available_cores()} cores, by the wall",
        "ratio",
    )
    table = Table(*columns, title=f"steps a second at population {options.population}")
    with Progress(console=Console(stderr=True)) as progress:
        for name in progress.track(options.mazes, description="mazes"):
            task = DeceptiveMaze(name)
            world = PythonMaze(task)
            check(task, genomes, world)
            found: dict[str, list[float]] = {}
            for repeat in range(options.repeats):
                acts = neat_python_networks(options.population, options.seed + repeat)
                one, all_cores = (population_network(genomes, Threads(count)) for count in (1, available_cores()))
                for library, live in (
                    ("neat_python", lambda: sum(world.life(act)[2] for act in acts)),  # noqa: B023
                    ("neuroevo", lambda: int(task.play(one).lasted.sum())),  # noqa: B023
                    ("neuroevo_all_cores", lambda: int(task.play(all_cores).lasted.sum())),  # noqa: B023
                ):
                    wall, processor = time.perf_counter(), time.process_time()
                    steps = live()
                    found.setdefault(f"{library}_processor", []).append(steps / (time.process_time() - processor))
                    found.setdefault(f"{library}_wall", []).append(steps / (time.perf_counter() - wall))
            rates = {what: statistics.median(values) for what, values in found.items()}
            ours[f"ratio_steps_{name}"] = rates["neuroevo_processor"] / rates["neat_python_processor"]
            ours[f"ratio_steps_all_cores_{name}"] = rates["neuroevo_all_cores_wall"] / rates["neat_python_wall"]
            ours |= {f"steps_a_second_{name}_{what}": rate for what, rate in rates.items()}
            runs.append({"maze": name, **found})
            table.add_row(
                name, f"{rates['neat_python_processor']:,.0f}", f"{rates['neuroevo_processor']:,.0f}", f"{ours[f'ratio_steps_{name}']:.0f}",
                f"{rates['neuroevo_all_cores_wall']:,.0f}", f"{ours[f'ratio_steps_all_cores_{name}']:.0f}",
            )  # fmt: skip
    Console(width=120).print(table)
    if options.json:
        report = {
            "method": "a robot in a deceptive maze",
            "paper": "Lehman & Stanley 2011",
            "settings": {"population": options.population, "repeats": options.repeats, "space": space.to_dict()},
            "seeds": [options.seed],
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
