"""Cells: small graphs of operations that a stacking plan makes into a network (NAS-Bench-201, NASNet, DARTS)."""

from genomes.cell.genome import CellGenome, CellSpace
from genomes.cell.operations import OPERATIONS, Operation
from genomes.cell.vocabulary import VOCABULARIES, Cell, Decision, Edge, Node, Vocabulary

__all__ = ["OPERATIONS", "VOCABULARIES", "Cell", "CellGenome", "CellSpace", "Decision", "Edge", "Node", "Operation", "Vocabulary"]
