"""NEAT's mutations and markings, by the paper (Stanley & Miikkulainen 2002, section 3)."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import NeatSpace
from genomes.markings import MAX_CLOCK, birth_clock, marking
from genomes.neat.genes import CONNECTION_INNOVATION, NODE_INNOVATION
from genomes.testing import lineage, philox

STILL = {
    name: 0.0
    for name in NeatSpace.__dataclass_fields__
    if name.endswith("_rate") and name not in ("average_rate", "disabled_rate")
}
MARKINGS = st.integers(0, 2**63 - 1)


def space(inputs: int = 2, outputs: int = 1, **settings) -> NeatSpace:
    """A space in which nothing mutates but what is named."""
    return NeatSpace(inputs=inputs, outputs=outputs, **{**STILL, "bias": "input", **settings})


def rows(genome) -> dict[int, list]:
    """Connections by marking."""
    return {row[0]: row[1:] for row in genome.genes()["connections"]}


def children(genome, count: int, clock: int = 1):
    return [genome.mutate(philox(11, number), clock=clock) for number in range(count)]


def share(genomes, operator: str) -> float:
    return sum(operator in genome.operators for genome in genomes) / len(genomes)


# Markings ---------------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(st.integers(0, MAX_CLOCK), st.integers(0, 9), MARKINGS, MARKINGS, st.integers(0, 5))
def test_compiled_markings_are_the_markings(clock: int, kind: int, first: int, second: int, occurrence: int) -> None:
    from genomes.neat.kernels.streams import marking_of_one, marking_of_two

    assert marking_of_one(clock, kind, first, occurrence) == marking(clock, kind, first, occurrence=occurrence)
    assert marking_of_two(clock, kind, first, second, occurrence) == marking(clock, kind, first, second, occurrence=occurrence)


def test_the_same_innovation_in_the_same_generation_has_the_same_marking() -> None:
    grown = space(add_node_rate=1.0)
    mothers = [grown.random(philox(1, number)) for number in range(40)]
    by_split: dict[int, set[tuple[int, ...]]] = {}
    for number, mother in enumerate(mothers):
        child = mother.mutate(philox(2, number), clock=3)
        (split,) = [gene for gene, row in rows(child).items() if not row[3]]
        new = {row[0] for row in child.genes()["nodes"]} | set(rows(child))
        new -= {row[0] for row in mother.genes()["nodes"]} | set(rows(mother))
        by_split.setdefault(split, set()).add(tuple(sorted(new)))
    assert len(by_split) == 3, "each of the three connections was split by somebody"
    assert all(len(markings) == 1 for markings in by_split.values())
    assert len(set.union(*by_split.values())) == 3, "different innovations have different markings"
    other_generation = mothers[0].mutate(philox(2, 0), clock=4)
    assert all(birth_clock(gene) in (0, 4) for gene in rows(other_generation))
    assert max(rows(other_generation)) > max(gene for markings in by_split.values() for new in markings for gene in new)


# Structure --------------------------------------------------------------------------------------------------------------------


def test_add_node_splits_a_connection() -> None:
    mother = space(add_node_rate=1.0, activations=("tanh",)).random(philox(1, 0))
    for child in children(mother, 20, clock=7):
        assert child.operators == ("add_node",)
        (split,) = [gene for gene, row in rows(child).items() if not row[3]]
        source, target, weight, _ = rows(mother)[split]
        node = marking(7, NODE_INNOVATION, split)
        into, out = (marking(7, CONNECTION_INNOVATION, *ends) for ends in ((source, node), (node, target)))
        assert rows(child) == {
            **rows(mother), split: [source, target, weight, False], into: [source, node, 1.0, True], out: [node, target, weight, True]
        }  # fmt: skip
        assert child.genes()["nodes"] == [*mother.genes()["nodes"], [node, "hidden", 0.0, 1.0, "tanh", "sum"]]


def test_a_connection_may_be_split_twice_in_one_generation() -> None:
    splitting = space(1, bias="none", add_node_rate=1.0)
    mother = splitting.random(philox(1, 0))
    (split,) = rows(mother)
    child = mother.mutate(philox(1, 1), clock=1)
    genes = child.genes()
    only_the_first = [[*row[:4], row[0] == split] for row in genes["connections"]]
    grandchild = splitting.from_genes({**genes, "connections": only_the_first}).mutate(philox(1, 2), clock=1)
    hidden = [row[0] for row in grandchild.genes()["nodes"] if row[1] == "hidden"]
    assert hidden == sorted([marking(1, NODE_INNOVATION, split), marking(1, NODE_INNOVATION, split, occurrence=1)])


@pytest.mark.parametrize("recurrent", [False, True])
def test_add_connection_joins_two_nodes_that_were_not_connected(recurrent: bool) -> None:
    growing = space(3, 2, add_connection_rate=1.0, recurrent=recurrent, initial="random", initial_hidden=4, weight_range=2.0)
    back = 0
    for number in range(60):
        mother = growing.random(philox(4, number))
        child = mother.mutate(philox(5, number), clock=2)
        new = {gene: row for gene, row in rows(child).items() if gene not in rows(mother)}
        if child.operators != ("add_connection",):
            assert child.operators == ("copy",) and child == mother
            continue
        ((gene, (source, target, weight, enabled)),) = new.items()
        assert enabled and -2.0 <= weight <= 2.0
        assert gene == marking(2, CONNECTION_INNOVATION, source, target)
        assert (source, target) not in {(row[0], row[1]) for row in rows(mother).values()}
        assert target >= growing.sensors
        back += not nx.is_directed_acyclic_graph(child.graph())
    assert (back > 0) == recurrent


def test_a_fully_connected_genome_gains_no_connection() -> None:
    genome = space(add_connection_rate=1.0).random(philox(1, 0))
    assert all(child == genome and child.operators == ("copy",) for child in children(genome, 10))


def test_remove_node_takes_its_connections_along() -> None:
    shrinking = space(3, 2, remove_node_rate=1.0, initial="random", initial_hidden=5)
    for number in range(20):
        mother = shrinking.random(philox(6, number))
        child = mother.mutate(philox(7, number), clock=1)
        assert child.operators == ("remove_node",) and child.hidden == mother.hidden - 1
        (gone,) = {row[0] for row in mother.genes()["nodes"]} - {row[0] for row in child.genes()["nodes"]}
        assert rows(child) == {gene: row for gene, row in rows(mother).items() if gone not in row[:2]}


def test_remove_toggle_and_reenable_touch_one_connection() -> None:
    mother = space(3, 2, toggle_rate=1.0).random(philox(1, 0))
    for child in children(mother, 10):
        (changed,) = [gene for gene in rows(mother) if rows(child)[gene] != rows(mother)[gene]]
        assert rows(child)[changed][3] is False
    removing = space(3, 2, remove_connection_rate=1.0).random(philox(1, 0))
    assert all(len(rows(child)) == len(rows(removing)) - 1 for child in children(removing, 10))
    reenabling = space(3, 2, reenable_rate=1.0)
    nodes, connections = mother.genes()["nodes"], mother.genes()["connections"]
    disabled = reenabling.from_genes({"nodes": nodes, "connections": [[*row[:4], False] for row in connections]})
    assert all(sum(row[3] for row in rows(child).values()) == 1 for child in children(disabled, 10))
    assert all(child.operators == ("copy",) for child in children(reenabling.random(philox(1, 0)), 10))


def test_mutations_stop_growing_at_the_limits() -> None:
    for most in ({"max_hidden": 3, "max_connections": 1000}, {"max_hidden": 1000, "max_connections": 9}):
        genome = space(2, 1, add_node_rate=1.0, add_connection_rate=1.0, **most).random(philox(1, 0))
        for clock in range(1, 60):
            genome = genome.mutate(philox(1, clock), clock=clock)
        assert genome.hidden == 3 or len(rows(genome)) in (8, 9)
        assert genome.hidden <= most["max_hidden"] and len(rows(genome)) <= most["max_connections"]


# Rates ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operator"),
    [("add_node_rate", "add_node"), ("add_connection_rate", "add_connection"), ("weight_mutation_rate", "mutate_weights"),
     ("remove_node_rate", "remove_node"), ("remove_connection_rate", "remove_connection"), ("toggle_rate", "toggle_connection"),
     ("bias_mutation_rate", "mutate_biases")],
)  # fmt: skip
@pytest.mark.parametrize("rate", [0.03, 0.3])
def test_an_operator_happens_as_often_as_its_rate_says(name: str, operator: str, rate: float) -> None:
    genome = space(3, 2, bias="node", recurrent=True, initial="random", initial_hidden=3, **{name: rate}).random(philox(1, 5))
    born = children(genome, 2000)
    assert abs(share(born, operator) - rate) < 4 * math.sqrt(rate * (1 - rate) / len(born))
    assert all(set(child.operators) <= {operator, "copy"} for child in born)


def test_the_papers_rates_are_the_defaults_of_structure_and_weights() -> None:
    defaults = NeatSpace(inputs=2, outputs=1)
    assert (defaults.weight_mutation_rate, defaults.weight_replace_rate, defaults.add_node_rate) == (0.8, 0.1, 0.03)
    assert defaults.disabled_rate == 0.75 and defaults.activations == ("steepened_sigmoid",)


# Weights ----------------------------------------------------------------------------------------------------------------------


def differences(**settings) -> tuple[np.ndarray, np.ndarray]:
    """(old weights, new weights) of many mutations of genomes of 30 connections."""
    varied = space(15, 2, bias="none", weight_mutation_rate=1.0, weight_mutation_share=1.0, weight_range=3.0, **settings)
    mothers = [varied.random(philox(1, number)) for number in range(100)]
    born = [mother.mutate(philox(2, number), clock=1) for number, mother in enumerate(mothers)]
    assert all(child.operators == ("mutate_weights",) for child in born)
    return np.array([m.connections.weight for m in mothers]), np.array([c.connections.weight for c in born])


def test_uniform_perturbation() -> None:
    old, new = differences(weight_power=0.5, perturbation="uniform", weight_replace_rate=0.0, weight_limit=100.0)
    step = new - old
    assert np.abs(step).max() <= 0.5
    assert abs(step.std() - 0.5 / math.sqrt(3)) < 0.01 and abs(step.mean()) < 0.02


def test_gaussian_perturbation() -> None:
    old, new = differences(weight_power=0.5, perturbation="gaussian", weight_replace_rate=0.0, weight_limit=100.0)
    step = (new - old).ravel()
    assert abs(step.std() - 0.5) < 0.02 and abs(step.mean()) < 0.03
    assert abs((np.abs(step) < 0.5).mean() - 0.6827) < 0.03


def test_replacement_draws_anew() -> None:
    old, new = differences(weight_power=0.001, weight_replace_rate=0.1)
    replaced = np.abs(new - old) > 0.001
    assert abs(replaced.mean() - 0.1) < 0.02
    assert np.abs(new[replaced]).max() <= 3.0 and abs(new[replaced].std() - 3.0 / math.sqrt(3)) < 0.15
    assert abs(np.corrcoef(old[replaced], new[replaced])[0, 1]) < 0.2


def test_weights_are_clipped_and_partly_kept() -> None:
    _, new = differences(weight_power=5.0, weight_replace_rate=0.0, weight_limit=3.5)
    assert np.abs(new).max() == 3.5
    some = space(15, 2, weight_mutation_rate=1.0, weight_mutation_share=0.25).random(philox(1, 0))
    changed = np.array([child.connections.weight != some.connections.weight for child in children(some, 200)])
    assert abs(changed.mean() - 0.25) < 0.03


def test_functions_are_drawn_from_the_spaces_lists() -> None:
    varied = space(
        2, 1, activations=("tanh", "sine"), output_activation="identity", activation_mutation_rate=0.5, add_node_rate=0.3,
        aggregations=("sum", "max"), aggregation_mutation_rate=0.5,
    )  # fmt: skip
    seen: set[tuple[str, str, str]] = set()
    for genome in lineage(varied, 1, 80):
        seen |= {(row[1], row[4], row[5]) for row in genome.genes()["nodes"]}
    assert {row for row in seen if row[0] == "hidden"} == {("hidden", a, g) for a in ("tanh", "sine") for g in ("sum", "max")}
    assert {row[1] for row in seen if row[0] == "output"} == {"identity"}
    assert {row[1:] for row in seen if row[0] in ("input", "bias")} == {("identity", "sum")}


# First genomes ----------------------------------------------------------------------------------------------------------------


def test_first_genomes_have_the_topology_that_was_asked_for() -> None:
    def edges(**settings) -> list[set[tuple[int, int]]]:
        started = space(3, 2, **settings)
        return [{(row[0], row[1]) for row in rows(started.random(philox(1, number))).values()} for number in range(200)]

    full = {(source, target) for source in range(4) for target in (4, 5)}
    assert all(found == full for found in edges(initial="full"))
    assert not any(edges(initial="none"))
    partial = edges(initial="partial", initial_share=0.25)
    assert abs(np.mean([len(found) for found in partial]) - 0.25 * len(full)) < 0.4
    selective = edges(initial="feature_selective")
    assert {frozenset(found) for found in selective} == {
        frozenset((source, target) for source in (chosen, 3) for target in (4, 5)) for chosen in range(3)
    }
    hidden = space(3, 2, initial="full", initial_hidden=2).random(philox(1, 0))
    assert hidden.hidden == 2 and len(rows(hidden)) == 4 * 2 + 2 * 2
    assert nx.dag_longest_path_length(hidden.graph(), weight=None) == 2


def test_first_weights_are_uniform_in_their_range() -> None:
    started = space(10, 10, bias="none", weight_range=2.0, weight_mutation_rate=1.0)
    weights = np.array([started.random(philox(1, number)).connections.weight for number in range(50)])
    assert np.abs(weights).max() <= 2.0 and abs(weights.std() - 2.0 / math.sqrt(3)) < 0.02
