"""ASHA: who goes on when somebody is free, and runs on workers that wait for nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import neuroevo as ne
from neuroevo.core.trial import DONE, FAILED, Evaluation, Measurement, Result, Trial
from neuroevo.strategies import Asha, RegularizedEvolution
from neuroevo.strategies.base import Search
from neuroevo.testing.evaluator import NumberSpace, SquareTask

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "reliability")]

from test_trials import StopAfter  # noqa: E402
from tiny_halving import Descent, Loss  # noqa: E402


class OneObjective(SquareTask):
    def __init__(self) -> None:
        super().__init__()
        self.objectives = dict(list(self.objectives.items())[:1])


def loss(id: int, rung: int) -> float | None:
    """Of candidate `id` at a rung; None: it fails there. The order changes from rung to rung, and some are equal."""
    value = (id * 7 + rung * 5) % 11
    return None if value == 10 else float(value)


class Driven:
    """Asha driven by hand, beside a plain rewording of algorithm 2 of the paper."""

    def __init__(self, eta: int, rungs: int) -> None:
        self.asha = Asha(eta=eta, rungs=rungs).steady_state()
        self.search = Search(NumberSpace(), OneObjective(), 1)
        self.search.find_artifact = lambda trial, kind: None
        self.eta, self.depth = eta, rungs
        self.found: list[list[tuple[float, int]]] = [[] for _ in range(rungs)]
        self.came: list[int] = [0] * rungs
        self.promoted: list[set[int]] = [set() for _ in range(rungs)]
        self.born = 0
        self.search.trial = self.trial  # type: ignore[method-assign]  # there are no checkpoints to go on from here
        self.asha.start(self.search)
        self.under_way: list[Trial] = []

    def trial(self, one: Any, *, fidelity: Any, **_: Any) -> Trial:
        self.search.next_trial += 1
        return Trial(self.search.next_trial - 1, (one,), fidelity=fidelity)

    def by_the_paper(self) -> tuple[int, int]:
        for rung in range(self.depth - 2, -1, -1):
            best = sorted(self.found[rung])[: self.came[rung] // self.eta]
            able = [id for _, id in best if id not in self.promoted[rung]]
            if able:
                self.promoted[rung].add(able[0])
                return able[0], rung + 1
        self.born += 1
        return self.born - 1, 0

    def ask(self) -> None:
        for trial in self.asha.ask():
            expected = self.by_the_paper()
            rung = [self.eta**rung for rung in range(self.depth)].index(trial.fidelity.epochs or 0)
            assert (trial.individuals[0].id, rung) == expected
            self.under_way.append(trial)

    def tell(self, place: int) -> None:
        trial = self.under_way.pop(place)
        (one,) = trial.individuals
        rung = [self.eta**rung for rung in range(self.depth)].index(trial.fidelity.epochs or 0)
        value = loss(one.id, rung)
        self.came[rung] += 1
        if value is not None:
            self.found[rung].append((value, one.id))
        status, reason = (DONE, "") if value is not None else (FAILED, "it diverged")
        one.take(Evaluation(one.id, trial.id, (1e9 if value is None else value,), status, reason, {}, trial.fidelity))
        self.asha.tell([Result(trial, Measurement([[one.fitness.values[0]]]))])  # type: ignore[arg-type]


@pytest.mark.parametrize(("eta", "rungs", "workers"), [(2, 4, 1), (3, 3, 5), (4, 2, 3)])
def test_promotions_are_those_of_the_papers_algorithm(eta: int, rungs: int, workers: int) -> None:
    driven = Driven(eta, rungs)
    driven.ask()
    for step in range(300):
        driven.tell(step * 3 % min(workers, len(driven.under_way)))
        driven.ask()
    assert driven.came[-1] > 3 and all(a > b for a, b in zip(driven.came, driven.came[1:], strict=False))
    assert driven.asha.report() == {"rungs": driven.came}


def evolved(folder: Path | None = None, evaluations: int = 60, **options: Any) -> ne.Run:
    proposals = RegularizedEvolution(population=5, sample=2, inheritance="lamarckian")
    return ne.evolve(
        NumberSpace(), Loss(), strategy=Asha(eta=2, rungs=3, batch=4, proposals=proposals), estimation=Descent(0.002), seed=3,
        budget=ne.Budget(evaluations=evaluations), run=folder, progress=False, **options,
    )  # fmt: skip


def seen(run: ne.Run) -> Any:
    return run.trials().drop(columns=["seconds", "completed"], errors="ignore"), run.history()


def same(a: Any, b: Any) -> bool:
    return all(mine.equals(theirs) for mine, theirs in zip(a, b, strict=True))


def test_workers_wait_for_nobody_and_the_run_can_be_replayed(tmp_path: Path) -> None:
    run = evolved(tmp_path / "run", schedule="asynchronous", workers=2)
    epochs = [fidelity["epochs"] for fidelity in run.trials()["fidelity"]]
    assert run.evaluations == 60 and {1, 2, 4} == set(epochs)
    assert epochs != sorted(epochs), "candidates begin while others go on"
    assert run.front and all(one.fidelity.epochs == 4 for one in run.front) and any(one.parents for one in run)
    again = evolved(tmp_path / "again", schedule="asynchronous", replay=tmp_path / "run")
    assert same(seen(again), seen(run))


def test_an_asynchronous_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = evolved(tmp_path / "whole", schedule="asynchronous")
    for results in (2, 7, 15):
        evolved(tmp_path / "parts", schedule="asynchronous", callbacks=[StopAfter(results)])
    assert same(seen(evolved(tmp_path / "parts", schedule="asynchronous")), seen(whole))


def test_in_the_synchronous_schedule_workers_make_no_difference(tmp_path: Path) -> None:
    assert same(seen(evolved(tmp_path / "one")), seen(evolved(tmp_path / "two", workers=2)))


def test_everything_that_may_still_go_on_keeps_its_checkpoint(tmp_path: Path) -> None:
    run = evolved(tmp_path / "run", evaluations=60)
    trials = run.trials()
    continued = {fidelity["previous"] for fidelity in trials["fidelity"] if "previous" in fidelity}
    may = [
        id for id, status, fidelity in zip(trials["id"], trials["status"], trials["fidelity"], strict=True)
        if status == "done" and fidelity["epochs"] < 4 and id not in continued
    ]  # fmt: skip
    kept = sorted(
        int(path.name.split(".")[0]) for path in (tmp_path / "run" / "artifacts").iterdir() if "checkpoint" in path.name
    )
    assert kept == may and len(may) > 3
