"""Inheritance without training: children of exact operators compute what their parent computed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import NetworkSpace
from genomes.layers import ENDINGS, Layer, padding_before
from genomes.network import APPROXIMATE, OPERATORS, Gene
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING
from genomes.testing import philox
from neuroevo.decode import build, set_weights
from neuroevo.inherit import inherit, initialise, nearest
from neuroevo.inherit.kernels import resized, separated, united
from neuroevo.inherit.labels import Labels, match
from neuroevo.inherit.moments import rectified

SPACES = [
    NetworkSpace((8, 8, 1), 4, max_width=40, max_parameters=60_000, starter_parameters=(300, 5000)),
    NetworkSpace((9, 7, 2), 4, max_width=40, max_parameters=60_000, starter_parameters=(300, 5000)),
    NetworkSpace((20, 2), 4, max_width=40, max_parameters=60_000, starter_parameters=(300, 5000)),
    NetworkSpace((12,), 4, max_width=40, max_parameters=60_000, starter_parameters=(300, 5000)),
]
TABLE = NetworkSpace(
    (6,), 4, max_width=40, max_parameters=60_000, starter_parameters=(300, 5000), embeddings=("periodic", "piecewise", "robust"),
    rates=(("embed_features", 4.0), ("insert_norm", 3.0), ("insert_gate", 3.0)), norms=True, gates=True, dropout=True,
)  # fmt: skip
SLOW = SPACES[1]  # as the first, in other sizes
each_rank = pytest.mark.parametrize(
    "space",
    [
        *(pytest.param(space, id="x".join(map(str, space.input_shape)), marks=pytest.mark.slow if space is SLOW else []) for space in SPACES),
        pytest.param(TABLE, id="table"),
    ],
)
CHANGING = replace(SPACES[0], rates=(("change_pooling", 4.0), ("insert_norm", 1.0)), norms=True)
EXACT_ONLY = (("embed_features", 4.0), ("insert_norm", 3.0), ("insert_gate", 3.0), *((name, 0.0) for name in APPROXIMATE))


def randomised(arrays, rng):
    """Weights as training might leave them: every norm, gate and bias away from where it started, within bounds."""
    result = {}
    for name, array in arrays.items():
        role = name.split("/")[1]
        if role == "gamma":
            array = rng.normal(1, 0.5, array.shape).astype(array.dtype)
        elif role in ("beta", "mean", "bias"):
            array = rng.normal(0, 0.5, array.shape).astype(array.dtype)
        elif role == "variance":
            array = rng.uniform(0.3, 3, array.shape).astype(array.dtype)
        result[name] = array
    return result


def family(space, seed, mutations, operators, dtype):
    """A random parent with random weights, and its descendant by a chain of exact operators."""
    rng = philox(31, seed)
    parent = space.random(rng)
    for step in range(mutations):
        parent = parent.mutate(rng, clock=step + 1)
    arrays = randomised(initialise(parent, rng, dtype=dtype), rng)
    child, names = type(parent)(replace(space, rates=EXACT_ONLY), parent.architecture), []
    for _ in range(operators):
        child = child.mutate(rng, clock=40)
        names += child.operators
    return parent, arrays, child, names, rng


def computed(genome, arrays, x):
    model = build(genome, dtype=str(x.dtype))
    set_weights(model, genome, arrays)
    return np.asarray(model(x, training=False))


def difference(space, seed, mutations, operators, dtype):
    parent, arrays, child, names, rng = family(space, seed, mutations, operators, dtype)
    inherited = inherit(child, [(parent, arrays)], rng)
    assert all(array.dtype == dtype for name, array in inherited.items() if not name.endswith("/channels"))
    x = rng.normal(size=(4, *space.input_shape)).astype(dtype)
    before, after = computed(parent, arrays, x), computed(child, inherited, x)
    return np.abs(after - before).max() / np.abs(before).max(), names


@each_rank
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), mutations=st.integers(0, 12), operators=st.integers(1, 10))
def test_chains_of_exact_operators_preserve_the_function_in_double_precision(space, seed, mutations, operators):
    error, names = difference(space, seed, mutations, operators, "float64")
    assert error <= 1e-10, names


@each_rank
@settings(max_examples=3, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), mutations=st.integers(0, 12), operators=st.integers(1, 10))
def test_chains_of_exact_operators_preserve_the_function_in_single_precision(space, seed, mutations, operators):
    error, names = difference(space, seed, mutations, operators, "float32")
    assert error <= 1e-5, names


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-10), ("float32", 1e-5)])
def test_hundreds_of_chains_of_exact_operators_preserve_the_function(dtype, bound):
    import keras

    for seed in range(400):
        error, names = difference(SPACES[seed % 4], seed, seed % 13, 1 + seed % 10, dtype)
        assert error <= bound, (seed, names)
        keras.backend.clear_session()


@pytest.mark.parametrize("space", [*each_rank.args[1], pytest.param(CHANGING, id="poolings change")])
def test_every_operator_and_crossover_give_weights_that_fit(space):
    """Shapes, finite values and channel ids, for every operator that can happen, many at once, and for several parents."""
    rng = philox(41, 0)
    family_ = [(genome, initialise(genome, rng)) for genome in (space.random(rng) for _ in range(3))]
    seen = set()
    for step in range(120):
        if step % 20 == 19:  # evolution without selection drifts: fresh ones keep every operator possible
            fresh = space.random(rng)
            family_[0] = (fresh, initialise(fresh, rng))
        first, second = (family_[int(i)] for i in rng.permutation(len(family_))[:2])
        parents = [first, second] if step % 3 == 0 else [first]
        child = first[0].crossover([second[0]], rng) if step % 3 == 0 else first[0]
        for _ in range(1 + step % 4):
            child = child.mutate(rng, clock=step + 1)
            seen.update(child.operators)
        arrays = inherit(child, parents, rng)
        expected = initialise(child, philox(0, 0))
        assert {name: array.shape for name, array in arrays.items()} == {name: array.shape for name, array in expected.items()}
        for name, array in arrays.items():
            assert np.isfinite(array).all()
            if name.endswith("/channels"):
                assert len(set(array.tolist())) == len(array), "a channel id occurs twice"
        family_[step % 3] = (child, arrays)
    assert len(seen) >= (7 if len(space.input_shape) == 1 else 12)


def test_inheritance_is_pure_and_draws_from_its_stream_only():
    parent, arrays, child, _, _ = family(SPACES[0], 3, 4, 6, "float32")
    before = {name: array.copy() for name, array in arrays.items()}
    one, two = (inherit(child, [(parent, arrays)], philox(1, 1)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    for name in one:
        one[name][...] = 0
    assert all(np.array_equal(arrays[name], before[name]) for name in arrays), "the child's arrays share the parent's memory"


def chain(*layers, space=SPACES[0]):
    genes = [Gene(INPUT_MARKING, Layer("input"))]
    for place, layer in enumerate(layers):
        genes.append(Gene(100 + place, layer, (genes[-1].marking,)))
    genes.append(Gene(LOGITS_MARKING, Layer("logits", width=space.outputs), (genes[-1].marking,)))
    return space.from_genes([gene.to_json() for gene in genes])


def conv(width, kernel=3):
    return Layer("conv", width=width, kernel=kernel)


def applied(genome, name, *site, clock=5):
    return replace(genome, architecture=OPERATORS[name].apply(genome.architecture, *site, clock=clock))


def test_new_filters_are_random_and_nobody_listens_to_them_yet():
    parent = chain(conv(4), conv(6), Layer("global_average"))
    arrays = initialise(parent, philox(1, 0))
    child = inherit(applied(parent, "widen", 100, 8), [(parent, arrays)], philox(1, 1))
    assert np.array_equal(child["100/kernel"][..., :4], arrays["100/kernel"])
    assert np.array_equal(child["101/kernel"][:, :, :4], arrays["101/kernel"])
    assert not child["101/kernel"][:, :, 4:].any()
    new = child["100/kernel"][..., 4:].reshape(-1, 4)
    assert np.linalg.matrix_rank(new) == 4 and new.std() > 0.1
    assert np.array_equal(child["100/channels"][:4], arrays["100/channels"])


def outputs(genome, arrays, x):
    model = build(genome)
    set_weights(model, genome, arrays)
    return np.asarray(model(x, training=False))


def test_a_pooling_of_another_kind_leaves_all_weights():
    parent = chain(conv(4), Layer("max_pool", kernel=2, stride=2), conv(6), Layer("global_max"))
    arrays = randomised(initialise(parent, philox(1, 0)), philox(1, 5))
    for site in ((101, "average_pool"), (103, "global_average")):
        child = inherit(applied(parent, "change_pooling", *site), [(parent, arrays)], philox(1, 1))
        assert child.keys() == arrays.keys() and all(np.array_equal(child[name], arrays[name]) for name in arrays)


HEADS = [(), (Layer("dense", width=5),)]
each_head = pytest.mark.parametrize("behind", HEADS, ids=["logits", "dense"])
each_map = pytest.mark.parametrize("space", SPACES[:3], ids=lambda space: "x".join(map(str, space.input_shape)))


def ending(genome):
    return next(gene.marking for gene in genome.architecture.genes if gene.kind in ENDINGS)


def with_noise(genome, seed=5):
    """All weights of a genome, drawn: no two rows alike."""
    return {name: array if name.endswith("/channels") else array + philox(seed, 1).normal(size=array.shape).astype(array.dtype) ** 2
            for name, array in randomised(initialise(genome, philox(1, 0)), philox(1, seed)).items()}  # fmt: skip


@each_map
@each_head
def test_a_mean_over_positions_goes_on_as_a_share_of_each(space, behind):
    small = Layer("max_pool", kernel=2, stride=2)
    parent = chain(conv(4), small, Layer("conv", width=3, kernel=3, stride=2), Layer("global_average"), *behind, space=space)
    arrays, x = with_noise(parent), philox(2, 0).normal(size=(3, *space.input_shape)).astype("float32")
    child = applied(parent, "change_pooling", ending(parent), "flatten")
    found = inherit(child, [(parent, arrays)], philox(1, 1))
    np.testing.assert_allclose(outputs(child, found, x), outputs(parent, arrays, x), rtol=1e-4, atol=1e-5)

    back = applied(child, "change_pooling", ending(child), "global_average", clock=6)
    again = inherit(back, [(child, found)], philox(1, 2))
    np.testing.assert_allclose(outputs(back, again, x), outputs(parent, arrays, x), rtol=1e-4, atol=1e-5)


@each_map
@each_head
@pytest.mark.parametrize("kind", ["global_average", "global_max"])
def test_rows_of_all_positions_are_added_up_for_their_mean(space, behind, kind):
    parent = chain(conv(3), Layer("average_pool", kernel=2, stride=2), Layer("flatten"), *behind, space=space)
    arrays = with_noise(parent)
    child = inherit(applied(parent, "change_pooling", ending(parent), kind), [(parent, arrays)], philox(1, 1))
    reader = parent.architecture.genes[4].marking
    rows = arrays[f"{reader}/kernel"].reshape(-1, 3, arrays[f"{reader}/kernel"].shape[1])
    np.testing.assert_allclose(child[f"{reader}/kernel"], rows.sum(axis=0), rtol=1e-5)


def test_a_mean_goes_on_wherever_it_is_read_and_through_several_operators():
    """Beside the dense layer behind it, the logits read the mean through a concat, and a layer stands behind it that its parent does not have."""
    parent = chain(conv(3), Layer("max_pool", kernel=2, stride=2), Layer("global_average"), Layer("dense", width=5))
    parent = applied(parent, "concatenate_skip", 103, LOGITS_MARKING, 102)
    child = applied(applied(parent, "widen", 100, 6), "change_pooling", 102, "flatten", clock=6)
    child = applied(child, "insert_layer", ending(child), 103, 1, clock=7)
    assert len(child.architecture.genes) == len(parent.architecture.genes) + 1
    arrays, x = with_noise(parent), philox(2, 0).normal(size=(3, 8, 8, 1)).astype("float32")
    found = inherit(child, [(parent, arrays)], philox(1, 1))
    np.testing.assert_allclose(outputs(child, found, x), outputs(parent, arrays, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["global_average", "flatten"])
def test_what_ends_the_positions_may_be_added_to_and_normalised(kind):
    """Both read a value for each feature of a flattened map."""
    space = replace(SPACES[0], norms=True)
    parent = chain(conv(3), Layer("max_pool", kernel=2, stride=2), Layer("global_average"), Layer("dense", width=5), space=space)
    parent = applied(parent, "concatenate_skip", 103, LOGITS_MARKING, 102)
    concat = next(gene.marking for gene in parent.architecture.genes if gene.kind == "concat")
    parent = applied(parent, "add_skip", 102, concat, 103, clock=6)
    if kind == "flatten":
        parent = applied(parent, "change_pooling", 102, "flatten", clock=7)
    arrays, x = with_noise(parent), philox(2, 0).normal(size=(3, 8, 8, 1)).astype("float32")
    name, *site = ("widen", 103, 6) if kind == "flatten" else ("change_pooling", 102, "flatten")
    child = applied(parent, name, *site, clock=8)
    found = inherit(child, [(parent, arrays)], philox(1, 1))
    assert np.isfinite(outputs(child, found, x)).all()
    if kind == "flatten":
        np.testing.assert_allclose(outputs(child, found, x), outputs(parent, arrays, x), rtol=1e-4, atol=1e-5)
    (site, *_) = [site for site in OPERATORS["insert_norm"].sites(child.architecture, space) if child.architecture.by_marking[site[0]].kind == "add"]
    normed = applied(child, "insert_norm", *site, clock=9)
    again = inherit(normed, [(child, found)], philox(1, 2))
    np.testing.assert_allclose(outputs(normed, again, x), outputs(child, found, x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 2), (21, 3)])
def test_rows_of_a_flattened_map_follow_their_place_when_there_are_other_positions(shape):
    """Behind a removed pooling a row is divided among the positions that were pooled, of which the last ones may be fewer, and the child computes what
    the parent computed; behind a new one the rows of these positions are added up."""
    space = NetworkSpace(shape, 4, max_width=40, max_parameters=60_000)
    name, sides = f"{LOGITS_MARKING}/kernel", shape[:-1]
    cell = np.ravel_multi_index([place // 2 for place in np.indices(sides)], [-(-side // 2) for side in sides]).reshape(-1)
    parent = chain(conv(2), Layer("average_pool", kernel=2, stride=2), Layer("flatten"), space=space)
    arrays, x = with_noise(parent), philox(2, 0).normal(size=(3, *shape)).astype("float32")
    child = applied(parent, "remove_pooling", 101)
    found = inherit(child, [(parent, arrays)], philox(1, 1))
    np.testing.assert_allclose(outputs(child, found, x), outputs(parent, arrays, x), rtol=1e-4, atol=1e-5)
    rows = arrays[name].reshape(-1, 2, 4) / np.bincount(cell)[:, None, None]
    np.testing.assert_allclose(found[name].reshape(-1, 2, 4), rows[cell], rtol=1e-5)

    before = chain(conv(2), Layer("flatten"), space=space)
    arrays = with_noise(before)
    after = inherit(applied(before, "insert_pooling", 100, 101, "average_pool"), [(before, arrays)], philox(1, 1))
    summed = np.zeros((cell.max() + 1, 2, 4), "float32")
    np.add.at(summed, cell, arrays[name].reshape(-1, 2, 4))
    np.testing.assert_allclose(after[name].reshape(-1, 2, 4), summed, rtol=1e-5)


def test_of_two_parents_as_near_the_child_goes_on_with_the_one_that_it_contains():
    one = chain(conv(3), Layer("max_pool", kernel=2, stride=2), Layer("flatten"))
    genes = [replace(gene, layer=Layer("global_average")) if gene.kind == "flatten" else gene for gene in one.architecture.genes]
    further = [Gene(200, Layer("dense", width=5), (102,)), Gene(201, Layer("concat"), (102, 200)), replace(genes[-1], inputs=(201,))]
    other = one.space.from_genes([gene.to_json() for gene in [*genes[:-1], *further]])
    child = next(
        child for child in (other.crossover([one], philox(3, seed)) for seed in range(400))
        if {"flatten", "concat"} <= {gene.kind for gene in child.architecture.genes}
    )  # fmt: skip
    x = philox(2, 0).normal(size=(3, 8, 8, 1)).astype("float32")
    of_one, of_other = (one, with_noise(one)), (other, with_noise(other, 6))
    for parents in ((of_one, of_other), (of_other, of_one)):
        assert parents[nearest(child, [genome for genome, _ in parents])] is of_one
        np.testing.assert_allclose(outputs(child, inherit(child, parents, philox(1, 1)), x), outputs(*of_one, x), rtol=1e-4, atol=1e-5)


def test_pruning_keeps_the_strongest_channels_under_their_ids():
    parent = chain(conv(6), conv(5), Layer("global_average"))
    arrays = randomised(initialise(parent, philox(1, 0)), philox(1, 5))
    arrays["100/gamma"] = np.array([0.1, 3, 0.2, 2, 4, 0.1], "float32")
    arrays["100/beta"][:] = 0
    child = inherit(applied(parent, "prune", 100, 3), [(parent, arrays)], philox(1, 1))
    assert child["100/channels"].tolist() == [1, 3, 4]
    assert np.array_equal(child["101/kernel"], arrays["101/kernel"][:, :, [1, 3, 4]])


def test_a_new_skip_is_closed_and_can_open():
    """Exactly one of two factors is zero: the gate. Its gradient is not."""
    parent = chain(conv(4), conv(6), Layer("global_average"))
    child = applied(parent, "add_skip", 101, 102, 100)
    add = next(gene.marking for gene in child.architecture.genes if gene.kind == "add")
    arrays = inherit(child, [(parent, initialise(parent, philox(1, 0)))], philox(1, 1))
    assert not arrays[f"{add}/gamma"].any() and not arrays[f"{add}/beta"].any()
    assert arrays[f"{add}/projection"].std() > 0.1


def test_the_norm_of_an_inserted_layer_expects_what_it_will_see():
    """Moving statistics of the new BatchNorm against the batch statistics of its input, on Gaussian pre-activations."""
    parent = chain(conv(4), Layer("global_average"))
    rng = philox(2, 0)
    arrays = initialise(parent, rng)
    x = rng.normal(size=(4000, 8, 8, 1)).astype("float32")
    inner = computed_convolution(x, arrays["100/kernel"])
    arrays["100/mean"], arrays["100/variance"] = inner.mean((0, 1, 2)), inner.var((0, 1, 2))
    arrays["100/gamma"] = np.array([0.5, 1, 2, -1], "float32")
    arrays["100/beta"] = np.array([-0.5, 0, 1, 0.3], "float32")
    child = applied(parent, "insert_layer", 100, 101, 3)
    born = next(g.marking for g in child.architecture.genes if g.marking not in parent.architecture.by_marking)
    inherited = inherit(child, [(parent, arrays)], rng)
    seen = np.maximum(
        (inner - arrays["100/mean"]) / np.sqrt(arrays["100/variance"] + 1e-3) * arrays["100/gamma"] + arrays["100/beta"], 0
    )
    np.testing.assert_allclose(inherited[f"{born}/mean"], seen.mean((0, 1, 2)), rtol=0.05, atol=0.01)
    np.testing.assert_allclose(inherited[f"{born}/variance"], seen.var((0, 1, 2)), rtol=0.1, atol=0.02)


def computed_convolution(x, kernel):
    import keras

    return np.asarray(keras.ops.conv(x, kernel, padding="same"))


@given(st.floats(-3, 3), st.floats(0.05, 3))
def test_rectified_moments_are_those_of_samples(mean, deviation):
    z = np.maximum(mean + deviation * np.random.default_rng(0).standard_normal(40_000), 0)
    moments = rectified(mean, deviation)
    assert abs(moments.mean - z.mean()) < 0.03 * deviation + 0.005
    assert abs(moments.variance - z.var()) < 0.1 * deviation**2 + 0.005


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_a_larger_kernel_with_zeros_around_it_is_the_same_convolution(length, kernel, more, stride):
    rng = np.random.default_rng(length * 100 + kernel * 10 + more)
    x, weights = rng.normal(size=length), rng.normal(size=(kernel, 1, 1))
    shift = padding_before(length, kernel + more, stride) - padding_before(length, kernel, stride)
    larger = resized(weights, kernel + more, (shift,))

    def convolved(kernel_):
        taps = len(kernel_)
        padded = np.pad(x, (padding_before(length, taps, stride), taps))
        return [padded[i * stride : i * stride + taps] @ kernel_[:, 0, 0] for i in range(-(-length // stride))]

    np.testing.assert_allclose(convolved(larger), convolved(weights), atol=1e-12)


def test_separable_to_convolution_is_exact_and_back_is_the_best_rank_one_approximation():
    rng = np.random.default_rng(0)
    depthwise, pointwise = rng.normal(size=(3, 3, 4, 1)), rng.normal(size=(1, 1, 4, 5))
    kernel = united(depthwise, pointwise)
    np.testing.assert_allclose(united(*separated(kernel)), kernel, atol=1e-12)
    full = rng.normal(size=(3, 3, 4, 5))
    singular = np.linalg.svd(np.moveaxis(full.reshape(9, 4, 5), 1, 0), compute_uv=False)
    assert np.square(full - united(*separated(full))).sum() == pytest.approx(np.square(singular[:, 1:]).sum())


def test_labels_match_occurrence_by_occurrence():
    a, b = Labels.own(1, np.arange(2)), Labels.own(2, np.arange(1))
    unknown = Labels.none(1)
    assert match(Labels.joined([b, unknown, a]), Labels.joined([a, b])).source.tolist() == [2, -1, 0, 1]
    # The child has a value twice: the second takes nothing.
    assert match(Labels.joined([a, a]), a).source.tolist() == [0, 1, -1, -1]
    # The parent had it twice: its second row is added to the child's only one.
    found = match(a, Labels.joined([a, a]))
    rows = found.rows(np.array([[1.0], [2.0], [10.0], [20.0]]), 0)
    assert rows.tolist() == [[11.0], [22.0]]
    # Behind a pooling that moved, the origin still tells where a channel belongs.
    assert match(a.through(7), a).source.tolist() == [0, 1]
    assert not np.intersect1d(a.through(7).exact, a.exact).size


def test_the_dominant_parent_is_the_one_that_the_child_resembles():
    parent = chain(conv(4), conv(6), Layer("global_average"))
    longer = applied(parent, "insert_layer", 100, 101, 3)
    assert nearest(longer, [parent, longer]) == 1
    assert nearest(parent, [longer, parent]) == 1
    assert nearest(parent, [parent, parent]) == 0


@each_rank
def test_after_crossover_of_relatives_the_child_computes_what_its_dominant_parent_computes(space):
    """Genes of the other parent come in as identities and closed branches."""
    compared = 0
    for seed in range(30):
        parent, arrays, one, _, rng = family(space, seed, 3, 3, "float64")
        other = type(parent)(one.space, parent.architecture)
        for _ in range(4):
            other = other.mutate(rng, clock=41)
        parents = [(genome, randomised(inherit(genome, [(parent, arrays)], rng), rng)) for genome in (one, other)]
        child = one.crossover([other], rng)
        dominant, weights = parents[nearest(child, [one, other])]
        if child == dominant or not contains(child, dominant):
            continue  # nothing new, or a smaller setting of the other parent: not exact
        compared += 1
        x = rng.normal(size=(4, *space.input_shape))
        before, after = computed(dominant, weights, x), computed(child, inherit(child, parents, rng), x)
        assert np.abs(after - before).max() / np.abs(before).max() < 1e-10
        if compared == 4:
            return
    raise AssertionError(f"only {compared} children had something of both parents")


def contains(child, parent):
    """Whether the child has all genes of the parent, none of them with a smaller setting."""
    mine = child.architecture.by_marking
    return all(
        gene.marking in mine
        and mine[gene.marking].layer.width >= gene.layer.width
        and mine[gene.marking].layer.kernel >= gene.layer.kernel
        and not (gene.kind == "conv" and mine[gene.marking].kind == "separable")
        for gene in parent.architecture.genes
    )


def test_a_branch_that_only_the_other_parent_has_brings_its_weights_by_channel_id():
    """The other parent's branch reads channels that the dominant parent has pruned and reordered: it finds them by id."""
    ancestor = chain(conv(6), conv(6), Layer("global_average"))
    arrays = randomised(initialise(ancestor, philox(1, 0)), philox(1, 5))
    arrays["100/gamma"] = np.array([0.1, 3, 0.2, 2, 4, 1], "float32")
    skipped = applied(ancestor, "concatenate_skip", 101, 102, 100)
    concat = next(gene.marking for gene in skipped.architecture.genes if gene.kind == "concat")
    other = applied(skipped, "insert_layer", 100, concat, 3)
    branch = next(g.marking for g in other.architecture.genes if g.marking not in skipped.architecture.by_marking)
    dominant = applied(ancestor, "prune", 100, 3)
    for clock in (6, 7, 8):  # it has more of its own than the branch that comes in
        dominant = applied(dominant, "insert_layer", 100, dominant.architecture.consumers[100][0], 1, clock=clock)
    parents = [
        (genome, randomised(inherit(genome, [(ancestor, arrays)], philox(1, 7)), philox(1, 9))) for genome in (dominant, other)
    ]
    children = [dominant.crossover([other], philox(2, seed)) for seed in range(80)]
    child = next(
        c for c in children
        if branch in c.architecture.by_marking and c.architecture.by_marking[100].layer.width == 3
        and nearest(c, [dominant, other]) == 0
    )  # fmt: skip
    inherited = inherit(child, parents, philox(3, 3))
    ids = parents[0][1]["100/channels"]
    assert sorted(ids.tolist()) != list(range(3))
    assert np.array_equal(inherited[f"{branch}/kernel"], parents[1][1][f"{branch}/kernel"][:, :, ids])


def test_weights_that_are_not_the_parents_are_refused():
    parent = chain(conv(4), Layer("global_average"))
    with pytest.raises(ValueError, match="the weights are not the parent's"):
        inherit(parent, [(parent, {})], philox(0, 0))
