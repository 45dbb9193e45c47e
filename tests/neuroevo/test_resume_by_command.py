"""`neuroevo resume RUN` makes a search again from its folder alone, and as if it had never stopped.

In a fresh process where parts of one's own are looked for; what belongs to this package is made again from its settings in any.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import CellSpace, CppnSpace, NeatSpace, Substrate
from neuroevo.core.objectives import PARAMETERS
from neuroevo.run.settings import estimation_from_settings, search_from_settings, strategy_from_settings, task_from_settings
from neuroevo.simulators import CartPole, DeceptiveMaze, DoublePole, Retina, TMaze, VisualDiscrimination
from neuroevo.strategies import Neat, Nsga2, RandomSearch, RegularizedEvolution

ROOT = Path(__file__).parents[2]
OWN = """
import numpy as np
import neuroevo as ne
from dataclasses import dataclass
from neuroevo.core.objectives import Objective, PARAMETERS
from neuroevo.strategies import RandomSearch

X = np.linspace(-1, 1, 12).reshape(6, 2)

def fitness(network):
    return float(network(X)[:, 0].sum())

def two(network):
    return {"sum": float(network(X)[:, 0].sum())}

def key(genome):
    return genome.table_key

def cartpole():
    import gymnasium
    return gymnasium.make("CartPole-v1", max_episode_steps=30)

@dataclass
class Patient(RandomSearch):
    \"\"\"Random search that waits for nothing.\"\"\"
    batch: int = 3

ne.registry.register("strategy", Patient)
"""


def process(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "neuroevo.cli.main", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


def resumed(
    search: Callable[..., ne.Run],
    folder: Path,
    unit: str,
    begun: int,
    ended: int,
    *,
    imported: str = "",
    evaluator: str = "serial",
    fresh: bool = False,
) -> None:
    """A search that stops after so many generations (or evaluations) and is resumed by the command ends as one that never stopped.

    Args:
        search: starts it, given a run's folder and a budget.
        unit: "generations" or "evaluations".
        begun, ended: how many before the command, and after it.
        imported: a file of the user's.
        evaluator: where the command evaluates.
        fresh: whether the command runs in a process of its own, as it always does where a file is imported.
    """
    first = search(run=folder / "run", budget=ne.Budget(**{unit: begun}), progress=False)
    before = ("--import", imported) if imported else ()
    command = process if imported or fresh else neuroevo
    done = command(*before, "resume", folder / "run", "--evaluator", evaluator, f"--{unit}", ended, folder=folder)
    assert done.returncode == 0, done.stderr
    whole = search(run=folder / "whole", budget=ne.Budget(**{unit: ended}), progress=False)
    again = ne.load_run(folder / "run")
    assert again.evaluations == whole.evaluations > first.evaluations
    assert [(i.id, i.parents, i.values) for i in again] == [(i.id, i.parents, i.values) for i in whole]
    assert [i.id for i in again.front] == [i.id for i in whole.front]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A user's module, with a fitness, a strategy and more."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_parts.py").write_text(OWN)
    sys.path.insert(0, str(folder))
    import my_parts

    yield my_parts
    sys.path.remove(str(folder))
    del sys.modules["my_parts"]
    ne.registry._registered.clear()


NEAT = NeatSpace(inputs=4, outputs=1, add_node_rate=0.3)
SEED = NeatSpace(inputs=4, outputs=1).random(np.random.default_rng(5))

SEARCHES: dict[str, tuple[Any, ...]] = {
    "CartPole": (NEAT, CartPole(steps=300), Neat(population=12)),
    "CartPole from genomes": (NEAT, CartPole(steps=300), Neat(population=12, initial=[NEAT.from_genes(SEED.genes())])),
    "DoublePole": (
        NeatSpace(inputs=3, outputs=1, recurrent=True), DoublePole(velocities=False, start_angle=0.07, steps=1000, generalization=5),
        Neat(population=10),
    ),
    "Retina": (
        CppnSpace(substrate=Substrate.grid((2, 4), 2), activations=("tanh", "swish = x / (1 + exp(-x))")),
        Retina(on=1.0, off=-1.0), Neat(population=8),
    ),
    "VisualDiscrimination": (
        CppnSpace(substrate=Substrate.grid((11, 11), (11, 11), differences=True, output_activation="identity")),
        VisualDiscrimination(), Neat(population=6),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("CartPole", "Retina") else pytest.mark.slow) for name in SEARCHES]
)
def test_a_simulator_is_gone_on_with(name: str, tmp_path: Path) -> None:
    space, task, strategy = SEARCHES[name]

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(space, task, strategy=strategy, seed=3, **settings)

    resumed(search, tmp_path, "generations", 2, 4, fresh=name == "CartPole")


def test_an_environment_is_gone_on_with(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    task = ne.tasks.Environment("CartPole-v1", episodes=1, steps=60, objectives="reward,connections")

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(task.space(), task, strategy=Nsga2(population=6), seed=3, **settings)

    resumed(search, tmp_path, "generations", 2, 3)


@pytest.mark.slow
def test_an_environment_that_plays_one_by_one_is_gone_on_with_by_workers(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    task = ne.tasks.Environment(
        "Pendulum-v1", episodes=2, steps=25, rungs=((1, -1500.0),), seeds="birth", solved=-1.0, options={"g": 9.0}
    )

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(task.space(), task, strategy=Neat(population=6), seed=3, **settings)

    resumed(search, tmp_path, "generations", 1, 2, evaluator="slots")


@pytest.mark.slow
def test_an_environment_that_a_function_makes_needs_its_module(own: Any, tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    task = ne.tasks.Environment(own.cartpole, episodes=1, steps=30)

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(task.space(), task, strategy=Neat(population=5), seed=3, **settings)

    resumed(search, tmp_path, "generations", 1, 2, imported=own.__file__)
    without = process("resume", tmp_path / "run", "--generations", 3, folder=tmp_path)
    assert (
        without.returncode == 2 and "the Python function my_parts.cartpole; neuroevo --import my_parts resume" in without.stderr
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of all cells of one inner node."""
    space, rng = CellSpace(nodes=3), np.random.default_rng(0)
    keys = sorted({space.random(rng).table_key for _ in range(2000)})
    rows = [f"{key},{rng.random():.4f},{rng.random():.4f},{number}" for number, key in enumerate(keys)]
    path = tmp_path / "cells.csv"
    path.write_text("\n".join(["arch,accuracy,test,seconds", *rows]) + "\n")
    return path


