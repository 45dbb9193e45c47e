"""The Python code that a run depends on: what is recorded of it, and whether a resumed run still has the same."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from genomes.base import Space, shown
from neuroevo.core import registry
from neuroevo.core.identity import OURS, PYTHON, identify, is_users
from neuroevo.core.objectives import Objective
from neuroevo.estimation.base import Estimation
from neuroevo.predictors.base import Predictor
from neuroevo.strategies.base import Strategy
from neuroevo.strategies.reinforcement.rewards import Reward
from neuroevo.tasks.base import Task
from neuroevo.tasks.function import source_digest

if TYPE_CHECKING:
    from deap.base import Toolbox

CODE = "code"  # what the settings call it
_PARTS = (Task, Strategy, Estimation, Predictor, Space, Reward)
_BEGAN_AS: dict[tuple[str, str, str], str] = {}  # digests of what runs of this process left behind, and of what they began with


def code_of(
    task: Task,
    strategy: Strategy,
    estimation: Estimation,
    space: Space,
    toolbox: Toolbox | None,
    version: str | None,
    proxy: str | None = None,
) -> dict[str, Any]:
    """What a run records of the user's Python code, JSON; {} where there is none.

    Args:
        proxy: the name of that which screens candidates.
        version: the user's own name for it, which then decides.

    Raises:
        ValueError: a version that is not a text.
    """
    if version is not None and (not isinstance(version, str) or not version.strip()):
        raise ValueError(f"version must be a text that names your code, such as version='1', got {shown(version)}")
    roots: dict[str, Any] = {}
    for role, part in (("task", task), ("strategy", strategy), ("estimation", estimation), ("space", space)):
        roots |= dict(_roots(role, part))
    for name in strategy.toolbox_entries:
        if hasattr(toolbox, name):
            roots[f"toolbox.{name}"] = getattr(toolbox, name)
    decoder = getattr(space, "decoded_as", None)
    if decoder is not None and decoder in registry.own("decoder"):
        roots["decoder"] = registry.own("decoder")[decoder]
    if proxy is not None and proxy in registry.own("proxy"):
        roots["proxy"] = registry.own("proxy")[proxy]
    named = {} if version is None else {"version": version}
    if not roots:
        return named
    parts: dict[str, str] = {}
    leads_to: dict[str, str] = {}
    unknown: list[str] = []
    for role, value in roots.items():
        found = identify(value, role, _called(value))
        parts[role] = found.digest
        leads_to |= found.leads_to
        unknown += found.unknown
    parts, leads_to = _as_they_began("parts", parts), _as_they_began("leads_to", leads_to)
    return {"python": PYTHON, "parts": parts, "leads_to": leads_to, "unknown": unknown, **named}


def remember_what_a_run_left(began: Mapping[str, Any], left: Mapping[str, Any]) -> None:
    """What changed in the code's state from the beginning of a run to its end, the run changed (a counter, a generator, statistics): in this
    process it stands from now on for what the run began with.

    Args:
        began: what `code_of` said before the run.
        left: what it says after it.
    """
    for kind in ("parts", "leads_to"):
        for name, digest in (left.get(kind) or {}).items():
            before = (began.get(kind) or {}).get(name)
            if before is not None and before != digest:
                _BEGAN_AS[kind, name, digest] = before


def _as_they_began(kind: str, digests: Mapping[str, str]) -> dict[str, str]:
    return {name: _BEGAN_AS.get((kind, name, digest), digest) for name, digest in digests.items()}


def refuse_other_code(folder: object, recorded: Mapping[str, Any], now: Mapping[str, Any], task: Task) -> str | None:
    """Why a run must not go on with this code, as a sentence; None where it may.

    Args:
        recorded: the settings in the run's folder, as they are there.
        now: what `code_of` says.
    """
    before = recorded.get(CODE)
    if not isinstance(before, Mapping):
        return _older(folder, recorded, now, task)
    mine, theirs = now.get("version"), before.get("version")
    if mine is not None and theirs is not None:
        if mine == theirs:
            return None
        return f"{folder} holds a run whose code was named version={theirs!r}, got version={mine!r}: use another folder for it"
    unknown = [*before.get("unknown", ()), *now.get("unknown", ())]
    comparable = not unknown and before.get("python") in (None, now.get("python", PYTHON))
    if comparable:
        changed = _changed(before, now)
        if not changed:
            return None
        if theirs is not None:
            return (
                f"{folder} holds a run whose code was named version={theirs!r}: give evolve the same (neuroevo resume RUN --version "
                f"{theirs}) if {_listed(changed)} may have changed since, or use another folder"
            )
        return (
            f"{folder} holds a run of other Python code or values: {_listed(changed)} changed since. Use what it began with, or another folder; a "
            "version of your own, evolve(..., version='1'), stands for the code where it is named from the first call on"
        )
    if mine is not None and theirs is None:  # the user says that it is the same
        return None
    why = (
        f"{unknown[0]}, which cannot be compared"
        if unknown
        else f"it was begun under Python {before.get('python')}, this is {PYTHON}"
    )
    name = f"version={theirs or '1'!r}"
    return (
        f"{folder} holds a run, and nobody can tell whether its Python code is still the same: {why}. If it is, say so: evolve(..., {name}), "
        f"or neuroevo resume RUN --version {theirs or '1'}, and give this version whenever you go on; else use another folder"
    )


def _older(folder: object, recorded: Mapping[str, Any], now: Mapping[str, Any], task: Task) -> str | None:
    """The same for a run that recorded the text of its fitness alone, or nothing."""
    described = recorded.get("task")
    source = described.get("source") if isinstance(described, Mapping) else None
    fitness = getattr(task, "fitness", None)
    if not source or fitness is None or "version" in now or source == source_digest(fitness):
        return None
    return f"{folder} holds a run of another fitness: its source text has changed since. Use the same fitness, or another folder"


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, the most telling first: functions and classes by name, else the parts that lead to them."""
    differing = []
    for kind in ("leads_to", "parts"):
        old, new = before.get(kind) or {}, now.get(kind) or {}
        differing += [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return list(dict.fromkeys(differing))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# What a run has of the user's --------------------------------------------------------------------------------------------------


def _roots(role: str, part: Any) -> Iterator[tuple[str, Any]]:
    """The user's code in a part: the part itself where its class is the user's, and the callables that a built-in one was made with."""
    kind = type(part)
    users = is_users(kind)
    if users:
        yield role, part
    built_in = _kept_by_built_in(kind) if users else None
    for name, value in getattr(part, "__dict__", {}).items():
        if name.startswith("_") or (built_in is not None and name not in built_in):
            continue
        if name == "objectives" and isinstance(value, Mapping):
            for objective in value.values():
                yield from _of_objective(objective)
        elif isinstance(value, _PARTS):
            yield from _roots(f"{role}.{name}", value)
        elif isinstance(value, Mapping):
            yield from ((f"{role}.{name}.{key}", one) for key, one in value.items() if not _is_json(one))
        elif callable(value) and not _is_ours(value):
            yield _role(role, name), value


def _of_objective(objective: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(objective, Objective) and objective.of is not None and not _is_ours(objective.of):
        yield f"objective {objective.name}", objective.of


def _role(role: str, name: str) -> str:
    """What a callable is to the run, in words of the interface."""
    return {"describe": "descriptors", "id": "environment"}.get(name, name) if role == "task" else f"{role}.{name}"


def _is_ours(value: Any) -> bool:
    kind = value if hasattr(value, "__qualname__") else type(value)
    return str(getattr(kind, "__module__", "")).partition(".")[0] in OURS


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _kept_by_built_in(kind: type) -> set[str]:
    """Attributes that the built-in classes, which a class of the user's inherits from, keep in an object."""
    found = set()
    for owner in kind.__mro__:
        if owner.__module__.partition(".")[0] in OURS:
            for value in vars(owner).values():
                code = getattr(value, "__code__", None)
                if code is not None:
                    found |= {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"}
    return found


def _called(value: Any) -> list[str]:
    """The methods of a part that a run calls."""
    return [name for kind in _PARTS if isinstance(value, kind) for name in dir(kind) if not name.startswith("__")]
