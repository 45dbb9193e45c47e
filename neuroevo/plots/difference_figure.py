"""What two genomes share and where they differ, gene by gene: the same historical marking is the same gene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.plots.palette import CHANGED, INK, MUTED, SHARED, STATUS

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

FIRST, SECOND = "only in the first", "only in the second"
CONTEXT = ("shape", "parameters", "cell", "skip", "marking")  # what follows from other genes


@dataclass(frozen=True)
class Difference:
    """What two genomes share, by the nodes and edges of their graphs.

    Attributes:
        first, second: the graphs.
        nodes, edges: status of every node and every edge of either: "shared", "changed", "only in the first" or "only in the second".
        changes: for everything changed, in words: ("conv 3×3, 8 filters", "conv 5×5, 8 filters").
    """

    first: nx.DiGraph[Any]
    second: nx.DiGraph[Any]
    nodes: Mapping[Any, str]
    edges: Mapping[Any, str]
    changes: Mapping[Any, tuple[str, str]]

    def counts(self) -> dict[str, tuple[int, int]]:
        """(nodes, edges) of each status."""
        nodes, edges = Counter(self.nodes.values()), Counter(self.edges.values())
        return {status: (nodes[status], edges[status]) for status in STATUS}


def difference_data(first: Individual | Genome, second: Individual | Genome) -> Difference:
    """Compare two genomes of one encoding. Nodes are matched by their historical marking (in cells, whose genes are answers to the same
    questions, by their place), edges by the nodes that they join; connections of NEAT genomes by their own marking, too.

    Raises:
        ValueError: genomes of different encodings.
    """
    genomes = [each.genome if isinstance(each, Individual) else each for each in (first, second)]
    encodings = [genome.space.encoding for genome in genomes]
    if encodings[0] != encodings[1]:
        raise ValueError(f"genomes can be compared within one encoding only, got {encodings[0]} and {encodings[1]}")
    one, two = (_graph(genome) for genome in genomes)
    changes: dict[Any, tuple[str, str]] = {}
    nodes = _compared(dict(one.nodes(data=True)), dict(two.nodes(data=True)), changes)
    edges = _compared(
        {(a, b): data for a, b, data in one.edges(data=True)}, {(a, b): data for a, b, data in two.edges(data=True)}, changes
    )
    return Difference(one, two, nodes, edges, changes)


def _graph(genome: Genome) -> nx.DiGraph[Any]:
    if genome.space.encoding == "cell" and len(genome.space.words.kinds) == 1:  # type: ignore[attr-defined]
        from neuroevo.plots.cell import operations_as_edges

        return operations_as_edges(genome.graph())
    return genome.graph()


def _compared(
    one: Mapping[Any, Mapping[str, Any]], two: Mapping[Any, Mapping[str, Any]], changes: dict[Any, tuple[str, str]]
) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for name in [*one, *[name for name in two if name not in one]]:
        if name not in two or name not in one:
            found[name] = FIRST if name in one else SECOND
        elif _genes(one[name]) == _genes(two[name]):
            found[name] = SHARED
        else:
            found[name] = CHANGED
            changes[name] = (_words(one[name], two[name]), _words(two[name], one[name]))
    return found


def _genes(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in CONTEXT}


def _words(data: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    for key in ("label", "operation", "kind"):
        if key in data and data[key] != other.get(key):
            return str(data[key]).replace("_", " ")
    different = [key for key in _genes(data) if data[key] != other.get(key)]
    return ", ".join(f"{key} {data[key]:.3g}" if isinstance(data[key], float) else f"{key} {data[key]}" for key in different)


def difference(first: Individual | Genome, second: Individual | Genome) -> Figure:
    """Draw two genomes with what they share in grey, what changed in purple, and what only one has in its colour: NEAT networks in one
    drawing, with the difference of a weight as a purple line of that width inside the grey one; the others next to each other.

    Raises:
        ValueError: genomes of different encodings.
    """
    data = difference_data(first, second)
    genome = first.genome if isinstance(first, Individual) else first
    names = _names(first, second)
    if genome.space.encoding in ("neat", "cppn"):
        from neuroevo.plots.neat import draw_network

        figure = draw_network(_union(data), "", {**data.nodes, **data.edges}, moved(data))
        height = figure.get_size_inches()[1]
        caption = difference_caption(data, "node", "connection")
        figure.text(
            0.5, 1 - 0.2 / height, f"first: {names[0]}; second: {names[1]}", ha="center", va="center", fontsize=10, color=INK
        )
        figure.text(0.5, 1 - 0.42 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
        return figure
    if genome.space.encoding == "cell":
        from neuroevo.plots.difference_cells import cells_side_by_side

        return cells_side_by_side(data, names, blocks=len(genome.space.words.kinds) > 1)  # type: ignore[attr-defined]
    return _layers_side_by_side(data, names)


def moved(data: Difference) -> dict[Any, float]:
    """By how much the numbers of NEAT's nodes and connections differ (weight, bias, response; their sum), of those that both genomes have
    and that differ in nothing else: in a network and its descendants this is nearly everything, and mostly by little."""
    found = {}
    for part, status in [*data.nodes.items(), *data.edges.items()]:
        if status == CHANGED:
            edge = part in data.edges
            one, two = (_genes(graph.edges[part] if edge else graph.nodes[part]) for graph in (data.first, data.second))
            different = [key for key in {*one, *two} if one.get(key) != two.get(key)]
            if all(isinstance(one.get(key), float) and isinstance(two.get(key), float) for key in different):
                found[part] = float(sum(abs(two[key] - one[key]) for key in different))
    return found


def difference_caption(data: Difference, nodes: str, edges: str) -> str:
    """How much is shared, in one line; `nodes` and `edges` say what one of them is."""
    from neuroevo.plots.neat import counted

    parts = [f"{status}: {counted(n, nodes)}, {counted(e, edges)}" for status, (n, e) in data.counts().items() if n or e]
    return "; ".join(parts)


def _names(first: Individual | Genome, second: Individual | Genome) -> tuple[str, str]:
    one, two = (f"individual {each.id}" if isinstance(each, Individual) else "a genome" for each in (first, second))
    return one, two


def _union(data: Difference) -> nx.DiGraph[Any]:
    """Both graphs in one, inputs first and outputs last; what both have as the second has it."""
    import networkx as nx

    both: nx.DiGraph[Any] = nx.DiGraph()
    for graph in (data.first, data.second):
        both.add_nodes_from(graph.nodes(data=True))
        both.add_edges_from(graph.edges(data=True))
    return both


def legend(figure: Figure, present: set[str], height: float) -> None:
    """What the colours mean, below a figure."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=STATUS[name], linewidth=4, label=name) for name in STATUS if name in present]
    figure.legend(
        handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9, labelcolor=INK,
        bbox_to_anchor=(0.5, 0.08 / height), borderaxespad=0.0,
    )  # fmt: skip


