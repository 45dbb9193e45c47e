"""Hill climbing as Kwasigroch, Grochowski & Mikolajczyk (2020) searched a melanoma detector, on any folder of images or `.npz` file.

Their set-up: start from four blocks of [convolution of 128 filters 3x3, BatchNorm, ReLU, max pooling 2x2] and one output; train it; then, step by step, make
function-preserving variants of the current network, train each with SGD and warm restarts (SGDR, Loshchilov & Hutter 2017), go on with the best.
Two classes give two logits here, which is the same model as their one sigmoid. They report networks as good as hand-made ones with almost 20 times
fewer parameters after 18 hours on a GPU; their dermatoscopic images need a request, so there is no figure of theirs to compare with: point `--data` at
them (`melanoma/` and `benign/` as sub-folders) and raise `--width` to 128. Class names or numbers in `--classes` pick two of many.

Beside it, with `--random-search`, random networks of 1 to 4 layers, as a search for these images starts from, each trained from scratch as long as the
first network was, as many as cost no more epochs than the climb; the best of them by the same rule is tested.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import neuroevo as ne
from genomes import NetworkSpace
from genomes.network.operators import APPROXIMATE
from neuroevo.data import load
from neuroevo.estimation import FullTraining
from neuroevo.estimation.training import FROM_SCRATCH, INHERITED
from neuroevo.report.climb import climbed
from neuroevo.report.inheritance import inheritance_report, inheritance_table


def start(shape: tuple[int, ...], outputs: int, width: int, blocks: int, max_parameters: int):
    """The first network as a genome, in a space of exact operators only."""
    import keras
    from keras import layers

    inputs = x = keras.Input(shape)
    for _ in range(blocks):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(outputs)(x))
    rates = tuple((name, 0.0) for name in sorted(APPROXIMATE))
    return NetworkSpace.from_keras(model, rates=rates, max_parameters=max_parameters)


def two_classes(data: str, classes: list[str], seed: int):
    """The data with only these classes, numbered anew."""
    whole = load(data, seed=seed)
    unknown = [name for name in classes if name not in whole.label_names]
    if unknown:
        raise SystemExit(f"{data} has no class {', '.join(unknown)}; it has {', '.join(whole.label_names)}")
    numbers = [whole.label_names.index(name) for name in classes]

    def chosen(part):
        rows = np.isin(part.y, numbers)
        return replace(part, x=part.x[rows], y=np.searchsorted(numbers, part.y[rows]))

    numbers.sort()
    parts = {name: chosen(getattr(whole, name)) for name in ("train", "validation", "test")}
    return replace(whole, **parts, label_names=tuple(whole.label_names[number] for number in numbers))


def random_search(task, epochs: float, recipe, seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Networks trained from scratch for as many epochs together."""
    run = ne.evolve(
        task.default_space(max_parameters=options.max_parameters), task, strategy=ne.strategies.RandomSearch(), estimation=FullTraining(recipe=recipe),
        budget=ne.Budget(evaluations=max(1, int(epochs // options.first_epochs))), seed=seed, workers=options.workers, run=folder / f"random-{seed}",
    )  # fmt: skip
    best = max((one for one in run if one.status == "done"), key=lambda one: (one.fitness.wvalues, -one.id))
    tested = task.test_scores(best.model())
    print(
        f"random search: {run.evaluations} networks, {run.epochs:.0f} epochs, validation error {best.values['error']:.2%}, "
        f"test error {tested['error']:.2%}, AUC {tested['auc']:.3f}, {int(best.values['parameters']):,} parameters, {run.seconds:.0f} s"
    )
    return {
        "random_test_error": tested["error"], "random_test_auc": tested["auc"], "random_parameters": int(best.values["parameters"]),
        "random_validation_error": best.values["error"], "random_networks": run.evaluations, "random_epochs": run.epochs,
    }  # fmt: skip


def search(seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    data = two_classes(options.data, options.classes, seed) if options.classes else options.data
    task = ne.tasks.Classification(data, objectives=("error", "auc", "parameters"), seed=seed)
    genome = start(task.dataset.input_shape, task.dataset.outputs, options.width, options.blocks, options.max_parameters)
    restarts = {"schedule": "restarts", "period": float(options.period), "growth": 2.0, "warmup": 0.0}
    run = ne.evolve(
        genome.space,
        task,
        strategy=ne.strategies.HillClimb(neighbours=options.neighbours, mutations=options.morphisms, start_from=genome.to_dict()),
        estimation=FullTraining(
            recipe=replace(FROM_SCRATCH, epochs=options.first_epochs, **restarts),
            inherited=replace(INHERITED, epochs=options.child_epochs, **restarts),
        ),
        budget=ne.Budget(generations=1 + options.steps),
        seed=seed,
        workers=options.workers,
        run=folder / f"hillclimb-{seed}",
    )
    steps = climbed(run)
    print(f"{'step':>4s}{'validation error':>18s}{'AUC':>8s}{'parameters':>12s}   made by")
    for step, taken in enumerate(steps):
        error, auc, parameters = taken.values
        made = "trained on" if step and steps[step - 1].individual == taken.individual else ", ".join(run[taken.individual].operators)
        print(f"{step:4d}{error:18.2%}{auc:8.3f}{int(parameters):12,d}   {made}")
    current = run.strategy.living[0]
    print(inheritance_table(run))
    _, exact = inheritance_report(run)
    tested = task.test_scores(current.model())
    print(
        f"seed {seed}: test error {tested['error']:.2%}, AUC {tested['auc']:.3f}, {int(current.values['parameters']):,} parameters, {run.epochs:.0f} epochs, {run.seconds:.0f} s"
    )
    beside = random_search(task, run.epochs, replace(FROM_SCRATCH, epochs=options.first_epochs, **restarts), seed, options, folder) if options.random_search else {}
    return {
        **beside,
        "seed": seed,
        "epochs": run.epochs,
        "test_error": tested["error"],
        "test_auc": tested["auc"],
        "parameters": int(current.values["parameters"]),
        "first_validation_error": steps[0].values[0],
        "validation_error": current.values["error"],
        "exact_children": exact.children if exact else 0,
        "exact_children_near": exact.near if exact else float("nan"),
        "seconds": run.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", required=True, help="a folder with one sub-folder a class, a .npz file, or a keras.datasets name"
    )
    parser.add_argument("--classes", nargs="+", help="only these classes of the data")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 1 to this")
    parser.add_argument("--width", type=int, default=32, help="filters of each block of the first network (paper: 128)")
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=4)
    parser.add_argument("--morphisms", type=int, default=2)
    parser.add_argument("--first-epochs", type=int, default=14, help="of the first network: whole periods are 2, 6, 14, 30, ...")
    parser.add_argument("--child-epochs", type=int, default=6)
    parser.add_argument("--period", type=int, default=2, help="epochs to the first warm restart; each period is twice as long")
    parser.add_argument("--max-parameters", type=int, default=2_000_000)
    parser.add_argument("--random-search", action="store_true", help="random networks beside it, at equal epochs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    with tempfile.TemporaryDirectory() as temporary:
        runs = [search(seed, options, options.run or Path(temporary)) for seed in seeds]
    names = ["test_error", "test_auc", "parameters", "first_validation_error", "validation_error", "exact_children_near"]
    names += [name for name in runs[0] if name.startswith("random_")]
    ours = {f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in names}
    for name, value in ours.items():
        print(f"{name:30s}{value:12.4g}")
    if options.json:
        settings = {
            key: str(value) for key, value in vars(options).items() if key not in ("json", "run", "workers", "seed", "seeds")
        }
        report = {
            "method": "hill climbing with SGDR",
            "paper": "Kwasigroch, Grochowski & Mikolajczyk 2020",
            "settings": settings,
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
