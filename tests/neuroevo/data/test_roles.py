"""What a column is, what says nothing of other rows, and what the user says of it."""

import json

import numpy as np
import pandas
import pytest

from neuroevo.data import Columns, DataError, load
from neuroevo.data.columns import parse_types
from neuroevo.data.roles import code, roles
from neuroevo.data.table import feature_names

RNG = np.random.default_rng(3)
N = 80
BASE = pandas.DataFrame({"size": RNG.normal(size=N).round(4), "kind": ["a", "b"] * (N // 2)})


def why(name, values, **said):
    frame = pandas.DataFrame({name: values, "size": BASE["size"]})
    return roles(frame, Columns(**said), BASE["kind"].to_numpy(dtype=str), ("kind",))[0][0].why


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("x", range(N), "numbers the rows"),
        ("", range(1, N + 1), "numbers the rows"),
        ("id", range(500, 500 + N), "numbers the rows"),
        ("year", range(1900, 1900 + N), ""),
        ("PassengerId", RNG.permutation(N) + 7, "another number in each row"),
        ("customer_id", RNG.permutation(N) * 17, "another number in each row"),
        ("customer_id", RNG.permutation(N) // 4, ""),
        ("width", RNG.permutation(N) * 17, ""),
        ("weight_kg", RNG.normal(size=N), ""),
        ("id", RNG.normal(size=N), ""),
        ("name", [f"Ms. {k}" for k in range(N)], "80 different texts in 80 rows"),
        ("name", [f"Ms. {max(k, 2)}" for k in range(N)], "78 different texts in 80 rows"),
        ("town", [f"town {k // 2}" for k in range(N)], ""),
        ("copy", BASE["kind"], "a copy of 'kind'"),
        ("other", BASE["kind"][::-1].to_numpy(), ""),
    ],
)
def test_what_says_nothing_of_new_rows_is_left_out(name, values, words):
    assert why(name, list(values)) == words
    assert why(name, list(values), keep=[name]) == ""
    assert why(name, list(values), rules=1) == ""


def test_a_copy_of_a_numeric_target_is_left_out():
    frame = pandas.DataFrame({"x": RNG.normal(size=N), "price": BASE["size"], "same": BASE["size"]})
    data = load(frame, target="price")
    assert feature_names(data.columns) == ["x"]
    assert any("'same' (a copy of 'price')" in note for note in data.notes)


@pytest.mark.parametrize("days", [[20240101.0, None], [20240101, 20240215], ["20240101", "20240215"]])
def test_numbers_are_dates_where_that_is_said(days):
    frame = BASE.assign(when=days * (N // 2))
    data = load(frame, target="kind", columns={"types": {"when": "date:%Y%m%d"}})
    assert ("when in days" in feature_names(data.columns)) == (None not in days)
    assert ("when is missing" in feature_names(data.columns)) == (None in days)


def test_row_numbers_stay_where_nothing_else_is_there():
    data = load(pandas.DataFrame({"x": np.arange(60), "y": np.arange(60) ** 2 / 7}), target="y")
    assert feature_names(data.columns) == ["x"]


def test_row_numbers_are_known_after_rows_without_a_target_are_left_out():
    frame = BASE.assign(row=np.arange(N))
    frame.loc[[3, 9, 40], "kind"] = None
    assert feature_names(load(frame, target="kind").columns) == ["size"]


def test_a_constant_is_left_out_unless_it_is_kept_or_has_holes():
    frame = BASE.assign(same=3, word="x", holed=[None, 2.0] * (N // 2), also=1)
    data = load(frame, target="kind", columns={"keep": ["also"]})
    assert feature_names(data.columns) == ["size", "holed", "holed is missing", "also"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-999, -999, 3, 5, 8], "--missing -999"),
        ([999, 999, 3, 5, 8], "--missing 999"),
        ([99, 99, 1, 2, 5], "--missing 99"),
        ([99, 99, 60, 80, 98], ""),
        ([-999, 3, 5, 8], ""),
        ([-1, -1, 3, 5], ""),
        ([9999.0, 9999.0, 3.5, 5, 8], "--missing 9999"),
        ([999, 999], ""),
    ],
)
def test_numbers_that_stand_for_nothing_are_pointed_out(values, said):
    note = code("x", np.array(values, float))
    assert said in note if said else note == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drop": "id"}, "drop is a list of column names"),
        ({"drp": ["id"]}, "did you mean 'drop'"),
        ({"types": {"size": "numbr"}}, "did you mean 'number'"),
        ({"types": {"size": "hash:3"}}, "only a date has a format"),
        ({"types": ["size"]}, "types says by column"),
        ({"keep": ["size"], "drop": ["size"]}, "both kept and dropped"),
        ({"group": "size", "time": "size"}, "not by both"),
        ({"group": 3}, "name of one column"),
        ({"rules": 9}, "a newer one wrote this"),
        ({"drop": ["sise"]}, "did you mean 'size'"),
        ({"group": "kind"}, "that is the column to predict"),
        ({"drop": ["size"]}, "no column of the table can be used"),
        ({"types": {"size": "date:%Y"}}, "column 'size' must hold dates written like %Y"),
        (3, "columns says what is done"),
    ],
)
def test_what_cannot_be_done_with_columns_is_one_sentence(tmp_path, options, words):
    BASE.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=words):
        load(tmp_path / "t.csv", target="kind", columns=options)


