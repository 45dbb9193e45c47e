"""Strategy: which trials come next.

The life of a strategy: the run calls `start(search)` once, then `ask` and `tell` in turn. `ask` makes individuals and returns the
trials that evaluate them; `tell` receives the results of exactly those trials, sorted by id. After any `tell`, `state()` is all
that a strategy made anew needs (`restore`) to go on bit-identically; the individuals that the state names by id are looked up in
the run.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genomes.base import Genome, Space
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives, weighted_limits
from neuroevo.core.state import State
from neuroevo.core.streams import SELECTION, VARIATION, stream
from neuroevo.core.trial import Result, Trial
from neuroevo.tasks.base import Task

if TYPE_CHECKING:
    from deap.base import Toolbox


@dataclass
class Search:
    """What a strategy works on: the space, the task, the seed, and the counter of births.

    Args:
        seed: decides everything.
        toolbox: DEAP's toolbox; entries named `mate`, `mutate` or `select` replace the strategy's own.
    """

    space: Space
    task: Task
    seed: int = 0
    toolbox: Toolbox | None = None
    next_id: int = 0

    @property
    def objectives(self) -> Objectives:
        return self.task.objectives

    def __post_init__(self) -> None:
        self.names = tuple(self.task.objectives)
        self.weights = tuple(objective.weight for objective in self.task.objectives.values())
        self.limits = weighted_limits(self.task.objectives)

    def reserve(self, count: int = 1) -> int:
        """Take `count` consecutive birth ids; returns the first."""
        first = self.next_id
        self.next_id += count
        return first

    def rng(self, id: int, purpose: int = VARIATION) -> np.random.Generator:
        """The stream of one birth."""
        return stream(self.seed, id, purpose)

    def selection_rng(self, generation: int) -> np.random.Generator:
        """The stream of one generation's selection."""
        return stream(self.seed, generation, SELECTION)

    def individual(
        self,
        id: int,
        genome: Genome,
        *,
        parents: Sequence[Individual] = (),
        operators: tuple[str, ...] | None = None,
        generation: int = 0,
    ) -> Individual:
        """A new individual, with the genome's own operators unless others are given."""
        return Individual(
            id,
            genome,
            self.weights,
            names=self.names,
            parents=tuple(parent.id for parent in parents),
            operators=genome.operators if operators is None else operators,
            generation=generation,
            limits=self.limits,
        )

    def random(self, generation: int = 0) -> Individual:
        """A random individual."""
        id = self.reserve()
        return self.individual(id, self.space.random(self.rng(id)), operators=("random",), generation=generation)


class Strategy(ABC):
    """Decides which trials come next. Subclass as a dataclass whose fields are its settings.

    Attributes:
        search: what it works on, from `start`.
        generation: how many generations are complete.
    """

    search: Search
    generation: int = 0
    inheritance: str = "none"  # "lamarckian": children start from their parents' weights
    spaces: ClassVar[type[Any]] = Space  # whose genomes it can vary

    def start(self, search: Search) -> None:
        """Begin a search; called once, before the first `ask` (or before `restore`)."""
        self.search = search
        self.generation = 0

    @abstractmethod
    def ask(self) -> Sequence[Trial]:
        """The trials to evaluate next; empty when the strategy has nothing more to try."""

    @abstractmethod
    def tell(self, results: Sequence[Result]) -> None:
        """The results of the trials last asked for: all of them, sorted by id, their individuals carrying fitness."""

    @abstractmethod
    def state(self) -> State:
        """All that is needed to go on, taken after a `tell`."""

    @abstractmethod
    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        """Go on from a state; `individuals(id)` finds an individual of the run."""

    @property
    @abstractmethod
    def living(self) -> Sequence[Individual]:
        """The individuals that the next generation would be made from (`population` is the name of a size, among the settings)."""

    def steady_state(self) -> Strategy:
        """A fresh strategy of these settings for the asynchronous schedule: after its first `ask`, each `ask` gives a trial or few and may
        come before earlier trials were told; `tell` is given one result at a time.

        Raises:
            ValueError: the strategy works in whole generations only.
        """
        raise ValueError(
            f"{type(self).__name__} has no asynchronous schedule; use Nsga2, Nsga3, Lemonade, RegularizedEvolution or RandomSearch, "
            "or schedule='synchronous'"
        )

    def report(self) -> dict[str, Any]:
        """JSON numbers about the last complete generation, recorded with it (species sizes, baselines, ...)."""
        return {}

    def champions(self) -> Sequence[Individual]:
        """Individuals whose genomes are kept even when a run records champions only (`record="champions"`)."""
        return ()

    def settings(self) -> dict[str, Any]:
        """JSON: the strategy's name and settings."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}  # type: ignore[arg-type]
        return {"strategy": type(self).__name__, **values}
