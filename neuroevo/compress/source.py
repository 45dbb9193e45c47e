"""What is compressed: a network of a run, or a model in a file, with its data in the form in which it takes them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.data.dataset import Dataset, Part
from neuroevo.data.normalisation import Normalisation
from neuroevo.decode.graph import functional
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.model_files import EXPORTED, load_keras
from neuroevo.run.settings import task_from_settings
from neuroevo.tasks.base import Task
from neuroevo.tasks.supervised import Supervised

if TYPE_CHECKING:
    from neuroevo.run.run import Run


def _same(model: Any) -> Any:
    return model


@dataclass(frozen=True, eq=False)
class Source:
    """A network that is to be compressed.

    Attributes:
        model: a `keras.Model` that gives logits or normalised values; None of a genome that holds its weights.
        task: whose data are as the model takes them, and whose scores are of what it gives.
        genome, weights: of a network that is a genome: arrays by marking.
        whole: makes of the model's compressed form what its file should hold: with probabilities, or values in their own units.
        raw: whether that takes raw inputs and gives such outputs.
        seed, id: key what is drawn.
        beside: what lies in its file beside the model, by name.
    """

    model: Any
    task: Task
    genome: Genome | None = None
    weights: Mapping[str, npt.NDArray[Any]] | None = None
    whole: Callable[[Any], Any] = _same
    raw: bool = False
    seed: int = 0
    id: int = 0
    beside: Mapping[str, bytes] | None = None

    @property
    def data(self) -> Supervised:
        """The task, on data.

        Raises:
            ValueError: it is not.
        """
        if not isinstance(self.task, Supervised):
            raise ValueError("only networks that were trained on data are compressed so: this run's fitness is something else")
        if self.task.kind == "detection":
            raise ValueError("networks that classify or predict numbers are compressed, not those that find objects in images")
        return self.task


def source_of(run: Run, name: int | str, *, seed: int | None = None) -> Source:
    """A network of a run, or one derived from it.

    Raises:
        KeyError: there is none.
        ValueError: it has no weights, its file is a TensorFlow Lite one, or the run's task cannot be made again.
    """
    found = network_named(run, name)
    task = run.task if run.task is not None else task_from_settings(run.settings["task"])
    seed = int(run.settings.get("seed", 0)) if seed is None else seed
    id = found.id if not isinstance(found, Derived) else _key(found.name)
    genome = found.genome
    if genome is not None and genome.evolves_weights:
        from neuroevo.decode.phenotype import trained_genome

        return Source(None, task, genome if isinstance(found, Derived) else trained_genome(found), seed=seed, id=id)
    if isinstance(found, Derived):
        if found.kind == "TensorFlow Lite file":
            raise ValueError(f"{found.name} is a TensorFlow Lite file, which cannot be compressed further: begin with its parent, {found.parent}")
        weights: Mapping[str, npt.NDArray[Any]] | None = found.weights()
    else:
        weights = None if found.artifact is None else found.artifact.load()
    model = found.model()
    if isinstance(found, Derived) and found.raw:
        if not isinstance(task, Supervised):
            raise ValueError(f"{found.name} takes raw inputs, and the run has no data")
        return _of_raw(model, task, seed=seed, id=id)
    return Source(functional(model), task, genome, weights, seed=seed, id=id)


def source_in_file(path: Path, task: Supervised, *, seed: int = 0) -> Source:
    """The model of a `.keras` file that takes raw inputs, as `neuroevo export` writes them or Keras does, and the data to compress it on.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or takes other inputs than the data are.
    """
    import zipfile

    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: name a run's folder, or a .keras file")
    if path.suffix != ".keras":
        raise ValueError(f"a run's folder or a .keras file is compressed, got {path}")
    if not path.is_file():
        from neuroevo.core.files import near

        raise FileNotFoundError(f"there is no file {path}{near(path)}")
    try:
        model = load_keras(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            beside = {EXPORTED: archive.read(EXPORTED)} if EXPORTED in archive.namelist() else {}
    except (ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be compressed: {error}") from error
    shape, wanted = tuple(model.input_shape[1:]), task.dataset.input_shape
    if shape != wanted or tuple(model.output_shape[1:]) != (task.dataset.outputs,):
        raise ValueError(
            f"{path} takes inputs of shape {shape} and gives {tuple(model.output_shape[1:])}; {task.dataset.name} has samples of shape {wanted} "
            f"and {task.dataset.outputs} outputs"
        )
    return replace(_of_raw(model, task, seed=seed, id=0), beside=beside)


def _key(name: str) -> int:
    """A key of streams for a derived network."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")


