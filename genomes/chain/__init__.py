"""What controllers first made: sequential layers with optional skips and recurrent cells (Zoph & Le 2017), and stacks of whole layers
(MetaQNN, Baker et al. 2017)."""

from genomes.chain.genome import ChainGenome
from genomes.chain.layers import ChainLayer
from genomes.chain.recurrent_cell import CellNode, RecurrentCell
from genomes.chain.recurrent_genome import RecurrentCellGenome
from genomes.chain.recurrent_space import RecurrentCellSpace
from genomes.chain.space import ChainSpace
from genomes.chain.stack_genome import StackGenome
from genomes.chain.stack_layers import StackLayer, StackOption
from genomes.chain.stack_space import StackSpace

__all__ = [
    "CellNode",
    "ChainGenome",
    "ChainLayer",
    "ChainSpace",
    "RecurrentCell",
    "RecurrentCellGenome",
    "RecurrentCellSpace",
    "StackGenome",
    "StackLayer",
    "StackOption",
    "StackSpace",
]
