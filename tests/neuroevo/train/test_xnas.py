"""XNAS: the regret of its forecaster, and whom it wipes out, on streams of losses; BayesNAS against the closed form for a quadratic."""

import math

import numpy as np
import pytest

from genomes import CellSpace
from neuroevo.train.supernet import Supernet
from neuroevo.train.supernet.bayesnas import BayesNasRule, inherited, reweighted
from neuroevo.train.supernet.framework import backend
from neuroevo.train.supernet.xnas import XnasRule, cells_of_each_choice, learning_rate, predicted, rewarded, surviving


def forecast(gradients, bound=1.0, wipe=True):
    """What the forecaster predicts over a stream of gradients [steps, experts]: predictions, and who is alive behind each step."""
    steps, experts = gradients.shape
    compute, rate = backend(), float(learning_rate(experts, steps, bound))
    logs, alive = np.zeros((1, experts), np.float32), np.ones((1, experts), np.float32)

    def step(logs, alive, gradient, left):
        p = predicted(compute, logs, alive)
        logs = rewarded(compute, logs, gradient, rate, bound)
        return p, logs, surviving(compute, logs, alive, rate, bound, left) if wipe else alive

    run = compute.compiled(step)
    predictions, living = [], []
    for at, gradient in enumerate(gradients.astype(np.float32)):
        p, logs, alive = run(logs, alive, gradient[None], np.float32(steps - at - 1))
        predictions.append(np.asarray(p)[0])
        living.append(np.asarray(alive)[0])
    return np.array(predictions), np.array(living)


def streams(steps=200, experts=6):
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, (steps, experts))
    changing = np.where(np.arange(steps)[:, None] < steps / 2, 1, -1) * np.sign(np.arange(experts) - experts / 2 + 0.5)
    return {
        "noise": noise,
        "one is better": np.clip(noise + np.where(np.arange(experts) == 2, -0.3, 0.1), -1, 1),
        "the best changes": np.clip(0.5 * noise + 0.4 * changing, -1, 1),
        "an adversary": np.where(np.arange(experts) == np.arange(steps)[:, None] % experts, 1.0, -1.0),
    }


@pytest.mark.parametrize("name", streams())
def test_regret_is_below_the_bound(name):
    """Nayman et al. 2019, theorem 1: the regret to the best expert is at most L sqrt(2 T ln N)."""
    gradients = streams()[name]
    steps, experts = gradients.shape
    for wipe in (False, True):
        predictions, _ = forecast(gradients, wipe=wipe)
        np.testing.assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)
        regret = (predictions * gradients).sum() - gradients.sum(axis=0).min()
        assert regret <= math.sqrt(2 * steps * math.log(experts)) + 1e-3


@pytest.mark.parametrize("name", streams())
def test_who_is_wiped_out_could_not_have_won(name):
    gradients = streams()[name]
    steps, _ = gradients.shape
    totals = -np.cumsum(np.clip(gradients, -1, 1), axis=0)
    _, living = forecast(gradients)
    assert living[:, int((-gradients.sum(axis=0)).argmax())].all()  # the best in hindsight lives
    for at in range(steps):
        left = steps - at - 1
        for expert in np.flatnonzero(living[at] == 0):
            # even with the best rewards from here on, while the leader has the worst
            assert totals[at, expert] + left < totals[at].max() - left + 0.05
    assert (np.diff(living, axis=0) <= 0).all()  # nobody comes back
    if name == "one is better":
        assert living[-1].sum() < living[0].sum()


@pytest.mark.parametrize("gap", [0.25, 0.5, 1.0, 2.0])
def test_an_expert_with_a_gap_goes_when_the_theory_says(gap):
    """At T * 2L / (2L + gap)."""
    steps = 600
    gradients = np.tile([-gap / 2, gap / 2], (steps, 1))
    _, living = forecast(gradients)
    gone = int((living[:, 1] == 0).argmax()) + 1
    assert gone == pytest.approx(steps * 2 / (2 + gap), abs=3)


def test_rewards_are_clipped():
    compute = backend()
    logs = rewarded(compute, np.zeros((1, 2), np.float32), np.array([[-50.0, 0.5]], np.float32), 0.1, 1.0)
    np.testing.assert_allclose(np.asarray(logs), [[0.1, -0.05]], atol=1e-6)


