"""DARTS: architecture parameters learn by gradient from samples of their own (Liu, Simonyan & Yang 2019); and mixtures that stand still."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.train.supernet.backends import as_images
from neuroevo.train.supernet.mixtures import Weighing, described, mixture, rows
from neuroevo.train.supernet.network import Supernet
from neuroevo.train.supernet.paths import learning_rates
from neuroevo.train.supernet.rule import Arrays, Data, Orders, Rule

EPSILON = 1e-8


@dataclass(frozen=True)
class Still(Rule):
    """The weights are trained under a mixture that does not change: that of the state, which begins even.

    It is the first part of other rules, and what a perturbation-based choice begins with (Wang et al. 2021, section 5).
    """

    name = "still"

    def fresh(self, net: Supernet, rng: np.random.Generator) -> Arrays:
        even = net.graph.allowed() / net.graph.allowed().sum(axis=1, keepdims=True)
        return {**super().fresh(net, rng), "mixture": even.astype(np.float32)}

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        trained, loss = train_weights(net, state, state["mixture"], data, orders, options)
        return {**state, **trained}, {"loss": loss, **described(rows(state["mixture"], net.graph), net.graph)}


def train_weights(
    net: Supernet, state: Arrays, weights: npt.NDArray[np.float32], data: Data, orders: Orders, options: Mapping[str, Any]
) -> tuple[Arrays, float]:
    """An epoch of the weights alone under a mixture: what it changes of the state, and the mean loss."""
    x, targets = data["train"]
    run = net.kept("still", lambda: net.backend.epoch(_still_step(net)))
    order = orders["train"]
    (vector, velocity), loss = run(
        (state["weights"], state["velocity"]), (as_images(x), targets, weights), (order, learning_rates(options, len(order)))
    )
    return {"weights": vector, "velocity": velocity}, loss


def _still_step(net: Supernet) -> Callable[..., Any]:
    def step(state: tuple[Any, ...], data: tuple[Any, ...], each: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
        vector, velocity = state
        places, rate = each
        x, targets = (net.backend.gather(one, places) for one in data[:2])
        loss, (gradient,) = net.backend.gradient(lambda vector: net.mixed_loss(vector, data[2], x, targets), vector)
        return net.sgd(vector, velocity, gradient, rate), loss

    return step


@dataclass(frozen=True)
class DartsRule(Rule):
    """An architecture step by Adam on samples of its own, then a step of the weights (algorithm 1).

    Args:
        order: 1 takes the gradient at the present weights; 2 at those one step of training ahead, by a finite difference (section 2.3):
            w' = w - rate (momentum * buffer + gradient + decay * w), and R = 0.01 / |gradient of the validation loss at w'|.
        weighing: see `neuroevo.train.supernet.mixtures.mixture`.
        rate, decay, beta_1, beta_2: of the architecture's Adam. The decay is the architecture's own, not that of the weights.
        initial: spread of the parameters that it begins with.
        begin: epochs in which the weights learn alone.
        eigenvalue: whether to report the largest eigenvalue of the loss's Hessian with respect to the parameters (Zela et al. 2020).

    Raises:
        ValueError: a setting out of its range.
    """

    name = "darts"
    halves: ClassVar[bool] = True
    order: Literal[1, 2] = 1
    weighing: Weighing = "softmax"
    rate: float = 3e-4
    decay: float = 1e-3
    beta_1: float = 0.5
    beta_2: float = 0.999
    initial: float = 1e-3
    begin: int = 0
    eigenvalue: bool = False

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {shown(self.order)}")
        if self.weighing not in ("softmax", "independent"):
            raise ValueError(f"weighing must be 'softmax' or 'independent', got {shown(self.weighing)}")

    def fresh(self, net: Supernet, rng: np.random.Generator) -> Arrays:
        state, shape = super().fresh(net, rng), (len(net.graph.choices), net.graph.widest)
        alpha = (self.initial * rng.standard_normal(shape) * net.graph.allowed()).astype(np.float32)
        zeros = np.zeros(shape, np.float32)
        return {**state, "alpha": alpha, "first": zeros, "second": zeros.copy(), "steps": np.zeros(1, np.float32)}

    def mixture(self, net: Supernet, alpha: Any) -> Any:
        """The weights of the operations, of tensors or arrays."""
        return mixture(net.backend, alpha, net.backend.constant(net.graph.allowed().astype(np.float32)), self.weighing)

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        if int(options["epoch"]) <= self.begin:
            trained, loss = train_weights(net, state, np.asarray(self.mixture(net, state["alpha"])), data, orders, options)
            state = {**state, **trained}
        else:
            x, targets = data["train"]
            own, own_targets = data["architecture"]
            order = orders["train"]
            names = ("weights", "velocity", "alpha", "first", "second", "steps")
            run = net.kept(self, lambda: net.backend.epoch(self.step(net), 4))
            found, loss = run(
                tuple(state[name] for name in names),
                (as_images(x), targets, as_images(own), own_targets),
                (order, orders["architecture"], learning_rates(options, len(order))),
            )
            state = dict(zip(names, found, strict=True))
        report = {"loss": loss, **described(rows(np.asarray(self.mixture(net, state["alpha"])), net.graph), net.graph)}
        if self.eigenvalue:
            own, own_targets = data["architecture"]
            batch = orders["architecture"][0]
            report["eigenvalue"] = self.largest_eigenvalue(net, state, own[batch], own_targets[batch])
        return state, report

    def step(self, net: Supernet) -> Callable[..., Any]:
        """One step of the architecture and of the weights, on tensors."""
        backend = net.backend

        def step(state: tuple[Any, ...], data: tuple[Any, ...], each: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
            vector, velocity, alpha, first, second, steps = state
            places, own_places, rate = each
            x, targets = (backend.gather(one, places) for one in data[:2])
            own, own_targets = (backend.gather(one, own_places) for one in data[2:])
            gradient = self.architecture_gradient(net, vector, velocity, alpha, (x, targets), (own, own_targets), rate)
            gradient = gradient + self.decay * alpha
            steps = steps + 1.0
            first = self.beta_1 * first + (1.0 - self.beta_1) * gradient
            second = self.beta_2 * second + (1.0 - self.beta_2) * gradient * gradient
            unbiased = first / (1.0 - self.beta_1**steps), second / (1.0 - self.beta_2**steps)
            alpha = alpha - self.rate * unbiased[0] / (backend.sqrt(unbiased[1]) + EPSILON)
            weights = self.mixture(net, alpha)
            loss, (of_weights,) = backend.gradient(lambda vector: net.mixed_loss(vector, weights, x, targets), vector)
            vector, velocity = net.sgd(vector, velocity, of_weights, rate)
            return (vector, velocity, alpha, first, second, steps), loss

        return step

    def architecture_gradient(
        self, net: Supernet, vector: Any, velocity: Any, alpha: Any, train: tuple[Any, Any], own: tuple[Any, Any], rate: Any
    ) -> Any:
        """The gradient of the validation loss with respect to the architecture: [choices, widest].

        Args:
            train, own: samples and targets of the weights and of the architecture.
            rate: of the weights' next step.
        """
        backend = net.backend

        def loss(vector: Any, alpha: Any, samples: tuple[Any, Any]) -> Any:
            return net.mixed_loss(vector, self.mixture(net, alpha), *samples)

        if self.order == 1:
            return backend.gradient(lambda alpha: loss(vector, alpha, own), alpha)[1][0]
        _, (of_weights,) = backend.gradient(lambda vector: loss(vector, alpha, train), vector)
        method = net.method
        decayed = method.weight_decay * backend.constant(net.layout.decayed) * vector
        ahead = vector - rate * (method.momentum * velocity + of_weights + decayed)
        _, (direction, of_alpha) = backend.gradient(lambda vector, alpha: loss(vector, alpha, own), ahead, alpha)
        radius = 0.01 / backend.sqrt(backend.total(direction * direction) + 1e-20)
        _, (above,) = backend.gradient(lambda alpha: loss(vector + radius * direction, alpha, train), alpha)
        _, (below,) = backend.gradient(lambda alpha: loss(vector - radius * direction, alpha, train), alpha)
        return of_alpha - rate * (above - below) / (2.0 * radius)

    def largest_eigenvalue(
        self, net: Supernet, state: Arrays, x: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], iterations: int = 12
    ) -> float:
        """The eigenvalue of largest magnitude of the loss's Hessian with respect to the architecture, by power iteration on finite differences of
        the gradient."""
        product, shape = self.hessian_product(net, state, x, targets), state["alpha"].shape
        mask = net.graph.allowed()
        direction = np.random.default_rng(0).standard_normal(shape) * mask
        value = 0.0
        for _ in range(iterations):
            direction /= max(float(np.linalg.norm(direction)), 1e-30)
            image = product(direction)
            value = float((direction * image).sum())
            direction = image
        return value

    def hessian_product(
        self, net: Supernet, state: Arrays, x: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], radius: float = 0.05
    ) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
        """The product of the loss's Hessian with respect to the architecture and a direction, both [choices, widest]."""
        backend = net.backend

        def gradient(vector: Any, alpha: Any, x: Any, targets: Any) -> Any:
            return backend.gradient(lambda alpha: net.mixed_loss(vector, self.mixture(net, alpha), x, targets), alpha)[1][0]

        run = net.kept((self.weighing, "gradient"), lambda: backend.compiled(gradient))

        def product(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            length = max(float(np.linalg.norm(direction)), 1e-30)
            step = (radius * direction / length).astype(np.float32)
            ends = [
                np.asarray(run(*map(backend.constant, (state["weights"], state["alpha"] + sign * step, as_images(x), targets))))
                for sign in (1, -1)
            ]
            found: npt.NDArray[np.float64] = (ends[0].astype(np.float64) - ends[1]) * length / (2 * radius)
            return found

        return product
