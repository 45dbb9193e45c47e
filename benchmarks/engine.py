"""What the engine costs an evaluation: one evaluation of a trivial fitness, in memory and with the store; and what evaluators add.

Searches the NAS-Bench-201 cells with a fitness that costs about a microsecond, so that all the time is the engine's: births, trials,
evaluation, recording, selection. The targets are 0.3 ms in memory and 1 ms with the store. Takes about 20 seconds on 2 cores.

With `--evaluators`: what worker slots and Ray add to a candidate beyond its work (targets: 5 and 10 ms), how much faster two slots are
than one process for candidates that keep a core busy (target on 2 cores: 1.9 times), and how many candidates a second the driver
sustains with 1,000 simulated workers under the synchronous and the asynchronous schedule. Takes about a minute more.

With `--before FOLDER`: the same searches, and opening a folder of 100,000 individuals, by this build and by the one in that folder, in turn
and in one run; the ratios of processor time, medians over the rounds (targets: 1.05 for an evaluation, 1 for opening). Takes about ten minutes.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.core.extras import how_to_install
from neuroevo.core.trial import Result, Trial
from neuroevo.evaluators import Evaluator, Ray, Serial, Slots, Work
from neuroevo.tasks import Context
from neuroevo.testing.evaluator import trials


def fitness(genome) -> dict[str, float]:
    return {"loss": float(sum(genome.decisions)), "size": float(genome.parameters)}


def milliseconds(strategy, evaluations: int, seed: int, folder: Path | None) -> float:
    start = time.perf_counter()
    ne.evolve(
        CellSpace(),
        ne.tasks.Function(fitness, {"loss": ne.minimise, "size": ne.minimise}, of="genome"),
        strategy=strategy,
        budget=ne.Budget(evaluations=evaluations),
        seed=seed,
        run=folder,
        progress=False,
    )
    return 1e3 * (time.perf_counter() - start) / evaluations


@dataclass
class Simulated(Evaluator):
    """Workers that take simulated time: a trial is complete when its own moment comes, and costs the driver nothing else."""

    capacity: int = 1000

    def start(self, work: Work) -> None:
        self.work, self.moments, self.now = work, list[tuple[float, int, Trial]](), 0.0
        self.rng = np.random.default_rng(0)

    def submit(self, trial: Trial) -> None:
        heapq.heappush(self.moments, (self.now + float(self.rng.exponential(60.0)), trial.id, trial))

    def as_completed(self) -> Iterator[Result]:
        while self.moments:
            self.now, _, trial = heapq.heappop(self.moments)
            yield Result(trial, self.work(trial))

    def close(self) -> None:
        self.moments = []


def sustained(schedule: str, evaluations: int, seed: int, folder: Path) -> float:
    """Candidates a second that the driver handles for 1,000 workers, with the store."""
    start = time.perf_counter()
    ne.evolve(
        CellSpace(),
        ne.tasks.Function(fitness, {"loss": ne.minimise, "size": ne.minimise}, of="genome"),
        strategy=strategies.RegularizedEvolution(population=100, batch=1000 if schedule == "synchronous" else 1),
        budget=ne.Budget(evaluations=evaluations),
        evaluator=Simulated(),
        schedule=schedule,
        seed=seed,
        run=folder,
        progress=False,
    )
    return evaluations / (time.perf_counter() - start)


def busy(genome) -> float:
    """Keeps a core busy for about 40 ms."""
    total = 0.0
    for number in range(400_000):
        total += (number % 7) * 1e-9
    return total + genome.value


def seconds_of(evaluator: Evaluator, score: Callable[[Any], float], count: int) -> float:
    """Wall-clock seconds of so many trials on workers that have started; what each worker does first is not counted."""
    task = ne.tasks.Function(score, of="genome")
    with evaluator:
        evaluator.start(Work(task, task.estimation(), Context()))
        for trial in trials(4 * evaluator.capacity, task, seed=1):
            evaluator.submit(trial)
        list(evaluator.as_completed())
        waiting = trials(count, task)
        start = time.perf_counter()
        for trial in waiting[: 2 * evaluator.capacity]:
            evaluator.submit(trial)
        following = iter(waiting[2 * evaluator.capacity :])
        for _ in evaluator.as_completed():
            if (trial := next(following, None)) is not None:
                evaluator.submit(trial)
        return time.perf_counter() - start


def evaluators(seeds: int) -> dict[str, float]:
    """Overhead a candidate, speed-up of two slots, and what the driver sustains; medians."""
    made: dict[str, Callable[[], Evaluator]] = {"slots": lambda: Slots(1)}
    try:
        import ray

        made["ray"] = lambda: Ray(1)
        del ray
    except ImportError:
        print(f"Ray is not installed ({how_to_install('ray')}): left out")
    ours: dict[str, float] = {}
    for name, make in made.items():
        took = [seconds_of(make(), lambda genome: genome.value, 500) / 500 for _ in range(seeds)]
        ours[f"{name}_overhead_ms"] = 1e3 * statistics.median(took)
    ratios = [seconds_of(Serial(), busy, 100) / seconds_of(Slots(2), busy, 100) for _ in range(seeds)]
    ours["two_slots_speedup"] = statistics.median(ratios)
    for schedule in ("synchronous", "asynchronous"):
        with tempfile.TemporaryDirectory() as folder:
            rates = [sustained(schedule, 5000, seed, Path(folder) / f"run{seed}") for seed in range(seeds)]
        ours[f"candidates_a_second_{schedule}"] = statistics.median(rates)
    return ours


def before(folder: Path, rounds: int, evaluations: int, individuals: int) -> dict[str, float]:
    """Ratios of this build's processor time to that of the build in a folder, medians over rounds in which both are measured in turn."""
    builds = {"now": Path(__file__).resolve().parents[1], "before": folder.resolve()}
    served = {
        name: subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("engine_served.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(build)},
        )
        for name, build in builds.items()
    }

    def ask(build: str, what: str, count: int) -> float:
        process = served[build]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([what, count]) + "\n")
        process.stdin.flush()
        return float(json.loads(process.stdout.readline()))

    names = ("random_search", "regularized_evolution", "nsga2", "neat")
    measures = [(f"{name}:{where}", evaluations) for name in names for where in ("memory", "store")]
    measures += [("open:all", individuals), ("open:lazy", individuals)]
    ours: dict[str, float] = {}
    for what, count in measures:
        for build in builds:
            ask(build, what, count if what.startswith("open") else 200)  # first calls, and the folder that is opened
        pairs = []
        for number in range(rounds if not what.startswith("open") else max(3, rounds // 2)):
            order = list(builds) if number % 2 else list(builds)[::-1]
            took = {build: ask(build, what, count) for build in order}
            pairs.append((took["now"] / took["before"], took["now"] / count * 1e3, took["before"] / count * 1e3))
        ratio, now, then = (statistics.median(column) for column in zip(*pairs, strict=True))
        ours[f"ratio_{what.replace(':', '_')}"] = ratio
        print(f"{what:32s} {ratio:6.3f} times   ({now:.4f} ms each, before {then:.4f})", flush=True)
    for process in served.values():
        process.communicate()
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluators", action="store_true", help="measure worker slots, Ray and 1,000 simulated workers, too")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="compare with the build in this folder, a checkout")
    parser.add_argument("--rounds", type=int, default=9, help="of the comparison")
    parser.add_argument("--individuals", type=int, default=100_000, help="of the folder that the comparison opens")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.before is not None:
        ratios = before(options.before, options.rounds, options.evaluations, options.individuals)
        if options.json:
            settings = {"evaluations": options.evaluations, "rounds": options.rounds, "individuals": options.individuals}
            options.json.write_text(
                json.dumps(
                    {"method": "engine overhead, next to an earlier build", "settings": settings, "ours": ratios}, indent=2
                )
            )
        return
    made = {
        "random search": lambda: strategies.RandomSearch(),
        "regularized evolution": lambda: strategies.RegularizedEvolution(),
        # without deduplication: this fitness has one best cell, around which there would soon be no new cell to find
        "NSGA-II": lambda: strategies.Nsga2(population=50, deduplicate="none"),
    }
    milliseconds(made["NSGA-II"](), 200, 0, None)  # imports and first calls
    ours = {}
    print(f"{'strategy':24s}{'in memory':>14s}{'with store':>14s}   (ms an evaluation, median of {options.seeds})")
    for name, make in made.items():
        memory, stored = [], []
        for seed in range(options.seeds):
            memory.append(milliseconds(make(), options.evaluations, seed, None))
            with tempfile.TemporaryDirectory() as folder:
                stored.append(milliseconds(make(), options.evaluations, seed, Path(folder) / "run"))
        key = name.replace(" ", "_").replace("-", "").lower()
        ours[f"{key}_memory_ms"], ours[f"{key}_store_ms"] = statistics.median(memory), statistics.median(stored)
        print(f"{name:24s}{ours[f'{key}_memory_ms']:14.3f}{ours[f'{key}_store_ms']:14.3f}")
    if options.evaluators:
        measured = evaluators(options.seeds)
        ours |= measured
        for name, value in measured.items():
            print(f"{name:36s}{value:10.2f}")
    if options.json:
        report = {
            "method": "engine overhead",
            "settings": {"evaluations": options.evaluations},
            "seeds": options.seeds,
            "ours": ours,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
