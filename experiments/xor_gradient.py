"""XOR by NEAT with gradients: evaluations to solve it when weights change by mutation alone, and when every genome is trained first.

Three modes of one search, the same but for `Neat(inheritance=...)`: "none", weights change by mutation alone; "baldwinian", every genome is
trained by gradient and scored with what it learned, its children inherit the weights that it was born with; "lamarckian", what it learned is
written back to its genes. (The comparison is that of Whitley, Gordon & Mathias 1994, "Lamarckian evolution, the Baldwin effect and
function optimization"; the paper of NEAT, Stanley & Miikkulainen 2002, has mutation alone.) Fitness and success test are those of
`xor.py`. An evaluation is one genome, trained or not; a trained one costs `--steps` gradient steps on the four samples more, which are
reported beside. 50 seeds take about ten minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.estimation import GradientTraining

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])
SOLVED = 16.0  # the fitness of a faultless network: given to every network that passes the success test
MODES = ("none", "baldwinian", "lamarckian")

PUBLISHED = {"mean_evaluations_none": 4755}


@ne.population_fitness
def fitness(population) -> np.ndarray:
    outputs = population(INPUTS)[:, :, 0]
    solved = ((outputs > 0.5) == (ANSWERS > 0.5)).all(axis=1)
    return np.where(solved, SOLVED, (4.0 - np.abs(outputs - ANSWERS).sum(axis=1)) ** 2)


def search(mode: str, seed: int, training: GradientTraining, options: argparse.Namespace) -> dict[str, float]:
    start = time.perf_counter()
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        fitness,
        strategy=ne.strategies.Neat(population=options.population, inheritance=mode),
        estimation=training,
        budget=ne.Budget(generations=options.generations, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"xor-{mode}-{seed}" if options.run else None,
        record="champions",
        progress=False,
    )
    winner = run.best.genome
    return {
        "mode": mode,
        "seed": seed,
        "solved": run.solved,
        "generations": run.generation,
        "evaluations": run.evaluations,
        "gradient_steps": 0 if mode == "none" else run.evaluations * options.steps,
        "hidden": winner.hidden,
        "connections": int(winner.connections.enabled.sum()),
        "seconds": time.perf_counter() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=300, help="a run that needs more is a failure")
    parser.add_argument("--steps", type=int, default=30, help="gradient steps of a trained genome")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate of Adam")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    training = GradientTraining((INPUTS, ANSWERS[:, None]), steps=options.steps, learning_rate=options.rate)
    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    runs = []
    for mode in MODES:
        for number, seed in enumerate(seeds):
            runs.append(search(mode, seed, training, options))
            print(f"\r{mode}: {number + 1} of {len(seeds)} seeds   ", end="", flush=True)
    ours = {}
    columns = ("failures", "mean_evaluations", "median_evaluations", "mean_gradient_steps", "mean_hidden", "mean_seconds")
    print(f"\r{'':14s}" + "".join(f"{name.replace('_', ' '):>21s}" for name in columns) + f"   ({len(seeds)} seeds)")
    for mode in MODES:
        mine = [run for run in runs if run["mode"] == mode]
        found = {"failures": sum(not run["solved"] for run in mine)}
        found |= {f"mean_{name}": statistics.mean(run[name] for run in mine) for name in ("evaluations", "gradient_steps")}
        found |= {f"mean_{name}": statistics.mean(run[name] for run in mine) for name in ("hidden", "seconds")}
        found["median_evaluations"] = statistics.median(run["evaluations"] for run in mine)
        ours |= {f"{name}_{mode}": value for name, value in found.items()}
        print(f"{mode:14s}" + "".join(f"{found[name]:21,.2f}" for name in columns))
    before, after = ([run["evaluations"] for run in runs if run["mode"] == mode] for mode in ("none", "lamarckian"))
    ours["seeds_lamarckian_needs_fewer"] = sum(b < a for a, b in zip(before, after, strict=True))
    print(
        f"Lamarckian needs fewer evaluations than mutation alone in {ours['seeds_lamarckian_needs_fewer']} of {len(seeds)} seeds"
    )
    if options.json:
        report = {
            "method": "NEAT on XOR with gradients",
            "paper": "Stanley & Miikkulainen 2002 (mutation alone); Whitley, Gordon & Mathias 1994 (the three modes)",
            "settings": {name: getattr(options, name) for name in ("population", "generations", "steps", "rate")},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
