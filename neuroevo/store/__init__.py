"""The run on disk: one SQLite database and a folder of artifact files."""

from neuroevo.core.files import write_json_whole, write_whole
from neuroevo.store.errors import StoreError
from neuroevo.store.reading import Ask, Evaluated, restore_fitness
from neuroevo.store.store import Store

__all__ = ["Ask", "Evaluated", "Store", "StoreError", "restore_fitness", "write_json_whole", "write_whole"]
