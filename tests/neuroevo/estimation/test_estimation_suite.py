"""The conformance suite on every built-in estimation, at sizes that take a moment."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.streams import stream
from neuroevo.core.trial import Trial
from neuroevo.estimation import (
    Direct,
    Episodes,
    FoldedTraining,
    FullTraining,
    GradientTraining,
    LearningCurve,
    LowFidelity,
    MedianStopping,
    ZeroCost,
)
from neuroevo.tasks import Classification, Function
from neuroevo.testing import EstimationSuite

SPACE = NeatSpace(inputs=2, outputs=1)
INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def outputs_of(network):
    return network(INPUTS)[:, 0]


def noisy_sum(network, rng):
    return float(outputs_of(network).sum() + rng.normal())


def genes_sum(genome):
    return float(genome.connections.weight.sum())


@ne.population_fitness
def sums(population):
    return population(INPUTS)[:, :, 0].sum(axis=1)


def all_outputs(population):
    return population(INPUTS)[:, :, 0]


class Picky(Function):
    """Fails for one genome, whose key is known."""

    refused = ""

    def score(self, phenotype, context, rng=None):
        if phenotype.key() == self.refused:
            raise ArithmeticError("this genome fails")
        return super().score(phenotype, context, rng)


# Starting TensorFlow in another process takes longer than a test should; one of the estimations that train does it in the fast suite.
in_another_process_slowly = pytest.mark.slow(EstimationSuite.test_another_process_with_another_hash_seed_gives_the_same_result)


def sharing(cache: str, estimation, of: dict):
    """The estimation with what one like it compiled before in this process; a copy that is sent to a worker compiles for itself."""
    setattr(estimation, cache, of.setdefault(cache, getattr(estimation, cache)))
    return estimation


class Compiling(EstimationSuite):
    """Workers of the lessons have what was compiled before; one that has not is in `test_it_travels_to_a_worker_small...`."""

    cache = "_networks"
    compiled: ClassVar[dict] = {}

    def sent(self, estimation):
        of = getattr(estimation, "base", estimation)
        copy = super().sent(estimation)
        sharing(self.cache, getattr(copy, "base", copy), {self.cache: getattr(of, self.cache)})
        return copy


class OfNeat(EstimationSuite):
    def space(self):
        return SPACE


class TestDirect(OfNeat):
    def estimation(self):
        return Direct()

    def task(self):
        return Function(noisy_sum, descriptors=outputs_of)


class TestDirectOnAPopulation(OfNeat):
    def estimation(self):
        return Direct()

    def task(self):
        return Function(sums, descriptors=all_outputs)

    def failing(self):
        trial = self.trial()

        @ne.population_fitness
        def last_fails(population):
            return np.where(np.arange(len(trial.individuals)) == len(trial.individuals) - 1, np.nan, sums(population))

        return trial, Function(last_fails, descriptors=all_outputs)


class TestGradientTraining(Compiling):
    cache = "_compiled"
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return sharing("_compiled", GradientTraining(steps=5, batch_size=20), self.compiled)

    def space(self):
        return NeatSpace(inputs=4, outputs=3, output_activation="identity")

    def task(self):
        return Classification("iris", "error", seed=1)

    def trial(self, id=0, **more):
        return super().trial(id, **{"options": {"inheritance": "baldwinian"}, **more})

    def failing(self):
        trial, task = self.trial(), Picky(genes_sum, of="genome")
        task.refused = trial.individuals[-1].genome.key()
        return replace(trial, options={}), task


class OfLayers(Compiling):
    """All individuals have the same genome, so that a network is compiled once; what they draw differs."""

    def task(self):
        return Classification("iris", "error,parameters", seed=1)

    def space(self):
        return self.task().default_space(starter_parameters=(30, 60))

    def trial(self, id=0, **more):
        trial = super().trial(id, **more)
        for individual in trial.individuals:
            individual.genome = self.space().random(stream(7, 0))
        return trial


class TestFullTraining(OfLayers):
    def estimation(self):
        return sharing("_networks", FullTraining(epochs=2), self.compiled)


class TestFoldedTraining(OfLayers):
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return sharing("_networks", FoldedTraining(2, epochs=2), self.compiled)


class TestLowFidelity(OfLayers):
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return sharing("_networks", LowFidelity(epochs=2, data=0.5), self.compiled)


class Sizes(Classification):
    """Digits, and how large the network's weights are."""

    def descriptors(self, phenotype, context):
        return [float(np.abs(array).mean()) for array in phenotype.weights()[:2]]


