"""Children after the run: what was pruned, quantized, distilled or trained on is recorded beside the search, named after its parent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.decode import weights_of
from neuroevo.estimation import FullTraining
from neuroevo.run.derived import Derived
from neuroevo.store import RecordedDerived, Store, StoreError
from neuroevo.testing.evaluator import NumberSpace, SquareTask

pytestmark = pytest.mark.usefixtures("compiled_once")


def search(folder: Path | None, evaluations: int = 4, **options: Any) -> ne.Run:
    """Networks on the digits, each trained for an epoch."""
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    return ne.evolve(
        NetworkSpace(input_shape=(8, 8, 1), outputs=10, max_parameters=2000, starter_parameters=(200, 800)),
        task,
        strategy=strategies.Nsga2(population=4),
        estimation=FullTraining(epochs=1),
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        run=folder,
        progress=False,
        **options,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("derived") / "run"
    search(folder)
    return folder


@pytest.fixture(scope="module")
def unkept() -> ne.Run:
    """The same in memory."""
    return search(None)


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of a run of the digits."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def plain(units: int = 4, inputs: tuple[int, ...] = (8, 8, 1), outputs: int = 10, activation: Any = "relu") -> Any:
    """A model of another structure than the run's."""
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation), keras.layers.Dense(outputs)]
    return keras.Sequential([keras.Input(inputs), *layers])


def trained_on(run: ne.Run, id: int) -> tuple[Any, dict[str, Any]]:
    """The genome of one of the run's networks, and its weights after a further epoch."""
    from neuroevo.deploy.final import arrays_of, train_to_the_end

    individual = run[id]
    weights = individual.artifact.load()
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    final = train_to_the_end(individual.genome, task, weights=weights, epochs=1, seed=1)
    return individual.genome, arrays_of(final.model, individual.genome, weights)


def inputs() -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).normal(size=(5, 8, 8, 1)).astype(np.float32)


def outputs(network: Any) -> np.ndarray[Any, Any]:
    return np.asarray(network(inputs(), training=False))


# What is recorded -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_a_network_that_was_trained_on_is_a_child_with_its_weights_and_scores(where: str, folder: Path, unkept: ne.Run) -> None:
    run = ne.load_run(folder) if where == "folder" else unkept
    best = run.best
    genome, weights = trained_on(run, best.id)
    child = run.derive(best.id, genome, weights=weights, operators=("train",), details={"epochs": 1})
    assert child.name.startswith(f"{best.id}.") and child.parent == best.id and child.operators == ("train",)
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    assert child.scores["error"] == task.part_scores(child.model(), task.dataset.validation)["error"]
    assert child.scores["parameters"] == child.parameters == genome.parameters == best.values["parameters"]
    assert child.test["error"] == task.test_scores(child.model())["error"] and "parameters" not in child.test
    assert {name: array.tolist() for name, array in weights_of(child.model(), genome, channels=weights).items()} == {
        name: np.asarray(array).tolist() for name, array in weights.items()
    }
    for seen in [run] if where == "memory" else [run, ne.load_run(folder)]:
        assert seen.derived[-1].name == child.name
        again = seen[child.name]
        assert (
            again.genome == genome
            and again.scores == child.scores
            and again.test == child.test
            and again.details == {"epochs": 1}
        )
        assert np.array_equal(outputs(again.model()), outputs(child.model()))
    if where == "folder":
        assert child.path == folder / "derived" / f"{best.id}.1.safetensors" and child.size == child.path.stat().st_size
    else:
        assert child.path is None and child.size > 0


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_a_plain_keras_model_of_any_structure_is_a_child(where: str, folder: Path, unkept: ne.Run) -> None:
    run = ne.load_run(folder) if where == "folder" else unkept
    model = plain()
    child = run.derive(run.best.id, model, operators=["distill"])
    assert child.genome is None and child.kind == "Keras model" and child.weights() is None
    assert child.parameters == model.count_params() == child.scores["parameters"] and 0 < child.scores["error"] <= 1
    for seen in [run] if where == "memory" else [run, ne.load_run(folder)]:
        assert np.allclose(outputs(seen[child.name].model()), outputs(model), atol=1e-6)
    if where == "folder":
        import keras

        assert np.allclose(outputs(keras.saving.load_model(child.path)), outputs(model), atol=1e-6), "it opens in Keras alone"


