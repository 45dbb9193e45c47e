"""Layer graphs as functional Keras 3 models.

A layer of the model is named `<place>_<part>_<marking>`: the gene's place in canonical order finds the weights (so a model built for one
genome serves every genome of equal structure), the marking says whose they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genomes.base import Genome
from genomes.layers import EMBEDDINGS, Layer, Shape, projection_stride
from neuroevo.decode.architecture import architecture_of
from neuroevo.decode.detection import detect_layer
from neuroevo.decode.embedding import embedding_layer
from neuroevo.decode.plain import EPSILON, MOMENTUM, plain_layer
from neuroevo.decode.plain import KINDS as PLAIN_KINDS
from neuroevo.decode.recurrent import recurrent_layer


def layers_model(genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
    """The untrained `keras.Model` of a layer graph: a batch [samples, *input_shape] to logits [samples, outputs], no softmax; of a detector to
    [samples, locations, classes + 5]: for each location, the finest level first and row by row, the class logits, four raw distances (their
    softplus times the level's stride is what lies to the left, above, to the right and below the centre of the cell, in pixels) and the
    centreness logit.

    Args:
        genome: with an `architecture`.
        dtype: Keras dtype or policy of every layer ("float64", "mixed_float16"), or None for Keras's default. Under a mixed policy the
            outputs are float32.
        name: the model's name.

    Raises:
        TypeError: the genome has no layer graph.
    """
    import keras

    architecture = architecture_of(genome)
    policy = keras.dtype_policies.get(dtype) if dtype is not None else keras.config.dtype_policy()
    tensors: dict[int, Any] = {}
    inputs = None
    for place, gene in enumerate(architecture.genes):

        def named(part: str, place: int = place, marking: int = gene.marking) -> dict[str, Any]:
            return {"name": f"{place}_{part}_{marking}", "dtype": policy}

        taken = [tensors[source] for source in gene.inputs]
        if gene.kind == "input":
            inputs = keras.Input(architecture.input_shape, name=f"{place}_input_{gene.marking}", dtype=policy.compute_dtype)
            tensors[gene.marking] = inputs
        elif gene.kind == "logits":
            options = {**named("logits"), "dtype": policy.variable_dtype}
            tensors[gene.marking] = keras.layers.Dense(gene.layer.width, **options)(taken[0])
        elif gene.kind == "detect":
            tensors[gene.marking] = detect_layer(gene.layer, taken, named, policy.variable_dtype)
        else:
            tensors[gene.marking] = _layer(gene.layer, taken, architecture.input_shapes(gene), named)
    return keras.Model(inputs, tensors[architecture.output.marking], name=name)


def _layer(layer: Layer, taken: list[Any], shapes: list[Shape], named: Callable[[str], dict[str, Any]]) -> Any:
    from keras import layers

    kind, axes = layer.kind, len(shapes[0]) - 1
    if kind in PLAIN_KINDS:
        return plain_layer(layer, taken, axes, named)
    if kind in EMBEDDINGS:
        return embedding_layer(layer, taken[0], named)
    if kind == "recurrent":
        return recurrent_layer(layer, taken[0], named)
    if kind in ("conv", "separable"):
        return _convolution(layer, taken[0], axes, named)
    if kind == "dense":
        return layers.ReLU(**named("relu"))(layers.Dense(layer.width, kernel_initializer="he_normal", **named("dense"))(taken[0]))
    if kind == "flatten":
        return layers.Flatten(**named("flatten"))(taken[0])
    if kind == "concat":
        return layers.Concatenate(**named("concat"))(taken)
    if kind == "add":
        return _add(layer, taken, shapes, named)
    if kind in ("global_average", "global_max"):
        pool = getattr(layers, f"Global{'Average' if kind == 'global_average' else 'Max'}Pooling{axes}D")
        return pool(**named(kind))(taken[0])
    pool = getattr(layers, f"{'Max' if kind == 'max_pool' else 'Average'}Pooling{axes}D")
    return pool(layer.kernel, strides=layer.stride, padding="same", **named(kind))(taken[0])


def _convolution(layer: Layer, x: Any, axes: int, named: Callable[[str], dict[str, Any]]) -> Any:
    from keras import layers

    options = {"strides": layer.stride, "padding": "same", "use_bias": False}
    if layer.kind == "conv":
        x = getattr(layers, f"Conv{axes}D")(
            layer.width, layer.kernel, kernel_initializer="he_normal", **options, **named("convolution")
        )(x)
    else:
        x = getattr(layers, f"SeparableConv{axes}D")(
            layer.width,
            layer.kernel,
            depthwise_initializer="he_normal",
            pointwise_initializer="he_normal",
            **options,
            **named("separable"),
        )(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, **named("norm"))(x)
    return layers.ReLU(**named("relu"))(x)


def _add(layer: Layer, taken: list[Any], shapes: list[Shape], named: Callable[[str], dict[str, Any]]) -> Any:
    from keras import layers

    main, skip = taken
    if layer.projected:
        width, axes = shapes[0][-1], len(shapes[0]) - 1
        if axes == 0:
            skip = layers.Dense(width, use_bias=False, kernel_initializer="he_normal", **named("projection"))(skip)
        else:
            skip = getattr(layers, f"Conv{axes}D")(
                width,
                1,
                strides=projection_stride(shapes[0], shapes[1]),
                use_bias=False,
                kernel_initializer="he_normal",
                **named("projection"),
            )(skip)
    # gamma starts at 0: the skip's gate is closed until training opens it.
    gate = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, gamma_initializer="zeros", **named("gate"))(skip)
    return layers.ReLU(**named("relu"))(layers.Add(**named("add"))([main, gate]))
