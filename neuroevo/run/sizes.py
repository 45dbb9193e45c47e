"""Sizes of strategies that follow the budget: what suits dozens of candidates, and what suits fewer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Sizes that suit a search of dozens of trained candidates: the most where a strategy's own default is larger, and the user says nothing.
MOST = {"population": 12, "sample": 4, "proposals": 32, "accepted": 8}
# The same of a search of a few candidates, so that something is selected: at most one in so many of its candidates, and at least so many.
SHARES = {"population": (3, 4), "accepted": (3, 4), "initial": (3, 4), "batch": (6, 4), "neighbours": (4, 2)}
PER = {"sample": ("population", 0.5), "proposals": ("accepted", 4.0)}  # at most so many for each of these
# Where a strategy may breed fewer than live: half of the candidates are random, then come two generations of a quarter. Children lie near their parents,
# so a wide first generation is worth more than a third round of breeding.
FIRST, CHILDREN = (2, 4), (4, 2)
NAMES = (*SHARES, *PER, "offspring")  # all settings that are sizes


def sizes_for(settings: Mapping[str, Any], evaluations: int | None) -> dict[str, int]:
    """Those sizes of a strategy that are too large for a budget, as they should be.

    Args:
        settings: the strategy's.
        evaluations: None: not known, so that nothing is.

    >>> sizes_for({"population": 30, "crossover": 0.5}, 24), sizes_for({"population": 30}, 1000)
    ({'population': 8}, {})
    >>> sizes_for({"population": 30, "offspring": None}, 24)
    {'population': 12, 'offspring': 6}
    >>> sizes_for({"population": 30, "offspring": 9}, 24)
    {'population': 8}
    """
    if evaluations is None:
        return {}
    given = _whole(settings)
    wanted = {name: max(least, evaluations // parts) for name, (parts, least) in SHARES.items() if name in given}
    bred = settings.get("offspring", 0)  # 0: all strategies that have such a setting breed more
    if "population" in given and bred != 0:
        parts, least = FIRST
        half = max(least, evaluations // parts)
        wanted["population"] = half if bred is None else max(wanted["population"], min(half, evaluations - 2 * int(bred)))
    found = {name: size for name, size in wanted.items() if size < given[name]}
    for name, (other, times) in PER.items():
        if name in given and other in found:
            found[name] = min(given[name], max(1, int(times * found[other])))
    if "population" in given and bred is None:
        parts, least = CHILDREN
        children = max(least, evaluations // parts)
        if children < found.get("population", given["population"]):
            found["offspring"] = children
    return found


def _whole(settings: Mapping[str, Any]) -> dict[str, int]:
    return {name: size for name, size in settings.items() if isinstance(size, int) and not isinstance(size, bool)}


def command_sizes(defaults: Mapping[str, Any], evaluations: int | None) -> dict[str, int]:
    """Sizes that suit a search of so many candidates, for those settings of a strategy that are sizes.

    Args:
        defaults: the strategy's settings.
        evaluations: None: some dozens.

    >>> command_sizes({"population": 100, "sample": 25, "mutation": 1.0}, 60)
    {'population': 12, 'sample': 4}
    >>> command_sizes({"population": 100, "sample": 25, "mutation": 1.0}, 12)
    {'population': 4, 'sample': 2}
    """
    given = _whole(defaults)
    found = {name: min(given[name], most) for name, most in MOST.items() if name in given}
    return found | sizes_for({**defaults, **found}, evaluations)


def sizes_begun(sizes: Mapping[str, int], begun: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of a run that goes on: those that it began with, whatever the budget is now.

    Args:
        sizes: those for the budget.
        begun: all settings of the strategy that it began with; of some, a name of a size is that of something else (`proposals`, a strategy).
    """
    was = {name: begun[name] for name in NAMES if name in begun}
    return dict(sizes) | {name: size for name, size in was.items() if size is None or name in _whole(was)}


def begun_strategy(folder: str | os.PathLike[str] | None) -> Mapping[str, Any] | None:
    """The settings of the strategy of the run in a folder; None where there is none."""
    recorded = (begun_settings(folder) or {}).get("strategy")
    return recorded if isinstance(recorded, dict) else None


def begun_settings(folder: str | os.PathLike[str] | None) -> Mapping[str, Any] | None:
    """The settings of the run in a folder; None where there is none."""
    path = Path(folder) / "config.json" if isinstance(folder, (str, os.PathLike)) else None
    if path is None or not path.exists():
        return None
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # damaged: who opens the run says so
    return recorded if isinstance(recorded, dict) else None
