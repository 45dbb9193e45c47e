"""How settings may be given: NumPy's numbers, folders, budgets of a run that was cut short, and what cannot travel to workers."""

import functools
import inspect
import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import neuroevo as ne
from genomes import (
    BackboneSpace,
    CellSpace,
    ChainSpace,
    CppnSpace,
    NeatSpace,
    NetworkSpace,
    PyramidSpace,
    RecurrentCellSpace,
    StackSpace,
    Substrate,
)
from genomes.base import Space, plain
from neuroevo.cli.search import evolve_networks
from neuroevo.core import registry
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import Fidelity
from neuroevo.estimation import Direct, FullTraining, GradientTraining, LearningCurve, MedianStopping
from neuroevo.evaluators import Serial, Slots
from neuroevo.report.comparison import compare, comparison_json, comparison_table
from neuroevo.run.search import SearchSettings, epochs_of, strategy_by_name, supervised_task, usual_strategy
from neuroevo.simulators import CartPole
from neuroevo.store import StoreError
from neuroevo.strategies import HillClimb, Lemonade, Neat, Nsga2, Nsga3, RandomSearch, RegularizedEvolution
from neuroevo.tasks.base import Task
from neuroevo.train.recipe import Recipe

SPACE = NeatSpace(inputs=2, outputs=1)


def score(network: Any) -> float:
    return float(network([[0.5, 1.0]])[0, 0])


def evolve(**settings: Any) -> ne.Run:
    settings = {"strategy": RandomSearch(batch=2), "budget": ne.Budget(evaluations=4), **settings}
    return ne.evolve(SPACE, settings.pop("fitness", score), progress=False, **settings)


# NumPy's numbers ------------------------------------------------------------------------------------------------------------------

i, f = np.int64, np.float32
MADE: dict[str, Any] = {
    "NeatSpace": (NeatSpace, {"inputs": 2, "outputs": 1, "initial_hidden": 1, "add_node_rate": 0.5}),
    "NetworkSpace": (NetworkSpace, {"input_shape": (8, 8, 1), "outputs": 10, "max_parameters": 5000}),
    "ChainSpace": (ChainSpace, {"input_shape": (8, 8, 1), "outputs": 10}),
    "StackSpace": (StackSpace, {"input_shape": (8, 8, 1), "outputs": 10}),
    "RecurrentCellSpace": (RecurrentCellSpace, {"input_shape": (8, 1), "outputs": 10, "base": 4}),
    "CellSpace": (CellSpace, {"input_shape": (8, 8, 1), "outputs": 10}),
    "PyramidSpace": (PyramidSpace, {"input_shape": (128, 128, 3), "classes": 10, "levels": (3, 4, 5, 6, 7), "block_rate": 0.125}),
    "BackboneSpace": (BackboneSpace, {"input_shape": (128, 128, 3), "classes": 10}),
    "CppnSpace": (CppnSpace, {"inputs": 2, "outputs": 1}),
    "Budget": (ne.Budget, {"evaluations": 5, "generations": 3, "seconds": 2.5, "patience": 4, "target": 1}),
    "Neat": (Neat, {"population": 7}),
    "Nsga2": (Nsga2, {"population": 7}),
    "Nsga3": (Nsga3, {"population": 7}),
    "RegularizedEvolution": (RegularizedEvolution, {"population": 7, "sample": 3}),
    "RandomSearch": (RandomSearch, {"batch": 3}),
    "HillClimb": (HillClimb, {}),
    "Lemonade": (Lemonade, {}),
    "FullTraining": (FullTraining, {"epochs": 3, "curve": 2, "temperature": 0.5}),
    "GradientTraining": (GradientTraining, {"steps": 3, "learning_rate": 0.5, "batch_size": 2}),
    "LearningCurve": (LearningCurve, {"base": Direct(), "least": 3, "probability": 0.125, "looks": 1}),
    "MedianStopping": (MedianStopping, {"base": Direct(), "least": 3, "keep": 9}),
    "Slots": (Slots, {"workers": 2, "timeout": 5}),
    "Recipe": (Recipe, {"epochs": 3}),
    "Fidelity": (Fidelity, {"epochs": 3, "data": 0.5}),
    "Objective": (Objective, {"name": "size", "limit": 5}),
    "CartPole": (CartPole, {"steps": 30}),
}


def as_numpy(value: Any) -> Any:
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float32(value)
    return tuple(map(as_numpy, value)) if isinstance(value, tuple) else value


