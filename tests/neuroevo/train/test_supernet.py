"""Shared networks: a path is the network that is taken out of it, weights by marking, fair sampling, what a step may move."""

from collections import Counter

import numpy as np
import pytest

from genomes import CellSpace, NeatSpace
from neuroevo.decode import build, set_weights
from neuroevo.inherit import inherit
from neuroevo.train.supernet import Supernet, Weights, fair_genomes

SPACES = {
    "nasbench201": CellSpace("nasbench201", 3, (6, 5, 2), 3, 4, 1, 2),
    "darts": CellSpace("darts", 2, (6, 6, 1), 3, 4, 1, 1),
    "darts sequences": CellSpace("darts", 1, (8, 2), 3, 4, 1, 2),
    "nasnet": CellSpace("nasnet", 2, (6, 6, 1), 3, 4, 1, 1),
}
FOUR = CellSpace("nasbench201", 4, (6, 5, 2), 3, 4, 1, 1)


def samples(space, count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *space.input_shape)).astype(np.float32)


@pytest.mark.parametrize(
    "space", [pytest.param(s, id=n, marks=[pytest.mark.slow] if n in ("nasnet", "darts") else []) for n, s in SPACES.items()]
)
def test_a_network_that_is_taken_out_computes_what_its_path_computed(space):
    net, rng = Supernet(space.shared()), np.random.default_rng(1)
    vector, x = net.fresh(rng).vector, samples(space)
    vector = vector + 0.1 * rng.normal(size=vector.shape).astype(np.float32)  # gammas and betas too
    for _ in range(6):
        genome = space.random(rng)
        path = net.graph.path(genome)
        statistics = net.path_statistics(vector, path, x)
        expected = net.path_outputs(vector, path, x, statistics)
        model = build(genome)
        set_weights(model, genome, inherit(genome, [(net.graph, net.arrays(vector, statistics))], rng))
        np.testing.assert_allclose(np.asarray(model(x, training=False)), expected, atol=1e-5, rtol=1e-5)
        # the statistics are those of this batch: taken from it, they give the same
        np.testing.assert_allclose(net.path_outputs(vector, path, x), expected, atol=1e-4)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_paths_and_genomes_are_each_other(space):
    graph, rng = space.shared(), np.random.default_rng(0)
    for _ in range(30):
        genome = space.random(rng)
        path = graph.path(genome)
        assert graph.genome(path) == genome and graph.check_path(path) == path
        assert genome.architecture.by_marking.keys() <= graph.architecture.by_marking.keys()


def test_a_step_moves_nothing_beside_its_path():
    space = SPACES["nasbench201"]
    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    x, targets = samples(space), np.eye(3, dtype=np.float32)[rng.integers(3, size=40)]
    weights = Weights(net.fresh(rng).vector, np.ones(net.layout.size, np.float32))
    path = net.graph.path(space.from_genes(["none", "skip", "convolution_3x3"]))
    order = rng.integers(40, size=(2, 16)).astype(np.int32)
    after, loss = net.train_paths(weights, x, targets, order, np.full(2, 0.1, np.float32), np.array([path, path], np.int32))
    assert np.isfinite(loss)
    moved, before = net.arrays(after.vector), net.arrays(weights.vector)
    taken = set(net.graph.genome(path).architecture.by_marking)
    for slot in net.layout.slots:
        still = np.array_equal(moved[slot.name], before[slot.name])
        assert still == (int(slot.name.split("/")[0]) not in taken), slot.name
    rows = np.repeat([int(slot.name.split("/")[0]) in taken for slot in net.layout.slots], net.layout.sizes)
    assert (after.velocity[~rows] == 1).all()  # neither does momentum


def test_a_step_is_sgd_with_momentum_and_decay_of_kernels():
    """Against Keras's gradients of the network that is the path."""
    import tensorflow as tf

    space = SPACES["nasbench201"]
    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    x, targets = samples(space, 16), np.eye(3, dtype=np.float32)[rng.integers(3, size=16)]
    weights = net.fresh(rng)
    genome = space.from_genes(["convolution_3x3", "skip", "convolution_1x1"])
    path = np.array([net.graph.path(genome)], np.int32)
    after, loss = net.train_paths(weights, x, targets, np.arange(16, dtype=np.int32)[None], np.full(1, 0.1, np.float32), path)
    model = build(genome)
    set_weights(model, genome, inherit(genome, [(net.graph, net.arrays(weights.vector))], rng))
    with tf.GradientTape() as tape:
        expected = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, model(x, training=True)))
    assert float(expected) == pytest.approx(loss, rel=1e-5)
    gradients = dict(zip([id(v) for v in model.trainable_variables], tape.gradient(expected, model.trainable_variables), strict=True))
    from neuroevo.decode.weights import variables

    moved, before = net.arrays(after.vector), net.arrays(weights.vector)
    checked = 0
    for name, variable in variables(model, genome).items():
        if name in net.layout.places:
            decay = net.method.weight_decay if name.endswith("kernel") else 0.0
            step = gradients[id(variable)] + decay * before[name]
            np.testing.assert_allclose(moved[name], before[name] - 0.1 * step, atol=1e-6)
            checked += 1
    assert checked == len([slot for slot in net.layout.slots if slot.choice < 0 or path[0][slot.choice] == slot.option])


