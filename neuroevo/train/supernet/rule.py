"""Rule: what one epoch of a shared network does with its weights and its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import Settings
from neuroevo.train.supernet.network import Supernet

Arrays = dict[str, npt.NDArray[Any]]
Data = Mapping[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
Orders = Mapping[str, npt.NDArray[np.int32]]


class Rule(ABC, metaclass=Settings):
    """What an epoch does. Its settings travel as JSON in a trial's options; its state as arrays, "weights" and "velocity" among them.

    Attributes:
        name: in the JSON.
        halves: whether the architecture learns from samples of its own.
        trains: whether an epoch changes the state.
    """

    name: ClassVar[str]
    halves: ClassVar[bool] = False
    trains: ClassVar[bool] = True

    def fresh(self, net: Supernet, rng: np.random.Generator) -> Arrays:
        """The state that a training begins with."""
        weights = net.fresh(rng)
        return {"weights": weights.vector, "velocity": weights.velocity}

    @abstractmethod
    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        """An epoch: the state behind it, and what is reported: its "loss", and JSON of the architecture.

        Args:
            data: samples and targets: "train", and of a rule with halves "architecture".
            orders: int32 [steps, batch], which samples each step takes.
            options: of the trial: epoch, epochs, learning_rate, final_rate.
        """

    def to_json(self) -> dict[str, Any]:
        """JSON that `rule_from_json` reads."""
        return {"rule": self.name, **{f.name: getattr(self, f.name) for f in fields(self)}}  # type: ignore[arg-type]
