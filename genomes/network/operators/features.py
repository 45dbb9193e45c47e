"""Layers that go on an edge of features and hand on as many: a norm (BatchNorm, Ioffe & Szegedy 2015), a gate (as Dauphin et al. 2017 gate, section 2) and
a dropout (Srivastava et al. 2014).

Each starts as the identity, in inference mode: the norm expects what comes in, the gate is open by one half and doubled. A dropout is always that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import EMBEDDINGS, WEIGHTED, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import bypass, finished, insert_on_edge, new_marking, project_after
from genomes.network.genes import DROPPED, GATED, NORMALISED, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

RATES = (0.1, 0.2, 0.3, 0.5)  # of dropouts, that variation uses
_COMPUTED = (*WEIGHTED, "add")


def insert_norm_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(source, target) for every edge behind a weighted layer or an addition that carries features; none where the space has no norms.

    Convolutions have a norm of their own.
    """
    return _edges(architecture, _COMPUTED, "norm") if space.norms else []


def insert_norm(architecture: Architecture, source: int, target: int, *, clock: int) -> Architecture:
    """A BatchNorm on the edge. Exact."""
    return _inserted(architecture, Layer("norm"), source, target, clock, NORMALISED)


def remove_norm_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(norm,) for every norm of its own."""
    return _all(architecture, "norm")


def remove_norm(architecture: Architecture, norm: int, *, clock: int) -> Architecture:
    """The network without the norm. Approximate."""
    return _removed(architecture, norm)


def insert_gate_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(source, target) for every edge of features behind the input, an embedding, a weighted layer or an addition; none where the space has no
    gates."""
    return _edges(architecture, ("input", *EMBEDDINGS, *_COMPUTED), "gate") if space.gates else []


def insert_gate(architecture: Architecture, source: int, target: int, *, clock: int) -> Architecture:
    """A gate on the edge. Exact."""
    return _inserted(architecture, Layer("gate"), source, target, clock, GATED)


def remove_gate_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(gate,) for every gate."""
    return _all(architecture, "gate")


def remove_gate(architecture: Architecture, gate: int, *, clock: int) -> Architecture:
    """The network without the gate. Approximate."""
    return _removed(architecture, gate)


def insert_dropout_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int, float]]:
    """(source, target, rate) for every edge of features behind an embedding, a weighted layer or an addition; none where the space has no
    dropout."""
    edges = _edges(architecture, (*EMBEDDINGS, *_COMPUTED), "dropout") if space.dropout else []
    return [(*edge, rate) for edge in edges for rate in RATES]


def insert_dropout(architecture: Architecture, source: int, target: int, rate: float, *, clock: int) -> Architecture:
    """A dropout on the edge. Exact."""
    return _inserted(architecture, Layer("dropout", rate=rate), source, target, clock, DROPPED)


def remove_dropout_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(dropout,) for every dropout."""
    return _all(architecture, "dropout")


def remove_dropout(architecture: Architecture, dropout: int, *, clock: int) -> Architecture:
    """The network without the dropout. Exact."""
    return _removed(architecture, dropout)


def _edges(architecture: Architecture, kinds: tuple[str, ...], kind: str) -> list[tuple[int, int]]:
    """The edges of features behind layers of these kinds that do not lead to one of `kind`."""
    return [
        (source, target)
        for source, target in architecture.edges
        if len(architecture.shapes[source]) == 1
        and architecture.by_marking[source].kind in kinds
        and architecture.by_marking[target].kind != kind
    ]


def _all(architecture: Architecture, kind: str) -> list[tuple[int]]:
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind == kind]


def _inserted(architecture: Architecture, layer: Layer, source: int, target: int, clock: int, event: int) -> Architecture:
    genes = dict(architecture.by_marking)
    born = new_marking(genes, clock, event, source, target)
    insert_on_edge(genes, Gene(born, layer, (source,)), source, target)
    return finished(architecture, genes)


def _removed(architecture: Architecture, marking: int) -> Architecture:
    genes = dict(architecture.by_marking)
    if genes[marking].kind != "dropout":
        project_after(genes, [marking])
    bypass(genes, marking)
    return finished(architecture, genes)
