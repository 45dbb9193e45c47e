"""Networks that neat-python exported (`neat.export.export_network_json`) as our genomes: the outputs are equal."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genomes import NeatSpace
from genomes.base import shown
from genomes.markings import marking
from genomes.neat import NeatGenome
from genomes.neat.genes import CONNECTION_INNOVATION, NODE_INNOVATION
from neuroevo.interop.neat_python_functions import activation, aggregation, called

_KINDS = ("feedforward", "recurrent", "ctrnn", "iznn")
_LINEAR = ("sum", "mean", "median", "max_absolute")  # aggregations that a factor may be moved into
_EXPORT = (
    "in neat-python, with the winner and its configuration, neat.export.export_network_json(neat.nn.FeedForwardNetwork.create(winner, "
    "config), 'winner.json') writes what is read here (RecurrentNetwork, CTRNN and IZNN likewise)"
)
_NOT_TEXT = (*(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), b"\x1f\x8b")  # how a pickle begins, and gzip
_HIDDEN = 1 << 20  # occurrence of imported hidden nodes: no innovation of a run gets so far
_MOST_BYTES = 64 << 20


def read_neat_python_genome(
    source: str | Path | Mapping[str, Any],
    space: NeatSpace | None = None,
    *,
    functions: Mapping[str, str] | None = None,
    time_step: float = 0.1,
    steps_a_call: int = 1,
) -> NeatGenome:
    """A network that neat-python 2 exported as JSON, as a genome; `genome.network()` gives the same outputs.

    Feed-forward, recurrent, continuous-time and spiking networks. Nodes of equal id get equal markings, so several imported genomes are
    comparable and can be crossed. Continuous-time networks become `dynamics="ctrnn_alternating"`, which is neat-python 2.0's integration; spiking
    ones one kind of neuron for each set of a, b, c, d.

    Args:
        source: the file, or what `json.loads` made of it.
        space: the space of the genome, such as an imported configuration's; None: one made for it.
        functions: formulas of your own activations and aggregations, by the names that neat-python knew them by.
        time_step, steps_a_call: of continuous-time and spiking networks, what you gave neat-python's `advance` (`advance_time` is their
            product).

    Raises:
        ValueError: not such a file, or something in it that has no twin here; the sentence says what.
    """
    data = _read(source)
    kind = data["network_type"]
    if kind not in _KINDS:
        raise ValueError(f"network_type must be one of {', '.join(_KINDS)}, got {shown(kind)}")
    inputs, outputs = _keys(data, "input_keys"), _keys(data, "output_keys")
    nodes = {_whole(node, "id"): node for node in _rows(data, "nodes")}
    edges = [(_whole(edge, "from"), _whole(edge, "to"), edge) for edge in _rows(data, "connections")]
    # neat-python leaves nodes without incoming connections out of recurrent networks: they hold 0.
    held = [key for key in dict.fromkeys([*outputs, *(a for a, _, _ in edges)]) if key not in nodes and key not in inputs]
    hidden = sorted(key for key in {*nodes, *held} if key not in inputs and key not in outputs)
    ids = {key: number for number, key in enumerate([*inputs, *outputs])}
    ids |= {key: marking(0, NODE_INNOVATION, key % (1 << 62), occurrence=_HIDDEN) for key in hidden}
    genes = {key: _Node(nodes.get(key), kind, functions) for key in [*outputs, *hidden]}
    if space is None:
        space = _space(kind, len(inputs), len(outputs), list(genes.values()), time_step, steps_a_call)
    rows: list[list[Any]] = [[number, "input", 0.0, 1.0, "identity", "sum"] for number in range(len(inputs))]
    if space.bias == "input":
        raise ValueError("neat-python's nodes have biases of their own: the space needs bias='node'")
    rows += [[ids[key], "output", *genes[key].columns(space)] for key in outputs]
    rows += [[ids[key], "hidden", *genes[key].columns(space)] for key in sorted(hidden, key=lambda key: ids[key])]
    connections = []
    for source_key, target_key, edge in edges:
        if source_key not in ids or target_key not in genes:
            raise ValueError(
                f"the connection {source_key} -> {target_key} leads to or from a node that the network does not have"
            )
        weight = _number(edge, "weight") * genes[target_key].factor(space)
        ends = ids[source_key], ids[target_key]
        connections.append([marking(0, CONNECTION_INNOVATION, *ends), *ends, weight, bool(edge.get("enabled", True))])
    return space.from_genes({"nodes": rows, "connections": sorted(connections)})


class _Node:
    """What a node of neat-python's computes, in our terms."""

    def __init__(self, node: Mapping[str, Any] | None, kind: str, functions: Mapping[str, str] | None) -> None:
        self.kind, self.absent = kind, node is None
        self.bias = 0.0 if node is None else _number(node, "bias")
        self.response = 1.0 if node is None else _number(node, "response")
        self.time_constant = _number(node, "time_constant") if node is not None and kind == "ctrnn" else 1.0
        self.activation, self.aggregation = "identity", "sum"
        if node is None:
            return
        if kind == "iznn":
            values = [_number(node, name) for name in "abcd"]
            name = "iz_" + "_".join(repr(v).replace("-", "m").replace(".", "p").replace("+", "") for v in values)
            self.activation = f"{name} = {', '.join(map(repr, values))}"
            return
        self.activation = activation(_function(node, "activation"), functions)
        self.aggregation = aggregation(_function(node, "aggregation"), functions)
        if kind == "ctrnn" and self.response != 1.0 and self.aggregation not in _LINEAR:
            raise ValueError(
                f"a continuous-time node with response {self.response:g} and aggregation {self.aggregation!r} has no twin here: "
                "the response of such nodes is their time constant"
            )

    def factor(self, space: NeatSpace) -> float:
        """What the weights of incoming connections are multiplied by."""
        return self.response if self.kind == "ctrnn" else 1.0

    def columns(self, space: NeatSpace) -> list[Any]:
        response = self.time_constant if self.kind == "ctrnn" else 1.0 if self.kind == "iznn" else self.response
        return [self.bias, response, called(self.activation), called(self.aggregation)]


