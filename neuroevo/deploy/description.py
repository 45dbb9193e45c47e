"""What an exported model takes and gives, as JSON beside its file: for a program that has neither neuroevo nor the training data.

An exported model normalises inside, but a table's texts and holes must become numbers before it: the description says how each feature
comes from a column, in the order in which the model takes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neuroevo.core.files import write_whole
from neuroevo.data import dates, encoded, table
from neuroevo.data.dataset import Dataset
from neuroevo.data.frames import MISSING
from neuroevo.data.normalisation import Normalisation
from neuroevo.tasks.detecting import MOST, OVERLAP, TOLD

WITHOUT_DOUBLES = (".tflite",)  # formats whose built-in operations have no float64
RAW = "not normalised: the model does that inside"
NORMALISED = "normalised as it says there"
ABOUT = (
    f"A sample is float32 values of the shape below, {RAW}. Each feature of a table comes from one column: "
    "'number': the number there, or if_missing where it is missing; 'missing': 1 where it is missing, else 0; "
    "'equals': 1 where its text is exactly this, else 0. A cell is missing where it is blank, or one of the texts in 'missing'."
)
OF_KINDS = {
    "days": " 'days': days from 'since' to the date there, with decimals, in UTC.",
    "sine": (
        " 'sine' and 'cosine': of 2 pi * part / period, the part of the date being its month from 0, its weekday from Monday, 0, or its hour "
        "with decimals."
    ),
    "lookup": " 'lookup': the value of the text there (of a missing one: of ''), or 'else' where it has none.",
    "hash": (
        " 'hash': 1 where the BLAKE2b digest of 8 bytes of the text in UTF-8 (a missing one is ''), a big-endian number, is 'value' modulo "
        "'modulo'; else 0."
    ),
}
WRITTEN = (
    " 'written': what stands before the number's decimals, and the unit at it, which is taken away with separators of thousands."
)
BEFORE = (
    " Before a sample becomes float32, which cannot hold some of its numbers apart: in double precision, subtract 'subtract' from it and "
    "divide it by 'divide', feature by feature (channel by channel)."
)
AFTER = (
    " An output that is float64 is the value itself; one that is float32 becomes it in double precision: output * multiply + add."
)
FITTED = (
    " An image of another size is scaled (bilinear) by min(height / its height, width / its width) and put into the middle of its mean colour; what "
    "is found there is led back to its own pixels."
)
OF_BOXES = (
    "Locations are the cells of grids with strides of 2**k pixels in a row (as many grids as make up the number of locations, each ceil(height / "
    "stride) x ceil(width / stride)), the finest first, row by row. A cell's centre lies at ((column + 0.5) * stride, (row + 0.5) * stride); "
    "softplus(number) * stride are the distances from it to the left, upper, right and lower side of the box, in pixels. Of boxes of one class "
    "that overlap by more than 'overlap' (intersection over union), the one with the higher score stays; at most 'most' of an image."
)
OF_IMAGES = (
    "An image is what its file shows, turned as its EXIF note says, [height, width, channels]; of one channel its grey value, else red, green "
    "and blue."
)


def description_path(model: Path) -> Path:
    """Where the description of an exported model lies: flowers.onnx has flowers.inputs.json."""
    return model.with_name(f"{model.stem}.inputs.json")


def write_description(dataset: Dataset, model: Path, *, raw: bool = True) -> Path:
    """Write the description of a model trained on this data beside its file; returns its path.

    Args:
        raw: whether it takes raw inputs and gives probabilities or values in their own units.
    """
    path = description_path(model)
    write_whole(path, (json.dumps(description(dataset, raw=raw), indent=2) + "\n").encode())
    return path


def description(dataset: Dataset, *, raw: bool = True) -> dict[str, Any]:
    """JSON: `inputs` (shape, and of a table how each feature comes from a column) and `outputs` (what each of them is)."""
    classes = dataset.kind == "classification"
    inputs: dict[str, Any] = {"shape": list(dataset.input_shape), "dtype": "float32"}
    about = ABOUT if raw else ABOUT.replace(RAW, NORMALISED)
    if dataset.columns is not None:
        inputs["features"] = list(_features(dataset.columns))
        about += "".join(said for kind, said in OF_KINDS.items() if any(rule["is"] == kind for rule in inputs["features"]))
        about += WRITTEN if any("written" in rule for rule in inputs["features"]) else ""
        inputs["missing"] = ["", *dataset.columns.get("missing", ())]
    if dataset.images is not None:
        inputs["images"] = _images(dataset.images)
    if dataset.kind == "detection":
        return _detection(dataset, inputs, about)
    values = "probabilities" if classes else "in their own units"
    outputs: dict[str, Any] = {
        "kind": dataset.kind,
        "values": values,
        "classes" if classes else "names": list(dataset.label_names),
    }
    where, inside, target = "inside the model", dataset.normalisation, dataset.target_normalisation
    before = inside.before_float32
    if raw and before is not None:
        inputs |= {"subtract": before.mean.tolist(), "divide": before.deviation.tolist()}
        about += BEFORE
        inside = inside.in_float32
    after = None if target is None else target.before_float32
    if raw and after is not None:
        outputs |= {"values": f"{values} where float64; where float32, output * multiply + add", **_factors(after)}
        about += AFTER
    if not raw:
        where = "before the model: it takes (sample - mean) / deviation, computed in double precision"
        outputs["values"] = "logits: their softmax are the probabilities" if classes else "normalised: value * deviation + mean"
        if target is not None:
            outputs |= _lists(target)
    return {
        "about": about,
        "inputs": inputs,
        "normalisation": {"where": where, **_lists(inside)},
        "outputs": outputs,
        "notes": said_beside(dataset) if raw else [],
    }


def _detection(dataset: Dataset, inputs: dict[str, Any], about: str) -> dict[str, Any]:
    """The description of a detection network, which is the same for raw and for normalised inputs but for where that is done."""
    outputs = {
        "kind": "detection",
        "classes": list(dataset.label_names),
        "values": "float32 [locations, classes + 5] of an image: the classes' logits, four numbers of a box, a logit of how near its middle is",
        "decoding": OF_BOXES,
        "score": "sqrt(sigmoid(class) * sigmoid(centreness))",
        "suppression": {"of": "each class", "overlap": OVERLAP, "most": MOST},
        "told": {"of": "all classes together", "overlap": TOLD},
    }
    return {
        "about": about + FITTED,
        "inputs": inputs,
        "normalisation": {"where": "inside the model", **_lists(dataset.normalisation)},
        "outputs": outputs,
        "notes": [],
    }


def notes_beside(model: Path) -> list[str]:
    """What the description beside a model says to whoever calls it."""
    return [str(note) for note in json.loads(description_path(model).read_text(encoding="utf-8")).get("notes", [])]


def said_beside(dataset: Dataset) -> list[str]:
    """What whoever calls an exported model must know beside its file, in sentences; mostly nothing."""
    notes = []
    before = dataset.normalisation.before_float32
    if before is not None:
        names = table.feature_names(dataset.columns) if dataset.columns is not None else []
        apart = [names[k] if names else str(k) for k in range(len(before.mean)) if not dataset.normalisation.held[k]]
        kind = "features" if len(dataset.input_shape) == 1 else "channels"
        notes.append(
            f"float32 cannot hold the values of the {kind} {', '.join(apart[:5])}{' and others' if len(apart) > 5 else ''} apart: subtract and "
            "divide them first, as 'subtract' and 'divide' beside the model say (neuroevo predict does)"
        )
    target = dataset.target_normalisation
    if target is not None and not target.held.all():
        notes.append(
            "float32 cannot hold the values to predict apart: the model gives float64; a .tflite, which has none, gives float32 that 'multiply' "
            "and 'add' beside it make values of"
        )
    return notes


def _images(said: Mapping[str, Any]) -> dict[str, Any]:
    depth, background = said["depth"], said["background"]
    ranges = {"8 bit": "0 to 255", "16 bit": "0 to 65535"}
    behind = "" if background is None else f" Transparent places show a background of {background} (of 255)."
    return {"are": OF_IMAGES + behind, "numbers": f"{depth}: {ranges.get(str(depth), 'as in the file')}", **said}


def _factors(after: Normalisation) -> dict[str, Any]:
    return {"multiply": after.deviation.tolist(), "add": after.mean.tolist()}


def _features(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = iter(table.feature_names(columns))
    for described in columns["columns"]:
        column = described["name"]
        for rule in _rules(described):
            yield {"feature": next(names), "column": column, **rule}


def _rules(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """How each feature of a column is made."""
    kind = described["kind"]
    if kind == "number":
        written = {"written": described["notation"]} if "notation" in described else {}
        yield {"is": "number", "if_missing": described["fill"], **written}
    elif kind == "date":
        form = {"format": described["format"]}
        if described["elapsed"]:
            yield {"is": "days", "since": described["start"], "if_missing": described["fill"], **form}
        for part in described["parts"]:
            for way in ("sine", "cosine"):
                yield {"is": way, "of": part, "period": dates.PERIODS[part], "if_missing": 0.0, **form}
    elif kind == "category":
        for category in described["categories"]:
            yield {"is": "missing"} if category == MISSING else {"is": "equals", "text": category}
    elif kind == "hash":
        for k in range(encoded.BUCKETS):
            yield {"is": "hash", "value": k, "modulo": encoded.BUCKETS}
    else:
        for k, prior in enumerate(described["prior"]):
            yield {"is": "lookup", "values": {text: found[k] for text, found in described["means"].items()}, "else": prior}
    if described.get("indicator"):
        yield {"is": "missing"}


def _lists(normalisation: Normalisation) -> dict[str, Any]:
    return {"mean": normalisation.mean.tolist(), "deviation": normalisation.deviation.tolist()}
