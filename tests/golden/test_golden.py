"""Searches go the way that they went when they were put on file, here and in another process."""

import json

import pytest
from searches import FILE, SEARCHES, described

EXPECTED = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", SEARCHES)
def test_a_seed_gives_the_search_on_file(name: str) -> None:
    assert described(SEARCHES[name]()) == EXPECTED[name]
