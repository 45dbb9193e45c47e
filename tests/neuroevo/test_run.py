"""Runs: what a user gives, what is recorded, and that it goes on exactly where it stopped."""

import random
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.evaluators import Slots
from neuroevo.store import Store, StoreError
from neuroevo.testing.evaluator import NumberSpace, SquareTask

SHORT_RUN = Path(__file__).parents[1] / "reliability" / "short_run.py"


def squared(genome) -> float:
    return -(genome.value**2)


def number(fitness, objectives=None) -> ne.tasks.Function:
    return ne.tasks.Function(fitness, objectives, of="genome")


def evolve(task, *, evaluations: int = 60, seed: int = 1, **options) -> ne.Run:
    strategy = options.pop("strategy", None) or strategies.Nsga2(population=10)
    budget = options.pop("budget", None) or ne.Budget(evaluations=evaluations)
    return ne.evolve(NumberSpace(), task, strategy=strategy, budget=budget, seed=seed, **{"progress": False} | options)


def same(a: ne.Run, b: ne.Run) -> bool:
    return a.history().equals(b.history()) and [i.id for i in a.front] == [i.id for i in b.front]


# What a fitness may return ----------------------------------------------------------------------------------------------------


def test_a_float_is_maximised() -> None:
    run = evolve(number(squared))
    values = run.history()["fitness"]
    assert run.best.fitness.values[0] == values.max()
    assert run.evaluations == len(values) == 60


def test_a_dict_needs_its_declared_objectives_and_keeps_what_else_it_says() -> None:
    task = number(lambda g: {"size": abs(g.value), "reward": g.value, "note": 2.0}, {"reward": ne.maximise, "size": ne.minimise})
    run = evolve(task)
    assert set(run.best.values) == {"reward", "size"}
    assert run.best.info["scores"] == {"note": 2.0}
    for individual in run.front:
        assert not any(other.fitness.dominates(individual.fitness) for other in run)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda g: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda g: float("nan"), "ValueError: fitness must be finite, the fitness returned nan"),
        (lambda g: float("inf"), "ValueError: fitness must be finite, the fitness returned inf"),
        (lambda g: None, "ValueError: fitness must be a number, the fitness returned None"),
        (lambda g: "good", "ValueError: fitness must be a number, the fitness returned 'good'"),
        (lambda g: {"reward": 1.0}, "the objectives are 'fitness'; missing: 'fitness'"),
    ],
)
def test_a_broken_fitness_is_a_recorded_failure_and_never_a_parent(broken, reason: str) -> None:
    run = evolve(number(lambda g: broken(g) if g.value > 0 else squared(g)))
    failed = [individual for individual in run if individual.status == "failed"]
    assert failed and run.failures == len(failed)
    assert all(reason in individual.reason for individual in failed)
    assert all(individual.fitness.values == (-np.inf,) for individual in failed)
    bad = {individual.id for individual in failed}
    assert not any(bad & set(individual.parents) for individual in run)


def test_a_search_in_which_everything_fails_ends_with_the_reason() -> None:
    with pytest.raises(ne.SearchFailed, match="every one of the first 10 candidates failed; the first: ZeroDivisionError"):
        evolve(number(lambda g: 1 / 0))


def test_a_fitness_may_draw_from_its_own_stream() -> None:
    def noisy(genome, rng):
        return rng.normal()

    assert same(evolve(number(noisy)), evolve(number(noisy), workers=2))


# Reproducibility --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [pytest.param("nsga2", marks=pytest.mark.slow), "regularized_evolution", pytest.param("random_search", marks=pytest.mark.slow)])
def test_one_two_and_eight_workers_give_identical_ancestry_and_fitness(strategy: str, tmp_path: Path) -> None:
    sys.path.insert(0, str(SHORT_RUN.parent))
    try:
        from short_run import search
    finally:
        sys.path.pop(0)
    serial = search(None, strategy, evaluations=120)
    for workers in (2, 8):
        assert same(serial, search(None, strategy, workers, evaluations=120))


def test_one_slot_equals_serial() -> None:
    assert same(evolve(SquareTask()), evolve(SquareTask(), evaluator=Slots(1)))


def test_another_seed_gives_another_run() -> None:
    assert not same(evolve(SquareTask(), seed=1), evolve(SquareTask(), seed=2))


def test_code_that_draws_from_global_random_changes_nothing() -> None:
    def drawing(genome):
        random.random()
        np.random.random()  # noqa: NPY002
        return squared(genome)

    random.seed(5)
    run = evolve(number(drawing))
    following = random.random()
    random.seed(5)
    for _ in range(60):
        random.random()
    assert following == random.random(), "a run leaves Python's global random as the user's code left it"
    assert same(run, evolve(number(squared)))


