"""Energy: joules that the prediction of one sample takes, as a counter of the hardware says.

A counter shows what it counted at its last refresh (a processor's about every millisecond, a GPU's every 20 to 100). So predictions are
repeated for as many refreshes as make the difference of two looks right to within 2 %. It is the energy of the whole board, or of all
processor packages: what they use when they are idle is in it, and so is what else runs beside the search.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroevo.core.backend import start_quietly
from neuroevo.train.compiled import Compiled, Method, compile_network
from neuroevo.train.energy_counters import INSTEAD, Counter, NoCounter, counter_for, no_board, no_package, none_of_them
from neuroevo.train.latency import has_gpu, warm

BLOCKS = 6  # looks at the counter, one after the other: the last look at a block is the first at the next
REFRESHES = 60  # of the counter during all of them: it is behind by up to one at the first look and at the last
LEAST_SECONDS = 0.5  # of all of them
LOOKED_AT = 8  # refreshes from which the time of one is taken
DEAD_SECONDS = 2.0  # after which a counter that shows the same does not count


class Energy(NamedTuple):
    """What was measured.

    Attributes:
        joules: of one prediction.
        spread: the interquartile range of the blocks, in joules.
        blocks: how many were counted.
    """

    joules: float
    spread: float
    blocks: int


class EnergyMeter:
    """Measures energies in this process.

    Args:
        counter: what counts; default: that of the GPU, or else the processor, on which Keras computes here, found at the first measurement.
    """

    def __init__(self, counter: Counter | None = None) -> None:
        self._counter = counter
        self._refresh: float | None = None

    def measure(self, phenotype: Any, sample: npt.NDArray[np.float32]) -> Energy:
        """Count the joules of the prediction of one sample.

        Args:
            phenotype: a `keras.Model`, or a compiled network.
            sample: float32 [1, *input_shape].

        Raises:
            NoCounter: nothing counts here; the sentence says why.
        """
        network = phenotype if isinstance(phenotype, Compiled) else compile_network(phenotype, Method())
        placed = network.place(sample)
        warm(network, placed)
        if self._counter is None:
            self._counter = counter_for(_on_gpu())
        counter = self._counter
        if self._refresh is None:
            self._refresh = refresh_seconds(counter)
        seconds = max(REFRESHES * self._refresh, LEAST_SECONDS) / BLOCKS
        looks, predictions = [counter.joules()], []
        for _ in range(BLOCKS):
            predictions.append(_predicted(network, placed, seconds))
            looks.append(counter.joules())
        used = looks[-1] - looks[0]
        if used <= 0:
            raise _still(counter, BLOCKS * seconds)
        low, high = np.quantile(np.diff(looks) / predictions, (0.25, 0.75))
        return Energy(used / sum(predictions), float(high - low), BLOCKS)


def refuse_without_counter() -> None:
    """Refuse a search for energy on a machine that counts none.

    Raises:
        NoCounter: no counter can be read, or it does not move; the sentence says which were looked for, why they cannot be used, and what
            can.
    """
    board = no_board()
    gpu = not board and _will_use_gpu()
    package = "" if gpu else no_package()
    if not gpu and package:
        raise none_of_them(board or "Keras computes on the processor here", package)
    refresh_seconds(counter_for(gpu))


def refresh_seconds(counter: Counter) -> float:
    """The longest time between two refreshes of a counter, of some that are waited for.

    Raises:
        NoCounter: it shows the same for two seconds.
    """
    shown, since = counter.joules(), time.perf_counter()
    gaps: list[float] = []
    while len(gaps) <= LOOKED_AT:
        now, at = counter.joules(), time.perf_counter()
        if now != shown:
            gaps.append(at - since)
            shown, since = now, at
        elif at - since > DEAD_SECONDS:
            raise _still(counter, DEAD_SECONDS)
    return max(gaps[1:])  # the first one had begun before


def _predicted(network: Compiled, placed: Any, seconds: float) -> int:
    """How many predictions a time is enough for, one at least."""
    end, predictions = time.perf_counter() + seconds, 0
    while not predictions or time.perf_counter() < end:
        network.outputs(placed)
        predictions += 1
    return predictions


def _still(counter: Counter, seconds: float) -> NoCounter:
    return NoCounter(
        f"energy cannot be measured: the counter of {counter.name} did not move within {seconds:.2g} seconds; {INSTEAD}"
    )


def _on_gpu() -> bool:
    import keras

    return has_gpu(keras.backend.backend())


def _will_use_gpu() -> bool:
    """Whether Keras would compute on this machine's GPU. JAX is believed to: it would take the GPU's memory to be asked."""
    start_quietly()
    import keras

    return keras.backend.backend() != "tensorflow" or has_gpu("tensorflow")
