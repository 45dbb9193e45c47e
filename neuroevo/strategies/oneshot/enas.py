"""Enas: a controller chooses the paths that a shared network is trained on, and learns from their scores (Pham et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.streams import stream
from neuroevo.core.trial import Fidelity, Result, Trial
from neuroevo.strategies.base import Search
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.fidelity.rungs import best_first
from neuroevo.strategies.oneshot.base import SEARCHING, SHARED, TRAINING, OneShot
from neuroevo.strategies.optimisers import Optimiser
from neuroevo.strategies.reinforcement.designing import Designing
from neuroevo.strategies.reinforcement.factorised import Factorised
from neuroevo.strategies.reinforcement.lstm import Lstm
from neuroevo.strategies.reinforcement.walks import Policy, Walk, entropies, everything

PATHS, REWARDS = 12, 13  # the streams of what the controller draws: for the weights, and to learn from (keyed by the trial)
DRAWN = 256  # paths that are drawn for an epoch; an epoch of more steps goes over them again


@dataclass
class Enas(OneShot):
    """Epochs of a shared network on paths that a controller draws alternate with steps of the controller: each draws some paths, which are
    scored on a batch of validation samples each, and follows the gradient of their reward less a moving average (REINFORCE). In the end the
    controller's candidates are scored on all validation samples, and the best is trained.

    An epoch is a trial, and so is a step of the controller. The defaults are those of the published search for cells; what its search for chains
    of layers adds, a penalty on the share of skips, is not here.

    Args:
        controller: "lstm" or "factorised", a softmax for each question.
        steps, samples: steps of the controller after each epoch, and the paths that each draws.
        rate: of the controller's Adam.
        entropy: weight of the entropy of its decisions.
        baseline: decay of the moving average.
        bound, temperature: of the LSTM's logits, bound * tanh(logit / temperature).
        hidden: units of the LSTM.
        candidates: networks that are scored in the end.
        finalists: how many of these are trained.
        epochs, learning_rate, final_rate, momentum, weight_decay, clip, batch_size, flip, shift, finals, statistics, calibration: see `OneShot`.

    Raises:
        ValueError: a setting out of its range.
    """

    controller: Literal["lstm", "factorised"] = "lstm"
    steps: int = 30
    samples: int = 10
    rate: float = 0.0035
    entropy: float = 1e-4
    baseline: float = 0.99
    bound: float = 1.10
    temperature: float = 2.5
    hidden: int = 64
    candidates: int = 20
    finalists: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check("controller", self.controller, ("lstm", "factorised"))
        for name in ("samples", "hidden", "candidates"):
            check_count(name, getattr(self, name))
        for name in ("steps", "finalists"):
            check_count(name, getattr(self, name), 0)
        for name in ("rate", "entropy", "baseline", "bound", "temperature"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number >= 0, got {shown(value)}")
        if self.baseline >= 1 or self.temperature == 0:
            raise ValueError(f"baseline must be < 1 and temperature > 0, got {self.baseline} and {self.temperature}")

    def start(self, search: Search) -> None:
        super().start(search)
        self._designing = Designing(search)
        self._policy = self._new_policy()
        self._optimiser = Optimiser("adam", self.rate)
        self._step = 0  # of the controller, in this epoch; 0: the weights are next
        self._rewards = 0
        self._average = 0.0
        self._walks: list[Walk] = []
        self._scored: list[Individual] = []
        self._of_controller: dict[str, Any] = {}

    def _new_policy(self) -> Policy:
        if self.controller == "factorised":
            return Factorised(self.search.seed)
        return Lstm(
            self.search.seed, self.hidden, 1, 0.1, "none", bound=self.bound, temperature=self.temperature
        )

    @property
    def full(self) -> Fidelity | None:
        return None if self.finalists else SHARED

    def within(self, evaluations: int) -> Enas:
        spent = self.finalists * (2 if self.finals == "both" else 1)
        return replace(self, candidates=min(self.candidates, max(1, evaluations - spent)))

    # Training ---------------------------------------------------------------------------------------------------------------

    def rule(self) -> dict[str, Any]:
        walks = self._drawn(DRAWN, PATHS)
        return {"rule": "paths", "paths": [self._path(walk) for walk in walks]}

    def _drawn(self, count: int, purpose: int) -> list[Walk]:
        rng = stream(self.search.seed, self.search.next_trial, purpose)
        seeds = rng.integers(1 << 62, size=count).tolist()
        return self._policy.walk(self.search.space, [np.random.default_rng(seed) for seed in seeds], everything)

    def _path(self, walk: Walk) -> list[int]:
        return list(self._graph.path(self.search.space.build(walk.answers)))

    def ask(self) -> Sequence[Trial]:
        if self._stage != TRAINING or self._step == 0:
            return super().ask()
        self._walks = self._drawn(self.samples, REWARDS)
        options = {
            **self.sharing(),
            "rule": {"rule": "path_scores", "paths": [self._path(walk) for walk in self._walks], "samples": self.batch_size},
            "epoch": self.generation,
            "part": self._step,
        }
        return [self.search.trial(job="train_shared", artifacts=self.shared(), options=options)]

    def tell(self, results: Sequence[Result]) -> None:
        if self._stage != TRAINING or self._step == 0:
            super().tell(results)
            return
        (result,) = results
        if result.failed:
            raise ValueError(f"the controller's paths could not be scored: {result.measurement.error}")
        self._learn(self._walks, [float(score) for score in result.measurement.report["scores"]])
        self._walks, self._step = [], (self._step + 1) % (self.steps + 1)
        if self._step == 0 and self.generation >= self.epochs:
            self._stage = SEARCHING

    def _told(self, result: Result) -> None:
        super()._told(result)
        if self.steps and self._stage in (TRAINING, SEARCHING):  # the controller learns after the last epoch too
            self._step, self._stage = 1, TRAINING

    def _learn(self, walks: Sequence[Walk], rewards: Sequence[float]) -> None:
        for reward in rewards:
            self._rewards += 1
            self._average = self.baseline * self._average + (1.0 - self.baseline) * reward
        average = self._average / (1.0 - self.baseline**self._rewards)
        advantages = [reward - average for reward in rewards]
        gradient = self._policy.gradient(
            walks, lambda logs: [np.full(len(each), advantage) for each, advantage in zip(logs, advantages, strict=True)], self.entropy
        )
        self._optimiser.step(self._policy.arrays, {name: change / len(walks) for name, change in gradient.items()})
        self._of_controller = {"reward": float(np.mean(rewards)), "baseline": float(average)}

    # Searching --------------------------------------------------------------------------------------------------------------

    def propose(self) -> Sequence[Trial]:
        if self._scored:
            return ()

        def walks(rngs: Sequence[np.random.Generator]) -> list[tuple[list[int], Walk]]:
            return [(walk.answers, walk) for walk in self._policy.walk(self.search.space, rngs, everything)]

        born = self._designing.born(self.candidates, walks, self.generation)
        shared, options = self.shared(), self.scoring()
        return [self.search.trial(one, fidelity=SHARED, artifacts=shared, options=options) for one, _ in born]

    def observe(self, results: Sequence[Result]) -> None:
        self._scored = [individual for result in results for individual in result.individuals]

    def choose(self) -> Sequence[Individual]:
        return best_first(self._scored)[: self.finalists]

    # State ------------------------------------------------------------------------------------------------------------------

    def champions(self) -> Sequence[Individual]:
        return [*self._scored, *self._finalists]

    def state(self) -> State:
        own = super().state()
        json = {
            **own.json,
            "step": self._step,
            "rewards": self._rewards,
            "average": self._average,
            "names": self._policy.names(),
            "optimiser": self._optimiser.steps,
            "scored": [one.id for one in self._scored],
            "controller": self._of_controller,
        }
        arrays = {f"policy.{name}": array for name, array in self._policy.arrays.items()}
        return State(json, {**own.arrays, **arrays, **self._optimiser.arrays()})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        super().restore(state, individuals)
        known = state.json
        self._step, self._rewards, self._average = known["step"], known["rewards"], known["average"]
        arrays = {name.removeprefix("policy."): array for name, array in state.arrays.items() if name.startswith("policy.")}
        self._policy.restore(known["names"], arrays)
        self._optimiser.restore(known["optimiser"], state.arrays)
        self._scored = [individuals(id) for id in known["scored"]]
        self._of_controller = dict(known["controller"])

    def report(self) -> dict[str, Any]:
        """The loss of the last epoch, the mean reward of the controller's last step and its baseline, the mean entropy of a decision (in nats),
        and the likeliest network (its genes)."""
        questions, probabilities = self._policy.likeliest(self.search.space, everything)
        likeliest = self.search.space.build([int(each.argmax()) for each in probabilities])
        genome = best_first(self._scored)[0].genome if best_first(self._scored) else likeliest
        entropy = float(np.mean([entropies(each) for each in probabilities])) if questions else 0.0
        return {**super().report(), **self._of_controller, "entropy": entropy, "genes": genome.genes()}
