"""Mutation and crossover of graphs of layers. (The paper names them as future work; these are ours.)

Every change is made on a plain list of nodes and then repaired. Crossover goes by historical marking, as NEAT's does (Stanley &
Miikkulainen 2002, section 3.2): matching nodes from either parent, further ones from parents that are as fit as the fittest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genomes.dag.nodes import DagNode
from genomes.dag.repair import repaired
from genomes.markings import marking
from genomes.network.genes import ADDED, INPUT_MARKING, INSERTED

if TYPE_CHECKING:
    from genomes.dag.space import DagSpace

Nodes = tuple[DagNode, ...]
_ATTEMPTS = 24


def mutated(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> tuple[Nodes, str]:
    """The nodes after one change, all kinds of change alike, and its name; "unchanged" where none was found."""
    for _ in range(_ATTEMPTS):
        name = tuple(MUTATIONS)[int(rng.integers(len(MUTATIONS)))]
        changed = MUTATIONS[name](space, nodes, rng, clock)
        if changed is None or not 1 <= len(changed) <= space.max_nodes:
            continue
        result = repaired(changed, space.max_inputs)
        if result != nodes:
            return result, name
    return nodes, "unchanged"


def change_layer(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """Another random layer in one node."""
    place = int(rng.integers(len(nodes)))
    return _with(nodes, place, replace(nodes[place], layer=space.random_layer(rng)))


def change_merge(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """The other way to merge inputs, in a node with several."""
    places = [place for place, node in enumerate(nodes) if len(node.inputs) > 1]
    if not places or len(space.merges) < 2:
        return None
    place = _drawn(places, rng)
    others = [merge for merge in space.merges if merge != nodes[place].merge]
    return _with(nodes, place, replace(nodes[place], merge=others[int(rng.integers(len(others)))]))


def insert_node(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """A node with a random layer on a random edge."""
    edges = [(place, source) for place, node in enumerate(nodes) for source in node.inputs]
    place, source = edges[int(rng.integers(len(edges)))]
    target = nodes[place]
    born = _born(nodes, clock, INSERTED, source, target.marking)
    inserted = DagNode(born, space.random_layer(rng), _merge(space, rng), (source,))
    inputs = tuple([born if old == source else old for old in target.inputs])
    return [*nodes[:place], inserted, replace(target, inputs=inputs), *nodes[place + 1 :]]


def add_node(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """A node with a random layer that takes a random earlier one and is taken by a random later one, or by the output."""
    place = int(rng.integers(len(nodes) + 1))
    source = _drawn([INPUT_MARKING, *[node.marking for node in nodes[:place]]], rng)
    later = nodes[int(rng.integers(place, len(nodes)))] if place < len(nodes) else None
    born = _born(nodes, clock, ADDED, source, later.marking if later else 0)
    added = [*nodes[:place], DagNode(born, space.random_layer(rng), _merge(space, rng), (source,)), *nodes[place:]]
    if later is None:
        return added
    if len(later.inputs) >= space.max_inputs:
        return None
    return [replace(node, inputs=(*node.inputs, born)) if node is later else node for node in added]


def remove_node(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """Without one node; those that took it take its first input."""
    if len(nodes) < 2:
        return None
    removed = nodes[int(rng.integers(len(nodes)))]
    rest = [
        replace(node, inputs=tuple([removed.inputs[0] if source == removed.marking else source for source in node.inputs]))
        for node in nodes
        if node is not removed
    ]
    return rest


def add_edge(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """An edge from an earlier node, or the input, to a node that does not take it yet."""
    pairs = [
        (place, source)
        for place, node in enumerate(nodes)
        if len(node.inputs) < space.max_inputs
        for source in (INPUT_MARKING, *[earlier.marking for earlier in nodes[:place]])
        if source not in node.inputs
    ]
    if not pairs:
        return None
    place, source = pairs[int(rng.integers(len(pairs)))]
    return _with(nodes, place, replace(nodes[place], inputs=(*nodes[place].inputs, source)))


def remove_edge(space: DagSpace, nodes: Nodes, rng: np.random.Generator, clock: int) -> Sequence[DagNode] | None:
    """Without one edge into a node with several."""
    pairs = [(place, source) for place, node in enumerate(nodes) if len(node.inputs) > 1 for source in node.inputs]
    if not pairs:
        return None
    place, source = pairs[int(rng.integers(len(pairs)))]
    return _with(nodes, place, replace(nodes[place], inputs=tuple([old for old in nodes[place].inputs if old != source])))


Mutation = Callable[["DagSpace", Nodes, np.random.Generator, int], Sequence[DagNode] | None]
MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (change_layer, change_merge, insert_node, add_node, remove_node, add_edge, remove_edge)
}


def crossed(space: DagSpace, parents: Sequence[Nodes], ranks: Sequence[int], rng: np.random.Generator) -> Nodes:
    """A child of graphs: the fittest parent's nodes (one of the fittest's, drawn, where several are), matching ones with the layer, the
    merge and the inputs of either; each further node of a parent as fit as that with probability 1/2, while there is room."""
    fittest = [place for place, rank in enumerate(ranks) if rank == min(ranks)]
    base = fittest[int(rng.integers(len(fittest)))]
    child = {node.marking: node for node in parents[base]}
    for place in sorted(range(len(parents)), key=lambda place: (ranks[place], place)):
        if place == base:
            continue
        for node in parents[place]:
            take, layer, merge, inputs = (rng.random(4) < 0.5).tolist()
            mine = child.get(node.marking)
            if mine is not None:
                child[node.marking] = DagNode(
                    node.marking,
                    node.layer if layer else mine.layer,
                    node.merge if merge else mine.merge,
                    node.inputs if inputs else mine.inputs,
                )
            elif take and ranks[place] == ranks[base] and len(child) < space.max_nodes:
                child[node.marking] = node
    return repaired(child.values(), space.max_inputs)


def _with(nodes: Nodes, place: int, node: DagNode) -> list[DagNode]:
    return [*nodes[:place], node, *nodes[place + 1 :]]


def _merge(space: DagSpace, rng: np.random.Generator) -> str:
    return space.merges[int(rng.integers(len(space.merges)))]


def _drawn(values: Sequence[int], rng: np.random.Generator) -> int:
    return values[int(rng.integers(len(values)))]


def _born(nodes: Nodes, clock: int, kind: int, *touched: int) -> int:
    """The marking of a node born now, with the first occurrence that no node has."""
    known, occurrence = {node.marking for node in nodes}, 0
    while (born := marking(clock, kind, *touched, occurrence=occurrence)) in known:
        occurrence += 1
    return born
