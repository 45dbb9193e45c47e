"""One model of many topologies, on whichever backend KERAS_BACKEND names; `test_population_on_jax.py` runs this file on JAX."""

import math

import numpy as np
import pytest

from neuroevo.core.backend import prepare

prepare(1)

import keras  # noqa: E402
from keras import ops  # noqa: E402

import neuroevo as ne  # noqa: E402
from genomes import CppnSpace, NeatSpace  # noqa: E402
from genomes.neat import NeatGenome  # noqa: E402
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS  # noqa: E402
from genomes.testing import philox  # noqa: E402
from neuroevo.train import PopulationModel  # noqa: E402
from neuroevo.train.population_layout import arrange  # noqa: E402
from neuroevo.train.population_model import arranged, bytes_of  # noqa: E402

GROWING = {"add_node_rate": 0.5, "add_connection_rate": 0.6, "toggle_rate": 0.15, "weight_range": 1.0, "weight_power": 0.5}
SPACE = NeatSpace(inputs=3, outputs=2, activations=("tanh",), output_activation="identity", **GROWING)
MIXED = {"activation_mutation_rate": 0.5, "aggregation_mutation_rate": 0.5, "response_mutation_rate": 0.3}
X = philox(1, 0).normal(size=(12, 3))
Y = np.stack([np.sin(X[:, 0]) * X[:, 1], np.tanh(X[:, 2])], axis=1)
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
WIDE = "float64" if ON_TENSORFLOW else "float32"


def population(space: NeatSpace, members: int, mutations: int = 5, seed: int = 0) -> list[NeatGenome]:
    """Genomes of as many topologies, some still small, some grown."""
    found = []
    for number in range(members):
        rng = philox(seed, number)
        genome = space.random(rng)
        for clock in range(1, 1 + number % (mutations + 1)):
            genome = genome.mutate(rng, clock=clock)
        found.append(genome)
    return found


def networks(genomes, x=X):
    return np.stack([genome.network()(x) for genome in genomes])


def distance(found, wanted) -> float:
    return float((np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))).max())


COMPILED: dict = {}


def model_of(members, **settings) -> PopulationModel:
    """A model that uses the compiled steps of earlier ones again, where these are for the same method."""
    space = members[0].space
    names = ("loss", "optimizer", "momentum")
    key = (space.weight_limit, space.bias_limit, *[settings.get(name) for name in names])
    model = PopulationModel(members, steps=COMPILED.get(key), **settings)
    COMPILED[key] = model.steps
    return model


@pytest.fixture(scope="module")
def genomes() -> list[NeatGenome]:
    return population(SPACE, 20, 3)


@pytest.fixture(scope="module")
def trained(genomes):
    model = PopulationModel(genomes)
    losses = model.train(X, Y, steps=25, learning_rate=0.02)
    return model, losses


# The forward pass --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", ["node", "input", "none"])
def test_every_member_computes_what_its_compiled_network_computes(bias: str) -> None:
    space = NeatSpace(inputs=3, outputs=2, bias=bias, bias_value=0.5, activations=("tanh", "gaussian"), **GROWING, **MIXED)
    members = population(space, 12)
    model = model_of(members)
    assert distance(model.outputs(X), networks(members)) < 1e-5
    assert distance(ops.convert_to_numpy(model(X)), networks(members)) < 1e-5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name: str) -> None:
    members = population(NeatSpace(inputs=3, outputs=2, activations=(name,), **GROWING), 4, 2)
    model = model_of(members, dtype=WIDE)
    assert distance(ops.convert_to_numpy(model(X)), networks(members)) < (1e-9 if ON_TENSORFLOW else 1e-3)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_every_aggregation(name: str) -> None:
    members = population(NeatSpace(inputs=3, outputs=2, activations=("tanh",), aggregations=(name,), **GROWING), 8)
    model = model_of(members, dtype=WIDE)
    assert distance(ops.convert_to_numpy(model(X)), networks(members)) < 1e-5


def test_genomes_without_connections_or_hidden_nodes_have_their_place() -> None:
    space = NeatSpace(inputs=2, outputs=2, initial="none", activations=("tanh",), **GROWING)
    members = population(space, 7)
    assert any(not genome.connections.enabled.any() for genome in members)
    x = X[:, :2]
    assert distance(model_of(members).outputs(x), networks(members, x)) < 1e-5


# Training ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "momentum", "batch"), [pytest.param("adam", 0.0, None, marks=pytest.mark.slow), ("sgd", 0.9, None), ("adam", 0.0, 5)])
def test_training_together_is_training_one_by_one(genomes, optimizer: str, momentum: float, batch: int | None) -> None:
    def train(members):
        model = model_of(members, optimizer=optimizer, momentum=momentum, dtype=WIDE)
        losses = model.train(X, Y, steps=15, learning_rate=0.02, batch_size=batch, rng=np.random.default_rng(3))
        return model.genomes(), losses

    together, losses = train(genomes)
    number = 3  # the first with all its mutations
    (alone,), (loss,) = train([genomes[number]])
    assert np.abs(alone.connections.weight - together[number].connections.weight).max(initial=0.0) < 1e-5
    assert np.abs(alone.nodes.bias - together[number].nodes.bias).max() < 1e-5
    assert loss == pytest.approx(losses[number], abs=1e-5)


