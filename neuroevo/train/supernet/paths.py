"""Paths: an epoch of a shared network whose every step trains one path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.train.supernet.network import Supernet, Weights
from neuroevo.train.supernet.rule import Arrays, Data, Orders, Rule
from neuroevo.train.supernet.sampling import fair_genomes, uniform_genomes

Sampling = Literal["fair", "uniform"]


@dataclass(frozen=True)
class Paths(Rule):
    """One path in each step.

    Args:
        sampling: "fair" takes every option of every decision equally often (Chu, Zhang & Xu 2021), "uniform" draws networks at random (Guo et al.
            2020).
        paths: those that a controller chose instead.

    Raises:
        ValueError: another sampling.
    """

    name = "paths"
    sampling: Sampling = "fair"
    paths: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.sampling not in get_args(Sampling):
            raise ValueError(f"sampling must be 'fair' or 'uniform', got {shown(self.sampling)}")

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        x, targets = data["train"]
        order = orders["train"]
        if self.paths is None:
            sampled = fair_genomes if self.sampling == "fair" else uniform_genomes
            genomes = sampled(net.graph.space, rng, len(order))
            paths = np.array([net.graph.path(genome) for genome in genomes], np.int32)
        else:
            paths = given_paths(net, self.paths, len(order))
        weights = Weights(state["weights"], state["velocity"])
        weights, loss = net.train_paths(weights, x, targets, order, learning_rates(options, len(order)), paths)
        return {"weights": weights.vector, "velocity": weights.velocity}, {"loss": loss}


@dataclass(frozen=True)
class PathScores(Rule):
    """Nothing is trained: each of some paths is scored on a batch of the architecture's samples, with the batch's statistics, as ENAS rewards its
    controller (Pham et al. 2018, section 2.2).

    Args:
        paths: those to score; path i sees batch i.
        samples: of a batch.
    """

    name = "path_scores"
    halves: ClassVar[bool] = True
    trains: ClassVar[bool] = False
    paths: tuple[tuple[int, ...], ...] = ()
    samples: int = 64

    def epoch(
        self, net: Supernet, state: Arrays, data: Data, orders: Orders, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[Arrays, dict[str, Any]]:
        x, targets = data["architecture"]
        scores = []
        for path in self.paths:
            rows = rng.permutation(len(x))[: self.samples]
            outputs = net.path_outputs(state["weights"], path, x[rows])
            if net.method.loss == "cross_entropy":
                scores.append(float((outputs.argmax(axis=1) == targets[rows].argmax(axis=1)).mean()))
            else:
                scores.append(-float(((outputs - targets[rows]) ** 2).mean()))
        return state, {"loss": 0.0, "scores": scores}


def given_paths(net: Supernet, paths: Sequence[Sequence[int]], steps: int) -> npt.NDArray[np.int32]:
    """Paths that a controller chose, one after the other and again from the first: int32 [steps, choices].

    Raises:
        ValueError: none, or one that is not a path of the network.
    """
    if not paths:
        raise ValueError("there must be one path or more to train, got none")
    checked = [net.graph.check_path(path) for path in paths]
    return np.array([checked[step % len(checked)] for step in range(steps)], np.int32)


def learning_rates(settings: Mapping[str, Any], steps: int) -> npt.NDArray[np.float32]:
    """The learning rate of each step of epoch `settings["epoch"]` (from 1) of `settings["epochs"]`: a cosine from `learning_rate` to `final_rate`
    over all epochs: float32 [steps]."""
    epoch, epochs = int(settings["epoch"]), int(settings["epochs"])
    if not 1 <= epoch <= epochs:
        raise ValueError(f"the epoch of a shared network is one of 1 to {epochs}, got {epoch}")
    time = (epoch - 1 + np.arange(steps) / steps) / epochs
    high, low = float(settings["learning_rate"]), float(settings["final_rate"])
    return np.asarray(low + (high - low) * 0.5 * (1 + np.cos(np.pi * time)), np.float32)
