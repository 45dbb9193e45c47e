"""Bayesian: evaluate the network that a model of the scores promises most of (NASBOT, AutoKeras, BANANAS and their kin)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from genomes.base import Genome, shown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.registry import part_from_text
from neuroevo.core.state import State
from neuroevo.core.streams import ACCEPTANCE
from neuroevo.core.trial import Result, Trial
from neuroevo.predictors.base import Predictor
from neuroevo.selection.nsga2 import pareto_front
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.bayesian.forecasts import Forecast, Forecasts
from neuroevo.strategies.bayesian.inner import ELITE, Acquisition, Pool, annealed_tree, climbing, evolution, random_mutants
from neuroevo.strategies.bayesian.models import Models
from neuroevo.strategies.bayesian.scores import best_value, usable
from neuroevo.strategies.evolution.breeding import Breeding, Inheritance, check, check_count, check_share, trial

INNER = {"evolution": evolution, "local": climbing, "annealed_tree": annealed_tree}


@dataclass
class Bayesian(Strategy):
    """Bayesian optimization: a model of the scores is fitted to everything evaluated, and the candidate of the highest acquisition is next.

    After `initial` random networks, candidates for each further one are looked for among mutants of the best networks (`inner`), and a share
    of them is drawn at random. Published searches are settings:

        NASBOT (Kandasamy et al. 2018)        GaussianProcess("nasbot"), acquisition="ei", inner="evolution", initial=20
        AutoKeras (Jin, Song & Hu 2019)       GaussianProcess("edit"), acquisition="ucb", inner="annealed_tree", inheritance="lamarckian"
        BANANAS (White et al. 2021)           acquisition="thompson", batch=10

    The model learns the first objective that costs training, as minus the logarithm of its distance from the best value where that is known
    (`log`). With two objectives, one of which is computed from the genome, the acquisition is the exact expected hypervolume improvement; with
    others each is predicted by a model of its own, and draws of all are joined by random weights (Thompson sampling; Knowles 2006). What
    failed, was stopped or predicted is not learned from, and not evaluated again; limits on objectives that cost training are not predicted.
    No network is evaluated twice. It is fitted anew, in order of evaluation, before each network.

    Args:
        predictor: a model of scores, of `neuroevo.predictors`, or such a text ('GaussianProcess("edit")'); None: `GaussianProcess()`.
        acquisition: "ei" (expected improvement), "ucb" (upper confidence bound), "thompson" (an independent draw for each candidate) or
            "hypervolume"; None: "hypervolume" for several objectives, "ei" for one. The first three look at the first objective only.
        inner: how candidates are found: "evolution" of the acquisition, "local" (hill climbing on it) or "annealed_tree" (A* with simulated
            annealing).
        initial: random networks at the beginning.
        batch: networks chosen side by side, each as if those before it had scored as the mean (a constant liar).
        candidates: for each network that is evaluated.
        explore: share of the candidates that are random mutants of the best networks (of the front).
        confidence: of "ucb", in deviations.
        log: whether the logarithm of the distance from the best value is learned; None: where an objective says what that is (a minimised
            one: 0).
        inheritance: "lamarckian" starts a network from the weights of the evaluated one that it descends from, "none" from scratch.

    Raises:
        ValueError: a setting out of its range.
        TypeError: a predictor that is none.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate",)
    models_scores: ClassVar[bool] = True
    predictor: Predictor | str | None = None
    acquisition: Literal["ei", "ucb", "thompson", "hypervolume"] | None = None
    inner: Literal["evolution", "local", "annealed_tree"] = "evolution"
    initial: int = 10
    batch: int = 1
    candidates: int = 100
    explore: float = 0.15
    confidence: float = 2.576
    log: bool | None = None
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        self.predictor = checked_predictor(self.predictor)
        if self.acquisition is not None:
            check("acquisition", self.acquisition, ("ei", "ucb", "thompson", "hypervolume"))
        check("inner", self.inner, tuple(INNER))
        for name in ("initial", "batch", "candidates"):
            check_count(name, getattr(self, name))
        check_share("explore", self.explore)
        number = isinstance(self.confidence, (int, float)) and not isinstance(self.confidence, bool)
        if not number or not 0 <= self.confidence < float("inf"):
            raise ValueError(f"confidence must be a finite number >= 0, got {shown(self.confidence)}")
        check_log(self.log)
        check("inheritance", self.inheritance, ("none", "lamarckian"))
        self._steady = False

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, "key")
        self._models = Models(search, checked_predictor(self.predictor), self.log)
        refuse_unknown_distance(self._models, self.log)
        rng = np.random.default_rng(0)
        self._models.check([search.space.random(rng) for _ in range(3)])
        self._observed: list[Individual] = []  # in order of evaluation
        self._pending: dict[int, Individual] = {}  # by trial
        self._asked = False
        self._forecasts = Forecasts(self.initial if self._steady else None)
        several = len(search.objectives) > 1
        self._kind = self.acquisition or ("hypervolume" if several else "ei")
        cheap = [place for place, objective in enumerate(self._models.objectives) if objective.of is not None]
        self._cheap = cheap[0] if len(search.objectives) == 2 and len(cheap) == 1 else None

    def ask(self) -> Sequence[Trial]:
        if self._observed:
            births = self._births()
        else:
            count = 1 if self._steady and self._asked else self.initial
            births = [(individual, ()) for individual in self._breeding.first(count, self.generation)]
        self._asked = True
        trials = [trial(self.search, individual, roots, self.inheritance) for individual, roots in births]
        self._pending.update((one.id, individual) for one, (individual, _) in zip(trials, births, strict=True))
        return trials

    def _births(self) -> list[tuple[Individual, Sequence[Individual]]]:
        """The next batch, each with the individual that it descends from."""
        roots = self._roots()
        self._models.observe(self._observed)
        pending = [individual.genome for individual in self._pending.values()]
        births: list[tuple[Individual, Sequence[Individual]]] = []
        for number in range(self.batch):
            id = self.search.reserve()
            acquisition = self._acquisition(id, pending, fitted=number > 0)
            birth = self._born(id, roots, acquisition)
            if birth is None:
                continue
            births.append(birth)
            pending.append(birth[0].genome)
        return births

    def _acquisition(self, id: int, pending: Sequence[Genome], fitted: bool) -> Acquisition:
        """What candidates of a birth are valued by.

        Args:
            pending: what is being evaluated.
            fitted: whether the models were fitted for an earlier birth of the batch; draws need no other fit.
        """
        models, rng = self._models, self.search.rng(id, ACCEPTANCE)
        several = len(models.objectives) > 1
        if self._kind == "thompson" or (self._kind == "hypervolume" and several and self._cheap is None):
            scalarised = self._kind == "hypervolume"
            if not fitted:
                models.fit(models.predicted if scalarised else [models.first])
            return models.scalarised(rng) if scalarised else models.thompson(rng)
        models.fit([models.first], pending)
        if self._kind == "ucb":
            return models.bound(self.confidence)
        return (
            models.hypervolume(self._cheap) if self._kind == "hypervolume" and self._cheap is not None else models.improvement()
        )

    def _born(
        self, id: int, roots: Sequence[Individual], acquisition: Acquisition
    ) -> tuple[Individual, Sequence[Individual]] | None:
        """The candidate of the highest acquisition, or a random network where there is none."""
        pool = Pool(self._breeding, id, acquisition, self.generation)
        drawn = round(self.explore * self.candidates)
        random_mutants(pool, roots, drawn)
        INNER[self.inner](pool, roots, self.candidates - drawn)
        best = pool.best(1)
        if not best or not self._breeding.accepts(best[0].genome):
            found = self._breeding.random(self.generation)
            return None if found is None else (found, ())
        chosen = best[0]
        worths = [candidate.worth for candidate in pool.found]
        self._forecasts.add(id, Forecast.of(self._models.expected(chosen.genome), chosen.worth, worths))
        parents = (chosen.root,)
        made = self.search.individual(id, chosen.genome, parents=parents, operators=chosen.operators, generation=self.generation)
        return made, parents

    def _roots(self) -> list[Individual]:
        """The evaluated networks that candidates descend from: the front, or the best."""
        if self._kind == "hypervolume" and len(self.search.objectives) > 1:
            return pareto_front(self._observed)
        return sorted(self._observed, key=lambda individual: individual.fitness.ranking, reverse=True)[:ELITE]

    def steady_state(self) -> Strategy:
        """Every worker that is free takes the next network; what is being evaluated is taken to score as the mean."""
        fresh = replace(self, batch=1)
        fresh._steady = True
        return fresh

    def tell(self, results: Sequence[Result]) -> None:
        self._forecasts.told([individual.id for result in results for individual in result.individuals])
        for result in results:
            self._pending.pop(result.trial.id, None)
            for individual in result.individuals:
                if individual.status == DONE and usable(individual.fitness.values):
                    self._observed.append(individual)
        self.generation += 1

    def state(self) -> State:
        observed = np.array([individual.id for individual in self._observed], np.int64)
        return State({"generation": self.generation}, {**self._breeding.arrays(), "observed": observed})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._observed = [individuals(id) for id in state.arrays["observed"].tolist()]
        self._asked = self.generation > 0
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        return self._roots()

    def champions(self) -> Sequence[Individual]:
        """Everybody that the model learns from."""
        return self._observed

    def report(self) -> dict[str, Any]:
        return {"observed": len(self._observed), **self._forecasts.report(self._models.first)}


