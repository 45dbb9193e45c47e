"""Latency: how long the prediction of one sample takes, repeated until the repetitions agree."""

from __future__ import annotations

import gc
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroevo.train.compiled import Compiled, Method, compile_network

WARM = 10  # predictions before any is timed
BLOCK = 0.01  # seconds of one block
FEWEST, AGREE, TOLERANCE = 10, 5, 0.02  # blocks at least, and how many of the fastest must agree, and how well
MOST_SECONDS = 1.0


class Latency(NamedTuple):
    """What was measured.

    Attributes:
        milliseconds: of one prediction.
        spread: by how many milliseconds the blocks that it was taken from differ; large where something disturbed the measurement.
        blocks: how many were timed.
    """

    milliseconds: float
    spread: float
    blocks: int


def measure_latency(phenotype: Any, sample: npt.NDArray[np.float32], most_seconds: float = MOST_SECONDS) -> Latency:
    """Time the prediction of one sample in blocks of predictions, until the fastest blocks agree.

    A block gives the median of its predictions; what disturbs a machine makes predictions slower, never faster, so the fastest blocks
    are those that were disturbed least, and the latency is the median of them.

    Args:
        phenotype: a `keras.Model`, or a compiled network.
        sample: float32 [1, *input_shape].
        most_seconds: when to give up waiting for agreement; the spread then says how large the disagreement is.
    """
    network = phenotype if isinstance(phenotype, Compiled) else compile_network(phenotype, Method())
    placed = network.place(sample)
    for _ in range(WARM):
        network.outputs(placed)
    start = time.perf_counter()
    network.outputs(placed)
    predictions = max(3, round(BLOCK / max(time.perf_counter() - start, 1e-6)))
    blocks: list[float] = []
    collecting = gc.isenabled()
    gc.disable()  # a collection in the middle of a prediction is not the network's time
    try:
        while True:
            blocks.append(_block(network, placed, predictions))
            fastest = sorted(blocks)[:AGREE]
            spread, latency = fastest[-1] - fastest[0], float(np.median(fastest))
            settled = len(blocks) >= FEWEST and spread <= TOLERANCE * latency
            if settled or (len(blocks) >= AGREE and time.perf_counter() - start > most_seconds):
                return Latency(1e3 * latency, 1e3 * spread, len(blocks))
    finally:
        if collecting:
            gc.enable()


def _block(network: Compiled, placed: Any, predictions: int) -> float:
    """The median seconds of so many predictions."""
    clock, moments = time.perf_counter, []
    for _ in range(predictions):
        before = clock()
        network.outputs(placed)
        moments.append(clock() - before)
    return float(np.median(moments))
