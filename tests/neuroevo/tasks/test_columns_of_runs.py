"""What is said of a table's columns is typed, recorded with the run, and comes back; a run of an older release reads as it did."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from command_line import neuroevo

import neuroevo as ne
from neuroevo.cli import search as command
from neuroevo.data import Columns
from neuroevo.interop.estimators import split_apart
from neuroevo.run.search import SearchSettings
from neuroevo.store import Store
from neuroevo.tasks import Classification, for_data

N = 120
RNG = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    {
        "patient": np.arange(N) // 6,
        "seen": pandas.date_range("2024-01-01", periods=N, freq="D").strftime("%Y-%m-%d"),
        "code": RNG.choice(["1", "2"], N),
        "dose": RNG.normal(size=N).round(3),
        "kind": RNG.choice(["a", "b"], N),
    }
)


@pytest.fixture
def path(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


@pytest.mark.parametrize(
    "columns",
    [None, {"group": "patient"}, {"time": "seen"}, {"types": {"code": "category"}, "drop": ["patient"], "keep": ["dose"]}],
)
def test_a_task_comes_back_with_its_columns(path, columns):
    task = for_data(path, target="kind", columns=columns)
    settings = json.loads(json.dumps(task.settings()))
    assert settings["columns"]["rules"] == 2
    again = Classification.from_settings(settings)
    assert again.columns == task.columns
    assert again.dataset.digest() == task.dataset.digest()
    assert again.settings() == task.settings()


def test_other_data_says_nothing_of_columns():
    assert "columns" not in Classification("iris").settings()


def test_a_run_that_says_nothing_of_columns_is_read_as_then(path):
    older = Classification(path, target="kind", columns=Columns(rules=1))
    settings = older.settings()
    assert "columns" not in settings, "as older releases wrote it"
    again = Classification.from_settings(settings)
    assert again.dataset.digest() == older.dataset.digest() != Classification(path, target="kind").dataset.digest()


@pytest.mark.parametrize(("said", "rules"), [({}, 1), ({"drop": ("code",)}, 2)])
def test_the_same_command_goes_on_with_an_older_run_as_it_was_read(path, tmp_path, said, rules):
    folder = tmp_path / "run"
    store = Store(folder, writable=True)
    store.write_json("config.json", {"task": Classification(path, target="kind", columns=Columns(rules=1)).settings()})
    store.close()
    settings = SearchSettings(str(path), target="kind", columns=Columns(**said))
    assert command._as_begun(settings, folder).columns.rules == rules
    assert command._as_begun(settings, tmp_path / "other").columns.rules == 2


def test_what_is_typed_is_what_is_searched(path, tmp_path, monkeypatch):
    asked = {}

    def instead(settings, folder, **more):
        asked["settings"], asked["folder"] = settings, folder
        raise ValueError("stopped here")

    monkeypatch.setattr(command, "evolve_networks", instead)
    typed = [
        "--target",
        "kind",
        "--keep",
        "dose",
        "--drop",
        "code",
        "--drop",
        "seen",
        "--type",
        "patient=category",
        "--time",
        "dose",
    ]
    neuroevo("search", "t.csv.gz", *typed, folder=tmp_path)
    columns = Columns(("dose",), ("code", "seen"), {"patient": "category"}, None, "dose")
    assert asked["settings"].columns == columns
    assert asked["folder"] == Path("runs/t")
    neuroevo("search", "t.csv", "--target", "kind", "--group", "patient", folder=tmp_path)
    assert asked["settings"].columns == Columns(group="patient")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--drop", "doze"], "did you mean 'dose'"),
        (["--type", "dose=nmber"], "did you mean 'number'"),
        (["--type", "dose"], "COLUMN=kind"),
        (["--group", "patient", "--time", "seen"], "say --group or --time"),
        (["--group", "kind"], "that is the column to predict"),
    ],
)
def test_a_mistake_about_columns_is_one_sentence(path, tmp_path, typed, sentence):
    done = neuroevo("search", "t.csv", "--target", "kind", *typed, folder=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_search_on_a_frame_with_groups_trains_on_whole_groups(monkeypatch):
    task = Classification(FRAME, target="kind", columns={"group": "patient", "keep": ["patient"]})
    raw = task.dataset.normalisation.inverse(task.dataset.train.x)[:, 0].round()
    held = task.dataset.normalisation.inverse(task.dataset.test.x)[:, 0].round()
    assert not set(raw) & set(held)
    with pytest.raises(ValueError, match="were arrays in memory"):
        Classification.from_settings(task.settings())


def test_an_estimator_takes_dates_many_texts_and_options():
    frame = FRAME.assign(town=[f"t{k % 60}" for k in range(N)], seen=pandas.to_datetime(FRAME["seen"]), row=range(N))
    model = ne.interop.NeuroEvoClassifier("minimal", epochs=1, random_state=0, columns={"drop": ["dose"], "group": "patient"})
    x = frame.drop(columns="kind")
    model.fit(x, frame["kind"])
    names = ne.data.table.feature_names(model.dataset_.columns)
    assert names[:2] == ["seen in days", "sine of seen's month"]
    assert "town's mean of b" in names
    assert not {"dose", "patient", "row"} & set(names)
    assert len(model.predict(x)) == N
    train, validation = len(model.dataset_.train), len(model.dataset_.validation)
    assert (train % 6, validation % 6, train + validation) == (0, 0, N)


def test_rows_without_what_belongs_together_are_split_as_before():
    y = np.arange(60) % 2
    for found, expected in zip(split_apart(y, 60, 3, None), ne.interop.estimators.split(y, 60, 3), strict=True):
        assert np.array_equal(found, expected)
