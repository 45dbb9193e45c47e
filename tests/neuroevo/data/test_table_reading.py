"""Tables are read as text: what a cell becomes depends on that cell, not on what pandas makes of the others."""

import re

import numpy as np
import pandas
import pytest

from neuroevo.data import DataError, fitting, load, reading, table
from neuroevo.data.unlike import unseen

TRAINED = "site,flag,age,y\n" + "".join(
    f"{site},{flag},{age},{y}\n"
    for site, flag, age, y in zip(
        ["3", "4", "x"] * 20, ["True", "False", "maybe"] * 20, range(0, 120, 2), ["a", "b"] * 30, strict=True
    )
)


@pytest.fixture
def columns(tmp_path):
    (tmp_path / "trained.csv").write_text(TRAINED)
    return load(tmp_path / "trained.csv", target="y").columns


def features(tmp_path, columns, text):
    (tmp_path / "new.csv").write_text(text)
    return table.features(reading.read(tmp_path / "new.csv", described=columns).frame, columns)


@pytest.mark.parametrize(
    ("whole", "holed"),
    [
        ("site,flag,age\n3,True,5\n4,False,6\n", "site,flag,age\n3,True,5\n,False,6\n"),
        ("site,flag,age\n3,True,5\n4,False,6\n", "site,flag,age\n3,True,5\n4,,6\n"),
        ("site,flag,age\n3,True,5\n4,False,6\n", "site,flag,age\n3,True,5\n4,False,\n"),
        ("site,flag,age\n3,True,5\n4,False,6\n", "site,flag,age\n3,True,5\nx,maybe,6.5\n"),
        ("site,flag,age\n3,True,5\n4,False,6\n", "site,flag,age\n3,True,5\n   ,NA,1e3\n"),
    ],
)
def test_a_cell_changes_no_other_row(tmp_path, columns, whole, holed):
    first, second = features(tmp_path, columns, whole), features(tmp_path, columns, holed)
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_a_row_alone_is_what_it_is_among_all_others(tmp_path, columns):
    lines = TRAINED.splitlines()
    every = features(tmp_path, columns, TRAINED)
    for k in (0, 1, 2, 57):
        assert np.array_equal(features(tmp_path, columns, f"{lines[0]}\n{lines[k + 1]}\n")[0], every[k])


@pytest.mark.parametrize(
    "word", ["None", "NA", "NaN", "null", "nan", "N/A", "#N/A", "<NA>", "n/a", "-nan", "NULL", "inf", "Infinity"]
)
def test_no_word_is_a_hole(tmp_path, word):
    rows = "".join(f"{[word, 'left'][k % 2]},{k},{[word, 'left'][k // 2 % 2]}\n" for k in range(40))
    (tmp_path / "t.csv").write_text(f"site,n,y\n{rows}")
    data = load(tmp_path / "t.csv", target="y")
    assert f"site is {word}" in table.feature_names(data.columns)
    assert word in data.label_names
    assert sum(data.class_counts.values()) == 40


@pytest.mark.parametrize(
    ("texts", "option"),
    [
        (["unknown"], "--missing unknown"),
        (["n. a."], "--missing 'n. a.'"),
        (["?", "NA"], "--missing '?' --missing NA"),
        (["NaN"], "--missing NaN"),
    ],
)
def test_a_few_texts_among_numbers_are_asked_about(tmp_path, texts, option):
    values = [*range(60 - len(texts)), *texts]
    pandas.DataFrame({"age": values, "n": np.arange(60) ** 2, "y": ["a", "b"] * 30}).to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv", target="y")
    assert any(option in note for note in data.notes), data.notes
    known = load(tmp_path / "t.csv", target="y", missing=texts)
    assert table.feature_names(known.columns) == ["age", "age is missing", "n"]
    assert known.columns["missing"] == texts


