"""Pictures of runs and genomes: each a function that computes (tested) and one that draws (matplotlib)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.plots.front_figure import front, front_data
    from neuroevo.plots.genome_figure import genome
    from neuroevo.plots.neat import species, species_data

_WHERE = {
    "front": "front_figure",
    "front_data": "front_figure",
    "genome": "genome_figure",
    "species": "neat",
    "species_data": "neat",
}

__all__ = ["front", "front_data", "genome", "species", "species_data"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.plots.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.plots' has no attribute {name!r}")
