"""Mazes: the geometry of the paper, what a robot sees, lives against a plain loop in Python, runs that are recorded and drawn."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import NeatSpace
from genomes.neat.network import population_network
from genomes.neat.threads import Threads
from neuroevo.plots.trails_animation import scenes
from neuroevo.run.settings import task_from_settings
from neuroevo.simulators import DeceptiveMaze, Maze
from neuroevo.simulators.maze import MAZES
from neuroevo.simulators.maze_kernels import sense, touches
from neuroevo.strategies import Neat, Nsga2
from neuroevo.tasks.base import Context

SPACE = NeatSpace(10, 2, recurrent=True, bias="input", initial_hidden=1, add_node_rate=0.3, add_connection_rate=0.5)
FORWARD = NeatSpace(10, 2, bias="node", add_node_rate=0.3, add_connection_rate=0.5)


def genomes(space: NeatSpace, count: int) -> list:
    rng = np.random.default_rng(7)
    born = []
    for _ in range(count):
        genome = space.random(rng)
        for clock in range(1, 6):
            genome = genome.mutate(rng, clock=clock)
        born.append(genome)
    return born


# Geometry ---------------------------------------------------------------------------------------------------------------------


def free_way(maze: Maze) -> float:
    """The length of the shortest way of the robot's centre, on a grid of 1 unit with sixteen directions, more than the exact one by at most
    some percent."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    low, high = maze.box
    width, height = (np.ceil(high - low).astype(int) + 1).tolist()
    x, y = (low[:, None, None] + np.indices((width, height))).reshape(2, -1)
    walls = maze.array
    free = np.array([not touches(walls, a, b) for a, b in zip(x, y, strict=True)]).reshape(width, height)
    number = np.arange(width * height).reshape(width, height)
    rows, columns, lengths = [], [], []
    for right, up in ((1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)):
        here = (slice(0, width - right), slice(max(0, -up), height - max(0, up)))
        there = (slice(right, width), slice(max(0, up), height - max(0, -up)))
        both = free[here] & free[there]
        rows.append(number[here][both])
        columns.append(number[there][both])
        lengths.append(np.full(both.sum(), math.hypot(right, up)))
    graph = coo_matrix((np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), (number.size, number.size))
    start, goal = (number[tuple(np.round(np.array(place) - low).astype(int))] for place in (maze.start, maze.goal))
    return float(dijkstra(graph.tocsr(), directed=False, indices=start)[goal])


@pytest.mark.parametrize(("name", "length"), [("medium", 281), ("hard", 478)])
def test_the_shortest_way_through_the_papers_mazes_is_long(name: str, length: float) -> None:
    assert free_way(MAZES[name]) == pytest.approx(length, rel=0.03)


