"""What a step of Bayesian optimization costs: fitting the observed scores again with one more, and predicting 100 candidates.

Each kernel and BANANAS's ensemble are measured on random cells of NAS-Bench-201, at 50, 200 and 1,000 observations: the fit with one genome
more than before (distances among the others are known), the prediction of candidates that nobody has seen, and both together. Then a new
cell against 1,000 by each distance, and one optimal transport next to that of POT (`ot.emd`; `pip install POT`, or the extra `bench`) on the
same costs and masses in the same process. Targets: a step at 200 observations with optimal transport within 300 ms, a pair of cells within 12 us.
Takes about two minutes on 2 cores; `--sizes 50 200` ten seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes import CellGenome, CellSpace, NetworkSpace
from genomes.distances import Distance, Edit, Hamming, OptimalTransport, Paths, WeisfeilerLehman
from genomes.distances.kernels.flow import partial_transport
from genomes.distances.layers import parts
from genomes.distances.transport import masses, path_lengths
from neuroevo.core.trial import Trial
from neuroevo.predictors import Ensemble, GaussianProcess, Predictor
from neuroevo.strategies import Bayesian

PREDICTORS: dict[str, Callable[[], Predictor]] = {
    **{name: (lambda name=name: GaussianProcess(name)) for name in ("wl", "otmann", "edit", "hamming", "paths", "nasbot")},  # type: ignore[misc]
    "ensemble": Ensemble,
}
DISTANCES: dict[str, Distance] = {
    "wl": WeisfeilerLehman(),
    "otmann": OptimalTransport(),
    "edit": Edit(),
    "hamming": Hamming(),
    "paths": Paths(),
}


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def step(
    predictor: Predictor, cells: list[CellGenome], values: np.ndarray, size: int, candidates: int, repeats: int
) -> tuple[float, float]:
    """Milliseconds of a fit with one observation more, and of a prediction of new candidates."""
    predictor.fit(cells[: size - 1], values[: size - 1])
    fits, predictions = [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        predictor.fit([*cells[: size - 1], cells[size + repeat]], [*values[: size - 1], values[size + repeat]])
        fits.append(1e3 * (time.perf_counter() - start))
        first = size + repeats + candidates * repeat
        start = time.perf_counter()
        predictor.predict(cells[first : first + candidates])
        predictions.append(1e3 * (time.perf_counter() - start))
    return statistics.median(fits), statistics.median(predictions)


@dataclass
class Timed(Bayesian):
    """The strategy, and how many milliseconds it took to propose."""

    def ask(self) -> Sequence[Trial]:
        start = time.perf_counter()
        asked = super().ask()
        STEPS.append(1e3 * (time.perf_counter() - start))
        return asked


STEPS: list[float] = []


def near_6000(network: Any) -> float:
    """A score that costs nothing: how near the number of parameters is to 6,000, in logarithms."""
    return -abs(math.log(network.count_params()) - math.log(6_000))


def tree_step(observations: int, repeats: int, seed: int) -> float:
    """Milliseconds of one step of AutoKeras's search over networks that morph, with so many observed: the fit, the annealed tree, the choice."""
    space = NetworkSpace(input_shape=(8, 8, 1), outputs=10, max_parameters=20_000, starter_parameters=(300, 5_000))
    strategy = Timed(GaussianProcess("edit"), acquisition="ucb", inner="annealed_tree", initial=8)
    budget = ne.Budget(evaluations=observations + repeats)
    ne.evolve(space, near_6000, strategy=strategy, budget=budget, seed=seed, progress=False)
    return statistics.median(STEPS[-repeats:])


