"""What a candidate of a search on data costs beside its training, and an epoch against Keras's own `fit`.

First a search on digits in this process, with its store: the wall-clock time that is not training epochs (birth, inheritance, decoding,
scoring, recording, selection) as a share of a candidate's time. Tracing, which happens once for each structure, is taken out of both and
reported apart, with how often a compiled network was there already. Then, in the same process and so with the same threads, the time of
an epoch of three networks against a bare `model.fit` on the same model, data and batch size. Takes about 4 minutes on 2 cores.

With `--before FOLDER` (a checkout of another commit) only this: a sample of networks of the digits' space (a first one and its descendants of up to
15 mutations) is made, traced, trained for 20 epochs and scored by both builds in turn, each time in a process of its own, in processor seconds.
`tracing_ratio` is what making, tracing and first running them takes next to the other build, `epoch_ratio` the epochs, `candidates_ratio` how many
times as many candidates a second that is. About 3 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from neuroevo import strategies
from neuroevo.core.backend import prepare
from neuroevo.estimation import FullTraining
from neuroevo.estimation.training import FROM_SCRATCH
from neuroevo.evaluators.serial import Serial
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import fit

NETWORKS = {"small": (8, 16, "pool", 16), "middle": (16, 32, "pool", 32), "deep": (16,) * 14}


class Watch(ne.Callback):
    """Collects what every candidate reported."""

    def __init__(self) -> None:
        self.infos: list[dict[str, Any]] = []

    def on_result(self, run: ne.Run, result: Any) -> None:
        self.infos += [dict(info) for info in result.measurement.info]


def candidates(task: Any, evaluations: int, seed: int, folder: Path) -> dict[str, float]:
    """Shares and seconds of a search's candidates."""
    watch = Watch()
    start = time.perf_counter()
    run = ne.evolve(
        task.default_space(starter_parameters=(300, 20_000)),
        task,
        strategy=strategies.Nsga2(population=8, inheritance="lamarckian"),
        estimation=FullTraining(),
        evaluator=Serial(),
        budget=ne.Budget(evaluations=evaluations),
        seed=seed,
        run=folder,
        callbacks=[watch],
        progress=False,
    )
    wall = time.perf_counter() - start
    seconds = [info["seconds"] for info in watch.infos]
    training = sum(s.get("train", 0.0) for s in seconds)
    traced = [s["tracing"] for s in seconds if "tracing" in s]
    beyond_tracing = wall - sum(traced)
    parts = {
        name: 1e3 * sum(s.get(name, 0.0) for s in seconds) / len(seconds) for name in ("decode", "weights", "evaluate", "score")
    }
    parts["inherit"] = 1e3 * statistics.mean(i["seconds"]["inherit"] for i in watch.infos if i["started_from"] == "parents")
    parts["tracing"] = 1e3 * statistics.mean(traced)
    print(f"{run.evaluations} candidates in {wall:.1f} s: {training:.1f} s of training, {sum(traced):.1f} s of tracing")
    return {
        "overhead_fraction": 1 - training / beyond_tracing,
        "tracing_seconds": statistics.mean(traced),
        "tracing_fraction": sum(traced) / wall,
        "cache_hits": 1 - len(traced) / len(seconds),
        "candidate_seconds": beyond_tracing / len(seconds),
        **{f"{name}_milliseconds": value for name, value in parts.items()},
        "driver_seconds": (wall - sum(sum(s.values()) for s in seconds)) / len(seconds),
    }


def convolutional(plan: tuple[int | str, ...]) -> Any:
    import keras
    from keras import layers

    inputs = x = keras.Input((8, 8, 1))
    for width in plan:
        if width == "pool":
            x = layers.MaxPooling2D()(x)
            continue
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def epoch_milliseconds(dataset: Any, plan: tuple[int | str, ...], epochs: int, seed: int) -> tuple[float, float]:
    """Medians of an epoch's milliseconds: ours, and `model.fit`'s. The two take turns, so that other load meets both."""
    import keras

    keras.utils.set_random_seed(seed)
    model, theirs = convolutional(plan), convolutional(plan)
    x, targets = dataset.train.x, dataset.targets(dataset.train)
    recipe = FROM_SCRATCH.sized(len(x), 1)
    network = compile_network(model, Method.of(recipe, "cross_entropy", len(x)))
    theirs.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        jit_compile=False,
    )
    rng = np.random.default_rng(seed)
    ours_ms, theirs_ms = [], []
    for turn in range(epochs + 1):
        start = time.perf_counter()
        fit(network, x, targets, recipe, rng)
        middle = time.perf_counter()
        theirs.fit(x, targets, batch_size=recipe.batch_size, epochs=1, verbose=0)
        end = time.perf_counter()
        if turn:  # the first one compiles
            ours_ms.append(1e3 * (middle - start))
            theirs_ms.append(1e3 * (end - middle))
    return statistics.median(ours_ms), statistics.median(theirs_ms)


