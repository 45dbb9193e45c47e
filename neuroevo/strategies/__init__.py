"""Which candidates come next: evolution and its baselines, as ask and tell."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.core.state import State
    from neuroevo.strategies.base import Search, Strategy
    from neuroevo.strategies.evolution.lemonade import Lemonade
    from neuroevo.strategies.evolution.neat.strategy import Neat
    from neuroevo.strategies.evolution.nsga import Nsga2, Nsga3
    from neuroevo.strategies.evolution.regularized_evolution import RegularizedEvolution
    from neuroevo.strategies.local.hill_climb import HillClimb
    from neuroevo.strategies.random_search import RandomSearch

_WHERE = {
    "HillClimb": "local.hill_climb",
    "Lemonade": "evolution.lemonade",
    "Neat": "evolution.neat.strategy",
    "Nsga2": "evolution.nsga",
    "Nsga3": "evolution.nsga",
    "RandomSearch": "random_search",
    "RegularizedEvolution": "evolution.regularized_evolution",
    "Search": "base",
    "State": "base",
    "Strategy": "base",
}

PARTS = ("HillClimb", "Lemonade", "Neat", "Nsga2", "Nsga3", "RandomSearch", "RegularizedEvolution")
__all__ = [
    "HillClimb",
    "Lemonade",
    "Neat",
    "Nsga2",
    "Nsga3",
    "RandomSearch",
    "RegularizedEvolution",
    "Search",
    "State",
    "Strategy",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.strategies.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.strategies' has no attribute {name!r}")
