"""`neuroevo.compress`: a network of a run made smaller, each result recorded as its child."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, unknown
from neuroevo.compress import genes, pruning
from neuroevo.compress.distillation import Distillation, distilled
from neuroevo.compress.genes import GenePruner, GenePruning
from neuroevo.compress.pruning import Pruned, Pruner, Pruning, checked_share
from neuroevo.compress.quantization import Quantization, quantized
from neuroevo.compress.source import Source, source_in_file, source_of
from neuroevo.compress.sparsity import Sparsity, sparsified
from neuroevo.compress.values import METHODS, Sampling
from neuroevo.estimation.folded import on_validation
from neuroevo.run.derived import Derived
from neuroevo.tasks.base import Context
from neuroevo.tasks.supervised import Supervised

if TYPE_CHECKING:
    from neuroevo.run.run import Run

Say = Callable[[str], None]
Settings = Pruning | Sparsity | Quantization | Distillation | GenePruning
UNITS = ("neurons", "layers", "weights", "connections", "nodes")
ALL_METHODS = (*METHODS, "quantize", "distil")
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # that are tried in turn for max_loss


@dataclass(frozen=True, eq=False)
class Compressed:
    """A network that was made smaller, and is recorded nowhere yet.

    Attributes:
        operators, details: what was done; JSON.
        scores: on the validation part (of a fitness: the objectives), by name.
        parameters: trainable weights, without those that are zero for good.
        model: a `keras.Model`; None of a file or a genome alone.
        genome, weights: of a network that is a genome.
        data, suffix: of a file.
    """

    operators: tuple[str, ...]
    details: dict[str, Any]
    scores: dict[str, float]
    parameters: int
    model: Any = None
    genome: Genome | None = None
    weights: Mapping[str, npt.NDArray[Any]] | None = None
    data: bytes = b""
    suffix: str = ""

    def save(self, path: str | os.PathLike[str], beside: Mapping[str, bytes] | None = None) -> Path:
        """Write its model, whole or not at all.

        Args:
            path: where to; with the suffix of what it is (.keras or .tflite).
            beside: further members of a `.keras` file, by name.

        Raises:
            ValueError: another suffix.
        """
        from neuroevo.core.files import write_whole
        from neuroevo.run.model_files import keras_file

        target, suffix = Path(path), self.suffix or ".keras"
        if target.suffix != suffix:
            raise ValueError(f"this network is written to a {suffix} file, got {target}")
        data = self.data or keras_file(self.model)
        if beside and suffix == ".keras":
            with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
                file = Path(folder, "model.keras")
                file.write_bytes(data)
                with zipfile.ZipFile(file, "a") as archive:
                    for name, inside in beside.items():
                        archive.writestr(name, inside)
                data = file.read_bytes()
        write_whole(target, data)
        return target


def compress(
    run: Run | str | os.PathLike[str],
    id: int | str | None = None,
    method: str | Settings = "shapley",
    *,
    keep: float | Sequence[float] | None = None,
    max_loss: float | None = None,
    unit: str | None = None,
    into: int | None = None,
    seed: int | None = None,
    say: Say | None = None,
    **settings: Any,
) -> list[Derived]:
    """Make a network of a run smaller, and record what comes of it as its children: with scores before and after on the validation part, on the
    test part, parameters, and bytes on disk.

    >>> children = ne.compress("runs/digits", 17, "shapley", keep=(0.75, 0.5, 0.25))  # doctest: +SKIP

    Args:
        run: a run, or its folder.
        id: an individual, or a derived network (17.1); None: the best.
        method: "shapley", "magnitude", "taylor", "activation", "leave_one_out" or "random", by which neurons go; "quantize"; "distil"; or
            settings as a `Pruning`, `Sparsity`, `Quantization`, `Distillation` or `GenePruning`.
        keep: for pruning, the share that is kept, or several, each of which gives a child.
        max_loss: instead, how much worse the validation score may become: the smallest share that holds it is kept. For quantization: a loss at
            which it is refused.
        unit: what goes as a whole: "neurons", "layers" or "weights"; of NEAT genomes "connections" or "nodes".
        into: for distillation, the individual whose architecture learns; None: the best of the front with at most `keep` (half) of the
            parameters.
        seed: decides what is drawn; None: the run's.
        say: told what is done, line by line.
        settings: of the method: see the classes above; `permutations` of Shapley values.

    Returns:
        The children.

    Raises:
        KeyError: there is no such network.
        ValueError: what was asked for cannot be done; the sentence says why.
        StoreError: another process writes to the run's folder.
    """
    from neuroevo.run.run import load_run

    loaded = load_run(run) if isinstance(run, (str, os.PathLike)) else run
    name = loaded.best.id if id is None else id
    source = source_of(loaded, name, seed=seed)
    how = _trained_as(loaded, settings_of(method, source, unit, settings))
    if isinstance(how, Distillation):
        made: Iterator[Compressed] = iter([_distilled(loaded, name, source, how, into, keep)])
    else:
        made = compressed(source, how, keep=keep, max_loss=max_loss, say=say)
    children = []
    for one in made:
        children.append(recorded(loaded, name, one, raw=source.raw))
        if say is not None:
            say(f"recorded: {children[-1].name}")
    return children


def compress_file(
    path: str | os.PathLike[str],
    task: Supervised,
    method: str | Settings = "shapley",
    *,
    keep: float | Sequence[float] | None = None,
    max_loss: float | None = None,
    unit: str | None = None,
    seed: int = 0,
    say: Say | None = None,
    **settings: Any,
) -> Iterator[tuple[Compressed, Source]]:
    """The model of a `.keras` file that takes raw inputs made smaller; arguments as for `compress`. Nothing is written: see `Compressed.save`.

    Raises:
        ValueError: distillation, which needs a run with small networks; or as `compress`.
    """
    source = source_in_file(Path(path), task, seed=seed)
    how = settings_of(method, source, unit, settings)
    if isinstance(how, Distillation):
        raise ValueError("distillation teaches a small network of a run: give the run's folder, and the large network's id")
    for one in compressed(source, how, keep=keep, max_loss=max_loss, say=say):
        yield one, source


def _trained_as(run: Run, how: Settings) -> Settings:
    """The settings with the epochs of the run's own trainings, where it says how many and the user says nothing: half as many for what
    inherits its weights, all for what begins anew."""
    recorded = run.settings.get("estimation", {})
    epochs = recorded.get("epochs") or (recorded.get("base") or {}).get("epochs") if isinstance(recorded, Mapping) else None
    if not isinstance(epochs, int) or not isinstance(how, (Pruning, Sparsity, Distillation)) or how.epochs is not None:
        return how
    return replace(how, epochs=epochs if isinstance(how, Distillation) else max(1, epochs // 2))


def settings_of(method: str | Settings, source: Source, unit: str | None, settings: Mapping[str, Any]) -> Settings:
    """The settings that a method's name stands for, of this network.

    Raises:
        ValueError: an unknown name, or a setting that the method does not have.
    """
    if not isinstance(method, str):
        if settings or unit is not None:
            raise ValueError(f"settings are given inside {type(method).__name__}(...), or beside a method's name")
        return method
    if unit is not None and unit not in UNITS:
        raise ValueError(unknown("unit", unit, UNITS))
    if method not in ALL_METHODS:
        raise ValueError(unknown("method", method, ALL_METHODS))
    values = dict(settings)
    of_genes = source.model is None
    if method in ("quantize", "distil"):
        if of_genes:
            raise ValueError(f"{method} is for networks of layers that are trained; this genome holds its weights: prune its genes")
        made: Any = Quantization if method == "quantize" else Distillation
    else:
        made = GenePruning if of_genes else Sparsity if unit == "weights" else Pruning
        allowed = genes.UNITS if of_genes else (*pruning.UNITS, "weights")
        if unit is not None and unit not in allowed:
            raise ValueError(f"of this network {', '.join(allowed[:-1])} or {allowed[-1]} can go, got {unit}")
        values["method"] = method
        if unit is not None and made is not Sparsity:
            values["unit"] = unit
        sampling = {name: values.pop(name) for name in ("permutations", "truncation", "settle", "confidence") if name in values}
        if sampling and made is not Sparsity:
            values["sampling"] = Sampling(**sampling)
    known = list(made.__dataclass_fields__)
    for name in values:
        if name not in known:
            raise ValueError(unknown(f"setting of {method}", name, known))
    return made(**values)  # type: ignore[no-any-return]


def compressed(
    source: Source,
    how: Settings,
    *,
    keep: float | Sequence[float] | None = None,
    max_loss: float | None = None,
    say: Say | None = None,
) -> Iterator[Compressed]:
    """A network made smaller, once for each share that is kept.

    Raises:
        ValueError: neither a share nor a loss, or both; or what the method refuses.
    """
    if isinstance(how, Quantization):
        if keep is not None:
            raise ValueError("quantization keeps every parameter: no share is given, but a kind (int8, dynamic, float16)")
        yield _quantized(source, how, max_loss)
        return
    if (keep is None) == (max_loss is None):
        raise ValueError("give the share that is kept (keep=0.5) or the loss that is allowed (max_loss=0.01), one of the two")
    shares = [] if keep is None else list(keep) if isinstance(keep, Sequence) else [keep]
    for share in shares:
        checked_share(share)
    if isinstance(how, GenePruning):
        pruner = GenePruner(source.genome, source.task, how, seed=source.seed, id=source.id)  # type: ignore[arg-type]
        wanted: list[float | None] = [*shares] or [None]
        for kept in wanted:
            one = pruner.pruned(kept, max_loss)
            details = {"compression": how.method, **one.details}
            yield Compressed(one.operators, details, one.scores, one.genome.parameters, genome=one.genome)
        return
    if isinstance(how, Distillation):
        raise ValueError("distillation teaches a network of a run: see compress")
    at = _at(source, how, say)
    if max_loss is None:
        for share in shares:
            yield at(share)
        return
    if not max_loss >= 0:
        raise ValueError(f"max_loss must be >= 0, got {max_loss}")
    yield _smallest(source, at, max_loss, say)


def recorded(run: Run, name: int | str, one: Compressed, *, raw: bool = False) -> Derived:
    """Record what was made as a child."""
    options: dict[str, Any] = {"operators": one.operators, "details": one.details, "parameters": one.parameters}
    if one.genome is not None:
        return run.derive(name, one.genome, weights=one.weights, scores=one.scores, **options)
    if not one.data:
        return run.derive(name, one.model, raw=raw, scores=one.scores, **options)
    with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, f"model{one.suffix}")
        path.write_bytes(one.data)
        return run.derive(name, path, raw=raw, scores=one.scores, **options)


def _at(source: Source, how: Pruning | Sparsity, say: Say | None) -> Callable[[float], Compressed]:
    """What pruning to a share gives."""
    from neuroevo.decode import weights_of

    task = source.data
    before = _scores(source, source.model)
    if isinstance(how, Sparsity):

        def sparse(share: float) -> Compressed:
            one = sparsified(source.model, task, share, how, seed=source.seed, id=source.id)
            details = {"compression": how.method, **one.details, "before": before}
            weights = None
            if source.genome is not None and source.weights is not None:
                weights = weights_of(one.model, source.genome, channels=source.weights)
            genome = None if weights is None else source.genome
            scores = _scores(source, one.model, one.nonzero, genome)
            return Compressed(one.operators, details, scores, one.nonzero, source.whole(one.model), genome, weights)

        return sparse
    pruner = Pruner(source.model, task, how, seed=source.seed, id=source.id)

    def pruned(share: float) -> Compressed:
        one = pruner.pruned(share, say=say)
        details = {"compression": how.method, **one.details, "before": before}
        genome, weights = _as_genome(source, one)
        scores = _scores(source, one.model, one.parameters, genome)
        return Compressed(one.operators, details, scores, one.parameters, source.whole(one.model), genome, weights)

    return pruned


def _smallest(source: Source, at: Callable[[float], Compressed], max_loss: float, say: Say | None) -> Compressed:
    """The smallest network whose validation score is worse by at most so much, trying one share after the other."""
    task, best = source.data, None
    before = _scores(source, source.model)[task.selection]
    for share in SHARES:
        try:
            one = at(share)
        except ValueError:
            if best is None:
                raise
            break  # so small it cannot be
        loss = task.selection_sign * (one.scores[task.selection] - before)
        if say is not None:
            say(f"{share:.0%} kept: {task.selection} {before:.4g} to {one.scores[task.selection]:.4g}, {one.parameters:,} parameters")
        if loss > max_loss + 1e-12:
            break
        best = one
    if best is None:
        raise ValueError(
            f"already with {SHARES[0]:.0%} kept, {task.selection} becomes worse by more than {max_loss:g}: allow a larger loss, or train longer "
            "after pruning"
        )
    return replace(best, details={**best.details, "max_loss": max_loss})


def _quantized(source: Source, how: Quantization, max_loss: float | None) -> Compressed:
    task = source.data
    model = source.whole(source.model)
    one = quantized(model, task, how)
    before, after = _scores(source, source.model), _scores(source, _logits_of(source, one.network))
    loss = task.selection_sign * (after[task.selection] - before[task.selection])
    if max_loss is not None and loss > max_loss + 1e-12:
        raise ValueError(
            f"in {how.kind}, {task.selection} goes from {before[task.selection]:.4g} to {after[task.selection]:.4g}, which is more than the loss of "
            f"{max_loss:g} that is allowed; float16 loses least"
        )
    parameters = sum(int(np.prod(variable.shape)) for variable in source.model.trainable_variables)
    details = {"compression": "quantize", **one.details, "before": before}
    return Compressed(one.operators, details, _with_parameters(task, after, parameters), parameters, data=one.data, suffix=one.suffix)


def _logits_of(source: Source, network: Any) -> Any:
    """A network whose outputs are those that the task scores, of one that gives them as the source's file does."""
    if not source.raw:
        return network
    target = source.data.dataset.target_normalisation

    def logits(x: npt.NDArray[Any], training: bool = False) -> npt.NDArray[np.float32]:
        outputs = np.asarray(network(x, training=False))
        return np.log(np.maximum(outputs, np.float32(1e-30))) if target is None else target(outputs)

    return logits


