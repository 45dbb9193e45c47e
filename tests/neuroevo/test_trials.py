"""Trials: the unit of record. Several evaluations of an individual, fidelities, plans, statuses, artifacts, trials without individuals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deap.base import Toolbox

import neuroevo as ne
from neuroevo import strategies
from neuroevo.core.objectives import Objective
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Artifact, Evaluation, Fidelity, Measurement, Prediction, Trial
from neuroevo.estimation import Direct, Estimation
from neuroevo.evaluators import Serial, Slots
from neuroevo.run.records import Records
from neuroevo.store import Store, StoreError
from neuroevo.strategies import Strategy
from neuroevo.tasks import Context, Task
from neuroevo.testing.evaluator import NumberSpace, SquareTask

OBJECTIVES = {"score": Objective("score", "maximise")}


class Value(Task):
    """A genome's number."""

    def __init__(self) -> None:
        self.objectives = OBJECTIVES

    def phenotype(self, genome: Any) -> Any:
        return genome

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        return {"score": phenotype.value}


class Told(Estimation):
    """Measures what it is told to: `answer(trial) -> Measurement`."""

    def __init__(self, answer: Callable[[Trial], Measurement]) -> None:
        self.answer = answer

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        return self.answer(trial)


class Script(Strategy):
    """Asks for what each of some functions of the search gives, then for nothing more."""

    def __init__(self, *asks: Callable[[Any], list[Trial]], full: Fidelity | None = None) -> None:
        self.asks, self._full, self.told = list(asks), full, []

    @property
    def full(self) -> Fidelity | None:
        return self._full

    def ask(self) -> list[Trial]:
        return self.asks[self.generation](self) if self.generation < len(self.asks) else []

    def tell(self, results: Any) -> None:
        self.told.append(results)


def search(
    strategy: Strategy, estimation: Estimation, evaluations: int = 100, task: Task | None = None, **options: Any
) -> ne.Run:
    budget = options.pop("budget", None) or ne.Budget(evaluations=evaluations)
    options = {"seed": 1, "progress": False, **options}
    return ne.evolve(NumberSpace(), task or Value(), strategy=strategy, estimation=estimation, budget=budget, **options)


def scripted_scores(*scores: float) -> Told:
    left = list(scores)
    return Told(lambda trial: Measurement(np.array([[left.pop(0)] for _ in trial.individuals])))


def born(count: int) -> Callable[[Script], list[Trial]]:
    """The first ask: so many individuals, which the strategy keeps."""

    def ask(strategy: Script) -> list[Trial]:
        strategy.everyone = [strategy.search.random() for _ in range(count)]
        return [strategy.search.trial(one) for one in strategy.everyone]

    return ask


def again(position: int, **what: Any) -> Callable[[Script], list[Trial]]:
    return lambda strategy: [strategy.search.trial(strategy.everyone[position], **what)]


# Several evaluations of one individual ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [None, "run"])
def test_a_later_evaluation_replaces_an_earlier_one(folder: str | None, tmp_path: Path) -> None:
    """0 scores 0.9, then 0.5; 1 scores 0.7 and is the best then."""
    where = None if folder is None else tmp_path / folder
    run = search(Script(born(2), again(0)), scripted_scores(0.9, 0.7, 0.5), run=where)
    for seen in [run] if where is None else [run, ne.load_run(where)]:
        assert [one.id for one in seen.front] == [1] and seen.best.values == {"score": 0.7}
        assert seen[0].values == {"score": 0.5} and seen[0].trial == 2
        assert seen.evaluations == 3 and len(list(seen)) == 2
    if where is not None:
        trials = run.trials()
        assert trials["individual"].tolist() == [0, 1, 0] and trials["id"].tolist() == [0, 1, 2]
        assert set(trials["status"]) == {"done"} and trials["completed"].tolist() == [1, 2, 3]


def test_a_further_trial_draws_other_numbers_and_the_first_those_it_always_drew() -> None:
    drawn: list[float] = []

    class Draws(Estimation):
        def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
            (one,) = trial.individuals
            drawn.append(float(context.rng(one.id, trial.repeat).random()))
            return Measurement(np.array([[drawn[-1]]]))

    run = search(Script(born(1), again(0), again(0)), Draws())
    assert drawn[0] == Context(seed=1).rng(0).random()
    assert len(set(drawn)) == 3 and run.best.values["score"] == drawn[-1]


