"""Zero-cost proxies against what they are defined as, on networks small enough to work out by hand."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import BackboneSpace, CellSpace, NeatSpace, NetworkSpace
from neuroevo.core import registry
from neuroevo.core.streams import stream
from neuroevo.train import Untrained, proxies
from neuroevo.train.untrained import batch_of
from neuroevo.train.zero_cost import PARTS, grad_norm, jacob_cov, naswot, snip, synflow, zen

SPACE = NetworkSpace(input_shape=(8, 8, 1), outputs=10)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 8, 8, 1)).astype(np.float32)
TARGETS = np.eye(10, dtype=np.float32)[RNG.integers(10, size=12)]


def untrained(genome=None, id=0, x=X, targets=TARGETS):
    return Untrained(SPACE.random(stream(1, 3)) if genome is None else genome, x, targets, stream(1, id, 1))


def dense(kernel, last, bias=None):
    """Two dense layers with these kernels and a ReLU between them."""
    import keras

    x = inputs = keras.Input((kernel.shape[0],))
    x = keras.layers.ReLU()(keras.layers.Dense(kernel.shape[1])(x))
    model = keras.Model(inputs, keras.layers.Dense(last.shape[1])(x))
    model.set_weights([kernel, np.zeros(kernel.shape[1]) if bias is None else bias, last, np.zeros(last.shape[1])])
    return model


def two_layers():
    rng = np.random.default_rng(3)
    kernel, last = rng.normal(size=(4, 9)).astype(np.float32), rng.normal(size=(9, 3)).astype(np.float32)
    x = rng.normal(size=(6, 4)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
    return kernel, last, Untrained(dense(kernel, last), x, targets)


def test_naswot_is_the_determinant_of_agreeing_codes_zeros_too():
    kernel, _, network = two_layers()
    codes = network.x @ kernel > 0
    agreeing = (codes[:, None] == codes[None, :]).sum(axis=-1)
    assert naswot(network) == pytest.approx(np.linalg.slogdet(agreeing)[1])


def test_naswot_of_a_network_whose_relus_are_all_off_is_minus_infinity():
    kernel, last, network = two_layers()
    dead = Untrained(dense(kernel, last, bias=np.full(9, -1e6, np.float32)), network.x, network.targets)
    assert naswot(dead) == jacob_cov(dead) == -math.inf


def test_jacob_cov_is_of_the_eigenvalues_of_correlated_derivatives():
    kernel, last, network = two_layers()
    on = (network.x @ kernel > 0).astype(np.float64)
    jacobian = (on * last.sum(axis=1)) @ kernel.T
    values = np.linalg.eigvalsh(np.corrcoef(jacobian)) + 1e-5
    assert jacob_cov(network) == pytest.approx(-(np.log(values) + 1 / values).sum(), rel=0.05)
    assert jacob_cov(network) < 0


def test_synflow_is_the_flow_through_positive_weights():
    kernel, last, network = two_layers()
    flow = (np.ones(4) @ np.abs(kernel).astype(float) @ np.abs(last)).sum()
    assert synflow(network) == pytest.approx(math.log(2 * flow))  # each of two layers carries all of it


def softmax_gradients(kernel, last, network):
    hidden = np.maximum(network.x @ kernel, 0).astype(np.float64)
    logits = hidden @ last
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - network.targets) / len(network.x)
    return network.x.T @ (error @ last.T * (hidden > 0)), hidden.T @ error


def test_grad_norm_and_snip_are_of_the_losss_gradients_by_kernels():
    kernel, last, network = two_layers()
    first, second = softmax_gradients(kernel, last, network)
    assert grad_norm(network) == pytest.approx(np.linalg.norm(first) + np.linalg.norm(second), rel=1e-4)
    assert snip(network) == pytest.approx(np.abs(kernel * first).sum() + np.abs(last * second).sum(), rel=1e-4)


def test_a_regression_has_gradients_of_squared_errors():
    kernel, last, network = two_layers()
    squared = Untrained(dense(kernel, last), network.x, network.targets, loss="mean_squared_error")
    hidden = np.maximum(network.x @ kernel, 0)
    error = 2 * (hidden @ last - network.targets) / network.targets.size
    first, second = network.x.T @ (error @ last.T * (hidden > 0)), hidden.T @ error
    assert grad_norm(squared) == pytest.approx(np.linalg.norm(first) + np.linalg.norm(second), rel=1e-4)


def test_synflow_leaves_out_normalisation_and_does_not_overflow():
    import keras

    x = inputs = keras.Input((2,))
    for _ in range(40):
        layer = keras.layers.Dense(2, use_bias=False, kernel_initializer=keras.initializers.Constant(1000.0))
        x = keras.layers.BatchNormalization()(layer(x))
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(x))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([np.full(2, 0.5), np.full(2, 3.0), np.full(2, 7.0), np.full(2, 9.0)])
    network = Untrained(model, np.eye(2, dtype=np.float32), np.ones((2, 1), np.float32))
    flow = 40 * math.log(2000.0) + math.log(2.0)  # float32 ends at e^88
    assert synflow(network) == pytest.approx(flow + math.log(41))


def test_zen_puts_back_what_batchnorm_took_out():
    def scored(scale):
        import keras

        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(keras.layers.Rescaling(scale)(inputs))
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(epsilon=1e-9)(x))
        model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x)))
        return zen(Untrained(model, X, TARGETS, np.random.default_rng(5)))

    assert scored(10.0) - scored(1.0) == pytest.approx(math.log(10), abs=1e-3)


@pytest.mark.parametrize("name", PARTS)
def test_a_proxy_is_deterministic_and_depends_on_the_weights_drawn(name):
    (proxy,) = proxies(name).values()
    assert proxy(untrained()) == proxy(untrained())
    assert math.isfinite(proxy(untrained()))
    drawn = proxy(untrained(id=0)) != proxy(untrained(id=1))
    assert drawn == (name not in ("parameters", "flops"))


def test_proxies_leave_the_model_and_global_randomness_as_they_were():
    network = untrained(CellSpace(input_shape=(8, 8, 1), channels=4, repeats=1, stages=2).random(stream(1, 3)))
    before = [np.array(array) for array in network.model.get_weights()]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for proxy in proxies(PARTS).values():
        proxy(network)
    after = network.model.get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True)), "moving statistics among them"
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_batchnorm_is_in_training_mode():
    """In inference mode fresh moving statistics leave an offset in, and every ReLU is on."""

    def scored(offset):
        import keras

        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Conv2D(4, 3, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(seed=1))(inputs)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(keras.layers.Rescaling(1.0, offset)(x)))
        return naswot(Untrained(keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x))), X, TARGETS))

    assert math.isfinite(scored(0.0)) and scored(64.0) == pytest.approx(scored(0.0), rel=0.01)


def test_first_weights_are_those_that_training_would_begin_with():
    from neuroevo.decode import weights_of
    from neuroevo.inherit import initialise

    genome = SPACE.random(stream(1, 3))
    found = weights_of(untrained(genome, id=4).model, genome)
    expected = initialise(genome, stream(1, 4, 1))
    assert found.keys() >= expected.keys() and all(np.array_equal(found[name], array) for name, array in expected.items())


def test_a_batch_has_no_sample_twice():
    samples = np.repeat(np.random.default_rng(0).normal(size=(30, 4)), 3, axis=0)  # each of 30 three times
    task = ne.tasks.Classification((samples, np.arange(90) % 3), "error", seed=1)
    batch = batch_of(task.dataset, np.random.default_rng(0), 500)
    assert len(np.unique(batch.x, axis=0)) == len(batch.x) == len(batch.y) <= 30
    assert np.array_equal(batch_of(task.dataset, np.random.default_rng(0), 20).x, batch.x[:20])


def test_what_is_no_proxy_or_no_network_to_be_trained_is_said():
    with pytest.raises(ValueError, match=r"naswt.*naswot"):
        proxies("naswt")
    with pytest.raises(ValueError, match="at least one proxy"):
        proxies([])
    with pytest.raises(TypeError, match="holds its own weights"):
        naswot(untrained(NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(0))))
    with pytest.raises(ValueError, match="two samples or more"):
        untrained(x=X[:1], targets=TARGETS[:1])


def test_a_proxy_of_ones_own_has_a_name(monkeypatch):
    def deeper(network):
        return float(len(network.model.layers))

    monkeypatch.setattr(registry, "_registered", {})
    registry.register("proxy", deeper)
    assert proxies("deeper,naswot")["deeper"](untrained()) > 2


@pytest.mark.slow
def test_proxies_agree_on_jax():
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_zero_cost import PARTS, proxies, untrained
print([proxy(untrained()) for proxy in proxies(PARTS).values()])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"}, check=True
    )
    on_jax = np.array(eval(done.stdout.splitlines()[-1]))
    here = np.array([proxy(untrained()) for proxy in proxies(PARTS).values()])
    assert np.allclose(on_jax, here, rtol=1e-3), dict(zip(PARTS, zip(here, on_jax, strict=True), strict=True))


@pytest.mark.parametrize("proxy", [synflow, zen])
def test_proxies_of_backbones_that_split_their_channels(proxy):
    space = BackboneSpace((32, 32, 1), 2, levels=(2, 3), width=8, stem=4, depths=(1, 2), channels=(8, 12), head=1)
    x = np.random.default_rng(1).normal(size=(4, 32, 32, 1)).astype(np.float32)
    network = Untrained(space.shufflenet_v2(), x, np.zeros((4, 80, 6), np.float32), np.random.default_rng(2), "detection")
    assert np.isfinite(proxy(network))
