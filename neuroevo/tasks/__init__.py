"""What is measured: custom functions, tables, environments, classification, regression and detection on data."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.tasks.base import Context, Task
    from neuroevo.tasks.by_data import for_data
    from neuroevo.tasks.classification import Classification
    from neuroevo.tasks.detection import Detection
    from neuroevo.tasks.environment import Environment, StepCount
    from neuroevo.tasks.environment_play import Episode
    from neuroevo.tasks.function import Function, population_fitness
    from neuroevo.tasks.regression import Regression
    from neuroevo.tasks.table import Table

_WHERE = {
    "Classification": "classification",
    "Context": "base",
    "Detection": "detection",
    "Environment": "environment",
    "Episode": "environment_play",
    "Function": "function",
    "Regression": "regression",
    "StepCount": "environment",
    "Table": "table",
    "Task": "base",
    "for_data": "by_data",
    "population_fitness": "function",
}

PARTS = ("Classification", "Detection", "Environment", "Function", "Regression", "Table")
__all__ = [
    "Classification",
    "Context",
    "Detection",
    "Environment",
    "Episode",
    "Function",
    "Regression",
    "StepCount",
    "Table",
    "Task",
    "for_data",
    "population_fitness",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.tasks.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.tasks' has no attribute {name!r}")
