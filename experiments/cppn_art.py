"""CPPNs paint towards a target picture (compositional pattern producing networks; Stanley 2007).

Each genome is a function of (x, y, distance to the centre, bias) and is painted at 32 x 32 pixels; its error is the mean absolute difference
from the target: a ring, a spiral, stripes (made by code), or a digit of scikit-learn's real handwritten digits. Nothing is fitted before comparing:
the picture is the first output. A contact sheet of the last population, best first, the target before it, and the best
picture at 512 x 512 are saved. The reference is the best picture of one grey, the target's median. A seed takes about 10 seconds on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import CppnSpace
from genomes.cppn.pattern import painting_coordinates
from neuroevo.strategies import Neat

PIXELS = 32


def target_picture(name: str) -> np.ndarray:
    """float64 [32, 32], 0 black to 1 white."""
    if name.startswith("digit"):
        from sklearn.datasets import load_digits

        digits = load_digits()
        first = int(np.flatnonzero(digits.target == int(name.removeprefix("digit")))[0])
        return np.kron(digits.images[first] / 16.0, np.ones((4, 4)))
    x, y, d = painting_coordinates(PIXELS).T
    made = {
        "ring": np.exp(-((6.0 * (d - 0.6)) ** 2)),
        "spiral": 0.5 + 0.5 * np.sin(9.0 * d + 2.0 * np.arctan2(y, x)),
        "stripes": 0.5 + 0.5 * np.sin(8.0 * x + 3.0 * np.sin(2.0 * y)),
    }
    return made[name].reshape(PIXELS, PIXELS)


def search(seed: int, options: argparse.Namespace, target: np.ndarray) -> tuple[dict[str, float], ne.Run]:
    @ne.population_fitness
    def error(population) -> np.ndarray:
        return np.abs(population.pictures(PIXELS) - target).mean(axis=(1, 2))

    run = ne.evolve(
        CppnSpace(weight_mutation_share=0.0, weight_power=0.5),
        error,
        objectives={"error": ne.minimise},
        strategy=Neat(population=options.population, target_species=15),
        budget=ne.Budget(generations=options.generations),
        seed=seed,
        workers=options.workers,
        run=options.run / f"cppn-art-{options.target}-{seed}" if options.run else None,
        record="champions",
        progress=False,
    )
    found = {
        "seed": seed,
        "error": run.best.values["error"],
        "untrained_error": run.summaries[0]["best"][0],
        "hidden": run.best.genome.hidden,
        "evaluations": run.evaluations,
    }
    return found, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="ring", choices=["ring", "spiral", "stripes", *(f"digit{n}" for n in range(10))])
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--figures", type=Path, help="save the pictures in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    target = target_picture(options.target)
    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    runs, best = [], None
    print(f"{'seed':>4s}{'untrained':>11s}{'error':>8s}{'hidden':>8s}   (mean absolute difference, 0 to 1)")
    for seed in seeds:
        found, run = search(seed, options, target)
        runs.append(found)
        print(f"{seed:4d}{found['untrained_error']:11.4f}{found['error']:8.4f}{found['hidden']:8d}", flush=True)
        if best is None or run.best.values["error"] < best.best.values["error"]:
            best = run
    ours = {name: statistics.mean(run[name] for run in runs) for name in ("error", "untrained_error", "hidden")}
    ours["one_grey_error"] = float(np.abs(target - np.median(target)).mean())
    for name, value in ours.items():
        print(f"{name:20s}{value:10.4f}")
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
        living = sorted(best.strategy.living, key=lambda individual: individual.values.get("error", np.inf))[:47]
        ne.plots.pictures(living, target=target).savefig(options.figures / f"{options.target}_population.png", dpi=110)
        ne.plots.pattern(best.best, 512).savefig(options.figures / f"{options.target}_best.png", dpi=110)
        ne.plots.genome(best.best).savefig(options.figures / f"{options.target}_genome.png", dpi=110)
    if options.json:
        report = {
            "method": f"CPPNs paint a picture ({options.target})",
            "paper": "Stanley 2007",
            "settings": {
                "target": options.target,
                "population": options.population,
                "generations": options.generations,
                "pixels": PIXELS,
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
