"""Rules: what one epoch of a shared network does with its weights and its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import Settings, frozen_tuples, shown, unknown
from neuroevo.train.supernet.network import Supernet, Weights
from neuroevo.train.supernet.paths import PathTraining, Sampling, given_paths, learning_rates

Arrays = dict[str, npt.NDArray[Any]]
Data = Mapping[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
Orders = Mapping[str, npt.NDArray[np.int32]]


class Rule(ABC, metaclass=Settings):
    """What an epoch does. Its settings travel as JSON in a trial's options; its state as arrays, "weights" and "velocity" among them.

    Attributes:
        name: in the JSON.
        halves: whether the architecture learns from samples of its own.
    """

    name: ClassVar[str]
    halves: ClassVar[bool] = False

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


@dataclass(frozen=True)
class Paths(Rule):
    """One path in each step.

    Args:
        sampling: which (see `PathTraining`).
        paths: those that a controller chose instead.
    """

    name = "paths"
    sampling: Sampling = "fair"
    paths: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        PathTraining(self.sampling)

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        x, targets = data["train"]
        order = orders["train"]
        if self.paths is None:
            paths = PathTraining(self.sampling).paths(net, rng, len(order))
        else:
            paths = given_paths(net, self.paths, len(order))
        weights = Weights(state["weights"], state["velocity"])
        weights, loss = net.train_paths(weights, x, targets, order, learning_rates(options, len(order)), paths)
        return {"weights": weights.vector, "velocity": weights.velocity}, {"loss": loss}


def rules() -> dict[str, type[Rule]]:
    """Every rule by name."""
    return {rule.name: rule for rule in (Paths,)}


def rule_from_json(data: Any) -> Rule:
    """The rule that `Rule.to_json` described.

    Raises:
        ValueError: an unknown rule, or settings that are not its own.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("rule"), str):
        raise ValueError(f"the rule of a shared network's epoch is a JSON object with its name under 'rule', got {shown(data)}")
    known = rules()
    if data["rule"] not in known:
        raise ValueError(unknown("rule", data["rule"], list(known)))
    try:
        return known[data["rule"]](**{name: frozen_tuples(value) for name, value in data.items() if name != "rule"})
    except TypeError as error:
        raise ValueError(f"the rule {data['rule']} cannot be made from {shown(dict(data))}: {error}") from error
