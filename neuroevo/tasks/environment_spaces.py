"""Between networks and environments: observations become inputs, outputs become actions."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import shown

Floats = npt.NDArray[np.float64]
Normalise = Literal["sampled", "bounds", "none"]

FARTHEST = 10.0  # normalised observations are clipped to +- this
_LEAST_SPREAD = 1e-3  # an observation that never varied in the sample is only centred


class Actions:
    """How a network's outputs become an action.

    Discrete: one output a choice, the largest wins. Multi-discrete: the same for every dimension; multi-binary: two outputs a bit.
    Continuous: one output a number, `output_range` is scaled to the box and clipped; an unbounded dimension takes the output as it is.

    Args:
        space: the environment's action space.
        output_range: the outputs that stand for the ends of a box: (-1, 1) suits tanh, (0, 1) a sigmoid.

    Attributes:
        outputs: how many outputs a network needs.

    Raises:
        ValueError: a kind of space that networks cannot act in.
    """

    def __init__(self, space: Any, output_range: tuple[float, float] = (-1.0, 1.0)) -> None:
        from gymnasium import spaces

        self.space = space
        low, high = output_range
        if not low < high:
            raise ValueError(f"output_range must be two ascending numbers such as (-1, 1), got {shown(output_range)}")
        self.continuous = isinstance(space, spaces.Box)
        self._cuts: list[int] = []
        self._start: Any = 0
        if isinstance(space, spaces.Box):
            self.outputs = int(np.prod(space.shape))
            least, most = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
            bounded = np.isfinite(least) & np.isfinite(most)
            self._scale = np.where(bounded, (np.where(bounded, most, 1.0) - np.where(bounded, least, 0.0)) / (high - low), 1.0)
            self._shift = np.where(bounded, np.where(bounded, least, 0.0) - low * self._scale, 0.0)
            self._least, self._most = least, most
        elif isinstance(space, spaces.Discrete):
            self.outputs, self._start = int(space.n), int(space.start)
        elif isinstance(space, spaces.MultiDiscrete):
            self._choices(space.nvec.ravel(), space.start.ravel())
        elif isinstance(space, spaces.MultiBinary):
            bits = int(np.prod(space.shape))
            self._choices(np.full(bits, 2), np.zeros(bits, np.int64))
        else:
            raise ValueError(
                f"networks act in Discrete, MultiDiscrete, MultiBinary and Box spaces, not in {type(space).__name__}; "
                "wrap the environment (gymnasium.ActionWrapper) so that it has one of these"
            )

    def _choices(self, choices: npt.NDArray[Any], start: npt.NDArray[Any]) -> None:
        self.outputs = int(choices.sum())
        self._cuts, self._start = [0, *np.cumsum(choices).tolist()], start

    def one(self, outputs: Floats) -> Any:
        """The action of one network: outputs float64 [outputs]."""
        if self.continuous:
            numbers = np.minimum(np.maximum(outputs * self._scale + self._shift, self._least), self._most)
            return numbers.reshape(self.space.shape).astype(self.space.dtype)
        if not self._cuts:
            choice = (
                outputs.argmax()
            )  # as NumPy's int64, which gymnasium's check of actions takes 10 us less for than a Python int
            return choice + self._start if self._start else choice
        return self.many(outputs[None])[0]

    def many(self, outputs: Floats) -> npt.NDArray[Any]:
        """The actions of many: outputs float64 [environments, outputs]."""
        count = len(outputs)
        if self.continuous:
            numbers = np.clip(outputs * self._scale + self._shift, self._least, self._most)
            return np.asarray(numbers.reshape(count, *self.space.shape), self.space.dtype)
        if not self._cuts:
            return np.asarray(outputs.argmax(axis=1) + self._start, self.space.dtype)
        parts = [outputs[:, a:b].argmax(axis=1) for a, b in zip(self._cuts, self._cuts[1:], strict=False)]
        return np.asarray((np.stack(parts, axis=1) + self._start).reshape(count, *self.space.shape), self.space.dtype)


class Observations:
    """How an observation becomes a network's inputs: flattened, then shifted and scaled by fixed numbers.

    Attributes:
        inputs: how many inputs a network needs.
        shift, scale: float64 [inputs]: inputs are (observation - shift) * scale, clipped to +-10; None: as they are.
    """

    def __init__(self, space: Any) -> None:
        from gymnasium import spaces

        self.space = space
        flat = spaces.flatten_space(space)
        if not isinstance(flat, spaces.Box):
            raise ValueError(f"observations must have a fixed size, got {type(space).__name__}; wrap the environment")
        self._plain = isinstance(space, spaces.Box) and len(space.shape) == 1
        self._flatten = spaces.flatten
        self.inputs = int(np.prod(flat.shape))
        self.low, self.high = flat.low.ravel().astype(np.float64), flat.high.ravel().astype(np.float64)
        self.shift: Floats | None = None
        self.scale: Floats | None = None

    def by_bounds(self) -> None:
        """Scale every bounded dimension to -1 .. 1; the others stay as they are."""
        bounded = np.isfinite(self.low) & np.isfinite(self.high) & (self.high > self.low) & (self.high - self.low < 1e6)
        low, high = np.where(bounded, self.low, -1.0), np.where(bounded, self.high, 1.0)
        self.shift, self.scale = (low + high) / 2.0, 2.0 / (high - low)

    def by_sample(self, sample: Floats) -> None:
        """Centre and scale by the mean and standard deviation of a sample: float64 [observations, inputs]. What is no finite number in it counts
        for nothing; an input that never was one is left as it is."""
        known = np.isfinite(sample)
        if known.all():
            mean, spread = sample.mean(axis=0), sample.std(axis=0)
        else:
            columns = [column[finite] for column, finite in zip(sample.T, known.T, strict=True)]
            mean = np.array([column.mean() if len(column) else 0.0 for column in columns])
            spread = np.array([column.std() if len(column) else 1.0 for column in columns])
        self.shift, self.scale = mean, 1.0 / np.where(spread < _LEAST_SPREAD, 1.0, spread)

    def flat(self, observation: Any) -> npt.NDArray[Any]:
        """One observation as a vector: float [inputs]."""
        return np.asarray(observation if self._plain else self._flatten(self.space, observation)).ravel()

    def one(self, observation: Any) -> npt.NDArray[Any]:
        """The inputs for one observation: float [inputs]."""
        x: npt.NDArray[Any] = observation if self._plain else self.flat(observation)
        if self.shift is None or self.scale is None:
            return x
        return np.minimum(np.maximum((x - self.shift) * self.scale, -FARTHEST), FARTHEST)

    def many(self, observations: npt.NDArray[Any]) -> Floats:
        """The same for many, stacked: float64 [environments, inputs]."""
        x: Floats = np.asarray(observations, np.float64).reshape(len(observations), -1)
        if self.shift is None or self.scale is None:
            return x
        return np.clip((x - self.shift) * self.scale, -FARTHEST, FARTHEST)
