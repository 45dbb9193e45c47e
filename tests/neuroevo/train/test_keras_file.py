"""Exported models: raw inputs, plain Keras, label names, predictions of files."""

import csv
import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pandas
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from neuroevo.data import DataError, load
from neuroevo.deploy.description import write_description
from neuroevo.deploy.keras_file import export, load_exported, predict
from neuroevo.deploy.prediction import Prediction, predictions_csv, predictions_json


def model_for(dataset):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(dataset.input_shape)
    return keras.Model(inputs, keras.layers.Dense(dataset.outputs)(keras.layers.Flatten()(inputs)))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    dataset = load("digits", seed=1)
    model = model_for(dataset)
    path = export(model, dataset, tmp_path_factory.mktemp("export") / "digits.keras")
    return dataset, model, path


def probabilities(model, x):
    logits = np.asarray(model(x), np.float64)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_plain_keras_loads_it_and_takes_raw_inputs(digits, tmp_path):
    dataset, model, path = digits
    raw = load_digits().images[:20, ..., None].astype(np.float32)
    np.save(tmp_path / "raw.npy", raw)
    script = (
        "import sys, numpy, keras; m = keras.saving.load_model(sys.argv[1]); "
        "numpy.save(sys.argv[3], m.predict(numpy.load(sys.argv[2]), verbose=0)); assert 'neuroevo' not in sys.modules"
    )
    arguments = [str(path), str(tmp_path / "raw.npy"), str(tmp_path / "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    expected = probabilities(model, dataset.normalisation(raw))
    assert np.allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5)


def test_a_regression_predicts_in_its_own_units(tmp_path):
    dataset = load("diabetes", seed=1)
    model = model_for(dataset)
    path = export(model, dataset, tmp_path / "d.keras")
    raw = dataset.normalisation.inverse(dataset.test.x)
    np.savez(tmp_path / "x.npz", x=raw)
    found = [prediction.values["progression"] for prediction in predict(path, tmp_path / "x.npz")]
    expected = dataset.target_normalisation.inverse(np.asarray(model(dataset.test.x)))[:, 0]
    assert np.allclose(found, expected, rtol=1e-4)


def test_a_table_is_encoded_as_its_training_was(tmp_path):
    table = pandas.DataFrame({"a": np.arange(60.0), "site": ["left", "right", None] * 20, "kind": ["yes", "no"] * 30})
    table.loc[::5, "a"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = load(tmp_path / "t.csv", target="kind", seed=1)
    model = model_for(dataset)
    path = export(model, dataset, tmp_path / "t.keras")
    shuffled = table.loc[:, ["site", "a"]]
    shuffled.loc[3, "site"] = "never seen"
    shuffled.to_csv(tmp_path / "new.csv", index=False)
    predictions = predict(path, tmp_path / "new.csv")
    assert len(predictions) == 60
    assert {prediction.label for prediction in predictions} <= {"yes", "no"}
    features = np.array([[1.0, 0.0, 0.0, 0.0, 1.0]], np.float32)  # row 1: a = 1, not missing, site right
    expected = probabilities(model, dataset.normalisation(features))[0]
    assert np.allclose(list(predictions[1].values.values()), expected, atol=1e-5)


def test_the_description_beside_a_model_is_enough_to_encode_a_row(tmp_path):
    table = pandas.DataFrame(
        {"a": np.arange(60.0), "whole": range(60), "site": ["left", "right", None] * 20, "kind": ["yes", "no"] * 30}
    )
    table.loc[::5, "a"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = load(tmp_path / "t.csv", target="kind", seed=1)
    path = export(model_for(dataset), dataset, tmp_path / "t.keras")
    written = write_description(dataset, path)
    assert written == tmp_path / "t.inputs.json"

    # what somebody else's program does, with this file, plain Keras and the csv module
    said = json.loads(written.read_text())
    with open(tmp_path / "t.csv") as file:
        rows = list(csv.DictReader(file))

    def encoded(row, rule):
        text = row[rule["column"]]
        if rule["is"] == "number":
            return float(text) if text else rule["if_missing"]
        return float(text == "") if rule["is"] == "missing" else float(text == rule["text"])

    samples = np.array([[encoded(row, rule) for rule in said["inputs"]["features"]] for row in rows], np.float32)
    assert [60, *said["inputs"]["shape"]] == list(samples.shape)
    outputs = np.asarray(keras.saving.load_model(path)(samples))
    ours = predict(path, tmp_path / "t.csv")
    assert [said["outputs"]["classes"][k] for k in outputs.argmax(1)] == [prediction.label for prediction in ours]
    assert np.allclose(outputs, [list(prediction.values.values()) for prediction in ours], atol=1e-5)


def test_predictions_are_a_table_with_named_probabilities(digits, tmp_path):
    _, _, path = digits
    np.save(tmp_path / "x.npy", load_digits().images[:5, ..., None])
    predictions = predict(path, tmp_path / "x.npy")
    (tmp_path / "p.csv").write_text(predictions_csv(predictions))
    table = pandas.read_csv(tmp_path / "p.csv")
    assert list(table.columns) == ["row", "class", *(f"probability of {k}" for k in range(10))]
    assert table["row"].tolist() == [0, 1, 2, 3, 4]
    assert table["class"].astype(str).tolist() == [prediction.label for prediction in predictions]
    assert np.allclose(table.iloc[:, 2:], [list(prediction.values.values()) for prediction in predictions], atol=1e-8)
    assert predictions_json(predictions)[3] == {
        "row": 3,
        "class": predictions[3].label,
        "probabilities": dict(predictions[3].values),
    }


def test_predicted_values_are_named_and_images_are_called_by_their_file():
    values = [Prediction("row 0", None, {"width": 1.5, "height": -2.0}), Prediction("row 1", None, {"width": 0.1, "height": 3e9})]
    assert predictions_csv(values) == "row,width,height\n0,1.5,-2\n1,0.1,3e+09\n"
    (image,) = predictions_json([Prediction("new/row 7, left.png", "cat", {"cat": 1.0})])
    assert image["file"] == "new/row 7, left.png"
    assert '"new/row 7, left.png",cat,1' in predictions_csv([Prediction("new/row 7, left.png", "cat", {"cat": 1.0})])


def test_what_a_library_writes_while_it_starts_is_shown_only_where_it_fails():
    code = (
        "import os; from neuroevo.core.backend import native_messages_held\n"
        "with native_messages_held():\n    os.write(2, b'no drivers')\n"
        "os.write(2, b'between')\n"
        "with native_messages_held():\n    os.write(2, b'no libc'); raise OSError('cannot start')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.startswith("betweenno libc") and "cannot start" in done.stderr


def test_images_are_predicted_by_file(digits, tmp_path):
    dataset, model, path = digits
    raw = load_digits().images[:3].astype(np.uint8)
    for k, image in enumerate(raw):
        Image.fromarray(image).save(tmp_path / f"{k}.png")
    Image.fromarray(raw[0]).convert("RGB").save(tmp_path / "9.png")
    predictions = predict(path, tmp_path)
    expected = probabilities(model, dataset.normalisation(raw[..., None])).argmax(1)
    assert [int(prediction.label) for prediction in predictions] == [*expected, expected[0]]
    assert str(predictions[0]).startswith(f"{tmp_path / '0.png'}: {expected[0]} (")
    assert predict(path, tmp_path / "1.png")[0].label == predictions[1].label


def test_inputs_that_do_not_fit_are_one_sentence(digits, tmp_path):
    _, _, path = digits
    np.save(tmp_path / "wrong.npy", np.zeros((3, 7, 7, 1)))
    with pytest.raises(DataError, match=r"takes inputs of shape \(8, 8, 1\)"):
        predict(path, tmp_path / "wrong.npy")
    np.save(tmp_path / "nan.npy", np.full((3, 8, 8, 1), np.nan))
    with pytest.raises(DataError, match="NaN or infinite"):
        predict(path, tmp_path / "nan.npy")
    Image.new("L", (5, 5)).save(tmp_path / "small.png")
    with pytest.raises(DataError, match="takes images of 8 x 8"):
        predict(path, tmp_path / "small.png")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        predict(path, tmp_path / "none.npy")


def test_a_file_that_is_no_model_is_one_sentence(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"cannot be read as a \.keras model"):
        load_exported(tmp_path / "m.keras")


def test_a_model_with_code_inside_is_refused(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"cannot be read as a \.keras model"):
        load_exported(tmp_path / "m.keras")


def test_details_that_do_not_fit_are_refused(digits, tmp_path):
    _, _, path = digits
    for said in ({"label_names": ["a"]}, {"columns": {"columns": [{"kind": "number"}]}}, []):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name) if name != "neuroevo.json" else json.dumps(said))
        with pytest.raises(ValueError, match=r"label names|column|JSON object"):
            load_exported(tmp_path / "m.keras")


def test_export_leaves_no_half_file_and_wants_keras(digits, tmp_path):
    dataset, model, _ = digits
    with pytest.raises(ValueError, match=r"to a \.keras file"):
        export(model, dataset, tmp_path / "m.h5")
    export(model, dataset, tmp_path / "m.keras")
    assert [file.name for file in tmp_path.iterdir()] == ["m.keras"]
