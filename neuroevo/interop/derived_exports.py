"""Derived networks written for other programs: as they are, or, of one with a genome or a Keras model, as any other network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo.core.files import write_whole
from neuroevo.deploy.proof import Proof, proven, random_rows, rows_for, rows_of
from neuroevo.interop.keras_files import FORMATS, write_model
from neuroevo.run.derived import Derived

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset


def export_derived(derived: Derived, target: Path, dataset: Dataset | None, say: Callable[[str], None] | None = print) -> Path:
    """Write the model of a derived network in the format of the target's suffix, whole or not at all; see `export`.

    A TensorFlow Lite file is written as it is. Where it takes normalised inputs, the description beside it says by what.

    Raises:
        ValueError: a suffix that it cannot be written in; the sentence names those it can.
    """
    lite = derived.kind == "TensorFlow Lite file"
    possible = (".tflite",) if lite else tuple(FORMATS)
    if target.suffix not in possible:
        genes = (".json", ".graphml", ".dot") if derived.genome is not None else ()
        allowed = ", ".join(suffix or "a folder" for suffix in (*genes, *possible))
        raise ValueError(f"{derived.name}, a {derived.kind}, cannot be written as {target}. Possible: {allowed}")
    if lite or (derived.raw and target.suffix == ".keras"):
        proof: Proof | None = _copied(derived, target, dataset)
    else:
        proof = _write_model(derived, target, dataset, say)
    if say is not None and proof is not None:
        say(f"{target}: {proof}")
    if dataset is not None:
        from neuroevo.deploy.description import write_description

        write_description(dataset, target, raw=derived.raw or not lite)
    return target


def _copied(derived: Derived, target: Path, dataset: Dataset | None) -> Proof:
    """The file as it is, after it was loaded again."""
    model = derived.model()
    rows = rows_of(dataset) if dataset is not None and derived.raw else random_rows(tuple(model.input_shape[1:]))
    with tempfile.TemporaryDirectory(prefix="neuroevo-") as folder:
        written = Path(folder) / f"model{target.suffix}"
        written.write_bytes(derived.data())
        proof = proven(written, model, rows, target)
    write_whole(target, derived.data())
    return proof


def _write_model(derived: Derived, target: Path, dataset: Dataset | None, say: Callable[[str], None] | None) -> Proof | None:
    """Write it; the proof, where `say` was not told of it yet."""
    from neuroevo.deploy import export as export_keras
    from neuroevo.deploy import raw_model
    from neuroevo.deploy.description import WITHOUT_DOUBLES

    model = derived.model()
    if dataset is None or derived.raw:
        return write_model(model, target, rows_for(model, dataset))
    if target.suffix == ".keras":
        export_keras(model, dataset, target, say=say)
        return None
    return write_model(raw_model(model, dataset, doubles=target.suffix not in WITHOUT_DOUBLES), target, rows_of(dataset))
