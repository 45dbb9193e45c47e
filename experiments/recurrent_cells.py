"""Recurrent cells on the rows of mnist1d: a search over Zoph & Le's trees (2017, section 3.4), and its best cell beside LSTM and GRU.

A sample of 40 numbers is read as 10 steps of four (`--features`); the logits come from the last hidden state. The strategy (any that varies
or samples genomes, by name) searches for a cell by validation loss after a short training; cells that compute the same are trained once. Then
the best cell, the one that the paper's search had found (NASCell), and Keras's LSTM and GRU, of as many weights (within 5 %), are trained
longer by one recipe with one learning rate each, chosen by validation on the first seed, and tested once a seed. The paper's own figures are
of language modelling: Penn Treebank perplexity 67.9 with 32 million weights, 64.0 with 25, 62.4 with 54.

A search of 100 cells of 24 units and the longer trainings of 3 seeds take about 12 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import neuroevo as ne
from genomes import RecurrentCellGenome, RecurrentCellSpace
from genomes.testing import philox
from neuroevo.core import registry
from neuroevo.core.backend import prepare
from neuroevo.estimation import FullTraining
from neuroevo.train.recipe import Recipe

RATES = (0.015, 0.04)  # of which each kind of network takes the better
SETTINGS: dict[
    str, dict[str, Any]
] = {  # of the strategies that are not used with their defaults; a search whose first batch diverges ends
    "RegularizedEvolution": {"population": 16, "sample": 6, "batch": 4, "inheritance": "none"},
    "RandomSearch": {"batch": 4},
}


def recipe(epochs: int, rate: float) -> Recipe:
    return Recipe(epochs=epochs, optimizer="adam", learning_rate=rate, weight_decay=0.0, clip=1.0, warmup=1)


def space(options: argparse.Namespace) -> RecurrentCellSpace:
    return RecurrentCellSpace((40 // options.features, options.features), 10, base=options.base, units=options.units)


def classification(seed: int, options: argparse.Namespace, objectives: tuple[str, ...]) -> ne.tasks.Classification:
    """mnist1d as sequences of `features` numbers a step."""
    data = ne.data.load("mnist1d", seed=seed)
    steps = {
        name: replace(part, x=part.x.reshape(len(part), -1, options.features))
        for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test))
    }
    return ne.tasks.Classification(replace(data, **steps), objectives=objectives, seed=seed)


def search(seed: int, options: argparse.Namespace) -> tuple[RecurrentCellGenome, dict[str, Any]]:
    """The best cell by validation loss, and what the search did."""
    start = time.monotonic()
    task = classification(seed, options, ("loss", "error"))
    name = registry.name_of(registry.part("strategy", options.strategy))
    short = recipe(options.epochs, min(RATES))
    run = ne.evolve(
        space(options),
        task,
        strategy=registry.part("strategy", options.strategy)(**SETTINGS.get(name, {})),
        once=True,
        estimation=FullTraining(epochs=options.epochs, recipe=short, inherited=short),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{options.strategy}-{seed}",
    )
    best = min((i for i in run if i.status == "done"), key=lambda i: i.values["loss"])
    return best.genome, {
        "evaluations": run.evaluations,
        "failures": run.failures,
        "search_validation_error": best.values["error"],
        "cell": best.genome.genes(),
        "search_seconds": time.monotonic() - start,
    }


def our_model(genome: RecurrentCellGenome, seed: int) -> Any:
    from neuroevo.decode import build, set_weights
    from neuroevo.inherit import initialise

    model = build(genome)
    set_weights(model, genome, initialise(genome, philox(seed, 0)))
    return model


def keras_model(kind: str, units: int, cells: RecurrentCellSpace, seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input(cells.input_shape)
    return keras.Model(inputs, keras.layers.Dense(cells.outputs)(getattr(keras.layers, kind)(units)(inputs)))


def units_for(kind: str, cells: RecurrentCellSpace, parameters: int) -> int:
    """The units with which one of Keras's layers and its logits have nearest to so many weights.

    Raises:
        ValueError: the nearest number is more than 5 % away.
    """
    features, outputs = cells.input_shape[1], cells.outputs

    def count(units: int) -> int:
        gates, biases = (4, 1) if kind == "LSTM" else (3, 2)
        return gates * units * (features + units + biases) + (units + 1) * outputs

    units = min(range(1, 4096), key=lambda units: abs(count(units) - parameters))
    if abs(count(units) - parameters) > 0.05 * parameters:
        raise ValueError(f"no {kind} has within 5 % of {parameters} weights; the nearest has {count(units)}: take more units")
    return units


def train(model: Any, task: ne.tasks.Classification, how: Recipe, seed: int) -> tuple[Any, float, float]:
    """The network trained by a recipe, its validation error, and the seconds that compiling and training took."""
    from neuroevo.train.compiled import Method, compile_network
    from neuroevo.train.loop import fit

    start = time.monotonic()
    part = task.dataset.train
    network = compile_network(model, Method.of(how, task.loss, len(part)))
    fit(network, part.x, task.dataset.targets(part), how, philox(seed, 1))
    seconds = time.monotonic() - start
    return network, task.part_scores(network, task.dataset.validation)["error"], seconds


def compare(genome: RecurrentCellGenome, seeds: list[int], options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each network and seed."""
    prepare(1)
    cells = genome.space
    makers: dict[str, Callable[[int], Any]] = {"found": lambda seed: our_model(genome, seed)}
    if cells.base == 8:
        makers["nascell"] = lambda seed: our_model(cells.published(), seed)
    for kind in ("LSTM", "GRU"):
        units = units_for(kind, cells, genome.parameters)
        makers[kind.lower()] = lambda seed, kind=kind, units=units: keras_model(kind, units, cells, seed)
    rows = []
    tasks = {seed: classification(seed, options, ("error", "loss")) for seed in seeds}
    for name, make in makers.items():
        first = seeds[0]
        tried = {rate: train(make(first), tasks[first], recipe(options.final_epochs, rate), first) for rate in RATES}
        rate = min(RATES, key=lambda rate: tried[rate][1])
        for seed in seeds:
            again = seed != first
            network, validation, seconds = (
                train(make(seed), tasks[seed], recipe(options.final_epochs, rate), seed) if again else tried[rate]
            )
            rows.append(
                {
                    "network": name,
                    "seed": seed,
                    "parameters": int(network.model.count_params()),
                    "learning_rate": rate,
                    "validation_error": validation,
                    "test_error": tasks[seed].test_scores(network)["error"],
                    "seconds": seconds,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3, help="of the final trainings; the search has the first")
    parser.add_argument("--strategy", default="RegularizedEvolution", help="by its name in `neuroevo list strategies`")
    parser.add_argument("--base", type=int, default=8, help="leaves of the tree")
    parser.add_argument("--features", type=int, default=4, choices=(1, 2, 4, 5, 8, 10), help="numbers read in a step")
    parser.add_argument("--units", type=int, default=24)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=30, help="of a candidate")
    parser.add_argument("--final-epochs", type=int, default=120)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the search in this folder; the same command goes on with it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        registry.part("strategy", options.strategy)
        weights = space(options).random(philox(0, 0)).parameters  # every cell of the space has as many
        for kind in ("LSTM", "GRU"):
            units_for(kind, space(options), weights)
    except ValueError as error:
        parser.error(str(error))
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    genome, found = search(seeds[0], options)
    print(json.dumps(found), flush=True)
    rows = compare(genome, seeds, options)
    ours: dict[str, float] = {}
    print(f"{'network':10s} {'weights':>8s} {'rate':>6s} {'validation':>10s} {'test error':>10s}")
    for name in dict.fromkeys(row["network"] for row in rows):
        mine = [row for row in rows if row["network"] == name]
        ours[f"test_error_{name}"] = statistics.fmean(row["test_error"] for row in mine)
        validation = statistics.fmean(row["validation_error"] for row in mine)
        print(
            f"{name:10s} {mine[0]['parameters']:8,d} {mine[0]['learning_rate']:6g} {validation:10.4f} {ours[f'test_error_{name}']:10.4f}"
        )
    if options.json:
        report = {
            "method": f"recurrent cells, {options.strategy}",
            "paper": "Zoph & Le 2017, section 3.4",
            "settings": {
                "space": space(options).to_dict(),
                "recipe": recipe(options.final_epochs, RATES[0]).to_dict(),
                "rates": RATES,
                **{key: value for key, value in vars(options).items() if key not in ("json", "run")},
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "search": found,
            "runs": rows,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
