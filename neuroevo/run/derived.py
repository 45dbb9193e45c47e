"""What is made from a run's network after the run: pruned, quantized, distilled, trained on. Recorded as its child, beside the search.

A derived network has no birth id: it is named by its parent, with a number (17.1, 17.2, 17.1.1). So the search can still go on, as if
nothing had been derived from it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.store import RecordedDerived, Store, StoreError
from neuroevo.store.derived import FOLDER, next_name

if TYPE_CHECKING:
    from neuroevo.core.individual import Individual
    from neuroevo.data.dataset import Dataset
    from neuroevo.run.run import Run
    from neuroevo.tasks.supervised import Supervised

Arrays = Mapping[str, npt.NDArray[Any]]
FILES = (".keras", ".tflite")


@dataclass(frozen=True, eq=False, repr=False)
class Derived:
    """A network that was made from one of a run's, after it was born there; `Run.derive` makes it.

    Attributes:
        name: its parent's with a number, such as "17.1".
        parent: the id of an individual, or the name of the derived network that it was made from.
        operators: what was done ("prune", "quantize", "train", ...).
        scores: on the validation part, by name.
        test: on the test part, measured once when it was derived; empty where the run has no data.
        details: what else was said of it, JSON.
        raw: whether its model takes raw inputs and gives probabilities or values in their own units, as exported files do; else it takes
            normalised inputs and gives logits or normalised values, as the run's own networks do.
        parameters: trainable weights, or None where that is not known (a TensorFlow Lite file).
        size: bytes that it takes on disk.
        path: its file, or None: of a run in memory, or of a genome that holds its weights.
    """

    name: str
    parent: int | str
    operators: tuple[str, ...]
    scores: Mapping[str, float]
    test: Mapping[str, float]
    details: Mapping[str, Any]
    raw: bool
    parameters: int | None
    size: int
    path: Path | None
    _genome: str | None = field(default=None)
    _suffix: str = field(default="")
    _held: bytes = field(default=b"")  # what the file would hold, of a run in memory

    @classmethod
    def of(cls, record: RecordedDerived, folder: Path | None, held: bytes = b"") -> Derived:
        """What a store recorded; in memory, with what would lie in its file."""
        path = folder / FOLDER / record.file if folder is not None and record.file else None
        size = int(record.fingerprint.split()[0]) if record.fingerprint else len(held or (record.genome or "").encode())
        return cls(
            record.name, int(record.parent) if record.parent.isdigit() else record.parent, record.operators, record.scores or {},
            record.test or {}, record.details or {}, record.raw, record.parameters, size, path, record.genome,
            Path(record.file).suffix if record.file else "", held,
        )  # fmt: skip

    @cached_property
    def genome(self) -> Genome | None:
        """Its genome; None for a model that has none.

        Raises:
            ValueError: what was recorded is damaged.
        """
        try:
            return None if self._genome is None else Genome.from_dict(json.loads(self._genome))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"the genome of {self.name} is damaged: {error}") from error

    @property
    def kind(self) -> str:
        """ "genome", "Keras model" or "TensorFlow Lite file"."""
        return {".keras": "Keras model", ".tflite": "TensorFlow Lite file"}.get(self._suffix, "genome")

    def data(self) -> bytes:
        """What its file holds; nothing where the genome says everything.

        Raises:
            FileNotFoundError: the file is gone.
        """
        if self.path is None:
            return self._held
        if not self.path.exists():
            raise FileNotFoundError(f"the file of {self.name} is gone: {self.path} does not exist")
        return self.path.read_bytes()

    def weights(self) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays by marking of a genome that does not hold its weights itself; else None.

        Raises:
            FileNotFoundError: the file is gone.
            ValueError: it is damaged.
        """
        if self._suffix != ".safetensors":
            return None
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return dict(load(self.data()))
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"the weights of {self.name} are damaged: {self.path}: {error}") from error

    def model(self) -> Any:
        """The network: a `keras.Model`, or, of a TensorFlow Lite file, a callable of arrays.

        Raises:
            FileNotFoundError: the file is gone.
            ValueError: it is damaged.
        """
        from neuroevo.run.model_files import LiteModel, load_keras

        if self.genome is not None:
            return _built(self.genome, self.weights())
        data = self.data()
        try:
            return LiteModel(data) if self._suffix == ".tflite" else load_keras(data)
        except ValueError as error:
            raise ValueError(f"the file of {self.name} is damaged ({self.path}): {error}") from error

    def __repr__(self) -> str:
        scores = "".join(f", {name}={value:.6g}" for name, value in self.scores.items())
        return f"<Derived {self.name}: {', '.join(self.operators)} of {self.parent}{scores}, {self.size} bytes>"


