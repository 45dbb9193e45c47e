"""The front validated by folds: each network trained anew on all but one part of the training and validation rows, and asked about that part.

A validation part of a hundred rows, by which a search chose among many networks, flatters what it chose, and cannot tell networks apart that differ
by one row. Folds ask about every row that is not for the test, each once, of a network that never saw it (Stone 1974; five folds as Breiman &
Spector 1992 advise). What costs the search nothing is left as it is: folds choose among the networks of its front alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import Genome
from neuroevo.core.backend import prepare, suited_precision
from neuroevo.core.files import write_json_whole
from neuroevo.core.streams import TRAINING, stream
from neuroevo.run.run import Run
from neuroevo.tasks.folding import folds_of
from neuroevo.tasks.intervals import known

if TYPE_CHECKING:
    from neuroevo.tasks.intervals import Interval
    from neuroevo.tasks.supervised import Supervised
    from neuroevo.train.recipe import Recipe

FOLDS_FILE = "folds.json"
FOLDED = (1 << 62) - 5  # the stream of folds and of their trainings, apart from those of births


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

    recipe: Recipe = getattr(estimation_from_settings(run.settings["estimation"]), "recipe", None) or task.from_scratch
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
