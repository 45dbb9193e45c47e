"""Compiled networks: a model with its compiled epoch, used again and again for genomes of the same structure.

Tracing dominates small candidates (seconds, against a tenth of a second of building); putting fresh weights and empty optimizer
slots into a model that was traced before takes milliseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.train.assignment import COLUMNS
from neuroevo.train.recipe import Recipe

Floats = npt.NDArray[np.float32]
SPREAD = (1, 1_000_003, 998_244_353, 754_974_721)  # by which a step's first samples make the seed of its random numbers


@dataclass(frozen=True)
class Method:
    """What of a training is fixed when its epoch is compiled. Learning rates and data are not: they are arguments of an epoch.

    Args:
        loss: "cross_entropy" (the model gives logits), "mean_squared_error" or "detection" (`neuroevo.train.detection_loss`).
        teaching: share of the loss that comes from a teacher's outputs, in [0, 1]; 0 for none.
        temperature: of the teacher's and the student's probabilities (Hinton, Vinyals & Dean 2015).
        weighted: whether each sample's targets are probabilities times the sample's weight, by which its cross-entropy counts.
    """

    loss: str = "cross_entropy"
    batch_size: int = 64
    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    averaging: float = 0.0
    clip: float = 0.0
    teaching: float = 0.0
    temperature: float = 1.0
    weighted: bool = False

    @staticmethod
    def of(
        recipe: Recipe, loss: str, samples: int, *, teaching: float = 0.0, temperature: float = 1.0, weighted: bool = False
    ) -> Method:
        """What a recipe fixes for a training set of this many samples."""
        return Method(
            loss,
            min(recipe.sized(samples).batch_size or 1, samples),
            recipe.optimizer,
            recipe.momentum if recipe.optimizer == "sgd" else 0.0,
            recipe.nesterov,
            recipe.weight_decay,
            recipe.averaging,
            recipe.clip,
            teaching,
            temperature,
            weighted,
        )


class Compiled(ABC):
    """A `keras.Model` with its compiled epoch and prediction.

    Args:
        model: takes float32 [samples, *input_shape] and gives float32 [samples, outputs]: logits or values; of a detection [samples, locations,
            classes + 5].
        method: what is compiled.
        masks: for each trainable variable, in the model's order, what it is multiplied by after every step, or None; () for no masks.
            Momentum and weight decay move a weight whose gradient is zero: only so it stays zero.
    """

    def __init__(self, model: Any, method: Method, masks: Sequence[Floats | None] = ()) -> None:
        self.model = model
        self.method = method
        self.masks = tuple(masks)

    @abstractmethod
    def reset(self, arrays: Sequence[Floats] | None = None) -> None:
        """Begin a training: these weights (in the order of `model.weights`; None: those that `model` holds), empty optimizer slots."""

    def trace(self) -> None:
        """Compile now what the first epoch would compile, where that needs no data."""
        return

    @abstractmethod
    def set_weights(self, arrays: Sequence[Floats]) -> None:
        """Replace the weights, in the order of `model.weights`."""

    @abstractmethod
    def weights(self) -> list[Floats]:
        """The weights, in the order of `model.weights`."""

    @abstractmethod
    def averages(self) -> list[Floats]:
        """The moving averages of the weights; empty where the method has none."""

    @abstractmethod
    def set_averages(self, arrays: Sequence[Floats]) -> None:
        """Replace the moving averages; nothing where the method has none."""

    @abstractmethod
    def slots(self) -> list[list[Floats]]:
        """The optimizer's slots of each trainable variable, in the order of `model.trainable_variables`: one (momentum), two (Adam) or none."""

    @abstractmethod
    def set_slots(self, arrays: Sequence[Sequence[Floats]], steps: int) -> None:
        """Replace the optimizer's slots, and the number of steps that it has done."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps the optimizer has done since `reset`."""

    def synchronised(self) -> Any:
        """The `keras.Model`, holding the weights of now."""
        return self.model

    @abstractmethod
    def place(self, array: Floats) -> Any:
        """The array on the device, as `epoch` and `outputs` take it."""

    @abstractmethod
    def epoch(self, x: Any, targets: Any, order: npt.NDArray[np.int32], rates: Floats, teacher: Any = None) -> float:
        """Train for one epoch and give the mean training loss.

        Args:
            x: placed float32 [samples, *input_shape].
            targets: placed float32 [samples, outputs]: probabilities of the classes, or values; of a detection [samples, locations, 6].
            order: int32 [steps, batch_size], the samples of each step.
            rates: float32 [steps], the learning rate of each step.
            teacher: placed, the teacher's outputs for the samples, as the model's, where the method has a teacher.
        """

    @abstractmethod
    def outputs(self, x: Any) -> Floats:
        """The model's outputs in inference mode: float32 [samples, outputs] for placed samples."""


def compile_network(model: Any, method: Method, masks: Sequence[Floats | None] = ()) -> Compiled:
    """The compiled network for the Keras backend in use; arguments as for `Compiled`.

    Raises:
        ValueError: the backend is neither TensorFlow nor JAX.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from neuroevo.train.tensorflow_network import TensorflowNetwork

        return TensorflowNetwork(model, method, masks)
    if backend == "jax":
        from neuroevo.train.jax_network import JaxNetwork

        return JaxNetwork(model, method, masks)
    raise ValueError(f"training runs on the Keras backends tensorflow and jax, got {backend!r}; set KERAS_BACKEND to one of them")


def target_shape(model: Any, method: Method) -> tuple[int, ...]:
    """The shape of what a sample is trained towards."""
    shape = tuple(model.output_shape[1:])
    return (*shape[:-1], COLUMNS) if method.loss == "detection" else shape


def decayed(model: Any) -> list[bool]:
    """For each trainable variable, whether weight decay applies: to kernels, not to biases and normalisations."""
    return [len(variable.shape) > 1 for variable in model.trainable_variables]


def leaves(model: Any) -> list[Any]:
    """The layers of a model, those inside nested models included."""
    return [leaf for layer in model.layers for leaf in (leaves(layer) if hasattr(layer, "layers") else [layer])]


class CompiledNetworks:
    """The compiled networks of one process, by structure; the least recently used is let go.

    Args:
        capacity: how many are kept.
    """

    def __init__(self, capacity: int = 24) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be >= 1, got {capacity}")
        self.capacity = capacity
        self.hits = self.misses = 0
        self._kept: OrderedDict[Hashable, Compiled] = OrderedDict()

    def get(self, structure: Hashable, method: Method, build: Callable[[], Any]) -> tuple[Compiled, bool]:
        """The compiled network for a structure, and whether it was there already. `build` makes the model if it was not."""
        key = (structure, method)
        known = key in self._kept
        if known:
            self.hits += 1
            self._kept.move_to_end(key)
        else:
            self.misses += 1
            self._kept[key] = compile_network(build(), method)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        return self._kept[key], known

    def __len__(self) -> int:
        return len(self._kept)
