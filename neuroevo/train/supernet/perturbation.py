"""Perturbation: an operation is worth what the shared network loses without it (Wang, Cheng, Chen, Tang & Hsieh 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.train.loop import sample_order
from neuroevo.train.supernet.darts import train_weights
from neuroevo.train.supernet.mixtures import described, rows, table
from neuroevo.train.supernet.network import Supernet
from neuroevo.train.supernet.rule import Arrays, Data, Orders, Rule

Measure = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class Perturbation(Rule):
    """Decides one choice: each option is taken out in turn, the one is kept without which the network is worst on the architecture's samples, then
    the weights are tuned for it (section 5, algorithm 1). With `choice` -1 every choice is taken out as a whole, which says which edges
    matter (the paper's choice of a topology); nothing is tuned.

    The trial's options name the "mixture", with what was decided before.

    Args:
        choice: which, or -1.
        measure: what gets worse: "accuracy" (of equal ones the loss decides), or "loss".
        tune: epochs of the weights afterwards (the paper's 5).

    Raises:
        ValueError: a setting out of its range.
    """

    name = "perturbation"
    halves: ClassVar[bool] = True
    choice: int = -1
    measure: Measure = "accuracy"
    tune: int = 5

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure):
            raise ValueError(f"measure must be 'accuracy' or 'loss', got {shown(self.measure)}")

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        graph, mixture = net.graph, table(options["mixture"], net.graph)
        if self.choice < 0:
            worth = [self._without(net, state, mixture, data, choice, None) for choice in range(len(graph.choices))]
            return state, {"loss": worth[0][1], "worth": [self._number(*one) for one in worth]}
        choice = graph.choices[self.choice]
        places = [place for place in range(len(choice.options)) if place not in choice.idle]
        found = {place: self._without(net, state, mixture, data, self.choice, place) for place in places}
        best = max(places, key=lambda place: (*self._key(*found[place]), -place))
        mixture[self.choice] = 0.0
        mixture[self.choice, best] = 1.0
        loss = found[best][1]
        for epoch in range(self.tune):
            order = {name: sample_order(len(data[name][0]), len(each), each.shape[1], rng) for name, each in orders.items()} if epoch else orders
            trained, loss = train_weights(net, state, mixture, data, order, options)
            state = {**state, **trained}
        report = {"loss": loss, "choice": self.choice, "option": best, "worth": [self._number(*found[place]) for place in places]}
        return state, {**report, **described(rows(mixture, graph), graph)}

    def _without(
        self, net: Supernet, state: Arrays, mixture: npt.NDArray[np.float32], data: Data, choice: int, option: int | None
    ) -> tuple[float, float]:
        """The accuracy (0 of a regression) and the loss of the network without an option, or without a choice as a whole."""
        perturbed = mixture.copy()
        perturbed[choice, slice(None) if option is None else option] = 0.0
        x, targets = data["architecture"]
        outputs = net.mixed_outputs(state["weights"], perturbed, x).astype(np.float64)
        if net.method.loss != "cross_entropy":
            return 0.0, float(((outputs - targets) ** 2).mean())
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float((outputs.argmax(axis=1) == targets.argmax(axis=1)).mean()), float(-(logs * targets).sum(axis=1).mean())

    def _key(self, accuracy: float, loss: float) -> tuple[float, ...]:
        """More is worth more."""
        return (-accuracy, loss) if self.measure == "accuracy" else (loss,)

    def _number(self, accuracy: float, loss: float) -> float:
        return -accuracy if self.measure == "accuracy" else loss


def decided(worth: Sequence[float], taken: Sequence[int], sizes: Sequence[int]) -> list[list[float]]:
    """Strengths for `SharedGraph.strongest`: of each choice's taken option what the choice is worth, of the others less than all."""
    least = min(worth) - 1.0
    return [
        [value if place == option else least for place in range(size)]
        for value, option, size in zip(worth, taken, sizes, strict=True)
    ]
