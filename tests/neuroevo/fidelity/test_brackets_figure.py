"""The figure of brackets: who was at which rung, and who went on."""

import sys
from pathlib import Path

import pytest

import neuroevo as ne
from neuroevo.estimation import FullTraining, LearningCurve
from neuroevo.plots import brackets, brackets_data
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.strategies import Asha, Hyperband, RandomSearch, SuccessiveHalving

sys.path[:0] = [str(Path(__file__).parents[1])]

from test_halving import evolved  # noqa: E402
from test_plots_runs import is_picture  # noqa: E402


def counts(data) -> list[list[tuple[int, int, int]]]:
    """Of each bracket's rungs the epochs, the candidates, and how many went on."""
    return [[(rung.epochs, len(rung.ids), int(rung.promoted.sum())) for rung in bracket.rungs] for bracket in data]


def test_hyperbands_brackets_are_told_apart(tmp_path: Path) -> None:
    run = evolved(Hyperband(maximum=9), tmp_path / "run", generations=4, seed=10)
    name, data = brackets_data(ne.load_run(tmp_path / "run"))
    assert name == "loss" and [bracket.candidates for bracket in data] == [9, 5, 3, 9]
    cycle = [[(1, 9, 3), (3, 3, 1), (9, 1, 0)], [(3, 5, 1), (9, 1, 0)], [(9, 3, 0)]]
    assert counts(data) == [*cycle, cycle[0]]
    assert [bracket.epochs for bracket in data] == [21.0, 21.0, 27.0, 21.0] and sum(b.epochs for b in data) == run.epochs
    seen = [id for bracket in data for id in bracket.rungs[0].ids.tolist()]
    assert seen == [one.id for one in run]
    last = data[0].rungs[2]
    assert last.scores[0] == run[int(last.ids[0])].values["loss"]
    failed = [id for rung in data[0].rungs for id, score in zip(rung.ids, rung.scores, strict=True) if score != score]
    assert failed == [one.id for one in run if one.status == "failed" and one.id < 9] != []
    figure = brackets(run)
    assert sum(axes.get_visible() for axes in figure.axes) == 4 and is_picture(figure, tmp_path)
    assert "Who is trained on" in page(run)


def test_the_brackets_of_successive_halving_are_told_apart_though_they_are_alike(tmp_path: Path) -> None:
    run = evolved(SuccessiveHalving(candidates=9), tmp_path / "run", generations=10)
    assert counts(brackets_data(run)[1]) == [[(1, 9, 3), (3, 3, 1), (9, 1, 0)]] * 10
    assert "the first 8 of 10 brackets" in brackets(run).get_suptitle()


def test_asha_has_one_bracket(tmp_path: Path) -> None:
    run = evolved(Asha(rungs=3), tmp_path / "run", generations=6)
    (bracket,) = brackets_data(run)[1]
    first, second, third = counts([bracket])[0]
    assert [first[1], second[1], third[1]] == run.strategy.report()["rungs"]
    assert (first[2], second[2], third[2]) == (second[1], third[1], 0)
    assert is_picture(brackets(run), tmp_path)


def test_what_has_no_brackets_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="RandomSearch names no epochs"):
        brackets(evolved(RandomSearch(batch=4), tmp_path / "run"))
    with pytest.raises(ValueError, match="a run in memory does not record its trials"):
        brackets(evolved(SuccessiveHalving(candidates=3)))


def test_what_a_budget_left_unfinished_is_not_drawn_as_failed(tmp_path: Path) -> None:
    evolved(Hyperband(maximum=9), tmp_path / "run", budget=ne.Budget(evaluations=16), seed=10)
    run = ne.load_run(tmp_path / "run")
    data = brackets_data(run)[1]
    marks = [score for bracket in data for rung in bracket.rungs for score in rung.scores.tolist()]
    assert len(marks) == run.trials()["status"].isin(["done", "failed"]).sum()
    assert sum(score != score for score in marks) == run.failures


def test_a_front_that_is_empty_since_no_last_rung_was_reached_says_so(tmp_path: Path) -> None:
    evolved(Hyperband(maximum=9), tmp_path / "few", budget=ne.Budget(evaluations=3), seed=10)
    assert "was trained for all 9 epochs, and only such are on the front" in run_table(ne.load_run(tmp_path / "few"))
    evolved(Hyperband(maximum=9), tmp_path / "more", budget=ne.Budget(evaluations=22), seed=10)
    text = run_table(ne.load_run(tmp_path / "more"))
    assert "front: " in text and "front: 0" not in text and "only such" not in text


def test_a_run_whose_estimation_says_the_epochs_has_no_brackets(tmp_path: Path) -> None:
    task = ne.tasks.Classification("iris", seed=1)
    run = ne.evolve(
        task.default_space(), task, strategy=RandomSearch(batch=2), estimation=LearningCurve(FullTraining(epochs=1), "median"),
        budget=ne.Budget(evaluations=2), run=tmp_path / "run", progress=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="RandomSearch names no epochs"):
        brackets(run)
