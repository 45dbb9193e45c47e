"""Low fidelity, measured: the same networks at several fidelities, and what the report says of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

import neuroevo as ne
from neuroevo.cli.main import app
from neuroevo.core.trial import Fidelity
from neuroevo.estimation import Direct
from neuroevo.plots import fidelity as drawn
from neuroevo.plots import fidelity_data
from neuroevo.report.fidelity import FidelityReport, Interval, Step, fidelity_json, fidelity_report, fidelity_table
from neuroevo.strategies import FidelityStudy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace, SquareTask

SHORT = (
    "--networks",
    "5",
    "--reference",
    "3",
    "--epochs",
    "1",
    "--share",
    "",
    "--schedule",
    "rung",
    "--workers",
    "1",
    "--no-again",
)
FIDELITIES = (
    {"epochs": 2},
    {"epochs": 8},
    {"epochs": 2, "schedule": 16},
    {"epochs": 16, "data": 0.25},
    {"epochs": 16, "resolution": 0.5},
)


class TestFidelityStudy(StrategySuite):
    tells = 4

    def strategy(self):
        return FidelityStudy([{"epochs": 5}, {"epochs": 10}], networks=6)


class Noisy(Direct):
    """Scores that are the noisier, the shorter the training; of a training that is broken off, only the sign is told."""

    def measure(self, trial, task, context):
        found = super().measure(trial, task, context)
        epochs = trial.fidelity.epochs or 16
        noise = np.array([[context.rng(one.id, trial.repeat).normal()] for one in trial.individuals])
        values = found.values + (noise * (16 - epochs) / 4 if epochs < 16 else 0.02 * noise)
        if trial.fidelity.schedule is not None:
            values = np.sign(values)
        info = tuple({"epochs": epochs, "seconds": {"train": epochs / 10}} for _ in trial.individuals)
        return replace(found, values=values, info=info)


def study(folder, evaluations=200, networks=30, **settings):
    strategy = FidelityStudy(FIDELITIES, networks, {"epochs": 16}, **settings)
    return ne.evolve(NumberSpace(), SquareTask(), strategy=strategy, estimation=Noisy(), seed=3, run=folder,
                     budget=ne.Budget(evaluations=evaluations), progress=False)  # fmt: skip


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study"), 300)


def evaluations(run):
    from neuroevo.store import Store

    store = Store(run.folder, writable=False)
    try:
        return store.evaluations()
    finally:
        store.close()


def test_every_network_is_trained_at_every_fidelity_and_in_full_twice(complete):
    assert complete.ended == "exhausted" and complete.evaluations == 30 * 7
    found = [one.fidelity for one in evaluations(complete)]
    assert all(found.count(Fidelity.from_dict(each)) == 30 for each in FIDELITIES) and found.count(Fidelity(16)) == 60
    assert all(one.fidelity == Fidelity(16) for one in complete.front), "only full training counts for the front"


def test_correlations_and_overlaps_are_those_of_the_recorded_values(complete):
    report = fidelity_report(complete)
    by_fidelity: dict = {}
    for one in evaluations(complete):
        by_fidelity.setdefault(one.fidelity, []).append((one.individual, one.values[0]))
    full = dict(by_fidelity[Fidelity(16)][:30])
    short = dict(by_fidelity[Fidelity(2)])
    ids = sorted(full)
    step = next(step for step in report.steps if step.name == "2 epochs" and step.schedule == "rung")
    assert step.correlation.value == pytest.approx(spearmanr([full[id] for id in ids], [short[id] for id in ids])[0])
    best, found = (set(sorted(ids, key=lambda id: of[id])[:6]) for of in (full, short))
    assert report.top == 6 and step.overlap.value == len(best & found) / 6
    chosen = min(ids, key=lambda id: short[id])
    assert step.loss == pytest.approx(full[chosen] - min(full.values()))
    assert step.correlation.low <= step.correlation.value <= step.correlation.high
    assert (step.epochs, step.seconds, step.cost) == (2, 0.2, 2 / 16)


def test_longer_training_ranks_better_and_the_report_names_what_suffices(complete):
    report = fidelity_report(complete)
    steps = {(step.name, step.schedule): step for step in report.steps}
    assert report.again is report.steps[-1] and report.again.correlation.value > 0.95
    assert (
        steps["2 epochs", "rung"].correlation.value < steps["8 epochs", "rung"].correlation.value < report.again.correlation.value
    )
    assert steps["25% of the data", "rung"].cost == 0.25 and steps["25% of the data", "rung"].kind == "data"
    assert steps["50% of the resolution", "rung"].kind == "resolution"
    assert steps["2 epochs of 16", "whole"].kind == "epochs"
    assert report.sufficient is steps["25% of the data", "rung"]
    text = fidelity_table(report)
    assert "the cheapest that ranks as well, within that interval: 25% of the data (rung), 25% of the cost" in text
    assert json.loads(json.dumps(fidelity_json(report)))["sufficient"] == "25% of the data"
    assert fidelity_report(complete, "distance").objective == "distance"


def test_the_figure_has_a_row_for_each_fidelity(complete):
    report = fidelity_report(complete)
    rows = fidelity_data(report)
    assert [row.label for row in rows][-1] == "full, trained again" and len(rows) == 6
    assert [row.step.cost for row in rows[:-1]] == sorted(row.step.cost for row in rows[:-1])
    kinds = {row.label: row.kind for row in rows}
    assert (
        kinds["2 epochs of 16"] == "epochs, as the first part of full training"
        and kinds["8 epochs"] == "epochs, as a training of its own"
    )
    figure = drawn(complete)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [row.label for row in rows]
    assert CliRunner().invoke(app, ["plot", str(complete.folder), "fidelity"]).exit_code == 0


def test_a_study_in_parts_ends_as_the_whole_and_an_unfinished_one_is_shown(complete, tmp_path):
    for count in (20, 45, 61, 130):
        part = study(tmp_path, count)
        if count >= 45:
            assert fidelity_report(part).networks == 30
        else:
            with pytest.raises(ValueError, match="nothing to compare yet"):
                fidelity_report(part)
    parts = study(tmp_path, 300)
    assert fidelity_json(fidelity_report(parts)) == fidelity_json(fidelity_report(complete))


def test_given_genomes_are_the_networks(tmp_path):
    genomes = [NumberSpace().from_genes(float(value)).to_dict() for value in range(7)]
    run = study(tmp_path, genomes=genomes)
    assert sorted(one.genome.value for one in run) == list(range(7))


def test_bad_settings_are_refused(complete, tmp_path):
    for settings, said in (
        ({"fidelities": ()}, "at least one fidelity"),
        ({"fidelities": ({"epochs": 2}, {"epochs": 2})}, "named once"),
        ({"fidelities": ({"epochs": 2, "previous": 1},)}, "begin from scratch"),
        ({"networks": 1}, "networks must be a whole number >= 2"),
        ({"genomes": [NumberSpace().from_genes(1.0).to_dict()]}, "two networks or more"),
    ):
        with pytest.raises(ValueError, match=said):
            FidelityStudy(**{"fidelities": FIDELITIES, **settings})
    other = ne.evolve(NumberSpace(), SquareTask(), budget=ne.Budget(evaluations=5), population=5, run=tmp_path, progress=False)
    with pytest.raises(ValueError, match="no study of fidelities"):
        fidelity_report(other)
    with pytest.raises(ValueError, match="top must be from 1 to 29"):
        fidelity_report(complete, top=30)
    with pytest.raises(ValueError, match="unknown objective of the study 'err'"):
        fidelity_report(complete, "err")


def test_the_command_measures_data_and_shows_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["fidelity", "iris", *SHORT, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    shown = json.loads(done.stdout[done.stdout.index("{") :])
    assert shown["networks"] == 5 and [step["name"] for step in shown["steps"]] == ["1 epoch"] and shown["sufficient"] is None
    assert (tmp_path / "runs" / "iris-fidelity" / "figures" / "fidelity.png").exists()
    again = CliRunner().invoke(app, ["fidelity", "runs/iris-fidelity", "--workers", "1"])
    assert again.exit_code == 0 and "5 networks ranked by error, beside full training (3 epochs" in again.stdout
    of_run = CliRunner().invoke(app, ["fidelity", "runs/iris-fidelity/../iris-fidelity", "--workers", "1", "--top", "9"])
    assert "top must be from 1 to 4" in str(of_run.exception)


@pytest.mark.slow
def test_the_command_measures_the_networks_of_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = ne.evolve(
        ne.tasks.Classification("iris", "error,parameters", seed=1).default_space(starter_parameters=(30, 60)),
        ne.tasks.Classification("iris", "error,parameters", seed=1), strategy=ne.strategies.RandomSearch(batch=6, deduplicate="key"),
        estimation=ne.estimation.FullTraining(epochs=2), budget=ne.Budget(evaluations=6), run="runs/iris", progress=False,
    )  # fmt: skip
    done = CliRunner().invoke(app, ["fidelity", "runs/iris", *SHORT, "--run", "study"])
    assert done.exit_code == 0, (done.output, done.exception)
    keys = {one.genome.key() for one in search}
    assert all(one.genome.key() in keys for one in ne.load_run("study"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["iris", "--epochs", "x"], "--epochs takes whole numbers >= 1"),
        (["iris", "--share", "2"], "--share takes numbers between 0 and 1"),
        (["iris", "--schedule", "half"], "--schedule is rung, whole or rung,whole"),
        (["iris", "--epochs", "50", "--reference", "20"], "fewer than full training's 20"),
        (["no_such_data"], "no_such_data"),
    ],
)
def test_bad_input_is_a_sentence(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["fidelity", *arguments])
    assert done.exit_code != 0 and said in str(done.exception)
    assert not (tmp_path / "runs").exists()


def test_no_fidelity_is_recommended_where_full_training_need_not_agree_with_itself() -> None:
    def step(kind: str, value: float, low: float) -> Step:
        return Step(kind, kind, "rung", 5, Interval(value, low, 1.0), Interval(1.0, 0.3, 1.0), 0.0, 0.25, 1.0, 0.1)

    wide = FidelityReport("error", "4 epochs", 4, 0.03, 5, 0, 3, (step("epochs", -0.79, -1.0), step("again", 0.63, -0.91)))
    assert wide.sufficient is None and "cannot be said" in fidelity_table(wide)
