"""What a network of nodes computes, one equation a node: the forms in which it is written (a NumPy file, a formula) are made of these."""

from __future__ import annotations

from genomes.base import Genome
from genomes.equations import Equation, Equations

__all__ = ["Equation", "Equations", "equations"]


def equations(genome: Genome) -> Equations:
    """What the network of a genome computes: of a CPPN with a substrate, the network that it describes there.

    Raises:
        ValueError: the genome's network is one of layers, or its nodes have dynamics of their own.
    """
    try:
        return genome.equations()
    except NotImplementedError:
        kind = type(genome).__name__
        what = "does not say its equations" if genome.evolves_weights else "describes layers, not nodes with equations"
        raise ValueError(f"a {kind} {what}; those of NEAT genomes and CPPNs can be written down") from None
