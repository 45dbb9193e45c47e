"""The drawings of the built-in encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.plots import graph_features
from neuroevo.plots.drawing import Drawing
from neuroevo.plots.shared_genes import Difference

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure


class Nodes(Drawing):
    """Networks of nodes, from left to right (NEAT, CPPNs)."""

    def figure(self, genome: Genome, title: str) -> Figure:
        from neuroevo.plots.neat import draw_network

        return draw_network(self.named(genome.graph()), title)

    def difference(self, data: Difference, names: tuple[str, str], genome: Genome) -> Figure:
        from neuroevo.plots.difference_network import networks_in_one

        return networks_in_one(data, names)

    def features(self, genome: Genome) -> dict[str, float]:
        return graph_features.of_connections(genome.graph())


class Layers(Drawing):
    """Layers, from top to bottom."""

    def difference(self, data: Difference, names: tuple[str, str], genome: Genome) -> Figure:
        from neuroevo.plots.difference_layers import layers_side_by_side

        return layers_side_by_side(data, names)

    def figure(self, genome: Genome, title: str) -> Figure:
        from neuroevo.plots.layer_graph import layer_graph

        return layer_graph(self.named(genome.graph()), title)

    def features(self, genome: Genome) -> dict[str, float]:
        return graph_features.of_layers(genome.graph())


class Cells(Drawing):
    """Cells: of blocks (NASNet, DARTS), or of operations on edges (NAS-Bench-201)."""

    def graph(self, genome: Genome) -> nx.DiGraph[Any]:
        if _of_blocks(genome):
            return genome.graph()
        from neuroevo.plots.cell import operations_as_edges

        return operations_as_edges(genome.graph())

    def figure(self, genome: Genome, title: str) -> Figure:
        if _of_blocks(genome):
            from neuroevo.plots.cell_blocks import block_cells

            return block_cells(genome.graph(), title)
        from neuroevo.plots.cell import cell_graph

        return cell_graph(genome.graph(), title)

    def difference(self, data: Difference, names: tuple[str, str], genome: Genome) -> Figure:
        from neuroevo.plots.difference_cells import cells_side_by_side

        return cells_side_by_side(data, names, blocks=_of_blocks(genome))

    def features(self, genome: Genome) -> dict[str, float]:
        return graph_features.of_cells(genome.graph())


def _of_blocks(genome: Any) -> bool:
    return len(genome.space.words.kinds) > 1


class Tree(Drawing):
    """Recurrent cells: the tree of one step, from bottom to top."""

    def figure(self, genome: Genome, title: str) -> Figure:
        from neuroevo.plots.recurrent_cell import cell_tree

        return cell_tree(genome.graph(), title)

    def features(self, genome: Genome) -> dict[str, float]:
        return graph_features.of_recurrent_cells(genome.graph())


class Pyramid(Drawing):
    """Detectors: a row for each level, with blocks, maps and merging cells."""

    def figure(self, genome: Genome, title: str) -> Figure:
        from neuroevo.plots.pyramid_figure import pyramid

        return pyramid(genome.graph(), title)

    def difference(self, data: Difference, names: tuple[str, str], genome: Genome) -> Figure:
        from neuroevo.plots.difference_pyramids import pyramids_one_below_the_other

        return pyramids_one_below_the_other(data, names)

    def features(self, genome: Genome) -> dict[str, float]:
        return graph_features.of_detectors(genome.graph())


PARTS = {"graph": Drawing, "nodes": Nodes, "layers": Layers, "cells": Cells, "tree": Tree, "pyramid": Pyramid}