def test_names_count_the_children_of_each_parent_and_never_collide_with_births(folder: Path) -> None:
    run = ne.load_run(folder)
    first, second = run.front[0].id, run.front[-1].id
    assert first != second
    made = [run.derive(parent, plain(), operators=("prune",), scores={"error": 0.5}) for parent in (first, first, second)]
    made.append(run.derive(f"{first}.1", plain(), operators=("train",), scores={"error": 0.4}))
    made.append(run.derive(str(first), plain(), operators=("train",), scores={"error": 0.4}))
    assert [one.name for one in made] == [f"{first}.1", f"{first}.2", f"{second}.1", f"{first}.1.1", f"{first}.3"]
    assert made[3].parent == f"{first}.1" and made[4].parent == first
    assert [one.name for one in ne.load_run(folder).derived] == [one.name for one in made]
    names = {path.name for path in (folder / "derived").iterdir()}
    assert names == {f"{one.name}.keras" for one in made}


def test_given_scores_are_taken_and_the_test_part_is_measured_apart(folder: Path) -> None:
    run = ne.load_run(folder)
    child = run.derive(run.best.id, plain(), operators=("prune",), scores={"error": 0.25, "energy": 3})
    assert child.scores == {"error": 0.25, "energy": 3.0}
    assert child.test["error"] > 0.5, "it was never trained"


def test_a_file_is_copied_as_it_is(folder: Path, tmp_path: Path) -> None:
    run, model = ne.load_run(folder), plain()
    model.save(tmp_path / "mine.keras")
    child = run.derive(run.best.id, tmp_path / "mine.keras", operators=("prune",))
    assert child.path.read_bytes() == (tmp_path / "mine.keras").read_bytes()
    assert np.allclose(outputs(child.model()), outputs(model), atol=1e-6)


def test_an_exported_file_takes_raw_inputs_and_is_measured_so(folder: Path, tmp_path: Path) -> None:
    run = ne.load_run(folder)
    task = ne.tasks.Classification("digits", seed=1)
    ne.deploy.export(run.best.model(), task.dataset, tmp_path / "raw.keras")
    child = run.derive(run.best.id, tmp_path / "raw.keras", operators=("rewrite",))
    assert child.raw and child.scores["error"] == pytest.approx(run.best.values["error"])
    assert child.scores["loss"] == pytest.approx(task.part_scores(run.best.model(), task.dataset.validation)["loss"], rel=1e-4)
    wrong = run.derive(run.best.id, tmp_path / "raw.keras", operators=("rewrite",), raw=False)
    assert not wrong.raw and wrong.scores["error"] > child.scores["error"]


@pytest.fixture(scope="module")
def lite_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path, Path]]:
    """A model, as a TensorFlow Lite file of floats and as one of int8 alone."""
    import tensorflow as tf

    model, folder = plain(8), tmp_path_factory.mktemp("lite")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (folder / "float.tflite").write_bytes(converter.convert())
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    x = ne.tasks.Classification("digits", seed=1).dataset.train.x
    converter.representative_dataset = lambda: ([x[at : at + 1]] for at in range(100))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "int8.tflite").write_bytes(converter.convert())
    yield model, folder / "float.tflite", folder / "int8.tflite"


def test_a_tensorflow_lite_file_is_measured_and_called(lite_files: tuple[Any, Path, Path], folder: Path) -> None:
    model, floats, integers = lite_files
    run, task = ne.load_run(folder), ne.tasks.Classification("digits", seed=1)
    child = run.derive(run.best.id, floats, operators=("rewrite",))
    part = task.dataset.validation
    assert child.kind == "TensorFlow Lite file" and child.parameters is None
    assert child.scores["error"] == task.part_scores(model, part)["error"]
    assert np.allclose(ne.load_run(folder)[child.name].model()(part.x[:7]), np.asarray(model(part.x[:7])), atol=1e-4)
    quantized = run.derive(run.best.id, integers, operators=("quantize",))
    assert quantized.size < child.size
    assert np.abs(np.asarray(quantized.model()(part.x)) - np.asarray(model(part.x))).mean() < 0.1
    assert quantized.scores["loss"] == pytest.approx(child.scores["loss"], rel=0.05)