def test_a_maze_that_cannot_be_is_refused_in_a_sentence() -> None:
    square = ((0, 0, 0, 50), (0, 50, 50, 50), (50, 50, 50, 0), (50, 0, 0, 0))
    assert Maze("room", square, (20, 20), (40, 40)).distance(np.array([[40.0, 37.0]])).tolist() == [3.0]
    for walls, start, goal, sentence in (
        (square, (5, 20), (40, 40), "touches a wall where it starts"),
        ((), (20, 20), (40, 40), "a maze needs walls"),
        (((0, 0, 0, 0),), (20, 20), (40, 40), "of some length"),
        (square, (20, math.nan), (40, 40), "start is 2 finite numbers"),
        (((0, 0, 50),), (20, 20), (40, 40), "wall is 4 finite numbers"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Maze("room", walls, start, goal)
    for arguments, sentence in (
        ({"maze": "harder"}, "unknown maze 'harder'; did you mean 'hard'"),
        ({"steps": 0}, "steps must be a whole number >= 1"),
        ({"cell": 0}, "cell must be a length > 0"),
        ({"objectives": "nearness"}, "unknown objective 'nearness'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DeceptiveMaze(**arguments)


# The robot --------------------------------------------------------------------------------------------------------------------


def plainly_sensed(maze: Maze, x: float, y: float, heading: float) -> list[float]:
    """The same by stepping along each ray, and by the angle to the goal."""
    seen = []
    for angle in (-90, -45, 0, 45, 90, 180):
        direction = math.radians(heading + angle)
        nearest = 100.0
        for x1, y1, x2, y2 in maze.walls:
            matrix = np.array([[math.cos(direction), x1 - x2], [math.sin(direction), y1 - y2]])
            if abs(np.linalg.det(matrix)) > 1e-12:
                distance, share = np.linalg.solve(matrix, [x1 - x, y1 - y])
                if 0 <= share <= 1 and distance >= 0:
                    nearest = min(nearest, distance)
        seen.append(nearest / 100)
    angle = (math.degrees(math.atan2(maze.goal[1] - y, maze.goal[0] - x)) - heading) % 360
    quarters = (315, 405), (45, 135), (135, 225), (225, 315)
    return [*seen, *(float(low <= angle < high or low <= angle + 360 < high) for low, high in quarters)]


@pytest.mark.parametrize("maze", MAZES.values(), ids=MAZES)
def test_a_robot_sees_walls_and_the_goals_direction(maze: Maze) -> None:
    rng = np.random.default_rng(1)
    low, high = maze.box
    values = np.empty(10)
    quarters = set()
    for _ in range(60):
        x, y, heading = *rng.uniform(low, high), rng.uniform(0, 360)
        sense(maze.array, x, y, heading, float(maze.goal[0]), float(maze.goal[1]), values)
        assert values == pytest.approx(plainly_sensed(maze, x, y, heading), abs=1e-9)
        quarters.add(int(values[6:].argmax()))
        assert values[6:].sum() == 1.0
    assert quarters == {0, 1, 2, 3}


def plain_life(task: DeceptiveMaze, genome) -> tuple[np.ndarray, int, list]:
    """One life by NumPy and the genome's own network."""
    maze, network = task.maze, genome.network()
    (x, y), heading, speed, turn = maze.start, maze.heading, 0.0, 0.0
    seen = [plainly_sensed(maze, x, y, heading)]
    if genome.space.recurrent:
        for _ in range(task.first_activations):
            network(seen)
    path = [(x, y)]
    while len(path) <= task.steps:
        turned, faster = network(seen)[0] - 0.5
        turn, speed = np.clip(turn + turned, -3, 3), np.clip(speed + faster, -3, 3)
        to = x + math.cos(math.radians(heading)) * speed, y + math.sin(math.radians(heading)) * speed
        heading = (heading + turn) % 360
        ways = [np.array(wall[2:], float) - wall[:2] for wall in maze.walls]
        starts = [np.array(to) - wall[:2] for wall in maze.walls]
        apart = [np.linalg.norm(s - np.clip(s @ w / (w @ w), 0, 1) * w) for s, w in zip(starts, ways, strict=True)]
        if min(apart) >= 8:
            x, y = to
        path.append((x, y))
        if math.hypot(x - maze.goal[0], y - maze.goal[1]) <= 5:
            break
        seen = [plainly_sensed(maze, x, y, heading)]
    return np.array([x, y]), len(path) - 1, path


@pytest.mark.parametrize(
    ("name", "space"), [("medium", SPACE), ("hard", FORWARD)], ids=["medium, recurrent", "hard, feed-forward"]
)
def test_a_life_is_what_a_plain_loop_lives(name: str, space: NeatSpace) -> None:
    task = DeceptiveMaze(name, steps=60, cell=10.0)
    members = genomes(space, 5)
    lives = task.play(population_network(members), paths=True)
    for member, genome in enumerate(members):
        end, lasted, path = plain_life(task, genome)
        assert lives.ends[member] == pytest.approx(end, abs=1e-6)
        assert lives.lasted[member] == lasted
        assert lives.paths[member, : lasted + 1] == pytest.approx(np.array(path), abs=1e-6)
        low, _ = task.maze.box
        assert lives.places[member] == len({tuple(((np.array(place) - low) // task.cell).astype(int)) for place in path[1:]})
    assert len(np.unique(lives.ends.round(3), axis=0)) > 3


def test_a_population_at_once_and_its_members_one_at_a_time_live_alike_to_the_last_bit() -> None:
    task = DeceptiveMaze("hard", "closeness,curiosity")
    members = genomes(SPACE, 24)
    together = task.play(population_network(members))
    threaded = task.play(population_network(members, Threads(3)))
    scores = task.score_population(population_network(members), Context())
    for member, genome in enumerate(members):
        alone = task.play(genome)
        network = genome.network()
        assert alone.ends[0].tolist() == together.ends[member].tolist() == threaded.ends[member].tolist()
        assert task.score(network, Context()) == {name: values[member] for name, values in scores.items()}
        assert task.descriptors(network, Context()).tolist() == together.ends[member].tolist()


def test_a_robot_at_the_goal_has_solved_the_maze_and_stops() -> None:
    room = Maze("room", ((0, 0, 0, 60), (0, 60, 300, 60), (300, 60, 300, 0), (300, 0, 0, 0)), (20, 30), (120, 30))
    task = DeceptiveMaze(room, "closeness,curiosity", steps=200)
    genome = NeatSpace(10, 2, initial="none", bias="node").random(np.random.default_rng(0))
    nodes = np.array([40.0 if node == 11 else 0.0 for node in range(12)])
    ahead = type(genome)(genome.space, genome.nodes._replace(bias=nodes), genome.connections)
    lives = task.play(ahead, paths=True)
    # speed 0.5, 1.0, ... 3.0 in six steps, then 3 a step: 10.5 + 3 n >= 95
    assert lives.lasted.tolist() == [6 + 29] and lives.ends[0].tolist() == [117.5, 30.0]
    assert (lives.paths[0, 35:] == [117.5, 30.0]).all()
    scores = task.score(ahead.network(), Context())
    assert scores["closeness"] == 297.5 >= task.target and scores["curiosity"] == len({x // 25 for x in lives.paths[0, 1:, 0]})


def test_networks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="10 inputs and 2 outputs, got 3 and 1"):
        DeceptiveMaze().play(NeatSpace(3, 1).random(np.random.default_rng(0)))
    with pytest.raises(ValueError, match="networks of NEAT genomes, got function"):
        DeceptiveMaze().play(lambda x: x)


# Runs -------------------------------------------------------------------------------------------------------------------------


def evolved(strategy, folder: Path | None = None, **task) -> ne.Run:
    return ne.evolve(
        SPACE, DeceptiveMaze(**{"steps": 60, **task}), strategy=strategy, budget=ne.Budget(generations=3), seed=1, run=folder, progress=False
    )  # fmt: skip


@pytest.mark.parametrize("strategy", [Neat(population=12, threads=1), Nsga2(population=12)], ids=["Neat", "Nsga2"])
def test_where_a_robot_was_at_last_describes_it(strategy, tmp_path: Path) -> None:
    run = evolved(strategy, tmp_path / "run", objectives="closeness,curiosity")
    task = DeceptiveMaze(steps=60)
    assert run.failures == 0
    for individual in list(run)[::5]:
        end = task.play(individual.genome).ends
        assert individual.descriptors.tolist() == end[0].tolist()
        assert individual.values["closeness"] == 300.0 - task.maze.distance(end)[0]


def test_a_maze_is_made_again_of_a_runs_settings() -> None:
    room = Maze("room", ((0, 0, 0, 60), (0, 60, 300, 60)), (20, 30), (120, 30), heading=90.0)
    for task in (DeceptiveMaze("hard", "curiosity,closeness", steps=50), DeceptiveMaze(room, cell=5.0)):
        settings = json.loads(json.dumps(task.settings()))
        again = task_from_settings(settings)
        assert isinstance(again, DeceptiveMaze) and json.loads(json.dumps(again.settings())) == settings
        assert again.maze == task.maze and list(again.objectives) == list(task.objectives)


def test_the_trails_of_a_run_are_drawn(tmp_path: Path) -> None:
    run = evolved(Neat(population=12, threads=1), tmp_path / "run", maze="hard")
    data = ne.plots.trails_data(ne.load_run(tmp_path / "run"))
    assert data.ends.shape == (36, 2) and data.paths.shape == (12, 61, 2) and data.solved == 0
    assert sorted(set(data.generations.tolist())) == [0, 1, 2]
    assert data.way[-1].tolist() == run[data.best].descriptors.tolist() and data.best == run.best.id
    assert data.distance == pytest.approx(300.0 - run.best.fitness.values[0])
    for name in MAZES:
        ne.plots.trails(evolved(Neat(population=6, threads=1), maze=name)).savefig(tmp_path / f"{name}.png", dpi=40)
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_a_maze_has_no_trails() -> None:
    run = ne.evolve(NeatSpace(2, 1), lambda network: 1.0, population=4, budget=ne.Budget(generations=1), progress=False)
    with pytest.raises(ValueError, match=r"the task of this run is not neuroevo\.simulators.DeceptiveMaze"):
        ne.plots.trails(run)


# Films ------------------------------------------------------------------------------------------------------------------------


def test_a_film_shows_each_generation_with_those_before_it(tmp_path: Path) -> None:
    run = evolved(Neat(population=12, threads=1), tmp_path / "run", maze="hard")
    maze, found = scenes(ne.load_run(tmp_path / "run"))
    assert maze == MAZES["hard"] and [scene.generation for scene in found] == [0, 1, 2]
    for number, scene in enumerate(found):
        mine = [one for one in run if one.generation == number]
        assert scene.robots == 12 * (number + 1) and len(scene.before) == 12 * number and scene.solved == 0
        assert sorted(scene.ends.tolist()) == sorted(one.descriptors.tolist() for one in mine)
        assert sorted(scene.paths[:, -1].tolist()) == sorted(scene.ends.tolist())
    assert [scene.generation for scene in scenes(run, frames=2)[1]] == [0, 2]


def test_the_command_writes_a_film_of_trails_and_of_nothing_else(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "run"
    evolved(Neat(population=6, threads=1), folder, maze="medium")
    done = neuroevo("plot", folder, "trails", "--out", tmp_path / "films" / "trails.gif", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "films" / "trails.gif") as picture:
        assert picture.n_frames == 3 and picture.width == 480
    refused = neuroevo("plot", folder, "progress", "--out", tmp_path / "progress.gif", folder=tmp_path)
    assert (
        refused.returncode == 2 and "progress is a still picture, a .png, .svg or .pdf file; as a .gif: trails" in refused.stderr
    )
    with pytest.raises(ValueError, match=r"frames must be >= 1, rate from 0 to 50 and width >= 160 pixels, got 0, 8\.0 and 480"):
        ne.plots.trails_film(ne.load_run(folder), tmp_path / "no.gif", frames=0)
