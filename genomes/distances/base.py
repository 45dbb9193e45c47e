"""Distance: how far genomes are from each other, measured for whole sets at once."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Settings, frozen_tuples, shown

Matrix = npt.NDArray[np.float64]

REMEMBERED = 1 << 13  # genomes of which is kept what was prepared


class Distance(metaclass=Settings):
    """A dissimilarity of genomes: >= 0, symmetric, 0 to itself. Subclass as a frozen dataclass whose fields are its settings, with `prepare`
    and `compare`.

    What is prepared of a genome is kept by the genome's genes, not by its `key`: genomes of one key may differ in what some distances see
    (decisions without effect), and what is measured must not depend on which of them came first.

    Attributes:
        several_spaces: whether genomes of different spaces can be compared (cells of one, two, three blocks).
        metric: whether the triangle inequality holds as well, so that it is a pseudometric: different genomes may be at distance 0.
    """

    several_spaces: ClassVar[bool] = True
    metric: ClassVar[bool] = False

    @abstractmethod
    def prepare(self, genome: Genome) -> Any:
        """What `compare` needs of a genome.

        Raises:
            ValueError: this distance is not defined for genomes of this encoding; the sentence says which it is for.
        """

    @abstractmethod
    def compare(self, first: Sequence[Any], second: Sequence[Any]) -> Matrix:
        """The distance of each of the first to each of the second, as they were prepared: float64 [first, second]. A pair's number depends
        on the pair alone, to the last bit, whichever comes first."""

    def between(self, first: Genome, second: Genome) -> float:
        """The distance of two genomes.

        Raises:
            ValueError: it is not defined for them.
        """
        return float(self.matrix([first], [second])[0, 0])

    def matrix(self, genomes: Sequence[Genome], others: Sequence[Genome] | None = None) -> Matrix:
        """The distance of each genome to each other one: float64 [genomes, others].

        Args:
            genomes: of any spaces that this distance is for.
            others: None: the genomes themselves.

        Raises:
            ValueError: it is not defined for one of them.
        """
        first = self._prepared(genomes)
        return self.compare(first, first if others is None else self._prepared(others))

    def unscaled(self) -> Distance:
        """The distance that this one is a multiple of, pair by pair: itself, where it is measured on its own. Who needs both measures one."""
        return self

    def rescaled(self, measured: Matrix, unscaled: Distance, genomes: Sequence[Genome], others: Sequence[Genome]) -> Matrix:
        """This distance by what `unscaled` measured of the same genomes, to the last bit what `matrix` gives."""
        return measured

    def settings(self) -> dict[str, Any]:
        """JSON: the distance's name and settings."""
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        return {"distance": type(self).__name__, **{f.name: getattr(self, f.name) for f in fields}}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The distance that `settings` of this class described.

        Raises:
            ValueError: they do not fit it.
        """
        try:
            return cls(**{name: frozen_tuples(value) for name, value in settings.items() if name != "distance"})
        except TypeError as error:
            raise ValueError(f"the settings of distance {cls.__name__!r} do not fit this release: {error}") from None

    @cached_property
    def _known(self) -> dict[Genome, Any]:
        return {}

    def _prepared(self, genomes: Sequence[Genome]) -> list[Any]:
        known = self._known
        found = []
        for genome in genomes:
            if not isinstance(genome, Genome):
                raise ValueError(f"{type(self).__name__} compares genomes, got {shown(genome)}")
            if genome not in known:
                if len(known) >= REMEMBERED:
                    del known[next(iter(known))]
                known[genome] = self.prepare(genome)
            found.append(known[genome])
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_known"}  # what is kept does not travel


def refuse_encoding(distance: Distance, genome: Genome, takes: str) -> ValueError:
    """The error for a genome of another encoding than a distance is for."""
    return ValueError(
        f"{type(distance).__name__} is for {takes}, got a {type(genome).__name__}; WeisfeilerLehman serves every encoding"
    )


def whole(name: str, value: object, least: int) -> None:
    """Check a whole number among the settings.

    Raises:
        ValueError: it is none, or below the least.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {shown(value)}")


def non_negative(name: str, value: object) -> None:
    """Check a number among the settings.

    Raises:
        ValueError: it is none, negative or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a finite number >= 0, got {shown(value)}")
