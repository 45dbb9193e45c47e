"""The edit distance against exact enumeration on small graphs, and layers worked out by hand."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from genomes import CellSpace, NetworkSpace
from genomes.distances import Edit
from genomes.distances.edit import skips_of
from genomes.distances.kernels.assignment import assignment
from genomes.distances.layers import Vertex, parts
from genomes.testing import lineage


def substitution(a: Vertex, b: Vertex) -> float:
    if a.kind != b.kind:
        return 1.0
    pairs = [(x, y) for x, y in zip(a[1:6], b[1:6], strict=True) if max(x, y) > 0]
    return sum(abs(x - y) / max(x, y) for x, y in pairs) / len(pairs)


def cheapest(first: list, second: list, cost, ordered: bool) -> float:
    """The least cost over every way to match items of both sides, what is left costing 1 each."""
    best = float(len(first) + len(second))
    for count in range(1, min(len(first), len(second)) + 1):
        for some in combinations(range(len(first)), count):
            others = combinations(range(len(second)), count) if ordered else permutations(range(len(second)), count)
            for other in others:
                matched = sum(cost(first[i], second[j]) for i, j in zip(some, other, strict=True))
                best = min(best, matched + len(first) + len(second) - 2 * count)
    return best


def skip_cost(a: tuple, b: tuple) -> float:
    if a[0] != b[0]:
        return 1.0
    return (abs(a[1] - b[1]) + abs(a[2] - b[2])) / (max(a[1], b[1]) + max(a[2], b[2]))


def assigned(first: list, second: list) -> float:
    """The same by the Hungarian algorithm, each item with a place of its own to be left at."""
    cost = np.zeros((len(first) + len(second), len(first) + len(second)))
    cost[: len(first), : len(second)] = [[skip_cost(a, b) for b in second] for a in first] if first and second else 0
    cost[: len(first), len(second) :], cost[len(first) :, : len(second)] = 1, 1
    return float(cost[linear_sum_assignment(cost)].sum())


@pytest.mark.parametrize(
    "space",
    [CellSpace(), CellSpace("darts", 1, channels=8), NetworkSpace((8, 8, 1), 10)],
    ids=["nasbench201", "darts", "network"],
)
def test_it_is_the_cheapest_of_all_ways(space) -> None:
    genomes = lineage(space, 3, 16, size=4)
    enumerated = 0
    for first, second in zip(genomes[::2], genomes[1::2], strict=True):
        layers = skips = 0.0
        for one, other in zip(parts(Edit(), first, False), parts(Edit(), second, False), strict=True):
            left, right = [[v for v in part.vertices if not v.kind.startswith(("input", "output"))] for part in (one, other)]
            from_here, to_there = skips_of(one), skips_of(other)
            layers += cheapest(left, right, substitution, True)
            assigned_cost = assigned(from_here, to_there)
            skips += assigned_cost
            if max(len(from_here), len(to_there)) <= 7:
                assert assigned_cost == pytest.approx(cheapest(from_here, to_there, skip_cost, False))
                enumerated += 1
        for weight in (0.0, 1.0, 0.1):
            assert Edit(skips=weight).between(first, second) == pytest.approx(layers + weight * skips)
    assert enumerated > 0


def test_costs_by_hand() -> None:
    space = CellSpace()
    one, other, absent = [space.build([0, 0, 0, answer, 0, 0]) for answer in (2, 3, 0)]
    assert Edit().between(one, other) == pytest.approx((2 / 3) / 5), "kernels of 1 and 3, one of five attributes"
    assert Edit(skips=0).between(one, absent) == 1
    assert Edit(skips=0).between(one, space.build([0, 0, 0, 4, 0, 0])) == 1, "a convolution for a pooling"


def test_skips_are_the_edges_that_pass_layers_by() -> None:
    (part,) = parts(Edit(), CellSpace().build([3, 1, 4, 0, 0, 2]), False)  # input, 3x3, skip, average, 1x1, output
    assert [vertex.kind for vertex in part.vertices] == ["input", "plain_conv", "skip", "average_pool", "plain_conv", "output"]
    assert skips_of(part) == [(0, 0, 2), (0, 1, 2), (1, 2, 2)]
    assert part.before == ((), (0,), (0,), (1,), (2, 3), (4,))


def test_a_cell_can_be_compared_as_its_network() -> None:
    space = CellSpace(repeats=1, stages=1)
    one, other = space.build([2, 0, 0, 0, 0, 0]), space.build([0, 0, 0, 0, 0, 3])
    assert Edit().between(one, other) == 0, "both do nothing"
    small, large = space.build([0, 0, 0, 2, 0, 0]), space.build([0, 0, 0, 3, 0, 0])
    assert Edit(network=True).between(small, large) == pytest.approx((2 / 3) / 5)
    assert Edit(network=True).between(one, other) > 0, "layers that hand zeros on are layers of the network"


def test_a_network_of_many_skips_costs_what_the_assignment_costs() -> None:
    space = CellSpace("darts", 4, channels=8, repeats=2)
    genomes = [space.random(np.random.default_rng(seed)) for seed in range(4)]
    for first, second in zip(genomes[::2], genomes[1::2], strict=True):
        (one,), (other,) = (parts(Edit(), genome, True) for genome in (first, second))
        here, there = skips_of(one), skips_of(other)
        assert min(len(here), len(there)) > 100
        left, right = (Edit(network=True, skips=weight).between(first, second) for weight in (0.0, 0.5))
        assert right - left == pytest.approx(0.5 * assigned(here, there))
        assert Edit(network=True).between(first, second) == Edit(network=True).between(second, first)


@pytest.mark.parametrize("seed", range(20))
def test_an_assignment_is_the_cheapest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = sorted(rng.integers(0, 30, size=2).tolist())
    cost = np.ascontiguousarray(
        rng.uniform(0, 1, (rows + 2, columns + 1)) if seed % 2 else rng.integers(0, 3, (rows + 2, columns + 1)) / 2.0
    )
    of_column, least, came = np.empty(columns, np.int64), np.empty(columns), np.empty(columns, np.int64)
    found = assignment(cost, rows, columns, np.empty(rows + columns), of_column, least, came, np.empty(columns, np.bool_))
    part = cost[:rows, :columns]
    assert found == pytest.approx(part[linear_sum_assignment(part)].sum())
    assert sorted(of_column[of_column >= 0].tolist()) == list(range(rows)) and (of_column < 0).sum() == columns - rows
