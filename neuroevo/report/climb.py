"""What a hill climb did, step by step."""

from __future__ import annotations

from neuroevo.core.individual import DONE, Fitness
from neuroevo.core.objectives import weighted_limits
from neuroevo.core.trial import Evaluation
from neuroevo.run.run import Run
from neuroevo.run.sizes import begun_strategy
from neuroevo.store import Store


def climbed(run: Run) -> list[Evaluation]:
    """What a climb went on with after every step: the best of that step's candidates, of equals the oldest. That may be the current network, trained once
    more: a further evaluation of the same individual.

    Args:
        run: of `HillClimb` with `keep_current`, in a folder.

    Returns:
        An evaluation a step, the first network's before them; a step in which every candidate failed, or that was not finished, is left out.

    Raises:
        ValueError: the run is of another strategy, or it is kept in memory, where what was found of an individual is forgotten when it is trained again.
    """
    if run.folder is None:
        raise ValueError("a run in memory does not record every evaluation: give evolve(run=...) a folder")
    strategy = begun_strategy(run.folder) or {}
    if strategy.get("strategy") != "HillClimb" or not strategy.get("keep_current"):
        raise ValueError(f"steps are those of HillClimb with keep_current, this run is of {strategy.get('strategy')}")
    weights, limits = [objective.weight for objective in run.objectives.values()], weighted_limits(run.objectives)
    store = Store(run.folder, writable=False)
    try:
        evaluations = sorted(store.evaluations(), key=lambda one: one.trial)
    finally:
        store.close()
    steps: list[list[Evaluation]] = [[]]
    seen = set[int]()
    for one in evaluations:
        steps[-1].append(one)
        if one.individual in seen or not seen:  # the first network; later the current one, which is the last candidate of a step
            steps.append([])
        seen.add(one.individual)
    taken = [[one for one in step if one.status == DONE] for step in steps[:-1]]  # what comes after the last one's end was not chosen from
    return [max(step, key=lambda one: (Fitness(weights, one.values, limits).ranking, -one.individual)) for step in taken if step]
