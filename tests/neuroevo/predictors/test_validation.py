"""How good a predictor is: ranks against scipy's, coverage against its definition, and the benchmark's table where there is one."""

import csv
import gzip
import json
import runpy
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from genomes import CellSpace
from neuroevo.predictors import Neighbours, coverage, held_out, rank_correlation
from neuroevo.testing.evaluator import NumberSpace

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "experiments" / "predictors.py"
TABLE = ROOT.parent / "shared" / "data" / "nb201_cifar10.csv.gz"
with_table = pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is absent")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_the_rank_correlation_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, dtype=float).T
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert rank_correlation(first, second) == 0
    else:
        assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second)[0])


def test_coverage_counts_the_scores_within_the_interval() -> None:
    draws = np.random.default_rng(0).normal(size=20_000)
    for level in (0.5, 0.9):
        assert coverage(np.zeros(20_000), np.ones(20_000), draws, level) == pytest.approx(level, abs=0.01)
    assert coverage([1.0, 1.0], [0.0, 0.0], [1.0, 1.1]) == 0.5


def test_what_was_fitted_is_not_asked_for() -> None:
    space = NumberSpace()
    genomes = [space.from_genes(number**1.1) for number in range(40)]  # none has two that are equally near
    values = np.arange(40.0) ** 2
    predictor = Neighbours(k=1)
    found = held_out(predictor, genomes, values, fitted=30, seed=3)
    assert len(found.values) == len(found.mean) == len(found.deviation) == 10
    assert not predictor.genomes, "the predictor that was given is as it was"
    assert set(found.mean.round(6)) <= set(values) - set(found.values), "each is predicted by one that was fitted"
    assert found.rank_correlation > 0.9 and 0 < found.error < 200
    assert held_out(predictor, genomes, values, fitted=30, seed=3).mean.tolist() == found.mean.tolist()
    assert held_out(predictor, genomes, values, fitted=30, seed=4).values.tolist() != found.values.tolist()
    assert len(held_out(predictor, genomes, values).values) == 20


def test_nothing_to_fit_or_to_predict_is_refused() -> None:
    space = NumberSpace()
    genomes = [space.from_genes(float(number)) for number in range(4)]
    for fitted in (0, 4, -1):
        with pytest.raises(ValueError, match="fitted must be from 1 to 3"):
            held_out(Neighbours(), genomes, np.arange(4.0), fitted=fitted)
    with pytest.raises(ValueError, match="4 genomes and 3 values"):
        held_out(Neighbours(), genomes, np.arange(3.0))
    with pytest.raises(ValueError, match="each genome needs"):
        coverage([1.0], [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="level must be in"):
        coverage([1.0], [1.0], [1.0], level=90)
    with pytest.raises(ValueError, match="one value for each genome"):
        rank_correlation([1.0], [1.0, 2.0])


@cache
def cells() -> tuple[list, np.ndarray]:
    """1,000 cells of NAS-Bench-201 and the logarithm of their validation error."""
    with gzip.open(TABLE, "rt") as file:
        rows = list(csv.DictReader(file))
    space = CellSpace()
    drawn = [rows[position] for position in np.random.default_rng(0).permutation(len(rows))[:1000]]
    genomes = [space.build([int(digit) for digit in row["ops"]]) for row in drawn]
    return genomes, np.log([100 - float(row["c10_val200"]) for row in drawn])


@with_table
@pytest.mark.slow
def test_neighbours_rank_cells_that_they_have_not_seen_and_know_how_far_they_are_off() -> None:
    genomes, values = cells()
    for fitted, least in ((50, 0.5), (200, 0.68)):
        found = [held_out(Neighbours(), genomes, values, fitted=fitted, seed=seed) for seed in range(8)]
        assert np.mean([each.rank_correlation for each in found]) > least
        assert 0.8 < np.mean([each.coverage for each in found]) < 0.97


@with_table
def test_the_script_writes_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    arguments = [
        "--table",
        str(TABLE),
        "--seeds",
        "2",
        "--held-out",
        "200",
        "--predictors",
        "neighbours",
        "wl",
        "--json",
        str(out),
    ]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    report = json.loads(out.read_text())
    for name in ("neighbours_rank_correlation_50", "neighbours_rank_correlation_200", "neighbours_coverage_50"):
        assert 0.3 < report["ours"][name] <= 1
    assert report["ours"]["wl_rank_correlation_50"] > 0.7
    assert len(report["runs"]) == 2 * 2 * 2
