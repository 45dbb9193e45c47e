"""`neuroevo.compress` and `neuroevo compress`: children in the run with scores before and after, files beside a model, figures, refusals."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo as command

import neuroevo as ne
from genomes import DagSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.compress import Pruning, compress_file
from neuroevo.estimation import FullTraining

pytestmark = pytest.mark.usefixtures("compiled_once")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of the digits, as features: dense networks are compiled fast."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("features") / "features.npz"
    np.savez(path, x=x[:600].astype(np.float32), y=y[:600])
    return path


@pytest.fixture(scope="module")
def task(data: Path) -> ne.tasks.Classification:
    return ne.tasks.Classification(str(data), objectives=("error", "parameters"), seed=1)


@pytest.fixture(scope="module")
def finished(data: Path, task: ne.tasks.Classification, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compressed") / "run"
    ne.evolve(
        NetworkSpace(input_shape=(64,), outputs=10, max_parameters=4000, starter_parameters=(1000, 3000)),
        task,
        strategy=strategies.RandomSearch(),
        estimation=FullTraining(epochs=8),
        budget=ne.Budget(evaluations=2),
        seed=1,
        run=folder,
        progress=False,
    )
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_sweep_of_shares_is_a_child_each_as_genomes_with_their_channels(folder: Path, task: ne.tasks.Classification) -> None:
    run = ne.load_run(folder)
    best = run.best
    children = ne.compress(folder, best.id, "magnitude", keep=(0.8, 0.5), epochs=1)
    assert [child.name for child in children] == [f"{best.id}.1", f"{best.id}.2"]
    for child, share in zip(children, (0.8, 0.5), strict=True):
        assert child.genome is not None and child.kind == "genome" and child.parameters == child.genome.parameters
        assert child.parameters <= share * best.genome.parameters and child.size > 0
        assert child.operators[:2] == ("prune", "refit") and child.details["compression"] == "magnitude"
        assert child.details["before"]["error"] == pytest.approx(best.values["error"])
        assert child.scores["error"] == task.part_scores(child.model(), task.dataset.validation)["error"]
        assert child.scores["parameters"] == child.parameters and "error" in child.test
    smaller, ids = children[1].weights(), best.artifact.load()
    for name, array in smaller.items():
        if name.endswith("/channels"):
            assert set(array.tolist()) <= set(np.asarray(ids[name]).tolist()), "channels keep their ids through pruning"
    again = ne.load_run(folder)
    assert [one.name for one in again.derived] == [one.name for one in children]


def test_it_is_trained_for_half_of_the_epochs_of_the_runs_own_trainings(folder: Path) -> None:
    (child,) = ne.compress(folder, None, "magnitude", keep=0.7)
    assert [one["epochs"] for one in child.details["trained"]] == [4]


def test_a_child_can_be_compressed_further_and_trained_on(folder: Path) -> None:
    run = ne.load_run(folder)
    (first,) = ne.compress(run, run.best.id, "random", keep=0.7, epochs=0)
    (second,) = ne.compress(run, first.name, "taylor", keep=0.7, epochs=0)
    assert second.name == f"{first.name}.1" and second.parameters <= 0.49 * run.best.genome.parameters
    (weights,) = ne.compress(run, first.name, "magnitude", keep=0.3, unit="weights", epochs=1)
    assert weights.operators[0] == "sparsify" and weights.parameters < 0.5 * first.parameters and weights.genome == first.genome


def test_the_smallest_network_within_a_loss_is_kept(folder: Path) -> None:
    said: list[str] = []
    run = ne.load_run(folder)
    before = run.best.values["error"]
    (child,) = ne.compress(run, run.best.id, "magnitude", max_loss=0.05, epochs=2, say=said.append)
    assert child.scores["error"] <= before + 0.05 and child.details["max_loss"] == 0.05
    assert any("kept: error" in line for line in said) and said[-1] == f"recorded: {child.name}"
    with pytest.raises(ValueError, match="already with 90% kept, error becomes worse by more than 0"):
        ne.compress(run, run.best.id, Pruning("random", refit=False, epochs=0), max_loss=0.0)


def test_eight_bits_and_distillation_are_children_too(folder: Path) -> None:
    run = ne.load_run(folder)
    best = run.best
    (child,) = ne.compress(run, best.id, "quantize")
    assert child.kind == "TensorFlow Lite file" and child.parameters == best.genome.parameters
    assert abs(child.scores["error"] - best.values["error"]) < 0.02 and child.details["bytes"][1] == child.size
    with pytest.raises(ValueError, match=r"is a TensorFlow Lite file, which cannot be compressed further"):
        ne.compress(run, child.name, "magnitude", keep=0.5)
    sizes = {one.id: one.genome.parameters for one in run}
    large, small = max(sizes, key=sizes.get), min(sizes, key=sizes.get)
    (taught,) = ne.compress(run, large, "distil", into=small, epochs=2)
    assert taught.parent == large and taught.genome == run[small].genome and taught.details["into"] == small
    with pytest.raises(ValueError, match="no fewer than its teacher's"):
        ne.compress(run, small, "distil", into=large)


def test_the_figure_shows_what_it_was_and_the_front(folder: Path) -> None:
    from neuroevo.plots import compression, compression_data
    from neuroevo.report.html import page

    run = ne.load_run(folder)
    with pytest.raises(ValueError, match="nothing was compressed"):
        compression(run)
    for method in ("magnitude", "random"):
        ne.compress(run, run.best.id, method, keep=(0.8, 0.4), epochs=0)
    points, front = compression_data(run)
    assert [point.method for point in points] == ["", "magnitude", "magnitude", "random", "random"]
    assert points[0].size == run.best.genome.parameters and points[0].score == pytest.approx(run.best.values["error"])
    for one in points:
        assert any(other.size <= one.size and other.score <= one.score for other in front)
    assert all(a.size < b.size and a.score > b.score for a, b in itertools.pairwise(front))
    figure = compression(run)
    assert [axes.get_xlabel() for axes in figure.axes] == ["parameters", "bytes on disk"]
    assert ">Compression<" in page(ne.load_run(folder))


def test_encodings_without_such_widths_give_a_keras_model(task: ne.tasks.Classification) -> None:
    run = ne.evolve(
        DagSpace((64,), 10, max_nodes=4), task, strategy=strategies.RandomSearch(), estimation=FullTraining(epochs=1),
        budget=ne.Budget(evaluations=1), seed=2, progress=False,
    )  # fmt: skip
    (child,) = ne.compress(run, None, "taylor", keep=0.6, epochs=0)
    assert child.kind == "Keras model" and child.genome is None and not child.raw
    assert child.parameters <= 0.6 * run.best.genome.parameters and child.scores["parameters"] == child.parameters
    assert child.scores["error"] == task.part_scores(child.model(), task.dataset.validation)["error"]


# Files ------------------------------------------------------------------------------------------------------------------------


def test_an_exported_file_is_compressed_and_stays_one(folder: Path, tmp_path: Path, task: ne.tasks.Classification) -> None:
    run = ne.load_run(folder)
    dataset = task.dataset
    path = ne.deploy.export(run.best.model(), dataset, tmp_path / "best.keras", say=None)
    (found,) = list(compress_file(path, task, "magnitude", keep=0.6, epochs=1, seed=1))
    one, source = found
    assert one.details["before"]["error"] == pytest.approx(run.best.values["error"])
    smaller = one.save(tmp_path / "smaller.keras", source.beside)
    x = dataset.normalisation.inverse(dataset.validation.x).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    said = [int(each.label) for each in ne.deploy.predict(smaller, tmp_path / "x.npy")]
    assert np.mean(np.array(said) != dataset.validation.y) == pytest.approx(one.scores["error"])
    model, details = ne.deploy.load_exported(smaller)
    assert np.allclose(np.asarray(model(x[:4])).sum(axis=1), 1, atol=1e-5) and details["label_names"] == list(dataset.label_names)
    assert smaller.stat().st_size > 0 and one.parameters <= 0.6 * run.best.genome.parameters


@pytest.mark.slow
def test_an_exported_file_is_quantized(folder: Path, tmp_path: Path, task: ne.tasks.Classification) -> None:
    run = ne.load_run(folder)
    path = ne.deploy.export(run.best.model(), task.dataset, tmp_path / "best.keras", say=None)
    (lite,) = [one for one, _ in compress_file(path, task, "quantize")]
    assert lite.suffix == ".tflite" and abs(lite.scores["error"] - run.best.values["error"]) < 0.03
    assert lite.save(tmp_path / "best.tflite").stat().st_size == len(lite.data)


@pytest.mark.parametrize("ending", ["softmax inside", "softmax behind", "logits"])
def test_any_keras_file_of_raw_inputs_is_compressed(ending: str, tmp_path: Path, task: ne.tasks.Classification) -> None:
    import keras
    from keras import layers as k

    inputs = keras.Input((64,))
    x = k.Dense(12, "relu")(k.Rescaling(1 / 16)(inputs))
    x = k.Dense(10, activation="softmax" if ending == "softmax inside" else None)(x)
    model = keras.Model(inputs, k.Softmax()(x) if ending == "softmax behind" else x)
    model.save(tmp_path / "mine.keras")
    ((one, source),) = list(compress_file(tmp_path / "mine.keras", task, "random", keep=0.6, epochs=30))
    assert one.scores["error"] < 0.5, "it was trained after pruning, on raw inputs"
    one.save(tmp_path / "smaller.keras", source.beside)
    again = keras.saving.load_model(tmp_path / "smaller.keras")
    outputs = np.asarray(again(16 * np.ones((2, 64), np.float32)))
    assert np.allclose(outputs.sum(axis=1), 1, atol=1e-5) == (ending != "logits")


def test_values_of_a_regression_stay_in_their_own_units(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = 1000 + 50 * (x[:, :1] - x[:, 1:2])
    task = ne.tasks.Regression((x, y), seed=1)
    import keras
    from keras import layers as k

    from neuroevo.compress.retraining import retrained
    from neuroevo.core.streams import stream

    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    inner = keras.Model(inputs, k.Dense(1)(k.Dense(16, "relu")(inputs)))
    retrained(inner, task, stream(1, 1), epochs=30)
    path = ne.deploy.export(inner, task.dataset, tmp_path / "values.keras", say=None)
    ((one, source),) = list(compress_file(path, task, "magnitude", keep=0.6, epochs=20))
    assert one.details["before"]["mae"] == pytest.approx(task.part_scores(inner, task.dataset.validation)["mae"], rel=1e-3)
    model, _ = ne.deploy.load_exported(one.save(tmp_path / "smaller.keras", source.beside))
    raw = task.dataset.normalisation.inverse(task.dataset.validation.x).astype(np.float32)
    off = float(np.abs(np.asarray(model(raw)) - task.dataset.validation.y).mean())
    assert off == pytest.approx(one.scores["mae"], rel=1e-3) and off < 30
    ((valued, _),) = list(compress_file(path, task, "shapley", keep=0.6, epochs=0, permutations=8))
    assert valued.details["worth"] == "mean_squared_error", "there is no accuracy of values"


# The command line -------------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_made(folder: Path) -> None:
    best = str(ne.load_run(folder).best.id)
    made = command("compress", folder, best, "--method", "magnitude,random", "--keep", "0.6", "--epochs", "0", "--json", folder=folder)
    rows = json.loads(made.stdout)
    assert [row["method"] for row in rows] == ["magnitude", "random"]
    assert all(row["parameters"][1] <= 0.6 * row["parameters"][0] and "error" in row["before"] for row in rows)
    shown = command("show", folder, f"{best}.1", folder=folder).stdout
    assert "made from" in shown and "compression: magnitude" in shown
    drawn = command("plot", folder, "compression", folder=folder)
    assert (folder / "figures" / "compression.png").stat().st_size > 5000 and "written" in drawn.stdout


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--keep", "0"], "--keep takes shares between 0 and 1"),
        (["--keep", "1.2"], "--keep takes shares between 0 and 1"),
        (["--keep", "half"], "--keep takes shares between 0 and 1"),
        (["--keep", "0.5", "--max-loss", "0.1"], "--keep or --max-loss"),
        (["--method", "shaply"], "shapley"),
        (["--method", "quantize", "--keep", "0.5"], "quantization keeps every parameter"),
        (["--kind", "int8"], "belong to --method quantize"),
        (["--method", "magnitude", "--permutations", "3", "--unit", "nodes"], "of this network"),
        (["--data", "digits"], "belong to a .keras file"),
        (["--method", "shapley", "--unit", "weights"], "single weights are too many"),
    ],
)
def test_what_the_command_cannot_do_is_one_sentence(arguments: list[str], says: str, finished: Path, tmp_path: Path) -> None:
    found = command("compress", finished, *arguments, folder=tmp_path)
    assert found.returncode == 2 and says in found.stderr and len(found.stderr.strip().splitlines()) == 1


def test_a_file_needs_its_data(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    assert "give the data" in command("compress", tmp_path / "broken.keras", folder=tmp_path).stderr
    assert "cannot be compressed" in command("compress", tmp_path / "broken.keras", "--data", "digits", folder=tmp_path).stderr
    assert "a run's folder or a .keras file" in command("compress", tmp_path / "x.h5", "--data", "digits", folder=tmp_path).stderr
