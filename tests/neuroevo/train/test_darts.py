"""DARTS: gradients of the architecture against finite differences and a direct computation, Adam's decay, eigenvalues, perturbation."""

import numpy as np
import pytest
import tensorflow as tf

from genomes import CellSpace
from neuroevo.train.supernet import SharedMethod, Supernet
from neuroevo.train.supernet.darts import DartsRule
from neuroevo.train.supernet.mixtures import described, mixture, rows, table

SPACE = CellSpace("nasbench201", 3, (5, 5, 1), 3, 3, 1, 1)


@pytest.fixture(scope="module")
def net():
    return Supernet(SPACE.shared(), SharedMethod(weight_decay=1e-2))


def problem(net, seed=0, rule=None):
    rule = rule or DartsRule(initial=0.5)
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(12, 5, 5, 1)).astype(np.float32) for _ in range(2)]
    y = [np.eye(3, dtype=np.float32)[rng.integers(3, size=12)] for _ in range(2)]
    state = rule.fresh(net, rng)
    state["velocity"] = 0.1 * rng.normal(size=state["velocity"].shape).astype(np.float32)
    return state, (x[0], y[0]), (x[1], y[1])


def compiled(net, rule, rate):
    return net.backend.compiled(
        lambda v, u, a, x, y, vx, vy: rule.architecture_gradient(net, v, u, a, (x, y), (vx, vy), rate)
    )


def loss_at(net, rule):
    return net.backend.compiled(lambda v, a, x, y: net.mixed_loss(v, rule.mixture(net, a), x, y))


def differences(function, alpha, allowed, radius):
    found = np.zeros_like(alpha)
    for place in np.argwhere(allowed):
        step = np.zeros_like(alpha)
        step[tuple(place)] = radius
        found[tuple(place)] = (float(function(alpha + step)) - float(function(alpha - step))) / (2 * radius)
    return found


def apart(found, expected):
    """How far two arrays are from each other, as a share of the second."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_first_order_gradient_is_that_of_the_validation_loss(net):
    rule = DartsRule(order=1)
    state, train, own = problem(net)
    loss = loss_at(net, rule)
    found = np.asarray(compiled(net, rule, 0.1)(state["weights"], state["velocity"], state["alpha"], *train, *own))
    expected = differences(lambda alpha: loss(state["weights"], alpha, *own), state["alpha"], net.graph.allowed(), 0.02)
    assert apart(found, expected) < 0.05


class Smooth(Supernet):
    """A loss without the kinks of ReLUs, so that finite differences of it are derivatives."""

    def mixed_loss(self, vector, mixture, x, targets):
        mixed = tf.reshape(mixture, (1, -1)) @ tf.reshape(vector[: 15 * 6], (15, 6))
        return tf.reduce_sum(tf.tanh(x[:, :, 0, 0] @ tf.reshape(vector[90:120], (5, 6)) * mixed) * vector[120:126])


@pytest.fixture(scope="module")
def smooth():
    return Smooth(SPACE.shared(), SharedMethod(weight_decay=1e-2))


def test_second_order_gradient_is_that_of_the_loss_one_step_ahead(smooth):
    """Against finite differences of the validation loss at w'(alpha), whose step has momentum and weight decay."""
    rate, rule, net = 0.02, DartsRule(order=2), smooth
    state, train, own = problem(net)
    loss, method = loss_at(net, rule), net.method

    @tf.function
    def of_weights(vector, alpha):
        return net.backend.gradient(lambda v: net.mixed_loss(v, rule.mixture(net, alpha), *train), vector)[1][0]

    def ahead(alpha):
        vector = tf.constant(state["weights"])
        decayed = method.weight_decay * net.layout.decayed * vector
        step = method.momentum * state["velocity"] + of_weights(vector, tf.constant(alpha)) + decayed
        return loss((vector - rate * step).numpy(), alpha, *own)

    second = np.asarray(compiled(net, rule, rate)(state["weights"], state["velocity"], state["alpha"], *train, *own))
    expected = differences(ahead, state["alpha"], net.graph.allowed(), 0.02)
    first = np.asarray(
        compiled(net, DartsRule(order=1), rate)(state["weights"], state["velocity"], state["alpha"], *train, *own)
    )
    assert apart(second, expected) < 0.01 < 0.2 < apart(first, expected)


