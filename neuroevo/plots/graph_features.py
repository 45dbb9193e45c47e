"""What an architecture is like, in a few numbers that every kind of graph has its own of."""

from __future__ import annotations

from typing import Any

import numpy as np

from genomes.layers import OUTPUTS

CONVOLVES = ("conv", "separable", "plain_conv", "plain_separable", "plain_depthwise")
STATES = frozenset({"input", "output", "add", "concat", "concatenate"})  # of a cell: not operations


def of_any(graph: Any) -> dict[str, float]:
    """Of any graph: nodes, edges, and nodes on the longest path where it has no cycle."""
    import networkx as nx

    found = {"nodes": float(graph.number_of_nodes()), "edges": float(graph.number_of_edges())}
    return {**found, "depth": float(longest(graph))} if nx.is_directed_acyclic_graph(graph) else found


def of_connections(graph: Any) -> dict[str, float]:
    """Of networks of nodes: hidden nodes, connections, disabled ones, depth (connections on the longest path without cycles)."""
    from neuroevo.plots.neat_layout import columns_of

    enabled = sum(bool(data["enabled"]) for *_, data in graph.edges(data=True))
    return {
        "hidden nodes": float(sum(data["type"] == "hidden" for _, data in graph.nodes(data=True))),
        "connections": float(enabled),
        "disabled": float(graph.number_of_edges() - enabled),
        "depth": float(max(columns_of(graph).values())),
    }


def of_layers(graph: Any) -> dict[str, float]:
    """Of layer graphs: layers (without input and logits), depth (of them on the longest path), convolutions, poolings, dense layers, merges,
    the widest layer."""
    if not graph.number_of_edges():
        return {}
    kinds = {node: data["kind"] for node, data in graph.nodes(data=True)}
    widths = [data["shape"][-1] for _, data in graph.nodes(data=True) if data["kind"] in (*CONVOLVES, "dense")]
    return {
        "layers": float(sum(kind not in ("input", *OUTPUTS) for kind in kinds.values())),
        "depth": float(longest(graph) - 1),
        "convolutions": float(sum(kind in CONVOLVES for kind in kinds.values())),
        "poolings": float(sum("pool" in kind for kind in kinds.values())),
        "dense layers": float(sum(kind == "dense" for kind in kinds.values())),
        "merges": float(sum(graph.in_degree(node) > 1 for node in kinds)),
        "widest layer": float(max(widths, default=0)),
    }


def of_cells(graph: Any) -> dict[str, float]:
    """Of cells: operations by family and the depth of the cell."""
    operations = [data["kind"] for _, data in graph.nodes(data=True) if data["kind"] not in STATES]
    pooled = sum("pooling" in name for name in operations)
    skipped = sum(name == "skip" for name in operations)
    return {
        "convolutions": float(len(operations) - pooled - skipped),
        "poolings": float(pooled),
        "skips": float(skipped),
        "depth": float(longest(graph, [node for node, data in graph.nodes(data=True) if data["kind"] not in STATES])),
    }


def of_recurrent_cells(graph: Any) -> dict[str, float]:
    """Of recurrent cells: additions and multiplications, activations by name, and the nodes on the longest path."""
    words = [word for _, data in graph.nodes(data=True) if data["kind"] not in STATES for word in data["label"].split(", ")]
    named = {
        "additions": "add",
        "multiplications": "multiply",
        **{name: name for name in ("identity", "tanh", "sigmoid", "relu")},
    }
    return {**{feature: float(words.count(word)) for feature, word in named.items()}, "depth": float(longest(graph))}


def of_detectors(graph: Any) -> dict[str, float]:
    """Of detectors: blocks by kernel size and Xception blocks where they have such, cells that attend, and nodes on the longest path."""
    kinds = [data["kind"] for _, data in graph.nodes(data=True)]
    families = {"Xception blocks": "xception_3x3", **{f"shuffle blocks, {k}x{k}": f"shuffle_{k}x{k}" for k in (3, 5, 7)}}
    return {
        **{feature: float(kinds.count(kind)) for feature, kind in families.items()},
        "attention": float(kinds.count("attention")),
        "depth": float(longest(graph)),
    }


def longest(graph: Any, counted: Any = None) -> int:
    """Nodes on the longest path, of those that count, without the first."""
    import networkx as nx

    counting = set(graph) if counted is None else set(counted)
    length: dict[Any, int] = {}
    for node in nx.topological_sort(graph):
        before = max((length[other] for other in graph.predecessors(node)), default=-1 if counted is None else 0)
        length[node] = before + (node in counting)
    return int(np.max(list(length.values()), initial=0))
