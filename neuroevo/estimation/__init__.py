"""How a trained objective is obtained: directly, by full training, at low fidelity, until it cannot matter, by gradient for NEAT."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation
    from neuroevo.estimation.direct import Direct
    from neuroevo.estimation.episodes import Episodes
    from neuroevo.estimation.gradient import GradientTraining
    from neuroevo.estimation.learning_curve import LearningCurve
    from neuroevo.estimation.median import MedianStopping
    from neuroevo.estimation.stopping import StopRule
    from neuroevo.estimation.training import FullTraining, LowFidelity

_WHERE = {
    "Direct": "direct",
    "Episodes": "episodes",
    "Estimation": "base",
    "FullTraining": "training",
    "GradientTraining": "gradient",
    "LearningCurve": "learning_curve",
    "LowFidelity": "training",
    "MedianStopping": "median",
    "StopRule": "stopping",
}

PARTS = ("Direct", "Episodes", "FullTraining", "GradientTraining", "LearningCurve", "LowFidelity", "MedianStopping")
__all__ = [
    "Direct",
    "Episodes",
    "Estimation",
    "FullTraining",
    "GradientTraining",
    "LearningCurve",
    "LowFidelity",
    "MedianStopping",
    "StopRule",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.estimation.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.estimation' has no attribute {name!r}")