@pytest.mark.parametrize("of_ones_own", [False, True])
def test_a_table_is_gone_on_with(own: Any, of_ones_own: bool, table: Path, tmp_path: Path) -> None:
    task = ne.tasks.Table(
        table, key="arch", signal={"accuracy": ne.maximise, "parameters": PARAMETERS}, report=["test"], cost="seconds", cost_factor=2.0,
        **({"key_of": own.key} if of_ones_own else {}),
    )  # fmt: skip

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(CellSpace(nodes=3), task, strategy=RegularizedEvolution(population=6, sample=2), seed=3, **settings)

    imported = own.__file__ if of_ones_own else ""
    resumed(search, tmp_path, "evaluations", 10, 24, imported=imported)
    table.unlink()
    gone = neuroevo(
        *(["--import", imported] if imported else []), "resume", tmp_path / "run", "--evaluations", 30, folder=tmp_path
    )
    assert gone.returncode == 2 and f"there is no table at {table}" in gone.stderr


def test_a_table_that_was_recorded_without_its_path_is_resumed_by_its_script(table: Path, tmp_path: Path) -> None:
    task = ne.tasks.Table(table, key="arch", signal="accuracy")

    def search(evaluations: int) -> ne.Run:
        strategy = RegularizedEvolution(population=6, sample=2)
        budget = ne.Budget(evaluations=evaluations)
        return ne.evolve(CellSpace(nodes=3), task, strategy=strategy, budget=budget, run=tmp_path / "run", progress=False)

    search(8)
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    del config["task"]["origin"]
    path.write_text(json.dumps(config))
    assert "did not record where its table lies" in neuroevo("resume", tmp_path / "run", folder=tmp_path).stderr
    assert search(12).evaluations == 12
    assert json.loads(path.read_text())["task"]["origin"]["path"] == str(table)


@pytest.mark.parametrize("name", ["fitness", "two"])
def test_a_fitness_of_an_imported_module_is_gone_on_with(own: Any, name: str, tmp_path: Path) -> None:
    fitness = getattr(own, name)
    objectives = None if name == "fitness" else {"sum": ne.maximise, "parameters": PARAMETERS}

    def search(**settings: Any) -> ne.Run:
        return ne.evolve(NeatSpace(2, 1), fitness, objectives=objectives, strategy=Nsga2(population=6), seed=3, **settings)

    evaluator = "slots" if name == "fitness" else "serial"
    resumed(search, tmp_path, "generations", 2, 4, imported=own.__file__, evaluator=evaluator)
    without = process("resume", tmp_path / "run", "--generations", 5, folder=tmp_path)
    assert (
        without.returncode == 2
        and f"the Python function my_parts.{name}; neuroevo --import my_parts resume RUN" in without.stderr
    )


def test_a_fitness_that_no_module_has_needs_its_script(tmp_path: Path) -> None:
    ne.evolve(NeatSpace(2, 1), lambda network: 1.0, population=4, budget=ne.Budget(generations=1), run=tmp_path / "run")
    done = neuroevo("resume", tmp_path / "run", "--generations", 2, folder=tmp_path)
    assert done.returncode == 2
    assert "run the script that started it again to go on" in done.stderr and "--import" not in done.stderr


def test_nothing_is_imported_because_a_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.py").write_text(f"open({str(tmp_path / 'exploded')!r}, 'w')\ndef fitness(network): return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    run = tmp_path / "run"
    ne.evolve(NeatSpace(2, 1), lambda network: 1.0, population=4, budget=ne.Budget(generations=1), run=run)
    config = json.loads((run / "config.json").read_text())
    config["task"]["fitness"] = "bomb.fitness"
    with pytest.raises(ValueError, match="--import bomb"):
        search_from_settings(config)
    assert not (tmp_path / "exploded").exists()