def test_a_step_is_that_of_keras_on_the_decoded_model(genomes) -> None:
    model = model_of(genomes)
    model.train(X, Y, steps=10, learning_rate=0.02)
    decoded = ne.decode(genomes[7])
    decoded.compile(keras.optimizers.Adam(0.02), "mean_squared_error")
    many = np.tile(X, (10, 1)).astype(np.float32), np.tile(Y, (10, 1)).astype(np.float32)
    decoded.fit(*many, batch_size=len(X), shuffle=False, verbose=0)
    assert distance(model.outputs(X)[7], ops.convert_to_numpy(decoded(X.astype(np.float32)))) < 1e-5


def test_losses_fall_and_are_those_of_the_written_genomes(genomes, trained) -> None:
    model, losses = trained
    before = ((networks(genomes) - Y) ** 2).mean(axis=(1, 2))
    after = ((networks(model.genomes()) - Y) ** 2).mean(axis=(1, 2))
    assert np.abs(after - losses).max() < 1e-5
    assert (after <= before + 1e-6).mean() > 0.9 and after.mean() < 0.7 * before.mean()


def test_only_what_reaches_an_output_moves_and_markings_stay(genomes, trained) -> None:
    moved = 0
    for before, after in zip(genomes, trained[0].genomes(), strict=True):
        assert (before.connections.marking == after.connections.marking).all() and before.operators == after.operators
        assert (before.nodes.response == after.nodes.response).all()
        disabled = ~before.connections.enabled
        assert (before.connections.weight[disabled] == after.connections.weight[disabled]).all()
        assert (before.nodes.bias[: SPACE.sensors] == after.nodes.bias[: SPACE.sensors]).all()
        moved += int((before.connections.weight != after.connections.weight).sum())
    assert moved > 3 * len(genomes)


def test_frozen_genes_stay(genomes) -> None:
    marking, node = int(genomes[0].connections.marking[0]), SPACE.sensors
    model = model_of(genomes, frozen=[marking, node])
    model.train(X, Y, steps=3)
    for before, after in zip(genomes, model.genomes(), strict=True):
        kept = before.connections.marking == marking
        assert (before.connections.weight[kept] == after.connections.weight[kept]).all()
        assert before.nodes.bias[node] == after.nodes.bias[node] and before.nodes.bias[node + 1] != after.nodes.bias[node + 1]


def test_without_bias_genes_biases_stay() -> None:
    members = population(NeatSpace(inputs=3, outputs=2, bias="input", activations=("tanh",), **GROWING), 5)
    model = model_of(members)
    model.train(X, Y, steps=3)
    assert all((genome.nodes.bias == 0).all() for genome in model.genomes())


def test_weights_stay_within_the_spaces_limits() -> None:
    space = NeatSpace(inputs=3, outputs=2, activations=("identity",), weight_limit=0.5, bias_limit=0.25, weight_range=0.5)
    model = model_of(population(space, 4, 0))
    model.train(X, 10 * Y + 10, steps=60, learning_rate=0.1)
    weights, biases = model.genes()
    assert np.abs(weights).max() == 0.5 and np.abs(biases).max() == 0.25


def test_a_second_training_goes_on_with_the_optimizers_state(genomes) -> None:
    once, twice = model_of(genomes, dtype=WIDE), model_of(genomes, dtype=WIDE)
    once.train(X, Y, steps=8)
    twice.train(X, Y, steps=3)
    twice.train(X, Y, steps=5)
    assert distance(twice.outputs(X), once.outputs(X)) < 1e-5


def test_a_members_divergence_is_its_own() -> None:
    space = NeatSpace(inputs=3, outputs=1, activations=("exp",), weight_range=0.1, bias_range=0.1)
    calm = population(space, 5, 0)
    wild = calm[2].with_weights(np.full(3, 8.0), np.full(4, 8.0))  # its exponentials are infinite in float32
    x, others = 10 * np.abs(X), [0, 1, 3, 4]
    losses = model_of([*calm[:2], wild, *calm[3:]]).train(x, Y[:, :1], steps=3, learning_rate=1e-3)
    expected = model_of(calm).train(x, Y[:, :1], steps=3, learning_rate=1e-3)
    assert not math.isfinite(losses[2]) and np.isfinite(expected).all()
    assert losses[others] == pytest.approx(expected[others], rel=1e-5)


