"""Screening before training: of several candidates for a birth the best by a proxy is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core import registry
from neuroevo.core.objectives import Objective
from neuroevo.core.streams import stream
from neuroevo.report.text import run_json, run_table
from neuroevo.run.settings import search_from_settings
from neuroevo.strategies import Lemonade, Nsga2, RandomSearch, RegularizedEvolution, Screen
from neuroevo.testing.evaluator import NumberSpace, SquareTask

PROXY_CALLS: list[float] = []


def closeness(network):
    """How close the number is to 3."""
    PROXY_CALLS.append(network.value)
    if network.value > 6:
        raise ArithmeticError("this network cannot be scored")
    return -abs(network.value - 3)


class Screenable(SquareTask):
    """The genome itself is what a proxy looks at."""

    def untrained(self, genome, context, id, repeat=0, samples=64):
        return genome


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {"proxy": {"closeness": closeness}})
    PROXY_CALLS.clear()


def evolved(strategy=None, screen: Any = ..., evaluations=20, folder=None, **options: Any) -> ne.Run:
    screen = Screen("closeness", 5) if screen is ... else screen
    return ne.evolve(
        NumberSpace(), options.pop("task", None) or Screenable(), strategy=strategy or RandomSearch(batch=5), screen=screen, seed=5,
        budget=ne.Budget(evaluations=evaluations), run=folder, progress=False, **options,
    )  # fmt: skip


def values(run):
    return [one.genome.value for one in sorted(run, key=lambda one: one.id)]


def test_the_best_of_several_random_genomes_is_born():
    rng = stream(5, 0)
    expected = min((NumberSpace().random(rng).value for _ in range(5)), key=lambda value: abs(value - 3))
    run = evolved()
    assert values(run)[0] == expected
    assert run.evaluations == 20 and len(PROXY_CALLS) == 100


@pytest.mark.parametrize("make", [lambda: Nsga2(population=5), lambda: RegularizedEvolution(population=5, sample=2, batch=5),
                                  lambda: Lemonade(population=5, proposals=8, accepted=4)])  # fmt: skip
def test_children_are_screened_too(make):
    def distance(run):
        children = [one.genome.value for one in run if one.parents]
        return sum(abs(value - 3) for value in children) / len(children)

    assert distance(evolved(make(), evaluations=40)) < distance(evolved(make(), None, 40)) - 0.3


def test_limits_hold_and_who_lost_may_be_born_later():
    class Limited(Screenable):
        def __init__(self):
            super().__init__()
            self.objectives |= {"size": Objective("size", "minimise", "cheap", of=lambda genome: abs(genome.value), limit=1.0)}

    run = evolved(RandomSearch(batch=5, deduplicate="genome"), task=Limited())
    assert all(abs(value) <= 1 for value in [*PROXY_CALLS, *values(run)])
    assert len(set(values(run))) == 20
    breeding = run.strategy._breeding
    assert len(breeding.seen) == 20, "those that lost are forgotten"


def test_a_network_that_cannot_be_scored_is_behind_every_other():
    run = evolved(Nsga2(population=4), evaluations=80)
    assert any(value > 6 for value in PROXY_CALLS) and all(value <= 6 for value in values(run))


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("make", [lambda: Nsga2(population=5), lambda: RandomSearch(batch=5, deduplicate="genome")])
def test_a_run_in_parts_ends_as_the_whole_and_its_cost_is_counted(make, schedule, tmp_path):
    whole = evolved(make(), folder=tmp_path / "whole", schedule=schedule)
    for evaluations in (1, 7, 12):
        evolved(make(), evaluations=evaluations, folder=tmp_path / "parts", schedule=schedule)
    parts = evolved(make(), folder=tmp_path / "parts", schedule=schedule)
    assert values(parts) == values(whole)
    if schedule == "synchronous":
        assert [row["screened"] for row in parts.summaries] == [row["screened"] for row in whole.summaries] == [25, 50, 75, 100]


def test_what_it_cost_is_shown(tmp_path):
    run = evolved(folder=tmp_path / "run")
    for shown in (run, ne.load_run(tmp_path / "run")):
        assert "screened before training: 100 candidates by closeness, one of 5 kept" in run_table(shown)
        assert run_json(shown)["counts"]["screened"] == 100
    assert run.summaries[-1]["screening_seconds"] > 0
    assert "screened" not in run_table(evolved(screen=None, folder=tmp_path / "other"))


def test_a_run_remembers_its_screen_and_refuses_another(tmp_path):
    evolved(folder=tmp_path / "run")
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["screen"] == {"proxy": "closeness", "candidates": 5}
    for other in (None, Screen("closeness", 4)):
        with pytest.raises(ValueError, match="other settings: screen"):
            evolved(screen=other, folder=tmp_path / "run")
    task = ne.tasks.Classification("digits", "error", seed=1)
    of_digits = {
        "space": task.default_space().to_dict(), "task": task.settings(), "strategy": RandomSearch().settings(), "seed": 1, "record": "all",
        "estimation": {"estimation": "FullTraining"}, "budget": {"evaluations": 2}, "screen": {"proxy": "zen", "candidates": 3},
    }  # fmt: skip
    assert search_from_settings(of_digits)["screen"] == Screen("zen", 3)


def test_a_run_is_refused_to_another_proxy_of_the_same_name(tmp_path, monkeypatch):
    evolved(folder=tmp_path / "run", evaluations=5)
    monkeypatch.setattr(registry, "_registered", {"proxy": {"closeness": lambda network: network.value}})
    with pytest.raises(ValueError, match=r"other Python code|changed since|has changed"):
        evolved(folder=tmp_path / "run")


def test_what_cannot_be_screened_is_refused():
    with pytest.raises(ValueError, match=r"unknown proxy 'naswt'.*naswot"):
        Screen("naswt")
    with pytest.raises(ValueError, match="candidates must be a whole number >= 2"):
        Screen("synflow", 1)
    with pytest.raises(ValueError, match="screened by one proxy"):
        Screen("naswot,zen")
    with pytest.raises(ValueError, match="SquareTask has no data"):
        evolved(task=SquareTask())
    with pytest.raises(ValueError, match=r"chooses its candidates itself: screen those of .*Nsga2"):
        evolved(ne.strategies.Bayesian())
    with pytest.raises(ValueError, match="hold their own weights"):
        ne.evolve(NeatSpace(inputs=4, outputs=3), ne.tasks.Classification("iris", "error"), strategy=Nsga2(), screen=Screen("synflow"),
                  budget=ne.Budget(evaluations=2))  # fmt: skip
    with pytest.raises(ValueError, match=r"a Screen such as Screen\('synflow', candidates=4\)"):
        evolved(screen="naswot")


def test_the_command_line_screens(tmp_path: Path, monkeypatch):
    from typer.testing import CliRunner

    from neuroevo.cli.main import app

    monkeypatch.chdir(tmp_path)
    search = ["search", "digits", "--objectives", "parameters,flops", "--epochs", "1", "--evaluations", "1", "--run", "r"]
    done = CliRunner().invoke(
        app, [*search, "--set", "population=1", "--evaluator", "serial", "--screen", "parameters", "--candidates", "3"]
    )
    assert done.exit_code == 0 and "3 candidates by parameters, one of 3 kept" in done.output, done.output
    wrong = CliRunner().invoke(app, ["search", "digits", "--candidates", "3"])
    assert "--screen synflow" in str(wrong.exception)
