"""What each player of a network is worth to who prunes: Shapley values, and the baselines that they are compared with.

method        value of a player (the lowest go first)
shapley       what it adds to the payoff, on average over all orders in which the players may join (Stier et al. 2018)
leave_one_out what the payoff loses when it goes alone
magnitude     Euclidean norm of the weights that compute its channels (Li et al. 2017 for filters, by L1)
activation    mean size of its channels' values where layers read them (Hu et al. 2016)
taylor        mean size, over batches of 32 samples, of what the likelihood loses to first order when it goes (Molchanov et al. 2017)
random        a random number
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.compress.channels import Channels
from neuroevo.compress.payoff import MaskedPayoff
from neuroevo.compress.shapley import ShapleyValues, exact_values, sampled_values
from neuroevo.decode.graph import walk

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
ENUMERATED = 8  # players up to which every coalition is asked for
ACTIVATION_SAMPLES = 256


@dataclass(frozen=True)
class Sampling:
    """How thoroughly Shapley values are sampled; see `sampled_values`.

    Args:
        permutations: orders, at most.
        truncation, settle, confidence: as there.
    """

    permutations: int = 120
    truncation: float = 0.0
    settle: float | None = 0.95
    confidence: float = 0.9


@dataclass(frozen=True, eq=False)
class Valued:
    """A network whose players are to be valued.

    Attributes:
        channels: of its model.
        payoff: of its players.
        units: the players that go together, by number of unit: single ones, or those of a layer.
        alive: bool [players], which are still there.
        x: float32 [samples, *input_shape].
        rng: what draws.
        sampling: of Shapley values.
    """

    channels: Channels
    payoff: MaskedPayoff
    units: tuple[npt.NDArray[np.int64], ...]
    alive: Bools
    x: npt.NDArray[Any]
    rng: np.random.Generator
    sampling: Sampling

    @property
    def open(self) -> npt.NDArray[np.int64]:
        """The units that are still there."""
        return np.array([number for number, unit in enumerate(self.units) if self.alive[unit].any()], np.int64)

    def worth(self, coalitions: Bools) -> Floats:
        """The payoff of coalitions of the open units: bool [coalitions, open units]."""
        masks = np.zeros((len(coalitions), self.channels.players), bool)
        for column, number in enumerate(self.open):
            masks[:, self.units[number]] |= coalitions[:, column, None]
        return self.payoff(masks)

    def summed(self, of_players: Floats) -> Floats:
        """Numbers of players as numbers of the open units."""
        return np.array([of_players[self.units[number]].sum() for number in self.open])


def shapley_values(valued: Valued) -> ShapleyValues:
    """The Shapley values of the open units; of up to 8 from every coalition."""
    count, how = len(valued.open), valued.sampling
    if count <= ENUMERATED:
        return exact_values(valued.worth, count)
    return sampled_values(
        valued.worth, count, valued.rng, permutations=how.permutations, truncation=how.truncation, settle=how.settle,
        confidence=how.confidence,
    )  # fmt: skip


def shapley(valued: Valued) -> Floats:
    """What each open unit adds, on average over all orders."""
    return shapley_values(valued).values


def leave_one_out(valued: Valued) -> Floats:
    """What the payoff loses when a unit goes alone."""
    count = len(valued.open)
    coalitions = np.concatenate([np.ones((1, count), bool), ~np.eye(count, dtype=bool)])
    worth = np.concatenate([valued.worth(coalitions[at : at + 256]) for at in range(0, len(coalitions), 256)])
    return np.asarray(worth[0] - worth[1:], np.float64)


def magnitude(valued: Valued) -> Floats:
    """The Euclidean norm of the weights that compute a unit's channels."""
    squares = np.zeros(valued.channels.players + 1)
    for axis in valued.channels.axes:
        weight = np.asarray(axis.layer.weights[axis.place], np.float64)
        if axis.own and weight.ndim > 1:
            sums = np.square(weight).sum(axis=tuple(at for at in range(weight.ndim) if at != axis.axis))
            np.add.at(squares, axis.players, sums)
    return np.asarray(np.sqrt(valued.summed(squares[:-1])), np.float64)


def activation(valued: Valued) -> Floats:
    """The mean size of a unit's values where layers read them."""
    sums, counts = np.zeros(valued.channels.players + 1), np.zeros(valued.channels.players + 1)
    read = inputs_read(valued.channels, valued.x[:ACTIVATION_SAMPLES])
    for axis in valued.channels.axes:
        if axis.reads:
            for values in read[id(axis.layer)]:
                mean = np.abs(values).reshape(-1, values.shape[-1]).mean(axis=0)
                np.add.at(sums, axis.players, mean)
                np.add.at(counts, axis.players, 1)
    return valued.summed((sums / np.maximum(counts, 1))[:-1])


def taylor(valued: Valued) -> Floats:
    """The mean size of the first-order estimate of what the likelihood loses without a unit."""
    return valued.summed(np.abs(valued.payoff.slopes(valued.alive)).mean(axis=0))


def random(valued: Valued) -> Floats:
    """A random number for each unit."""
    return valued.rng.random(len(valued.open))


METHODS: Mapping[str, Callable[[Valued], Floats]] = {
    function.__name__: function for function in (shapley, leave_one_out, magnitude, activation, taylor, random)
}


def inputs_read(channels: Channels, x: npt.NDArray[Any]) -> dict[int, list[npt.NDArray[Any]]]:
    """What each layer with filters or units reads, by the layer's `id`: one array for each time that it is called."""
    import keras

    found: dict[int, list[npt.NDArray[Any]]] = {}
    wanted = {id(axis.layer) for axis in channels.axes if axis.reads}

    def apply(node: Any, *arguments: Any, **options: Any) -> Any:
        if id(node.operation) in wanted:
            found.setdefault(id(node.operation), []).append(keras.ops.convert_to_numpy(arguments[0]))
        return node.operation(*arguments, **options)

    walk(channels.model, [keras.ops.convert_to_tensor(x)], apply)
    return found
