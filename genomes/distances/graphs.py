"""A genome's own graph (`Genome.graph`) as labels and neighbours, without what has no effect."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from genomes.base import Genome

SOURCES, SINKS = ("input", "bias"), ("output", "logits", "detect")
# Vertices where paths meet, at which nothing is computed that a path could name.
JUNCTIONS = frozenset({*SOURCES, *SINKS, "add", "concat", "concatenate", "sum"})


class Labelled(NamedTuple):
    """A directed graph of labelled vertices, in any order.

    Attributes:
        coarse: of each vertex, what kind it is of.
        fine: what else describes it; the same where nothing else does.
        junction: whether nothing is computed there.
        before, after: of each vertex, the positions of those that it takes its input from and of those that take its output.
        words_before, words_after: for each of these, what the edge is: the sign and the size of its weight, or "".
        sources, sinks: positions of the inputs and outputs.
    """

    coarse: tuple[str, ...]
    fine: tuple[str, ...]
    junction: tuple[bool, ...]
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]
    words_before: tuple[tuple[str, ...], ...]
    words_after: tuple[tuple[str, ...], ...]
    sources: tuple[int, ...]
    sinks: tuple[int, ...]


def labelled(genome: Genome) -> Labelled:
    """The genome's graph: the inputs, the outputs, and every vertex that lies on a path from one to the other over enabled connections.

    A vertex's kind is its `kind` or `type`, with the cell that it belongs to; inputs and outputs of one kind are told apart by their names,
    because each means something else. What else describes it is its `label`, or its activation and aggregation; a weight is described by its
    sign and by its size to the nearest power of two.
    """
    graph = genome.graph()
    nodes: dict[Hashable, Mapping[str, Any]] = dict(graph.nodes(data=True))
    found = [(source, target, data) for source, target, data in graph.edges(data=True) if data.get("enabled", True)]
    edges = [(source, target) for source, target, _ in found]
    kinds = {name: str(data.get("kind", data.get("type", ""))) for name, data in nodes.items()}
    sources = [name for name, kind in kinds.items() if kind in SOURCES]
    sinks = [name for name, kind in kinds.items() if kind in SINKS]
    if sources and sinks:
        reached, reaching = _closure(sources, edges), _closure(sinks, [(target, source) for source, target in edges])
        kept = [name for name in nodes if name in sources or name in sinks or (name in reached and name in reaching)]
    else:
        kept = list(nodes)
    position = {name: place for place, name in enumerate(kept)}
    before: list[list[int]] = [[] for _ in kept]
    after: list[list[int]] = [[] for _ in kept]
    words: tuple[list[list[str]], list[list[str]]] = [[] for _ in kept], [[] for _ in kept]
    for source, target, data in found:
        if source in position and target in position:
            before[position[target]].append(position[source])
            after[position[source]].append(position[target])
            words[0][position[target]].append(_weight(data))
            words[1][position[source]].append(_weight(data))
    several = [name for ends in (sources, sinks) if len(ends) > 1 for name in ends]
    coarse = [_coarse(name, nodes[name], kinds[name], name in several) for name in kept]
    return Labelled(
        tuple(coarse),
        tuple([_fine(nodes[name], kind) for name, kind in zip(kept, coarse, strict=True)]),
        tuple([kinds[name] in JUNCTIONS for name in kept]),
        tuple(map(tuple, before)),
        tuple(map(tuple, after)),
        tuple(map(tuple, words[0])),
        tuple(map(tuple, words[1])),
        tuple([position[name] for name in sources]),
        tuple([position[name] for name in sinks]),
    )


def _coarse(name: Hashable, data: Mapping[str, Any], kind: str, told_apart: bool) -> str:
    words = [str(data["cell"])] if data.get("cell") else []
    return " ".join([*words, kind, *([str(data.get("name", name))] if told_apart else [])])


def _fine(data: Mapping[str, Any], kind: str) -> str:
    if data.get("cell") is not None:
        return kind
    words = [data["label"]] if "label" in data else [data[each] for each in ("activation", "aggregation") if each in data]
    return " ".join([kind, *map(str, words)])


def _weight(data: Mapping[str, Any]) -> str:
    weight = data.get("weight")
    if weight is None:
        return ""
    return f"{'-' if weight < 0 else '+'}{round(math.log2(abs(weight)))}" if weight else "0"


def _closure(starts: Iterable[Hashable], edges: Iterable[tuple[Hashable, Hashable]]) -> set[Hashable]:
    """Everything that is reached from the starts."""
    following: dict[Hashable, list[Hashable]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    found = set(starts)
    waiting = list(found)
    while waiting:
        for target in following.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
