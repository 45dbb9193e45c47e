"""Genomes as graphs for other programs: GraphML (Gephi, yEd, Cytoscape, igraph) and DOT (Graphviz)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.plots.node_names import node_name

if TYPE_CHECKING:
    import networkx as nx

_COLOURS = {"input": "#333333", "bias": "#9a9a9a", "hidden": "#009e73", "output": "#cc79a7"}
_POSITIVE, _NEGATIVE = "#0072b2", "#d55e00"


def graphml(genome: Genome) -> str:
    """The genome's graph as GraphML: its nodes and edges with all their attributes; what is no number, text or truth value is JSON."""
    import networkx

    graph: nx.DiGraph[Any] = networkx.DiGraph()
    found = genome.graph()
    for node, data in found.nodes(data=True):
        graph.add_node(str(node), **_plain(data))
    for source, target, data in found.edges(data=True):
        graph.add_edge(str(source), str(target), **_plain(data))
    text = io.BytesIO()
    networkx.write_graphml(graph, text)
    return text.getvalue().decode()


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, (bool, int, float, str)) else json.dumps(value, default=str)
        for name, value in data.items()
    }


def dot(genome: Genome) -> str:
    """The genome's graph in Graphviz's language: from left to right, weights as width and colour, disabled connections dashed."""
    graph = genome.graph()
    weights = [abs(data["weight"]) for *_, data in graph.edges(data=True) if "weight" in data and data.get("enabled", True)]
    heaviest = max(weights, default=1.0) or 1.0
    lines = ["digraph genome {", "  rankdir=LR;", '  node [fontname="sans-serif", shape=box, style=rounded];']
    for node, data in graph.nodes(data=True):
        settings = {"label": _label(node, data)}
        if data.get("type") in _COLOURS:
            settings |= {"shape": "circle", "style": "filled", "fillcolor": _COLOURS[data["type"]], "fontcolor": "white"}
        lines.append(f"  {_quoted(node)} [{_settings(settings)}];")
    for kind, rank in (("input", "source"), ("output", "sink")):
        alike = [_quoted(node) for node, data in graph.nodes(data=True) if data.get("type") == kind]
        if alike:
            lines.append(f"  {{ rank={rank}; {'; '.join(alike)}; }}")
    for source, target, data in graph.edges(data=True):
        settings = {}
        if "weight" in data:
            weight = data["weight"]
            settings = {
                "label": f"{weight:.3g}",
                "penwidth": f"{0.5 + 3.5 * min(1.0, abs(weight) / heaviest):.2f}",
                "color": _POSITIVE if weight >= 0 else _NEGATIVE,
                **({} if data.get("enabled", True) else {"style": "dashed"}),
            }
        lines.append(f"  {_quoted(source)} -> {_quoted(target)}{f' [{_settings(settings)}]' if settings else ''};")
    return "\n".join([*lines, "}", ""])


def _label(node: Any, data: dict[str, Any]) -> str:
    if "type" not in data:
        return node_name(node, data)
    first = str(data.get("name", data["type"]))
    return first if data["type"] in ("input", "bias") else f"{first}\n{str(data['activation']).replace('_', ' ')}"


def _settings(settings: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in settings.items())


def _quoted(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
