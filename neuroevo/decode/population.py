"""The phenotypes of a whole population as one callable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.decode.phenotype import network


def population_network(genomes: Sequence[Genome]) -> Any:
    """All phenotypes as one callable: maps float [samples, inputs] or [population, samples, inputs] to float [population, samples,
    outputs]: in one call where their space computes them together (NEAT's are compiled), else one after the other.

    Raises:
        ValueError: no genomes.
    """
    if not genomes:
        raise ValueError("a population network needs at least one genome, got none")
    space = genomes[0].space
    if all(type(genome.space) is type(space) for genome in genomes):
        with suppress(NotImplementedError):
            return space.networks(genomes)
    return NetworksInTurn([network(genome) for genome in genomes])


class NetworksInTurn:
    """Networks called one after the other, their outputs stacked."""

    def __init__(self, networks: Sequence[Any]) -> None:
        self.networks = list(networks)

    def __len__(self) -> int:
        return len(self.networks)

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Outputs [population, samples, outputs].

        Raises:
            ValueError: x is for another number of members.
        """
        batch = np.asarray(x)
        if batch.ndim < 3:
            return np.stack([np.asarray(one(batch)) for one in self.networks])
        if len(batch) != len(self.networks):
            raise ValueError(f"x must be [samples, inputs] or [{len(self.networks)}, samples, inputs], got {batch.shape}")
        return np.stack([np.asarray(one(part)) for one, part in zip(self.networks, batch, strict=True)])

    def reset(self) -> None:
        """Clear the state of the networks that keep one."""
        for one in self.networks:
            if callable(getattr(one, "reset", None)):
                one.reset()
