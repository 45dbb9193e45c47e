"""Random streams: counter-based, so a birth's randomness depends on the run's seed and the birth id alone.

Not on order, threads or workers. Philox is keyed by (seed, id); `purpose` offsets the counter so that one birth has several
independent streams.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISpawnableSeedSequence

VARIATION = 0  # how a child is made: its parents, its operators
TRAINING = 1  # what happens in the worker: initial weights, batches
ACCEPTANCE = 3  # which of many proposed children are evaluated (keyed by the generation)
SELECTION = 2  # who survives a generation (keyed by the generation)
EPISODES = 5  # where the episodes of an environment start (keyed by generation or birth)
FRESH_EPISODES = 6  # the same for the tests of those who seem to have solved it (keyed by birth)
NEIGHBOURHOOD = 7  # in which order a network's neighbours are evaluated (keyed by birth)
ARCHIVE = 10  # where the regions of an archive lie
COMPRESSION = 13  # what pruning draws: orders of neurons, positions, samples (keyed by what is compressed)
FURTHER = 14  # who is trained further (keyed by the generation)
SCORING = 9  # what scores of a generation draw: who is archived, where clusters begin (keyed by the generation)


_COUNTERS = [np.array([0, 0, 0, purpose], np.uint64) for purpose in range(16)]  # NumPy copies them


def stream(seed: int, id: int, purpose: int = VARIATION, repeat: int = 0) -> np.random.Generator:
    """The random stream of one birth (or generation) for one purpose; `repeat` gives another one for the same."""
    counter = _COUNTERS[purpose] if repeat == 0 and purpose < len(_COUNTERS) else [0, 0, repeat, purpose]
    key: Any = Key(seed, id)  # NumPy takes any seed sequence; its annotations know one class
    return np.random.Generator(np.random.Philox(key, counter=counter))


class Key(ISpawnableSeedSequence):
    """A Philox key that NumPy takes as it is. Where it is given a key in place of a seed, NumPy also asks the system for a seed that nobody
    uses: three quarters of the time that a stream takes.

    Args:
        seed, id: the key.
    """

    def __init__(self, seed: int, id: int) -> None:
        self.words = np.array([seed, id], np.uint64)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> npt.NDArray[Any]:
        """The key: what Philox asks for is two words of 64 bits."""
        if n_words == 2 and dtype is np.uint64:
            return self.words
        return self._mixed.generate_state(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        """Seeds of independent streams (`generator.spawn`), which the key decides."""
        return self._mixed.spawn(n_children)

    @property
    def _mixed(self) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.words.tolist())


@contextmanager
def global_random_kept() -> Iterator[None]:
    """Whatever the block draws from Python's global `random` and NumPy's (Keras does, for seeds of layers), they are as before after it."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002


@contextmanager
def python_random(rng: np.random.Generator) -> Iterator[None]:
    """Set Python's global `random`, and NumPy's, from `rng` for the block, then put them back: DEAP's tools draw from the first, its
    NSGA-III from the second."""
    with global_random_kept():
        random.seed(int(rng.integers(2**63)))
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        yield
