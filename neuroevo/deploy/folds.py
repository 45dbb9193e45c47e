"""The front validated by folds: each network trained anew on all but one part of the training and validation rows, and asked about that part.

A validation part of a hundred rows, by which a search chose among many networks, flatters what it chose, and cannot tell networks apart that differ
by one row. Folds ask about every row that is not for the test, each once, of a network that never saw it (Stone 1974; five folds as Breiman &
Spector 1992 advise). What costs the search nothing is left as it is: folds choose among the networks of its front alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.backend import prepare, suited_precision
from neuroevo.core.files import write_json_whole
from neuroevo.core.streams import TRAINING, stream
from neuroevo.run.run import Run
from neuroevo.tasks.intervals import known

if TYPE_CHECKING:
    from neuroevo.tasks.intervals import Interval
    from neuroevo.tasks.supervised import Supervised
    from neuroevo.train.recipe import Recipe

FOLDS_FILE = "folds.json"
USUAL = 5
SMALL = 2000  # rows below which folds are asked for by themselves
FOLDED = (1 << 62) - 5  # the stream of folds and of their trainings, apart from those of births
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Folded:
    """What a network scores by folds.

    Attributes:
        folds, samples: how many folds, and how many samples they are together.
        scores: of the answers to all samples, each from the network that never saw it, by name.
        intervals: how sure they are, as far as samples go (95 %).
    """

    folds: int
    samples: int
    scores: dict[str, float]
    intervals: dict[str, Interval]


def usual_folds(task: Supervised) -> int:
    """The folds where nobody says otherwise: 5 of tables of fewer than 2,000 rows that can be folded (fewer where the rarest class has fewer
    rows), 0 of others."""
    dataset = task.dataset
    rows = len(dataset.train) + len(dataset.validation) + len(dataset.test)
    if rows >= SMALL or len(dataset.input_shape) > 1 or hindered(task):
        return 0
    folds = min(USUAL, _most_folds(task))
    return folds if folds > 1 else 0


def _most_folds(task: Supervised) -> int:
    """Rows of the rarest class to train and validate on; of a regression all of them."""
    y = task.dataset.search_part.y
    return len(y) if task.kind == "regression" else int(np.bincount(y)[np.unique(y)].min())


def hindered(task: Supervised) -> str:
    """Why the data of a task cannot be folded, in a sentence; "" where it can."""
    columns = task.dataset.columns
    if task.kind == "detection":
        return "folds are of classes and numbers, not of boxes in images"
    if task.columns.group is not None or task.columns.time is not None:
        return f"rows that were split by {task.columns.group or task.columns.time!r} cannot be folded: a fold would not be split by it"
    learned = [] if columns is None else [each["name"] for each in columns["columns"] if each["kind"] == "target"]
    if learned:
        return f"{learned[0]!r} became the mean of the target among training rows, which folds would give away"
    return ""


def folds_of(task: Supervised, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows of the training and validation parts together to train on and to ask about, of each fold: stratified, copies of a row in one fold.

    Raises:
        ValueError: fewer than 2 folds, more than there are rows of the rarest class (of a regression: rows), or data that cannot be folded.
    """
    from sklearn import model_selection

    if reason := hindered(task):
        raise ValueError(f"{reason}; leave --folds out")
    both = task.dataset.search_part
    classes = both.y if task.kind == "classification" else None
    most = _most_folds(task)
    if not 2 <= folds <= most:
        what = "rows" if classes is None else "rows of the rarest class"
        raise ValueError(f"--folds is a number from 2 to {most}, the {what} to train and validate on (0: no folds), got {folds}")
    _, copies = np.unique(np.concatenate([both.x.reshape(len(both), -1), both.y.reshape(len(both), -1)], axis=1), axis=0, return_inverse=True)
    different = int(copies.max()) + 1 == len(both)
    if classes is None:
        splitter: Any = model_selection.KFold(folds, shuffle=True, random_state=seed) if different else model_selection.GroupKFold(folds)
    else:
        kind = model_selection.StratifiedKFold if different else model_selection.StratifiedGroupKFold
        splitter = kind(folds, shuffle=True, random_state=seed)
    found: Iterator[tuple[Rows, Rows]] = splitter.split(both.x, classes, None if different else copies.ravel())
    return list(found)


