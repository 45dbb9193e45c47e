"""Walks: sequences of decisions as a policy made them, and how many of them are drawn under what a space, limits and growth allow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from genomes.questions import DEPTH, STOP, Question
from neuroevo.strategies.optimisers import Arrays

Floats = npt.NDArray[np.float64]
Coefficients = Callable[[Sequence[Floats]], Sequence[Floats]]


@dataclass
class Walk:
    """Decisions, one after the other, that describe a genome.

    Attributes:
        answers: the positions of the chosen options.
        log_probabilities: of each decision, when it was made.
        steps: what the policy needs to go the same way again.
    """

    answers: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)


Allowed = Callable[[Question], "tuple[int, ...] | None"]


class Policy(ABC):
    """Probabilities of decisions, with parameters that a gradient moves.

    Attributes:
        arrays: the parameters by name. Rows are added for options that were not met before.
    """

    arrays: Arrays

    @abstractmethod
    def walk(self, space: Space, rngs: Sequence[np.random.Generator], allowed: Allowed) -> list[Walk]:
        """A walk for each stream."""

    @abstractmethod
    def likeliest(self, space: Space, allowed: Allowed) -> tuple[list[Question], list[Floats]]:
        """The walk that takes the likeliest option of each question: the questions, and the probabilities of their options."""

    @abstractmethod
    def gradient(self, walks: Sequence[Walk], coefficients: Coefficients, entropy: float = 0.0) -> Arrays:
        """The gradient of the sum over all decisions of `coefficient * log probability + entropy * entropy of the options`, by parameter.

        Args:
            coefficients: gives, for the walks' log probabilities as they are now, the coefficient of each.
        """

    @abstractmethod
    def names(self) -> dict[str, list[str]]:
        """What the rows of parameters that grew stand for, JSON: `restore` takes it."""

    @abstractmethod
    def restore(self, names: dict[str, list[str]], arrays: Arrays) -> None:
        """Go on from parameters."""


def everything(question: Question) -> None:
    """Every option is allowed."""


def grown(limit: int) -> Allowed:
    """Networks of at most so many layers: what asks for their number allows no more (and at least the fewest that there may be), and where
    a network may stop at this depth it does."""

    def allowed(question: Question) -> tuple[int, ...] | None:
        if question.about == DEPTH:
            fitting = [place for place, option in enumerate(question.options) if int(option) <= limit]
            return (fitting[-1] if fitting else 0,)
        if STOP in question.options and question.part >= limit:
            return (question.options.index(STOP),)
        return None

    return allowed


def drawn(probabilities: Floats, rng: np.random.Generator) -> int:
    """The position of an option, drawn by its probability: float64 [options]."""
    return min(
        int(np.searchsorted(np.cumsum(probabilities), rng.random() * probabilities.sum(), side="right")), len(probabilities) - 1
    )


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return found


def entropies(probabilities: Floats) -> Floats:
    """The entropy along the last axis, in nats."""
    found: Floats = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=-1)
    return found


def logit_gradient(probabilities: Floats, chosen: npt.NDArray[np.int64], coefficients: Floats, entropy: float) -> Floats:
    """The gradient of `coefficient * log p[chosen] + entropy * H(p)` with respect to the logits: float64 [decisions, options]."""
    found = -coefficients[:, None] * probabilities
    found[np.arange(len(chosen)), chosen] += coefficients
    if entropy:
        logs = np.log(np.maximum(probabilities, 1e-300))
        found -= entropy * probabilities * (logs + entropies(probabilities)[:, None])
    return found


def seeded(seed: int, name: str) -> np.random.Generator:
    """The stream that parameters of this name begin with: the same whenever they are met."""
    key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.Philox(key=[seed, key]))
