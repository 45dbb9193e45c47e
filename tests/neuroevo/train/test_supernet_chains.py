"""Shared networks of chains: a path is the chain that is taken out of it, whatever its sizes; weights beside it stay."""

import numpy as np
import pytest

from genomes import ChainSpace
from neuroevo.decode import build, set_weights
from neuroevo.inherit import inherit
from neuroevo.train.supernet import Supernet, Weights, fair_genomes

SPACES = {
    "images": ChainSpace((9, 6, 2), 3, 1, 3, (2, 4, 5), (1, 2, 3), (1, 2, 3)),
    "one stride": ChainSpace((6, 6, 1), 3, 3, 3, (2, 4), (1, 3), (2,), skips=False),
    "sequences": ChainSpace((11, 2), 3, 1, 3, (2, 4), (1, 3, 5), (1, 2)),
    "features": ChainSpace((5,), 3, 1, 4, (2, 4, 6)),
}


def samples(space, count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *space.input_shape)).astype(np.float32)


def chains(space, count, seed=1):
    """Random chains, and mutants and children of theirs, whose markings are others."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        one, other = space.random(rng), space.random(rng)
        for clock in range(number % 3):
            one = one.mutate(rng, clock=clock + 1)
        found.append(one.crossover([other], rng) if number % 4 == 3 else one)
    return found


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_paths_and_chains_are_each_other(space):
    graph = space.shared()
    for genome in chains(space, 40):
        path = graph.path(genome)
        assert len(path) == len(graph.choices) and graph.check_path(path) == path
        assert graph.genome(path).key() == genome.key() and graph.path(graph.genome(path)) == path
        assert len(graph.path_numbers(path)) == graph.numbers_of_layers[-1][1]


def some(*quick):
    """All spaces, those that are not quick to compile marked so."""
    return [pytest.param(space, id=name, marks=[] if name in quick else [pytest.mark.slow]) for name, space in SPACES.items()]


@pytest.mark.parametrize("space", some("images"))
def test_a_chain_that_is_taken_out_computes_what_its_path_computed(space):
    net, rng = Supernet(space.shared()), np.random.default_rng(1)
    vector, x = net.fresh(rng).vector, samples(space)
    vector = vector + 0.1 * rng.normal(size=vector.shape).astype(np.float32)
    for genome in chains(space, 16):
        path = net.graph.path(genome)
        statistics = net.path_statistics(vector, path, x)
        expected = net.path_outputs(vector, path, x, statistics)
        model, parent = build(genome), net.graph.parent(genome, net.arrays(vector, statistics))
        set_weights(model, genome, inherit(genome, [parent], rng))
        np.testing.assert_allclose(np.asarray(model(x, training=False)), expected, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(net.path_outputs(vector, path, x), expected, atol=1e-4)


@pytest.mark.parametrize("space", some("features"))
def test_a_step_is_that_of_the_chain_and_moves_nothing_beside_it(space):
    """Against Keras's gradients of the network that is the path; what it does not have keeps weights and momentum."""
    import tensorflow as tf

    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    x, targets = samples(space, 16), np.eye(3, dtype=np.float32)[rng.integers(3, size=16)]
    for genome in chains(space, 3, seed=5):
        weights = Weights(net.fresh(rng).vector, np.ones(net.layout.size, np.float32))
        path = np.array([net.graph.path(genome)], np.int32)
        order, rates = np.arange(16, dtype=np.int32)[None], np.full(1, 0.1, np.float32)
        after, loss = net.train_paths(weights, x, targets, order, rates, path)
        model = build(genome)
        set_weights(model, genome, inherit(genome, [net.graph.parent(genome, net.arrays(weights.vector))], rng))
        with tf.GradientTape() as tape:
            expected = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, model(x, training=True)))
        assert float(expected) == pytest.approx(loss, rel=1e-4)
        gradients = dict(zip([id(v) for v in model.trainable_variables], tape.gradient(expected, model.trainable_variables), strict=True))
        norm = np.sqrt(sum(float(np.sum(np.square(g))) for v in model.trainable_variables if "norm" not in v.path for g in [gradients[id(v)]]))
        assert norm < net.method.clip
        from neuroevo.decode.weights import variables

        _, moved = net.graph.parent(genome, net.arrays(after.vector))
        _, before = net.graph.parent(genome, net.arrays(weights.vector))
        sizes = 0
        for name, variable in variables(model, genome).items():
            if name.endswith(("kernel", "bias")):
                decay = net.method.weight_decay if name.endswith("kernel") else 0.0
                step = 0.9 + gradients[id(variable)] + decay * before[name]
                np.testing.assert_allclose(moved[name], before[name] - 0.1 * step, atol=2e-5)
                sizes += before[name].size
        used = after.vector != weights.vector
        assert used.sum() == sizes and (after.velocity[~used] == 1).all()


def test_fair_sampling_takes_every_number_of_layers():
    space = SPACES["images"]
    depths = [len(one.layers) for one in fair_genomes(space, np.random.default_rng(0), 40)]
    assert sorted([depths.count(depth) for depth in (1, 2, 3)]) == [13, 13, 14]


def test_chains_are_not_mixed():
    net = Supernet(SPACES["features"].shared())
    with pytest.raises(ValueError, match="one path at a time"):
        net.mixed_outputs(net.fresh(np.random.default_rng(0)).vector, np.zeros((1, 1), np.float32), samples(SPACES["features"]))