def problems(cells: list[CellGenome], count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Costs, supplies and demands of transports between cells, without the dummies: what is never matched costs 2."""
    found = []
    distance = OptimalTransport()
    for first, second in zip(cells[:count], cells[count : 2 * count], strict=True):
        one, other = (parts(distance, cell, False)[0] for cell in (first, second))
        apart = np.abs(path_lengths(one)[:, None] - path_lengths(other)[None]).mean(axis=2)
        alike = np.array([[a.kind == b.kind for b in other.vertices] for a in one.vertices])
        found.append((np.where(alike, np.minimum(0.25 * apart, 2), 2.0), np.array(masses(one)), np.array(masses(other))))
    return found


def against_pot(cells: list[CellGenome], repeats: int) -> dict[str, float] | None:
    try:
        import ot
    except ImportError:
        return None
    ours, theirs, off = 0.0, 0.0, 0.0
    for cost, supply, demand in problems(cells, 50):
        whole = np.ones((len(supply) + 1, len(demand) + 1))
        whole[:-1, :-1], whole[-1, -1] = cost, 0
        left, right = np.append(supply, demand.sum()), np.append(demand, supply.sum())
        size = len(supply) + len(demand)
        room = np.empty(cost.shape), np.empty(size), np.empty(size), np.empty(size, np.int64), np.empty(size, np.bool_)

        def solve(cost=cost, supply=supply, demand=demand, room=room) -> float:
            return partial_transport(cost, supply.copy(), demand.copy(), len(supply), len(demand), 1.0, *room)

        expected = float((ot.emd(left, right, whole) * whole).sum())
        off = max(off, abs(solve() - expected) / expected if expected else solve())
        ours += milliseconds(solve, repeats)
        theirs += milliseconds(lambda: ot.emd(left, right, whole), repeats)  # noqa: B023
    return {"ours_us": 20 * ours, "pot_us": 20 * theirs, "ratio": theirs / ours, "largest_relative_difference": off}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 1000], help="observations")
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--predictors", nargs="+", choices=list(PREDICTORS), default=list(PREDICTORS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    space = CellSpace()
    drawn = rng.choice(5**6, size=max(options.sizes) + options.repeats * (options.candidates + 1) + 1, replace=False)
    cells = [space.build([int(answer) // 5**place % 5 for place in range(6)]) for answer in drawn]
    values = np.log([cell.parameters for cell in cells]) + 0.1 * rng.normal(size=len(cells))

    runs: list[dict[str, Any]] = []
    ours: dict[str, float] = {}
    print(f"{'predictor':>10s}{'observations':>14s}{'fit ms':>10s}{'predict ms':>12s}{'step ms':>10s}")
    for name in options.predictors:
        warm = PREDICTORS[name]()
        warm.fit(cells[:5], values[:5])
        warm.predict(cells[5:8])  # compiled, or read from disk
        for size in options.sizes:
            fit, predict = step(PREDICTORS[name](), cells, values, size, options.candidates, options.repeats)
            runs.append({"predictor": name, "observations": size, "fit_ms": fit, "predict_ms": predict})
            ours[f"step_ms_{name}_{size}"] = fit + predict
            print(f"{name:>10s}{size:14d}{fit:10.1f}{predict:12.1f}{fit + predict:10.1f}")
    ours["step_ms_autokeras_60"] = tree = tree_step(60, 5, options.seed)
    print(f"\nAutoKeras's search over networks that morph, one step at 60 observations: {tree:.0f} ms")
    many = cells[:1000]
    print(f"\n{'distance':>10s}   a new cell against {len(many)}")
    for name, distance in DISTANCES.items():
        distance.matrix(many[:1], many)
        new = iter(cells[::-1])
        ours[f"new_ms_{name}_{len(many)}"] = each = milliseconds(lambda: distance.matrix([next(new)], many), 5)  # noqa: B023
        pairs = milliseconds(lambda: distance.matrix(many[:100], many[100:200]), 3) / 1e4  # noqa: B023
        ours[f"pair_us_{name}"] = 1e3 * pairs
        print(f"{name:>10s}{each:10.2f} ms, {1e3 * pairs:.2f} us a pair among 100 x 100")
    peer = against_pot(cells, 21)
    if peer is None:
        print("\nPOT is not installed (pip install POT): no comparison of transports")
    else:
        ours["ratio_pot"] = peer["ratio"]
        print(
            f"\none transport between cells: ours {peer['ours_us']:.1f} us (called from Python), POT {peer['pot_us']:.0f} us: x{peer['ratio']:.0f}"
        )
        print(f"largest relative difference of the costs: {peer['largest_relative_difference']:.1e}")
    if options.json:
        report = {
            "method": "a step of Bayesian optimization over cells",
            "paper": "Kandasamy et al. 2018; Jin, Song & Hu 2019; White, Neiswanger & Savani 2021",
            "settings": {"candidates": options.candidates, "repeats": options.repeats, "seed": options.seed, "pot": peer},
            "seeds": 1,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
