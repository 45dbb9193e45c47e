"""The published benchmark, at a size that tests can afford; the experiment's script does the whole of it."""

import json
import runpy
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "nasbench201.py"
TABLE = ROOT.parent / "shared" / "data" / "nb201_cifar10.csv.gz"
with_table = pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is absent")


@with_table
def test_random_search_and_regularized_evolution_agree_with_the_published_means() -> None:
    script = runpy.run_path(str(SCRIPT))
    for method, published in (("random_search", 93.70), ("regularized_evolution", 93.92)):
        found = [script["test_accuracy"](method, seed, TABLE, None) for seed in range(60)]
        mean = statistics.fmean(result["test_accuracy"] for result in found)
        assert abs(mean - published) < 0.1 + 2 * 0.36 / 60**0.5  # the published deviation, two standard errors
        assert 80 < statistics.fmean(result["evaluations"] for result in found) < 130


@with_table
def test_nsga2_needs_a_fraction_of_random_searchs_evaluations() -> None:
    script = runpy.run_path(str(SCRIPT))
    assert abs(script["Benchmark"](TABLE).hypervolume - 0.99054) < 5e-6
    counts = [script["evaluations_to_reach"]("nsga2", seed, TABLE, None, 2000, "genome") for seed in range(9)]
    assert statistics.median(result["evaluations_to_999"] for result in counts) <= 700
    random = [script["evaluations_to_reach"]("random_search", seed, TABLE, None, 1000, "genome") for seed in range(3)]
    assert sum(result["reached"] for result in random) < 3


@with_table
@pytest.mark.slow
def test_lemonades_selection_needs_at_most_700_evaluations() -> None:
    script = runpy.run_path(str(SCRIPT))
    counts = [script["evaluations_to_reach"]("lemonade", seed, TABLE, None, 2000, "genome") for seed in range(7)]
    assert statistics.median(result["evaluations_to_999"] for result in counts) <= 700


@with_table
def test_tables_that_are_made_from_it_keep_their_front_and_cost(tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    tables = script["held_out"](TABLE, tmp_path)
    assert tuple(tables) == script["HELD_OUT"]
    permuted, own = script["Benchmark"](tables["permuted"], ("accuracy", "cost")), script["Benchmark"](TABLE)
    assert abs(permuted.hypervolume - own.hypervolume) < 1e-9 and sorted(permuted.costs.values()) == sorted(own.costs.values())
    assert permuted.costs != own.costs
    for table in ("permuted", "test_parameters"):
        found = script["evaluations_to_reach"]("nsga2", 1, tables[table], None, 3000, "genome")
        assert found["reached"] and found["table"] == table


@with_table
def test_the_script_writes_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    arguments = ["--seeds", "3", "--seeds-two", "1", "--cap", "300", "--json", str(out), "--run", str(tmp_path / "runs")]
    arguments += ["--figure", str(tmp_path / "figure.png")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--table", str(TABLE), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    report = json.loads(out.read_text())
    for name in (
        "random_search_test_accuracy",
        "regularized_evolution_test_accuracy",
        "nsga2_evaluations_to_999",
        "lemonade_evaluations_to_999",
        "random_search_evaluations_to_999",
    ):
        assert name in report["ours"]
    assert len(report["runs"]) == 2 * 3 + 4
    assert len(list((tmp_path / "runs").iterdir())) == 10
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_an_absent_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--table", "nowhere.csv"])
    with pytest.raises(SystemExit, match=r"there is no table at nowhere.csv: give the benchmark's CSV file with --table"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
