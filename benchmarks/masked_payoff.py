"""Payoffs of coalitions in one masked model, next to building the model without the others each time, on the same samples in one process.

What is rebuilt is the cut network (`neuroevo.compress.cut`) with its compiled prediction, as one would do without masks; both give the same
accuracies. For a network of two layers of 64 neurons and for three convolutions, on the digits' validation samples. Takes a minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from neuroevo.compress import MaskedPayoff, channels_of, cut
from neuroevo.core.backend import prepare
from neuroevo.core.streams import stream


def dense(shape: tuple[int, ...], outputs: int) -> Any:
    import keras

    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    for _ in range(2):
        x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def convolutional(shape: tuple[int, ...], outputs: int) -> Any:
    import keras
    from keras import layers

    inputs = x = keras.Input(shape)
    for width in (8, 16, 16):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(padding="same")(layers.ReLU()(layers.BatchNormalization()(x)))
    return keras.Model(inputs, layers.Dense(outputs)(layers.GlobalAveragePooling2D()(x)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rebuilt", type=int, default=6, help="coalitions for which the model is built anew")
    parser.add_argument("--masked", type=int, default=512, help="coalitions in the masked model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    prepare(1)
    task = ne.tasks.Classification("digits", seed=options.seed)
    part = task.dataset.validation
    ours: dict[str, float] = {}
    for name, make in (("dense", dense), ("convolutional", convolutional)):
        channels = channels_of(make(task.dataset.input_shape, task.dataset.outputs))
        payoff = MaskedPayoff(channels, part.x, task.dataset.targets(part), task.loss)
        coalitions = stream(options.seed, 0).random((options.masked, channels.players)) < 0.7
        payoff(coalitions[:64]), payoff(coalitions[:32])  # compiled
        rebuilt, masked = [], []
        for coalition in coalitions[: options.rebuilt]:
            begin = time.perf_counter()
            model = cut(channels, coalition).model
            outputs = model.predict(part.x, batch_size=len(part), verbose=0)
            rebuilt.append(time.perf_counter() - begin)
            share = float(np.mean(outputs.argmax(axis=1) == part.y)) - float(task.dataset.targets(part).mean(axis=0).max())
            begin = time.perf_counter()
            batch = coalitions[len(masked) * 64 % options.masked :][:64]
            payoff(batch)
            masked.append((time.perf_counter() - begin) / len(batch))
            assert abs(share - payoff(coalition[None])[0]) < 1e-6, "both are the same network"
        per_second = 1 / statistics.median(masked), 1 / statistics.median(rebuilt)
        ours |= {f"payoffs_per_second_{name}": per_second[0], f"rebuilt_per_second_{name}": per_second[1]}
        ours[f"ratio_{name}"] = per_second[0] / per_second[1]
        print(f"{name}: {per_second[0]:,.0f} payoffs a second masked, {per_second[1]:.1f} rebuilt: {ours[f'ratio_{name}']:.0f} times")
    if options.json:
        settings = {"samples": len(part), "masked": options.masked, "rebuilt": options.rebuilt, "seed": options.seed}
        options.json.write_text(json.dumps({"settings": settings, "ours": ours}, indent=2))


if __name__ == "__main__":
    main()
