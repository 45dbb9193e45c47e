"""Ensembles of a run's networks: chosen greedily on the validation part, or by the folds of the search, one Keras model.

Caruana, Niculescu-Mizil, Crew & Ksikes 2004, "Ensemble selection from libraries of models": in each round the network is added, whether it is in
already or not, with which the mean of all that are in scores best; a network that was added twice weighs twice.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.trial import DONE
from neuroevo.deploy.keras_file import in_own_units, normalised, write_raw
from neuroevo.estimation.folded import folded_outputs
from neuroevo.run.derived import Derived, task_of
from neuroevo.run.run import Run
from neuroevo.run.settings import search_folds
from neuroevo.tasks.metrics import log_probabilities
from neuroevo.tasks.supervised import outputs_of

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset
    from neuroevo.tasks.supervised import Supervised

ROUNDS = 20
MARGIN = 0.005  # of a score, by which more rounds have to make it better
LEAST = 1e-30  # a class's probability, of which the logarithm is taken
Doubles = npt.NDArray[np.float64]
Key = tuple[float, ...]
From = Literal["front", "kept"]


@dataclass(frozen=True)
class Ensemble:
    """What was chosen, and what it scores.

    Attributes:
        members: how often each network was added, by id, the one that was added first at first.
        course: `score` of what it was chosen on after each round up to the last that is in it.
        score: the name of what was chosen by.
        single, scores: scores, of what it was chosen on, of the best single network, and of the ensemble.
        folds: it was chosen on the validation part (0), or on the answers to all rows that are not for the test, each of a network of so many folds that
            never saw it.
        derived: its record in the run, whose `model()` takes raw inputs; None where no combination is better than the best alone.
        path: the `.keras` file, where one was asked for and made.
    """

    members: Mapping[int, int]
    course: tuple[float, ...]
    score: str
    single: Mapping[str, float]
    scores: Mapping[str, float]
    folds: int = 0
    derived: Derived | None = None
    path: Path | None = None


def greedy_selection(answers: Mapping[int, Doubles], key: Callable[[Doubles], Key], rounds: int) -> tuple[list[int], list[Key]]:
    """Which networks to take the mean of, in the order in which they are added, each as often as it stands there; and the key after each round.
    It ends where more rounds did not make it better by half a percent of anything in the key, what stands before that being no worse: each
    further network costs its size.

    Args:
        answers: float64 [samples, outputs] of each network, of which the mean is taken.
        key: of a mean; the least is the best, as tuples compare.
        rounds: how many are added at most.
    """
    total = np.zeros_like(next(iter(answers.values())))
    chosen: list[int] = []
    keys: list[Key] = []
    for round in range(1, rounds + 1):
        found, best = min((key((total + answer) / round), id) for id, answer in answers.items())
        total = total + answers[best]
        chosen.append(best)
        keys.append(found)
    end = 0
    for place in range(1, len(keys)):
        if _worth_more(keys[place], keys[end]):
            end = place
    return chosen[: end + 1], keys[: end + 1]


def _worth_more(found: Key, best: Key) -> bool:
    for mine, other in zip(found, best, strict=True):
        if other - mine > MARGIN * abs(other):
            return True
        if mine > other:
            return False
    return False


def ensemble(
    run: Run, *, rounds: int = ROUNDS, of: From = "front", path: Path | None = None, say: Callable[[str], None] | None = None
) -> Ensemble:
    """Choose an ensemble of a run's networks on what the search chose by, and record it as a child of the first one chosen (`Run.ensemble`).

    Args:
        run: one on data.
        rounds: networks that are added at most, each perhaps several times.
        of: "front", or "kept": every network whose weights the run still has.
        path: where to write the `.keras` file as well; None: it is in the run alone.
        say: is told what the file was found to compute.

    Raises:
        ValueError: the run is not one on data, its data changed, or it has no trained networks.
    """
    if of not in ("front", "kept"):
        raise ValueError(f"an ensemble is chosen of 'front' or 'kept', got {shown(of)}")
    if rounds < 1 or isinstance(rounds, bool):
        raise ValueError(f"an ensemble takes 1 round or more, got {shown(rounds)}")
    if path is not None and path.suffix != ".keras":
        raise ValueError(f"an ensemble is written to a .keras file, got {path}; neuroevo export RUN ID writes others of it, once it is recorded")
    task = task_of(run, needed=True)
    if task is None:
        raise ValueError("an ensemble is chosen on the validation data of a search, and this run is not a search on data")
    if task.kind == "detection":
        raise ValueError("an ensemble is the mean of answers, and the boxes of several networks have none: choose one network of the run")
    candidates = {individual.id: individual for individual in _candidates(run, of)}
    if not candidates:
        raise ValueError("this run has no trained networks to choose an ensemble of; neuroevo train RUN ID trains one")
    folds, seed = search_folds(run.settings), run.settings.get("seed", 0)
    outputs = {id: folded_outputs(one, task, folds, seed) for id, one in candidates.items()} if folds else {}
    by_folds = {id: _answers(task, found) for id, found in outputs.items() if found is not None}
    part = task.dataset.search_part if by_folds else task.dataset.validation
    models = {id: individual.model() for id, individual in candidates.items() if not by_folds or id in by_folds}
    answers = by_folds or {id: _answers(task, outputs_of(model, part.x)) for id, model in models.items()}
    folds = folds if by_folds else 0

    def scored(mean: Doubles) -> dict[str, float]:
        return task.scores(_as_outputs(task, mean), part.y)  # type: ignore[arg-type]

    def key(mean: Doubles) -> Key:
        scores = scored(mean)
        return task.selection_sign * scores[task.selection], scores["loss"]

    chosen, keys = greedy_selection(answers, key, rounds)
    members, course = dict(Counter(chosen)), tuple(task.selection_sign * first for first, *_ in keys)
    single = scored(answers[chosen[0]])
    scores = scored(np.mean([answers[id] for id in chosen], axis=0))
    if len(members) == 1:
        return Ensemble(members, course[:1], task.selection, single, single, folds)
    raw = averaged({id: models[id] for id in members}, members, task.dataset)
    sums = {name: sum(candidates[id].values[name] for id in members) for name in ("parameters", "flops") if name in run.objectives}
    details = {"members": {str(id): times for id, times in members.items()}, "chosen_of": of, **({"folds": folds} if folds else {})}
    with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
        file = write_raw(raw, task.dataset, Path(folder, "ensemble.keras") if path is None else path, say=say)
        made = run.derive(chosen[0], file, operators=("ensemble",), scores={**scores, **sums}, details=details, raw=True)
    return Ensemble(members, course, task.selection, single, scores, folds, made, path)


def _candidates(run: Run, of: From) -> Sequence[Individual]:
    """Trained at the full resolution, so that all take the same inputs."""
    known = run.front if of == "front" else [individual for individual in run if individual.status == DONE]
    fits = [one for one in known if one.fidelity is None or one.fidelity.resolution == 1]
    return [one for one in fits if one.keeps_weights]


def _answers(task: Supervised, outputs: npt.NDArray[np.float32]) -> Doubles:
    """What a mean is taken of: probabilities, or normalised values."""
    return np.exp(log_probabilities(outputs)) if task.kind == "classification" else outputs.astype(np.float64)


def _as_outputs(task: Supervised, answers: Doubles) -> Doubles:
    """The same as the outputs of a network: logits, or normalised values."""
    return np.log(np.maximum(answers, LEAST)) if task.kind == "classification" else answers


def averaged(models: Mapping[int, Any], times: Mapping[int, int], dataset: Dataset) -> Any:
    """One `keras.Model` of plain Keras layers: raw inputs to the weighted mean of the networks' probabilities, or of their values.

    Args:
        models: by id, of normalised inputs, giving logits or normalised values.
        times: how often each is in.
        dataset: the data that they were trained on.
    """
    import keras

    first = next(iter(models.values()))
    inputs = keras.Input(first.input_shape[1:], name="raw")
    x, total, shares = normalised(inputs, dataset), sum(times.values()), []
    for id, model in models.items():
        member = keras.Model(model.inputs[0], model.outputs[0], name=f"network_{id}")
        outputs = member(x)
        if dataset.kind == "classification":
            outputs = keras.layers.Softmax(dtype="float32", name=f"probabilities_{id}")(outputs)
        shares.append(keras.layers.Rescaling(times[id] / total, dtype="float32", name=f"share_{id}")(outputs))
    mean = keras.layers.Add(dtype="float32", name="mean")(shares)
    outputs = mean if dataset.kind == "classification" else in_own_units(mean, dataset)
    return keras.Model(inputs, outputs, name="ensemble")
