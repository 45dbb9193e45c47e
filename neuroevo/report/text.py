"""A run as text for a terminal, and as JSON for scripts."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroevo.core.individual import DONE, FAILED, PENDING, PREDICTED, STOPPED, Individual
from neuroevo.core.trial import Evaluation, Fidelity
from neuroevo.deploy.baseline import baseline_of
from neuroevo.deploy.examination import examined
from neuroevo.deploy.folds import Folded, folded
from neuroevo.deploy.intervals import intervals_of
from neuroevo.deploy.reference_models import Reference, asked_alike, constant_of, references_of
from neuroevo.deploy.verdict import compared_by, verdict
from neuroevo.plots.node_names import node_name
from neuroevo.plots.outcomes import deviations
from neuroevo.report.archive import archive_json, archive_line
from neuroevo.report.derived import beside_parent, derived_json
from neuroevo.run.box import Box
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.live import generations_complete, outcomes
from neuroevo.run.run import Run
from neuroevo.store import RecordedTrial, Store
from neuroevo.store.connection import being_written

TEST_FILE = "test.json"  # test scores of the front, measured once at the end of a search: {id: {objective: value}}
REASONS = 5  # failures that are listed, and as many stopped trainings
VALIDATION = "validation"


def test_scores(run: Run) -> dict[int, dict[str, float]]:
    """The test scores of the front, by id; empty before the end of the search."""
    path = None if run.folder is None else Path(run.folder) / TEST_FILE
    if path is None or not path.exists():
        return {}
    try:
        return {int(id): dict(scores) for id, scores in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command again") from None


def run_json(run: Run) -> dict[str, Any]:
    """Settings, counts, front and what was derived. Each member of the front: id, parameters, validation and test objectives."""
    tested, sure, by_folds = test_scores(run), intervals_of(run), folded(run)
    front = []
    for individual in run.front:
        entry: dict[str, Any] = {
            "id": individual.id,
            "parameters": _parameters(individual),
            "validation": individual.values,
            "test": tested.get(individual.id),
            **({"intervals": sure[individual.id]} if individual.id in sure else {}),
            **({"folds": vars(by_folds[individual.id])} if individual.id in by_folds else {}),
        }
        front.append(entry)
    baseline, references, constant = baseline_of(run), references_of(run), constant_of(run)
    return {
        "folder": str(run.folder),
        "settings": dict(run.settings),
        "ended": run.ended,
        "state": state_text(run),
        "seconds": run.seconds,
        "hypervolume": run.hypervolume,
        "hypervolume_box": None if run.box is None else run.box.to_json(),
        "counts": {
            "evaluated": run.evaluations,
            "failed": run.failures,
            "stopped": run.stopped,
            "predicted": run.predictions,
            "trials_without_individuals": len(trials_without_individuals(run)),
            "epochs": run.epochs,
            "generations": run.generation,
            **({} if (cost := screening_of(run)) is None else {"screened": cost[0]}),
        },
        "chosen_on": chosen_on(run),
        "best": run.records.best.id if run.records.best is not None else None,
        "front": front,
        "derived": [derived_json(derived) for derived in run.derived],
        **({} if baseline is None else {"baseline": vars(baseline)}),
        **({} if (archive := archive_json(run)) is None else {"archive": archive}),
        **({} if constant is None else {"constant": vars(constant)}),
        **({"references": [vars(reference) for reference in references]} if references else {}),
        "verdict": verdict(run, tested),
    }


def trials_without_individuals(run: Run) -> list[RecordedTrial]:
    """The trials that worked for all individuals, such as the epochs of a shared network; none of a run in memory, which records none."""
    if run.folder is None:
        return []
    store = Store(run.folder, writable=False)
    try:
        return store.trials_without_individuals()
    finally:
        store.close()


def run_table(run: Run) -> str:
    """What a run was, how it ended, and its front."""
    from rich.table import Table

    tested, sure = test_scores(run), intervals_of(run)
    names = list(run.objectives)
    test_names = [name for name in names if any(name in scores for scores in tested.values())]
    best = run.records.best
    extra = [] if "parameters" in names or best is None or _parameters(best) is None else ["parameters"]
    table = Table(box=None, pad_edge=False)
    by_folds, folded_by = folded(run), compared_by(run)
    folds_column = [f"{folded_by} ({next(iter(by_folds.values())).folds} folds)"] if by_folds and folded_by else []
    on = chosen_on(run)
    for column in ["id", *[f"{name} ({on})" if name in test_names else name for name in names], *extra, *folds_column]:
        table.add_column(column, justify="right")
    for name in test_names:
        table.add_column(f"{name} (test)", justify="right")
    table.add_column("made by")
    for individual in run.front:
        on_validation, on_test = (sure.get(individual.id, {}).get(part, {}) for part in ("validation", "test"))
        row = [str(individual.id), *[with_interval(individual.values[name], on_validation.get(name)) for name in names]]
        row += [_number(_parameters(individual)) for _ in extra]
        row += [_folds_cell(by_folds.get(individual.id), str(folded_by)) for _ in folds_column]
        row += [with_interval(tested.get(individual.id, {}).get(name), on_test.get(name)) for name in test_names]
        table.add_row(*row, ", ".join(individual.operators))
    baseline = baseline_of(run)
    if baseline is not None:
        row = [
            "baseline",
            *[_number(baseline.validation[name]) for name in names],
            *[_number(baseline.parameters) for _ in extra],
            *["-" for _ in folds_column],
        ]
        table.add_row(*row, *[_number(baseline.test.get(name)) for name in test_names], "hand")
    for reference in references_of(run):
        between = [_number(reference.numbers) for _ in extra] + ["-" for _ in folds_column]
        table.add_row(*_reference_row(reference, names, between, test_names, not asked_alike(run, reference)))
    lines = [
        f"{run.folder}: {state_text(run)}; {run.evaluations} evaluated, {outcomes(run)}, {generations_complete(run)}, {run.seconds:.0f} s",
        *_shared(trials_without_individuals(run)),
        *_screened(run),
        f"front: {len(run.front)} individual{'' if len(run.front) == 1 else 's'}"
        + ("" if run.hypervolume is None else f", hypervolume {run.hypervolume:.4f}"),
        *_unfinished(run),
        *filter(None, [archive_line(run)]),
        *([] if run.box is None or run.hypervolume is None else [f"hypervolume in the run's box: {box_text(run, run.box)}"]),
        rendered(table),
    ]
    if baseline is not None:
        done = "trained from scratch" if baseline.test else "scored untrained"
        lines.append(f"baseline: {baseline.about}; {done} as the candidates were")
    lines += references_text(run)
    lines += _said_of_folds(run)
    lines += verdict(run, tested)
    if run.derived:
        lines += ["derived from these, each beside its parent:", _derived_table(run, tested)]
    cut_short = list(run.records.cut_short()) if run.failures or run.stopped else []
    for status, several in ((FAILED, "failures"), (STOPPED, "that were stopped")):
        found = [(id, reason) for id, ended, reason in cut_short if ended == status]
        lines += [f"{status}: {id}: {reason}" for id, reason in found[:REASONS]]
        if len(found) > REASONS:
            lines.append(f"... and {len(found) - REASONS} more {several}")
    if run.folder is not None:
        kept = [path.stat().st_size for path in (Path(run.folder) / "artifacts").glob("*.safetensors")]
        if kept:
            lines.append(f"on disk: {_size(_used(run.folder))}, of which weights of {len(kept)} networks {_size(sum(kept))}")
        figures = sorted((Path(run.folder) / "figures").glob("*.png"))
        lines += [f"figure: {path}" for path in figures]
        if run.ended in ("interrupted", "stopped", "error") or (not run.ended and being_written(run.folder) is not True):
            lines.append(f"to go on: {run.resume_command}")
    return "\n".join(lines)


def chosen_on(run: Run) -> str:
    """What the search's scores are of: "validation", or so many folds."""
    best = run.records.best
    by_folds = {} if best is None else best.info.get("folds", {})
    return f"{by_folds['folds']} folds" if by_folds else VALIDATION


