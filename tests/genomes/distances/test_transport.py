"""Optimal transport against linear programming, an assignment solver, POT where it is installed, and networks worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from genomes import CellSpace, NetworkSpace
from genomes.distances import OptimalTransport
from genomes.distances.kernels.flow import partial_transport
from genomes.distances.layers import parts
from genomes.distances.transport import path_lengths
from genomes.testing import lineage


def solved(cost: np.ndarray, supply: np.ndarray, demand: np.ndarray, unmatched: float = 1.0) -> float:
    rows, columns = cost.shape
    size = rows + columns
    return partial_transport(
        cost, supply.copy(), demand.copy(), rows, columns, unmatched,
        np.empty(cost.shape), np.empty(size), np.empty(size), np.empty(size, np.int64), np.empty(size, np.bool_),
    )  # fmt: skip


def with_dummies(cost: np.ndarray, supply: np.ndarray, demand: np.ndarray, unmatched: float = 1.0):
    """The problem as the paper states it: a dummy layer on each side that takes what is not assigned."""
    whole = np.full((cost.shape[0] + 1, cost.shape[1] + 1), unmatched)
    whole[:-1, :-1], whole[-1, -1] = cost, 0
    return whole, np.append(supply, demand.sum()), np.append(demand, supply.sum())


def by_linear_programming(cost: np.ndarray, supply: np.ndarray, demand: np.ndarray) -> float:
    whole, left, right = with_dummies(cost, supply, demand)
    rows, columns = whole.shape
    constraints = np.concatenate([np.kron(np.eye(rows), np.ones(columns)), np.tile(np.eye(columns), rows)])
    return linprog(whole.ravel(), A_eq=constraints, b_eq=np.concatenate([left, right])).fun


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_transport_costs_what_linear_programming_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 9, size=2)
    cost = rng.choice([rng.uniform(0, 3, (rows, columns)), rng.integers(0, 4, (rows, columns)) / 2.0])
    cost[rng.random(cost.shape) < 0.3] = 1e9  # never matched
    supply, demand = rng.integers(1, 50, rows) * rng.choice([1.0, 0.1]), rng.integers(1, 50, columns) * rng.choice([1.0, 16.0])
    expected = by_linear_programming(np.minimum(cost, 2), supply, demand)
    assert solved(cost, supply, demand) == pytest.approx(expected, abs=1e-8 * (supply.sum() + demand.sum()))


def test_forty_layers_cost_what_linear_programming_finds() -> None:
    rng = np.random.default_rng(1)
    for _ in range(3):
        cost, supply, demand = rng.uniform(0, 2.5, (40, 37)), rng.uniform(1, 1e6, 40), rng.uniform(1, 1e6, 37)
        assert solved(cost, supply, demand) == pytest.approx(by_linear_programming(cost, supply, demand), rel=1e-9)


def test_unit_masses_are_an_assignment() -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        rows, columns = rng.integers(1, 12, size=2)
        cost = rng.uniform(0, 1, (rows, columns))
        square = np.full((rows + columns, rows + columns), 0.0)
        square[:rows, :columns], square[:rows, columns:], square[rows:, :columns] = cost, 1, 1
        expected = square[linear_sum_assignment(square)].sum()
        assert solved(cost, np.ones(rows), np.ones(columns)) == pytest.approx(expected, abs=1e-12)


def test_the_library_finds_the_same() -> None:
    ot = pytest.importorskip("ot", reason="POT is not installed")
    rng = np.random.default_rng(3)
    for _ in range(50):
        rows, columns = rng.integers(2, 12, size=2)
        cost, supply, demand = rng.uniform(0, 3, (rows, columns)), rng.uniform(1, 9, rows), rng.uniform(1, 9, columns)
        whole, left, right = with_dummies(cost, supply, demand)
        assert solved(cost, supply, demand) == pytest.approx(ot.emd2(left, right, whole), rel=1e-9)


def expected_distance(first, second, mislabel: float, structure: float) -> float:
    """OTMANN written down anew: matched kinds only, then linear programming."""
    total = 0.0
    distance = OptimalTransport()
    for one, other in zip(parts(distance, first, False), parts(distance, second, False), strict=True):
        sides = [(part, path_lengths(part), masses(part)) for part in (one, other)]
        (_, here, supply), (_, there, demand) = sides
        cost = np.full((len(supply), len(demand)), 2.0)
        for i, a in enumerate(one.vertices):
            for j, b in enumerate(other.vertices):
                label = label_mismatch(a, b)
                if label is not None:
                    cost[i, j] = min(mislabel * label + structure * np.abs(here[i] - there[j]).mean(), 2)
        total += by_linear_programming(cost, supply, demand)
    return total


def label_mismatch(a, b) -> float | None:
    convolutions, poolings = ("conv", "separable", "plain_conv", "plain_separable"), ("max_pool", "average_pool")
    if a.kind in convolutions and b.kind in convolutions:
        size = np.sqrt(2) / 10 * np.sqrt(abs(a.kernel - b.kernel))
        return size if a.kind == b.kind else 0.9 * size + 0.1
    if a.kind in poolings and b.kind in poolings:
        return np.sqrt(2) / 10 * np.sqrt(abs(a.kernel - b.kernel)) if a.kind == b.kind else 0.5
    return 0.0 if a.kind == b.kind else None


def masses(part) -> np.ndarray:
    ends = [vertex.kind.startswith(("input", "output")) for vertex in part.vertices]
    processing = sum(vertex.mass for vertex, end in zip(part.vertices, ends, strict=True) if not end)
    share = max(processing / 10, 100)
    inputs = sum(vertex.kind.startswith("input") for vertex in part.vertices)
    return np.array(
        [
            (share / inputs if vertex.kind.startswith("input") else share) if end else vertex.mass
            for vertex, end in zip(part.vertices, ends, strict=True)
        ]
    )


@pytest.mark.parametrize("space", [CellSpace(), CellSpace("darts", 3, channels=8), CellSpace("nasnet", 2, channels=8)])
def test_cells_are_as_far_apart_as_the_definition_says(space: CellSpace) -> None:
    cells = lineage(space, 7, 12, size=4)
    for mislabel, structure in ((1.0, 0.25), (0.5, 1.5)):
        distance = OptimalTransport(mislabel, structure, normalised=False)
        for first, second in zip(cells[::2], cells[1::2], strict=True):
            expected = expected_distance(first, second, mislabel, structure)
            assert distance.between(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-6)
            mass = sum(masses(part).sum() for one in (first, second) for part in parts(distance, one, False))
            relative = OptimalTransport(mislabel, structure).between(first, second)
            assert relative == pytest.approx(expected / mass, rel=1e-9, abs=1e-9) and relative <= 1


def test_a_change_of_kernel_costs_its_mass_times_the_mismatch() -> None:
    space = CellSpace()
    small, large = space.build([0, 0, 0, 2, 0, 0]), space.build([0, 0, 0, 3, 0, 0])  # one convolution, of 16 x 16 channels
    found = OptimalTransport(structure=0, normalised=False).between(small, large)
    assert found == pytest.approx(256 * np.sqrt(2) / 10 * np.sqrt(2))
    absent = space.build([0, 0, 0, 0, 0, 0])
    assert OptimalTransport(structure=0, normalised=False).between(small, absent) == pytest.approx(256)


def test_path_lengths_of_a_residual_block() -> None:
    """A convolution and a skip beside a pooling: worked out by hand."""
    cell = CellSpace().build([3, 1, 4, 0, 0, 2])  # input -> 3x3 -> 1 -> average -> 2, input -> skip -> 2, 2 -> 1x1 -> output
    (part,) = parts(OptimalTransport(), cell, False)
    kinds = [vertex.kind for vertex in part.vertices]
    lengths = {kind: row for kind, row in zip(kinds, path_lengths(part)[:, :6].tolist(), strict=True) if kind != "plain_conv"}
    assert lengths["input"] == [0, 0, 0, 3, 4, 3.5]
    assert lengths["average_pool"] == [2, 2, 2, 2, 2, 2]
    assert lengths["skip"] == [1, 1, 1, 2, 2, 2]
    assert lengths["output"] == [3, 4, 3.5, 0, 0, 0]
    of_convolutions = path_lengths(part)[:, 6:12].tolist()
    assert of_convolutions[kinds.index("input")] == [0, 0, 0, 1, 2, 1.5]
    assert of_convolutions[kinds.index("output")] == [1, 2, 1.5, 0, 0, 0]


def test_layer_graphs_are_compared_by_their_layers() -> None:
    networks = lineage(NetworkSpace((8, 8, 1), 10), 3, 12, size=4)
    distance = OptimalTransport()
    among = distance.matrix(networks)
    for i, first in enumerate(networks):
        for j, second in enumerate(networks):
            if first.key() == second.key():
                assert among[i, j] == pytest.approx(0, abs=1e-12)


def test_what_is_normalised_is_a_multiple_of_what_is_not() -> None:
    for space in (CellSpace(), CellSpace("nasnet", 2, (8, 8, 1), 10, 4, 1, 2), NetworkSpace((8, 8, 1), 10)):
        genomes = [space.random(np.random.default_rng(seed)) for seed in range(7)]
        for distance in (OptimalTransport(structure=0.61), OptimalTransport(normalised=False)):
            base = distance.unscaled()
            assert base == OptimalTransport(structure=distance.structure, normalised=False)
            found = distance.rescaled(base.matrix(genomes[:4], genomes), base, genomes[:4], genomes)
            assert found.tolist() == distance.matrix(genomes[:4], genomes).tolist()
