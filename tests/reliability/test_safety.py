"""Nothing that is loaded is executed: a pickle bomb in every file of a run folder, in a genome, in data and in models."""

import io
import json
import pickle
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_run import search

import neuroevo as ne
from genomes import NeatSpace
from genomes.base import Genome
from neuroevo.core.trial import Artifact
from neuroevo.run.settings import search_from_settings
from neuroevo.store.doctor import examine


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (open, (str(self.marker), "w"))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "exploded"


@pytest.fixture
def bomb(marker: Path) -> bytes:
    data = pickle.dumps(Bomb(marker))
    pickle.loads(data).close()
    assert marker.exists(), "the bomb works"
    marker.unlink()
    return data


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run = search(str(folder), "lemonade", evaluations=32)
    (folder / "test.json").write_text(json.dumps({str(run.best.id): {"error": 0.5}}))
    return folder


def use(folder: Path, id: int, trial: int) -> list[BaseException]:
    """Everything that reads a run's folder; what it said."""
    from neuroevo.report.text import individual_table, run_json, run_table

    def loaded() -> ne.Run:
        return ne.load_run(folder)

    said: list[BaseException] = []
    for action in (
        lambda: run_table(loaded()),
        lambda: run_json(loaded()),
        lambda: individual_table(loaded(), id),
        lambda: loaded().history(),
        lambda: loaded()[id].artifact.load(),
        lambda: Artifact(trial, path=folder / "artifacts" / f"{trial}.safetensors").load(),
        lambda: loaded().trials(),
        lambda: search_from_settings(json.loads((folder / "config.json").read_text())),
        lambda: examine(folder),
        lambda: search(str(folder), "lemonade", evaluations=40),
        lambda: examine(folder, repair=True),
        lambda: search(str(folder), "lemonade", evaluations=40),
    ):
        try:
            action()
        except (ValueError, FileNotFoundError, KeyError, AttributeError) as error:
            said.append(error)
    return said


def test_a_bomb_in_every_file_of_a_run_does_not_go_off(finished: Path, tmp_path: Path, bomb: bytes, marker: Path) -> None:
    best = ne.load_run(finished).front[0]
    files = [path.relative_to(finished) for path in finished.rglob("*") if path.is_file()]
    assert {"run.db", "config.json", "environment.json", "log.jsonl", "test.json"} <= {str(path) for path in files}
    chosen = [path for path in files if path.parent.name != "artifacts" or path.stem == str(best.trial)]
    assert len(chosen) > 5
    for number, path in enumerate(chosen):
        folder = Path(shutil.copytree(finished, tmp_path / f"run{number}"))
        (folder / path).write_bytes(bomb)
        use(folder, best.id, best.trial)
        assert not marker.exists(), path


@pytest.mark.slow
def test_a_bomb_in_every_column_of_the_database_does_not_go_off(
    finished: Path, tmp_path: Path, bomb: bytes, marker: Path
) -> None:
    best = ne.load_run(finished).front[0]
    database = sqlite3.connect(finished / "run.db")
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {(t, row[1]) for t in tables for row in database.execute(f"PRAGMA table_info({t})") if not row[5]}
    database.close()
    assert len(columns) > 50
    for number, (table, column) in enumerate(sorted(columns)):
        folder = Path(shutil.copytree(finished, tmp_path / f"run{number}"))
        with sqlite3.connect(folder / "run.db") as database:
            database.execute(f'UPDATE {table} SET "{column}" = ?', (bomb,))
        database.close()
        use(folder, best.id, best.trial)
        assert not marker.exists(), (table, column)


def test_a_bomb_for_a_genome_does_not_go_off(tmp_path: Path, bomb: bytes, marker: Path) -> None:
    path = tmp_path / "genome.json"
    whole = NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(0)).to_dict()
    text = bomb.decode("latin1")
    for data in (bomb, json.dumps(text).encode(), *(json.dumps({**whole, name: text}).encode() for name in whole)):
        path.write_bytes(data)
        with pytest.raises(ValueError):
            ne.load_genome(path)
        with pytest.raises(ValueError):
            Genome.load(path)
    formula = {**whole, "space": {**whole["space"], "activations": ["f = __import__('os').system('touch " + str(marker) + "')"]}}
    path.write_text(json.dumps(formula))
    with pytest.raises(ValueError):
        Genome.load(path)
    assert not marker.exists()


def test_a_bomb_in_a_data_file_does_not_go_off(tmp_path: Path, bomb: bytes, marker: Path) -> None:
    array = np.array([Bomb(marker)], dtype=object)
    np.save(tmp_path / "inputs.npy", array, allow_pickle=True)
    np.savez(tmp_path / "data.npz", x=array, y=array)
    (tmp_path / "table.csv").write_bytes(bomb)
    from neuroevo.deploy.keras_file import raw_inputs

    for name in ("inputs.npy", "data.npz", "table.csv"):
        with pytest.raises(ValueError):
            raw_inputs(tmp_path / name, (4,), None)
    with pytest.raises(ValueError):
        _ = ne.tasks.Classification(str(tmp_path / "data.npz")).dataset
    assert not marker.exists()


def keras_archive(path: Path, config: Any, weights: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.10.0", "date_saved": "2025-01-01@00:00:00"}))
        archive.writestr("model.weights.h5", weights)
    return path


def test_a_model_file_is_loaded_in_safe_mode(tmp_path: Path, bomb: bytes, marker: Path) -> None:
    """A layer of Python code, a function named by its module, and a bomb for weights."""
    import keras

    from neuroevo.deploy.keras_file import load_exported

    command = f"touch {marker}"
    lambda_layer = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: [x, __import__("os").system(command)][0])])
    lambda_layer.save(tmp_path / "lambda.keras")
    marker.unlink(missing_ok=True)  # building it ran the code, as it should
    named = {"module": "os", "class_name": "system", "config": command, "registered_name": "system"}
    called = {"module": "builtins", "class_name": "function", "config": "system", "registered_name": "function"}
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    buffer = io.BytesIO()
    plain.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as archive:
        config = json.loads(archive.read("config.json"))
        buffer.write(archive.read("model.weights.h5"))
    for name, made in {"named": named, "called": called, "weights": config}.items():
        keras_archive(tmp_path / f"{name}.keras", made, bomb if name == "weights" else buffer.getvalue())
    with zipfile.ZipFile(tmp_path / "plain.keras", "a") as archive:
        archive.writestr("neuroevo.json", bomb)
    for name in ("lambda", "named", "called", "weights", "plain"):
        with pytest.raises(ValueError, match=r"cannot be read as a \.keras model"):
            load_exported(tmp_path / f"{name}.keras")
        assert not marker.exists(), name
