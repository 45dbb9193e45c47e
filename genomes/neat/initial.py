"""First genomes: the initial topologies of a space, for one genome or a whole population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.markings import marking
from genomes.neat.genes import CONNECTION_INNOVATION, NODE_INNOVATION, Connections, Nodes, Pool, pool_of

if TYPE_CHECKING:
    from genomes.neat.space import NeatSpace

_TOPOLOGIES = {"full": 0, "partial": 1, "feature_selective": 2, "none": 3, "random": 4}


def random_pool(space: NeatSpace, keys: npt.NDArray[np.uint64]) -> Pool:
    """One first genome for each key (of a birth's random stream)."""
    from genomes.neat.kernels.initial import fill

    nodes, connections = _template(space)
    growth = 2 * space.initial_hidden + 4 if space.initial == "random" else 0
    pool = _repeated(nodes, connections, len(keys), growth)
    fill(pool, keys, space.rates, _TOPOLOGIES[space.initial], float(space.initial_share), space.initial_hidden)
    return pool


def _template(space: NeatSpace) -> tuple[Nodes, Connections]:
    """All the nodes and connections that a first genome may have, weights still 0; genes sorted by marking."""
    fixed = list(range(space.fixed))
    sensors, outputs = fixed[: space.sensors], fixed[space.sensors :]
    hidden = sorted(marking(0, NODE_INNOVATION, number) for number in range(space.initial_hidden * (space.initial == "full")))
    edges = [(source, target) for target in outputs for source in sensors]
    if hidden:
        edges = [(source, target) for target in hidden for source in sensors]
        edges += [(source, target) for target in outputs for source in hidden]
    if space.initial == "none":
        edges = []
    genes = sorted((marking(0, CONNECTION_INNOVATION, source, target), source, target) for source, target in edges)
    count = len(fixed) + len(hidden)
    activation = np.full(count, space.rates.activations[0], np.int16)
    activation[space.sensors : space.fixed] = space.output_activation_code
    nodes = Nodes(
        np.array(fixed + hidden, np.int64),
        np.zeros(count),
        np.ones(count),
        activation,
        np.full(count, space.rates.aggregations[0], np.int16),
    )
    nodes.activation[: space.sensors] = 0  # sensors compute nothing: identity and sum, always
    nodes.aggregation[: space.sensors] = 0
    columns = np.array(genes, np.int64).reshape(-1, 3)
    return nodes, Connections(
        columns[:, 0].copy(), columns[:, 1].copy(), columns[:, 2].copy(), np.zeros(len(genes)), np.ones(len(genes), np.bool_)
    )


def _tiled(array: npt.NDArray[Any], members: int) -> Any:
    return np.tile(array, members)


def _repeated(nodes: Nodes, connections: Connections, members: int, growth: int) -> Pool:
    one = pool_of([(nodes, connections)], growth)
    node_room, connection_room = len(one.nodes.marking), len(one.connections.marking)
    return Pool(
        Nodes(*[_tiled(array, members) for array in one.nodes]),
        Connections(*[_tiled(array, members) for array in one.connections]),
        np.arange(members, dtype=np.int64) * node_room,
        np.full(members, len(nodes.marking), np.int64),
        np.arange(members, dtype=np.int64) * connection_room,
        np.full(members, len(connections.marking), np.int64),
    )