def described(made: Any) -> str:
    for name in ("to_dict", "settings"):
        if hasattr(made, name):
            return json.dumps(getattr(made, name)(), default=lambda one: one.to_dict())
    return json.dumps({name: value for name, value in vars(made).items() if isinstance(value, (int, float, tuple))})


@pytest.mark.parametrize("name", MADE)
def test_numpys_numbers_are_settings_like_pythons(name: str) -> None:
    kind, settings = MADE[name]
    assert described(kind(**{key: as_numpy(value) for key, value in settings.items()})) == described(kind(**settings))
    assert list(inspect.signature(kind).parameters)[:1] != ["arguments"], "its signature is still its own"


def test_a_run_with_numpys_numbers_is_the_run_with_pythons(tmp_path: Path) -> None:
    for kind, folder in ((int, "int"), (np.int64, "int64"), (np.uint8, "uint8")):
        run = ne.evolve(
            NeatSpace(kind(2), kind(1)), score, population=kind(6), seed=kind(3), workers=kind(1), run=tmp_path / folder,
            budget=ne.Budget(generations=kind(2), evaluations=kind(50)), progress=False,
        )  # fmt: skip
        assert run.settings["seed"] == 3 and run.evaluations == 12
    texts = [(tmp_path / folder / "config.json").read_text() for folder in ("int", "int64", "uint8")]
    assert texts[0] == texts[1] == texts[2]
    again = ne.evolve(
        NeatSpace(2, 1), score, population=6, seed=3, run=tmp_path / "int64", budget=ne.Budget(generations=3), progress=False
    )
    assert again.evaluations == 18


@pytest.mark.parametrize("seed", [np.float64(1.5), np.bool_(True), np.int64(-1), "1", 1.0])
def test_what_is_no_whole_number_is_still_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed must be a whole number"):
        evolve(seed=seed)


def test_environments_take_numpys_numbers() -> None:
    pytest.importorskip("gymnasium")
    settings = {
        "episodes": 2,
        "steps": 20,
        "action_repeat": 2,
        "fresh_episodes": 5,
        "rungs": ((1, -5),),
        "output_range": (0.0, 1.0),
    }
    one = ne.tasks.Environment("Pendulum-v1", **settings)
    other = ne.tasks.Environment("Pendulum-v1", **{name: as_numpy(value) for name, value in settings.items()})
    other.rungs = tuple((int(count), float(needed)) for count, needed in other.rungs)
    assert json.dumps(one.settings()) == json.dumps(other.settings())


def test_lists_that_are_given_stay_the_users() -> None:
    class Own(Task):
        objectives: ClassVar = {"score": Objective("score")}

        def __init__(self, seen: list[Any]) -> None:
            self.seen = seen

        def score(self, phenotype: Any, context: Any) -> dict[str, float]:
            return {"score": 1.0}

    seen: list[Any] = [1, {"a": "b"}]
    assert Own(seen).seen is seen
    assert plain([np.int64(1), {"a": (np.float64(0.5), np.str_("b"))}]) == [1, {"a": (0.5, "b")}]


def test_signatures_are_those_of_the_parts() -> None:
    for kind in ("strategy", "estimation", "task", "encoding"):
        for name in registry.names(kind):
            part = registry.part(kind, name)
            assert not {"arguments", "named"} <= set(inspect.signature(part).parameters), name
    assert issubclass(NeatSpace, Space) and Substrate.grid(np.int64(3), np.int64(2)).input_count == 3


# Folders --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", " ", b""])
def test_an_empty_text_is_no_folder(folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (lambda: evolve(run=folder), lambda: ne.load_run(folder)):
        with pytest.raises(StoreError, match=r"a run's folder is a path such as 'runs/first'.*got an empty text"):
            use()
    assert not list(tmp_path.iterdir())


def test_the_command_line_refuses_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from neuroevo.cli.main import app

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["search", "iris", "--run", "", "--evaluations", "1"])
    assert isinstance(done.exception, ValueError) and "--run is a folder" in str(done.exception)
    assert not list(tmp_path.iterdir())


