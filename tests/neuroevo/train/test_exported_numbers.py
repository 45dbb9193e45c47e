"""Exported models and numbers that float32 cannot hold apart: every format and the file beside it give what the search saw."""

import csv
import json
import warnings

import keras
import numpy as np
import pandas
import pytest
from PIL import Image

from neuroevo.data import InputWarning, load
from neuroevo.deploy.derived import RawLite
from neuroevo.deploy.description import notes_beside, write_description
from neuroevo.deploy.keras_file import details, export, predict, raw_model
from neuroevo.deploy.prediction import predictions_csv
from neuroevo.interop.keras_files import write_model

RNG = np.random.default_rng(0)
ROWS = 80
U, V = RNG.normal(size=ROWS), RNG.normal(size=ROWS)
TABLES = {
    "times and nanometres to seconds since 1970": (1_700_000_000_000 + np.rint(1e5 * U), 1e-9 * V, 1.7e9 + 40 * U),
    "kelvins and a constant to picofarad": (273.15 + 1e-6 * U, np.full(ROWS, 5.0), 1e-12 * U),
    "large counts to ordinary numbers": (9e15 + np.rint(1e6 * U), 1e40 * V, 3 + U),
}


def first_feature(dataset):
    """The network whose every output is its first input, normalised."""
    inputs = keras.Input(dataset.input_shape)
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(dataset.outputs)(flat))
    kernel = np.zeros((flat.shape[-1], dataset.outputs), np.float32)
    kernel[0] = 1
    model.set_weights([kernel, np.zeros(dataset.outputs, np.float32)])
    return model


