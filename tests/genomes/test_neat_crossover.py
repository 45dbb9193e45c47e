"""NEAT's crossover and compatibility distance, by the paper (Stanley & Miikkulainen 2002, section 3.2 and equation 1)."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import NeatSpace
from genomes.testing import lineage, philox

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5, "toggle_rate": 0.2}
SPACES = {
    "forward": NeatSpace(inputs=3, outputs=2, bias="input", average_rate=0.0, **GROWING),
    "recurrent": NeatSpace(inputs=2, outputs=2, bias="node", recurrent=True, average_rate=0.0, **GROWING),
}


def rows(genome) -> dict[int, list]:
    return {row[0]: row[1:] for row in genome.genes()["connections"]}


def pairs(space: NeatSpace, count: int = 30):
    """Relatives that share some genes and differ in others."""
    genomes = lineage(space, 21, 4 * count)
    return [(genomes[2 * number + count], genomes[-1 - number]) for number in range(count)]


def offspring(a, b, ranks, count: int = 20, pair: int = 0):
    return [a.crossover([b], philox(22 + pair, number), ranks=ranks) for number in range(count)]


@pytest.mark.parametrize("kind", SPACES)
def test_disjoint_and_excess_genes_come_from_the_fitter(kind: str) -> None:
    for a, b in pairs(SPACES[kind]):
        for child in offspring(a, b, [1, 2], 3) + offspring(b, a, [7, 3], 3):  # a is the fitter, as self and as other
            assert set(rows(child)) == set(rows(a))
            assert child.nodes.marking.tolist() == a.nodes.marking.tolist()
            for gene, (source, target, weight, _) in rows(child).items():
                assert [source, target] == rows(a)[gene][:2]
                assert weight in (rows(a)[gene][2], rows(b).get(gene, rows(a)[gene])[2])
                if gene not in rows(b):
                    assert rows(child)[gene] == rows(a)[gene], "a gene of one parent alone changed, its disabled bit perhaps"


@pytest.mark.parametrize("kind", SPACES)
def test_matching_genes_come_from_either_parent_at_random(kind: str) -> None:
    taken = []
    for pair, (a, b) in enumerate(pairs(SPACES[kind])):
        for child in offspring(a, b, [0, 1], pair=pair):
            for gene in set(rows(a)) & set(rows(b)):
                if rows(a)[gene][2] != rows(b)[gene][2]:
                    taken.append(rows(child)[gene][2] == rows(b)[gene][2])
    assert len(taken) > 500 and abs(np.mean(taken) - 0.5) < 0.06


@pytest.mark.parametrize("rate", [0.75, 0.2])
def test_a_gene_disabled_in_either_parent_is_disabled_with_the_rate(rate: float) -> None:
    space = NeatSpace(inputs=3, outputs=2, bias="none", average_rate=0.0, disabled_rate=rate)
    nodes = space.random(philox(1, 0)).genes()["nodes"]
    connections = space.random(philox(1, 0)).genes()["connections"]

    def parent(*enabled: bool):
        return space.from_genes(
            {"nodes": nodes, "connections": [[*row[:4], e] for row, e in zip(connections, enabled, strict=True)]}
        )

    a = parent(True, True, False, False, True, True)
    b = parent(True, False, True, False, True, True)
    for ranks in ([0, 1], [0, 0]):
        disabled = ~np.array([child.connections.enabled for child in offspring(a, b, ranks, 600)])
        assert not disabled[:, [0, 4, 5]].any()
        assert np.abs(disabled[:, 1:4].mean(axis=0) - rate).max() < 4 * math.sqrt(rate * (1 - rate) / 600)


@pytest.mark.parametrize(("either", "both"), [(0.875, 1.0), (0.3, 0.0), (0.75, None)])
def test_a_gene_disabled_in_both_parents_is_disabled_with_its_own_rate(either: float, both: float | None) -> None:
    space = NeatSpace(inputs=2, outputs=2, bias="none", disabled_rate=either, disabled_in_both_rate=both)
    genes = space.random(philox(1, 0)).genes()

    def parent(*enabled: bool):
        rows = [[*row[:4], e] for row, e in zip(genes["connections"], enabled, strict=True)]
        return space.from_genes({**genes, "connections": rows})

    for ranks in ([0, 1], [0, 0]):
        children = offspring(parent(True, True, False, False), parent(True, False, True, False), ranks, 800)
        disabled = (~np.array([child.connections.enabled for child in children])).mean(axis=0)
        assert disabled[0] == 0.0 and disabled[3] == pytest.approx(either if both is None else both, abs=0.06)
        assert np.abs(disabled[1:3] - either).max() < 0.07
    assert ("disabled_in_both_rate" in space.to_dict()) == (both is not None)  # older spaces keep their text
    assert type(space).from_dict(space.to_dict()) == space


@pytest.mark.parametrize("kind", SPACES)
def test_equal_parents_give_each_unmatched_gene_to_about_half_the_children(kind: str) -> None:
    inherited, possible = 0, 0
    for pair, (a, b) in enumerate(pairs(SPACES[kind])):
        for child in offspring(a, b, [4, 4], 10, pair):
            genes = rows(child)
            assert set(rows(a)) & set(rows(b)) <= set(genes) <= set(rows(a)) | set(rows(b))
            edges = [tuple(row[:2]) for row in genes.values()]
            assert len(set(edges)) == len(edges)
            if not child.space.recurrent:
                assert nx.is_directed_acyclic_graph(child.graph())
            alone = set(rows(a)) ^ set(rows(b))
            inherited, possible = inherited + len(alone & set(genes)), possible + len(alone)
    # A little less than half: genes that would close a cycle or repeat an edge are left out.
    assert possible > 500 and 0.38 < inherited / possible < 0.55


def test_averaged_matings_take_the_mean_of_matching_weights() -> None:
    space = NeatSpace(inputs=3, outputs=2, bias="node", average_rate=1.0)
    a, b = space.random(philox(1, 0)), space.random(philox(1, 1))
    child = a.crossover([b], philox(2, 0), ranks=[0, 1])
    np.testing.assert_allclose(child.connections.weight, (a.connections.weight + b.connections.weight) / 2)
    np.testing.assert_allclose(child.nodes.bias, (a.nodes.bias + b.nodes.bias) / 2)


def test_many_equal_parents_contribute_alike() -> None:
    space = NeatSpace(inputs=2, outputs=1, bias="none", average_rate=0.0)
    parents = [space.random(philox(1, number)) for number in range(4)]
    weights = [parent.connections.weight[0] for parent in parents]
    children = [parents[0].crossover(parents[1:], philox(3, number)) for number in range(800)]
    counts = [sum(child.connections.weight[0] == weight for child in children) for weight in weights]
    assert sum(counts) == 800 and all(abs(count - 200) < 50 for count in counts)


@pytest.mark.parametrize("recurrent", [False, True])
@given(seed=st.integers(0, 2**32), most_hidden=st.integers(0, 6), most_connections=st.integers(6, 14))
@settings(max_examples=60, deadline=None)
def test_a_child_of_equally_fit_parents_stays_within_the_limits(
    recurrent: bool, seed: int, most_hidden: int, most_connections: int
) -> None:
    rates = {"add_node_rate": 0.5, "add_connection_rate": 0.7, "toggle_rate": 0.2}
    space = NeatSpace(inputs=2, outputs=2, recurrent=recurrent, max_hidden=most_hidden, max_connections=most_connections, **rates)
    a, b = (space.random(philox(seed, number)) for number in range(2))
    for clock in range(1, 12):  # apart: hardly a gene in common
        a, b = a.mutate(philox(seed + 1, clock), clock=clock), b.mutate(philox(seed + 2, clock), clock=clock)
    for child in offspring(a, b, [0, 0], 4, pair=seed):
        assert child.hidden <= most_hidden and len(child.connections.marking) <= most_connections
        assert space.from_genes(child.genes()) == child, "a sound genome"


def test_equally_fit_parents_without_limits_give_genes_of_both() -> None:
    for pair, (a, b) in enumerate(pairs(SPACES["forward"])):
        only_b = set(rows(b)) - set(rows(a))
        given_ = [len(only_b & set(rows(child))) / len(only_b) for child in offspring(a, b, [0, 0], pair=pair) if only_b]
        assert not given_ or 0.0 < np.mean(given_) < 1.0


def test_parents_of_another_space_and_odd_ranks_are_refused() -> None:
    a, b = SPACES["forward"].random(philox(1, 0)), SPACES["recurrent"].random(philox(1, 0))
    with pytest.raises(ValueError, match="must be of one space"):
        a.crossover([b], philox(1, 1))
    with pytest.raises(ValueError, match="ranks must be one for each of the 2 parents, got 3"):
        a.crossover([a], philox(1, 1), ranks=[0, 1, 2])


# Compatibility distance -------------------------------------------------------------------------------------------------------


def reference(a, b, excess: float, disjoint: float, weight: float) -> float:
    """Equation 1 of the paper, gene by gene; the biases of nodes count as weights."""
    mine, theirs = rows(a), rows(b)
    size = max(len(mine), len(theirs))
    size = 1 if size < 20 else size
    last = min(max(mine, default=-1), max(theirs, default=-1))
    alone = set(mine) ^ set(theirs)
    beyond = {gene for gene in alone if gene > last}
    pairs = [(mine[gene][2], theirs[gene][2]) for gene in set(mine) & set(theirs)]
    if a.space.bias == "node":
        biases = [{row[0]: row[2] for row in g.genes()["nodes"] if row[1] in ("output", "hidden")} for g in (a, b)]
        pairs += [(biases[0][node], biases[1][node]) for node in set(biases[0]) & set(biases[1])]
    mean = sum(abs(x - y) for x, y in pairs) / len(pairs) if pairs else 0.0
    return excess * len(beyond) / size + disjoint * len(alone - beyond) / size + weight * mean


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("coefficients", [(1.0, 1.0, 0.4), (1.0, 1.0, 3.0), (2.5, 0.5, 0.0), (0.0, 3.0, 1.0)])
def test_the_distance_is_the_papers(kind: str, coefficients: tuple[float, float, float]) -> None:
    genomes = lineage(SPACES[kind], 23, 150)[::8]
    assert min(len(rows(g)) for g in genomes) < 20 < max(len(rows(g)) for g in genomes), (
        "both sides of the rule for small genomes"
    )
    excess, disjoint, weight = coefficients
    for a in genomes:
        for b in genomes:
            expected = reference(a, b, *coefficients)
            assert a.distance(b, excess=excess, disjoint=disjoint, weight=weight) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_genomes_without_a_common_gene_have_a_distance() -> None:
    empty = NeatSpace(inputs=2, outputs=1, bias="none", initial="none").random(philox(1, 0))
    assert empty.distance(empty) == 0.0
    grown = empty.space.from_genes(
        {"nodes": empty.genes()["nodes"], "connections": [[9, 0, 2, 1.0, True], [11, 1, 2, 1.0, True]]}
    )
    assert empty.distance(grown) == grown.distance(empty) == 2.0