# Cut short, and called with less --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("cut", [1, 5])
def test_a_first_generation_that_was_cut_short_counts_under_a_smaller_budget(cut: int, schedule: Any, tmp_path: Path) -> None:
    calls: list[int] = []

    def fitness(network: Any) -> float:
        if len(calls) == cut:
            raise KeyboardInterrupt
        calls.append(1)
        return score(network)

    search = {"strategy": Nsga2(population=8), "fitness": fitness, "run": tmp_path / "run", "version": "1", "schedule": schedule}
    with pytest.raises(KeyboardInterrupt):
        evolve(budget=ne.Budget(evaluations=100), **search)
    calls.append(1)
    for _ in range(2):
        run = evolve(budget=ne.Budget(seconds=1e-9), **search)
        assert (run.evaluations, run.ended, len(run.front)) == (cut, "seconds", 1) and len(calls) == cut + 1
    assert ne.load_run(tmp_path / "run").front[0].values == run.front[0].values
    whole = evolve(budget=ne.Budget(evaluations=8), **search)
    uncut = evolve(budget=ne.Budget(evaluations=8), strategy=Nsga2(population=8), schedule=schedule)
    assert [one.values for one in whole] == [one.values for one in uncut]


def test_recorded_trials_behind_a_missing_one_count_too(tmp_path: Path) -> None:
    from neuroevo.store import Store

    search = {"strategy": Nsga2(population=6), "run": tmp_path / "run"}
    evolve(budget=ne.Budget(evaluations=5), **search)
    store = Store(tmp_path / "run", writable=True)
    store._db.execute("DELETE FROM evaluations WHERE trial = 2")
    store._db.execute("UPDATE trials SET status = 'pending' WHERE id = 2")
    store.close()
    run = evolve(budget=ne.Budget(seconds=1e-9), **search)
    assert sorted(one.id for one in run) == [0, 1, 3, 4] and run.evaluations == 4


def test_a_run_that_evaluated_nothing_is_not_called_complete(tmp_path: Path) -> None:
    from neuroevo.report.text import run_table

    evolve(run=tmp_path / "run", budget=ne.Budget(seconds=1e-12))
    shown = run_table(ne.load_run(tmp_path / "run"))
    assert "its budget (seconds) ended before anything was evaluated" in shown and "complete (" not in shown


def test_resume_takes_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from neuroevo.cli.main import app

    ne.evolve(
        NeatSpace(4, 1), CartPole(steps=20), population=6, run=tmp_path / "run", budget=ne.Budget(seconds=1e-9), progress=False
    )
    done = CliRunner().invoke(
        app, ["resume", str(tmp_path / "run"), "--seconds", "1000", "--generations", "2", "--evaluator", "serial"]
    )
    assert done.exit_code == 0, done.output
    run = ne.load_run(tmp_path / "run")
    assert run.generation == 2 and run.settings["budget"] == {"generations": 2, "seconds": 1000.0}


# Compared -------------------------------------------------------------------------------------------------------------------------


def search(seed: int, evaluations: int, folder: Path | None = None) -> ne.Run:
    return evolve(seed=seed, budget=ne.Budget(evaluations=evaluations), run=folder)


def test_one_seed_with_other_budgets_is_one_seed_of_each() -> None:
    one = compare([search(1, 4), search(1, 8)])
    assert [[run.settings["seed"] for run in group.runs] for group in one.groups] == [[1], [1]]
    assert len({group.label for group in one.groups}) == 2
    several = compare([search(seed, budget) for seed in (1, 2, 3) for budget in (4, 8)])
    assert [len(group.runs) for group in several.groups] == [3, 3] and len(several.tests) == 1
    other = compare([search(1, 4), search(2, 8), search(3, 8)])
    assert [len(group.runs) for group in other.groups] == [3], "where no seed is there twice, budgets may differ"


def test_the_same_run_twice_is_one_seed_and_is_said(tmp_path: Path) -> None:
    runs = [search(seed, 4, tmp_path / f"{seed}{copy}") for seed, copy in ((1, "a"), (1, "b"), (2, "a"))]
    found = compare(runs)
    assert [[run.settings["seed"] for run in group.runs] for group in found.groups] == [[1, 2]]
    assert [run.folder for run in found.repeated] == [tmp_path / "1b"]
    assert "left out, since another run has the same seed and settings" in comparison_table(found)
    assert comparison_json(found)["left_out"] == [str(tmp_path / "1b")]


def test_runs_of_other_code_are_other_groups(tmp_path: Path) -> None:
    def scaled(k: float, network: Any) -> float:
        return k * score(network)

    runs = [
        evolve(fitness=functools.partial(scaled, k), seed=seed, run=tmp_path / f"{k}{seed}")
        for k in (1.0, 2.0)
        for seed in (1, 2)
    ]
    assert [len(group.runs) for group in compare(runs).groups] == [2, 2]


# Workers --------------------------------------------------------------------------------------------------------------------------


class Locked:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, network: Any) -> float:
        with self.lock:
            return score(network)


class Travelling(Locked):
    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.lock = threading.Lock()


