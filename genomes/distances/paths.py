"""Path features: which sequences of operations lead from a network's input to its output (White, Neiswanger & Savani 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genomes.base import Genome
from genomes.distances.base import Distance, Matrix, whole
from genomes.distances.graphs import Labelled, labelled

Path = tuple[str, ...]


@dataclass(frozen=True)
class Paths(Distance):
    """How many paths from an input to an output, as sequences of operations, one genome has and the other has not (BANANAS; White,
    Neiswanger & Savani 2021, section 4).

    Operations are the vertices of `Genome.graph()` but inputs, outputs and those that only join (sums, concatenations); a path through
    several inputs or outputs begins and ends with theirs. A path that occurs twice counts once.

    A graph may have more paths than anyone can count, so they are found shortest first, as the paper truncates them: paths are taken length
    by length until there are `most`; of one length the first in alphabetical order. Recurrent connections add paths up to as many
    operations as the graph has vertices.

    Args:
        most: how many paths of a genome are features, >= 1.

    >>> from genomes import CellSpace
    >>> cell = CellSpace().build([1, 0, 3, 2, 0, 0])  # skip to node 1, from there a 3x3 convolution to 2, which leads nowhere; 1x1 to the output
    >>> sorted(Paths().features(cell))
    [('convolution_1x1',)]
    """

    metric = True
    most: int = 1000

    def __post_init__(self) -> None:
        whole("most", self.most, 1)

    def features(self, genome: Genome) -> frozenset[Path]:
        """The paths of a genome."""
        return _paths(labelled(genome), self.most)

    def prepare(self, genome: Genome) -> frozenset[Path]:
        return self.features(genome)

    def compare(self, first: Sequence[frozenset[Path]], second: Sequence[frozenset[Path]]) -> Matrix:
        columns: dict[Path, int] = {}
        for each in first:
            for path in each:
                columns.setdefault(path, len(columns))
        sides = [np.zeros((len(side), len(columns))) for side in (first, second)]
        for side, dense in zip((first, second), sides, strict=True):
            for row, each in enumerate(side):
                dense[row, [columns[path] for path in each if path in columns]] = 1
        counts = [np.array([len(each) for each in side], dtype=np.float64) for side in (first, second)]
        found: Matrix = counts[0][:, None] + counts[1][None, :] - 2 * (sides[0] @ sides[1].T)
        return found


def _paths(graph: Labelled, most: int) -> frozenset[Path]:
    """Paths by dynamic programming over their length: at every vertex those of each length that end there."""
    named = {place for ends in (graph.sources, graph.sinks) if len(ends) > 1 for place in ends}
    label = [(graph.fine[place],) if not junction or place in named else () for place, junction in enumerate(graph.junction)]
    order = _junctions_last_in_order(label, graph)
    ending: list[list[set[Path]]] = [[] for _ in graph.coarse]  # by vertex and length
    found: set[Path] = set()
    for length in range(len(graph.coarse) + 1):
        alive = False
        for place in order:
            own = label[place]
            below = length - len(own)
            here: set[Path] = set()
            if place in graph.sources and below == 0:
                here.add(own)
            if below >= 0:
                for source in graph.before[place]:
                    if below < len(ending[source]):
                        here.update([path + own for path in ending[source][below]])
            if len(here) > most:
                here = set(sorted(here)[:most])
            ending[place].append(here)
            alive = alive or bool(here)
        ended = {path for place in graph.sinks for path in ending[place][length]}
        found.update(sorted(ended)[: most - len(found)])
        if len(found) >= most or (length > 0 and not alive):
            break
    return frozenset(found)


def _junctions_last_in_order(label: Sequence[Path], graph: Labelled) -> list[int]:
    """Vertices with an operation first, then the others each behind those without one that it takes its input from: within one length only
    they pass paths on."""
    waiting = [place for place, own in enumerate(label) if not own]
    order = [place for place, own in enumerate(label) if own]
    placed = set(order)
    while waiting:
        ready = [place for place in waiting if all(source in placed for source in graph.before[place])]
        ready = ready or waiting[:1]  # a circle of junctions
        order += ready
        placed.update(ready)
        waiting = [place for place in waiting if place not in placed]
    return order
