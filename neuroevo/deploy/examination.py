"""A chosen network examined on samples that it was not trained on: which classes it confuses or how far off it is, whether its probabilities can be
taken at their word, and which columns it needs.

What was found is recorded in the run's folder, so that figures and reports need neither the data nor the network again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.files import write_json_whole
from neuroevo.core.individual import Individual
from neuroevo.core.streams import TRAINING, stream
from neuroevo.deploy.seen import SeenImage, read_seen, seen_images
from neuroevo.deploy.threshold import SCORES, Threshold, best_threshold, score_at
from neuroevo.run.derived import Derived, network_named, task_of
from neuroevo.run.run import Run
from neuroevo.tasks.intervals import confusion, of_share
from neuroevo.tasks.metrics import log_probabilities

if TYPE_CHECKING:
    from neuroevo.data.dataset import Part
    from neuroevo.tasks.supervised import Supervised

EXAMINED_FILE = "examined.json"
SHUFFLES = 5  # of each column
ROWS = 2000  # on which importance is measured, and of residuals that are kept, spread evenly
BINS = 10
EXAMINATION = (1 << 62) - 4  # the stream of shuffles, apart from those of births
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Samples that were given nearly the same probability.

    Attributes:
        probability: their mean.
        share: of them, that the network was right about, with its 95 % interval from `low` to `high`.
        samples: how many.
    """

    probability: float
    share: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities are what they say.

    Attributes:
        of: whose probability: a class of two, or "the class that it says" of more.
        bins: of as many samples each as can be, by rising probability.
        error: the expected calibration error: the mean of |share - probability|, weighted by samples (Guo et al. 2017, equation 3, in bins of
            equal counts, which an empty bin cannot distort).
    """

    of: str
    bins: tuple[Bin, ...]
    error: float


@dataclass(frozen=True)
class Importance:
    """What a column is worth to the network.

    Attributes:
        column: of the table; all features that came from it are shuffled together.
        worse, deviation: by how much the score is worse where the column is shuffled: the mean and the standard deviation over shuffles.
    """

    column: str
    worse: float
    deviation: float


@dataclass(frozen=True)
class Examination:
    """What was found about a network.

    Attributes:
        name: the id of an individual, or the name of a derived network.
        part: "test", or "validation" of a search that goes on.
        samples: how many.
        labels: the classes, or the outputs of a regression.
        score: by which importance was measured, and its value with nothing shuffled.
        confusion: of classes: how many of each (first) were taken for which.
        calibration: of classes.
        observed, predicted: of a regression, a list for each sample, `ROWS` at most, in their own units.
        threshold: of two classes: from which probability on the second is best said, by the validation data.
        seen: of a detection: images of the validation data, with what is there and what the network finds.
        importance: of a table or of features, the most important column first; empty for images.
    """

    name: str
    part: str
    samples: int
    labels: tuple[str, ...]
    score: tuple[str, float]
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: Calibration | None = None
    observed: tuple[tuple[float, ...], ...] = ()
    predicted: tuple[tuple[float, ...], ...] = ()
    importance: tuple[Importance, ...] = ()
    threshold: Threshold | None = None
    seen: tuple[SeenImage, ...] = ()


def examination(run: Run, name: int | str | None = None) -> Examination:
    """What is found about one of a run's networks: as it was recorded, or found now and recorded (of a run that ended).

    Args:
        name: an individual's id or a derived network's name; None: the best.

    Raises:
        KeyError: there is no such network.
        ValueError: the run is not one on data, its data changed, or the network has no weights.
    """
    chosen = run.best if name is None else network_named(run, name)
    named = chosen.name if isinstance(chosen, Derived) else str(chosen.id)
    recorded = examined(run)
    if named in recorded:
        return recorded[named]
    task = task_of(run, needed=True)
    if task is None:
        raise ValueError("networks are examined on the data of a search, and this run is not a search on data")
    found = examine(task, _measurable(chosen, task), named, part="test" if run.ended else "validation", seed=run.settings.get("seed", 0))
    if run.folder is not None and run.ended:
        record(run, found)
    return found


def _measurable(chosen: Individual | Derived, task: Supervised) -> Any:
    """The network as the run's own are: normalised inputs to logits or normalised values."""
    model = chosen.model()
    if isinstance(chosen, Derived) and chosen.raw:
        from neuroevo.run.derived import FromRaw

        return FromRaw(model, task.dataset)
    return model


def examine(task: Supervised, network: Any, name: str, *, part: str, seed: int = 0) -> Examination:
    """Examine a network on a part of the data.

    Args:
        network: a `keras.Model` or a callable, of normalised inputs, that gives logits or normalised values, or the boxes of a detection.
        part: "validation" or "test".
        seed: of the shuffles.
    """
    from neuroevo.tasks.detection import Detection
    from neuroevo.tasks.supervised import outputs_of

    dataset, samples = task.dataset, getattr(task.dataset, part)
    outputs = outputs_of(network, samples.x)
    value = task.scores(outputs, samples.y)[task.selection]
    importance = tuple(_importance(task, network, samples, seed)) if len(dataset.input_shape) == 1 else ()
    common = Examination(name, part, len(samples), tuple(dataset.label_names), (task.selection, value), importance=importance)
    if isinstance(task, Detection):
        return replace(common, seen=seen_images(task, network))
    if dataset.kind == "classification":
        counts = confusion(outputs.argmax(axis=1), samples.y, dataset.outputs)
        calibration = calibration_of(np.exp(log_probabilities(outputs)), samples.y, dataset.label_names)
        threshold = _threshold(task, network, outputs, part) if dataset.outputs == 2 else None
        return replace(common, confusion=_tuples(counts), calibration=calibration, threshold=threshold)
    assert dataset.target_normalisation is not None
    rows = _spread(len(samples))
    predicted = dataset.target_normalisation.inverse(outputs)[rows]
    return replace(common, observed=_tuples(samples.y[rows]), predicted=_tuples(predicted))


