"""Weights as training leaves them, and what a network of them computes."""

from __future__ import annotations

import numpy as np

from genomes.base import Genome
from genomes.testing import philox
from neuroevo.inherit import initialise


def trained_like(genome: Genome, seed: int) -> dict[str, np.ndarray]:
    """First weights, but with BatchNorm statistics, biases and gates as training leaves them."""
    arrays, rng = initialise(genome, philox(seed, 0)), philox(seed, 1)
    for name, array in arrays.items():
        role = name.split("/")[1].split("_")[0]
        if role in ("mean", "beta", "gamma", "bias"):
            arrays[name] = (array + 0.3 * rng.normal(size=array.shape)).astype(np.float32)
        elif role == "variance":
            arrays[name] = rng.uniform(0.5, 2, array.shape).astype(np.float32)
    return arrays
