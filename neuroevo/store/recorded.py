"""RecordedIndividual: an individual read from a run, whose genome is decoded when somebody looks at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genomes.base import Genome, Space
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Artifact
from neuroevo.store.errors import StoreError, damaged

_genome: Any = Individual.genome  # type: ignore[misc]  # the slots that the properties stand before
_artifact: Any = Individual.artifact  # type: ignore[misc]


class RecordedIndividual(Individual):
    """An individual that holds its genome's JSON text until it is asked for the genome.

    A report of 10,000 individuals looks at a few dozen genomes; decoding and validating all of them takes longer than all the rest.

    Args:
        id, weights, limits, names, parents, operators, generation: as for `Individual`.
        text: its genome's genes as JSON.
        space: which space they live in.
        database: where they were read, for the message if they cannot be decoded.

    Raises:
        StoreError: on the first look at the genome, if the text does not describe one.
    """

    __slots__ = ("_database", "_decoded", "_loaded", "_space", "_text", "_weights_file")

    def __init__(
        self,
        id: int,
        weights: Sequence[float],
        *,
        text: str,
        space: Space,
        database: Path,
        limits: Sequence[float] = (),
        names: tuple[str, ...] = (),
        parents: tuple[int, ...] = (),
        operators: tuple[str, ...] = (),
        generation: int = 0,
    ) -> None:
        self._text, self._space, self._database = text, space, database
        self._weights_file: tuple[int, str, Path] | None = None
        super().__init__(
            id, None, weights, names=names, parents=parents, operators=operators, generation=generation,  # type: ignore[arg-type]
            limits=limits,
        )  # fmt: skip
        self._decoded = self._loaded = False

    def left_weights(self, trial: int, kind: str, path: Path) -> None:
        """Say where the artifact with its weights lies; it is looked at with the genome."""
        self._weights_file, self._loaded = (trial, kind, path), False

    @property
    def genome(self) -> Genome:  # type: ignore[override]
        if not self._decoded:
            try:
                self.genome = self._space.from_genes(json.loads(self._text))
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
                raise StoreError(damaged(self._database, error)) from error
        genome: Genome = _genome.__get__(self)
        return genome

    @genome.setter
    def genome(self, genome: Genome) -> None:
        self._decoded = True
        _genome.__set__(self, genome)

    @property
    def artifact(self) -> Artifact | None:  # type: ignore[override]
        if not self._loaded:
            file = self._weights_file
            self.artifact = None if file is None else Artifact(file[0], file[1], self.genome, self.id, path=file[2])
        artifact: Artifact | None = _artifact.__get__(self)
        return artifact

    @artifact.setter
    def artifact(self, artifact: Artifact | None) -> None:
        self._loaded = True
        _artifact.__set__(self, artifact)

    def __reduce__(self) -> Any:
        return _copied, (self.__deepcopy__({}),)


def _copied(individual: Individual) -> Individual:
    return individual
