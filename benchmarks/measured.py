"""Whether a measured latency is that of the network: the same networks measured twice, beside other training, before and after turns.

About 30 networks of different sizes (digits) are trained for a moment and measured by two worker processes, each of which trains whenever
the other one measures; then once more, dealt to the workers otherwise. A latency is worth searching with if both sweeps put the networks in
the same order: the rank correlation (Spearman) between them. "Before" is the median of 30 predictions beside whatever else runs; "beside" is
`latency` as it is now, timed in turn with a reference network, but beside the other worker's training; "after" is that, measured alone. All
in one run, in alternation. Takes about 4 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Trial
from neuroevo.core.turns import Turns
from neuroevo.estimation import FullTraining
from neuroevo.tasks import Classification, Context
from neuroevo.train.compiled import Compiled

OBJECTIVES = ("error", "parameters", "latency")


class Before(Classification):
    """Latency as it was: the median of 30 predictions after 5, beside whatever else runs."""

    def measured(self, phenotype: Any, context: Context) -> dict[str, float]:
        assert isinstance(phenotype, Compiled)
        sample = phenotype.place(self.dataset.validation.x[:1])
        for _ in range(5):
            phenotype.outputs(sample)
        seconds = []
        for _ in range(30):
            start = time.perf_counter()
            phenotype.outputs(sample)
            seconds.append(time.perf_counter() - start)
        return {"latency": float(np.median(seconds)) * 1e3}


def networks(count: int, seed: int) -> list[Individual]:
    """Networks of different sizes: random ones, mutated 0 to 27 times."""
    space = Classification("digits", seed=1).default_space(starter_parameters=(300, 20_000))
    made = []
    for id in range(count):
        rng = stream(seed, id)
        genome = space.random(rng)
        for clock in range(1, 1 + 3 * (id % 10)):
            genome = genome.mutate(rng, clock=clock)
        made.append(Individual(id, genome, (-1.0, -1.0, -1.0), names=OBJECTIVES))
    return made


_KEPT: dict[str, Any] = {}


def measure(
    individuals: list[Individual], method: str, seed: int, epochs: int, folder: Path, worker: int
) -> list[tuple[int, float, float, float]]:
    """In a worker: train and measure its share, then train on until the other worker is done too.

    Returns:
        (id, latency, spread, seconds) of each.
    """
    kind = Before if method == "before" else Classification
    task = _KEPT.setdefault(method, kind("digits", OBJECTIVES, seed=1))
    estimation = _KEPT.setdefault("estimation", FullTraining(epochs=epochs))
    context = Context(seed=seed, turns=Turns(folder / "turns") if method == "after" else None)
    found = []
    for individual in individuals:
        start = time.perf_counter()
        measurement = estimation.measure(Trial(individual.id, (individual,)), task, context)
        assert not measurement.reasons, measurement.reasons
        spread = measurement.info[0]["scores"].get("latency_spread", float("nan"))
        found.append((individual.id, float(measurement.values[0, 2]), spread, time.perf_counter() - start))
    (folder / f"done {worker}").touch()
    while len(list(folder.glob("done *"))) < 2:
        estimation.measure(Trial(0, individuals[:1]), _KEPT.setdefault("other", Classification("digits", seed=1)), context)
    return found


def sweep(pools: list[ProcessPoolExecutor], individuals: list[Individual], method: str, deal: int, epochs: int) -> dict[str, Any]:
    """Every network measured once, by two workers that train beside each other."""
    order = stream(deal, 0).permutation(len(individuals))
    with tempfile.TemporaryDirectory() as folder:
        futures = [
            pool.submit(measure, [individuals[i] for i in order[worker::2]], method, deal, epochs, Path(folder), worker)
            for worker, pool in enumerate(pools)
        ]
        rows = sorted(row for future in futures for row in future.result())
    _, latency, spread, seconds = (np.array(column) for column in zip(*rows, strict=True))
    print(f"{method:>6}: {latency.min():.3f} to {latency.max():.3f} ms, {seconds.mean():.2f} s a candidate", flush=True)
    return {"latency": latency, "spread": spread, "seconds": seconds}


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of numbers without ties."""
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=3, help="that each candidate is trained")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    individuals = networks(options.networks, options.seed)
    spawn = multiprocessing.get_context("spawn")
    pools = [ProcessPoolExecutor(1, spawn) for _ in range(2)]
    found: dict[str, list[dict[str, Any]]] = {"before": [], "beside": [], "after": []}
    for deal in (1, 2):
        for method in found:
            found[method].append(sweep(pools, individuals, method, 100 * options.seed + deal, options.epochs))
    for pool in pools:
        pool.shutdown()
    ours: dict[str, float] = {}
    for method, (one, other) in found.items():
        ours[f"rank_correlation_{method}"] = rank_correlation(one["latency"], other["latency"])
        ours[f"disagreement_{method}"] = float(np.median(abs(one["latency"] / other["latency"] - 1)))
        ours[f"candidate_seconds_{method}"] = float(np.mean([one["seconds"], other["seconds"]]))
    print(f"\n{'':30}" + "".join(f"{method:>9}" for method in found))
    for name, text in (
        ("rank_correlation", "rank correlation of two sweeps"),
        ("disagreement", "median difference, share"),
        ("candidate_seconds", "seconds a candidate"),
    ):
        print(f"{text:30}" + "".join(f"{ours[f'{name}_{method}']:9.3f}" for method in found))
    if options.json:
        runs = [
            {"method": method, "sweep": i, **{name: array.tolist() for name, array in run.items() if np.isfinite(array).all()}}
            for method, both in found.items()
            for i, run in enumerate(both)
        ]
        settings = {"networks": options.networks, "epochs": options.epochs, "workers": 2}
        result = {
            "method": "measured objectives by turns", "paper": None, "settings": settings, "seeds": [options.seed],
            "published": {}, "ours": ours, "runs": runs,
        }  # fmt: skip
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
