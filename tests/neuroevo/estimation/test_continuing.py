"""Trials that continue others, and what trials cost: 5 epochs and 5 more are 10."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Artifact, Evaluation, Fidelity, Trial
from neuroevo.estimation import FullTraining, GradientTraining, LowFidelity
from neuroevo.plots.curves_figure import curves_data
from neuroevo.tasks import Classification, Context, Function
from neuroevo.train.recipe import Recipe

pytestmark = pytest.mark.usefixtures("compiled_once")

LAMARCKIAN = {"inheritance": "lamarckian"}
LEAVES = {"leaves": ("checkpoint",)}


@pytest.fixture(scope="module")
def task():
    return Classification("iris", "error,parameters", seed=1)


@pytest.fixture(scope="module")
def genome(task):
    return task.default_space(starter_parameters=(60, 90)).random(stream(1, 4))


def trial(genome, id=0, *, fidelity=None, operators=(), individual=0, **more):
    individual = Individual(individual, genome, (-1.0, -1.0), names=("error", "parameters"), operators=operators)
    return Trial(id, (individual,), fidelity=fidelity or Fidelity(), **more)


def measured(estimation, given, task):
    measurement = estimation.measure(given, task, Context(seed=1))
    assert not measurement.reasons, measurement.reasons
    return measurement


def arrays(measurement, kind="weights"):
    (artifact,) = [artifact for artifact in measurement.artifacts if artifact.kind == kind]
    return {name: value.tobytes() for name, value in artifact.load().items()}


def test_five_and_five_epochs_are_ten(task, genome):
    estimation = FullTraining(recipe=Recipe(averaging=0.9))
    whole = measured(estimation, trial(genome, fidelity=Fidelity(epochs=10), **LEAVES), task)
    first = measured(estimation, trial(genome, 1, fidelity=Fidelity(epochs=5, schedule=10), **LEAVES), task)
    fidelity = Fidelity(epochs=10, previous=1)
    second = measured(estimation, trial(genome, 2, fidelity=fidelity, artifacts=first.artifacts, **LEAVES), task)
    assert arrays(second) == arrays(whole)
    assert arrays(second, "checkpoint") == arrays(whole, "checkpoint")
    assert (second.values == whole.values).all()
    assert second.info[0]["started_from"] == "checkpoint"
    assert second.info[0]["curve"]["train_loss"] == whole.info[0]["curve"]["train_loss"]
    assert (first.epochs, second.epochs, whole.epochs) == (5, 5, 10)


def test_a_trial_leaves_a_checkpoint_only_where_it_is_asked_to(task, genome):
    estimation = FullTraining(epochs=1)
    assert [artifact.kind for artifact in measured(estimation, trial(genome), task).artifacts] == ["weights"]
    left = measured(estimation, trial(genome, **LEAVES), task).artifacts
    assert [artifact.kind for artifact in left] == ["weights", "checkpoint"]
    assert {artifact.genome for artifact in left} == {genome}
    with pytest.raises(ValueError, match="training leaves 'weights', 'checkpoint'; trial 0 asks for 'supernet'"):
        estimation.measure(trial(genome, leaves=("supernet",)), task, Context())


def test_a_continued_trial_draws_one_learning_curve(task, genome):
    estimation = FullTraining(curve=4)
    first = measured(estimation, trial(genome, 1, fidelity=Fidelity(epochs=4), **LEAVES), task)
    given = trial(genome, 2, fidelity=Fidelity(epochs=8, previous=1), artifacts=first.artifacts)
    second = measured(estimation, given, task)
    (individual,) = given.individuals
    individual.take(Evaluation(0, 2, tuple(second.values[0]), info=second.info[0], fidelity=given.fidelity))
    name, (curve,) = curves_data([individual])
    assert name == "error"
    assert len(curve.loss) == 8
    assert curve.epochs == (1, 2, 3, 4, 6, 8)


def test_an_heir_is_continued_with_the_recipe_and_the_channels_that_it_began_with(task, genome):
    estimation = FullTraining(recipe=Recipe(optimizer="adam"), inherited=Recipe(learning_rate=0.02))
    parent = measured(estimation, trial(genome, 9, fidelity=Fidelity(epochs=3)), task)
    child = next(
        child for clock in range(1, 300) if (child := genome.mutate(stream(1, clock), clock=clock)).operators == ("prune",)
    )
    given = {"options": LAMARCKIAN, "artifacts": parent.artifacts}
    whole = measured(estimation, trial(child, fidelity=Fidelity(epochs=4), **given), task)
    first = measured(estimation, trial(child, 1, fidelity=Fidelity(epochs=2, schedule=4), **given, **LEAVES), task)
    fidelity = Fidelity(epochs=4, previous=1)
    artifacts = (*first.artifacts, *parent.artifacts)
    second = measured(estimation, trial(child, 2, fidelity=fidelity, artifacts=artifacts, options=LAMARCKIAN), task)
    assert arrays(second) == arrays(whole)
    channels = [value for name, value in whole.artifacts[0].load().items() if name.endswith("/channels")]
    assert any(not np.array_equal(ids, np.arange(len(ids))) for ids in channels), "nothing was pruned: the test shows nothing"
    assert second.info[0]["inherited"] == whole.info[0]["inherited"]


def test_individuals_of_one_trial_are_continued_each_from_its_own_checkpoint(task, genome):
    estimation = FullTraining(epochs=2)
    both = (trial(genome).individuals[0], Individual(1, genome, (-1.0, -1.0)))
    first = measured(estimation, Trial(1, both, **LEAVES), task)
    assert [artifact.kind for artifact in first.artifacts] == ["weights.0", "checkpoint.0", "weights.1", "checkpoint.1"]
    more = Fidelity(epochs=4, previous=1)
    together = measured(estimation, Trial(2, both, fidelity=more, artifacts=first.artifacts), task)
    alone = measured(estimation, Trial(3, both[1:], fidelity=more, artifacts=first.artifacts), task)
    assert {n: v.tobytes() for n, v in together.artifacts[1].load().items()} == arrays(alone)


def test_a_missing_or_foreign_checkpoint_is_a_recorded_failure(task, genome):
    estimation, other = FullTraining(epochs=2), task.default_space(starter_parameters=(200, 300)).random(stream(1, 4))
    first = estimation.measure(trial(genome, 1, **LEAVES), task, Context(seed=1))
    more = Fidelity(epochs=3, previous=1)
    for artifacts, said in (
        ((), "trial 2 continues trial 1, but was not given its checkpoint for individual 0; ask trial 1 with leaves"),
        ((Artifact(1, "checkpoint", genome, 0, path=Path("gone.safetensors")),), "not kept"),
        ((Artifact(1, "checkpoint", genome, 0, arrays={}, meta={}),), "this is not a checkpoint"),
    ):
        failed = estimation.measure(trial(genome, 2, fidelity=more, artifacts=artifacts), task, Context(seed=1))
        assert np.isnan(failed.values).all() and failed.artifacts == () and failed.epochs == 0
        assert said in failed.reasons[0]
    failed = estimation.measure(trial(other, 2, fidelity=more, artifacts=first.artifacts), task, Context(seed=1))
    assert "not of this network" in failed.reasons[0]
    failed = estimation.measure(
        trial(genome, 2, fidelity=replace(more, epochs=1), artifacts=first.artifacts), task, Context(seed=1)
    )
    assert "has 1 epochs in all, but trial 1, which it continues, did 2 already" in failed.reasons[0]


def test_the_cost_of_a_trial_is_what_it_takes(task, genome):
    child = next(
        child for clock in range(1, 300) if (child := genome.mutate(stream(1, clock), clock=clock)).operators[0] == "remove_layer"
    )
    full = FullTraining(epochs=2, distil=1)
    parent = measured(full, trial(genome, 9, **LEAVES), task)
    heir = {"options": LAMARCKIAN, "artifacts": parent.artifacts, "operators": child.operators, "individual": 1}
    cases = [
        (full, trial(genome), 2.0),
        (full, trial(child, 1, **heir), 3.0),
        (full, trial(genome, 2, fidelity=Fidelity(epochs=5, previous=9), artifacts=parent.artifacts), 3.0),
        (full, trial(genome, 3, fidelity=Fidelity(epochs=3, data=0.5)), 3 * 45 / 90),
        (LowFidelity(epochs=3, data=0.2), trial(genome, 4), 3 * 18 / 90),
    ]
    for estimation, given, expected in cases:
        assert estimation.cost(given, task) == pytest.approx(expected)
        assert measured(estimation, given, task).epochs == pytest.approx(expected)
    open_ended = FullTraining()
    assert open_ended.cost(trial(genome), task) == task.from_scratch.sized(90).epochs
    assert open_ended.cost(trial(child, 1, **heir), task) == task.inherited.sized(90).epochs // 2


def test_what_cannot_be_trained_costs_nothing(task, genome):
    unable = FullTraining(epochs=2)
    assert unable.cost(trial(genome, fidelity=Fidelity(epochs=3, previous=7)), task) == 0.0
    assert unable.cost(trial(genome), Function(lambda network: 0.0)) == 0.0
    assert unable.cost(trial(genome, job="train_shared"), task) == 0.0


def test_gradient_steps_are_epochs_too():
    from genomes import NeatSpace

    space, x = NeatSpace(2, 1), np.random.default_rng(0).normal(size=(40, 2))
    population = tuple(Individual(i, space.random(stream(1, i)), (1.0,)) for i in range(3))
    estimation = GradientTraining((x, x[:, :1]), steps=8, batch_size=10)
    given = Trial(0, population, options={"inheritance": "baldwinian"})
    task = Function(lambda network: 0.0)
    assert estimation.cost(given, task) == 3 * 8 * 10 / 40
    assert estimation.measure(given, task, Context()).epochs == 3 * 8 * 10 / 40
    untrained = replace(given, options={})
    assert estimation.cost(untrained, task) == estimation.measure(untrained, task, Context()).epochs == 0


def test_a_trial_of_another_job_is_refused_with_a_sentence(task, genome):
    with pytest.raises(ValueError, match="FullTraining does the job 'evaluate', not 'train_shared'"):
        FullTraining().measure(Trial(0, (), job="train_shared"), task, Context())


def test_a_repeated_evaluation_draws_another_training(task, genome):
    estimation = FullTraining(epochs=2)
    first, again, second = (measured(estimation, trial(genome, 1, repeat=repeat), task) for repeat in (0, 0, 1))
    assert arrays(first) == arrays(again)
    assert arrays(first) != arrays(second)
