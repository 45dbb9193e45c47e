"""What a coalition of neurons is worth: how well the network does when nothing reads the others."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.compress.channels import Channels
from neuroevo.train.masked import MaskedModel, Rows

Worth = Literal["accuracy", "likelihood"]
WORTHS = ("accuracy", "likelihood")
LOSSES = ("cross_entropy", "mean_squared_error")
SLOPE_BATCH = 32  # samples over which a slope is averaged before its size is taken


class MaskedPayoff:
    """The payoff of coalitions of a network's players, in one compiled model: bool [coalitions, players] to float64 [coalitions].

    Of classes it is the accuracy minus that of the baseline that always says the most frequent class (Stier et al. 2018), or ("likelihood")
    the mean log-likelihood minus that of the baseline that says how frequent each class is; of values the share of their variance that is
    explained (1 for all of it, 0 for the baseline that says their mean).

    Args:
        channels: of the model, whose outputs are logits or values. Its weights may change; they are those of the moment of asking.
        x: float32 [samples, *input_shape].
        targets: float32 [samples, outputs], one-hot classes or values.
        loss: "cross_entropy" or "mean_squared_error".
        worth: "accuracy" or "likelihood"; of values there is one only.

    Attributes:
        calls: coalitions that were asked for.

    Raises:
        ValueError: no samples, or another worth or loss.
    """

    def __init__(
        self, channels: Channels, x: npt.NDArray[Any], targets: npt.NDArray[Any], loss: str, worth: str = "accuracy"
    ) -> None:
        if not len(x):
            raise ValueError("a payoff is measured on samples, got none")
        if worth not in WORTHS:
            raise ValueError(unknown("worth", worth, WORTHS))
        if loss not in LOSSES:
            raise ValueError(unknown("loss", loss, LOSSES))
        self.channels, self.players, self.calls = channels, channels.players, 0
        place = {id(variable): number for number, variable in enumerate(channels.model.weights)}
        rows = [
            Rows(place[id(axis.layer.weights[axis.place])], axis.axis, axis.players) for axis in channels.axes if axis.reads
        ]
        self._masked = MaskedModel(channels.model, rows, channels.players, x, targets)
        frequent = targets.mean(axis=0)
        if loss == "mean_squared_error":
            variance = float(np.mean((targets - frequent) ** 2)) or 1.0
            self._scalar: Any = _explained(variance)
            self._baseline, self._cost = 0.0, _explained(variance)
        else:
            entropy = float(np.sum(frequent * np.log(np.maximum(frequent, 1e-12))))
            self._scalar = _right if worth == "accuracy" else _likelihood
            self._baseline, self._cost = (float(frequent.max()) if worth == "accuracy" else entropy), _likelihood

    def __call__(self, coalitions: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        self.calls += len(coalitions)
        return self._masked.values(coalitions, self._scalar) - self._baseline

    def slopes(self, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """How the likelihood (or the explained variance) changes as each player is faded out, one batch of samples after the other: the sum of
        its channels' values times their gradients. float64 [batches, players]."""
        return self._masked.slopes(kept, self._cost, SLOPE_BATCH)


def _right(outputs: Any, targets: Any) -> Any:
    from keras import ops

    return ops.mean(ops.cast(ops.equal(ops.argmax(outputs, axis=-1), ops.argmax(targets, axis=-1)), "float32"))


def _likelihood(outputs: Any, targets: Any) -> Any:
    from keras import ops

    return ops.mean(ops.sum(targets * ops.log_softmax(outputs, axis=-1), axis=-1))


def _explained(variance: float) -> Any:
    def explained(outputs: Any, targets: Any) -> Any:
        from keras import ops

        return 1.0 - ops.mean(ops.square(outputs - targets)) / variance

    return explained