def _layers_side_by_side(data: Difference, names: tuple[str, str]) -> Figure:
    from matplotlib.figure import Figure

    from neuroevo.plots.layer_graph import draw_layers, extent, layer_layout

    graphs = (data.first, data.second)
    layouts = [layer_layout(graph) for graph in graphs]
    sizes = [(max(4.2, right - left), top - bottom) for left, right, top, bottom in map(extent, layouts)]
    width, tall = sum(w for w, _ in sizes), max(h for _, h in sizes)
    head, foot = 0.45, 0.4
    scale = min(1.0, 40.0 / (tall + head + foot), 40.0 / width)
    height = tall * scale + head + foot
    figure = Figure(figsize=(width * scale, height))
    at = 0.0
    for graph, layout, (w, h), name, place in zip(graphs, layouts, sizes, names, ("first", "second"), strict=True):
        axes = figure.add_axes((at / width, 1 - (head + h * scale) / height, w / width, h * scale / height))
        draw_layers(axes, graph, layout, scale, {**data.nodes, **data.edges})
        figure.text((at + w / 2) / width, 1 - 0.52 / height, f"{place}: {name}", ha="center", va="center", fontsize=10, color=INK)
        at += w
    caption = difference_caption(data, "layer", "edge")
    figure.text(0.5, 1 - 0.2 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
    legend(figure, {*data.nodes.values(), *data.edges.values()}, height)
    return figure