def test_a_strategy_of_ones_own_is_gone_on_with_where_it_is_registered(own: Any, tmp_path: Path) -> None:
    def search(**settings: Any) -> ne.Run:
        return ne.evolve(NEAT, CartPole(steps=50), strategy=own.Patient(), seed=3, **settings)

    resumed(search, tmp_path, "generations", 2, 4, imported=own.__file__)
    without = process("resume", tmp_path / "run", "--generations", 5, folder=tmp_path)
    assert without.returncode == 2
    for part in (
        "strategy 'Patient' is not registered here",
        "neuroevo.registry.register('strategy', Patient)",
        "strategy.Patient",
    ):
        assert part in without.stderr


def test_an_encoding_of_ones_own_is_gone_on_with_where_it_is_imported(tmp_path: Path) -> None:
    script = ROOT / "docs" / "examples" / "own_genome.py"
    sys.path.insert(0, str(script.parent))
    import own_genome

    def search(**settings: Any) -> ne.Run:
        space, objectives = own_genome.TernarySpace(2, 1), {"error": ne.minimise, "parameters": PARAMETERS}
        strategy = Nsga2(population=6)
        return ne.evolve(space, own_genome.larger_of_two, objectives=objectives, strategy=strategy, seed=3, **settings)

    resumed(search, tmp_path, "generations", 1, 3, imported=str(script))
    without = process("resume", tmp_path / "run", "--generations", 5, folder=tmp_path)
    assert without.returncode == 2 and "encoding 'ternary' is not registered here" in without.stderr
    shown = process("--import", script, "show", tmp_path / "run", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("name", ["Classification", "Regression"])
@pytest.mark.slow
def test_a_search_on_data_is_gone_on_with(name: str, tmp_path: Path) -> None:
    objectives = "error<0.9,parameters" if name == "Classification" else "mae,flops"
    task = getattr(ne.tasks, name)("iris" if name == "Classification" else "linnerud", objectives, seed=4)

    def search(**settings: Any) -> ne.Run:
        estimation = ne.estimation.FullTraining(epochs=1)
        space = task.default_space()
        return ne.evolve(space, task, strategy=RandomSearch(batch=2), estimation=estimation, seed=3, **settings)

    resumed(search, tmp_path, "evaluations", 2, 4, fresh=True)


def test_every_task_is_made_again_of_its_settings(own: Any, table: Path) -> None:
    tasks = [
        ne.tasks.Classification("iris", "error,latency,parameters<900", seed=4),
        ne.tasks.Regression("diabetes", "mae,flops", seed=4),
        ne.tasks.Detection("scattered_digits", "ap50,parameters", seed=4, image_size=64),
        ne.tasks.Table(table, key="arch", signal={"accuracy": ne.maximise, "parameters": PARAMETERS}, report=["test"]),
        ne.tasks.Function(own.two, {"sum": ne.maximise, "parameters": PARAMETERS}, of="network"),
        CartPole(velocities=False, steps=20, activations_per_step=2),
        DoublePole(velocities=False, generalization=7),
        Retina(on=2.0, low=0.0),
        VisualDiscrimination(22),
        DeceptiveMaze("hard", ("closeness", "curiosity")),
        TMaze(swaps=(3,), corridor=2),
    ]
    if importlib.util.find_spec("gymnasium"):
        tasks.append(ne.tasks.Environment("CartPole-v1", episodes=2, objectives="reward,connections", normalise="none", solved=9))
    assert {type(task).__name__ for task in tasks} >= set(ne.registry.built_in("task")) - {"Environment"}
    for task in tasks:
        recorded = json.loads(json.dumps(task.settings()))
        again = task_from_settings(recorded)
        assert type(again) is type(task) and json.loads(json.dumps(again.settings())) == recorded
        assert again.objectives == task.objectives


NEEDED: dict[str, tuple[Any, ...]] = {"TrainedOnce": (Nsga2(),), "FidelityStudy": ([{"epochs": 5}, {"data": 0.25}],)}


@pytest.mark.parametrize("kind", ["strategy", "estimation"])
def test_every_strategy_and_estimation_is_made_again_of_its_settings(kind: str) -> None:
    made = strategy_from_settings if kind == "strategy" else estimation_from_settings
    for name in ne.registry.built_in(kind):
        part = ne.registry.part(kind, name)
        part = part(*NEEDED.get(name, ()))
        recorded = json.loads(json.dumps(part.settings()))
        assert json.loads(json.dumps(made(recorded).settings())) == recorded


def test_settings_that_a_part_does_not_have_are_refused_in_a_sentence() -> None:
    with pytest.raises(
        ValueError, match="Nsga2 do not fit this release: unknown setting 'popluation'; did you mean 'population'"
    ):
        strategy_from_settings({"strategy": "Nsga2", "popluation": 3})
    with pytest.raises(ValueError, match=r"strategy 'Bees' is not registered here \(known: .*HillClimb"):
        strategy_from_settings({"strategy": "Bees"})
    with pytest.raises(ValueError, match="Retina do not fit this release: unknown setting 'colour'"):
        task_from_settings({"task": "Retina", "colour": 1})
