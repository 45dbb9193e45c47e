"""Sequential decisions: every genome is described, every sequence builds one; what is asked; what is refused."""

import itertools
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import CellSpace, ChainSpace, CppnSpace, DagSpace, NeatSpace, NetworkSpace, RecurrentCellSpace, StackSpace
from genomes.dag import DagNode
from genomes.layers import WEIGHTED, Layer, output_shape, parameters
from genomes.network.closing import closing_layers, least_parameters
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, Gene
from genomes.sequential import _memory
from genomes.testing import lineage, philox

CHAIN = ChainSpace((8, 8, 1), 10)
DAG = DagSpace((8, 8, 1), 10)
IMAGE = NetworkSpace((8, 8, 1), 10)
TIGHT = NetworkSpace((9, 7, 2), 3, max_parameters=3000, max_depth=4, max_layers=9, max_width=24, mutations=3)
# The smallest limits that leave a network at all, and nearly so.
SMALLEST = NetworkSpace((4,), 2, max_parameters=9, starter_parameters=(1, 9), max_depth=1, max_width=1, max_layers=2)
SMALL = NetworkSpace((6, 5, 3), 5, max_parameters=150, starter_parameters=(1, 150), max_depth=2, max_width=8, max_layers=6)

SPACES = {
    "chain for images": CHAIN,
    "chain without skips": ChainSpace((20, 2), 3, skips=False),
    "chain of three layers": ChainSpace((30,), 3, min_layers=3, max_layers=3),
    "cell of nasbench201": CellSpace(),
    "cell of nasnet": CellSpace("nasnet", 5, (8, 8, 1), 10, channels=8, repeats=1, stages=2),
    "cell of darts": CellSpace("darts", 4, (20, 3), 4, channels=8, repeats=1, stages=2),
    "recurrent cell": RecurrentCellSpace((12, 2), 3),
    "stack for images": StackSpace((8, 8, 1), 10),
    "stack for sequences": StackSpace((20, 2), 3, max_layers=5, max_dense=0),
    "dag for images": DAG,
    "dag for sequences": DagSpace((20, 2), 3, max_inputs=2, merges=("concatenate",)),
    "dag for features": DagSpace((30,), 3, min_nodes=1, max_nodes=6),
    "network for images": IMAGE,
    "network for sequences": NetworkSpace((40, 1), 10),
    "network for features": NetworkSpace((30,), 2),
    "network for tables": NetworkSpace((30,), 2, embeddings=("periodic", "piecewise", "robust"), rates=(("embed_features", 3.0),), norms=True, gates=True, dropout=True),
    "network at tight limits": TIGHT,
    "network whose poolings change": NetworkSpace((9, 7, 2), 3, rates=(("change_pooling", 4.0),)),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def walked(space, answer):
    """Decisions down to the end, and the names of what was chosen; `answer(options)` chooses."""
    decisions, names = [], []
    while options := space.choices(decisions):
        decisions.append(answer(options))
        names.append(options[decisions[-1]])
    return decisions, names


def at_random(space, seed, index):
    rng = philox(seed, index)
    return walked(space, lambda options: int(rng.integers(len(options))))


def named(space, *names):
    """The decisions with these names."""
    decisions = []
    for name in names:
        decisions.append(space.choices(decisions).index(name))
    return decisions


def network(space, *genes):
    """The network of these layers between input and logits, the last one in front of the logits."""
    layers = [Gene(place, layer, inputs) for place, (layer, *inputs) in enumerate(genes, 1)]
    whole = [
        Gene(INPUT_MARKING, Layer("input")),
        *[replace(gene, inputs=tuple(source or INPUT_MARKING for source in gene.inputs)) for gene in layers],
        Gene(LOGITS_MARKING, Layer("logits", width=space.outputs), (layers[-1].marking,)),
    ]
    return space.from_genes([gene.to_json() for gene in whole])


@every_space
def test_decisions_describe_random_genomes(space) -> None:
    for index in range(100):
        genome = space.random(philox(1, index))
        again = space.build(space.decisions(genome))
        if space.encoding != "dag":
            assert again == genome, "a random genome has no markings but those by place"
        elif index % 5 == 0:  # its key takes longest
            assert again.key() == genome.key()


@pytest.mark.slow
@every_space
def test_decisions_describe_thousands_of_genomes(space) -> None:
    for genome in [*lineage(space, 2, 1000), *[space.random(philox(10, index)) for index in range(1000)]]:
        assert space.build(space.decisions(genome)).key() == genome.key()


@every_space
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_is_chosen_a_legal_genome_is_built(space, data) -> None:
    # The low and the high positions are where limits and ends of lists are.
    share = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
    decisions, _ = walked(space, lambda options: round(data.draw(share) * (len(options) - 1)))
    genome = space.build(decisions)
    assert space.from_genes(json.loads(json.dumps(genome.genes()))) == genome
    assert space.build(space.decisions(genome)).key() == genome.key()


@every_space
def test_prefixes_may_be_asked_about_in_any_order(space) -> None:
    walks = [at_random(space, 3, index)[0] for index in range(6)]
    prefixes = [walk[:length] for walk in walks for length in range(len(walk) + 1)][:200]
    alone = {}
    for prefix in prefixes:
        _memory.cache_clear()
        alone[tuple(prefix)] = space.choices(prefix)
    for place in philox(4, 0).permutation(len(prefixes)):
        assert space.choices(prefixes[place]) == alone[tuple(prefixes[place])]
        assert space.choices(np.array(prefixes[place], np.int64)) == alone[tuple(prefixes[place])]


def test_what_is_remembered_of_a_space_is_bounded_and_does_not_travel() -> None:
    for index in range(200):
        at_random(DAG, 5, index)
    assert 0 < len(_memory(DAG).places) <= 1 << 10
    assert len(pickle.dumps(DAG)) < 2000 and pickle.loads(pickle.dumps(DAG)) == DAG


@pytest.mark.parametrize("space", [NeatSpace(2, 1), CppnSpace()], ids=["neat", "cppn"])
def test_graphs_that_grow_without_an_order_have_no_decisions(space) -> None:
    assert not space.sequential
    for ask in (lambda: space.choices(()), lambda: space.build(()), lambda: space.decisions(space.random(philox(1, 1)))):
        with pytest.raises(NotImplementedError, match=f"{type(space).__name__} does not offer sequential decisions"):
            ask()


def test_a_genome_of_another_space_is_refused_and_the_difference_named() -> None:
    with pytest.raises(ValueError, match="one of another ChainSpace: its outputs is 4, and here it is 10"):
        CHAIN.decisions(replace(CHAIN, outputs=4).random(philox(1, 1)))
    with pytest.raises(ValueError, match="must be one of this DagSpace, got <ChainGenome"):
        DAG.decisions(CHAIN.random(philox(1, 1)))
    with pytest.raises(ValueError, match="must be one of this CellSpace, got None"):
        CellSpace().decisions(None)


def test_a_wrong_decision_is_named() -> None:
    with pytest.raises(ValueError, match="the decision on the kind of node 0 must be 0 to 3, got 4"):
        DAG.build([4])
    with pytest.raises(ValueError, match="the decision on the exact width of layer 1 must be 0 to 15, got 16"):
        IMAGE.choices([*named(IMAGE, "conv", "32 to 47"), 16])
    with pytest.raises(ValueError, match="the network takes 1 decisions, got 2"):
        IMAGE.build([*named(IMAGE, "stop"), 0])
    with pytest.raises(ValueError, match=r"not complete after 2 decisions: .* the next is on the kernel of node 0"):
        DAG.build([0, 0])
    with pytest.raises(ValueError, match="a whole number; decision 1 is True"):
        DAG.build([0, True])


# Chains


def test_a_chain_with_fewer_layers_than_the_space_asks_for_has_no_decisions() -> None:
    genes = CHAIN.build([0] * len(walked(CHAIN, lambda options: 0)[0])).genes()[:1]
    with pytest.raises(ValueError, match="no decisions describe this genome: the number of layers is 1"):
        CHAIN.decisions(CHAIN.from_genes(genes))
    three = SPACES["chain of three layers"]
    with pytest.raises(ValueError, match="it has no answer on width of layer 2"):
        three.decisions(three.from_genes(three.random(philox(1, 1)).genes()[:2]))


# Graphs of layers


def test_a_graph_is_asked_node_by_node() -> None:
    space = DagSpace((8, 8, 1), 10, layers=("conv",), widths=(8, 16), kernels=(3,), max_nodes=3)
    names = ["conv", "16", "3", "input", "conv", "8", "3", "node 0", "yes", "input", "add", "conv", "8", "3", "node 1", "no"]
    asked = [space.choices(named(space, *names[:length])) for length in range(12)]
    assert asked[:5] == [("conv",), ("8", "16"), ("3",), ("input",), ("conv", "stop")]
    assert asked[7:] == [("node 0", "input"), ("no", "yes"), ("input",), ("add", "concatenate"), ("conv", "stop")]
    first, second, third = space.build(named(space, *names)).nodes
    assert (first.layer.width, first.inputs) == (16, (INPUT_MARKING,))
    assert (second.layer.width, second.merge, second.inputs) == (8, "add", (first.marking, INPUT_MARKING))
    assert third.inputs == (second.marking,)
    assert space.choices(named(space, *names)) == (), "the third node is the last that there may be"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_decisions_of_a_built_graph_are_those_that_built_it(seed) -> None:
    decisions, _ = at_random(DAG, 6, seed)
    assert DAG.decisions(DAG.build(decisions)) == tuple(decisions)


def test_graphs_that_only_hand_written_genes_can_be_are_described_as_well() -> None:
    """One pooling alone, and an addition whose main path is the network's input."""
    pool = Layer("max_pool", kernel=2, stride=2)
    nodes = [DagNode(7, pool, "concatenate", (INPUT_MARKING,)), DagNode(9, pool, "add", (INPUT_MARKING, 7))]
    for count in (1, 2):
        genome = DAG.from_genes([node.to_json() for node in nodes[:count]])
        again = DAG.build(DAG.decisions(genome))
        assert again.key() == genome.key()
        assert again.nodes[-1].inputs == (INPUT_MARKING, *[node.marking for node in again.nodes[: count - 1]])


# Layer graphs


def test_a_network_is_asked_layer_by_layer() -> None:
    kinds = ("conv", "separable", "max_pool", "average_pool", "global_average", "global_max", "flatten", "stop")
    assert IMAGE.choices(()) == kinds
    names = ["conv", "16 to 23", "20", "3", "1", "input"]
    conv = named(IMAGE, *names)
    assert IMAGE.choices(conv[:1])[:5] == ("1", "2", "3", "4 to 5", "6 to 7")
    assert IMAGE.choices(conv[:2]) == tuple(map(str, range(16, 24)))
    assert IMAGE.choices(conv[:3]) == ("1", "3", "5") and IMAGE.choices(conv[:4]) == ("1", "2")
    assert IMAGE.choices(conv) == (*kinds[:-1], "add", "concat", "stop")
    assert IMAGE.choices(named(IMAGE, *names, "flatten")) == ("layer 1", "input")


def test_an_addition_is_asked_for_its_skips_projection_where_it_is_free() -> None:
    space = IMAGE
    block = ["conv", "4 to 5", "4", "3", "1", "input", "conv", "4 to 5", "4", "3", "1", "layer 1", "add", "layer 2"]
    assert space.choices(named(space, *block)) == ("layer 1", "input")
    assert space.choices(named(space, *block, "layer 1")) == ("identity", "projection")
    for shortcut, projected in (("identity", False), ("projection", True)):
        genome = space.build(named(space, *block, "layer 1", shortcut, "global_average", "layer 3", "stop"))
        add = next(gene for gene in genome.architecture.genes if gene.kind == "add")
        assert add.layer.projected == projected
        assert space.build(space.decisions(genome)) == genome
    assert "max_pool" in space.choices(named(space, *block, "input")), "a skip of another shape is always projected"


def test_what_no_layer_has_taken_is_joined_in_front_of_the_logits() -> None:
    branches = ["conv", "4 to 5", "4", "3", "1", "input", "conv", "6 to 7", "6", "3", "2", "input", "flatten", "input", "stop"]
    genome = IMAGE.build(named(IMAGE, *branches))
    kinds = ["concat", "conv", "conv", "flatten", "global_average", "global_average", "input", "logits"]
    assert sorted(gene.kind for gene in genome.architecture.genes) == kinds
    assert genome.architecture.by_marking[genome.architecture.output.inputs[0]].kind == "concat"
    assert genome.architecture.shapes[genome.architecture.output.inputs[0]] == (4 + 6 + 64,)


def test_a_built_network_has_the_markings_of_a_random_one() -> None:
    for index in range(50):
        genome = IMAGE.random(philox(7, index))
        assert IMAGE.build(IMAGE.decisions(genome)) == genome


def test_a_wide_layer_is_asked_for_its_width_step_by_step() -> None:
    space = NetworkSpace((30,), 2, max_parameters=10**9, max_width=10**6)
    genome = network(space, (Layer("dense", width=123_456), 0))
    decisions = space.decisions(genome)
    assert space.build(decisions).key() == genome.key()
    assert all(len(space.choices(decisions[:length])) <= 128 for length in range(len(decisions)))
    assert len(decisions) == 7, "kind, four steps of the width, input, stop"


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (Layer("conv", width=4, kernel=7), "the kernel of layer 1 is 7, which is not offered .'1, 3, 5'"),
        (Layer("conv", width=4, kernel=3, stride=3), "the stride of layer 1 is 3, which is not offered .'1, 2'"),
        (Layer("max_pool", kernel=5, stride=2), "the kernel of layer 1 is 5, which is not offered .'2, 3'"),
        (Layer("relu"), "the kind of layer 1 is relu, which is not offered"),
    ],
)
def test_what_no_variation_makes_has_no_decisions(layer, sentence) -> None:
    genome = network(IMAGE, (layer, 0), (Layer("global_average"), 1))
    with pytest.raises(ValueError, match="no decisions describe this genome: " + sentence):
        IMAGE.decisions(genome)


