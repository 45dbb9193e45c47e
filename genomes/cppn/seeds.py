"""CPPNs made by hand: what a user knows about a task's geometry, as a first genome (Verbancsics & Stanley 2011; Risi & Stanley 2012)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genomes.base import shown, unknown
from genomes.markings import marking
from genomes.neat.genes import CONNECTION_INNOVATION, NODE_INNOVATION

if TYPE_CHECKING:
    from genomes.cppn.genome import CppnGenome
    from genomes.cppn.space import CppnSpace


def seed(
    space: CppnSpace, connections: list[tuple[str, str, float]], hidden: dict[str, str], biases: dict[str, float]
) -> CppnGenome:
    """See `CppnSpace.seed`."""
    names = space.node_names
    marks = {name: number for number, name in enumerate(names)}
    for number, name in enumerate(hidden):
        if name in marks:
            raise ValueError(f"{name!r} names a node that every CPPN of this space has: give the hidden node another name")
        marks[name] = marking(0, NODE_INNOVATION, number)
    for name in biases:
        _known(name, list(marks))
    if biases and space.bias != "node":
        raise ValueError(
            f"biases go with bias='node'; in this space, connect the bias node: ('bias', {next(iter(biases))!r}, weight)"
        )
    nodes: list[list[Any]] = []
    for number, name in enumerate(names):
        kind = "output" if number >= space.sensors else "bias" if number >= space.inputs else "input"
        activation = space.output_activation or space.activations[0] if kind == "output" else "identity"
        nodes.append([number, kind, float(biases.get(name, 0.0)), 1.0, activation, "sum"])
    nodes += sorted(
        [marks[name], "hidden", float(biases.get(name, 0.0)), 1.0, activation, "sum"] for name, activation in hidden.items()
    )
    genes = []
    for given in connections:
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise ValueError(f"a connection is (from, to, weight), got {shown(given)}")
        source, target = (marks[_known(name, list(marks))] for name in given[:2])
        genes.append([marking(0, CONNECTION_INNOVATION, source, target), source, target, float(given[2]), True])
    genome: CppnGenome = space.from_genes({"nodes": nodes, "connections": sorted(genes)})  # type: ignore[assignment]
    return genome


def _known(name: object, names: list[str]) -> str:
    if not isinstance(name, str) or name not in names:
        raise ValueError(unknown("node", name, names))
    return name
