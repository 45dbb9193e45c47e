"""HyperNEAT finds the larger of two boxes, at the resolution it evolved at and at higher ones (Stanley, D'Ambrosio & Gauci 2009, section 4).

An 11 x 11 field with a small and a large box; the network has one input and one output a pixel, and its 14,641 weights come from a CPPN that
is told (x1, y1, x2, y2) and the differences x2 - x1, y2 - y1, as in the paper. The pixel of the highest output is the answer; what is
minimised is its mean distance to the large box's centre over 75 trials, in field widths. Population 100, 150 generations. The unchanged
genome of the best network is then expressed on 33 x 33 and 55 x 55 pixels (1.2 and 9.2 million weights). Guessing and the best of an
untrained population are reported too. A seed takes about 15 seconds on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import neuroevo as ne
from genomes import CppnSpace, Substrate
from neuroevo.simulators import VisualDiscrimination
from neuroevo.strategies import Neat

RESOLUTIONS = (11, 33, 55)


def substrate(resolution: int) -> Substrate:
    # The largest output is what counts, so outputs compute the identity: a squashing function would only make equal what is not.
    pixels = (resolution, resolution)
    return Substrate.grid(pixels, pixels, differences=True, output_activation="identity")


def search(seed: int, options: argparse.Namespace) -> dict[str, float]:
    run = ne.evolve(
        CppnSpace(substrate=substrate(11)),
        VisualDiscrimination(11),
        strategy=Neat(population=options.population),
        budget=ne.Budget(generations=options.generations),
        seed=seed,
        workers=options.workers,
        run=options.run / f"visual-discrimination-{seed}" if options.run else None,
        record="champions",
        progress=False,
    )
    genome = run.best.genome
    found = {
        "seed": seed,
        "evaluations": run.evaluations,
        "untrained_distance": run.summaries[0]["best"][0],
        "generations_to_target": next((row["generation"] for row in run.summaries if row["best"][0] <= 0.15), None),
        "hidden": genome.hidden,
        "connections": int(genome.connections.enabled.sum()),
    }
    for resolution in RESOLUTIONS:
        task = VisualDiscrimination(resolution)
        outputs = genome.express(substrate(resolution))(task.inputs)
        found[f"distance_{resolution}"] = float(task.distances(outputs).mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--generations", type=int, default=150)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    runs = []
    print(
        f"{'seed':>4s}{'untrained':>11s}"
        + "".join(f"{f'{r} x {r}':>10s}" for r in RESOLUTIONS)
        + "   (mean distance, field widths)"
    )
    for seed in seeds:
        runs.append(search(seed, options))
        distances = "".join(f"{runs[-1][f'distance_{r}']:10.3f}" for r in RESOLUTIONS)
        print(f"{seed:4d}{runs[-1]['untrained_distance']:11.3f}{distances}", flush=True)
    ours = {f"distance_{r}": statistics.mean(run[f"distance_{r}"] for run in runs) for r in RESOLUTIONS}
    ours |= {f"worst_distance_{r}": max(run[f"distance_{r}"] for run in runs) for r in RESOLUTIONS}
    ours |= {"untrained_distance": statistics.mean(run["untrained_distance"] for run in runs)}
    ours |= {"guessing_distance": VisualDiscrimination(11).guessing}
    for name, value in ours.items():
        print(f"{name:24s}{value:10.3f}")
    if options.json:
        report = {
            "method": "HyperNEAT on visual discrimination",
            "paper": "Stanley, D'Ambrosio & Gauci 2009",
            "settings": {"population": options.population, "generations": options.generations, "differences": True},
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
