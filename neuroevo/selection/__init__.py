"""Who survives and who becomes a parent: NSGA-II, NSGA-III, the classic selections, density sampling, hypervolume; and what else than fitness
that may depend on: novelty, local competition, surprise."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.selection.chance import Chance
    from neuroevo.selection.classic import lexicase, linear_ranking, roulette, stochastic_universal, tournament
    from neuroevo.selection.density import farthest_points, inverse_density_probabilities, kernel_density
    from neuroevo.selection.gain import chosen_by_gain
    from neuroevo.selection.indicators import hypervolume, normalised_hypervolume
    from neuroevo.selection.local_competition import LocalCompetition
    from neuroevo.selection.novelty import Novelty
    from neuroevo.selection.nsga2 import (
        crowded_tournament,
        crowding_distance,
        nsga2_positions,
        pareto_front,
        pareto_ranks,
        select_nsga2,
    )
    from neuroevo.selection.nsga3 import reference_points, select_nsga3
    from neuroevo.selection.scoring import Generation, Scoring
    from neuroevo.selection.sharing import FitnessSharing
    from neuroevo.selection.surprise import Surprise

_WHERE = {
    "Chance": "chance",
    "FitnessSharing": "sharing",
    "Generation": "scoring",
    "LocalCompetition": "local_competition",
    "Novelty": "novelty",
    "Scoring": "scoring",
    "Surprise": "surprise",
    "chosen_by_gain": "gain",
    "crowded_tournament": "nsga2",
    "crowding_distance": "nsga2",
    "farthest_points": "density",
    "hypervolume": "indicators",
    "inverse_density_probabilities": "density",
    "kernel_density": "density",
    "lexicase": "classic",
    "linear_ranking": "classic",
    "normalised_hypervolume": "indicators",
    "nsga2_positions": "nsga2",
    "pareto_front": "nsga2",
    "pareto_ranks": "nsga2",
    "reference_points": "nsga3",
    "roulette": "classic",
    "select_nsga2": "nsga2",
    "select_nsga3": "nsga3",
    "stochastic_universal": "classic",
    "tournament": "classic",
}

PARTS = ("Chance", "FitnessSharing", "LocalCompetition", "Novelty", "Surprise")  # scorings
__all__ = [
    "Chance",
    "FitnessSharing",
    "Generation",
    "LocalCompetition",
    "Novelty",
    "Scoring",
    "Surprise",
    "chosen_by_gain",
    "crowded_tournament",
    "crowding_distance",
    "farthest_points",
    "hypervolume",
    "inverse_density_probabilities",
    "kernel_density",
    "lexicase",
    "linear_ranking",
    "normalised_hypervolume",
    "nsga2_positions",
    "pareto_front",
    "pareto_ranks",
    "reference_points",
    "roulette",
    "select_nsga2",
    "select_nsga3",
    "stochastic_universal",
    "tournament",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.selection.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.selection' has no attribute {name!r}")
