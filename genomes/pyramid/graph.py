"""A detector as a NetworkX graph of blocks, maps and merging cells, for pictures and analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes.pyramid.expression import Plan
from genomes.pyramid.wiring import Wiring, candidate_levels, coarser_first, is_output, unused

if TYPE_CHECKING:
    import networkx as nx

INPUT, STEM, MAP, TOP_DOWN, DETECT = "input", "stem", "map", "top_down", "detect"


def detector_graph(plan: Plan, blocks: tuple[str, ...], wiring: Wiring) -> nx.DiGraph[Any]:
    """Nodes have `kind` (of a block its name, of a cell its operation), `label`, `level` (of what has one), and `part`: "backbone", "pyramid" or
    "head". An edge into a cell that adds what no other cell takes has `added`; one that attention comes from has `attention`."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_node(INPUT, kind=INPUT, label="image", level=0, part="backbone")
    graph.add_node(STEM, kind=STEM, label="stem", level=1, part="backbone")
    graph.add_edge(INPUT, STEM)
    before, ends = STEM, {1: STEM}
    for stage, depth in enumerate(plan.depths):
        for position in range(depth):
            name = f"block {stage}.{position}"
            block = blocks[sum(plan.depths[:stage]) + position]
            graph.add_node(name, kind=block, label=block.replace("_", " "), level=stage + 2, part="backbone")
            graph.add_edge(before, name)
            before = name
        ends[stage + 2] = before
    maps: list[str] = []
    for level in plan.levels:
        name = f"map {level}"
        graph.add_node(name, kind=MAP, label=f"P{level}", level=level, part="pyramid")
        graph.add_edge(ends[level] if level in ends else maps[-1], name)
        maps.append(name)
    outputs = _merging_cells(graph, plan, wiring, maps) if wiring else _top_down(graph, plan, maps)
    repeated = f", behind {plan.stacks}, such pyramids" if plan.stacks > 1 else ""
    graph.add_node(DETECT, kind=DETECT, label=f"detect {plan.classes} classes{repeated}", part="head")
    graph.add_edges_from((output, DETECT) for output in outputs)
    return graph


def _merging_cells(graph: nx.DiGraph[Any], plan: Plan, wiring: Wiring, maps: list[str]) -> list[str]:
    candidates, level_of, left = list(maps), candidate_levels(wiring, plan.levels), unused(wiring, plan.levels)
    outputs: dict[int, str] = {}
    for index, merge in enumerate(wiring):
        name, last = f"cell {index}", is_output(index, wiring, plan.levels)
        label = f"{merge.operation} → P{merge.level}" if last else merge.operation
        graph.add_node(name, kind=merge.operation, label=label, level=merge.level, part="pyramid", output=last)
        a, b = coarser_first(merge, level_of)
        graph.add_edge(candidates[a], name, attention=merge.operation != "sum")
        graph.add_edge(candidates[b], name)
        for candidate in left.get(merge.level, ()) if last else ():
            graph.add_edge(candidates[candidate], name, added=True)
        candidates.append(name)
        if last:
            outputs[merge.level] = name
    return [outputs[level] for level in plan.levels]


def _top_down(graph: nx.DiGraph[Any], plan: Plan, maps: list[str]) -> list[str]:
    outputs: list[str] = []
    for level, source in zip(reversed(plan.levels), reversed(maps), strict=True):
        name = f"merged {level}"
        graph.add_node(
            name, kind=TOP_DOWN, label=f"sum → P{level}" if outputs else f"P{level}", level=level, part="pyramid", output=True
        )
        graph.add_edge(source, name)
        if outputs:
            graph.add_edge(outputs[-1], name)
        outputs.append(name)
    return outputs[::-1]
