"""What a shared network is computed with: the few operations, gradients and loops that it needs, on TensorFlow or JAX.

Feature maps have four axes, [samples, height, width, channels]; those of sequences a width of 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from neuroevo.decode.plain import EPSILON


class Backend(ABC):
    """The operations of one framework; tensors are its own."""

    # Layers ---------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def convolution(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        """Kernel [height, width, inputs, filters], "same" padding."""

    @abstractmethod
    def bare_convolution(self, x: Any, kernel: Any, strides: tuple[int, int]) -> Any:
        """The same without padding."""

    @abstractmethod
    def padded(self, x: Any, before: tuple[int, int], behind: tuple[int, int]) -> Any:
        """Zeros around both spatial axes."""

    @abstractmethod
    def window(self, x: Any, begin: tuple[Any, Any], size: tuple[int, int]) -> Any:
        """A part of both spatial axes that begins where is known only when it runs."""

    @abstractmethod
    def highest_of_each(self, x: Any, rows: Any, columns: Any) -> Any:
        """The maximum of all positions that go to the same place: of values >= 0, which is what is at places that nothing goes to.

        Args:
            rows: int32 [height], where each goes, below height; the same of columns: int32 [width].
        """

    @abstractmethod
    def depthwise(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        """Kernel [height, width, inputs, 1], "same" padding."""

    @abstractmethod
    def pooling(self, x: Any, kind: str, kernel: tuple[int, int], stride: tuple[int, int]) -> Any:
        """`kind` "max_pool" or "average_pool", whose padding does not count."""

    @abstractmethod
    def upsampled(self, x: Any, times: int) -> Any:
        """Every position so many times along both spatial axes."""

    @abstractmethod
    def standardised(self, x: Any) -> tuple[Any, Any, Any]:
        """The values less the batch's mean over its deviation, that mean and the (biased) variance: [channels]."""

    def with_statistics(self, x: Any, mean: Any, variance: Any) -> Any:
        """The same with given statistics."""
        return (x - mean) * self.rsqrt(variance + EPSILON)

    @abstractmethod
    def rsqrt(self, x: Any) -> Any: ...

    @abstractmethod
    def relu(self, x: Any) -> Any: ...

    @abstractmethod
    def concatenate(self, parts: Sequence[Any], axis: int) -> Any: ...

    @abstractmethod
    def split(self, vector: Any, sizes: Sequence[int]) -> list[Any]: ...

    @abstractmethod
    def cross_entropy(self, logits: Any, targets: Any) -> Any:
        """The mean over samples."""

    @abstractmethod
    def squared_error(self, outputs: Any, targets: Any) -> Any:
        """The mean over samples and outputs."""

    @abstractmethod
    def switch(self, index: Any, branches: Sequence[Callable[[], Any]]) -> Any:
        """The value of the branch at a place that is known only when it runs; the others are not computed. Values are tuples of tensors."""

    @abstractmethod
    def averaged(self, x: Any) -> Any:
        """The mean over positions: [samples, channels]."""

    @abstractmethod
    def matmul(self, first: Any, second: Any) -> Any: ...

    @abstractmethod
    def reshape(self, x: Any, shape: Sequence[int]) -> Any: ...

    def once(self, key: Hashable, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of tensors of which many are alike: those of equal keys are traced once."""
        return function

    # Numbers --------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def constant(self, array: Any, dtype: str = "float32") -> Any: ...

    @abstractmethod
    def whole(self, x: Any) -> Any:
        """As int32."""

    @abstractmethod
    def gather(self, x: Any, rows: Any) -> Any:
        """The rows of the first axis at these places."""

    @abstractmethod
    def equal(self, first: Any, second: Any) -> Any:
        """1.0 where two are equal, else 0.0."""

    @abstractmethod
    def exp(self, x: Any) -> Any: ...

    @abstractmethod
    def sqrt(self, x: Any) -> Any: ...

    @abstractmethod
    def where(self, condition: Any, first: Any, second: Any) -> Any: ...

    @abstractmethod
    def clip(self, x: Any, low: Any, high: Any) -> Any: ...

    @abstractmethod
    def total(self, x: Any, axis: int | None = None) -> Any:
        """The sum, over all or along an axis, which is kept."""

    @abstractmethod
    def highest(self, x: Any, axis: int) -> Any:
        """The maximum along an axis, which is kept."""

    @abstractmethod
    def gradient(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        """A function's value and its gradients with respect to each argument."""

    @abstractmethod
    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of arrays that gives tensors, compiled once for each set of shapes."""

    @abstractmethod
    def epoch(self, step: Callable[..., tuple[tuple[Any, ...], Any]], samples: int = 2) -> Callable[..., tuple[list[Any], float]]:
        """Many steps in one compiled call.

        Args:
            step: (state, data, each) to the next state and the step's loss; `state` and `data` are tuples of tensors, `each` is a tuple of what
                differs from step to step.
            samples: how many of `data`, the first ones, have an axis of samples in front.

        Returns:
            A function of (state, data, each) where every tensor in `each` has one more axis in front, the steps: the state after them as arrays,
            and the mean loss.
        """


def as_images(x: Any) -> Any:
    """Samples with four axes: float32 [samples, height, width, channels]."""
    x = np.asarray(x, np.float32)
    return x[:, :, None, :] if x.ndim == 3 else x
