"""What a candidate of a search on data costs beside its training, and an epoch against Keras's own `fit`.

First a search on digits in this process, with its store: the wall-clock time that is not training epochs (birth, inheritance, decoding,
scoring, recording, selection) as a share of a candidate's time. Tracing, which happens once for each structure, is taken out of both and
reported apart, with how often a compiled network was there already. Then, in the same process and so with the same threads, the time of
an epoch of three networks against a bare `model.fit` on the same model, data and batch size. Takes about 4 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=8, help="timed epochs of each network")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the search's folder here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    prepare(1)
    task = ne.tasks.Classification("digits", seed=options.seed)
    ours: dict[str, float] = {}
    print(f"{'network':10s}{'ours':>10s}{'model.fit':>12s}{'ratio':>8s}   (ms an epoch, median of {options.epochs})")
    for name, plan in NETWORKS.items():
        mine, theirs = epoch_milliseconds(task.dataset, plan, options.epochs, options.seed)
        ours[f"epoch_ratio_{name}"] = mine / theirs
        print(f"{name:10s}{mine:10.1f}{theirs:12.1f}{mine / theirs:8.2f}")
    with tempfile.TemporaryDirectory() as folder:
        ours |= candidates(task, options.evaluations, options.seed, options.run or Path(folder) / "run")
    for name, value in ours.items():
        print(f"{name:24s}{value:10.3f}")
    if options.json:
        settings = {"data": "digits", "evaluations": options.evaluations, "epochs": options.epochs}
        report = {"method": "overhead of a candidate", "settings": settings, "seeds": [options.seed], "ours": ours}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