@pytest.fixture(scope="module", params=TABLES)
def table(request, tmp_path_factory):
    a, b, y = TABLES[request.param]
    folder = tmp_path_factory.mktemp("table")
    frame = pandas.DataFrame({"a": [repr(float(v)) for v in a], "b": b, "site": ["left", "right"] * (ROWS // 2), "y": y})
    frame.loc[3, "a"] = ""
    frame.to_csv(folder / "t.csv", index=False)
    dataset = load(folder / "t.csv", target="y", seed=1)
    expected = (
        dataset.target_normalisation.mean
        + dataset.target_normalisation.deviation * (a - dataset.normalisation.mean[0]) / (dataset.normalisation.deviation[0])
    )
    return folder, dataset, first_feature(dataset), expected, np.arange(ROWS) != 3


def close(found, expected, dataset):
    return np.allclose(found, expected, rtol=0, atol=5e-3 * dataset.target_normalisation.deviation[0])


def test_a_prediction_tells_rows_apart_that_differ_in_their_last_digits(table):
    folder, dataset, model, expected, known = table
    path = export(model, dataset, folder / "t.keras")
    for source in (
        path,
        (raw_model(model, dataset), details(dataset)),
        (raw_model(model, dataset, doubles=False), details(dataset, doubles=False)),
    ):
        found = predict(source, folder / "t.csv")
        assert close(np.array([p.values["y"] for p in found])[known], expected[known], dataset)
    (folder / "p.csv").write_text(predictions_csv(found))
    assert close(pandas.read_csv(folder / "p.csv")["y"][known], expected[known], dataset)
    shown = [float(str(p).rsplit(" ", 1)[1]) for p in found]
    assert close(np.array(shown)[known], expected[known], dataset)


@pytest.mark.parametrize("suffix", [".keras", ".onnx", ".tflite"])
def test_the_file_beside_a_model_is_enough(table, suffix):
    folder, dataset, model, expected, known = table
    if suffix == ".onnx" and dataset.target_normalisation.held.all():
        pytest.skip("one export with float64 and one table are enough of the slowest format")
    path = folder / f"net{suffix}"
    if suffix == ".keras":
        export(model, dataset, path)
    else:
        write_model(raw_model(model, dataset, doubles=suffix != ".tflite"), path)
    said = json.loads(write_description(dataset, path).read_text())

    # what somebody else's program does, with this file, a runtime and the csv module
    def feature(row, rule):
        text = row[rule["column"]]
        missing = text.strip() in said["inputs"]["missing"]
        if rule["is"] == "number":
            return rule["if_missing"] if missing else float(text)
        return float(missing) if rule["is"] == "missing" else float(text == rule["text"])

    with open(folder / "t.csv") as file:
        x = np.array([[feature(row, rule) for rule in said["inputs"]["features"]] for row in csv.DictReader(file)])
    if "subtract" in said["inputs"]:
        x = (x - said["inputs"]["subtract"]) / said["inputs"]["divide"]
    outputs = run(path, x.astype(np.float32))
    if outputs.dtype == np.float32 and "multiply" in said["outputs"]:
        outputs = outputs.astype(np.float64) * said["outputs"]["multiply"] + said["outputs"]["add"]
    assert close(outputs[known, 0], expected[known], dataset)
    assert ("subtract" in said["inputs"]) == (not dataset.normalisation.held.all())
    assert any("subtract and divide" in note for note in notes_beside(path)) == ("subtract" in said["inputs"])


def run(path, x):
    if path.suffix == ".keras":
        return np.asarray(keras.saving.load_model(path)(x))
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: x})[0]
    from neuroevo.run.model_files import LiteModel

    return LiteModel(path.read_bytes())(x)


def test_ordinary_numbers_need_nothing_beside_the_model(tmp_path):
    dataset = load("diabetes", seed=1)
    path = export(first_feature(dataset), dataset, tmp_path / "d.keras")
    said = json.loads(write_description(dataset, path).read_text())
    assert said["notes"] == []
    assert not {"subtract", "divide"} & set(said["inputs"])
    assert not {"multiply", "add"} & set(said["outputs"])


class _Lite:
    """A Keras model as a TensorFlow Lite one: arrays in, arrays out."""

    def __init__(self, model):
        self._model, self.input_shape, self.output_shape = model, model.input_shape, model.output_shape

    def __call__(self, x):
        return np.asarray(self._model(x))


def test_a_network_of_normalised_inputs_is_given_what_a_raw_one_takes(table):
    _, dataset, model, expected, known = table
    lite = RawLite(_Lite(model), dataset)
    frame = np.zeros((ROWS, *dataset.input_shape))
    a = np.where(known, (expected - dataset.target_normalisation.mean) / dataset.target_normalisation.deviation, 0)
    frame[:, 0] = a * dataset.normalisation.deviation[0] + dataset.normalisation.mean[0]
    before = dataset.normalisation.before_float32
    outputs = np.asarray(lite(frame if before is None else before(frame)), np.float64)
    after = dataset.target_normalisation.before_float32
    assert close((outputs if after is None else after.inverse(outputs))[known, 0], expected[known], dataset)


@pytest.mark.parametrize("site", ["up", "3"])
def test_a_text_that_was_never_seen_is_a_warning_with_its_rows(tmp_path, site):
    pandas.DataFrame({"site": ["left", "right"] * 20, "n": range(40), "y": ["a", "b"] * 20}).to_csv(
        tmp_path / "t.csv", index=False
    )
    dataset = load(tmp_path / "t.csv", target="y")
    path = export(first_feature(dataset), dataset, tmp_path / "t.keras")
    (tmp_path / "new.csv").write_text(f"n,site\n1,{site}\n2,left\n3,{site}\n")
    with pytest.warns(InputWarning, match=rf"new\.csv: 'site' is '{site}' in 2 rows and in no training row"):
        found = predict(path, tmp_path / "new.csv")
    (tmp_path / "alone.csv").write_text("n,site\n2,left\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (alone,) = predict(path, tmp_path / "alone.csv")
    assert alone.values == found[1].values


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_model_of_deep_images_predicts_them_and_says_how_they_are_read(tmp_path, kind):
    pictures = (RNG.random((20, 5, 4)) * (60_000 if kind is np.uint16 else 1e-3)).astype(kind)
    for k, picture in enumerate(pictures):
        (tmp_path / "data" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "data" / "ab"[k % 2] / f"{k:02d}.tif")
    dataset = load(tmp_path / "data")
    model = first_feature(dataset)
    path = export(model, dataset, tmp_path / "m.keras")
    found = {p.source.rsplit("/", 1)[1]: list(p.values.values()) for p in predict(path, tmp_path / "data")}
    for k, picture in enumerate(pictures):
        assert np.allclose(
            found[f"{k:02d}.tif"],
            np.asarray(keras.ops.softmax(model(dataset.normalisation(picture[None, ..., None]))))[0],
            atol=1e-5,
        )
    said = json.loads(write_description(dataset, path).read_text())["inputs"]["images"]
    assert said["depth"] == ("16 bit" if kind is np.uint16 else "float")
    assert said["background"] == 255
    Image.fromarray((pictures[0] / 257).astype(np.uint8)).save(tmp_path / "shallow.png")
    if kind is np.uint16:
        with pytest.warns(InputWarning, match="1 image of 8 bit values.*multiplied by 257"):
            predict(path, tmp_path / "shallow.png")
    else:
        with pytest.raises(ValueError, match="trained on images of float values"):
            predict(path, tmp_path / "shallow.png")
