"""Detectors as Keras models: outputs, counts, the layers one by one, inheritance by marking, and files that plain Keras loads."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from trained_weights import trained_like

from genomes import BackboneSpace, PyramidSpace
from genomes.layers import Layer, multiply_adds, output_shape
from genomes.layers import parameters as counted
from genomes.network.architecture import Architecture
from genomes.network.genes import DETECT_MARKING, INPUT_MARKING, Gene
from genomes.pyramid import Merge, PyramidGenome
from genomes.testing import philox
from neuroevo.decode import build, set_weights, weights_of
from neuroevo.inherit import inherit, initialise

pytestmark = pytest.mark.usefixtures("compiled_once")

PYRAMIDS = replace(PyramidSpace.for_data((32, 48, 1), 3), width=8, stem=4, channels=(6, 8, 10), stacks=2)
BACKBONES = replace(BackboneSpace.for_data((32, 48, 1), 3), width=8, stem=4, depths=(2, 2, 1), channels=(8, 12, 16))
SPACES = {"pyramid": PYRAMIDS, "backbone": BACKBONES, "both": replace(BACKBONES, cells=4)}


def samples(genome: PyramidGenome, count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *genome.space.input_shape)).astype(np.float32)


def outputs(genome: PyramidGenome, arrays: dict[str, np.ndarray]) -> np.ndarray:
    model = build(genome)
    set_weights(model, genome, arrays)
    return np.asarray(model(samples(genome), training=False))


@pytest.mark.parametrize("name", ["pyramid", "both"])
def test_random_detectors_decode_with_the_counted_parameters_and_train_a_step(name: str) -> None:
    import tensorflow as tf

    genome = SPACES[name].random(philox(2, 1))
    model = build(genome)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == genome.parameters
    set_weights(model, genome, initialise(genome, philox(1, 1)))
    x = samples(genome)
    with tf.GradientTape() as tape:
        y = model(x, training=True)
        loss = tf.reduce_mean(tf.square(y))
    assert y.shape == (4, 8 * 12 + 4 * 6 + 2 * 3, 3 + 5) and y.dtype == "float32"
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(np.isfinite(np.asarray(gradient)).all() for gradient in gradients), "every weight is on a path to the outputs"
    assert all(
        np.abs(np.asarray(gradient)).max() > 0
        for v, gradient in zip(model.trainable_variables, gradients, strict=True)
        if "bias" in v.name
    )


def test_every_block_has_keras_parameters() -> None:
    space = replace(BACKBONES, blocks=("shuffle_5x5", "xception_3x3", "convolution_7x7"))
    genome = PyramidGenome(space, ("xception_3x3", "shuffle_5x5", "shuffle_5x5", "xception_3x3", "convolution_7x7"), ())
    assert sum(int(np.prod(v.shape)) for v in build(genome).trainable_variables) == genome.parameters


def alone(layers: list[Layer], shape: tuple[int, ...], *inputs: tuple[int, ...]) -> tuple[object, dict[str, np.ndarray]]:
    """A network of these layers in a row (or with these inputs, 0 the image), in front of a head without convolutions of its own."""
    genes = [Gene(INPUT_MARKING, Layer("input"))]
    places = [INPUT_MARKING]
    for place, layer in enumerate(layers):
        taken = inputs[place] if inputs else (place,)
        genes.append(Gene(place + 1, layer, tuple(places[each] for each in taken)))
        places.append(place + 1)
    head = Layer("detect", width=1, kernel=1, levels=1)
    architecture = Architecture.of(shape, [*genes, Gene(DETECT_MARKING, head, (places[-1],))])
    genome = replace(PYRAMIDS.nas_fpn())
    holder = type("Holder", (), {"architecture": architecture, "space": genome.space})()
    return holder, architecture


def test_a_depthwise_layer_a_half_and_an_upsampling_are_what_they_say() -> None:
    from neuroevo.decode.layer_graph import layers_model

    holder, architecture = alone(
        [Layer("half", part=1), Layer("plain_depthwise", kernel=3, stride=2), Layer("upsample", stride=2)], (4, 6, 4)
    )
    model = layers_model(holder)
    import keras

    tensors = {layer.name.split("_")[1]: layer for layer in model.layers}
    inner = keras.Model(model.input, [tensors["depthwise"].input, tensors["depthwise"].output, tensors["upsample"].output])
    x = np.random.default_rng(1).normal(size=(2, 4, 6, 4)).astype(np.float32)
    half, depthwise, up = (np.asarray(each) for each in inner(x))
    assert np.array_equal(half, x[..., 1::2])
    kernel = np.asarray(tensors["depthwise"].kernel)[..., 0]
    padded = np.pad(half, ((0, 0), (0, 1), (0, 1), (0, 0)))  # "same" at stride 2: the missing zeros lie behind
    expected = np.stack(
        [[np.sum(padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * kernel, axis=(1, 2)) for j in range(3)] for i in range(2)]
    )
    assert np.allclose(depthwise, np.moveaxis(expected, 2, 0), atol=1e-5)
    assert np.array_equal(up, depthwise.repeat(2, axis=1).repeat(2, axis=2))
    assert [architecture.shapes[place] for place in (1, 2, 3)] == [(4, 6, 2), (2, 3, 2), (4, 6, 2)]


def test_attention_weighs_the_second_by_the_greatest_value_of_the_first() -> None:
    from neuroevo.decode.layer_graph import layers_model

    holder, _ = alone([Layer("half", part=0), Layer("half", part=1), Layer("attend")], (4, 6, 4), (0,), (0,), (1, 2))
    import keras

    model = layers_model(holder)
    attend = next(layer for layer in model.layers if "_attend_" in layer.name)
    x = np.random.default_rng(2).normal(size=(2, 4, 6, 4)).astype(np.float32)
    a, b = x[..., 0::2], x[..., 1::2]
    gate = 1 / (1 + np.exp(-a.max(axis=(1, 2), keepdims=True)))
    assert np.allclose(np.asarray(keras.Model(model.input, attend.output)(x)), a + b * gate, atol=1e-6)


def test_a_head_is_the_same_for_all_levels_and_starts_with_nearly_nothing() -> None:
    """The finest level first, row by row; the class logits at -log(99)."""
    space = replace(PYRAMIDS, head=0)
    genome = space.fpn()
    model = build(genome)
    set_weights(model, genome, initialise(genome, philox(21, 0)))
    levels = {layer.name.split("_")[2]: layer for layer in model.layers if "_locations_" in layer.name}
    import keras

    x = samples(genome)
    maps = keras.Model(model.input, [levels[str(level)].input for level in range(3)])(x)
    y = np.asarray(model(x))
    flat = np.concatenate([np.asarray(each).reshape(4, -1, 8) for each in maps], axis=1)
    assert np.array_equal(y, flat) and [each.shape[1:3] for each in maps] == [(8, 12), (4, 6), (2, 3)]
    probability = 1 / (1 + np.exp(-y[..., :3]))
    assert abs(np.median(probability) - 0.01) < 0.002
    assert abs(np.median(y[..., 3:])) < 0.1, "boxes start at softplus(0) strides from the centre"


def test_a_head_refuses_maps_that_it_cannot_share() -> None:
    head = Layer("detect", width=3, kernel=3, repeats=1, levels=2)
    with pytest.raises(ValueError, match="takes 2 maps, got 1"):
        output_shape(head, [(8, 8, 4)])
    with pytest.raises(ValueError, match="of equal channels"):
        output_shape(head, [(8, 8, 4), (4, 4, 5)])
    with pytest.raises(ValueError, match="two maps of equal shape"):
        output_shape(Layer("attend"), [(8, 8, 4), (4, 4, 4)])
    with pytest.raises(ValueError, match="even number of channels"):
        output_shape(Layer("half"), [(8, 8, 5)])
    assert counted(head, [(8, 8, 4), (4, 4, 4)]) == 9 * 16 + 2 * 8 + 9 * 4 * 8 + 8
    assert multiply_adds(head, [(8, 8, 4), (4, 4, 4)]) == (64 + 16) * (9 * 16 + 9 * 4 * 8)
    depthwise = Layer("plain_depthwise", kernel=3, stride=2, normalised=True)
    assert counted(depthwise, [(7, 8, 4)]) == 9 * 4 + 2 * 4 and multiply_adds(depthwise, [(7, 8, 4)]) == 16 * 9 * 4


@pytest.mark.parametrize("name", list(SPACES))
def test_a_child_keeps_the_weights_of_the_genes_that_it_shares(name: str) -> None:
    parent = SPACES[name].random(philox(5, 0))
    arrays = trained_like(parent, 6)
    same = inherit(parent, [(parent, arrays)], philox(7, 0))
    assert set(same) == set(arrays) and all(np.array_equal(same[key], arrays[key]) for key in arrays)
    for index in range(4):
        child = parent.mutate(philox(8, index), clock=1)
        inherited = inherit(child, [(parent, arrays)], philox(9, index))
        kept = [key for key in inherited if key in arrays and inherited[key].shape == arrays[key].shape]
        assert len(kept) > 0.6 * len(inherited)
        assert sum(np.array_equal(inherited[key], arrays[key]) for key in kept) > 0.95 * len(kept)
        fresh = initialise(child, philox(10, index))
        assert {key: array.shape for key, array in inherited.items()} == {key: array.shape for key, array in fresh.items()}


def test_the_same_wiring_in_other_words_computes_the_same() -> None:
    genome = PYRAMIDS.nas_fpn()
    place = next(i for i, merge in enumerate(genome.wiring) if merge.operation == "sum")
    merge = genome.wiring[place]
    wiring = (*genome.wiring[:place], merge._replace(first=merge.second, second=merge.first), *genome.wiring[place + 1 :])
    other = PyramidGenome(PYRAMIDS, genome.blocks, wiring)
    arrays = trained_like(genome, 3)
    inherited = inherit(other, [(genome, arrays)], philox(4, 0))
    assert np.allclose(outputs(genome, arrays), outputs(other, inherited), atol=1e-5)


def test_kernels_that_grow_keep_the_function() -> None:
    """From 3 to 5, from 3 and 5 to 7, at both strides, and with a block beside them that stays."""
    parent = PyramidGenome(BACKBONES, ("shuffle_3x3", "shuffle_3x3", "shuffle_5x5", "shuffle_5x5", "xception_3x3"), ())
    child = PyramidGenome(BACKBONES, ("shuffle_5x5", "shuffle_7x7", "shuffle_7x7", "shuffle_5x5", "xception_3x3"), ())
    arrays = trained_like(parent, 11)
    inherited = inherit(child, [(parent, arrays)], philox(12, 0))
    before, after = outputs(parent, arrays), outputs(child, inherited)
    assert before.std() > 0.05 and np.abs(before - after).max() < 1e-5 * np.abs(before).max() + 1e-5
    reversed_ = inherit(parent, [(child, inherited)], philox(13, 0))
    assert all(np.array_equal(reversed_[key], arrays[key]) for key in arrays), "taps of zero are lost without a trace"


def test_a_new_block_starts_as_near_the_identity_as_it_can() -> None:
    """Everything behind it keeps its weights, and its own are finite and have seen nothing odd."""
    parent, child = (
        BACKBONES.uniform("shuffle_3x3"),
        PyramidGenome(BACKBONES, ("shuffle_3x3", "xception_3x3", *["shuffle_3x3"] * 3), ()),
    )
    arrays = trained_like(parent, 22)
    inherited = inherit(child, [(parent, arrays)], philox(23, 0))
    assert all(np.array_equal(inherited[key], arrays[key]) for key in inherited if key in arrays)
    new = [key for key in inherited if key.endswith("/depthwise") and key not in arrays]
    assert len(new) == 3, "an Xception block has three depthwise convolutions"
    for key in new:
        kernel = inherited[key][..., 0]
        assert np.array_equal(kernel[1, 1], np.ones(kernel.shape[-1])) and kernel.sum() == kernel.shape[-1]


def test_a_wiring_that_only_changes_one_cell_keeps_all_convolutions() -> None:
    genome = PYRAMIDS.nas_fpn()
    wiring = (genome.wiring[0]._replace(operation="sum"), Merge(0, 2, 3, "sum"), *genome.wiring[2:])
    child = PyramidGenome(PYRAMIDS, genome.blocks, wiring)
    arrays = trained_like(genome, 13)
    inherited = inherit(child, [(genome, arrays)], philox(14, 0))
    assert set(inherited) == set(arrays) and all(np.array_equal(inherited[key], arrays[key]) for key in arrays)


def test_a_saved_detector_loads_in_plain_keras(tmp_path: Path) -> None:
    import keras

    genome = SPACES["both"].random(philox(15, 0))
    model = build(genome)
    set_weights(model, genome, trained_like(genome, 16))
    assert set(weights_of(model, genome)) == set(initialise(genome, philox(0, 0)))
    model.save(tmp_path / "detector.keras")
    again = keras.models.load_model(tmp_path / "detector.keras")
    assert np.allclose(np.asarray(again(samples(genome))), np.asarray(model(samples(genome))), atol=1e-6)


def test_crossover_inherits_the_dominant_parents_weights() -> None:
    parents = [SPACES["both"].random(philox(17, index)) for index in range(2)]
    child = parents[0].crossover(parents[1:], philox(18, 0))
    arrays = [trained_like(parent, 19 + index) for index, parent in enumerate(parents)]
    inherited = inherit(child, list(zip(parents, arrays, strict=True)), philox(20, 0))
    fresh = initialise(child, philox(10, 0))
    assert {key: array.shape for key, array in inherited.items()} == {key: array.shape for key, array in fresh.items()}
    assert all(np.isfinite(array).all() for array in inherited.values())
    head = f"{DETECT_MARKING}/kernel"
    assert any(np.array_equal(inherited[head], each[head]) for each in arrays)


def test_detectors_and_their_differences_are_drawn_with_a_row_for_each_level() -> None:
    from neuroevo.plots import difference, genome
    from neuroevo.plots.pyramid_figure import pyramid_layout

    for one in (PYRAMIDS.nas_fpn(), BACKBONES.shufflenet_v2(), PyramidSpace((128, 128, 3), 9).nas_fpn()):
        graph = one.graph()
        place = pyramid_layout(graph)
        assert set(place) == set(graph) - {"detect"}
        levels = {node: data["level"] for node, data in graph.nodes(data=True) if "level" in data}
        rows = {level: {place[node][1] for node in levels if levels[node] == level} for level in levels.values()}
        assert all(len(heights) == 1 for heights in rows.values()) and len(set().union(*rows.values())) == len(rows)
        boxes = sorted(place.values())
        assert all(y0 != y1 or x1 - x0 > 0.9 for (x0, y0), (x1, y1) in pairwise(boxes)), "boxes overlap"
        texts = [text.get_text() for text in genome(one).axes[0].texts]
        assert any("detect" in text for text in texts)
    texts = [
        text.get_text() for axes in difference(PYRAMIDS.nas_fpn(), PYRAMIDS.random(philox(1, 1))).axes for text in axes.texts
    ]
    assert any("attention" in text for text in texts)