def validate_by_folds(genome: Genome, task: Supervised, recipe: Recipe, folds: int, seed: int, threads: int = 1) -> Folded:
    """Train a genome's network from scratch on each fold's rows, and score its answers to the others.

    Args:
        recipe: how candidates of the search are trained from scratch.
        seed: of the folds, the initial weights and the order of samples.

    Raises:
        Diverged: a training loss became infinite or NaN.
        ValueError: as `folds_of`.
    """
    from neuroevo.data.dataset import Part
    from neuroevo.decode import build, set_weights
    from neuroevo.inherit import initialise
    from neuroevo.inherit.embeddings import placed
    from neuroevo.train.compiled import Method, compile_network
    from neuroevo.train.loop import fit, outputs_in_batches

    both = task.dataset.search_part
    rows = folds_of(task, folds, seed)
    prepare(threads)
    with suited_precision():
        model = build(genome)
    fewest = min(len(train) for train, _ in rows)
    settled = recipe.sized(fewest)
    network = compile_network(model, Method.of(settled, task.loss, fewest, weighted=task.weighted))
    outputs = np.zeros((len(both), task.dataset.outputs), np.float32)
    for fold, (train, asked) in enumerate(rows):
        rng = stream(seed, FOLDED, TRAINING, fold)
        part = Part(both.x[train], both.y[train])
        set_weights(model, genome, placed(genome, initialise(genome, rng), part.x))
        network.reset()
        fit(network, part.x, task.training_targets(part, network), settled, rng, vary=task.varying(part, network))
        outputs[asked] = outputs_in_batches(network, both.x[asked])
    if not np.isfinite(outputs).all():
        raise ValueError("the network's outputs are not finite (NaN or infinity)")
    return Folded(folds, len(both), task.scores(outputs, both.y), known(task.intervals(outputs, both.y)))


def fold_front(run: Run, task: Supervised, folds: int, say: Callable[[str], None]) -> dict[int, Folded]:
    """What each network of the front that was trained scores by folds, by id: those that are recorded in the run's folder, and the others now,
    which are then recorded. One whose training fails has no score."""
    from neuroevo.run.settings import estimation_from_settings

    recipe: Recipe = getattr(estimation_from_settings(run.settings["estimation"]), "recipe", task.from_scratch)
    recipe = replace(recipe, epochs=recipe.epochs if run.records.full.epochs is None else run.records.full.epochs)
    found = {id: one for id, one in folded(run).items() if one.folds == folds}
    front = [individual for individual in run.front if individual.artifact is not None and individual.id not in found]
    folds_of(task, folds, run.settings["seed"])  # what is wrong is said before anything is trained
    for place, individual in enumerate(front):
        say(f"validating individual {individual.id} by {folds} folds ({place + 1} of {len(front)})")
        try:
            found[individual.id] = validate_by_folds(individual.genome, task, recipe, folds, run.settings["seed"], run.settings.get("threads", 1))
        except ValueError as error:
            say(f"individual {individual.id} has no score by folds: {error}")
    found = {individual.id: found[individual.id] for individual in run.front if individual.id in found}
    if run.folder is not None:
        write_json_whole(Path(run.folder) / FOLDS_FILE, {id: asdict(one) for id, one in found.items()})
    return found


def folded(run: Run) -> dict[int, Folded]:
    """What the front scores by folds, by id; empty where it was not asked.

    Raises:
        ValueError: the file is damaged.
    """
    path = None if run.folder is None else Path(run.folder) / FOLDS_FILE
    if path is None or not path.exists():
        return {}
    try:
        return {int(id): _read(found) for id, found in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command again") from None


def _read(found: Mapping[str, Any]) -> Folded:
    scores = {str(name): float(value) for name, value in found["scores"].items()}
    intervals = {str(name): (float(low), float(high)) for name, (low, high) in found["intervals"].items()}
    return Folded(int(found["folds"]), int(found["samples"]), scores, intervals)