CANNOT_TRAVEL = {
    "lock": (lambda: {"fitness": Locked()}, "task or fitness cannot be sent .*lock"),
    "connection": (
        lambda: {"fitness": functools.partial(lambda connection, network: 1.0, sqlite3.connect(":memory:"))},
        "task or fitness cannot be sent .*sqlite3.Connection",
    ),
    "estimation": (lambda: {"estimation": Holding()}, "estimation cannot be sent .*lock"),
}


class Holding(Direct):
    def __init__(self) -> None:
        self.lock = threading.RLock()


@pytest.mark.parametrize("what", CANNOT_TRAVEL)
def test_what_cannot_travel_to_workers_is_said(what: str) -> None:
    made, sentence = CANNOT_TRAVEL[what]
    with pytest.raises(ValueError, match=sentence):
        evolve(workers=2, **made())
    assert evolve(**made()).evaluations == 4, "in this process it works"


def test_a_lock_that_is_left_out_travels() -> None:
    assert evolve(workers=2, fitness=Travelling()).failures == 0


@pytest.mark.parametrize("value", [np.array(3), np.array(np.int8(3))])
def test_an_array_without_axes_is_its_number(value: np.ndarray) -> None:
    assert ne.Budget(generations=value).settings() == ne.Budget(generations=3).settings()
    space = NeatSpace(inputs=value, outputs=1)
    assert space == NeatSpace(inputs=3, outputs=1) and type(space.inputs) is int


# Options of a search on data that would change nothing ----------------------------------------------------------------------------


def epochs(strategy: str = "nsga2", **said: Any) -> int | None:
    settings = SearchSettings("iris", strategy=strategy, **said)
    return epochs_of(settings, supervised_task(settings), strategy_by_name(strategy, "none"))


def test_epochs_are_the_users_else_the_presets_where_candidates_are_trained_and_the_strategy_chooses_none() -> None:
    assert (epochs(), epochs(preset_epochs=5), epochs(preset_epochs=5, epochs=7)) == (None, 5, 7)
    assert epochs("hyperband", preset_epochs=5) is epochs(objectives="synflow,parameters", preset_epochs=5) is None


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"strategy": "hyperband", "epochs": 7}, "--epochs 7 would change nothing: hyperband chooses"),
        ({"strategy": "asha", "objectives": "synflow,parameters"}, "no use for --strategy asha: "),
        (
            {"stop_early": "median", "objectives": "naswot,parameters"},
            "objectives naswot, parameters, so there is no use for --stop-early: ",
        ),
        ({"epochs": 7, "stop_early": "median", "objectives": "naswot"}, "no use for --epochs and --stop-early: "),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        epochs(**said)


def test_a_strategy_that_nobody_names_suits_the_number_of_objectives() -> None:
    both, one = (ne.tasks.Classification("iris", objectives=names) for names in (("error", "parameters"), ("error",)))
    assert usual_strategy(both) == ("nsga2", {}) and usual_strategy(one) == ("regularized_evolution", {"batch": "4"})
    assert usual_strategy(one, said=["strategy.crossover"]) == ("nsga2", {}), "the other has none"
    assert usual_strategy(one, said=["population", "max_layers"])[0] == "regularized_evolution"
    assert usual_strategy(one, {"strategy": "Nsga2", "population": 12}) == ("nsga2", {}), "a run that was begun goes on"
    assert usual_strategy(both, {"strategy": "RegularizedEvolution", "batch": 2}) == ("regularized_evolution", {"batch": "2"})
    assert usual_strategy(one, {"strategy": "OfSomebodyElse"}) == ("regularized_evolution", {"batch": "4"})


def test_a_search_for_one_objective_takes_regularized_evolution_and_goes_on_as_it_began(tmp_path: Path) -> None:
    asked = SearchSettings("iris", objectives="error", epochs=1)
    begun = evolve_networks(replace(asked, strategy="nsga2"), tmp_path / "begun", evaluations=2, evaluator=Serial(), folds=0)
    again = evolve_networks(asked, tmp_path / "begun", evaluations=2, evaluator=Serial(), folds=0)
    assert {one.id for one in again} == {one.id for one in begun}
    new = evolve_networks(asked, tmp_path / "new", evaluations=2, evaluator=Serial(), folds=0)
    made = ne.load_run(new.folder).settings["strategy"]
    assert (made["strategy"], made["batch"]) == ("RegularizedEvolution", 4)
    said = replace(asked, settings={"strategy.batch": "2"})
    assert evolve_networks(said, tmp_path / "said", evaluations=2, evaluator=Serial(), folds=0).settings["strategy"]["batch"] == 2
