"""Estimation by folds: what few validation rows cannot tell apart, all rows may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives
from neuroevo.core.trial import CHECKPOINT, Artifact, Trial
from neuroevo.data.dataset import Part
from neuroevo.estimation.candidate import Candidate
from neuroevo.estimation.course import Course
from neuroevo.estimation.training import FullTraining
from neuroevo.tasks.base import Task
from neuroevo.tasks.folding import search_folds_of
from neuroevo.tasks.intervals import known
from neuroevo.tasks.supervised import Supervised, outputs_of
from neuroevo.train.loop import fit, outputs_in_batches
from neuroevo.train.recipe import Recipe

PREFIX = "fold_"
FOLD = PREFIX + "{}/"  # before the names of the weights of each fold's network but the first's


class FoldedTraining(FullTraining):
    """Train every candidate once for each fold, and score it on the answers to all rows that are not for the test, each from the network that never
    saw it.

    The first fold is the usual one, training part and validation part: its network is the individual's model, and its learning curve the
    individual's. The others are trained likewise on the rest of the training rows and the validation rows. A child's network of a fold starts from
    the weights of its parents' networks of the same fold: no network comes from one that was trained on what it is asked about. Where a parent has no
    such weights, it starts from fresh ones.

    It costs as many trainings as there are folds; their networks are compiled once.

    Args:
        folds: how many, >= 2.
        epochs, recipe, inherited, curve, structures: as for `FullTraining`.

    Raises:
        ValueError: a setting out of its range. A trial fails whose data cannot be folded, that sees a share of the data or smaller samples, or that goes
            on from a checkpoint or leaves one.
    """

    def __init__(
        self,
        folds: int = 5,
        epochs: int | None = None,
        recipe: Recipe | None = None,
        inherited: Recipe | None = None,
        *,
        curve: int = 5,
        structures: int = 24,
    ) -> None:
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
            raise ValueError(f"folds must be a whole number >= 2, got {shown(folds)}")
        super().__init__(epochs, recipe, inherited, curve=curve, structures=structures)
        self.folds = folds

    def cost(self, trial: Trial, task: Task) -> float:
        return self.folds * super().cost(trial, task)

    def _course(self, trial: Trial, individual: Individual, task: Supervised) -> Course:
        course = super()._course(trial, individual, task)
        if course.reduced or course.share < 1 or course.checkpoint is not None or CHECKPOINT in trial.leaves:
            raise ValueError(
                "folds are of whole trainings on all rows: for trainings that go on, or that see less, take FullTraining or a strategy that trains each "
                "network once"
            )
        return course

    def _train(self, candidate: Candidate) -> tuple[list[Artifact], Any]:
        left, descriptors = super()._train(candidate)
        if candidate.stopped:  # by its learning curve: it is not asked further
            return left, descriptors
        task, both = candidate.task, candidate.task.dataset.search_part
        rows = search_folds_of(task, self.folds, candidate.context.seed)
        arrays = dict(left[0].load())
        network = self._compiled(candidate)
        answers = np.zeros((len(both), *task.output_shape(tuple(network.model.output_shape[1:]))), np.float32)
        answers[rows[0][1]] = outputs_in_batches(network, both.x[rows[0][1]])
        scores = [task.scores(answers[rows[0][1]], both.y[rows[0][1]])]
        for fold, (trained, asked) in enumerate(rows[1:], 1):
            part = Part(both.x[trained], both.y[trained])
            arrays |= candidate.timed("folds", self._fold, candidate, part, fold)
            answers[asked] = outputs_in_batches(network, both.x[asked])
            scores.append(task.scores(answers[asked], both.y[asked]))
        if not np.isfinite(answers).all():
            raise ValueError("the outputs of a fold's network are not finite (NaN or infinity)")
        candidate.scores |= task.scores(answers, both.y)
        candidate.folded = {
            "folds": self.folds,
            "samples": len(both),
            "each": [score[task.selection] for score in scores],
            "first": dict(scores[0]),
            "intervals": {name: list(ends) for name, ends in known(task.intervals(answers, both.y)).items()},
        }
        left[0] = candidate.trial.left(candidate.individual, arrays=arrays)
        return left, descriptors

    def _fold(self, candidate: Candidate, part: Part, fold: int) -> dict[str, npt.NDArray[Any]]:
        """Train the network on a fold's rows, in place of what it was: its weights, by the names under which they are kept."""
        from neuroevo.decode import set_weights, weights_of
        from neuroevo.inherit import inherit
        from neuroevo.inherit.embeddings import placed

        assert candidate.course is not None
        task, genome, course = candidate.task, candidate.genome, candidate.course
        rng = candidate.context.rng(candidate.individual.id, candidate.trial.repeat).spawn(fold)[-1]
        given = [(artifact.genome, _of_fold(artifact.load(), fold)) for artifact in course.parents if artifact.genome is not None]
        parents = [(parent, arrays) for parent, arrays in given if arrays]
        begin = placed(genome, inherit(genome, parents, rng), part.x, [parent for parent, _ in parents])
        recipe = course.recipe
        if course.start == "parents" and not parents:
            recipe = self._recipes(task)[0].sized(len(candidate.train), course.fidelity.epochs)
        network = self._compiled(candidate)
        set_weights(network.model, genome, begin)
        network.reset()
        targets, vary = task.training_targets(part, network), task.varying(part, network)
        done = fit(network, part.x, targets, recipe, rng, vary=vary, report=lambda *_: candidate.context.give_way())
        candidate.beside += len(done.train_loss)
        arrays = weights_of(network.synchronised(), genome, channels=begin)
        return {FOLD.format(fold) + name: array for name, array in arrays.items()}

    def settings(self) -> dict[str, Any]:
        own = {name: value for name, value in super().settings().items() if name not in ("refit", "distil", "temperature")}
        return {**own, "folds": self.folds}


