"""Embeddings of features: what both parent and child have stays; a new one changes nothing that the child computes.

Where the ramps of a new piecewise embedding lie is decided by training samples (`placed`): between quantiles of each feature, so that each ramp
climbs where there are as many samples (Gorishniy, Rubachev & Babenko 2022, section 3.2). So are a robust embedding's median and spread (Holzmüller,
Grinsztajn & Steinwart 2024). The waves of a periodic one have frequencies drawn
over a wide range, which stay as they are (Rahimi & Recht 2007; Gorishniy et al., section 3.3, train them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.layers import EMBEDDINGS, Layer, Shape, made_of_each
from genomes.network.genes import Gene
from neuroevo.decode.architecture import architecture_of
from neuroevo.inherit.donor import handed_on
from neuroevo.inherit.moments import Moments

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk

Weights = dict[str, npt.NDArray[Any]]
SLOWEST, FASTEST = 0.3, 10.0  # waves, in radians for each deviation of a feature
ROWS = 10_000  # samples that quantiles are taken of
NORMAL_SPREAD = 1.34898  # of the middle half of the standard normal distribution
FLAT = 1e-6  # of a feature's range: quantiles that are nearer have no ramp between them


def visit(walk: Walk, gene: Gene, shape: Shape) -> None:
    """Give an embedding its labels, moments and weights."""
    marking, source, width = gene.marking, gene.inputs[0], made_of_each(gene.layer)
    kept = bool(walk.donors) and marking in walk.donors[0].shared
    walk.labels[marking] = handed_on(gene, [walk.labels[source]], walk.child, kept=kept)
    walk.moments[marking] = Moments.joined([walk.moments[source], Moments.standard(shape[0] * width)])
    walk.positive[marking] = np.concatenate([walk.positive[source], np.full(shape[0] * width, gene.kind == "piecewise")])
    weights = fresh(gene.layer, shape[0], walk.rng, walk.dtype)
    donor = walk.donor(gene)
    if donor is not None:
        old, found = donor.weights(marking), walk.match(gene, donor, 0)
        for role in ("kernel", "bias"):
            if old[role].shape[1] == width:
                weights[role][found.known] = old[role][found.source[found.known]]
    walk.store(gene, weights)


def fresh(layer: Layer, features: int, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Weights:
    """Ramps or scales as for features of the standard normal distribution, or waves."""
    width = layer.width
    if layer.kind == "robust":
        return {"kernel": np.full((features, 1), 1 / NORMAL_SPREAD, dtype), "bias": np.zeros((features, 1), dtype)}
    if layer.kind == "piecewise":
        drawn = np.sort(np.random.Generator(np.random.Philox(width)).standard_normal(4001))  # the same in every call
        edges = np.quantile(drawn, np.linspace(0.01, 0.99, width + 1))
        kernel, bias = _ramps(np.tile(edges, (features, 1)))
        return {"kernel": kernel.astype(dtype), "bias": bias.astype(dtype)}
    pairs = -(-width // 2)
    frequencies = np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST), (features, pairs)))
    phases = np.tile([0.0, np.pi / 2], pairs)[:width]
    return {
        "kernel": np.repeat(frequencies, 2, axis=1)[:, :width].astype(dtype),
        "bias": np.tile(phases, (features, 1)).astype(dtype),
    }


def placed(
    genome: Genome, arrays: Mapping[str, npt.NDArray[Any]], x: npt.NDArray[np.floating], parents: Iterable[Genome] = ()
) -> dict[str, npt.NDArray[Any]]:
    """The arrays with the ramps and scales of new embeddings of the network's input where the quantiles of its features put them.

    Args:
        arrays: as `inherit` gave them.
        x: floating [samples, features], training samples.
        parents: whose embeddings stay as they are.
    """
    found = dict(arrays)
    architecture = architecture_of(genome)
    known = {gene.marking for parent in parents for gene in architecture_of(parent).genes}
    new = [gene for gene in architecture.genes if gene.kind in EMBEDDINGS - {"periodic"} and gene.marking not in known]
    for gene in new:
        if architecture.by_marking[gene.inputs[0]].kind == "input":
            rows = np.linspace(0, len(x) - 1, min(ROWS, len(x))).round().astype(int)
            shares = np.linspace(0, 1, gene.layer.width + 1 if gene.kind == "piecewise" else 5)
            edges = np.quantile(x[rows].astype(np.float64), shares, axis=0).T
            for role, array in zip(("kernel", "bias"), (_ramps if gene.kind == "piecewise" else _scales)(edges), strict=True):
                found[f"{gene.marking}/{role}"] = array.astype(arrays[f"{gene.marking}/{role}"].dtype)
    return found


def _ramps(edges: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The factors and summands of ramps from each edge to the next: float64 [features, ramps]; 0 where there is nothing between them.

    Args:
        edges: float64 [features, ramps + 1], rising.
    """
    widths = np.diff(edges, axis=1)
    climbs = widths > FLAT * np.maximum(edges[:, -1:] - edges[:, :1], 1e-12)
    kernel = np.where(climbs, 1 / np.where(climbs, widths, 1.0), 0.0)
    return kernel, -kernel * np.where(climbs, edges[:, :-1], 0.0)


def _scales(quarters: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The factors and summands that take each feature's median to 0 and make its middle half one wide; where that is nothing, half of its range.

    Args:
        quarters: float64 [features, 5], least, quartiles and most.
    """
    least, low, median, high, most = quarters.T
    spread = np.where(high > low, high - low, (most - least) / 2)
    kernel = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return kernel[:, None], (-kernel * median)[:, None]
