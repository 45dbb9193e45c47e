"""Runs of many individuals: their genes stay in the folder until somebody looks at them, and pages draw some of them."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.report import html
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.run import shelf
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


@pytest.mark.parametrize("lazy", [False, True])
def test_a_run_read_back_is_the_one_in_memory_and_holds_few_genes(folder: Path, lazy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    most = []
    read = Shelf.population

    def counted(self: Shelf, first_id: int):
        found = read(self, first_id)
        most.append(len(self._read))
        return found

    monkeypatch.setattr(Shelf, "population", counted)
    whole, loaded = evolved(None), ne.load_run(folder, lazy=lazy)
    assert len(most) <= GENERATIONS, "the front was looked at"
    assert all(isinstance(one, Shelved) for one in loaded.records.populations)
    assert seen(loaded) == seen(whole) and len(seen(whole)) == MEMBERS * GENERATIONS
    assert loaded.records.kept == whole.records.kept == MEMBERS * GENERATIONS
    assert loaded[77].genome.key() == whole[77].genome.key() and max(most) <= shelf.KEPT
    assert run_table(loaded).splitlines()[1:4] == run_table(whole).splitlines()[1:4]
    assert list(loaded.records.cut_short()) == list(whole.records.cut_short()) == [
        (one.id, one.status, one.reason) for one in whole if one.status == "failed"
    ]
    assert len(list(loaded.records.cut_short())) == 6 * GENERATIONS


def test_a_run_that_is_recorded_leaves_its_genes_to_the_folder_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroevo.store.connection.BATCH_SECONDS", 0.0)  # every record is committed at once
    run = evolved(tmp_path / "run")
    assert [isinstance(one, Shelved) for one in run.records.populations] == [True] * GENERATIONS
    assert seen(run) == seen(evolved(None))
    longer = evolved(tmp_path / "run", GENERATIONS + 2)
    assert seen(longer) == seen(evolved(None, GENERATIONS + 2)), "a run that goes on too"


def test_a_page_draws_some_of_many_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ne.load_run(folder, lazy=True)
    assert "are drawn, chosen evenly" not in page(run)
    monkeypatch.setattr(html, "MOST", 60)
    text = page(run)
    data = json.loads(re.search(r'id="run-data">(.*?)</script>', text)[1])
    ids = data["individuals"]["id"]
    assert set(data["front"]) <= set(ids) and 30 <= len(ids) <= 90
    assert f"{len(ids)} of {MEMBERS * GENERATIONS} individuals are drawn" in text
    parents = {parent for one in run.front for parent in one.parents}
    assert parents <= set(ids), "the front's ancestors are among them"
    assert "36</td><td>failed" in text, "reasons are counted over all"
    best = [row["best"][0] for row in run.summaries]
    assert data["progress"]["value"][-1] == pytest.approx(best[-1]) and data["progress"]["over"]["evaluations"][-1] <= run.evaluations
    few = run.thinned(60)
    assert (few.evaluations, few.failures, few.best.id) == (run.evaluations, run.failures, run.best.id)
    assert few.records.kept + few.records.left_out == run.records.kept and run.records.left_out == 0
    assert set(ids) <= {one.id for one in run.thinned(200)}, "who is drawn of a smaller share is drawn of a larger one"


def test_damaged_genes_are_one_sentence_when_they_are_looked_at(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    copied.mkdir()
    for name in ("config.json", "run.db"):
        (copied / name).write_bytes((folder / name).read_bytes())
    with sqlite3.connect(copied / "run.db") as database:
        ((arrays,),) = database.execute("SELECT arrays FROM populations WHERE first_id = ?", (MEMBERS,)).fetchall()
        database.execute("UPDATE populations SET arrays = ? WHERE first_id = ?", (arrays[: len(arrays) // 2], MEMBERS))
    database.close()
    run = ne.load_run(copied, lazy=True)
    assert run.evaluations == MEMBERS * GENERATIONS and run[3].id == 3
    with pytest.raises(StoreError, match=r"run.db is damaged .*doctor"):
        run[MEMBERS + 1]
    with pytest.raises(StoreError, match=r"run.db is damaged .*doctor"):
        ne.load_run(copied)