# Resume -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [1, 10, 37, 59])
def test_a_run_under_a_larger_budget_goes_on_as_if_it_had_never_stopped(stop: int, tmp_path: Path) -> None:
    evolve(SquareTask(), evaluations=stop, run=tmp_path / "run")
    resumed = evolve(SquareTask(), evaluations=60, run=tmp_path / "run")
    whole = evolve(SquareTask(), evaluations=60)
    assert same(resumed, whole)
    assert resumed.box == whole.box and resumed.hypervolume == whole.hypervolume


def test_a_complete_run_evaluates_nothing_again(tmp_path: Path) -> None:
    first = evolve(SquareTask(), run=tmp_path / "run")
    again = evolve(SquareTask(), run=tmp_path / "run")
    assert same(first, again)
    assert len(sqlite3.connect(tmp_path / "run" / "run.db").execute("SELECT * FROM evaluations").fetchall()) == 60


def test_changed_settings_are_named_and_refused(tmp_path: Path) -> None:
    evolve(SquareTask(), run=tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.suffix == ".json"}
    with pytest.raises(StoreError, match=r"seed \(the run's: 1, now: 2\)"):
        evolve(SquareTask(), seed=2, run=tmp_path / "run")
    with pytest.raises(StoreError, match=r"task\.fail_within \(the run's: 0\.0, now: 0\.5\)"):
        evolve(SquareTask(0.5), run=tmp_path / "run")
    with pytest.raises(StoreError, match=r"strategy\.population"):
        evolve(SquareTask(), strategy=strategies.Nsga2(population=12), run=tmp_path / "run")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.suffix == ".json"}


def test_an_edited_fitness_is_noticed(tmp_path: Path) -> None:
    def first(genome):
        return genome.value

    def second(genome):
        return genome.value + 1.0

    second.__qualname__ = first.__qualname__
    evolve(number(first), run=tmp_path / "run")
    with pytest.raises(StoreError, match="holds a run of other Python code"):
        evolve(number(second), run=tmp_path / "run")


def test_the_time_of_a_first_generation_that_was_cut_short_counts(tmp_path) -> None:
    def slow(genome) -> float:
        time.sleep(0.05)
        return squared(genome)

    begun = evolve(number(slow), evaluations=6, run=tmp_path / "run")
    again = evolve(number(slow), evaluations=6, run=tmp_path / "run")  # evaluates nothing
    assert begun.generation == 0 and again.seconds >= begun.seconds >= 0.25


# Budgets ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [{}, {"evaluations": 0}, {"seconds": -1}, {"generations": 1.5}, {"target": float("nan")}])
def test_impossible_budgets_are_refused(limits: dict) -> None:
    with pytest.raises(ValueError, match="budget"):
        ne.Budget(**limits)


def test_budgets_end_a_run_and_say_which_did() -> None:
    assert evolve(number(squared), budget=ne.Budget(generations=3)).generation == 3
    target = evolve(number(squared), budget=ne.Budget(evaluations=5000, target=-0.01))
    assert target.solved and target.best.fitness.values[0] >= -0.01 and target.evaluations < 5000
    stale = evolve(number(lambda g: 1.0), budget=ne.Budget(evaluations=5000, patience=4))
    assert stale.ended == "patience" and stale.generation == 5
    timed = evolve(number(lambda g: time.sleep(0.01) or 1.0), budget=ne.Budget(seconds=0.2))
    assert timed.ended == "seconds" and 0 < timed.evaluations < 100


def test_a_population_that_is_scored_member_by_member_stops_at_the_evaluation_budget(tmp_path: Path) -> None:
    def fitness(network):
        return float(network(np.ones((1, 2))).sum())

    def evolved(evaluations: int, folder: Path | None = None) -> ne.Run:
        budget = ne.Budget(evaluations=evaluations)
        return ne.evolve(
            NeatSpace(inputs=2, outputs=1), fitness, population=24, budget=budget, seed=1, run=folder, progress=False
        )

    assert evolved(79, tmp_path / "run").evaluations == 79
    assert same(evolved(120, tmp_path / "run"), evolved(120))


def test_the_evaluation_that_crosses_the_simulated_time_is_the_last() -> None:
    task = number(lambda g: {"fitness": g.value, "simulated_seconds": 7.0}, {"fitness": ne.maximise})
    run = evolve(task, budget=ne.Budget(simulated_seconds=100))
    assert run.evaluations == 15 and run.records.simulated_seconds == 105.0


