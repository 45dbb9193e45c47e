"""Runs next to each other, for the page that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroevo.report.comparison import AXES, Comparison, compare, comparison_table
from neuroevo.report.page_data import rounded
from neuroevo.run.run import Run

POINTS = 500  # of a curve
MOST_RUNS = 30


def comparison_data(runs: Sequence[Run], axis: str) -> dict[str, Any]:
    """JSON: the comparison's table as text, and every run's curve.

    Raises:
        ValueError: too many runs, or runs that cannot be compared.
    """
    if len(runs) > MOST_RUNS:
        raise ValueError(f"at most {MOST_RUNS} runs are compared on a page, got {len(runs)}; `neuroevo compare` takes more")
    found = compare(runs, axis=axis)
    return {
        "table": comparison_table(found),
        "measure": found.measure,
        "axis": axis,
        "axes": [name for name in AXES if name != "epochs" or all(run.epochs for run in runs)],
        "label": AXES[axis],
        "log": bool(found.box is None and next(iter(runs[0].objectives.values())).log),
        "groups": [{"label": group.label, "curves": curves} for group, curves in zip(found.groups, _curves(found), strict=True)],
    }


def _curves(found: Comparison) -> list[list[dict[str, Any]]]:
    groups = []
    for group in found.groups:
        curves = []
        for curve in group.curves:
            at, value = curve.over(found.axis), curve.value
            known = np.flatnonzero(np.isfinite(value))
            if len(known) > POINTS:
                known = known[np.unique(np.linspace(0, len(known) - 1, POINTS).round().astype(int))]
            curves.append({"at": [rounded(x) for x in at[known]], "value": [rounded(y) for y in value[known]]})
        groups.append(curves)
    return groups