def test_an_evaluation_at_a_lower_fidelity_changes_nothing_and_is_on_record(tmp_path: Path) -> None:
    low = Fidelity(epochs=1)
    run = search(Script(born(1), again(0, fidelity=low)), scripted_scores(0.4, 0.9), run=tmp_path / "run")
    assert run.best.values == {"score": 0.4} and run.best.fidelity == FULL
    assert run.trials()["fidelity"].tolist() == [{}, {"epochs": 1}]
    assert ne.load_run(tmp_path / "run").best.values == {"score": 0.4}


def test_only_the_full_fidelity_counts_for_the_front_the_best_and_the_target(tmp_path: Path) -> None:
    low, full = Fidelity(epochs=1), Fidelity(epochs=9)
    script = Script(
        lambda s: [replace(trial, fidelity=low) for trial in born(3)(s)],
        again(1, fidelity=full),
        again(2, fidelity=full),
        full=full,
    )
    looked: list[tuple[int, list[int]]] = []

    class Look(ne.Callback):
        def on_generation(self, run: ne.Run) -> None:
            looked.append((run.generation, [one.id for one in run.front]))

    budget = ne.Budget(evaluations=50, target=0.6)
    run = search(script, scripted_scores(0.9, 0.8, 0.7, 0.2, 0.65), budget=budget, run=tmp_path / "run", callbacks=[Look()])
    assert looked == [(1, []), (2, [1]), (3, [2])]
    assert run.ended == "target" and run.best.id == 2
    assert run[0].status == "done" and run[0].fidelity == low
    loaded = ne.load_run(tmp_path / "run")
    assert [one.id for one in loaded.front] == [2] and loaded.history()["epochs"].tolist() == [1, 9, 9]


def test_of_equal_ones_the_front_holds_the_one_evaluated_first_also_when_read_back(tmp_path: Path) -> None:
    low, full = Fidelity(epochs=1), Fidelity(epochs=9)
    start = lambda s: [replace(trial, fidelity=low) for trial in born(2)(s)]  # noqa: E731
    script = Script(start, again(1, fidelity=full), again(0, fidelity=full), full=full)
    run = search(script, scripted_scores(0.1, 0.2, 0.5, 0.5), run=tmp_path / "run")
    assert [one.id for one in run.front] == [one.id for one in ne.load_run(tmp_path / "run").front] == [1]


def test_patience_counts_generations_without_a_better_full_evaluation() -> None:
    low, full = Fidelity(epochs=1), Fidelity(epochs=9)
    more = again(0, fidelity=low)
    script = Script(again_born_full(full), more, more, more, more, full=full)
    run = search(script, scripted_scores(0.1, 0.6, 0.7, 0.8, 0.9), budget=ne.Budget(evaluations=50, patience=2))
    assert run.ended == "patience" and run.generation == 3


def again_born_full(full: Fidelity) -> Callable[[Script], list[Trial]]:
    return lambda s: [replace(trial, fidelity=full) for trial in born(1)(s)]


def test_front_members_that_fall_let_those_come_back_that_they_dominated() -> None:
    rng = np.random.default_rng(3)
    objectives = {"a": Objective("a", "maximise"), "b": Objective("b", "maximise")}
    search_, records = strategies.Search(NumberSpace(), SquareTask()), Records(objectives)
    people = [search_.random() for _ in range(30)]
    for person in people:
        person.fitness.weights = (1.0, 1.0)
    for trial in range(200):
        person = people[int(rng.integers(30))]
        evaluation = Evaluation(person.id, trial, tuple(rng.random(2).tolist()), "failed" if rng.random() < 0.1 else "done")
        person.take(evaluation)
        records.add(person, evaluation)
        fresh = Records(objectives)
        for one in sorted((one for one in people if one.fitness.valid), key=lambda one: one.trial):
            fresh.place(one)
        assert [one.id for one in records.front] == [one.id for one in fresh.front]


# Statuses ---------------------------------------------------------------------------------------------------------------------


