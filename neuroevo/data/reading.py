"""Tables from files: what separates columns, the encoding and the packing are found, and said in a line.

A column of a text file is float64 where every cell is a number or a hole, else the cells' texts as they stand (None for a hole), whatever
stands in other columns or files. Formats that keep types (Parquet, Feather, Excel, JSON) keep them.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from neuroevo.core.extras import how_to_install
from neuroevo.data.columns import named_so
from neuroevo.data.dataset import DataError
from neuroevo.data.frames import MISSING, is_numeric, typed
from neuroevo.data.written import canonical, decisive_decimals, notation_of, plain_number, some_number

TEXT = (".csv", ".tsv", ".tab", ".txt")
JSON = (".jsonl", ".ndjson", ".json")
NEEDS = {".parquet": "pyarrow", ".feather": "pyarrow", ".xlsx": "openpyxl", ".xlsm": "openpyxl"}
TABLES = (*TEXT, *JSON, *NEEDS)
PACKED = (".gz", ".bz2", ".xz", ".zip")
FORMATS = f"{', '.join(TABLES)}, also packed ({', '.join(PACKED)})"

BLANKS = r"\s+"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", BLANKS: "blanks"}
SAMPLE = 1 << 16  # characters of a text that say what separates its columns
ROWS = 200  # of them
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n")  # what Excel reads and writes as a first line


@dataclass(frozen=True)
class Found:
    """A table of a file.

    Attributes:
        frame: a pandas DataFrame, its columns' names being texts.
        decimal: what stands before decimals in the file: "." or ",".
        notes: how it was read, where that is not how every program would.
    """

    frame: Any
    decimal: str = "."
    notes: tuple[str, ...] = ()


def is_table(path: Path) -> bool:
    """Whether a path is named like a table that can be read, packed or not."""
    suffix = path.suffix.lower()
    return suffix in TABLES or suffix in PACKED


def stem(path: Path) -> str:
    """The name of a table without what says its format."""
    name = Path(path.stem) if path.suffix.lower() in PACKED else path
    return name.stem if name.suffix.lower() in TABLES or name is path else name.name


def read(path: Path, missing: Sequence[str] = (), described: Mapping[str, Any] | None = None, texts: Sequence[str] = ()) -> Found:
    """The table in a file.

    Args:
        missing: texts that are holes, beside the empty cell.
        described: from `neuroevo.data.table.fit`: its columns are read as they were there, and its holes are holes.
        texts: columns whose cells are read as they are written, also where all are numbers.

    Raises:
        DataError: empty, or not readable as a table.
    """
    described = described or {}
    missing = tuple(dict.fromkeys((*missing, *described.get("missing", ()))))
    written = [column["name"] for column in described.get("columns", ()) if column["kind"] != "number"]
    name, data, notes = _unpacked(path)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in TEXT or suffix not in TABLES:
        return _text(path, data, suffix, missing, [*written, *texts], described.get("decimal", "."), notes)
    frame, more = _typed_file(path, data, suffix)
    if not len(frame):
        raise DataError(f"{path} has a header but no rows" if len(frame.columns) else f"{path} is empty")
    return Found(typed(frame, missing), ".", (*notes, *more))


# Packing ----------------------------------------------------------------------------------------------------------------------


def _unpacked(path: Path) -> tuple[str, bytes, list[str]]:
    """The name and the bytes of the table in a file, and what to say of it."""
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    suffix = path.suffix.lower()
    try:
        if suffix in openers:
            with openers[suffix](path, "rb") as file:
                return path.stem, file.read(), []
        if suffix == ".zip":
            return _member(path)
        return path.name, path.read_bytes(), []
    except DataError:
        raise
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        lzma.LZMAError,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(f"{path} cannot be unpacked: {' '.join(str(error).split())[:160]}") from error


def _member(path: Path) -> tuple[str, bytes, list[str]]:
    """The one table in an archive."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        names = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)]
        tables = [name for name in names if PurePosixPath(name).suffix.lower() in TABLES]
        if len(tables) != 1:
            found = f"several tables, {', '.join(tables[:4])}: unpack the one to read" if tables else (
                f"no table ({', '.join(TABLES)}); a folder of images is unpacked first"
            )  # fmt: skip
            raise DataError(f"{path} holds {found}")
        others = len(names) - 1
        return tables[0], archive.read(tables[0]), [f"{tables[0]} in {path.name} was read."] if others else []


# Text -------------------------------------------------------------------------------------------------------------------------


