"""What a GPU makes faster, next to the CPU of the same machine (Keras on JAX).

- `population`: 1,000 and 10,000 topologies trained in one PopulationModel, milliseconds a step of all.
- `evaluation`: 10,000 NEAT genomes answering 1,024 samples in one PopulationModel, milliseconds for all.
- `search`: networks of the space that `neuroevo search` takes for these images, made, compiled, trained for some epochs and scored as its candidates
  are; and the same models by `model.compile` and `model.fit`: candidates a minute.

Every part is a process of its own on each device; what takes longer than its share of `--minutes` is ended, and said. On one GPU and its host
the default is made for less than 8 minutes. Try it first with `--devices cpu --genomes 50 200 --evaluated 200 --data digits --images 300 --networks 2`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PARTS = ("population", "evaluation", "search")
SAMPLES, STEPS, ANSWERED = 64, 200, 1024


def population(options: argparse.Namespace) -> dict[str, float]:
    from population_training import data, topologies

    from neuroevo.train import PopulationModel

    x, y = data(SAMPLES, options.seed)
    found = {}
    for count in options.genomes:
        model = PopulationModel(topologies(count, options.seed))
        model.train(x, y, steps=STEPS, learning_rate=0.01)  # compiles
        found[f"population_{count}_ms_a_step"] = 1e3 * shortest(lambda model=model: model.train(x, y, steps=STEPS, learning_rate=0.01)) / STEPS
    return found


def evaluation(options: argparse.Namespace) -> dict[str, float]:
    from population_training import data, topologies

    from neuroevo.train import PopulationModel

    x, _ = data(ANSWERED, options.seed)
    model = PopulationModel(topologies(options.evaluated, options.seed))
    model.outputs(x)
    return {f"evaluation_{options.evaluated}_ms": 1e3 * shortest(lambda: model.outputs(x))}


def search(options: argparse.Namespace) -> dict[str, float]:
    from dataclasses import replace

    import keras

    import neuroevo as ne
    from neuroevo.decode import build
    from neuroevo.estimation.training import FROM_SCRATCH
    from neuroevo.train import Method, compile_network
    from neuroevo.train.loop import fit, outputs_in_batches

    task = ne.tasks.Classification(options.data, seed=options.seed)
    part = task.dataset.train
    x, targets = part.x[: options.images], task.dataset.targets(part)[: options.images]
    recipe = replace(FROM_SCRATCH, epochs=options.epochs).sized(len(x))
    space, rng = task.default_space(), np.random.default_rng(options.seed)
    took: dict[str, list[float]] = {"ours": [], "fit": []}
    for number in range(options.networks + 1):
        genome = space.random(rng)
        start = time.perf_counter()
        network = compile_network(build(genome), Method.of(recipe, "cross_entropy", len(x)))
        network.reset()
        fit(network, x, targets, recipe, np.random.default_rng(number))
        outputs_in_batches(network, task.dataset.validation.x)
        middle = time.perf_counter()
        model = build(genome)
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0, weight_decay=recipe.weight_decay)
        model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing))
        model.fit(x, targets, batch_size=network.method.batch_size, epochs=options.epochs, verbose=0)
        model.predict(task.dataset.validation.x, verbose=0)
        if number:  # the first one starts the device
            took["ours"].append(middle - start)
            took["fit"].append(time.perf_counter() - middle)
    return {f"search_candidates_a_minute_{name}": 60 / statistics.fmean(seconds) for name, seconds in took.items()}


def shortest(call: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of the shortest of some calls."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def measure(options: argparse.Namespace) -> None:
    """One part on the device that the environment says; its figures are the last line."""
    from population_training import device

    from neuroevo.core.backend import prepare

    prepare(os.cpu_count() or 1)
    print(json.dumps({"device": device(), **{"population": population, "evaluation": evaluation, "search": search}[options.part](options)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--devices", nargs="+", choices=("gpu", "cpu"), default=["gpu", "cpu"])
    parser.add_argument("--genomes", nargs="+", type=int, default=[1_000, 10_000], help="topologies that are trained together")
    parser.add_argument("--evaluated", type=int, default=10_000, help="genomes that answer")
    parser.add_argument("--data", help="of the part search: images, as `neuroevo search` takes them")
    parser.add_argument("--images", type=int, default=10_000, help="at most, to train on")
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=2, help="of each network")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if "search" in options.parts and options.data is None:
        parser.error("the part search needs --data, such as CIFAR-10's images in an .npz file; or leave it out by --parts population evaluation")
    if options.part:
        measure(options)
        return
    share = 60 * options.minutes / (len(options.parts) * len(options.devices))
    ours: dict[str, float] = {}
    names: dict[str, str] = {}
    missing: list[str] = []
    for part in options.parts:
        for kind in options.devices:
            platforms = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""} if kind == "cpu" else {}
            command = [sys.executable, __file__, *sys.argv[1:], "--part", part]
            try:
                done = subprocess.run(
                    command, env=os.environ | {"KERAS_BACKEND": "jax"} | platforms, capture_output=True, text=True, timeout=share, check=True
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                missing.append(f"{part} on the {kind} took more than {share:.0f} s")
            except subprocess.CalledProcessError as error:
                missing.append(f"{part} on the {kind} failed: {error.stderr.strip().splitlines()[-1]}")
            else:
                found = json.loads(done.stdout.splitlines()[-1])
                names[kind] = found.pop("device")
                if kind == "gpu" and names[kind].startswith("CPU"):
                    missing.append("no GPU was found: the figures of the gpu are those of a CPU and are left out")
                    continue
                ours |= {f"{kind}_{name}": value for name, value in found.items()}
                print(f"{names[kind]}: " + ", ".join(f"{name} {value:,.1f}" for name, value in found.items()), flush=True)
    for name in [name.removeprefix("gpu_") for name in ours if name.startswith("gpu_") and f"cpu_{name[4:]}" in ours]:
        faster = ours[f"gpu_{name}"] / ours[f"cpu_{name}"]
        ours[f"ratio_{name}"] = faster if "a_minute" in name else 1 / faster
        print(f"{name}: {ours[f'ratio_{name}']:.1f} times as fast on the GPU")
    for sentence in missing:
        print(sentence)
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "part")}
        report = {"method": "a GPU next to a CPU", "settings": settings | {"devices": names, "missing": missing}, "seeds": [options.seed], "ours": ours}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