class Sceptic(Direct):
    """Predicts every third individual, stops every third, and measures the others."""

    def plan(self, individual: Any) -> Fidelity | Prediction:
        return Prediction((9.0,) * len(individual.names), (0.5,), {"by": "sceptic"}) if individual.id % 3 == 1 else FULL

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        measured = super().measure(trial, task, context)
        if trial.individuals[0].id % 3 == 2:
            return replace(measured, values=measured.values + 50, stopped={0: "hopeless after epoch 1"})
        return measured


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_stopped_and_predicted_individuals_are_shown_and_never_on_the_front(schedule: Any, tmp_path: Path) -> None:
    strategy = strategies.RegularizedEvolution(population=6, sample=2)
    run = search(strategy, Sceptic(), 40, run=tmp_path / "run", schedule=schedule)
    history = run.history().set_index("id")
    assert set(history["status"]) == {"done", "stopped", "predicted"}
    assert history["reason"][history["status"] == "stopped"].unique().tolist() == ["hopeless after epoch 1"]
    assert all(one.status == "done" for one in run.front) and run.best.values["score"] < 9
    assert run.evaluations == 40 and run.records.predictions > 5
    assert all(run[int(parent)].status == "done" for parents in history["parents"] for parent in parents)
    loaded = ne.load_run(tmp_path / "run")
    assert loaded.history().equals(run.history()) and loaded.evaluations == 40
    assert loaded.records.predictions == run.records.predictions
    predicted = next(one for one in loaded if one.status == "predicted")
    assert predicted.info == {"by": "sceptic", "deviation": [0.5]}


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_runs_with_predictions_resume_exactly(schedule: Any, tmp_path: Path) -> None:
    def run(name: str, evaluations: int) -> ne.Run:
        strategy = strategies.RegularizedEvolution(population=6, sample=2)
        return search(strategy, Sceptic(), evaluations, run=tmp_path / name, schedule=schedule)

    whole = run("whole", 40)
    for evaluations in (3, 7, 20, 33):
        run("parts", evaluations)
    assert run("parts", 40).history().equals(whole.history())


def test_a_search_in_which_everything_is_predicted_ends() -> None:
    class Prophet(Direct):
        def plan(self, individual: Any) -> Prediction:
            return Prediction((0.0,))

    run = search(strategies.RandomSearch(batch=5), Prophet())
    assert run.ended == "exhausted" and run.evaluations == 0 and run.records.predictions > 1000


def test_a_target_is_not_reached_by_who_breaks_a_limit() -> None:
    class Limited(Value):
        def __init__(self) -> None:
            self.objectives = {"score": Objective("score", "maximise"), "cost": Objective("cost", limit=1.0)}

        def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
            return {"score": 10.0, "cost": 5.0}

    run = search(strategies.Nsga2(population=5), Direct(), task=Limited(), budget=ne.Budget(evaluations=20, target=2.0))
    assert run.ended == "evaluations" and not run.solved


# Estimations that plan and learn ----------------------------------------------------------------------------------------------


class Learning(Direct):
    """Adds the number of results that it has seen to what it plans, and to the rule in the trial."""

    def __init__(self) -> None:
        self.seen = 0
        self.asked: list[int] = []

    def plan(self, individual: Any) -> Fidelity:
        self.asked.append(individual.id)
        return Fidelity(data=1 / (1 + self.seen % 5))

    @property
    def full(self) -> Fidelity:
        return Fidelity(data=0.5)

    def stop(self, individual: Any, fidelity: Fidelity) -> Mapping[str, Any]:
        return {"rule": "seen", "seen": self.seen}

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        measured = super().measure(trial, task, context)
        assert trial.stop is not None
        return replace(measured, values=measured.values + trial.fidelity.data + 0.01 * trial.stop["seen"])

    def observe(self, results: Any) -> None:
        self.seen += len(results)

    def state(self) -> State:
        return State({"seen": self.seen}, {"twice": np.array([self.seen, self.seen])})

    def restore(self, state: State) -> None:
        self.seen = state.json["seen"]
        assert state.arrays["twice"].tolist() == [self.seen, self.seen]


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_an_estimation_that_learns_goes_on_exactly_where_it_was(schedule: Any, tmp_path: Path) -> None:
    def run(name: str, evaluations: int, **options: Any) -> ne.Run:
        strategy = strategies.RegularizedEvolution(population=6, sample=2)
        return search(strategy, Learning(), evaluations, run=tmp_path / name, schedule=schedule, **options)

    whole = run("whole", 40)
    assert len({tuple(f.items()) for f in whole.trials()["fidelity"]}) > 3
    for evaluations in (2, 6, 7, 19, 31):
        run("parts", evaluations)
    parts = run("parts", 40)
    assert parts.history().equals(whole.history())
    assert parts.trials()[["fidelity", "stop"]].equals(whole.trials()[["fidelity", "stop"]])
    if schedule == "asynchronous":
        assert run("replayed", 40, replay=tmp_path / "whole").history().equals(whole.history())


