"""Cells: a small graph of operations that a fixed skeleton stacks into a network (NAS-Bench-201, NASNet, DARTS)."""

from genomes.cell.genome import CellGenome, CellSpace
from genomes.cell.vocabulary import VOCABULARIES, Decision, Edge, Operation, Vocabulary

__all__ = ["VOCABULARIES", "CellGenome", "CellSpace", "Decision", "Edge", "Operation", "Vocabulary"]
