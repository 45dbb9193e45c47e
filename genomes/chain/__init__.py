"""Chains: sequential layers with optional skips (Zoph & Le 2017), and stacks of whole layers (MetaQNN, Baker et al. 2017)."""

from genomes.chain.genome import ChainGenome
from genomes.chain.layers import ChainLayer
from genomes.chain.space import ChainSpace
from genomes.chain.stack_genome import StackGenome
from genomes.chain.stack_layers import StackLayer, StackOption
from genomes.chain.stack_space import StackSpace

__all__ = ["ChainGenome", "ChainLayer", "ChainSpace", "StackGenome", "StackLayer", "StackOption", "StackSpace"]