def test_an_epoch_steps_the_architecture_by_adam_with_its_own_decay_then_the_weights(net):
    rule = DartsRule(rate=0.01, decay=1e-3, initial=0.5)
    state, train, own = problem(net, rule=rule)
    order = {"train": np.arange(12, dtype=np.int32)[None], "architecture": np.arange(12, dtype=np.int32)[None]}
    options = {"epoch": 1, "epochs": 1, "learning_rate": 0.1, "final_rate": 0.0}
    after, report = rule.epoch(net, state, {"train": train, "architecture": own}, order, options, np.random.default_rng(0))
    gradient = np.asarray(compiled(net, rule, 0.1)(state["weights"], state["velocity"], state["alpha"], *train, *own))
    gradient = gradient + 1e-3 * state["alpha"]
    np.testing.assert_allclose(after["alpha"], state["alpha"] - 0.01 * gradient / (np.abs(gradient) + 1e-8), atol=1e-5)
    # the weights see the new architecture
    assert report["loss"] == pytest.approx(float(loss_at(net, rule)(state["weights"], after["alpha"], *train)), rel=1e-5)
    assert report["mixture"] == rows(np.asarray(rule.mixture(net, after["alpha"])), net.graph)


def test_weights_learn_alone_at_first(net):
    rule = DartsRule(begin=1, initial=0.5)
    state, train, own = problem(net, rule=rule)
    order = {"train": np.arange(12, dtype=np.int32)[None], "architecture": np.arange(12, dtype=np.int32)[None]}
    options = {"epoch": 1, "epochs": 2, "learning_rate": 0.1, "final_rate": 0.0}
    after, _ = rule.epoch(net, state, {"train": train, "architecture": own}, order, options, np.random.default_rng(0))
    np.testing.assert_array_equal(after["alpha"], state["alpha"])
    assert np.abs(after["weights"] - state["weights"]).max() > 0


def test_the_largest_eigenvalue_is_the_hessians(smooth):
    rule, net = DartsRule(initial=0.5), smooth
    state, train, _ = problem(net, rule=rule)
    product, allowed = rule.hessian_product(net, state, *train), net.graph.allowed()
    columns = []
    for place in np.argwhere(allowed):
        direction = np.zeros(allowed.shape)
        direction[tuple(place)] = 1.0
        columns.append(product(direction)[allowed])
    hessian = np.array(columns)
    assert apart(hessian.T, hessian) < 0.01
    loss, step = loss_at(net, rule), np.zeros_like(state["alpha"])
    step[0, 0] = 0.1
    at = [float(loss(state["weights"], state["alpha"] + sign * step, *train)) for sign in (1, 0, -1)]
    assert hessian[0, 0] == pytest.approx((at[0] - 2 * at[1] + at[2]) / 0.01, rel=0.05)
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    found = rule.largest_eigenvalue(net, state, *train, iterations=40)
    assert abs(found) == pytest.approx(np.abs(values).max(), rel=0.02)


def test_mixtures_leave_out_what_is_no_option():
    space = CellSpace("nasnet", 2, (5, 5, 1), 3, 3, 1, 1)
    graph = space.shared()
    from neuroevo.train.supernet.framework import backend

    allowed = graph.allowed().astype(np.float32)
    alpha = np.random.default_rng(0).normal(size=allowed.shape).astype(np.float32)
    for weighing in ("softmax", "independent"):
        found = np.asarray(mixture(backend(), alpha, allowed, weighing))
        assert (found[allowed == 0] == 0).all() and (found[allowed == 1] > 0).all()
        np.testing.assert_array_equal(table(rows(found, graph), graph), found)
    np.testing.assert_allclose(np.asarray(mixture(backend(), alpha, allowed, "softmax")).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(mixture(backend(), alpha, allowed, "independent"))[0, 0], 1 / (1 + np.exp(-alpha[0, 0])), rtol=1e-5)


def test_what_a_mixture_says():
    graph = SPACE.shared()
    even = described(graph.even(), graph)
    assert even["entropy"] == pytest.approx(1.0)
    sure = described([[0, 1, 0, 0, 0], [0.9, 0.1, 0, 0, 0], [0, 0, 0, 1, 0]], graph)
    assert sure["entropy"] < 0.1 and sure["skip_share"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("setting", "value"), [("order", 3), ("weighing", "both")])
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(ValueError, match=setting):
        DartsRule(**{setting: value})
