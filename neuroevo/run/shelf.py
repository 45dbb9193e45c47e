"""Array populations of a large run, which lie in its folder: their scores are here, their genes are read when somebody looks at a member."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation, population_class
from neuroevo.store import Store, StoreError
from neuroevo.store.errors import damaged
from neuroevo.store.reading import RecordedPopulation

IN_MEMORY = 100_000  # individuals of a run whose genes are in memory before those of the older ones are left to the folder
KEPT = 2  # populations whose genes are in memory: who goes through a run looks at one after the other


class Shelf:
    """The populations in a run's folder.

    Args:
        names, weights: of the objectives.
    """

    def __init__(self, folder: Path, space: Space, names: tuple[str, ...], weights: tuple[float, ...]) -> None:
        self.folder, self.space, self.names, self.weights = Path(folder).absolute(), space, names, weights
        self._read: OrderedDict[int, ArrayPopulation] = OrderedDict()
        self._alone = threading.Lock()  # a dashboard looks from several threads

    def population(self, shelved: Shelved) -> ArrayPopulation:
        """The population that was put here.

        Raises:
            StoreError: the folder is damaged, no longer there, or another run's.
        """
        first_id = shelved.first_id
        with self._alone:
            found = self._read.get(first_id)
            if found is None:
                found = self._read[first_id] = self.made(self._recorded(shelved))
            self._read.move_to_end(first_id)
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        return found

    def _recorded(self, shelved: Shelved) -> RecordedPopulation:
        if not (self.folder / "run.db").exists():
            raise StoreError(f"{self.folder} is gone: genomes of its populations are read from there when they are looked at")
        store = Store(self.folder, writable=False, known=True)
        try:
            recorded = store.population_of(shelved.first_id)
        finally:
            store.close()
        if recorded is None or recorded.trial != shelved.trial or not np.array_equal(recorded.values, shelved.values, equal_nan=True):
            raise StoreError(f"{self.folder} holds another run now than the one that was read: load it again")
        return recorded

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_alone": None, "_read": OrderedDict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _alone=threading.Lock())

    def made(self, recorded: RecordedPopulation) -> ArrayPopulation:
        """The population that was recorded.

        Raises:
            StoreError: it is damaged.
        """
        kind = population_class(self.space)
        try:
            population = kind.from_arrays(
                self.space, recorded.first_id, recorded.generation, recorded.arrays, names=self.names, weights=self.weights
            )
            population.trial = recorded.trial
            population.assign(recorded.values, recorded.reasons, recorded.descriptors)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise StoreError(damaged(self.folder / "run.db", error)) from error
        return population

    def put(self, population: ArrayPopulation | RecordedPopulation) -> Shelved:
        """What stays in memory of one that is recorded."""
        assert population.values is not None
        return Shelved(self, population.first_id, population.generation, population.values, population.reasons, population.trial)


class Shelved(Sequence[Individual]):
    """An array population whose genes are on a shelf.

    Attributes:
        first_id, generation, values, reasons, trial: as of `ArrayPopulation`.
    """

    def __init__(
        self,
        shelf: Shelf,
        first_id: int,
        generation: int,
        values: npt.NDArray[np.float64],
        reasons: Mapping[int, str],
        trial: int | None,
    ) -> None:
        self.shelf, self.first_id, self.generation = shelf, first_id, generation
        self.values, self.reasons, self.trial = values, reasons, trial

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Individual: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Individual]: ...
    def __getitem__(self, index: int | slice) -> Individual | Sequence[Individual]:
        return self.shelf.population(self)[index]

    def __iter__(self) -> Iterator[Individual]:
        return iter(self.shelf.population(self))
