"""What a search on data leaves beside its database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from neuroevo.core.files import write_json_whole
from neuroevo.core.individual import Individual
from neuroevo.report.text import TEST_FILE, test_scores
from neuroevo.run.run import Run
from neuroevo.run.settings import estimation_from_settings, search_folds

if TYPE_CHECKING:
    from neuroevo.deploy.reference_models import Reference

SAID_EVERY = 5.0  # seconds between two lines about a step that takes long


def finish(
    run: Run, *, baseline: bool = False, references: bool = False, fitted: Sequence[Reference] = (), folds: int = 0,
    say: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic,
) -> None:  # fmt: skip
    """What a search on data leaves beside its database: test scores of the front, how sure its scores are, what a constant scores, the baseline
    and the references where these are asked for, and figures. Done once; a run that has them keeps them.

    Args:
        run: a search that ended.
        baseline: also train a plain network made by hand.
        references: also fit a linear model, a forest and boosting.
        fitted: these references, where they were fitted before the search.
        folds: also validate the front by so many folds; 0: not, unless it was before.
        say: is told what is being done, a sentence for each step, and how far a long one has come.
        clock: seconds that pass.
    """
    say = say or (lambda text: None)
    from neuroevo.deploy.baseline import baseline_of, train_baseline, write_baseline
    from neuroevo.deploy.examination import examine, record
    from neuroevo.deploy.folds import fold_front, folded
    from neuroevo.deploy.intervals import write_intervals
    from neuroevo.deploy.reference_models import constant_reference, references_of, train_references, write_references

    if run.folder is None or run.ended in ("", "interrupted", "error") or not run.records.front:
        return
    figures = run.folder / "figures"
    tested = test_scores(run)
    task: Any = run.task
    missing, compared, searched_by = baseline and baseline_of(run) is None, references_of(run), search_folds(run.settings)
    without_references = references and not compared
    by_folds = folded(run)
    folds = folds or next((one.folds for one in by_folds.values()), 0)  # of a run that goes on, as before
    without_folds = folds > 0 and any(one.artifact is not None and one.id not in by_folds for one in run.front)
    if (
        set(tested) >= {individual.id for individual in run.front if _has_weights(individual)}
        and (figures / "front.png").exists()
        and not missing
        and not without_references
        and not without_folds
    ):
        return
    if missing:
        say("after the search: training the baseline, a plain network made by hand, as the candidates were trained")
        estimation = estimation_from_settings(run.settings["estimation"])
        write_baseline(run, train_baseline(task, estimation, run.settings["seed"]))
    if hasattr(task, "test_scores"):
        if without_references:
            compared = list(fitted) or train_references(task, run.settings["seed"], lambda text: say(f"after the search: {text}"), searched_by)
        write_references(run, constant_reference(task, run.settings["seed"], searched_by), compared)
        tested, intervals = _tested(run, task, say, clock)
        write_json_whole(run.folder / TEST_FILE, tested)
        write_intervals(run, intervals)
        if without_folds:
            fold_front(run, task, folds, lambda text: say(f"after the search: {text}"))
        if _has_weights(run.best):
            record(run, examine(task, run.best.model(), str(run.best.id), part="test", seed=run.settings["seed"]))
    say(f"after the search: drawing {figures / 'front.png'} and {figures / 'best.png'}")
    figures.mkdir(exist_ok=True)
    from neuroevo import plots

    plots.front(run, tested).savefig(figures / "front.png", dpi=150)
    plots.genome(run.best, plots.input_names(run)).savefig(figures / "best.png", dpi=150)


def _has_weights(individual: Individual) -> bool:
    """Whether there is a trained network to test: none of one that was scored untrained, or trained on smaller samples."""
    return individual.artifact is not None or individual.genome.evolves_weights


def _tested(
    run: Run, task: Any, say: Callable[[str], None], clock: Callable[[], float]
) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, Any]]]:
    """Test scores of the front, and the intervals of its validation and test scores, by id."""
    front, tested, intervals = [individual for individual in run.front if _has_weights(individual)], {}, {}
    if not front:
        say(
            "after the search: the networks of the front have no weights, so there is nothing to test (neuroevo train RUN ID trains one)"
        )
        return {}, {}
    networks = "network" if len(front) == 1 else "networks"
    say(f"after the search: testing the {len(front)} {networks} of the front on the test data")
    said = clock()
    for individual in front:
        model = individual.model()
        tested[individual.id], on_test = task.assessed(model, task.dataset.test)
        by_folds = individual.info.get("folds")
        on_validation = task.assessed(model, task.dataset.validation)[1] if by_folds is None else by_folds["intervals"]
        intervals[individual.id] = {"validation": on_validation, "test": on_test}
        if clock() - said >= SAID_EVERY and len(tested) < len(front):
            say(f"after the search: {len(tested)} of {len(front)} are tested")
            said = clock()
    return tested, intervals