def test_strides_and_poolings_of_imported_networks_have_decisions() -> None:
    genome = network(
        IMAGE,
        (Layer("conv", width=4, kernel=3, stride=2), 0),
        (Layer("average_pool", kernel=3, stride=1), 1),
        (Layer("max_pool", kernel=3, stride=2), 2),
        (Layer("flatten"), 3),
        (Layer("flatten"), 0),
        (Layer("flatten"), 1),
        (Layer("concat"), 5, 4, 6),
    )
    assert IMAGE.build(IMAGE.decisions(genome)).key() == genome.key()


@pytest.mark.parametrize("space", [TIGHT, SMALL, SMALLEST], ids=["tight", "small", "smallest"])
def test_every_network_at_the_limits_has_decisions(space) -> None:
    for genome in lineage(space, 8, 150):
        assert space.build(space.decisions(genome)).key() == genome.key()


def test_the_smallest_space_leaves_one_network() -> None:
    decisions, names = walked(SMALLEST, lambda options: 0)
    assert names == ["dense", "1", "input", "stop"]
    assert SMALLEST.build(decisions).parameters == 9


def test_limits_take_options_away() -> None:
    space = replace(IMAGE, max_layers=2, max_depth=1, max_width=64, max_parameters=1000, starter_parameters=(1, 1000))
    first = ["conv", "8 to 11", "11", "3", "1", "input"]
    assert space.choices(named(space, *first)) == ("global_average", "global_max", "stop"), (
        "flattened, it has too many parameters"
    )
    assert space.choices(named(space, *first, "global_max")) == ("layer 1",), "there is no room for a branch from the input"
    assert space.choices(named(space, *first, "global_max", "layer 1")) == (), "there is no room for another layer"
    assert space.choices(named(space, "conv", "64")) == ("1",), "a larger kernel has too many parameters"


