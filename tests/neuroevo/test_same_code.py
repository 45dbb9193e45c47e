"""A run in a folder goes on with the code that it began with, and with no other."""

import functools
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import deap.base
import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.objectives import Objective
from neuroevo.estimation import Direct
from neuroevo.store import StoreError
from neuroevo.strategies import Nsga2, RandomSearch
from neuroevo.tasks import Function
from neuroevo.tasks.base import Task

SPACE = NeatSpace(inputs=2, outputs=1)
ROOT = Path(__file__).parents[2]
LEVEL = 1.0


def score(network: Any, k: float = 1.0) -> float:
    return k * float(network([[0.5, 1.0]])[0, 0])


def reads(network: Any) -> float:
    return LEVEL


def named(k: float) -> Callable[[Any], float]:
    def fitness(network: Any) -> float:
        return k

    return fitness


class Scoring:
    def __init__(self, k: float) -> None:
        self.k, self.calls = k, 0

    def __call__(self, network: Any) -> float:
        self.calls += 1
        return self.k

    def half(self, network: Any) -> float:
        return self.k / 2


class OwnTask(Task):
    objectives: ClassVar = {"score": Objective("score", "maximise")}

    def __init__(self, k: float) -> None:
        self.k, self.seen = k, 0

    def score(self, phenotype: Any, context: Any) -> dict[str, float]:
        self.seen += 1
        return {"score": self.k}


class Louder(Function):
    def __init__(self, fitness: Any, factor: float) -> None:
        super().__init__(fitness)
        self.factor = factor

    def score(self, phenotype: Any, context: Any, rng: Any = None) -> Any:
        return {"fitness": self.factor * super().score(phenotype, context)["fitness"]}


class OwnEstimation(Direct):
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def measure(self, trial: Any, task: Any, context: Any) -> Any:
        return super().measure(trial, task, context)


def two(network: Any) -> dict[str, float]:
    return {"a": score(network)}


def sized(k: float) -> Objective:
    return Objective("size", "minimise", "cheap", of=lambda genome: k)


def toolbox(name: str, operator: Any, *given: Any) -> deap.base.Toolbox:
    made = deap.base.Toolbox()
    made.register(name, operator, *given)
    return made


def mutate(sigma: float, individual: Any) -> Any:
    return (individual,)


def evolve(folder: Path, fitness: Any = score, **settings: Any) -> ne.Run:
    settings = {"strategy": RandomSearch(batch=2), "budget": ne.Budget(evaluations=4), **settings}
    return ne.evolve(settings.pop("space", SPACE), fitness, run=folder, progress=False, **settings)


