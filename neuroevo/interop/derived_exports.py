"""Derived networks written for other programs: as they are, or, of one with a genome or a Keras model, as any other network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genomes.base import unknown
from neuroevo.core.files import write_whole
from neuroevo.interop.exports import GENES, KINDS, MODELS, export
from neuroevo.run.derived import Derived

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset


def export_derived(derived: Derived, target: Path, dataset: Dataset | None) -> Path:
    """Write a derived network in the format of the target's suffix, whole or not at all; see `export`.

    A TensorFlow Lite file is written as it is. Where it takes normalised inputs, the description beside it says by what.

    Raises:
        ValueError: a suffix that it cannot be written in; the sentence names those it can.
    """
    if derived.genome is not None and (target.suffix in GENES or derived.weights() is None):
        return export(derived.genome, target, dataset=dataset)  # what the genome says alone
    possible = _suffixes(derived)
    if target.suffix not in possible:
        if target.suffix not in KINDS:
            raise ValueError(f"{target}: {unknown('suffix', target.suffix, [suffix for suffix in possible if suffix])}")
        allowed = ", ".join(suffix or "a folder" for suffix in possible)
        raise ValueError(
            f"{derived.name}, a {derived.kind}, cannot be written as {KINDS[target.suffix]} ({target}). Possible: {allowed}"
        )
    if derived.kind == "TensorFlow Lite file" or (derived.raw and target.suffix == ".keras"):
        write_whole(target, derived.data())
    else:
        _write_model(derived, target, dataset)
    if dataset is not None:
        from neuroevo.deploy.description import write_description

        write_description(dataset, target, raw=derived.raw or derived.kind != "TensorFlow Lite file")
    return target


def _suffixes(derived: Derived) -> tuple[str, ...]:
    if derived.kind == "TensorFlow Lite file":
        return (".tflite",)
    return (*GENES, *MODELS) if derived.genome is not None else tuple(MODELS)


def _write_model(derived: Derived, target: Path, dataset: Dataset | None) -> None:
    from neuroevo.deploy import export as export_keras
    from neuroevo.deploy import raw_model
    from neuroevo.interop.keras_files import write_model

    model = derived.model()
    if dataset is None or derived.raw:
        write_model(model, target)
    elif target.suffix == ".keras":
        export_keras(model, dataset, target)
    else:
        write_model(raw_model(model, dataset), target)
