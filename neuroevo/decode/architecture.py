"""The layer graph of a genome, for encodings that describe one."""

from __future__ import annotations

from typing import Any

from genomes.base import Genome


def architecture_of(genome: Genome) -> Any:
    """The layer graph of a genome: its attribute `architecture` (a `genomes.network.Architecture`).

    Raises:
        TypeError: it has none.
    """
    architecture = getattr(genome, "architecture", None)
    if architecture is None:
        raise TypeError(f"{type(genome).__name__} has no layer graph (architecture)")
    return architecture


def structure(genome: Genome) -> str:
    """The canonical structure: genomes with equal structure decode to the same layers in the same order, whatever their markings, so
    that one built (and compiled) model serves them all.

    Raises:
        TypeError: the genome is no layer graph.
    """
    return str(architecture_of(genome).structure)
