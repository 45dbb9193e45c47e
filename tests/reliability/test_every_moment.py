"""A search is killed at every moment that leaves another folder, and goes on: all that is recorded ends as if nothing had happened.

The copies of the folder, one after every commit, rename and deletion, are what a kill would have left there; `test_kills.py` kills real
processes. Strategies and estimations here remember everything that they are told, so a run that is told something else ends otherwise.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))
sys.path.insert(0, str(Path(__file__).parents[1] / "neuroevo"))
sys.path.insert(0, str(Path(__file__).parent))

import older
from first_strategy import Climber
from record import contents, every_moment
from test_trials import Learning, Sceptic
from tiny_halving import Descent, Epochs, Loss, Rungs, Shared, SteadyRungs
from tiny_training import TinyTask, TinyTraining

import neuroevo as ne
from genomes import CellSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Measurement, Prediction, Trial
from neuroevo.estimation import Direct
from neuroevo.run import evolution, loop
from neuroevo.store import Store, StoreError
from neuroevo.store.doctor import examine
from neuroevo.strategies import Strategy
from neuroevo.testing.evaluator import NumberSpace, SquareTask


def digest(before: str, results: Sequence[Any]) -> str:
    """What an observer was told, all of it but the wall-clock."""
    told = hashlib.sha256(before.encode())
    for result in results:
        measured, trial = result.measurement, result.trial
        described = None if measured.descriptors is None else measured.descriptors.tolist()
        left = [(a.name, a.individual, a.genome and a.genome.key(), dict(a.meta)) for a in measured.artifacts]
        carried = [
            (i.id, i.status, i.reason, i.trial, i.fitness.values, i.artifact and i.artifact.name) for i in result.individuals
        ]
        told.update(repr((
            trial.id, trial.job, trial.fidelity, trial.repeat, trial.stop, measured.values.tolist(), measured.values.shape,
            dict(measured.reasons), [dict(info) for info in measured.info], dict(measured.stopped), described, measured.epochs,
            dict(measured.report), measured.error, left, carried,
        )).encode())  # fmt: skip
    return told.hexdigest()[:16]


class Remembers:
    """An estimation whose state is what it was told."""

    told = ""

    def observe(self, results: Any) -> None:
        self.told = digest(self.told, results)
        super().observe(results)  # type: ignore[misc]

    def state(self) -> State:
        state: State = super().state()  # type: ignore[misc]
        return State({**state.json, "told": self.told}, state.arrays)

    def restore(self, state: State) -> None:
        self.told = state.json["told"]
        super().restore(state)  # type: ignore[misc]


class RememberingDescent(Remembers, Descent):
    """Also fails as a whole now and then, ends training early, and describes."""

    def measure(self, trial: Trial, task: Any, context: Any) -> Measurement:
        if trial.id % 11 == 7:
            raise ArithmeticError(f"trial {trial.id} cannot be measured")
        measured = super().measure(trial, task, context)
        stopped = {0: "enough"} if trial.id % 7 == 2 and not measured.reasons else {}
        described = [[float(one.id), float(trial.id)] for one in trial.individuals]
        return replace(measured, stopped=stopped, descriptors=np.array(described), report={"trial": trial.id})


class RememberingPredictions(Remembers, Sceptic):
    pass


class RememberingLearning(Remembers, Learning):
    pass


class RememberingTraining(Remembers, TinyTraining):
    def plan(self, individual: Any) -> Any:
        return Prediction((9.0, 9.0)) if individual.id % 5 == 4 else FULL


class RememberingShared(Remembers, Shared):
    pass


class RememberingDirect(Remembers, Direct):
    pass


class Noise(Remembers, Direct):
    """What is measured again is measured otherwise."""

    def measure(self, trial: Trial, task: Any, context: Any) -> Measurement:
        drawn = [context.rng(one.id, trial.repeat).normal(0.0, 2.0, 2) for one in trial.individuals]
        values = [
            [one.genome.value**2 + a, abs(one.genome.value - 1) + b] for one, (a, b) in zip(trial.individuals, drawn, strict=True)
        ]
        return Measurement(np.array(values), epochs=0.5 * len(values))


@dataclass
class Again(Strategy):
    """Mutants of the best so far, and the two best measured again, twice each in one batch.

    Args:
        together: whether one trial holds them all; `separable`: one that may be cut into pieces.
    """

    together: bool = False
    separable: bool = False

    def start(self, search: Any) -> None:
        super().start(search)
        self._best: list[Any] = []

    def ask(self) -> list[Trial]:
        if not self._best:
            everyone = [self.search.random() for _ in range(3)]
        else:
            everyone = [self.search.mutant(self._best[0], self.generation) for _ in range(3)] + self._best
        weights = [one.artifact for one in self._best if one.artifact is not None]
        if self.together:
            return [self.search.trial(everyone, separable=self.separable, artifacts=weights)]
        return [self.search.trial(one, artifacts=weights) for one in everyone + self._best]

    def tell(self, results: Any) -> None:
        done = {one.id: one for result in results for one in result.individuals if one.status == "done"}
        self._best = sorted(done.values(), key=lambda one: (one.fitness.ranking, -one.id), reverse=True)[:2] or self._best
        self.generation += 1

    @property
    def living(self) -> list[Any]:
        return self._best

    def state(self) -> State:
        return State({"generation": self.generation, "best": [one.id for one in self._best]})

    def restore(self, state: State, individuals: Any) -> None:
        self.generation, self._best = state.json["generation"], [individuals(id) for id in state.json["best"]]


class CountsLate(Climber):
    """Counts its own generations, but not from the first on; and has a state that says how many there were."""

    def tell(self, results: Any) -> None:
        super().tell(results)
        if self.generation >= 2:
            self.generation += 2

    def state(self) -> State:
        return State({"best": None if self.best is None else self.best.id, "generation": self.generation})

    def restore(self, state: State, individuals: Any) -> None:
        self.generation, self.best = state.json["generation"], individuals(state.json["best"])


Made = Callable[[], dict[str, Any]]


def numbers(
    strategy: Callable[[], Strategy], estimation: Callable[[], Any], task: Callable[[], Any] = Loss, **options: Any
) -> Made:
    return lambda: {"space": NumberSpace(), "fitness": task(), "strategy": strategy(), "estimation": estimation(), **options}


def networks(strategy: Callable[[], Strategy], **options: Any) -> Made:
    space = NetworkSpace((8,), outputs=3, starter_parameters=(50, 2000), max_parameters=5_000)
    return lambda: {"space": space, "fitness": TinyTask(), "strategy": strategy(), "estimation": RememberingTraining(), **options}


def evolution_of(count: int) -> Callable[[], Strategy]:
    return lambda: strategies.RegularizedEvolution(population=count, sample=2)


def heirs() -> Strategy:
    return strategies.RegularizedEvolution(population=4, sample=2, inheritance="lamarckian")


def lemonade() -> Strategy:
    return strategies.Lemonade(population=4, proposals=8, accepted=4)


def hill_climb() -> Strategy:
    return strategies.HillClimb(neighbours=3, mutations=1)


def cells() -> dict[str, Any]:
    return {
        "space": CellSpace(), "fitness": older.Digits(), "strategy": strategies.RegularizedEvolution(population=6, sample=3),
        "estimation": RememberingDirect(), "once": True,
    }  # fmt: skip


def neat(population: bool, **options: Any) -> Made:
    return lambda: {**older._neat(population), "strategy": strategies.Neat(population=8), **options}


WORKING = {"schedule": "asynchronous"}
CHAMPIONS = {"record": "champions"}
SEARCHES: dict[str, tuple[Made, int]] = {
    "successive halving": (numbers(Rungs, RememberingDescent), 24),
    "successive halving without a state": (numbers(lambda: Rungs(stateless=True), RememberingDescent), 24),
    "successive halving, champions": (numbers(Rungs, RememberingDescent, **CHAMPIONS), 24),
    "successive halving, asynchronous": (numbers(SteadyRungs, RememberingDescent, **WORKING), 24),
    "hyperband": (numbers(lambda: strategies.Hyperband(2, maximum=4, proposals=heirs()), RememberingDescent), 30),
    "hyperband, champions": (
        numbers(lambda: strategies.Hyperband(2, maximum=4, proposals=heirs()), RememberingDescent, **CHAMPIONS),
        30,
    ),
    "asha": (numbers(lambda: strategies.Asha(2, rungs=3, batch=4, proposals=heirs()), RememberingDescent), 28),
    "asha, asynchronous": (
        numbers(lambda: strategies.Asha(2, rungs=3, batch=4, proposals=heirs()), RememberingDescent, **WORKING),
        28,
    ),
    "a shared network": (numbers(Epochs, RememberingShared), 12),
    "a shared network, scored in one trial": (numbers(lambda: Epochs(together=True), RememberingShared), 12),
    "measured again": (numbers(Again, Noise), 34),
    "measured again, champions": (numbers(Again, Noise, **CHAMPIONS), 34),
    "trained again": (numbers(Again, RememberingDescent), 34),
    "together": (numbers(lambda: Again(together=True), RememberingDescent), 34),
    "together, champions": (numbers(lambda: Again(together=True), Noise, **CHAMPIONS), 34),
    "in pieces": (numbers(lambda: Again(together=True, separable=True), Noise), 34),
    "trained in pieces": (numbers(lambda: Again(together=True, separable=True), Descent), 34),
    "predictions": (numbers(lambda: strategies.Nsga2(population=6), RememberingPredictions, SquareTask), 18),
    "predictions, asynchronous": (
        numbers(lambda: strategies.Nsga2(population=6), RememberingPredictions, SquareTask, **WORKING),
        18,
    ),
    "predictions, champions": (
        numbers(lambda: strategies.Nsga2(population=6), RememberingPredictions, SquareTask, **CHAMPIONS),
        18,
    ),
    "learning": (numbers(evolution_of(6), RememberingLearning, SquareTask), 18),
    "learning, asynchronous": (numbers(evolution_of(6), RememberingLearning, SquareTask, **WORKING), 18),
    "no state": (numbers(Climber, RememberingDirect, SquareTask), 14),
    "generations that are counted late": (numbers(CountsLate, RememberingDirect, SquareTask), 22),
    "lemonade": (networks(lemonade), 20),
    "lemonade, asynchronous": (networks(lemonade, **WORKING), 20),
    "lemonade, champions": (networks(lemonade, **CHAMPIONS), 20),
    "hill climbing": (networks(hill_climb), 16),
    "hill climbing, champions": (networks(hill_climb, **CHAMPIONS), 16),
    "once": (cells, 18),
    "neat": (neat(False), 24),
    "neat, champions": (neat(False, **CHAMPIONS), 24),
    "neat, population": (neat(True), 24),
    "neat, population, champions": (neat(True, **CHAMPIONS), 24),
}
QUICK = (
    "successive halving",
    "a shared network",
    "measured again, champions",
    "predictions",
    "generations that are counted late",
)


@pytest.fixture
def everything_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record is committed and every state saved at once, however fast the machine is."""
    seconds = itertools.count()
    monkeypatch.setattr(evolution, "Store", functools.partial(Store, clock=lambda: float(next(seconds))))
    monkeypatch.setattr(loop, "STATE_SECONDS", 0.0)


