"""NEAT: direct encoding by node and connection genes (Stanley & Miikkulainen 2002)."""

from genomes.neat.genome import NeatGenome
from genomes.neat.space import NeatSpace

__all__ = ["NeatGenome", "NeatSpace"]
