"""Stop rules: what ends a training early is data, made in the driver and obeyed in the worker."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import FULL, Fidelity, Measurement, Result, Trial
from neuroevo.estimation import Direct, FullTraining, LowFidelity, MedianStopping, StopRule
from neuroevo.estimation.stopping import Either, Median, Medians, Progress, Threshold, rule_from_json
from neuroevo.tasks import Classification, Context
from neuroevo.train.recipe import Recipe

pytestmark = pytest.mark.usefixtures("compiled_once")


@pytest.fixture(scope="module")
def task():
    return Classification("iris", "error,parameters", seed=1)


@pytest.fixture(scope="module")
def genome(task):
    return task.default_space(starter_parameters=(60, 90)).random(stream(1, 5))


def trial(genome, id=0, **more):
    return Trial(id, (Individual(id, genome, (-1.0, -1.0), names=("error", "parameters")),), **more)


def progress(epoch, *scores, epochs=10, schedule=10):
    return Progress(epoch, epochs, schedule, range(1, len(scores) + 1), scores, [0.0] * epoch)


@dataclass(frozen=True)
class Impatient(StopRule):
    """One of the user's own, which workers import by the name of this module."""

    epoch: int

    def verdict(self, progress):
        return "this takes too long" if progress.epoch >= self.epoch else ""


def test_a_stopped_training_has_the_scores_weights_and_curve_of_that_moment(task, genome):
    estimation = FullTraining(epochs=8, curve=4)
    hopeless = Threshold(epoch=3, score=0.0).to_json()
    result = estimation.measure(trial(genome, stop=hopeless), task, Context(seed=1))
    assert not result.reasons
    assert result.stopped[0].startswith("the best score after 4 epochs, ")
    assert result.info[0]["curve"]["epochs"] == [2, 4]
    assert result.epochs == 4
    shorter = estimation.measure(trial(genome, fidelity=Fidelity(epochs=4, schedule=8)), task, Context(seed=1))
    assert (result.values == shorter.values).all() and np.isfinite(result.values).all()
    weights, expected = result.artifacts[0].load(), shorter.artifacts[0].load()
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)


def test_a_training_that_no_rule_stops_is_as_without_one(task, genome):
    estimation = FullTraining(epochs=4)
    free = estimation.measure(trial(genome), task, Context(seed=1))
    ruled = estimation.measure(trial(genome, stop=Threshold(1, 1.0).to_json()), task, Context(seed=1))
    assert ruled.stopped == {} and (ruled.values == free.values).all() and ruled.epochs == free.epochs


def test_a_rule_is_not_asked_after_the_last_epoch(task, genome):
    rule = Threshold(epoch=4, score=-1.0).to_json()
    assert FullTraining(epochs=4).measure(trial(genome, stop=rule), task, Context(seed=1)).stopped == {}


def test_a_stopped_training_can_be_continued(task, genome):
    estimation = FullTraining(epochs=6, curve=6)
    rule = Threshold(epoch=2, score=-1.0).to_json()
    first = estimation.measure(trial(genome, leaves=("checkpoint",), stop=rule), task, Context(seed=1))
    assert first.stopped and first.epochs == 2
    more = trial(genome, fidelity=Fidelity(epochs=6, previous=0), artifacts=first.artifacts)
    whole = estimation.measure(trial(genome), task, Context(seed=1))
    second = estimation.measure(more, task, Context(seed=1))
    assert second.epochs == 4 and (second.values == whole.values).all()


def test_the_median_rule_compares_the_best_score_with_the_median_of_running_averages():
    rule = Median((Medians(10, (2, 4), (0.5, 0.3), 7),), begin=1)
    assert rule.verdict(progress(1, 0.9)) == ""  # nothing is known of epoch 1
    assert rule.verdict(progress(2, 0.9, 0.5)) == ""  # equal is not worse
    assert rule.verdict(progress(3, 0.9, 0.6, 0.7)) == (
        "the best score after 3 epochs, 0.6, is worse than 0.5, the median of 7 completed trainings up to there"
    )
    assert rule.verdict(progress(4, 0.9, 0.31)) != ""
    assert rule.verdict(progress(4, 0.9, 0.31, schedule=20)) == ""  # another schedule: not comparable
    assert Median(rule.medians, begin=5).verdict(progress(4, 0.9)) == ""


def test_rules_are_json_and_come_back():
    median = Median((Medians(10, (2, 4), (0.5, 0.3), 7),), begin=2)
    for rule in (Threshold(3, 0.25), median, Either((Threshold(3, 0.25), median)), Impatient(3)):
        assert rule_from_json(json.loads(json.dumps(rule.to_json()))) == rule
    assert Threshold(3, 0.25).to_json() == {"rule": "threshold", "epoch": 3, "score": 0.25}
    assert Impatient(3).to_json()["rule"].endswith(":Impatient")
    assert Either((Threshold(9, 0.1), Impatient(1))).verdict(progress(1, 0.5)) == "this takes too long"


