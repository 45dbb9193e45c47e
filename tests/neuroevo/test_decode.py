"""Layer graphs as Keras models: equal counts, equal shapes, equal outputs on both backends."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from genomes import Genome, NeatSpace, NetworkSpace
from genomes.testing import philox
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Artifact
from neuroevo.decode import build, from_keras, network, population_network, set_weights, structure, trained_model, weights_of
from neuroevo.inherit import initialise

SPACES = [
    NetworkSpace((8, 8, 1), 4, max_width=40, max_parameters=60_000),
    NetworkSpace((9, 7, 2), 4, max_width=40, max_parameters=60_000),
    NetworkSpace((20, 2), 4, max_width=40, max_parameters=60_000),
    NetworkSpace((12,), 4, max_width=40, max_parameters=60_000),
]
each_rank = pytest.mark.parametrize("space", SPACES, ids=lambda space: "x".join(map(str, space.input_shape)))


def descendant(space, seed, steps):
    rng = philox(21, seed)
    genome = space.random(rng)
    for step in range(steps):
        genome = genome.mutate(rng, clock=step + 1)
    return genome


def outputs(model, x):
    return np.asarray(model(x, training=False))


@each_rank
def test_parameters_and_shapes_are_those_of_keras(space):
    for seed in range(8):
        genome = descendant(space, seed, 3 * seed)
        model = build(genome)
        assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == genome.parameters
        by_place = {int(layer.name.split("_")[0]): layer.output.shape[1:] for layer in model.layers}
        for place, gene in enumerate(genome.architecture.genes):
            ends = [layer.output.shape[1:] for layer in model.layers if layer.name.startswith(f"{place}_")]
            assert genome.architecture.shapes[gene.marking] in ends
        assert len(by_place) == len(genome.architecture.genes)
        assert outputs(model, np.zeros((3, *space.input_shape), "float32")).shape == (3, space.outputs)


def test_multiply_adds_are_those_that_tensorflow_profiles():
    """TensorFlow counts two operations for each multiply-add of convolutions and matrix products."""
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's profiler")
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    for seed in range(4):
        genome = descendant(SPACES[0], seed, 6)
        model = build(genome)
        function = tf.function(lambda x, model=model: model(x)).get_concrete_function(tf.TensorSpec((1, 8, 8, 1)))
        graph = convert_variables_to_constants_v2(function).graph
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        kinds = ["Conv2D", "DepthwiseConv2dNative", "MatMul"]
        profile = tf.compat.v1.profiler.profile(graph, options={**options, "account_type_regexes": kinds})
        counted = sum(
            node.total_float_ops - sum(child.total_float_ops for child in node.children)
            for node in _nodes(profile)
            if graph.as_graph_element(node.name, allow_operation=True).type in kinds
        )
        assert counted == 2 * genome.flops


def _nodes(profile):
    for child in profile.children:
        yield child
        yield from _nodes(child)


@each_rank
def test_a_model_serves_every_genome_of_its_structure(space):
    """Compiled models are kept by structure: another genome's weights go in and come out under its own markings."""
    genome = descendant(space, 1, 8)
    markings = {g.marking: g.marking if g.kind in ("input", "logits") else g.marking + 1 for g in genome.architecture.genes}
    genes = [{**g, "marking": markings[g["marking"]], "inputs": [markings[s] for s in g["inputs"]]} for g in genome.genes()]
    twin = space.from_genes(genes)
    assert structure(twin) == structure(genome) and twin != genome
    model, arrays = build(genome), initialise(twin, philox(5, 5))
    set_weights(model, twin, arrays)
    own = build(twin)
    set_weights(own, twin, arrays)
    x = philox(6, 6).normal(size=(4, *space.input_shape)).astype("float32")
    assert np.array_equal(outputs(model, x), outputs(own, x))
    again = weights_of(model, twin, channels=arrays)
    assert again.keys() == arrays.keys() and all(np.array_equal(again[name], arrays[name]) for name in arrays)
    assert [type(a) for a in model.layers] == [type(b) for b in own.layers]


