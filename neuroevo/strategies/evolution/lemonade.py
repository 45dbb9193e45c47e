"""LEMONADE: Lamarckian evolution for multi-objective neural architecture design (Elsken, Metzen & Hutter 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from genomes.base import shown
from genomes.network.operators import TRAINED_FURTHER
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.streams import ACCEPTANCE, FURTHER
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.density import inverse_density_probabilities
from neuroevo.selection.nsga2 import pareto_front
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, First, Inheritance, check, check_count, trial
from neuroevo.strategies.evolution.expectation import Expectation


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
        mutations: network operators applied to make one child, at least.
        again: probability of one more, after each: where one operator does not always lead from the front to a better network, some children go
            further. It is not in the paper; 0 leaves it out.
        density: which density scores the children: "population" (fitted on the population, the default) or "children" (fitted
            again on the proposals).
        further: share of a generation's trainings that go to networks of the front themselves: such a one is born again with the same genes and its
            weights, and trained once more, as long as that makes it better. Small networks are far from trained after a child's few epochs. It
            is not in the paper; 0 leaves it out.
        inheritance: "lamarckian": a child starts from its parent's weights; "none": from scratch, to measure what it is worth.
        first: "random": the first generation is random; "spread": of four times as many random networks (each of which a screen looks at) those are
            trained that lie farthest apart by the cheap objectives, so that the front begins wide. It is not in the paper.
        acceptance: "density": children are accepted as above; "gain": as soon as 12 children have been scored, those of which the front is expected to
            gain most hypervolume, and by density only where too few promise any. Their cheap objectives are known; the others are expected to become
            what became of earlier children of such parents, as much smaller or larger (`neuroevo.selection.chosen_by_gain`). It is not in the paper.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate",)
    screens: ClassVar[bool] = True
    population: int = 8
    proposals: int = 64
    accepted: int = 16
    mutations: int = 1
    again: float = field(default=0.0, kw_only=True)
    density: Literal["population", "children"] = "population"
    further: float = 0.0
    inheritance: Inheritance = "lamarckian"
    first: First = field(default="random", kw_only=True)
    acceptance: Literal["density", "gain"] = field(default="density", kw_only=True)

    def __post_init__(self) -> None:
        for name in ("population", "proposals", "accepted", "mutations"):
            check_count(name, getattr(self, name))
        if self.accepted > self.proposals:
            raise ValueError(f"accepted must be <= proposals ({self.proposals}), got {self.accepted}")
        if isinstance(self.further, bool) or not isinstance(self.further, (int, float)) or not 0 <= self.further <= 1:
            raise ValueError(f"further must be a share from 0 to 1, got {shown(self.further)}")
        if isinstance(self.again, bool) or not isinstance(self.again, (int, float)) or not 0 <= self.again <= 0.9:
            raise ValueError(f"again must be a probability from 0 to 0.9, got {shown(self.again)}")
        check("density", self.density, ("population", "children"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))
        check("first", self.first, ("random", "spread"))
        check("acceptance", self.acceptance, ("density", "gain"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._population: list[Individual] = []
        self._breeding = Breeding(search, first=self.first)
        self._expectation = Expectation(search.objectives) if self.acceptance == "gain" else None
        self._settled: set[int] = set()  # who did not become better by more training

    @property
    def living(self) -> Sequence[Individual]:
        return self._population

    def ask(self) -> Sequence[Trial]:
        if not self._population:
            return [
                trial(self.search, first, (), self.inheritance)
                for first in self._breeding.first(self.population, self.generation)
            ]
        heirs = self._heirs()
        births, count = self._propose(), self.accepted - len(heirs)
        accepted = [births[chosen] for chosen in self._accept(births, count)] if births and count else []
        asked = [trial(self.search, child, parents, self.inheritance) for child, parents in [*heirs, *accepted]]
        if self._expectation is not None:
            for one, (_, (parent,)) in zip(asked[len(heirs) :], accepted, strict=True):
                self._expectation.bred(one.id, parent)
        return asked

    def steady_state(self) -> Strategy:
        """One accepted child at a time, from its share of the proposals; it joins the front before the next."""
        return replace(self, proposals=-(-self.proposals // self.accepted), accepted=1)

    def tell(self, results: Sequence[Result]) -> None:
        told = [individual for result in results for individual in result.individuals]
        self._population = pareto_front([*self._population, *told])
        living = {individual.id for individual in self._population}
        if self._expectation is not None:
            for result in results:
                self._expectation.told(result.trial.id, result.individuals[0])
        for individual in told:
            if individual.operators == (TRAINED_FURTHER,) and individual.parents[0] in living:
                self._settled |= {individual.id, individual.parents[0]}
        self._settled &= living
        self.generation += 1

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        for name in ("further", "again"):
            if not settings[name]:
                del settings[name]  # as in runs that were recorded before there was this choice
        for name, usual in (("first", "random"), ("acceptance", "density")):
            if settings[name] == usual:
                del settings[name]
        return settings

    def state(self) -> State:
        settled = {"settled": sorted(self._settled)} if self.further else {}
        arrays = {} if self._expectation is None else self._expectation.arrays()
        return State({"generation": self.generation, "population": [i.id for i in self._population], **settled}, arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._population = [individuals(id) for id in state.json["population"]]
        self._settled = set(state.json.get("settled", ()))
        if self._expectation is not None:
            self._expectation.restore(state.arrays)

    def report(self) -> dict[str, Any]:
        return {"population": len(self._population)}

    def _propose(self) -> list[tuple[Individual, Sequence[Individual]]]:
        """Children, with their parents, of individuals drawn from thinly populated regions."""
        costs = self._breeding.costs(self._population)
        probabilities = inverse_density_probabilities(costs, costs)

        def choose(rng: np.random.Generator) -> tuple[Sequence[Individual], None]:
            return [self._population[int(rng.choice(len(self._population), p=probabilities))]], None

        births = [self._breeding.child(choose, self.generation, mutations=self.mutations, again=self.again) for _ in range(self.proposals)]
        return [birth for birth in births if birth is not None]

    def _heirs(self) -> list[tuple[Individual, Sequence[Individual]]]:
        """Networks of the front that are trained further, each with the one that it was; in thinly populated regions first."""
        if not self.further or self.inheritance == "none":
            return []
        search, rng = self.search, self.search.rng(self.generation, FURTHER)
        able = [one for one in self._population if one.id not in self._settled and one.artifact is not None]
        whole, rest = divmod(self.further * self.accepted, 1.0)
        count = min(len(able), int(whole) + int(rng.random() < rest))
        if not count:
            return []
        probabilities = inverse_density_probabilities(self._breeding.costs(self._population), self._breeding.costs(able))
        chosen = sorted(rng.choice(len(able), size=count, replace=False, p=probabilities).tolist())
        return [
            (
                search.individual(
                    search.reserve(), able[place].genome, parents=(able[place],), operators=(TRAINED_FURTHER,), generation=self.generation
                ),
                (able[place],),
            )
            for place in chosen
        ]

    def _accept(self, births: list[tuple[Individual, Sequence[Individual]]], accepted: int) -> list[int]:
        """Positions of so many accepted children, in order of birth."""
        rng = self.search.rng(self.generation, ACCEPTANCE)
        promising: list[int] = []
        if self._expectation is not None and self._expectation.enough:
            promising = self._expectation.chosen(self._population, [(child, parent) for child, (parent,) in births], accepted, rng)
        places = [place for place in range(len(births)) if place not in promising]
        count = min(accepted - len(promising), len(places))
        if not count:
            return sorted(promising)
        children = [births[place][0] for place in places]
        costs = self._breeding.costs(children)
        fitted = costs if self.density == "children" else self._breeding.costs(self._population)
        probabilities = inverse_density_probabilities(fitted, costs)
        # probabilities underflow for children far outside the population: keep every child possible
        probabilities = (probabilities + 1e-12) / (probabilities + 1e-12).sum()
        drawn = rng.choice(len(children), size=count, replace=False, p=probabilities)
        return sorted([*promising, *[places[int(place)] for place in drawn]])
