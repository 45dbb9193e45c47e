"""Repair: whatever variation made of a graph, acyclic and connected again. (The paper names variation as future work; this is ours.)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from genomes.dag.nodes import DagNode
from genomes.network.genes import INPUT_MARKING


def repaired(nodes: Iterable[DagNode], max_inputs: int) -> tuple[DagNode, ...]:
    """The nodes, each after its inputs.

    Edges from nodes that are not there, and edges that would close a cycle with those before them, are dropped, and those beyond
    `max_inputs`; a node that is left without inputs takes the network's. Every node leads to the output: those that no other takes are
    what the output takes. The network's input comes last among a node's inputs, so that it is the main path of no addition.
    """
    listed = list(nodes)
    kept: dict[int, list[int]] = {node.marking: [] for node in listed}
    for node in listed:
        for source in dict.fromkeys(node.inputs):
            known = source != INPUT_MARKING and source in kept and len(kept[node.marking]) < max_inputs
            if known and not _reaches(node.marking, source, kept):
                kept[node.marking].append(source)
        if not kept[node.marking] or (INPUT_MARKING in node.inputs and len(kept[node.marking]) < max_inputs):
            kept[node.marking].append(INPUT_MARKING)
    ordered: list[DagNode] = []
    done = {INPUT_MARKING}
    while len(ordered) < len(listed):
        ready = next(node for node in listed if node.marking not in done and done.issuperset(kept[node.marking]))
        done.add(ready.marking)
        ordered.append(replace(ready, inputs=tuple(kept[ready.marking])))
    return tuple(ordered)


def _reaches(start: int, goal: int, inputs: dict[int, list[int]]) -> bool:
    """Whether `goal` depends on `start`."""
    waiting, seen = [goal], set[int]()
    while waiting:
        marking = waiting.pop()
        if marking == start:
            return True
        for source in inputs.get(marking, ()):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return False
