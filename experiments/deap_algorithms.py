"""DEAP's own algorithms on our individuals: eaMuPlusLambda, Statistics, ParetoFront and HallOfFame, unchanged.

Searches cells of five nodes for two objectives that need no training: the depth, in convolutions on the longest path (more is better), and
the multiply-adds (fewer are better). The exact front is known: each depth from 0 to 4 by 1x1 convolutions alone. Takes a second.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from deap import algorithms, tools
from deap.base import Toolbox

import neuroevo as ne
from genomes import CellGenome, CellSpace


def measure(cell: CellGenome) -> dict[str, float]:
    """Convolutions on the longest path from the cell's input to its output, and millions of multiply-adds of the network."""
    depth = [0.0] + [-math.inf] * (cell.space.nodes - 1)
    for source, target, operation in cell.edges():
        if operation != "none":
            depth[target] = max(depth[target], depth[source] + operation.startswith("convolution"))
    if depth[-1] < 0:
        raise ValueError("no path leads through this cell")
    return {"depth": depth[-1], "megaflops": cell.flops / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generations", type=int, default=20)
    parser.add_argument("--population", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()

    toolbox = Toolbox()
    task = ne.tasks.Function(measure, {"depth": ne.maximise, "megaflops": ne.minimise}, of="genome")
    ne.register(toolbox, CellSpace(nodes=5), task, seed=options.seed)
    statistics = tools.Statistics(lambda individual: individual.fitness.values)
    statistics.register("best", lambda values: (np.max(values, axis=0)[0], np.min(values, axis=0)[1]))
    front, hall = tools.ParetoFront(similar=lambda a, b: a.fitness == b.fitness), tools.HallOfFame(3)

    random.seed(options.seed)  # DEAP's algorithms draw from Python's global generator
    population, _ = algorithms.eaMuPlusLambda(
        toolbox.population(n=options.population),
        toolbox,
        mu=options.population,
        lambda_=options.population,
        cxpb=0.4,
        mutpb=0.5,
        ngen=options.generations,
        stats=statistics,
        halloffame=front,
    )
    hall.update(population)

    print("\ndepth  megaflops  operations of the cell")
    for individual in sorted(front, key=lambda individual: individual.fitness.values):
        depth, megaflops = individual.fitness.values
        print(f"{depth:5.0f}  {megaflops:9.2f}  {', '.join(individual.genome.genes())}")
    if options.json:
        runs = [{"id": i.id, **i.values, "operators": i.operators, "parents": i.parents} for i in front]
        report = {
            "method": "DEAP's eaMuPlusLambda on neuroevo's individuals",
            "paper": "Fortin et al. 2012",
            "settings": {"population": options.population, "generations": options.generations, "seed": options.seed},
            "seeds": 1,
            "published": {},
            "ours": {"front_size": len(front), "greatest_depth": hall[0].values["depth"]},
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
