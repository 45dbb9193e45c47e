"""Detection as a task: what it scores, how it trains, what it refuses."""

import numpy as np
import pytest
from boxes_folder import blank, digits_folder
from small_detector import small_detector

from neuroevo.data import DataError
from neuroevo.data.boxes import boxes_in
from neuroevo.data.dataset import Part
from neuroevo.run.search import SearchSettings, supervised_task
from neuroevo.tasks import Context, Detection, for_data
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import fit
from neuroevo.train.recipe import Augmentation

SIZES = {"train": 32, "validation": 8, "test": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return digits_folder(tmp_path_factory.mktemp("boxes"), SIZES)


@pytest.fixture(scope="module")
def task(folder):
    return Detection(folder, "ap,ap50,ap75,loss,latency")


def perfect_outputs(task, y):
    """What a network that says exactly where the boxes are would give."""
    from neuroevo.train.assignment import detection_targets
    from neuroevo.train.grids import Grids

    targets = detection_targets(y, Grids(task.size, (4, 8)))
    outputs = np.full((*targets.shape[:2], task.dataset.outputs + 5), -12.0, np.float32)
    for label in range(task.dataset.outputs):
        outputs[..., label] = np.where(targets[..., 0] == label, 8.0, -12.0)
    outputs[..., -5:-1] = np.log(np.expm1(np.maximum(targets[..., 1:5], 1e-3)))
    outputs[..., -1] = 10 * targets[..., 5] - 5
    return outputs


def test_outputs_that_are_right_score_nearly_one(task):
    part = task.dataset.validation
    found = task.scores(perfect_outputs(task, part.y), part.y)
    assert found["ap50"] > 0.95 and found["ap"] > 0.9, "only a box hidden behind another at every cell may be lost"
    wrong = task.scores(perfect_outputs(task, part.y[::-1]), part.y)
    assert wrong["ap"] < 0.2 < wrong["loss"] > 2 * found["loss"]


@pytest.mark.slow
def test_boxes_are_found_that_were_trained_on(task):
    model = small_detector()
    part = Part(task.dataset.train.x[:16], task.dataset.train.y[:16])
    from dataclasses import replace

    recipe = replace(task.from_scratch, epochs=60, batch_size=8)
    network = compile_network(model, Method.of(recipe, task.loss, len(part)))
    before = task.part_scores(network, part)
    training = fit(network, part.x, task.training_targets(part, network), recipe, np.random.default_rng(0))
    after = task.part_scores(network, part)
    assert training.train_loss[-1] < 0.7 * training.train_loss[0]
    assert before["ap50"] < 0.05 and after["ap50"] > 0.4 and after["ap"] > 0.2
    scores = task.score(network, Context())
    assert set(scores) >= {"ap", "ap50", "ap75", "loss", "latency"} and scores["latency"] > 0


def test_targets_are_made_anew_where_samples_are_varied(task):
    model, part = small_detector(), task.dataset.train
    x, targets = task.varying(part, model)(Augmentation(shift=4), np.random.default_rng(0))
    assert x.shape == part.x.shape and targets.shape == task.training_targets(part, model).shape
    assert not np.array_equal(targets, task.training_targets(part, model))
    network = compile_network(model, Method.of(task.from_scratch, task.loss, len(part)))
    from dataclasses import replace

    recipe = replace(task.from_scratch, epochs=2, augment=Augmentation(shift=4))
    seen = []
    place = network.place
    network.place = lambda array: seen.append(array) or place(array)
    fit(network, part.x, task.training_targets(part, network), recipe, np.random.default_rng(0), vary=task.varying(part, network))
    moved = [array for array in seen if array.shape == targets.shape]
    assert len(moved) == 3 and not np.array_equal(moved[1], moved[2]), "the targets of each epoch are others"


def test_a_network_of_another_shape_is_refused(task):
    with pytest.raises(ValueError, match=r"gives \[locations, 15\].*10 classes and 5 numbers more; this one gives \[80, 9\]"):
        task.grids(small_detector(classes=4))
    with pytest.raises(ValueError, match=r"images have the shape \(32, 32, 1\), this network takes \(64, 64, 1\)"):
        task.training_targets(task.dataset.train, small_detector(64))


def test_outputs_that_are_not_finite_are_no_score(task):
    class Broken:
        input_shape, output_shape = (None, 32, 32, 1), (None, 80, 15)

        def __call__(self, x, training=False):
            return np.full((len(x), 80, 15), np.nan, np.float32)

    with pytest.raises(ValueError, match="not finite"):
        task.part_scores(Broken(), task.dataset.validation)
    assert task.scores(Broken()(task.dataset.validation.x), task.dataset.validation.y)["ap"] == 0, "a learning curve has a point there"


def test_the_data_decide_the_task_in_python_and_on_the_command_line(folder):
    task = for_data(folder)
    assert type(task) is Detection and list(task.objectives) == ["ap", "parameters"]
    assert supervised_task(SearchSettings(data=str(folder), seed=0)).settings() == task.settings()
    again = Detection.from_settings(task.settings())
    assert again.settings() == task.settings()
    other = for_data(folder, "ap50,flops<1000000", kind="detection", image_size="48x64", seed=2)
    assert (other.dataset.input_shape, Detection.from_settings(other.settings()).image_size) == ((64, 48, 1), "48x64")
    assert Detection.from_settings(Detection(folder, image_size=(48, 32)).settings()).dataset.input_shape == (48, 32, 1)
    assert task.selection_sign == -1 and task.encoding == "pyramid"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objectives": "error"}, r"error is an objective of classification, and this is a search of boxes in images, a detection.*ap, ap50"),
        ({"objectives": "ap,error"}, "error is of classification and ap of detection"),
        ({"kind": "regression"}, "has boxes in images, which are to be detected"),
        ({"class_weights": "balanced"}, "class weights are of classes, and this is a search of boxes"),
        ({"target": "cat"}, "target names a column of a table"),
    ],
)
def test_what_does_not_fit_a_detection_is_refused(folder, options, words):
    with pytest.raises((DataError, ValueError), match=words):
        for_data(folder, **options)


