"""A generation of NEAT on XOR, and CartPole-v1: neuroevo next to neat-python, same task, same population, in one process.

Ours runs end to end through `neuroevo.evolve` with record="champions" and a population fitness; neat-python runs its own
`Population.run` with the fitness function of its XOR example. Both start from inputs fully connected to outputs, and neither may stop
early. The median time of a generation is compared, over the same number of generations, since genomes grow; before it a warm-up compiles
ours. Evaluation, speciation and reproduction are timed apart, and a generation on one thread.

CartPole-v1 (gymnasium, an episode for each of 1,000 genomes): environment steps a second while genomes are evaluated, over the first ten
generations of a search. neat-python runs as in its own examples, one environment and one `activate` at a time; ours plays the whole population
at once, by compiled steps that equal gymnasium's to the last bit. The mean length of an episode is reported for both, since longer ones are cheaper for ours. Needs the
extras `bench` and `gym`. Takes about three minutes on 2 cores.
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


def neuroevo(population: int, generations: int, seed: int, threads: int | None = None) -> dict[str, float]:
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
        strategy=Timed(population=population, threads=threads),
        budget=ne.Budget(generations=generations + 1),
        seed=seed,
        record="champions",
        progress=False,
    )
    living = run.strategy.living.arrays()
    return clock.medians(np.diff(ends).tolist()) | {"bytes_a_genome": sum(array.nbytes for array in living.values()) / population}


def neat_python_cartpole(population: int, generations: int, seed: int) -> dict[str, float]:
    """Environment steps a second of neat-python's usual loop."""
    import random

    import gymnasium
    import neat

    random.seed(seed)
    text = NEAT_PYTHON.format(population=population).replace("num_inputs = 2", "num_inputs = 4")
    text = text.replace("num_outputs = 1", "num_outputs = 2")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.ini"
        path.write_text(text)
        config = neat.Config(
            neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, str(path)
        )
    environment = gymnasium.make("CartPole-v1")
    steps, seconds = 0, 0.0

    def evaluate(genomes, config):
        nonlocal steps, seconds
        start = time.perf_counter()
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            observation, _ = environment.reset()
            genome.fitness, done = 0.0, False
            while not done:
                outputs = network.activate(observation)
                observation, reward, terminated, truncated, _ = environment.step(outputs.index(max(outputs)))
                genome.fitness += reward
                done = terminated or truncated
            steps += int(genome.fitness)
        seconds += time.perf_counter() - start

    neat.Population(config).run(evaluate, generations)
    return {"steps_a_second": steps / seconds, "steps": steps, "episode": steps / (population * generations)}


def neuroevo_cartpole(population: int, generations: int, seed: int) -> dict[str, float]:
    """The same with ours, through `neuroevo.evolve`."""
    from neuroevo.tasks import Environment, StepCount

    class Seconds(ne.Callback):
        seconds = 0.0

        def on_result(self, run, result):
            self.seconds += result.measurement.seconds

    task, count, clock = Environment("CartPole-v1", episodes=1, normalise="none"), StepCount(), Seconds()
    ne.evolve(
        task.space(),
        task,
        strategy=Neat(population=population),
        budget=ne.Budget(generations=generations),
        seed=seed,
        record="champions",
        callbacks=[count, clock],
        progress=False,
    )
    return {
        "steps_a_second": count.steps / clock.seconds,
        "steps": count.steps,
        "episode": count.steps / (population * generations),
    }


def cartpole(seed: int, generations: int = 10, population: int = 1000) -> tuple[list[dict], float]:
    """Both libraries, one after the other; and the ratio of environment steps a second."""
    neuroevo_cartpole(population, 1, 0)  # compiles
    found = {
        "neat-python": neat_python_cartpole(population, generations, seed),
        "neuroevo": neuroevo_cartpole(population, generations, seed),
    }
    for name, values in found.items():
        print(
            f"CartPole-v1, population {population:,d}: {name:12s}{values['steps_a_second']:14,.0f} environment steps a second "
            f"({values['steps']:,d} steps, {values['episode']:.0f} an episode)"
        )
    ratio = found["neuroevo"]["steps_a_second"] / found["neat-python"]["steps_a_second"]
    print(f"{'':10s} ratio {ratio:.1f}")
    return [{"library": name, "population": population, "task": "CartPole-v1", **values} for name, values in found.items()], ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cartpole", action="store_true", help="CartPole-v1 only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ours: dict[str, float] = {}
    runs = []
    if not options.cartpole:
        generations_of_xor(options, ours, runs)
    further, ours["ratio_cartpole"] = cartpole(options.seed)
    runs += further
    if options.json:
        report = {
            "method": "a generation of NEAT on XOR, and CartPole-v1",
            "settings": {},
            "seeds": [options.seed],
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


def generations_of_xor(options: argparse.Namespace, ours: dict[str, float], runs: list[dict]) -> None:
    """Times of generations on XOR, at four sizes of the population."""
    neuroevo(150, 5, 0)  # compiles
    neuroevo(10_000, 3, 0)
    print(
        f"{'population':>10s} {'library':12s}{'generation':>12s}{'evaluation':>12s}{'speciation':>12s}{'reproduction':>14s}   (ms, medians)"
    )
    for population, generations in ((150, 100), (1000, 40), (10_000, 12), (100_000, 12)):
        mine = neuroevo(population, generations, options.seed)
        alone = neuroevo(population, generations, options.seed, threads=1)
        ours[f"share_evaluation_{population}"] = mine["evaluation"] / mine["generation"]
        ours[f"one_thread_{population}"] = alone["generation"] / mine["generation"]
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
            print(f"{'':10s} ratio {ours[f'ratio_population_{population}']:.1f}", end="; ")
        print(
            f"{'' if theirs else ' ' * 11}one thread takes {ours[f'one_thread_{population}']:.2f} times as long; evaluation alone is "
            f"{ours[f'share_evaluation_{population}']:.0%} of a generation"
        )
    by_population = {run["population"]: run["generation"] for run in runs if run["library"] == "neuroevo"}
    ours["growth_10000_100000"] = by_population[100_000] / by_population[10_000]
    print(f"from 10,000 to 100,000: {ours['growth_10000_100000']:.1f} times slower")


if __name__ == "__main__":
    main()
