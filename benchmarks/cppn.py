"""CPPNs next to plain vectorised NumPy, and HyperNEAT's expression next to one Python call a connection, in one process.

Query: a CPPN with 10 hidden nodes asked at 512 x 512 points, by the compiled kernels and by NumPy, which computes one array a node in
topological order with the same functions; the median of several repetitions, and the answers compared.

Expression: 150 genomes on a substrate of 11 x 11 inputs and 11 x 11 outputs (14,641 connections each). The other way is that of PUREPLES: a
Python loop that asks a neat-python feed-forward network once for every connection. It is timed on a few genomes of the same nodes and
connections and extrapolated to 150. Needs the extra `bench`. Takes about half a minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from pathlib import Path

import numpy as np

from genomes import CppnSpace, Substrate
from genomes.cppn import Pattern, PatternPopulation
from genomes.cppn.pattern import painting_coordinates
from genomes.neat.functions import ACTIVATIONS
from genomes.neat.genes import pool_of
from genomes.neat.threads import Threads

IN_NUMPY = {
    "identity": lambda x: x, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh, "sine": np.sin, "cosine": np.cos,
    "gaussian": lambda x: np.exp(-x * x), "absolute": np.abs, "square": np.square, "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
}  # fmt: skip
IN_PYTHON = {
    "identity": lambda x: x, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "tanh": math.tanh, "sine": math.sin, "cosine": math.cos,
    "gaussian": lambda x: math.exp(-x * x), "absolute": abs, "square": lambda x: x * x, "relu": lambda x: max(x, 0.0),
    "step": lambda x: 1.0 if x > 0 else 0.0,
}  # fmt: skip
GENOMES, THRESHOLD, RANGE = 150, 0.2, 3.0


def median_seconds(work, repetitions: int) -> float:
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def with_hidden_nodes(space: CppnSpace, count: int, seed: int):
    """A genome with so many hidden nodes that lead to an output."""
    for attempt in range(1000):
        rng = np.random.default_rng([seed, attempt])
        genome = space.random(rng)
        for clock in range(1, 400):
            genome = genome.mutate(rng, clock=clock)
            if genome.hidden == count:
                break
        if sum(step.node >= space.fixed for step in genome.steps()) == count:
            return genome
    raise RuntimeError("no such genome was found")


def numpy_query(genome, points: np.ndarray) -> np.ndarray:
    space = genome.space
    values = {i: points[:, i] for i in range(space.inputs)}
    values[space.inputs] = np.full(len(points), space.bias_value)
    for step in genome.steps():
        total = sum(weight * values[source] for weight, source in zip(step.weights, step.sources, strict=True))
        values[step.node] = IN_NUMPY[ACTIVATIONS[step.activation]](step.bias + step.response * (total + np.zeros(len(points))))
    return np.stack([values[space.sensors + i] for i in range(space.outputs)], axis=1)


def neat_python_network(genome):
    """The same CPPN as neat-python's feed-forward network."""
    from neat.nn import FeedForwardNetwork

    space = genome.space
    key = {i: -1 - i for i in range(space.sensors)} | {space.sensors + i: i for i in range(space.outputs)}
    steps = genome.steps()
    key |= {step.node: step.node + 1000 for step in steps if step.node >= space.fixed}
    nodes = [
        (
            key[step.node], IN_PYTHON[ACTIVATIONS[step.activation]], sum, step.bias, step.response,
            [(key[source], weight) for source, weight in zip(step.sources, step.weights, strict=True)],
        )
        for step in steps
    ]  # fmt: skip
    return FeedForwardNetwork(
        [key[i] for i in range(space.sensors)], [key[space.sensors + i] for i in range(space.outputs)], nodes
    )


def one_call_a_connection(network, substrate: Substrate) -> np.ndarray:
    sources, targets = (layer.tolist() for layer in substrate.layers)
    weights = np.zeros((len(sources), len(targets)))
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            weight = network.activate([*source, *target, 1.0])[0]
            if abs(weight) > THRESHOLD:
                weights[i, j] = math.copysign(RANGE * (min(abs(weight), 1.0) - THRESHOLD) / (1 - THRESHOLD), weight)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timed", type=int, default=4, help="genomes on which one call a connection is timed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    genome = with_hidden_nodes(CppnSpace(), 10, options.seed)
    points = painting_coordinates(512)
    both, one = Pattern(genome, Threads()), Pattern(genome, Threads(1))
    difference = float(np.abs(both(points) - numpy_query(genome, points)).max())
    seconds = {
        "numpy": median_seconds(lambda: numpy_query(genome, points), 11),
        "ours_one_thread": median_seconds(lambda: one(points), 31),
        "ours": median_seconds(lambda: both(points), 31),
    }
    edges = sum(len(step.sources) for step in genome.steps())
    print(f"512 x 512 points, 10 hidden nodes, {edges} connections; largest difference of the answers {difference:.1e}")
    print(f"{'NumPy':28s}{1e3 * seconds['numpy']:10.2f} ms")
    print(
        f"{'neuroevo, 1 thread':28s}{1e3 * seconds['ours_one_thread']:10.2f} ms   {seconds['numpy'] / seconds['ours_one_thread']:.1f} times faster"
    )
    print(
        f"{f'neuroevo, {both.threads.count} threads':28s}{1e3 * seconds['ours']:10.2f} ms   {seconds['numpy'] / seconds['ours']:.1f} times faster"
    )

    substrate = Substrate.grid((11, 11), (11, 11), threshold=THRESHOLD, weight_range=RANGE)
    space = CppnSpace(substrate=substrate)
    genomes = [with_hidden_nodes(space, 1 + number % 10, 1000 * options.seed + number) for number in range(GENOMES)]
    pool = pool_of([(genome.nodes, genome.connections) for genome in genomes])

    def express() -> np.ndarray:
        return substrate.express(PatternPopulation(space, pool, Threads())).weights

    weights = express()
    timed = [genomes[(number * 2 + 1) * GENOMES // (2 * options.timed)] for number in range(options.timed)]
    networks = [neat_python_network(genome) for genome in timed]
    differences = []
    start = time.perf_counter()
    for genome, network in zip(timed, networks, strict=True):
        differences.append(one_call_a_connection(network, substrate) - genome.express().population.matrix(0, 1))
    theirs = (time.perf_counter() - start) * GENOMES / len(timed)
    mine = median_seconds(express, 9)
    seconds |= {"one_call_a_connection": theirs, "expression": mine}
    largest = max(float(np.abs(difference).max()) for difference in differences)
    print(
        f"{GENOMES} genomes of 1 to 10 hidden nodes on {weights.shape[1]:,} connections; largest difference of the weights {largest:.1e}"
    )
    print(f"{'one call a connection':28s}{theirs:10.2f} s    (extrapolated from {len(timed)} genomes)")
    print(f"{'neuroevo':28s}{mine:10.4f} s    {theirs / mine:.0f} times faster")
    ours = {
        "ratio_query_512": seconds["numpy"] / seconds["ours"],
        "ratio_query_512_one_thread": seconds["numpy"] / seconds["ours_one_thread"],
        "ratio_expression_150": theirs / mine,
    }
    if options.json:
        report = {
            "method": "queries of CPPNs, and expression on a substrate",
            "settings": {
                "points": 512 * 512,
                "hidden": 10,
                "genomes": GENOMES,
                "connections": weights.shape[1],
                "timed": len(timed),
            },
            "seeds": [options.seed],
            "ours": ours,
            "runs": [seconds],
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
