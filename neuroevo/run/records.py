"""Records: what a run remembers in memory: its individuals, its front, its best, its counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import DONE, FAILED, FULL, PREDICTED, STOPPED, Evaluation, Fidelity
from neuroevo.run.course import Course

Floats = npt.NDArray[np.float64]
MARGIN = 0.1  # share of the span of the fronts that the box for hypervolume extends behind their worst values


class Records:
    """The individuals of a run and what follows from them. Evaluations are added in the order of their trials' ids.

    Args:
        full: the run's full fidelity. An individual counts for the front and the best once it is done at that.

    Attributes:
        individuals: by id (array populations apart).
        populations: array populations, oldest first, when every genome is kept.
        front: the non-dominated individuals that are done at full fidelity; of equal ones the first born.
        evaluations, failures, stopped: counts over every evaluation that a trial gave; what was only predicted is not among them.
        predictions: how many times an individual was only predicted.
        simulated_seconds: on the task's simulated clock.
        epochs: training epochs of all trials, in passes over all of the training data.
        course: what each trial spent of both.
    """

    def __init__(self, objectives: Objectives, full: Fidelity = FULL) -> None:
        self.objectives, self.full = objectives, full
        self.individuals: dict[int, Individual] = {}
        self.populations: list[ArrayPopulation] = []
        self.front: list[Individual] = []
        self.evaluations = self.failures = self.stopped = self.predictions = 0
        self.simulated_seconds = self.epochs = 0.0
        self.course = Course()
        self._signs = np.array([objective.weight for objective in objectives.values()])
        self._gains = np.empty((16, len(objectives)))  # weighted values of the front, in its order; the rest is room to grow
        self._scale: tuple[Floats, Floats] | None = None

    @property
    def best(self) -> Individual | None:
        """The individual with the best first objective (ties: the next ones, then the first born); None before any success."""
        return max(self.front, key=lambda individual: (individual.fitness.wvalues, -individual.id), default=None)

    def counts(self, individual: Individual) -> bool:
        """Whether an individual is done at the run's full fidelity, with numbers (older releases recorded others)."""
        fidelity = individual.fidelity
        return individual.status == DONE and all(map(math.isfinite, individual.fitness.wvalues)) and (fidelity is FULL or fidelity is None or fidelity.reaches(self.full))

    def add(self, individual: Individual, evaluation: Evaluation) -> bool:
        """Add an evaluation that an individual was given; returns whether the front changed.

        An individual that has a further evaluation stands where its fitness puts it now."""
        if evaluation.status == PREDICTED:
            self.predictions += 1
        else:
            self.evaluations += 1
            self.failures += evaluation.status == FAILED
            self.stopped += evaluation.status == STOPPED
            self.course.add(evaluation.trial, 1, 0.0)
            if evaluation.info:
                self.simulated_seconds += simulated_seconds(evaluation)
        return self.place(individual)

    def spend(self, trial: int, epochs: float) -> None:
        """Add the training epochs that a trial took."""
        self.epochs += epochs
        self.course.add(trial, 0, epochs)

    def place(self, individual: Individual) -> bool:
        """Put an individual where its fitness says, without counting it; returns whether the front changed."""
        again = individual.id in self.individuals
        self.individuals[individual.id] = individual
        if again and any(other.id == individual.id for other in self.front):
            return self._front_again()
        return self._offer(individual) if self.counts(individual) else False

    def _front_again(self) -> bool:
        """Find the front anew: a member of it has another fitness now, and may have stood before others."""
        before = [(member.id, self._gains[at].tolist()) for at, member in enumerate(self.front)]
        standing = {member.id: member for member in self.front} | self.individuals
        self.front = []
        for population in self.populations:
            assert population.values is not None
            for position in _candidates(population.values * self._signs, self.front, population.reasons):
                self._offer(population[position])
        for individual in sorted(standing.values(), key=lambda one: (one.trial or 0, one.id)):
            if self.counts(individual):
                self._offer(individual)
        return before != [(member.id, self._gains[at].tolist()) for at, member in enumerate(self.front)]

    def add_population(self, population: ArrayPopulation, *, keep: bool) -> bool:
        """Add an array population with its scores; only those that reach the front become objects."""
        assert population.values is not None
        if keep:
            self.populations.append(population)
        self.evaluations += len(population)
        self.failures += len(population.reasons)
        self.course.add(population.first_id if population.trial is None else population.trial, len(population), 0.0)
        changed = False
        for position in _candidates(population.values * self._signs, self.front, population.reasons):
            changed |= self._offer(population[position])
        return changed

    def keep_only(self, ids: set[int]) -> None:
        """Forget every individual but these and the front."""
        ids = ids | {individual.id for individual in self.front}
        self.individuals = {id: individual for id, individual in self.individuals.items() if id in ids}

    def keep_exactly(self, front: Sequence[int], ids: set[int]) -> None:
        """Forget every individual but these, and have this front: what `keep_only` left of an earlier session's records."""
        members = [self.find(id) for id in front]
        self.front = []
        for member in members:
            self._offer(member)
        self.keep_only(ids)

    def find(self, id: int) -> Individual:
        """The individual with this id.

        Raises:
            KeyError: there is none, or its genome was not kept.
        """
        if id in self.individuals:
            return self.individuals[id]
        for population in self.populations:
            if population.first_id <= id < population.first_id + len(population):
                return population[id - population.first_id]
        for individual in self.front:
            if individual.id == id:
                return individual
        raise KeyError(f"this run has no individual {id}, or did not keep its genome (record='champions')")

    def __iter__(self) -> Any:
        """Every individual that is kept, by id."""
        kept: dict[int, Individual] = dict(self.individuals)
        for population in self.populations:
            kept.update((individual.id, individual) for individual in population)
        for individual in self.front:
            kept.setdefault(individual.id, individual)
        return iter([kept[id] for id in sorted(kept)])

    def _offer(self, individual: Individual) -> bool:
        if self.front:  # all of a front are within the limits, or beyond them alike
            beyond, least = individual.fitness.violation, self.front[0].fitness.violation
            if beyond > least:
                return False
            if beyond < least:
                self.front = []
        mine = np.array(individual.fitness.wvalues)
        theirs = self._gains[: len(self.front)]
        if (theirs >= mine).all(axis=1).any():
            return False
        dominated: npt.NDArray[np.bool_] = np.all(mine >= theirs, axis=1)
        if dominated.any():
            self.front = [other for other, beaten in zip(self.front, dominated, strict=True) if not beaten]
            self._gains[: len(self.front)] = theirs[~dominated]
        if len(self.front) == len(self._gains):
            self._gains = np.concatenate([self._gains, np.empty_like(self._gains)])
        self._gains[len(self.front)] = mine
        self.front.append(individual)
        return True

    # Hypervolume: of what was found, in the front's own box; of a run's course, in a box that stays --------------------------------

    def hypervolume(self) -> float | None:
        """The front's hypervolume in its own box (`front_box`), 0 to 1: what reports and figures show of a run; None with one objective,
        0 while nobody is within the limits.

        The box depends on the front, so two such numbers of one run at different times, or of two runs, cannot be compared."""
        if len(self.objectives) < 2 or not self.front:
            return None
        costs = self._front_costs()
        return self._share(costs, *front_box(costs))

    def hypervolume_in_first_box(self) -> float | None:
        """The front's hypervolume in the box of `set_scale`, which stays while the run goes on, so that the number never falls: 0 to 1 at
        first; it can pass 1. None with one objective, 0 while nobody is within the limits."""
        if self._scale is None or len(self.objectives) < 2 or not self.front:
            return None
        return self._share(self._front_costs(), *self._scale)

    def set_scale(self, groups: Iterable[Sequence[Individual]]) -> None:
        """Fix the first box: from the best to the worst value in every objective over those of these individuals that count (the first
        generation), logarithms where an objective asks for them."""
        done: list[Sequence[float]] = []
        for group in groups:
            if isinstance(group, ArrayPopulation):
                assert group.values is not None
                done.extend(group.values[[p for p in range(len(group)) if p not in group.reasons]].tolist())
            else:
                done.extend(individual.fitness.values for individual in group if self.counts(individual))
        if not done or len(self.objectives) < 2:
            return
        costs = self.costs(np.array(done, dtype=np.float64))
        ideal, worst = costs.min(axis=0), costs.max(axis=0)
        self._scale = ideal, np.where(worst > ideal, worst, ideal + 1.0)

    @property
    def scaled(self) -> bool:
        """Whether there is a first box."""
        return self._scale is not None

    @property
    def scale(self) -> list[list[float]] | None:
        """The box of `set_scale` as JSON."""
        return None if self._scale is None else [self._scale[0].tolist(), self._scale[1].tolist()]

    @scale.setter
    def scale(self, scale: list[list[float]] | None) -> None:
        self._scale = None if scale is None else (np.array(scale[0]), np.array(scale[1]))

    def costs(self, values: Floats) -> Floats:
        """Objective values as numbers to minimise, logarithms where an objective asks for them: float64 [n, objectives]."""
        columns = []
        for column, objective in enumerate(self.objectives.values()):
            cost = np.log10(np.maximum(values[:, column], 1e-12)) if objective.log else values[:, column]
            columns.append(-objective.weight * cost)
        return np.stack(columns, axis=1)

    def _share(self, costs: Floats, ideal: Floats, reference: Floats) -> float:
        """What the front dominates of a box."""
        from neuroevo.selection.indicators import normalised_hypervolume

        return 0.0 if self.front[0].fitness.violation else normalised_hypervolume(costs, ideal.tolist(), reference.tolist())

    def _front_costs(self) -> Floats:
        return self.costs(np.array([individual.fitness.values for individual in self.front], dtype=np.float64))


