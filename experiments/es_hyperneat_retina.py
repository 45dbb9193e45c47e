"""ES-HyperNEAT on the left and right retina (Risi & Stanley 2012, section 7): both outputs right on all 256 patterns.

Eight pixels at y = -1 in two rows (z = -1 and 1), two outputs at y = 1; hidden nodes are found in the plane z = 0. CPPNs have a link expression
output and a bias output, and evolution starts from one seed: links between places of similar x (the x-locality of Verbancsics & Stanley 2011),
weights between neighbouring layers (the geometry seed of Risi & Stanley 2012). The seed's links reach 0.6 in x: less than from one pixel to the
next (0.67), so that a hidden node can see the inner pixels of its side alone, and far enough that an output (at +-0.5) sees all nodes of its side.
With a reach of 0.47 the searches tried stopped at 0.875 of the outputs, what a network without hidden nodes reaches.

Population 300, at most 2,500 generations, initial depth 3, division threshold 0.5, variance threshold 0.03, band threshold 0.3, one iteration: the
settings of a public reproduction of the paper's experiment whose authors could not repeat its result; the paper's own text was not at hand. The
maximum depth is 4 (16 x 16 places), there 5, which solves it too, but takes many times longer: a CPPN of wild patterns then makes a network of
850 nodes and 40,000 connections. Most seeds are solved within 600 generations, in about a minute on one core; the others mostly stay at 0.875 of
the outputs.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import neuroevo as ne
from genomes import CppnGenome, CppnSpace, EvolvableSubstrate
from neuroevo.simulators import Retina
from neuroevo.simulators.retina import SOLVED
from neuroevo.strategies import Neat

LINEAR = 0.875  # share of the outputs that a network without hidden nodes gets right
REACH = 0.7  # links are there where exp(-(x1 - x2)**2) is above it: |x1 - x2| < 0.6


def space() -> CppnSpace:
    substrate = EvolvableSubstrate(
        inputs=[(x, -1.0, z) for x, z in Retina.places],
        outputs=[(-0.5, 1.0, 0.0), (0.5, 1.0, 0.0)],
        hidden=((-1.0, 1.0), (-1.0, 1.0), (0.0, 0.0)),
        initial_depth=3,
        maximum_depth=4,
        leo=True,
        bias=True,
        forward="y",
    )
    # Gentle variation: most children of CPPNs change much, and a network that is nearly right must be refined. Slow growth and few functions:
    # wild patterns make large networks, which are slow and seldom right.
    return CppnSpace(
        substrate=substrate, activations=("gaussian", "sine", "tanh", "absolute", "identity"), weight_mutation_share=0.0,
        weight_power=0.5, add_node_rate=0.03, add_connection_rate=0.06, remove_connection_rate=0.02,
    )  # fmt: skip


def seed_genome(space: CppnSpace) -> CppnGenome:
    return space.seed(
        [
            ("x1", "near", 1.0), ("x2", "near", -1.0), ("near", "leo", 1.0), ("bias", "leo", -REACH),
            ("y1", "layer", 1.0), ("y2", "layer", -1.0), ("bias", "layer", 1.0), ("layer", "weight", 1.0),
        ],
        {"near": "gaussian", "layer": "gaussian"},
    )  # fmt: skip


class Improved(ne.Callback):
    """When the best of the run was last surpassed, by a thousandth of it at least."""

    generation, fitness = 0, 0.0

    def on_generation(self, run: ne.Run) -> None:
        fitness = run.best.values["fitness"]
        if fitness > 1.001 * self.fitness:
            self.generation, self.fitness = run.generation, fitness


def population_state(run: ne.Run, task: Retina) -> dict[str, float]:
    """How the population stands: species; the share of its networks that are right for as many outputs as a linear answer, or fewer; that have no
    hidden node; means of hidden nodes of CPPNs and of networks."""
    networks = [one.genome.network() for one in run.strategy.living]
    right = [float(task.right(network(task.inputs)).mean()) for network in networks]
    return {
        "species": len(run.strategy.species),
        "linear_or_worse": statistics.mean(value <= LINEAR for value in right),
        "best_right": max(right),
        "mean_right": statistics.mean(right),
        "without_hidden": statistics.mean(network.hidden == 0 for network in networks),
        "mean_hidden_nodes": statistics.mean(network.hidden for network in networks),
        "mean_connections": statistics.mean(network.connections for network in networks),
        "mean_cppn_hidden": statistics.mean(one.genome.hidden for one in run.strategy.living),
    }


def search(seed: int, options: argparse.Namespace) -> dict[str, float]:
    task, encoded, improved = Retina(), space(), Improved()
    run = ne.evolve(
        encoded,
        task,
        strategy=Neat(population=options.population, initial=[seed_genome(encoded)], target_species=15, threshold=2.0),
        budget=ne.Budget(generations=options.generations, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"retina-{seed}" if options.run else None,
        record="champions",
        callbacks=[improved],
        progress=False,
    )
    network = run.best.network()
    return {
        "seed": seed,
        "solved": run.solved,
        "generations": run.generation,
        "evaluations": run.evaluations,
        "fitness": run.best.values["fitness"],
        "right": float(task.right(network(task.inputs)).mean()),
        "hidden_nodes": network.hidden,
        "connections": network.connections,
        "cppn_hidden": run.best.genome.hidden,
        "improved": improved.generation,
        **({"population": population_state(run, task)} if options.state else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, nargs="+", help="these seeds only")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--state", action="store_true", help="say how each population stands in the end")
    parser.add_argument("--population", type=int, default=300)
    parser.add_argument("--generations", type=int, default=2500)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = options.seed if options.seed is not None else list(range(options.seeds))
    runs = []
    print(f"{'seed':>4s}{'solved':>8s}{'generations':>13s}{'right':>8s}{'hidden':>8s}{'connections':>13s}")
    for seed in seeds:
        runs.append(search(seed, options))
        run = runs[-1]
        print(
            f"{seed:4d}{'yes' if run['solved'] else 'no':>8s}{run['generations']:13d}{run['right']:8.3f}{run['hidden_nodes']:8d}"
            f"{run['connections']:13d}", flush=True,
        )  # fmt: skip
        if options.state:
            print(f"     last improved in generation {run['improved']}; {json.dumps(run['population'])}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(report(runs, options), indent=2))
    for name, value in report(runs, options)["ours"].items():
        print(f"{name:24s}{value:10.3f}")


def report(runs: list[dict[str, float]], options: argparse.Namespace) -> dict:
    solved = [run for run in runs if run["solved"]]
    ours = {"solved_share": len(solved) / len(runs), "mean_right": statistics.mean(run["right"] for run in runs)}
    if solved:
        ours["mean_generations"] = statistics.mean(run["generations"] for run in solved)
    return {
        "method": "ES-HyperNEAT on the left and right retina",
        "paper": "Risi & Stanley 2012",
        "settings": {"population": options.population, "generations": options.generations},
        "seeds": [run["seed"] for run in runs],
        "published": {},
        "ours": ours,
        "runs": runs,
    }


if __name__ == "__main__":
    main()
