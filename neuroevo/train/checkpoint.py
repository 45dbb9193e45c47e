"""Checkpoints: all that a training needs to go on, bit for bit, as named arrays and JSON.

array                                        what
weights/I                                    the weights as they are (not their averages), by place in `model.weights`
averages/I                                   their moving averages, where the method keeps such
slots/I/J                                    the optimizer's slots of trainable variable I
random/counter, random/key, random/buffer    uint64, of the generator that decides the order of samples and their augmentation

The JSON holds the epochs and steps done, the learning curve so far, and the rest of the generator's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.train.compiled import Compiled
from neuroevo.train.loop import Training

RANDOM_ARRAYS = ("counter", "key")  # of Philox's own state; its buffer lies beside it
RANDOM_NUMBERS = ("buffer_pos", "has_uint32", "uinteger")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands.

    Args:
        arrays: see above.
        meta: JSON.

    Attributes:
        epochs: how many were done.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    meta: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        return int(self.meta["epochs"])

    @staticmethod
    def of(network: Compiled, training: Training, rng: np.random.Generator) -> Checkpoint:
        """What is needed to go on from here.

        Args:
            network: whose weights are those of now: taken before the averages replace them (`fit` does that last; see its `leave`).
            training: what was done so far.
            rng: a generator on Philox, as all streams of a run are.

        Raises:
            ValueError: another kind of generator.
        """
        state: Mapping[str, Any] = rng.bit_generator.state
        if state["bit_generator"] != "Philox":
            raise ValueError(f"a checkpoint holds the state of a Philox generator, got {state['bit_generator']}")
        arrays = {f"weights/{i}": array for i, array in enumerate(network.weights())}
        arrays |= {f"averages/{i}": array for i, array in enumerate(network.averages())}
        arrays |= {f"slots/{i}/{j}": array for i, slots in enumerate(network.slots()) for j, array in enumerate(slots)}
        arrays |= {f"random/{name}": np.array(state["state"][name], np.uint64) for name in RANDOM_ARRAYS}
        arrays["random/buffer"] = np.array(state["buffer"], np.uint64)
        meta = {
            "epochs": len(training.train_loss),
            "steps": network.steps,
            "random": {name: int(state[name]) for name in RANDOM_NUMBERS},
            "curve": {
                "train_loss": list(training.train_loss),
                "epochs": list(training.scored),
                "validation": list(training.validation),
            },
        }
        return Checkpoint(arrays, meta)

    def resume(self, network: Compiled, rng: np.random.Generator) -> Training:
        """Put the network and the generator where they were, and give what was done until then, for `fit` to go on with.

        Raises:
            ValueError: this is no checkpoint, or one of another network or method.
        """
        try:
            training = self._training()
            steps, random = int(self.meta["steps"]), {name: int(self.meta["random"][name]) for name in RANDOM_NUMBERS}
            state = {name: self._random(name) for name in (*RANDOM_ARRAYS, "buffer")}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is not a checkpoint: {type(error).__name__}: {error}") from error
        weights = network.weights()
        network.reset(self._like("weights", weights))
        network.set_averages(self._like("averages", network.averages()))
        network.set_slots([self._like(f"slots/{i}", slots) for i, slots in enumerate(network.slots())], steps)
        rng.bit_generator.state = {
            "bit_generator": "Philox",
            "state": {name: state[name] for name in RANDOM_ARRAYS},
            "buffer": state["buffer"],
            **random,
        }
        return training

    def _training(self) -> Training:
        curve = self.meta["curve"]
        training = Training(
            [float(loss) for loss in curve["train_loss"]],
            [float(score) for score in curve["validation"]],
            [int(epoch) for epoch in curve["epochs"]],
        )
        if len(training.train_loss) != self.epochs or len(training.validation) != len(training.scored):
            raise ValueError(f"its learning curve is not that of {self.epochs} epochs")
        return training

    def _random(self, name: str) -> npt.NDArray[np.uint64]:
        array: npt.NDArray[np.uint64] = np.array(self.arrays[f"random/{name}"], np.uint64)
        if array.shape != ((2,) if name == "key" else (4,)):
            raise ValueError(f"random/{name} has the shape {array.shape}")
        return array

    def _like(self, name: str, wanted: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """The arrays of this name, in order, as this network has them."""
        found = {key: array for key, array in self.arrays.items() if key.rpartition("/")[0] == name}
        shapes = [found[key].shape if (key := f"{name}/{i}") in found else None for i in range(max(len(found), len(wanted)))]
        if shapes != [array.shape for array in wanted]:
            raise ValueError(
                f"the checkpoint is not of this network, trained in this way: its {name} have the shapes {shown(shapes)}, "
                f"these the shapes {shown([array.shape for array in wanted])}; continue a trial with the genome, the resolution and the recipe it had"
            )
        return [np.asarray(found[f"{name}/{i}"], np.float32) for i in range(len(wanted))]
