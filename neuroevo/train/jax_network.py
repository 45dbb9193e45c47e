"""A model compiled for training with JAX.

One jitted step in a Python loop: XLA on a CPU compiles convolutions inside `lax.scan` to loops that are several times slower. Dense
networks run their whole epoch inside one `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from neuroevo.train.compiled import SPREAD, Compiled, Method, decayed, leaves
from neuroevo.train.detection_loss import detection_loss

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


class JaxNetwork(Compiled):
    """See `Compiled`."""

    def __init__(self, model: Any, method: Method, masks: Sequence[npt.NDArray[np.float32] | None] = ()) -> None:
        super().__init__(model, method, masks)
        self._decayed = decayed(model)
        self._place_of = {id(variable): index for index, variable in enumerate(model.weights)}
        self._trainable_at = [self._place_of[id(v)] for v in model.trainable_variables]
        self._seeds = [
            index
            for index, variable in enumerate(model.non_trainable_variables)
            if id(variable) not in self._place_of and tuple(variable.shape) == (2,) and "int" in str(variable.dtype)
        ]
        self._dense = not any("Conv" in type(layer).__name__ for layer in leaves(model))
        self._state: Any = None
        self._step_jit = jax.jit(self._step, donate_argnums=0)
        self._epoch_jit = jax.jit(self._scan, donate_argnums=0)
        self._predict_jit = jax.jit(self._predict)
        self.reset()

    def _step(self, state: Any, x: Any, targets: Any, teacher: Any, rows: Any, rate: Any) -> tuple[Any, Any]:
        trainable, others, slots, averages, step = state
        others = self._seeded(others, rows, step)
        (loss, others), gradients = jax.value_and_grad(self._loss, has_aux=True)(
            trainable, others, x[rows], targets[rows], teacher[rows]
        )
        if self.method.clip > 0:
            norm = jnp.sqrt(sum(jnp.sum(gradient**2) for gradient in gradients))
            gradients = [gradient * (self.method.clip / jnp.maximum(norm, self.method.clip)) for gradient in gradients]
        step = step + 1
        updated = [self._updated(*one, rate, step) for one in zip(trainable, gradients, slots, self._decayed, strict=True)]
        trainable = [weight if mask is None else weight * mask for (weight, _), mask in zip(updated, self.masks or repeat(None), strict=False)]
        slots = [slot for _, slot in updated]
        if averages:
            keep = jnp.minimum(self.method.averaging, step / (step + 10.0))
            now = self._merged(trainable, others)
            averages = [average - (1 - keep) * (average - weight) for average, weight in zip(averages, now, strict=True)]
        return (trainable, others, slots, averages, step), loss

    def _seeded(self, others: list[Any], rows: Any, step: Any) -> list[Any]:
        """With seeds of this step's random numbers, from the samples that it sees and how many steps there were: a training that goes on from a
        checkpoint draws what it would have drawn."""
        if not self._seeds:
            return others
        seen = rows[: min(4, self.method.batch_size)].astype(jnp.uint32)
        mixed = jnp.sum(seen * jnp.array(SPREAD[: seen.shape[0]], jnp.uint32))
        found = list(others)
        for number, index in enumerate(self._seeds):
            found[index] = jnp.stack([mixed + jnp.uint32(number << 16), step.astype(jnp.uint32)]).astype(others[index].dtype)
        return found

    def _scan(self, state: Any, x: Any, targets: Any, teacher: Any, order: Any, rates: Any) -> tuple[Any, Any]:
        state, losses = jax.lax.scan(lambda state, step: self._step(state, x, targets, teacher, *step), state, (order, rates))
        return state, jnp.mean(losses)

    def _loss(self, trainable: Any, others: Any, x: Any, targets: Any, teacher: Any) -> tuple[Any, Any]:
        outputs, others = self.model.stateless_call(trainable, others, x, training=True)
        outputs = outputs.astype(jnp.float32)
        method = self.method
        if method.loss == "detection":
            loss = detection_loss(outputs, targets)
            taught = jnp.mean((outputs - teacher) ** 2) if method.teaching > 0 else loss
        elif method.loss == "mean_squared_error":
            loss = jnp.mean((outputs - targets) ** 2)
            taught = jnp.mean((outputs - teacher) ** 2)
        else:
            loss = _cross_entropy(targets, outputs)
            soft = jax.nn.softmax(teacher / method.temperature)
            taught = method.temperature**2 * _cross_entropy(soft, outputs / method.temperature)
        return (loss if method.teaching == 0 else (1 - method.teaching) * loss + method.teaching * taught), others

    def _updated(self, weight: Any, gradient: Any, slots: Any, decay: bool, rate: Any, step: Any) -> tuple[Any, Any]:
        method = self.method
        decay = decay and method.weight_decay > 0
        if decay and method.optimizer != "adamw":
            gradient = gradient + method.weight_decay * weight
        if method.optimizer == "sgd":
            if method.momentum == 0:
                return weight - rate * gradient, slots
            velocity = method.momentum * slots[0] - rate * gradient
            return weight + (method.momentum * velocity - rate * gradient if method.nesterov else velocity), [velocity]
        if decay:
            weight = weight - rate * method.weight_decay * weight if method.optimizer == "adamw" else weight
        mean = slots[0] + (1 - BETA_1) * (gradient - slots[0])
        square = slots[1] + (1 - BETA_2) * (gradient**2 - slots[1])
        corrected = rate * jnp.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        return weight - corrected * mean / (jnp.sqrt(square) + EPSILON), [mean, square]

    def _predict(self, trainable: Any, others: Any, x: Any) -> Any:
        return self.model.stateless_call(trainable, others, x, training=False)[0].astype(jnp.float32)

    def epoch(
        self,
        x: Any,
        targets: Any,
        order: npt.NDArray[np.int32],
        rates: npt.NDArray[np.float32],
        teacher: Any = None,
    ) -> float:
        teacher = targets if teacher is None else teacher
        if self._dense:
            self._state, mean = self._epoch_jit(self._state, x, targets, teacher, order, rates)
            return float(mean)
        losses = []
        for rows, rate in zip(order, rates, strict=True):
            self._state, loss = self._step_jit(self._state, x, targets, teacher, rows, rate)
            losses.append(loss)
        return float(np.mean([float(loss) for loss in losses]))

    def place(self, array: npt.NDArray[np.float32]) -> Any:
        return jnp.asarray(array, jnp.float32)

    def outputs(self, x: Any) -> npt.NDArray[np.float32]:
        trainable, others = self._state[:2]
        return np.asarray(self._predict_jit(trainable, others, x))

    def weights(self) -> list[npt.NDArray[np.float32]]:
        return [np.asarray(array) for array in self._merged(*self._state[:2])]

    def averages(self) -> list[npt.NDArray[np.float32]]:
        return [np.asarray(array) for array in self._state[3]]

    def set_weights(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        trainable, others = self._split(arrays)
        self._state = (trainable, others, *self._state[2:])

    def set_averages(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        trainable, others, slots, averages, steps = self._state
        made = [jnp.array(array, jnp.float32) for _, array in zip(averages, arrays, strict=True)]
        self._state = (trainable, others, slots, made, steps)

    def slots(self) -> list[list[npt.NDArray[np.float32]]]:
        return [[np.array(slot) for slot in slots] for slots in self._state[2]]

    def set_slots(self, arrays: Sequence[Sequence[npt.NDArray[np.float32]]], steps: int) -> None:
        trainable, others, slots, averages, _ = self._state
        made = [
            [jnp.array(value, jnp.float32) for _, value in zip(old, values, strict=True)]
            for old, values in zip(slots, arrays, strict=True)
        ]
        self._state = (trainable, others, made, averages, jnp.array(float(steps)))

    @property
    def steps(self) -> int:
        return int(self._state[4])

    def reset(self, arrays: Sequence[npt.NDArray[np.float32]] | None = None) -> None:
        if arrays is None:
            arrays = [np.array(variable, dtype=np.float32) for variable in self.model.weights]
        trainable, others = self._split(arrays)
        count = (1 if self.method.momentum > 0 else 0) if self.method.optimizer == "sgd" else 2
        slots = [[jnp.zeros_like(weight) for _ in range(count)] for weight in trainable]
        averages = [jnp.array(array, jnp.float32) for array in arrays] if self.method.averaging > 0 else []
        self._state = (trainable, others, slots, averages, jnp.zeros(()))

    def synchronised(self) -> Any:
        self.model.set_weights(self.weights())
        return self.model

    def _split(self, arrays: Sequence[npt.NDArray[np.float32]]) -> tuple[list[Any], list[Any]]:
        """Trainable and other variables, as `stateless_call` takes them. Random-seed states are not weights: they begin at 0."""
        trainable = [jnp.array(arrays[index], jnp.float32) for index in self._trainable_at]
        others = []
        for variable in self.model.non_trainable_variables:
            index = self._place_of.get(id(variable))
            others.append(jnp.zeros(variable.shape, variable.dtype) if index is None else jnp.array(arrays[index], jnp.float32))
        return trainable, others

    def _merged(self, trainable: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        found = {id(v): array for v, array in zip(self.model.trainable_variables, trainable, strict=True)}
        found |= {id(v): array for v, array in zip(self.model.non_trainable_variables, others, strict=True)}
        return [found[id(variable)] for variable in self.model.weights]


def _cross_entropy(targets: Any, logits: Any) -> Any:
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1))