def test_average_precision_of_data_without_boxes_is_refused():
    with pytest.raises(DataError, match="a detection needs boxes"):
        for_data("digits", "ap")


def test_a_share_of_the_data_and_its_parts_together_keep_the_boxes(task):
    from neuroevo.data.fidelity import samples_in, share_of

    data = task.dataset
    part = share_of(data, data.train, 0.5, np.random.default_rng(0))
    assert len(part) == 16 == samples_in(data, data.train, 0.5)
    assert len(data.search_part) == 40 and data.search_part.y.shape[1:] == data.train.y.shape[1:]
    assert sum(data.class_counts.values()) == sum(len(boxes_in(p.y)) for p in (data.train, data.validation, data.test))
    with pytest.raises(ValueError, match="depends on its grids"):
        data.targets(data.train)


def test_proxies_look_at_detection_networks(task):
    from neuroevo.train.untrained import Untrained, batch_of
    from neuroevo.train.zero_cost import grad_norm, naswot, snip, synflow

    batch = batch_of(task.dataset, np.random.default_rng(0), 8)
    network = Untrained(small_detector(), batch.x, lambda model: task.plain_targets(batch, model), loss=task.loss)
    assert network.targets.shape == (8, 80, 6)
    for proxy in (naswot, synflow, grad_norm, snip):
        assert np.isfinite(proxy(network)), proxy


def test_notes_of_the_data_are_said(tmp_path):
    content = blank(tmp_path)
    content["annotations"][0]["bbox"] = [-3, 0, 20, 20]
    import json

    (tmp_path / "annotations.json").write_text(json.dumps(content))
    assert any("cut off at its edges" in note for note in Detection(tmp_path).dataset.notes)
