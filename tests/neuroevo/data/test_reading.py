"""Tables in files of all kinds are the same table; what was found is said; what cannot be read is one sentence."""

import bz2
import gzip
import lzma
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from neuroevo.cli.completion import DATA_FILES
from neuroevo.data import DataError, load, reading
from neuroevo.data.table import feature_names

ROWS = 60
FRAME = pandas.DataFrame(
    {
        "size": (np.arange(ROWS) * 37 % 101) / 4,
        "site": ["north", "south", "é;x"] * (ROWS // 3),
        "seen": pandas.date_range("2024-01-30", periods=ROWS, freq="7h"),
        "ok": [True, False] * (ROWS // 2),
        "kind": ["a", "b", "b", "a"] * (ROWS // 4),
    }
)
TEXT = FRAME.to_csv(index=False)
WRITERS = {
    "t.csv": lambda path: path.write_text(TEXT),
    "t.tsv": lambda path: path.write_text(FRAME.to_csv(index=False, sep="\t")),
    "semicolons.csv": lambda path: path.write_text(FRAME.to_csv(index=False, sep=";", decimal=",")),
    "bars.txt": lambda path: path.write_text(FRAME.to_csv(index=False, sep="|")),
    "coded.csv": lambda path: path.write_bytes(TEXT.encode("cp1252")),
    "wide.csv": lambda path: path.write_bytes(TEXT.encode("utf-16")),
    "t.csv.gz": lambda path: path.write_bytes(gzip.compress(TEXT.encode())),
    "t.gz": lambda path: path.write_bytes(gzip.compress(TEXT.encode())),
    "t.csv.bz2": lambda path: path.write_bytes(bz2.compress(TEXT.encode())),
    "t.tsv.xz": lambda path: path.write_bytes(lzma.compress(FRAME.to_csv(index=False, sep="\t").encode())),
    "t.jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True, date_format="iso"),
    "t.json": lambda path: FRAME.to_json(path, orient="records", date_format="iso"),
    "t.parquet": lambda path: FRAME.to_parquet(path),
    "t.feather": lambda path: FRAME.to_feather(path),
    "t.xlsx": lambda path: FRAME.to_excel(path, index=False),
}
NEEDED = {".parquet": "pyarrow", ".feather": "pyarrow", ".xlsx": "openpyxl"}


def test_every_format_is_the_same_data(tmp_path):
    expected = load(FRAME, target="kind", seed=1)
    assert feature_names(expected.columns)[:4] == ["size", "site is north", "site is south", "site is é;x"]
    assert [name for name in feature_names(expected.columns) if "seen" in name][:2] == ["seen in days", "sine of seen's month"]
    read = 0
    for name, write in WRITERS.items():
        package = NEEDED.get(Path(name).suffix)
        try:
            __import__(package or "json")
        except ImportError:
            continue
        write(tmp_path / name)
        data = load(tmp_path / name, target="kind", seed=1)
        assert data.digest() == expected.digest(), name
        again = reading.read(tmp_path / name, described=data.columns)
        assert len(again.frame) == ROWS
        read += 1
    assert read >= 12


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.xlsx"])
def test_a_package_that_is_missing_is_named_with_its_extra(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"whatever")
    for package in ("pyarrow", "openpyxl"):
        for module in [known for known in sys.modules if known.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"read by {NEEDED[Path(name).suffix]}, which is not installed: .*tables"):
        load(tmp_path / name, target="kind")


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.xlsx"])
def test_a_damaged_file_is_one_sentence(tmp_path, name):
    pytest.importorskip(NEEDED[Path(name).suffix])
    (tmp_path / name).write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=rf"{name} cannot be read as {name[2:]}"):
        load(tmp_path / name, target="kind")


def test_the_first_of_several_sheets_is_read_and_named(tmp_path):
    pytest.importorskip("openpyxl")
    with pandas.ExcelWriter(tmp_path / "t.xlsx") as book:
        FRAME.to_excel(book, sheet_name="flowers", index=False)
        FRAME.iloc[:5].to_excel(book, sheet_name="more", index=False)
    data = load(tmp_path / "t.xlsx", target="kind")
    assert "Of the 2 sheets of t.xlsx the first, 'flowers', was read." in data.notes
    assert sum(data.class_counts.values()) == ROWS


def test_a_frame_of_polars_is_that_of_pandas():
    polars = pytest.importorskip("polars")
    frame = FRAME.drop(columns="seen")
    assert load(polars.DataFrame(frame.to_dict("list")), target="kind").digest() == load(frame, target="kind").digest()


def test_a_frame_and_its_targets_are_a_pair():
    together = load(FRAME, target="kind")
    apart = load((FRAME.drop(columns="kind"), FRAME["kind"]))
    assert apart.digest() == together.digest()
    with pytest.raises(DataError, match="60 samples but 3 labels"):
        load((FRAME.drop(columns="kind"), ["a", "b", "a"]))


def test_the_index_of_a_frame_is_no_column():
    data = load(FRAME.rename_axis("id"), target="kind")
    assert "The index 'id' is no column and was not read (reset_index makes it one)." in data.notes
    assert data.digest() == load(FRAME, target="kind").digest()


def test_a_file_of_another_kind_says_which_are_tables(tmp_path):
    (tmp_path / "t.xls").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a table \(\.csv, .*\.xlsx.*t\.xls is not one"):
        load(tmp_path / "t.xls", target="kind")


def test_a_frame_of_numbers_and_its_targets_stay_arrays():
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = np.arange(40) % 2
    assert load((pandas.DataFrame(x), y)).digest() == load((x, y)).digest()


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,x;y\n2,z;w\n", ","),
        ("a;b, c;d\n1;2,5;3\n2;3,5;4\n", ";"),
        ('a;b\n"x;y";1\n"z";2\n', ";"),
        ("a\tb\n1,5\t2\n", "\t"),
        ("a b  c\n1 2  3\n4  5 6\n", r"\s+"),
        ("one\n1\n2\n", ","),
        ("a,b\n1,2,\n3,4,\n", ","),
        ("a;b;\n1;2;\n3;4;\n", ";"),
        ("", ","),
    ],
)
def test_what_separates_columns_is_found(text, separator):
    assert reading.separator_of(text) == separator


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,5", "2,25", "3"], [1.5, 2.25, 3]),
        (["0,125", "0,250", "0,375"], [0.125, 0.25, 0.375]),
        (["1.234,5", "2.000", "3"], [1234.5, 2000, 3]),
        (["1,234", "2,345", "3,456"], [1.234, 2.345, 3.456]),
        (["950", "1,234", "2,000"], [950, 1234, 2000]),
        (["1.5", "1,234.5", "2"], [1.5, 1234.5, 2]),
        (["1.5", "2.25", "3"], [1.5, 2.25, 3]),
    ],
)
def test_a_comma_before_decimals_is_told_from_one_between_thousands(tmp_path, cells, values):
    rows = "".join(f"{cells[k % 3]};{k * k};{'ab'[k // 3 % 2]}\n" for k in range(60))
    (tmp_path / "t.csv").write_text(f"x;n;y\n{rows}")
    data = load(tmp_path / "t.csv", target="y", columns={"keep": ["x"]})
    raw = data.normalisation.inverse(np.concatenate([part.x for part in (data.train, data.validation, data.test)]))
    assert np.allclose(np.unique(raw[:, 0].round(4)), sorted(values), atol=1e-3)


