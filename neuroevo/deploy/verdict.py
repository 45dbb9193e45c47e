"""Whether a search was worth it, in a sentence: what beats the front's best, and which networks are no better than a constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuroevo.core.individual import Individual
from neuroevo.deploy.baseline import baseline_of
from neuroevo.deploy.intervals import intervals_of
from neuroevo.deploy.reference_models import asked_alike, constant_of, references_of
from neuroevo.run.run import Run
from neuroevo.run.settings import search_folds

Scores = Mapping[int, Mapping[str, float]]
LISTED = 5


def compared_by(run: Run) -> str | None:
    """The objective by which networks are compared with other models: the first that needs training."""
    return next((name for name, objective in run.objectives.items() if objective.kind == "trained"), None)


def verdict(run: Run, tested: Scores) -> list[str]:
    """What a user should know before a network of the front is used, in sentences; none where there is nothing to say.

    Samples of the validation part chose the network and neither the baseline nor the references, so where there are test scores, they are
    compared by these.

    Args:
        tested: the test scores of the front, by id.
    """
    name = compared_by(run)
    trained = [individual for individual in run.front if individual.artifact is not None or individual.genome.evolves_weights]
    if name is None or not trained:
        return []
    return [*_beaten(run, trained, name, tested), *_no_better_than_constant(run, trained, name)]


def _beaten(run: Run, trained: Sequence[Individual], name: str, tested: Scores) -> list[str]:
    objective = run.objectives[name]
    best = max(trained, key=lambda i: objective.weight * i.values[name])
    on_test = name in tested.get(best.id, {})
    mine = tested[best.id][name] if on_test else best.values[name]
    baseline = baseline_of(run)
    others = {} if baseline is None else {"the baseline": baseline.test if on_test else baseline.validation}
    others |= {reference.name: reference.test if on_test else reference.validation for reference in references_of(run) if on_test or asked_alike(run, reference)}
    better = {
        other: scores[name] for other, scores in others.items() if name in scores and objective.weight * (scores[name] - mine) > 0
    }
    if not better:
        return []
    order = sorted(better, key=lambda other: -objective.weight * better[other])
    *others_listed, last = [f"{other} ({better[other]:.4g})" for other in order]
    listed = f"{', '.join(others_listed)} and {last}" if others_listed else last
    part, folds = "test" if on_test else "validation", search_folds(run.settings)
    asked = f"in {folds} folds" if folds and not on_test else f"on {part} data"
    said = f"by {name} {asked}, {listed} {'is' if len(order) == 1 else 'are'} better than the front's best, {best.id} ({mine:.4g})"
    low, high = intervals_of(run).get(best.id, {}).get(part, {}).get(name, (mine, mine))
    if low <= better[order[0]] <= high and low < high:
        said += f", though its 95 % interval ({low:.4g} to {high:.4g}) holds {'that' if len(order) == 1 else 'the best of these'}, too"
    return [said]


def _no_better_than_constant(run: Run, trained: Sequence[Individual], name: str) -> list[str]:
    constant, objective = constant_of(run), run.objectives[name]
    if constant is None or name not in constant.validation or not asked_alike(run, constant):
        return []
    mark = constant.validation[name]
    idle = [i.id for i in trained if objective.weight * (i.values[name] - mark) <= 0]
    if not idle:
        return []
    listed = ", ".join(map(str, idle[:LISTED])) + (f" and {len(idle) - LISTED} more" if len(idle) > LISTED else "")
    asked = f"by {constant.folds} folds" if constant.folds else "on validation data"
    return [f"no better than {constant.about} ({name} {mark:.4g} {asked}): {listed}"]