def _distilled(
    run: Run, name: int | str, source: Source, how: Distillation, into: int | None, keep: float | Sequence[float] | None
) -> Compressed:
    task = source.data
    if source.raw:
        raise ValueError("a network of raw inputs cannot teach those of the run, which take normalised ones: begin with its parent")
    size = sum(int(np.prod(variable.shape)) for variable in source.model.trainable_variables)
    share = checked_share(0.5 if keep is None else keep if not isinstance(keep, Sequence) else keep[0])
    if into is None:
        small = [one for one in run.front if one.genome.parameters <= share * size and str(one.id) != str(name)]
        if not small:
            raise ValueError(
                f"the front has no network with at most {share:.0%} of the {size:,} parameters of {name}: name one that learns (into)"
            )
        learner = min(small, key=lambda one: task.selection_sign * one.values.get(task.selection, float(one.genome.parameters)))
    else:
        learner = run[into]
    if learner.genome.parameters >= size:
        raise ValueError(f"{learner.id} has {learner.genome.parameters:,} parameters, no fewer than its teacher's {size:,}")
    one = distilled(source.model, learner.genome, task, how, seed=source.seed, id=learner.id)
    parameters = int(learner.genome.parameters)
    details = {
        "compression": "distil", **one.details, "into": learner.id, "parameters": [size, parameters],
        "before": _scores(source, source.model), "as_it_was": dict(on_validation(learner, run.objectives)),
    }  # fmt: skip
    scores = _scores(source, one.model, parameters, one.genome)
    return Compressed(one.operators, details, scores, parameters, one.model, one.genome, one.weights)


