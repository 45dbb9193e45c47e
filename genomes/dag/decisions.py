"""The decisions that describe a graph of layers, node by node in topological order.

For each node: the kind of its layer, or (behind the first) "stop"; the width, where the kind has one; the kernel; the inputs one by one,
nearest first, with the question whether there is another between two of them; and the merge, where there are several. So every sequence
of decisions is a legal graph, and every graph of the space is one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from genomes.dag.nodes import INPUT_NAME, DagNode, layer_of
from genomes.layers import POOLINGS, SETTINGS
from genomes.markings import marking
from genomes.network.genes import INPUT_MARKING, STARTER
from genomes.questions import NO_OR_YES, STOP, Question

if TYPE_CHECKING:
    from genomes.dag.space import DagSpace


def ask_nodes(space: DagSpace) -> Generator[Question, int, tuple[DagNode, ...]]:
    """Ask for the nodes of a graph of the space. Their markings are those of a random graph, by place."""
    kinds, merges = tuple(dict.fromkeys(space.kinds)), tuple(dict.fromkeys(space.merges))
    widths = tuple(dict.fromkeys(space.widths))
    nodes: list[DagNode] = []
    while len(nodes) < space.max_nodes:
        here = f"node {len(nodes)}"
        kind = (*kinds, STOP)[(yield Question(f"the kind of {here}", (*kinds, STOP) if nodes else kinds, len(nodes)))]
        if kind == STOP:
            break
        width = kernel = 0
        if "width" in SETTINGS[kind]:
            width = widths[(yield Question(f"the width of {here}", tuple(map(str, widths)), len(nodes)))]
        if "kernel" in SETTINGS[kind]:
            kernels = tuple(dict.fromkeys(space.pool_kernels if kind in POOLINGS else space.kernels))
            kernel = kernels[(yield Question(f"the kernel of {here}", tuple(map(str, kernels)), len(nodes)))]
        inputs = yield from _ask_inputs(space, len(nodes))
        merge = 0
        if len(inputs) > 1:
            merge = yield Question(f"the merge of {here}", merges, len(nodes))
        markings = [INPUT_MARKING if source < 0 else nodes[source].marking for source in inputs]
        nodes.append(DagNode(marking(0, STARTER, len(nodes)), layer_of(kind, width, kernel), merges[merge], tuple(markings)))
    return tuple(nodes)


def _ask_inputs(space: DagSpace, place: int) -> Generator[Question, int, list[int]]:
    """The places of the nodes that the node at a place takes, in order; -1 stands for the network's input."""
    free, taken = [*range(place - 1, -1, -1), -1], list[int]()
    while free and len(taken) < space.max_inputs:
        if taken and not (yield Question(f"another input of node {place}", NO_OR_YES, place)):
            break
        names = tuple([_source_name(source) for source in free])
        chosen = yield Question(f"input {len(taken)} of node {place}", names, place, tuple(free))
        taken.append(free.pop(chosen))
    return taken


def answers_of(nodes: Sequence[DagNode], space: DagSpace) -> Iterator[str]:
    """The names of the options that describe these nodes."""
    place = {INPUT_MARKING: -1}
    for node in nodes:
        yield node.layer.kind
        for name in ("width", "kernel"):
            if name in SETTINGS[node.layer.kind]:
                yield str(getattr(node.layer, name))
        most = min(len(place), space.max_inputs)
        for index, source in enumerate(node.inputs):
            if index:
                yield NO_OR_YES[True]
            yield _source_name(place[source])
        if len(node.inputs) < most:
            yield NO_OR_YES[False]
        if len(node.inputs) > 1:
            yield node.merge
        place[node.marking] = len(place) - 1
    if len(nodes) < space.max_nodes:
        yield STOP


def _source_name(place: int) -> str:
    return INPUT_NAME if place < 0 else f"node {place}"