def search(name: str, folder: Path | None, evaluations: int | None = None, **options: Any) -> ne.Run:
    made, whole = SEARCHES[name]
    budget = ne.Budget(evaluations=evaluations or whole)
    return ne.evolve(budget=budget, seed=5, run=folder, progress=False, **{**made(), **options})


def check(go_on: Callable[[Path], Any], folder: Path, copies: Sequence[Path]) -> None:
    """What every copy becomes is what the folder is."""
    expected = contents(folder)
    for copy in copies:
        go_on(copy)
        found = contents(copy)
        assert [name for name in expected if found[name] != expected[name]] == [], copy.name
        shutil.rmtree(copy)


def by_birth(folder: Path) -> None:
    """Make a folder for a run that goes on as one that an older release began."""
    store = Store(folder, writable=True)
    store._db.execute("INSERT INTO meta VALUES ('trials', 'by birth')")
    store.close()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in SEARCHES])
@pytest.mark.parametrize("numbered", ["by trial", pytest.param("by birth", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("everything_is_due")
def test_a_search_goes_on_exactly_from_every_moment(name: str, numbered: str, tmp_path: Path, monkeypatch: Any) -> None:
    if numbered == "by birth":
        by_birth(tmp_path / "whole")
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        search(name, tmp_path / "whole")
    assert len(copies) > 8
    step = 5 if name in QUICK and numbered == "by trial" else 1
    check(lambda copy: search(name, copy), tmp_path / "whole", copies[::step])


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.usefixtures("everything_is_due")
def test_a_search_that_is_killed_again_on_its_way_goes_on_exactly(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """A second kill, in the session that goes on from the first: 7 moments of each of 7."""
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        search(name, tmp_path / "whole")
    for number, copy in enumerate(copies[:: max(1, len(copies) // 7)]):
        (tmp_path / f"again{number}").mkdir()
        with every_moment(copy, tmp_path / f"again{number}", monkeypatch) as again:
            search(name, copy)
        check(lambda copy: search(name, copy), tmp_path / "whole", again[:: max(1, len(again) // 7)])


@pytest.mark.parametrize(
    "older_folder",
    sorted(f for s in older.OLDER.glob("schema_*") for f in s.iterdir()),
    ids=lambda f: f"{f.parent.name}-{f.name}",
)
@pytest.mark.slow
@pytest.mark.usefixtures("everything_is_due")
def test_a_search_that_an_older_release_began_goes_on_exactly_from_every_moment(
    older_folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    shutil.copytree(older_folder, tmp_path / "whole")
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        older.search(older_folder.name, tmp_path / "whole", older.WHOLE)
    check(lambda copy: older.search(older_folder.name, copy, older.WHOLE), tmp_path / "whole", copies[::2])
    with closing(sqlite3.connect(tmp_path / "whole" / "run.db")) as database:
        (twice,) = database.execute("SELECT count(*) - count(DISTINCT individual) FROM evaluations").fetchone()
        assert twice == 0, "nobody was evaluated again"


# What a search is told does not depend on the workers -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["measured again", "trained again"])
def test_trials_of_one_individual_in_one_batch_count_by_their_numbers_with_any_number_of_workers(
    name: str, tmp_path: Path
) -> None:
    """The latest of equal evaluations is that of the latest trial, whichever came back last."""
    runs = [search(name, tmp_path / "1"), search(name, tmp_path / "3", workers=3), search(name, None, workers=2)]
    assert runs[0].history().equals(runs[1].history()) and runs[0].history().equals(runs[2].history())
    assert runs[0].epochs == runs[1].epochs == runs[2].epochs
    assert ne.load_run(tmp_path / "3").history().equals(runs[0].history())


def test_members_of_a_trial_in_pieces_do_not_share_an_artifact(tmp_path: Path) -> None:
    """Where each piece is one member."""
    strategy, estimation = Again(together=True, separable=True), Descent(seconds=0.3)
    run = ne.evolve(
        NumberSpace(), Loss(), strategy=strategy, estimation=estimation, budget=ne.Budget(evaluations=3), seed=5, run=tmp_path / "run", progress=False
    )  # fmt: skip
    done = [one for one in run if one.status == "done"]
    kept = [one.artifact.path for one in done if one.artifact is not None]  # of the living: the others' are deleted
    assert len(set(kept)) == len(kept) > 1
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database:
        (artifacts,) = database.execute("SELECT count(*) FROM artifacts").fetchone()
    assert artifacts == len(done)


# Replays ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["predictions, asynchronous", pytest.param("successive halving, asynchronous", marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("everything_is_due")
def test_a_replay_goes_on_from_every_moment_in_the_order_that_it_replays(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """The order of three workers, which a run of its own would not take again."""
    original = search(name, tmp_path / "original", workers=3)
    with every_moment(tmp_path / "replayed", tmp_path, monkeypatch) as copies:
        replayed = search(name, tmp_path / "replayed", replay=tmp_path / "original")
    assert replayed.history().equals(original.history())
    check(lambda copy: search(name, copy, replay=tmp_path / "original"), tmp_path / "replayed", copies[::3])


def test_a_replay_may_be_gone_on_with_and_not_be_put_upon_another_search(tmp_path: Path) -> None:
    name = "learning, asynchronous"
    search(name, tmp_path / "original")
    search(name, tmp_path / "replayed", replay=tmp_path / "original")
    longer = search(name, tmp_path / "replayed", 30, replay=tmp_path / "original")
    assert longer.history().equals(search(name, None, 30).history())
    search(name, tmp_path / "other", workers=3)
    with closing(sqlite3.connect(tmp_path / "other" / "run.db")) as database, database:
        database.execute("UPDATE trials SET completed = CASE completed WHEN 7 THEN 9 WHEN 9 THEN 7 ELSE completed END")
    with pytest.raises(StoreError, match=r"went another way than .*: replay it in another folder"):
        search(name, tmp_path / "other", replay=tmp_path / "original")


# Records that cannot be ---------------------------------------------------------------------------------------------------------


def test_a_strategy_that_names_weights_that_are_not_kept_is_told_so_also_after_the_record(tmp_path: Path) -> None:
    """On the way through the record what is gone may be named, since nothing is run; after it, it is refused."""

    class Late(Rungs):
        def ask(self) -> list[Trial]:
            trials = super().ask()
            return (
                trials if self.search.next_id <= 12 else [replace(trials[0], artifacts=(self.search.artifact(0, "checkpoint"),))]
            )

        def settings(self) -> dict[str, Any]:
            return {"strategy": "Late"}

    def go(evaluations: int) -> ne.Run:
        strategy = Late(stateless=True)
        return search("successive halving without a state", tmp_path / "run", evaluations, strategy=strategy)

    go(18)
    with pytest.raises(ValueError, match="trial 0 has no 'checkpoint' that is kept"):
        go(40)


def test_two_searches_in_one_folder(tmp_path: Path) -> None:
    """The second is refused in one sentence, and the first does not notice."""
    refused: list[str] = []

    class Second(ne.Callback):
        def on_result(self, run: ne.Run, result: Any) -> None:
            with pytest.raises(StoreError, match="being written by another process"):
                search("lemonade", tmp_path / "run")
            refused.append("")

    first = search("lemonade", tmp_path / "run", callbacks=[Second()])
    search("lemonade", tmp_path / "whole")
    assert len(refused) == first.evaluations
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("name", ["successive halving", "predictions", "predictions, asynchronous", "a shared network"])
@pytest.mark.usefixtures("everything_is_due")
def test_a_record_without_its_trials_is_said_to_be_damaged_and_repaired(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        search(name, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    copy = copies[len(copies) * 2 // 3]
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute("DELETE FROM trials")
    with pytest.raises(StoreError, match=r"no such trial.*neuroevo doctor|the recorded order"):
        search(name, copy)
    examined = examine(copy, repair=True)
    assert "without their trial" in examined.findings[0].what and examined.left == []
    search(name, copy)
    found = contents(copy)
    assert [table for table in expected if found[table] != expected[table]] == []
