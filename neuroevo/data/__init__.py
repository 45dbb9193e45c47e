"""Loading, splitting and normalising data: `load("digits")`, `load("my.csv", target="price")`."""

from neuroevo.data.columns import Columns
from neuroevo.data.dataset import DataError, Dataset, InputWarning, Part
from neuroevo.data.loading import load
from neuroevo.data.normalisation import Normalisation
from neuroevo.data.sources import NAMES

__all__ = ["NAMES", "Columns", "DataError", "Dataset", "InputWarning", "Normalisation", "Part", "load"]
