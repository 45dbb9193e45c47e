"""Individual and Fitness: DEAP's protocol without `deap.creator`.

DEAP builds its fitness and individual classes at run time; here they are ordinary classes, so they pickle, and `isinstance`
holds on the other side of a process. All of DEAP's algorithms, statistics and archives run on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from neuroevo.core.registry import provided
from neuroevo.core.trial import DONE, FAILED, PENDING, PREDICTED, STOPPED, Evaluation, Fidelity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from neuroevo.core.trial import Artifact

__all__ = ["DONE", "FAILED", "PENDING", "PREDICTED", "STOPPED", "Fitness", "Individual"]


class Fitness:
    """Objective values with DEAP's protocol: `values`, `weights`, `wvalues`, `valid`, `dominates` and comparison.

    `weights` holds +1 for an objective that is maximised and -1 for one that is minimised. Comparison is lexicographic on the
    weighted values, as in DEAP; one with a value that is NaN, or infinitely good, has the worst in all. Where objectives have limits, values
    within them are better than values beyond, and of two beyond those that are less so (constrained domination; Deb, Pratap, Agarwal &
    Meyarivan 2002, section VI).

    Attributes:
        limits: the least weighted value allowed in each objective, -inf for no limit; empty where no objective has one.
    """

    __slots__ = ("crowding_dist", "limits", "weights", "wvalues")

    def __init__(self, weights: Sequence[float], values: Sequence[float] = (), limits: Sequence[float] = ()) -> None:
        self.weights: tuple[float, ...] = tuple(weights)
        self.limits: tuple[float, ...] = tuple(limits)
        self.wvalues: tuple[float, ...] = ()
        if len(values):
            self.values = tuple(values)

    @property
    def values(self) -> tuple[float, ...]:
        return tuple([value / weight for value, weight in zip(self.wvalues, self.weights, strict=False)])

    @values.setter
    def values(self, values: Sequence[float]) -> None:
        if len(values) != len(self.weights):
            raise ValueError(f"this search has {len(self.weights)} objectives, got {len(values)} values: {values!r}")
        self.wvalues = tuple([float(value) * weight for value, weight in zip(values, self.weights, strict=True)])

    @values.deleter
    def values(self) -> None:
        self.wvalues = ()

    @property
    def valid(self) -> bool:
        return len(self.wvalues) != 0

    @property
    def _compared(self) -> tuple[float, ...]:
        """The weighted values as comparisons take them."""
        values = self.wvalues
        return values if sum(values) < math.inf else (-math.inf,) * len(values)  # not where the sum is NaN either

    @property
    def violation(self) -> float:
        """By how much the values pass their limits, each as a share of the limit, summed; 0 where they are within."""
        if not self.limits:
            return 0.0
        return sum(
            (limit - value) / (abs(limit) or 1.0)
            for value, limit in zip(self._compared, self.limits, strict=False)
            if value < limit
        )

    @property
    def ranking(self) -> tuple[float, ...]:
        """What individuals are ordered by, larger is better: the weighted values, where there are limits behind the violation."""
        if self.limits:
            return (-self.violation, *self._compared)
        values = self.wvalues
        return values if sum(values) < math.inf else self._compared

    def dominates(self, other: Fitness, obj: slice = slice(None)) -> bool:
        """Whether this is at least as good in every objective and better in one, or less beyond the limits."""
        beyond, theirs_beyond = self.violation, other.violation
        if beyond != theirs_beyond:
            return beyond < theirs_beyond
        mine, theirs = self._compared[obj], other._compared[obj]
        return all(a >= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs

    def __gt__(self, other: Fitness) -> bool:
        return self.ranking > other.ranking

    def __ge__(self, other: Fitness) -> bool:
        return self.ranking >= other.ranking

    def __lt__(self, other: Fitness) -> bool:
        return self.ranking < other.ranking

    def __le__(self, other: Fitness) -> bool:
        return self.ranking <= other.ranking

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fitness) and self.wvalues == other.wvalues

    def __hash__(self) -> int:
        return hash(self.wvalues)

    def __deepcopy__(self, memo: dict[int, Any]) -> Fitness:
        copy = Fitness(self.weights, limits=self.limits)
        copy.wvalues = self.wvalues
        return copy

    def __repr__(self) -> str:
        return f"Fitness({', '.join(f'{value:g}' for value in self.values)})" if self.valid else "Fitness()"


class Individual:
    """A genome in a run.

    Attributes:
        id: birth order in the run, from 0.
        genome: the immutable genome; variation swaps it for another.
        fitness: the objective values, DEAP's protocol. A failed individual holds the worst value in every objective.
        parents: ids of the individuals it was made from.
        operators: what was done to them ("crossover", "add_node", ...).
        generation: the clock at birth.
        status: "pending", "done", "failed", "stopped" (its training was ended early) or "predicted" (nothing was trained); `reason` says
            why it failed or was stopped. Only what is done at the run's full fidelity can be on the front.
        names: the objectives' names, in the order of `fitness.values`.
        trial, fidelity: of the evaluation that its fitness comes from, or None before any: the one at the highest fidelity, the latest of
            equal ones.
        asked: how many trials were asked for it.
        info: what else that evaluation reported (a learning curve, values that are not objectives), JSON.
        descriptors: float64 [d], what its phenotype did, or None.
        artifact: what its training left (weights), or None.
    """

    __slots__ = (
        "artifact", "asked", "descriptors", "fidelity", "fitness", "generation", "genome", "id", "info", "names", "operators", "parents",
        "reason", "status", "trial",
    )  # fmt: skip

    def __init__(
        self,
        id: int,
        genome: Genome,
        weights: Sequence[float],
        *,
        names: tuple[str, ...] = (),
        parents: tuple[int, ...] = (),
        operators: tuple[str, ...] = (),
        generation: int = 0,
        limits: Sequence[float] = (),
    ) -> None:
        self.id = id
        self.genome = genome
        self.fitness = Fitness(weights, limits=limits)
        self.names = names
        self.parents = parents
        self.operators = operators
        self.generation = generation
        self.status = PENDING
        self.reason = ""
        self.trial: int | None = None
        self.fidelity: Fidelity | None = None
        self.asked = 0
        self.info: Mapping[str, Any] = {}
        self.descriptors: npt.NDArray[np.float64] | None = None
        self.artifact: Artifact | None = None

    @property
    def keeps_weights(self) -> bool:
        """Whether the weights that its training left are still there: a run keeps those of the front and of what may have children."""
        return self.artifact is not None and (self.artifact.path is None or self.artifact.path.exists())

    def take(self, evaluation: Evaluation, artifact: Artifact | None = None) -> bool:
        """Take an evaluation as this individual's fitness, unless it has one at a higher fidelity, or of a later trial at the same one;
        whether it did.

        Args:
            evaluation: of this individual.
            artifact: the weights that its trial left, if any.
        """
        # the latest by number: in which order the trials of one batch come back depends on the workers
        if self.fidelity is not None and (evaluation.fidelity.rank, evaluation.trial) < (self.fidelity.rank, self.trial or 0):
            return False
        self.fitness.values = evaluation.values
        self.status, self.reason, self.info = evaluation.status, evaluation.reason, evaluation.info
        self.trial, self.fidelity, self.descriptors = evaluation.trial, evaluation.fidelity, evaluation.descriptors
        self.artifact = artifact
        return True

    @property
    def values(self) -> dict[str, float]:
        """Objective values by name; empty before the evaluation."""
        return dict(zip(self.names, self.fitness.values, strict=False))

    def network(self) -> Any:
        """The phenotype as a fast callable, for encodings that evolve weights: `network(x)` maps float [samples, inputs] to
        float [samples, outputs]. Weights that training gave it for its score are in it."""
        return provided("network")(self)

    def model(self) -> Any:
        """The trained `keras.Model`: the decoded genome with the weights that its evaluation left.

        Raises:
            ValueError: the weights were not kept (only the front's and living parents' are).
        """
        return provided("model")(self)

    def __eq__(self, other: object) -> bool:
        """Equal genomes, as DEAP's archives expect (`HallOfFame(similar=operator.eq)`)."""
        return isinstance(other, Individual) and self.genome == other.genome

    def __hash__(self) -> int:
        return hash(self.genome)

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        copy = object.__new__(Individual)
        for name in Individual.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.fitness = self.fitness.__deepcopy__(memo)
        return copy

    __copy__ = lambda self: self.__deepcopy__({})  # noqa: E731

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return str(provided("individual_html")(self))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.values.items()) or self.status
        failed = f", {self.status}: {self.reason}" if self.status in (FAILED, STOPPED) else ""
        return f"<Individual {self.id} {type(self.genome).__name__} {values}{failed}>"