def derived_of(store: Store) -> list[Derived]:
    """What was derived in a run's folder."""
    return [Derived.of(record, store.folder) for record in store.derived()]


def network_named(run: Run, name: int | str) -> Individual | Derived:
    """An individual by its id (17, or "17"), or a derived network by its name ("17.1").

    Raises:
        KeyError: there is none.
    """
    if isinstance(name, str) and not name.isdigit():
        return run[name]
    return run[int(name)]


@dataclass(frozen=True)
class _Made:
    """What was made, ready to be written.

    Args:
        network: what is measured: its outputs are the run's networks', whatever the file takes and gives.
        genome: JSON text, or None.
        suffix, data: of the file, or "" and nothing.
    """

    network: Any
    genome: str | None = None
    suffix: str = ""
    data: bytes = b""
    raw: bool = False
    parameters: int | None = None


def derive(
    run: Run,
    parent: int | str,
    made: Any,
    *,
    operators: Sequence[str],
    scores: Mapping[str, float] | None = None,
    details: Mapping[str, Any] | None = None,
    weights: Arrays | None = None,
    raw: bool | None = None,
    parameters: int | None = None,
    tested: bool = True,
) -> Derived:
    """Record a network that was made from one of a run's; see `Run.derive`."""
    operators = _checked_operators(operators)
    if parameters is not None and (isinstance(parameters, bool) or not isinstance(parameters, int) or parameters < 0):
        raise ValueError(f"parameters is how many weights it has, a whole number, got {shown(parameters)}")
    given = None if scores is None else _checked_scores(scores)
    told = _checked_details(details)
    store = (
        None if run.folder is None else _opened(run.folder)
    )  # first: a folder that is being written is not worth measuring for
    try:
        if store is not None:
            run.derived = derived_of(store)
        of = _checked_parent(run, parent)
        task = task_of(run, needed=given is None)
        found = _read(made, weights, raw, None if task is None else task.dataset)
        _refuse_other_shapes(run, task, found.network)
        measured, test = _measured(run, task, found, made, given, tested)
        count = found.parameters if parameters is None else parameters
        record = RecordedDerived("", of, operators, found.genome, "", "", found.raw, count, measured, test, told)
        if store is None:
            name = next_name(of, (one.name for one in run.derived))
            kept = Derived.of(_named(record, name, found.suffix), None, found.data)
            run.derived = [*run.derived, kept]
            return kept
        record = store.derive(record, found.suffix, found.data)
        store.log("derive", name=record.name, parent=record.parent, operators=record.operators)
        run.derived = derived_of(store)
        return run.derived[-1]
    finally:
        if store is not None:
            store.close()


# What was asked ---------------------------------------------------------------------------------------------------------------


def _checked_operators(operators: Any) -> tuple[str, ...]:
    named = isinstance(operators, (list, tuple)) and all(isinstance(name, str) and name.strip() for name in operators)
    if not named or not operators:
        raise ValueError(f"operators name what was done, as in operators=('prune',), got {shown(operators)}")
    return tuple(operators)


