"""Networks as directed acyclic graphs of layers (Irwin-Harris, Sun, Xue & Zhang 2019)."""

from genomes.dag.families import FAMILIES
from genomes.dag.genome import DagGenome
from genomes.dag.nodes import DagNode
from genomes.dag.space import DagSpace

__all__ = ["FAMILIES", "DagGenome", "DagNode", "DagSpace"]
