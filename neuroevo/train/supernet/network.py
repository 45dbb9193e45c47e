"""Supernet: a shared network that trains its weights, one path at a time or all mixed, and scores paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.chain.shared import SharedChains
from genomes.shared import SharedGraph
from neuroevo.train.detection_loss import detection_loss
from neuroevo.train.supernet.backends import Backend, as_images
from neuroevo.train.supernet.forward import Forward, Normalised
from neuroevo.train.supernet.framework import backend
from neuroevo.train.supernet.layout import Floats, Layout
from neuroevo.train.supernet.sliced import SlicedForward

Ints = npt.NDArray[np.int32]
CHUNK = 2048  # samples of one forward pass
Source = Literal["recalibrated", "batch"]


@dataclass(frozen=True)
class SharedMethod:
    """What of a shared network's training is fixed when it is compiled.

    Args:
        loss: "cross_entropy", "mean_squared_error" or "detection".
        momentum, weight_decay, clip: of the weights' SGD: decay of its buffer, decay of kernels, and the longest gradient (0: any).
        normalised: see `Forward`.
    """

    loss: str = "cross_entropy"
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    normalised: Normalised = "none"


@dataclass(frozen=True)
class Weights:
    """The state of the weights: float32 [size] each.

    Args:
        vector: the weights.
        velocity: SGD's buffer.
    """

    vector: Floats
    velocity: Floats


class Supernet:
    """All networks of a space with shared weights.

    Args:
        graph: the networks.
        method: how weights are trained.
    """

    def __init__(self, graph: SharedGraph, method: SharedMethod = SharedMethod()) -> None:
        self.graph, self.method = graph, method
        self.layout = Layout(graph)
        self.backend: Backend = backend()
        self.forward: Forward | SlicedForward
        if isinstance(graph, SharedChains):
            self.forward = SlicedForward(graph, self.layout, self.backend)
        else:
            self.forward = Forward(graph, self.layout, self.backend, method.normalised)
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._decayed = self.layout.decayed

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Of the networks, as a `keras.Model` says it: None samples first."""
        return (None, *self.graph.architecture.input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The same of what they give."""
        architecture = self.graph.architecture
        return (None, *architecture.shapes[architecture.output.marking])

    def fresh(self, rng: np.random.Generator) -> Weights:
        """Weights that a training begins with."""
        vector = self.layout.fresh(rng)
        return Weights(vector, np.zeros_like(vector))

    # One path ---------------------------------------------------------------------------------------------------------------

    def train_paths(
        self, weights: Weights, x: Any, targets: Any, order: Ints, rates: Floats, paths: Ints
    ) -> tuple[Weights, float]:
        """An epoch that trains one path in each step. Weights beside the path, and their buffers, stay as they are.

        Args:
            x: float32 [samples, *input_shape].
            targets: float32 [samples, outputs].
            order: int32 [steps, batch], the samples of each step.
            rates: float32 [steps], learning rates.
            paths: int32 [steps, choices].

        Returns:
            The weights behind it, and the mean loss.
        """
        numbers = np.array([self.graph.path_numbers(path) for path in paths.tolist()], np.float32).reshape(len(paths), -1)
        run = self.kept("paths", lambda: self.backend.epoch(self._path_step))
        state, loss = run((weights.vector, weights.velocity), (as_images(x), targets), (order, rates, paths.astype(np.int32), numbers))
        return Weights(*state), loss

    def _path_step(self, state: tuple[Any, ...], data: tuple[Any, ...], each: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
        vector, velocity = state
        rows, rate, path, numbers = each
        x, targets = (self.backend.gather(one, rows) for one in data)
        loss, (gradient,) = self.backend.gradient(
            lambda vector: self.loss(self.forward.path(vector, path, numbers, x)[0], targets), vector
        )
        return self.sgd(vector, velocity, gradient, rate, self.forward.used(path, numbers)), loss

    # All of it --------------------------------------------------------------------------------------------------------------

    def loss(self, outputs: Any, targets: Any) -> Any:
        """The mean loss of logits [samples, outputs], or of what a detection network gives."""
        if self.method.loss == "detection":
            return detection_loss(outputs, targets)
        if self.method.loss == "mean_squared_error":
            return self.backend.squared_error(outputs, targets)
        return self.backend.cross_entropy(outputs, targets)

    def mixed_loss(self, vector: Any, mixture: Any, x: Any, targets: Any) -> Any:
        """The loss of the whole network with its operations mixed; everything a tensor."""
        return self.loss(self._mixing.mixed(vector, mixture, x), targets)

    @property
    def _mixing(self) -> Forward:
        """The pass that mixes operations.

        Raises:
            ValueError: these networks share weights one path at a time.
        """
        if isinstance(self.forward, SlicedForward):
            raise ValueError(f"the networks of {type(self.graph.space).__name__} share weights one path at a time: their options cannot be mixed")
        return self.forward

    def sgd(self, vector: Any, velocity: Any, gradient: Any, rate: Any, used: Any = None) -> tuple[Any, Any]:
        """A step of SGD: the weights and the buffer behind it.

        Args:
            used: 1 for each weight that the step may move, with its buffer; None: all. A weight that is on no path has a gradient of zero, and
                momentum and decay would still move it.
        """
        method, backend = self.method, self.backend
        if method.clip > 0:
            norm = backend.sqrt(backend.total(gradient * gradient) + 1e-12)
            gradient = gradient * (method.clip / backend.where(norm > method.clip, norm, method.clip + 0.0 * norm))
        step = method.momentum * velocity + gradient + method.weight_decay * backend.constant(self._decayed) * vector
        if used is None:
            return vector - rate * step, step
        return vector - rate * used * step, used * step + (1.0 - used) * velocity

    def kept(self, key: Any, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """A compiled function, made once."""
        if key not in self._compiled:
            self._compiled[key] = make()
        return self._compiled[key]

    def mixed_outputs(self, vector: Floats, mixture: Floats, x: Floats) -> Floats:
        """The logits of the whole network with the batch's statistics: float32 [samples, outputs]."""
        run = self.kept("mixed", lambda: self.backend.compiled(self._mixing.mixed))
        parts = [np.asarray(run(vector, mixture, as_images(x[at : at + CHUNK]))) for at in range(0, len(x), CHUNK)]
        return np.concatenate(parts)

    # Scores -----------------------------------------------------------------------------------------------------------------

    def path_statistics(self, vector: Floats, path: Sequence[int], x: Floats) -> tuple[Floats, Floats]:
        """The mean and variance of every BatchNorm on a path, over samples that go through it as one batch; of those beside it 0 and 1.

        Returns:
            float32 [channels of all BatchNorms] twice, in the order of `Layout.norms`.
        """
        run = self.kept("statistics", lambda: self.backend.compiled(self.forward.path))
        _, mean, variance = run(vector, *self._taken(path), as_images(x))
        return np.asarray(mean), np.asarray(variance)

    def path_outputs(self, vector: Floats, path: Sequence[int], x: Floats, statistics: tuple[Floats, Floats] | None = None) -> Floats:
        """The logits of a path: float32 [samples, outputs].

        Args:
            statistics: of its BatchNorms; None takes those of each batch (of up to 2,048 samples).
        """
        taken = self._taken(path)
        if statistics is None:
            run = self.kept("statistics", lambda: self.backend.compiled(self.forward.path))
            parts = [run(vector, *taken, as_images(x[at : at + CHUNK]))[0] for at in range(0, len(x), CHUNK)]
        else:
            run = self.kept(
                "outputs", lambda: self.backend.compiled(lambda v, p, g, x, m, s: self.forward.path(v, p, g, x, (m, s))[0])
            )
            parts = [run(vector, *taken, as_images(x[at : at + CHUNK]), *statistics) for at in range(0, len(x), CHUNK)]
        return np.concatenate([np.asarray(part) for part in parts])

    def _taken(self, path: Sequence[int]) -> tuple[Ints, Floats]:
        checked = self.graph.check_path(path)
        return np.array(checked, np.int32), np.array(self.graph.path_numbers(checked), np.float32)

    def arrays(
        self, vector: Floats, statistics: tuple[Floats, Floats] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """The weights by marking, to `inherit` from.

        Args:
            statistics: of the BatchNorms of the path that is going to inherit.
        """
        return self.layout.arrays(vector, None if statistics is None else self.by_marking(statistics))

    def by_marking(self, statistics: tuple[Floats, Floats]) -> Mapping[int, tuple[Floats, Floats]]:
        """Statistics of each BatchNorm."""
        if not self.layout.norms:
            return {}
        ends = np.cumsum(list(self.layout.norms.values()))[:-1]
        means, variances = (np.split(one, ends) for one in statistics)
        return dict(zip(self.layout.norms, zip(means, variances, strict=True), strict=True))
