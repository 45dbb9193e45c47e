"""The run on disk: one SQLite database and a folder of artifact files."""

from neuroevo.core.files import write_json_whole, write_whole
from neuroevo.store.derived import RecordedDerived
from neuroevo.store.errors import StoreError
from neuroevo.store.reading import Ask, RecordedPopulation, RecordedTrial
from neuroevo.store.store import Store

__all__ = [
    "Ask",
    "RecordedDerived",
    "RecordedPopulation",
    "RecordedTrial",
    "Store",
    "StoreError",
    "write_json_whole",
    "write_whole",
]
