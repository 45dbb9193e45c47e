"""One genome as a picture, whatever its encoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.plots.drawing import drawing_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def genome(individual: Individual | Genome, inputs: Sequence[str] = ()) -> Figure:
    """Draw a genome.

    Args:
        individual: an individual of a run, whose id and scores then stand above the drawing, or a bare genome.
        inputs: the names of the network's inputs, such as the columns of the data (`neuroevo.plots.input_names(run)`).
    """
    drawn = individual.genome if isinstance(individual, Individual) else individual
    title = genome_title(individual) if isinstance(individual, Individual) else ""
    drawing = drawing_of(drawn)
    drawing.inputs = tuple(map(str, inputs))
    return drawing.figure(drawn, title)


def genome_title(individual: Individual) -> str:
    """An individual's id and scores in one line."""
    values = [
        f"{name} {value:,.0f}" if value.is_integer() and abs(value) >= 1 else f"{name} {value:.4g}"
        for name, value in individual.values.items()
    ]
    return ", ".join([f"individual {individual.id}", *values])