def test_what_was_planned_for_a_pending_trial_holds_when_the_run_goes_on(tmp_path: Path) -> None:
    """Also where the estimation would say something else now."""

    class Moody(Direct):
        def __init__(self, data: float) -> None:
            self.data = data

        def plan(self, individual: Any) -> Fidelity:
            return Fidelity(data=self.data)

        def settings(self) -> dict[str, Any]:
            return {"estimation": "Moody"}

    search(strategies.RandomSearch(batch=4), Moody(0.5), 2, run=tmp_path / "run", version="1")
    run = search(strategies.RandomSearch(batch=4), Moody(0.25), 6, run=tmp_path / "run", version="1")
    assert [fidelity["data"] for fidelity in run.trials()["fidelity"]][:4] == [0.5] * 4
    assert [fidelity["data"] for fidelity in run.trials()["fidelity"]][4:] == [0.25] * 4


def test_trials_recorded_for_somebody_else_are_refused(tmp_path: Path) -> None:
    search(strategies.RandomSearch(batch=4), Direct(), 2, run=tmp_path / "run")
    store = Store(tmp_path / "run", writable=True)
    store._db.execute("UPDATE trials SET individual = 77 WHERE id = 3")
    store.close()
    with pytest.raises(StoreError, match="trial 3 of this run was recorded for individual 77 and is asked for individual 3"):
        search(strategies.RandomSearch(batch=4), Direct(), 4, run=tmp_path / "run")


# Trials without individuals, artifacts ----------------------------------------------------------------------------------------


@dataclass
class Epochs(Strategy):
    """Trains a shared array for some epochs, then scores some individuals with it."""

    epochs: int = 4

    def start(self, search: Any) -> None:
        super().start(search)
        self._last: int | None = None

    def ask(self) -> list[Trial]:
        given = () if self._last is None else (self.search.artifact(self._last, "shared"),)
        if self.generation < self.epochs:
            return [self.search.trial(job="train_shared", artifacts=given)]
        return (
            [self.search.trial(self.search.random(), artifacts=given) for _ in range(3)] if self.generation == self.epochs else []
        )

    def tell(self, results: Any) -> None:
        if results[0].trial.job == "train_shared":
            assert results[0].artifact("shared").load()["sum"].size == 25_000
            self._last = results[0].trial.id
        self.generation += 1

    def needs(self) -> Any:
        return [] if self._last is None else [(self._last, "shared")]

    def state(self) -> State:
        return State({"generation": self.generation, "last": self._last})

    def restore(self, state: State, individuals: Any) -> None:
        self.generation, self._last = state.json["generation"], state.json["last"]


class Shared(Estimation):
    """An epoch adds to a shared array of 100,000 bytes; individuals are scored with what it holds."""

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        given = trial.artifact("shared")
        total = np.zeros(25_000, np.float32) if given is None else np.array(given.load()["sum"])
        if trial.job == "train_shared":
            total = total * 2 + np.float32(context.rng(trial.id).random())
            left = Artifact(trial.id, "shared", arrays={"sum": total}, meta={"epoch": trial.id})
            return Measurement(np.empty((0, 1)), artifacts=(left,), epochs=1.0, report={"mean": float(total.mean())})
        return Measurement(np.array([[one.genome.value + float(total[0])] for one in trial.individuals]))


