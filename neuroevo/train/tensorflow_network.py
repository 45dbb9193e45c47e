"""A model compiled for training with TensorFlow: one `tf.function` runs a whole epoch on data that lies on the device.

No just-in-time compilation: on a CPU it makes these networks' epochs slower and their first call several times longer.
The fused optimizer kernels are one operation a variable where Keras's optimizers are four to ten; in small networks the number
of operations is what an epoch's time consists of.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from neuroevo.train.compiled import Compiled, Method, decayed, target_shape
from neuroevo.train.detection_loss import detection_loss

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


class TensorflowNetwork(Compiled):
    """See `Compiled`."""

    def __init__(self, model: Any, method: Method, masks: Sequence[npt.NDArray[np.float32] | None] = ()) -> None:
        super().__init__(model, method, masks)
        self._trainable = [variable.value for variable in model.trainable_variables]
        self._decayed = decayed(model)
        self._weights = [variable.value for variable in model.weights]
        slots = {"sgd": 1 if method.momentum > 0 else 0}.get(method.optimizer, 2)
        with tf.init_scope():
            self._slots = [[tf.Variable(tf.zeros_like(v), trainable=False) for _ in range(slots)] for v in self._trainable]
            self._steps = tf.Variable(0.0, trainable=False)
            self._averages = [tf.Variable(v, trainable=False) for v in self._weights] if method.averaging > 0 else []
        self._compile()

    def _compile(self) -> None:
        method = self.method
        sample = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.float32)
        target = tf.TensorSpec((None, *target_shape(self.model, method)), tf.float32)
        teacher = tf.TensorSpec((None, *self.model.output_shape[1:]), tf.float32) if method.teaching > 0 else target
        order = tf.TensorSpec((None, method.batch_size), tf.int32)
        rates = tf.TensorSpec((None,), tf.float32)
        self._epoch = tf.function(self._run_epoch, input_signature=[sample, target, teacher, order, rates], autograph=False)
        self._predict = tf.function(
            lambda x: tf.cast(self.model(x, training=False), tf.float32), input_signature=[sample], autograph=False
        )

    def _run_epoch(self, x: Any, targets: Any, teacher: Any, order: Any, rates: Any) -> Any:
        steps = tf.shape(order)[0]

        def step(index: Any, total: Any) -> tuple[Any, Any]:
            rows = order[index]
            loss = self._step(tf.gather(x, rows), tf.gather(targets, rows), tf.gather(teacher, rows), rates[index])
            return index + 1, total + loss

        _, total = tf.while_loop(
            lambda index, total: index < steps, step, (tf.constant(0), tf.constant(0.0)), parallel_iterations=1
        )
        return total / tf.cast(steps, tf.float32)

    def _step(self, x: Any, targets: Any, teacher: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = tf.cast(self.model(x, training=True), tf.float32)
            loss = self._loss(outputs, targets, teacher)
        gradients = tape.gradient(loss, self._trainable, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        self._update(gradients, rate)
        return loss

    def _loss(self, outputs: Any, targets: Any, teacher: Any) -> Any:
        method = self.method
        if method.loss == "detection":
            loss = detection_loss(outputs, targets)
            taught = tf.reduce_mean(tf.math.squared_difference(outputs, teacher)) if method.teaching > 0 else loss
        elif method.loss == "mean_squared_error":
            loss = tf.reduce_mean(tf.math.squared_difference(outputs, targets))
            taught = tf.reduce_mean(tf.math.squared_difference(outputs, teacher))
        else:
            loss = tf.reduce_mean(_weighted(targets, outputs) if method.weighted else tf.nn.softmax_cross_entropy_with_logits(targets, outputs))
            soft = tf.nn.softmax(teacher / method.temperature)
            taught = method.temperature**2 * tf.reduce_mean(
                tf.nn.softmax_cross_entropy_with_logits(soft, outputs / method.temperature)
            )
        if method.teaching == 0:
            return loss
        return (1 - method.teaching) * loss + method.teaching * taught

    def _update(self, gradients: Sequence[Any], rate: Any) -> None:
        method = self.method
        if method.clip > 0:
            gradients, _ = tf.clip_by_global_norm(gradients, method.clip)
        updates = []
        step = self._steps.assign_add(1.0, read_value=True)
        parts = zip(self._trainable, gradients, self._slots, self._decayed, self.masks or repeat(None), strict=False)
        for variable, gradient, slots, decay, mask in parts:
            handle = variable.handle
            if method.weight_decay > 0 and decay and method.optimizer != "adamw":
                gradient = gradient + method.weight_decay * variable
            if method.optimizer != "sgd":
                if method.optimizer == "adamw" and method.weight_decay > 0 and decay:
                    variable.assign_sub(rate * method.weight_decay * variable)
                tf.raw_ops.ResourceApplyAdam(
                    var=handle,
                    m=slots[0].handle,
                    v=slots[1].handle,
                    beta1_power=tf.pow(BETA_1, step),
                    beta2_power=tf.pow(BETA_2, step),
                    lr=rate,
                    beta1=BETA_1,
                    beta2=BETA_2,
                    epsilon=EPSILON,
                    grad=gradient,
                )
            elif method.momentum > 0:
                tf.raw_ops.ResourceApplyKerasMomentum(
                    var=handle,
                    accum=slots[0].handle,
                    lr=rate,
                    grad=gradient,
                    momentum=method.momentum,
                    use_nesterov=method.nesterov,
                )
            else:
                tf.raw_ops.ResourceApplyGradientDescent(var=handle, alpha=rate, delta=gradient)
            if mask is not None:
                variable.assign(variable * mask)
            updates.append(variable)
        for average, weight in zip(self._averages, self._weights, strict=False):
            # a shorter memory at first, so that the average forgets the initial weights
            keep = tf.minimum(method.averaging, step / (step + 10.0))
            average.assign_sub((1 - keep) * (average - weight))

    def epoch(
        self,
        x: Any,
        targets: Any,
        order: npt.NDArray[np.int32],
        rates: npt.NDArray[np.float32],
        teacher: Any = None,
    ) -> float:
        return float(self._epoch(x, targets, targets if teacher is None else teacher, tf.constant(order), tf.constant(rates)))

    def place(self, array: npt.NDArray[np.float32]) -> Any:
        return tf.constant(array, tf.float32)

    def outputs(self, x: Any) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = self._predict(x).numpy()
        return values

    def weights(self) -> list[npt.NDArray[np.float32]]:
        return [variable.numpy() for variable in self._weights]

    def averages(self) -> list[npt.NDArray[np.float32]]:
        return [variable.numpy() for variable in self._averages]

    def set_weights(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        for variable, array in zip(self._weights, arrays, strict=True):
            variable.assign(array)

    def set_averages(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        for variable, array in zip(self._averages, arrays, strict=True):
            variable.assign(array)

    def slots(self) -> list[list[npt.NDArray[np.float32]]]:
        return [[slot.numpy() for slot in slots] for slots in self._slots]

    def set_slots(self, arrays: Sequence[Sequence[npt.NDArray[np.float32]]], steps: int) -> None:
        for slots, values in zip(self._slots, arrays, strict=True):
            for slot, value in zip(slots, values, strict=True):
                slot.assign(value)
        self._steps.assign(float(steps))

    @property
    def steps(self) -> int:
        return int(self._steps.numpy())

    def trace(self) -> None:
        sample = tf.zeros((1, *self.model.input_shape[1:]))
        target = tf.zeros((1, *target_shape(self.model, self.method)))
        teacher = tf.zeros((1, *self.model.output_shape[1:])) if self.method.teaching > 0 else target
        order = tf.zeros((0, self.method.batch_size), tf.int32)  # an epoch of no steps changes nothing
        self._epoch(sample, target, teacher, order, tf.zeros((0,)))
        self._predict(sample)

    def reset(self, arrays: Sequence[npt.NDArray[np.float32]] | None = None) -> None:
        if arrays is None:
            arrays = self.weights()
        else:
            self.set_weights(arrays)
        for slots in self._slots:
            for slot in slots:
                slot.assign(tf.zeros_like(slot))
        for average, array in zip(self._averages, arrays, strict=False):
            average.assign(array)
        self._steps.assign(0.0)


def _weighted(targets: Any, logits: Any) -> Any:
    """The cross-entropy of each sample times its weight. TensorFlow's own takes each row of targets for probabilities: its gradient is wrong
    where they do not sum to 1."""
    return -tf.reduce_sum(targets * tf.nn.log_softmax(logits), axis=-1)
