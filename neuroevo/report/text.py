"""A run as text for a terminal, and as JSON for scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.deploy.baseline import baseline_of
from neuroevo.run.live import generations_complete
from neuroevo.run.run import Run

TEST_FILE = "test.json"  # test scores of the front, measured once at the end of a search: {id: {objective: value}}


def test_scores(run: Run) -> dict[int, dict[str, float]]:
    """The test scores of the front, by id; empty before the end of the search."""
    path = None if run.folder is None else Path(run.folder) / TEST_FILE
    if path is None or not path.exists():
        return {}
    try:
        return {int(id): dict(scores) for id, scores in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command again") from None


def run_json(run: Run) -> dict[str, Any]:
    """Settings, counts and front. Each member of the front: id, parameters, validation and test objectives."""
    tested = test_scores(run)
    front = []
    for individual in run.front:
        entry: dict[str, Any] = {
            "id": individual.id,
            "parameters": _parameters(individual),
            "validation": individual.values,
            "test": tested.get(individual.id),
        }
        front.append(entry)
    baseline = baseline_of(run)
    return {
        "folder": str(run.folder),
        "settings": dict(run.settings),
        "ended": run.ended,
        "seconds": run.seconds,
        "hypervolume": run.hypervolume,
        "counts": {"evaluated": run.evaluations, "failed": run.failures, "generations": run.generation},
        "best": run.records.best.id if run.records.best is not None else None,
        "front": front,
        **({} if baseline is None else {"baseline": vars(baseline)}),
    }


def run_table(run: Run) -> str:
    """What a run was, how it ended, and its front."""
    from rich.table import Table

    tested = test_scores(run)
    names = list(run.objectives)
    test_names = [name for name in names if any(name in scores for scores in tested.values())]
    best = run.records.best
    extra = [] if "parameters" in names or best is None or _parameters(best) is None else ["parameters"]
    table = Table(box=None, pad_edge=False)
    for column in ["id", *[f"{name} (validation)" if name in test_names else name for name in names], *extra]:
        table.add_column(column, justify="right")
    for name in test_names:
        table.add_column(f"{name} (test)", justify="right")
    table.add_column("made by")
    for individual in run.front:
        row = [str(individual.id), *[_number(individual.values[name]) for name in names]]
        row += [_number(_parameters(individual)) for _ in extra]
        row += [_number(tested.get(individual.id, {}).get(name)) for name in test_names]
        table.add_row(*row, ", ".join(individual.operators))
    baseline = baseline_of(run)
    if baseline is not None:
        row = [
            "baseline",
            *[_number(baseline.validation[name]) for name in names],
            *[_number(baseline.parameters) for _ in extra],
        ]
        table.add_row(*row, *[_number(baseline.test.get(name)) for name in test_names], "hand")
    state = {"": "still going on, or killed", "interrupted": "interrupted"}.get(run.ended, f"complete ({run.ended})")
    lines = [
        f"{run.folder}: {state}; {run.evaluations} evaluated, {run.failures} failed, "
        f"{generations_complete(run)}, {run.seconds:.0f} s",
        f"front: {len(run.front)} individuals" + ("" if run.hypervolume is None else f", hypervolume {run.hypervolume:.4f}"),
        _rendered(table),
    ]
    if baseline is not None:
        lines.append(f"baseline: {baseline.about}; trained from scratch as the candidates were")
    failed = [individual for individual in run if individual.status == FAILED]
    for individual in failed[:5]:
        lines.append(f"failed: {individual.id}: {individual.reason}")
    if len(failed) > 5:
        lines.append(f"... and {len(failed) - 5} more failures")
    if run.folder is not None:
        kept = [path.stat().st_size for path in (Path(run.folder) / "artifacts").glob("*.safetensors")]
        if kept:
            lines.append(f"on disk: {_size(_used(run.folder))}, of which weights of {len(kept)} networks {_size(sum(kept))}")
        figures = sorted((Path(run.folder) / "figures").glob("*.png"))
        lines += [f"figure: {path}" for path in figures]
        if run.ended in ("", "interrupted"):
            lines.append(f"to go on: {run.resume_command}")
    return "\n".join(lines)


def individual_table(run: Run, id: int) -> str:
    """One individual: where it comes from, what it scored, what it is made of."""
    individual = run[id]
    lines = [
        f"individual {id} of {run.folder}: {individual.status}" + (f" ({individual.reason})" if individual.reason else ""),
        f"born in generation {individual.generation}, parents {list(individual.parents)}, by {', '.join(individual.operators) or '-'}",
    ]
    if individual.status == DONE:
        lines += [f"{name}: {_number(value)}" for name, value in individual.values.items()]
        lines += [f"{name} (test): {_number(value)}" for name, value in test_scores(run).get(id, {}).items()]
    lines += [f"{name}: {_number(value)}" for name, value in _scores(individual).items() if name not in individual.values]
    lines += _training(individual)
    for node, attributes in individual.genome.graph().nodes(data=True):
        lines.append(f"  {attributes.get('label', node)}")
    return "\n".join(lines)


def _training(individual: Individual) -> list[str]:
    """How its weights came about."""
    info = individual.info or {}
    if "epochs" not in info:
        return []
    inherited = info.get("inherited")
    if not inherited:
        return [f"trained from {info.get('started_from', 'scratch')} for {info['epochs']} epochs"]
    scores = ", ".join(f"{name} {value:.4g}" for name, value in inherited.items() if name != "distilled_epochs")
    return [
        f"right after inheriting: {scores}; trained for {info['epochs']} epochs, {inherited['distilled_epochs']} of them by distillation"
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


def _rendered(table: Any) -> str:
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=160).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())
