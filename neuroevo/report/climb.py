"""What a hill climb did, step by step."""

from __future__ import annotations

from neuroevo.core.individual import DONE
from neuroevo.core.trial import Evaluation
from neuroevo.run.run import Run
from neuroevo.store import Store


def climbed(run: Run) -> list[Evaluation]:
    """What a climb went on with after every step: the best of that step's candidates, of equals the oldest. That may be the current network, trained once
    more: a further evaluation of the same individual.

    Args:
        run: of `HillClimb` with `keep_current`, in a folder.

    Returns:
        An evaluation a step, the first network's before them; a step in which every candidate failed is left out.

    Raises:
        ValueError: the run is kept in memory, where what was found of an individual is forgotten when it is trained again.
    """
    if run.folder is None:
        raise ValueError("a run in memory does not record every evaluation: give evolve(run=...) a folder")
    weights = [objective.weight for objective in run.objectives.values()]
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
    done = [[one for one in step if one.status == DONE] for step in steps]
    return [
        max(step, key=lambda one: ([weight * value for weight, value in zip(weights, one.values, strict=True)], -one.individual)) for step in done if step
    ]