class StopAfter(ne.Callback):
    """Ends a run inside a batch: nothing but what was committed is left of it, as after a kill."""

    def __init__(self, results: int) -> None:
        self.left = results

    def on_result(self, run: ne.Run, result: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise ne.StopRun


def test_a_shared_network_is_trained_epoch_by_epoch_and_goes_on_after_each(tmp_path: Path) -> None:
    whole = search(Epochs(), Shared(), run=tmp_path / "whole")
    assert whole.ended == "exhausted" and whole.evaluations == 3 and whole.epochs == 4.0
    trials = whole.trials()
    assert trials["job"].tolist() == ["train_shared"] * 4 + ["evaluate"] * 3
    assert trials["individual"].isna().tolist() == [True] * 4 + [False] * 3
    assert [set(report) for report in trials["report"]][:4] == [{"mean"}] * 4
    assert [path.name for path in (tmp_path / "whole" / "artifacts").iterdir()] == ["3.shared.safetensors"], (
        "written once, kept while needed"
    )
    state = Store(tmp_path / "whole", writable=False)
    assert sum(array.nbytes for array in state.state()[1].arrays.values()) < 1000, (
        "what is large lies in artifacts, not in the state"
    )
    state.close()
    for results in range(1, 7):
        search(Epochs(), Shared(), run=tmp_path / f"{results}", callbacks=[StopAfter(results)])
        again = search(Epochs(), Shared(), run=tmp_path / f"{results}")
        assert again.history().equals(whole.history()) and again.epochs == 4.0
        assert again.trials()["report"].tolist() == trials["report"].tolist()
    in_memory = search(Epochs(), Shared(), workers=2)
    assert in_memory.history().equals(whole.history())


def test_a_trial_without_individuals_that_fails_is_on_record_and_told(tmp_path: Path) -> None:
    told: list[str] = []

    class Once(Script):
        def tell(self, results: Any) -> None:
            told.extend(result.measurement.error for result in results if result.failed)

    def answer(trial: Trial) -> Measurement:
        if trial.job == "train_shared":
            raise ArithmeticError("the shared loss is not finite")
        return Measurement(np.ones((1, 1)))

    script = Once(born(1), lambda s: [s.search.trial(job="train_shared")], again(0))
    run = search(script, Told(answer), run=tmp_path / "run")
    assert run.trials()["status"].tolist() == ["done", "failed", "done"]
    assert run.trials()["reason"].tolist()[1] == told[0] == "ArithmeticError: the shared loss is not finite"


def test_what_nobody_needs_any_more_is_deleted_and_what_a_strategy_needs_is_found_again(tmp_path: Path) -> None:
    def leave(trial: Trial) -> Measurement:
        (one,) = trial.individuals
        left = (
            trial.left(one, arrays={"w": np.full(3, float(trial.id))}),
            trial.left(one, "checkpoint", arrays={"c": np.zeros(2)}),
        )
        return Measurement(np.array([[float(trial.id)]]), artifacts=left)

    class Keeps(Script):
        def needs(self) -> Any:
            return [(1, "checkpoint")]

    run = search(Keeps(born(3)), Told(leave), run=tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run" / "artifacts").iterdir()) == [
        "1.checkpoint.safetensors",
        "2.safetensors",
    ]
    assert run.best.artifact is not None and run.best.artifact.name == (2, "weights")
    loaded = ne.load_run(tmp_path / "run")
    assert loaded.best.artifact.load()["w"].tolist() == [2.0] * 3 and loaded[0].artifact is None
    missing = lambda s: [s.search.trial(s.everyone[0], fidelity=Fidelity(epochs=2, previous=0))]  # noqa: E731
    with pytest.raises(ValueError, match="trial 0 has no 'checkpoint' that is kept"):
        search(Keeps(born(3), missing), Told(leave), run=tmp_path / "other")
    kept = lambda s: [s.search.trial(s.everyone[1], fidelity=Fidelity(epochs=2, previous=1))]  # noqa: E731
    found: list[Any] = []

    def look(trial: Trial) -> Measurement:
        found.extend([trial.artifact("checkpoint")] if trial.fidelity.previous is not None else [])
        return leave(trial)

    search(Keeps(born(3), kept), Told(look), run=tmp_path / "third")
    assert found[0].name == (1, "checkpoint") and found[0].individual == 1 and found[0].load()["c"].size == 2


def test_trials_are_numbered_in_the_order_of_asking() -> None:
    class Careless(Script):
        pass

    made = Careless(born(1), lambda s: [Trial(0, (s.search.random(),))])
    with pytest.raises(ValueError, match=r"Careless.ask gave trial 0 after trial 0: .* make them by self.search.trial"):
        search(made, scripted_scores(0.1, 0.2))


# Budgets in epochs ------------------------------------------------------------------------------------------------------------


class Costly(Direct):
    """An individual's training takes between one and four epochs, half of the data each."""

    def cost(self, trial: Trial, task: Task) -> float:
        return 0.5 * (1 + trial.individuals[0].id % 4)

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        return replace(super().measure(trial, task, context), epochs=self.cost(trial, task))


def test_a_budget_in_epochs_ends_a_run_at_the_same_trial_with_any_number_of_workers(tmp_path: Path) -> None:
    runs = {}
    for workers in (1, 2, 4):
        where = tmp_path / str(workers)
        runs[workers] = search(
            strategies.RandomSearch(batch=5),
            Costly(),
            budget=ne.Budget(epochs=20),
            run=where,
            evaluator=Slots(workers) if workers > 1 else None,
        )
    assert all(run.ended == "epochs" and 20 <= run.epochs < 22 for run in runs.values())
    assert runs[1].history().equals(runs[2].history()) and runs[1].history().equals(runs[4].history())
    assert ne.load_run(tmp_path / "2").epochs == runs[1].epochs == pytest.approx(sum(runs[1].trials()["epochs"]))
    assert runs[1].generations()["epochs"].is_monotonic_increasing
    more = search(strategies.RandomSearch(batch=5), Costly(), budget=ne.Budget(epochs=31), run=tmp_path / "1")
    whole = search(strategies.RandomSearch(batch=5), Costly(), budget=ne.Budget(epochs=31))
    assert more.history().equals(whole.history()) and more.epochs == whole.epochs


def test_a_budget_in_epochs_is_a_positive_number() -> None:
    assert ne.Budget(epochs=2.5).settings() == {"epochs": 2.5}
    for wrong in (0, -1, float("nan"), "many"):
        with pytest.raises(ValueError, match="budget epochs must be"):
            ne.Budget(epochs=wrong)  # type: ignore[arg-type]


# What cannot be honoured is refused; what decides is recorded -----------------------------------------------------------------


def test_settings_that_would_be_ignored_are_refused() -> None:
    evolve = functools.partial(ne.evolve, NumberSpace(), SquareTask(), budget=ne.Budget(evaluations=5), progress=False)
    with pytest.raises(ValueError, match=r"as in Nsga2\(population=5\)"):
        evolve(strategy=strategies.Nsga2(), population=5)
    with pytest.raises(ValueError, match="number of workers to the evaluator itself"):
        evolve(workers=3, evaluator=Serial())
    toolbox = Toolbox()
    toolbox.register("select", lambda individuals, k: individuals[:k])
    with pytest.raises(ValueError, match="RandomSearch does not use the toolbox's select"):
        evolve(strategy=strategies.RandomSearch(), toolbox=toolbox)
    assert evolve(strategy=strategies.Nsga2(population=4), toolbox=toolbox).evaluations == 5


def test_threads_decide_the_result_and_are_recorded(tmp_path: Path) -> None:
    run = search(strategies.RandomSearch(batch=2), Direct(), 2, evaluator=Slots(1, threads=2), run=tmp_path / "run")
    assert run.settings["threads"] == 2
    with pytest.raises(StoreError, match=r"threads \(the run's: 2, now: None\)"):
        search(strategies.RandomSearch(batch=2), Direct(), 4, evaluator=Slots(1), run=tmp_path / "run")
    assert "threads" not in search(strategies.RandomSearch(batch=2), Direct(), 2, evaluator=Slots(2)).settings


def test_a_run_that_keeps_champions_goes_on_from_inside_a_generation(tmp_path: Path) -> None:
    def run(name: str, evaluations: int) -> ne.Run:
        strategy = strategies.RegularizedEvolution(population=10, sample=3)
        return search(strategy, Direct(), evaluations, task=SquareTask(), record="champions", run=tmp_path / name)

    whole = run("whole", 40)
    run("parts", 25)
    assert [one.id for one in run("parts", 40).front] == [one.id for one in whole.front]


def test_an_individual_is_evaluated_again_by_a_worker_process() -> None:
    run = search(strategies.HillClimb(neighbours=3, mutations=1), Direct(), 13, task=SquareTask(), workers=2)
    assert run.evaluations == 13 and len(list(run)) < 13
