"""XOR by NEAT, with the paper's fitness and success test (Stanley & Miikkulainen 2002, section 4.1).

Fitness is (4 - sum of the absolute errors)^2; a network solves XOR when all four outputs are on the right side of 0.5. Population 150.
The paper: 100 runs of 100 solved, on average after 32 generations (4,755 evaluations), with 2.35 hidden nodes and 7.48 enabled
connections. 100 seeds take about a minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import NeatSpace

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])
SOLVED = 16.0  # the fitness of a faultless network: given to every network that passes the paper's success test

PUBLISHED = {"failures": 0, "mean_generations": 32, "mean_evaluations": 4755, "mean_hidden": 2.35, "mean_connections": 7.48}


@ne.population_fitness
def fitness(population) -> np.ndarray:
    outputs = population(INPUTS)[:, :, 0]
    solved = ((outputs > 0.5) == (ANSWERS > 0.5)).all(axis=1)
    return np.where(solved, SOLVED, (4.0 - np.abs(outputs - ANSWERS).sum(axis=1)) ** 2)


def search(seed: int, options: argparse.Namespace) -> dict[str, float]:
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        fitness,
        strategy=ne.strategies.Neat(population=options.population),
        budget=ne.Budget(generations=options.generations, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"xor-{seed}" if options.run else None,
        record="champions",
        progress=False,
    )
    winner = run.best.genome
    return {
        "seed": seed,
        "solved": run.solved,
        "generations": run.generation,
        "evaluations": run.evaluations,
        "hidden": len(winner.nodes.marking) - winner.space.inputs - winner.space.outputs - (winner.space.bias == "input"),
        "connections": int(winner.connections.enabled.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=300, help="a run that needs more is a failure")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    runs = []
    for seed in seeds:
        runs.append(search(seed, options))
        print(f"\r{len(runs)} of {len(seeds)} seeds", end="", flush=True)
    solved = [run for run in runs if run["solved"]]
    ours = {"failures": len(runs) - len(solved)}
    ours |= {f"mean_{name}": statistics.mean(run[name] for run in runs) for name in ("generations", "evaluations")}
    ours |= {f"mean_{name}": statistics.mean(run[name] for run in solved) for name in ("hidden", "connections") if solved}
    print(f"\r{'':24s}{'paper':>10s}{'ours':>10s}   ({len(runs)} seeds)")
    for name, value in ours.items():
        print(f"{name:24s}{PUBLISHED[name]:10,.2f}{value:10,.2f}")
    if options.json:
        report = {
            "method": "NEAT on XOR",
            "paper": "Stanley & Miikkulainen 2002",
            "settings": {"population": options.population, "generations": options.generations},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
