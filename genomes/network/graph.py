"""A layer graph as a NetworkX graph, for pictures and analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes import layers
from genomes.network.architecture import Architecture

if TYPE_CHECKING:
    import networkx as nx


def layer_graph(architecture: Architecture) -> nx.DiGraph[Any]:
    """Nodes are markings with `label`, `kind`, `shape` (output) and `parameters`; edges have `shape` and `skip` (whether the edge enters a
    merge beside its main path)."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph()
    for gene in architecture.genes:
        graph.add_node(
            gene.marking,
            label=label(gene.layer, len(architecture.input_shape) - 1),
            kind=gene.kind,
            shape=architecture.shapes[gene.marking],
            parameters=layers.parameters(gene.layer, architecture.input_shapes(gene)),
        )
        for place, source in enumerate(gene.inputs):
            graph.add_edge(source, gene.marking, shape=architecture.shapes[source], skip=place > 0)
    return graph


def label(layer: layers.Layer, axes: int = 2) -> str:
    """A layer in a few words, for pictures; `axes` of the input that a kernel spans."""
    kind, kernel = layer.kind, "×".join([str(layer.kernel)] * max(1, axes))
    step = f", stride {layer.stride}" if layer.stride > 1 else ""
    if kind in layers.CONVOLUTIONS:
        return f"{'conv' if kind == 'conv' else 'separable'} {kernel}, {layer.width} filters{step}"
    if kind in layers.POOLINGS:
        return f"{'max' if kind == 'max_pool' else 'average'} pool {kernel}{step}"
    if kind in layers.PLAIN:
        size = "×".join(map(str, layers.taps(layer, max(1, axes))))
        wide = f", dilation {layer.dilation}" if layer.dilation > 1 else ""
        return f"{'conv' if kind == 'plain_conv' else 'separable'} {size}, {layer.width} filters{step}{wide}"
    if kind == "add":
        return "add (projected)" if layer.projected else "add"
    if kind == "dropout":
        return f"dropout, {100 * layer.rate:g} %"
    if kind == "robust":
        return "robust scaling of each feature"
    if kind in layers.EMBEDDINGS:
        return f"{kind}, {layer.width} {'ramps' if kind == 'piecewise' else 'waves'} a feature"
    if kind == "recurrent":
        return f"recurrent cell, {layer.width} units"
    if kind == "plain_depthwise":
        return f"depthwise {kernel}{step}"
    if kind == "upsample":
        return f"upsample {layer.stride} times"
    if kind == "half":
        return f"{('first', 'second')[layer.part]} half of the channels"
    if kind == "detect":
        return f"detect, {layer.width} classes, {layer.levels} levels"
    if kind in ("dense", "logits"):
        return f"{kind}, {layer.width} {'units' if kind == 'dense' else 'outputs'}"
    return kind.replace("_", " ")