def _text(
    path: Path, data: bytes, suffix: str, missing: Sequence[str], written: Sequence[str], trained: str, notes: Sequence[str]
) -> Found:
    text, encoding = _decoded(path, data)
    line = _SEPARATOR_LINE.match(text)
    usual = "\t" if suffix in (".tsv", ".tab") else ","
    if line:
        text, separator = text[line.end() :], line[1]
    else:
        separator = separator_of(text, usual)
    first = _parsed(path, text, separator, missing)
    table = first.set_axis([str(name) for name in first.columns], axis=1)
    if not len(table):
        raise DataError(f"{path} has a header but no rows")
    names = list(table.columns)
    written = [named_so(name, names) or name for name in written]
    apart = [k for k, name in enumerate(names) if name in written or not is_numeric(table.iloc[:, k])]
    decimal = "."
    if separator != ",":
        as_written = _parsed(path, text, separator, missing, dtype=str)
        decimal = _decimal(as_written, separator, trained)
        if decimal == ",":
            apart = list(range(len(names)))
    if apart:
        # by their names in the file: two columns of one name differ there
        as_written = _parsed(path, text, separator, missing, dtype={first.columns[k]: str for k in apart})
        for k in apart:
            values = _cells(as_written.iloc[:, k], missing)
            if decimal == ",":
                values = _with_points(values)
            table[table.columns[k]] = values if table.columns[k] in written else _as_numbers(values)
    said = []
    if separator != usual:
        said.append(f"{SEPARATORS.get(separator, repr(separator))} between columns")
    if decimal == ",":
        said.append("a comma before decimals")
    if encoding != "UTF-8":
        said.append(f"text in {encoding}")
    return Found(table, decimal, (*notes, *([f"{path.name} was read as a table with {', '.join(said)}."] if said else [])))


