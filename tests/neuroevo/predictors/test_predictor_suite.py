"""The suite for predictors: a sound one passes, and each kind of fault is found by the test that is about it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from genomes import NeatSpace
from genomes.base import Genome
from genomes.cell import CellSpace
from neuroevo.core.state import State
from neuroevo.predictors import Ensemble, GaussianProcess, Predictor
from neuroevo.predictors.base import text, texts
from neuroevo.testing import PredictorSuite


@dataclass
class Nearest(Predictor):
    """The value of the nearest observation; of several, their mean."""

    least: float = 0.1

    def learn(self, genomes, values):
        self.seen, self.scores = tuple(genomes), values.copy()

    def estimate(self, genomes):
        distances = np.array([[genome.distance(other) for other in self.seen] for genome in genomes])
        nearest = distances.min(axis=1, keepdims=True)
        tied = distances == nearest
        return (tied * self.scores).sum(axis=1) / tied.sum(axis=1), self.least + nearest[:, 0]


class Column(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean[:, None], deviation[:, None]


class SinglePrecision(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean.astype(np.float32), deviation.astype(np.float32)


class NotANumber(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean, np.where(deviation > self.least, deviation, np.nan)


class Negative(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean, deviation - deviation.mean()


class RelativeToItsCompany(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean - mean.mean(), deviation


class LastCountsMost(Nearest):
    def learn(self, genomes, values):
        super().learn(genomes, values + np.linspace(0, 0.1, len(values)))


class Wandering(Nearest):
    def learn(self, genomes, values):
        super().learn(genomes, values)
        self.rng = np.random.default_rng(0)

    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean + 1e-3 * self.rng.normal(), deviation


class Remembering(Nearest):
    def learn(self, genomes, values):
        if self.genomes:
            genomes, values = (*self.genomes, *genomes), np.concatenate([self._values, values])
        super().learn(genomes, values)


class Shared(Nearest):
    everything: dict[str, float] = {}  # noqa: RUF012

    def learn(self, genomes, values):
        super().learn(genomes, values)
        self.everything["mean"] = float(values.mean())

    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean + self.everything["mean"], deviation


class GloballyRandom(Nearest):
    def learn(self, genomes, values):
        super().learn(genomes, values + 1e-3 * random.random())


class Seeding(Nearest):
    def learn(self, genomes, values):
        np.random.seed(0)  # noqa: NPY002
        super().learn(genomes, values + 1e-3 * np.random.normal(size=len(values)))  # noqa: NPY002


class Hashing(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        return mean + np.array([hash(text(genome)) % 1000 for genome in genomes]) * 1e-9, deviation


class RoundedState(Nearest):
    def state(self):
        state = super().state()
        return State(state.json, {name: array.astype(np.float32) for name, array in state.arrays.items()})


class EmptyState(Nearest):
    def state(self):
        return State()

    def restore(self, state, genomes):
        self._genomes = tuple(genomes)


class RestoresAnything(Nearest):
    def restore(self, state, genomes):
        if "values" in state.arrays:
            self.fit(genomes, state.arrays["values"][: len(genomes)])
        else:
            self._genomes = ()


class ForgetfulSettings(Nearest):
    def settings(self):
        return {"predictor": "ForgetfulSettings"}


class SettingsThatAreNoJson(Nearest):
    def settings(self):
        return {**super().settings(), "least": np.float64}


class TakesAnything(Nearest):
    def fit(self, genomes, values):
        self._genomes, self._values = tuple(genomes), np.asarray(values, dtype=float)
        self.learn(self._genomes, self._values)


class ChangedByARefusal(Nearest):
    def fit(self, genomes, values):
        self.scores = np.zeros(len(getattr(self, "scores", ())))
        super().fit(genomes, values)


class SpeaksUnasked(Nearest):
    def predict(self, genomes):
        return super().predict(genomes) if self.genomes else (np.zeros(len(genomes)), np.ones(len(genomes)))


class StandardisesByHand(Nearest):
    def estimate(self, genomes):
        mean, deviation = super().estimate(genomes)
        spread = self.scores.std()
        with np.errstate(all="ignore"):
            return (mean - self.scores.mean()) / spread * spread + self.scores.mean(), deviation


class NeedsThree(Nearest):
    def learn(self, genomes, values):
        if len(genomes) < 3:
            raise ValueError("this model needs three observations")
        super().learn(genomes, values)


class MeanOfAll(Nearest):
    def estimate(self, genomes):
        _, deviation = super().estimate(genomes)
        return np.full(len(genomes), self.scores.mean()), deviation


class SortsTheCallersArrays(Nearest):
    def fit(self, genomes, values):
        super().fit(genomes, values)
        if isinstance(values, np.ndarray):
            values.sort()


class ReversesTheCallersList(Nearest):
    def fit(self, genomes, values):
        super().fit(genomes, values)
        if isinstance(genomes, list):
            genomes.reverse()


class LooksLater(Nearest):
    def fit(self, genomes, values):
        super().fit(genomes, values)
        self.scores = np.asarray(values, dtype=float)


class ChangesGenomes(Nearest):
    def learn(self, genomes, values):
        super().learn(genomes, values)
        for genome in genomes:
            object.__setattr__(genome, "decisions", genome.decisions[::-1])

    def estimate(self, genomes: Sequence[Genome]):
        return super().estimate(genomes)


class NearestSuite(PredictorSuite):
    observed = 12

    def __init__(self, cls: type[Predictor]) -> None:
        self.cls = cls

    def predictor(self) -> Predictor:
        return self.cls() if self.cls is not ForgetfulSettings else ForgetfulSettings(least=0.5)


class TestNearest(PredictorSuite):
    def predictor(self) -> Predictor:
        return Nearest(least=0.2)


@dataclass
class ByLength(Predictor):
    """The value of the observation whose genes are nearest in length: it compares genomes of any spaces."""

    several_spaces = True

    def learn(self, genomes, values):
        self.lengths, self.scores = self.length(genomes), values.copy()

    def estimate(self, genomes):
        apart = np.abs(self.length(genomes)[:, None] - self.lengths)
        nearest = apart == apart.min(axis=1, keepdims=True)
        return (nearest * self.scores).sum(axis=1) / nearest.sum(axis=1), apart.min(axis=1)

    @staticmethod
    def length(genomes):
        return np.array([float(len(text(genome))) for genome in genomes])


class TestByLength(PredictorSuite):
    def predictor(self) -> Predictor:
        return ByLength()

    def target(self, genomes):
        return np.sqrt(ByLength.length(genomes))


def test_genomes_of_several_spaces_go_together_where_a_predictor_says_so() -> None:
    small, large = CellSpace(vocabulary="nasnet", nodes=2), CellSpace(vocabulary="nasnet", nodes=4)
    genomes = [space.random(np.random.default_rng(seed)) for space in (small, large) for seed in range(4)]
    predictor = ByLength()
    predictor.fit(genomes, [1.0] * 4 + [2.0] * 4)
    assert predictor.predict(genomes)[0].tolist() == [1.0] * 4 + [2.0] * 4
    with pytest.raises(ValueError, match="Nearest compares genomes of one space"):
        Nearest().fit(genomes, [1.0] * 8)


@pytest.mark.parametrize("make", [GaussianProcess, lambda: GaussianProcess("edit"), Ensemble], ids=["wl", "edit", "ensemble"])
def test_cells_of_several_spaces_are_learned_from_together(make) -> None:
    spaces = [CellSpace(vocabulary="nasnet", nodes=nodes, stages=2) for nodes in (1, 2, 3)]
    genomes = [space.random(np.random.default_rng(seed)) for space in spaces for seed in range(6)]
    values = [float(genome.space.nodes) for genome in genomes]
    predictor = make()
    predictor.fit(genomes[:6], values[:6])
    predictor.fit(genomes, values)
    new = [space.random(np.random.default_rng(seed)) for space in spaces for seed in range(50, 60)]
    mean = predictor.predict(new)[0]
    assert mean[:10].mean() < mean[10:20].mean() < mean[20:].mean()
    again = make()
    again.restore(predictor.state(), genomes)
    assert again.predict(new)[0].tolist() == mean.tolist()
    fresh = make()
    fresh.fit(genomes, values)
    assert fresh.predict(new)[0].tolist() == mean.tolist(), "what was fitted before is still known"
    with pytest.raises(ValueError, match="compares genomes of one encoding"):
        predictor.predict([NeatSpace(2, 1).random(np.random.default_rng(0))])


def test_equal_genes_in_two_spaces_are_two_genomes() -> None:
    narrow, wide = CellSpace(channels=8), CellSpace(channels=16)
    genomes = [space.build([1, 2, 3, 4, 1, 2]) for space in (narrow, wide)]
    assert len(set(texts(genomes))) == 2 and len(set(texts([genomes[0], narrow.build([1, 2, 3, 4, 1, 2])]))) == 1
    predictor = GaussianProcess("otmann")
    predictor.fit(genomes, [1.0, 2.0])
    low, high = predictor.predict(genomes)[0]
    assert low < high


FAULTS = {
    Column: "test_each_genome_gets_a_mean_and_a_deviation",
    SinglePrecision: "test_each_genome_gets_a_mean_and_a_deviation",
    NotANumber: "test_each_genome_gets_a_mean_and_a_deviation",
    Negative: "test_each_genome_gets_a_mean_and_a_deviation",
    RelativeToItsCompany: "test_a_prediction_does_not_depend_on_its_company",
    LastCountsMost: "test_the_order_of_the_observations_does_not_matter",
    Wandering: "test_predicting_changes_nothing",
    Remembering: "test_an_earlier_fit_is_forgotten",
    Shared: "test_an_earlier_fit_is_forgotten",
    GloballyRandom: "test_global_random_states_neither_matter_nor_change",
    Seeding: "test_global_random_states_neither_matter_nor_change",
    Hashing: "test_another_process_with_another_hash_seed_predicts_the_same",
    RoundedState: "test_a_state_goes_through_files_and_predicts_to_the_last_bit",
    EmptyState: "test_a_state_goes_through_files_and_predicts_to_the_last_bit",
    RestoresAnything: "test_a_state_goes_through_files_and_predicts_to_the_last_bit",
    ForgetfulSettings: "test_settings_are_json_and_make_it_again",
    SettingsThatAreNoJson: "test_settings_are_json_and_make_it_again",
    TakesAnything: "test_bad_observations_are_refused_and_change_nothing",
    ChangedByARefusal: "test_bad_observations_are_refused_and_change_nothing",
    SpeaksUnasked: "test_a_prediction_before_any_fit_is_refused",
    StandardisesByHand: "test_few_repeated_and_equal_observations_are_survived",
    NeedsThree: "test_few_repeated_and_equal_observations_are_survived",
    MeanOfAll: "test_observed_genomes_are_predicted_better_than_by_the_mean_of_all",
    SortsTheCallersArrays: "test_genomes_and_values_are_left_as_they_are_and_may_change_later",
    ReversesTheCallersList: "test_genomes_and_values_are_left_as_they_are_and_may_change_later",
    LooksLater: "test_genomes_and_values_are_left_as_they_are_and_may_change_later",
    ChangesGenomes: "test_genomes_and_values_are_left_as_they_are_and_may_change_later",
}


@pytest.mark.parametrize("cls", FAULTS, ids=lambda cls: cls.__name__)
def test_a_fault_is_found_by_the_test_that_is_about_it(cls: type[Predictor]) -> None:
    test = FAULTS[cls]
    if cls is ChangesGenomes:  # its damage is undone below, for the other tests
        seen = [genome for each in NearestSuite(cls).observations() for genome in each.everybody]
        before = [genome.decisions for genome in seen]
    try:
        with pytest.raises((AssertionError, TypeError, AttributeError, ValueError)):
            getattr(NearestSuite(cls), test)()
    finally:
        if cls is ChangesGenomes:
            for genome, decisions in zip(seen, before, strict=True):
                object.__setattr__(genome, "decisions", decisions)


def test_every_test_of_the_suite_finds_some_fault() -> None:
    tests = {name for name in dir(PredictorSuite) if name.startswith("test_")}
    assert tests == set(FAULTS.values())


def test_the_default_space_is_cells() -> None:
    assert NearestSuite(Nearest).spaces() == (CellSpace(),)
