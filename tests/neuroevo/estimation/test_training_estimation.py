"""Estimation by training: what a trial brings back, from scratch, inherited, cheaply, and when it fails."""

import json
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import neuroevo as ne
from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Evaluation, Fidelity, Trial
from neuroevo.estimation import FullTraining, LowFidelity
from neuroevo.estimation.training import suited
from neuroevo.tasks import Classification, Context, Function, Regression
from neuroevo.train.compiled import CompiledNetworks
from neuroevo.train.recipe import FROM_SCRATCH, INHERITED, Recipe

COMPILED = CompiledNetworks(24)


@pytest.fixture(scope="module")
def task():
    return Classification("digits", "error,parameters", seed=1)


@pytest.fixture(scope="module")
def genome(task):
    return task.default_space(starter_parameters=(900, 1000)).random(stream(1, 5))


def sharing(estimation):
    """An estimation with what others of this file compiled before: one genome is trained in most of them."""
    estimation._networks = COMPILED
    return estimation


def trial(genome, id=0, **more):
    return Trial(id, (Individual(id, genome, (-1.0, -1.0)),), **more)


@pytest.fixture(scope="module")
def parent(task, genome):
    """What ten epochs leave, for children to inherit."""
    return sharing(FullTraining(epochs=10)).measure(trial(genome), task, Context(seed=1))


def arrays(measurement):
    return {name: value.tobytes() for name, value in measurement.artifacts[0].load().items()}


def test_a_trained_candidate_brings_scores_curve_and_weights(task, genome):
    result = sharing(FullTraining(epochs=8)).measure(trial(genome), task, Context(seed=1))
    assert not result.reasons
    error, parameters = result.values[0]
    assert error < 0.4
    assert parameters == genome.parameters
    (info,) = result.info
    assert json.loads(json.dumps(info)) == info
    assert info["curve"]["error"][-1] == error
    assert len(info["curve"]["train_loss"]) == 8
    assert set(info["scores"]) == {"balanced_error", "loss", "f1", "auc"}
    assert info["started_from"] == "scratch"
    assert result.artifacts[0].genome == genome


def test_the_artifact_is_the_network_that_was_scored(task, genome):
    candidate = trial(genome)
    result = sharing(FullTraining(epochs=3)).measure(candidate, task, Context(seed=1))
    (individual,) = candidate.individuals
    individual.artifact = result.artifacts[0]
    assert task.score(individual.model(), Context())["loss"] == pytest.approx(result.info[0]["scores"]["loss"], abs=1e-4)


def test_a_result_depends_on_seed_and_id_and_not_on_what_ran_before(task, genome):
    used = FullTraining(epochs=2)
    used.measure(trial(genome, 7), task, Context(seed=1))
    again = used.measure(trial(genome, 3), task, Context(seed=1))
    assert again.info[0]["cache_hit"]
    fresh = FullTraining(epochs=2).measure(trial(genome, 3), task, Context(seed=1))
    assert not fresh.info[0]["cache_hit"]
    assert arrays(again) == arrays(fresh)
    assert (again.values == fresh.values).all()
    assert arrays(used.measure(trial(genome, 4), task, Context(seed=1))) != arrays(fresh)
    assert arrays(used.measure(trial(genome, 3), task, Context(seed=2))) != arrays(fresh)


def test_genomes_of_equal_structure_share_a_compiled_network_but_not_weights(task, genome):
    other = genome
    for gene in genome.to_dict()["genes"]:
        assert gene["marking"] >= 0
    data = json.loads(json.dumps(genome.to_dict()))
    renamed = {g["marking"]: g["marking"] + 1 for g in data["genes"] if g["kind"] not in ("input", "logits")}
    for gene in data["genes"]:
        gene["marking"] = renamed.get(gene["marking"], gene["marking"])
        gene["inputs"] = [renamed.get(m, m) for m in gene["inputs"]]
    other = type(genome).from_dict(data)
    assert other != genome
    estimation = FullTraining(epochs=1)
    estimation.measure(trial(genome), task, Context(seed=1))
    result = estimation.measure(trial(other), task, Context(seed=1))
    assert result.info[0]["cache_hit"]
    fresh = FullTraining(epochs=1).measure(trial(other), task, Context(seed=1))
    assert arrays(result) == arrays(fresh)


