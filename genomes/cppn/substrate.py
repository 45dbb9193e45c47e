"""Substrate: nodes at fixed places, in layers (HyperNEAT; Stanley, D'Ambrosio & Gauci 2009)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.cppn.connective import ConnectiveSubstrate
from genomes.cppn.coordinates import circle, grid, places

if TYPE_CHECKING:
    from genomes.cppn.layered import LayeredPopulation
    from genomes.cppn.pattern import PatternPopulation

Floats = npt.NDArray[np.float64]


class Substrate(ConnectiveSubstrate, kind="layers"):
    """Layers of nodes at coordinates, the first the inputs and the last the outputs; a CPPN gives the weights between them.

    `Substrate.grid`, `Substrate.circles` and `Substrate.free` make the usual ones; `Substrate([inputs, hidden, outputs])` takes any
    coordinates.

    Args:
        layers: coordinates of each layer, float [nodes, dimension], all of one dimension (1 to 3).
        connections: pairs (source, target) of numbers of layers that may be connected; by default each layer with the next. A cycle
            makes the networks recurrent: each call advances one time step.
        separate: whether every pair of connected layers has CPPN outputs of its own (the multi-spatial substrate of Pugh & Stanley 2013),
            and with `bias` every layer; otherwise one output serves them all.
        threshold, weight_range, leo, bias, differences, length, activation, output_activation, activations_per_step: see
            `ConnectiveSubstrate`. The defaults of the first two are the paper's.

    Raises:
        ValueError: an empty layer, coordinates of different dimensions, connections that cannot be, or a setting out of its range.

    >>> Substrate([[(-1.0, 0.0), (1.0, 0.0)], [(0.0, 1.0)]]).cppn_inputs
    ('x1', 'y1', 'x2', 'y2')
    """

    def __init__(
        self,
        layers: Sequence[npt.ArrayLike],
        connections: Iterable[Sequence[int]] | None = None,
        *,
        separate: bool = False,
        threshold: float = 0.2,
        weight_range: float = 3.0,
        leo: bool = False,
        bias: bool = False,
        differences: bool = False,
        length: bool = False,
        activation: str = "tanh",
        output_activation: str = "",
        activations_per_step: int = 1,
    ) -> None:
        super().__init__(
            threshold=threshold, weight_range=weight_range, leo=leo, bias=bias, differences=differences, length=length,
            activation=activation, output_activation=output_activation, activations_per_step=activations_per_step,
        )  # fmt: skip
        if isinstance(layers, (str, bytes)) or not isinstance(layers, (Sequence, np.ndarray)) or len(layers) < 2:
            raise ValueError(f"a substrate needs at least two layers, inputs and outputs, got {shown(layers)}")
        if not isinstance(separate, bool):
            raise ValueError(f"separate must be true or false, got {shown(separate)}")
        checked = tuple(places(layer, f"layer {i} of the substrate") for i, layer in enumerate(layers))
        dimensions = [layer.shape[1] for layer in checked]
        if len(set(dimensions)) > 1:
            raise ValueError(f"the layers of a substrate must have coordinates of one dimension, got {dimensions}")
        for layer in checked:
            layer.flags.writeable = False
        self._set(
            layers=checked, dimension=dimensions[0], inputs=checked[0], outputs=checked[-1], separate=separate,
            pairs=_pairs(connections, len(checked)),
        )  # fmt: skip

    layers: tuple[Floats, ...]
    pairs: tuple[tuple[int, int], ...]  # of layers: source, target
    separate: bool

    @classmethod
    def grid(cls, *sizes: int | Sequence[int], depth: bool | None = None, **settings: Any) -> Self:
        """Layers that are grids over -1 to 1: a number of nodes, (height, width), or (depth, height, width).

        Args:
            depth: whether every node has one coordinate more, its layer's, from -1 for the inputs to 1 for the outputs. By default where
                there are more than two layers without CPPN outputs of their own, since the CPPN could not tell them apart.
            settings: see the class.

        >>> Substrate.grid((11, 11), (11, 11)).input_count
        121
        """
        return cls._stacked([grid(size) for size in sizes], depth, settings)

    @classmethod
    def circles(cls, *counts: int, radius: float = 1.0, depth: bool | None = None, **settings: Any) -> Self:
        """Layers that are circles of so many nodes around the origin; `depth` and `settings` as for `grid`."""
        return cls._stacked([circle(count, radius) for count in counts], depth, settings)

    @classmethod
    def free(
        cls,
        inputs: npt.ArrayLike,
        outputs: npt.ArrayLike,
        hidden: npt.ArrayLike | None = None,
        *,
        recurrent: bool = False,
        **settings: Any,
    ) -> Self:
        """Nodes anywhere in one space: inputs lead to hidden nodes and outputs, hidden nodes to outputs; with `recurrent`, hidden nodes and
        outputs also to each other and to themselves."""
        layers = [inputs, outputs] if hidden is None else [inputs, hidden, outputs]
        last = len(layers) - 1
        pairs = [(a, b) for a in range(last + 1) for b in range(1, last + 1) if a < b or recurrent]
        return cls(layers, pairs, **settings)

    @classmethod
    def _stacked(cls, layers: list[Floats], depth: bool | None, settings: dict[str, Any]) -> Self:
        if depth is None:
            depth = len(layers) > 2 and not settings.get("separate", False)
        dimension = max((layer.shape[1] for layer in layers), default=0)
        layers = [np.pad(layer, ((0, 0), (0, dimension - layer.shape[1]))) for layer in layers]
        if depth and len(layers) > 1:
            heights = np.linspace(-1.0, 1.0, len(layers))
            layers = [
                np.column_stack([layer, np.full(len(layer), height)]) for layer, height in zip(layers, heights, strict=True)
            ]
        return cls(layers, **settings)

    @property
    def cppn_outputs(self) -> tuple[str, ...]:
        if not self.separate:
            return super().cppn_outputs
        names = [f"weight {a}-{b}" for a, b in self.pairs]
        names += [f"leo {a}-{b}" for a, b in self.pairs] if self.leo else []
        return (*names, *([f"bias {layer}" for layer in range(1, len(self.layers))] if self.bias else []))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The layers behind the inputs, sources first where the connections have no cycle."""
        waiting, order = list(range(1, len(self.layers))), list[int]()
        while waiting:
            ready = [b for b in waiting if not any(target == b and source in waiting for source, target in self.pairs)]
            if not ready:
                return tuple(range(1, len(self.layers)))
            order += ready
            waiting = [b for b in waiting if b not in ready]
        return tuple(order)

    @cached_property
    def recurrent(self) -> bool:
        place = {layer: position for position, layer in enumerate((0, *self.order))}
        return any(place[source] >= place[target] for source, target in self.pairs)

    @property
    def most_connections(self) -> int:
        """Connections of a network in which every weight is expressed."""
        return sum(len(self.layers[a]) * len(self.layers[b]) for a, b in self.pairs)

    def express(self, cppns: PatternPopulation) -> LayeredPopulation:
        from genomes.cppn.layered import LayeredPopulation

        return LayeredPopulation(self, cppns)

    def settings(self) -> dict[str, Any]:
        return {
            "layers": [layer.tolist() for layer in self.layers],
            "connections": [list(pair) for pair in self.pairs],
            "separate": self.separate,
        }

    def __repr__(self) -> str:
        sizes = " -> ".join(str(len(layer)) for layer in self.layers)
        return f"<Substrate {sizes} nodes in {self.dimension}-D, up to {self.most_connections:,} connections>"


def _pairs(connections: Iterable[Sequence[int]] | None, layers: int) -> tuple[tuple[int, int], ...]:
    if connections is None:
        return tuple(itertools.pairwise(range(layers)))
    pairs = list[tuple[int, int]]()
    for given in connections:
        pair = tuple(given) if isinstance(given, (tuple, list)) else ()
        if len(pair) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < layers for n in pair):
            raise ValueError(f"connections are pairs (source, target) of layers 0 to {layers - 1}, got {shown(given)}")
        if pair[1] == 0:
            raise ValueError(f"the inputs, layer 0, have no incoming connections, got {shown(given)}")
        pairs.append((pair[0], pair[1]))
    if not pairs:
        raise ValueError("a substrate needs connections between its layers, got none")
    if len(set(pairs)) < len(pairs):
        raise ValueError(f"every pair of layers is connected once, got {shown(pairs)}")
    return tuple(pairs)
