"""Which candidates come next: evolution and its baselines, as ask and tell."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.strategies.base import Search, State, Strategy
    from neuroevo.strategies.hill_climb import HillClimb
    from neuroevo.strategies.lemonade import Lemonade
    from neuroevo.strategies.neat import Neat
    from neuroevo.strategies.nsga import Nsga2, Nsga3
    from neuroevo.strategies.random_search import RandomSearch
    from neuroevo.strategies.regularized_evolution import RegularizedEvolution
    from neuroevo.strategies.trained_once import TrainedOnce

_WHERE = {
    "HillClimb": "hill_climb",
    "Lemonade": "lemonade",
    "Neat": "neat",
    "Nsga2": "nsga",
    "Nsga3": "nsga",
    "RandomSearch": "random_search",
    "RegularizedEvolution": "regularized_evolution",
    "Search": "base",
    "State": "base",
    "Strategy": "base",
    "TrainedOnce": "trained_once",
}

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
    "TrainedOnce",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.strategies.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.strategies' has no attribute {name!r}")
