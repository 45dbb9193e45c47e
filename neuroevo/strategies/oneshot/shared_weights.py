"""SharedWeights: any strategy, whose candidates are scored with the weights of one shared network (Guo et al. 2020; Li & Talwalkar 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from genomes.base import shown, unknown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.registry import part_from_text
from neuroevo.core.state import State
from neuroevo.core.trial import Fidelity, Result, Trial
from neuroevo.strategies.base import Search, Strategy, go_on, held
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.fidelity.rungs import best_first
from neuroevo.strategies.oneshot.base import SEARCHING, SHARED, OneShot
from neuroevo.tasks.base import Task

INNER = "proposals"  # what the strategy inside remembers is called so


@dataclass
class SharedWeights(OneShot):
    """One training serves a whole search: each step of the shared network trains one path through it, then another strategy's candidates are
    scored as paths, with the weights that they have there and BatchNorm statistics of their own (single path one-shot, Guo et al. 2020; random
    search with weight sharing, Li & Talwalkar 2020, is this around `RandomSearch`).

    A score takes a forward pass. It is an evaluation at the fidelity of no epochs; the front is that of the finalists, which are trained in full,
    or without finalists that of the scores. Shared scores rank cells that differ much; near the top they say little. A shared network of few
    epochs ranks backwards: see `experiments/oneshot.py`.

    Args:
        proposals: the strategy that chooses candidates, or its name; None: random search.
        candidates: how many are scored, at least.
        finalists: how many of the best are trained in full; by the score, with several objectives by non-dominated rank, then by crowding.
        ranked_by: scores joined by "+", such as "loss+parameters": the finalists are then those with the best sum of ranks in each. A score is an
            objective's (by its direction), or one that is recorded beside them (less is better: "loss", "error"), or "parameters" or "flops"
            (more is better, where they are no objectives: of cells with equal loss under shared weights the larger one is better when trained).
        sampling: the path of each step: "fair" (every option of every decision equally often; Chu, Zhang & Xu 2021) or "uniform".
        training: "paths" trains one path a step; "even" all operations mixed evenly; "darts" mixed as first-order DARTS learns to, on half of
            the samples: what the weights of another training are worth as scores.
        epochs, learning_rate, final_rate, momentum, weight_decay, clip, batch_size, flip, shift, finals, statistics, calibration: see
            `OneShot`.

    Raises:
        ValueError: a setting out of its range, or a strategy that chooses fidelities itself.
        TypeError: `proposals` is no strategy.
    """

    proposals: Strategy | str | None = None
    candidates: int = 200
    finalists: int = 1
    sampling: Literal["fair", "uniform"] = "fair"
    training: Literal["paths", "even", "darts"] = "paths"
    ranked_by: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("candidates", self.candidates)
        check_count("finalists", self.finalists, 0)
        check("sampling", self.sampling, ("fair", "uniform"))
        check("training", self.training, ("paths", "even", "darts"))
        if self.ranked_by is not None and (not isinstance(self.ranked_by, str) or not all(self.ranked_by.split("+"))):
            raise ValueError(f"ranked_by must be names of scores joined by +, such as 'loss+parameters', got {shown(self.ranked_by)}")
        self.proposals = choosing(self.proposals)

    @property
    def full(self) -> Fidelity | None:
        return None if self.finalists else SHARED

    def within(self, evaluations: int) -> Strategy:
        spent = self.finalists * (2 if self.finals == "both" else 1)
        sizes = ["offspring" if getattr(self.proposals, "offspring", None) else "population", "batch", "initial", "neighbours"]
        at_once = max([getattr(self.proposals, name, None) or 1 for name in sizes])
        # what it proposes at once is scored whole, so that the last of it may be more than was wanted
        return replace(self, candidates=min(self.candidates, max(1, evaluations - spent - at_once + 1)))

    def start(self, search: Search) -> None:
        super().start(search)
        if self.training != "paths" and not self._graph.mixable:
            raise ValueError(
                f"the networks of {type(search.space).__name__} share weights one path at a time: training must be 'paths', got {self.training!r}"
            )
        assert isinstance(self.proposals, Strategy)
        self._inner = replace(self.proposals)  # type: ignore[type-var]
        self._inner.start(search)
        self._scored: list[Individual] = []
        self._asked: list[Trial] = []

    def rule(self) -> dict[str, Any]:
        if self.training == "paths":
            return {"rule": "paths", "sampling": self.sampling}
        return {"rule": "still" if self.training == "even" else "darts"}

    def propose(self) -> Sequence[Trial]:
        if len(self._scored) >= self.candidates:
            return ()
        self._asked = list(self._inner.ask())
        for trial in self._asked:
            if not trial.individuals or trial.job != "evaluate" or not trial.fidelity.unnamed:
                raise ValueError(
                    f"{type(self._inner).__name__} asks for more than scores (job {shown(trial.job)}, fidelity {trial.fidelity.to_dict()}): "
                    "share weights with a strategy such as RandomSearch(), RegularizedEvolution() or Nsga2()"
                )
        shared, options = self.shared(), self.scoring()
        return [replace(trial, fidelity=SHARED, artifacts=shared, options=options) for trial in self._asked]

    def observe(self, results: Sequence[Result]) -> None:
        self._scored += [individual for result in results for individual in result.individuals]
        self._inner.tell(results)
        self._inner.count_tell()

    def choose(self) -> Sequence[Individual]:
        return self.best()[: self.finalists]

    def best(self) -> list[Individual]:
        """Those who were scored, the best first."""
        if self.ranked_by is None:
            return best_first(self._scored)
        done = [one for one in self._scored if one.status == DONE]
        sums = np.sum([rankdata([worth(one, name, self.search.task) for one in done]) for name in self.ranked_by.split("+")], axis=0)
        return [done[place] for place in sorted(range(len(done)), key=lambda place: (-sums[place], done[place].id))]

    @property
    def living(self) -> Sequence[Individual]:
        return self._inner.living

    def champions(self) -> Sequence[Individual]:
        """Everybody who was scored: the finalists are among them."""
        return [*self._scored, *self._finalists, *self._inner.champions()]

    def state(self) -> State:
        own, inner = super().state(), held(self._inner, INNER)
        return State({**own.json, **inner.json, "scored": [one.id for one in self._scored]}, inner.arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        super().restore(state, individuals)
        self._scored = [individuals(id) for id in state.json["scored"]]
        go_on(self._inner, INNER, state, individuals)

    def report(self) -> dict[str, Any]:
        """The loss of the last epoch, how many were scored, and what the strategy inside reports."""
        inner = self._inner.report() if self._stage == SEARCHING and self._scored else {}
        report = {**inner, **super().report(), "scored": len(self._scored)}
        if self._scored and self._stage == SEARCHING and (best := self.best()):
            report["genes"] = best[0].genome.genes()
        return report


def worth(individual: Individual, name: str, task: Task) -> float:
    """A score of an individual as `SharedWeights.ranked_by` takes it: more is better.

    Raises:
        ValueError: it has no such score.
    """
    scores = individual.info.get("scores") or {}
    if name in task.objectives:
        return float(individual.values[name] * task.objectives[name].weight)
    if name in scores:
        return -float(scores[name])
    if name in ("parameters", "flops") and hasattr(individual.genome, name):
        return float(getattr(individual.genome, name))
    known = dict.fromkeys([*task.objectives, *scores, "parameters", "flops"])
    raise ValueError(unknown("score to rank by", name, list(known)))


def choosing(strategy: Any) -> Strategy:
    """The strategy that is meant: of a text, what it describes ("nsga2", "RegularizedEvolution(population=20)"); of None, random search.

    Raises:
        TypeError: neither a strategy, nor a text, nor None.
        ValueError: a text that describes no strategy, or a strategy that chooses fidelities or inherits weights itself.
    """
    if strategy is None:
        from neuroevo.strategies.random_search import RandomSearch

        strategy = RandomSearch()
    if isinstance(strategy, str):
        strategy = part_from_text("strategy", strategy, "nsga2 or RegularizedEvolution(population=20)")
    if not isinstance(strategy, Strategy):
        raise TypeError(
            f"proposals must be a strategy such as RegularizedEvolution(), its name, or None for random search; got {shown(strategy)}"
        )
    if strategy.full is not None or strategy.estimated_by is not None:
        raise ValueError(f"shared weights score the candidates of a strategy that leaves that to others; {type(strategy).__name__} does not")
    if strategy.inheritance != "none":
        without: Strategy = replace(strategy, inheritance="none")  # type: ignore[type-var]  # every candidate has the shared weights
        return without
    return strategy
