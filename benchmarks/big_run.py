"""What a run of a million evaluations costs whoever looks at it, and what recording everything costs the search.

NEAT on XOR with 10,000 genomes a generation and record="all", every genome kept: 10 generations, then 100. `neuroevo show` and `neuroevo
report` are then started as a user would start them: processor seconds and the most memory of each, and how many times more the ten times
larger run takes. Beside it the median time of a generation with record="all" and record="champions", each in a folder, generation by
generation in turns so that other work on the machine meets both. The targets: time grows as the run does, memory stays under 1 GB, and
recording everything costs at most a quarter of a generation. Takes about two minutes and 1.3 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.strategies import Neat

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])
POPULATION = 10_000
GENERATIONS = (10, 100)
TURNS = 4  # searches of each kind of record, one after the other


def fitness(networks) -> np.ndarray:
    return (4.0 - np.abs(networks(INPUTS)[:, :, 0] - ANSWERS).sum(axis=1)) ** 2


class Ends(ne.Callback):
    """When each generation ended, in processor seconds."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def on_generation(self, run: ne.Run) -> None:
        self.at.append(time.process_time())


def search(folder: Path, generations: int, seed: int, record: str = "all") -> list[float]:
    """Processor seconds of each generation but the first."""
    ends = Ends()
    ne.evolve(
        NeatSpace(inputs=2, outputs=1), ne.population_fitness(fitness), strategy=Neat(population=POPULATION),
        budget=ne.Budget(generations=generations), seed=seed, run=folder, record=record, callbacks=[ends], progress=False,
    )  # fmt: skip
    return np.diff(ends.at).tolist()


def looked_at(command: str, folder: Path) -> dict[str, float]:
    """Processor seconds and megabytes of a command of its own."""
    arguments = [sys.executable, "-m", "neuroevo.cli.main", command, str(folder)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return {"seconds": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, help="where to keep the runs (default: a temporary folder)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ours: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.run or Path(temporary)
        search(folder / "warm", 2, options.seed)
        took: dict[str, list[float]] = {"all": [], "champions": []}
        for turn in range(TURNS):
            for record, seconds in took.items():
                seconds += search(folder / f"{record}-{turn}", 8, options.seed + turn, record)
        for record, seconds in took.items():
            ours[f"generation_{record}"] = statistics.median(seconds)
        ours["recording_all"] = ours["generation_all"] / ours["generation_champions"] - 1.0
        for generations in GENERATIONS:
            run = folder / f"run-{generations}"
            search(run, generations, options.seed)
            evaluations = generations * POPULATION
            ours[f"database_megabytes_{evaluations}"] = (run / "run.db").stat().st_size / 1e6
            for command in ("show", "report"):
                for name, value in looked_at(command, run).items():
                    ours[f"{command}_{name}_{evaluations}"] = value
                    print(f"{evaluations:10,d} evaluations, {command:7s}{name:10s}{value:9.1f}")
            ours[f"page_megabytes_{evaluations}"] = (run / "report.html").stat().st_size / 1e6
    few, many = (generations * POPULATION for generations in GENERATIONS)
    for command in ("show", "report"):
        ours[f"{command}_growth"] = ours[f"{command}_seconds_{many}"] / ours[f"{command}_seconds_{few}"]
    for name in ("recording_all", "show_growth", "report_growth"):
        print(f"{name} {ours[name]:.2f}")
    if options.json:
        settings = {"population": POPULATION, "generations": list(GENERATIONS)}
        report = {"method": "a run of a million evaluations", "settings": settings, "seeds": [options.seed], "ours": ours, "runs": []}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
