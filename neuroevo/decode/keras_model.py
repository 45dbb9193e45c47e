"""`build`: a genome as a `keras.Model`, by the decoder that suits what the genome offers."""

from __future__ import annotations

from typing import Any

from genomes.base import Genome
from neuroevo.core.backend import start_quietly
from neuroevo.core.registry import part

PARTS = {  # the decoders: functions of a genome, with dtype= and name=
    "layers": "neuroevo.decode.layer_graph:layers_model",
    "equations": "neuroevo.decode.equations:equations_model",
    "substrate": "neuroevo.decode.substrates:model_of_genome",
}


def build(genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
    """The `keras.Model` of a genome: for a layer graph untrained, a batch [samples, *input_shape] to logits [samples, outputs], no softmax
    (of a detector to [samples, locations, classes + 5], see `neuroevo.decode.layer_graph`);
    for an encoding that evolves weights with the genome's, [samples, inputs] to [samples, outputs].

    Args:
        genome: a genome with a layer graph (`architecture`), such as a NetworkGenome; one that says its `equations`, such as a feed-forward
            NEAT genome; or one whose space names a decoder (`decoded_as`), such as a CPPN with a substrate.
        dtype: Keras dtype or policy of every layer ("float64", "mixed_float16"), or None for Keras's default. Under a mixed policy the
            logits are float32.
        name: the model's name.

    Raises:
        TypeError: the genome is none of these.
        ValueError: a recurrent genome, or one with functions that plain Keras cannot load.
    """
    wanted = decoder_of(genome)
    start_quietly()
    return part("decoder", wanted)(genome, dtype=dtype, name=name)


def decoder_of(genome: Genome) -> str:
    """The name of the decoder for a genome.

    Raises:
        TypeError: there is none.
    """
    if genome.space.decoded_as:
        return genome.space.decoded_as
    if getattr(genome, "architecture", None) is not None:
        return "layers"
    if type(genome).equations is not Genome.equations:
        return "equations"
    raise TypeError(
        f"{type(genome).__name__} cannot be decoded to a keras.Model: it has neither a layer graph (architecture) nor equations()"
    )
