"""Streams: those of NumPy's Philox with the key (seed, id), whatever else is asked of their generators."""

import copy
import pickle

import numpy as np
import pytest

from neuroevo.core.streams import TRAINING, VARIATION, stream


@pytest.mark.parametrize(
    ("seed", "id", "purpose", "repeat"), [(0, 0, VARIATION, 0), (7, 12, TRAINING, 3), (2**63, 2**40, 6, 0), (3, 4, 2**62, 0)]
)
def test_a_stream_is_numpys_own_of_this_key(seed: int, id: int, purpose: int, repeat: int) -> None:
    theirs = np.random.Generator(np.random.Philox(key=[seed, id], counter=[0, 0, repeat, purpose]))
    mine = stream(seed, id, purpose, repeat)
    assert mine.integers(2**63, size=50).tolist() == theirs.integers(2**63, size=50).tolist()
    assert mine.standard_normal(9).tolist() == theirs.standard_normal(9).tolist()


def test_a_generator_travels_and_is_copied_where_it_stands() -> None:
    mine = stream(3, 5)
    mine.random(7)
    for again in (pickle.loads(pickle.dumps(mine)), copy.deepcopy(mine)):
        assert again.random(5).tolist() == copy.deepcopy(mine).random(5).tolist()


def test_what_a_generator_spawns_is_decided_by_the_key() -> None:
    drawn = [[child.random() for child in stream(3, id).spawn(3)] for id in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2] and len(set(drawn[0])) == 3
