"""Loading, splitting and normalising data: `load("digits")`, `load("my.csv", target="price")`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.data.columns import Columns
    from neuroevo.data.dataset import DataError, Dataset, InputWarning, Part
    from neuroevo.data.loading import load
    from neuroevo.data.normalisation import Normalisation
    from neuroevo.data.sources import NAMES

_WHERE = {
    "Columns": "columns",
    "DataError": "dataset",
    "Dataset": "dataset",
    "InputWarning": "dataset",
    "NAMES": "sources",
    "Normalisation": "normalisation",
    "Part": "dataset",
    "load": "loading",
}

__all__ = ["NAMES", "Columns", "DataError", "Dataset", "InputWarning", "Normalisation", "Part", "load"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.data.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.data' has no attribute {name!r}")
