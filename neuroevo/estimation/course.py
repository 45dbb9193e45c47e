"""Course: what a trial's training of one individual consists of, known before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.trial import CHECKPOINT, WEIGHTS, Artifact, Fidelity, Trial
from neuroevo.data.dataset import Dataset
from neuroevo.data.fidelity import samples_in
from neuroevo.train.recipe import Recipe

Start = Literal["scratch", "parents", "checkpoint"]


@dataclass(frozen=True)
class Course:
    """What a trial's training of one individual consists of.

    Args:
        start: what its weights come from.
        begun: what they came from at the very beginning, before the trials that this one continues: "scratch" or "parents".
        recipe: with its epochs, in all, and its batch size.
        done: epochs of these that earlier trials did.
        schedule: epochs that the learning rate's schedule is spread over.
        distilled: epochs on the parent's outputs, before the others and beside them.
        share: of the training samples that it sees.
        fidelity: that of the trial, with the estimation's own effort put in.
        reduced: whether the samples are smaller than the network was made for.
        parents: the weights that it inherits.
        checkpoint: where it goes on.
        exact: whether what it inherits computes what its parents computed: after exact operators, and where it goes on from weights of its own.
    """

    start: Start
    begun: Start
    recipe: Recipe
    done: int
    schedule: int
    distilled: int
    share: float
    fidelity: Fidelity
    reduced: bool
    parents: tuple[Artifact, ...] = ()
    checkpoint: Artifact | None = None
    exact: bool = True

    @property
    def epochs(self) -> int:
        """Of the training in all."""
        return self.recipe.epochs or 0

    @property
    def passes(self) -> float:
        """Passes over all of the training data that this trial adds."""
        return (self.epochs - self.done + self.distilled) * self.share


def course_of(
    trial: Trial, individual: Individual, dataset: Dataset, full: Fidelity, scratch: Recipe, inherited: Recipe, distil: int
) -> Course:
    """What the training will be.

    Args:
        full: the estimation's own effort, for a trial that names none.
        scratch, inherited: recipes; epochs that they leave open go by the number of samples, and are half as many for an inheriting one.
        distil: epochs for which one learns its parent's outputs whose inheritance was not exact.

    Raises:
        ValueError: the trial continues one whose checkpoint it was not given, or which trained longer already.
    """
    fidelity = _with_own_effort(trial.fidelity, full)
    samples = samples_in(dataset, dataset.train, fidelity.data)
    reduced = fidelity.resolution < 1 and len(dataset.input_shape) > 1
    share = samples / max(1, len(dataset.train))
    checkpoint: Artifact | None = None
    parents: tuple[Artifact, ...] = ()
    start: Start
    begun: Start
    done = distilled = 0
    exact = True
    if fidelity.previous is not None:
        checkpoint = _checkpoint(trial, individual, fidelity.previous)
        start, done = "checkpoint", int(checkpoint.meta.get("epochs", 0))
        begun = "parents" if checkpoint.meta.get("begun") == "parents" else "scratch"
    else:
        parents = _parents(trial) if trial.options.get("inheritance") == "lamarckian" and not reduced else ()
        start = begun = "parents" if parents else "scratch"
        exact = all(parent.individual == individual.id for parent in parents) or not _inexact(individual.operators)
        distilled = 0 if exact else distil
    recipe = scratch.sized(samples, fidelity.epochs) if begun == "scratch" else _inheriting(inherited, samples, fidelity.epochs)
    epochs = recipe.epochs or 0
    if done > epochs:
        raise ValueError(
            f"trial {trial.id} has {epochs} epochs in all, but trial {fidelity.previous}, which it continues, did {done} already; epochs "
            "count those of the continued trial too"
        )
    schedule = epochs if fidelity.schedule is None else fidelity.schedule
    if schedule < epochs:
        raise ValueError(
            f"the schedule of trial {trial.id} is spread over {schedule} epochs, fewer than the {epochs} that it trains"
        )
    return Course(start, begun, recipe, done, schedule, distilled, share, fidelity, reduced, parents, checkpoint, exact)


def _with_own_effort(fidelity: Fidelity, full: Fidelity) -> Fidelity:
    """The fidelity as it is where it names epochs, data or resolution; else the estimation's own in all three."""
    if fidelity.epochs is not None or fidelity.data < 1 or fidelity.resolution < 1:
        return fidelity
    return Fidelity(full.epochs, full.data, full.resolution, fidelity.previous, fidelity.schedule)


def _parents(trial: Trial) -> tuple[Artifact, ...]:
    return tuple(a for a in trial.artifacts if a.kind.split(".")[0] == WEIGHTS and a.genome is not None)


def _checkpoint(trial: Trial, individual: Individual, previous: int) -> Artifact:
    given = [artifact for artifact in trial.artifacts if artifact.kind.split(".")[0] == CHECKPOINT]
    own = [artifact for artifact in given if artifact.individual == individual.id]
    found = (own or (given if len(trial.individuals) == 1 else []))[:1]
    if not found:
        raise ValueError(
            f"trial {trial.id} continues trial {previous}, but was not given its checkpoint for individual {individual.id}; ask trial "
            f"{previous} with leaves=('checkpoint',), keep what it left, and give it to this trial among its artifacts"
        )
    return found[0]


def _inexact(operators: Sequence[str]) -> bool:
    from neuroevo.inherit import needs_refit

    return needs_refit(operators)


def _inheriting(recipe: Recipe, samples: int, epochs: int | None) -> Recipe:
    if epochs is None and recipe.epochs is None:
        epochs = max(1, (recipe.sized(samples).epochs or 0) // 2)
    return recipe.sized(samples, epochs)


def refuse_other_leaves(trial: Trial, leaves: Sequence[str]) -> None:
    """Check what a trial asks to be left.

    Raises:
        ValueError: something else than this estimation leaves.
    """
    for kind in trial.leaves:
        if kind not in leaves:
            raise ValueError(f"training leaves {', '.join(map(repr, leaves))}; trial {trial.id} asks for {shown(kind)}")
