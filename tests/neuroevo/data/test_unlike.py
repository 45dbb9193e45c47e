"""What rows to predict of hold that training rows did not is counted, and said by column."""

import json

import numpy as np
import pandas
import pytest

from neuroevo.data import load, table
from neuroevo.data.frames import typed
from neuroevo.data.unlike import unlike, unseen

N = 200
RNG = np.random.default_rng(0)
TRAINED = pandas.DataFrame(
    {
        "age": RNG.integers(20, 60, N) + 0.5,
        "site": RNG.choice(["north", "south"], N),
        "town": [f"t{k % 60}" for k in range(N)],
        "when": pandas.date_range("2024-01-01", periods=N, freq="D"),
        "y": RNG.choice(["a", "b"], N),
    }
)
NEW = pandas.DataFrame({"age": [30.0, 40.0, 50.0], "site": ["north"] * 3, "town": ["t1"] * 3, "when": TRAINED["when"][:3]})


@pytest.fixture(scope="module")
def columns():
    return table.checked(json.loads(json.dumps(load(TRAINED, target="y").columns)))


def test_rows_like_those_of_the_training_are_said_nothing_of(columns):
    assert unlike(typed(NEW), columns) == []


@pytest.mark.parametrize(
    ("change", "count", "words"),
    [
        ({"site": ["north", "up", "up"]}, 2, "'site' is 'up' in 2 rows and in no training row"),
        ({"town": ["t1", "t2", "t99"]}, 1, "'town' is 't99' in 1 row and in no training row: it counts there as the mean of all"),
        ({"age": [30, 450, 95.0]}, 2, "'age' is 95 to 450 in 2 rows, far outside of the 20.5 to 59.5 of the training rows."),
        ({"age": [30, -5, 70.0]}, 1, "'age' is -5 in 1 row, far outside of"),
        ({"age": [30, None, 40.0]}, 1, "'age' is missing in 1 row and in no training row"),
        ({"when": ["2024-02-01", "2031-05-06", "2024-02-03"]}, 1, "'when' is 2031-05-06T00:00:00 in 1 row, far outside of"),
        ({"when": ["2024-02-01", None, "2024-02-03"]}, 1, "'when' is missing in 1 row"),
    ],
)
def test_what_is_new_is_counted_and_named(columns, change, count, words):
    said = unlike(typed(NEW.assign(**change)), columns)
    assert said[0] == f"{count} of 3 rows hold what no training row held, so that predictions of them are less sure."
    assert words in said[1]
    assert len(said) == 2


def test_a_row_is_counted_once(columns):
    said = unlike(typed(NEW.assign(site=["up", "north", "north"], age=[900, 40, 30.0])), columns)
    assert said[0].startswith("1 of 3 rows")
    assert len(said) == 3


def test_numbers_far_outside_are_of_predictions_alone(columns):
    assert unseen(typed(NEW.assign(age=[900, 40, 30.0])), columns) == []


def test_a_description_of_an_older_release_has_no_ranges():
    older = {"columns": [{"name": "age", "kind": "number", "fill": 1.0, "indicator": False}]}
    assert unlike(typed(NEW.assign(age=1e9)), table.checked(older)) == []


@pytest.mark.parametrize(
    "column",
    [
        {"name": "x", "kind": "target", "prior": [0.5], "of": ["a"], "means": {"t": [1, 2]}},
        {"name": "x", "kind": "target", "prior": [0.5, 1], "of": ["a"], "means": {"t": [1, 2]}},
        {"name": "x", "kind": "target", "prior": [0.5], "of": ["a"], "means": {"t": "many"}},
        {"name": "x", "kind": "date", "format": "ISO8601", "start": "soon", "fill": 1, "indicator": True, "elapsed": True, "parts": [],
         "low": 0, "high": 1},
        {"name": "x", "kind": "date", "format": "ISO8601", "start": "2020-01-01", "fill": 1, "indicator": True, "elapsed": True,
         "parts": ["decade"], "low": 0, "high": 1},
        {"name": "x", "kind": "number", "fill": 1, "indicator": True, "notation": {"unit": "kg"}},
        {"name": "x", "kind": "number", "fill": 1, "indicator": True, "low": "0"},
        {"name": "x", "kind": "hashes"},
    ],
)  # fmt: skip
def test_what_is_no_description_of_a_column_is_refused(column):
    with pytest.raises(ValueError, match="not the description of a column"):
        table.checked({"columns": [column]})
