"""Task: *what* is measured."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Settings
from neuroevo.core.objectives import Objective, Objectives
from neuroevo.core.registry import part
from neuroevo.core.signature import made
from neuroevo.core.streams import TRAINING, stream

if TYPE_CHECKING:
    from neuroevo.core.turns import Turns
    from neuroevo.estimation.base import Estimation


@dataclass(frozen=True)
class Context:
    """What a worker knows beside the trial.

    Args:
        seed: the run's seed.
        threads: CPU threads for this candidate.
        turns: by which workers give way to one that measures (`neuroevo.core.turns.turns_for`); None where there is one worker, or nothing
            is measured: then nothing is locked.
    """

    seed: int = 0
    threads: int = 1
    turns: Turns | None = None

    def rng(self, id: int, repeat: int = 0) -> np.random.Generator:
        """The stream for one individual's training: depends on the run's seed, the id and `Trial.repeat` alone."""
        return stream(self.seed, id, TRAINING, repeat)

    def working(self) -> AbstractContextManager[None]:
        """Around all that an estimation does for a trial."""
        return nullcontext() if self.turns is None else self.turns.working()

    def give_way(self) -> None:
        """Between two pieces of work (epochs, phases): let a worker measure that waits for it."""
        if self.turns is not None:
            self.turns.give_way()

    def alone(self) -> AbstractContextManager[None]:
        """Around the measurement of what depends on the hardware: no other worker of this machine trains or measures meanwhile."""
        return nullcontext() if self.turns is None else self.turns.alone()


class Task(metaclass=Settings):
    """What is measured: the objectives, and how a phenotype is scored on them.

    Subclass with `objectives` and `score`, which measures what depends on the hardware inside `with context.alone():`. `score` may return
    more than the objectives: every further number is recorded with the individual (`individual.info["scores"]`); "simulated_seconds" among
    them advances the run's simulated clock.
    """

    objectives: Mapping[str, Objective]
    offered: ClassVar[tuple[Objective, ...]] = ()  # objectives that a user may choose from by name
    estimated_by: str = "Direct"  # the name of the estimation that suits the task
    population: bool = False  # whether the task scores a whole population at once (`score_population`)

    def refuse_here(self) -> None:
        """Called when a search begins, on the machine that starts it, before anything is written or evaluated: refuse what this machine cannot
        measure.

        Raises:
            ValueError: the sentence says what is missing, and what to do.
        """
        return

    @abstractmethod
    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        """The trained and measured objectives of one phenotype, by name."""

    def phenotype(self, genome: Genome) -> Any:
        """What `score` is given: by default the fast network of an encoding that evolves weights, else a `keras.Model`."""
        from neuroevo.decode import network

        return network(genome)

    def descriptors(self, phenotype: Any, context: Context) -> npt.ArrayLike | None:
        """What a phenotype did, beside how well it did it: numbers [d], the same d for every phenotype of a run; None: nothing is described.
        Called after `score`, in the same worker, with what `score` was given."""
        return None

    def descriptors_population(self, population: Any, context: Context) -> npt.ArrayLike | None:
        """The same for a task that scores a whole population at once: numbers [members, d]."""
        return None

    def estimation(self) -> Estimation:
        """The estimation used when the user names none: the one that `estimated_by` names."""
        return part("estimation", self.estimated_by)()  # type: ignore[no-any-return]

    def cheap(self, genome: Genome) -> dict[str, float]:
        """The objectives that are known from the genome alone."""
        return {name: o.of(genome) for name, o in self.objectives.items() if o.kind == "cheap" and o.of is not None}

    def settings(self) -> dict[str, Any]:
        """JSON: what a run records of the task, to refuse a resume with another one, and to make it again (`from_settings`). What is needed for
        that but does not decide the search (where a file lies) stands under "origin", which is not compared."""
        return {"task": type(self).__name__}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The task that `settings` described; by default these are the arguments that it is made with.

        Raises:
            ValueError: it cannot be made of them; the sentence says why.
        """
        return made(cls, {name: value for name, value in settings.items() if name != "task"})  # type: ignore[no-any-return]


def weights(objectives: Objectives) -> tuple[float, ...]:
    """DEAP's weights: +1 for an objective that is maximised, -1 for one that is minimised."""
    return tuple(objective.weight for objective in objectives.values())
