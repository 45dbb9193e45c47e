"""MAP-Elites: cells and QD score beside pyribs, searches that resume, what an archive holds, how it is drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from deap import base

import neuroevo as ne
from genomes import NeatSpace
from genomes.base import Space
from neuroevo.core.objectives import Objective
from neuroevo.plots.archive_figure import PIXELS, picture
from neuroevo.report.archive import archive_map
from neuroevo.report.html import page
from neuroevo.report.text import run_json, run_table
from neuroevo.run.settings import strategy_from_settings
from neuroevo.selection.cells import Grid, Voronoi
from neuroevo.simulators import DeceptiveMaze
from neuroevo.strategies import GeneticAlgorithm, MapElites, RandomSearch, Strategy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace

CURVES = NeatSpace(inputs=1, outputs=1, activations=("tanh", "sigmoid"))


class TestMapElites(StrategySuite):
    def strategy(self) -> Strategy:
        return MapElites(low=(0.0, 0.0), high=(1.0, 8.0), cells=(5, 8), batch=8, crossover=0.5)


class TestRegionsOfEqualSize(StrategySuite):
    def strategy(self) -> Strategy:
        return MapElites(low=(0.0, 0.0), high=(1.0, 8.0), cells=(12,), archive="cvt", samples=500, batch=6, deduplicate="genome")


class TestMapElitesOfNetworks(StrategySuite):
    def strategy(self) -> Strategy:
        return MapElites(high=(1.0, 8.0), initial=10, batch=5)

    def space(self) -> Space:
        return CURVES


# Cells ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_grid_has_the_cells_and_the_score_of_pyribs() -> None:
    archives = pytest.importorskip("ribs.archives")
    rng = np.random.default_rng(1)
    low, high, cells = (-1.0, 2.0, 0.0), (1.0, 7.0, 0.5), (4, 10, 3)
    points = np.column_stack([rng.uniform(a - 0.3, b + 0.3, 400) for a, b in zip(low, high, strict=True)])
    objective = rng.normal(size=400)
    oracle = archives.GridArchive(solution_dim=1, dims=cells, ranges=list(zip(low, high, strict=True)), qd_score_offset=-5.0)
    ours = Grid(low, high, cells)
    theirs = oracle.index_of(points)
    assert np.array_equal(ours.of(points), theirs) and ours.count == oracle.cells
    oracle.add(np.arange(400.0)[:, None], objective, points)
    best: dict[int, int] = {}
    for number, cell in enumerate(ours.of(points).tolist()):
        if cell not in best or objective[number] > objective[best[cell]]:
            best[cell] = number
    assert sorted(best.values()) == sorted(oracle.data("solution")[:, 0].astype(int).tolist())
    assert sum(objective[number] + 5.0 for number in best.values()) == pytest.approx(oracle.stats.qd_score)


@pytest.mark.slow
def test_regions_are_those_of_pyribs_with_the_same_centres() -> None:
    archives = pytest.importorskip("ribs.archives")
    ours = Voronoi.spread((0.0,) * 5, (1.0,) * 5, 40, 2000, seed=3)
    oracle = archives.CVTArchive(solution_dim=1, centroids=ours.centres, ranges=[(0.0, 1.0)] * 5)
    points = np.random.default_rng(0).random((300, 5))
    assert np.array_equal(ours.of(points), oracle.index_of(points)) and ours.count == 40


def test_regions_are_of_about_equal_size_and_scale_with_the_axes() -> None:
    regions = Voronoi.spread((0.0, 0.0), (1.0, 100.0), 50, 5_000, seed=1)
    shares = np.bincount(regions.of(np.random.default_rng(0).random((20_000, 2)) * [1.0, 100.0]), minlength=50) / 20_000
    assert shares.min() > 0.01 and shares.max() < 0.03
    assert np.array_equal(regions.centres, Voronoi.spread((0.0, 0.0), (1.0, 1.0), 50, 5_000, seed=1).centres)
    assert not np.array_equal(regions.centres, Voronoi.spread((0.0, 0.0), (1.0, 1.0), 50, 5_000, seed=2).centres)


def test_what_lies_beyond_the_axes_counts_to_the_cell_at_the_edge() -> None:
    grid = Grid((0.0, 0.0), (1.0, 1.0), (2, 3))
    assert grid.of(np.array([[-5.0, 0.5], [0.0, 0.0], [0.5, 0.34], [1.0, 1.0], [9.0, -9.0]])).tolist() == [1, 0, 4, 5, 3]


# Searches ---------------------------------------------------------------------------------------------------------------------


X = np.linspace(-1, 1, 21)[:, None]


def smooth(network) -> dict:
    return {"roughness": float(np.abs(np.diff(network(X)[:, 0], 2)).sum()), "ends": network(X[[0, -1]])[:, 0]}


CURVE = ne.tasks.Function(smooth, {"roughness": ne.minimise}, descriptors="ends")


def search(generations: int = 8, folder: Path | None = None, **settings) -> ne.Run:
    options = {name: settings.pop(name) for name in ("record", "schedule", "toolbox") if name in settings}
    strategy = MapElites(**{"low": (-1.0, -1.0), "cells": (6,), "batch": 20, "worst": 3.0, **settings})
    return ne.evolve(
        CURVES, CURVE, strategy=strategy, budget=ne.Budget(evaluations=20 * generations), seed=1, run=folder, progress=False, **options
    )  # fmt: skip


@pytest.mark.parametrize("archive", ["grid", "cvt"])
def test_each_cell_keeps_the_best_that_was_found_in_it(archive: str) -> None:
    run = search(archive=archive, cells=(12,) if archive == "cvt" else (6,), samples=1000)
    cells = run.strategy.cut(1, run.objectives)
    best: dict[int, ne.Individual] = {}
    for one in run:
        cell = int(cells.of(one.descriptors[None])[0])
        if cell not in best or one.fitness.values[0] < best[cell].fitness.values[0]:
            best[cell] = one
    elites = run.strategy.elites
    assert {cell: one.id for cell, one in elites.items()} == {cell: best[cell].id for cell in sorted(best)}
    last = run.generations().iloc[-1]
    assert last["elites"] == len(best) and last["coverage"] == len(best) / cells.count
    assert last["qd_score"] == pytest.approx(sum(3.0 - one.fitness.values[0] for one in best.values()))
    coverage = run.generations()["coverage"].tolist()
    assert coverage == sorted(coverage) and coverage[-1] > coverage[0]
    parents = {parent for one in run for parent in one.parents}
    assert len(parents) > 20 and all(len(one.parents) <= 1 for one in run)


@pytest.mark.parametrize(("schedule", "record"), [("synchronous", "all"), ("synchronous", "champions"), ("asynchronous", "all")])
@pytest.mark.parametrize("archive", ["grid", "cvt"])
def test_a_run_in_parts_ends_as_the_whole(schedule: str, record: str, archive: str, tmp_path: Path) -> None:
    settings = {"schedule": schedule, "record": record, "archive": archive, "samples": 500, "crossover": 0.3}
    whole = search(6, tmp_path / "whole", **settings)
    for generations in (1, 3, 6):
        parts = search(generations, tmp_path / "parts", **settings)
    mine, theirs = parts.strategy.state(), whole.strategy.state()
    assert mine.json == theirs.json and all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in theirs.arrays)
    again = strategy_from_settings(ne.load_run(tmp_path / "whole").settings["strategy"])
    assert again.settings() == MapElites(low=(-1.0, -1.0), cells=(6,), batch=20, worst=3.0, archive=archive, samples=500, crossover=0.3).settings()  # fmt: skip


def test_a_whole_population_is_scored_at_once_where_the_task_can(tmp_path: Path) -> None:
    low, high = DeceptiveMaze("hard").maze.box
    run = ne.evolve(
        NeatSpace(10, 2, recurrent=True, bias="input"), DeceptiveMaze("hard", steps=60), seed=1, progress=False,
        strategy=MapElites(tuple(low.tolist()), tuple(high.tolist()), (20, 20), batch=30), budget=ne.Budget(generations=5),
        run=tmp_path / "run",
    )  # fmt: skip
    assert len(run.trials()) == 5 and run.failures == 0
    scores = [one.fitness.values[0] for one in run.strategy.living]
    assert run.generations()["qd_score"].iloc[-1] == pytest.approx(sum(scores)), "the objective's own reference is 0"


def test_objectives_are_axes_by_their_logarithm_where_they_span_orders_of_magnitude() -> None:
    size = ne.Objective("size", "minimise", "cheap", of=lambda genome: 10.0 ** genome.connections.weight[0], log=True)
    objectives = {"closeness": ne.maximise, "size": size, "slope": ne.Objective("slope", "maximise")}
    run = ne.evolve(
        CURVES, lambda network: {"closeness": float(network([[0.5]])[0, 0]), "slope": float(network([[-0.5]])[0, 0])}, objectives=objectives,
        strategy=MapElites(axes=("size", "slope"), low=(1e-4, -1.0), high=(1e4, 1.0), cells=(8, 4), batch=20),
        budget=ne.Budget(evaluations=200), seed=1, progress=False,
    )  # fmt: skip
    for cell, one in run.strategy.elites.items():
        column = min(max(int(np.floor(np.log10(one.values["size"]) + 4)), 0), 7)
        assert cell == 4 * column + min(max(int((one.values["slope"] + 1) * 2), 0), 3)
    assert len({cell // 4 for cell in run.strategy.elites}) > 4
    for settings, sentence in (
        ({"axes": ("sise", "slope")}, "unknown objective to be an axis 'sise'; did you mean 'size'"),
        ({"axes": ("size", "slope"), "low": (0.0, -1.0)}, "needs ends and values > 0, got 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ne.evolve(CURVES, smooth, objectives=objectives, strategy=MapElites(**settings), budget=ne.Budget(generations=1))


def test_a_toolbox_chooses_the_parents() -> None:
    toolbox = base.Toolbox()
    toolbox.register("select", lambda elites, k: [min(elites, key=lambda one: one.fitness.values[0])] * k)
    run = search(4, toolbox=toolbox)
    assert len({one.parents for one in run if one.generation == 1}) == 1


def test_a_task_that_does_not_describe_or_otherwise_is_refused() -> None:
    for fitness, descriptors, sentence in (
        (lambda genome: 1.0, None, "this task does not say: give it descriptors"),
        (
            lambda genome: 1.0,
            lambda genome: [1.0],
            "the task describes individuals by 1 numbers, and low and high are the ends of 2 axes",
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            ne.evolve(
                NumberSpace(), ne.tasks.Function(fitness, of="genome", descriptors=descriptors), strategy=MapElites(batch=4),
                budget=ne.Budget(evaluations=8), progress=False,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": (0.0,)}, "each axis needs a low end below its high end"),
        ({"high": (1.0, 0.0)}, "each axis needs a low end below its high end"),
        ({"high": (1.0, float("nan"))}, "high must be one finite number for each axis"),
        ({"cells": (0,)}, "cells must be a whole number >= 1, got 0"),
        ({"cells": ()}, "cells .* must be one number, or one for each of 2 axes"),
        ({"cells": (2, 3, 4)}, "cells of archive='grid' must be one number, or one for each of 2 axes"),
        ({"cells": (2, 3), "archive": "cvt"}, "cells of archive='cvt' must be one number"),
        ({"axes": ("size",)}, "low and high need an end for each of the axes"),
        ({"archive": "tree"}, "archive must be one of 'grid', 'cvt', got 'tree'"),
        ({"batch": 0}, "batch must be a whole number >= 1"),
        ({"worst": float("inf")}, "worst must be a finite number or None"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MapElites(**settings)


# Drawn ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "settings"),
    [
        (1, {"low": (-1.0,), "high": (1.0,), "cells": (9,)}),
        (2, {"cells": (6, 4)}),
        (2, {"archive": "cvt", "cells": (15,), "samples": 400}),
        (3, {"low": (-1.0,) * 3, "high": (1.0,) * 3, "cells": (4, 3, 2)}),
        (3, {"low": (-1.0,) * 3, "high": (1.0,) * 3, "archive": "cvt", "cells": (15,), "samples": 400}),
    ],
)
def test_the_archive_of_a_run_is_drawn(axes: int, settings: dict, tmp_path: Path) -> None:
    def bent(network) -> dict:
        return {"roughness": smooth(network)["roughness"], "places": network(X[[0, -1, 10]])[:axes, 0]}

    run = ne.evolve(
        CURVES, ne.tasks.Function(bent, {"roughness": ne.minimise}, descriptors="places"), progress=False, seed=1, run=tmp_path / "run",
        strategy=MapElites(**{"low": (-1.0, -1.0), "batch": 20, **settings}), budget=ne.Budget(evaluations=100),
    )  # fmt: skip
    data = ne.plots.archive_data(ne.load_run(tmp_path / "run"))
    assert data.elites == {cell: one.id for cell, one in run.strategy.elites.items()}
    assert (data.coverage, data.score) == tuple(run.generations()[["coverage", "qd_score"]].iloc[-1])
    shown = picture(data, -1.0)
    assert shown.shape == ((1, PIXELS) if axes == 1 else (PIXELS, PIXELS)) and np.isfinite(shown).sum() > 0
    assert set(shown[np.isfinite(shown)].tolist()) <= set(data.values.values())
    if axes == 1:
        cells = np.array([data.values.get(cell, np.nan) for cell in range(9)])
        assert np.array_equal(shown[0, 20::44][:9], cells, equal_nan=True)
    if settings["cells"] == (6, 4):
        table = np.array([data.values.get(cell, np.nan) for cell in range(24)]).reshape(6, 4)
        assert np.array_equal(shown[50::100, 33::67], table.T, equal_nan=True)
    if settings["cells"] == (4, 3, 2):
        table = np.array([data.values.get(cell, np.inf) for cell in range(24)]).reshape(4, 3, 2).min(axis=2)
        assert np.array_equal(np.nan_to_num(shown[66::133, 50::100], nan=np.inf), table.T)
    ne.plots.archive(run).savefig(tmp_path / "archive.png", dpi=40)
    assert (tmp_path / "archive.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_of_another_strategy_has_no_archive() -> None:
    run = ne.evolve(
        CURVES, smooth, objectives={"roughness": ne.minimise}, budget=ne.Budget(generations=1), population=4, progress=False
    )
    with pytest.raises(ValueError, match=r"this run's strategy is .*, not MapElites"):
        ne.plots.archive(run)


# What it is for -----------------------------------------------------------------------------------------------------------------


def test_an_archive_fills_more_cells_with_better_individuals_than_random_search() -> None:
    mine = search(20)
    random = ne.evolve(
        CURVES, CURVE, strategy=ne.strategies.RandomSearch(batch=20), budget=ne.Budget(evaluations=400), seed=1, progress=False
    )
    cells = mine.strategy.cut(1, mine.objectives)
    best: dict[int, float] = {}
    for one in random:
        cell = int(cells.of(one.descriptors[None])[0])
        best[cell] = max(best.get(cell, 0.0), 3.0 - one.fitness.values[0])
    assert mine.generations()["qd_score"].iloc[-1] > 1.15 * sum(best.values())


def test_a_search_that_is_refused_at_its_start_leaves_no_folder(tmp_path) -> None:
    elites = MapElites(axes=("parameters",), low=(1.0,), high=(9.0,))
    with pytest.raises(ValueError, match="unknown objective to be an axis 'parameters'"):
        ne.evolve(
            NeatSpace(2, 1), lambda network: 0.0, strategy=elites, budget=ne.Budget(evaluations=4), run=tmp_path / "refused"
        )
    assert not list(tmp_path.iterdir())


# On a run's page and in a terminal -----------------------------------------------------------------------------------------------


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


@pytest.mark.parametrize("settings", [{"cells": (6, 4)}, {"archive": "cvt", "cells": (15,), "samples": 400}])
def test_the_map_of_the_page_has_each_elite_in_its_own_cell(settings: dict) -> None:
    run = search(**settings)
    found = archive_map(run)
    cells = run.strategy.cut(1, run.objectives)
    assert found is not None and found["direction"] == "minimise" and found["ends"][0] < found["ends"][1]
    assert sorted(cell["id"] for cell in found["cells"]) == sorted(one.id for one in run.strategy.elites.values())
    for shape in found["cells"]:
        middle = np.mean(shape["corners"], axis=0)
        assert run.strategy.elites[int(cells.of(middle[None])[0])].id == shape["id"]
        assert re.fullmatch("#[0-9a-f]{6}", shape["fill"])
    if len(run.strategy.elites) == cells.count:
        assert sum(area(np.array(cell["corners"])) for cell in found["cells"]) == pytest.approx(4.0, rel=1e-3)
    best = min(run.strategy.elites.values(), key=lambda one: one.fitness.values[0])
    assert next(cell["fill"] for cell in found["cells"] if cell["id"] == best.id) == found["scale"][0]


def test_of_cells_behind_each_other_the_page_shows_the_best() -> None:
    def bent(network) -> dict:
        return {"roughness": smooth(network)["roughness"], "places": network(X[[0, -1, 10]])[:, 0]}

    for settings in ({"cells": (4, 3, 5)}, {"archive": "cvt", "cells": (15,), "samples": 400}):
        run = ne.evolve(
            CURVES, ne.tasks.Function(bent, {"roughness": ne.minimise}, descriptors="places"), progress=False, seed=1,
            strategy=MapElites(low=(-1.0,) * 3, high=(1.0,) * 3, batch=20, **settings), budget=ne.Budget(evaluations=200),
        )  # fmt: skip
        found = archive_map(run)
        assert found is not None and found["of"] == 3 and len(found["axes"]) == 2
        if settings.get("archive"):
            assert len(found["cells"]) == len(run.strategy.elites)
            continue
        columns: dict[tuple[int, ...], float] = {}
        for cell, one in run.strategy.elites.items():
            at = tuple(np.unravel_index(cell, (4, 3, 5))[:2])
            columns[at] = min(columns.get(at, np.inf), one.fitness.values[0])
        assert sorted(run[cell["id"]].fitness.values[0] for cell in found["cells"]) == sorted(columns.values())
        assert len(columns) < len(run.strategy.elites)


def test_axes_that_are_cut_by_their_logarithm_are_named_in_their_own_unit() -> None:
    size = Objective("size", "minimise", log=True)
    task = ne.tasks.Function(
        lambda genome: {"quality": -abs(genome.value), "size": 10.0 ** (abs(genome.value) % 3)},
        {"quality": ne.maximise, "size": size},
        of="genome",
    )
    for archive in ("grid", "cvt"):
        strategy = MapElites(axes=("size",), low=(1.0,), high=(1000.0,), cells=(6,), archive=archive, samples=300)
        run = ne.evolve(NumberSpace(), task, strategy=strategy, budget=ne.Budget(evaluations=100), seed=1, progress=False)
        found = archive_map(run)
        assert found is not None and found["axes"] == [{"name": "size", "log": True, "ends": [1.0, 1000.0]}]
        for cell in found["cells"]:
            left, right = (cell["corners"][at][0] for at in (0, 1))
            assert left * 0.999 <= run[cell["id"]].values["size"] <= right * 1.001


def test_show_says_how_much_was_new() -> None:
    task = ne.tasks.Function(lambda genome: genome.value, of="genome", descriptors=lambda genome: [genome.value])
    strategy = GeneticAlgorithm(population=10, scoring="Novelty(k=3)")
    run = ne.evolve(NumberSpace(), task, strategy=strategy, budget=ne.Budget(generations=4), seed=1, progress=False)
    assert run.summaries[-1]["archive"] > 1
    assert f"archive: {run.summaries[-1]['archive']} descriptors of what was new" in run_table(run)


def test_show_and_report_say_coverage_and_score(tmp_path: Path) -> None:
    run = search(folder=tmp_path / "run")
    last = run.summaries[-1]
    shown = run_table(ne.load_run(tmp_path / "run"))
    assert f"archive: {last['elites']} elites in {last['coverage']:.1%} of the cells, QD score {last['qd_score']:,.4g}" in shown
    said = run_json(ne.load_run(tmp_path / "run"))
    assert said["archive"] == {name: last[name] for name in ("elites", "coverage", "qd_score")}
    text = page(ne.load_run(tmp_path / "run"))
    data = json.loads(re.findall(r'<script type="application/json" id="run-data">(.*?)</script>', text, re.DOTALL)[0])
    assert all(str(cell["id"]) in data["drawings"] for cell in data["archive"]["cells"]), (
        "each genome is shown where it is pointed at"
    )
    assert 'id="archive"' in text and "QD score" in text
    plain = ne.evolve(
        NumberSpace(), ne.tasks.Function(lambda genome: genome.value, of="genome"), strategy=RandomSearch(), progress=False,
        budget=ne.Budget(evaluations=4),
    )  # fmt: skip
    assert 'id="archive"' not in page(plain) and "archive:" not in run_table(plain) and "archive" not in run_json(plain)