def test_an_inheriting_child_starts_where_its_parent_ended(task, genome):
    context = Context(seed=1)
    estimation = sharing(FullTraining(epochs=10))
    parent = estimation.measure(trial(genome), task, context)
    child = genome
    for clock in range(1, 50):
        child = genome.mutate(stream(1, 100 + clock), clock=clock)
        if child.operators == ("widen",):
            break
    options = {"inheritance": "lamarckian"}
    untrained = Fidelity(epochs=0)
    heir = estimation.measure(trial(child, 1, artifacts=parent.artifacts, options=options, fidelity=untrained), task, context)
    alone = estimation.measure(trial(child, 1, artifacts=parent.artifacts, fidelity=untrained), task, context)
    assert heir.info[0]["started_from"] == "parents"
    assert alone.info[0]["started_from"] == "scratch"
    assert heir.info[0]["scores"]["loss"] == pytest.approx(parent.info[0]["scores"]["loss"], rel=1e-3)
    assert alone.info[0]["scores"]["loss"] > 3 * heir.info[0]["scores"]["loss"]


@pytest.mark.parametrize("temperature", [1.0, pytest.param(4.0, marks=pytest.mark.slow)])
def test_a_distilled_child_is_nearer_to_its_parent(task, genome, parent, temperature):
    context, options = Context(seed=1), {"inheritance": "lamarckian"}
    gentle = Recipe(learning_rate=0.02)
    child = next(
        child
        for clock in range(1, 200)
        if (child := genome.mutate(stream(1, 100 + clock), clock=clock)).operators[0] == "remove_layer"
    )
    individual = Individual(1, child, (-1.0, -1.0), operators=child.operators)
    untrained = Trial(1, (individual,), artifacts=parent.artifacts, options=options, fidelity=Fidelity(epochs=0))
    plain, taught = (
        sharing(FullTraining(epochs=10, inherited=gentle, distil=distil, temperature=temperature)).measure(
            untrained, task, context
        )
        for distil in (0, 5)
    )
    assert taught.info[0]["scores"]["loss"] < plain.info[0]["scores"]["loss"]
    assert (plain.info[0]["epochs"], taught.info[0]["epochs"]) == (0, 5)
    assert taught.info[0]["inherited"]["error"] == plain.info[0]["inherited"]["error"]  # taken before the distillation


def test_a_child_of_an_exact_operator_scores_what_its_parent_scored_and_is_not_distilled(task, genome, parent):
    context, options = Context(seed=1), {"inheritance": "lamarckian"}
    child = next(
        child for clock in range(1, 200) if (child := genome.mutate(stream(1, 100 + clock), clock=clock)).operators == ("widen",)
    )
    individual = Individual(1, child, (-1.0, -1.0), operators=child.operators)
    heir = sharing(FullTraining(epochs=2, distil=3)).measure(
        Trial(1, (individual,), artifacts=parent.artifacts, options=options), task, context
    )
    assert heir.info[0]["inherited"]["error"] == pytest.approx(parent.values[0, 0], abs=2e-3)
    assert heir.info[0]["epochs"] == 2


@pytest.mark.parametrize("operators", [("remove_layer",), ("crossover", "add_skip")])
def test_a_network_that_is_trained_once_more_goes_on_from_its_own_weights_as_they_are(task, genome, operators):
    context, options = Context(seed=1), {"inheritance": "lamarckian"}
    individual = Individual(5, genome, (-1.0, -1.0), operators=operators)  # however it was born
    first = sharing(FullTraining(epochs=4)).measure(Trial(5, (individual,)), task, context)
    again = Trial(6, (individual,), artifacts=first.artifacts, options=options, fidelity=Fidelity(epochs=0), repeat=1)
    found = sharing(FullTraining(distil=3, refit=True)).measure(again, task, context)
    assert found.values[0].tolist() == first.values[0].tolist() and found.info[0]["epochs"] == 0
    assert arrays(found) == arrays(first)


