"""A layer graph that morphs (LEMONADE, NASH, AutoKeras): layer genes with historical markings, and the operators that vary them."""

from genomes.network.architecture import Architecture
from genomes.network.genes import Gene
from genomes.network.genome import NetworkGenome
from genomes.network.operators import APPROXIMATE, EXACT, OPERATORS, Operator
from genomes.network.space import NetworkSpace

__all__ = ["APPROXIMATE", "EXACT", "OPERATORS", "Architecture", "Gene", "NetworkGenome", "NetworkSpace", "Operator"]