def test_a_rule_of_ones_own_stops_a_training(task, genome):
    result = FullTraining(epochs=5, curve=5).measure(trial(genome, stop=Impatient(2).to_json()), task, Context(seed=1))
    assert result.stopped == {0: "this takes too long"} and result.epochs == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"rule": "medium"}, "unknown stop rule 'medium'.*did you mean 'median'.*'module:Class'"),
        ({"rule": "nowhere.at_all:Rule"}, "cannot be imported here"),
        ({"rule": "json:dumps"}, "is no stop rule: derive it"),
        ({"rule": "threshold", "epoch": 0, "score": 0.1}, "epoch must be a whole number >= 1, got 0"),
        ({"rule": "threshold", "epoch": 1, "score": float("nan")}, "score must be a finite number"),
        ({"rule": "threshold", "epoks": 1}, "cannot be made from"),
        ({"rule": "median", "medians": [{"schedule": 5, "epochs": [2, 1], "medians": [0.1, 0.2], "trials": 3}]}, "ascend"),
        ({"epoch": 1}, "name of the 'rule'"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_a_sentence_and_fails_the_training(data, said, task, genome):
    with pytest.raises(ValueError, match=said):
        rule_from_json(data)
    result = FullTraining(epochs=1).measure(trial(genome, stop=data), task, Context(seed=1))
    assert 0 in result.reasons and result.epochs == 0


def curve_result(id, *scores, fidelity=FULL, schedule=4, **more):
    """What a trial of one individual with this learning curve brings back."""
    info = {"curve": {"train_loss": [0.0] * len(scores), "epochs": list(range(1, len(scores) + 1)), "error": list(scores)}}
    measurement = Measurement(np.array([[scores[-1]]]), info=({**info, "schedule": schedule},), **more)
    return Result(Trial(id, (Individual(id, None, (-1.0,)),), fidelity=fidelity), measurement)


def medians_of(estimation, fidelity=FULL):
    stop = estimation.stop(Individual(99, None, (-1.0,)), fidelity)
    return None if stop is None else {m["schedule"]: list(m["medians"]) for m in stop["medians"]}


def test_median_stopping_learns_the_medians_of_running_averages():
    estimation = MedianStopping(least=3)
    estimation.observe([curve_result(0, 0.8, 0.4), curve_result(1, 0.6, 0.2)])
    assert medians_of(estimation) is None  # two are not enough
    estimation.observe([curve_result(2, 0.4, 0.4)])
    assert medians_of(estimation) == {4: [pytest.approx(0.6), pytest.approx(0.4)]}  # averages .8 .6 .4, then .6 .4 .4


def test_median_stopping_learns_from_completed_trainings_of_the_same_kind_only():
    estimation = MedianStopping(least=1)
    estimation.observe(
        [
            curve_result(0, 0.1, reasons={0: "failed"}),
            curve_result(1, 0.1, stopped={0: "stopped"}),
            curve_result(2, 0.5),
            curve_result(3, 0.7, fidelity=Fidelity(data=0.5)),
            curve_result(4, 0.9, schedule=40),
        ]
    )
    assert medians_of(estimation) == {4: [0.5], 40: [0.9]}
    assert medians_of(estimation, Fidelity(data=0.5)) == {4: [0.7]}
    assert medians_of(estimation, Fidelity(resolution=0.5)) is None
    estimation.observe([curve_result(2, 0.5, 0.3)])  # continued: counted once
    assert medians_of(estimation)[4] == [0.5, pytest.approx(0.4)]


def test_what_median_stopping_sends_along_is_bounded():
    estimation, rng = MedianStopping(least=2, keep=300), np.random.default_rng(0)
    estimation.observe([curve_result(id, *rng.random(1000), schedule=1000 + id % 40) for id in range(600)])
    assert len(json.dumps(estimation.stop(Individual(9, None, (-1.0,)), Fidelity()))) < 10_000
    assert sum(array.nbytes for array in estimation.state().arrays.values()) < 1_000_000


def test_median_stopping_stops_what_falls_behind(task, genome):
    estimation, context = MedianStopping(FullTraining(epochs=4, curve=4), least=2), Context(seed=1)
    for id in range(2):
        given = trial(genome, id)
        estimation.observe([Result(given, estimation.measure(given, task, context))])
    slow = MedianStopping(FullTraining(epochs=4, curve=4, recipe=Recipe(learning_rate=1e-6)))
    given = trial(genome, 3, stop=estimation.stop(trial(genome).individuals[0], estimation.full))
    result = slow.measure(given, task, context)
    assert "median of 2 completed trainings" in result.stopped[0]
    assert result.epochs < 4
    estimation.observe([Result(given, result)])
    assert len(estimation.state().arrays["individuals"]) == 2  # who was stopped teaches nothing


def test_median_stopping_is_its_base_in_everything_else(task, genome):
    low = LowFidelity(epochs=3, data=0.5)
    estimation = MedianStopping(low, least=2, begin=2, keep=50)
    individual = trial(genome).individuals[0]
    assert estimation.full == estimation.plan(individual) == low.full
    assert estimation.cost(trial(genome), task) == low.cost(trial(genome), task) == 1.5
    again = MedianStopping.from_settings(json.loads(json.dumps(estimation.settings())))
    assert isinstance(again.base, LowFidelity) and again.settings() == estimation.settings()
    for wrong, said in (({"least": 0}, "least"), ({"keep": 3}, "keep must be >= least"), ({"begin": True}, "begin")):
        with pytest.raises(ValueError, match=said):
            MedianStopping(Direct(), **wrong)
    with pytest.raises(TypeError, match="wraps an estimation"):
        MedianStopping("FullTraining")
