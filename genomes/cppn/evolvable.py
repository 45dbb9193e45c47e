"""EvolvableSubstrate: hidden nodes where the pattern of a CPPN says that there is information (ES-HyperNEAT; Risi & Stanley 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.cppn.connective import ConnectiveSubstrate, number, whole
from genomes.cppn.coordinates import AXES, LARGEST, places

if TYPE_CHECKING:
    from genomes.cppn.explored import ExploredPopulation
    from genomes.cppn.pattern import PatternPopulation

Floats = npt.NDArray[np.float64]


class EvolvableSubstrate(ConnectiveSubstrate, kind="evolvable"):
    """Inputs and outputs at coordinates; hidden nodes and connections are found in the CPPN's pattern.

    The region of hidden nodes is divided, for each input, into halves on every axis (a quadtree in 2-D, an octree in 3-D): always down to
    `initial_depth`, further where the weights in a part differ. Then the largest parts in which they do not differ are nodes, unless they
    are the same as their neighbours on every axis (band pruning). From the nodes found, the search goes on `iterations` times; at last the
    outputs look for nodes that were found. Hidden nodes on no way from an input to an output are dropped.

    Args:
        inputs, outputs: coordinates, float [nodes, dimension], of one dimension (1 to 3).
        hidden: for each axis (low, high), the region of hidden nodes; default -1 to 1. An axis with low = high is fixed: hidden nodes lie
            in a plane.
        initial_depth, maximum_depth: the region is divided into 2 ** depth parts on each axis, at least and at most.
        division: a part is divided while the variance of its parts' answers is larger.
        variance: a part is one node if the variance inside it is not larger.
        band: a node's answer must differ by more from those of its neighbours on both sides, on at least one axis.
        iterations: how often the search goes on from hidden nodes.
        forward: the axis ("x", "y" or "z") along which hidden nodes may feed hidden nodes, so that networks are feed-forward; "" allows
            any direction and makes them recurrent. By default the last axis on which the region has an extent.
        threshold, weight_range, leo, bias, differences, length, activation, output_activation, activations_per_step: see
            `ConnectiveSubstrate`. The threshold is 0 by default: pruning decides what is expressed.

    Raises:
        ValueError: no inputs or outputs, coordinates of different dimensions, depths whose parts exceed memory, or a setting out of its range.

    >>> EvolvableSubstrate(inputs=[(-1, -1), (1, -1)], outputs=[(0, 1)]).cppn_inputs
    ('x1', 'y1', 'x2', 'y2')
    """

    def __init__(
        self,
        inputs: npt.ArrayLike,
        outputs: npt.ArrayLike,
        hidden: Sequence[Sequence[float]] | None = None,
        *,
        initial_depth: int = 3,
        maximum_depth: int = 5,
        division: float = 0.5,
        variance: float = 0.03,
        band: float = 0.3,
        iterations: int = 1,
        forward: str | None = None,
        threshold: float = 0.0,
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
        checked = places(inputs, "inputs of the substrate"), places(outputs, "outputs of the substrate")
        if checked[0].shape[1] != checked[1].shape[1]:
            raise ValueError(
                f"inputs and outputs must have coordinates of one dimension, got {checked[0].shape[1]} and {checked[1].shape[1]}"
            )
        dimension = checked[0].shape[1]
        region = _region(hidden, dimension)
        axes = [d for d in range(dimension) if region[d][0] < region[d][1]]
        whole("initial_depth", initial_depth, 1, 20)
        whole("maximum_depth", maximum_depth, 1, 20)
        if initial_depth > maximum_depth:
            raise ValueError(f"initial_depth ({initial_depth}) must not exceed maximum_depth ({maximum_depth})")
        if len(axes) * (maximum_depth + 1) > 20:
            raise ValueError(
                f"maximum_depth {maximum_depth} on {len(axes)} axes makes {2 ** (len(axes) * maximum_depth):,} parts, more than memory "
                f"should hold: at most {20 // len(axes) - 1} here"
            )
        whole("iterations", iterations, 0, 100)
        if forward is None:
            forward = AXES[axes[-1]]
        if forward and (forward not in AXES[:dimension]):
            raise ValueError(
                f"forward must be one of the axes {', '.join(AXES[:dimension])}, or '' for any direction, got {shown(forward)}"
            )
        self._set(
            inputs=checked[0], outputs=checked[1], dimension=dimension, region=region, axes=tuple(axes), initial_depth=initial_depth,
            maximum_depth=maximum_depth, division=number("division", division, 0.0, 1e6), variance=number("variance", variance, 0.0, 1e6),
            band=number("band", band, 0.0, 1e6), iterations=iterations, forward=forward,
        )  # fmt: skip

    region: tuple[tuple[float, float], ...]
    axes: tuple[int, ...]  # those on which the region has an extent
    initial_depth: int
    maximum_depth: int
    division: float
    variance: float
    band: float
    iterations: int
    forward: str

    @property
    def recurrent(self) -> bool:
        return self.forward == "" and self.iterations > 0

    def express(self, cppns: PatternPopulation) -> ExploredPopulation:
        from genomes.cppn.explored import ExploredPopulation

        return ExploredPopulation(self, cppns)

    def settings(self) -> dict[str, Any]:
        names = ("initial_depth", "maximum_depth", "division", "variance", "band", "iterations", "forward")
        return {
            "inputs": self.inputs.tolist(),
            "outputs": self.outputs.tolist(),
            "hidden": [list(extent) for extent in self.region],
            **{name: getattr(self, name) for name in names},
        }

    def __repr__(self) -> str:
        return f"<EvolvableSubstrate {len(self.inputs)} inputs, {len(self.outputs)} outputs in {self.dimension}-D>"


def _region(hidden: Any, dimension: int) -> tuple[tuple[float, float], ...]:
    if hidden is None:
        return ((-1.0, 1.0),) * dimension
    if not isinstance(hidden, (tuple, list)) or len(hidden) != dimension:
        raise ValueError(f"hidden must be (low, high) for each of the {dimension} axes, got {shown(hidden)}")
    extents = list[tuple[float, float]]()
    for extent in hidden:
        if not isinstance(extent, (tuple, list)) or len(extent) != 2:
            raise ValueError(f"hidden must be (low, high) for each axis, got {shown(extent)}")
        low, high = (number("the region of hidden nodes", value, -LARGEST, LARGEST) for value in extent)
        if low > high:
            raise ValueError(f"the region of hidden nodes must have low <= high on every axis, got {shown(extent)}")
        extents.append((low, high))
    if all(low == high for low, high in extents):
        raise ValueError("the region of hidden nodes has no extent on any axis: give at least one with low < high")
    return tuple(extents)