def test_refitting_repairs_most_of_what_an_inexact_operator_breaks(task, genome, parent):
    context, options = Context(seed=1), {"inheritance": "lamarckian"}
    child = next(
        child
        for clock in range(1, 200)
        if (child := genome.mutate(stream(1, 100 + clock), clock=clock)).operators[0] == "remove_layer"
    )
    losses = []
    for refit in (False, True):
        individual = Individual(1, child, (-1.0, -1.0), operators=child.operators)
        untrained = Trial(1, (individual,), artifacts=parent.artifacts, options=options, fidelity=Fidelity(epochs=0))
        losses.append(sharing(FullTraining(refit=refit)).measure(untrained, task, context).info[0]["scores"]["loss"])
    assert losses[1] < 0.7 * losses[0]


def test_low_fidelity_trains_on_less(task, genome):
    estimation = sharing(LowFidelity(epochs=2, data=0.3, resolution=0.5))
    candidate = trial(genome)
    fidelity = estimation.plan(candidate.individuals[0])
    assert fidelity == estimation.full == Fidelity(epochs=2, data=0.3, resolution=0.5)
    result = estimation.measure(trial(genome, fidelity=fidelity), task, Context(seed=1))
    assert not result.reasons
    assert len(result.info[0]["curve"]["train_loss"]) == 2
    assert result.values[0, 1] == genome.parameters
    unnamed = estimation.measure(trial(genome), task, Context(seed=1))
    assert (unnamed.values == result.values).all() and unnamed.epochs == result.epochs


def test_full_training_counts_at_its_own_epochs():
    assert FullTraining(epochs=7).full == Fidelity(epochs=7)
    assert FullTraining().full == Fidelity()
    assert FullTraining(epochs=7).plan(None).reaches(FullTraining(epochs=7).full)


@pytest.mark.parametrize("estimation", [FullTraining(epochs=9), LowFidelity(epochs=9, data=0.9, resolution=0.25)])
def test_a_fidelity_that_a_strategy_names_holds_as_a_whole(task, genome, estimation):
    named = Fidelity(epochs=1, data=0.3, resolution=0.5)
    result = sharing(estimation).measure(trial(genome, fidelity=named), task, Context(seed=1))
    expected = sharing(LowFidelity(epochs=1, data=0.3, resolution=0.5)).measure(trial(genome), task, Context(seed=1))
    assert not result.reasons and (result.values == expected.values).all() and result.epochs == expected.epochs
    full_size = estimation.measure(trial(genome, fidelity=Fidelity(epochs=1)), task, Context(seed=1))
    assert [artifact.kind for artifact in full_size.artifacts] == ["weights"] and full_size.epochs == 1


def test_a_network_trained_at_a_lower_resolution_leaves_no_weights_and_says_why(task, genome):
    estimation = sharing(LowFidelity(epochs=1, resolution=0.5))
    given = trial(genome, fidelity=estimation.full, leaves=("checkpoint",))
    result = estimation.measure(given, task, Context(seed=1))
    assert [artifact.kind for artifact in result.artifacts] == ["checkpoint"]
    (individual,) = given.individuals
    individual.take(Evaluation(0, 0, tuple(result.values[0]), fidelity=given.fidelity))
    with pytest.raises(
        ValueError, match=r"trained on samples at 0\.5 of the resolution, and the weights of that network are not"
    ):
        individual.model()
    more = trial(genome, 1, fidelity=Fidelity(epochs=2, resolution=0.5, previous=0), artifacts=result.artifacts)
    continued = estimation.measure(more, task, Context(seed=1))
    assert not continued.reasons and continued.info[0]["started_from"] == "checkpoint"