def test_a_genome_that_holds_its_weights_needs_no_file(tmp_path: Path) -> None:
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1), lambda network: float(network([[1.0, 2.0]])[0, 0]), budget=ne.Budget(generations=2), population=10,
        seed=1, run=tmp_path / "run", progress=False,
    )  # fmt: skip
    changed = run.best.genome.mutate(np.random.default_rng(1), clock=99)
    child = run.derive(run.best.id, changed, operators=("mutate",), scores={"fitness": 2.0})
    assert child.path is None and child.test == {} and not (tmp_path / "run" / "derived").exists()
    again = ne.load_run(tmp_path / "run")[child.name]
    assert again.genome == changed and again.size == child.size > 0 and again.scores == {"fitness": 2.0}
    assert np.allclose(np.asarray(again.model()(np.ones((1, 2)))), changed.network()(np.ones((1, 2))), atol=1e-6)
    with pytest.raises(ValueError, match="a NeatGenome holds its weights itself"):
        run.derive(run.best.id, changed, operators=("mutate",), weights={"w": np.zeros(1)})


# The search goes on -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_search_goes_on_as_if_nothing_had_been_derived(folder: Path, tmp_path: Path) -> None:
    run = ne.load_run(folder)
    genome, weights = trained_on(run, run.best.id)
    run.derive(run.best.id, genome, weights=weights, operators=("train",))
    run.derive(run.best.id, plain(), operators=("distill",))
    on = search(folder, 7)
    whole = search(tmp_path / "whole", 7)
    assert on.history().equals(whole.history()) and on.trials().drop(columns="seconds").equals(
        whole.trials().drop(columns="seconds")
    )
    assert [one.id for one in on.front] == [one.id for one in whole.front]
    assert [one.name for one in on.derived] == [one.name for one in run.derived]
    assert len(list((folder / "derived").iterdir())) == 2, "what no longer stands on the front keeps its children"


def test_a_folder_of_an_older_release_takes_children(tmp_path: Path) -> None:
    older = Path(__file__).parents[1] / "reliability" / "older" / "schema_2" / "neat"
    shutil.copytree(older, tmp_path / "run")
    run = ne.load_run(tmp_path / "run")
    assert run.derived == []
    child = run.derive(run.best.id, run.best.genome, operators=("copy",), scores={"fitness": 1.0})
    assert ne.load_run(tmp_path / "run")[child.name].genome == run.best.genome


# What is refused --------------------------------------------------------------------------------------------------------------


def numbers(folder: Path | None) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        SquareTask(),
        strategy=strategies.RandomSearch(batch=5),
        budget=ne.Budget(evaluations=5),
        seed=1,
        run=folder,
        progress=False,
    )


@pytest.mark.parametrize(
    ("parent", "sentence"),
    [
        (999, "this run has no individual 999"),
        ("0.7", "this run has no derived network '0.7'; it has none"),
        ("best", "this run has no derived network 'best'"),
        ("1e3", "this run has no derived network '1e3'"),
    ],
)
def test_an_unknown_parent_is_refused(parent: Any, sentence: str) -> None:
    with pytest.raises(KeyError, match=sentence):
        numbers(None).derive(parent, plain(), operators=("prune",))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"operators": ()}, r"operators name what was done, as in operators=\('prune',\), got \(\)"),
        ({"operators": "prune"}, "operators name what was done"),
        ({"operators": ("prune", "")}, "operators name what was done"),
        ({"scores": {"error": float("nan")}}, "scores are finite numbers by name, such as .*, got 'error': nan"),
        ({"scores": {"error": None}}, "scores are finite numbers by name"),
        ({"scores": [0.3]}, "scores are finite numbers by name"),
        ({"details": {"model": object()}}, "details are what JSON can hold"),
        ({"details": {"share": float("inf")}}, "details are what JSON can hold"),
        (
            {"parent": True},
            "a parent is an individual's id, such as 17, or the name of a derived network, such as '17.1', got True",
        ),
        ({"parent": 1.5}, "a parent is an individual's id"),
        ({"made": 7}, "a genome, a keras.Model or the path of a .keras or .tflite file is derived, got 7"),
        ({"made": "model.onnx"}, "a model's file ends in .keras or .tflite, got model.onnx"),
        ({"weights": {}}, "weights are those of a genome"),
    ],
)
def test_what_makes_no_sense_is_refused(what: dict[str, Any], sentence: str) -> None:
    given = {"parent": 0, "made": plain(), "operators": ("prune",), **what}
    with pytest.raises(ValueError, match=sentence):
        numbers(None).derive(given.pop("parent"), given.pop("made"), **given)


