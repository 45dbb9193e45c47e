"""Rare classes count as much as common ones where that is asked for: in the loss, in the record, on both backends alike."""

import numpy as np
import pytest

import neuroevo as ne
from genomes.network import NetworkSpace
from neuroevo.core.streams import stream
from neuroevo.decode import build, set_weights
from neuroevo.inherit import initialise
from neuroevo.tasks.classification import Classification
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import fit
from neuroevo.train.recipe import Recipe


def rare(samples: int = 400, share: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that overlap, one of them rare."""
    rng = np.random.default_rng(0)
    y = (rng.random(samples) < share).astype(int)
    return (rng.normal(size=(samples, 3)) + 1.2 * y[:, None]).astype(np.float32), y


def test_balanced_weights_make_all_classes_count_alike() -> None:
    task = Classification(rare(), seed=1, class_weights="balanced")
    train = task.dataset.train
    targets = task.training_targets(train)
    by_class = [targets[train.y == label].sum() for label in (0, 1)]
    assert by_class == pytest.approx([len(train) / 2] * 2, rel=1e-5) and task.weighted
    assert Classification(rare(), seed=1).training_targets(train).sum(axis=1) == pytest.approx(1)


def test_a_weighted_loss_is_that_of_samples_that_occur_so_often() -> None:
    """The gradient of a row with weight 3 is that of three such rows, label smoothing included."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, 4)).astype(np.float32), np.arange(32) % 2
    space = NetworkSpace(input_shape=(4,), outputs=2)
    genome = space.random(np.random.default_rng(3))
    recipe = Recipe(epochs=1, batch_size=32, learning_rate=0.1, weight_decay=0.0, schedule="constant", label_smoothing=0.1)

    def after(x: np.ndarray, targets: np.ndarray, weighted: bool) -> list[np.ndarray]:
        model = build(genome)
        set_weights(model, genome, initialise(genome, stream(1, 1)))
        of_batch = Recipe(**{**recipe.to_dict(), "batch_size": len(x), "augment": recipe.augment})
        network = compile_network(model, Method.of(of_batch, "cross_entropy", len(x), weighted=weighted))
        fit(network, x, targets, of_batch, np.random.default_rng(0))
        return network.weights()

    times = np.where(y == 1, 3, 1)
    repeated = np.repeat(np.arange(32), times)
    eye = np.eye(2, dtype=np.float32)
    weighted = after(x, eye[y] * (times * 32 / times.sum())[:, None].astype(np.float32), True)
    expected = after(x[repeated], eye[y[repeated]], False)
    for mine, theirs in zip(weighted, expected, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_weights_bring_the_balanced_error_down_where_a_class_is_rare() -> None:
    found = []
    for weights in (None, "balanced"):
        task = Classification(rare(800), ("balanced_error", "parameters"), seed=1, class_weights=weights)
        run = ne.evolve(
            task.default_space(starter_parameters=(30, 60)), task, strategy=ne.strategies.RandomSearch(),
            estimation=ne.estimation.FullTraining(epochs=10), budget=ne.Budget(evaluations=2), seed=1,
        )  # fmt: skip
        found.append(run.best.values["balanced_error"])
    assert found[1] < 0.7 * found[0]


def test_weights_are_recorded_and_read_back() -> None:
    task = Classification("breast_cancer", seed=1, class_weights={"malignant": 3})
    again = Classification.from_settings(task.settings())
    assert again.class_weights == {"malignant": 3.0} and again.settings() == task.settings()
    assert "class_weights" not in Classification("breast_cancer", seed=1).settings(), "runs without them go on as they were"
    weights = task._weights()
    assert weights[0] / weights[1] == pytest.approx(3)


@pytest.mark.parametrize("wrong", ["even", {}, {"malignant": 0}, {"malignant": float("nan")}, [1, 2]])
def test_what_are_no_weights_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="'balanced', or positive numbers"):
        Classification("breast_cancer", class_weights=wrong)


def test_an_unknown_class_and_a_regression_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="malignant"):
        Classification("breast_cancer", class_weights={"malign": 2}).training_targets(Classification("breast_cancer").dataset.train)
    with pytest.raises(ValueError, match="class weights are of classes"):
        ne.tasks.for_data("diabetes", class_weights="balanced")
