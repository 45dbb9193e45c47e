"""LearningCurve: what a training must beat, what is learned, and that runs with it are the same however they are run."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import FULL, Fidelity, Measurement, Result, Trial
from neuroevo.estimation import Direct, FullTraining, LearningCurve, MedianStopping
from neuroevo.estimation.stopping import Progress, Threshold, rule_from_json
from neuroevo.estimation.to_beat import ToBeat
from neuroevo.estimation.unlikely import Unlikely
from neuroevo.evaluators import Slots
from neuroevo.plots.curves_figure import Expected, curves, curves_data
from neuroevo.report.html import report_data
from neuroevo.run.search import estimation_by_names
from neuroevo.run.settings import estimation_from_settings
from neuroevo.store import Store
from neuroevo.strategies import Nsga2, RegularizedEvolution
from neuroevo.tasks import Classification, Context, Function, Task
from neuroevo.testing.evaluator import NumberSpace

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_trials import StopAfter

END = 12


def cost_of(genome: Genome) -> float:
    return abs(genome.value)


class Falls(Task):
    """Numbers whose error falls in twelve epochs to what suits them; the larger they are, the lower."""

    def __init__(self, size=True):
        self.objectives = {"error": Objective("error")}
        if size:
            self.objectives["size"] = Objective("size", kind="cheap", of=cost_of)

    def phenotype(self, genome):
        return genome

    def score(self, phenotype, context):
        return {"error": curve_of(phenotype)[-1]}


def curve_of(genome):
    final = 0.02 + 0.5 * abs(np.sin(5 * genome.value)) / (1 + abs(genome.value))
    t = np.arange(1, END + 1)
    wobble = 1 + 0.05 * np.sin(99 * genome.value + 7 * t)
    return ((final + (0.9 - final) * t**-1.5) * wobble).tolist()


class Trains(Direct):
    """Goes through these curves epoch by epoch, as a training would."""

    def measure(self, trial, task, context):
        measured = super().measure(trial, task, context)
        stopped, info, values, took = {}, [], measured.values.copy(), 0
        rule = None if trial.stop is None else rule_from_json(trial.stop)
        for row, individual in enumerate(trial.individuals):
            scores, epochs, expected = curve_of(individual.genome), END, {}
            for epoch in range(1, END if rule else 1):
                seen = Progress(epoch, END, END, range(1, epoch + 1), scores[:epoch], [0.0] * epoch)
                if why := rule.verdict(seen):
                    said = rule.extrapolation(seen)
                    stopped[row], epochs, expected = why, epoch, {"extrapolation": said} if said else {}
                    break
            values[row, 0], took = scores[epochs - 1], took + epochs
            curve = {"train_loss": scores[:epochs], "epochs": list(range(1, epochs + 1)), "error": scores[:epochs]}
            info.append({"curve": curve, "schedule": END, **expected})
        return replace(measured, values=values, stopped=stopped, info=tuple(info), epochs=float(took))


def search(rule="power_law", evaluations=60, strategy=None, **options):
    return ne.evolve(
        NumberSpace(), options.pop("task", None) or Falls(), strategy=strategy or Nsga2(population=10),
        estimation=options.pop("estimation", None) or LearningCurve(Trains(), rule), budget=ne.Budget(evaluations=evaluations), seed=3,
        progress=False, **options,
    )  # fmt: skip


def outcome(run):
    everyone = [[one.id, one.status, one.reason, list(one.fitness.values), one.info.get("extrapolation")] for one in run]
    return [run.epochs, run.stopped, [one.id for one in run.front], everyone]


# Runs ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["power_law", "domhan", "median"])
def test_a_search_stops_trainings_records_why_and_takes_fewer_epochs(rule, tmp_path):
    run = search(rule, run=tmp_path / "run")
    stopped = [one for one in run if one.status == "stopped"]
    assert run.stopped == len(stopped) > 5 and run.epochs < 0.9 * 60 * END
    assert not set(one.id for one in stopped) & set(one.id for one in run.front)
    for one in stopped:
        expected = one.info.get("extrapolation")
        assert one.reason and (expected is None if rule == "median" else expected["probability"] < 0.05)
        if expected:
            assert expected["epoch"] == END and expected["low"] <= expected["mean"] <= expected["high"]
            assert len(one.info["curve"]["epochs"]) < END


def test_what_is_stopped_would_not_have_entered_the_front():
    """Of each that is stopped, the true outcome: hardly any would have been better than all known then at its size."""
    run = search("power_law", evaluations=90)
    entered = 0
    for one in run:
        if one.status == "stopped":
            before = [other for other in run if other.id < one.id - 10 and other.status == "done"]
            final = curve_of(one.genome)[-1]
            entered += not any(other.values["error"] <= final and other.values["size"] <= one.values["size"] for other in before)
    assert run.stopped > 20 and entered <= 0.1 * run.stopped


def test_any_number_of_workers_gives_the_same_run(tmp_path):
    expected = outcome(search(run=tmp_path / "1"))
    assert expected[1] > 5
    assert outcome(search(run=tmp_path / "3", evaluator=Slots(3))) == expected


@pytest.mark.parametrize("rule", ["power_law", "median"])
@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_a_run_that_was_cut_inside_a_batch_ends_as_the_whole(rule, schedule, tmp_path):
    def run(name, **options):
        return search(rule, 40, RegularizedEvolution(population=10, sample=3), run=tmp_path / name, schedule=schedule, **options)

    expected = outcome(run("whole"))
    assert expected[1] > 3
    for results in (4, 13, 9):
        run("parts", callbacks=[StopAfter(results)])
    assert outcome(run("parts")) == expected


def test_a_replay_of_a_trial_stops_where_the_trial_did(tmp_path):
    run = search(run=tmp_path / "run")
    (one, *_) = [one for one in run if one.status == "stopped"]
    store = Store(tmp_path / "run", writable=False)
    stop = store.trials(0)[one.trial].stop
    store.close()
    again = Trains().measure(Trial(one.trial, (one,), stop=stop), Falls(), Context(seed=3))
    assert again.stopped == {0: one.reason} and again.info[0] == one.info


def test_figure_and_report_show_where_trainings_were_stopped_and_what_was_expected(tmp_path):
    run = search(run=tmp_path / "run")
    (one, *_) = [one for one in run if one.status == "stopped"]
    said = one.info["extrapolation"]
    (_, (curve,)) = curves_data([one])
    assert curve.expected == Expected(END, said["mean"], said["low"], said["high"])
    axes = curves(run, [one.id]).axes[1]
    from_cross, to_end = next(line for line in axes.lines if len(line.get_xdata()) == 2).get_xydata().tolist()
    assert from_cross == [curve.epochs[-1], curve.scores[-1]] and to_end == [END, said["mean"]]
    (band,) = [collection for collection in axes.collections if len(collection.get_paths()[0].vertices) > 3]
    ends = band.get_paths()[0].vertices
    assert ends[:, 1].min() == pytest.approx(min(said["low"], curve.scores[-1])) and ends[:, 0].max() == END
    shown = report_data(run)["curves"][str(one.id)]
    assert shown["expected"] == pytest.approx([END, said["mean"], said["low"], said["high"]], rel=1e-3)
    whole = next(other for other in run if other.status == "done")
    assert curves_data([whole])[1][0].expected is None and "expected" not in report_data(run)["curves"].get(str(whole.id), {})


# What must be beaten ------------------------------------------------------------------------------------------------------------


def number(value):
    return NumberSpace().from_genes(float(value))


def done(id, score, value, fidelity=FULL, trial=None, **more):
    individual = Individual(id, number(value), (-1.0, -1.0), names=("error", "size"))
    info = ({"curve": {"train_loss": [], "epochs": [1], "error": [score]}, "schedule": END},)
    values = np.array([[score, cost_of(individual.genome)]])
    return Result(Trial(id if trial is None else trial, (individual,), fidelity=fidelity), Measurement(values, info=info, **more))


def test_what_must_be_beaten_is_what_stands_before_the_front():
    rng = np.random.default_rng(0)
    known = [(float(score), float(value)) for score, value in rng.integers(1, 9, (40, 2))]
    to_beat = ToBeat(Falls().objectives)
    for start in range(0, 40, 8):
        to_beat.add([done(id, *known[id]) for id in range(start, start + 8)])
        for value in range(10):
            reached = [score for score, size in known[: start + 8] if size <= value]
            assert to_beat.score(number(value), "error") == min(reached, default=None)
            for score in range(10):  # it enters exactly where it is better
                dominated = any(theirs <= score and size <= value for theirs, size in known[: start + 8])
                wanted = to_beat.score(number(value), "error")
                assert dominated == (wanted is not None and score >= wanted)
    assert len(to_beat.arrays()["reached"]) <= 9, "only the front is remembered"


def test_only_what_was_done_at_the_full_fidelity_must_be_beaten():
    to_beat = ToBeat(Falls().objectives, Fidelity(epochs=9))
    to_beat.add(
        [
            done(0, 0.1, 1, Fidelity(epochs=3)),
            done(1, 0.1, 1, stopped={0: "hopeless"}),
            done(2, 0.1, 1, reasons={0: "failed"}),
            done(3, np.inf, 1),
        ]
    )
    assert to_beat.score(number(1), "error") is None
    to_beat.add([done(0, 0.3, 1, Fidelity(epochs=9), trial=9), done(4, 0.5, 2)])
    assert to_beat.score(number(2), "error") == 0.3
    to_beat.add([done(0, 0.6, 1, Fidelity(epochs=9), trial=10)])  # a noisy one, measured again
    assert to_beat.score(number(2), "error") == 0.6


def test_the_best_is_to_beat_with_one_objective_and_nothing_where_another_is_not_known_beforehand():
    alone = ToBeat({"error": Objective("error")})
    alone.add([Result(done(i, score, 1).trial, replace(done(i, score, 1).measurement, values=np.array([[score]]))) for i, score in enumerate((0.4, 0.2, 0.3))])  # fmt: skip
    assert alone.score(number(5), "error") == 0.2 and alone.score(number(5), "loss") is None
    for other in (Objective("latency", kind="measured"), Objective("size"), Objective("error", of=len)):
        objectives = {"error": Objective("error"), other.name: other}
        unknown = ToBeat(objectives)
        values = np.array([[0.1, 1.0][: len(objectives)]])
        unknown.add([Result(done(0, 0.1, 1).trial, replace(done(0, 0.1, 1).measurement, values=values))])
        assert unknown.score(number(5), "error") is None


def test_a_maximised_score_is_beaten_by_a_larger_one():
    to_beat = ToBeat({"reward": Objective("reward", "maximise"), "size": Objective("size", kind="cheap", of=cost_of)})
    to_beat.add([done(0, 5.0, 2), done(1, 9.0, 4)])
    assert to_beat.score(number(3), "reward") == -5.0 and to_beat.score(number(4), "reward") == -9.0


def test_a_genome_whose_cost_cannot_be_told_is_left_to_its_trial():
    def fails(genome):
        raise ArithmeticError

    to_beat = ToBeat({"error": Objective("error"), "size": Objective("size", kind="cheap", of=fails)})
    to_beat.add([done(0, 0.1, 1)])
    assert to_beat.score(number(1), "error") is None


# What is learned ----------------------------------------------------------------------------------------------------------------


def complete(id, value, **more):
    scores = curve_of(number(value))
    result = done(id, scores[-1], value, **more)
    curve = {"train_loss": [], "epochs": list(range(1, END + 1)), "error": scores}
    return replace(result, measurement=replace(result.measurement, info=({"curve": curve, "schedule": END},)))


def taught(count=5, fidelity=FULL, full=FULL, **settings):
    estimation = LearningCurve(Direct(), **settings)
    estimation.start(Falls(), full)
    estimation.observe([complete(id, 1 + 0.1 * id, fidelity=fidelity) for id in range(count)])
    return estimation


def asked(estimation, value=9, fidelity=FULL):
    stop = estimation.stop(Individual(99, number(value), (-1.0, -1.0)), fidelity)
    return None if stop is None else rule_from_json(json.loads(json.dumps(stop)))


def test_nothing_is_stopped_before_there_are_enough_completed_trainings():
    assert asked(taught(4)) is None
    rule = asked(taught(5))
    assert isinstance(rule, Unlikely) and rule.score == min(curve_of(number(1 + 0.1 * i))[-1] for i in range(5))
    (lesson,) = rule.lessons
    assert (lesson.schedule, lesson.end, lesson.trials, lesson.inherited) == (END, END, 5, False)
    assert asked(taught(5, least=6)) is None
    assert asked(taught(5), value=0.5) is None, "nothing known is as small"


def test_only_trainings_at_the_full_fidelity_are_stopped():
    full = Fidelity(epochs=12)
    estimation = taught(fidelity=full, full=full)
    assert asked(estimation, fidelity=full) is not None and asked(estimation, fidelity=Fidelity(epochs=4)) is None
    assert asked(estimation, fidelity=Fidelity(epochs=12, data=0.5)) is None
    rungs = taught(fidelity=Fidelity(epochs=3), full=full)
    assert asked(rungs, fidelity=full) is None, "what rungs reached is no measure"


def test_trainings_that_began_otherwise_are_no_measure():
    estimation = taught(4)
    inherited = complete(9, 2.0)
    info = {**inherited.measurement.info[0], "inherited": {"error": 0.5}}
    estimation.observe([replace(inherited, measurement=replace(inherited.measurement, info=(info,)))])
    assert asked(estimation) is None
    estimation.observe([complete(10, 2.1)])
    assert [lesson.inherited for lesson in asked(estimation).lessons] == [False]


def test_the_bases_own_rule_stays():
    class Strict(Direct):
        def stop(self, individual, fidelity):
            return Threshold(1, 0.5).to_json()

    estimation = LearningCurve(Strict())
    assert asked(estimation) == Threshold(1, 0.5)
    estimation.start(Falls())
    estimation.observe([complete(id, 1 + 0.1 * id) for id in range(5)])
    assert [type(rule) for rule in asked(estimation).rules] == [Threshold, Unlikely]


def test_a_state_of_an_older_median_stopping_goes_on():
    """Its curves had no scores, only running averages."""
    estimation = LearningCurve(Direct(), "median", least=5)
    estimation.observe([complete(id, 1 + 0.1 * id) for id in range(5)])
    state = estimation.state()
    older = replace(state, json={"base": state.json["base"]}, arrays={
        name: array for name, array in state.arrays.items() if name not in ("scores", "inherited", "reached", "costs")
    })  # fmt: skip
    again = LearningCurve(Direct(), "median", least=5)
    again.restore(older)
    assert asked(again) == asked(estimation) is not None


def test_median_stopping_is_the_median_rule_under_its_own_name():
    assert LearningCurve(Direct(), "median").least == MedianStopping(Direct()).least == 10 and LearningCurve(Direct()).least == 5
    old, new = MedianStopping(Direct(), least=3), LearningCurve(Direct(), "median", least=3)
    for estimation in (old, new):
        estimation.observe([complete(id, 1 + 0.1 * id) for id in range(3)])
    assert asked(old) == asked(new) is not None
    assert old.settings() == {"estimation": "MedianStopping", "base": Direct().settings(), "least": 3, "begin": 1, "keep": 200}
    assert type(estimation_from_settings(old.settings())) is MedianStopping
    assert estimation_from_settings(new.settings()).settings() == new.settings()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": "medium"}, "did you mean 'median'"),
        ({"probability": 0}, r"probability must be in \(0, 1\)"),
        ({"points": 0}, "points must be a whole number >= 1"),
        ({"looks": True}, "looks must be"),
        ({"keep": 4}, "keep must be >= least"),
    ],
)  # fmt: skip
def test_settings_that_are_none_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        LearningCurve(Direct(), **settings)


def test_what_travels_is_bounded():
    estimation, rng = LearningCurve(Direct(), keep=300), np.random.default_rng(0)
    estimation.start(Falls())
    results = []
    for id in range(300):
        one, scores = complete(id, 1 + id), rng.uniform(0.2, 1, 1000).tolist()
        curve = {"train_loss": [], "epochs": list(range(1, 1001)), "error": scores}
        results.append(replace(one, measurement=replace(one.measurement, info=({"curve": curve, "schedule": 1000 + id % 40},))))
    estimation.observe(results)
    assert len(json.dumps(estimation.stop(Individual(999, number(500), (-1.0, -1.0)), FULL))) < 10_000
    assert sum(array.nbytes for array in estimation.state().arrays.values()) < 1_000_000


def test_a_search_by_names_stops_early_where_it_is_asked_to():
    task = Classification("iris", seed=1)
    whole, early = estimation_by_names(task, 7, None), estimation_by_names(task, 7, "domhan")
    assert type(whole) is FullTraining and isinstance(early, LearningCurve) and early.rule == "domhan"
    assert early.base.epochs == whole.epochs == 7 and early.full == whole.full and early.base.curve > whole.curve
    usual = LearningCurve(rule="median")
    usual.suit(task)
    assert estimation_by_names(task, None, "median").settings() == usual.settings()
    with pytest.raises(ValueError, match="did you mean 'domhan'"):
        estimation_by_names(task, None, "dohman")


# A training ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("compiled_once")
@pytest.mark.parametrize("objective", ["error", "f1"])
def test_a_training_in_keras_is_stopped_and_says_what_was_expected(objective):
    task = Classification("iris", f"{objective},parameters", seed=1)
    genome = task.default_space(starter_parameters=(60, 90)).random(np.random.default_rng(5))
    sign = task.objectives[objective].weight
    estimation = LearningCurve(FullTraining(epochs=6, curve=6), least=2, looks=1)
    estimation.start(task)
    for id in range(2):
        trial = Trial(id, (Individual(id, genome, (sign, -1.0), names=tuple(task.objectives)),))
        estimation.observe([Result(trial, estimation.measure(trial, task, Context(seed=1)))])
    stop = dict(estimation.stop(Individual(9, genome, (sign, -1.0)), FULL))
    assert stop["rule"] == "unlikely" and len(stop["lessons"][0]["epochs"]) == 6
    stop["score"], stop["probability"] = -1.0 if sign > 0 else 0.0, 0.999  # the best there is
    trial = Trial(3, (Individual(3, genome, (sign, -1.0), names=tuple(task.objectives)),), stop=stop)
    result = estimation.measure(trial, task, Context(seed=1))
    assert "the probability that it is better than" in result.stopped[0] and result.epochs < 6
    expected = result.info[0]["extrapolation"]
    assert expected["epoch"] == 6 and expected["low"] <= expected["mean"] <= expected["high"]
    assert expected["to_beat"] == -sign * stop["score"]
    json.dumps(result.info[0], allow_nan=False)


def test_functions_are_searched_as_before():
    """An estimation that asks nothing of the search need not know of `start`."""
    space = NeatSpace(inputs=2, outputs=1)
    run = ne.evolve(space, Function(lambda network: 1.0), estimation=LearningCurve(Direct()), budget=ne.Budget(evaluations=12), progress=False)
    assert run.evaluations >= 12 and run.stopped == run.failures == 0