# The folder -------------------------------------------------------------------------------------------------------------------


def test_a_loaded_run_equals_the_one_that_was_evolved(tmp_path: Path) -> None:
    run = evolve(SquareTask(0.3), run=tmp_path / "run")
    loaded = ne.load_run(tmp_path / "run")
    assert same(run, loaded)
    assert (loaded.evaluations, loaded.failures, loaded.generation) == (run.evaluations, run.failures, run.generation)
    assert loaded.generations().drop(columns="seconds").equals(run.generations().drop(columns="seconds"))


def test_champions_only_keeps_the_front_and_the_living_and_resumes(tmp_path: Path) -> None:
    evolve(number(squared), evaluations=200, run=tmp_path / "run", record="champions")
    resumed = evolve(number(squared), evaluations=400, run=tmp_path / "run", record="champions")
    whole = evolve(number(squared), evaluations=400)
    assert resumed.best.id == whole.best.id and resumed.best.genome == whole.best.genome
    database = sqlite3.connect(tmp_path / "run" / "run.db")
    born, kept = database.execute("SELECT count(*), count(genome) FROM individuals").fetchone()
    assert born == 400 and kept < 400
    assert ne.load_run(tmp_path / "run").evaluations == 400


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    evolve(SquareTask(), run=tmp_path / "run")
    store = Store(tmp_path / "run", writable=True)
    with pytest.raises(StoreError, match="being written by another process"):
        evolve(SquareTask(), evaluations=80, run=tmp_path / "run")
    store.close()
    assert evolve(SquareTask(), evaluations=80, run=tmp_path / "run").evaluations == 80


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty"])
def test_a_damaged_database_is_one_sentence_and_stays_as_it_is(damage: str, tmp_path: Path) -> None:
    evolve(SquareTask(), run=tmp_path / "run")
    path = tmp_path / "run" / "run.db"
    whole = path.read_bytes()
    broken = {"garbage": b"not a database" * 500, "truncated": whole[: len(whole) // 2], "empty": b""}[damage]
    path.write_bytes(broken)
    for attempt in (lambda: ne.load_run(tmp_path / "run"), lambda: evolve(SquareTask(), evaluations=90, run=tmp_path / "run")):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert "\n" not in str(caught.value) and str(tmp_path / "run") in str(caught.value)
    assert path.read_bytes() == broken


def test_a_damaged_config_is_one_sentence(tmp_path: Path) -> None:
    evolve(SquareTask(), run=tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text('{"space": ')
    with pytest.raises(StoreError, match=r"config\.json is damaged"):
        evolve(SquareTask(), evaluations=80, run=tmp_path / "run")


def test_a_folder_that_is_not_a_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run"):
        ne.load_run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        evolve(SquareTask(), run=tmp_path / "file")


def test_births_that_cannot_be_made_again_are_noticed(tmp_path: Path) -> None:
    evolve(SquareTask(), evaluations=15, run=tmp_path / "run")  # ends inside the second generation
    database = sqlite3.connect(tmp_path / "run" / "run.db")
    database.execute("UPDATE individuals SET genome = '0.123' WHERE id = 12")
    database.commit()
    database.close()
    with pytest.raises(StoreError, match=r"individual 12 .* cannot be made again exactly"):
        evolve(SquareTask(), evaluations=60, run=tmp_path / "run")


def test_individuals_are_found_by_id_and_in_a_table() -> None:
    run = evolve(SquareTask())
    assert run[17].id == 17
    table = run.history()
    assert list(table["id"]) == list(range(60))
    assert table.loc[17, "square"] == run[17].values["square"]
    with pytest.raises(KeyError, match="no individual 1000"):
        run[1000]


def test_callbacks_see_every_result_and_generation() -> None:
    seen: list[str] = []

    class Watch(ne.Callback):
        def on_start(self, run):
            seen.append("start")

        def on_result(self, run, result):
            seen.append("result")

        def on_generation(self, run):
            seen.append(f"generation {run.generation}")

        def on_end(self, run):
            seen.append(f"end {run.ended}")

    evolve(SquareTask(), evaluations=20, callbacks=[Watch()])
    assert seen[0] == "start" and seen.count("result") == 20 and seen[-2:] == ["generation 2", "end evaluations"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"seed": -1}, "seed"), ({"seed": 1.5}, "seed"), ({"workers": 0}, "workers"), ({"record": "some"}, "record")],
)
def test_impossible_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evolve(SquareTask(), **arguments)
