"""Latency: how long the prediction of one sample takes, in milliseconds that mean the same from one measurement to the next.

The speed of a machine changes from second to second, by a half and more where processors are shared, and stays the same within the fraction
of a second that a measurement takes: so repetitions agree with each other and not with those of a minute later. Therefore each network is
timed in turn with a reference network. Both meet the same machine, and what is kept is the ratio; the reference's own milliseconds are
measured once on each machine.
"""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.system import replace
from neuroevo.core.backend import precision, suited_precision
from neuroevo.core.streams import global_random_kept
from neuroevo.core.turns import default_folder
from neuroevo.train.compiled import Compiled, Method, compile_network

WARM = 5  # predictions before any is timed
BLOCK_SECONDS, MOST_PREDICTIONS = 3e-3, 5  # of a block, which gives the fastest of its predictions
FEWEST, FEWEST_WHEN_SLOW = 20, 5  # blocks
TOLERANCE = 0.01  # standard error of the ratio, as a share of it, at which enough blocks were timed
MOST_SECONDS = 1.5
CALIBRATION_SECONDS = 1.0


class Latency(NamedTuple):
    """What was measured.

    Attributes:
        milliseconds: of one prediction.
        spread: the interquartile range of the blocks that it was taken from, in milliseconds.
        blocks: how many were timed.
    """

    milliseconds: float
    spread: float
    blocks: int


class LatencyMeter:
    """Measures latencies in this process.

    Args:
        folder: where the reference's milliseconds are kept, on a disk of this machine; default: one for each user of the machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._reference: tuple[Compiled, Any, float] | None = None

    def measure(self, phenotype: Any, sample: npt.NDArray[np.float32]) -> Latency:
        """Time the prediction of one sample, block by block in turn with the reference, until the ratio is known well enough.

        Args:
            phenotype: a `keras.Model`, or a compiled network.
            sample: float32 [1, *input_shape].
        """
        reference, its_sample, milliseconds = self._reference_network()
        network = phenotype if isinstance(phenotype, Compiled) else compile_network(phenotype, Method())
        placed = network.place(sample)
        warm(network, placed)
        warm(reference, its_sample)
        predictions = max(1, min(MOST_PREDICTIONS, round(BLOCK_SECONDS / max(fastest(network, placed, 1), 1e-9))))
        ratios: list[float] = []
        collecting = gc.isenabled()
        gc.disable()  # a collection in the middle of a prediction is not the network's time
        start = time.perf_counter()
        try:
            while not _enough(ratios, time.perf_counter() - start):
                own = fastest(network, placed, predictions)
                ratios.append(own / fastest(reference, its_sample, MOST_PREDICTIONS))
        finally:
            if collecting:
                gc.enable()
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75)) * milliseconds
        return Latency(float(middle), float(high - low), len(ratios))

    def _reference_network(self) -> tuple[Compiled, Any, float]:
        if self._reference is None:
            network = compile_network(_reference_model(), Method())
            sample = network.place(np.zeros((1, *network.model.input_shape[1:]), np.float32))
            warm(network, sample)
            self._reference = network, sample, self._reference_milliseconds(network, sample)
        return self._reference

    def _reference_milliseconds(self, network: Compiled, sample: Any) -> float:
        """Of a prediction of the reference: those that were kept, else those of now, which are kept from now on."""
        file = self.folder / f"reference-{_computing()}.json"
        kept = _read(file)
        if kept is not None:
            return kept
        start, best = time.perf_counter(), math.inf
        while time.perf_counter() - start < CALIBRATION_SECONDS:
            best = min(best, 1e3 * fastest(network, sample, MOST_PREDICTIONS))
        with suppress(OSError):  # no such folder can be made: this process keeps them for itself
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            own = file.with_name(f"{file.name}.{os.getpid()}")
            own.write_text(json.dumps({"milliseconds": best}), encoding="utf-8")
            try:
                os.link(own, file)  # who comes second takes what the first one measured
            except FileExistsError:
                pass
            except OSError:  # a disk without hard links
                replace(own, file)
            own.unlink(missing_ok=True)
        return _read(file) or best


def fastest(network: Compiled, placed: Any, predictions: int) -> float:
    """The seconds of the fastest of some predictions."""
    clock, least = time.perf_counter, math.inf
    for _ in range(predictions):
        before = clock()
        network.outputs(placed)
        least = min(least, clock() - before)
    return least


def _enough(ratios: list[float], seconds: float) -> bool:
    """Whether the median ratio is known to within the tolerance, or time is up."""
    if seconds > MOST_SECONDS:
        return len(ratios) >= FEWEST_WHEN_SLOW
    if len(ratios) < FEWEST:
        return False
    low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return bool(0.93 * (high - low) <= TOLERANCE * middle * math.sqrt(len(ratios)))  # of a median of normal deviates


def warm(network: Compiled, placed: Any) -> None:
    """Predict a few times, so that what comes next is not a first time."""
    for _ in range(WARM):
        network.outputs(placed)


def _reference_model() -> Any:
    """A small network of the layers that networks here are made of."""
    import keras
    from keras import layers

    with global_random_kept(), suited_precision():
        x = inputs = keras.Input((8, 8, 1))
        for width in (16, 16, 32, 32):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def _computing() -> str:
    """What the reference's milliseconds depend on, as part of a file's name."""
    import keras

    backend = keras.backend.backend()
    version = __import__(backend).__version__
    devices = "gpu" if has_gpu(backend) else "cpu"
    node = "".join(letter for letter in platform.node() if letter.isalnum())
    return f"{node}-{backend}-{version}-{keras.__version__}-{devices}-{precision()}"


def has_gpu(backend: str) -> bool:
    """Whether Keras computes on a GPU in this process, on a backend that was started."""
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    import jax

    return any(device.platform == "gpu" for device in jax.devices())


def _read(file: Path) -> float | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["milliseconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(found) if isinstance(found, float) and math.isfinite(found) and found > 0 else None
