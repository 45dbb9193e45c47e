"""Supernets: all networks of a space with shared weights, trained as one (Pham et al. 2018; Liu, Simonyan & Yang 2019; Guo et al. 2020)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.train.supernet.network import SharedMethod, Supernet, Weights
    from neuroevo.train.supernet.sampling import fair_genomes, uniform_genomes

_WHERE = {
    "SharedMethod": "network",
    "Supernet": "network",
    "Weights": "network",
    "fair_genomes": "sampling",
    "uniform_genomes": "sampling",
}

__all__ = ["SharedMethod", "Supernet", "Weights", "fair_genomes", "uniform_genomes"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.train.supernet.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.train.supernet' has no attribute {name!r}")
