"""Genome to phenotype: `network` for any genome; `build` and the weights of layer graphs as arrays named by historical marking.

Keras is imported when a model is first built.
"""

from neuroevo.decode.keras_import import from_keras
from neuroevo.decode.keras_model import build
from neuroevo.decode.phenotype import network, structure, trained_model
from neuroevo.decode.population import population_network
from neuroevo.decode.weights import set_weights, weights_of

__all__ = ["build", "from_keras", "network", "population_network", "set_weights", "structure", "trained_model", "weights_of"]