@pytest.mark.parametrize("space", [SPACES["nasbench201"], SPACES["darts"], SPACES["nasnet"]], ids=lambda space: space.vocabulary)
def test_fair_sampling_takes_every_option_equally_often(space):
    counts = [len(decision.options) for decision in space.questions]
    rounds = int(np.lcm.reduce(counts))
    found = fair_genomes(space, np.random.default_rng(0), rounds)
    for place, options in enumerate(counts):
        taken = Counter(genome.decisions[place] for genome in found)
        assert taken == dict.fromkeys(range(options), rounds // options)
    assert [g.decisions for g in found] != [g.decisions for g in fair_genomes(space, np.random.default_rng(1), rounds)]


def test_weights_go_to_arrays_by_marking_and_back():
    net = Supernet(SPACES["nasbench201"].shared())
    vector = net.fresh(np.random.default_rng(0)).vector
    arrays = net.arrays(vector)
    np.testing.assert_array_equal(net.layout.vector(arrays), vector)
    name = net.layout.slots[0].name
    with pytest.raises(ValueError, match="missing"):
        net.layout.vector({key: value for key, value in arrays.items() if key != name})
    # BatchNorms inside the cells have no gamma and beta that are trained; those around them have
    affine = {int(slot.name.split("/")[0]) for slot in net.layout.slots if slot.role == "gamma"}
    assert affine and not affine & net.graph.searched


def test_what_is_no_path_is_refused():
    graph = SPACES["darts"].shared()
    with pytest.raises(ValueError, match="a path takes an option in each of"):
        graph.check_path([0])
    with pytest.raises(ValueError, match="has the options"):
        graph.check_path([99] * len(graph.choices))
    with pytest.raises(ValueError, match="takes two edges"):
        graph.genome([0] * len(graph.choices))
    with pytest.raises(NotImplementedError, match="CellSpace"):
        NeatSpace(2, 1).shared()
    with pytest.raises(ValueError, match="sample uniformly"):
        fair_genomes(NeatSpace(2, 1), np.random.default_rng(0), 1)


@pytest.mark.parametrize("space", [SPACES["nasbench201"], SPACES["darts"], SPACES["nasnet"]], ids=lambda space: space.vocabulary)
def test_the_strongest_options_never_hand_nothing_on(space):
    graph, rng = space.shared(), np.random.default_rng(0)
    for _ in range(20):
        strengths = [rng.random(len(choice.options)) for choice in graph.choices]
        for choice, values in zip(graph.choices, strengths, strict=True):
            for place in choice.idle:
                values[place] = 2.0
        genome = graph.strongest(strengths)
        assert "none" not in genome.genes()
        for choice, values, option in zip(graph.choices, strengths, graph.path(genome), strict=True):
            allowed = [place for place in range(len(values)) if place not in choice.idle]
            assert option in choice.idle or option == max(allowed, key=lambda place: values[place])


def test_the_two_strongest_edges_of_each_node_are_kept():
    graph = FOUR.shared()
    strengths = [[0.9, 0.0, 0.1 * edge, 0.0, 0.0] for edge in range(1, 7)]
    assert graph.strongest(strengths).genes() == ["convolution_1x1"] * 6
    assert graph.strongest(strengths, edges=2).genes() == ["convolution_1x1"] * 3 + ["none"] + ["convolution_1x1"] * 2
    pairs = CellSpace("darts", 2, (6, 6, 1), 3, 4, 1, 1).shared()
    strengths = [[2.0] + [0.1 * (index + 1)] * 7 for index in range(len(pairs.choices))]
    taken = [choice.source for choice, option in zip(pairs.choices, pairs.path(pairs.strongest(strengths)), strict=True) if option]
    assert taken == [0, 1, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["paths", "still", "darts", "darts of second order", "xnas", "bayesnas"])
def test_an_epoch_of_every_rule_lowers_the_loss_of_what_can_be_learned(rule):
    from neuroevo.train.supernet.rules import rule_from_json

    space = CellSpace("nasbench201", 2, (5, 5, 1), 3, 3, 1, 1)
    net, rng = Supernet(space.shared()), np.random.default_rng(0)
    y = rng.integers(3, size=96)
    x = rng.normal(size=(96, 5, 5, 1)).astype(np.float32)
    x[np.arange(96), y, y] += 4.0
    data = {name: (x, np.eye(3, dtype=np.float32)[y]) for name in ("train", "architecture")}
    what = {"rule": rule.split()[0], **({"order": 2} if "second" in rule else {})}
    made = rule_from_json(what)
    state, losses = made.fresh(net, rng), []
    for epoch in range(1, 9):
        orders = {name: np.array([rng.permutation(96)[:16] for _ in range(6)], np.int32) for name in data}
        options = {"epoch": epoch, "epochs": 8, "learning_rate": 0.1, "final_rate": 0.01}
        state, report = made.epoch(net, state, data, orders, options, rng)
        losses.append(report["loss"])
    assert losses[-1] < (0.95 if rule == "paths" else 0.8) * losses[0], losses
