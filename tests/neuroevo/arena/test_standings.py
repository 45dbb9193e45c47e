"""Standings: ranks, tests and the critical difference, against numbers that were published."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroevo.arena import standings
from neuroevo.arena.standings import holm
from neuroevo.plots import critical_difference
from neuroevo.plots.critical_difference_figure import critical_difference_data

# Demšar (2006), table 6: areas under the curve of C4.5 with other parameters on 14 data sets.
C45 = np.array(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931], [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
)  # fmt: skip
NAMES = ("C4.5", "+m", "+cf", "+m+cf")


def test_ranks_and_the_critical_difference_are_those_of_the_paper() -> None:
    found = standings(NAMES, C45, higher_is_better=True)
    assert found.mean.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    assert found.critical_difference == pytest.approx(1.25, abs=0.01), "section 3.2.2"
    assert found.friedman is not None and found.friedman < 0.05
    assert [found.names[place] for place in found.order] == ["+m+cf", "+m", "+cf", "C4.5"]


def test_wilcoxon_is_that_of_the_paper() -> None:
    """Section 3.1.3: C4.5 against C4.5 with m on these sets: T = 12 of 14; the difference is significant at 0.05."""
    (pair,) = standings(NAMES[:2], C45[:, :2], higher_is_better=True).pairs
    assert (pair.wins, pair.ties, pair.losses) == (2, 2, 10) and pair.p == pair.adjusted < 0.05


def test_lower_may_be_better() -> None:
    found = standings(["a", "b"], [[1.0, 2.0]] * 6, higher_is_better=False)
    assert found.mean.tolist() == [1, 2] and found.pairs[0].wins == 6 and found.friedman is None


def test_who_has_no_value_ranks_last() -> None:
    found = standings(["a", "b", "c"], [[math.nan, 2.0, math.nan]] * 5, higher_is_better=True)
    assert found.ranks[0].tolist() == [2.5, 1, 2.5]
    assert all(0 <= pair.p <= 1 for pair in found.pairs)


def test_few_blocks_are_ranked_and_not_tested() -> None:
    found = standings(["a", "b"], [[1.0, 2.0]] * 4, higher_is_better=True)
    assert found.critical_difference is None and found.pairs == () and found.mean.tolist() == [2, 1]


def test_equal_competitors_are_not_told_apart() -> None:
    found = standings(["a", "b", "c"], np.ones((8, 3)), higher_is_better=True)
    assert found.friedman == 1 and all(pair.p == pair.adjusted == 1 for pair in found.pairs)


def test_values_of_another_shape_are_refused() -> None:
    for values in ([[1.0]], [], [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"values are float64 \[blocks, 2 competitors\]"):
            standings(["a", "b"], values, higher_is_better=True)


@given(arrays(np.float64, st.tuples(st.integers(5, 9), st.integers(2, 5)), elements=st.sampled_from([0.0, 1.0, 2.0, math.nan])))
def test_ranks_are_shared_out_whole(values) -> None:
    count = values.shape[1]
    found = standings([str(place) for place in range(count)], values, higher_is_better=True)
    assert np.allclose(found.ranks.sum(axis=1), count * (count + 1) / 2)
    assert all(pair.wins + pair.ties + pair.losses == len(values) and pair.p <= pair.adjusted <= 1 for pair in found.pairs)


def test_holm_is_bonferroni_for_the_least_and_never_falls() -> None:
    found = holm([0.03, 0.001, 0.02, 0.9])
    assert found[1] == pytest.approx(0.004) and found == pytest.approx([0.06, 0.004, 0.06, 0.9])


def test_bars_join_what_is_within_the_difference() -> None:
    assert critical_difference_data([3.143, 2.0, 2.893, 1.964], 1.25) == [(1.964, 3.143)]
    assert critical_difference_data([1.0, 2.0, 4.0], 0.5) == [] and critical_difference_data([1.0, 1.0], None) == []


def test_the_figure_names_everybody() -> None:
    figure = critical_difference(NAMES, [3.143, 2.0, 2.893, 1.964], 1.25, 14)
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(name in said for name in NAMES) and "1.25" in said and "14 blocks" in said
    with pytest.raises(ValueError, match="each method needs one mean rank"):
        critical_difference(NAMES, [1.0], None, 3)
