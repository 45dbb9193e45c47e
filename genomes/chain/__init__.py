"""Chains: sequential layers with optional skips (Zoph & Le 2017)."""

from genomes.chain.genome import ChainGenome
from genomes.chain.layers import ChainLayer
from genomes.chain.space import ChainSpace

__all__ = ["ChainGenome", "ChainLayer", "ChainSpace"]
