"""XNAS: operations as experts whose weights multiply, and that are wiped out when they cannot win any more (Nayman et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.train.supernet.backends import Backend, as_images
from neuroevo.train.supernet.mixtures import described, rows
from neuroevo.train.supernet.network import Supernet
from neuroevo.train.supernet.paths import learning_rates
from neuroevo.train.supernet.rule import Arrays, Data, Orders, Rule

GONE = -1e30


def learning_rate(experts: npt.NDArray[Any] | int, horizon: npt.NDArray[Any] | float, bound: float) -> npt.NDArray[np.float64]:
    """The rate that makes the regret smallest: sqrt(2 ln N / (T L^2)) (theorem 1).

    Args:
        experts: N, one or more numbers; horizon: T, rewards in all; bound: L, the largest magnitude of a reward.
    """
    rate: npt.NDArray[np.float64] = np.sqrt(2.0 * np.log(np.maximum(experts, 2)) / (np.asarray(horizon) * bound**2))
    return rate


def predicted(backend: Backend, log_weights: Any, alive: Any) -> Any:
    """The weight of every expert among those that are alive: [..., experts].

    Args:
        log_weights: the logarithms of v; alive: 1.0 or 0.0.
    """
    logs = log_weights * alive + GONE * (1.0 - alive)
    weights = backend.exp(logs - backend.highest(logs, 1)) * alive
    return weights / backend.total(weights, 1)


def rewarded(backend: Backend, log_weights: Any, gradient: Any, rate: Any, bound: float, count: Any = 1.0) -> Any:
    """The logarithms of v exp(rate R) with R = clip(-gradient, +-bound) (equation 2).

    Args:
        gradient: of the loss with respect to each expert's weight, which is the prediction's gradient times what the expert gives.
        count: how many rewards this stands for.
    """
    return log_weights + rate * count * backend.clip(-gradient, -bound, bound)


def surviving(backend: Backend, log_weights: Any, alive: Any, rate: Any, bound: float, left: Any) -> Any:
    """Which experts are not wiped out: those with v >= max(v) exp(-2 rate bound (T - t)) among the living, since the others cannot become the
    best in the `left` rewards (algorithm 1, line 11)."""
    logs = log_weights * alive + GONE * (1.0 - alive)
    lowest = backend.highest(logs, 1) - 2.0 * rate * bound * left
    return alive * backend.where(logs >= lowest, backend.exp(0.0 * logs), 0.0 * logs)


@dataclass(frozen=True)
class XnasRule(Rule):
    """A step of the weights, then one of the experts on samples of their own.

    A batch's mean reward over samples and cells stands for as many rewards as it has samples and the choice has cells: T counts validation
    samples, epochs and cells of the kind.

    Args:
        bound: L, of a reward.
        rate: of the experts; None: what the theory says.

    Raises:
        ValueError: a setting out of its range.
    """

    name = "xnas"
    halves: ClassVar[bool] = True
    bound: float = 1.0
    rate: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("bound", self.bound), ("rate", self.rate)):
            if value is not None and not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise ValueError(f"{name} must be a number > 0, got {shown(value)}")

    def fresh(self, net: Supernet, rng: np.random.Generator) -> Arrays:
        alive = net.graph.allowed().astype(np.float32)
        return {**super().fresh(net, rng), "log": np.zeros_like(alive), "alive": alive, "seen": np.zeros(1, np.float32)}

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        x, targets = data["train"]
        own, own_targets = data["architecture"]
        order, own_order = orders["train"], orders["architecture"]
        cells = cells_of_each_choice(net)
        samples = float(own_order.size * int(options["epochs"]))
        experts = net.graph.allowed().sum(axis=1)[:, None]
        rates = learning_rate(experts, samples * cells, self.bound) if self.rate is None else np.full_like(cells, self.rate)
        names = ("weights", "velocity", "log", "alive", "seen")
        run = net.kept(self, lambda: net.backend.epoch(self.step(net), 4))
        found, loss = run(
            tuple(state[name] for name in names),
            (as_images(x), targets, as_images(own), own_targets, cells.astype(np.float32), rates.astype(np.float32), np.float32(samples)),
            (order, own_order, learning_rates(options, len(order))),
        )
        after = dict(zip(names, found, strict=True))
        mixture = rows(np.asarray(predicted(net.backend, net.backend.constant(after["log"]), net.backend.constant(after["alive"]))), net.graph)
        alive = [[int(value) for value in row] for row in rows(after["alive"], net.graph)]
        # "none" may wipe out all others, and is never kept: which of these was best is still known
        logs = np.where(net.graph.allowed(), after["log"].astype(np.float64), GONE)
        total = np.log(np.exp(logs - logs.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + logs.max(axis=1, keepdims=True)
        report = {"loss": loss, "alive": alive, "experts": int(after["alive"].sum()), "strengths": rows(logs - total, net.graph)}
        return after, {**report, **described(mixture, net.graph)}

    def step(self, net: Supernet) -> Callable[..., Any]:
        """One step of the weights and of the experts, on tensors."""
        backend, bound = net.backend, self.bound

        def step(state: tuple[Any, ...], data: tuple[Any, ...], each: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
            vector, velocity, logs, alive, seen = state
            samples, own_samples, cells, rates, horizon = data[:2], data[2:4], *data[4:]
            places, own_places, rate = each
            x, targets = (backend.gather(one, places) for one in samples)
            own, own_targets = (backend.gather(one, own_places) for one in own_samples)
            mixture = predicted(backend, logs, alive)
            loss, (gradient,) = backend.gradient(lambda vector: net.mixed_loss(vector, mixture, x, targets), vector)
            vector, velocity = net.sgd(vector, velocity, gradient, rate)
            _, (of_mixture,) = backend.gradient(lambda mixture: net.mixed_loss(vector, mixture, own, own_targets), mixture)
            count = float(own_places.shape[0])
            logs = rewarded(backend, logs, of_mixture / cells, rates, bound, count * cells)
            seen = seen + count
            alive = surviving(backend, logs, alive, rates, bound, (horizon - seen) * cells)
            return (vector, velocity, logs, alive, seen), loss

        return step


def cells_of_each_choice(net: Supernet) -> npt.NDArray[np.float64]:
    """In how many cells of the stack each choice is made: float64 [choices, 1]."""
    counts = np.zeros((len(net.graph.choices), 1))
    for groups in net.graph.mixed.values():
        for group in groups:
            counts[group.choice] += 1
    return counts
