"""Compression: networks made smaller by pruning (Shapley values, magnitudes, gradients), quantization and distillation.

The room itself is its most common use: `neuroevo.compress(run, 17, "shapley", keep=0.5)` is `neuroevo.compress.compress(...)`, a network of a run
made smaller and recorded as its child. Nothing here is imported until it is used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.compress.channels import Channels, channels_of
    from neuroevo.compress.compression import Compressed, compress, compress_file
    from neuroevo.compress.cutting import Cut, cut, masked_weights
    from neuroevo.compress.distillation import Distillation, distilled
    from neuroevo.compress.genes import GenePruner, GenePruning
    from neuroevo.compress.payoff import MaskedPayoff
    from neuroevo.compress.pruning import Pruned, Pruner, Pruning
    from neuroevo.compress.quantization import Quantization, quantized
    from neuroevo.compress.refit import refit_cut
    from neuroevo.compress.shapley import ShapleyValues, exact_values, sampled_values, values_of_orders
    from neuroevo.compress.sparsity import Sparsity, sparsified
    from neuroevo.compress.values import Sampling

_WHERE = {
    "Channels": "channels",
    "Compressed": "compression",
    "Cut": "cutting",
    "Distillation": "distillation",
    "GenePruner": "genes",
    "GenePruning": "genes",
    "MaskedPayoff": "payoff",
    "Pruned": "pruning",
    "Pruner": "pruning",
    "Pruning": "pruning",
    "Quantization": "quantization",
    "Sampling": "values",
    "ShapleyValues": "shapley",
    "Sparsity": "sparsity",
    "channels_of": "channels",
    "compress": "compression",
    "compress_file": "compression",
    "cut": "cutting",
    "distilled": "distillation",
    "exact_values": "shapley",
    "masked_weights": "cutting",
    "quantized": "quantization",
    "refit_cut": "refit",
    "sampled_values": "shapley",
    "sparsified": "sparsity",
    "values_of_orders": "shapley",
}

__all__ = [
    "Channels",
    "Compressed",
    "Cut",
    "Distillation",
    "GenePruner",
    "GenePruning",
    "MaskedPayoff",
    "Pruned",
    "Pruner",
    "Pruning",
    "Quantization",
    "Sampling",
    "ShapleyValues",
    "Sparsity",
    "channels_of",
    "compress",
    "compress_file",
    "cut",
    "distilled",
    "exact_values",
    "masked_weights",
    "quantized",
    "refit_cut",
    "sampled_values",
    "sparsified",
    "values_of_orders",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(f"neuroevo.compress.{_WHERE[name]}"), name)
        globals()[name] = value  # a function may share its module's name (cut): the function wins
        return value
    raise AttributeError(f"module 'neuroevo.compress' has no attribute {name!r}")


class _Room(ModuleType):
    """A module that can be called."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from neuroevo.compress.compression import compress as function

        return function(*arguments, **options)


sys.modules[__name__].__class__ = _Room
