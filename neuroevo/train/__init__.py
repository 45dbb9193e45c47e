"""Training: recipes, compiled networks, the loop.

Nothing here is imported until it is used; Keras starts when a network is first compiled.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.train.compiled import Compiled, CompiledNetworks, Method, compile_network
    from neuroevo.train.loop import Diverged, Training, fit
    from neuroevo.train.population_model import PopulationModel
    from neuroevo.train.recipe import Augmentation, Recipe
    from neuroevo.train.untrained import Untrained
    from neuroevo.train.zero_cost import proxies

_WHERE = {
    "Augmentation": "recipe",
    "Compiled": "compiled",
    "CompiledNetworks": "compiled",
    "Diverged": "loop",
    "Method": "compiled",
    "PopulationModel": "population_model",
    "Recipe": "recipe",
    "Training": "loop",
    "Untrained": "untrained",
    "compile_network": "compiled",
    "fit": "loop",
    "proxies": "zero_cost",
}

__all__ = [
    "Augmentation",
    "Compiled",
    "CompiledNetworks",
    "Diverged",
    "Method",
    "PopulationModel",
    "Recipe",
    "Training",
    "Untrained",
    "compile_network",
    "fit",
    "proxies",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.train.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.train' has no attribute {name!r}")
