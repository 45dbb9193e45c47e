"""Controller: one network that decides step by step, for worlds that are stepped in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from genomes.neat.network import PopulationNetwork

Floats = npt.NDArray[np.float64]


class Controller:
    """One member of a population network, called with one observation at a time: microseconds a call.

    A recurrent network keeps its state from call to call; `reset()` starts an episode.

    Args:
        network: the compiled networks.
        position: which member.
    """

    def __init__(self, network: PopulationNetwork, position: int = 0) -> None:
        from genomes.neat.kernels.networks import control

        networks = network.networks
        self.inputs, self._first, self._last = networks.inputs, networks.sensors, networks.sensors + networks.outputs
        self._bias_value = networks.bias_value
        self._values: Floats = np.zeros(int(networks.width[position]))
        steps = int(networks.step_count[position])
        # Everything a call needs, as plain arrays and numbers: unpacking a tuple of arrays would cost more than a small network.
        self._arguments: tuple[Any, ...] = (
            networks.integers, networks.numbers, int(networks.integer_start[position]), int(networks.number_start[position]), steps,
            networks.recurrent, network.activations_per_step, self._values, np.empty(max(1, steps)), np.empty(networks.most_edges),
            networks.activations, networks.aggregations,
        )  # fmt: skip
        self._control = control
        self.reset()

    def reset(self) -> None:
        """Start an episode: the state is zero."""
        self._values[:] = 0.0
        if self._first > self.inputs:
            self._values[self.inputs] = self._bias_value

    def __call__(self, observation: npt.NDArray[Any]) -> Floats:
        """The outputs for one observation, float [inputs] to float64 [outputs]; the array is overwritten by the next call."""
        values = self._values
        values[: self.inputs] = observation
        self._control(*self._arguments)
        return values[self._first : self._last]
