"""Models of scores from genomes: a mean and a deviation for networks that nobody has trained yet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.predictors.base import Predictor
    from neuroevo.predictors.ensemble import Ensemble
    from neuroevo.predictors.gaussian_process import GaussianProcess
    from neuroevo.predictors.kernels import Term
    from neuroevo.predictors.lstm_ensemble import LstmEnsemble
    from neuroevo.predictors.neighbours import Neighbours
    from neuroevo.predictors.validation import HeldOut, coverage, held_out, rank_correlation

_WHERE = {
    "Ensemble": "ensemble",
    "GaussianProcess": "gaussian_process",
    "HeldOut": "validation",
    "LstmEnsemble": "lstm_ensemble",
    "Neighbours": "neighbours",
    "Predictor": "base",
    "Term": "kernels",
    "coverage": "validation",
    "held_out": "validation",
    "rank_correlation": "validation",
}

PARTS = ("Ensemble", "GaussianProcess", "LstmEnsemble", "Neighbours")
__all__ = [
    "Ensemble",
    "GaussianProcess",
    "HeldOut",
    "LstmEnsemble",
    "Neighbours",
    "Predictor",
    "Term",
    "coverage",
    "held_out",
    "rank_correlation",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.predictors.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.predictors' has no attribute {name!r}")