def test_where_no_way_on_is_left_the_widths_are_scaled_down() -> None:
    """Two ends at the greatest depth, which only the logits can take."""
    space = NetworkSpace((3,), 5, max_parameters=150, starter_parameters=(1, 150), max_depth=1, max_layers=6, max_width=16)
    scaled = 0
    for index in range(200):
        decisions, names = at_random(space, 9, index)
        genome = space.build(decisions)
        assert genome.parameters <= 150
        widths = [int(name) for name in names if name.isdigit()]
        built = [gene.layer.width for gene in genome.architecture.genes if gene.kind in WEIGHTED]
        assert len(built) == len(widths)
        scaled += built != widths
        assert space.build(space.decisions(genome)).key() == genome.key()
    assert scaled, "the test should find such a case"


def least_layers(positions):
    """How many layers bring ends together, by breadth-first search over poolings and merges."""
    seen, waiting, count = {positions}, [positions], 0
    while ((),) not in waiting:
        waiting, count = [after for state in waiting for after in joined_once(state)], count + 1
        waiting = [state for state in dict.fromkeys(waiting) if state not in seen]
        seen.update(waiting)
    return count


def joined_once(state):
    def without(*ends):
        rest = list(state)
        for end in ends:
            rest.remove(end)
        return rest

    for end in set(state) - {()}:
        yield tuple(sorted([*without(end), ()]))
        for stride in range(2, max(end) + 1):
            yield tuple(sorted([*without(end), tuple(-(-side // stride) for side in end)]))
    for main, skip in set(itertools.permutations(state, 2)):
        try:
            output_shape(Layer("add", projected=True), [(*main, 1), (*skip, 1)])
        except ValueError:
            continue
        yield tuple(sorted([*without(main, skip), main]))
    for end in set(state):
        for count in range(2, state.count(end) + 1):
            yield tuple(sorted([*without(*[end] * count), end]))


POSITIONS = st.sampled_from([(), (8, 8), (4, 4), (2, 2), (4, 2), (2, 4), (5, 4), (1, 3)])


@settings(max_examples=80, deadline=None)
@given(st.lists(POSITIONS, min_size=1, max_size=4))
def test_the_least_number_of_joining_layers_is_exact(positions) -> None:
    assert closing_layers(tuple(positions)) == least_layers(tuple(sorted(positions)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([(), (), (2, 2), (4, 4), (3, 1)]), st.sampled_from([1, 1, 2, 3, 9])), min_size=1, max_size=3
    ),
    st.integers(1, 5),
    st.integers(0, 1),
)
def test_the_least_number_of_parameters_is_a_lower_bound(ends, outputs, spare) -> None:
    shapes = tuple(sorted((*positions, channels) for positions, channels in ends))
    layers = closing_layers(tuple(shape[:-1] for shape in shapes)) + spare
    assert least_parameters(shapes, outputs, spare) <= cheapest(shapes, outputs, layers, {})


ONE_INPUT = [Layer("dense", width=1), Layer("dense", width=2), Layer("conv", width=1, kernel=1), Layer("conv", width=2, kernel=1),
             Layer("max_pool", kernel=2, stride=2), Layer("global_average"), Layer("flatten")]  # fmt: skip


def cheapest(ends, outputs, layers, known):
    """The fewest parameters with which the ends can be led to the logits, by trying everything."""
    if (ends, layers) in known:
        return known[ends, layers]
    best = (ends[0][-1] + 1) * outputs if len(ends) == 1 and len(ends[0]) == 1 else 10**9
    taken = [(layer, [end]) for end in set(ends) for layer in ONE_INPUT]
    taken += [(Layer("add", projected=a != b), [a, b]) for a, b in set(itertools.permutations(ends, 2))]
    taken += [(Layer("concat"), list(c)) for n in range(2, len(ends) + 1) for c in set(itertools.combinations(ends, n))]
    for layer, inputs in taken if layers else []:
        try:
            shape = output_shape(layer, inputs)
        except ValueError:
            continue
        rest = list(ends)
        for end in inputs:
            rest.remove(end)
        best = min(best, parameters(layer, inputs) + cheapest(tuple(sorted([*rest, shape])), outputs, layers - 1, known))
    known[ends, layers] = best
    return best


def test_a_question_says_which_part_it_is_about_and_which_earlier_parts_are_chosen_from() -> None:
    chain = ChainSpace((8, 8, 1), 10, min_layers=3, max_layers=3)
    asked = chain.question((0,) * 13)
    assert asked == ("the skip from layer 0 to layer 2", ("no", "yes"), 2, (0,), None)
    assert asked.kind == "the skip from layer # to layer #"
    blocks = CellSpace("nasnet", 2, (8, 8, 1), 10, channels=4, repeats=1, stages=2)
    questions = [blocks.question((0,) * place) for place in range(20)]
    assert [question.part for question in questions] == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
    assert questions[5].refers == (-2, -1, 0) and questions[15].refers == (-2, -1, 2)


def test_blocks_are_asked_in_the_order_of_the_paper() -> None:
    blocks = CellSpace("nasnet", 2, (8, 8, 1), 10, channels=4, repeats=1, stages=2)
    order = [blocks.question((0,) * place).about.split(", ")[1] for place in range(5, 10)]
    assert order == ["first input", "second input", "first operation", "second operation", "combination"]
    cell = blocks.random(philox(1, 2))
    assert blocks.build(blocks.decisions(cell)) == cell
    assert blocks.decisions(cell)[5:10] == tuple(cell.decisions[place] for place in (5, 7, 6, 8, 9))
