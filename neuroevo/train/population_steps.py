"""Compiled steps of a whole population: gradients of every member's own loss, every weight's own optimizer state.

The sum of the members' losses is differentiated. Since no member's loss depends on another's weights, each weight receives the gradient
of its own member's loss alone, and the optimizers work on each weight for itself: training together is training one by one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from neuroevo.train.population_forward import Loss, Tables, forward, loss_function
from neuroevo.train.population_layout import Layout

# Samples that a step computes at once; what they give is added up. Of 1,000 genomes of 20 connections 2,048 samples at once took twice as long as in
# pieces, and 18 times the memory.
PIECE = 128
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # of Adam (Kingma & Ba 2015), as in Keras


@dataclass(frozen=True)
class Method:
    """What of a training is fixed when its step is compiled.

    Args:
        loss: see `neuroevo.train.population_forward.loss_function`.
        optimizer: "adam" or "sgd".
        momentum: of SGD.
        weight_limit, bias_limit: after every step weights and biases are put back into +- these.
    """

    loss: str | Loss = "mean_squared_error"
    optimizer: str = "adam"
    momentum: float = 0.0
    weight_limit: float = np.inf
    bias_limit: float = np.inf


class State(NamedTuple):
    """Weights [weights], biases [biases], the optimizer's slots of both, and how many steps were made."""

    weights: Any
    biases: Any
    weight_slots: tuple[Any, Any]
    bias_slots: tuple[Any, Any]
    step: Any


class Masks(NamedTuple):
    """Which weights and biases are trained: bool [weights], bool [biases]."""

    weights: Any
    biases: Any


class Steps(ABC):
    """Compiled steps, kept by layout; use `compiled_steps`."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.loss = loss_function(method.loss)

    @abstractmethod
    def train(
        self, layout: Layout, tables: Tables, masks: Masks, state: State, x: Any, y: Any, order: Any, rates: Any
    ) -> tuple[State, npt.NDArray[np.floating]]:
        """Make the steps.

        Args:
            x, y: [samples, inputs] and [samples, outputs].
            order: int32 [steps, batch], the samples of each step; [steps, 0]: all of them in every step.
            rates: [steps], the learning rate of each step.

        Returns:
            The state afterwards (NumPy arrays), and each member's loss [members] on all samples then.
        """

    @abstractmethod
    def outputs(self, layout: Layout, tables: Tables, state: State, x: Any) -> npt.NDArray[np.floating]:
        """[members, samples, outputs]."""

    def _step(self, layout: Layout, tables: Tables, masks: Masks, state: State, x: Any, y: Any, rate: Any) -> State:
        """One step on these samples."""
        gradients = self._gradients(layout, tables, state, x, y)
        step = state.step + 1.0
        weights, weight_slots = self._updated(
            state.weights, gradients[0], state.weight_slots, masks.weights, self.method.weight_limit, step, rate
        )
        biases, bias_slots = self._updated(
            state.biases, gradients[1], state.bias_slots, masks.biases, self.method.bias_limit, step, rate
        )
        return State(weights, biases, weight_slots, bias_slots, step)

    def _gradients(self, layout: Layout, tables: Tables, state: State, x: Any, y: Any) -> tuple[Any, Any]:
        """Of the sum of the losses with respect to weights and biases."""
        weights, biases = self._over_pieces(lambda x, y: self._differentiated(layout, tables, state, x, y), x, y)
        return weights, biases

    @abstractmethod
    def _differentiated(self, layout: Layout, tables: Tables, state: State, x: Any, y: Any) -> tuple[Any, Any]:
        """The same of a piece of the samples, at once."""

    @abstractmethod
    def _over_pieces(self, function: Callable[[Any, Any], tuple[Any, ...]], x: Any, y: Any) -> tuple[Any, ...]:
        """The mean over samples of what a function gives for pieces of at most `PIECE` of them, each a mean over its own."""

    def _all_losses(self, layout: Layout, tables: Tables, weights: Any, biases: Any, x: Any, y: Any) -> Any:
        """The losses [members] over all samples."""
        return self._over_pieces(lambda x, y: (self._losses(layout, tables, weights, biases, x, y),), x, y)[0]

    @abstractmethod
    def _by_level(self, flat: Any, tables: Tables, edges: bool) -> Sequence[Any]:
        """Weights as [edges], or biases as [nodes], for each level."""

    def _losses(self, layout: Layout, tables: Tables, weights: Any, biases: Any, x: Any, y: Any) -> Any:
        return self.loss(self._forward(layout, tables, weights, biases, x), y)

    def _forward(self, layout: Layout, tables: Tables, weights: Any, biases: Any, x: Any) -> Any:
        return forward(layout, tables, self._by_level(weights, tables, True), self._by_level(biases, tables, False), x)

    def _updated(
        self, values: Any, gradient: Any, slots: tuple[Any, Any], mask: Any, limit: float, step: Any, rate: Any
    ) -> tuple[Any, tuple[Any, Any]]:
        method = self.method
        gradient = ops.where(mask, gradient, 0.0)
        if method.optimizer == "sgd":
            if method.momentum == 0.0:
                change = -rate * gradient
            else:
                change = method.momentum * slots[0] - rate * gradient
                slots = (change, slots[1])
        else:
            mean = slots[0] + (1.0 - BETA_1) * (gradient - slots[0])
            square = slots[1] + (1.0 - BETA_2) * (ops.square(gradient) - slots[1])
            corrected = rate * ops.sqrt(1.0 - ops.power(BETA_2, step)) / (1.0 - ops.power(BETA_1, step))
            change = -corrected * mean / (ops.sqrt(square) + EPSILON)
            slots = (mean, square)
        moved = values + change
        if np.isfinite(limit):
            moved = ops.where(mask, ops.clip(moved, -limit, limit), values)
        return moved, slots


def compiled_steps(method: Method) -> Steps:
    """Compiled steps for the Keras backend in use.

    Raises:
        ValueError: the backend is neither TensorFlow nor JAX.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from neuroevo.train.population_tensorflow import TensorflowSteps

        return TensorflowSteps(method)
    if backend == "jax":
        from neuroevo.train.population_jax import JaxSteps

        return JaxSteps(method)
    raise ValueError(f"training runs on the Keras backends tensorflow and jax, got {backend!r}; set KERAS_BACKEND to one of them")