def refused(folder: Path, sentence: str, made: Any, error: type[Exception] = ValueError, **what: Any) -> None:
    run = ne.load_run(folder)
    with pytest.raises(error, match=sentence):
        run.derive(
            run.best.id, made(run) if callable(made) and not hasattr(made, "layers") else made, operators=("prune",), **what
        )
    assert run.derived == [] and ne.load_run(folder).derived == []
    assert not (folder / "derived").exists() or not list((folder / "derived").iterdir())


def test_models_that_do_not_fit_the_data_are_refused(folder: Path) -> None:
    refused(
        folder,
        r"takes inputs of shape \(9, 8, 1\) and gives outputs of shape \(10,\); .* take \(8, 8, 1\) and give \(10,\)",
        plain(inputs=(9, 8, 1)),
    )
    refused(folder, r"gives outputs of shape \(3,\)", plain(outputs=3))
    import keras

    refused(folder, "the model is not built: .* begin it with a keras.Input", keras.Sequential([keras.layers.Dense(10)]))


def test_weights_that_are_not_the_genomes_are_refused(folder: Path) -> None:
    run = ne.load_run(folder)
    genome, weights = trained_on(run, run.best.id)
    name = next(name for name in weights if name.endswith("/kernel"))
    refused(
        folder,
        f"the weights are not this genome's: {name} is missing",
        genome,
        weights={k: v for k, v in weights.items() if k != name},
    )
    refused(folder, "it has no 5/kernel", genome, weights={**weights, "5/kernel": np.zeros(3, np.float32)})
    refused(folder, f"{name} must have shape", genome, weights={**weights, name: np.zeros((1, 1), np.float32)})
    refused(folder, f"{name} has NaN or infinity", genome, weights={**weights, name: np.full_like(weights[name], np.nan)})
    refused(folder, "the weights of a NetworkGenome are not in the genome", genome)


def test_outputs_that_are_not_finite_are_refused(folder: Path) -> None:
    model = plain()
    model.layers[-1].bias.assign(np.full(10, np.nan))
    refused(folder, "outputs are not finite", model)


def test_code_of_ones_own_is_refused(folder: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("mine")
    def bent(x: Any) -> Any:
        return keras.ops.abs(x)

    @keras.saving.register_keras_serializable("mine")
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return 2 * x

    for activation in (bent, lambda x: x):
        refused(
            folder,
            "code that plain Keras does not have|Keras cannot read it .in safe mode, without code of your own",
            plain(activation=activation),
        )
    inputs = keras.Input((8, 8, 1))
    dense = keras.layers.Dense(10)(keras.layers.Flatten()(Doubled()(inputs)))
    refused(folder, "holds .*Doubled, code that plain Keras does not have", keras.Model(inputs, dense))
    flat = keras.layers.Flatten()(inputs)
    several = keras.Model(inputs, [keras.layers.Dense(10)(flat), keras.layers.Dense(10)(flat)])
    refused(folder, "several inputs or outputs", several)


def test_files_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.keras").write_bytes(b"PK torn")
    refused(folder, "torn.keras cannot be kept: it is not a .keras file", tmp_path / "torn.keras")
    (tmp_path / "torn.tflite").write_bytes(b"TFL3 torn")
    refused(folder, "torn.tflite cannot be kept: it cannot be read as a TensorFlow Lite model", tmp_path / "torn.tflite")
    refused(folder, "there is no file", tmp_path / "tron.keras", FileNotFoundError)


def test_a_folder_that_is_being_written_is_refused_before_anything_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ne.load_run(folder)
    monkeypatch.setattr(ne.tasks.Classification, "part_scores", lambda *_: pytest.fail("measured"))
    writer = Store(folder, writable=True)
    try:
        with pytest.raises(StoreError, match="is being written by another process"):
            run.derive(run.best.id, plain(), operators=("prune",))
    finally:
        writer.close()
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match="is not a run any more"):
        run.derive(run.best.id, plain(), operators=("prune",))
    assert not folder.exists()


