"""Graphs of layers: the genome suite, random families, repair, legality."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.dag import FAMILIES, DagGenome, DagNode, DagSpace
from genomes.dag.expression import _common_size, _factor
from genomes.dag.repair import repaired
from genomes.layers import Layer
from genomes.network.genes import INPUT_MARKING
from genomes.testing import GenomeSuite, philox

IMAGES = DagSpace((8, 8, 1), 10)
SEQUENCES = DagSpace((20, 2), 3, max_inputs=2, merges=("concatenate",))
FEATURES = DagSpace((30,), 3, min_nodes=1, max_nodes=6)


def renamed(genome: DagGenome, rng: np.random.Generator) -> DagGenome:
    """The same graph under other markings, listed in another topological order, with the inputs of concatenations in another order."""
    names = {node.marking: int(new) for node, new in zip(genome.nodes, rng.choice(10**6, len(genome.nodes), replace=False), strict=True)}
    names[INPUT_MARKING] = INPUT_MARKING
    waiting, listed, done = list(genome.nodes), [], {INPUT_MARKING}
    while waiting:
        ready = [node for node in waiting if done.issuperset(node.inputs)]
        node = ready[int(rng.integers(len(ready)))]
        waiting.remove(node)
        done.add(node.marking)
        inputs = [names[source] for source in node.inputs]
        if node.merge == "concatenate":
            inputs = [inputs[place] for place in rng.permutation(len(inputs))]
        listed.append(DagNode(names[node.marking], node.layer, node.merge, tuple(inputs)))
    return DagGenome(genome.space, tuple(listed))


class Graphs(GenomeSuite):
    steps = 80
    isomorphic = staticmethod(renamed)

    def check(self, genome):
        matrix = genome.adjacency()
        assert not np.tril(matrix).any(), "the nodes are not in topological order"
        graph = nx.from_numpy_array(matrix, create_using=nx.DiGraph)
        assert nx.is_directed_acyclic_graph(graph)
        assert all(1 <= len(node.inputs) <= genome.space.max_inputs for node in genome.nodes)
        assert len(genome.nodes) <= genome.space.max_nodes
        layers = genome.architecture.by_marking
        assert all(node.marking in layers for node in genome.nodes), "a node does not reach the output"
        assert genome.architecture.shapes[genome.architecture.output.marking] == (genome.space.outputs,)


class TestGraphsForImages(Graphs):
    space = IMAGES


class TestGraphsForSequences(Graphs):
    space = SEQUENCES


class TestGraphsForFeatures(Graphs):
    space = FEATURES


@pytest.mark.parametrize("family", list(FAMILIES))
@given(st.integers(1, 20), st.integers(0, 2**32))
@settings(max_examples=30)
def test_every_family_gives_graphs_that_repair_makes_acyclic_and_connected(family, nodes, seed) -> None:
    adjacency = FAMILIES[family](nodes, philox(seed, 0))
    assert adjacency.shape == (nodes, nodes) and not np.diag(adjacency).any()
    if family != "oriented":
        assert not np.tril(adjacency).any()
    drawn = [
        DagNode(100 + n, Layer("conv", width=8, kernel=1), "add", tuple((100 + np.flatnonzero(adjacency[:, n])).tolist()))
        for n in range(nodes)
    ]
    mended = repaired(drawn, max_inputs=nodes + 1)
    graph = nx.DiGraph([(source, node.marking) for node in mended for source in node.inputs])
    assert nx.is_directed_acyclic_graph(graph)
    assert set(nx.descendants(graph, INPUT_MARKING)) == {node.marking for node in drawn}
    kept = {(s, node.marking) for node in mended for s in node.inputs if s != INPUT_MARKING}
    wanted = {(s, node.marking) for node in drawn for s in node.inputs}
    assert kept <= wanted
    if family != "oriented":
        assert kept == wanted, "repair took edges from a graph that had no cycle"


def test_families_differ() -> None:
    edges = {name: np.mean([FAMILIES[name](12, philox(0, i)).sum() for i in range(200)]) for name in FAMILIES}
    assert edges["barabasi_albert"] == 21  # 1 + 10 * 2
    assert 20 < edges["watts_strogatz"] <= 24
    assert edges["erdos_renyi"] == pytest.approx(66 * 0.25, rel=0.1)
    assert edges["uniform"] == pytest.approx(16.5, rel=0.1)
    cyclic = [
        not nx.is_directed_acyclic_graph(nx.from_numpy_array(FAMILIES["oriented"](12, philox(1, i)), create_using=nx.DiGraph))
        for i in range(50)
    ]
    assert any(cyclic)


def test_repair_breaks_a_cycle_at_the_edge_that_closes_it() -> None:
    layer = Layer("conv", width=8, kernel=1)
    circle = [DagNode(1, layer, "add", (3,)), DagNode(2, layer, "add", (1,)), DagNode(3, layer, "add", (2, 99))]
    mended = {node.marking: node.inputs for node in repaired(circle, max_inputs=3)}
    assert mended == {3: (INPUT_MARKING,), 1: (3,), 2: (1,)}


def test_the_networks_input_is_the_main_path_of_no_addition() -> None:
    layer = Layer("conv", width=8, kernel=1)
    first, second = repaired([DagNode(1, layer, "add", ()), DagNode(2, layer, "add", (INPUT_MARKING, 1))], max_inputs=2)
    assert first.inputs == (INPUT_MARKING,) and second.inputs == (1, INPUT_MARKING)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4))
def test_sizes_are_pooled_to_one_that_all_can_reach(sizes) -> None:
    common = _common_size(sizes)
    if common is None:
        assert any(min(size) < 2 for size in sizes) and len(set(sizes)) > 1
        return
    for size in sizes:
        factor = _factor(size, common)
        assert tuple(-(-n // factor) for n in size) == common


def test_every_mutation_happens_and_names_itself() -> None:
    genome = IMAGES.random(philox(2, 2))
    names = {genome.mutate(philox(3, index), clock=1).operators[0] for index in range(300)}
    assert names == {"change_layer", "change_merge", "insert_node", "add_node", "remove_node", "add_edge", "remove_edge"}


def test_a_child_has_its_fittest_parents_nodes_and_none_of_a_worse_parents_own() -> None:
    for index in range(30):
        a, b = (IMAGES.random(philox(4, 2 * index + k)).mutate(philox(5, 2 * index + k), clock=1 + k) for k in (0, 1))
        child = a.crossover([b], philox(6, index), ranks=[0, 1])
        assert {node.marking for node in child.nodes} == {node.marking for node in a.nodes}
        other = {node.marking: node for node in b.nodes}
        mine = {node.marking: node for node in a.nodes}
        assert all(
            node.layer in (mine[node.marking].layer, getattr(other.get(node.marking), "layer", None)) for node in child.nodes
        )


@pytest.mark.parametrize("space", [IMAGES, SEQUENCES, FEATURES])
@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_graphs_are_legal(space: DagSpace, count: int) -> None:
    checks = Graphs()
    families = set()
    for index in range(count):
        genome = space.random(philox(8, index))
        checks.check(genome)
        families.add(genome.operators[1])
    assert families == set(FAMILIES)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_shape": (2, 2, 2, 2)}, "input_shape must be .features,."),
        ({"layers": ("max_pool",)}, "poolings alone learn nothing"),
        ({"layers": ("convv",)}, "did you mean 'conv'"),
        ({"families": ("erdos",)}, "unknown families 'erdos'"),
        ({"min_nodes": 9, "max_nodes": 3}, "min_nodes <= max_nodes"),
        ({"widths": ()}, "widths must be one or more"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DagSpace(**{"input_shape": (8, 8, 1), "outputs": 10, **arguments})


def test_wrong_genes_are_refused_in_a_sentence() -> None:
    genes = IMAGES.random(philox(9, 9)).genes()
    with pytest.raises(ValueError, match="neither the input nor a node before it"):
        IMAGES.from_genes([{**genes[0], "inputs": [genes[0]["marking"]]}])
    with pytest.raises(ValueError, match="did you mean 'add'"):
        IMAGES.from_genes([{**genes[0], "merge": "ad"}])
    with pytest.raises(ValueError, match="two nodes have the marking"):
        IMAGES.from_genes([genes[0], genes[0]])
