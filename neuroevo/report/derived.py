"""What was derived from a run's networks, beside what it was derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroevo.core.individual import Individual
from neuroevo.estimation.folded import on_validation
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.run import Run


@dataclass(frozen=True)
class Beside:
    """A number of a derived network and the same of its parent.

    Args:
        name: what it is: an objective's name, "parameters" or "bytes".
        part: "validation" or "test", or "" for what does not depend on data.
        parent, mine: the numbers, or None where one is not known.
    """

    name: str
    part: str
    parent: float | None
    mine: float | None

    @property
    def title(self) -> str:
        return f"{self.name} ({self.part})" if self.part else self.name


def beside_parent(run: Run, derived: Derived, tested: Mapping[int, Mapping[str, float]]) -> list[Beside]:
    """The objectives of a derived network, on validation and test data, and its size, each beside its parent's.

    Args:
        tested: the test scores of the run's front, by id.
    """
    parent, folds = _parent(run, derived), derived.details.get("folds")
    names = [name for name in run.objectives if name != "parameters"]
    scores, test = _scores(run, parent, tested, by_folds=bool(folds))
    asked = f"{folds} folds" if folds else "validation"
    known = [name for name in names if name in derived.scores or name in scores]
    measured = [name for name in names if name in derived.test]
    found = [Beside(name, asked if name in measured else "", scores.get(name), derived.scores.get(name)) for name in known]
    found += [Beside(name, "test", test.get(name), derived.test[name]) for name in measured]
    found.append(Beside("parameters", "", _parameters(parent), derived.parameters))
    found.append(Beside("bytes", "", _bytes(parent, derived), derived.size))
    return found


def derived_json(derived: Derived) -> dict[str, Any]:
    """One of them for scripts."""
    return {
        "name": derived.name,
        "parent": derived.parent,
        "operators": list(derived.operators),
        "kind": derived.kind,
        "parameters": derived.parameters,
        "bytes": derived.size,
        "validation": dict(derived.scores),
        "test": dict(derived.test),
        "details": dict(derived.details),
        "file": None if derived.path is None else str(derived.path),
    }


def _parent(run: Run, derived: Derived) -> Individual | Derived | None:
    try:
        return network_named(run, derived.parent)
    except KeyError:
        return None


def _scores(
    run: Run, parent: Individual | Derived | None, tested: Mapping[int, Mapping[str, float]], *, by_folds: bool
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Scores of a parent as its child was asked, by folds or on the validation part, and on the test part."""
    if isinstance(parent, Derived):
        alike = bool(parent.details.get("folds")) == by_folds
        return parent.scores if alike else {}, parent.test
    if parent is None:
        return {}, {}
    return parent.values if by_folds else on_validation(parent, run.objectives), tested.get(parent.id, {})


def _parameters(parent: Individual | Derived | None) -> int | None:
    if isinstance(parent, Derived):
        return parent.parameters
    try:
        return None if parent is None else int(parent.genome.parameters)
    except NotImplementedError:
        return None


def _bytes(parent: Individual | Derived | None, derived: Derived) -> int | None:
    """What the parent takes on disk; of a file that was made smaller, the same kind of file before."""
    files = derived.details.get("bytes")
    if isinstance(files, list):
        return int(files[0])
    if isinstance(parent, Derived):
        return parent.size
    path = None if parent is None or parent.artifact is None else parent.artifact.path
    if path is None or not path.exists():
        return None
    folds = int(((parent.info if parent is not None else None) or {}).get("folds", {}).get("folds", 1))
    return round(path.stat().st_size / folds)  # one of the networks that it holds, which are of one size