def inputs_of(model):
    return float(np.prod(model.input_shape[1:]))


class TestLowResolution(OfLayers):
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def task(self):
        return Sizes("digits", ["error", "parameters", ne.Objective("inputs", kind="measured", of=inputs_of)], seed=1)

    def space(self):
        return self.task().default_space(starter_parameters=(200, 300))

    def estimation(self):
        return sharing("_networks", LowFidelity(epochs=1, data=0.2, resolution=0.5), self.compiled)


class TestMedianStopping(OfLayers):
    rounds = 4
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return MedianStopping(sharing("_networks", FullTraining(epochs=4, curve=4), self.compiled), least=2)

    def test_the_suite_gives_it_something_to_stop(self):
        estimation, stopped = self.estimation(), []
        for turn in range(12):
            result = self._lesson(estimation, turn, self.task())
            estimation.observe([result])
            stopped += result.measurement.stopped
        assert stopped


class TestZeroCost(EstimationSuite):
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return ZeroCost(samples=8)

    def task(self):
        return Classification("iris", "synflow,parameters", seed=1)

    def space(self):
        return self.task().default_space(starter_parameters=(30, 60))


class TestLearningCurve(OfLayers):
    rounds = 4
    test_another_process_with_another_hash_seed_gives_the_same_result = in_another_process_slowly

    def estimation(self):
        return LearningCurve(
            sharing("_networks", FullTraining(epochs=6, curve=6), self.compiled), least=2, probability=0.5, looks=1
        )

    def test_the_suite_gives_it_something_to_stop(self):
        estimation, stopped = self.estimation(), []
        estimation.start(self.task(), estimation.full)
        for turn in range(12):
            result = self._lesson(estimation, turn, self.task())
            estimation.observe([result])
            stopped += result.measurement.stopped
        assert stopped


gymnasium = pytest.importorskip("gymnasium")


class Slope(gymnasium.Env):
    """Stay near the middle of a slope; the start is random."""

    observation_space = gymnasium.spaces.Box(-9.0, 9.0, (2,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = float(self.np_random.uniform(-1, 1))
        return np.array([self.place, 1.0]), {}

    def step(self, action):
        self.place += 0.3 if action == 1 else -0.2
        return np.array([self.place, 1.0]), 1.0 - abs(self.place), abs(self.place) > 3, False, {}


def ends(episodes):
    return np.mean([episode.observations[-1] for episode in episodes], axis=0)


class TestEpisodes(EstimationSuite):
    def estimation(self):
        return Episodes()

    def task(self):
        return ne.tasks.Environment(Slope, episodes=2, steps=20, normalise="none", descriptors=ends)

    def space(self):
        return NeatSpace(inputs=2, outputs=2)


class TestEpisodesOfAPopulation(TestEpisodes):
    def task(self):
        return ne.tasks.Environment("CartPole-v1", episodes=2, steps=30, normalise="none", descriptors=ends)

    def space(self):
        return NeatSpace(inputs=4, outputs=2)

    def test_what_one_individual_does_wrong_is_a_reason_and_not_an_exception(self):
        """All play in one environment: nothing can go wrong for one alone."""


def test_the_suite_refuses_an_estimation_that_draws_from_global_random_numbers():
    class Careless(Direct):
        def measure(self, trial: Trial, task, context):
            np.random.random()  # noqa: NPY002
            return super().measure(trial, task, context)

    class Suite(TestDirect):
        def estimation(self):
            return Careless()

    with pytest.raises(AssertionError, match="NumPy's global random"):
        Suite().test_global_random_numbers_are_left_alone()


def test_the_suite_refuses_an_estimation_whose_result_depends_on_its_history():
    class Worn(Direct):
        uses = 0

        def measure(self, trial, task, context):
            self.uses += 1
            found = super().measure(trial, task, context)
            return replace(found, values=found.values + self.uses)

    class Suite(TestDirect):
        def estimation(self):
            return Worn()

    with pytest.raises(AssertionError):
        Suite().test_the_same_trial_gives_the_same_result_whatever_was_measured_before()
