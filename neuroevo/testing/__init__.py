"""Public conformance suites: whoever writes a strategy, an estimation, an evaluator, a predictor, a selection or a scoring runs the
tests that the built-in ones pass."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.testing.estimation import EstimationSuite
    from neuroevo.testing.evaluator import EvaluatorSuite
    from neuroevo.testing.predictor import PredictorSuite
    from neuroevo.testing.scoring import ScoringSuite
    from neuroevo.testing.selection import SelectionSuite
    from neuroevo.testing.strategy import StrategySuite

_WHERE = {
    "EstimationSuite": "estimation",
    "EvaluatorSuite": "evaluator",
    "PredictorSuite": "predictor",
    "ScoringSuite": "scoring",
    "SelectionSuite": "selection",
    "StrategySuite": "strategy",
}

__all__ = ["EstimationSuite", "EvaluatorSuite", "PredictorSuite", "ScoringSuite", "SelectionSuite", "StrategySuite"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.testing.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.testing' has no attribute {name!r}")
