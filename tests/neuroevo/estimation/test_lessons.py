"""What completed trainings teach, and the rule that stops who is unlikely to matter."""

import json

import numpy as np
import pytest

from neuroevo.estimation.extrapolation import extrapolate
from neuroevo.estimation.lessons import Lesson, learned
from neuroevo.estimation.stopping import Either, Progress, Threshold, rule_from_json
from neuroevo.estimation.unlikely import Unlikely

END = 20
EPOCHS = tuple(range(1, END + 1))
RNG = np.random.default_rng(3)


def falling(count, rng, drop=0.0, noise=0.02):
    """Learning curves of errors; `drop`: the share of the error that goes away in the last quarter, as under a cosine schedule."""
    t = np.arange(1, END + 1)
    floor, first = rng.uniform(0.02, 0.3, (count, 1)), rng.uniform(0.5, 0.9, (count, 1))
    curves = floor + (first - floor) * t ** -rng.uniform(0.6, 1.2, (count, 1))
    curves *= np.exp(noise * rng.standard_normal(curves.shape))
    return curves * (1 - drop * np.clip((t - 15) / 5, 0, 1))


def lesson_of(curves, **more):
    settings = {"schedule": END, "inherited": False, "families": "power_law", **more}
    return learned(curves, EPOCHS, **settings)


def progress(scores, epochs=END, schedule=END, inherited=False):
    return Progress(len(scores), epochs, schedule, range(1, len(scores) + 1), list(scores), [0.0] * len(scores), inherited)


def within(lesson, curves, epoch):
    """The share of final scores within the 90 % interval."""
    below = lesson.extrapolated(lesson.compared(curves[:, :epoch]), "power_law").below(lesson.compared(curves[:, -1]))
    return ((below > 0.05) & (below < 0.95)).mean()


def test_a_fall_at_the_end_of_the_schedule_is_learned():
    rng = np.random.default_rng(0)
    untaught, taught = lesson_of(falling(30, rng)), lesson_of(falling(30, rng, drop=0.7))
    fresh = falling(200, rng, drop=0.7)
    assert all(shift < -0.5 for shift in taught.shifts[5:14]) and all(shift > -0.4 for shift in untaught.shifts[5:])
    for epoch in (8, 12):
        assert within(taught, fresh, epoch) > 0.85 > within(untaught, fresh, epoch)


def test_corrections_only_make_the_rule_more_careful():
    curves = falling(30, np.random.default_rng(1))
    curves[:, -1] *= 1.5  # trainings that end worse than anybody would say
    lesson = lesson_of(curves)
    assert max(lesson.shifts) <= 0.0 and min(lesson.widths) >= 1.0


def test_nobody_is_expected_to_end_worse_than_its_best_score_so_far():
    lesson = lesson_of(falling(20, np.random.default_rng(10)))
    thrown_up = lesson.compared([0.083, 0.1, 0.07, 0.183])
    alone = extrapolate(thrown_up, EPOCHS[:4], END, scale=lesson.scale)
    expected = lesson.extrapolated(thrown_up, "power_law").mean[0]
    assert alone.mean[0] > lesson.compared(0.07) >= expected
    falls = lesson.compared([0.5, 0.3, 0.2, 0.15])
    found, alone = lesson.extrapolated(falls, "power_law"), extrapolate(falls, EPOCHS[:4], END, scale=lesson.scale)
    assert found.mean[0] == pytest.approx(alone.mean[0] + lesson.shifts[3] * alone.deviation[0])


@pytest.mark.parametrize("families", ["power_law", "domhan"])
def test_intervals_cover_what_they_say(families):
    rng = np.random.default_rng(2)
    lesson, fresh = lesson_of(falling(20, rng), families=families), falling(300, rng)
    for epoch in (6, 10, 15):
        below = lesson.extrapolated(lesson.compared(fresh[:, :epoch]), families).below(lesson.compared(fresh[:, -1]))
        assert 0.85 < ((below > 0.05) & (below < 0.95)).mean() <= 1.0


def test_half_the_error_counts_alike_for_good_and_bad_networks_and_negative_scores_are_taken_as_they_are():
    lesson = lesson_of(falling(10, RNG))
    assert lesson.offset == pytest.approx(np.median(falling(2000, RNG)[:, -1]) / 2, rel=0.5)
    assert np.allclose(lesson.scores(lesson.compared([0.0, 0.1, 3.0])), [0.0, 0.1, 3.0])
    assert np.isnan(lesson.compared([-lesson.offset, -5.0])).all()
    accuracies = lesson_of(-1 + falling(10, RNG))
    assert accuracies.offset is None and accuracies.compared([-0.5]) == accuracies.scores([-0.5]) == [-0.5]


def test_a_lesson_suits_trainings_of_its_kind_only():
    lesson = lesson_of(falling(6, RNG))
    scores = [0.5, 0.4, 0.3]
    assert lesson.places(progress(scores)) == [0, 1, 2]
    assert lesson.places(progress(scores, schedule=40)) == []
    assert lesson.places(progress(scores, epochs=19)) == []
    assert lesson.places(progress(scores, inherited=True)) == []
    assert lesson.places(progress(np.full(END, 0.1))) == [], "nothing is left to extrapolate"
    sparse = learned(falling(6, RNG)[:, [1, 3, 9, 19]], (2, 4, 10, 20), schedule=END, inherited=False, families="power_law")
    assert sparse.places(progress(scores)) == [] and sparse.places(progress([*scores, 0.2])) == [1, 3]


