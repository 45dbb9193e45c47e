"""Which candidates come next: evolution and its baselines, as ask and tell."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.core.state import State
    from neuroevo.strategies.base import Search, Strategy
    from neuroevo.strategies.bayesian.progressive import Progressive
    from neuroevo.strategies.bayesian.strategy import Bayesian
    from neuroevo.strategies.diversity.alps import Alps
    from neuroevo.strategies.diversity.crowding import Crowding
    from neuroevo.strategies.diversity.map_elites import MapElites
    from neuroevo.strategies.evolution.evolution_strategy import EvolutionStrategy
    from neuroevo.strategies.evolution.genetic_algorithm import GeneticAlgorithm
    from neuroevo.strategies.evolution.lemonade import Lemonade
    from neuroevo.strategies.evolution.neat.strategy import Neat
    from neuroevo.strategies.evolution.nsga import Nsga2, Nsga3
    from neuroevo.strategies.evolution.regularized_evolution import RegularizedEvolution
    from neuroevo.strategies.fidelity.asha import Asha
    from neuroevo.strategies.fidelity.halving import Hyperband, SuccessiveHalving
    from neuroevo.strategies.fidelity.study import FidelityStudy
    from neuroevo.strategies.local.hill_climb import HillClimb
    from neuroevo.strategies.local.local_search import LocalSearch
    from neuroevo.strategies.oneshot.bayesnas import BayesNas
    from neuroevo.strategies.oneshot.darts import Darts
    from neuroevo.strategies.oneshot.enas import Enas
    from neuroevo.strategies.oneshot.shared_weights import SharedWeights
    from neuroevo.strategies.oneshot.xnas import Xnas
    from neuroevo.strategies.random_search import RandomSearch
    from neuroevo.strategies.reinforcement.mirror import Mirror
    from neuroevo.strategies.reinforcement.q_learning import QLearning
    from neuroevo.strategies.reinforcement.reinforce import Reinforce
    from neuroevo.strategies.reinforcement.rewards import Capped, Floor, Mixed, Power, Reward
    from neuroevo.strategies.screening import Screen

_WHERE = {
    "Alps": "diversity.alps",
    "Asha": "fidelity.asha",
    "BayesNas": "oneshot.bayesnas",
    "Bayesian": "bayesian.strategy",
    "Capped": "reinforcement.rewards",
    "Crowding": "diversity.crowding",
    "Darts": "oneshot.darts",
    "Enas": "oneshot.enas",
    "EvolutionStrategy": "evolution.evolution_strategy",
    "FidelityStudy": "fidelity.study",
    "Floor": "reinforcement.rewards",
    "GeneticAlgorithm": "evolution.genetic_algorithm",
    "HillClimb": "local.hill_climb",
    "Hyperband": "fidelity.halving",
    "Lemonade": "evolution.lemonade",
    "LocalSearch": "local.local_search",
    "MapElites": "diversity.map_elites",
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
    "SharedWeights": "oneshot.shared_weights",
    "State": "base",
    "Strategy": "base",
    "SuccessiveHalving": "fidelity.halving",
    "Xnas": "oneshot.xnas",
}

PARTS = (
    "Alps",
    "Asha",
    "BayesNas",
    "Bayesian",
    "Crowding",
    "Darts",
    "Enas",
    "EvolutionStrategy",
    "FidelityStudy",
    "GeneticAlgorithm",
    "HillClimb",
    "Hyperband",
    "Lemonade",
    "LocalSearch",
    "MapElites",
    "Neat",
    "Nsga2",
    "Nsga3",
    "Progressive",
    "QLearning",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "SharedWeights",
    "SuccessiveHalving",
    "Xnas",
)
__all__ = [
    "Alps",
    "Asha",
    "BayesNas",
    "Bayesian",
    "Capped",
    "Crowding",
    "Darts",
    "Enas",
    "EvolutionStrategy",
    "FidelityStudy",
    "Floor",
    "GeneticAlgorithm",
    "HillClimb",
    "Hyperband",
    "Lemonade",
    "LocalSearch",
    "MapElites",
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
    "SharedWeights",
    "State",
    "Strategy",
    "SuccessiveHalving",
    "Xnas",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.strategies.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.strategies' has no attribute {name!r}")
