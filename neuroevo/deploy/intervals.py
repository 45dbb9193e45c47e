"""The intervals of a run's scores, as its folder holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.core.files import write_json_whole
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from neuroevo.tasks.intervals import Interval

INTERVALS_FILE = "intervals.json"  # 95 % intervals of the front's scores: {id: {"validation" or "test": {score: [low, high]}}}
ByPart = dict[str, dict[str, "Interval"]]


def write_intervals(run: Run, intervals: Mapping[int, Mapping[str, Mapping[str, Any]]]) -> None:
    """Record them in the run's folder."""
    assert run.folder is not None
    write_json_whole(Path(run.folder) / INTERVALS_FILE, intervals)


def intervals_of(run: Run) -> dict[int, ByPart]:
    """How sure the front's scores are, by id, part ("validation", "test") and score; empty before the end of a search on data.

    Raises:
        ValueError: the file is damaged.
    """
    path = None if run.folder is None else Path(run.folder) / INTERVALS_FILE
    if path is None or not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            int(id): {
                str(part): {str(name): (float(low), float(high)) for name, (low, high) in scores.items()}
                for part, scores in parts.items()
            }
            for id, parts in found.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command again") from None
