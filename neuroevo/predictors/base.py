"""Predictor: a model of scores, from genomes to what is expected of them and how far off that may be."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.core.part import Part
from neuroevo.core.state import State

Scores = npt.NDArray[np.float64]


class Predictor(Part):
    """A model of scores. Subclass as a dataclass whose fields are its settings, with `learn` and `estimate`.

    `fit` and `predict` check what they are given, so that `learn` and `estimate` see valid observations only: one finite number for each
    genome. Which way the number counts does not matter; what spans orders of magnitude (an error from 50 to 0.5 %) is predicted better as
    its logarithm. Several objectives take a predictor each.

    What is learned depends on the observations and the settings alone: not on what was fitted before, on global random states, or on hash
    seeds. A predictor that draws random numbers takes a seed among its settings.
    """

    part_kind: ClassVar[str] = "predictor"
    _genomes: tuple[Genome, ...] = ()
    _values: Scores = np.empty(0)

    @property
    def several_spaces(self) -> bool:
        """Whether genomes of different spaces of one encoding (cells of one, two, three blocks) can be compared; else they are refused."""
        return False

    @abstractmethod
    def learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        """Learn from these observations, and forget what was learned before; raise a ValueError before anything is changed.

        Args:
            genomes: one or more; equal ones may have different values (noise).
            values: float64 [genomes], finite.
        """

    @abstractmethod
    def estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        """What `predict` returns, for at least one genome, after a `learn`. A genome's numbers do not depend on its company."""

    def fit(self, genomes: Sequence[Genome], values: npt.ArrayLike) -> None:
        """Learn from these observations alone: earlier ones are forgotten. Where it raises, the predictor is as it was.

        Args:
            genomes: observed ones, one or more.
            values: float64 [genomes], the score of each.

        Raises:
            ValueError: no genomes, not one finite value for each, genomes of several spaces, or of a space that this model cannot compare.
        """
        observed, scores = checked_genomes(genomes), checked_values(values)
        if len(observed) != len(scores):
            raise ValueError(f"each genome needs one value, got {len(observed)} genomes and {len(scores)} values")
        if not observed:
            raise ValueError("there is nothing to learn from: give one genome or more, each with its value")
        self._check_spaces(observed, observed[0])
        with np.errstate(over="ignore"):
            self.learn(observed, scores)
        self._genomes, self._values = observed, scores

    def predict(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        """What is expected of each genome, and how far off that may be.

        Args:
            genomes: observed ones or new ones; none give empty arrays.

        Returns:
            Mean and deviation, float64 [genomes] each. The value of a network trained anew is to lie within 1.645 deviations of the mean nine
            times out of ten; deviations are finite and >= 0.

        Raises:
            ValueError: nothing was fitted yet, or genomes of another space than those that were.
        """
        asked = checked_genomes(genomes)
        if not self._genomes:
            raise ValueError(f"{type(self).__name__} has seen no scores yet; call fit(genomes, values) before predict(genomes)")
        if not asked:
            return np.empty(0), np.empty(0)
        self._check_spaces(asked, self._genomes[0])
        with np.errstate(over="ignore"):
            return self.estimate(asked)

    @property
    def genomes(self) -> tuple[Genome, ...]:
        """The genomes of the last `fit`, in its order: what `restore` is given."""
        return self._genomes

    def state(self) -> State:
        """What goes into a run's record: the values, and a digest of the genomes. The genomes themselves are kept by the run, which notes
        whose they are, in the order of `genomes`. By default nothing that was learned is in it, because `restore` learns it again; a model
        that takes long to learn adds its arrays and overrides both."""
        if not self._genomes:
            return State()
        return State({"observations": len(self._genomes), "genomes": digest(self._genomes)}, {"values": self._values.copy()})

    def restore(self, state: State, genomes: Sequence[Genome]) -> None:
        """Go on from a state: the predictions are those of the predictor that gave it, to the last bit.

        Args:
            state: what `state` returned, from this or another process.
            genomes: the genomes that the last `fit` before it was given, in that order (equal ones, not necessarily the same objects).

        Raises:
            ValueError: the state is damaged, or of other genomes; the sentence says which.
        """
        observed, values = self._observed(state, genomes)
        if observed:
            with np.errstate(over="ignore"):
                self.learn(observed, values)
        self._genomes, self._values = observed, values

    def _observed(self, state: State, genomes: Sequence[Genome]) -> tuple[tuple[Genome, ...], Scores]:
        """The observations of a state, checked against the genomes; none where it was taken before any fit."""
        observed = checked_genomes(genomes)
        count = state.json.get("observations", 0)
        if count != len(observed):
            raise ValueError(f"this state is of {shown(count)} genomes, restore was given {len(observed)}")
        if not observed:
            return (), np.empty(0)
        if state.json.get("genomes") != digest(observed):
            raise ValueError(
                "this state is of other genomes, or of these in another order: give those of the last fit, in its order"
            )
        values = checked_values(state.arrays.get("values", ()))
        if len(values) != len(observed):
            raise ValueError(f"the state is damaged: {len(values)} values for {len(observed)} genomes")
        return observed, values

    def _check_spaces(self, genomes: Sequence[Genome], like: Genome) -> None:
        for genome in genomes:
            if type(genome) is type(like) and (self.several_spaces or genome.space is like.space or genome.space == like.space):
                continue
            among = "encoding" if self.several_spaces else "space"
            raise ValueError(
                f"{type(self).__name__} compares genomes of one {among}; it was given {shown(genome.space)} beside {shown(like.space)}"
            )


def checked_genomes(genomes: Sequence[Genome]) -> tuple[Genome, ...]:
    """The genomes as a tuple.

    Raises:
        ValueError: something else is among them.
    """
    found = tuple(genomes)
    for genome in found:
        if not isinstance(genome, Genome):
            hint = "; pass [individual.genome for individual in ...]" if hasattr(genome, "genome") else ""
            raise ValueError(f"a predictor takes genomes, got {shown(genome)}{hint}")
    return found


def checked_values(values: npt.ArrayLike) -> Scores:
    """The values as an array of their own: float64 [values].

    Raises:
        ValueError: not a row of finite numbers.
    """
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"the values are one number for each genome, got {shown(values)}") from None
    if found.ndim != 1:
        raise ValueError(f"the values are one number for each genome, got an array of shape {found.shape}")
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        raise ValueError(
            f"values must be finite: number {wrong[0]} of {len(found)} is {found[wrong[0]]}; leave out those who failed"
        )
    return found


def text(genome: Genome) -> str:
    """A genome's genes as text: equal for equal genomes of a space, in any process."""
    return json.dumps(genome.genes(), sort_keys=True)


def texts(genomes: Sequence[Genome]) -> list[str]:
    """Genomes as text, equal for equal genomes only: with their spaces where these are several."""
    first = genomes[0].space if genomes else None
    if all(genome.space is first or genome.space == first for genome in genomes):
        return [text(genome) for genome in genomes]
    return [f"{text(genome)} {json.dumps(genome.space.to_dict(), sort_keys=True)}" for genome in genomes]


def digest(genomes: Sequence[Genome]) -> str:
    """A fingerprint of these genomes in this order."""
    found = hashlib.sha256()
    for each in texts(genomes):
        found.update(each.encode() + b"\n")
    return found.hexdigest()
