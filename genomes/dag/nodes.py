"""Nodes of a graph of layers, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genomes.base import shown, unknown
from genomes.layers import POOLINGS, Layer
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, MAX_MARKING

if TYPE_CHECKING:
    from genomes.dag.space import DagSpace

ADD, CONCATENATE = "add", "concatenate"
MERGES = (ADD, CONCATENATE)
INPUT_NAME = "input"  # of the network's input, in JSON


@dataclass(frozen=True, slots=True)
class DagNode:
    """A node: a layer on the merged outputs of other nodes.

    Args:
        marking: historical marking, an int64 >= 0.
        layer: a convolution, a dense layer or a pooling.
        merge: how several inputs become one: "add" or "concatenate".
        inputs: markings of the nodes that it takes, in order; `INPUT_MARKING` stands for the network's input.
    """

    marking: int
    layer: Layer
    merge: str
    inputs: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        settings = {name: getattr(self.layer, name) for name in _settings(self.layer.kind)}
        inputs = [INPUT_NAME if source == INPUT_MARKING else source for source in self.inputs]
        return {"marking": self.marking, "kind": self.layer.kind, **settings, "merge": self.merge, "inputs": inputs}


def layer_of(kind: str, width: int, kernel: int) -> Layer:
    """The layer of a node; a setting that the kind does not have is left out. A pooling halves height and width."""
    if kind == "dense":
        return Layer(kind, width=width)
    if kind in POOLINGS:
        return Layer(kind, kernel=kernel, stride=2)
    return Layer(kind, width=width, kernel=kernel)


def nodes_from_json(genes: Any, space: DagSpace) -> tuple[DagNode, ...]:
    """The nodes that JSON describes, each after its inputs.

    Raises:
        ValueError: not such nodes, or nodes that the space does not allow.
    """
    if not isinstance(genes, (list, tuple)) or not 1 <= len(genes) <= space.max_nodes:
        raise ValueError(f"the genes of a graph are a list of 1 to {space.max_nodes} nodes, got {shown(genes)}")
    nodes: list[DagNode] = []
    known = {INPUT_MARKING}
    for data in genes:
        node = _node(data, space, known)
        known.add(node.marking)
        nodes.append(node)
    return tuple(nodes)


def _settings(kind: str) -> tuple[str, ...]:
    return {"dense": ("width",), "max_pool": ("kernel",), "average_pool": ("kernel",)}.get(kind, ("width", "kernel"))


def _node(data: Any, space: DagSpace, known: set[int]) -> DagNode:
    if not isinstance(data, Mapping):
        raise ValueError(f"a node is a JSON object, got {shown(data)}")
    kind = _one_of("kind", data.get("kind"), space.kinds)
    settings = {}
    for name in _settings(kind):
        value = data.get(name)
        allowed = space.pool_kernels if kind in POOLINGS else getattr(space, name + "s")
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise ValueError(f"{name} of a {kind} node must be one of {', '.join(map(str, allowed))}, got {shown(value)}")
        settings[name] = value
    expected = ("marking", "kind", *settings, "merge", "inputs")
    for name in data:
        if name not in expected:
            raise ValueError(unknown(f"field of a {kind} node", name, expected))
    marking = data.get("marking")
    if isinstance(marking, bool) or not isinstance(marking, int) or not 0 <= marking <= MAX_MARKING:
        raise ValueError(f"marking must be a whole number from 0 to {MAX_MARKING}, got {shown(marking)}")
    if marking in known or marking == LOGITS_MARKING:
        raise ValueError(f"two nodes have the marking {marking}")
    inputs = data.get("inputs")
    if not isinstance(inputs, (list, tuple)) or not 1 <= len(inputs) <= space.max_inputs:
        raise ValueError(f"a node takes a list of 1 to {space.max_inputs} inputs, got {shown(inputs)}")
    sources = [INPUT_MARKING if source == INPUT_NAME else source for source in inputs]
    for source in sources:
        if isinstance(source, bool) or not isinstance(source, int) or source not in known:
            raise ValueError(f"node {marking} takes {shown(source)}, which is neither the input nor a node before it")
    if len(set(sources)) < len(sources):
        raise ValueError(f"node {marking} takes one node twice: {shown(inputs)}")
    return DagNode(marking, layer_of(kind, settings.get("width", 0), settings.get("kernel", 0)), _one_of("merge", data.get("merge"), space.merges), tuple(sources))  # fmt: skip


def _one_of(what: str, value: Any, allowed: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(unknown(what, value, allowed))
    return value
