"""A generation of NEAT on XOR: neuroevo next to neat-python, same task, same population, in one process.

Ours runs end to end through `neuroevo.evolve` with record="champions" and a population fitness; neat-python runs its own
`Population.run` with the fitness function of its XOR example. Both start from inputs fully connected to outputs, and neither may stop
early. The median time of a generation is compared, over the same number of generations, since genomes grow; before it a warm-up compiles
ours. Evaluation, speciation and reproduction are timed apart. Needs the extra `bench`. Takes about three minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.strategies import Neat

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])

NEAT_PYTHON = """
[NEAT]
fitness_criterion = max
fitness_threshold = 1000
pop_size = {population}
reset_on_extinction = True
no_fitness_termination = True

[DefaultGenome]
activation_default = sigmoid
activation_mutate_rate = 0.0
activation_options = sigmoid
aggregation_default = sum
aggregation_mutate_rate = 0.0
aggregation_options = sum
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_init_type = gaussian
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.1
conn_delete_prob = 0.0
enabled_default = True
enabled_mutate_rate = 0.01
feed_forward = True
initial_connection = full_direct
node_add_prob = 0.03
node_delete_prob = 0.0
num_hidden = 0
num_inputs = 2
num_outputs = 1
response_init_mean = 1.0
response_init_stdev = 0.0
response_init_type = gaussian
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.0
response_mutate_rate = 0.0
response_replace_rate = 0.0
single_structural_mutation = False
structural_mutation_surer = default
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_init_type = gaussian
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
enabled_rate_to_true_add = 0.0
enabled_rate_to_false_add = 0.0

[DefaultSpeciesSet]
compatibility_threshold = 3.0

[DefaultStagnation]
species_fitness_func = max
max_stagnation = 15
species_elitism = 2

[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
min_species_size = 2
"""


class Clock:
    """Time by part of a generation."""

    def __init__(self) -> None:
        self.parts: dict[str, list[float]] = defaultdict(list)

    def timed(self, part, function):
        def call(*arguments, **options):
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.parts[part].append(time.perf_counter() - start)

        return call

    def medians(self, generations: list[float]) -> dict[str, float]:
        """Milliseconds: a generation, and its parts."""
        parts = {name: 1e3 * statistics.median(values[1:]) for name, values in self.parts.items()}
        return {"generation": 1e3 * statistics.median(generations[1:]), **parts}


def neat_python(population: int, generations: int, seed: int) -> dict[str, float]:
    import random

    import neat

    random.seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.ini"
        path.write_text(NEAT_PYTHON.format(population=population))
        config = neat.Config(
            neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, str(path)
        )
    pairs = list(zip(INPUTS.tolist(), ANSWERS.tolist(), strict=True))

    def evaluate(genomes, config):
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = 4.0 - sum((network.activate(x)[0] - y) ** 2 for x, y in pairs)

    clock, ends = Clock(), []
    searched = neat.Population(config)
    searched.species.speciate = clock.timed("speciation", searched.species.speciate)
    searched.reproduction.reproduce = clock.timed("reproduction", searched.reproduction.reproduce)
    timed = clock.timed("evaluation", evaluate)

    def evaluate_and_note(genomes, config):
        ends.append(time.perf_counter())
        timed(genomes, config)

    searched.run(evaluate_and_note, generations + 1)
    return clock.medians(np.diff(ends).tolist())


def neuroevo(population: int, generations: int, seed: int) -> dict[str, float]:
    clock, ends = Clock(), []

    @dataclass
    class Timed(Neat):
        def ask(self):
            ends.append(time.perf_counter())
            return clock.timed("reproduction", super().ask)()

        def tell(self, results):
            clock.timed("speciation", super().tell)(results)

    def fitness(networks):
        return (4.0 - np.abs(networks(INPUTS)[:, :, 0] - ANSWERS).sum(axis=1)) ** 2

    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        ne.population_fitness(clock.timed("evaluation", fitness)),
        strategy=Timed(population=population),
        budget=ne.Budget(generations=generations + 1),
        seed=seed,
        record="champions",
        progress=False,
    )
    living = run.strategy.living.arrays()
    return clock.medians(np.diff(ends).tolist()) | {"bytes_a_genome": sum(array.nbytes for array in living.values()) / population}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    neuroevo(150, 5, 0)  # compiles
    neuroevo(10_000, 3, 0)
    ours: dict[str, float] = {}
    runs = []
    print(
        f"{'population':>10s} {'library':12s}{'generation':>12s}{'evaluation':>12s}{'speciation':>12s}{'reproduction':>14s}   (ms, medians)"
    )
    for population, generations in ((150, 100), (1000, 40), (10_000, 12), (100_000, 12)):
        mine = neuroevo(population, generations, options.seed)
        theirs = neat_python(population, generations, options.seed) if population <= 10_000 else None
        for name, found in (("neat-python", theirs), ("neuroevo", mine)):
            if found is None:
                continue
            runs.append({"library": name, "population": population, **found})
            print(
                f"{population:10,d} {name:12s}{found['generation']:12.3f}{found['evaluation']:12.3f}{found['speciation']:12.3f}"
                f"{found['reproduction']:14.3f}" + (f"   {found['bytes_a_genome']:.0f} bytes a genome" if found is mine else "")
            )
        if theirs:
            ours[f"ratio_population_{population}"] = theirs["generation"] / mine["generation"]
            print(f"{'':10s} ratio {ours[f'ratio_population_{population}']:.1f}")
    by_population = {run["population"]: run["generation"] for run in runs if run["library"] == "neuroevo"}
    ours["growth_10000_100000"] = by_population[100_000] / by_population[10_000]
    print(f"from 10,000 to 100,000: {ours['growth_10000_100000']:.1f} times slower")
    if options.json:
        report = {"method": "a generation of NEAT on XOR", "settings": {}, "seeds": [options.seed], "ours": ours, "runs": runs}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
