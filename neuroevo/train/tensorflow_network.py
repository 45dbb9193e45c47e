"""A model compiled for training with TensorFlow: one `tf.function` runs a whole epoch on data that lies on the device.

No just-in-time compilation: on a CPU it makes these networks' epochs slower and their first call several times longer.
Layers and their gradients are written out (`neuroevo.train.tensorflow_graph`), and an optimizer's step is one operation for all weights together: in
small networks the number of operations is what tracing and an epoch's time consist of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from neuroevo.decode.graph import functional
from neuroevo.train.compiled import SPREAD, Compiled, Method, decayed, target_shape
from neuroevo.train.detection_loss import detection_loss
from neuroevo.train.tensorflow_graph import Moved, Pass

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


class TensorflowNetwork(Compiled):
    """See `Compiled`. All trained weights lie in one vector and all others in a second: what an optimizer, clipping, decay, averages and moving
    statistics are made of is one operation each and not one for each weight."""

    def __init__(self, model: Any, method: Method, masks: Sequence[npt.NDArray[np.float32] | None] = ()) -> None:
        super().__init__(model, method, masks)
        self._graph = functional(model) if isinstance(model, keras.Sequential) and model.built else model
        trained = {id(variable) for variable in model.trainable_variables}
        self._layout = _Layout(model.trainable_variables), _Layout([v for v in model.weights if id(v) not in trained])
        self._odd = [(v, v.numpy()) for v in model.non_trainable_variables if not self._layout[1].has(v)]  # the states of random numbers
        slots = {"sgd": 1 if method.momentum > 0 else 0}.get(method.optimizer, 2)
        with tf.init_scope():
            self._vectors = [tf.Variable(layout.vector(), trainable=False) for layout in self._layout]
            self._slots = [tf.Variable(tf.zeros([self._layout[0].size]), trainable=False) for _ in range(slots)]
            self._averages = [tf.Variable(vector, trainable=False) for vector in self._vectors] if method.averaging > 0 else []
            self._steps = tf.Variable(0.0, trainable=False)
            decay = self._layout[0].spread([method.weight_decay * one for one in decayed(model)])
            self._decay = tf.Variable(decay, trainable=False) if method.weight_decay > 0 else None
            self._mask = tf.Variable(self._masked(), trainable=False) if any(mask is not None for mask in masks) else None
        self._compile()

    def _masked(self) -> npt.NDArray[np.float32]:
        shapes = self._layout[0].shapes
        given = [np.ones(shape, np.float32) if mask is None else mask for mask, shape in zip(self.masks, shapes, strict=True)]
        return np.concatenate([np.asarray(mask, np.float32).ravel() for mask in given])

    def _compile(self) -> None:
        method = self.method
        sample = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.float32)
        target = tf.TensorSpec((None, *target_shape(self.model, method)), tf.float32)
        teacher = tf.TensorSpec((None, *self.model.output_shape[1:]), tf.float32) if method.teaching > 0 else target
        order = tf.TensorSpec((None, method.batch_size), tf.int32)
        rates = tf.TensorSpec((None,), tf.float32)
        self._epoch = tf.function(self._run_epoch, input_signature=[sample, target, teacher, order, rates], autograph=False)
        self._predict = tf.function(self._run_prediction, input_signature=[sample], autograph=False)

    def _run_prediction(self, x: Any) -> Any:
        return Pass(self._graph, self._values(*[_read(vector) for vector in self._vectors]), training=False).outputs(x)

    def _run_epoch(self, x: Any, targets: Any, teacher: Any, order: Any, rates: Any) -> Any:
        steps = tf.shape(order)[0]

        def step(index: Any, total: Any) -> tuple[Any, Any]:
            rows = _row(order, index)
            taught = _row(teacher, rows) if self.method.teaching > 0 else None
            return index + 1, total + self._step(_row(x, rows), _row(targets, rows), taught, _row(rates, index), rows)

        _, total = tf.while_loop(
            lambda index, total: index < steps, step, (tf.constant(0), tf.constant(0.0)), parallel_iterations=1
        )
        return total / tf.cast(steps, tf.float32)

    def _values(self, *vectors: Any) -> dict[int, Any]:
        """The variables' values, by `id`."""
        return {key: value for layout, vector in zip(self._layout, vectors, strict=True) for key, value in layout.parts(vector).items()}

    def _step(self, x: Any, targets: Any, teacher: Any, rate: Any, rows: Any) -> Any:
        trained, others = [_read(vector) for vector in self._vectors]
        values = self._values(trained, others)
        seed = self._seed(rows) if self._odd else None
        for number, (variable, first) in enumerate(self._odd):
            if _is_seed(first):
                values[id(variable)] = tf.cast(seed + tf.constant([number << 16, 0], tf.int64), variable.dtype)
        run = Pass(self._graph, values, training=True, seed=seed)
        outputs = run.outputs(x)
        loss, slope = self._loss(outputs, targets, teacher)
        found = run.gradients(slope)
        flat = [_flat(run, found[key]) if key in found else tf.zeros([size]) for key, size in self._layout[0].each()]
        self._update(_joined(flat), trained, rate)
        self._move(run, values, others)
        return loss

    def _seed(self, rows: Any) -> Any:
        """Of a step's random numbers, from the samples that it sees and how many steps there were: a training that goes on from a checkpoint draws
        what it would have drawn. int64 [2]."""
        seen = tf.cast(rows[: min(4, self.method.batch_size)], tf.int64)
        mixed = tf.reduce_sum(seen * tf.constant(SPREAD[: seen.shape[0]], tf.int64)) % (1 << 30)
        return tf.stack([mixed, tf.cast(_read(self._steps), tf.int64)])

    def _loss(self, outputs: Any, targets: Any, teacher: Any) -> tuple[Any, Any]:
        """The mean loss of a batch, and its gradient by the outputs."""
        method = self.method
        if method.loss == "cross_entropy" and method.teaching == 0 and not method.weighted:
            each = tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=outputs, labels=targets)
            return tf.raw_ops.Mean(input=each.loss, axis=[0]), each.backprop * (1 / outputs.shape[0])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(outputs)
            loss = self._whole_loss(outputs, targets, teacher)
        return loss, tape.gradient(loss, outputs)

    def _whole_loss(self, outputs: Any, targets: Any, teacher: Any) -> Any:
        method = self.method
        taught = method.teaching > 0
        if method.loss in ("detection", "mean_squared_error"):
            loss = (detection_loss if method.loss == "detection" else _squared)(outputs, targets)
            lesson = _squared(outputs, teacher) if taught else 0.0
        else:
            loss = tf.reduce_mean(_weighted(targets, outputs) if method.weighted else tf.nn.softmax_cross_entropy_with_logits(targets, outputs))
            heat = method.temperature
            lesson = 0.0
            if taught:
                soft = tf.nn.softmax(teacher / heat)
                lesson = heat**2 * tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(soft, outputs / heat))
        return (1 - method.teaching) * loss + method.teaching * lesson if taught else loss

    def _update(self, gradient: Any, trained: Any, rate: Any) -> None:
        method = self.method
        handle = self._vectors[0].handle
        if method.clip > 0:
            norm = tf.sqrt(2.0 * tf.nn.l2_loss(gradient))
            gradient = gradient * (method.clip / tf.maximum(norm, method.clip))
        step = self._steps.assign_add(1.0, read_value=True)
        if self._decay is not None and method.optimizer != "adamw":
            gradient = gradient + _read(self._decay) * trained
        if method.optimizer != "sgd":
            if self._decay is not None and method.optimizer == "adamw":
                self._vectors[0].assign_sub(rate * _read(self._decay) * trained)
            tf.raw_ops.ResourceApplyAdam(
                var=handle,
                m=self._slots[0].handle,
                v=self._slots[1].handle,
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
                accum=self._slots[0].handle,
                lr=rate,
                grad=gradient,
                momentum=method.momentum,
                use_nesterov=method.nesterov,
            )
        else:
            tf.raw_ops.ResourceApplyGradientDescent(var=handle, alpha=rate, delta=gradient)
        if self._mask is not None:
            self._vectors[0].assign(_read(self._vectors[0]) * _read(self._mask))

    def _move(self, run: Pass, values: dict[int, Any], others: Any) -> None:
        """Moving statistics take what the batch's are, and averages what the weights are."""
        if any(key in run.moved for key, _ in self._layout[1].each()):
            still = [Moved(values[key], 1.0, 0.0) if key not in run.moved else run.moved[key] for key, _ in self._layout[1].each()]
            keep, take = ([getattr(moved, share) for moved in still] for share in ("keep", "take"))
            value = _joined([_flat(run, moved.value) for moved in still])
            self._vectors[1].assign(others * self._layout[1].spread(keep) + value * self._layout[1].spread(take))
        for average, vector in zip(self._averages, self._vectors, strict=False):
            # a shorter memory at first, so that the average forgets the initial weights
            keep = tf.minimum(self.method.averaging, self._steps / (self._steps + 10.0))
            average.assign_sub((1 - keep) * (average - vector))

    def epoch(
        self,
        x: Any,
        targets: Any,
        order: npt.NDArray[np.int32],
        rates: npt.NDArray[np.float32],
        teacher: Any = None,
    ) -> float:
        with _as_it_is():
            return float(self._epoch(x, targets, targets if teacher is None else teacher, tf.constant(order), tf.constant(rates)))

    def place(self, array: npt.NDArray[np.float32]) -> Any:
        return tf.constant(array, tf.float32)

    def outputs(self, x: Any) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = self._predict(x).numpy()
        return values

    def weights(self) -> list[npt.NDArray[np.float32]]:
        return self._as_weights(self._vectors)

    def averages(self) -> list[npt.NDArray[np.float32]]:
        return self._as_weights(self._averages) if self._averages else []

    def _as_weights(self, vectors: Sequence[Any]) -> list[npt.NDArray[np.float32]]:
        found: dict[int, npt.NDArray[np.float32]] = {}
        for layout, vector in zip(self._layout, vectors, strict=True):
            found |= layout.arrays(vector.numpy())
        return [found[id(variable)] for variable in self.model.weights]

    def set_weights(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        self._set(self._vectors, arrays)

    def set_averages(self, arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        if self._averages:
            self._set(self._averages, arrays)

    def _set(self, vectors: Sequence[Any], arrays: Sequence[npt.NDArray[np.float32]]) -> None:
        given = {id(variable): array for variable, array in zip(self.model.weights, arrays, strict=True)}
        for layout, vector in zip(self._layout, vectors, strict=True):
            vector.assign(layout.vector(given))

    def slots(self) -> list[list[npt.NDArray[np.float32]]]:
        layout = self._layout[0]
        found = [layout.arrays(slot.numpy()) for slot in self._slots]
        return [[arrays[key] for arrays in found] for key, _ in layout.each()]

    def set_slots(self, arrays: Sequence[Sequence[npt.NDArray[np.float32]]], steps: int) -> None:
        layout = self._layout[0]
        for number, slot in enumerate(self._slots):
            slot.assign(layout.vector({key: of_one[number] for (key, _), of_one in zip(layout.each(), arrays, strict=True)}))
        self._steps.assign(float(steps))

    @property
    def steps(self) -> int:
        return int(self._steps.numpy())

    def trace(self) -> None:
        sample = tf.zeros((1, *self.model.input_shape[1:]))
        target = tf.zeros((1, *target_shape(self.model, self.method)))
        teacher = tf.zeros((1, *self.model.output_shape[1:])) if self.method.teaching > 0 else target
        order = tf.zeros((0, self.method.batch_size), tf.int32)  # an epoch of no steps changes nothing
        with _as_it_is():
            self._epoch(sample, target, teacher, order, tf.zeros((0,)))
        self._predict(sample)

    def reset(self, arrays: Sequence[npt.NDArray[np.float32]] | None = None) -> None:
        self.set_weights([variable.numpy() for variable in self.model.weights] if arrays is None else arrays)
        for slot in self._slots:
            slot.assign(tf.zeros_like(slot))
        for average, vector in zip(self._averages, self._vectors, strict=False):
            average.assign(vector)
        for variable, first in self._odd:
            variable.assign(first)
        self._steps.assign(0.0)

    def synchronised(self) -> Any:
        for variable, array in zip(self.model.weights, self.weights(), strict=True):
            variable.value.assign(tf.cast(array, variable.dtype))
        return self.model


class _Layout:
    """Where in a vector variables of Keras lie."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = list(variables)
        self.shapes = [tuple(variable.shape) for variable in self._variables]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.size = sum(self.sizes)
        self._ids = {id(variable) for variable in self._variables}

    def has(self, variable: Any) -> bool:
        return id(variable) in self._ids

    def each(self) -> list[tuple[int, int]]:
        """`id` and size of each, in order."""
        return [(id(variable), size) for variable, size in zip(self._variables, self.sizes, strict=True)]

    def vector(self, given: Mapping[int, Any] | None = None) -> npt.NDArray[np.float32]:
        """Of these arrays, or of what the variables hold: float32 [size].

        Raises:
            ValueError: an array of another shape.
        """
        found = [np.zeros(0, np.float32)]
        for variable, shape in zip(self._variables, self.shapes, strict=True):
            array = np.asarray(variable.numpy() if given is None else given[id(variable)], np.float32)
            if array.shape != shape:
                raise ValueError(f"the weight {variable.path} has the shape {shape}, got {array.shape}")
            found.append(array.ravel())
        return np.concatenate(found)

    def spread(self, values: Sequence[float]) -> npt.NDArray[np.float32]:
        """A number of each variable, for each of its elements: float32 [size]."""
        return np.repeat(np.array(values, np.float32), self.sizes)

    def arrays(self, vector: npt.NDArray[np.float32]) -> dict[int, npt.NDArray[np.float32]]:
        """By `id`, copies that later steps leave as they are."""
        ends = np.cumsum(self.sizes)
        return {
            id(variable): vector[end - size : end].reshape(shape).copy()
            for variable, shape, size, end in zip(self._variables, self.shapes, self.sizes, ends, strict=True)
        }

    def parts(self, vector: Any) -> dict[int, Any]:
        """By `id`, the variables' values in a graph."""
        if not self._variables:
            return {}
        several = len(self._variables) > 1
        flat = tf.raw_ops.SplitV(value=vector, size_splits=self.sizes, axis=0, num_split=len(self.sizes)) if several else [vector]
        shaped = [part if len(shape) == 1 else tf.reshape(part, shape) for part, shape in zip(flat, self.shapes, strict=True)]
        return {id(v): part if v.dtype == "float32" else tf.cast(part, v.dtype) for v, part in zip(self._variables, shaped, strict=True)}


@contextmanager
def _as_it_is() -> Iterator[None]:
    """TensorFlow runs an epoch's graph as it was traced, without optimizing it: that finds nothing, and takes as long as tracing does."""
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def _is_seed(array: npt.NDArray[Any]) -> bool:
    """Whether an array is the state of one of Keras's seed generators."""
    return array.shape == (2,) and array.dtype.kind in "iu"


def _read(variable: Any) -> Any:
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def _flat(run: Pass, array: Any) -> Any:
    return tf.cast(array if len(array.shape) == 1 else run.reshaped(array, [-1]), tf.float32)


def _row(array: Any, places: Any) -> Any:
    return tf.raw_ops.GatherV2(params=array, indices=places, axis=0)


def _joined(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tf.raw_ops.ConcatV2(values=parts, axis=0)


def _squared(outputs: Any, targets: Any) -> Any:
    return tf.reduce_mean(tf.math.squared_difference(outputs, targets))


def _weighted(targets: Any, logits: Any) -> Any:
    """The cross-entropy of each sample times its weight. TensorFlow's own takes each row of targets for probabilities: its gradient is wrong
    where they do not sum to 1."""
    return -tf.reduce_sum(targets * tf.nn.log_softmax(logits), axis=-1)