def _checked_scores(scores: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in scores.items() if isinstance(scores, Mapping) else [("scores", scores)]:
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not isinstance(name, str) or not number or not math.isfinite(value):
            raise ValueError(f"scores are finite numbers by name, such as {{'error': 0.03}}, got {shown(name)}: {shown(value)}")
        found[name] = float(value)
    return found


def _checked_details(details: Any) -> dict[str, Any]:
    try:
        if details is not None and not isinstance(details, Mapping):
            raise TypeError("not a mapping")
        found: dict[str, Any] = json.loads(json.dumps(dict(details or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"details are what JSON can hold, by name, got {shown(details)} ({error})") from None
    return found


def _checked_parent(run: Run, parent: Any) -> str:
    """The name of a parent: an individual's id as text, or a derived network's name."""
    if isinstance(parent, (int, np.integer)) and not isinstance(parent, bool):
        return str(run[int(parent)].id)
    if isinstance(parent, str):
        found = network_named(run, parent)
        return found.name if isinstance(found, Derived) else str(found.id)
    raise ValueError(
        f"a parent is an individual's id, such as 17, or the name of a derived network, such as '17.1', got {shown(parent)}"
    )


def _opened(folder: Path) -> Store:
    if not (folder / "run.db").exists():
        raise StoreError(f"{folder} is not a run any more: it has no run.db")
    return Store(folder, writable=True)


def _named(record: RecordedDerived, name: str, suffix: str) -> RecordedDerived:
    return replace(record, name=name, file=f"{name}{suffix}" if suffix else "")


# What was made ----------------------------------------------------------------------------------------------------------------


def _read(made: Any, weights: Arrays | None, raw: bool | None, dataset: Dataset | None) -> _Made:
    if isinstance(made, Genome):
        if raw:
            raise ValueError("raw says that a model takes raw inputs; a genome's network takes normalised ones, as the run's do")
        return _of_genome(made, weights)
    if weights is not None:
        raise ValueError(f"weights are those of a genome; a model or a file holds its own, got weights with {shown(made)}")
    from neuroevo.core.backend import start_quietly
    from neuroevo.run.model_files import LiteModel, keras_file, load_keras, refuse_own_code, was_exported

    start_quietly()
    import keras

    named = isinstance(made, (str, os.PathLike))
    if not named and not isinstance(made, keras.Model):
        raise ValueError(f"a genome, a keras.Model or the path of a {' or '.join(FILES)} file is derived, got {shown(made)}")
    what = os.fspath(made) if named else "this model"
    data = _file(Path(made)) if named else b""
    suffix = Path(made).suffix if named else ".keras"
    try:
        if suffix == ".tflite":
            network: Any = LiteModel(data)
            takes_raw, parameters = bool(raw), None
        else:
            if named:
                refuse_own_code(data)
            else:
                data = keras_file(made)
            network = load_keras(data)
            network.trainable = True  # of this copy: parameters that were frozen are trainable weights, too
            parameters = sum(math.prod(variable.shape) for variable in network.trainable_variables)
            takes_raw = was_exported(data) if raw is None else raw
    except ValueError as error:
        raise ValueError(f"{what} cannot be kept: {error}") from error
    measured = FromRaw(network, dataset) if takes_raw and dataset is not None else network
    return _Made(measured, None, suffix, data, takes_raw, parameters)


def _file(path: Path) -> bytes:
    if path.suffix not in FILES:
        raise ValueError(f"a model's file ends in {' or '.join(FILES)}, got {path}")
    if not path.is_file():
        from neuroevo.core.files import near

        raise FileNotFoundError(f"there is no file {path}{near(path)}")
    return path.read_bytes()


def _of_genome(genome: Genome, weights: Arrays | None) -> _Made:
    holds = genome.evolves_weights  # they are genes
    kind = type(genome).__name__
    if holds and weights is not None:
        raise ValueError(f"a {kind} holds its weights itself: give the genome that has them, and no weights")
    if not holds and weights is None:
        raise ValueError(
            f"the weights of a {kind} are not in the genome: give them as weights=neuroevo.decode.weights_of(model, genome)"
        )
    try:
        parameters: int | None = int(genome.parameters)
    except NotImplementedError:
        parameters = None
    text = json.dumps(genome.to_dict())
    if weights is None:
        return _Made(None, text, parameters=parameters)
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    if bad := [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]:
        raise ValueError(f"the weights of the genome are numbers, but {bad[0]} has NaN or infinity")
    return _Made(_built(genome, arrays), text, ".safetensors", save(arrays), False, parameters)


def _built(genome: Genome, weights: Arrays | None) -> Any:
    """The model of a genome with these weights, or with those that it holds itself."""
    from neuroevo.decode import build, set_weights
    from neuroevo.decode.weights import variables

    model = build(genome)
    if weights is None:
        return model
    known = variables(model, genome)
    for name in weights:
        if name not in known and not name.endswith("/channels"):
            raise ValueError(f"the weights are not this genome's: it has no {name}")
    set_weights(model, genome, weights)
    return model


class FromRaw:
    """A network of raw inputs that gives probabilities or values in their own units, as the run's tasks measure networks: of normalised
    inputs, that gives logits or normalised values."""

    def __init__(self, network: Any, dataset: Dataset) -> None:
        self._network, self._dataset = network, dataset
        self.input_shape, self.output_shape = network.input_shape, network.output_shape

    def __call__(self, x: npt.NDArray[np.float32], training: bool = False) -> npt.NDArray[np.float32]:
        from neuroevo.train.loop import model_outputs

        outputs = model_outputs(self._network, self._dataset.normalisation.in_float32.inverse(x).astype(np.float32))
        target = self._dataset.target_normalisation
        if self._dataset.kind == "detection":
            return np.asarray(outputs, np.float32)
        if target is None:
            return np.log(np.maximum(outputs, np.float32(1e-30)))
        return target(outputs) if outputs.dtype == np.float64 else target.in_float32(outputs)


# What it is worth -------------------------------------------------------------------------------------------------------------


def task_of(run: Run, *, needed: bool) -> Supervised | None:
    """The run's task, where it is one on data that can be made from its settings; without its data it is done without, unless `needed`.

    Raises:
        ValueError: the data are others than those of the search, or, where they are needed, cannot be read.
    """
    from neuroevo.run.settings import task_from_settings
    from neuroevo.tasks.supervised import Supervised

    if run.task is not None:
        return run.task if isinstance(run.task, Supervised) else None
    described = run.settings.get("task", {})
    try:
        task = task_from_settings(described)
    except ValueError:  # the fitness is a Python function
        return None
    if not isinstance(task, Supervised):
        return None
    try:
        digest = task.dataset.digest()
    except (ValueError, OSError):
        if needed:
            raise
        return None
    if described.get("digest") not in (None, digest):
        raise ValueError(
            f"the data {described.get('data')} are not those of the search any more: scores on them would say nothing beside its own"
        )
    return task


def _refuse_other_shapes(run: Run, task: Supervised | None, network: Any) -> None:
    wanted = (task.dataset.input_shape, task.dataset.outputs) if task is not None else _shapes(run.space)
    if network is None or wanted is None:
        return
    try:
        shapes = network.input_shape, network.output_shape
    except (AttributeError, ValueError):  # Keras's words for a model that was never called
        raise ValueError("the model is not built: it does not say what it takes; begin it with a keras.Input") from None
    if any(isinstance(shape, list) for shape in shapes):
        raise ValueError("the model has several inputs or outputs; the run's networks have one of each")
    inputs, outputs = (tuple(shape[1:]) for shape in shapes)
    fits = len(inputs) == len(wanted[0]) and all(a in (None, b) for a, b in zip(inputs, wanted[0], strict=True))
    given = (wanted[1],) if task is None else task.output_shape(outputs)
    if not fits or outputs != given:
        raise ValueError(
            f"the model takes inputs of shape {inputs} and gives outputs of shape {outputs}; the run's networks take {wanted[0]} and give {given}"
        )


def _shapes(space: Any) -> tuple[tuple[int, ...], int] | None:
    """What the networks of a space take and give, where it says so."""
    shape = getattr(space, "input_shape", None) or ((space.inputs,) if hasattr(space, "inputs") else None)
    outputs = getattr(space, "outputs", None)
    return None if shape is None or not isinstance(outputs, int) else (tuple(shape), outputs)


def _measured(
    run: Run, task: Supervised | None, found: _Made, made: Any, given: Mapping[str, float] | None, tested: bool
) -> tuple[Mapping[str, float], dict[str, float]]:
    """Scores on the validation part (unless they are given) and on the test part."""
    if task is None:
        return given or {}, {}
    from neuroevo.tasks.base import Context

    network = _built(made, None) if found.network is None else found.network
    test = task.test_scores(network) if tested else {}
    if given is not None:
        return given, test
    plain = found.suffix != ".tflite" and not found.raw
    context = Context(seed=run.settings.get("seed", 0))
    scores = task.score(network, context) if plain else task.part_scores(network, task.dataset.validation)
    if isinstance(made, Genome):
        scores |= task.cheap(made)
    elif found.parameters is not None and "parameters" in task.objectives:
        scores["parameters"] = float(found.parameters)
    return scores, test
