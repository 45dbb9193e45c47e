"""What people bring: columns, targets, images, folders. Each is a test (`test_inputs.py`) and a row of docs/data.md (`docs/data_table.py`)."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from PIL import Image

from neuroevo.data import DataError, Dataset, load

ROWS = 120
RNG = np.random.default_rng(5)
NUMBERS = RNG.normal(size=ROWS).round(6).tolist()
PIXELS = np.random.default_rng(7)
START = PIXELS.bit_generator.state


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        what: the input, in words.
        becomes: what becomes of it, in words; "refused" where it is.
        write: makes it in a folder, and returns what `load` takes.
        holds: whether that is what became of it.
        options: of `load`.
        says: what must be said of it; "" where nothing is.
    """

    what: str
    becomes: str
    write: Callable[[Path], Any]
    holds: Callable[[Dataset], bool] = lambda data: True
    options: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""

    def said(self, folder: Path) -> tuple[Dataset | None, str]:
        """The data (None where it is refused), and all that was said."""
        PIXELS.bit_generator.state = START  # whichever case was before
        source = self.write(folder)
        try:
            data = load(source, **self.options)
        except DataError as error:
            return None, str(error)
        return data, " ".join(data.notes)


def column(values: Any, name: str = "x", **more: Any) -> Callable[[Path], Path]:
    """A table with these texts in one column, another of numbers, and a target of two classes."""
    return table(**{name: values}, other=NUMBERS, kind=["a", "b"] * (ROWS // 2), **more)


def target(values: Any, **more: Any) -> Callable[[Path], Path]:
    """A table with this target."""
    return table(x=NUMBERS[::-1], y=values, **more)


def table(**columns: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        (folder / "table.csv").write_text("\n".join(lines) + "\n")
        return folder / "table.csv"

    return write


def lines(*rows: str, coding: str = "utf-8") -> Callable[[Path], Path]:
    """A table as it is written."""

    def write(folder: Path) -> Path:
        (folder / "table.csv").write_bytes("\n".join([*rows, ""]).encode(coding))
        return folder / "table.csv"

    return write


def cycle(*values: Any) -> list[Any]:
    """These values again and again, in an order that no other column has."""
    return [values[k] for k in RNG.integers(0, len(values), ROWS - len(values))] + list(values)


def names(data: Dataset) -> list[str]:
    from neuroevo.data.table import feature_names

    assert data.columns is not None
    return feature_names(data.columns)


def everything(data: Dataset) -> np.ndarray:
    """All samples."""
    return np.concatenate([part.x for part in (data.train, data.validation, data.test)])


def values(data: Dataset) -> np.ndarray:
    """All targets."""
    return np.concatenate([part.y for part in (data.train, data.validation, data.test)])


def spread(data: Dataset, feature: int = 0) -> bool:
    """Whether a feature has as many values as rows, and their deviation is 1."""
    found = everything(data)[:, feature]
    return len(np.unique(found)) == ROWS and abs(data.train.x[:, feature].std() - 1) < 0.01


def shared(data: Dataset) -> set[float]:
    """Values of the first feature that stand in several parts."""
    train, validation, test = ({*part.x[:, 0].tolist()} for part in (data.train, data.validation, data.test))
    return (train & validation) | (train & test) | (validation & test)


KIND = {"target": "kind"}
Y = {"target": "y"}
MIXED = {"target": "kind", "missing": ("?",)}
WITH_ODD = [*range(20), "?", "?", *range(ROWS - 22)]

COLUMNS = (
    Case("numbers", "one feature", column(NUMBERS), lambda d: names(d) == ["x", "other"] and spread(d), KIND),
    Case(
        "numbers and empty cells",
        "one feature, and one that says where it is missing",
        column([*NUMBERS[:-3], "", "", ""]),
        lambda d: names(d) == ["x", "x is missing", "other"],
        KIND,
        "median",
    ),
    Case(
        "texts",
        "one feature a text",
        column(cycle("left", "right", "up")),
        lambda d: names(d)[:3] == ["x is left", "x is right", "x is up"],
        KIND,
        "'x' (3 values)",
    ),
    Case(
        "texts and empty cells",
        "one feature a text, and one for the empty cell",
        column(cycle("left", "right", "", "  ")),
        lambda d: names(d)[:3] == ["x is missing", "x is left", "x is right"],
        KIND,
        "missing",
    ),
    Case(
        "the words None, NA, null, nan, N/A",
        "texts as any others",
        column(cycle("None", "NA", "null", "nan", "N/A")),
        lambda d: {"x is NA", "x is None", "x is nan", "x is null", "x is N/A"} <= set(names(d)),
        KIND,
        "'x' (5 values)",
    ),
    Case(
        "True and False",
        "texts: one feature each",
        column(cycle("True", "False")),
        lambda d: names(d)[:2] == ["x is False", "x is True"],
        KIND,
        "'x' (2 values)",
    ),
    Case(
        "codes, some of them numbers: 3, 3.0, 03, x, y",
        "texts as they are written",
        column(cycle("3", "3.0", "03", "x", "y")),
        lambda d: names(d)[:5] == ["x is 03", "x is 3", "x is 3.0", "x is x", "x is y"],
        KIND,
        "'x' (5 values)",
    ),
    Case(
        "numbers, and `?` in some cells",
        "texts: here too many, so left out",
        column(WITH_ODD),
        lambda d: names(d) == ["other"],
        KIND,
        "--missing '?'",
    ),
    Case(
        "the same, with `--missing '?'`",
        "numbers, `?` being an empty cell",
        column(WITH_ODD),
        lambda d: names(d) == ["x", "x is missing", "other"],
        MIXED,
        "'x' (2)",
    ),
    Case(
        "numbers, and -999 where one is not known, with `--missing -999`",
        "numbers, -999 being an empty cell",
        column([-999, "-999.0", *range(ROWS - 2)]),
        lambda d: names(d) == ["x", "x is missing", "other"],
        {"target": "kind", "missing": ("-999",)},
        "'x' (2)",
    ),
    Case(
        "another text in each row (names, identifiers)",
        "left out",
        column([f"2024-01-{k:02d}T" for k in range(ROWS)]),
        lambda d: names(d) == ["other"],
        KIND,
        "120 different texts in 120 rows",
    ),
    Case(
        "the same value in every row",
        "left out",
        column(["0.1"] * ROWS),
        lambda d: names(d) == ["other"],
        KIND,
        "same in every training row",
    ),
    Case("nothing but empty cells", "left out", column([""] * ROWS), lambda d: names(d) == ["other"], KIND, "'x' (empty)"),
    Case("an infinite number", "refused", column([*NUMBERS[:-1], "inf"]), options=KIND, says="--missing inf"),
    Case(
        "a text that no training row has",
        "0 in the features of all other texts",
        column([*["left", "right"] * (ROWS // 2 - 3), *"abcdef"]),
        lambda d: "x is left" in names(d),
        KIND,
        "in no training row",
    ),
    Case(
        "numbers that differ by 1e-9 (SI units)",
        "one feature with a deviation of 1",
        column([f"{value * 1e-9:.9g}" for value in NUMBERS]),
        spread,
        KIND,
    ),
    Case(
        "milliseconds since 1970",
        "one feature with a deviation of 1: no two times become one",
        column([1_700_000_000_000 + 250 * k for k in RNG.permutation(ROWS)]),
        spread,
        KIND,
    ),
    Case(
        "273.15 K and differences of 1e-7 K",
        "one feature with a deviation of 1",
        column([f"{273.15 + k * 1e-7:.9f}" for k in RNG.permutation(ROWS)]),
        spread,
        KIND,
    ),
    Case("numbers with separators of thousands: `\"1,234\"`", "numbers", column([f'"{1000 + 37 * k:,}"' for k in range(ROWS)]),
         lambda d: names(d) == ["x", "other"] and spread(d), KIND, "which is 1000"),
    Case("amounts: `$950`, `\"$1,234.50\"`", "numbers", column([f'"${900.5 + 37 * k:,.2f}"' for k in range(ROWS)]),
         lambda d: names(d) == ["x", "other"] and spread(d), KIND, "written like '$900.50', which is 900.5"),
    Case("percentages: `12%`", "numbers: 12", column([f"{k / 4}%" for k in RNG.permutation(ROWS)]),
         lambda d: names(d) == ["x", "other"] and spread(d), KIND, "%', which is"),
    Case("a decimal comma in quotes: `\"3,5\"`", "numbers", column([f'"{k / 4}"'.replace(".", ",") for k in RNG.permutation(ROWS)]),
         lambda d: names(d) == ["x", "other"] and spread(d), KIND, "written like"),
    Case("percentages beside plain numbers", "texts: here too many, so left out", column([f"{k}{'%' * (k % 2)}" for k in range(ROWS)]),
         lambda d: names(d) == ["other"], KIND, "these were read as texts"),
    Case("numbers, and -999 in some cells", "numbers, -999 among them", column([-999, -999, *np.arange(ROWS - 2) % 50]),
         lambda d: names(d) == ["x", "other"], KIND, "--missing -999"),
    Case("dates, in ISO or in one of the usual formats", "days since the first, and month, weekday, hour as sine and cosine",
         column([f"{1 + k % 28:02d}.{1 + k % 12:02d}.{2020 + k % 4}" for k in RNG.permutation(ROWS)]),
         lambda d: names(d)[:5] == ["x in days", "sine of x's month", "cosine of x's month", "sine of x's weekday", "cosine of x's weekday"],
         KIND, "'x' (days, month, weekday)"),
    Case("dates that begin with the day or with the month: 03/04/2024", "the month first",
         column([f"{1 + k % 9:02d}/{1 + k % 7:02d}/{2020 + k % 4}" for k in RNG.permutation(ROWS)]), lambda d: "x in days" in names(d), KIND,
         "--type x=date:%d/%m/%Y"),
    Case("the same, with `--type x=date:%d/%m/%Y`", "the day first",
         column([f"{1 + k % 9:02d}/{1 + k % 7:02d}/{2020 + k % 4}" for k in RNG.permutation(ROWS)]), lambda d: "x in days" in names(d),
         {"target": "kind", "columns": {"types": {"x": "date:%d/%m/%Y"}}}, "'x' (days"),
    Case("dates, and `unknown` in some cells", "texts: here too many, so left out",
         column([*(f"2024-{1 + k % 12:02d}-{1 + k // 12:02d}" for k in range(ROWS - 2)), "unknown", "unknown"]), lambda d: names(d) == ["other"],
         KIND, "--missing unknown"),
    Case("more than 50 texts that come again (cities)", "the mean of the target among the training rows with the text",
         column([f"town {k % 75}" for k in range(ROWS)]), lambda d: names(d) == ["x's mean of b", "other"], KIND, "the mean of the target"),
    Case("the same, with `--type x=hash`", "one of 32 features, by a hash of the text", column([f"town {k % 75}" for k in range(ROWS)]),
         lambda d: names(d)[:2] == ["x has hash 0", "x has hash 1"], {"target": "kind", "columns": {"types": {"x": "hash"}}}, "by a hash"),
    Case("the same, with `--type x=category`", "one feature a text", column([f"town {k % 75}" for k in range(ROWS)]),
         lambda d: "x is town 3" in names(d), {"target": "kind", "columns": {"types": {"x": "category"}}}, "one feature a value"),
    Case("codes that are numbers, with `--type x=category`", "one feature a code, as it is written", column(cycle("01", "02", "2")),
         lambda d: names(d)[:3] == ["x is 01", "x is 02", "x is 2"], {"target": "kind", "columns": {"types": {"x": "category"}}}, "3 values"),
    Case("numbers of customers, called `id`", "left out", column(RNG.permutation(ROWS) + 40_000, name="id"), lambda d: names(d) == ["other"],
         KIND, "another number in each row"),
    Case("the same, with `--keep id`", "one feature", column(RNG.permutation(ROWS) + 40_000, name="id"),
         lambda d: names(d) == ["id", "other"], {"target": "kind", "columns": {"keep": ["id"]}}),
    Case("a copy of the target", "left out", column(["a", "b"] * (ROWS // 2)), lambda d: names(d) == ["other"], KIND, "a copy of 'kind'"),
    Case("a code of the target: 0 and 1 for its two texts", "one feature", column([0, 1] * (ROWS // 2)),
         lambda d: names(d) == ["x", "other"], KIND, "goes with one of 'kind'"),
    Case("any column, with `--drop`", "left out", column(NUMBERS), lambda d: names(d) == ["other"],
         {"target": "kind", "columns": {"drop": ["x"]}}, "as asked: 'x'"),
    Case("copies of rows", "copies are in one part of the split", lines("x,kind", *(f"{NUMBERS[k // 2]},{'ab'[k // 2 % 2]}" for k in range(ROWS))),
         lambda d: not shared(d), KIND, "60 of 120 rows are copies"),
    Case("a column of groups (patients), with `--group x`", "each group is in one part of the split", column(["p1", "p2", "p3", "p4", "p5", "p6"] * 20),
         lambda d: names(d) == ["other"], {"target": "kind", "columns": {"group": "x"}}, "each in one part of the split"),
    Case("times, with `--time x`", "the latest rows are held back", column(RNG.permutation(ROWS)), lambda d: names(d) == ["other"],
         {"target": "kind", "columns": {"time": "x"}}, "later rows are held back"),
    Case("a name that no column has, with `--drop`", "refused", column(NUMBERS), options={"target": "kind", "columns": {"drop": ["othr"]}},
         says="did you mean 'other'"),
    Case("texts, some with a blank at their end", "the blank is a part of the text", column(["left", "left ", "right"] * (ROWS // 3)),
         lambda d: names(d)[:3] == ["x is left", "x is left ", "x is right"], KIND, "differ in blanks alone"),
    Case("row numbers, as pandas writes them (without a name) or by any name", "left out",
         column(range(ROWS), name=""), lambda d: names(d) == ["other"], KIND, "'Unnamed: 0' (numbers the rows)"),
    Case("a comma at the end of each row", "nothing", lines("x,kind", *(f"{value},{'ab'[k % 2]}," for k, value in enumerate(NUMBERS))),
         lambda d: names(d) == ["x"] and spread(d), KIND),
    Case("more cells in a row than names in the header", "refused",
         lines("x,kind", *(f"{value},{'ab'[k % 2]},7" for k, value in enumerate(NUMBERS))), options=KIND, says="give each column a name"),
)  # fmt: skip

TARGETS = (
    Case("texts", "classes", target(cycle("oak", "elm")), lambda d: d.label_names == ("elm", "oak"), Y),
    Case(
        "texts, one of them None, NA or null",
        "classes, that one too",
        target(cycle("None", "Insomnia", "null")),
        lambda d: d.label_names == ("Insomnia", "None", "null") and len(values(d)) == ROWS,
        Y,
    ),
    Case("True and False", "classes", target(cycle("True", "False")), lambda d: d.label_names == ("False", "True"), Y),
    Case("numbers", "regression", target(NUMBERS), lambda d: d.kind == "regression", Y),
    Case(
        "whole numbers from 0 to 100",
        "regression",
        target(RNG.integers(0, 101, ROWS).tolist()),
        lambda d: d.kind == "regression",
        Y,
    ),
    Case(
        "tens from 0 to 100",
        "regression",
        target(cycle(*range(0, 101, 10))),
        lambda d: d.kind == "regression",
        Y,
        "--kind classification",
    ),
    Case(
        "few whole numbers close together: 1 to 5",
        "classes",
        target(cycle(1, 2, 3, 4, 5)),
        lambda d: d.label_names == ("1", "2", "3", "4", "5"),
        Y,
        "--kind regression",
    ),
    Case("the same, with `--kind regression`", "regression", target(cycle(1, 2, 3, 4, 5)),
         lambda d: d.kind == "regression", {"target": "y", "kind": "regression"}),
    Case(
        "the same, written 1.0 to 5.0, and an empty cell",
        "classes; the row with the empty cell is left out",
        target(["", *cycle(1.0, 2.0, 3.0, 4.0, 5.0)[1:]]),
        lambda d: d.label_names == ("1", "2", "3", "4", "5") and len(values(d)) == ROWS - 1,
        Y,
        "1 row without 'y' left out",
    ),
    Case("0 and 1, or any two whole numbers", "classes", target(cycle(0, 1)), lambda d: d.outputs == 2, Y, "--kind regression"),
    Case(
        "seconds since 1970 with noise (1.7e9 and a deviation of 20)",
        "regression: normalised values have a deviation of 1",
        target([1_700_000_000 + 20 * value for value in NUMBERS]),
        lambda d: abs(d.targets(d.train).std() - 1) < 0.01 and len(np.unique(values(d))) > ROWS - 5,
        Y,
    ),
    Case(
        "numbers that differ by 1e-12 (farad)",
        "the same",
        target([f"{value * 1e-12:.6g}" for value in NUMBERS]),
        lambda d: abs(d.targets(d.train).std() - 1) < 0.01,
        Y,
    ),
    Case(
        "several columns of numbers: `--target y,z`",
        "regression of several values",
        target(NUMBERS, z=[1000 * value for value in RNG.permutation(NUMBERS)]),
        lambda d: d.label_names == ("y", "z") and values(d).shape == (ROWS, 2),
        {"target": "y,z"},
        "loss weighs them equally",
    ),
    Case(
        "several columns of which each row has one 1",
        "classes, named as the columns",
        target([1, 0, 0] * (ROWS // 3), z=[0, 1, 0] * (ROWS // 3), w=[0, 0, 1] * (ROWS // 3)),
        lambda d: d.label_names == ("y", "z", "w"),
        {"target": ("y", "z", "w")},
        "--kind regression",
    ),
    Case("several columns, one of texts", "refused", target(NUMBERS, z=cycle("a", "b")), options={"target": "y,z"},
         says="--target z"),
    Case("numbers, and `?` in some cells", "refused", target(WITH_ODD), options=Y, says="--missing '?'"),
    Case("the same, with `--missing '?'`", "regression; rows with `?` are left out", target(WITH_ODD),
         lambda d: d.kind == "regression" and len(values(d)) == ROWS - 2, {"target": "y", "missing": ("?",)}, "2 rows"),
    Case("numbers, with `--kind classification`", "refused, unless they are few", target(NUMBERS),
         options={"target": "y", "kind": "classification"}, says="--kind regression"),
    Case("texts, with `--kind regression`", "refused", target(cycle("oak", "elm")),
         options={"target": "y", "kind": "regression"}, says="--kind classification"),
    Case("the same number in every row", "refused", target([2.5] * ROWS), options=Y, says="nothing to learn"),
    Case("the same whole number in every row", "refused", target([3] * ROWS), options=Y, says="nothing to learn"),
    Case("amounts with a currency, %, or separators of thousands", "regression", target([f"${100 + 7 * k}" for k in RNG.permutation(ROWS)]),
         lambda d: d.kind == "regression", Y, says="written like '$"),
    Case("amounts in several currencies", "refused", target([f"{'$€'[k % 2]}{100 + 7 * k}" for k in range(ROWS)]), options=Y,
         says="one currency"),
    Case("few whole numbers that are written 01, 02", "classes, named as they are written", target(cycle("01", "02", "03")),
         lambda d: d.label_names == ("01", "02", "03"), Y, "--kind regression"),
    Case("a column that is not there", "refused", target(NUMBERS), options={"target": "prize"}, says="unknown target column"),
)  # fmt: skip


# Images -----------------------------------------------------------------------------------------------------------------------

HEIGHT, WIDTH, EACH = 5, 7, 8


def pixels(full: float, kind: Any = np.uint8, channels: int = 0) -> np.ndarray:
    shape = (HEIGHT, WIDTH, channels) if channels else (HEIGHT, WIDTH)
    return (PIXELS.random(shape) * full).astype(kind)


def pictures(make: Callable[[int], Image.Image], suffix: str = ".png", **saved: Any) -> Callable[[Path], Path]:
    """A folder of two classes with such images."""

    def write(folder: Path) -> Path:
        for name in ("cat", "dog"):
            (folder / name).mkdir(parents=True)
            for k in range(EACH):
                make(k).save(folder / name / f"{k}{suffix}", **saved)
        return folder

    return write


def grey(kind: Any = np.uint8, full: float = 255) -> Callable[[int], Image.Image]:
    return lambda k: Image.fromarray(pixels(full, kind))


def drawn_in_alpha(colour: int) -> Callable[[int], Image.Image]:
    def make(k: int) -> Image.Image:
        layers = np.full((HEIGHT, WIDTH, 4), colour, np.uint8)
        layers[..., 3] = pixels(2, np.uint8) * 255
        return Image.fromarray(layers, "RGBA")

    return make


def transparent_palette(k: int) -> Image.Image:
    image = Image.fromarray(pixels(3), "P")
    image.putpalette([0, 0, 0, 250, 20, 20, 20, 250, 20])
    image.info["transparency"] = 0
    return image


def turned_back(folder: Path) -> Path:
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for k in range(EACH):
            image = Image.fromarray(pixels(255).T.copy())
            exif = image.getexif()
            exif[0x0112] = 6 if k % 2 else 8
            image.save(folder / name / f"{k}.png", exif=exif)
    return folder


def mixed(first: Callable[[int], Image.Image], second: Callable[[int], Image.Image], suffix: str) -> Callable[[Path], Path]:
    return pictures(lambda k: (first if k % 2 else second)(k), suffix)


def animated(folder: Path) -> Path:
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for k in range(EACH):
            frames = [Image.fromarray(pixels(255)) for _ in range(2)]
            frames[0].save(folder / name / f"{k}.gif", save_all=True, append_images=frames[1:])
    return folder


def not_a_number(k: int) -> Image.Image:
    values = pixels(1, np.float32)
    values[0, 0] = np.nan if k == 3 else 0
    return Image.fromarray(values)


def png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a value: [height, width] of grey, or 2 (grey, alpha), 3 or 4 channels. Pillow writes none of colours."""
    height, width = values.shape[:2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values[0, 0].size]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    whole = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def tiff(values: np.ndarray, format: int) -> bytes:
    """A TIFF of one channel; format: 1 without a sign, 2 with one, 3 float."""
    height, width = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    tags = {
        256: width,
        257: height,
        258: 8 * values.itemsize,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: len(data),
        339: format,
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def files_of(make: Callable[[], bytes], suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name in ("cat", "dog"):
            (folder / name).mkdir(parents=True)
            for k in range(EACH):
                (folder / name / f"{k}{suffix}").write_bytes(make())
        return folder

    return write


colours_of_16_bits = files_of(lambda: png(pixels(65535, np.uint16, 3)), ".png")
unsigned = files_of(lambda: tiff(pixels(2.0**32 - 1, np.uint32), 1), ".tif")


def varied(data: Dataset) -> bool:
    """Whether every picture differs within itself, and all of them have a mean of 0 and a deviation of 1."""
    x = everything(data)
    own = x.reshape(len(x), -1).std(axis=1).min()
    return own > 0.05 and abs(data.train.x.std() - 1) < 0.01


def of_depth(depth: str) -> Callable[[Dataset], bool]:
    return lambda data: varied(data) and data.images is not None and data.images["depth"] == depth


def mode(name: str) -> Callable[[int], Image.Image]:
    return lambda k: Image.fromarray(pixels(255, channels=3)).convert(name)


IMAGES = (
    Case("grey, 8 bits", "one channel, 0 to 255", pictures(grey()), lambda d: d.input_shape == (HEIGHT, WIDTH, 1) and varied(d)),
    Case("colours, 8 bits (also CMYK, palettes)", "three channels, 0 to 255", pictures(mode("CMYK"), ".tif"),
         lambda d: d.input_shape == (HEIGHT, WIDTH, 3)),
    Case("grey and coloured ones", "three channels", mixed(grey(), mode("RGB"), ".png"), lambda d: d.input_shape[-1] == 3),
    Case("grey, 16 bits (PNG)", "0 to 65535", pictures(grey(np.uint16, 65535)), of_depth("16 bit")),
    Case("grey, 16 bits of which 12 are used (TIFF)", "0 to 4095", pictures(grey(np.uint16, 4095), ".tif"), of_depth("16 bit")),
    Case("grey, 32 bits (TIFF)", "as in the file", pictures(grey(np.int32, 2e9), ".tif"), of_depth("32 bit")),
    Case("floats from 0 to 1 (TIFF)", "as in the file", pictures(grey(np.float32, 1), ".tif"), of_depth("float")),
    Case("floats of 1e-6 (TIFF)", "as in the file", pictures(grey(np.float32, 1e-6), ".tiff"), of_depth("float")),
    Case("8 and 16 bits in one folder", "0 to 65535", mixed(grey(np.uint16, 65535), grey(), ".png"), of_depth("16 bit"),
         says="multiplied by 257"),
    Case("8 bits and floats in one folder", "refused", mixed(grey(np.float32, 1), grey(), ".tif"), says="convert them to one kind"),
    Case("floats with NaN", "refused", pictures(not_a_number, ".tif"), says="3.tif has values that are NaN"),
    Case("black, drawn in the alpha channel", "put on white", pictures(drawn_in_alpha(0)), varied, says="put on white"),
    Case("white, drawn in the alpha channel", "put on black", pictures(drawn_in_alpha(255)), varied, says="put on black"),
    Case("a palette with a transparent colour", "put on white", pictures(transparent_palette, transparency=0),
         lambda d: varied(d) and d.input_shape[-1] == 3, says="put on white"),
    Case("turned by an EXIF note", "upright", turned_back, lambda d: d.input_shape == (HEIGHT, WIDTH, 1)),
    Case("several frames or pages", "the first", animated, varied, says="the first was taken"),
    Case("one colour everywhere in all of them", "inputs that are 0", pictures(lambda k: Image.new("L", (WIDTH, HEIGHT), 200)),
         lambda d: bool((everything(d) == 0).all()), says="nothing to learn from"),
    Case("colours, 16 bits (PNG, TIFF)", "0 to 255", colours_of_16_bits, varied, says="upper 8 bits"),
    Case("grey, 32 bits without a sign (TIFF)", "as in the file", unsigned, of_depth("32 bit")),
    Case("different sizes", "refused", pictures(lambda k: Image.new("L", (WIDTH + k, HEIGHT))), says="resize them"),
)  # fmt: skip


# Folders ----------------------------------------------------------------------------------------------------------------------


def folder_of(*paths: str, files: tuple[str, ...] = (), empty: tuple[str, ...] = ()) -> Callable[[Path], Path]:
    """A folder with images in each of these sub-folders, and other files and empty sub-folders."""

    def write(folder: Path) -> Path:
        for path in paths:
            (folder / path).mkdir(parents=True, exist_ok=True)
            for k in range(EACH):
                Image.fromarray(pixels(255)).save(folder / path / f"{k}.png")
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(b"not an image")
        for path in empty:
            (folder / path).mkdir(parents=True)
        return folder

    return write


def sizes(*wanted: int) -> Callable[[Dataset], bool]:
    def holds(data: Dataset) -> bool:
        found = [len(part) for part in (data.train, data.validation, data.test)]
        return data.label_names == ("cat", "dog") and found == list(wanted)

    return holds


ALL = sizes(9, 3, 4)  # of 16 images
KEPT = sizes(12, 4, 16)  # of 16 to train on and 16 to test
BOTH = ("train/cat", "train/dog", "test/cat", "test/dog")

FOLDERS = (
    Case("one sub-folder a class", "classes; 60 / 20 / 20 %", folder_of("cat", "dog"), ALL),
    Case("`train` and `test` with one each", "a test part that is kept", folder_of(*BOTH), KEPT),
    Case("the same, and `validation`", "three parts that are kept", folder_of(*BOTH, "val/cat", "val/dog"), sizes(16, 16, 16)),
    Case("the same, and another folder with images", "the same", folder_of(*BOTH, "unused", "more/birds"), KEPT, says="was not read"),
    Case("the same, and a folder without images", "the same", folder_of(*BOTH, files=("docs/readme.txt",)), KEPT),
    Case("classes, and a `test` with the same classes", "a test part that is kept", folder_of("cat", "dog", "test/cat", "test/dog"), KEPT),
    Case("classes of which one is called `train`", "classes", folder_of("bus", "train"),
         lambda d: d.label_names == ("bus", "train"), says="was taken for a class"),
    Case("`train` and `test` with images themselves", "refused", folder_of("train", "test"), says="sub-folder a class"),
    Case("a class of `test` that `train` does not have", "refused", folder_of(*BOTH, "test/owl"), says="none to train on"),
    Case("the same, by other names: `training_set`, `test_set`", "refused",
         folder_of("training_set/cat", "training_set/dog", "test_set/cat", "test_set/dog"), says="look like parts"),
    Case("`train` and `test` within each class", "refused", folder_of("cat/train", "cat/test", "dog/train", "dog/test"),
         says="holds parts"),
    Case("`train`, and a `test` whose folders hold no images", "a test part taken from `train`", folder_of("train/cat", "train/dog", empty=("test/cat",)),
         lambda d: d.label_names == ("cat", "dog"), says="test: no images"),
    Case("hidden files: `._0.png`, `.ipynb_checkpoints`, `.cache`", "not read",
         folder_of("cat", "dog", files=("cat/._0.png", "dog/.ipynb_checkpoints/0.png", ".cache/x/0.png")), ALL),
    Case("`__MACOSX` of an archive", "not read", folder_of("cat", "dog", files=("__MACOSX/cat/0.png", "dog/__MACOSX/._1.png")), ALL),
    Case("an archive's one folder with everything in it", "that folder", folder_of("pets/cat", "pets/dog", files=("__MACOSX/pets/0.png",)),
         ALL, says="was read: nothing else"),
    Case("a class's folder without images", "no class", folder_of("cat", "dog", empty=("owl",)), ALL, says="owl: no images"),
    Case("sub-folders within a class", "that class", folder_of("cat/old", "dog/new/small"), ALL),
    Case("images beside the folders of classes", "not read", lambda folder: loose(folder), ALL, says="in no class's folder"),
    Case("other files within a class", "not read", folder_of("cat", "dog", files=("cat/notes.txt", "dog/boxes.xml")), ALL,
         says=".txt (1), .xml (1)"),
    Case("a file that only has an image's name", "refused", folder_of("cat", "dog", files=("cat/broken.jpg",)), says="cannot be read"),
)  # fmt: skip


def loose(folder: Path) -> Path:
    folder_of("cat", "dog")(folder)
    Image.fromarray(pixels(255)).save(folder / "preview.png")
    return folder


ACCENT = "\xe9o"

# Files ------------------------------------------------------------------------------------------------------------------------


def separated(by: str, *, decimal: str = ".") -> bytes:
    rows = [f"{str(value).replace('.', decimal)}{by}{'ab'[k % 2]}" for k, value in enumerate(NUMBERS)]
    return "\n".join([f"x{by}kind", *rows, ""]).encode()


def file(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return buffer.getvalue()


def json_lines(folder: Path) -> Path:
    pandas.DataFrame({"x": NUMBERS, "kind": ["a", "b"] * (ROWS // 2)}).to_json(folder / "t.jsonl", orient="records", lines=True)
    return folder / "t.jsonl"


def whole(data: Dataset) -> bool:
    """Whether every row and column of the table was read."""
    return names(data) == ["x"] and spread(data) and data.label_names == ("a", "b")


FILES = (
    Case("semicolons between columns", "the same table", file("t.csv", separated(";")), whole, KIND, "semicolons between columns"),
    Case("semicolons, and a comma before decimals", "the same table", file("t.csv", separated(";", decimal=",")), whole, KIND,
         "a comma before decimals"),
    Case("bars between columns", "the same table", file("t.csv", separated("|")), whole, KIND, "bars between columns"),
    Case("blanks between columns", "the same table", file("t.txt", separated("  ")), whole, KIND, "blanks between columns"),
    Case("tabs between columns, `.tsv`", "the same table", file("t.tsv", separated("\t")), whole, KIND),
    Case("Excel's first line `sep=;`", "the same table", file("t.csv", b"sep=;\n" + separated(";")), whole, KIND, "semicolons"),
    Case("text in windows-1252", "the same table", lines("x,kind", *(f"{v},{ACCENT[k % 2]}" for k, v in enumerate(NUMBERS)), coding="cp1252"),
         lambda d: d.label_names == tuple(sorted(ACCENT)), KIND, "text in windows-1252"),
    Case("text in UTF-16", "the same table", file("t.csv", separated(",").decode().encode("utf-16")), whole, KIND, "text in UTF-16"),
    Case("`.csv.gz`, `.csv.bz2`, `.csv.xz`", "the same table", file("t.csv.gz", gzip.compress(separated(","))), whole, KIND),
    Case("a `.zip` with one table", "the same table", file("t.zip", zipped(folder__t_csv=separated(";"))), whole, KIND, "semicolons"),
    Case("a `.zip` with one table and other files", "the same table",
         file("t.zip", zipped(t_csv=separated(","), readme_pdf=b"?", __MACOSX=b"?")), whole, KIND, "t.csv in t.zip was read"),
    Case("a `.zip` with several tables", "refused", file("t.zip", zipped(t_csv=separated(","), u_csv=b"a,b")), options=KIND, says="several tables"),
    Case("a `.zip` without a table", "refused", file("t.zip", zipped(readme_pdf=b"?")), options=KIND, says="no table"),
    Case("a damaged archive", "refused", file("t.csv.gz", gzip.compress(separated(","))[:99]), options=KIND, says="cannot be unpacked"),
    Case("JSON lines (`.jsonl`, `.ndjson`), or a JSON list of objects", "the same table", json_lines, whole, KIND),
    Case("a picture that is called `.csv`", "refused", file("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0"), options=KIND, says="is not text"),
    Case("a data frame, of pandas or polars (in Python)", "the same table", lambda folder: pandas.DataFrame({"x": NUMBERS, "kind": ["a", "b"] * (ROWS // 2)}),
         whole, KIND),
)  # fmt: skip

CASES = {"files": FILES, "columns": COLUMNS, "targets": TARGETS, "images": IMAGES, "folders of images": FOLDERS}
