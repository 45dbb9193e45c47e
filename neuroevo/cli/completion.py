"""What a shell completes after `neuroevo`: names of data, strategies, objectives, encodings, figures; folders of runs; their members."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import typer

DATA_FILES = (".csv", ".npz")
MOST_IDS = 30


def data(incomplete: str) -> list[str]:
    """Data sets by name, tables, archives and folders."""
    from neuroevo.data import NAMES

    found = _starting(NAMES, incomplete)
    return [*found, *(str(path) for path in _paths(incomplete) if path.is_dir() or path.suffix.lower() in DATA_FILES)]


def strategies(incomplete: str) -> list[str]:
    """Strategies of a search on data."""
    from neuroevo.run.search import STRATEGIES

    return _starting(STRATEGIES, incomplete)


def encodings(incomplete: str) -> list[str]:
    """Encodings of a search on data."""
    from neuroevo.run.search import ENCODINGS

    return _starting(ENCODINGS, incomplete)


def presets(incomplete: str) -> list[str]:
    """Presets of a search."""
    from neuroevo.run.search import PRESETS

    return _starting(PRESETS, incomplete)


def objectives(incomplete: str) -> list[str]:
    """The last of a list of objectives, those before it kept and not offered again."""
    from neuroevo.tasks import Classification, Regression

    before, comma, last = incomplete.rpartition(",")
    named = set(re.split(r"[<>=,]", before))
    names = dict.fromkeys(objective.name for task in (Classification, Regression) for objective in task.offered)
    return [before + comma + name for name in _starting(names, last) if name not in named]


def inheritances(incomplete: str) -> list[str]:
    """With weights from the parents, or without."""
    return _starting(("lamarckian", "none"), incomplete)


def evaluators(incomplete: str) -> list[str]:
    """Where candidates are trained."""
    return _starting(("serial", "slots", "ray"), incomplete)


def schedules(incomplete: str) -> list[str]:
    """In generations or one by one."""
    return _starting(("synchronous", "asynchronous"), incomplete)


def figures(incomplete: str) -> list[str]:
    """What `neuroevo plot` draws."""
    from neuroevo.cli.look import FIGURES

    return _starting(FIGURES, incomplete)


def lists(incomplete: str) -> list[str]:
    """What `neuroevo list` lists."""
    from neuroevo.cli.look import LISTS

    return _starting(LISTS, incomplete)


def runs(incomplete: str) -> list[str]:
    """Folders of runs, those in runs/ first, and folders that may hold such."""
    inside = [path for path in sorted(Path("runs").glob("*")) if (path / "run.db").exists()]
    found = [str(path) for path in inside if str(path).startswith(incomplete)]
    return list(dict.fromkeys([*found, *(str(path) for path in _paths(incomplete) if path.is_dir())]))


def ids(context: typer.Context, incomplete: str) -> list[str]:
    """The front's members of the run that was named before."""
    from neuroevo.run.run import load_run

    try:
        front = load_run(context.params["run"]).front
    except (KeyError, TypeError, ValueError, OSError):
        return []
    return _starting([str(individual.id) for individual in front[:MOST_IDS]], incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _paths(incomplete: str) -> list[Path]:
    """Files and folders whose path begins so."""
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    begin = "" if incomplete.endswith("/") else Path(incomplete).name
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith(begin) and not path.name.startswith("."))
    except OSError:
        return []
