"""Which network of a space each step of a single-path training takes."""

from __future__ import annotations

import numpy as np

from genomes.base import Genome, Space


def uniform_genomes(space: Space, rng: np.random.Generator, count: int) -> list[Genome]:
    """Random networks, independent of each other (Guo et al. 2020, section 3.3)."""
    return [space.random(rng) for _ in range(count)]


def fair_genomes(space: Space, rng: np.random.Generator, count: int) -> list[Genome]:
    """Random networks among which every option of every decision is taken equally often: whenever all have been taken, they begin again in another
    order (Chu, Zhang & Xu 2021, section 3).

    Raises:
        ValueError: the space has no sequential decisions, or what may be decided depends on earlier decisions.
    """
    if not space.sequential:
        raise ValueError(
            f"fair sampling takes every option of every decision equally often; {type(space).__name__} has no sequential decisions: sample "
            "uniformly"
        )
    waiting: list[list[int]] = []
    found = []
    for _ in range(count):
        decisions: list[int] = []
        while options := space.choices(decisions):
            place = len(decisions)
            if place == len(waiting):
                waiting.append([])
            if not waiting[place]:
                waiting[place] = rng.permutation(len(options)).tolist()
            option = waiting[place].pop()
            if option >= len(options):
                raise ValueError(f"the options of decision {place} depend on earlier decisions: sample uniformly")
            decisions.append(option)
        found.append(space.build(decisions))
    return found
