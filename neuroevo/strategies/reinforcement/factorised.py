"""Factorised: logits of its own for every question (Dong & Yang 2020, the REINFORCE of NAS-Bench-201)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genomes.base import Space
from genomes.questions import Question
from neuroevo.strategies.optimisers import Arrays
from neuroevo.strategies.reinforcement.walks import (
    Allowed,
    Coefficients,
    Floats,
    Policy,
    Walk,
    drawn,
    logit_gradient,
    seeded,
    softmax,
)


class Factorised(Policy):
    """A softmax for each question, by its text: decisions do not depend on each other, but for which questions are asked.

    Args:
        seed: of the first logits.
        initial: their standard deviation (the benchmark's code: 1e-3).
    """

    def __init__(self, seed: int, initial: float = 1e-3) -> None:
        self.seed, self.initial = seed, initial
        self.arrays: Arrays = {}
        self._options: dict[str, list[str]] = {}  # of each question, in the order in which they were met

    def walk(self, space: Space, rngs: Sequence[np.random.Generator], allowed: Allowed) -> list[Walk]:
        return [self._walk(space, rng, allowed) for rng in rngs]

    def _walk(self, space: Space, rng: np.random.Generator, allowed: Allowed) -> Walk:
        walk = Walk()
        while (question := space.question(walk.answers)) is not None:
            positions = allowed(question) or tuple(range(len(question.options)))
            rows = self._rows(question, positions)
            probabilities = softmax(self.arrays[question.about][rows])
            chosen = drawn(probabilities, rng)
            walk.answers.append(positions[chosen])
            walk.log_probabilities.append(float(np.log(probabilities[chosen])))
            walk.steps.append((question.about, rows, chosen))
        return walk

    def likeliest(self, space: Space, allowed: Allowed) -> tuple[list[Question], list[Floats]]:
        questions, found, answers = list[Question](), list[Floats](), list[int]()
        options, arrays = self.names(), dict(self.arrays)
        while (question := space.question(answers)) is not None:
            positions = allowed(question) or tuple(range(len(question.options)))
            probabilities = np.zeros(len(question.options))
            rows = self._rows(question, positions)
            probabilities[list(positions)] = softmax(self.arrays[question.about][rows])
            answers.append(int(probabilities.argmax()))
            questions.append(question)
            found.append(probabilities)
        self._options, self.arrays = options, arrays  # looking changes nothing
        return questions, found

    def gradient(self, walks: Sequence[Walk], coefficients: Coefficients, entropy: float = 0.0) -> Arrays:
        forward = [[softmax(self.arrays[about][rows]) for about, rows, _ in walk.steps] for walk in walks]
        logs = [
            np.array([np.log(p[chosen]) for p, (_, _, chosen) in zip(each, walk.steps, strict=True)])
            for each, walk in zip(forward, walks, strict=True)
        ]
        gradients = {name: np.zeros_like(array) for name, array in self.arrays.items()}
        for walk, each, weights in zip(walks, forward, coefficients(logs), strict=True):
            for (about, rows, chosen), probabilities, weight in zip(walk.steps, each, weights, strict=True):
                change = logit_gradient(probabilities[None], np.array([chosen]), np.array([weight]), entropy)[0]
                np.add.at(gradients[about], rows, change)
        return gradients

    def names(self) -> dict[str, list[str]]:
        return {about: list(options) for about, options in self._options.items()}

    def restore(self, names: dict[str, list[str]], arrays: Arrays) -> None:
        self._options = {about: list(options) for about, options in names.items()}
        self.arrays = {about: arrays[about] for about in names}

    def _rows(self, question: Question, positions: Sequence[int]) -> list[int]:
        """The rows of these options among the question's logits."""
        known = self._options.setdefault(question.about, [])
        if not known:
            self.arrays[question.about] = np.empty(0)
        if tuple(known) == question.options:
            return list(positions)
        for option in question.options:
            if option not in known:
                known.append(option)
                first = self.initial * seeded(self.seed, f"{question.about} = {option}").standard_normal(1)
                self.arrays[question.about] = np.concatenate([self.arrays[question.about], first])
        return [known.index(question.options[position]) for position in positions]