def test_structures_differ_where_models_differ():
    genome = descendant(SPACES[0], 2, 0)
    assert len({structure(genome.mutate(philox(7, seed), clock=1)) for seed in range(10)}) > 5


def test_weights_of_another_genome_are_refused():
    one, other = descendant(SPACES[0], 1, 0), descendant(SPACES[0], 2, 4)
    with pytest.raises(ValueError, match=r"not built from this genome|is missing|must have shape"):
        set_weights(build(one), other, initialise(other, philox(1, 1)))
    with pytest.raises(ValueError, match="is missing"):
        set_weights(build(one), one, {})
    wrong = {name: array[..., :1] for name, array in initialise(one, philox(1, 1)).items()}
    with pytest.raises(ValueError, match="must have shape"):
        set_weights(build(one), one, wrong)


def test_a_trained_model_has_the_weights_of_its_artifact():
    genome = descendant(SPACES[0], 3, 5)
    individual = Individual(7, genome, (-1.0,))
    with pytest.raises(ValueError, match="individual 7 has no weights"):
        trained_model(individual)
    individual.artifact = Artifact(7, genome, arrays=initialise(genome, philox(2, 2)))
    model = build(genome)
    set_weights(model, genome, individual.artifact.load())
    x = philox(6, 6).normal(size=(4, 8, 8, 1)).astype("float32")
    assert np.array_equal(outputs(individual.model(), x), outputs(model, x))


def test_the_network_of_any_genome():
    x = np.ones((5, 2), "float32")
    assert np.asarray(network(NeatSpace(2, 3).random(philox(0, 0)))(x)).shape == (5, 3)
    dense = NetworkSpace((2,), 3)
    assert np.asarray(network(dense.random(philox(0, 0)))(x)).shape == (5, 3)
    assert population_network([dense.random(philox(0, seed)) for seed in range(4)])(x).shape == (4, 5, 3)
    with pytest.raises(TypeError, match="has no layer graph"):
        structure(NeatSpace(2, 3).random(philox(0, 0)))


@each_rank
def test_a_built_model_is_read_back_with_its_weights(space):
    for seed in range(2):
        genome = descendant(space, seed, 6)
        model = build(genome)
        set_weights(model, genome, initialise(genome, philox(3, seed)))
        again, arrays = from_keras(model)
        assert structure(again) == structure(genome)
        assert again.space.input_shape == space.input_shape
        other = build(again)
        set_weights(other, again, arrays)
        x = philox(6, seed).normal(size=(4, *space.input_shape)).astype("float32")
        np.testing.assert_allclose(outputs(other, x), outputs(model, x), rtol=1e-4, atol=1e-5)


