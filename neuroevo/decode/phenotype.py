"""What a genome becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.decode.keras_model import build
from neuroevo.decode.weights import set_weights

if TYPE_CHECKING:
    from neuroevo.core.individual import Individual


def network(genome: Genome) -> Any:
    """The phenotype: the fast network of an encoding that evolves weights (`genome.network()`), else an untrained `keras.Model`.

    Raises:
        TypeError: the genome is neither.
    """
    return genome.network() if genome.evolves_weights else build(genome)


def individual_network(individual: Individual) -> Any:
    """The individual's fast callable, with the weights that training gave it for its score."""
    return network(trained_genome(individual))


def trained_model(individual: Individual) -> Any:
    """The individual's `keras.Model` with the weights that its evaluation left.

    Raises:
        ValueError: the individual has no weights, or they are not this genome's.
        FileNotFoundError: the file with the weights is gone.
    """
    if individual.genome.evolves_weights:
        return build(trained_genome(individual))
    if individual.artifact is None:
        if individual.fidelity is not None and individual.fidelity.resolution < 1:
            raise ValueError(
                f"individual {individual.id} has no weights: it was trained on samples at {individual.fidelity.resolution:g} of the resolution, "
                "and the weights of that network are not those of the full-size one; train it at the full resolution"
            )
        raise ValueError(
            f"individual {individual.id} has no weights: only those of the front and of living parents are kept; train it again"
        )
    model = build(individual.genome)
    set_weights(model, individual.genome, individual.artifact.load())
    return model


def trained_genome(individual: Individual) -> Genome:
    """The genome with the weights that training gave it for its score alone (Baldwinian); else the genome as it is."""
    from genomes.neat import NeatGenome

    genome = individual.genome
    if individual.artifact is None or not isinstance(genome, NeatGenome):
        return genome
    arrays = individual.artifact.load()
    return genome.with_weights(arrays["weights"], arrays["biases"])