def test_a_file_that_leaves_the_comma_open_is_read_as_the_training_was(tmp_path):
    rows = "".join(f"{k},{k % 10}5;{k * k};{'ab'[k % 2]}\n" for k in range(60))
    (tmp_path / "t.csv").write_text(f"x;n;y\n{rows}")
    columns = load(tmp_path / "t.csv", target="y").columns
    assert columns["decimal"] == ","
    (tmp_path / "new.csv").write_text("x;n\n1.234;5\n")
    assert reading.read(tmp_path / "new.csv", described=columns).frame.iloc[0, 0] == 1234
    (tmp_path / "new.csv").write_text("x;n\n1.25;5\n")
    assert reading.read(tmp_path / "new.csv", described=columns).frame.iloc[0, 0] == 1.25


@pytest.mark.parametrize("data", [b"a,b\n1\0,2\n", b"\xe9\x01\x02,b\n", b"\x80\x04\x95\x10\x00\x00"])
def test_what_is_no_text_is_not_taken_for_a_table(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match="is not text"):
        load(tmp_path / "t.csv", target="b")


def test_a_table_without_names_is_said_to_be_one(tmp_path):
    (tmp_path / "t.csv").write_text("5.1,3.5,oak\n4.9,3.0,elm\n")
    with pytest.raises(DataError, match=r"unknown target column 'kind'.*first line looks like data"):
        load(tmp_path / "t.csv", target="kind")


def test_two_columns_of_one_name_in_a_frame_are_refused():
    with pytest.raises(DataError, match="two columns are called 'a'"):
        load(pandas.DataFrame([[1, 2, "x"]] * 20, columns=["a", "a", "y"]), target="y")


@pytest.mark.parametrize("text", ["5", '"a"', "", "[1, 2]", '{"a": 1}\n{"a"'])
def test_json_that_is_no_table_is_one_sentence(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=r"t\.json"):
        load(tmp_path / "t.json", target="b")


def test_numbers_that_a_format_keeps_as_texts_stay_texts_and_are_pointed_out():
    frame = FRAME.assign(code=["1", "2", "3"] * 20, zip=["01", "02"] * 30)
    data = load(frame, target="kind")
    assert {"code is 1", "zip is 01"} <= set(feature_names(data.columns))
    assert [note for note in data.notes if "--type" in note] == [
        "'code' holds texts that are numbers, and they stay texts; to read them as numbers: --type code=number."
    ]
    assert "code" in feature_names(load(frame, target="kind", columns={"types": {"code": "number"}}).columns)


def test_what_means_missing_does_so_in_typed_tables():
    frame = FRAME.assign(age=[-999.0, *range(10, 69)], note=["?", "x", "y"] * 20)
    names = feature_names(load(frame, target="kind", missing=["-999", "?"]).columns)
    assert {"age is missing", "note is missing"} <= set(names)


@pytest.mark.parametrize(
    ("name", "short"),
    [("a.csv", "a"), ("a.csv.gz", "a"), ("a.gz", "a"), ("a.parquet", "a"), ("digits", "digits"), ("a.b.npz", "a.b")],
)
def test_a_run_is_named_by_its_table(name, short):
    assert reading.stem(Path("there") / name) == short


def test_the_shell_completes_every_table():
    assert set(DATA_FILES) == {*reading.TABLES, *reading.PACKED, ".npz"}
