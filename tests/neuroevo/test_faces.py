"""What users see of runs: axes, stairs, colours, names at the nodes, every test point, and what is said after the search and while it goes on."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from test_run import evolve

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import Measurement, Result, Trial
from neuroevo.estimation import FullTraining
from neuroevo.interop.graph_files import dot
from neuroevo.plots.any_graph import any_graph
from neuroevo.plots.front_figure import stairs
from neuroevo.plots.node_names import LINE, columns_line, node_name, with_input_names
from neuroevo.plots.palette import distinct
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_json, run_table
from neuroevo.run.live import ENOUGH, Live
from neuroevo.store.connection import being_written
from neuroevo.testing.evaluator import SquareTask

pytestmark = pytest.mark.usefixtures("compiled_once")

# Scores of their own ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "objectives", "name", "sign"),
    [
        (ne.tasks.Regression, ("parameters", "rmse"), "rmse", 1),
        (ne.tasks.Regression, ("loss",), "loss", 1),
        (ne.tasks.Regression, ("parameters",), "mae", 1),
        (ne.tasks.Classification, ("auc<0.9", "error"), "auc", -1),
        (ne.tasks.Classification, ("f1", "parameters"), "f1", -1),
        (ne.tasks.Classification, None, "error", 1),
    ],
)
def test_learning_curves_show_the_score_that_is_searched_for(task, objectives, name: str, sign: int) -> None:
    made = task("digits", objectives)
    assert (made.selection, made.selection_sign) == (name, sign)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A search on a small table, finished, and what was said of its end."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"living area": rng.normal(100, 30, 60), "rooms": rng.integers(1, 8, 60), "heating": ["gas", "oil", "wood"] * 20}
    )
    table["price"] = table["living area"] * 3 + table["rooms"]
    table.to_csv(folder / "houses.csv", index=False)
    task = ne.tasks.Regression(folder / "houses.csv", ("rmse", "parameters"), target="price", seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(30, 200)), task, strategy=ne.strategies.RandomSearch(), estimation=FullTraining(epochs=2),
        budget=ne.Budget(evaluations=3), seed=1, run=folder / "run",
    )  # fmt: skip
    said: list[str] = []
    seconds = iter(range(0, 1000, 6))
    finish(run, baseline=True, say=said.append, clock=lambda: next(seconds))
    return run, said


def test_a_search_for_rmse_draws_curves_of_rmse_that_end_at_zero(trained) -> None:
    run, _ = trained
    left, right = ne.plots.curves(run).axes
    assert right.get_ylabel() == "validation rmse" and left.get_ylim()[0] >= 0 and right.get_ylim()[0] >= 0
    assert '"name":"rmse"' in page(run)


def test_the_end_of_a_search_says_each_step(trained) -> None:
    run, said = trained
    steps = [text for text in said if "are tested" not in text]
    assert all(text.startswith("after the search: ") for text in said)
    assert "baseline" in steps[0] and f"testing the {len(run.front)} network" in steps[1] and "front.png" in steps[2]
    assert len(said) - len(steps) == max(0, len(run.front) - 1), "a long step says how far it has come"
    again: list[str] = []
    finish(run, baseline=True, say=again.append)
    assert again == []


def test_columns_stand_at_the_inputs(trained) -> None:
    run, _ = trained
    names = ne.plots.input_names(run)
    assert names[:2] == ("living area", "rooms") and names == ne.plots.input_names(ne.load_run(run.folder))
    texts = [text.get_text() for text in ne.plots.genome(run.best, names).axes[0].texts]
    assert any(text.startswith("living area, rooms") for text in texts)
    assert "living area, rooms" in page(ne.load_run(run.folder)).replace("&#32;", " ")
    genome = NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(0))
    drawn = [text.get_text() for text in ne.plots.genome(genome, ["petal width", "x" * 50]).axes[0].texts]
    assert "petal width" in drawn and f"{'x' * 27}..." in drawn
    assert "input 0" in [text.get_text() for text in ne.plots.genome(genome, ["one", "two", "three"]).axes[0].texts]
    assert ne.plots.input_names(evolve(SquareTask())) == ()


def test_a_table_that_is_gone_leaves_the_picture_without_names(trained, tmp_path: Path) -> None:
    run = ne.load_run(trained[0].folder)
    run.settings = {**run.settings, "task": {**run.settings["task"], "data": str(tmp_path / "gone.csv")}}
    assert ne.plots.input_names(run) == ()


def test_as_many_columns_as_fit_into_a_line_are_named() -> None:
    assert columns_line(["a", "b"]) == "a, b"
    for names in (["width of the petal", "length of the petal", "width of the sepal", "length"], ["x" * 80], ["y" * 80, "z"]):
        assert len(columns_line(names)) <= LINE and (len(names) == 1 or "more" in columns_line(names))


@pytest.mark.parametrize(
    ("node", "data", "name"),
    [
        (("input", 0), {}, "input 0"),
        (("cell", ("add", 2)), {}, "cell add 2"),
        (("input", 1), {"label": ("conv", 3)}, "conv 3"),
        (frozenset({"b", "a"}), None, "a b"),
        (0.25, {"label": ""}, "0.25"),
        (7, {"name": "x"}, "x"),
    ],
)  # fmt: skip
def test_a_node_is_named_in_words(node, data, name: str) -> None:
    assert node_name(node, data) == name


@pytest.mark.parametrize("cycle", [False, True])
def test_a_graph_of_ones_own_is_drawn_with_readable_nodes(cycle: bool) -> None:
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edges_from([(("input", 0), ("node", 2, "add")), (("input", 1), ("node", 2, "add"))])
    if cycle:
        graph.add_edge(("node", 2, "add"), ("input", 0))
    texts = [text.get_text() for text in any_graph(graph).axes[0].texts]
    assert {"input 0", "input 1", "node 2 add"} <= set(texts) and not any("(" in text for text in texts)
    named = [text.get_text() for text in any_graph(with_input_names(graph, ["width", "age"])).axes[0].texts]
    assert {"width", "age"} <= set(named)
    assert 'label="node 2 add"' in dot(SimpleNamespace(graph=lambda: graph))


# Axes, stairs and colours -------------------------------------------------------------------------------------------------------


def scored(points, objectives) -> ne.Run:
    left = iter(points)
    return ne.evolve(
        NeatSpace(inputs=1, outputs=1), lambda network: dict(zip(objectives, next(left), strict=True)), objectives=objectives,
        strategy=ne.strategies.RandomSearch(), budget=ne.Budget(evaluations=len(points)),
    )  # fmt: skip


@pytest.mark.parametrize(("direction", "style"), [("minimise", "steps-post"), ("maximise", "steps-pre")])
def test_a_front_is_a_staircase(direction: str, style: str) -> None:
    best = -1 if direction == "maximise" else 1
    run = scored([(0.0, best * 3.0), (0.5, best * 2.0), (1.0, best * 1.0)], {"error": "minimise", "other": direction})
    assert len(run.front) == 3 and stairs(run.objectives["other"]) == style
    drawn = [line for line in ne.plots.fronts(run).axes[0].lines if len(line.get_xdata()) == 3]
    drawn += [line for line in ne.plots.front(run).axes[0].lines if len(line.get_xdata()) == 3]
    assert len(drawn) == 2 and {line.get_drawstyle() for line in drawn} == {style}


def test_axes_of_errors_end_at_zero_and_others_do_not() -> None:
    errors = scored([(0.0, 3.0), (0.5, 2.0), (4.0, 0.0)], {"error": "minimise", "size": "minimise"})
    for figure in (ne.plots.fronts(errors), ne.plots.front(errors)):
        assert figure.axes[0].get_ylim()[0] == 0 and figure.axes[0].get_xlim()[0] == 0
    signed = scored([(-1.0, 3.0), (0.5, -2.0), (4.0, 1.0)], {"error": "minimise", "size": "minimise"})
    for figure in (ne.plots.fronts(signed), ne.plots.front(signed)):
        assert figure.axes[0].get_ylim()[0] < -1 and figure.axes[0].get_xlim()[0] < -2
    one = scored([(5.0,), (0.1,), (0.0,)], {"error": "minimise"})
    assert ne.plots.front(one).axes[0].get_ylim()[0] == 0 == ne.plots.progress(one).axes[0].get_ylim()[0]


@pytest.mark.parametrize("count", [1, 6, 7, 34, 200])
def test_species_have_colours_of_their_own(count: int) -> None:
    colours = distinct(count)
    assert len(colours) == len(set(colours)) == count and all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)
    run = SimpleNamespace(
        settings={}, summaries=[{"generation": 0, "species_ids": [3 * at for at in range(count)], "species_sizes": [1] * count}]
    )
    bands = ne.plots.species(run).axes[0].collections
    assert len(bands) == count == len({tuple(band.get_facecolor()[0]) for band in bands})


def test_operators_are_drawn_for_a_narrow_screen_too() -> None:
    run = evolve(SquareTask())
    figure = ne.plots.operators(run, narrow=True)
    assert figure.get_size_inches()[0] * 72 < 270, "points, which are 360 of a page's pixels: no browser shrinks its text"
    texts = figure.axes[0].texts
    assert texts and min(text.get_fontsize() for text in texts) >= 8.5
    assert {text.get_text().split(":")[0] for text in texts} == {
        entry.operator.replace("_", " ") for entry in ne.plots.operators_data(run)
    }
    written = page(run)
    assert 'class="narrow"' in written and "@media (max-width: 640px)" in written


# Test points --------------------------------------------------------------------------------------------------------------------


def test_every_test_point_is_within_the_axes() -> None:
    run = scored([(0.01, 30.0), (0.02, 20.0), (0.03, 10.0)], {"error": "minimise", "size": "minimise"})
    test = {one.id: {"error": value} for one, value in zip(run.front, (0.9, 0.5, 0.0), strict=True)}
    axes = ne.plots.front(run, test).axes[0]
    low, high = axes.get_ylim()
    assert all(low <= scores["error"] <= high for scores in test.values())
    alone = scored([(0.3,), (0.2,), (0.25,)], {"error": "minimise"})
    axes = ne.plots.front(alone, {alone.best.id: {"error": 0.95}}).axes[0]
    assert axes.get_ylim()[1] >= 0.95 and "the front on test data" in [text.get_text() for text in axes.get_legend().get_texts()]


# While a run goes on ------------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(budget: ne.Budget, waits, *, epochs: float = 0.0, run=None) -> list[str]:
    """What the view says of the time left after each result; `waits` are the seconds before it."""
    clock = Clock()
    live = Live(budget, clock=clock)
    run = run or ne.Run(NeatSpace(inputs=1, outputs=1), {"x": Objective("x")}, {"seed": 1})
    live.on_start(run)
    lines = []
    for wait in waits:
        clock.now += wait
        live.on_result(
            run, Result(Trial(0, (SimpleNamespace(id=0),)), Measurement(values=np.zeros((1, 1)), epochs=epochs), attempts=1)
        )
        found = re.search(r"(about|at most) .* left", live.line(run))
        lines.append(found[0] if found else "")
    return lines


@pytest.mark.parametrize("budget", [ne.Budget(evaluations=100), ne.Budget(epochs=1000)])
def test_the_first_estimate_leaves_out_what_is_done_once(budget: ne.Budget) -> None:
    """A minute until the first result, and a candidate a second from then on."""
    said = seen(budget, [60.0, *[1.0] * 11], epochs=10.0)
    assert said[:ENOUGH] == [""] * ENOUGH and all(said[ENOUGH:])
    assert said[-1] == "about 1 min 28 s left" and said[ENOUGH] == "about 1 min 35 s left"


def test_of_a_time_limit_alone_it_is_said_that_it_is_one() -> None:
    said = seen(ne.Budget(evaluations=100, seconds=600), [60.0, *[1.0] * 5])
    assert said[0] == "at most 9 min 00 s left" and said[-1].startswith("about 1 min")
    assert seen(ne.Budget(seconds=60), [1.0]) == ["about 59 s left"]
    assert seen(ne.Budget(evaluations=100, seconds=70), [60.0, *[1.0] * 5])[-1] == "about 5 s left"


def test_generations_are_estimated_by_those_after_the_first() -> None:
    clock = Clock()
    live = Live(ne.Budget(generations=20), clock=clock)
    run = ne.Run(NeatSpace(inputs=1, outputs=1), {"x": Objective("x")}, {"seed": 1})
    live.on_start(run)
    said = []
    for wait in (90.0, 2.0, 2.0):
        clock.now += wait
        run.generation += 1
        live.on_generation(run)
        found = re.search(r"about .* left", live.line(run))
        said.append(found[0] if found else "")
    assert said == ["", "about 36 s left", "about 34 s left"]


def test_show_says_whether_a_run_goes_on_or_was_killed(tmp_path: Path) -> None:
    states = []

    class Looking(ne.Callback):
        def on_generation(self, run) -> None:
            loaded = ne.load_run(tmp_path / "run")
            states.append((run_table(loaded).splitlines()[0], run_json(loaded)["state"], "to go on:" in run_table(loaded)))

    evolve(SquareTask(), run=tmp_path / "run", callbacks=[Looking()])
    assert states and all("run: going on; " in line and state == "going on" and not hint for line, state, hint in states)
    loaded = ne.load_run(tmp_path / "run")
    assert "complete (evaluations)" in run_table(loaded) and "complete (evaluations)" in page(loaded)
    loaded.ended = ""
    assert "killed before it ended; " in run_table(loaded) and "to go on: neuroevo resume" in run_table(loaded)
    assert "killed before it ended" in page(loaded)
    assert [being_written(tmp_path / "run") for _ in range(5)] == [False] * 5  # those who only ask do not count as writers


def test_where_the_lock_cannot_be_read_both_are_said(tmp_path: Path, monkeypatch) -> None:
    from neuroevo.store import connection

    evolve(SquareTask(), run=tmp_path / "run")
    loaded = ne.load_run(tmp_path / "run")
    loaded.ended = ""

    def refused(*arguments):
        raise PermissionError("not yours")

    monkeypatch.setattr(connection.os, "open", refused)
    assert connection.being_written(tmp_path / "run") is None
    monkeypatch.undo()
    monkeypatch.setattr("neuroevo.report.text.being_written", lambda folder: None)
    assert "still going on, or killed; " in run_table(loaded)


@pytest.mark.parametrize(
    ("fitness", "started", "says"),
    [
        ("my_module.fitness", "python search.py", "neuroevo --import my_module resume '{folder}'"),
        ("__main__.fitness", "python search.py --fast", "python search.py --fast"),
        ("my_module.make.<locals>.<lambda>", "python -c", "run again what started it"),
        (None, "neuroevo search digits", "neuroevo resume '{folder}'"),
    ],
)
def test_how_to_go_on_is_what_works(fitness: str | None, started: str, says: str, tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    evolve(SquareTask(), run=folder)
    (folder / "environment.json").write_text(json.dumps({"command": started}))
    run = ne.load_run(folder)
    run.settings["task"] = {"task": "Function", "fitness": fitness}
    assert run.resume_command == says.format(folder=folder)


def test_a_run_that_goes_on_says_how_long_it_has(tmp_path: Path) -> None:
    seen = []

    class Looking(ne.Callback):
        def on_generation(self, run) -> None:
            seen.append((ne.load_run(tmp_path / "run").seconds, ne.load_run(tmp_path / "run", lazy=True).seconds, run.seconds))

    evolve(SquareTask(), run=tmp_path / "run", callbacks=[Looking()])
    assert seen and all(0 < shown == lazily <= now for shown, lazily, now in seen)
