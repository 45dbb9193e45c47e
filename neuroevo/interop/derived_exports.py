"""Derived networks written for other programs: as they are, or, of one with a genome or a Keras model, as any other network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo.core.files import write_whole
from neuroevo.interop.keras_files import FORMATS, write_model
from neuroevo.run.derived import Derived

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset


def export_derived(derived: Derived, target: Path, dataset: Dataset | None) -> Path:
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
        write_whole(target, derived.data())
    else:
        _write_model(derived, target, dataset)
    if dataset is not None:
        from neuroevo.deploy.description import write_description

        write_description(dataset, target, raw=derived.raw or not lite)
    return target


def _write_model(derived: Derived, target: Path, dataset: Dataset | None) -> None:
    from neuroevo.deploy import export as export_keras
    from neuroevo.deploy import raw_model
    from neuroevo.deploy.description import WITHOUT_DOUBLES

    model = derived.model()
    if dataset is None or derived.raw:
        write_model(model, target)
    elif target.suffix == ".keras":
        export_keras(model, dataset, target)
    else:
        write_model(raw_model(model, dataset, doubles=target.suffix not in WITHOUT_DOUBLES), target)
