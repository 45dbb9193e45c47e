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
from neuroevo.data import table
from neuroevo.data.dataset import Dataset, Normalisation

RAW = "not normalised: the model does that inside"
NORMALISED = "normalised as it says there"
ABOUT = (
    f"A sample is float32 values of the shape below, {RAW}. Each feature of a table comes from one column: "
    "'number': the number there (true 1, false 0), or if_missing where it is missing; 'missing': 1 where it is missing, else 0; "
    "'equals': 1 where its text is exactly this, else 0."
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
    if dataset.columns is not None:
        inputs["features"] = list(_features(dataset.columns))
    values = "probabilities" if classes else "in their own units"
    outputs: dict[str, Any] = {
        "kind": dataset.kind,
        "values": values,
        "classes" if classes else "names": list(dataset.label_names),
    }
    where = "inside the model"
    if not raw:
        where = "before the model: it takes (sample - mean) / deviation"
        outputs["values"] = "logits: their softmax are the probabilities" if classes else "normalised: value * deviation + mean"
        if dataset.target_normalisation is not None:
            outputs |= _lists(dataset.target_normalisation)
    return {
        "about": ABOUT if raw else ABOUT.replace(RAW, NORMALISED),
        "inputs": inputs,
        "normalisation": {"where": where, **_lists(dataset.normalisation)},
        "outputs": outputs,
    }


def _features(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = iter(table.feature_names(columns))
    for described in columns["columns"]:
        column = described["name"]
        if described["kind"] == "number":
            yield {"feature": next(names), "column": column, "is": "number", "if_missing": described["fill"]}
            if described["indicator"]:
                yield {"feature": next(names), "column": column, "is": "missing"}
            continue
        for category in described["categories"]:
            rule = {"is": "missing"} if category == table.MISSING else {"is": "equals", "text": category}
            yield {"feature": next(names), "column": column, **rule}


def _lists(normalisation: Normalisation) -> dict[str, Any]:
    return {"mean": normalisation.mean.tolist(), "deviation": normalisation.deviation.tolist()}
