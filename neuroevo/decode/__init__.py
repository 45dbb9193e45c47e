"""Genome to phenotype: `network` for any genome; `build` and the weights of layer graphs as arrays named by historical marking.

The room itself is its most common use: `neuroevo.decode(genome)` is `neuroevo.decode.build(genome)`, the genome as a `keras.Model`. Keras is
imported when a model is first built.
"""

import sys
from types import ModuleType
from typing import Any

from genomes.base import Genome
from neuroevo.decode.architecture import structure
from neuroevo.decode.keras_import import from_keras
from neuroevo.decode.keras_model import build
from neuroevo.decode.phenotype import individual_network, network, trained_genome, trained_model
from neuroevo.decode.population import population_network
from neuroevo.decode.weights import set_weights, weights_of

__all__ = [
    "build",
    "from_keras",
    "individual_network",
    "network",
    "population_network",
    "set_weights",
    "structure",
    "trained_genome",
    "trained_model",
    "weights_of",
]


class _Room(ModuleType):
    """A module that can be called."""

    def __call__(self, genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
        return build(genome, dtype=dtype, name=name)


sys.modules[__name__].__class__ = _Room
