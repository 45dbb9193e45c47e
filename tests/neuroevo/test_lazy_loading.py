"""Runs read lazily: the same individuals, decoded only where somebody looks."""

import copy
import pickle
import sqlite3
from pathlib import Path

import pytest

import neuroevo as ne
from neuroevo import strategies
from neuroevo.store import StoreError
from neuroevo.testing.evaluator import Number, NumberSpace, SquareTask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ne.evolve(
        NumberSpace(), SquareTask(0.2), strategy=strategies.Nsga2(population=10), budget=ne.Budget(evaluations=40), seed=1,
        run=tmp_path / "run", progress=False,
    )  # fmt: skip
    return tmp_path / "run"


def test_a_lazy_run_is_the_same_run(folder: Path) -> None:
    whole, lazy = ne.load_run(folder), ne.load_run(folder, lazy=True)
    assert [i.id for i in lazy.front] == [i.id for i in whole.front]
    for mine, other in zip(lazy, whole, strict=True):
        assert (mine.id, mine.values, mine.status, mine.reason, mine.parents) == (
            other.id, other.values, other.status, other.reason, other.parents,
        )  # fmt: skip
        assert mine == other and mine.artifact == other.artifact
    assert pickle.loads(pickle.dumps(lazy[0])) == copy.deepcopy(lazy[0]) == whole[0]


def test_a_genome_is_decoded_when_it_is_looked_at(folder: Path, monkeypatch) -> None:
    decoded = []
    original = NumberSpace.from_genes
    monkeypatch.setattr(NumberSpace, "from_genes", lambda self, genes: decoded.append(genes) or original(self, genes))
    run = ne.load_run(folder, lazy=True)
    assert run.best.values and not decoded
    assert isinstance(run[3].genome, Number) and run[3].genome is run[3].genome
    assert len(decoded) == 1


def test_what_is_wrong_with_a_genome_is_said_at_the_first_look(folder: Path) -> None:
    database = sqlite3.connect(folder / "run.db")
    database.execute("UPDATE individuals SET genome = '\"text\"' WHERE id = 5")
    database.commit()
    database.close()
    run = ne.load_run(folder, lazy=True)
    with pytest.raises(StoreError, match="is damaged"):
        _ = run[5].genome
    with pytest.raises(StoreError, match="is damaged"):
        ne.load_run(folder)
