"""Networks on fixed substrates: all weights of all members in one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genomes.cppn.coordinates import refuse_beyond_memory
from genomes.cppn.expressed import ExpressedNetwork, ExpressedPopulation, Wiring
from genomes.cppn.pattern import PatternPopulation
from genomes.neat.functions import ACTIVATIONS
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    from genomes.cppn.substrate import Substrate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WORTH_A_THREAD = 20_000  # queries; handing fewer to another thread costs more than it saves


class LayeredPopulation(ExpressedPopulation):
    """The networks that CPPNs describe on a fixed substrate; see `ExpressedPopulation`.

    Attributes:
        weights: float64 [members, connections]: for each pair of connected layers in turn, sources by targets; 0 where there is no
            connection.
        biases: float64 [members, nodes].
    """

    substrate: Substrate

    def __init__(self, substrate: Substrate, cppns: PatternPopulation) -> None:
        substrate.refuse_other_cppns(cppns.space.inputs, cppns.space.outputs)
        members, nodes = len(cppns), sum(len(layer) for layer in substrate.layers)
        refuse_beyond_memory(
            members * (substrate.most_connections + nodes),
            f"expressing {members} genome{'s' if members > 1 else ''} on a substrate of {substrate.most_connections:,} connections",
        )
        self.substrate = substrate
        self._threads = cppns.threads
        self._state: Floats | None = None
        sizes = np.array([len(layer) for layer in substrate.layers], np.int64)
        self._layers: Ints = np.stack([np.cumsum(sizes) - sizes, sizes], axis=1)
        many = np.array([sizes[a] * sizes[b] for a, b in substrate.pairs], np.int64)
        self._pairs: Ints = np.column_stack([np.array(substrate.pairs, np.int64), np.cumsum(many) - many])
        self.weights: Floats = np.empty((members, int(many.sum())))
        self.biases: Floats = np.zeros((members, nodes))
        self._express(cppns)

    def _express(self, cppns: PatternPopulation) -> None:
        substrate, names = self.substrate, self.substrate.cppn_outputs
        for a, b, offset in self._pairs.tolist():
            own = f" {a}-{b}" if substrate.separate else ""
            leo = names.index(f"leo{own}") if substrate.leo else -1
            self._ask(cppns, substrate.layers[a], substrate.layers[b], names.index(f"weight{own}"), leo, self.weights, offset)
        if substrate.bias:
            origin = np.zeros((1, substrate.dimension))
            for layer in range(1, len(substrate.layers)):
                output = names.index(f"bias {layer}" if substrate.separate else "bias")
                self._ask(cppns, origin, substrate.layers[layer], output, -1, self.biases, int(self._layers[layer, 0]))

    def _ask(
        self, cppns: PatternPopulation, sources: Floats, targets: Floats, output: int, leo: int, into: Floats, offset: int
    ) -> None:
        from genomes.cppn.kernels.expression import express_pair
        from genomes.cppn.kernels.query import BLOCK

        substrate = self.substrate
        # Whole blocks: the last target is repeated behind the end.
        padded = np.pad(targets.T, ((0, 0), (0, -len(targets) % BLOCK)), mode="edge")
        pieces = len(cppns) * len(sources)
        self._threads.run(
            express_pair, pieces, cppns.networks, np.ascontiguousarray(sources), np.ascontiguousarray(padded), len(targets),
            substrate.differences, substrate.length, output, leo, substrate.threshold, substrate.weight_range, into, offset,
            fewest=max(2, WORTH_A_THREAD // padded.shape[1]),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.weights)

    def _run(self, batch: Floats) -> Floats:
        from genomes.cppn.kernels.layers import advance, forward

        substrate = self.substrate
        y = np.empty((len(self), batch.shape[1], substrate.output_count))
        codes = ACTIVATIONS.index(substrate.activation), ACTIVATIONS.index(substrate.output_activation)
        shared = (self.weights, self.biases, self._layers, np.array(substrate.order, np.int64), self._pairs, *codes, batch, y)
        if not substrate.recurrent:
            self._threads.run(forward, len(self), *shared, fewest=2)
            return y
        if self._state is None:
            self._state = np.zeros((len(self), batch.shape[1], self.biases.shape[1]))
        if self._state.shape[1] != batch.shape[1]:
            raise ValueError(
                f"the networks hold the state of {self._state.shape[1]} samples, got {batch.shape[1]}; call reset() between episodes"
            )
        self._threads.run(advance, len(self), *shared, self._state, substrate.activations_per_step, fewest=2)
        return y

    def reset(self) -> None:
        self._state = None

    def member(self, position: int) -> ExpressedNetwork:
        one = object.__new__(LayeredPopulation)
        one.substrate, one._threads, one._state = self.substrate, Threads(1), None
        one._layers, one._pairs = self._layers, self._pairs
        one.weights, one.biases = self.weights[position : position + 1], self.biases[position : position + 1]
        return ExpressedNetwork(one)

    @property
    def connections(self) -> Ints:
        return np.array([np.count_nonzero(weights) for weights in self.weights], np.int64)

    @property
    def hidden(self) -> Ints:
        return np.full(len(self), int(self._layers[1:-1, 1].sum()), np.int64)

    def matrix(self, source: int, target: int, position: int = 0) -> Floats:
        """One member's weights between two connected layers: float64 [nodes of the source, nodes of the target].

        Raises:
            ValueError: the substrate does not connect these layers.
        """
        pairs = self.substrate.pairs
        if (source, target) not in pairs:
            raise ValueError(f"layers {source} and {target} are not connected; connected are {', '.join(map(str, pairs))}")
        offset = int(self._pairs[pairs.index((source, target)), 2])
        shape = len(self.substrate.layers[source]), len(self.substrate.layers[target])
        return self.weights[position, offset : offset + shape[0] * shape[1]].reshape(shape)

    def wiring(self, position: int = 0) -> Wiring:
        substrate = self.substrate
        parts = []
        for a, b in substrate.pairs:
            matrix = self.matrix(a, b, position)
            source, target = np.nonzero(matrix)
            parts.append((source + self._layers[a, 0], target + self._layers[b, 0], matrix[source, target]))
        return Wiring(
            np.concatenate(substrate.layers),
            np.repeat(np.arange(len(substrate.layers)), self._layers[:, 1]),
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
            self.biases[position].copy(),
            substrate.activation,
            substrate.output_activation,
        )