def _said_of_folds(run: Run) -> list[str]:
    """Which network of the front is best by folds, in a line."""
    found, name = folded(run), compared_by(run)
    known = {id: one for id, one in found.items() if name in one.scores}
    if name is None or not known:
        return []
    best = max(known, key=lambda id: run.objectives[name].weight * known[id].scores[name])
    one = known[best]
    return [
        f"by {one.folds} folds over the {one.samples:,} rows that are not for the test, each network trained from scratch on each, {best} is best: "
        f"{name} {with_interval(one.scores[name], one.intervals.get(name))}"
    ]


def _folds_cell(found: Folded | None, name: str) -> str:
    return "-" if found is None else with_interval(found.scores.get(name), found.intervals.get(name))


def _reference_row(reference: Reference, names: list[str], between: list[str], test_names: list[str], otherwise: bool) -> list[str]:
    """Of a reference that was asked otherwise than the candidates, its test scores alone."""
    on_validation, on_test = (reference.intervals.get(part, {}) for part in ("validation", "test"))
    return [
        reference.name,
        *["-" if otherwise else with_interval(reference.validation.get(name), on_validation.get(name)) for name in names],
        *between,
        *[with_interval(reference.test.get(name), on_test.get(name)) for name in test_names],
        "scikit-learn",
    ]


