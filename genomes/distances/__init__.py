"""Distances between genomes, beside the one that each encoding has of its own: with settings, for whole sets of genomes at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genomes.distances.base import Distance
    from genomes.distances.edit import Edit
    from genomes.distances.hamming import Hamming
    from genomes.distances.paths import Paths
    from genomes.distances.transport import OptimalTransport
    from genomes.distances.weisfeiler_lehman import WeisfeilerLehman

_WHERE = {
    "Distance": "base",
    "Edit": "edit",
    "Hamming": "hamming",
    "OptimalTransport": "transport",
    "Paths": "paths",
    "WeisfeilerLehman": "weisfeiler_lehman",
}

PARTS = ("Edit", "Hamming", "OptimalTransport", "Paths", "WeisfeilerLehman")
__all__ = ["Distance", "Edit", "Hamming", "OptimalTransport", "Paths", "WeisfeilerLehman"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"genomes.distances.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'genomes.distances' has no attribute {name!r}")
