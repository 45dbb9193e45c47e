"""Training: recipes, compiled networks, the loop, and what is done with a network in the end.

Nothing here is imported until it is used; Keras starts when a network is first compiled.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.train.compiled import Compiled, CompiledNetworks, Method, compile_network
    from neuroevo.train.final import train_to_the_end
    from neuroevo.train.keras_file import export, load_exported, predict, raw_model
    from neuroevo.train.loop import Diverged, Training, fit
    from neuroevo.train.population_model import PopulationModel
    from neuroevo.train.prediction import Prediction, predictions_csv, predictions_json
    from neuroevo.train.recipe import Augmentation, Recipe

_WHERE = {
    "Augmentation": "recipe",
    "Compiled": "compiled",
    "CompiledNetworks": "compiled",
    "Diverged": "loop",
    "Method": "compiled",
    "PopulationModel": "population_model",
    "Prediction": "prediction",
    "Recipe": "recipe",
    "Training": "loop",
    "compile_network": "compiled",
    "export": "keras_file",
    "fit": "loop",
    "load_exported": "keras_file",
    "predict": "keras_file",
    "predictions_csv": "prediction",
    "predictions_json": "prediction",
    "raw_model": "keras_file",
    "train_to_the_end": "final",
}

__all__ = [
    "Augmentation",
    "Compiled",
    "CompiledNetworks",
    "Diverged",
    "Method",
    "PopulationModel",
    "Prediction",
    "Recipe",
    "Training",
    "compile_network",
    "export",
    "fit",
    "load_exported",
    "predict",
    "predictions_csv",
    "predictions_json",
    "raw_model",
    "train_to_the_end",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.train.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.train' has no attribute {name!r}")