def test_the_missing_texts_of_the_training_are_those_of_the_prediction(tmp_path):
    rows = "".join(f"{[' ?', k, '-1'][k % 3]},{['?', 'left'][k % 2]},{'ab'[k % 2]}\n" for k in range(60))
    (tmp_path / "t.csv").write_text(f"age,site,y\n{rows}")
    columns = load(tmp_path / "t.csv", target="y", missing=["?", "-1"]).columns
    found = features(tmp_path, columns, "site,age\n?,?\nleft,-1\n ,\n? ,-1.0\n")
    assert found[:, 1].tolist() == [1, 1, 1, 1]  # age is missing
    assert found[:, 2].tolist() == [1, 0, 1, 1]  # site is missing


def test_what_no_training_row_held_is_counted(tmp_path, columns):
    (tmp_path / "new.csv").write_text("site,flag,age\n3.0,1,5\nup,true,\nup,True,2\n,TRUE,3\n")
    frame = reading.read(tmp_path / "new.csv", described=columns).frame
    site, flag, age = unseen(frame, columns)
    assert site.startswith("'site' is a missing value, '3.0', 'up' in 4 rows")
    assert flag.startswith("'flag' is '1', 'TRUE', 'true' in 3 rows")
    assert age.startswith("'age' is missing in 1 row and in no training row")
    assert table.features(frame, columns)[0, :3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("text", ["?", "five", "NA"])
def test_a_text_among_numbers_to_predict_from_names_the_option(tmp_path, columns, text):
    with pytest.raises(DataError, match=rf"column 'age' must hold numbers.*--missing '?{re.escape(text)}"):
        features(tmp_path, columns, f"site,flag,age\n3,True,5\n4,False,{text}\n")


@pytest.mark.parametrize(
    ("trained", "given"),
    [
        ([3, "x", None], pandas.array([3, 3, 3], "int64")),
        ([3, "x", None], [3.0, None, 3.0]),
        (["3", "x", None], pandas.Categorical([3, None, 3])),
        ([True, False, "maybe"], [True, None, True]),
        ([True, False, True], pandas.array([True, True, True], "bool")),
        ([True, False, True], pandas.array([True, None, True], "boolean")),
        ([2.5, "x", 4], [2.5, 2.5, 2.5]),
    ],
)
def test_a_data_frames_dtype_decides_no_category(trained, given):
    columns, _ = fitting.fit(pandas.DataFrame({"site": pandas.Series(trained * 5, dtype=object)}), np.arange(15))
    found = table.features(pandas.DataFrame({"site": given}), columns)
    assert found[0].sum() == 1
    assert np.array_equal(found[0], found[2])


def test_numbers_in_a_column_of_objects_are_numbers():
    frame = pandas.DataFrame({"a": pandas.Series([1, 2.5, None, 4], dtype=object)})
    assert table.feature_names(fitting.fit(frame, np.arange(4))[0]) == ["a", "a is missing"]


def test_a_name_with_a_comma_is_one_target_and_two_names_are_two(tmp_path):
    pandas.DataFrame({"a": range(40), "b,c": np.arange(40) / 7, "b": np.arange(40) / 3}).to_csv(tmp_path / "t.csv", index=False)
    assert load(tmp_path / "t.csv", target="b,c").label_names == ("b,c",)
    assert load(tmp_path / "t.csv", target=["b,c", "b"]).label_names == ("b,c", "b")
    assert load(tmp_path / "t.csv", target="a, b").input_shape == (1,)
    with pytest.raises(DataError, match="'b' is named twice"):
        load(tmp_path / "t.csv", target=["b", "b"])


def test_a_description_of_an_older_release_still_reads(tmp_path):
    older = {"columns": [{"name": "flag", "kind": "number", "fill": 1.0, "indicator": False}]}
    assert features(tmp_path, table.checked(older), "flag\nTrue\nFalse\n")[:, 0].tolist() == [1, 0]
    assert features(tmp_path, older, 'flag\nTrue\n" "\n')[:, 0].tolist() == [1, 1]
    with pytest.raises(ValueError, match="list of texts"):
        table.checked({**older, "missing": [3]})


@pytest.mark.parametrize("text", ["a,a,y\n1,x,5\n2,,6\n", "\ufeffa,b,y\n1,x,5\n2,,6\n"])
def test_columns_stay_in_their_places_beside_texts(tmp_path, text):
    """Also two columns of one name, and a byte order mark."""
    (tmp_path / "t.csv").write_text(text)
    frame = reading.read(tmp_path / "t.csv").frame
    assert frame.iloc[:, 0].tolist() == [1, 2]
    assert frame.iloc[:, 1].tolist() == ["x", None]
    assert frame["y"].tolist() == [5, 6]


@pytest.mark.parametrize("header", ["site , flag,  age", "site,flag,age", "\ufeffsite,flag , age "])
def test_columns_are_found_between_blanks(tmp_path, columns, header):
    found = features(tmp_path, columns, f"{header}\n3,True,5\n4,False,6\n")
    assert np.array_equal(found, features(tmp_path, columns, "site,flag,age\n3,True,5\n4,False,6\n"))


def test_a_target_is_found_between_blanks(tmp_path):
    (tmp_path / "t.csv").write_text("x, y\n" + "".join(f"{k},{k * 0.5}\n" for k in range(40)))
    assert load(tmp_path / "t.csv", target="y").label_names == (" y",)


@pytest.mark.parametrize("rows", ["3,True,5,\n4,False,6,\n", "3,True,5,\n4,False,6\n"])
def test_commas_at_the_end_of_rows_shift_no_column(tmp_path, columns, rows):
    found = features(tmp_path, columns, "site,flag,age\n" + rows)
    assert np.array_equal(found, features(tmp_path, columns, "site,flag,age\n3,True,5\n4,False,6\n"))


@pytest.mark.parametrize("rows", ["3,True,5,9\n", "0,3,True,5\n1,4,True,6\n", "3,True,5,,9\n", "first,3,True,5\n"])
def test_cells_without_a_name_are_refused(tmp_path, columns, rows):
    with pytest.raises(DataError, match="more cells than its header has names"):
        features(tmp_path, columns, "site,flag,age\n" + rows)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_table_that_something_else_separates_is_the_same_table(tmp_path, columns, separator):
    found = features(
        tmp_path, columns, separator.join(["site", "flag", "age"]) + "\n" + separator.join(["3", "True", "5,5"]) + "\n"
    )
    assert np.array_equal(found, features(tmp_path, columns, "site,flag,age\n3,True,5.5\n"))


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), ("$7", 7), ("1 000", 1000), ("2,000", 2000), ("\u22123", -3), ("1.5D+03", 1500)]
)
def test_a_number_that_is_written_otherwise_is_a_number(tmp_path, columns, text, value):
    found = features(tmp_path, columns, f'site,flag,age\n3,True,5\n3,True,"{text}"\n')
    assert found[:, -1].tolist() == [5, value]


