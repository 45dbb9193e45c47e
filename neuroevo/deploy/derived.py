"""Derived networks that predict: of raw inputs, whatever their files take and give."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.dataset import Dataset
from neuroevo.run.derived import Derived


def raw_network(derived: Derived, dataset: Dataset) -> Any:
    """A derived network that takes raw inputs and gives probabilities or values in their own units: a `keras.Model`, or, of a TensorFlow
    Lite file, a callable."""
    from neuroevo.deploy.keras_file import raw_model
    from neuroevo.run.model_files import LiteModel

    network = derived.model()
    if derived.raw:
        return network
    return RawLite(network, dataset) if isinstance(network, LiteModel) else raw_model(network, dataset)


class RawLite:
    """A TensorFlow Lite network of normalised inputs that gives logits or normalised values, between inputs as `raw_model` takes them and
    answers as `raw_model` without doubles gives them.

    Args:
        network: float32 [samples, *input_shape] to float32 [samples, outputs].
        dataset: the data that it was trained on.
    """

    def __init__(self, network: Any, dataset: Dataset) -> None:
        self._network, self._dataset = network, dataset
        self.input_shape, self.output_shape = network.input_shape, network.output_shape

    def __call__(self, x: npt.NDArray[np.float32], training: bool = False) -> npt.NDArray[np.float32]:
        outputs = self._network(self._dataset.normalisation.in_float32(x))
        if self._dataset.kind == "detection":
            return np.asarray(outputs, np.float32)
        if self._dataset.target_normalisation is not None:
            return self._dataset.target_normalisation.in_float32.inverse(outputs).astype(np.float32)
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)