def test_at_a_lower_resolution_what_depends_on_the_hardware_is_that_of_the_full_size_network(genome):
    shapes = []

    def height(model):
        shapes.append(model.input_shape[1])
        return float(model.input_shape[1])

    measured, trained = ne.Objective("height", kind="measured", of=height), ne.Objective("seen", kind="trained", of=height)
    task = Classification("digits", ["error", measured, trained, "latency"], seed=1)
    result = sharing(LowFidelity(epochs=1, data=0.3, resolution=0.5)).measure(trial(genome), task, Context(seed=1))
    assert not result.reasons
    assert result.values[0, 1:3].tolist() == [8.0, 4.0]
    assert result.values[0, 3] > 0 and result.info[0]["scores"]["latency_spread"] >= 0


def test_a_failed_candidate_is_recorded_and_the_next_one_is_untouched(task, genome):
    context = Context(seed=1)
    wild = sharing(FullTraining(epochs=3, recipe=Recipe(learning_rate=1e30)))
    result = wild.measure(trial(genome), task, context)
    assert np.isnan(result.values).all()
    assert "loss became" in result.reasons[0] or "not finite" in result.reasons[0]
    assert result.artifacts == ()


def test_training_needs_data(genome):
    with pytest.raises(TypeError, match="use Classification or Regression"):
        FullTraining().measure(trial(genome), Function(lambda network: 0.0), Context())


def test_regression_is_trained_too():
    task = Regression("diabetes", ("mae", "parameters"), seed=1)
    genome = task.default_space(starter_parameters=(300, 400)).random(stream(1, 0))
    result = sharing(FullTraining(epochs=20)).measure(trial(genome), task, Context(seed=1))
    assert not result.reasons
    mean = np.abs(task.dataset.validation.y - task.dataset.train.y.mean()).mean()
    assert result.values[0, 0] < 0.9 * mean


def test_one_dimensional_data_is_trained_too():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = rng.normal(size=(300, 16, 1)) * 0.3 + np.sin(np.arange(16) * (1 + y[:, None]))[..., None]
    task = Classification((x, y), seed=1)
    genome = task.default_space(starter_parameters=(400, 500)).random(stream(1, 0))
    result = sharing(FullTraining(epochs=15)).measure(trial(genome), task, Context(seed=1))
    assert result.values[0, 0] < 0.2


def test_an_estimation_comes_back_from_its_settings_and_from_a_pickle():
    for estimation in (FullTraining(epochs=3, refit=True), LowFidelity(epochs=2, data=0.5, resolution=0.5)):
        settings = json.loads(json.dumps(estimation.settings()))
        assert type(estimation).from_settings(settings).settings() == estimation.settings()
        assert pickle.loads(pickle.dumps(estimation)).settings() == estimation.settings()
    with pytest.raises(ValueError, match="epoks"):
        FullTraining.from_settings({"epoks": 3})


def test_a_run_of_an_earlier_release_goes_on_with_the_recipes_that_it_had():
    recorded = json.loads(json.dumps(FullTraining(4, FROM_SCRATCH, INHERITED).settings()))
    recorded["inherited"]["warmup"] = 1  # what was usual then
    old = FullTraining.from_settings(recorded)
    own, images, boxes = Recipe(optimizer="adam", learning_rate=1e-2), SimpleNamespace(kind="classification"), SimpleNamespace(kind="detection")
    assert suited(old.inherited, INHERITED, own, images) == old.inherited and old.inherited.warmup == 1
    assert suited(old.inherited, INHERITED, own, boxes) == replace(own, epochs=4) == suited(replace(INHERITED, epochs=4), INHERITED, own, boxes)
    assert suited(replace(INHERITED, warmup=2), INHERITED, own, boxes) == replace(INHERITED, warmup=2)
