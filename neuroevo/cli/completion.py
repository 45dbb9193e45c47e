"""What a shell completes after `neuroevo`: names of data, strategies, objectives, encodings, figures; folders of runs; their members."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

DATA_FILES = (
    ".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".feather", ".xlsx", ".xlsm", ".gz", ".bz2", ".xz", ".zip",
    ".npz",
)  # fmt: skip
MOST_IDS = 30


def data(incomplete: str) -> list[str]:
    """Data sets by name, tables, archives and folders."""
    from neuroevo.core import registry

    found = _starting(registry.names("data"), incomplete)
    return [*found, *(str(path) for path in _paths(incomplete) if path.is_dir() or path.suffix.lower() in DATA_FILES)]


def strategies(incomplete: str) -> list[str]:
    """Strategies of a search on data."""
    from neuroevo.run.search import strategies

    return _starting(strategies(), incomplete)


def encodings(incomplete: str) -> list[str]:
    """Encodings of a search on data."""
    from neuroevo.run.search import encodings

    return _starting(encodings(), incomplete)


def settings(context: typer.Context, incomplete: str) -> list[str]:
    """Settings of the strategy and the encoding that were named before."""
    from neuroevo.core import registry
    from neuroevo.run.search import strategies

    strategy, encoding = context.params.get("strategy") or "nsga2", context.params.get("encoding") or "network"
    if strategy not in strategies() or registry.find("encoding", encoding) is None:
        return []
    known = [setting.name for setting in (*registry.settings("strategy", strategy), *registry.settings("encoding", encoding))]
    return _starting([f"{name}=" for name in known], incomplete)


def presets(incomplete: str) -> list[str]:
    """Presets of a search."""
    from neuroevo.run.search import PRESETS

    return _starting(PRESETS, incomplete)


def efforts(incomplete: str) -> list[str]:
    """Presets, each with what it spends."""
    from neuroevo.run.search import PRESETS

    return [f"{name} ({PRESETS[name].described})" for name in presets(incomplete)]


def objectives(incomplete: str) -> list[str]:
    """The last of a list of objectives, those before it kept and not offered again."""
    from neuroevo.core import registry
    from neuroevo.tasks import Classification, Regression

    before, comma, last = incomplete.rpartition(",")
    named = set(re.split(r"[<>=,]", before))
    offered = dict.fromkeys(objective.name for task in (Classification, Regression) for objective in task.offered)
    return [before + comma + name for name in _starting([*offered, *registry.own("objective")], last) if name not in named]


def proxies(incomplete: str) -> list[str]:
    """Zero-cost proxies."""
    from neuroevo.core import registry

    return _starting(registry.names("proxy"), incomplete)


def inheritances(incomplete: str) -> list[str]:
    """With weights from the parents, or without."""
    from neuroevo.run.search import INHERITANCES

    return _starting(INHERITANCES, incomplete)


def stop_rules(incomplete: str) -> list[str]:
    """What may end a training early."""
    from neuroevo.estimation.learning_curve import STOP_RULES

    return _starting(STOP_RULES, incomplete)


def evaluators(incomplete: str) -> list[str]:
    """Where candidates are trained."""
    from neuroevo.evaluators import EVALUATORS

    return _starting(EVALUATORS, incomplete)


def schedules(incomplete: str) -> list[str]:
    """In generations or one by one."""
    from neuroevo.run.search import SCHEDULES

    return _starting(SCHEDULES, incomplete)


def figures(incomplete: str) -> list[str]:
    """What `neuroevo plot` draws."""
    from neuroevo.core import registry

    return _starting(registry.names("figure"), incomplete)


def lists(incomplete: str) -> list[str]:
    """What `neuroevo list` lists."""
    from neuroevo.core import registry

    return _starting([kind.plural for kind in registry.KINDS.values() if kind.plural], incomplete)


def listed(context: typer.Context, incomplete: str) -> list[str]:
    """Members of the list that was named before."""
    from neuroevo.core import registry

    kinds = [name for name, kind in registry.KINDS.items() if kind.plural and kind.plural == context.params.get("what")]
    return _starting([name for kind in kinds for name in registry.names(kind)], incomplete)


def runs(incomplete: str) -> list[str]:
    """Folders of runs, those in runs/ first, and folders that may hold such."""
    inside = [path for path in sorted(Path("runs").glob("*")) if (path / "run.db").exists()]
    found = [str(path) for path in inside if str(path).startswith(incomplete)]
    return list(dict.fromkeys([*found, *(str(path) for path in _paths(incomplete) if path.is_dir())]))


def ids(context: typer.Context, incomplete: str) -> list[str]:
    """The front's members of the run that was named before, and what was derived from its networks."""
    from neuroevo.run.run import load_run

    try:
        run = load_run(context.params["run"])
    except (KeyError, TypeError, ValueError, OSError):
        return []
    names = [str(individual.id) for individual in run.front[:MOST_IDS]] + [derived.name for derived in run.derived[-MOST_IDS:]]
    return _starting(names, incomplete)


class _Names:
    """The names that a help text's {completion} stands for, found when the text is shown."""

    def __getitem__(self, completion: str) -> str:
        return ", ".join(globals()[completion](""))


def filled(help: str | None) -> str:
    """A help text in which "{strategies}" and the like are replaced by what is completed there: what can be named is said in one place."""
    return (help or "").format_map(_Names())


class Command(typer.core.TyperCommand):
    """A command whose options' help names what there is to choose from."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        for parameter in self.params:
            if getattr(parameter, "help", None):
                parameter.help = filled(parameter.help)  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


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
