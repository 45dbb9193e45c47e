"""LiteRT files of two trained networks on the digits, in float32 and in fewer bits: bytes, microseconds a sample on one thread, validation error.

Three convolutions (32, 64, 64 filters), and two dense layers of 128. Times are the fastest of several blocks, the files in turn. Takes two minutes
on 2 cores, most of it training and conversion.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import neuroevo as ne
from neuroevo.compress import Quantization, quantized
from neuroevo.compress.retraining import retrained
from neuroevo.core.backend import prepare
from neuroevo.core.streams import stream
from neuroevo.train.recipe import Recipe

ADAM = Recipe(epochs=15, optimizer="adam", learning_rate=2e-3, weight_decay=0.0)


def convolutional(shape: tuple[int, ...], outputs: int) -> Any:
    import keras
    from keras import layers

    inputs = x = keras.Input(shape)
    for width in (32, 64, 64):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(padding="same")(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    return keras.Model(inputs, layers.Dense(outputs)(layers.GlobalAveragePooling2D()(x)))


def dense(shape: tuple[int, ...], outputs: int) -> Any:
    import keras

    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    for _ in range(2):
        x = keras.layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    prepare(1)
    import keras

    task = ne.tasks.Classification("digits", seed=options.seed)
    runs: list[dict[str, Any]] = []
    for name, make in (("convolutional", convolutional), ("dense", dense)):
        keras.utils.set_random_seed(options.seed)
        model = make(task.dataset.input_shape, task.dataset.outputs)
        retrained(model, task, stream(options.seed, 0), epochs=ADAM.epochs, recipe=ADAM, always=True)
        before = task.part_scores(model, task.dataset.validation)["error"]
        for settings in (Quantization(), Quantization(integers=True), Quantization("dynamic"), Quantization("float16")):
            found = quantized(model, task, settings)
            (size, smaller), (time, faster) = found.details["bytes"], found.details["microseconds"]
            after = task.part_scores(found.network, task.dataset.validation)["error"]
            kind = f"{settings.kind}{', integers in and out' if settings.integers else ''}"
            runs.append({"network": name, "kind": kind, "bytes": [size, smaller], "microseconds": [time, faster], "error": [before, after]})
            print(
                f"{name}, {kind}: {size:,} to {smaller:,} bytes ({smaller / size:.2f}), {time:.1f} to {faster:.1f} us a sample "
                f"({time / faster:.2f} times as fast), error {before:.4f} to {after:.4f}",
                flush=True,
            )
    if options.json:
        ours = {}
        for run in runs:
            key = f"{run['network']}_{run['kind'].replace(', ', '_').replace(' ', '_')}"
            ours |= {f"size_{key}": run["bytes"][1] / run["bytes"][0], f"speed_{key}": run["microseconds"][0] / run["microseconds"][1]}
            ours |= {f"error_{key}": run["error"][1], f"error_{run['network']}": run["error"][0]}
        settings = {"training": ADAM.to_dict()}
        report = {"method": "post-training quantization", "settings": settings, "seeds": [options.seed], "ours": ours, "runs": runs}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
