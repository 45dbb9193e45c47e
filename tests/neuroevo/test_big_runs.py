"""Runs of many individuals: their genes stay in the folder until somebody looks at them, and pages draw some of them."""

from __future__ import annotations

import gc
import json
import pickle
import re
import shutil
import sqlite3
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.plots import operators_data
from neuroevo.report import html
from neuroevo.report.comparison import own_curve
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.run import shelf
from neuroevo.run.records import spread
from neuroevo.run.shelf import Shelf, Shelved
from neuroevo.store import StoreError
from neuroevo.strategies import Neat

MEMBERS, GENERATIONS = 40, 6


def scored(networks) -> np.ndarray:
    """How near outputs are to 0.3; every seventh member fails."""
    found = -np.abs(networks(np.eye(3))[:, :, 0] - 0.3).sum(axis=1)
    found[::7] = np.nan
    return found


def evolved(folder: Path | None, generations: int = GENERATIONS) -> ne.Run:
    return ne.evolve(
        NeatSpace(3, 1), ne.population_fitness(scored), strategy=Neat(population=MEMBERS), budget=ne.Budget(generations=generations),
        seed=3, run=folder, record="all", progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("big") / "run"
    evolved(folder)
    return folder


def seen(run: ne.Run) -> list[tuple]:
    return [(one.id, one.status, one.fitness.values, one.reason, one.parents, one.operators, one.genome.key()) for one in run]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of more than two of its populations is a large one."""
    for module in ("run", "loop", "shelf"):
        monkeypatch.setattr(f"neuroevo.run.{module}.IN_MEMORY", 2 * MEMBERS)


def test_a_small_run_stays_in_memory(tmp_path: Path) -> None:
    run = evolved(tmp_path / "run", 3)
    loaded = ne.load_run(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    assert seen(run) == seen(loaded) == seen(evolved(None, 3))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_run_read_back_is_the_one_in_memory_and_holds_few_genes(folder: Path, lazy: bool, large: None) -> None:
    whole, loaded = evolved(None), ne.load_run(folder, lazy=lazy)
    shelved = [isinstance(one, Shelved) for one in loaded.records.populations]
    assert shelved == [True] * GENERATIONS if lazy else [False] * 2 + [True] * (GENERATIONS - 2)
    assert seen(loaded) == seen(whole) and len(seen(whole)) == MEMBERS * GENERATIONS
    assert loaded.records.kept == whole.records.kept == MEMBERS * GENERATIONS
    assert loaded[77].genome.key() == whole[77].genome.key()
    assert run_table(loaded).splitlines()[1:4] == run_table(whole).splitlines()[1:4]
    cut_short = [(one.id, one.status, one.reason) for one in whole if one.status == "failed"]
    assert list(loaded.records.cut_short()) == list(whole.records.cut_short()) == cut_short and len(cut_short) == 6 * GENERATIONS


def test_who_goes_through_a_large_run_holds_few_populations(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref] = []
    made = Shelf.made

    def counted(self: Shelf, recorded):
        population = made(self, recorded)
        alive.append(weakref.ref(population))
        return population

    monkeypatch.setattr(Shelf, "made", counted)
    run = ne.load_run(folder, lazy=True)
    most = 0
    for _ in run:
        gc.collect(0)
        most = max(most, sum(one() is not None for one in alive))
    assert len(alive) >= GENERATIONS and most <= shelf.KEPT + 1


def test_a_large_run_leaves_its_genes_to_the_folder_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: None) -> None:
    monkeypatch.setattr("neuroevo.store.connection.BATCH_SECONDS", 0.0)  # every record is committed at once
    monkeypatch.chdir(tmp_path)
    run = evolved(Path("run"))
    assert sum(isinstance(one, Shelved) for one in run.records.populations) >= GENERATIONS - 2
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert seen(run) == seen(evolved(None))
    travelled = pickle.loads(pickle.dumps(run.records.populations[0]))
    assert travelled[3].genome.key() == run[3].genome.key()
    longer = evolved(tmp_path / "run", GENERATIONS + 2)
    assert seen(longer) == seen(evolved(None, GENERATIONS + 2)), "a run that goes on too"


def test_populations_that_are_recorded_by_member_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: None) -> None:
    monkeypatch.setattr("neuroevo.store.connection.BATCH_SECONDS", 0.0)

    def fitness(network) -> float:
        return -float(np.abs(network(np.eye(3))[:, 0] - 0.3).sum())

    def run(folder: Path | None) -> ne.Run:
        budget = ne.Budget(generations=4)
        return ne.evolve(NeatSpace(3, 1), fitness, strategy=Neat(population=MEMBERS), budget=budget, seed=3, run=folder, progress=False)

    assert seen(run(tmp_path / "run")) == seen(run(None))


def test_threads_look_at_the_same_run(folder: Path) -> None:
    whole = {one.id: one.genome.key() for one in evolved(None)}
    run = ne.load_run(folder, lazy=True)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            ids = [id * 7919 % len(whole) for id in range(300)]
            assert list(pool.map(lambda id: run[id].genome.key(), ids)) == [whole[id] for id in ids]
    finally:
        sys.setswitchinterval(before)


def test_a_folder_that_is_gone_or_anothers_is_said(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "run")
    run = ne.load_run(tmp_path / "run", lazy=True)
    read = {id for population in run.records.populations for id in population.shelf._read}
    id = next(one.first_id for one in run.records.populations if one.first_id not in read)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StoreError, match="is gone: genomes of its populations"):
        run[id]
    ne.evolve(
        NeatSpace(3, 1), ne.population_fitness(scored), strategy=Neat(population=MEMBERS), budget=ne.Budget(generations=GENERATIONS), seed=4,
        run=tmp_path / "run", record="all", progress=False,
    )  # fmt: skip
    with pytest.raises(StoreError, match="holds another run now"):
        run[id]


def test_a_page_draws_some_of_many_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ne.load_run(folder, lazy=True)
    assert "individuals are drawn" not in page(run)
    monkeypatch.setattr(html, "MOST", 60)
    text = page(run)
    data = json.loads(re.search(r'id="run-data">(.*?)</script>', text)[1])
    ids = data["individuals"]["id"]
    assert set(data["front"]) <= set(ids) and 30 <= len(ids) <= 90
    assert f"{len(ids)} of {MEMBERS * GENERATIONS} individuals are drawn" in text
    parents = {parent for one in run.front for parent in one.parents}
    assert parents <= set(ids), "the front's ancestors are among them"
    assert "36</td><td>failed" in text, "reasons are counted over all"
    examples = {int(id) for id in re.findall(r'data-choose="(\d+)"', text)}
    assert examples and examples <= set(ids) and data["left_out"] == MEMBERS * GENERATIONS - len(ids)
    best = [row["best"][0] for row in run.summaries]
    assert data["progress"]["value"][-1] == pytest.approx(best[-1]) and data["progress"]["over"]["evaluations"][-1] <= run.evaluations
    few = run.thinned(60)
    assert (few.evaluations, few.failures, few.best.id) == (run.evaluations, run.failures, run.best.id)
    assert few.records.kept + few.records.left_out == run.records.kept and run.records.left_out == 0
    assert few[100].genome.key() == run[100].genome.key(), "who is left out is found"
    assert {one.id for one in few if one.id in ids} == {one.id for one in few}
    assert set(ids) <= {one.id for one in run.thinned(200)}, "who is drawn of a smaller share is drawn of a larger one"


def test_operators_of_some_children_are_judged_beside_all_parents(folder: Path) -> None:
    run = ne.load_run(folder, lazy=True)
    few = run.thinned(80)
    children = {one.operator: one for one in operators_data(few)}
    chosen = [one for one in run if spread(np.array([one.id]))[0] < few.records.share and one.parents]
    judged = [one for one in chosen if all(run[id].status == "done" for id in one.parents)]
    assert children["crossover"].children == sum("crossover" in one.operators for one in judged) > 5
    better = [all(one.fitness.wvalues > run[id].fitness.wvalues for id in one.parents) for one in judged if "crossover" in one.operators]
    assert children["crossover"].improved == pytest.approx(np.mean(better))


def test_progress_of_some_ends_where_that_of_all_does(tmp_path: Path) -> None:
    """Cut short inside a generation."""
    run = ne.evolve(
        NeatSpace(3, 1), lambda network: -float(np.abs(network(np.eye(3))[:, 0] - 0.3).sum()), strategy=Neat(population=MEMBERS),
        budget=ne.Budget(evaluations=100), seed=3, progress=False,
    )  # fmt: skip
    few = run.thinned(50)
    assert few.records.left_out and run.summaries[-1]["evaluations"] < 100
    for one in (few, run):
        curve, _ = own_curve(one, list(one))
        assert (curve.evaluations[-1], curve.value[-1]) == (100, run.best.values["fitness"])


@pytest.mark.parametrize("damage", [lambda arrays: arrays[: len(arrays) // 2], lambda arrays: b"\xff" * 8 + arrays[8:]])
def test_damaged_genes_are_one_sentence_when_they_are_looked_at(folder: Path, tmp_path: Path, damage) -> None:
    copied = tmp_path / "run"
    copied.mkdir()
    for name in ("config.json", "run.db"):
        (copied / name).write_bytes((folder / name).read_bytes())
    with sqlite3.connect(copied / "run.db") as database:
        ((arrays,),) = database.execute("SELECT arrays FROM populations WHERE first_id = ?", (MEMBERS,)).fetchall()
        database.execute("UPDATE populations SET arrays = ? WHERE first_id = ?", (damage(arrays), MEMBERS))
    database.close()
    with pytest.raises(StoreError, match=r"run.db is damaged .*doctor"):
        ne.load_run(copied, lazy=True)[MEMBERS + 1]
    with pytest.raises(StoreError, match=r"run.db is damaged .*doctor"):
        ne.load_run(copied)
