"""Copies of a row, groups and times never straddle the split."""

import numpy as np
import pandas
import pytest

from neuroevo.data import DataError, load
from neuroevo.data.splitting import hold_back

RNG = np.random.default_rng(1)
N = 300
PARTS = ("train", "validation", "test")


def values(data, feature=0):
    """A feature's values in each part, in its own units."""
    return [set(data.normalisation.inverse(getattr(data, part).x)[:, feature].round(3).tolist()) for part in PARTS]


def apart(data, feature=0):
    train, validation, test = values(data, feature)
    return not (train & validation or train & test or validation & test)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("target", ["kind", "price"])
def test_copies_of_a_row_are_in_one_part(seed, target):
    frame = pandas.DataFrame({"x": np.arange(N) * 7 % 1009 / 3, "kind": RNG.choice(["a", "b"], N), "price": RNG.normal(size=N)})
    frame = frame.drop(columns="price" if target == "kind" else "kind")
    frame = pandas.concat([frame, frame.iloc[:100], frame.iloc[:20]], ignore_index=True)
    data = load(frame.assign(row=range(len(frame))), target=target, seed=seed)
    assert apart(data)
    assert "120 of 420 rows are copies of others: copies are in one part of the split." in data.notes
    assert [len(getattr(data, part)) / 420 for part in PARTS] == pytest.approx([0.6, 0.2, 0.2], abs=0.06)


def test_a_table_of_few_different_rows_says_that_copies_are_everywhere():
    frame = pandas.DataFrame({"x": RNG.choice(["p", "q"], N), "y": RNG.choice(["a", "b"], N)})
    data = load(frame, target="y")
    assert any("Only 4 of 300 rows are different" in note for note in data.notes)
    assert len(data.train) == 180


def test_the_named_sets_are_split_as_before():
    assert load("iris", seed=1).digest() == "77d3d56cd961aebd"  # it has a row twice


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("target", ["kind", "price"])
def test_a_group_is_in_one_part(seed, target):
    patient = RNG.integers(0, 40, N)
    frame = pandas.DataFrame({"patient": [f"p{k}" for k in patient], "of": patient * 1.5, "kind": RNG.choice(["a", "b"], N)})
    data = load(frame.assign(price=RNG.normal(size=N)), target=target, seed=seed, columns={"group": "patient"})
    assert apart(data)
    assert [len(getattr(data, part)) / N for part in PARTS] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert "The 40 values of 'patient' are each in one part of the split. It is no feature." in data.notes


def test_parts_of_groups_have_the_classes_in_like_shares():
    patient = np.arange(N) // 10
    kind = np.where(patient % 5 == 0, "rare", "common")
    data = load(pandas.DataFrame({"g": patient, "x": RNG.normal(size=N), "y": kind}), target="y", columns={"group": "g"})
    shares = [np.mean(getattr(data, part).y) for part in PARTS]
    assert shares == pytest.approx([0.2, 0.2, 0.2], abs=0.08)


@pytest.mark.parametrize(
    "times",
    [
        pandas.date_range("2020-01-01", periods=N, freq="D").strftime("%d.%m.%Y"),
        pandas.date_range("2020-01-01", periods=N, freq="D"),
        np.arange(N) // 3,
    ],
)
def test_later_rows_are_held_back(times):
    order = RNG.permutation(N)
    frame = pandas.DataFrame({"when": np.asarray(times)[order], "n": order.astype(float) ** 1.5, "y": RNG.choice(["a", "b"], N)})
    data = load(frame, target="y", columns={"time": "when"})
    train, validation, test = values(data, -1)
    assert max(train) < min(validation) <= max(validation) < min(test)
    assert [len(getattr(data, part)) / N for part in PARTS] == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
    assert any("Split by 'when': later rows are held back." in note for note in data.notes)


@pytest.mark.parametrize(
    ("frame", "columns", "words"),
    [
        ({"g": ["p", "q"] * 30}, {"group": "g"}, "'g' has 2 different values: a split by groups needs 3"),
        ({"g": [1.0, None, 2.0] * 20}, {"group": "g"}, "'g' is missing in 20 of 60 rows.*--group"),
        ({"g": [1, 2] * 30}, {"time": "g"}, "'g' has 2 different values: a split by time needs 3"),
        ({"g": [*"pqrst"] * 12}, {"time": "g"}, "'g' holds no dates or numbers.*--type g=date:FORMAT"),
        (
            {"g": [0] * 30 + [1] * 10 + [2] * 20, "y": ["a"] * 45 + ["b"] * 15},
            {"time": "g"},
            "class 'b' is in no row to train on",
        ),
    ],
)
def test_what_cannot_be_split_so_is_one_sentence(frame, columns, words):
    table = pandas.DataFrame({"x": np.arange(60) ** 2, "y": ["a", "b", "b"] * 20, **frame})
    with pytest.raises(DataError, match=words):
        load(table, target="y", columns=columns)


def test_groups_are_held_back_whole():
    groups = np.repeat(np.arange(20), 5)
    held = hold_back(groups, None, 0.25, np.random.default_rng(0))
    assert held.sum() == 25
    assert not set(groups[held]) & set(groups[~held])
