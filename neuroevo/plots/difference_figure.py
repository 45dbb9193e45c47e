"""What two genomes share and where they differ, gene by gene: the same historical marking is the same gene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.plots.drawing import drawing_of
from neuroevo.plots.shared_genes import Difference, compared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    drawing = drawing_of(genomes[0])
    one, two = (drawing.graph(genome) for genome in genomes)
    return compared(one, two)


def difference(first: Individual | Genome, second: Individual | Genome) -> Figure:
    """Draw two genomes with what they share in grey, what changed in purple, and what only one has in its colour: NEAT networks in one
    drawing, with the difference of a weight as a purple line of that width inside the grey one; the others next to each other.

    Raises:
        ValueError: genomes of different encodings.
    """
    data = difference_data(first, second)
    genome = first.genome if isinstance(first, Individual) else first
    one, two = (f"individual {each.id}" if isinstance(each, Individual) else "a genome" for each in (first, second))
    return drawing_of(genome).difference(data, (one, two), genome)