def run(fitness: Any = score, **settings: Any) -> dict[str, Any]:
    return {"fitness": fitness, **settings}


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "partial": (run(functools.partial(score, k=1)), run(functools.partial(score, k=100))),
    "closure": (run(named(1.0)), run(named(2.0))),
    "callable object": (run(Scoring(1)), run(Scoring(2))),
    "bound method": (run(Scoring(1).half), run(Scoring(2).half)),
    "lambda": (run(lambda n: 1.0), run(lambda n: 2.0)),
    "objective": (
        run(two, objectives={"a": "maximise", "size": sized(1)}),
        run(two, objectives={"a": "maximise", "size": sized(2)}),
    ),
    "descriptors": (run(Function(score, descriptors=lambda n: [1.0])), run(Function(score, descriptors=lambda n: [2.0]))),
    "own task": (run(OwnTask(1)), run(OwnTask(2))),
    "own kind of a built-in task": (run(Louder(score, 1)), run(Louder(score, 2))),
    "function in it": (run(Louder(named(1.0), 1)), run(Louder(named(2.0), 1))),
    "own estimation": (run(estimation=OwnEstimation(1)), run(estimation=OwnEstimation(2))),
    "toolbox": (
        run(strategy=Nsga2(population=2), toolbox=toolbox("mutate", mutate, 0.1)),
        run(strategy=Nsga2(population=2), toolbox=toolbox("mutate", mutate, 0.2)),
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_code_is_refused_the_results_of_a_run(what: str, tmp_path: Path) -> None:
    first, second = OTHERS[what]
    before = evolve(tmp_path / "run", **first)
    with pytest.raises(StoreError, match=r"holds a run of other Python code or values: .* changed since"):
        evolve(tmp_path / "run", **second)
    again = evolve(tmp_path / "run", **first)
    assert [i.values for i in again] == [i.values for i in before], "the refusal left the run as it was"


@pytest.mark.parametrize("what", OTHERS)
def test_a_version_stands_for_the_code(what: str, tmp_path: Path) -> None:
    first, second = OTHERS[what]
    evolve(tmp_path / "run", **first, version="1")
    evolve(tmp_path / "run", **second, version="1")
    with pytest.raises(StoreError, match=r"named version='1', got version='2'"):
        evolve(tmp_path / "run", **first, version="2")


def test_a_global_that_is_read_is_part_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evolve(tmp_path / "run", reads)
    monkeypatch.setattr(sys.modules[__name__], "LEVEL", 2.0)
    with pytest.raises(StoreError, match="fitness changed since"):
        evolve(tmp_path / "run", reads)


def test_what_a_fitness_counts_is_not(tmp_path: Path) -> None:
    fitness, task = Scoring(1), OwnTask(1)
    for each in (fitness, task):
        evolve(tmp_path / type(each).__name__, each)
        assert evolve(tmp_path / type(each).__name__, each, budget=ne.Budget(evaluations=6)).evaluations == 6
    assert fitness.calls == task.seen == 6


class Statistics:
    def __init__(self) -> None:
        self.count, self.mean = 0, 0.0

    def push(self, value: float) -> None:
        self.count += 1
        self.mean += (value - self.mean) / self.count


def hidden_writes() -> dict[str, Callable[[Any], float]]:
    """What writes where its code does not show it."""
    array, statistics, random_state, cache = np.zeros(3), Statistics(), np.random.RandomState(3), {"log": []}

    def in_an_array(network: Any) -> float:
        np.add(array, 1.0, out=array)
        return 1.0

    def through_another(network: Any) -> float:
        statistics.push(1.0)
        return 1.0

    def draws(network: Any) -> float:
        return float(random_state.normal())

    def by_another_name(network: Any) -> float:
        log = cache["log"]
        log.append(1.0)
        return 1.0

    return {each.__name__: each for each in (in_an_array, through_another, draws, by_another_name)}


@pytest.mark.parametrize("what", hidden_writes())
def test_what_a_run_changed_is_no_change_of_code(what: str, tmp_path: Path) -> None:
    fitness = hidden_writes()[what]
    evolve(tmp_path / "run", fitness)
    assert evolve(tmp_path / "run", fitness, budget=ne.Budget(evaluations=6)).evaluations == 6
    evolve(tmp_path / "next", fitness)
    again = hidden_writes()[what]  # as the same script in another process makes it
    for folder in ("run", "next"):
        assert evolve(tmp_path / folder, again, budget=ne.Budget(evaluations=8)).evaluations == 8


def test_what_the_user_changes_between_two_calls_is_one(tmp_path: Path) -> None:
    fitness = Scoring(1)
    statistics = Statistics()
    task = functools.partial(lambda statistics, network: statistics.push(1.0) or fitness.k, statistics)
    evolve(tmp_path / "run", task)
    fitness.k = 2
    with pytest.raises(StoreError, match="fitness changed since"):
        evolve(tmp_path / "run", task)


UNKNOWN = {
    "connection": lambda: functools.partial(score, k=sqlite3.connect(":memory:")),
    "file": lambda: named(open(os.devnull)),  # type: ignore[arg-type] # noqa: SIM115
    "extension": lambda: functools.partial(score, k=__import__("ctypes").CDLL(None).abs),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_where_nobody_can_tell_the_user_says_it(what: str, tmp_path: Path) -> None:
    made = UNKNOWN[what]()

    def fitness(network: Any) -> float:
        return 1.0 if made else 0.0

    evolve(tmp_path / "run", fitness)
    with pytest.raises(StoreError, match=r"nobody can tell .*which cannot be compared.*version='1'.*--version 1"):
        evolve(tmp_path / "run", fitness)
    evolve(tmp_path / "run", fitness, version="1")
    with pytest.raises(StoreError, match=r"version='1'"):
        evolve(tmp_path / "run", fitness)
    evolve(tmp_path / "run", fitness, version="1", budget=ne.Budget(evaluations=6))
    assert ne.load_run(tmp_path / "run").evaluations == 6


def test_in_memory_nothing_is_asked() -> None:
    for _ in range(2):
        run = ne.evolve(
            SPACE, named(sqlite3.connect(":memory:")) and (lambda n: 1.0), strategy=RandomSearch(batch=2),  # type: ignore[arg-type]
            budget=ne.Budget(evaluations=2), progress=False,
        )  # fmt: skip
        assert "code" not in run.settings


def test_a_lock_is_the_same_lock(tmp_path: Path) -> None:
    for _ in range(2):
        evolve(tmp_path / "run", functools.partial(lambda lock, n: 1.0, threading.Lock()))


@pytest.mark.parametrize("version", ["", " ", 1, np.int64(2)])
def test_a_version_is_a_text(version: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="version must be a text"):
        evolve(tmp_path / "run", version=version)


def test_a_run_under_another_python_is_not_compared(tmp_path: Path) -> None:
    from neuroevo.run.identity import refuse_other_code

    recorded = {"code": {"python": "3.1", "parts": {"fitness": "1"}, "leads_to": {}, "unknown": []}}
    now = {"parts": {"fitness": "2"}, "leads_to": {}, "unknown": []}
    task = Function(score)
    assert "begun under Python 3.1" in (refuse_other_code("runs/a", recorded, now, task) or "")
    assert refuse_other_code("runs/a", recorded, {**now, "version": "1"}, task) is None


HELPED = "import helping\n\ndef fitness(network):\n    return helping.level()\n"


@pytest.mark.slow
def test_the_command_refuses_a_changed_helper_and_takes_a_version(tmp_path: Path) -> None:
    (tmp_path / "searching.py").write_text(HELPED)
    (tmp_path / "helping.py").write_text("def level():\n    return 1.0\n")
    begin = (
        "import neuroevo as ne, searching; from genomes import NeatSpace\n"
        "from neuroevo.strategies import RandomSearch\n"
        "ne.evolve(NeatSpace(inputs=2, outputs=1), searching.fitness, strategy=RandomSearch(batch=2), run='run',\n"
        "          budget=ne.Budget(evaluations=2), progress=False)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTHONDONTWRITEBYTECODE": "1"}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, env=environment)

    assert python("-c", begin).returncode == 0
    resume = ("-m", "neuroevo.cli.main", "--import", "searching", "resume", "run", "--evaluator", "serial", "--evaluations", "4")
    (tmp_path / "helping.py").write_text("def level():\n    return 2.0\n")
    refused = python(*resume)
    assert refused.returncode == 2 and "helping.level changed since" in refused.stderr
    (tmp_path / "helping.py").write_text("# one\ndef level():\n    return 1.0\n")
    assert python(*resume).returncode == 0
    assert ne.load_run(tmp_path / "run").evaluations == 4


def test_code_whose_file_holds_another_text_is_known_by_its_byte_code(tmp_path: Path) -> None:
    """What a notebook, a template or an edit meanwhile leaves: the lines where the function should stand are no Python."""
    (tmp_path / "made.py").write_text('text = """\nnever closed (\n', encoding="utf-8")
    space: dict[str, Any] = {}
    exec(compile("\n\ndef fitness(network):\n    return 1.0\n", str(tmp_path / "made.py"), "exec"), space)
    for _ in range(2):
        run = ne.evolve(
            NeatSpace(1, 1),
            space["fitness"],
            population=4,
            budget=ne.Budget(generations=2),
            seed=1,
            run=tmp_path / "run",
            progress=False,
        )
        assert run.evaluations == 8