def front_box(costs: Floats) -> tuple[Floats, Floats]:
    """The box in which the hypervolume of fronts is measured: from the best value of every objective to a tenth of the span behind the
    worst.

    Args:
        costs: float64 [members, objectives], of one front or of all that are compared, to minimise.

    Returns:
        Its corners (ideal, reference), float64 [objectives] each.
    """
    ideal, worst = costs.min(axis=0), costs.max(axis=0)
    # Behind the worst values, so that the ends of a front count too: a front of two would otherwise cover nothing.
    return ideal, np.where(worst > ideal, worst + MARGIN * (worst - ideal), ideal + 1.0)


def simulated_seconds(evaluation: Evaluation) -> float:
    """What an evaluation took on the task's simulated clock."""
    scores = evaluation.info.get("scores") if evaluation.info else None
    return float(scores.get("simulated_seconds", 0.0)) if scores else 0.0


def _candidates(gains: Floats, front: Sequence[Individual], reasons: Any) -> list[int]:
    """Positions in a population that may reach the front; `gains`: float64 [members, objectives], larger is better."""
    if not np.isfinite(gains).all():
        reasons = {*reasons, *np.flatnonzero(~np.isfinite(gains).all(axis=1)).tolist()}
    if gains.shape[1] == 1:
        column = gains[:, 0]
        if reasons:
            column = column.copy()
            column[list(reasons)] = -np.inf
        top = int(np.argmax(column))
        if column[top] == -np.inf or (front and front[0].fitness.wvalues[0] >= column[top]):
            return []
        return [top]
    import moocore

    usable = np.array([position for position in range(len(gains)) if position not in reasons], dtype=np.int64)
    if not len(usable):
        return []
    return [int(position) for position in usable[moocore.is_nondominated(-gains[usable])]]
