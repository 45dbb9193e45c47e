"""What an exported model says beside itself of dates, amounts and many texts is enough for a program that knows nothing of this library."""

import csv
import hashlib
import json
import math
import warnings
from datetime import datetime

import keras
import numpy as np
import pandas
import pytest

from neuroevo.data import DataError, InputWarning, load, reading, table
from neuroevo.deploy.description import description, write_description
from neuroevo.deploy.keras_file import export, predict

pytestmark = pytest.mark.filterwarnings("ignore::neuroevo.data.InputWarning")
N = 240
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    frame = pandas.DataFrame(
        {
            "amount": [f"${v:,}" for v in RNG.integers(10, 90_000, N)],
            "share": [f"{v}%" for v in RNG.integers(0, 100, N)],
            "when": pandas.date_range("2023-03-01", periods=N, freq="31h").strftime("%d.%m.%Y %H:%M"),
            "town": [f"t{k % 60}" for k in range(N)],
            "street": [f"s{k % 70}" for k in range(N)],
            "site": RNG.choice(["north", "south"], N),
            "level": [f"0{k}" for k in RNG.integers(1, 4, N)],
        }
    )
    frame.loc[5, "when"] = None
    frame.to_csv(folder / "t.csv", index=False)
    data = load(folder / "t.csv", target="level", columns={"types": {"street": "hash"}})
    keras.utils.set_random_seed(0)
    inputs = keras.Input(data.input_shape)
    path = export(keras.Model(inputs, keras.layers.Dense(data.outputs)(inputs)), data, folder / "m.keras", say=None)
    return folder, data, path


def by_hand(row, rule):
    """What somebody else's program does with a rule."""
    text, kind = row[rule["column"]], rule["is"]
    if kind == "missing":
        return float(text == "")
    if kind == "equals":
        return float(text == rule["text"])
    if kind == "lookup":
        return rule["values"].get(text, rule["else"])
    if kind == "hash":
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return float(int.from_bytes(digest, "big") % rule["modulo"] == rule["value"])
    if not text:
        return rule["if_missing"]
    if kind == "number":
        return float(text.replace(",", "").replace(rule["written"]["unit"], ""))
    when = datetime.strptime(text, rule["format"])
    if kind == "days":
        return (when - datetime.fromisoformat(rule["since"])).total_seconds() / 86400
    part = {"month": when.month - 1, "weekday": when.weekday(), "hour": when.hour + when.minute / 60}[rule["of"]]
    return {"sine": math.sin, "cosine": math.cos}[kind](2 * math.pi * part / rule["period"])


def test_the_description_is_enough(trained):
    folder, data, path = trained
    said = json.loads(write_description(data, path).read_text())
    assert {rule["is"] for rule in said["inputs"]["features"]} == {
        "number",
        "days",
        "sine",
        "cosine",
        "missing",
        "lookup",
        "hash",
        "equals",
    }
    for word in ("'days'", "'sine' and 'cosine'", "'lookup'", "'hash'", "'written'"):
        assert word in said["about"]
    with open(folder / "t.csv") as file:
        x = np.array([[by_hand(row, rule) for rule in said["inputs"]["features"]] for row in csv.DictReader(file)])
    assert np.allclose(x, table.features(reading.read(folder / "t.csv", described=data.columns).frame, data.columns), atol=1e-6)
    outputs = np.asarray(keras.saving.load_model(path)(x.astype(np.float32)))
    found = predict(path, folder / "t.csv")
    assert [said["outputs"]["classes"][k] for k in outputs.argmax(1)] == [one.label for one in found]


def test_a_table_of_numbers_and_texts_is_described_as_before():
    frame = pandas.DataFrame({"a": RNG.normal(size=60), "b": RNG.choice(["p", "q"], 60), "y": ["u", "v"] * 30})
    said = description(load(frame, target="y"))
    assert said["about"].endswith("or one of the texts in 'missing'.")
    assert [set(rule) for rule in said["inputs"]["features"]] == [
        {"feature", "column", "is", "if_missing"},
        *[{"feature", "column", "is", "text"}] * 2,
    ]


def test_labels_are_given_as_they_came(trained):
    folder, data, path = trained
    assert data.label_names == ("01", "02", "03")
    assert {one.label for one in predict(path, folder / "t.csv")} <= {"01", "02", "03"}
    numbers = load(folder / "t.csv", target="level", kind="regression")
    assert numbers.label_names == ("level",)


def test_a_data_frame_is_predicted_as_its_file(trained):
    folder, _, path = trained
    frame = pandas.read_csv(folder / "t.csv", dtype={"level": str}).iloc[:5]
    frame.to_csv(folder / "five.csv", index=False)
    assert [str(one) for one in predict(path, frame)] == [str(one) for one in predict(path, folder / "five.csv")]
    with pytest.raises(DataError, match="the table has no column 'town'"):
        predict(path, frame.drop(columns="town"))


def test_a_prediction_says_how_many_rows_are_unlike_the_training(trained):
    folder, _, path = trained
    new = pandas.read_csv(folder / "t.csv", dtype=str).drop(columns="level").iloc[:10]
    with warnings.catch_warnings(record=True) as nothing:
        warnings.simplefilter("always", InputWarning)
        new.to_csv(folder / "new.csv", index=False)
        predict(path, folder / "new.csv")
    assert not [note for note in nothing if note.category is InputWarning]
    new.loc[[0, 1], "site"] = "west"
    new.loc[[1, 2], "amount"] = "$9,000,000"
    new.to_csv(folder / "new.tsv", index=False, sep="\t")
    with pytest.warns(InputWarning) as said:
        predict(path, folder / "new.tsv")
    notes = [str(note.message).partition(": ")[2] for note in said if note.category is InputWarning]
    assert notes[0].startswith("3 of 10 rows hold what no training row held")
    assert notes[1].startswith("'site' is 'west' in 2 rows")
    assert notes[2].startswith("'amount' is 9e+06 in 2 rows, far outside")