def _decoded(path: Path, data: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding."""
    for mark, encoding in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if data.startswith(mark):
            with suppress(UnicodeDecodeError):
                return data.decode("utf-16"), encoding
    if b"\0" in data[:SAMPLE]:
        raise DataError(f"{path} is not text: it holds bytes that no text has")
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        if _BINARY.search(data):
            raise DataError(f"{path} is not text: it holds bytes that no text has") from error
    with suppress(UnicodeDecodeError):
        return data.decode("cp1252"), "windows-1252 (where letters are wrong, save it as UTF-8)"
    return data.decode("latin-1"), "latin-1 (where letters are wrong, save it as UTF-8)"


def separator_of(text: str, usual: str = ",") -> str:
    """What separates the columns of a text: what the header has and gives most rows as many cells as it has names; of several the one with the
    most columns, of equal ones the usual. Blanks where nothing else does so; the usual where they do not either."""
    sample = text[:SAMPLE]
    lines = list(io.StringIO(sample, newline=None))
    lines = lines if len(text) <= SAMPLE else lines[:-1] or lines  # the last is cut
    widths = {separator: _columns(lines, separator) for separator in dict.fromkeys((usual, *SEPARATORS)) if separator != BLANKS}
    widest = max(widths, key=widths.__getitem__)
    if widths[widest] >= 2:
        return widest
    return BLANKS if _columns(lines, BLANKS) >= 2 else usual


def _columns(lines: Sequence[str], separator: str) -> int:
    """How many columns there are if this separates them; 0 where the rows do not fit the header."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        if separator == BLANKS:
            rows = [line.split() for line in lines[:ROWS]]
        else:
            rows = list(islice(csv.reader(lines, delimiter=separator), ROWS))
    rows = [row for row in rows if row]
    if not rows:
        return 0
    width = len(rows[0]) - (not rows[0][-1].strip())
    even = sum(len([*row[:width], *filter(str.strip, row[width:])]) == width for row in rows)
    return width if even >= 0.9 * len(rows) else 0


def _parsed(path: Path, text: str, separator: str, missing: Sequence[str], **more: Any) -> Any:
    import pandas

    options = {"keep_default_na": False, "na_values": ["", *missing], "index_col": False, "sep": separator, **more}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # cells that no name of the header stands above
            return pandas.read_csv(io.StringIO(text), low_memory=False, **options)
    except pandas.errors.ParserWarning as error:
        raise DataError(
            f"rows of {path} have more cells than its header has names: give each column a name, that of row names too"
        ) from error
    except pandas.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty") from error
    except (pandas.errors.ParserError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table: {' '.join(str(error).split())[:160]}") from error


def _decimal(table: Any, separator: str, trained: str) -> str:
    """What stands before decimals in a file that other things than commas separate, by those of its cells that leave nothing open."""
    found: Counter[str] = Counter()
    commas, thousands = False, False
    for k in range(table.shape[1]):
        texts = [str(text) for text in table.iloc[:, k].dropna().unique()]
        numbers = [text for text in texts if some_number(text)]
        if not numbers or len(numbers) < 0.9 * len(texts):
            continue
        found.update(decisive_decimals(numbers))
        with_comma = sum("," in text for text in numbers)
        commas = commas or with_comma == len(numbers)
        thousands = thousands or 0 < with_comma < len(numbers)  # 950 beside 1,234: decimals would be there in both
    if found:
        return "," if found[","] > found["."] else "."
    if trained == ",":
        return ","
    return "," if commas and not thousands and separator == ";" else "."


def _with_points(cells: Any) -> Any:
    """The cells of a column whose numbers have a comma before decimals, as others write them; those of other columns as they are."""
    texts = [str(text) for text in cells.dropna().unique()]
    found = notation_of(texts, ",")
    if found is None or found.decimal != ",":
        return cells
    known = {text: canonical(text) for text in texts}
    return cells.map(known, na_action="ignore").astype(object)


def _cells(column: Any, missing: Sequence[str]) -> Any:
    """The texts of a column, None where there is a hole: blank, or one of those texts between blanks."""
    import pandas

    holes = {MISSING, *(text.strip() for text in missing)}
    known = {text: None if text.strip() in holes else text for text in column.dropna().unique()}
    return pandas.Series([known.get(text) for text in column], index=column.index, dtype=object)


def _as_numbers(cells: Any) -> Any:
    """A column's texts as float64 where all are numbers, else as they are."""
    import pandas

    if any(plain_number(text) is None for text in cells.dropna().unique()):
        return cells
    try:
        return pandas.to_numeric(cells).astype(np.float64)
    except (ValueError, TypeError):
        return cells


def as_written(path: Path, names: Sequence[int]) -> Any:
    """Columns of a text file, by their places, as texts; None of other files."""
    name, data, _ = _unpacked(path)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in TABLES and suffix not in TEXT:
        return None
    text, _ = _decoded(path, data)
    line = _SEPARATOR_LINE.match(text)
    text = text[line.end() :] if line else text
    separator = line[1] if line else separator_of(text, "\t" if suffix in (".tsv", ".tab") else ",")
    return _parsed(path, text, separator, (), usecols=list(names), dtype=str)


# Files that keep types ----------------------------------------------------------------------------------------------------------


def _typed_file(path: Path, data: bytes, suffix: str) -> tuple[Any, list[str]]:
    import pandas

    notes: list[str] = []
    try:
        if suffix in JSON:
            return _json(path, data), notes
        if suffix in (".xlsx", ".xlsm"):
            with pandas.ExcelFile(io.BytesIO(data), engine="openpyxl") as book:
                sheets = book.sheet_names
                frame = book.parse(sheets[0], keep_default_na=False, na_values=[""])
            notes += (
                [f"Of the {len(sheets)} sheets of {path.name} the first, {sheets[0]!r}, was read."] if len(sheets) > 1 else []
            )
            return frame, notes
        frame = pandas.read_parquet(io.BytesIO(data)) if suffix == ".parquet" else pandas.read_feather(io.BytesIO(data))
    except ImportError as error:
        raise ImportError(
            f"{suffix} files are read by {NEEDS[suffix]}, which is not installed: {how_to_install('tables')}"
        ) from error
    except DataError:
        raise
    except Exception as error:  # whatever these libraries raise of a damaged file
        raise DataError(f"{path} cannot be read as {suffix[1:]}: {' '.join(str(error).split())[:160]}") from error
    if any(name is not None for name in frame.index.names):
        notes.append(f"The index {', '.join(map(repr, frame.index.names))} of {path.name} is no column and was not read.")
    return frame, notes


def _json(path: Path, data: bytes) -> Any:
    """JSON lines, or a JSON list of objects."""
    import pandas

    text, _ = _decoded(path, data)
    lines = text.lstrip()[:1] == "{"
    if not lines and text.lstrip()[:1] != "[":
        raise DataError(f"{path} is neither JSON lines (an object for each row) nor a JSON list of objects")
    frame = pandas.read_json(
        io.StringIO(text), orient="records", lines=lines, dtype=False, convert_dates=False, convert_axes=False
    )
    if not isinstance(frame, pandas.DataFrame) or not all(isinstance(name, str) for name in frame.columns):
        raise DataError(f"{path} is neither JSON lines (an object for each row) nor a JSON list of objects")
    return frame
