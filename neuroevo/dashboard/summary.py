"""A run in one row of the dashboard's list, read without reading its individuals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neuroevo.core.registry import command_name
from neuroevo.core.trial import FAILED, PREDICTED
from neuroevo.dashboard.rest import Rest
from neuroevo.report.text import state_words
from neuroevo.store import Store
from neuroevo.store.connection import being_written

LIMITS = ("evaluations", "epochs", "generations", "seconds")  # of a budget, whose spent share is known


@dataclass(frozen=True)
class Summary:
    """One row.

    Args:
        name: of the run, its path in the folder of runs.
        state: in words.
        going: whether a process writes to it now.
        paused: whether it can be gone on with: it ended before its budget.
        evaluated, failed: how many evaluations.
        share: of its budget that is spent, 0 to 1; None where that is not known.
        budget: in words.
        best: of the first objective after the last complete generation, in words.
        front: members of the front then.
        hypervolume: of the front then.
        strategy: its name.
        data: what it is on.
        changed: seconds since 1970 at which its database was last written.
    """

    name: str
    state: str
    going: bool = False
    paused: bool = False
    evaluated: int = 0
    failed: int = 0
    share: float | None = None
    budget: str = ""
    best: str = ""
    front: int | None = None
    hypervolume: float | None = None
    strategy: str = ""
    data: str = ""
    changed: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON."""
        return asdict(self)


class Summaries:
    """Rows of runs; a run is read again when its files have changed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, Summary]] = {}
        self._reading: dict[str, Rest] = {}

    def of(self, name: str, folder: Path) -> Summary:
        """The row of a run. What cannot be read says so in its state."""
        try:
            stamp = _stamp(folder)
            kept, reading = self._kept.get(name), self._reading.setdefault(name, Rest())
            if kept is None or (kept[0] != stamp and reading.due):
                with reading.after():
                    kept = self._kept[name] = (stamp, summary_of(name, folder))
            return kept[1]
        except (ValueError, OSError, LookupError, TypeError, AttributeError) as error:
            return Summary(name, f"cannot be read: {' '.join(str(error).split())[:200]}")


def _stamp(folder: Path) -> Any:
    stamps: list[Any] = [being_written(folder)]
    for name in ("run.db", "run.db-wal", "config.json"):
        path = folder / name
        stamps.append((path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None)
    return stamps


def summary_of(name: str, folder: Path) -> Summary:
    """The row of a run, read now.

    Raises:
        StoreError: it cannot be read.
    """
    store = Store(folder, writable=False)
    try:
        settings = store.read_json("config.json")
        settings = settings if isinstance(settings, dict) else {}
        (ended, seconds), counts, epochs = store.ended(), store.evaluation_counts(), store.epochs()
        last = store.last_generation() or {}
    finally:
        store.close()
    evaluated = sum(counts.values()) - counts[PREDICTED]
    spent = {
        "evaluations": evaluated,
        "epochs": epochs,
        "generations": last.get("generation", 0),
        "seconds": max(seconds, _number(last.get("seconds")) or 0.0),
    }
    budget = settings.get("budget")
    limits = {limit: size for limit, size in (budget if isinstance(budget, Mapping) else {}).items() if _number(size)}
    shares = [spent[limit] / limits[limit] for limit in LIMITS if limit in limits]
    going = not ended and being_written(folder) is not False
    return Summary(
        name=name,
        state=state_words(ended, evaluated, folder),
        going=going,
        paused=not going and ended in ("", "interrupted", "stopped", "error"),
        evaluated=evaluated,
        failed=counts[FAILED],
        share=(1.0 if ended and ended not in ("interrupted", "stopped", "error") else min(1.0, max(shares))) if shares else None,
        budget=", ".join(f"{size:,g} {limit.replace('_', ' ')}" for limit, size in limits.items()),
        best=_best(settings, last),
        front=last.get("front") if isinstance(last.get("front"), int) else None,
        hypervolume=_number(last.get("hypervolume")),
        strategy=command_name(_named(settings.get("strategy"), "strategy")),
        data=Path(_named(settings.get("task"), "data", "fitness", "task")).name,
        changed=(folder / "run.db").stat().st_mtime,
    )


def _best(settings: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    objectives, best = settings.get("objectives"), last.get("best")
    if not isinstance(objectives, list) or not isinstance(best, list) or not objectives or not best:
        return ""
    value = _number(best[0])
    return "" if value is None else f"{_named(objectives[0], 'name')} {value:.4g}"


def _named(settings: Any, *keys: str) -> str:
    """The first of these entries of some settings that is there, as text."""
    if isinstance(settings, str):
        return settings
    found = settings if isinstance(settings, Mapping) else {}
    return next((str(found[key]) for key in keys if found.get(key)), "")


def _number(value: Any) -> float | None:
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if real else None