def references_text(run: Run) -> list[str]:
    """What the references are, in a line; none where the search was compared with none."""
    found = references_of(run)
    if not found:
        return []
    listed = ", ".join(f"{reference.name} ({reference.about})" for reference in found)
    return [
        f"references: {listed}; scikit-learn's default settings, fitted on the training data; their parameters are coefficients, thresholds of "
        "splits and values of leaves"
    ]


def with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    """A score as text, with its 95 % interval where that is known.

    >>> with_interval(0.02632, (0.0090012, 0.0741))
    '0.02632 (0.009-0.074)'
    >>> with_interval(179.2, (165.3, 192.9))
    '179.2 (165-193)'
    """
    if value is None or interval is None:
        return _number(value)
    width = interval[1] - interval[0]
    decimals = min(12, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else 4
    low, high = (f"{end:,.{decimals}f}" for end in interval)
    return f"{_number(value)} ({low} to {high})" if interval[0] < 0 else f"{_number(value)} ({low}-{high})"


def threshold_text(run: Run, name: str) -> list[str]:
    """From which probability on a class is best said, in a line; none where the network was not examined, or a half is best."""
    found = examined(run).get(name)
    chosen = None if found is None else found.threshold
    if chosen is None or chosen.at == 0.5:
        return []
    (before, after), (was, becomes) = chosen.validation, chosen.examined
    return [
        f"by {chosen.score} on validation data, {chosen.of} is best said from a probability of {chosen.at:.3g} on (--threshold {chosen.at:.3g} of "
        f"predict): {before:.4g} becomes {after:.4g}; on {chosen.part} data {was:.4g} becomes {becomes:.4g}"
    ]


def _unfinished(run: Run) -> list[str]:
    """Why the front is empty though candidates were trained: none reached the last rung."""
    full, done = run.records.full.epochs, run.evaluations - run.failures - run.stopped
    if len(run.front) or full is None or done <= 0:
        return []
    return [
        f"none of the {done} was trained for all {full} epochs, and only such are on the front: continue with a larger budget"
    ]


def screening_of(run: Run) -> tuple[int, float] | None:
    """What screening cost so far: candidates scored, and seconds; None of a run that does not screen."""
    rows = [row for row in run.summaries if "screened" in row]
    return (int(rows[-1]["screened"]), float(rows[-1]["screening_seconds"])) if rows else None


def _screened(run: Run) -> list[str]:
    screen, cost = run.settings.get("screen"), screening_of(run)
    if screen is None or cost is None:
        return []
    return [
        f"screened before training: {cost[0]} candidates by {screen['proxy']}, one of {screen['candidates']} kept, in {cost[1]:.0f} s"
    ]


def box_text(run: Run, box: Box) -> str:
    """A run's box in words, and how many members of its front lie beyond it."""
    beyond = run.records.beyond_box
    if not beyond:
        return box.described
    return (
        f"{box.described}; {beyond} of the front lie{'s' if beyond == 1 else ''} beyond its reference point and add{'s' if beyond == 1 else ''} "
        "nothing (Objective(reference=...) declares another)"
    )


def state_text(run: Run) -> str:
    """Whether a run is complete and why, or still going on, or was killed."""
    return state_words(run.ended, run.evaluations, run.folder)


def state_words(ended: str, evaluations: int, folder: Path | None) -> str:
    """The same of what a run's database says: the lock of who writes tells whether one that has not ended goes on, where it can."""
    if ended:
        named = {"interrupted": "interrupted", "stopped": "stopped", "error": "ended by an error"}
        complete = f"complete ({ended})" if evaluations else f"its budget ({ended}) ended before anything was evaluated"
        return named.get(ended, complete)
    writing = None if folder is None else being_written(folder)
    return {True: "going on", False: "killed before it ended", None: "still going on, or killed"}[writing]


def network_table(run: Run, name: int | str) -> str:
    """One of a run's networks: an individual by its id, or a derived one by its name.

    Raises:
        KeyError: there is none.
    """
    found = network_named(run, name)
    return derived_table(run, found) if isinstance(found, Derived) else individual_table(run, found.id)


def individual_table(run: Run, id: int) -> str:
    """One individual: where it comes from, what it scored, each of its evaluations, what it is made of."""
    individual = run[id]
    lines = [
        f"individual {id} of {run.folder}: {individual.status}" + (f" ({individual.reason})" if individual.reason else ""),
        f"born in generation {individual.generation}, parents {list(individual.parents)}, by {', '.join(individual.operators) or '-'}",
    ]
    if individual.status not in (FAILED, PENDING):
        lines += [
            f"{name}: {value}" for name, value in _valued(individual.names, individual.fitness.values, individual.info).items()
        ]
        on_test = intervals_of(run).get(id, {}).get("test", {})
        tested = test_scores(run).get(id, {})
        lines += [f"{name} (test): {with_interval(value, on_test.get(name))}" for name, value in tested.items()]
    lines += [f"{name}: {_number(value)}" for name, value in _scores(individual).items() if name not in individual.values]
    lines += threshold_text(run, str(id))
    if individual.descriptors is not None:
        lines.append(f"descriptors: {', '.join(_number(float(value)) for value in individual.descriptors)}")
    lines += _training(individual)
    evaluations = run.evaluations_of(id)
    if len(evaluations) > 1 or any(one.fidelity != Fidelity() or one.status not in (DONE, FAILED) for one in evaluations):
        lines.append("evaluations, one line a trial:")
        lines += [f"  {_evaluation(individual, evaluation)}" for evaluation in evaluations]
    lines += [f"derived: {one.name}, {', '.join(one.operators)}" for one in run.derived if one.parent == id]
    for node, attributes in individual.genome.graph().nodes(data=True):
        lines.append(f"  {node_name(node, attributes)}")
    return "\n".join(lines)


def derived_table(run: Run, derived: Derived) -> str:
    """One derived network: what it was made from and how, what it scores beside its parent, what it is made of."""
    lines = [f"{derived.name} of {run.folder}: a {derived.kind}, made from {derived.parent} by {', '.join(derived.operators)}"]
    for row in beside_parent(run, derived, test_scores(run)):
        of = "" if row.parent is None else f" (its parent: {counted(row.name, row.parent)})"
        lines.append(f"{row.title}: {counted(row.name, row.mine)}{of}")
    shown = {*run.objectives, "parameters"}
    before = derived.details.get("before") or {}
    for name, value in derived.scores.items():
        if name not in shown:
            of = f" (its parent: {_number(before[name])})" if name in before else ""
            lines.append(f"{name}: {_number(value)}{of}")
    lines += [f"{name}: {_detail(value)}" for name, value in derived.details.items() if name not in ("before", "bytes", "parameters")]
    lines.append("its weights are in its genome" if derived.path is None and run.folder is not None else f"file: {derived.path}")
    lines += [f"derived: {one.name}, {', '.join(one.operators)}" for one in run.derived if one.parent == derived.name]
    if derived.genome is not None:
        lines += [f"  {node_name(node, attributes)}" for node, attributes in derived.genome.graph().nodes(data=True)]
    return "\n".join(lines)


def _detail(value: Any) -> str:
    """A detail of how a network was derived; of two numbers, from the one to the other."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in value):
        return " → ".join(_number(one) for one in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    return value if isinstance(value, str) else json.dumps(value)


def _derived_table(run: Run, tested: Mapping[int, Mapping[str, float]]) -> str:
    """All of them, a row each; a cell goes from the parent's number to its own."""
    from rich.table import Table

    rows = [(derived, beside_parent(run, derived, tested)) for derived in run.derived]
    columns = list(dict.fromkeys(beside.title for _, found in rows for beside in found))
    columns.sort(key=lambda column: column in ("parameters", "bytes"))
    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("made by")
    for derived, found in rows:
        cells = {beside.title: f"{counted(beside.name, beside.parent)} → {counted(beside.name, beside.mine)}" for beside in found}
        table.add_row(derived.name, *(cells.get(column, "-") for column in columns), ", ".join(derived.operators))
    return rendered(table)


def counted(name: str, value: float | None) -> str:
    """A number as text; of bytes, in their units."""
    return _size(value) if name == "bytes" and value is not None else _number(value)


def _shared(trials: list[RecordedTrial]) -> list[str]:
    """A line for each kind of work that was done for all individuals."""
    lines = []
    for job in dict.fromkeys(trial.job for trial in trials):
        mine = [trial for trial in trials if trial.job == job]
        epochs, failed = sum(trial.epochs for trial in mine), sum(trial.status == FAILED for trial in mine)
        lines.append(
            f"trials without individuals: {len(mine)} {job.replace('_', ' ')}, {_number(epochs)} epochs"
            + (f", {failed} failed" if failed else "")
        )
    return lines


def _evaluation(individual: Individual, evaluation: Evaluation) -> str:
    """One evaluation in a line: the trial, how thorough it was, what came of it."""
    said = fidelity_text(evaluation.fidelity)
    status = evaluation.status + (f" ({evaluation.reason})" if evaluation.reason else "")
    scores = [f"{name} {value}" for name, value in _valued(individual.names, evaluation.values, evaluation.info).items()]
    counts = ", the one that counts" if evaluation.trial == individual.trial else ""
    return (
        f"trial {evaluation.trial}, {said}: {status}" + (f", {', '.join(scores)}" if evaluation.status != FAILED else "") + counts
    )


def fidelity_text(fidelity: Fidelity) -> str:
    """How thoroughly, in words."""
    parts = [] if fidelity.epochs is None else [f"{fidelity.epochs} epoch{'' if fidelity.epochs == 1 else 's'}"]
    if fidelity.schedule is not None and fidelity.schedule != fidelity.epochs:
        parts += [f"on the way to {fidelity.schedule}" if parts else f"a schedule of {fidelity.schedule} epochs"]
    parts += [f"{fidelity.data:.3g} of the data"] if fidelity.data < 1 else []
    parts += [f"{fidelity.resolution:.3g} of the resolution"] if fidelity.resolution < 1 else []
    parts += [f"after trial {fidelity.previous}"] if fidelity.previous is not None else []
    return ", ".join(parts) or "full effort"


def _valued(names: tuple[str, ...], values: tuple[float, ...], info: Mapping[str, Any]) -> dict[str, str]:
    """Objective values as text; of what was predicted, with its deviation."""
    spread = deviations(info, len(names))
    texts = [
        _number(value) + (f" ± {_number(by)}" if math.isfinite(by) else "") for value, by in zip(values, spread, strict=False)
    ]
    return dict(zip(names, texts, strict=False))


def _training(individual: Individual) -> list[str]:
    """How its weights came about."""
    info = individual.info or {}
    if "epochs" not in info or individual.status == PREDICTED:
        return []
    inherited = info.get("inherited")
    if not inherited:
        return [f"trained from {info.get('started_from', 'scratch')} for {info['epochs']} epochs"]
    scores = ", ".join(f"{name} {value:.4g}" for name, value in inherited.items() if name != "distilled_epochs")
    of_fold = f" in the first of {info['folds']['folds']} folds" if "folds" in info else ""
    return [
        f"right after inheriting: {scores}{of_fold}; trained for {info['epochs']} epochs, {inherited['distilled_epochs']} of them by distillation"
    ]


def _scores(individual: Individual) -> Mapping[str, Any]:
    scores = individual.info.get("scores", {}) if individual.info else {}
    return {name: value for name, value in scores.items() if isinstance(value, (int, float))}


def _parameters(individual: Individual) -> int | None:
    try:
        return int(individual.genome.parameters)
    except NotImplementedError:
        return None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def _used(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def rendered(table: Any) -> str:
    """A table of rich's as plain text, of any width."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=240).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())
