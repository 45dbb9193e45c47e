"""Screening: of several candidates for one birth, the one that a zero-cost proxy likes best is trained, the others never are."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genomes.base import Genome, Settings, Space, shown
from neuroevo.core.backend import prepare
from neuroevo.core.streams import global_random_kept
from neuroevo.tasks.base import Context, Task


@dataclass(frozen=True)
class Screen(metaclass=Settings):
    """How candidates are screened before training ("move proposal"; Abdelfattah et al. 2021, section 4.2).

    Args:
        proxy: the proxy's name, as `neuroevo list proxies` gives it; larger is better.
        candidates: networks drawn for each birth, of which the best is kept: random ones for the first population, then children, each of
            parents of its own.

    Raises:
        ValueError: no such proxy, or fewer than 2 candidates.
    """

    proxy: str = "synflow"
    candidates: int = 4

    def __post_init__(self) -> None:
        if isinstance(self.candidates, bool) or not isinstance(self.candidates, int) or self.candidates < 2:
            raise ValueError(f"candidates must be a whole number >= 2, of which one is kept, got {shown(self.candidates)}")
        from neuroevo.train.zero_cost import proxies

        if len(proxies(self.proxy)) != 1:
            raise ValueError(f"candidates are screened by one proxy, got {shown(self.proxy)}")

    def settings(self) -> dict[str, Any]:
        """JSON: the arguments that make it again."""
        return {"proxy": self.proxy, "candidates": self.candidates}


class Screening:
    """A screen at work in one search; its proxies are computed where the strategy is, not in the workers.

    Args:
        screen: how.
        space, task: of the search.
        context: the run's seed, and the threads that candidates have.

    Attributes:
        scored: candidates whose proxy was computed.
        seconds: what that took.

    Raises:
        ValueError: the task has no data, or the genomes hold weights of their own.
    """

    def __init__(self, screen: Screen, space: Space, task: Task, context: Context) -> None:
        if not hasattr(task, "untrained"):
            raise ValueError(
                f"a screen looks at networks and a batch of data; {type(task).__name__} has no data: use Classification or Regression"
            )
        genome = space.random(context.rng(0))
        if genome.evolves_weights:
            raise ValueError(
                f"a screen looks at networks that will be trained; genomes of a {type(space).__name__} hold their own weights"
            )
        self.screen, self.task, self.context = screen, task, context
        from neuroevo.train.zero_cost import proxies

        ((_, self._proxy),) = proxies(screen.proxy).items()
        self.scored, self.seconds = 0, 0.0
        self._prepared = False

    @property
    def candidates(self) -> int:
        """How many are drawn for each birth."""
        return self.screen.candidates

    def best(self, id: int, genomes: Sequence[Genome]) -> int:
        """The position of the genome with the best proxy, the first of equal ones. One that cannot be scored counts as minus infinity.

        Args:
            id: the birth that they are candidates for; first weights come from its training's stream.
        """
        start = time.perf_counter()
        if not self._prepared:
            prepare(self.context.threads)
            self._prepared = True
        with global_random_kept():
            scores = [self._score(id, genome) for genome in genomes]
        self.scored += len(genomes)
        self.seconds += time.perf_counter() - start
        return max(range(len(scores)), key=scores.__getitem__)

    def _score(self, id: int, genome: Genome) -> float:
        try:
            score = float(self._proxy(self.task.untrained(genome, self.context, id)))  # type: ignore[attr-defined]
        except Exception:  # what is wrong with a network is said when it is trained
            return -math.inf
        return -math.inf if math.isnan(score) else score

    def report(self) -> dict[str, Any]:
        """What it cost so far, for a generation's record."""
        return {"screened": self.scored, "screening_seconds": self.seconds}

    def state(self) -> dict[str, Any]:
        """JSON: what it cost so far."""
        return {"scored": self.scored, "seconds": self.seconds}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.scored, self.seconds = int(state["scored"]), float(state["seconds"])
