"""Loading, splitting and normalising data: `load("digits")`, `load("my.csv", target="price")`."""

from neuroevo.data.dataset import DataError, Dataset, Normalisation, Part
from neuroevo.data.loading import load
from neuroevo.data.sources import NAMES

__all__ = ["NAMES", "DataError", "Dataset", "Normalisation", "Part", "load"]
