"""What `experiments/environments.py` does around its searches: searches that begin anew, runs that go on."""

import argparse
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium")
PATH = Path(__file__).parents[2] / "experiments" / "environments.py"
NAME = "CartPole-v1"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("environments_script", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "environments_script", module)
    spec.loader.exec_module(module)
    task = {"episodes": 1, "steps": 40, "normalise": "none"}
    strategy = {"pairs": 3, "deviation": 0.2}
    module.SETUPS[NAME] = module.Setup(
        490.0, True, 400_000, output="identity", tries=2, task=task, es=strategy, neat={"steps": 40, "solved": 490.0}
    )
    module.MARGIN = -480.0  # so that tests of the centre are played to their ends, and hold
    return module


def options(folder=None, **others):
    given = {"population": 10, "topology_generations": 2, "generations": None, "seconds": None, "workers": 1, "run": folder}
    return argparse.Namespace(**given | others)


def without_time(found):
    return {key: value for key, value in found.items() if key != "seconds"}


def test_a_search_that_does_not_solve_it_begins_anew_and_all_its_steps_count(script, monkeypatch):
    monkeypatch.setattr(script, "MARGIN", 1000.0)
    monkeypatch.setitem(script.SETUPS, NAME, replace(script.SETUPS[NAME], most=3000))
    found = script.solve(NAME, "es", 3, options())
    assert not found["solved"] and found["searches"] == 2
    alone = [script.search(NAME, "es", seed, options())[1].known["steps"] for seed in (3, 1003)]
    assert found["environment_steps"] == sum(alone) and min(alone) >= 1500
    assert script.solve(NAME, "es", 3, options(generations=1))["searches"] == 1
    assert script.tries_of(NAME, "neat", options()) == 1


@pytest.mark.parametrize("moment", ["_holds", "_note", "_write"])
def test_a_seed_that_was_interrupted_goes_on_as_if_it_had_not_stopped(script, monkeypatch, tmp_path, moment):
    whole = script.solve(NAME, "es", 3, options(tmp_path / "whole"))
    assert whole["solved"] is False and whole["searches"] == 1  # the test that ends it is lenient, the report is not
    assert without_time(script.solve(NAME, "es", 3, options(tmp_path / "whole"))) == without_time(whole)
    own, calls = getattr(script.Watch, moment), [0]

    def interrupted(watch, *given):
        calls[0] += 1
        if calls[0] in (2, 5):
            raise KeyboardInterrupt
        return own(watch, *given)

    monkeypatch.setattr(script.Watch, moment, interrupted)
    for _ in range(3):
        try:
            found = script.solve(NAME, "es", 3, options(tmp_path / "parts"))
            break
        except KeyboardInterrupt:
            continue
    if moment == "_note":  # the steps of what was not noted are lost, nothing else
        assert found.pop("environment_steps") <= whole.pop("environment_steps")
    assert without_time(found) == without_time(whole)


def test_what_is_reported_says_what_ran(script, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["environments.py", NAME, "--seed", "3", "--json", str(tmp_path / "one.json")])
    script.main()
    report = json.loads((tmp_path / "one.json").read_text())
    assert report["settings"]["strategy"]["pairs"] == 3 and report["settings"]["task"]["steps"] == 40
    assert report["settings"]["tries"] == 2 and np.isfinite(report["ours"]["least_reward"])
