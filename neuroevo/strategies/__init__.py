"""Which candidates come next: evolution and its baselines, as ask and tell."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.core.state import State
    from neuroevo.strategies.base import Search, Strategy
    from neuroevo.strategies.bayesian.progressive import Progressive
    from neuroevo.strategies.bayesian.strategy import Bayesian
    from neuroevo.strategies.evolution.lemonade import Lemonade
    from neuroevo.strategies.evolution.neat.strategy import Neat
    from neuroevo.strategies.evolution.nsga import Nsga2, Nsga3
    from neuroevo.strategies.evolution.regularized_evolution import RegularizedEvolution
    from neuroevo.strategies.fidelity_study import FidelityStudy
    from neuroevo.strategies.local.hill_climb import HillClimb
    from neuroevo.strategies.local.local_search import LocalSearch
    from neuroevo.strategies.random_search import RandomSearch
    from neuroevo.strategies.reinforcement.mirror import Mirror
    from neuroevo.strategies.reinforcement.q_learning import QLearning
    from neuroevo.strategies.reinforcement.reinforce import Reinforce
    from neuroevo.strategies.reinforcement.rewards import Capped, Floor, Mixed, Power, Reward
    from neuroevo.strategies.screening import Screen

_WHERE = {
    "Bayesian": "bayesian.strategy",
    "Capped": "reinforcement.rewards",
    "FidelityStudy": "fidelity_study",
    "Floor": "reinforcement.rewards",
    "HillClimb": "local.hill_climb",
    "Lemonade": "evolution.lemonade",
    "LocalSearch": "local.local_search",
    "Mirror": "reinforcement.mirror",
    "Mixed": "reinforcement.rewards",
    "Neat": "evolution.neat.strategy",
    "Nsga2": "evolution.nsga",
    "Nsga3": "evolution.nsga",
    "Power": "reinforcement.rewards",
    "Progressive": "bayesian.progressive",
    "QLearning": "reinforcement.q_learning",
    "RandomSearch": "random_search",
    "RegularizedEvolution": "evolution.regularized_evolution",
    "Reinforce": "reinforcement.reinforce",
    "Reward": "reinforcement.rewards",
    "Screen": "screening",
    "Search": "base",
    "State": "base",
    "Strategy": "base",
}

PARTS = (
    "Bayesian",
    "FidelityStudy",
    "HillClimb",
    "Lemonade",
    "LocalSearch",
    "Neat",
    "Nsga2",
    "Nsga3",
    "Progressive",
    "QLearning",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
)
__all__ = [
    "Bayesian",
    "Capped",
    "FidelityStudy",
    "Floor",
    "HillClimb",
    "Lemonade",
    "LocalSearch",
    "Mirror",
    "Mixed",
    "Neat",
    "Nsga2",
    "Nsga3",
    "Power",
    "Progressive",
    "QLearning",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "Reward",
    "Screen",
    "Search",
    "State",
    "Strategy",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.strategies.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.strategies' has no attribute {name!r}")
