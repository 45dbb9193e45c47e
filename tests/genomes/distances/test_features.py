"""Weisfeiler-Lehman counts and paths against definitions that are written down anew here, and by hand."""

from collections import Counter

import networkx as nx
import numpy as np

from genomes import CellSpace, NeatSpace, NetworkSpace
from genomes.distances import Paths, WeisfeilerLehman
from genomes.distances.graphs import JUNCTIONS, labelled
from genomes.testing import lineage

SPACE = CellSpace()


def test_the_kernel_is_positive_semi_definite_and_its_diagonal_is_one() -> None:
    for space in (SPACE, NeatSpace(inputs=3, outputs=2), NetworkSpace((8, 8, 1), 10)):
        kernel = WeisfeilerLehman().kernel(lineage(space, 2, 40, size=8))
        assert np.linalg.eigvalsh(kernel)[0] > -1e-9 and np.array_equal(np.diag(kernel), np.ones(len(kernel)))
        assert kernel.min() >= 0 and kernel.max() <= 1


def test_counts_are_those_of_labels_that_are_spelled_out() -> None:
    for cell in (SPACE.build([1, 2, 3, 4, 3, 2]), SPACE.build([3, 3, 0, 2, 1, 0])):
        graph = cell.graph()
        labels = {name: data["kind"] for name, data in graph.nodes(data=True)}
        rounds = [Counter(labels.values())]
        for _ in range(2):
            labels = {
                name: (
                    labels[name],
                    tuple(sorted([repr(labels[one]) for one in graph.predecessors(name)])),
                    tuple(sorted([repr(labels[one]) for one in graph.successors(name)])),
                )
                for name in graph
            }
            rounds.append(Counter(map(repr, labels.values())))
        if all(nx.has_path(graph, 0, name) and nx.has_path(graph, name, 3) for name in graph):  # nothing without effect
            counts = WeisfeilerLehman(iterations=2).features(cell)
            assert sorted(counts.values()) == sorted([count for each in rounds for count in each.values()])


def test_isomorphic_graphs_have_equal_features() -> None:
    """Nodes 1 and 2 in either order: two branches from the input to the output."""
    one, other = SPACE.build([2, 3, 0, 0, 4, 1]), SPACE.build([3, 2, 0, 0, 1, 4])
    assert one != other and WeisfeilerLehman(3).features(one) == WeisfeilerLehman(3).features(other)
    assert Paths().features(one) == Paths().features(other)


def test_layers_of_other_widths_have_something_in_common() -> None:
    narrow, wide = (NetworkSpace((8, 8, 1), outputs).random(np.random.default_rng(3)) for outputs in (10, 5))
    assert 0 < WeisfeilerLehman().kernel([narrow], [wide])[0, 0] < 1


def test_disabled_connections_do_not_count() -> None:
    space = NeatSpace(inputs=2, outputs=1)
    genome = space.random(np.random.default_rng(0))
    genes = genome.genes()
    genes["connections"][0][4] = False
    disabled = space.from_genes(genes)
    genes["connections"].pop(0)
    assert WeisfeilerLehman().features(disabled) == WeisfeilerLehman().features(space.from_genes(genes))
    assert WeisfeilerLehman().features(disabled) != WeisfeilerLehman().features(genome)


def test_inputs_are_told_apart() -> None:
    space = NeatSpace(inputs=2, outputs=1)
    genes = space.random(np.random.default_rng(0)).genes()
    without = []
    for place in (0, 1):
        left = {**genes, "connections": [list(one) for one in genes["connections"]]}
        left["connections"][place][4] = False
        without.append(space.from_genes(left))
    assert WeisfeilerLehman().between(*without) > 0 and Paths().between(*without) == 2


def test_paths_are_all_that_lead_from_the_input_to_the_output() -> None:
    for cell in lineage(SPACE, 5, 40, size=10):
        graph = cell.graph()
        expected = {
            tuple([graph.nodes[name]["kind"] for name in path if graph.nodes[name]["kind"] not in JUNCTIONS])
            for path in nx.all_simple_paths(graph, 0, 3)
        }
        assert Paths().features(cell) == expected


def test_paths_of_two_inputs_and_two_cells_say_where_they_begin() -> None:
    space = CellSpace("nasnet", 2)
    for cell in lineage(space, 5, 12, size=4):
        found = Paths(most=10**6).features(cell)
        graph = cell.graph()
        several = {
            name: f"{data['cell']} {data['kind']} {name}"
            for name, data in graph.nodes(data=True)
            if data["kind"] in ("input", "output")
        }
        ends = [name for name in several if graph.nodes[name]["kind"] == "output"]
        expected = set()
        for start in several:
            for end in ends:
                for path in nx.all_simple_paths(graph, start, end) if start != end else ():
                    inner = [
                        f"{graph.nodes[name]['cell']} {graph.nodes[name]['kind']}"
                        for name in path[1:-1]
                        if graph.nodes[name]["kind"] not in JUNCTIONS
                    ]
                    expected.add((several[start], *inner, several[end]))
        assert found == expected


def test_of_too_many_paths_the_shortest_are_kept() -> None:
    space = CellSpace(nodes=12)
    cell = space.build(
        [2] * len(space.questions)
    )  # 1,024 ways, of which 11 lengths differ: equal operations are one path a length
    everything = Paths().features(cell)
    assert sorted(map(len, everything)) == list(range(1, 12))
    assert Paths(most=4).features(cell) == {path for path in everything if len(path) <= 4}
    mixed = space.build([2 + place % 3 for place in range(len(space.questions))])
    few = Paths(most=50).features(mixed)
    longest = max(map(len, few))
    assert len(few) == 50 and {path for path in Paths(most=10**5).features(mixed) if len(path) < longest} <= few


def test_recurrent_connections_end() -> None:
    space = NeatSpace(inputs=2, outputs=1, recurrent=True)
    for genome in lineage(space, 1, 40, size=5):
        assert len(Paths(most=200).features(genome)) <= 200


def test_a_graph_without_inputs_is_taken_as_it_is() -> None:
    from neuroevo.testing.evaluator import NumberSpace

    graph = labelled(NumberSpace().from_genes(1.0))
    assert len(graph.coarse) == 1 and graph.sources == ()
