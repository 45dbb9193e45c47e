"""Records: what a run remembers in memory: its individuals, its front, its best, its counts."""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import DONE, FAILED, FULL, PREDICTED, STOPPED, Evaluation, Fidelity
from neuroevo.run.box import MEASURED, PROVISIONAL, Box, box_of, costs_of
from neuroevo.run.course import Course
from neuroevo.run.shelf import Shelf, Shelved

Floats = npt.NDArray[np.float64]


class Records:
    """The individuals of a run and what follows from them. Evaluations are added in the order of their trials' ids.

    Args:
        full: the run's full fidelity. An individual counts for the front and the best once it is done at that.
        limits: the worst value that the space allows in an objective, by its name.

    Attributes:
        individuals: by id (array populations apart).
        populations: array populations, oldest first, when every genome is kept.
        front: the non-dominated individuals that are done at full fidelity; of equal ones the first born.
        evaluations, failures, stopped: counts over every evaluation that a trial gave; what was only predicted is not among them.
        predictions: how many times an individual was only predicted.
        simulated_seconds: on the task's simulated clock.
        epochs: training epochs of all trials, in passes over all of the training data.
        course: what each trial spent of both.
        left_out: how many that are kept are not among these, since others stand for them (`thinned`); `find` still finds them.
        share: of the ids, spread evenly (`spread`), these records hold: 1 where they are not thinned.
        fixed_box: the box in which hypervolume is measured, once the first generation is complete.
    """

    def __init__(self, objectives: Objectives, full: Fidelity = FULL, limits: Mapping[str, float] | None = None) -> None:
        self.objectives, self.full, self.limits = objectives, full, dict(limits or {})
        self.individuals: dict[int, Individual] = {}
        self.populations: list[ArrayPopulation | Shelved] = []
        self.left_out, self.share = 0, 1.0
        self._whole: Records | None = None  # what was thinned
        self._cut_short: list[tuple[int, str, str]] | None = None  # of all, where these are some of them
        self.front: list[Individual] = []
        self.evaluations = self.failures = self.stopped = self.predictions = 0
        self.simulated_seconds = self.epochs = 0.0
        self.course = Course()
        self._signs = np.array([objective.weight for objective in objectives.values()])
        self._gains = np.empty((16, len(objectives)))  # weighted values of the front, in its order; the rest is room to grow
        self.fixed_box: Box | None = None
        # Weighted values of a front member, or of one that a member stands before now, before which the next often does not stand either.
        self._ahead: tuple[float, ...] = ()

    @property
    def best(self) -> Individual | None:
        """The individual with the best first objective (ties: the next ones, then the first born); None before any success."""
        return max(self.front, key=lambda individual: (individual.fitness.wvalues, -individual.id), default=None)

    def counts(self, individual: Individual) -> bool:
        """Whether an individual is done at the run's full fidelity, with numbers (older releases recorded others)."""
        fidelity = individual.fidelity
        return (
            individual.status == DONE
            and all(map(math.isfinite, individual.fitness.wvalues))
            and (fidelity is FULL or fidelity is None or fidelity.reaches(self.full))
        )

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
        self.front, self._ahead = [], ()
        for population in self.populations:
            assert population.values is not None
            for position in _candidates(population.values * self._signs, self.front, population.reasons):
                self._offer(population[position])
        for individual in sorted(standing.values(), key=lambda one: (one.trial or 0, one.id)):
            if self.counts(individual):
                self._offer(individual)
        return before != [(member.id, self._gains[at].tolist()) for at, member in enumerate(self.front)]

    def add_population(self, population: ArrayPopulation | Shelved, *, keep: bool) -> bool:
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

    @property
    def in_memory(self) -> int:
        """Members of array populations whose genes are here."""
        return sum(len(population) for population in self.populations if not isinstance(population, Shelved))

    def shelve(self, shelf: Shelf, recorded: Container[int]) -> None:
        """Leave the genes of array populations to the folder, of those with the first ids that are recorded there."""
        self.populations = [
            one if isinstance(one, Shelved) or one.first_id not in recorded else shelf.put(one) for one in self.populations
        ]

    def keep_only(self, ids: set[int]) -> None:
        """Forget every individual but these and the front."""
        ids = ids | {individual.id for individual in self.front}
        self.individuals = {id: individual for id, individual in self.individuals.items() if id in ids}

    def keep_exactly(self, front: Sequence[int], ids: set[int]) -> None:
        """Forget every individual but these, and have this front: what `keep_only` left of an earlier session's records."""
        members = [self.find(id) for id in front]
        self.front, self._ahead = [], ()
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
        if self._whole is not None:
            return self._whole.find(id)
        for population in self.populations:
            if population.first_id <= id < population.first_id + len(population):
                return population[id - population.first_id]
        for individual in self.front:
            if individual.id == id:
                return individual
        last = max([*self.individuals, *(population.first_id + len(population) - 1 for population in self.populations)], default=-1)
        if id > last:
            raise KeyError(f"this run has no individual {id}" + (f": the last is {last}" if last >= 0 else ""))
        raise KeyError(f"this run has no individual {id}, or did not keep its genome (record='champions')")

    def __iter__(self) -> Iterator[Individual]:
        """Every individual that is kept, by id. Those of an array population are made one after the other."""
        populations = sorted(self.populations, key=lambda population: population.first_id)
        apart = self._apart(populations)
        waiting = sorted(apart, reverse=True)
        for population in populations:
            while waiting and waiting[-1] < population.first_id:
                yield apart[waiting.pop()]
            yield from population
        while waiting:
            yield apart[waiting.pop()]

    def _apart(self, populations: Sequence[ArrayPopulation | Shelved]) -> dict[int, Individual]:
        """Individuals that are in none of these populations, by id."""
        kept = {individual.id: individual for individual in self.front} | self.individuals
        if not populations:
            return kept
        firsts = np.array([population.first_id for population in populations])
        sizes = np.array([len(population) for population in populations])
        ids = np.array(list(kept), np.int64)
        at = np.searchsorted(firsts, ids, side="right") - 1
        inside = (at >= 0) & (ids - firsts[at] < sizes[at])
        return {id: kept[id] for id in ids[~inside].tolist()}

    @property
    def kept(self) -> int:
        """How many individuals are kept."""
        return len(self._apart(sorted(self.populations, key=lambda population: population.first_id))) + sum(
            map(len, self.populations)
        )

    def cut_short(self) -> Iterator[tuple[int, str, str]]:
        """Of every kept individual that failed or whose training was stopped, by id: id, status and reason."""
        if self._cut_short is not None:
            return iter(self._cut_short)
        found = [(one.id, one.status, one.reason) for one in self.individuals.values() if one.status in (FAILED, STOPPED)]
        for population in self.populations:
            found += [(population.first_id + position, FAILED, reason) for position, reason in population.reasons.items()]
        return iter(sorted(found))

    def thinned(self, most: int, also: Iterable[int] = ()) -> Records:
        """These records with about so many of the individuals, for pages and figures of runs with more: the front, its ancestors as far as a
        quarter of that goes, those with the ids in `also`, and of all others an even share. Counts, front and box stay as they are, and every
        individual is found."""
        kept = self.kept
        if kept <= most:
            return self
        some = copy(self)
        some._whole, some.share = self, most / kept
        always = self._front_and_ancestors(most // 4)
        for id in also:
            with suppress(KeyError):
                always[id] = self.find(id)
        share, ids = some.share, np.array(list(self.individuals), np.int64)
        some.individuals = {id: self.individuals[id] for id in ids[spread(ids) < share].tolist()} | always
        for population in self.populations:
            ids = population.first_id + np.arange(len(population))
            for position in np.flatnonzero(spread(ids) < share).tolist():
                if population.first_id + position not in some.individuals:
                    some.individuals[population.first_id + position] = population[position]
        some.populations, some._cut_short = [], list(self.cut_short())
        some.left_out = kept - len(some.individuals)
        return some

    def _front_and_ancestors(self, most: int) -> dict[int, Individual]:
        found = {individual.id: individual for individual in self.front}
        waiting = [-parent for individual in self.front for parent in individual.parents]
        heapq.heapify(waiting)  # the youngest first, so that each population is read once
        while waiting and len(found) < len(self.front) + most:
            id = -heapq.heappop(waiting)
            if id in found:
                continue
            try:
                found[id] = self.find(id)
            except KeyError:  # it was not kept
                continue
            for parent in found[id].parents:
                heapq.heappush(waiting, -parent)
        return found

    def _offer(self, individual: Individual) -> bool:
        if self.front:  # all of a front are within the limits, or beyond them alike
            beyond, least = individual.fitness.violation, self.front[0].fitness.violation
            if beyond > least:
                return False
            if beyond < least:
                self.front, self._ahead = [], ()
        values = individual.fitness.wvalues
        if self._ahead and self.front and all(map(operator.ge, self._ahead, values)):
            return False
        mine = np.array(values)
        theirs = self._gains[: len(self.front)]
        before = (theirs >= mine).all(axis=1)
        if before.any():
            self._ahead = tuple(theirs[before.argmax()].tolist())
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

    # Hypervolume ----------------------------------------------------------------------------------------------------------------

    def hypervolume(self) -> float | None:
        """The front's hypervolume in the run's box, as a share of the box: live, at the end, in reports and figures. It never falls, unless an
        evaluation makes the front fall, and passes 1 where the front passes an ideal that was not declared. None with one objective or
        before anything succeeded, 0 while nobody is within the limits."""
        box = self.box
        if box is None or not self.front:
            return None
        return self._share(self._front_costs(), *box.corners)

    @property
    def beyond_box(self) -> int:
        """How many members of the front add nothing to the hypervolume, since they lie beyond the box's reference point."""
        box = self.box
        return 0 if box is None or not self.front else box.beyond(self._front_costs())

    @property
    def box(self) -> Box | None:
        """The run's box: as it was fixed; before that, where the first generation is not complete, that of what was found so far."""
        if self.fixed_box is not None or len(self.objectives) < 2:
            return self.fixed_box
        counted = [individual for individual in self.individuals.values() if self.counts(individual)]
        first = [individual for individual in counted if individual.generation == 0] or counted
        return self._box_of([first, *self.populations[:1]], PROVISIONAL)

    def fix_box(self, groups: Iterable[Sequence[Individual]]) -> None:
        """Fix the box, for good, by the values of those of these individuals that count: the first generation."""
        if self.fixed_box is None and len(self.objectives) > 1:
            self.fixed_box = self._box_of(groups, MEASURED, needs_some=True)

    def _box_of(self, groups: Iterable[Sequence[Individual]], measured: str, *, needs_some: bool = False) -> Box | None:
        done: list[Sequence[float]] = []
        for group in groups:
            if isinstance(group, (ArrayPopulation, Shelved)):
                assert group.values is not None
                done.extend(group.values[[p for p in range(len(group)) if p not in group.reasons]].tolist())
            else:
                done.extend(individual.fitness.values for individual in group if self.counts(individual))
        if needs_some and not done:
            return None
        values = np.array(done, dtype=np.float64).reshape(len(done), len(self.objectives))
        return box_of(self.objectives, values, limits=self.limits, measured=measured)

    def costs(self, values: Floats) -> Floats:
        """Objective values as numbers to minimise, logarithms where an objective asks for them: float64 [n, objectives]."""
        return costs_of(self.objectives, values)

    def _share(self, costs: Floats, ideal: Floats, reference: Floats) -> float:
        """What the front dominates of a box."""
        from neuroevo.selection.indicators import normalised_hypervolume

        return 0.0 if self.front[0].fitness.violation else normalised_hypervolume(costs, ideal.tolist(), reference.tolist())

    def _front_costs(self) -> Floats:
        return self.costs(np.array([individual.fitness.values for individual in self.front], dtype=np.float64))


def simulated_seconds(evaluation: Evaluation) -> float:
    """What an evaluation took on the task's simulated clock."""
    scores = evaluation.info.get("scores") if evaluation.info else None
    return float(scores.get("simulated_seconds", 0.0)) if scores else 0.0


def spread(ids: npt.NDArray[np.int64]) -> Floats:
    """Ids as numbers that lie evenly in [0, 1): by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4). Those below a share are
    that share of them, and those of a smaller share are among them."""
    numbers: Floats = (ids * 2654435769 % 2**32) / 2**32
    return numbers


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
