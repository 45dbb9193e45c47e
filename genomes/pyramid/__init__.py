"""Detectors: feature pyramids of merging cells (NAS-FPN) and backbones of searched blocks (DetNAS), with FCOS's head."""

from genomes.pyramid.blocks import BLOCKS, DETNAS
from genomes.pyramid.genome import PyramidGenome
from genomes.pyramid.space import BackboneSpace, PyramidSpace
from genomes.pyramid.wiring import NAS_FPN, Merge

__all__ = ["BLOCKS", "DETNAS", "NAS_FPN", "BackboneSpace", "Merge", "PyramidGenome", "PyramidSpace"]