def first_fold(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The weights of an individual's model among those of its artifact: of a search without folds all of them."""
    return {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}


def _of_fold(arrays: Mapping[str, npt.NDArray[Any]], fold: int) -> dict[str, npt.NDArray[Any]]:
    """The weights of a fold's network among those of an artifact, by marking; empty where there are none."""
    prefix = FOLD.format(fold)
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def on_validation(individual: Individual, objectives: Objectives) -> Mapping[str, float]:
    """The objective values of an individual; of one that was scored by folds, what its model scores on the validation part in place of what all do."""
    folds = (individual.info or {}).get("folds")
    if not folds:
        return individual.values
    others = {name: value for name, value in individual.values.items() if objectives[name].kind != "trained"}
    return others | {name: value for name, value in folds.get("first", {}).items() if name in individual.values}


def folded_outputs(individual: Individual, task: Supervised, folds: int, seed: int) -> npt.NDArray[np.float32] | None:
    """What the networks of an individual answer to all rows that are not for the test, each to those that it never saw.

    Args:
        folds, seed: of the search that trained them.

    Returns:
        float32 [samples, outputs], in the order of `Dataset.search_part`; None where the individual has no weights of so many folds.
    """
    from neuroevo.decode import build, set_weights

    arrays = {} if individual.artifact is None else individual.artifact.load()
    if not all(_of_fold(arrays, fold) for fold in range(1, folds)):
        return None
    both, model = task.dataset.search_part, individual.model()
    answers = np.zeros((len(both), *task.output_shape(tuple(model.output_shape[1:]))), np.float32)
    for fold, (_, asked) in enumerate(search_folds_of(task, folds, seed)):
        if fold == 1:
            model = build(individual.genome)
        if fold:
            set_weights(model, individual.genome, _of_fold(arrays, fold))
        answers[asked] = outputs_of(model, both.x[asked])
    return answers