def test_a_reward_counts_for_every_sample_and_every_cell():
    space = CellSpace("nasbench201", 3, (6, 6, 1), 3, 3, 2, 1)
    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    np.testing.assert_array_equal(cells_of_each_choice(net), 2)
    rule = XnasRule(rate=0.01)
    state = rule.fresh(net, rng)
    x, y = rng.normal(size=(12, 6, 6, 1)).astype(np.float32), np.eye(3, dtype=np.float32)[rng.integers(3, size=12)]
    order = {name: np.arange(12, dtype=np.int32)[None] for name in ("train", "architecture")}
    options = {"epoch": 1, "epochs": 4, "learning_rate": 0.0, "final_rate": 0.0}
    after, report = rule.epoch(net, state, {"train": (x, y), "architecture": (x, y)}, order, options, rng)
    even = np.full((3, 5), 0.2, np.float32)
    gradient = net.backend.compiled(lambda m: net.backend.gradient(lambda m: net.mixed_loss(state["weights"], m, x, y), m)[1][0])
    expected = 0.01 * 12 * 2 * np.clip(-np.asarray(gradient(even)) / 2, -1, 1)
    np.testing.assert_allclose(after["log"], expected, atol=1e-5)
    assert after["seen"][0] == 12 and report["experts"] == 15
    np.testing.assert_allclose(np.exp(report["strengths"]), report["mixture"], atol=1e-6)
    np.testing.assert_allclose(report["mixture"], np.exp(after["log"]) / np.exp(after["log"]).sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(("a", "h", "penalty"), [(2.0, 1.5, 0.1), (0.5, 4.0, 0.3), (0.1, 1.0, 0.1), (-1.0, 2.0, 0.05)])
def test_the_prior_of_a_quadratic_ends_at_the_closed_form(a, h, penalty):
    """Loss h (w - a)^2 / 2: the evidence is largest at gamma = max(0, a^2 - penalty / h)."""
    gamma, omega = np.ones(1), np.ones(1)
    for _ in range(3000):
        w = np.sign(a) * max(abs(a) - penalty * omega[0] / h, 0.0)  # the minimum with the penalty
        gamma, omega = reweighted(np.array([w]), gamma, np.array([h]), penalty)
    assert gamma[0] == pytest.approx(max(0.0, a * a - penalty / h), abs=2e-3)


def test_one_update_of_the_prior_is_the_formula():
    w, gamma, hessian, penalty, cells = np.array([0.3, -0.2]), np.array([0.5, 2.0]), np.array([1.0, 0.25]), 0.01, 3.0
    covariance = 1 / (1 / gamma + hessian / penalty)
    omega = np.sqrt(cells * np.abs(1 / gamma - covariance / gamma**2))
    found = reweighted(w, gamma, hessian, penalty, cells)
    np.testing.assert_allclose(found[1], omega, rtol=1e-12)
    np.testing.assert_allclose(found[0], np.abs(w) / omega, rtol=1e-12)


def test_an_operation_is_as_sure_as_what_comes_before_it():
    graph = CellSpace("nasbench201", 3, (6, 6, 1), 3, 3, 1, 1).shared()  # 0->1, 0->2, 1->2
    gamma = np.array([[9.0, 1.0, 1.0, 0.0, 0.0], [1.0] * 5, [2.0] * 5])
    found = inherited(gamma, graph)
    np.testing.assert_array_equal(found[:2], gamma[:2])  # from the input
    np.testing.assert_allclose(found[2], 1 / (1 / 2.0 + 1 / 2.0))  # node 1 has 2 without its "none"
    lost = inherited(np.array([[9.0, 0, 0, 0, 0], [1.0] * 5, [2.0] * 5]), graph)
    assert lost[2].max() < 1e-6  # nothing comes into node 1


def test_what_the_penalty_outweighs_becomes_nothing():
    space = CellSpace("nasbench201", 3, (6, 6, 1), 3, 3, 1, 1)
    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6, 6, 1)).astype(np.float32), np.eye(3, dtype=np.float32)[rng.integers(3, size=40)]
    order = {"train": np.array([rng.permutation(40)[:16] for _ in range(6)], np.int32)}
    options = {"epoch": 1, "epochs": 1, "learning_rate": 0.05, "final_rate": 0.05}
    found = {}
    for penalty in (1e-4, 5.0):
        rule = BayesNasRule(penalty=penalty, rate=0.05)
        after, report = rule.epoch(net, rule.fresh(net, np.random.default_rng(1)), {"train": (x, y)}, order, options, rng)
        found[penalty] = report["pruned"]
        assert np.isfinite(after["gamma"]).all() and np.isfinite(after["omega"]).all()
    assert found[1e-4] < found[5.0] == 15


@pytest.mark.parametrize(("rule", "setting", "value"), [(XnasRule, "bound", 0), (BayesNasRule, "penalty", -1), (BayesNasRule, "alone", 1)])
def test_settings_out_of_range_are_refused(rule, setting, value):
    with pytest.raises(ValueError, match=setting):
        rule(**{setting: value})
