"""What an architecture is like, in a few numbers."""

from __future__ import annotations

from genomes.base import Genome
from neuroevo.plots.drawing import drawing_of


def architecture_features(genome: Genome) -> dict[str, float]:
    """Numbers that describe a genome's network, by name; those that its encoding does not know are left out.

    Layer graphs: layers (without input and logits), depth (of them on the longest path), convolutions, poolings, dense layers, merges, the
    widest layer. Cells: operations by family and the depth of the cell. NEAT and CPPNs: hidden nodes, connections, disabled ones,
    depth (connections on the longest path without cycles). Other encodings: nodes, edges and depth of the graph, or what their own drawing
    says (`plots.drawing.Drawing.features`). All: parameters and multiply-adds.
    """
    found = drawing_of(genome).features(genome)
    for name, attribute in (("parameters", "parameters"), ("multiply-adds", "flops")):
        try:
            found[name] = float(getattr(genome, attribute))
        except NotImplementedError:
            continue
    return found
