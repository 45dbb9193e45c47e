"""Rungs of real trainings: a candidate that goes on is one training that was not cut."""

from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NetworkSpace
from neuroevo.estimation import FullTraining
from neuroevo.strategies import RandomSearch, SuccessiveHalving
from neuroevo.train import Recipe

SPACE = NetworkSpace(input_shape=(6,), outputs=3, starter_parameters=(20, 300))
RECIPE = Recipe(learning_rate=0.05, batch_size=16, clip=1.0)


def evolved(strategy, folder: Path, epochs: int | None = None) -> ne.Run:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 120)
    x = rng.normal(size=(120, 6)) + 0.8 * np.eye(6)[y]
    task = ne.tasks.Classification((x.astype(np.float32), y), objectives=("loss", "parameters"))
    return ne.evolve(
        SPACE, task, strategy=strategy, estimation=FullTraining(epochs, recipe=RECIPE, curve=4), budget=ne.Budget(generations=1), seed=1,
        run=folder, progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    return evolved(SuccessiveHalving(candidates=4, eta=2), tmp_path_factory.mktemp("halved") / "run")


def test_over_the_whole_schedule_a_candidate_ends_as_if_it_had_been_trained_at_once(halved: ne.Run, tmp_path: Path) -> None:
    at_once = evolved(RandomSearch(batch=4), tmp_path / "at_once", epochs=4)
    (last,) = [one for one in halved if one.fidelity.epochs == 4]
    assert last.values == at_once[last.id].values
    assert last.info["curve"] == at_once[last.id].info["curve"] and last.info["schedule"] == 4
    assert (halved.epochs, at_once.epochs) == (4 * 1 + 2 * 1 + 1 * 2, 16.0)
    assert [one.info["schedule"] for one in halved] == [4] * 4, "the record says over how many epochs the rate falls"
    assert last in halved.front and len(halved.front) == 1 and last.model() is not None


def test_with_a_schedule_for_each_rung_what_is_compared_was_trained_to_its_end(halved: ne.Run, tmp_path: Path) -> None:
    run = evolved(SuccessiveHalving(candidates=4, eta=2, schedule="rung"), tmp_path / "run")
    assert [one.info["schedule"] for one in run] == [one.fidelity.epochs for one in run]
    same = [one.id for one in run if one.genome == halved[one.id].genome]
    assert len(same) == 4, "the candidates are the same ones"
    one_epoch = [run.evaluations_of(id)[0].values[0] != halved.evaluations_of(id)[0].values[0] for id in same]
    assert any(one_epoch), "the rate falls within the first rung"