def sample(count: int) -> list[Any]:
    """Networks as a search meets them: small ones, and what mutations make of them."""
    space = ne.tasks.Classification("digits").default_space(starter_parameters=(300, 20_000))
    rng = np.random.default_rng(3)
    found = []
    for mutations in range(count):
        genome = space.random(rng)
        for clock in range(mutations):
            genome = genome.mutate(rng, clock=clock + 1)
        found.append(genome)
    return found


def measured(count: int, epochs: int) -> dict[str, float]:
    """Processor seconds of this build: of making, tracing and first running the sample's networks, and of their epochs."""
    from neuroevo.decode import build

    task = ne.tasks.Classification("digits", seed=1)
    x, targets = task.dataset.train.x, task.dataset.targets(task.dataset.train)
    recipe = replace(FROM_SCRATCH, epochs=epochs)
    took = {"tracing": 0.0, "epochs": 0.0}
    for place, genome in enumerate([*sample(1), *sample(count)]):
        start = time.process_time()
        network = compile_network(build(genome), Method.of(recipe, "cross_entropy", len(x)))
        network.reset()
        network.trace()
        middle = time.process_time()
        fit(network, x, targets, recipe, np.random.default_rng(0))
        network.outputs(network.place(task.dataset.validation.x))
        if place:  # the first one starts TensorFlow
            took["tracing"] += middle - start
            took["epochs"] += time.process_time() - middle
    return took


def compared(before: Path, count: int, epochs: int, rounds: int) -> dict[str, float]:
    """This build's seconds next to those of the build in a folder."""
    took: dict[str, list[dict[str, float]]] = {"now": [], "before": []}
    for _ in range(rounds):
        for name, folder in (("now", Path(__file__).parents[1]), ("before", before.resolve())):
            command = [sys.executable, __file__, "--measure", "--evaluations", str(count), "--epochs", str(epochs)]
            done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"the build in {folder} could not be measured:\n{done.stderr[-2000:]}")
            took[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{name}: {took[name][-1]['tracing'] / count:.3f} s of tracing and {took[name][-1]['epochs'] / count:.3f} s of epochs a network")
    pairs = list(zip(took["now"], took["before"], strict=True))
    return {
        "tracing_ratio": statistics.median(now["tracing"] / then["tracing"] for now, then in pairs),
        "epoch_ratio": statistics.median(now["epochs"] / then["epochs"] for now, then in pairs),
        "candidates_ratio": statistics.median(sum(then.values()) / sum(now.values()) for now, then in pairs),
        "tracing_seconds_now": statistics.median(now["tracing"] / count for now, _ in pairs),
        "tracing_seconds_before": statistics.median(then["tracing"] / count for _, then in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, help="of the search: 32; with --before networks: 16")
    parser.add_argument("--epochs", type=int, help="timed epochs of each network: 8; with --before 20")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="compare with the build in this folder, a checkout")
    parser.add_argument("--rounds", type=int, default=3, help="with --before: how often each build is measured")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the search's folder here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    compares = options.before is not None or options.measure
    options.evaluations = options.evaluations or (16 if compares else 32)
    options.epochs = options.epochs or (20 if compares else 8)
    if options.before is not None:
        settings = {"data": "digits", "networks": options.evaluations, "epochs": options.epochs, "rounds": options.rounds}
        finish(compared(options.before, options.evaluations, options.epochs, options.rounds), settings, options)
        return
    prepare(1)
    if options.measure:
        print(json.dumps(measured(options.evaluations, options.epochs)))
        return
    task = ne.tasks.Classification("digits", seed=options.seed)
    ours: dict[str, float] = {}
    print(f"{'network':10s}{'ours':>10s}{'model.fit':>12s}{'ratio':>8s}   (ms an epoch, median of {options.epochs})")
    for name, plan in NETWORKS.items():
        mine, theirs = epoch_milliseconds(task.dataset, plan, options.epochs, options.seed)
        ours[f"epoch_ratio_{name}"] = mine / theirs
        print(f"{name:10s}{mine:10.1f}{theirs:12.1f}{mine / theirs:8.2f}")
    with tempfile.TemporaryDirectory() as folder:
        ours |= candidates(task, options.evaluations, options.seed, options.run or Path(folder) / "run")
    finish(ours, {"data": "digits", "evaluations": options.evaluations, "epochs": options.epochs}, options)


def finish(ours: dict[str, float], settings: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the figures, and write them."""
    for name, value in ours.items():
        print(f"{name:24s}{value:10.3f}")
    if options.json:
        report = {"method": "overhead of a candidate", "settings": settings, "seeds": [options.seed], "ours": ours}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