def _of_raw(model: Any, task: Supervised, *, seed: int, id: int) -> Source:
    model = functional(model)
    inside, target, whole = _values(model, task.dataset) if task.dataset.kind == "regression" else _logits(model)
    return Source(inside, _on_raw(task, target), whole=whole, raw=True, seed=seed, id=id)


def _on_raw(task: Supervised, target: Normalisation | None) -> Supervised:
    """The task with samples in their own units, as a model with its normalisation inside takes them."""
    dataset = task.dataset
    before = dataset.normalisation.before_float32

    def raw(part: Part) -> Part:
        x = dataset.normalisation.inverse(part.x)
        return Part(x.astype(np.float32) if before is None else before(x), part.y)

    channels = len(dataset.normalisation.mean)
    found = copy.copy(task)
    found.dataset = replace(
        dataset, train=raw(dataset.train), validation=raw(dataset.validation), test=raw(dataset.test),
        normalisation=Normalisation(np.zeros(channels), np.ones(channels)), target_normalisation=target,
    )  # fmt: skip
    return found


def _logits(model: Any) -> tuple[Any, None, Callable[[Any], Any]]:
    """The model without the softmax that it ends in, if it does, and how to put it back."""
    import keras

    last = _last(model)
    kind = type(last).__name__
    if kind == "Softmax" or (kind == "Activation" and last.activation is keras.activations.softmax):

        def whole(smaller: Any) -> Any:
            return keras.Model(smaller.inputs[0], type(last).from_config(last.get_config())(smaller.outputs[0]), name=model.name)

        return keras.Model(model.inputs[0], last.input, name=model.name), None, whole
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear  # of this copy: the model was read from its file

        def with_softmax(smaller: Any) -> Any:
            _last(smaller).activation = keras.activations.softmax
            return smaller

        return model, None, with_softmax
    return model, None, _same


def _values(model: Any, dataset: Dataset) -> tuple[Any, Normalisation, Callable[[Any], Any]]:
    """The model with normalised values in place of those in their own units, and how to get these back."""
    import keras

    last, name = _last(model), model.name
    if type(last).__name__ == "Rescaling":
        count = dataset.outputs
        target = Normalisation(
            np.broadcast_to(np.asarray(last.offset, float), (count,)), np.broadcast_to(np.asarray(last.scale, float), (count,))
        )

        def whole(smaller: Any) -> Any:
            return keras.Model(smaller.inputs[0], keras.layers.Rescaling(**_scaling(last))(smaller.outputs[0]), name=name)

        return keras.Model(model.inputs[0], last.input, name=name), target, whole
    scale = dataset.target_normalisation
    assert scale is not None
    normal = keras.layers.Rescaling((1 / scale.deviation).tolist(), (-scale.mean / scale.deviation).tolist(), name="normalised_values")

    def without(smaller: Any) -> Any:
        return keras.Model(smaller.inputs[0], _last(smaller).input, name=name)

    return keras.Model(model.inputs[0], normal(model.outputs[0]), name=name), scale, without


def _scaling(layer: Any) -> dict[str, Any]:
    return {name: layer.get_config()[name] for name in ("scale", "offset", "name", "dtype")}


def _last(model: Any) -> Any:
    return model.outputs[0]._keras_history.operation
