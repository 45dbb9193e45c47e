"""LEMONADE: Lamarckian evolution for multi-objective neural architecture design (Elsken, Metzen & Hutter 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.streams import ACCEPTANCE
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.density import inverse_density_probabilities
from neuroevo.selection.nsga2 import pareto_front
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Inheritance, check, check_count, trial


@dataclass
class Lemonade(Strategy):
    """LEMONADE: Lamarckian evolution towards several objectives, the cheap ones first (Elsken, Metzen & Hutter 2019, algorithm 1).

    Each generation: fit a density on the cheap objectives of the population; draw parents with
    probability proportional to 1 / density; make `proposals` children by network operators; accept `accepted` of them, again
    proportional to 1 / density; train and score only those; the new population is the Pareto front of population and accepted
    children over all objectives, so its size varies.

    Args:
        population: random networks of the first generation, trained from scratch.
        proposals: children made a generation (n_pc).
        accepted: children trained a generation (n_ac).
        mutations: network operators applied to make one child.
        density: which density scores the children: "population" (fitted on the population, the default) or "children" (fitted
            again on the proposals).
        inheritance: "lamarckian": a child starts from its parent's weights; "none": from scratch, to measure what it is worth.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate",)
    screens: ClassVar[bool] = True
    population: int = 8
    proposals: int = 64
    accepted: int = 16
    mutations: int = 1
    density: Literal["population", "children"] = "population"
    inheritance: Inheritance = "lamarckian"

    def __post_init__(self) -> None:
        for name in ("population", "proposals", "accepted", "mutations"):
            check_count(name, getattr(self, name))
        if self.accepted > self.proposals:
            raise ValueError(f"accepted must be <= proposals ({self.proposals}), got {self.accepted}")
        check("density", self.density, ("population", "children"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._population: list[Individual] = []
        self._breeding = Breeding(search)
        self._cheap = [name for name, o in search.objectives.items() if o.kind == "cheap" and o.of is not None]

    @property
    def living(self) -> Sequence[Individual]:
        return self._population

    def ask(self) -> Sequence[Trial]:
        if not self._population:
            return [
                trial(self.search, first, (), self.inheritance)
                for first in self._breeding.first(self.population, self.generation)
            ]
        births = self._propose()
        if not births:
            return []
        return [trial(self.search, *births[chosen], self.inheritance) for chosen in self._accept([child for child, _ in births])]

    def steady_state(self) -> Strategy:
        """One accepted child at a time, from its share of the proposals; it joins the front before the next."""
        return replace(self, proposals=-(-self.proposals // self.accepted), accepted=1)

    def tell(self, results: Sequence[Result]) -> None:
        told = [individual for result in results for individual in result.individuals]
        self._population = pareto_front([*self._population, *told])
        self.generation += 1

    def state(self) -> State:
        return State({"generation": self.generation, "population": [i.id for i in self._population]})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._population = [individuals(id) for id in state.json["population"]]

    def report(self) -> dict[str, Any]:
        return {"population": len(self._population)}

    def _propose(self) -> list[tuple[Individual, Sequence[Individual]]]:
        """Children, with their parents, of individuals drawn from thinly populated regions."""
        costs = self._costs(self._population)
        probabilities = inverse_density_probabilities(costs, costs)

        def choose(rng: np.random.Generator) -> tuple[Sequence[Individual], None]:
            return [self._population[int(rng.choice(len(self._population), p=probabilities))]], None

        births = [self._breeding.child(choose, self.generation, mutations=self.mutations) for _ in range(self.proposals)]
        return [birth for birth in births if birth is not None]

    def _accept(self, children: list[Individual]) -> list[int]:
        """Positions of the accepted children, in order of birth."""
        rng = self.search.rng(self.generation, ACCEPTANCE)
        costs = self._costs(children)
        fitted = costs if self.density == "children" else self._costs(self._population)
        probabilities = inverse_density_probabilities(fitted, costs)
        count = min(self.accepted, len(children))
        # probabilities underflow for children far outside the population: keep every child possible
        probabilities = (probabilities + 1e-12) / (probabilities + 1e-12).sum()
        return sorted(int(i) for i in rng.choice(len(children), size=count, replace=False, p=probabilities))

    def _costs(self, individuals: Sequence[Individual]) -> npt.NDArray[np.float64]:
        """Cheap objectives, logarithms where an objective asks for them: float64 [individuals, cheap objectives]."""
        rows = [[self._cost(name, individual) for name in self._cheap] or [0.0] for individual in individuals]
        return np.array(rows, dtype=np.float64)

    def _cost(self, name: str, individual: Individual) -> float:
        objective = self.search.objectives[name]
        assert objective.of is not None
        value = objective.of(individual.genome)
        return float(np.log10(max(value, 1e-12))) if objective.log else float(value)
