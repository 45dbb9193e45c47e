"""MAP-Elites: the best of every kind of behaviour (Mouret & Clune 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from genomes.base import shown, unknown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.limits import is_number
from neuroevo.core.objectives import Objectives
from neuroevo.core.state import State
from neuroevo.core.streams import python_random
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.cells import Cells, Grid, Voronoi
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import (
    Breeding,
    Deduplicate,
    Inheritance,
    check,
    check_count,
    check_share,
    selected,
    trials,
)


@dataclass
class MapElites(Strategy):
    """Keep the best individual of every cell of the space of descriptors, and breed from all of them alike (Mouret & Clune 2015, algorithm 1).

    What a task says of an individual (its descriptors) is its cell; it lives on where the cell was empty, or held one that is worse by the
    first objective (ties go by the next, and to the older). So the search ends with many individuals that do different things, each the best
    found of its kind. `run.generations()` has the coverage (the share of the cells that are filled) and the QD score (the sum of the elites'
    first objectives above `worst`).

    A toolbox's `mate` and `mutate` replace the genomes' own, its `select(elites, k)` the uniform choice of parents.

    Args:
        low, high: the ends of each axis of the descriptors; what lies beyond counts to the cell at the edge.
        axes: objectives that are the axes, in place of the task's descriptors, such as ("parameters", "latency"); those that span orders of
            magnitude (`Objective.log`) are cut by their logarithm.
        cells: of a grid, on each axis, one number for all axes alike; of "cvt", in all.
        archive: "grid", or "cvt": as many regions of equal size, for descriptors of many dimensions (Vassiliades, Chatzilygeroudis & Mouret 2018).
        samples: points that the regions of "cvt" are found with.
        initial: random individuals of the first generation; None: as many as `batch`.
        batch: children of a generation.
        crossover: probability that a child has two parents.
        mutation: probability that a child of two parents is also mutated; a child of one always is.
        deduplicate: "none"; "genome" never evaluates the same genes twice; "key" never two isomorphic genomes of equal cost.
        inheritance: "lamarckian" starts a child from its parents' weights, "none" from scratch.
        worst: the value of the first objective that counts as nothing in the QD score; None: the objective's `reference`, or else 0.

    Raises:
        ValueError: a setting out of its range, or axes that are not as many as cells.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate", "select")
    low: tuple[float, ...] = (0.0, 0.0)
    high: tuple[float, ...] = (1.0, 1.0)
    cells: tuple[int, ...] = (20,)
    axes: tuple[str, ...] = ()
    archive: Literal["grid", "cvt"] = "grid"
    samples: int = 25_000
    initial: int | None = None
    batch: int = 50
    crossover: float = 0.0
    mutation: float = 1.0
    deduplicate: Deduplicate = "none"
    inheritance: Inheritance = "none"
    worst: float | None = None

    def __post_init__(self) -> None:
        self.low, self.high = _axes("low", self.low), _axes("high", self.high)
        if len(self.low) != len(self.high) or not all(a < b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(
                f"each axis needs a low end below its high end, got low {shown(self.low)} and high {shown(self.high)}"
            )
        self.axes = (self.axes,) if isinstance(self.axes, str) else tuple(self.axes)
        if self.axes and (len(self.axes) != len(self.low) or not all(isinstance(axis, str) for axis in self.axes)):
            raise ValueError(
                f"low and high need an end for each of the axes {shown(self.axes)}, got {shown(self.low)}, {shown(self.high)}"
            )
        self.cells = (self.cells,) if isinstance(self.cells, int) else tuple(self.cells)
        for count in self.cells:
            check_count("cells", count)
        check("archive", self.archive, ("grid", "cvt"))
        if len(self.cells) != 1 and (self.archive == "cvt" or len(self.cells) != len(self.low)):
            wanted = "one number" if self.archive == "cvt" else f"one number, or one for each of {len(self.low)} axes"
            raise ValueError(f"cells of archive={self.archive!r} must be {wanted}, got {shown(self.cells)}")
        if not self.cells:
            raise ValueError("cells must be one number or more, got none")
        for name in ("samples", "batch"):
            check_count(name, getattr(self, name))
        if self.initial is not None:
            check_count("initial", self.initial)
        check_share("crossover", self.crossover)
        check_share("mutation", self.mutation)
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))
        if self.worst is not None and not _finite(self.worst):
            raise ValueError(f"worst must be a finite number or None, got {shown(self.worst)}")

    def cut(self, seed: int, objectives: Objectives) -> Cells:
        """The cells of a search with this seed and these objectives.

        Raises:
            ValueError: an axis is no objective, or is to be cut by the logarithm of what is not positive.
        """
        low, high = (self.placed(ends, objectives) for ends in (self.low, self.high))
        if self.archive == "cvt":
            return Voronoi.spread(low, high, self.cells[0], self.samples, seed)
        return Grid(low, high, self.cells if len(self.cells) > 1 else self.cells * len(low))

    def placed(self, values: Sequence[float], objectives: Objectives) -> list[float]:
        """Values on the axes as they are cut: the logarithm where an axis is an objective that spans orders of magnitude."""
        for axis in self.axes:
            if axis not in objectives:
                raise ValueError(unknown("objective to be an axis", axis, list(objectives)))
        by_logarithm = [objectives[axis].log for axis in self.axes] or [False] * len(values)
        for value, log in zip(values, by_logarithm, strict=True):
            if log and not value > 0:
                raise ValueError(f"an axis that is cut by the logarithm needs ends and values > 0, got {value:g}")
        return [math.log10(value) if log else value for value, log in zip(values, by_logarithm, strict=True)]

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate)
        self._cells = self.cut(search.seed, search.objectives)
        self._elites: dict[int, Individual] = {}
        self._ordered: list[Individual] = []  # the elites in the order of their cells

    @property
    def elites(self) -> dict[int, Individual]:
        """The best of each cell that is filled, in the order of the cells."""
        return dict(self._elites)

    def cells_of(self, cells: Cells, individuals: Sequence[Individual], objectives: Objectives) -> list[int]:
        """The cell of each individual.

        Raises:
            ValueError: the task says nothing of what individuals did, or not as many numbers as there are axes.
        """
        if not individuals:
            return []
        if self.axes:
            rows = [self.placed([one.values[axis] for axis in self.axes], objectives) for one in individuals]
            return list(cells.of(np.array(rows)).tolist())
        for individual in individuals:
            if individual.descriptors is None:
                raise ValueError(
                    "MapElites keeps individuals by what they did, and this task does not say: give it descriptors, as in "
                    "Function(fitness, descriptors=...) or Environment(..., descriptors=...), or name objectives as axes, with the ends of "
                    "each (axes=('parameters',), low=(100,), high=(20000,); in a command --set axes=parameters --set low=100 --set high=20000)"
                )
            if len(individual.descriptors) != len(cells.low):
                raise ValueError(
                    f"the task describes individuals by {len(individual.descriptors)} numbers, and low and high are the ends of "
                    f"{len(cells.low)} axes"
                )
        return list(cells.of(np.array([individual.descriptors for individual in individuals])).tolist())

    def best_of(
        self,
        cells: Cells,
        individuals: Sequence[Individual],
        objectives: Objectives,
        before: Mapping[int, Individual] | None = None,
    ) -> dict[int, Individual]:
        """The elites after these individuals came one after the other, by cell, in the order of the cells.

        Args:
            before: the elites so far.
        """
        elites = dict(before or {})
        for cell, individual in zip(self.cells_of(cells, individuals, objectives), individuals, strict=True):
            if cell not in elites or individual.fitness > elites[cell].fitness:
                elites[cell] = individual
        return dict(sorted(elites.items()))

    def ask(self) -> Sequence[Trial]:
        if not self._elites:
            first = self._breeding.first(self.initial or self.batch, self.generation)
            return trials(self.search, [(individual, ()) for individual in first], self.inheritance)
        born = [self._breeding.child(self._parents, self.generation, mutation=self.mutation) for _ in range(self.batch)]
        return trials(self.search, [birth for birth in born if birth is not None], self.inheritance)

    def steady_state(self) -> Strategy:
        """One child at a time, which takes its cell before the next is bred."""
        return replace(self, initial=self.initial or self.batch, batch=1)

    def _parents(self, rng: np.random.Generator) -> tuple[Sequence[Individual], Sequence[int] | None]:
        both = len(self._ordered) > 1 and bool(rng.random() < self.crossover)
        if hasattr(self.search.toolbox, "select"):
            with python_random(rng):
                return selected(self.search, self._ordered, 2 if both else 1), None
        if not both:
            return (self._ordered[int(rng.integers(len(self._ordered)))],), None
        first, second = rng.integers(len(self._ordered)), rng.integers(len(self._ordered) - 1)
        return [self._ordered[int(first)], self._ordered[int(second + (second >= first))]], None

    def tell(self, results: Sequence[Result]) -> None:
        born = [individual for result in results for individual in result.individuals if individual.status == DONE]
        self._elites = self.best_of(self._cells, born, self.search.objectives, self._elites)
        self._ordered = list(self._elites.values())
        self.generation += 1

    @property
    def living(self) -> Sequence[Individual]:
        return self._ordered

    def champions(self) -> Sequence[Individual]:
        return self._ordered

    def state(self) -> State:
        elites = {"cells": np.array(list(self.elites), np.int64), "ids": np.array([one.id for one in self._ordered], np.int64)}
        centres = {"centres": self._cells.centres} if isinstance(self._cells, Voronoi) else {}
        return State({"generation": self.generation}, {**elites, **centres, **self._breeding.arrays()})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        if "centres" in state.arrays:
            self._cells = Voronoi(self._cells.low, self._cells.high, np.array(state.arrays["centres"]))
        pairs = zip(state.arrays["cells"].tolist(), state.arrays["ids"].tolist(), strict=True)
        self._elites = {cell: individuals(id) for cell, id in pairs}
        self._ordered = list(self._elites.values())
        self._breeding.restore(state.arrays)

    def report(self) -> dict[str, Any]:
        """Elites, coverage and QD score."""
        return {
            "elites": len(self._ordered),
            "coverage": len(self._ordered) / self._cells.count,
            "qd_score": quality_diversity(self._ordered, self.least(self.search.objectives)),
        }

    def least(self, objectives: Objectives) -> float:
        """The value of the first objective that counts as nothing in the QD score."""
        first = next(iter(objectives.values()))
        return float(self.worst if self.worst is not None else first.reference or 0.0)


def quality_diversity(elites: Sequence[Individual], worst: float) -> float:
    """The QD score: the sum over the elites of how far the first objective is above the worst (below it, where it is minimised)."""
    return float(sum((one.fitness.values[0] - worst) * one.fitness.weights[0] for one in elites))


def _finite(value: object) -> bool:
    return is_number(value) and math.isfinite(value)  # type: ignore[arg-type]


def _axes(name: str, ends: object) -> tuple[float, ...]:
    found = tuple(ends) if isinstance(ends, (tuple, list)) else (ends,)
    if not found or not all(map(_finite, found)):
        raise ValueError(f"{name} must be one finite number for each axis, got {shown(ends)}")
    return tuple(float(end) for end in found)
