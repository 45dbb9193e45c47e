"""Inheritance between trained networks, on real handwritten digits."""

from dataclasses import replace

import numpy as np
import pytest

from genomes import NetworkSpace
from genomes.layers import Layer
from genomes.network import APPROXIMATE, EXACT, OPERATORS, Gene
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING
from genomes.testing import philox
from neuroevo.decode import build, set_weights, weights_of
from neuroevo.inherit import Refit, inherit, initialise, needs_refit, refit

SPACE = NetworkSpace((8, 8, 1), 10)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x = ((data.images - data.images.mean()) / data.images.std())[order][..., None].astype("float32")
    y = data.target[order]
    return {"train": (x[:1200], y[:1200]), "validation": (x[1200:], y[1200:])}


@pytest.fixture(scope="module")
def parent(digits):
    """A trained network: genome and arrays."""
    layers = [
        Layer("conv", width=12, kernel=3),
        Layer("conv", width=16, kernel=3),
        Layer("max_pool", kernel=2, stride=2),
        Layer("conv", width=24, kernel=3),
        Layer("conv", width=24, kernel=3),
        Layer("global_average"),
    ]
    genes = [Gene(INPUT_MARKING, Layer("input"))]
    for place, layer in enumerate(layers):
        genes.append(Gene(100 + place, layer, (genes[-1].marking,)))
    genes.append(Gene(LOGITS_MARKING, Layer("logits", width=10), (genes[-1].marking,)))
    genome = SPACE.from_genes([gene.to_json() for gene in genes])
    arrays = trained(genome, initialise(genome, philox(0, 0)), digits, epochs=12, rate=0.05)
    assert accuracy(genome, arrays, digits) > 0.97
    return genome, arrays


def trained(genome, arrays, digits, *, epochs, rate):
    """Plain Keras training: SGD with momentum and a cosine schedule."""
    import keras

    keras.utils.set_random_seed(0)
    model = build(genome)
    set_weights(model, genome, arrays)
    x, y = digits["train"]
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(x) // 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss)
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return weights_of(model, genome, channels=arrays)


def accuracy(genome, arrays, digits):
    x, y = digits["validation"]
    model = build(genome)
    set_weights(model, genome, arrays)
    return float((np.asarray(model(x, training=False)).argmax(axis=1) == y).mean())


def applied(genome, name, *site):
    return replace(genome, architecture=OPERATORS[name].apply(genome.architecture, *site, clock=5), operators=(name,))


def test_children_of_exact_operators_score_what_their_parent_scored(digits, parent):
    genome, arrays = parent
    exact = replace(genome, space=replace(SPACE, rates=tuple((name, 0.0) for name in APPROXIMATE)))
    expected = accuracy(genome, arrays, digits)
    for seed in range(4):
        child, rng = exact, philox(1, seed)
        for step in range(5):
            child = child.mutate(rng, clock=step + 1)
        assert abs(accuracy(child, inherit(child, [parent], rng), digits) - expected) <= 0.002


@pytest.mark.slow
def test_new_filters_learn_to_be_different(digits, parent):
    """A network that has not learnt everything yet is widened: the new filters come into use and are no copies of others."""
    genome = parent[0]
    young = trained(genome, initialise(genome, philox(0, 1)), digits, epochs=1, rate=0.01)
    child = applied(genome, "widen", 101, 32)
    start = inherit(child, [(genome, young)], philox(2, 0))
    end = trained(child, start, digits, epochs=6, rate=0.05)
    filters = end["101/kernel"].reshape(-1, 32)
    directions = filters / np.linalg.norm(filters, axis=0)
    cosine = directions.T @ directions - np.eye(32)
    assert np.abs(cosine[16:]).max() < 0.9
    assert not start["103/kernel"][:, :, 16:].any()
    listened = np.square(end["103/kernel"]).sum(axis=(0, 1, 3))
    assert listened[16:].min() > 0.01 * listened[:16].mean()
    assert accuracy(child, end, digits) > 0.97


@pytest.mark.parametrize(
    ("name", "site", "reached"),
    [
        ("prune", (101, 8), 0.93),
        ("prune", (104, 12), 0.95),
        ("remove_layer", (101,), 0.9),
        ("remove_layer", (103,), 0.9),
        ("separate", (103,), 0.93),
        ("shrink_kernel", (101, 1), 0.9),
        ("move_pooling", (101, 102), 0.85),
        ("change_pooling", (102, "average_pool"), 0.85),
    ],
)
def test_refitting_repairs_most_of_what_an_operator_broke(digits, parent, name, site, reached):
    genome = parent[0]
    child = applied(genome, name, *site)
    assert needs_refit(child.operators)
    inherited = inherit(child, [parent], philox(3, 0))
    repaired = refit(child, inherited, [parent], digits["train"][0][:400], philox(3, 1))
    before, after = accuracy(child, inherited, digits), accuracy(child, repaired, digits)
    assert after >= reached and after > before, (before, after)


def test_refitting_leaves_exact_children_as_they_are(digits, parent):
    genome = parent[0]
    child = applied(applied(genome, "widen", 101, 20), "add_skip", 103, 104, 100)
    assert not needs_refit(EXACT)
    inherited = inherit(child, [parent], philox(4, 0))
    again = refit(child, inherited, [parent], digits["train"][0][:200], philox(4, 1))
    assert all(np.array_equal(again[name], inherited[name]) for name in inherited)


def test_a_stronger_ridge_stays_nearer_to_the_inherited_weights(digits, parent):
    genome = parent[0]
    child = applied(genome, "prune", 103, 12)
    inherited = inherit(child, [parent], philox(4, 0))

    def moved(ridge):
        again = refit(child, inherited, [parent], digits["train"][0][:200], philox(4, 1), Refit(ridge=ridge))
        return np.linalg.norm(again["104/kernel"] - inherited["104/kernel"])

    assert moved(1e-4) > moved(1.0) > moved(1e4)
    with pytest.raises(ValueError, match="ridge must be > 0"):
        Refit(ridge=0)
    with pytest.raises(ValueError, match="needs a parent"):
        refit(child, inherited, [], digits["train"][0][:10], philox(0, 0))


@pytest.mark.slow
def test_a_child_of_two_trained_relatives_starts_from_its_dominant_parent(digits, parent):
    genome = parent[0]
    relatives = []
    for seed, (name, site) in enumerate((("widen", (103, 32)), ("insert_layer", (103, 104, 3)))):
        relative = applied(genome, name, *site)
        relatives.append((relative, trained(relative, inherit(relative, [parent], philox(5, seed)), digits, epochs=2, rate=0.01)))
    children = {child.key(): child for child in (relatives[0][0].crossover([relatives[1][0]], philox(6, s)) for s in range(30))}
    novel = [child for key, child in children.items() if key not in {relative.key() for relative, _ in relatives}]
    both = [c for c in novel if c.architecture.by_marking[103].layer.width == 32]
    assert both
    for child in both:
        assert accuracy(child, inherit(child, relatives, philox(7, 0)), digits) > 0.96
