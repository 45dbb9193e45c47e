import csv
import gzip
import itertools
import math
import operator
from collections import defaultdict
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomes.cell import CellGenome, CellSpace
from genomes.cell.canonical import live_units
from genomes.testing import GenomeSuite, philox

TABLE = Path(__file__).parents[3] / "shared" / "data" / "nb201_cifar10.csv.gz"
SPACE = CellSpace()
cells = st.tuples(*[st.integers(0, 4)] * 6).map(SPACE.build)
NONE, SKIP, ONE, THREE, POOL = range(5)


def relabelled(cell: CellGenome, rng: np.random.Generator) -> CellGenome:
    """The same cell with its inner nodes in another topological order."""
    nodes = cell.space.nodes
    operation = {(edge.source, edge.target): answer for edge, answer in zip(cell.edges(), cell.decisions, strict=True)}
    place, waiting = {0: 0, nodes - 1: nodes - 1}, set(range(1, nodes - 1))
    for position in range(1, nodes - 1):
        ready = [n for n in sorted(waiting) if not any(operation.get((other, n), NONE) != NONE for other in waiting)]
        chosen = ready[int(rng.integers(len(ready)))]
        place[chosen] = position
        waiting.remove(chosen)
    moved = {(place[source], place[target]): answer for (source, target), answer in operation.items()}
    return cell.space.build([moved.get((edge.source, edge.target), NONE) for edge in cell.edges()])


class TestNasBench201Cells(GenomeSuite):
    space = SPACE
    isomorphic = staticmethod(relabelled)


class TestCellsOfSixNodesForLargerImages(GenomeSuite):
    space = CellSpace(nodes=6, input_shape=(64, 48, 1), outputs=3, channels=8, repeats=2)
    isomorphic = staticmethod(relabelled)


@given(cells)
def test_parameters_and_flops_follow_the_published_formulas(cell: CellGenome) -> None:
    ones, threes = cell.decisions.count(ONE), cell.decisions.count(THREE)
    assert cell.parameters == 73306 + 243040 * threes + 28000 * ones
    assert math.isclose(cell.flops / 1e6, 7.78305 + 35.38944 * threes + 3.93216 * ones, rel_tol=1e-12)


@pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is absent")
def test_every_cell_of_the_published_table_has_its_parameters_and_flops() -> None:
    with gzip.open(TABLE, "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15625
    for row in rows:
        cell = SPACE.build([int(digit) for digit in row["ops"]])
        assert cell.table_key == row["ops"]
        assert cell.parameters == int(row["params_c10"])
        assert math.isclose(cell.flops / 1e6, float(row["flops_M_c10"]), rel_tol=1e-9)


@given(cells, st.integers(0, 2**32))
def test_mutation_changes_one_edge_to_a_different_operation(cell: CellGenome, seed: int) -> None:
    child = cell.mutate(philox(seed, 0), clock=1)
    assert cell.distance(child) == 1
    assert child in cell.neighbours()


def test_mutation_reaches_every_neighbour_equally_often() -> None:
    cell = SPACE.build([0, 1, 2, 3, 4, 0])
    rng = philox(1, 1)
    children = [cell.mutate(rng, clock=1) for _ in range(4800)]
    counts = [children.count(neighbour) for neighbour in cell.neighbours()]
    assert len(counts) == 24 and sum(counts) == 4800
    assert min(counts) > 140 and max(counts) < 260  # 200 +- 4 standard deviations


@given(st.lists(cells, min_size=2, max_size=4), st.integers(0, 2**32))
def test_crossover_takes_every_edge_from_a_parent(parents: list[CellGenome], seed: int) -> None:
    child = parents[0].crossover(parents[1:], philox(seed, 0))
    for position, answer in enumerate(child.decisions):
        assert answer in {parent.decisions[position] for parent in parents}


def test_edges_without_effect_do_not_change_the_key() -> None:
    # Node 1 receives nothing, so what leaves it is nothing; node 2 leads nowhere.
    plain = SPACE.build([NONE, NONE, NONE, THREE, NONE, NONE])
    for first, second, third in itertools.product(range(5), repeat=3):
        assert SPACE.build([NONE, first, second, THREE, third, NONE]).key() == plain.key()
    assert SPACE.build([THREE, NONE, NONE, THREE, NONE, NONE]).key() == plain.key()


def test_a_skip_passes_its_source_on() -> None:
    assert SPACE.build([SKIP, NONE, NONE, NONE, THREE, NONE]).key() == SPACE.build([NONE, NONE, NONE, THREE, NONE, NONE]).key()
    assert SPACE.build([SKIP, NONE, NONE, SKIP, SKIP, NONE]).key() != SPACE.build([NONE, NONE, NONE, SKIP, NONE, NONE]).key()


def test_a_value_used_twice_is_not_two_copies_of_it() -> None:
    shared = SPACE.build([THREE, NONE, NONE, NONE, SKIP, NONE])
    assert shared.key() != SPACE.build([THREE, THREE, NONE, NONE, SKIP, SKIP]).key()
    twice = SPACE.build([THREE, NONE, SKIP, NONE, SKIP, SKIP])
    copies = SPACE.build([THREE, THREE, NONE, NONE, SKIP, SKIP])
    assert twice.key() != copies.key()  # two convolutions have weights of their own
    pooled_twice = SPACE.build([POOL, NONE, SKIP, NONE, SKIP, SKIP])
    pooled_copies = SPACE.build([POOL, POOL, NONE, NONE, SKIP, SKIP])
    assert pooled_twice.key() == pooled_copies.key()  # two average poolings of the same have none


def numeric_value(cell: CellGenome, x: float) -> float:
    """The cell on one number, each operation standing for a function of its own that keeps 0."""
    functions = [lambda v: 0.0, lambda v: v, lambda v: math.sin(1.3 * v), lambda v: math.tanh(2.1 * v), lambda v: v * v - 0.4 * v]
    values = [x] + [0.0] * (cell.space.nodes - 1)
    for edge, answer in zip(cell.edges(), cell.decisions, strict=True):
        values[edge.target] += functions[answer](values[edge.source])
    return round(values[-1], 9)


def test_cells_with_equal_keys_compute_the_same_in_the_whole_benchmark() -> None:
    values = defaultdict(set)
    for decisions in itertools.product(range(5), repeat=6):
        cell = SPACE.build(decisions)
        values[cell.key()].add((numeric_value(cell, 0.731), numeric_value(cell, -0.417)))
    assert all(len(found) == 1 for found in values.values())
    assert len(values) == 5260
    # Fewer values than keys: with one function for all convolutions, a shared value and two copies of it are the same.
    assert len({value for found in values.values() for value in found}) == 4930


def unit_graph(cell: CellGenome) -> nx.MultiDiGraph:
    units, output = live_units(cell.cells[0], {"average_pooling_3x3"})
    graph = nx.MultiDiGraph()
    graph.add_node("output", operation="output")
    graph.add_node(-1, operation="input")
    for position, (operation, (sources,)) in enumerate(units):
        graph.add_node(position, operation=operation)
        graph.add_edges_from((source, position) for source in sources)
    graph.add_edges_from((source, "output") for source in output[0])
    return graph


def test_keys_agree_with_graph_isomorphism() -> None:
    """Oracle: NetworkX decides whether two cells of five nodes are the same labelled graph."""
    space = CellSpace(nodes=5)
    rng = philox(3, 3)
    answers = rng.choice(5, p=[0.2, 0.2, 0.05, 0.45, 0.1], size=(150, 10))  # few labels, so that ties are common
    sample = [space.build(row.tolist()) for row in answers]
    sample += [relabelled(cell, rng) for cell in sample]
    by_shape = defaultdict(list)
    for cell in sample:
        graph = unit_graph(cell)
        shape = sorted((operation, graph.in_degree(v), graph.out_degree(v)) for v, operation in graph.nodes("operation"))
        by_shape[tuple(shape)].append((cell, graph))
    compared = 0
    for group in by_shape.values():
        for (a, graph_a), (b, graph_b) in itertools.combinations(group, 2):
            expected = nx.is_isomorphic(graph_a, graph_b, node_match=operator.eq, edge_match=lambda p, q: len(p) == len(q))
            assert (a.key() == b.key()) == expected, (a.decisions, b.decisions)
            compared += 1
    assert compared > 150
    assert len({cell.key() for cell in sample}) >= len(by_shape)


def test_many_interchangeable_operations_have_a_key_at_once() -> None:
    space = CellSpace(nodes=12)
    answers = [THREE if target == 11 or source == 0 else NONE for target in range(1, 12) for source in range(target)]
    assert space.build(answers).key().count("convolution_3x3") == 21


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"vocabulary": "nasbench202"}, "did you mean 'nasbench201'"),
        ({"nodes": 1}, "nodes must be a whole number from 2"),
        ({"outputs": 0}, "outputs must be a whole number >= 1, got 0"),
        ({"input_shape": (32,)}, "input_shape must be .* use NetworkSpace"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CellSpace(**settings)


def test_wrong_decisions_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 6 decisions, got 5"):
        SPACE.build([0] * 5)
    with pytest.raises(ValueError, match="decision 0->2 must be 0 to 4, got 5"):
        SPACE.build([0, 5, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="did you mean 'skip'"):
        SPACE.from_genes(["none"] * 5 + ["skipp"])
