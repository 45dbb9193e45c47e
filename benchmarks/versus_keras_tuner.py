"""neuroevo next to KerasTuner (Hyperband and Bayesian optimization): same data, same cores, same wall-clock.

Every contestant searches for `--seconds` (240) on the handwritten digits, split 60/20/20 with the seed: it trains on the train part and
chooses by validation error. KerasTuner searches convolutional networks of comparable sizes (`build` below), keeps each trial's best
checkpoint, and gives that best model; neuroevo runs its own command. Then, on the test part: the error of the network with the best
validation error, and the hypervolume of (test error, log10 parameters) of the networks that are not dominated on validation, in the
box from (0, 10**2) to (0.5, 10**5.5). AutoKeras takes part where it is installed and runs.

Needs the extra `bench`. Takes about 12 minutes a seed.
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
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

IDEAL, REFERENCE = np.array([0.0, 2.0]), np.array([0.5, 5.5])
CONTESTANTS = ("neuroevo", "keras_tuner_hyperband", "keras_tuner_bayesian", "autokeras")


def outcome(networks: list[tuple[float, int, float]]) -> dict[str, float]:
    """From (validation error, parameters, test error) of every network: what is compared."""
    import moocore

    networks = [network for network in networks if np.isfinite(network[0])]
    chosen = min(networks)  # the best validation error; of equal ones the smallest network
    points = np.array([[validation, np.log10(parameters)] for validation, parameters, _ in networks])
    front = [network for network, keep in zip(networks, moocore.is_nondominated(points), strict=True) if keep]
    box = (np.array([[test, np.log10(parameters)] for _, parameters, test in front]) - IDEAL) / (REFERENCE - IDEAL)
    return {
        "test_error": chosen[2],
        "parameters": chosen[1],
        "hypervolume": float(moocore.hypervolume(box, ref=np.ones(2))),
        "networks": len(networks),
    }


def neuroevo(seed: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [
            "search",
            "digits",
            "--evaluations",
            100000,
            "--seconds",
            seconds,
            "--workers",
            2,
            "--seed",
            seed,
            "--run",
            run,
        ]
        subprocess.run([sys.executable, "-m", "neuroevo.cli.main", *map(str, command)], check=True, stdout=subprocess.DEVNULL)
        shown = subprocess.run(
            [sys.executable, "-m", "neuroevo.cli.main", "show", str(run), "--json"], capture_output=True, check=True
        )
    found = json.loads(shown.stdout)
    networks = [(member["validation"]["error"], member["parameters"], member["test"]["error"]) for member in found["front"]]
    return {**outcome(networks), "networks": found["counts"]["evaluated"]}


def build(hp):
    """KerasTuner's space: one to four convolutions of 4 to 64 filters, pooling, a dense layer, the learning rate."""
    import keras

    x = inputs = keras.Input((8, 8, 1))
    for layer in range(hp.Int("convolutions", 1, 4)):
        x = keras.layers.Conv2D(
            hp.Choice(f"filters{layer}", [4, 8, 16, 32, 64]),
            hp.Choice(f"kernel{layer}", [1, 3, 5]),
            padding="same",
            use_bias=False,
        )(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
        if hp.Boolean(f"pool{layer}") and x.shape[1] > 1:
            x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x) if hp.Boolean("global_pooling") else keras.layers.Flatten()(x)
    units = hp.Choice("units", [0, 16, 32, 64])
    if units:
        x = keras.layers.Dense(units, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def keras_tuner(kind: str, seed: int, seconds: float) -> dict[str, float]:
    import keras
    import keras_tuner

    from neuroevo.data import load

    keras.utils.set_random_seed(seed)
    data = load("digits", seed=seed)
    deadline = time.monotonic() + seconds

    class Deadline(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if time.monotonic() > deadline:
                self.model.stop_training = True

    with tempfile.TemporaryDirectory() as folder:
        common = {"hypermodel": build, "objective": "val_accuracy", "seed": seed, "directory": folder, "project_name": "digits"}
        if kind == "hyperband":
            tuner = keras_tuner.Hyperband(max_epochs=40, factor=3, hyperband_iterations=1000, **common)
        else:
            tuner = keras_tuner.BayesianOptimization(max_trials=100000, **common)
        proposed = tuner.oracle.populate_space
        tuner.oracle.populate_space = lambda trial: {"status": "STOPPED"} if time.monotonic() > deadline else proposed(trial)
        tuner.search(
            data.train.x, data.train.y, validation_data=(data.validation.x, data.validation.y), epochs=40, batch_size=32,
            callbacks=[Deadline()], verbose=0,
        )  # fmt: skip
        networks = []
        finished = [trial for trial in tuner.oracle.trials.values() if trial.score is not None]
        for trial in finished:
            try:
                model = tuner.load_model(trial)
            except (FileNotFoundError, OSError, ValueError):  # Hyperband's continued trials share checkpoints
                continue
            errors = [
                float((np.argmax(model.predict(part.x, verbose=0, batch_size=512), axis=1) != part.y).mean())
                for part in (data.validation, data.test)
            ]
            networks.append((errors[0], sum(int(np.prod(w.shape)) for w in model.trainable_weights), errors[1]))
    return outcome(networks)


def autokeras(seed: int, seconds: float) -> dict[str, float]:
    import autokeras
    import keras

    from neuroevo.data import load

    keras.utils.set_random_seed(seed)
    data = load("digits", seed=seed)
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        search = autokeras.ImageClassifier(max_trials=1000, directory=folder, seed=seed, overwrite=True)
        proposed = search.tuner.oracle.populate_space
        search.tuner.oracle.populate_space = lambda trial: (
            {"status": "STOPPED"} if time.monotonic() > deadline else proposed(trial)
        )
        search.fit(data.train.x, data.train.y, validation_data=(data.validation.x, data.validation.y), epochs=40, verbose=0)
        model = search.export_model()
        errors = [
            float((np.argmax(model.predict(part.x, verbose=0), axis=1) != part.y).mean()) for part in (data.validation, data.test)
        ]
        parameters = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    return outcome([(errors[0], parameters, errors[1])])


def contest(name: str, seed: int, seconds: float) -> dict[str, float]:
    if name == "neuroevo":
        return neuroevo(seed, seconds)
    if name == "autokeras":
        return autokeras(seed, seconds)
    return keras_tuner(name.rsplit("_", 1)[1], seed, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--one", nargs=2, metavar=("CONTESTANT", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.one:
        print("OUTCOME " + json.dumps(contest(options.one[0], int(options.one[1]), options.seconds)))
        return
    runs = []
    print(f"{'contestant':24s}{'seed':>5s}{'test error':>12s}{'parameters':>12s}{'hypervolume':>13s}{'networks':>10s}")
    for seed in range(1, options.seeds + 1):
        for name in options.contestants:
            command = [sys.executable, __file__, "--one", name, str(seed), "--seconds", str(options.seconds)]
            done = subprocess.run(command, capture_output=True, text=True)  # a process each: no contestant warms another's caches
            line = next((line for line in done.stdout.splitlines() if line.startswith("OUTCOME ")), None)
            if line is None:
                reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
                print(f"{name:24s}{seed:5d}  did not run: {reason}")
                runs.append({"contestant": name, "seed": seed, "failed": reason})
                continue
            result = json.loads(line.removeprefix("OUTCOME "))
            runs.append({"contestant": name, "seed": seed, **result})
            print(
                f"{name:24s}{seed:5d}{result['test_error']:12.4f}{result['parameters']:12,d}{result['hypervolume']:13.4f}"
                f"{result['networks']:10d}",
                flush=True,
            )
    ours = {}
    for name in options.contestants:
        mine = [run for run in runs if run["contestant"] == name and "failed" not in run]
        for measure in ("test_error", "hypervolume") if mine else ():
            ours[f"{name}_{measure}"] = statistics.mean(run[measure] for run in mine)
            print(f"mean {measure} of {name}: {ours[f'{name}_{measure}']:.4f}")
    if options.json:
        settings = {"seconds": options.seconds, "ideal": IDEAL.tolist(), "reference": REFERENCE.tolist()}
        report = {
            "method": "neuroevo next to KerasTuner and AutoKeras",
            "settings": settings,
            "seeds": options.seeds,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