def test_percentages_beside_plain_numbers_are_refused(tmp_path, columns):
    with pytest.raises(DataError, match="numbers that are written like '12 %'") as error:
        features(tmp_path, columns, 'site,flag,age\n3,True,5\n3,True,"12 %"\n')
    assert "--missing" not in str(error.value)


@pytest.mark.parametrize("texts", [["1.2.3", "10:30"], ["2020-01-05", "2021-01-05"], ["a%", "b%"], ["1-5", "6-9"], ["$", "%"]])
def test_texts_that_are_no_numbers_are_not_called_numbers(tmp_path, texts):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{texts[k % 2]},{texts[k // 2 % 2]}\n" for k in range(40)))
    data = load(tmp_path / "t.csv", target="y")
    assert data.label_names == tuple(sorted(texts))
    assert "written like" not in " ".join(data.notes)


@pytest.mark.parametrize(("step", "said"), [(10, True), (1024, False)])
@pytest.mark.parametrize("hole", [False, True])
def test_nanoseconds_that_float64_makes_equal_are_said(tmp_path, step, said, hole):
    times = [str(1_700_000_000_000_000_000 + step * k) for k in range(60)]
    times[7] = "" if hole else times[7]
    (tmp_path / "t.csv").write_text("x,time,y\n" + "".join(f"{k},{time},{k * 0.5}\n" for k, time in enumerate(times)))
    notes = " ".join(load(tmp_path / "t.csv", target="y").notes)
    assert ("more digits than float64 has" in notes) is said
