"""What becomes of a chosen network: trained to the end, described, predicting, written to a file; and the plain network beside it.

Nothing here is imported until it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.deploy.ensembles import Ensemble, ensemble
    from neuroevo.deploy.final import FinalTraining, train_to_the_end
    from neuroevo.deploy.keras_file import export, load_exported, predict, raw_model
    from neuroevo.deploy.prediction import Prediction, predictions_csv, predictions_json
    from neuroevo.deploy.reference_models import Reference, references

_WHERE = {
    "Ensemble": "ensembles",
    "FinalTraining": "final",
    "Prediction": "prediction",
    "Reference": "reference_models",
    "ensemble": "ensembles",
    "export": "keras_file",
    "load_exported": "keras_file",
    "predict": "keras_file",
    "predictions_csv": "prediction",
    "predictions_json": "prediction",
    "raw_model": "keras_file",
    "references": "reference_models",
    "train_to_the_end": "final",
}

__all__ = [
    "Ensemble",
    "FinalTraining",
    "Prediction",
    "Reference",
    "ensemble",
    "export",
    "load_exported",
    "predict",
    "predictions_csv",
    "predictions_json",
    "raw_model",
    "references",
    "train_to_the_end",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.deploy.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.deploy' has no attribute {name!r}")
