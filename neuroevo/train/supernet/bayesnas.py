"""BayesNAS: a sparse prior on the weight of every operation, which those that come before it share (Zhou, Yang, Wang & Pan 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.shared import SharedGraph
from neuroevo.train.supernet.backends import as_images
from neuroevo.train.supernet.darts import train_weights
from neuroevo.train.supernet.mixtures import described, rows
from neuroevo.train.supernet.network import Supernet
from neuroevo.train.supernet.paths import learning_rates
from neuroevo.train.supernet.rule import Arrays, Data, Orders, Rule
from neuroevo.train.supernet.xnas import cells_of_each_choice

Doubles = npt.NDArray[np.float64]
LEAST = 1e-12


def reweighted(
    weights: Doubles, gamma: Doubles, hessian: Doubles, penalty: float, cells: Doubles | float = 1.0
) -> tuple[Doubles, Doubles]:
    """The prior's next variances gamma and weights omega of the penalty (section 4.2, algorithm 1).

    C = 1 / (1 / gamma + H / penalty), omega = sqrt(sum over cells |1 / gamma - C / gamma^2|), gamma = |w| / omega. For a quadratic loss h (w - a)^2 / 2
    whose penalised minimum w is found each time, this ends at gamma = max(0, a^2 - penalty / h), which maximises the evidence.

    Args:
        weights: w, of every operation; gamma: the variances so far.
        hessian: the second derivative of the loss with respect to each w, in one cell.
        cells: in how many cells each w stands.
    """
    gamma = np.maximum(gamma, LEAST)
    covariance = 1.0 / (1.0 / gamma + np.maximum(hessian, 0.0) / penalty)
    omega = np.sqrt(np.maximum(cells * np.abs(1.0 / gamma - covariance / gamma**2), LEAST))
    return np.abs(weights) / omega, omega


def inherited(gamma: Doubles, graph: SharedGraph) -> Doubles:
    """The variances with those of parents: an operation that starts at a node is as sure as what comes into that node,
    1 / (1 / gamma + 1 / gamma_parent), where the parent's is the sum over all that comes in (section 3.2). Nodes in topological order."""
    found = gamma.copy()
    for index, choice in sorted(enumerate(graph.choices), key=lambda one: (one[1].cell, one[1].target)):
        into = [
            place for place, other in enumerate(graph.choices) if (other.cell, other.target) == (choice.cell, choice.source) and other.source >= 0
        ]
        if not into:
            continue
        handing_on = [[option not in graph.choices[place].idle for option in range(gamma.shape[1])] for place in into]
        parent = max(float((found[into] * handing_on).sum()), LEAST)
        found[index] = 1.0 / (1.0 / np.maximum(found[index], LEAST) + 1.0 / parent)
    return found


@dataclass(frozen=True)
class BayesNasRule(Rule):
    """An epoch is one of the weights alone on a share of the samples, one of weights and operations' weights together on the others, whose loss has the
    penalty `penalty * sum(omega * |w|)`, and one update of the prior.

    Args:
        penalty: lambda.
        rate: of the operations' weights, by proximal steps: a weight that the penalty outweighs becomes 0.
        alone: share of the samples for the weights alone.
        initial: the weight that every operation begins with.

    Raises:
        ValueError: a setting out of its range.
    """

    name = "bayesnas"
    halves: ClassVar[bool] = False
    penalty: float = 0.01
    rate: float = 0.025
    alone: float = 0.1
    initial: float = 0.2

    def __post_init__(self) -> None:
        for name in ("penalty", "rate", "initial"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise ValueError(f"{name} must be a number > 0, got {shown(value)}")
        if not 0 < self.alone < 1:
            raise ValueError(f"alone must be a share of the samples in (0, 1), got {shown(self.alone)}")

    def fresh(self, net: Supernet, rng: np.random.Generator) -> Arrays:
        allowed = net.graph.allowed().astype(np.float32)
        return {
            **super().fresh(net, rng),
            "scale": self.initial * allowed,
            "gamma": allowed.copy(),
            "omega": allowed.copy(),
        }

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        order = orders["train"]
        first = min(max(1, round(self.alone * len(order))), len(order) - 1) if len(order) > 1 else 0
        if first:
            alone, _ = train_weights(net, state, state["scale"], data, {"train": order[:first]}, options)
            state = {**state, **alone}
        x, targets = data["train"]
        rates = learning_rates(options, len(order))[first:]
        run = net.kept(self, lambda: net.backend.epoch(self.step(net)))
        (vector, velocity, scale), loss = run(
            (state["weights"], state["velocity"], state["scale"]), (as_images(x), targets, state["omega"]), (order[first:], rates)
        )
        state = {**state, "weights": vector, "velocity": velocity, "scale": scale}
        cells = cells_of_each_choice(net)
        hessian = self.second_derivatives(net, state, x[order[-1]], targets[order[-1]]) / cells
        allowed = net.graph.allowed()
        gamma, omega = reweighted(scale.astype(np.float64), state["gamma"].astype(np.float64), hessian, self.penalty, cells)
        gamma = inherited(gamma * allowed, net.graph)
        after = {**state, "gamma": (gamma * allowed).astype(np.float32), "omega": (omega * allowed).astype(np.float32)}
        strengths = rows((gamma * allowed / np.maximum(gamma.sum(axis=1, keepdims=True), LEAST)).astype(np.float32), net.graph)
        zero = int((np.abs(scale) <= LEAST)[allowed].sum())
        return after, {"loss": loss, "pruned": zero, "scale": rows(scale, net.graph), **described(strengths, net.graph)}

    def step(self, net: Supernet) -> Callable[..., Any]:
        """One step of the weights and, by a proximal gradient, of the operations' weights; on tensors."""
        backend = net.backend

        def step(state: tuple[Any, ...], data: tuple[Any, ...], each: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
            vector, velocity, scale = state
            places, rate = each
            x, targets = (backend.gather(one, places) for one in data[:2])
            loss, (of_weights, of_scale) = backend.gradient(
                lambda vector, scale: net.mixed_loss(vector, scale, x, targets), vector, scale
            )
            vector, velocity = net.sgd(vector, velocity, of_weights, rate)
            scale = shrunk(backend, scale - self.rate * of_scale, self.rate * self.penalty * data[2])
            return (vector, velocity, scale), loss

        return step

    def second_derivatives(
        self, net: Supernet, state: Arrays, x: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], radius: float = 0.05
    ) -> Doubles:
        """The diagonal of the loss's Hessian with respect to the operations' weights, by differences of the gradient: [choices, widest]."""
        backend = net.backend

        def gradient(vector: Any, scale: Any, x: Any, targets: Any) -> Any:
            return backend.gradient(lambda scale: net.mixed_loss(vector, scale, x, targets), scale)[1][0]

        run, scale = net.kept("scales", lambda: backend.compiled(gradient)), state["scale"]
        found = np.zeros(scale.shape)
        given = [backend.constant(one) for one in (as_images(x), targets)]
        vector = backend.constant(state["weights"])
        for place in map(tuple, np.argwhere(net.graph.allowed())):
            ends = []
            for sign in (1, -1):
                moved = scale.copy()
                moved[place] += sign * radius
                ends.append(float(np.asarray(run(vector, backend.constant(moved), *given))[place]))
            found[place] = (ends[0] - ends[1]) / (2 * radius)
        return found


def shrunk(backend: Any, values: Any, by: Any) -> Any:
    """Values moved towards 0 by so much, and no further (the proximal step of a weighted l1 norm)."""
    above = backend.relu(values - by)
    below = backend.relu(-values - by)
    return above - below