def test_a_users_own_model_becomes_a_genome_that_computes_the_same():
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu", bias_initializer="normal"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.SeparableConv2D(12, 3, padding="same", bias_initializer="normal"),
            layers.BatchNormalization(epsilon=1e-5),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(20, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    genome, arrays = from_keras(model)
    assert [gene.kind for gene in genome.architecture.genes] == [
        "input", "conv", "max_pool", "separable", "flatten", "dense", "logits",
    ]  # fmt: skip
    decoded = build(genome)
    set_weights(decoded, genome, arrays)
    x = philox(6, 6).normal(size=(4, 8, 8, 1)).astype("float32")
    probabilities = np.asarray(keras.ops.softmax(decoded(x, training=False)))
    np.testing.assert_allclose(probabilities, outputs(model, x), atol=1e-5)
    child = genome.mutate(philox(1, 1), clock=1)
    assert child.space == genome.space and NetworkSpace.from_keras(model) == genome


def test_a_model_inside_a_model_is_read_too():
    """As exported models are: normalisation, the network, probabilities."""
    import keras
    from keras import layers

    genome = descendant(SPACES[0], 5, 5)
    network_ = build(genome, name="network")
    set_weights(network_, genome, initialise(genome, philox(3, 5)))
    raw = keras.Input((8, 8, 1))
    exported = keras.Model(raw, layers.Softmax()(network_(layers.Normalization(mean=0.0, variance=1.0)(raw))))
    again, arrays = from_keras(exported)
    assert structure(again) == structure(genome)
    decoded = build(again)
    set_weights(decoded, again, arrays)
    x = philox(6, 5).normal(size=(4, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(outputs(decoded, x), outputs(network_, x), rtol=1e-4, atol=1e-5)


def test_a_layer_outside_the_vocabulary_is_named():
    import keras
    from keras import layers

    inputs = keras.Input((8, 2))
    convolution = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
    linear = layers.Conv1D(4, 3, padding="same")(inputs)
    for hidden, sentence in (
        (layers.LSTM(3, name="memory")(inputs), r"layer 'memory' \(LSTM\) is not in the vocabulary"),
        (layers.Conv1D(4, 3, activation="relu", name="narrow")(inputs), "layer 'narrow'.*padding is 'valid'"),
        (layers.Conv1D(4, 3, padding="same", activation="tanh", name="bent")(inputs), "layer 'bent'.*tanh"),
        (
            layers.Conv1D(4, 3, padding="same", dilation_rate=2, activation="relu", name="holes")(inputs),
            "layer 'holes'.*dilation",
        ),
        (layers.Flatten(name="flat")(linear), "layer 'flat'.*must end in a ReLU"),
        (layers.Add(name="sum")([convolution, linear]), "layer 'sum'.*a skip may pass one 1x1 convolution"),
        (layers.MaxPooling1D(3, name="pool")(convolution), "layer 'pool'.*leaves out elements"),
    ):
        flat = hidden if len(hidden.shape) == 2 else layers.GlobalMaxPooling1D()(hidden)
        with pytest.raises(ValueError, match=sentence):
            from_keras(keras.Model(inputs, layers.Dense(3)(flat)))
    with pytest.raises(ValueError, match="must end in a Dense layer"):
        from_keras(keras.Model(inputs, layers.Flatten()(convolution)))
    with pytest.raises(ValueError, match="no input shape yet"):
        from_keras(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(ValueError, match="expected a functional or sequential"):
        from_keras("model.keras")


def decoded_outputs(samples):
    """What the decoded networks of some genomes compute, each with weights of its own."""
    results = []
    for seed, data in enumerate(samples):
        genome = Genome.from_dict(data)
        model = build(genome)
        arrays = initialise(genome, philox(9, seed))
        set_weights(model, genome, arrays)
        back = weights_of(model, genome, channels=arrays)
        assert all(np.array_equal(back[name], arrays[name]) for name in arrays)
        assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == genome.parameters
        x = philox(8, seed).normal(size=(2, *genome.space.input_shape)).astype("float32")
        results.append(
            np.asarray(model.predict_on_batch(x), np.float64).tolist()
        )  # one compilation; eager JAX compiles each layer
    return results


_ON_JAX = """
import json, sys
sys.path.insert(0, sys.argv[1])
import keras
import test_decode
print(json.dumps({"backend": keras.backend.backend(), "results": test_decode.decoded_outputs(json.load(sys.stdin))}))
"""


@pytest.mark.parametrize("spaces", [SPACES[1:2], pytest.param(SPACES[2:], marks=pytest.mark.slow)], ids=["images", "other ranks"])
def test_both_backends_compute_the_same(spaces):
    sample = [json.loads(json.dumps(descendant(space, 30 + SPACES[1:].index(space), 4).to_dict())) for space in spaces]
    ran = subprocess.run(
        [sys.executable, "-c", _ON_JAX, os.path.dirname(__file__)], input=json.dumps(sample), capture_output=True, text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert answer["backend"] == "jax"
    for ours, theirs in zip(decoded_outputs(sample), answer["results"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_five_hundred_genomes_of_fifty_mutations_decode_and_run():
    import keras

    for seed in range(500):
        space = SPACES[seed % 4]
        genome = descendant(space, seed, 50)
        model = build(genome)
        assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == genome.parameters
        y = outputs(model, np.ones((2, *space.input_shape), "float32"))
        assert y.shape == (2, space.outputs) and np.isfinite(y).all()
        keras.backend.clear_session()
