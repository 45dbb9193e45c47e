"""Drawing: how the genomes of an encoding are drawn, compared and described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.core.registry import part
from neuroevo.plots.any_graph import any_graph
from neuroevo.plots.graph_features import of_any
from neuroevo.plots.node_names import with_input_names
from neuroevo.plots.palette import INK, MUTED
from neuroevo.plots.shared_genes import Difference, difference_caption, legend, union

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure


class Drawing:
    """How the genomes of an encoding are drawn, compared and described; this one takes any graph.

    A space names its drawing (`Space.drawn_as`). For one of your own, subclass this, change what should be otherwise, and
    `neuroevo.registry.register("drawing", Mine)`.

    Attributes:
        inputs: the names of the network's inputs, where they are known.
    """

    inputs: tuple[str, ...] = ()

    def named(self, graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
        """The graph with those names at its inputs."""
        return with_input_names(graph, self.inputs)

    def graph(self, genome: Genome) -> nx.DiGraph[Any]:
        """The graph in which genomes are compared: equal nodes are named alike."""
        return genome.graph()

    def figure(self, genome: Genome, title: str) -> Figure:
        """A drawing of one genome, with a line above it."""
        return any_graph(self.named(self.graph(genome)), title)

    def difference(self, data: Difference, names: tuple[str, str], genome: Genome) -> Figure:
        """A drawing of two genomes, coloured by what they share (`palette.STATUS`).

        Args:
            data: what they share.
            names: of the genomes.
            genome: the first of them.
        """
        figure = any_graph(union(data), "", {**data.nodes, **data.edges})
        height = figure.get_size_inches()[1]
        style: dict[str, Any] = {"ha": "center", "va": "center"}
        figure.text(0.5, 1 - 0.2 / height, f"first: {names[0]}; second: {names[1]}", fontsize=10, color=INK, **style)
        figure.text(0.5, 1 - 0.42 / height, difference_caption(data, "node", "edge"), fontsize=8.5, color=MUTED, **style)
        legend(figure, {*data.nodes.values(), *data.edges.values()}, height)
        return figure

    def features(self, genome: Genome) -> dict[str, float]:
        """Numbers that describe a genome's network, by name."""
        return of_any(self.graph(genome))


def drawing_of(genome: Genome) -> Drawing:
    """The drawing that a genome's space names.

    Raises:
        ValueError: it names none that is registered.
    """
    return part("drawing", genome.space.drawn_as)()  # type: ignore[no-any-return]
