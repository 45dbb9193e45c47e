"""What holds for all tests: none of them depends on how fast the machine is."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

collect_ignore = ["other_systems"]  # importing it takes away what only POSIX systems have

# more examples of every property: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("any machine", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "any machine"))


def pytest_collection_finish() -> None:
    """Leave what was imported out of the collections of garbage, which are an eighth of the time of tests that trace networks."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def networks_kept() -> list:
    """The compiled networks of this process, once there are any."""
    return []


@pytest.fixture(scope="module")
def compiled_once(networks_kept: list) -> Iterator[None]:
    """Estimations made in this file train a network that another one compiled, where it has the same structure, as those of one worker do."""
    from neuroevo.estimation import training

    kept = training.CompiledNetworks
    networks_kept or networks_kept.append(kept(64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CompiledNetworks", lambda capacity: networks_kept[0])
        yield
