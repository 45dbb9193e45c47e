"""Networks that CPPNs describe, drawn where their nodes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.cppn import ExpressedNetwork
from genomes.cppn.connective import ConnectiveSubstrate
from neuroevo.core.individual import Individual
from neuroevo.plots.cppn_figure import cppn_of
from neuroevo.plots.palette import BLUE, GREEN, INK, ORANGE, PINK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

POSITIVE, NEGATIVE = BLUE, ORANGE
NODES = ((INK, "input"), (GREEN, "hidden node"), (PINK, "output"))
MOST = 600  # connections that are drawn; more make one grey surface


@dataclass(frozen=True)
class SubstrateData:
    """What a substrate's figure shows.

    Attributes:
        places: float64 [nodes, 2 or 3]: coordinates, with the layer's number as the last where layers would lie on each other.
        axes: what each coordinate is.
        kind: int64 [nodes]: 0 input, 1 hidden, 2 output.
        source, target: int64 [connections], the heaviest ones, lightest first.
        weight: float64 [connections].
        connections: how many the network has.
    """

    places: Floats
    axes: tuple[str, ...]
    kind: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: Floats
    connections: int


def substrate_data(
    drawn: Individual | Genome | ExpressedNetwork, substrate: ConnectiveSubstrate | None = None, *, most: int = MOST
) -> SubstrateData:
    """The numbers behind `substrate`.

    Raises:
        ValueError: no CPPN with a substrate.
    """
    network = drawn if isinstance(drawn, ExpressedNetwork) else cppn_of(drawn).express(substrate)
    wiring = network.wiring
    places, names = wiring.coordinates, ("x", "y", "z")[: wiring.coordinates.shape[1]]
    if places.shape[1] < 3 and (places.shape[1] == 1 or len(np.unique(places, axis=0)) < len(places)):
        places = np.column_stack([places, wiring.layer.astype(np.float64)])
        names = (*names, "layer")
    heaviest = np.argsort(np.abs(wiring.weight), kind="stable")[-most:] if most > 0 else np.zeros(0, np.int64)
    kind = np.where(wiring.layer == 0, 0, np.where(wiring.layer == wiring.layer.max(), 2, 1))
    return SubstrateData(
        places, names, kind, wiring.source[heaviest], wiring.target[heaviest], wiring.weight[heaviest], len(wiring.weight)
    )


def substrate(
    drawn: Individual | Genome | ExpressedNetwork, substrate: ConnectiveSubstrate | None = None, *, most: int = MOST
) -> Figure:
    """Draw an expressed network in the space of its substrate, in 2-D or 3-D as its coordinates are.

    Args:
        drawn: an individual of a run, a genome, or an expressed network.
        substrate: another substrate than the genome's own.
        most: connections drawn, the heaviest.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    data = substrate_data(drawn, substrate, most=most)
    solid = data.places.shape[1] == 3
    figure = Figure(figsize=(7.4, 6.4), layout="constrained")
    axes: Any = figure.add_subplot(projection="3d") if solid else figure.add_subplot()
    # Height is the vertical axis: the layer, or y where nodes have a z of their own.
    order = (0, 2, 1) if solid and data.axes[2] == "z" else tuple(range(data.places.shape[1]))
    places, names = data.places[:, order], [data.axes[i] for i in order]
    _connections(axes, places, data, solid)
    for kind, (colour, _) in enumerate(NODES):
        at = places[data.kind == kind]
        axes.scatter(
            *at.T, s=_dot(len(places)), c=colour, edgecolors="white", linewidths=0.4, depthshade=False, zorder=5
        ) if solid else (axes.scatter(*at.T, s=1.6 * _dot(len(places)), c=colour, edgecolors="white", linewidths=0.6, zorder=5))
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if solid:
        axes.set_zlabel(names[2])
        axes.view_init(elev=18, azim=-68)
        for locate in (axes.xaxis, axes.yaxis, axes.zaxis):
            locate.set_major_locator(MaxNLocator(4))
        if data.axes[2] == "layer":
            axes.set_zticks(np.unique(data.places[:, 2]))
        axes.set_box_aspect((1, 1, 0.9), zoom=0.92)
    else:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if names[1] == "layer":
            axes.set_yticks(np.unique(data.places[:, 1]))
    present = [(colour, name) for kind, (colour, name) in enumerate(NODES) if np.any(data.kind == kind)]
    handles = [Line2D([], [], marker="o", linestyle="", color=colour, label=name, markersize=6) for colour, name in present]
    for colour, name, sign in ((POSITIVE, "positive weight", 1), (NEGATIVE, "negative weight", -1)):
        if np.any(np.sign(data.weight) == sign):
            handles.append(Line2D([], [], color=colour, linewidth=1.8, label=name))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8.5, labelcolor=INK)
    axes.set_title("\n".join(part for part in (_title(drawn), substrate_caption(data)) if part), fontsize=9.5, color=INK)
    return figure


def substrate_caption(data: SubstrateData) -> str:
    """What is drawn, in one line."""
    counts = [int(np.count_nonzero(data.kind == kind)) for kind in range(3)]
    parts = [
        f"{count} {name}{'' if count == 1 else 's'}"
        for count, (_, name) in zip(counts, NODES, strict=True)
        if count or name != "hidden node"
    ]
    drawn = f", the {len(data.weight):,} heaviest drawn" if len(data.weight) < data.connections else ""
    return f"{', '.join(parts)}, {data.connections:,} connection{'' if data.connections == 1 else 's'}{drawn}"


def _dot(nodes: int) -> float:
    return 40.0 if nodes <= 60 else 18.0 if nodes <= 300 else 7.0


def _connections(axes: Any, places: Floats, data: SubstrateData, solid: bool) -> None:
    if not len(data.weight):
        return
    heaviest = float(np.abs(data.weight).max())
    share = np.abs(data.weight) / heaviest
    lines = np.stack([places[data.source], places[data.target]], axis=1)
    style: dict[str, Any] = {
        "colors": [POSITIVE if weight > 0 else NEGATIVE for weight in data.weight],
        "linewidths": 0.3 + (1.7 if len(data.weight) < 150 else 0.9) * share,
        "alpha": 0.75 if len(data.weight) < 150 else 0.4,
    }
    if solid:
        from mpl_toolkits.mplot3d.art3d import Line3DCollection  # type: ignore[import-untyped]

        axes.add_collection3d(Line3DCollection(lines, **style))
    else:
        from matplotlib.collections import LineCollection

        axes.add_collection(LineCollection(list(lines), zorder=2, **style))
        loops = places[data.source[data.source == data.target]]
        if len(loops):
            axes.scatter(*loops.T, s=120, facecolors="none", edgecolors=INK, linewidths=0.8, zorder=4)


def _title(drawn: Any) -> str:
    from neuroevo.plots.genome_figure import genome_title

    return genome_title(drawn) if isinstance(drawn, Individual) else ""
