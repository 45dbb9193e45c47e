"""A search and what is left of it: the front door, the loop, the records, the settings.

Nothing here is imported until it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.run.budget import Budget
    from neuroevo.run.evolution import evolve, load_genome
    from neuroevo.run.loop import SearchFailed
    from neuroevo.run.run import Run, load_run

_WHERE = {
    "Budget": "budget",
    "Run": "run",
    "SearchFailed": "loop",
    "evolve": "evolution",
    "load_genome": "evolution",
    "load_run": "run",
}

__all__ = ["Budget", "Run", "SearchFailed", "evolve", "load_genome", "load_run"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.run.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.run' has no attribute {name!r}")