def _threshold(task: Supervised, network: Any, outputs: npt.NDArray[np.float32], part: str) -> Threshold:
    from neuroevo.tasks.supervised import outputs_of

    score = task.selection if task.selection in SCORES else "f1"
    validation, examined_part = task.dataset.validation, getattr(task.dataset, part)
    known = np.exp(log_probabilities(outputs_of(network, validation.x)))[:, 1]
    asked = np.exp(log_probabilities(outputs))[:, 1]
    at = best_threshold(known, validation.y, score)
    on_validation = score_at(known, validation.y, 0.5, score), score_at(known, validation.y, at, score)
    on_examined = score_at(asked, examined_part.y, 0.5, score), score_at(asked, examined_part.y, at, score)
    return Threshold(task.dataset.label_names[1], at, score, on_validation, on_examined, part)


def calibration_of(probabilities: Doubles, y: npt.NDArray[np.int64], labels: tuple[str, ...]) -> Calibration:
    """Whether the probability of the second of two classes, or of the most probable one of more, is the share of samples where it is right.

    Args:
        probabilities: float64 [samples, classes].
        y: int64 [samples].
    """
    if len(labels) == 2:
        given, right, of = probabilities[:, 1], y == 1, labels[1]
    else:
        given, right, of = probabilities.max(axis=1), probabilities.argmax(axis=1) == y, "the class that it says"
    order = np.argsort(given, kind="stable")
    bins = []
    for rows in np.array_split(order, min(BINS, max(1, len(y) // 10))):
        count = int(right[rows].sum())
        bins.append(Bin(float(given[rows].mean()), count / len(rows), *of_share(count, len(rows)), len(rows)))
    error = sum(each.samples * abs(each.share - each.probability) for each in bins) / len(y)
    return Calibration(of, tuple(bins), float(error))


def _importance(task: Supervised, network: Any, part: Part, seed: int) -> list[Importance]:
    """Breiman 2001, section 10, on held-out samples: how much worse the score is where a column is shuffled."""
    from neuroevo.tasks.supervised import outputs_of

    rows = _spread(len(part))
    x, y = part.x[rows], part.y[rows]
    intact = task.scores(outputs_of(network, x), y)[task.selection]
    rng, found = stream(seed, EXAMINATION, TRAINING), []
    for column, features in _columns(task).items():
        worse = []
        for _ in range(SHUFFLES):
            shuffled = x.copy()
            shuffled[:, features] = x[rng.permutation(len(x))][:, features]
            worse.append(task.selection_sign * (task.scores(outputs_of(network, shuffled), y)[task.selection] - intact))
        found.append(Importance(column, float(np.mean(worse)), float(np.std(worse))))
    return sorted(found, key=lambda each: -each.worse)


def _columns(task: Supervised) -> dict[str, list[int]]:
    """The features that come from each column; of data without columns each feature is one."""
    from neuroevo.data.table import feature_names

    columns = task.dataset.columns
    if columns is None:
        return {f"feature {k}": [k] for k in range(task.dataset.input_shape[0])}
    found: dict[str, list[int]] = {}
    first = 0
    for described in columns["columns"]:
        width = len(feature_names({"columns": [described]}))
        found.setdefault(str(described["name"]), []).extend(range(first, first + width))
        first += width
    return {name: features for name, features in found.items() if features}


def _spread(samples: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, samples - 1, min(ROWS, samples)).round().astype(np.int64))


def _tuples(array: npt.NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(map(tuple, array.tolist()))


# What a run recorded ------------------------------------------------------------------------------------------------------------


def record(run: Run, found: Examination) -> None:
    """Add it to the run's folder."""
    assert run.folder is not None
    everything = {name: asdict(one) for name, one in ({**examined(run), found.name: found}).items()}
    write_json_whole(Path(run.folder) / EXAMINED_FILE, everything)


def examined(run: Run) -> dict[str, Examination]:
    """What was recorded, by the network's name; empty where nothing was.

    Raises:
        ValueError: the file is damaged.
    """
    path = None if run.folder is None else Path(run.folder) / EXAMINED_FILE
    if path is None or not path.exists():
        return {}
    try:
        return {str(name): _read(found) for name, found in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it: neuroevo plot makes it again") from None


def _read(found: Mapping[str, Any]) -> Examination:
    calibration = found["calibration"]
    return Examination(
        str(found["name"]),
        str(found["part"]),
        int(found["samples"]),
        tuple(map(str, found["labels"])),
        (str(found["score"][0]), float(found["score"][1])),
        tuple(tuple(map(int, row)) for row in found["confusion"]),
        None
        if calibration is None
        else Calibration(str(calibration["of"]), tuple(Bin(**each) for each in calibration["bins"]), float(calibration["error"])),
        tuple(tuple(map(float, row)) for row in found["observed"]),
        tuple(tuple(map(float, row)) for row in found["predicted"]),
        tuple(Importance(**each) for each in found["importance"]),
        None if found["threshold"] is None else _read_threshold(found["threshold"]),
        tuple(read_seen(each) for each in found.get("seen", ())),
    )


def _read_threshold(found: Mapping[str, Any]) -> Threshold:
    validation, asked = ((float(found[which][0]), float(found[which][1])) for which in ("validation", "examined"))
    return Threshold(str(found["of"]), float(found["at"]), str(found["score"]), validation, asked, str(found["part"]))
