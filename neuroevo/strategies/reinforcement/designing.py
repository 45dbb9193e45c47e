"""Designing: how a controller's decisions become individuals, within the limits on cheap objectives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.strategies.base import Search
from neuroevo.strategies.evolution.breeding import ATTEMPTS, Breeding

Made = TypeVar("Made")
Draw = Callable[[Sequence[np.random.Generator]], Sequence[tuple[Sequence[int], Made]]]


class Designing:
    """Makes the individuals of a controller, each from its own random stream.

    Raises:
        ValueError: the space has no sequential decisions.
    """

    def __init__(self, search: Search) -> None:
        space = search.space
        if not space.sequential:
            raise ValueError(
                f"a controller needs a space with sequential decisions (choices, build), such as CellSpace, ChainSpace, DagSpace or NetworkSpace; "
                f"{type(space).__name__} has none"
            )
        self.search = search
        self._breeding = Breeding(search)

    def born(self, count: int, draw: Draw[Made], generation: int) -> list[tuple[Individual, Made]]:
        """Up to `count` individuals, and what `draw` gave beside their decisions. What breaks a limit is drawn again.

        Args:
            draw: decisions and something else for each of several streams.

        Raises:
            ValueError: not one of the first networks respects the limits.
        """
        search = self.search
        ids = [search.reserve() for _ in range(count)]
        waiting = {id: search.rng(id) for id in ids}
        found: dict[int, tuple[Individual, Made]] = {}
        for _ in range(ATTEMPTS):
            for id, (decisions, made) in zip(list(waiting), draw(list(waiting.values())), strict=True):
                genome = search.space.build(decisions)
                if self._breeding.within_limits(genome):
                    del waiting[id]
                    found[id] = search.individual(id, genome, operators=("designed",), generation=generation), made
            if not waiting:
                break
        if not found and generation == 0:
            raise ValueError(self._breeding.too_tight(count * ATTEMPTS))
        return [found[id] for id in ids if id in found]


def check_growth(grow: Any) -> None:
    """Refuse a growing depth that is none.

    Raises:
        ValueError: not three whole numbers >= 1.
    """
    if grow is None:
        return
    if not isinstance(grow, tuple) or len(grow) != 3 or not all(type(value) is int and value >= 1 for value in grow):
        raise ValueError(
            f"grow must be (first, step, every), three whole numbers >= 1, such as (6, 2, 1600), or None; got {shown(grow)}"
        )


def growth_limit(grow: tuple[int, int, int], asked: int) -> int:
    """The layers that the next network may have."""
    first, step, every = grow
    return first + step * (asked // every)
