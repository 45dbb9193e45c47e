"""Proxies as objectives: beside training, and alone."""

from __future__ import annotations

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective
from neuroevo.core.streams import stream
from neuroevo.core.trial import Trial
from neuroevo.deploy.baseline import baseline_of
from neuroevo.estimation import FullTraining, LowFidelity, ZeroCost
from neuroevo.report.finish import finish
from neuroevo.tasks import Classification, Context, Regression
from neuroevo.tasks.base import weights
from neuroevo.train.zero_cost import naswot, synflow


def trial_of(task, genome=None, **more):
    genome = genome or task.default_space().random(stream(1, 0))
    return Trial(0, (Individual(3, genome, weights(task.objectives), names=tuple(task.objectives)),), **more)


def test_a_task_on_data_takes_no_training_where_proxies_stand_alone():
    assert isinstance(Classification("digits", "naswot,parameters").estimation(), ZeroCost)
    assert isinstance(Classification("digits", "synflow,latency").estimation(), ZeroCost)
    assert isinstance(Classification("digits", "error,naswot").estimation(), FullTraining)
    assert isinstance(Classification("digits", "parameters,flops").estimation(), FullTraining)
    assert isinstance(Regression("diabetes", "zen").estimation(), ZeroCost)


def test_values_are_those_of_the_proxies_on_the_runs_batch():
    task, context = Classification("digits", "naswot,synflow,parameters", seed=1), Context(seed=4)
    trial = trial_of(task)
    found = ZeroCost(samples=32).measure(trial, task, context)
    network = task.untrained(trial.individuals[0].genome, context, 3, samples=32)
    assert len(network.x) == 32
    assert found.values.tolist() == [[naswot(network), synflow(network), float(trial.individuals[0].genome.parameters)]]
    assert found.epochs == 0 and found.artifacts == () and ZeroCost().cost(trial, task) == 0


def test_training_gives_the_same_number_beside_the_error():
    task, context = Classification("digits", "error,synflow", seed=1), Context(seed=4)
    trial = trial_of(task)
    expected = synflow(task.untrained(trial.individuals[0].genome, context, 3))
    trained = FullTraining(epochs=1).measure(trial, task, context)
    assert trained.values[0, 1] == expected and 0 <= trained.values[0, 0] < 1
    assert trained.info[0]["seconds"]["proxies"] > 0
    plain = FullTraining(epochs=1).measure(
        trial_of(Classification("digits", "error", seed=1)), Classification("digits", "error", seed=1), context
    )
    assert plain.values[0, 0] == trained.values[0, 0], "a proxy changed the training"
    smaller = LowFidelity(epochs=1, resolution=0.5).measure(trial, task, context)
    assert smaller.values[0, 1] == expected, "of the full-size network"


def test_what_needs_training_or_has_no_layers_is_refused():
    task = Classification("digits", "error,naswot")
    with pytest.raises(ValueError, match="error needs a trained network"):
        ZeroCost().measure(trial_of(task), task, Context())
    with pytest.raises(ValueError, match="samples must be a whole number >= 2"):
        ZeroCost(samples=1)
    with pytest.raises(TypeError, match="takes a batch of data"):
        ZeroCost().measure(trial_of(task), ne.tasks.Function(len), Context())
    neat = NeatSpace(inputs=4, outputs=3).random(stream(1, 0))
    iris = Classification("iris", "naswot")
    assert "holds its own weights" in ZeroCost().measure(trial_of(iris, neat), iris, Context()).reasons[0]


def test_a_proxy_that_says_nothing_is_a_recorded_failure():
    task = Classification("iris", ["naswot"])
    tiny = task.default_space(starter_parameters=(20, 40)).random(stream(1, 0))
    found = ZeroCost().measure(trial_of(task, tiny), task, Context())
    assert "fewer ReLUs than the batch has samples" in found.reasons[0] and np.isnan(found.values).all()


def test_a_proxy_of_ones_own_is_an_objective():
    def layers(network):
        return float(len(network.model.layers))

    task = Classification("digits", [Objective("layers", "maximise", "untrained", of=layers), "parameters"])
    run = ne.evolve(
        task.default_space(), task, strategy=ne.strategies.RandomSearch(batch=3), budget=ne.Budget(evaluations=3), progress=False
    )
    assert run.failures == 0 and run.best.values["layers"] == max(one.values["layers"] for one in run)


def test_a_search_without_training_ends_with_a_front_without_weights(tmp_path):
    task = Classification("digits", "naswot,parameters", seed=1)
    run = ne.evolve(
        task.default_space(),
        task,
        strategy=ne.strategies.Nsga2(population=4),
        budget=ne.Budget(evaluations=8),
        run=tmp_path,
        progress=False,
    )
    assert run.failures == 0 and run.epochs == 0 and run.settings["estimation"] == {"estimation": "ZeroCost", "samples": 64}
    told: list[str] = []
    finish(run, say=told.append)
    assert any("nothing to test" in text for text in told) and (tmp_path / "figures" / "front.png").exists()
    finish(run, say=lambda text: pytest.fail(f"done again: {text}"))
    finish(run, baseline=True)
    baseline = baseline_of(run)
    assert baseline is not None and set(baseline.validation) == {"naswot", "parameters"} and baseline.test == {}
    with pytest.raises(ValueError, match="has no weights"):
        run.best.model()
