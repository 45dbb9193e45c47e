"""ArrayPopulation: a population kept as arrays, whose Individuals are made when somebody looks at one.

Encodings whose genomes are small and many (NEAT) vary and score whole populations in compiled kernels; making thousands of Python
objects a generation would cost more than the evolution. Everything that takes a sequence of Individuals takes one of these.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from neuroevo.core.individual import Individual
from neuroevo.core.registry import part

if TYPE_CHECKING:
    from neuroevo.core.trial import Artifact


def population_class(space: Space) -> type[ArrayPopulation]:
    """The array population of an encoding: the one that its space names (`Space.population`).

    Raises:
        ValueError: the encoding has none.
    """
    if not space.population:
        raise ValueError(f"encoding {space.encoding!r} has no array population")
    return part("population", space.population)  # type: ignore[no-any-return]


def as_array_population(individuals: Sequence[Individual]) -> ArrayPopulation | None:
    """The individuals themselves where they are an array population, else None: what `isinstance` says, at once for a tuple."""
    return individuals if type(individuals) is not tuple and isinstance(individuals, ArrayPopulation) else None


class ArrayPopulation(Sequence[Individual]):
    """A population as arrays: consecutive birth ids, one generation. A space names its own (`Space.population`).

    Attributes:
        first_id: the birth id of member 0; member i has id `first_id + i`.
        generation: the clock at birth.
        values: float64 [members, objectives] after `assign`, else None.
        reasons: why each failed member failed, by position.
        descriptors: float64 [members, d] after `assign`, what the phenotypes did, or None.
        trial: the trial that scored it, or None.
    """

    first_id: int
    generation: int
    values: npt.NDArray[np.float64] | None
    reasons: Mapping[int, str]
    descriptors: npt.NDArray[np.float64] | None = None
    trial: int | None = None

    @abstractmethod
    def assign(
        self, values: npt.NDArray[np.float64], reasons: Mapping[int, str], descriptors: npt.NDArray[np.float64] | None = None
    ) -> None:
        """Record the scores: float64 [members, objectives], the worst values in the rows of failed members; and the descriptors, float64
        [members, d], where the task has such."""

    def learn(self, artifacts: Sequence[Artifact]) -> None:
        """Take in what training left, before the scores are assigned; by default nothing is kept."""
        return

    @abstractmethod
    def network(self) -> Any:
        """All phenotypes as one callable: maps float [samples, inputs] or [members, samples, inputs] to float [members, samples,
        outputs]."""

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Genes, parents and operators as named arrays: all that `from_arrays` needs. Scores are kept elsewhere."""

    @classmethod
    @abstractmethod
    def from_arrays(
        cls,
        space: Space,
        first_id: int,
        generation: int,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        names: tuple[str, ...],
        weights: tuple[float, ...],
    ) -> Self:
        """The population that `arrays` described.

        Raises:
            ValueError: the arrays do not describe a valid population of this space.
        """