# Damage -----------------------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_written_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neuroevo.store import store

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_whole", full)
    refused(folder, "the disk that holds .* is full", plain(), StoreError)


def test_what_is_left_of_a_kill_between_file_and_row_is_written_over(folder: Path) -> None:
    run = ne.load_run(folder)
    (folder / "derived").mkdir()
    (folder / "derived" / f"{run.best.id}.1.keras").write_bytes(b"half of it")
    child = run.derive(run.best.id, plain(), operators=("prune",))
    assert child.name == f"{run.best.id}.1" and child.model().count_params() == child.parameters


def test_a_lost_or_damaged_file_is_said_in_a_sentence(folder: Path) -> None:
    run = ne.load_run(folder)
    genome, weights = trained_on(run, run.best.id)
    children = [
        run.derive(run.best.id, genome, weights=weights, operators=("train",)),
        run.derive(run.best.id, plain(), operators=("prune",)),
    ]
    for child in children:
        child.path.write_bytes(child.path.read_bytes()[:100])
        with pytest.raises(ValueError, match=f"{child.name} (is|are) damaged"):
            ne.load_run(folder)[child.name].model()
        child.path.unlink()
        with pytest.raises(FileNotFoundError, match=f"the file of {child.name} is gone"):
            ne.load_run(folder)[child.name].model()


@pytest.mark.parametrize(
    ("column", "value"),
    [("file", "../../secret.keras"), ("name", "1"), ("parent", "3"), ("scores", '{"error": "low"}'), ("operators", "[")],
)
def test_rows_that_lead_out_of_the_folder_or_are_damaged_are_refused(column: str, value: str, tmp_path: Path) -> None:
    numbers(tmp_path / "run")
    store = Store(tmp_path / "run", writable=True)
    store.derive(RecordedDerived("", "2", ("copy",), scores={"error": 0.5}), ".keras", b"")
    store._db.execute(f"UPDATE derived SET {column} = ?", (value,))
    store.close()
    with pytest.raises(StoreError, match="is damaged"):
        ne.load_run(tmp_path / "run")


def test_nothing_in_a_folder_is_executed_when_a_derived_network_is_looked_at(tmp_path: Path) -> None:
    """A layer of Python code, a pickle in place of weights, and a genome that is none: as somebody else's run may hold them."""
    import pickle

    import keras

    marker = tmp_path / "marker"
    command = f"touch {marker}"

    class Bomb:
        def __reduce__(self) -> Any:
            return __import__("os").system, (command,)

    layer = keras.layers.Lambda(lambda x: [x, __import__("os").system(command)][0])
    keras.Sequential([keras.Input((2,)), layer]).save(tmp_path / "lambda.keras")
    marker.unlink(missing_ok=True)  # building it ran the code, as it should
    numbers(tmp_path / "run")
    store = Store(tmp_path / "run", writable=True)
    genome = json.dumps(NetworkSpace(input_shape=(8,), outputs=2).random(np.random.default_rng(0)).to_dict())
    hostile = [
        (RecordedDerived("", "1", ("prune",)), ".keras", (tmp_path / "lambda.keras").read_bytes()),
        (RecordedDerived("", "1", ("prune",)), ".keras", pickle.dumps(Bomb())),
        (RecordedDerived("", "1", ("train",), genome), ".safetensors", pickle.dumps(Bomb())),
        (RecordedDerived("", "1", ("train",), "[" * 100_000), ".safetensors", b""),
        (RecordedDerived("", "1", ("train",), json.dumps({"kind": "genome"})), ".safetensors", b""),
        (RecordedDerived("", "1", ("quantize",)), ".tflite", pickle.dumps(Bomb())),
    ]
    for made, suffix, data in hostile:
        store.derive(made, suffix, data)
    store.close()
    for derived in ne.load_run(tmp_path / "run").derived:
        with pytest.raises(ValueError, match=f"of {derived.name} (is|are) damaged"):
            derived.model()
    assert not marker.exists()


