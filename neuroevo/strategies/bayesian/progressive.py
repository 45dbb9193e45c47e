"""Progressive search: from small networks to larger ones, the most promising by a predictor at each size (Liu et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.base import Genome, shown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.streams import ACCEPTANCE
from neuroevo.core.trial import Result, Trial
from neuroevo.predictors.base import Predictor
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.bayesian.forecasts import Forecast, Forecasts
from neuroevo.strategies.bayesian.models import Models
from neuroevo.strategies.bayesian.scores import usable
from neuroevo.strategies.bayesian.strategy import (
    check_log,
    checked_predictor,
    refuse_unknown_distance,
)
from neuroevo.strategies.bayesian.widening import widening
from neuroevo.strategies.evolution.breeding import Breeding, Inheritance, check, check_count, trial

Proposal = tuple[Genome, Individual | None]

LISTED = 20_000  # wider networks that are all asked about: a prediction is cheap beside an evaluation
DRAWN = 1_000  # that are drawn where they are more, or cannot be listed


@dataclass
class Progressive(Strategy):
    """Progressive neural architecture search (PNAS; Liu et al. 2018, algorithm 1).

    The networks of the smallest size are evaluated; then those of each size are widened by one part, and the `best` of the wider ones by a
    predictor are evaluated. The search ends when the networks of the largest size were. What a size is depends on the space: for NAS-Bench-201's
    cells the nodes that take part, for NASNet's the blocks (the paper's case), for DARTS's the nodes, for chains, stacks, graphs and networks of layers their number.

    The paper evaluates each size at once. The predictor is then asked about networks larger than any that it has seen; fitted again between
    `batches` of a size it is much better. Only the first objective that costs training decides.

    Args:
        predictor: a model of scores, of `neuroevo.predictors`, or such a text ('GaussianProcess("edit")'); None: `GaussianProcess()`.
        best: networks of each size (K; the paper's 256).
        batches: in which a size is evaluated, with a predictor that is fitted anew before each (the paper: 1).
        initial: networks of the smallest size at most (the paper: all 136).
        candidates: wider networks that the predictor is asked about before each batch; where there are more, so many at random. None: all,
            as in the paper, where they can be listed and are at most 20,000; else 1,000. A search that asks about a few of many seldom
            meets the best of them: what is drawn, not the predictor, then limits it.
        log: whether the logarithm of the distance from the best value is learned; None: where an objective says what that is (a minimised
            one: 0).
        inheritance: "lamarckian" starts a network from the weights of that which was widened, "none" from scratch.

    Raises:
        ValueError: a setting out of its range; at the start, a space in which no size is decided.
        TypeError: a predictor that is none.
    """

    predictor: Predictor | str | None = None
    best: int = 40
    batches: int = 4
    initial: int = 40
    candidates: int | None = None
    log: bool | None = None
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        self.predictor = checked_predictor(self.predictor)
        for name in ("best", "batches", "initial"):
            check_count(name, getattr(self, name))
        if self.candidates is not None:
            check_count("candidates", self.candidates)
        check_log(self.log)
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._widening = widening(search.space)
        self._breeding = Breeding(search, "key")
        self._models = Models(search, checked_predictor(self.predictor), self.log)
        refuse_unknown_distance(self._models, self.log)
        if self._widening.several_spaces and not self._models.several_spaces:
            raise ValueError(
                f"cells of fewer blocks are genomes of another space, and {shown(self.predictor)} compares genomes of one space only: use "
                "GaussianProcess() or Ensemble()"
            )
        rng, smallest = np.random.default_rng(0), self._widening.smallest
        least = [self._widening.random(smallest, rng) for _ in range(2)]
        wider = [self._widening.wider(genome, smallest + 1, rng) for genome in least if self._widening.largest != smallest]
        self._models.check([*least, *(genome for genome in wider if genome is not None)])
        self._forecasts = Forecasts()
        self._promised: dict[int, float] = {}  # the predicted score of each new wider network, by its token, in this ask
        self._size = self._widening.smallest
        self._asked = 0  # of this size
        self._narrower: list[Individual] = []  # of the size below, which are widened
        self._these: list[Individual] = []  # of this size
        self._observed: list[Individual] = []  # of all sizes, in order of evaluation

    def ask(self) -> Sequence[Trial]:
        while not (chosen := self._chosen()):
            if self._asked == 0 and self._size > self._widening.smallest:
                return []  # nothing is wider
            if self._widening.largest is not None and self._size >= self._widening.largest:
                return []
            self._narrower, self._these = self._these, []
            self._size, self._asked = self._size + 1, 0
        self._asked += len(chosen)
        return [trial(self.search, *birth, self.inheritance) for birth in chosen]

    def _chosen(self) -> list[tuple[Individual, Sequence[Individual]]]:
        """The next batch of this size; none when it was evaluated."""
        first = self._size == self._widening.smallest
        left = (self.initial if first else self.best) - self._asked
        if left <= 0:
            return []
        rng = self.search.rng(self.search.next_id, ACCEPTANCE)
        proposals = self._smallest(rng) if first else self._ranked(self._wider(rng))
        born: list[tuple[Individual, Sequence[Individual]]] = []
        for genome, root in proposals:
            if len(born) == (left if first else min(left, -(-self.best // self.batches))):
                break
            if self._breeding.accepts(genome):
                parents = () if root is None else (root,)
                operators = ("random",) if root is None else ("widen",)
                made = self.search.individual(
                    self.search.reserve(), genome, parents=parents, operators=operators, generation=self.generation
                )
                born.append((made, parents))
                if (promised := self._promised.get(self._breeding.token(genome))) is not None:
                    candidates = list(self._promised.values())
                    self._forecasts.add(made.id, Forecast.of(self._models.expected(genome), promised, candidates))
        return born

    def _smallest(self, rng: np.random.Generator) -> list[Proposal]:
        listed = self._widening.first()
        if listed is None:
            return [(self._widening.random(self._size, rng), None) for _ in range(4 * self.initial)]
        genomes = list(listed)
        return [(genomes[place], None) for place in rng.permutation(len(genomes)).tolist()]

    def _wider(self, rng: np.random.Generator) -> list[Proposal]:
        """Wider networks; random ones of this size where all of the size below failed."""
        roots, count = self._narrower, self.candidates or DRAWN
        if not roots:
            return [(self._widening.random(self._size, rng), None) for _ in range(count)]
        listed = self._widening.all_wider([root.genome for root in roots], self._size, self.candidates or LISTED)
        if listed is not None:
            return [(genome, roots[place]) for place, genome in listed]
        drawn = [roots[place] for place in rng.integers(len(roots), size=count).tolist()]
        wider = [(self._widening.wider(root.genome, self._size, rng), root) for root in drawn]
        return [(genome, root) for genome, root in wider if genome is not None]

    def _ranked(self, proposals: list[Proposal]) -> list[Proposal]:
        """Those that are new and within the limits, the most promising first."""
        breeding = self._breeding
        fresh: dict[int, Proposal] = {}
        for proposal in proposals:
            if breeding.within_limits(proposal[0]) and (token := breeding.token(proposal[0])) not in breeding.seen:
                fresh.setdefault(token, proposal)
        found, self._promised = list(fresh.values()), {}
        if not found or not self._observed:
            return found
        self._models.observe(self._observed)
        self._models.fit([self._models.first])
        mean, _ = self._models.predict(self._models.first, [genome for genome, _ in found])
        self._promised = dict(zip(fresh, mean.tolist(), strict=True))
        return [found[place] for place in np.argsort(-mean, kind="stable").tolist()]

    def tell(self, results: Sequence[Result]) -> None:
        self._forecasts.told([individual.id for result in results for individual in result.individuals])
        for result in results:
            for individual in result.individuals:
                if individual.status == DONE and usable(individual.fitness.values):
                    self._observed.append(individual)
                    self._these.append(individual)
        self.generation += 1

    def state(self) -> State:
        json = {
            "generation": self.generation,
            "size": self._size,
            "asked": self._asked,
            "narrower": [individual.id for individual in self._narrower],
            "these": [individual.id for individual in self._these],
        }
        observed = np.array([individual.id for individual in self._observed], np.int64)
        return State(json, {**self._breeding.arrays(), "observed": observed})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation, self._size, self._asked = known["generation"], known["size"], known["asked"]
        self._narrower = [individuals(id) for id in known["narrower"]]
        self._these = [individuals(id) for id in known["these"]]
        self._observed = [individuals(id) for id in state.arrays["observed"].tolist()]
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        return [*self._narrower, *self._these]

    def champions(self) -> Sequence[Individual]:
        """Everybody that the predictor learns from."""
        return self._observed

    def report(self) -> dict[str, Any]:
        return {"size": self._size, "observed": len(self._observed), **self._forecasts.report(self._models.first)}
