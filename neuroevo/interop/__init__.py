"""To and from other programs: exports, scikit-learn estimators, experiment trackers.

Everything is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.interop.estimators import NeuroEvoClassifier, NeuroEvoRegressor
    from neuroevo.interop.exports import export, suffixes_of
    from neuroevo.interop.formula import formulas, latex, node_formulas
    from neuroevo.interop.graph_files import dot, graphml
    from neuroevo.interop.neat_python import NeatPython, read_neat_python_config
    from neuroevo.interop.neat_python_networks import read_neat_python_genome
    from neuroevo.interop.node_equations import Equation, Equations, equations
    from neuroevo.interop.python_file import numpy_file
    from neuroevo.interop.trackers import MLflow, TensorBoard

_WHERE = {
    "Equation": "node_equations",
    "Equations": "node_equations",
    "MLflow": "trackers",
    "NeatPython": "neat_python",
    "NeuroEvoClassifier": "estimators",
    "NeuroEvoRegressor": "estimators",
    "TensorBoard": "trackers",
    "dot": "graph_files",
    "equations": "node_equations",
    "export": "exports",
    "formulas": "formula",
    "graphml": "graph_files",
    "latex": "formula",
    "node_formulas": "formula",
    "numpy_file": "python_file",
    "read_neat_python_config": "neat_python",
    "read_neat_python_genome": "neat_python_networks",
    "suffixes_of": "exports",
}

__all__ = [
    "Equation",
    "Equations",
    "MLflow",
    "NeatPython",
    "NeuroEvoClassifier",
    "NeuroEvoRegressor",
    "TensorBoard",
    "dot",
    "equations",
    "export",
    "formulas",
    "graphml",
    "latex",
    "node_formulas",
    "numpy_file",
    "read_neat_python_config",
    "read_neat_python_genome",
    "suffixes_of",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.interop.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.interop' has no attribute {name!r}")
