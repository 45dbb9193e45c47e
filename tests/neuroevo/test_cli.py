"""The command line as a user types it: real data, one sentence where something is wrong.

A command runs in a process of its own once (`process`); what else it says is looked at in this one (`neuroevo`).
"""

import html
import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo
from sklearn.datasets import load_breast_cancer

ROOT = Path(__file__).parents[2]


def process(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "neuroevo.cli.main", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env={**_environment(), "PYTHONPATH": str(ROOT)}
    )


@pytest.mark.parametrize("encoding", ["ascii:strict", "cp1252:strict"])
def test_what_a_terminal_or_file_cannot_hold_is_spelled_and_no_error(encoding: str, tmp_path: Path, monkeypatch) -> None:
    """Windows writes to files and pipes in an encoding of its own."""
    shutil.copytree(Path(__file__).parents[1] / "reliability" / "older" / "schema_1" / "nsga2", tmp_path / "größe → 1")
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [sys.executable, "-m", "neuroevo.cli.main", "doctor", "größe → 1", "--repair"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env={**_environment(), "PYTHONPATH": str(ROOT)}, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    name = encoding.split(":")[0]
    assert "größe → 1 is in order".encode(name, errors="backslashreplace") in done.stdout


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a table as users have it: numbers, a text column, holes, a target of two words."""
    path = tmp_path_factory.mktemp("user")
    data = load_breast_cancer(as_frame=True)
    table = data.data.iloc[:, :8].copy()
    rng = np.random.default_rng(0)
    table["site"] = rng.choice(["left", "right", "both"], len(table))
    table = table.mask(rng.random(table.shape) < 0.03)
    table["diagnosis"] = np.where(data.target == 1, "benign", "malignant")
    table.to_csv(path / "tumours.csv", index=False)
    return path


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    done = neuroevo(
        "search", "tumours.csv", "--target", "diagnosis", "--evaluations", 4, "--epochs", 2, "--workers", 1, "--run", "runs/t",
        "--baseline", "--references", "--folds", 0, folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "t"


def test_a_csv_with_text_and_holes_gives_a_front_and_figures(finished: Path, folder: Path) -> None:
    shown = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)
    counts = {"evaluated": 4, "failed": 0, "stopped": 0, "predicted": 0, "trials_without_individuals": 0}
    assert {name: shown["counts"][name] for name in counts} == counts and {"epochs", "generations"} < set(shown["counts"])
    assert shown["front"]
    for member in shown["front"]:
        assert 0 <= member["validation"]["error"] <= 1 and 0 <= member["test"]["error"] <= 1
        assert member["parameters"] == member["validation"]["parameters"] > 0
    assert (finished / "figures" / "front.png").stat().st_size > 10_000
    assert (finished / "figures" / "best.png").stat().st_size > 5_000


def test_a_baseline_is_trained_recorded_and_shown_beside_the_front(finished: Path, folder: Path) -> None:
    shown = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)
    baseline = shown["baseline"]
    assert baseline["about"] == "dense, 64 units, dense, 64 units"
    assert baseline["parameters"] == baseline["validation"]["parameters"]
    assert 0 <= baseline["validation"]["error"] <= 1 and 0 <= baseline["test"]["error"] <= 1
    assert "baseline" in neuroevo("show", finished, folder=folder).stdout
    assert neuroevo("report", finished, folder=folder).returncode == 0
    assert "baseline, made by hand" in (finished / "report.html").read_text()


def test_models_of_scikit_learn_stand_beside_the_front(finished: Path, folder: Path) -> None:
    shown = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)
    assert [one["name"] for one in shown["references"]] == ["linear", "forest", "boosting"]
    assert all(0 <= one["test"]["error"] < shown["constant"]["test"]["error"] for one in shown["references"])


@pytest.mark.slow
def test_a_quick_search_of_another_encoding(folder: Path) -> None:
    done = neuroevo(
        "search", "tumours.csv", "--target", "diagnosis", "--preset", "quick", "--evaluations", 3, "--encoding", "dag",
        "--strategy", "random_search", "--workers", 1, "--run", "runs/dag", folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = json.loads((folder / "runs" / "dag" / "config.json").read_text())
    assert settings["space"]["encoding"] == "dag"
    assert settings["strategy"]["strategy"] == "RandomSearch"
    assert settings["once"] is True, "graphs of the same network are trained once"
    assert settings["estimation"]["epochs"] == 5 and settings["budget"]["evaluations"] == 3


def test_the_same_command_again_says_that_the_run_is_complete(finished: Path, folder: Path) -> None:
    before = (finished / "test.json").read_bytes()
    again = neuroevo(
        "search", "tumours.csv", "--target", "diagnosis", "--evaluations", 4, "--epochs", 2, "--workers", 1, "--run", "runs/t",
        folder=folder,
    )  # fmt: skip
    assert again.returncode == 0 and "is complete" in again.stdout and "front:" in again.stdout
    assert (finished / "test.json").read_bytes() == before


def test_a_network_is_exported_and_predicts_in_plain_keras(finished: Path, folder: Path) -> None:
    best = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)["best"]
    exported = process("export", finished, best, "model.keras", folder=folder)
    assert exported.returncode == 0, exported.stderr
    assert exported.stderr == "", "TensorFlow starts without notes"
    assert "model.keras: loaded again in Keras" in exported.stdout and "rows of the validation data" in exported.stdout
    assert "written: model.inputs.json" in exported.stdout
    described = json.loads((folder / "model.inputs.json").read_text())
    assert described["outputs"]["classes"] == ["benign", "malignant"]
    predicted = neuroevo("predict", "model.keras", "tumours.csv", folder=folder)
    assert predicted.returncode == 0, predicted.stderr
    lines = predicted.stdout.strip().splitlines()
    assert len(lines) == 569
    assert all("benign" in line or "malignant" in line for line in lines)
    by_run = neuroevo("predict", finished, "tumours.csv", folder=folder)
    assert by_run.stdout == predicted.stdout
    written = neuroevo("predict", "model.keras", "tumours.csv", "--output", "predictions.csv", folder=folder)
    assert written.stdout == "written: predictions.csv (569 predictions)\n"
    head, first, *_ = (folder / "predictions.csv").read_text().splitlines()
    assert head == "row,class,probability of benign,probability of malignant"
    as_json = json.loads(neuroevo("predict", "model.keras", "tumours.csv", "--json", folder=folder).stdout)
    assert (
        len(as_json) == 569
        and lines[0].startswith(f"row 0: {as_json[0]['class']}")
        and first.startswith(f"0,{as_json[0]['class']}")
    )


@pytest.mark.slow
def test_a_network_is_trained_to_the_end(finished: Path, folder: Path) -> None:
    best = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)["best"]
    trained = neuroevo("train", finished, best, "--epochs", 2, folder=folder)
    assert trained.returncode == 0, trained.stderr
    said = trained.stdout
    assert "validation error:" in said and "test error:" in said
    assert ("is written as it was" in said) is ("as it was\n" in said)
    assert (finished / f"{best}.keras").exists() and (finished / f"{best}.inputs.json").exists()
    assert ("is written as it was" in said) is ("recorded: " not in said), "what was left as it was is no child"
    forced = neuroevo("train", finished, best, "--epochs", 2, "--always", folder=folder).stdout
    assert not re.search("^validation", forced, re.MULTILINE) and "after 2 more epochs" in forced
    child = re.search(rf"recorded: ({best}\.\d)", forced)[1]
    shown = json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)["derived"][-1]
    assert shown["name"] == child and shown["parent"] == best and shown["operators"] == ["train"]
    assert f"test error: {shown['test']['error']:.4g}" in forced.replace(" before, ", "\ntest error: "), "measured as it was said"
    assert "error" not in shown["validation"], "it was trained on the validation part: a score there would say nothing"
    assert child in neuroevo("show", finished, folder=folder).stdout.partition("derived from these")[2]
    assert f"file: {finished}/derived/{child}.safetensors" in neuroevo("show", finished, child, folder=folder).stdout
    written = neuroevo("export", finished, child, "child.keras", folder=folder)
    assert written.returncode == 0 and "written: child.inputs.json" in written.stdout, written.stderr
    of_file = neuroevo("predict", "child.keras", "tumours.csv", folder=folder).stdout
    assert neuroevo("predict", finished, "tumours.csv", "--id", child, folder=folder).stdout == of_file
    again = neuroevo("train", finished, child, "--epochs", 1, "--always", "--output", "again.keras", folder=folder)
    assert f"recorded: {child}.1" in again.stdout, again.stderr


def test_one_individual_is_shown(finished: Path, folder: Path) -> None:
    shown = neuroevo("show", finished, 0, folder=folder)
    assert shown.returncode == 0 and "individual 0" in shown.stdout and "born in generation 0" in shown.stdout


@pytest.mark.slow
def test_a_search_that_stops_trainings_early_goes_on_from_its_folder(folder: Path) -> None:
    searched = neuroevo(
        "search", "tumours.csv", "--target", "diagnosis", "--epochs", 8, "--evaluations", 20, "--stop-early", "power_law",
        "--workers", 1, "--run", "runs/early", folder=folder,
    )  # fmt: skip
    assert searched.returncode == 0, searched.stderr
    estimation = json.loads((folder / "runs" / "early" / "config.json").read_text())["estimation"]
    assert (estimation["estimation"], estimation["rule"], estimation["base"]["epochs"]) == ("LearningCurve", "power_law", 8)
    resumed = neuroevo("resume", "runs/early", "--evaluations", 30, "--workers", 1, folder=folder)
    assert resumed.returncode == 0, resumed.stderr
    counts = json.loads(neuroevo("show", "runs/early", "--json", folder=folder).stdout)["counts"]
    assert counts["evaluated"] == 30 and counts["stopped"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("search", "tumours.csv", "--target", "diagnose"), "diagnosis"),
        (("search", "tumours.csv", "--target", "diagnosis", "--objectives", "mae"), "--kind classification"),
        (("search", "tumours.csv", "--target", "mean radius,site"), "--target site"),
        (("search", "digitz"), "digits"),
        (("search", "digits", "--objectives", "eror"), "did you mean 'error'"),
        (("search", "digits", "--strategy", "lemonad"), "did you mean 'lemonade'"),
        (("search", "digits", "--preset", "quik"), "did you mean 'quick'"),
        (("search", "digits", "--encoding", "chains"), "did you mean 'chain'"),
        (("search", "digits", "--stop-early", "power"), "did you mean 'power_law'"),
        (("search", "tumours.csv", "--target", "diagnosis", "--encoding", "cell"), "For features without positions use"),
        (
            ("search", "tumours.csv", "--target", "diagnosis", "--encoding", "dag", "--max-parameters", 900),
            "error,parameters<900",
        ),
        (("show", "nowhere"), "is not a run"),
        (("resume", "nowhere"), "is not a run"),
        (("predict", "missing.keras", "tumours.csv"), "missing.keras"),
        (("predict", "missing.keras", "tumours.csv", "--output", "p.parquet"), "to a .csv file, got p.parquet"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments: tuple, sentence: str, folder: Path) -> None:
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    done = neuroevo(*arguments, folder=folder)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("neuroevo: ")
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_a_mistake_in_a_process_of_its_own_is_that_sentence_alone(folder: Path) -> None:
    done = process("search", "digits", "--objectives", "eror", folder=folder)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("neuroevo: ") and "did you mean 'error'" in done.stderr and done.stderr.count("\n") == 1


def test_an_individual_that_is_not_there_is_one_sentence(finished: Path, folder: Path) -> None:
    for name, sentence in (
        (999, "no individual 999"),
        ("0.7", "no derived network '0.7'"),
        ("best", "an individual is named by its id"),
    ):
        done = neuroevo("show", finished, name, folder=folder)
        assert done.returncode == 2 and sentence in done.stderr


@pytest.mark.slow
def test_a_complete_run_goes_on_under_a_larger_budget(finished: Path, folder: Path) -> None:
    done = neuroevo("resume", finished, "--evaluations", 8, folder=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(neuroevo("show", finished, "--json", folder=folder).stdout)["counts"]["evaluated"] == 8


# Looking at runs --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory) -> Path:
    """Three small runs on a function: two strategies, one of them with two seeds."""
    import neuroevo as ne
    from genomes import NeatSpace

    def fitness(network) -> dict[str, float]:
        outputs = network(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
        return {"miss": float(np.abs(outputs[:, 0] - [1.0, 1.0, 0.0]).sum()), "gain": float(outputs.mean())}

    path = tmp_path_factory.mktemp("runs")
    for name, strategy, seed in (
        ("nsga2-1", ne.strategies.Nsga2(population=10), 1),
        ("nsga2-2", ne.strategies.Nsga2(population=10), 2),
        ("random-1", ne.strategies.RandomSearch(), 1),
    ):
        ne.evolve(
            NeatSpace(inputs=2, outputs=1), fitness, objectives={"miss": ne.minimise, "gain": ne.maximise}, strategy=strategy,
            budget=ne.Budget(evaluations=40), seed=seed, run=path / name, progress=False,
        )  # fmt: skip
    return path


def test_report_writes_one_page(looked_at):
    done = neuroevo("report", looked_at / "nsga2-1", folder=looked_at)
    assert done.returncode == 0, done.stderr
    page = (looked_at / "nsga2-1" / "report.html").read_text()
    assert page.startswith("<!doctype html>") and "http-equiv" not in page
    started = json.loads((looked_at / "nsga2-1" / "environment.json").read_text())["command"]
    assert html.escape(started) in page


@pytest.mark.slow
def test_a_live_report_ends_with_the_run(looked_at):
    done = neuroevo("report", looked_at / "nsga2-1", "--live", "--output", looked_at / "live.html", folder=looked_at)
    assert done.returncode == 0, done.stderr
    assert (looked_at / "live.html").exists()


@pytest.mark.parametrize(
    "what",
    [["front"], ["fronts"], ["progress"], ["parallel"], ["lineage"], ["lineage", "0"], ["operators"], ["difference", "0", "7"]],
)
def test_plot_draws_what_is_asked_for(looked_at, what):
    path = looked_at / f"{'-'.join(what)}.png"
    done = neuroevo("plot", looked_at / "nsga2-1", *what, "--output", path, folder=looked_at)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_figure_is_refused_with_the_nearest_name(looked_at):
    done = neuroevo("plot", looked_at / "nsga2-1", "lineag", folder=looked_at)
    assert done.returncode == 2
    assert "did you mean 'lineage'" in done.stderr


def test_a_difference_takes_two_individuals(looked_at):
    done = neuroevo("plot", looked_at / "nsga2-1", "difference", "0", folder=looked_at)
    assert done.returncode == 2 and "difference ID ID" in done.stderr


def test_compare_groups_seeds(looked_at):
    done = neuroevo("compare", looked_at, "--json", "--figure", looked_at / "compared.png", folder=looked_at)
    assert done.returncode == 0, done.stderr
    groups = json.loads(done.stdout)["groups"]
    assert [(group["label"], group["seeds"]) for group in groups] == [("Nsga2", [1, 2]), ("RandomSearch", [1])]
    assert (looked_at / "compared.png").exists()


def test_list_names_what_there_is_to_choose_from(looked_at):
    for what, expected in (("strategies", "Lemonade"), ("encodings", "NeatSpace"), ("objectives", "flops"), ("data", "digits")):
        done = neuroevo("list", what, folder=looked_at)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    assert "did you mean 'data'" in neuroevo("list", "dta", folder=looked_at).stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--max-memory", "lots"), "a memory limit is a number of bytes or text such as '4GB'"),
        (("--evaluator", "slot"), "did you mean 'slots'"),
        (("--evaluator", "serial", "--max-seconds-per-candidate", 5), "the serial evaluator cannot stop a candidate"),
        (("--gpus-per-trial", 0.5), "give --evaluator ray with them"),
        (("--schedule", "eager"), "schedule must be synchronous or asynchronous"),
    ],
)
def test_limits_and_places_that_do_not_fit_are_one_sentence(options: tuple, sentence: str, folder: Path) -> None:
    done = neuroevo("search", "tumours.csv", "--target", "diagnosis", "--run", "runs/none", *options, folder=folder)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr and not (folder / "runs" / "none").exists()


@pytest.mark.slow
def test_a_candidate_beyond_its_memory_is_shown_with_its_reason(folder: Path) -> None:
    done = neuroevo(
        "search", "tumours.csv", "--target", "diagnosis", "--evaluations", 2, "--epochs", 1, "--workers", 1, "--max-memory", "20MB",
        "--strategy", "random_search", "--run", "runs/little", folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 evaluated, 2 failed" in done.stdout and "failed: 0: needed more than 20 MB of memory" in done.stdout


def test_numbers_are_a_regression_and_a_row_predicts_what_it_did_whatever_stands_beside_it(tmp_path: Path, monkeypatch) -> None:
    typed = partial(neuroevo, folder=tmp_path)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    ages = ["?" if k % 9 == 4 else k % 50 for k in range(80)]
    rows = [
        f"{1_700_000_000_000 + 60_000 * k},{rng.choice(['None', 'NA', 'elm'])},{ages[k]},{1.7e9 + k},{k * 1e-9}"
        for k in range(80)
    ]
    Path("houses.csv").write_text("\n".join(["time,street,age,price,tax", *rows]) + "\n")
    options = (
        "--target",
        "price",
        "--target",
        "tax",
        "--missing",
        "?",
        "--evaluations",
        1,
        "--epochs",
        1,
        "--evaluator",
        "serial",
    )
    done = typed("search", "houses.csv", *options)
    assert done.returncode == 0, done.stderr
    assert "'street' (3 values)" in done.stdout and "loss weighs them equally" in done.stdout
    shown = json.loads(typed("show", "runs/houses", "--json").stdout)
    assert list(shown["front"][0]["validation"]) == ["mae", "parameters"]
    exported = typed("export", "runs/houses", 0, "houses.keras")
    assert "note: float32 cannot hold the values of the features time apart" in exported.stdout

    Path("new.csv").write_text("time,street,age\n1700000000001,NA,?\n1700000060000,oak,\n")
    predicted = typed("predict", "houses.keras", "new.csv", "--json")
    assert predicted.stderr == (
        "note: new.csv: 1 of 2 rows hold what no training row held, so that predictions of them are less sure.\n"
        "note: new.csv: 'street' is 'oak' in 1 row and in no training row: it counts there as none of the 3 known values.\n"
    )
    Path("alone.csv").write_text("time,street,age\n1700000000001,NA,?\n")
    alone = typed("predict", "runs/houses", "alone.csv", "--json")
    one, other = (json.loads(found.stdout)[0]["values"] for found in (predicted, alone))
    assert one == pytest.approx(other, rel=1e-6) and abs(one["price"] - other["price"]) < 1e-3 and alone.stderr == ""
    Path("odd.csv").write_text("time,street,age\n1700000000001,NA,unknown\n")
    assert "--missing unknown" in typed("predict", "houses.keras", "odd.csv").stderr
    assert typed("predict", "houses.keras", "odd.csv", "--missing", "unknown").returncode == 0
    Path("houses.csv").write_text("\n".join(["time,street,age,price,tax", *rows[1:]]) + "\n")
    assert "not those of the search any more" in typed("predict", "runs/houses", "alone.csv").stderr
