"""Co-evolution: networks learn tic-tac-toe from nothing but games against each other (NEAT with a population fitness).

A network rates the board after a move, from the mover's side; a player takes the move that its network rates highest. It sees seven numbers: the
lines with three own marks, with two or one and no other's, the lines with two or one of the other's and no own, whether it holds the centre, and
how many corners. What these are worth, alone and together, is what evolution has to find out.

Every generation each member plays from every opening of two moves, on both sides, against a sample of its own generation and of the hall of fame:
the champions of earlier generations (Rosin & Belew 1997). A win counts 1, a draw 1/2; fitness is the mean, so it is relative: what was learnt shows
against players that do not learn. The champion of the last generation is measured exactly, over the whole game tree, against a player that moves at
random (two of these: 43.7 % won, 12.7 % drawn, either moving first in half of the games) and a perfect one (it never gives away more than it must; among
equally good moves it draws lots). Against that nobody can do better than a draw: no losses is the theory's optimum.

The hall of fame lives in the fitness, not in the run's folder: a resumed run starts with an empty one. 5 seeds take about half a minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.strategies import Neat

LINES = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]])
POWERS = 3 ** np.arange(9)  # a board's code: the sum of 3**cell * (1 for an own mark, 2 for the other's)
PUBLISHED = {"losses_to_perfect": 0.0}

Board = tuple[int, ...]  # 9 cells: 1 an own mark, 2 the other's, 0 empty


# The game ---------------------------------------------------------------------------------------------------------------------


def _seen(board: Board) -> Board:
    """What a network is told about a board."""
    lines = [(sum(board[cell] == 1 for cell in line), sum(board[cell] == 2 for cell in line)) for line in LINES]
    counts = [lines.count(kind) for kind in ((3, 0), (2, 0), (1, 0), (0, 2), (0, 1))]
    return (*counts, int(board[4] == 1), sum(board[corner] == 1 for corner in (0, 2, 6, 8)))


def _boards() -> tuple[np.ndarray, np.ndarray]:
    """What networks see, each once: float64 [rows, 7]; and which row belongs to a board's code: int64 [3**9], -1 for no board after a
    move."""
    row_of, rows = np.full(3**9, -1), {}
    for board in product(range(3), repeat=9):
        if board.count(1) - board.count(2) in (0, 1):  # the own side has just moved
            row_of[POWERS @ np.array(board)] = rows.setdefault(_seen(board), len(rows))
    return row_of, np.array(list(rows), float)


ROW_OF, ROWS = _boards()
OPENINGS = np.array([(a, b) for a in range(9) for b in range(9) if a != b])


@njit(cache=True, nogil=True)
def _wins(cells, mark):
    won = False
    for line in LINES:
        won |= cells[line[0]] == mark and cells[line[1]] == mark and cells[line[2]] == mark
    return won


@njit(cache=True, nogil=True)
def _move(cells, mark, ratings):
    best, chosen = -np.inf, -1
    code = 0
    for cell in range(9):
        if cells[cell] != 0:
            code += 3**cell * (1 if cells[cell] == mark else 2)
    for cell in range(9):
        if cells[cell] == 0:
            rating = ratings[ROW_OF[code + 3**cell]]
            if rating > best:
                best, chosen = rating, cell
    return chosen


@njit(cache=True, nogil=True)
def game(first, second, opening):
    """Play on from an opening; 1 if the first player wins, 0 if the second does, 1/2 for a draw. A player is its ratings: float64
    [rows]."""
    cells = np.zeros(9, np.int64)
    cells[opening[0]], cells[opening[1]] = 1, 2
    for ply in range(2, 9):
        mark = 1 + ply % 2
        cells[_move(cells, mark, first if mark == 1 else second)] = mark
        if _wins(cells, mark):
            return 1.0 if mark == 1 else 0.0
    return 0.5


@njit(cache=True, nogil=True)
def tournament(players, opponents):
    """The mean score of each player over all openings, both sides, against all opponents: float64 [players]."""
    scores = np.zeros(len(players))
    for i in range(len(players)):
        for j in range(len(opponents)):
            for opening in OPENINGS:
                scores[i] += game(players[i], opponents[j], opening) + 1.0 - game(opponents[j], players[i], opening)
    return scores / (2 * len(OPENINGS) * len(opponents))


class Contest:
    """The fitness: every member against a sample of its generation and of the hall of fame.

    Args:
        seed: of the draws.
        peers, famous: opponents from either.
    """

    def __init__(self, seed: int, peers: int = 8, famous: int = 8) -> None:
        self.rng = np.random.default_rng(seed)
        self.peers, self.famous = peers, famous
        self.hall: list[np.ndarray] = []

    def __call__(self, population) -> np.ndarray:
        players = population(ROWS)[:, :, 0]
        opponents = [players[i] for i in self.rng.choice(len(players), min(self.peers, len(players)), replace=False)]
        if self.hall:
            chosen = self.rng.choice(len(self.hall), min(self.famous, len(self.hall)), replace=False)
            opponents += [self.hall[i] for i in chosen]
        scores = tournament(players, np.array(opponents))
        self.hall.append(players[int(np.argmax(scores))].copy())
        return scores


# What was learnt --------------------------------------------------------------------------------------------------------------


def _outcome(board: Board) -> float | None:
    """1 if the own side has won, 0 if the other, 1/2 for a full board, None while the game goes on."""
    for mark, score in ((1, 1.0), (2, 0.0)):
        if any(all(board[cell] == mark for cell in line) for line in LINES):
            return score
    return None if 0 in board else 0.5


def _after(board: Board, cell: int, mark: int) -> Board:
    return (*board[:cell], mark, *board[cell + 1 :])


def _swapped(board: Board) -> Board:
    return tuple((0, 2, 1)[cell] for cell in board)


@cache
def best_score(board: Board) -> float:
    """What the own side, to move, can be sure of."""
    outcome = _outcome(board)
    if outcome is not None:
        return outcome
    return max(1.0 - best_score(_swapped(_after(board, cell, 1))) for cell in range(9) if board[cell] == 0)


def random_moves(board: Board) -> list[int]:
    """The moves of a player that moves at random."""
    return [cell for cell in range(9) if board[cell] == 0]


def perfect_moves(board: Board) -> list[int]:
    """The moves of a perfect player."""
    scores = {cell: 1.0 - best_score(_swapped(_after(board, cell, 1))) for cell in random_moves(board)}
    return [cell for cell, score in scores.items() if score == max(scores.values())]


def odds(player, opponent) -> tuple[float, float, float]:
    """How often `player` wins, draws and loses against `opponent`, exactly; it moves first in half of the games.

    Both are functions from a board, seen by the one to move, to the moves between which it draws.
    """

    @cache
    def follow(board: Board, mine: bool) -> np.ndarray:
        outcome = _outcome(board)
        if outcome is not None:
            return np.array([outcome == 1.0, outcome == 0.5, outcome == 0.0], float)
        moves = player(board) if mine else opponent(_swapped(board))
        return np.mean([follow(_after(board, cell, 1 if mine else 2), not mine) for cell in moves], axis=0)

    empty = (0,) * 9
    win, draw, loss = ((follow(empty, True) + follow(empty, False)) / 2).tolist()
    return win, draw, loss


def network_moves(network):
    """A network as a player for `odds`."""
    ratings = network(ROWS)[:, 0]
    return lambda board: [int(_move(np.array(board), 1, ratings))]


def evolve(seed: int, population: int, generations: int, folder: Path | None) -> dict[str, Any]:
    """One run, and what its champion can do."""
    run = ne.evolve(
        NeatSpace(inputs=ROWS.shape[1], outputs=1),
        ne.population_fitness(Contest(seed)),
        strategy=Neat(population=population, threads=1),
        budget=ne.Budget(generations=generations),
        seed=seed,
        run=None if folder is None else folder / f"seed-{seed}",
        record="champions",
        progress=False,
    )
    champion = max(run.strategy.living, key=lambda individual: individual.fitness)
    if folder is not None:
        champion.genome.save(folder / f"seed-{seed}" / "champion.json")
        ne.plots.genome(champion).savefig(folder / f"seed-{seed}" / "champion.png", dpi=150)
    found: dict[str, Any] = {
        "seed": seed,
        "hidden": champion.genome.hidden,
        "connections": int(champion.genome.connections.enabled.sum()),
    }
    for name, opponent in (("random", random_moves), ("perfect", perfect_moves)):
        win, draw, loss = odds(network_moves(champion.network()), opponent)
        found |= {f"wins_against_{name}": win, f"draws_with_{name}": draw, f"losses_to_{name}": loss}
    return found


def _evolve(job: tuple[int, int, int, Path | None]) -> dict[str, Any]:
    return evolve(*job)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one run with this seed")
    parser.add_argument("--seeds", type=int, default=5, help="runs, with seeds 0, 1, ...")
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1, help="processes that runs are spread over")
    parser.add_argument("--run", type=Path, help="record every run in this folder, its champion and a picture of it too")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    seeds = list(range(options.seeds)) if options.seed is None else [options.seed]
    jobs = [(seed, options.population, options.generations, options.run) for seed in seeds]
    with Progress(console=Console(stderr=True)) as progress, ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        runs = list(progress.track(pool.map(_evolve, jobs), total=len(jobs), description="tic-tac-toe"))

    ours = {name: statistics.fmean(run[name] for run in runs) for name in runs[0] if name != "seed"}
    table = Table("measure", f"ours ({len(runs)} runs)", "theory", title="Co-evolved tic-tac-toe: the last champions")
    for name, value in ours.items():
        shown = f"{value:.1f}" if name in ("hidden", "connections") else f"{value:.1%}"
        table.add_row(name.replace("_", " "), shown, f"{PUBLISHED[name]:.1%}" if name in PUBLISHED else "-")
    Console(width=100).print(table)
    if options.json:
        report = {
            "method": "NEAT, co-evolution of tic-tac-toe players",
            "paper": "Stanley & Miikkulainen 2002; Rosin & Belew 1997 (hall of fame)",
            "settings": {
                "space": NeatSpace(inputs=ROWS.shape[1], outputs=1).to_dict(),
                "strategy": Neat(population=options.population).settings(),
                "generations": options.generations,
            },
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
