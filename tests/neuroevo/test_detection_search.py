"""A search for detectors: what it leaves, and what becomes of its networks."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boxes_folder import digits_folder
from PIL import Image

import neuroevo as ne
from genomes import PyramidSpace
from neuroevo.deploy import export, load_exported, predict, predictions_csv, predictions_json
from neuroevo.deploy.description import description
from neuroevo.deploy.examination import examination, examined
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_table, trials_without_individuals
from neuroevo.run.run import load_run
from neuroevo.strategies import RandomSearch
from neuroevo.tasks import Detection

SIZES = {"train": 16, "validation": 8, "test": 8}
SMALL = {"cells": 0, "width": 8, "stem": 4, "depths": (1, 1), "channels": (6, 8), "levels": (2, 3), "head": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return digits_folder(tmp_path_factory.mktemp("boxes"), SIZES)


@pytest.fixture(scope="module")
def searched(folder, tmp_path_factory):
    """A search of two networks of one structure, which is compiled once."""
    task = Detection(folder, "ap,loss,parameters")
    space = replace(PyramidSpace.for_data((32, 32, 1), 10), **SMALL)
    run = ne.evolve(
        space, task, strategy=RandomSearch(batch=2), estimation=task.trained(1), budget=ne.Budget(evaluations=2), seed=1,
        run=tmp_path_factory.mktemp("runs") / "detectors",
    )  # fmt: skip
    finish(run)
    return run


@pytest.fixture(scope="module")
def exported(searched, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "net.keras"
    export(searched.best.model(), searched.task.dataset, path, say=None)
    return path


def test_a_search_leaves_scores_figures_and_a_page(searched):
    loaded = load_run(searched.folder)
    assert [individual.status for individual in loaded] == ["done", "done"]
    assert 0 <= loaded.best.values["ap"] <= 1 and loaded.best.values["loss"] > 0
    assert "ap (test)" in run_table(loaded)
    assert (Path(searched.folder) / "figures" / "front.png").exists()
    text = page(loaded)
    assert f"Network {loaded.best.id}, the best" in text and "8 images of the validation data" in text


def test_what_a_network_sees_is_kept_with_the_run_and_drawn(searched, folder, tmp_path):
    found = examined(load_run(searched.folder))[str(searched.best.id)]
    assert found.part == "test" and found.score[0] == "ap" and len(found.seen) == 8
    validation = searched.task.dataset
    first = found.seen[0]
    assert first.values.shape == (32, 32)
    with Image.open(folder / "images" / "validation0.png") as image:
        assert np.array_equal(first.values, np.asarray(image)), "it is an image of the validation data, as it was"
    assert len(first.truth) == int((validation.validation.y[0, :, 4] >= 0).sum())
    figure = ne.plots.detections(load_run(searched.folder))
    figure.savefig(tmp_path / "detections.png", dpi=40)
    with pytest.raises(ValueError, match="classes are confused in a classification"):
        ne.plots.confusion(load_run(searched.folder))
    assert examination(load_run(searched.folder)) == found


def test_a_file_for_plain_keras_takes_raw_images_and_says_how_its_outputs_are_read(searched, exported):
    import keras

    data, trained = searched.task.dataset, searched.best.model()
    model = keras.saving.load_model(exported, compile=False)
    raw = data.normalisation.inverse(data.test.x).astype(np.float32)
    assert np.allclose(np.asarray(model(raw)), np.asarray(trained(data.test.x)), atol=1e-4)
    assert model.output_shape == (None, 64 + 16, 15)
    said = description(data)
    assert said["outputs"]["kind"] == "detection" and said["outputs"]["classes"][:2] == ["zero", "one"]
    assert "softplus(number) * stride" in said["outputs"]["decoding"] and "letterbox" in json.dumps(said["inputs"])


def test_the_description_is_enough_to_decode_a_box(searched):
    """As a program without neuroevo would, by the words of the description."""
    task = searched.task
    outputs = np.random.default_rng(0).normal(size=(1, 80, 15)).astype(np.float32)
    found = task.detected(outputs)[0]
    best = found.boxes[0]
    place, label = np.unravel_index(np.argmax(1 / (1 + np.exp(-outputs[0, :, :10])) / (1 + np.exp(-outputs[0, :, 14:]))), (80, 10))
    stride, cell = (4, place) if place < 64 else (8, place - 64)
    columns = 32 // stride
    x, y = (cell % columns + 0.5) * stride, (cell // columns + 0.5) * stride
    left, top, right, bottom = np.log1p(np.exp(outputs[0, place, 10:14])) * stride
    assert best == pytest.approx(np.clip([x - left, y - top, x + right, y + bottom], 0, 32), abs=1e-3)
    assert found.classes[0] == label


def sure(network):
    """The network made sure of everything, so that it finds something."""
    model, details = network
    last = next(layer for layer in reversed(model.get_layer(index=-1).layers) if type(layer).__name__ == "Conv2D")
    kernel, bias = last.get_weights()
    last.set_weights([kernel, np.concatenate([np.linspace(1, 3, 10), bias[10:14], [3.0]]).astype(np.float32)])
    return model, details


def test_predictions_are_boxes_in_the_pixels_of_each_image(exported, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (90, 60), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "in" / "a.png")
    Image.fromarray(noise[:32, :32]).convert("RGB").save(tmp_path / "in" / "deep" / "b.jpg")
    network = sure(load_exported(exported))
    found = predict(network, tmp_path / "in")
    assert [Path(one.source).name for one in found] == ["a.png", "b.jpg"] and all(one.boxes for one in found)
    for one, (width, height) in zip(found, [(60, 90), (32, 32)], strict=True):
        assert all(0 <= b.left < b.right <= width and 0 <= b.top < b.bottom <= height and 0.3 <= b.score < 1 for b in one.boxes)
        assert [b.score for b in one.boxes] == sorted([b.score for b in one.boxes], reverse=True)
    assert max(b.bottom for b in found[0].boxes) > 40, "boxes are those of the image, not of the 32 pixels that the network gets"
    assert len(predict(network, tmp_path / "in", threshold=0.95)[0].boxes) <= len(found[0].boxes)
    rows = list(csv.DictReader(predictions_csv(found).splitlines()))
    assert len(rows) == sum(len(one.boxes) for one in found) and set(rows[0]) == {"file", "class", "score", "left", "top", "right", "bottom"}
    said = predictions_json(found)
    assert [len(one["boxes"]) for one in said] == [len(one.boxes) for one in found]
    assert f"{found[0].boxes[0].label} (" in str(found[0]) and "at " in str(found[0])
    np.savez(tmp_path / "x.npz", x=noise[None, :32, :32])
    assert len(predict(network, tmp_path / "x.npz")) == 1
    from neuroevo.plots.drawn_boxes import draw_predictions

    written = draw_predictions(found, tmp_path / "in", tmp_path / "out")
    assert [str(path.relative_to(tmp_path / "out")) for path in written] == ["a.png", f"deep{os.sep}b.jpg.png"]
    with Image.open(written[0]) as image:
        assert image.size == (60 * 5, 90 * 5), "small images are enlarged"
    with pytest.raises(ValueError, match="boxes are drawn on images"):
        draw_predictions(found, tmp_path / "x.npz", tmp_path / "out")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda e, t: predict(e, t / "gone.png"), r"there is no file .*gone\.png"),
        (lambda e, t: predict(e, t, threshold=1.5), "between 0 and 1, got 1.5"),
        (lambda e, t: predict(e, t), "holds no images"),
        (lambda e, t: predict(e, t, missing=["?"]), "a detection network takes images"),
    ],
)
def test_what_cannot_be_predicted_is_said(exported, tmp_path, what, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        what(exported, tmp_path)


def test_what_is_not_for_boxes_is_refused(searched):
    from neuroevo.deploy.ensembles import ensemble
    from neuroevo.tasks.folding import folds_of, usual_folds

    with pytest.raises(ValueError, match="the boxes of several networks have none"):
        ensemble(searched)
    with pytest.raises(ValueError, match="none of them finds objects in images"):
        searched.references()
    with pytest.raises(ValueError, match="folds are of classes and numbers"):
        folds_of(searched.task, 3, 0)
    assert usual_folds(searched.task) == 0
    with pytest.raises(ValueError, match="not those that find objects"):
        ne.compress(searched, searched.best.id, "magnitude", keep=0.5)


@pytest.mark.slow
def test_a_shared_network_of_backbones_is_trained_on_boxes(folder, tmp_path):
    from genomes import BackboneSpace
    from neuroevo.estimation import SharedTraining
    from neuroevo.strategies import Nsga2, SharedWeights

    blocks = ("shuffle_3x3", "shuffle_5x5")
    space = BackboneSpace((32, 32, 1), 10, levels=(2, 3), width=4, stem=4, depths=(1, 1), channels=(6, 8), blocks=blocks, head=1)
    run = ne.evolve(
        space, Detection(folder, "loss,ap"), strategy=SharedWeights(Nsga2(population=4), epochs=3, candidates=4, finalists=1),
        estimation=SharedTraining(epochs=1), budget=ne.Budget(evaluations=12), seed=1, run=tmp_path / "run",
    )  # fmt: skip
    assert not run.failures, [individual.reason for individual in run]
    losses = [trial.report["loss"] for trial in trials_without_individuals(run)]
    assert len(losses) == 3 and losses[-1] < losses[0]
    assert run.best.artifact is not None and np.isfinite(run.best.values["loss"])


@pytest.mark.slow
def test_the_command_line_from_a_folder_to_drawn_boxes(folder, tmp_path):
    def neuroevo(*words, code=0):
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-m", "neuroevo.cli.main", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    given = {name: ",".join(map(str, value)) if isinstance(value, tuple) else value for name, value in SMALL.items() if name != "cells"}
    small = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    said = neuroevo(
        "search", str(folder), "--run", "run", "--strategy", "regularized_evolution", "--set", "population=2", "--set", "sample=2", "--set",
        "cells=3", *small, "--evaluations", "4", "--epochs", "1", "--workers", "2", "--baseline",
    )  # fmt: skip
    assert "ap (test)" in said and "baseline: a top-down feature pyramid" in said
    runs = load_run(tmp_path / "run")
    assert [individual.status for individual in runs] == ["done"] * 4
    assert {individual.info["started_from"] for individual in runs} == {"scratch", "parents"}
    neuroevo("resume", "run", "--evaluations", "5")
    assert len(list(load_run(tmp_path / "run"))) == 5
    best = str(load_run(tmp_path / "run").best.id)
    assert "written: run" in neuroevo("plot", "run", "detections")
    assert "boxes" not in neuroevo("show", "run", best)
    assert "test ap:" in neuroevo("train", "run", best, "--epochs", "1", "--augment", "--always")
    assert "recorded" in neuroevo("show", "run", f"{best}.1") or f"{best}.1" in neuroevo("show", "run")
    assert "written: net.keras" in neuroevo("export", "run", best, "net.keras")
    assert json.loads((tmp_path / "net.inputs.json").read_text())["outputs"]["kind"] == "detection"
    assert "images with their boxes in drawn" in neuroevo("predict", "net.keras", str(folder / "images"), "--draw", "drawn", "--json")
    assert len(list((tmp_path / "drawn").glob("*.png"))) == sum(SIZES.values())
    assert "digits has none" in neuroevo("search", "digits", "--kind", "detection", code=2)
    assert "written" in neuroevo("report", "run")