def _scores(source: Source, network: Any, parameters: int | None = None, genome: Genome | None = None) -> dict[str, float]:
    """What a network scores on the validation part; of one that was made, with the objectives of its size, and those that are measured."""
    task = source.data
    found = task.part_scores(network, task.dataset.validation)
    if parameters is None:
        return found
    if not source.raw:
        found |= task.model_scores(network) | task.measured(network, Context(seed=source.seed))
    return _with_parameters(task, found | ({} if genome is None else task.cheap(genome)), parameters)


def _with_parameters(task: Supervised, scores: dict[str, float], parameters: int) -> dict[str, float]:
    return scores | ({"parameters": float(parameters)} if "parameters" in task.objectives else {})


def _as_genome(source: Source, one: Pruned) -> tuple[Genome | None, Mapping[str, npt.NDArray[Any]] | None]:
    """The pruned network as a genome, where its encoding has one with these widths."""
    from neuroevo.decode import weights_of

    narrowed = getattr(source.genome, "with_widths", None)
    if narrowed is None or source.weights is None:
        return None, None
    widths, channels = {}, dict(source.weights)
    for name, places in one.channels.items():
        marking = name.rpartition("_")[2]
        if f"{marking}/channels" in channels and "_projection_" not in name:
            widths[int(marking)] = len(places)
            channels[f"{marking}/channels"] = np.asarray(source.weights[f"{marking}/channels"])[places]
    try:
        genome = narrowed(widths)
        return genome, weights_of(one.model, genome, channels=channels)
    except ValueError:
        return None, None  # a layer went as a whole, or the space has no such network
