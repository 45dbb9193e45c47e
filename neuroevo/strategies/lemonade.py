"""LEMONADE: Lamarckian evolution for multi-objective neural architecture design (Elsken, Metzen & Hutter 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.individual import DONE, Individual
from neuroevo.selection.density import inverse_density_probabilities
from neuroevo.strategies.base import Search, State, Strategy
from neuroevo.streams import ACCEPTANCE
from neuroevo.trial import Result, Trial

ATTEMPTS = 20  # how often a child beyond a limit is made again


@dataclass
class Lemonade(Strategy):
    """The loop of the paper (algorithm 1). Each generation: fit a density on the cheap objectives of the population; draw parents with
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

    population: int = 8
    proposals: int = 64
    accepted: int = 16
    mutations: int = 1
    density: Literal["population", "children"] = "population"
    inheritance: str = "lamarckian"

    def __post_init__(self) -> None:
        for name in ("population", "proposals", "accepted", "mutations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.accepted > self.proposals:
            raise ValueError(f"accepted must be <= proposals ({self.proposals}), got {self.accepted}")
        if self.density not in ("population", "children"):
            raise ValueError(f"density must be 'population' or 'children', got {self.density!r}")
        if self.inheritance not in ("lamarckian", "none"):
            raise ValueError(f"inheritance must be 'lamarckian' or 'none', got {self.inheritance!r}")

    def start(self, search: Search) -> None:
        super().start(search)
        self._population: list[Individual] = []
        self._begun = False
        self._cheap = [name for name, o in search.objectives.items() if o.kind == "cheap" and o.of is not None]

    @property
    def living(self) -> Sequence[Individual]:
        return self._population

    def ask(self) -> Sequence[Trial]:
        if not self._begun or not self._population:
            return [self._trial(individual, ()) for individual in self._first()]
        children, parents = self._propose()
        if not children:
            return []
        chosen = self._accept(children)
        return [self._trial(children[i], (parents[i],)) for i in chosen]

    def tell(self, results: Sequence[Result]) -> None:
        self._begun = True
        told = [individual for result in results for individual in result.individuals]
        self._population = pareto_front([*self._population, *told])
        self.generation += 1

    def state(self) -> State:
        return State({"generation": self.generation, "begun": self._begun, "population": [i.id for i in self._population]})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation, self._begun = state.json["generation"], state.json["begun"]
        self._population = [individuals(id) for id in state.json["population"]]

    def report(self) -> dict[str, Any]:
        return {"population": len(self._population)}

    def _first(self) -> list[Individual]:
        found = []
        for _ in range(self.population):
            individual = self.search.random(self.generation)
            for _ in range(ATTEMPTS):
                if self._within_limits(individual):
                    break
                individual = self.search.random(self.generation)
            found.append(individual)
        return found

    def _propose(self) -> tuple[list[Individual], list[Individual]]:
        """Children of parents drawn from thinly populated regions; beyond the limits none."""
        rng = self.search.selection_rng(self.generation)
        costs = self._costs(self._population)
        probabilities = inverse_density_probabilities(costs, costs)
        children, parents = [], []
        for _ in range(self.proposals):
            parent = self._population[int(rng.choice(len(self._population), p=probabilities))]
            child = self._child(parent)
            if child is not None:
                children.append(child)
                parents.append(parent)
        return children, parents

    def _child(self, parent: Individual) -> Individual | None:
        id = self.search.reserve()
        rng = self.search.rng(id)
        for _ in range(ATTEMPTS):
            genome: Genome = parent.genome
            operators: list[str] = []
            for _ in range(self.mutations):
                genome = genome.mutate(rng, clock=self.generation + 1)
                operators.extend(genome.operators)
            child = self.search.individual(
                id, genome, parents=(parent,), operators=tuple(operators), generation=self.generation + 1
            )
            if genome != parent.genome and self._within_limits(child):
                return child
        return None

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

    def _within_limits(self, individual: Individual) -> bool:
        objectives = self.search.objectives
        return all(objectives[n].within_limit(objectives[n].of(individual.genome)) for n in self._cheap)  # type: ignore[misc]

    def _trial(self, individual: Individual, parents: Sequence[Individual]) -> Trial:
        if self.inheritance == "none" or not parents:
            return Trial(individual.id, (individual,))
        artifacts = tuple(parent.artifact for parent in parents if parent.artifact is not None)
        return Trial(individual.id, (individual,), artifacts=artifacts, options={"inheritance": self.inheritance})


def pareto_front(individuals: Sequence[Individual]) -> list[Individual]:
    """The non-dominated individuals that did not fail, in order of birth; of equal ones the first born."""
    import moocore

    done = sorted((i for i in individuals if i.status == DONE), key=lambda i: i.id)
    if not done:
        return []
    gains = np.array([individual.fitness.wvalues for individual in done])
    kept = moocore.is_nondominated(-gains, keep_weakly=False)
    return [individual for individual, keep in zip(done, kept, strict=True) if keep]
