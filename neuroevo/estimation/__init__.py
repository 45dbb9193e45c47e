"""How a trained objective is obtained: directly, by full training, by folds, at low fidelity, by training that learning curves cut short, by gradient for
whole populations of NEAT, with the weights of a shared network; or not at all, by zero-cost proxies alone."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation
    from neuroevo.estimation.direct import Direct
    from neuroevo.estimation.episodes import Episodes
    from neuroevo.estimation.folded import FoldedTraining
    from neuroevo.estimation.gradient import GradientTraining
    from neuroevo.estimation.learning_curve import LearningCurve
    from neuroevo.estimation.median import MedianStopping
    from neuroevo.estimation.shared_training import SharedTraining
    from neuroevo.estimation.stopping import StopRule
    from neuroevo.estimation.training import FullTraining, LowFidelity
    from neuroevo.estimation.zero_cost import ZeroCost

_WHERE = {
    "Direct": "direct",
    "Episodes": "episodes",
    "Estimation": "base",
    "FoldedTraining": "folded",
    "FullTraining": "training",
    "GradientTraining": "gradient",
    "LearningCurve": "learning_curve",
    "LowFidelity": "training",
    "MedianStopping": "median",
    "SharedTraining": "shared_training",
    "StopRule": "stopping",
    "ZeroCost": "zero_cost",
}

PARTS = ("Direct", "Episodes", "FoldedTraining", "FullTraining", "GradientTraining", "LearningCurve", "LowFidelity", "MedianStopping", "SharedTraining", "ZeroCost")
__all__ = [
    "Direct",
    "Episodes",
    "Estimation",
    "FoldedTraining",
    "FullTraining",
    "GradientTraining",
    "LearningCurve",
    "LowFidelity",
    "MedianStopping",
    "SharedTraining",
    "StopRule",
    "ZeroCost",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.estimation.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.estimation' has no attribute {name!r}")