def _space(kind: str, inputs: int, outputs: int, genes: list[_Node], time_step: float, steps_a_call: int) -> NeatSpace:
    settings: dict[str, Any] = {}
    if kind in ("ctrnn", "iznn"):
        dynamics = "spiking" if kind == "iznn" else "ctrnn_alternating"
        settings = {"dynamics": dynamics, "time_step": float(time_step), "steps_a_call": steps_a_call}
    activations = tuple(dict.fromkeys(gene.activation for gene in genes if not gene.absent)) or ("identity",)
    return NeatSpace(
        inputs,
        outputs,
        recurrent=kind != "feedforward",
        bias="node",
        activations=activations,
        aggregations=tuple(dict.fromkeys(gene.aggregation for gene in genes)),
        weight_limit=30.0,
        bias_limit=30.0,
        **settings,
    )


# Reading --------------------------------------------------------------------------------------------------------------------------


def _read(source: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    data: Any = source
    if not isinstance(source, (str, os.PathLike, Mapping)):
        raise ValueError(f"what is read is the file that neat-python exported, got {_kind(source)}; {_EXPORT}")
    if not isinstance(source, Mapping):
        path = Path(source)
        with open(path, "rb") as file:
            if file.read(2)[:2] in _NOT_TEXT or path.suffix.lower() in (".pkl", ".pickle", ".p"):
                raise ValueError(
                    f"{path} is a pickle, or a compressed checkpoint: opening one runs whatever code it holds, so it is not opened here; {_EXPORT}"
                )
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: no exported network is")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path} is not JSON ({error}); {_EXPORT}") from error
    if not isinstance(data, Mapping) or "network_type" not in data:
        raise ValueError(
            f"a network of neat-python's is an object with 'network_type', 'topology', 'nodes' and 'connections', got {shown(data)}; "
            f"{_EXPORT}"
        )
    if data.get("format_version") != "1.0":
        raise ValueError(f"only format_version '1.0' of neat-python's networks is known, got {shown(data.get('format_version'))}")
    return data


def _kind(source: object) -> str:
    return f"a {type(source).__name__}" if not isinstance(source, bytes) else "bytes"


def _keys(data: Mapping[str, Any], name: str) -> list[int]:
    topology = data.get("topology")
    keys = topology.get(name) if isinstance(topology, Mapping) else None
    if not isinstance(keys, (list, tuple)) or not all(type(key) is int for key in keys) or len(set(keys)) < len(keys):
        raise ValueError(f"topology.{name} must be a list of different whole numbers, got {shown(keys)}")
    return list(keys)


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = data.get(name)
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(f"{name} must be a list of objects, got {shown(rows)}")
    return list(rows)


def _whole(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if type(value) is not int or abs(value) >= 1 << 62:
        raise ValueError(f"{name!r} must be a whole number, got {shown(value)} in {shown(dict(row))}")
    return value


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name!r} must be a finite number, got {shown(value)} in {shown(dict(row))}")
    return float(value)


def _function(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    found = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(found, str):
        raise ValueError(f"{name!r} must be an object with a name, got {shown(value)}")
    return found