def test_options_for_columns_are_of_tables_alone():
    with pytest.raises(DataError, match="--drop names columns of a table; iris is not one"):
        load("iris", columns={"drop": ["x"]})


def test_a_type_that_does_not_fit_names_the_cell(tmp_path):
    BASE.assign(code=["7", "x"] * (N // 2)).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"'code' is to hold numbers; it holds 'x'.*--missing x"):
        load(tmp_path / "t.csv", target="kind", columns={"types": {"code": "number"}})


def test_what_is_said_of_columns_comes_back_from_json():
    said = Columns(keep=["a"], drop=["b"], types={"c": "date:%d/%m/%Y"}, group="g")
    assert Columns.of(json.loads(json.dumps(said.to_dict()))) == said
    assert Columns().to_dict() == {"rules": 2}
    assert Columns.recorded(None).rules == 1


def test_types_are_typed_as_column_and_kind():
    assert parse_types(["a=b=number"]) == {"a=b": "number"}
    for wrong in (["number"], ["=number"], ["a=number", "a=date"]):
        with pytest.raises(DataError):
            parse_types(wrong)


def older(path):
    """A table with all that is read otherwise now."""
    rows = ["id,const,city,amount,when,n,y"]
    for k in range(120):
        j = k % 100
        rows.append(f'{k},7,town {j % 60},"${1000 + 13 * j:,}",2024-01-{1 + j % 28:02d},{(j * 37) % 101 / 4},{"ab"[j % 2]}')
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(("target", "digest"), [("y", "fdd266a43f0d3e08"), ("n", "5acefec20eaa1f3d")])
def test_a_table_is_read_as_an_older_release_read_it_where_a_run_of_it_goes_on(tmp_path, target, digest):
    """The digests are those of that release."""
    path = older(tmp_path / "t.csv")
    assert load(path, target=target, seed=3, columns={"rules": 1}).digest() == digest
    assert load(path, target=target, seed=3).digest() != digest


def test_a_plain_table_is_what_it_was(tmp_path):
    frame = BASE.assign(site=RNG.permutation(["north", "south"] * (N // 2)), age=RNG.integers(0, 9, N))
    frame.to_csv(tmp_path / "t.csv", index=False)
    now, then = (load(tmp_path / "t.csv", target="kind", columns={"rules": rules}) for rules in (2, 1))
    assert now.digest() == then.digest()