def test_a_derived_network_says_what_it_is() -> None:
    run = numbers(None)
    child = run.derive(1, plain(), operators=("prune", "train"), scores={"score": 0.5})
    assert repr(child).startswith("<Derived 1.1: prune, train of 1, score=0.5, ") and isinstance(child, Derived)
    with pytest.raises(KeyError, match=r"no derived network '1.2'; it has 1.1; an individual is named by its id"):
        run["1.2"]
    json.dumps([child.scores, child.test, child.details])


# Written for other programs, and asked to predict -----------------------------------------------------------------------------


def test_a_derived_network_is_exported_as_any_other(folder: Path, tmp_path: Path, lite_files: tuple[Any, Path, Path]) -> None:
    run, task = ne.load_run(folder), ne.tasks.Classification("digits", seed=1)
    genome, weights = trained_on(run, run.best.id)
    child = run.derive(run.best.id, genome, weights=weights, operators=("train",))
    model = run.derive(run.best.id, plain(), operators=("distill",))
    lite = run.derive(run.best.id, lite_files[1], operators=("quantize",))
    ne.interop.export(run, tmp_path / "genome.json", id=child.name)
    assert ne.load_genome(tmp_path / "genome.json") == genome
    raw = np.rint(inputs() * 4 + 8)
    for one in (child, model):
        ne.interop.export(run, tmp_path / f"{one.name}.keras", id=one.name)
        exported, _ = ne.deploy.load_exported(tmp_path / f"{one.name}.keras")
        logits = np.asarray(one.model()(task.dataset.normalisation(raw), training=False))
        said = np.asarray(exported(raw, training=False))
        assert np.allclose(said, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), atol=1e-5)
    ne.interop.export(run, tmp_path / "lite.tflite", id=lite.name)
    assert (tmp_path / "lite.tflite").read_bytes() == lite_files[1].read_bytes()
    described = json.loads((tmp_path / "lite.inputs.json").read_text())
    assert described["normalisation"]["where"].startswith("before the model") and described["outputs"]["values"].startswith(
        "logits"
    )
    assert json.loads((tmp_path / f"{child.name}.inputs.json").read_text())["normalisation"]["where"] == "inside the model"
    with pytest.raises(ValueError, match=r"a TensorFlow Lite file, cannot be written as .*lite.keras. Possible: .tflite"):
        ne.interop.export(run, tmp_path / "lite.keras", id=lite.name)
    with pytest.raises(
        ValueError, match=r"a Keras model, cannot be written as .*json. Possible: .keras, .onnx, .tflite, a folder"
    ):
        ne.interop.export(run, tmp_path / "model.json", id=model.name)


def test_a_derived_network_predicts_from_raw_inputs(folder: Path, tmp_path: Path, lite_files: tuple[Any, Path, Path]) -> None:
    from neuroevo.cli.chosen import predictions

    run, task = ne.load_run(folder), ne.tasks.Classification("digits", seed=1)
    raw = np.rint(inputs() * 4 + 8)
    np.savez(tmp_path / "raw.npz", x=raw)
    ne.deploy.export(run.best.model(), task.dataset, tmp_path / "raw.keras")
    made = [
        run.derive(run.best.id, what, operators=("rewrite",)) for what in (lite_files[0], lite_files[1], tmp_path / "raw.keras")
    ]
    said = [[list(one.values.values()) for one in predictions(folder, tmp_path / "raw.npz", name=child.name)] for child in made]
    logits = np.asarray(lite_files[0](task.dataset.normalisation(raw), training=False))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(said[0], expected, atol=1e-5) and np.allclose(said[1], expected, atol=1e-4)
    best = [list(one.values.values()) for one in predictions(folder, tmp_path / "raw.npz")]
    assert np.allclose(said[2], best, atol=1e-6)