def test_a_training_ends_when_it_is_unlikely_to_beat_what_it_must():
    rng = np.random.default_rng(4)
    lesson, curves = lesson_of(falling(20, rng)), falling(100, rng)
    wrong = ended = 0
    rule = Unlikely(0.1, (lesson,))
    for scores in curves[:60].tolist():
        at = next((epoch for epoch in range(1, END) if rule.verdict(progress(scores[:epoch]))), None)
        ended += at is not None
        wrong += at is not None and scores[-1] < 0.1
    assert wrong <= 1 and ended > 30 and (curves[:60, -1] < 0.1).sum() >= 8
    assert Unlikely(0.9, (lesson,)).verdict(progress(curves[0, :8])) == ""


def test_the_verdict_and_what_is_recorded_say_the_same():
    lesson = lesson_of(falling(20, np.random.default_rng(5)))
    rule, bad = Unlikely(0.03, (lesson,)), progress([0.9, 0.85, 0.83, 0.82, 0.81])
    found = rule.extrapolation(bad)
    assert set(found) == {"epoch", "mean", "deviation", "low", "high", "to_beat", "probability"}
    assert found["epoch"] == END and found["to_beat"] == 0.03 and found["probability"] < 0.05
    assert 0.03 < found["low"] < found["mean"] < found["high"]
    assert rule.verdict(bad) == (
        f"after 5 epochs a score of {found['mean']:.4g} is expected after 20 ({found['low']:.4g} to {found['high']:.4g}); "
        f"the probability that it is better than 0.03 is {found['probability']:.2g}"
    )
    json.dumps(found, allow_nan=False)
    either = Either((Threshold(50, 0.1), rule))
    assert either.verdict(bad) == rule.verdict(bad) and either.extrapolation(bad) == found
    assert Threshold(1, 0.1).extrapolation(bad) == {}


def test_one_bad_score_ends_nothing_and_neither_do_too_few():
    lesson = lesson_of(falling(20, np.random.default_rng(6)))
    once, twice, saved = Unlikely(0.15, (lesson,), looks=1), Unlikely(0.15, (lesson,)), 0
    for scores in falling(8, np.random.default_rng(9), noise=0.3).tolist():
        said = [bool(once.verdict(progress(scores[:epoch]))) for epoch in range(1, END)]
        again = [bool(twice.verdict(progress(scores[:epoch]))) for epoch in range(1, END)]
        assert again == [now and before for now, before in zip(said, [False, *said], strict=False)]
        saved += any(said) and said.index(True) + 1 < len(said) and not said[said.index(True) + 1]
    assert saved, "no curve of these was unlikely once only"
    hopeless = [0.9] * 8
    for points in (3, 5):
        for looks in (1, 2):
            rule = Unlikely(0.01, (lesson,), points=points, looks=looks)
            ends = next(epoch for epoch in range(1, END) if rule.verdict(progress(hopeless[:epoch])))
            assert ends == points + looks - 1
    assert not Unlikely(0.01, (lesson,), begin=9).verdict(progress(hopeless))


def test_where_no_lesson_suits_or_scores_cannot_be_compared_a_training_goes_on():
    lesson = lesson_of(falling(20, np.random.default_rng(7)))
    hopeless = [0.9] * 8
    assert Unlikely(0.01, ()).verdict(progress(hopeless)) == ""
    assert Unlikely(0.01, (lesson,)).verdict(progress(hopeless, schedule=99, epochs=99)) == ""
    assert Unlikely(0.01, (lesson,)).verdict(progress([-1.0, *hopeless])) == ""
    assert Unlikely(-1.0, (lesson,)).verdict(progress(hopeless)) == ""
    assert Unlikely(-1.0, (lesson,)).extrapolation(progress(hopeless)) == {}


def test_the_rule_is_json_and_comes_back_the_same():
    rule = Unlikely(0.01, (lesson_of(falling(20, np.random.default_rng(8))),), "domhan", 0.1, 2, 4, 3)
    data = rule.to_json()
    assert data["rule"] == "unlikely" and len(json.dumps(data)) < 2000
    again = rule_from_json(json.loads(json.dumps(data)))
    assert again == rule
    scores = progress([0.9, 0.8, 0.8, 0.79, 0.79, 0.79, 0.79])
    assert again.verdict(scores) == rule.verdict(scores) != ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"families": "power_laws"}, "did you mean 'power_law'"),
        ({"probability": 1.0}, r"probability must be in \(0, 1\)"),
        ({"score": float("nan")}, "score must be a finite number"),
        ({"looks": 0}, "looks must be a whole number >= 1"),
        ({"lessons": [{"schedule": 5}]}, "cannot be made from"),
    ],
)  # fmt: skip
def test_what_is_no_such_rule_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        rule_from_json({"rule": "unlikely", "score": 0.1, "lessons": [], **change})


def test_what_is_no_lesson_is_refused():
    settings = {"schedule": 5, "inherited": False, "epochs": (1, 2), "offset": None, "scale": 1.0, "trials": 3}
    Lesson(**settings, shifts=(0.0,), widths=(1.0,))
    for wrong in ({"shifts": ()}, {"widths": (0.0,)}, {"epochs": (2, 1)}, {"scale": float("inf")}, {"trials": 0}):
        with pytest.raises(ValueError, match="must"):
            Lesson(**{**settings, "shifts": (0.0,), "widths": (1.0,), **wrong})
