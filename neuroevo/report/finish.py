"""What a search on data leaves beside its database."""

from __future__ import annotations

from typing import Any

from neuroevo.core.files import write_json_whole
from neuroevo.report.text import TEST_FILE, test_scores
from neuroevo.run.run import Run
from neuroevo.run.settings import estimation_from_settings


def finish(run: Run, *, baseline: bool = False) -> None:
    """What a search on data leaves beside its database: test scores of the front, the baseline where one is asked for, and figures. Done
    once; a run that has them keeps them."""
    from neuroevo.deploy.baseline import baseline_of, train_baseline, write_baseline

    if run.folder is None or run.ended in ("", "interrupted", "error") or not run.records.front:
        return
    figures = run.folder / "figures"
    tested = test_scores(run)
    task: Any = run.task
    missing = baseline and baseline_of(run) is None
    if set(tested) >= {individual.id for individual in run.front} and (figures / "front.png").exists() and not missing:
        return
    if missing:
        estimation = estimation_from_settings(run.settings["estimation"])
        write_baseline(run, train_baseline(task, estimation, run.settings["seed"]))
    if hasattr(task, "test_scores"):
        tested = {individual.id: task.test_scores(individual.model()) for individual in run.front}
        write_json_whole(run.folder / TEST_FILE, tested)
    figures.mkdir(exist_ok=True)
    from neuroevo import plots

    plots.front(run, tested).savefig(figures / "front.png", dpi=150)
    plots.genome(run.best).savefig(figures / "best.png", dpi=150)
