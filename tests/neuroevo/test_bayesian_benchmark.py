"""Bayesian optimization on the published benchmark, at a size that tests can afford; `experiments/bayesian.py` does the whole of it."""

import json
import runpy
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "bayesian.py"
TABLE = ROOT.parent / "shared" / "data" / "nb201_cifar10.csv.gz"
with_table = pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is absent")


@with_table
def test_local_search_finds_the_best_cell() -> None:
    script = runpy.run_path(str(SCRIPT))
    found = [script["search"]("local_search", seed, TABLE) for seed in range(20)]
    assert statistics.fmean(one["optimum_200"] for one in found) >= 0.8
    assert statistics.fmean(one["test_accuracy_100"] for one in found) > 94.1


@pytest.mark.slow
@with_table
def test_a_model_finds_it_in_half_of_the_evaluations_and_the_front_in_half_of_nsga2s() -> None:
    script = runpy.run_path(str(SCRIPT))
    found = [script["search"]("wl", seed, TABLE, 100) for seed in range(3)]
    assert statistics.median(one["test_accuracy_100"] for one in found) > 94.2
    assert script["two"]("bayesian", 0, TABLE, 250)["reached"]


@pytest.mark.slow
@with_table
def test_the_script_writes_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    monkeypatch.setattr(
        sys, "argv", [str(SCRIPT), "--table", str(TABLE), "--seeds", "1", "--methods", "pnas_one_batch", "--json", str(out)]
    )
    runpy.run_path(str(SCRIPT), run_name="__main__")
    report = json.loads(out.read_text())
    for name in ("random_search_test_accuracy_100", "local_search_optimum_200", "pnas_one_batch_test_accuracy_200"):
        assert name in report["ours"]
    assert report["ours"]["nsga2_evaluations_to_999"] > 0
