"""RecurrentCellGenome: a tree of combinations and activations, and how it varies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.chain.recurrent_cell import ACTIVATIONS, COMBINATIONS, CellNode, RecurrentCell
from genomes.layers import Layer
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, STARTER, Gene
from genomes.network.layered import LayeredGenome, ranks_of

if TYPE_CHECKING:
    import networkx as nx

    from genomes.chain.recurrent_space import RecurrentCellSpace

CELL_MARKING = marking(0, STARTER)


@dataclass(frozen=True, eq=False, repr=False)
class RecurrentCellGenome(LayeredGenome):
    """A recurrent cell and the space that it lives in.

    Args:
        space: which cells are allowed.
        cell: of as many leaves as the space says.
        operators: what made this genome.
    """

    space: RecurrentCellSpace
    cell: RecurrentCell
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy with one decision, all alike, changed to another of its options."""
        cell, count = self.cell, len(self.cell.nodes)
        chosen = int(rng.integers(2 * count + 4))
        if chosen >= 2 * count + 2:
            place = "injected" if chosen == 2 * count + 2 else "read"
            moved: dict[str, Any] = {place: _other(getattr(cell, place), tuple(range(count)), rng)}
            return self._with(replace(cell, **moved), "move_injection" if place == "injected" else "move_reading")
        at, activation = divmod(chosen, 2)
        old = (*cell.nodes, cell.inject)[at]
        if activation:
            new, what = old._replace(activation=_other(old.activation, ACTIVATIONS, rng)), "activation"
        else:
            new, what = old._replace(combination=_other(old.combination, COMBINATIONS, rng)), "combination"
        if at == count:
            return self._with(replace(cell, inject=new), f"change_injection_{what}")
        return self._with(replace(cell, nodes=(*cell.nodes[:at], new, *cell.nodes[at + 1 :])), f"change_{what}")

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child with every node as one of the parents has it, all alike; so, too, how and where the old state is injected, and where the
        new one is read."""
        cells = [self.cell, *(other.cell for other in others)]
        ranks_of(len(cells), ranks)
        count = len(self.cell.nodes)
        *takes, inject, injected, read = rng.integers(len(cells), size=count + 3).tolist()
        nodes = tuple([cells[take].nodes[place] for place, take in enumerate(takes)])
        return self._with(
            replace(
                self.cell, nodes=nodes, inject=cells[inject].inject, injected=cells[injected].injected, read=cells[read].read
            ),
            "crossover",
        )

    def _with(self, cell: RecurrentCell, operator: str) -> Self:
        return type(self)(self.space, cell, (operator,))

    def distance(self, other: Self) -> float:
        """How many decisions differ."""
        return float(sum([a != b for a, b in zip(_decisions(self.cell), _decisions(other.cell), strict=True)]))

    @cached_property
    def _key(self) -> str:
        space = self.space
        text = f"{space.input_shape} {space.outputs} {space.units} {space.every_step} {self.cell.canonical()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @cached_property
    def architecture(self) -> Architecture:
        """The layer graph: one recurrent layer and the logits."""
        space = self.space
        steps = space.input_shape[:1] if space.every_step else ()
        layer = Layer("recurrent", width=space.units, cell=self.cell, every_step=space.every_step)
        genes = (
            Gene(INPUT_MARKING, Layer("input")),
            Gene(CELL_MARKING, layer, (INPUT_MARKING,)),
            Gene(LOGITS_MARKING, Layer("logits", width=space.outputs), (CELL_MARKING,)),
        )
        shapes = {INPUT_MARKING: space.input_shape, CELL_MARKING: (*steps, space.units), LOGITS_MARKING: (*steps, space.outputs)}
        return Architecture(space.input_shape, genes, shapes)

    def graph(self) -> nx.DiGraph[Any]:
        """The tree of one step. Nodes are the cell's, by their numbers, with `label` ("add, tanh"), `kind` and `parameters`; behind them
        come the injection and, as texts, what goes in ("x(t), h(t-1)" and "c(t-1)") and comes out ("h(t)" and "c(t)"). The edge to "c(t)"
        leaves its node before the activation."""
        import networkx as nx

        cell, space = self.cell, self.space
        graph: nx.DiGraph[Any] = nx.DiGraph()
        count, taken = len(cell.nodes), "x(t), h(t-1)"
        weights = space.units * (space.input_shape[1] + space.units + cell.biased)
        graph.add_node(taken, label=taken, kind="input")
        graph.add_node("c(t-1)", label="c(t-1)", kind="input")
        for place, node in enumerate(cell.nodes):
            below = cell.below(place)
            kind = "inner" if below else "leaf"
            graph.add_node(place, label=_label(node), kind=kind, parameters=0 if below else weights)
            graph.add_edges_from([(count if source == cell.injected else source, place) for source in below] or [(taken, place)])
        graph.add_node(count, label=_label(cell.inject), kind="inject", parameters=0)
        graph.add_edges_from([(cell.injected, count), ("c(t-1)", count)])
        graph.add_node("h(t)", label="h(t)", kind="output")
        graph.add_node("c(t)", label="c(t)", kind="output")
        graph.add_edge(count if cell.injected == count - 1 else count - 1, "h(t)")
        graph.add_edge(cell.read, "c(t)")
        return graph

    def genes(self) -> dict[str, Any]:
        """The nodes from the leaves to the root, how the old state is injected, where, and where the new one is read."""
        cell = self.cell
        return {
            "nodes": [list(node) for node in cell.nodes],
            "inject": list(cell.inject),
            "injected": cell.injected,
            "read": cell.read,
        }

    def __reduce__(self) -> Any:
        return type(self), (self.space, self.cell, self.operators)  # what was computed on demand does not travel

    def __repr__(self) -> str:
        return f"<RecurrentCellGenome of {len(self.cell.nodes)} nodes; {self.parameters} parameters>"


def _label(node: CellNode) -> str:
    return ", ".join(node)


def _decisions(cell: RecurrentCell) -> list[Any]:
    return [*[word for node in (*cell.nodes, cell.inject) for word in node], cell.injected, cell.read]


def _other(value: Any, options: Sequence[Any], rng: np.random.Generator) -> Any:
    """Another of the options."""
    rest = [option for option in options if option != value]
    return rest[int(rng.integers(len(rest)))]