def test_cross_entropy_and_losses_of_the_users(genomes) -> None:
    classes = np.eye(2)[(X[:, 0] > 0).astype(int)]
    model = model_of(genomes[:6], loss="cross_entropy")
    losses = model.train(X, classes, steps=0)
    logits = networks(genomes[:6])
    shifted = logits - logits.max(axis=2, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    assert np.abs(losses + (log_probabilities * classes).sum(axis=2).mean(axis=1)).max() < 1e-4

    def absolute(outputs, targets):
        return ops.mean(ops.absolute(outputs - targets), axis=-1)

    losses = model_of(genomes[:6], loss=absolute).train(X, Y, steps=0)
    assert np.abs(losses - np.abs(logits - Y).mean(axis=(1, 2))).max() < 1e-4


# Memory ------------------------------------------------------------------------------------------------------------------------


def test_chunks_keep_to_the_memory_and_change_nothing(genomes, trained) -> None:
    model, losses = trained
    whole = bytes_of(arrange(SPACE, model.pool, 0, len(genomes)), len(X), "float32")
    small = model_of(genomes, memory=whole // 3, samples=len(X))
    assert small.chunks >= 3
    chunks = arranged(SPACE, small.pool, whole // 3, len(X), "float32")
    assert all(bytes_of(chunk, len(X), "float32") <= whole // 3 for chunk in chunks)
    assert np.abs(small.train(X, Y, steps=25, learning_rate=0.02) - losses).max() < 1e-5
    assert distance(small.outputs(X), model.outputs(X)) < 1e-4
    with pytest.raises(ValueError, match="memory was planned for steps of at most 12 samples, got 24"):
        small.train(np.tile(X, (2, 1)), np.tile(Y, (2, 1)), steps=1)
    with pytest.raises(ValueError, match=r"memory must be at least .* bytes"):
        PopulationModel(genomes, memory=100)


# Bad input ---------------------------------------------------------------------------------------------------------------------


def test_bad_input_is_refused_with_a_sentence(genomes) -> None:
    other = population(NeatSpace(inputs=3, outputs=1), 1)
    recurrent = population(NeatSpace(inputs=3, outputs=2, recurrent=True), 1)
    formula = population(NeatSpace(inputs=3, outputs=2, activations=("swish = x / (1 + exp(-x))",)), 1)
    for given, sentence in (
        ([], "at least one genome"),
        ([genomes[0], *other], "must be of one space"),
        (recurrent, "only feed-forward ones"),
        (formula, "'swish' is a formula"),
        ([CppnSpace().random(philox(0, 0))], "only NEAT's genomes"),
        (["genome"], "holds NEAT genomes, got str"),
    ):
        with pytest.raises(ValueError, match=sentence):
            PopulationModel(given)
    for settings, sentence in (
        ({"loss": "mean_square_error"}, "did you mean 'mean_squared_error'"),
        ({"optimizer": "adamw"}, "unknown optimizer"),
        ({"momentum": 1.0}, "momentum must be in"),
        ({"dtype": "int8"}, "dtype must be"),
        ({"samples": 0}, "samples must be"),
    ):
        with pytest.raises(ValueError, match=sentence):
            PopulationModel(genomes, **settings)
    model = model_of(genomes[:2])
    for arguments, settings, sentence in (
        ((X[:, :2], Y), {"steps": 1}, r"x must be numbers of shape \[samples, 3\]"),
        ((X, Y[:, :1]), {"steps": 1}, r"y must be numbers of shape \[samples, 2\]"),
        ((X[:5], Y), {"steps": 1}, "as many samples"),
        ((X * np.nan, Y), {"steps": 1}, "finite numbers"),
        ((X, Y), {"steps": -1}, "steps must be"),
        ((X, Y), {"steps": 2, "learning_rate": [0.1]}, "learning_rate must be"),
        ((X, Y), {"steps": 1, "batch_size": 13}, "batch_size must be"),
        ((X, Y), {"steps": 1, "batch_size": 4}, "batch_size needs rng"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model.train(*arguments, **settings)


def test_weights_of_a_genome_are_replaced_only_by_numbers_for_each_gene(genomes) -> None:
    genome = genomes[7]
    count = len(genome.connections.marking)
    other = genome.with_weights(np.arange(count))
    assert (other.connections.weight == np.arange(count)).all() and (other.nodes.bias == genome.nodes.bias).all()
    assert (genome.connections.weight != np.arange(count)).any()
    for weights in (np.zeros(count + 1), np.full(count, np.nan)):
        with pytest.raises(ValueError, match=f"weights must be {count} finite numbers"):
            genome.with_weights(weights)


@pytest.mark.parametrize("samples", [pytest.param(200, marks=pytest.mark.slow), pytest.param(256, marks=pytest.mark.slow), 300])
def test_a_step_of_many_samples_is_computed_in_pieces_that_add_up(samples, monkeypatch):
    import sys

    x = philox(2, 0).normal(size=(samples, 3))
    y = np.stack([np.sin(x[:, 0]) * x[:, 1], np.tanh(x[:, 2])], axis=1)
    members = population(SPACE, 6)
    found = []
    for piece in (128, 1000):
        model = PopulationModel(members, dtype=WIDE)
        monkeypatch.setattr(sys.modules[type(model.steps).__module__], "PIECE", piece)
        losses = model.train(x, y, steps=3, learning_rate=0.05)
        found.append((losses, np.concatenate(model.genes())))
    (losses, genes), (wanted, wanted_genes) = found
    assert distance(losses, wanted) < (1e-12 if WIDE == "float64" else 1e-5)
    assert distance(genes, wanted_genes) < (1e-9 if WIDE == "float64" else 1e-4)
