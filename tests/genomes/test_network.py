"""Layer graphs and their operators, without Keras."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import Genome, NetworkSpace, Space
from genomes.layers import ENDINGS, Layer
from genomes.markings import birth_clock
from genomes.network import APPROXIMATE, EXACT, OPERATORS, Gene
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING
from genomes.testing import json_leaves, philox

TABLE = NetworkSpace((6,), 3, embeddings=("piecewise", "periodic", "robust"), norms=True, gates=True, dropout=True)
SPACES = [NetworkSpace((8, 8, 1), 10), NetworkSpace((9, 7, 2), 3), NetworkSpace((40, 1), 10), NetworkSpace((30,), 2)]
IMAGE = SPACES[0]


def descendant(space, seed, steps):
    rng = philox(11, seed)
    genome = space.random(rng)
    for step in range(steps):
        genome = genome.mutate(rng, clock=step + 1)
    return genome


def chain(*layers, space=IMAGE, first=100):
    """The genome of layers one after the other, with markings first, first + 1, ..."""
    genes = [Gene(INPUT_MARKING, Layer("input"))]
    for place, layer in enumerate(layers):
        genes.append(Gene(first + place, layer, (genes[-1].marking,)))
    genes.append(Gene(LOGITS_MARKING, Layer("logits", width=space.outputs), (genes[-1].marking,)))
    return space.from_genes([gene.to_json() for gene in genes])


def conv(width, kernel=3):
    return Layer("conv", width=width, kernel=kernel)


def applied(genome, name, *site, clock=5):
    return replace(genome, architecture=OPERATORS[name].apply(genome.architecture, *site, clock=clock), operators=(name,))


THREE = chain(conv(4), conv(6), Layer("max_pool", kernel=2, stride=2), conv(8), Layer("global_average"))


def test_inserting_a_layer_puts_one_of_the_sources_width_on_the_edge():
    child = applied(THREE, "insert_layer", 100, 101, 3)
    born = next(gene for gene in child.architecture.genes if gene.marking not in THREE.architecture.by_marking)
    assert born.layer == conv(4) and born.inputs == (100,)
    assert child.architecture.by_marking[101].inputs == (born.marking,)
    assert birth_clock(born.marking) == 5


def test_layers_are_not_inserted_where_a_relu_would_change_the_function():
    sites = OPERATORS["insert_layer"].sites(THREE.architecture, IMAGE)
    assert {source for source, _, _ in sites} == {100, 101, 102, 103, 104}


def test_widening_one_branch_gives_the_add_behind_it_a_projection_and_leaves_the_other_branch():
    skipped = applied(chain(conv(4), conv(4), Layer("global_average")), "add_skip", 101, 102, 100)
    add = next(gene for gene in skipped.architecture.genes if gene.kind == "add")
    assert not add.layer.projected
    widened = applied(skipped, "widen", 101, 8)
    assert widened.architecture.by_marking[add.marking].layer.projected
    assert widened.architecture.by_marking[100].layer.width == 4
    assert widened.architecture.shapes[add.marking] == (8, 8, 8)


def test_a_skip_over_a_pooling_is_projected():
    child = applied(THREE, "add_skip", 103, 104, 100)
    add = next(gene for gene in child.architecture.genes if gene.kind == "add")
    assert add.layer.projected and add.inputs == (103, 100)


def test_removing_a_skip_gives_back_the_network_without_it():
    for name in ("add_skip", "concatenate_skip"):
        child = applied(THREE, name, 101, 102, 100)
        merge = next(gene for gene in child.architecture.genes if gene.kind in ("add", "concat"))
        assert applied(child, "remove_skip", merge.marking, 100) == THREE


def test_a_concatenation_of_a_layer_with_itself_is_taken_out():
    child = applied(THREE, "concatenate_skip", 101, 102, 100)
    without = applied(child, "remove_layer", 101)
    assert not any(gene.kind == "concat" for gene in without.architecture.genes)
    assert without.architecture.by_marking[102].inputs == (100,)


def test_moving_a_pooling_exchanges_it_with_the_convolution_next_to_it():
    child = applied(THREE, "move_pooling", 101, 102)
    assert [gene.marking for gene in child.architecture.genes[1:4]] == [100, 102, 101]
    back = applied(child, "move_pooling", 102, 101)
    assert back == THREE


def test_pruning_removes_a_half_or_a_quarter_of_the_filters():
    assert {site for site in OPERATORS["prune"].sites(THREE.architecture, IMAGE) if site[0] == 103} == {(103, 4), (103, 6)}


def test_to_separable_and_back_is_the_same_architecture():
    child = applied(THREE, "separate", 101)
    assert child.parameters < THREE.parameters
    assert applied(child, "unite", 101) == THREE


def test_the_same_innovation_in_the_same_generation_has_the_same_marking():
    one, other = (
        applied(THREE, "insert_layer", 100, 101, 3),
        applied(applied(THREE, "widen", 103, 16), "insert_layer", 100, 101, 5),
    )
    assert set(one.architecture.by_marking) == set(other.architecture.by_marking)
    later = applied(THREE, "insert_layer", 100, 101, 3, clock=6)
    assert set(later.architecture.by_marking) != set(one.architecture.by_marking)


def test_exact_and_approximate_operators_are_a_partition():
    assert set(OPERATORS) == EXACT | APPROXIMATE and not EXACT & APPROXIMATE
    exact = "insert_layer widen add_skip concatenate_skip grow_kernel unite embed_features insert_norm insert_gate insert_dropout remove_dropout"
    assert set(exact.split()) == EXACT


@pytest.mark.parametrize("space", [*SPACES, TABLE], ids=lambda space: f"{space.input_shape}, {len(space.embeddings)} embeddings")
def test_every_operator_that_fits_the_input_is_drawn_and_named(space):
    drawn = set()
    for seed in range(12):
        rng, genome = philox(3, seed), space.random(philox(3, seed))
        for step in range(30):
            genome = genome.mutate(rng, clock=step + 1)
            drawn.update(genome.operators)
    spatial = {"grow_kernel", "shrink_kernel", "separate", "unite", "insert_pooling", "move_pooling", "remove_pooling"}
    assert OPERATORS["change_pooling"].rate == 0, "only where the space names it, so that runs of before go on"
    expected = set(OPERATORS) - {"insert_first_layer", "change_pooling"} - (spatial if len(space.input_shape) == 1 else set())
    of_features = {f"{what}_{kind}" for what in ("insert", "remove") for kind in ("norm", "gate", "dropout")} | {"embed_features", "remove_embedding"}
    assert drawn == expected - (set() if space.embeddings else of_features)


def test_a_changed_pooling_is_another_kind_in_the_same_place():
    space = replace(IMAGE, rates=(("change_pooling", 1.0), *((name, 0.0) for name in OPERATORS if name != "change_pooling")))
    seen = set()
    for seed in range(40):
        parent = space.random(philox(5, seed))
        child = parent.mutate(philox(6, seed), clock=9)
        assert child.operators == ("change_pooling",)
        before, after = ([gene.layer.kind for gene in one.architecture.genes] for one in (parent, child))
        assert len(before) == len(after)
        ((old, new),) = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        seen.add((old, new))
        same = set(parent.architecture.by_marking) == set(child.architecture.by_marking)
        assert same != ("flatten" in (old, new)), "other features are those of a new gene"
    heads = {"global_average", "global_max", "flatten"}
    assert seen == {("max_pool", "average_pool"), ("average_pool", "max_pool")} | {(a, b) for a in heads for b in heads if a != b}


def test_a_table_has_no_pooling_to_change():
    assert not OPERATORS["change_pooling"].sites(TABLE.random(philox(1, 1)).architecture, TABLE)


def test_over_a_single_position_no_pooling_is_another_one():
    genes = [
        Gene(INPUT_MARKING, Layer("input")), Gene(101, Layer("max_pool", kernel=2, stride=2), (INPUT_MARKING,)),
        Gene(102, Layer("max_pool", kernel=1, stride=1), (101,)), Gene(103, Layer("global_average"), (102,)),
        Gene(LOGITS_MARKING, Layer("logits", width=3), (103,)),
    ]  # fmt: skip
    for shape, changed in (((2, 2, 1), {101}), ((4, 2, 1), {101, 103})):
        space = NetworkSpace(shape, 3)
        sites = OPERATORS["change_pooling"].sites(space.from_genes([gene.to_json() for gene in genes]).architecture, space)
        assert {pooling for pooling, _ in sites} == changed


@pytest.mark.parametrize("kinds", [("global_average", "global_max"), ("global_max", "flatten")], ids="-".join)
def test_crossover_takes_either_parents_ending_where_it_may_change(kinds):
    def ended(kind, space):
        genes = [replace(gene, layer=Layer(kind)) if gene.layer.kind == "global_average" else gene for gene in THREE.architecture.genes]
        return space.from_genes([gene.to_json() for gene in genes])

    for space, expected in ((THREE.space, {kinds[0]}), (replace(THREE.space, rates=(("change_pooling", 1.0),)), set(kinds))):
        base, other = (ended(kind, space) for kind in kinds)
        children = [base.crossover([other], philox(1, seed), ranks=[0, 1]) for seed in range(20)]
        assert {kind for child in children for gene in child.architecture.genes if (kind := gene.kind) in ENDINGS} == expected


def test_rates_name_an_operator_once():
    with pytest.raises(ValueError, match="rates name prune twice; once is enough"):
        replace(IMAGE, rates=(("prune", 1.0), ("widen", 1.0), ("prune", 2.0)))


def test_an_operator_with_rate_0_is_never_drawn():
    space = replace(IMAGE, rates=tuple((name, 0.0) for name in APPROXIMATE))
    rng, genome = philox(4, 0), space.random(philox(4, 0))
    for step in range(40):
        genome = genome.mutate(rng, clock=step + 1)
        assert set(genome.operators) <= EXACT | {"unchanged"}


def test_where_nothing_is_legal_the_genome_stays():
    space = NetworkSpace((4,), 2, max_parameters=9, starter_parameters=(1, 9), max_depth=1, max_width=1, max_layers=2)
    genome = space.random(philox(0, 0))
    child = genome.mutate(philox(0, 1), clock=1)
    assert child == genome and child.operators == ("unchanged",)
    with pytest.raises(ValueError, match="leave no network"):
        replace(space, max_parameters=8)


def test_a_first_layer_comes_into_a_network_that_has_none():
    space = NetworkSpace((8,), 3)
    genome = space.from_genes([g.to_json() for g in (Gene(INPUT_MARKING, Layer("input")),
                                                     Gene(LOGITS_MARKING, Layer("logits", width=3), (INPUT_MARKING,)))])  # fmt: skip
    names = {name for seed in range(20) for name in genome.mutate(philox(1, seed), clock=1).operators}
    assert "insert_first_layer" in names


@pytest.mark.parametrize("space", SPACES, ids=lambda space: str(space.input_shape))
def test_starters_are_small_and_spread_over_two_orders_of_magnitude(space):
    sizes = np.array([space.random(philox(0, seed)).parameters for seed in range(200)])
    assert sizes.min() < 1000 and sizes.max() <= 70_000
    counts, _ = np.histogram(np.log10(sizes), bins=[2, 3, 3.5, 4, 5])
    assert (counts >= 20).all(), counts
    assert len({space.random(philox(0, seed)).key() for seed in range(200)}) > 120


def test_crossover_keeps_all_genes_of_the_fittest_and_takes_new_ones_of_its_equals():
    base, other = applied(THREE, "widen", 103, 16), applied(THREE, "insert_layer", 100, 101, 3)
    born = (set(other.architecture.by_marking) - set(THREE.architecture.by_marking)).pop()
    equal = [base.crossover([other], philox(1, seed)) for seed in range(40)]
    for child in equal:
        assert set(THREE.architecture.by_marking) <= set(child.architecture.by_marking)
    assert {born in child.architecture.by_marking for child in equal} == {True, False}
    assert {child.architecture.by_marking[103].layer.width for child in equal} == {8, 16}
    fitter = [base.crossover([other], philox(1, seed), ranks=[0, 1]) for seed in range(40)]
    assert not any(born in child.architecture.by_marking for child in fitter)


def test_crossover_brings_a_branch_with_its_skip():
    skipped = applied(THREE, "concatenate_skip", 101, 102, 100)
    concat = next(gene.marking for gene in skipped.architecture.genes if gene.kind == "concat")
    branch = applied(skipped, "insert_layer", 100, concat, 3)
    children = [THREE.crossover([branch], philox(2, seed)) for seed in range(60)]
    assert any(child.key() == branch.key() for child in children)


def test_the_key_ignores_markings_and_the_order_of_a_concat_but_not_of_an_add():
    def merged(kind, order):
        a, b = Gene(101, conv(4), (INPUT_MARKING,)), Gene(102, conv(4, 5), (INPUT_MARKING,))
        genes = [
            Gene(INPUT_MARKING, Layer("input")), a, b, Gene(103, Layer(kind), order),
            Gene(104, Layer("global_average"), (103,)), Gene(LOGITS_MARKING, Layer("logits", width=10), (104,)),
        ]  # fmt: skip
        return IMAGE.from_genes([gene.to_json() for gene in genes])

    assert merged("concat", (101, 102)).key() == merged("concat", (102, 101)).key()
    assert merged("add", (101, 102)).key() != merged("add", (102, 101)).key()
    assert chain(conv(4), Layer("flatten")).key() == chain(conv(4), Layer("flatten"), first=900).key()
    assert chain(conv(4), Layer("flatten")).key() != chain(conv(5), Layer("flatten")).key()


def test_distance_counts_what_differs():
    assert THREE.distance(applied(THREE, "insert_layer", 100, 101, 3)) == 1
    skipped = applied(THREE, "add_skip", 101, 102, 100)
    assert 0 < THREE.distance(skipped) <= 1.5
    assert THREE.distance(applied(THREE, "widen", 103, 16)) == pytest.approx(0.5 / 3)
    assert 0 < applied(THREE, "separate", 101).distance(THREE) <= 1


def test_the_graph_has_what_a_picture_needs():
    graph = applied(THREE, "add_skip", 103, 104, 100).graph()
    assert sum(data["parameters"] for _, data in graph.nodes(data=True)) == applied(THREE, "add_skip", 103, 104, 100).parameters
    assert [data["label"] for _, data in graph.nodes(data=True) if data["kind"] == "conv"] == [
        "conv 3×3, 4 filters",
        "conv 3×3, 6 filters",
        "conv 3×3, 8 filters",
    ]
    assert [(u, data["shape"]) for u, _, data in graph.edges(data=True) if data["skip"]] == [(100, (8, 8, 4))]


@pytest.mark.parametrize(
    ("genes", "sentence"),
    [
        ("nonsense", "list of layer genes"),
        ([], "one input gene, got 0"),
        ([{"marking": 1, "kind": "conv", "inputs": [], "width": 3, "kernel": 3, "stride": 1, "bias": True}], "unknown field"),
        ([{"marking": 1, "kind": "conv", "inputs": [], "width": 3, "kernel": 3}], "needs 'stride'"),
        ([{"marking": -1, "kind": "input", "inputs": []}], "marking must be a whole number"),
    ],
)
def test_genes_that_are_no_network_are_refused_in_a_sentence(genes, sentence):
    with pytest.raises(ValueError, match=sentence):
        IMAGE.from_genes(genes)


def test_cycles_dead_ends_and_unknown_inputs_are_refused():
    genes = THREE.genes()
    for change, sentence in (
        ({"inputs": [103]}, "cycle"),
        ({"inputs": [7]}, "no gene of this network"),
        ({"marking": 102}, "two genes"),
    ):
        wrong = copy.deepcopy(genes)
        wrong[1].update(change)
        with pytest.raises(ValueError, match=sentence):
            IMAGE.from_genes(wrong)
    with pytest.raises(ValueError, match="leads nowhere"):
        IMAGE.from_genes([*genes, {"marking": 55, "kind": "conv", "inputs": [100], "width": 3, "kernel": 3, "stride": 1}])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_corrupted_json_gives_a_value_error_or_a_legal_genome(data):
    """The whole JSON, space and genes: only ValueError may come out."""
    whole = descendant(SPACES[data.draw(st.integers(0, 3))], data.draw(st.integers(0, 5)), 10).to_dict()
    whole = json.loads(json.dumps(whole))
    for _ in range(data.draw(st.integers(1, 3))):
        paths = list(json_leaves(whole))[1:]
        path = paths[data.draw(st.integers(0, len(paths) - 1))]
        new = data.draw(
            st.one_of(
                st.none(), st.booleans(), st.integers(-2, 9), st.integers(), st.floats(allow_nan=True), st.text(max_size=4),
                st.just([]), st.just({}), st.lists(st.integers(0, 3), max_size=3),
                st.sampled_from(["conv", "add", "concat", "flatten", "input", "logits", "network"]),
            )
        )  # fmt: skip
        place = whole
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = new
    try:
        genome = Genome.from_dict(whole)
    except ValueError as error:
        assert str(error)
    else:
        assert genome.space.violated(genome.architecture) is None
        assert isinstance(genome.key(), str) and genome.parameters >= 0


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"input_shape": (8, 8, 1, 1)}, "input_shape must be"),
        ({"input_shape": (0,)}, ">= 1"),
        ({"outputs": 0}, "outputs must be >= 1"),
        ({"rates": (("widenn", 1.0),)}, "did you mean 'widen'"),
        ({"rates": (("widen", -1.0),)}, "finite number >= 0"),
        ({"starter_parameters": (10, 5)}, "smallest, largest"),
        ({"max_parameters": 20}, "leave no network"),
        ({"embeddings": ("piecewise",)}, "embeddings are of features"),
        ({"input_shape": (4,), "embeddings": ("piecewisee",)}, "did you mean 'piecewise'"),
        ({"input_shape": (4,), "embeddings": ("periodic", "periodic")}, "different names"),
    ],
)
def test_a_space_refuses_settings_out_of_range(settings_, sentence):
    with pytest.raises(ValueError, match=sentence):
        NetworkSpace(**{"input_shape": (8, 8, 1), "outputs": 10, **settings_})
    assert Space.from_dict(IMAGE.to_dict()) == IMAGE


@pytest.mark.slow
def test_ten_thousand_random_genomes_of_fifty_mutations_are_valid():
    for seed in range(10_000):
        space = SPACES[seed % 4]
        genome = descendant(space, seed, 50)
        assert space.from_genes(genome.genes()) == genome
