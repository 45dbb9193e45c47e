"""NEAT genomes as Keras models, against their compiled networks and in plain Keras."""

import re
import zipfile

import numpy as np
import pytest

from neuroevo.core.backend import prepare

prepare(1)

import keras  # noqa: E402

import neuroevo as ne  # noqa: E402
from genomes import NeatSpace  # noqa: E402
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS  # noqa: E402
from genomes.testing import philox  # noqa: E402
from neuroevo.decode import build  # noqa: E402

GROWING = {"add_node_rate": 0.5, "add_connection_rate": 0.6, "toggle_rate": 0.1, "weight_range": 1.0, "weight_power": 0.5}
MIXED = {
    "activations": ACTIVATIONS, "activation_mutation_rate": 0.5, "aggregations": AGGREGATIONS, "aggregation_mutation_rate": 0.5,
    "response_mutation_rate": 0.3,
}  # fmt: skip
SMOOTH = {"activations": ("tanh", "steepened_sigmoid", "gaussian", "sine"), "activation_mutation_rate": 0.5}
SPACES = {
    bias: NeatSpace(inputs=3, outputs=2, bias=bias, bias_value=0.5, initial=initial, **GROWING, **MIXED)
    for bias, initial in (("node", "full"), ("input", "partial"), ("none", "none"))
}
X = philox(2, 0).normal(size=(16, 3))


def grown(space: NeatSpace, seed: int, mutations: int):
    rng = philox(seed, 0)
    genome = space.random(rng)
    for clock in range(1, 1 + mutations):
        genome = genome.mutate(rng, clock=clock)
    return genome


def distance(genome, dtype: str) -> float:
    """Largest difference between the model's outputs and the network's, relative where these are larger than 1."""
    found, wanted = keras.ops.convert_to_numpy(ne.decode(genome, dtype=dtype)(X.astype(dtype))), genome.network()(X)
    return float((np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))).max())


@pytest.mark.parametrize("bias", SPACES)
def test_a_model_computes_what_the_compiled_network_computes(bias: str) -> None:
    for seed in range(4):
        assert distance(grown(SPACES[bias], seed, 4 * seed), "float64") < 1e-5
    smooth = NeatSpace(inputs=3, outputs=2, bias=bias, **GROWING, **SMOOTH)
    assert distance(grown(smooth, 9, 12), "float32") < 1e-5


@pytest.mark.slow
def test_a_thousand_random_genomes() -> None:
    smooth = NeatSpace(inputs=3, outputs=2, **GROWING, **SMOOTH)
    for number in range(1000):
        space = (*SPACES.values(), smooth)[number % 4]
        genome = grown(space, number, number % 12)
        assert distance(genome, "float32" if space is smooth else "float64") < 1e-5, genome.genes()
        if number % 50 == 0:
            keras.backend.clear_session()


def test_a_saved_model_loads_in_plain_keras_and_only_keeps_what_the_genome_has(tmp_path) -> None:
    """Its file names no class that is not Keras's own (a file that a process without our packages opens: `train/test_keras_file.py`)."""
    genome = grown(SPACES["input"], 3, 14)
    model = ne.decode(genome, name="winner")
    model.save(tmp_path / "winner.keras")
    with zipfile.ZipFile(tmp_path / "winner.keras") as archive:
        written = archive.read("config.json").decode()
    modules, names = (set(re.findall(rf'"{key}": ("[^"]*"|null)', written)) for key in ("module", "registered_name"))
    assert modules and all(re.match(r'"keras\b|"builtins"', module) for module in modules - {"null"}), modules
    assert not [name for name in names if ">" in name], "a class of somebody's own is registered as PACKAGE>NAME"
    loaded = keras.saving.load_model(tmp_path / "winner.keras", safe_mode=True)
    x = X.astype(np.float32)
    assert np.array_equal(keras.ops.convert_to_numpy(loaded(x)), keras.ops.convert_to_numpy(model(x)))


def test_a_model_has_the_genomes_parameters_and_trains() -> None:
    space = NeatSpace(inputs=3, outputs=2, activations=("tanh",), output_activation="identity", **GROWING)
    genome = grown(space, 1, 10)
    model = build(genome)
    used = {source for step in genome.steps() for source in step.sources}
    assert model.count_params() == sum(len(step.sources) + 1 for step in genome.steps()) and used
    y = np.stack([X[:, 0], X[:, 1] * X[:, 2]], axis=1)
    model.compile("adam", "mse")
    losses = model.fit(np.tile(X, (20, 1)), np.tile(y, (20, 1)), batch_size=16, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_what_has_no_counterpart_in_keras_is_refused() -> None:
    with pytest.raises(ValueError, match=r"keeps a state from call to call .* recurrent=False"):
        ne.decode(grown(NeatSpace(inputs=1, outputs=1, recurrent=True), 0, 0))
    swish = NeatSpace(inputs=1, outputs=1, activations=("swish = x / (1 + exp(-x))",))
    with pytest.raises(ValueError, match=r"activation 'swish', a formula, .* .allowed: identity, sigmoid"):
        ne.decode(grown(swish, 0, 0))
    norm = NeatSpace(inputs=1, outputs=1, aggregations=("norm = 0; a + x * x; sqrt(a)",))
    with pytest.raises(ValueError, match=r"aggregation 'norm', a formula, .* .allowed: sum, mean"):
        ne.decode(grown(norm, 0, 0))