def checked_predictor(predictor: Any) -> Predictor | None:
    """The predictor that is meant: of a text such as 'GaussianProcess("edit")', what it describes.

    Raises:
        TypeError: neither a predictor, nor a text, nor None.
        ValueError: a text that describes none, or a predictor that takes logarithms.
    """
    if isinstance(predictor, str):
        predictor = part_from_text("predictor", predictor, "Ensemble or GaussianProcess('edit')")
    if predictor is not None and not isinstance(predictor, Predictor):
        raise TypeError(
            f"predictor must be a neuroevo.predictors.Predictor such as GaussianProcess('edit'), such a text, or None, got {shown(predictor)}"
        )
    if getattr(predictor, "log", False):
        raise ValueError(
            f"a strategy's predictor learns scores of mean 0, which have no logarithms: give {type(predictor).__name__}(log=False); whether the "
            "logarithm of an objective is learned is the strategy's own setting, log"
        )
    return predictor


def check_log(log: Any) -> None:
    """Refuse a `log` that is none.

    Raises:
        ValueError: it is not.
    """
    if log is not None and not isinstance(log, bool):
        raise ValueError(f"log must be true, false or None, got {shown(log)}")


def refuse_unknown_distance(models: Models, log: bool | None) -> None:
    """Refuse logarithms of distances that nobody knows.

    Raises:
        ValueError: `log` is True and an objective that is predicted does not say its best value.
    """
    for place in models.predicted if log else ():
        objective = models.objectives[place]
        if best_value(objective) is None:
            raise ValueError(
                f"log=True takes the logarithm of the distance from the best value there can be, and objective {objective.name!r} does not say it: "
                f"give Objective({objective.name!r}, 'maximise', ideal=...), or log=None"
            )
