"""Candidate: one individual on its way through training, and what is recorded of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.core.streams import TRAINING, stream
from neuroevo.core.trial import CHECKPOINT, Artifact, Trial
from neuroevo.data.dataset import Part
from neuroevo.data.fidelity import resized, resized_shape, share_of
from neuroevo.estimation.course import Course
from neuroevo.estimation.stopping import Progress, StopRule, rule_from_json
from neuroevo.tasks.base import Context
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.checkpoint import Checkpoint
from neuroevo.train.compiled import Compiled
from neuroevo.train.loop import Training, outputs_in_batches

SUBSET = (1 << 62) - 1  # the stream that chooses a share of the data: the same share for every individual of a run
REFIT_SAMPLES = 400

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass
class Candidate:
    """One individual on its way through training, and what is recorded of it.

    Args:
        refits: whether layers behind an inexact operator are fitted to the parent first.

    Attributes:
        course: what the training consists of; `begin_course` sets it, with the samples and the genome as they are at its resolution.
        training: what was done so far, by earlier trials too.
        stopped: why a rule ended the training, or "".
        expected: what the rule that ended it expected of its last score, as rules take scores.
        inherited: the validation score before any training, of one that started from its parents' weights.
        distilled: epochs of distillation, of earlier trials too; `taught` of this one.
        beside: epochs of trainings of the same network on other rows; `folded`: what these say, JSON.
    """

    individual: Individual
    trial: Trial
    task: Supervised
    context: Context
    refits: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    cache_hit: bool = False
    inherited: float | None = None
    distilled: int = 0
    taught: int = 0
    beside: int = 0
    folded: Mapping[str, Any] = field(default_factory=dict)
    stopped: str = ""
    expected: Mapping[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    course: Course | None = None

    def begin_course(self, course: Course) -> None:
        """Choose the samples, and put the genome at their resolution.

        Raises:
            ValueError: its layers are not legal there, or the trial's stop rule is none.
        """
        self.course = course
        dataset, fidelity = self.task.dataset, course.fidelity
        self.rule: StopRule | None = None if self.trial.stop is None else rule_from_json(self.trial.stop)
        self.train = share_of(dataset, dataset.train, fidelity.data, stream(self.context.seed, SUBSET, TRAINING))
        self.validation = dataset.validation
        self.genome = self.individual.genome
        if course.reduced:
            self.train = Part(resized(self.train.x, fidelity.resolution), self.train.y)
            self.validation = Part(resized(self.validation.x, fidelity.resolution), self.validation.y)
            self.genome = _at_shape(self.genome, resized_shape(dataset.input_shape, fidelity.resolution))

    def timed(self, what: str, action: Callable[..., Any], *arguments: Any) -> Any:
        """Do something, adding its wall-clock time to `seconds`; between two such phases others may measure."""
        self.context.give_way()
        start = time.perf_counter()
        try:
            return action(*arguments)
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start

    def untrained_scores(self) -> dict[str, float]:
        """The objectives that need no training, of the full-size network with fresh weights, whatever this training starts from."""
        return self.task.untrained_scores(self.individual.genome, self.context, self.individual.id, self.trial.repeat)

    def first_weights(self, rng: np.random.Generator) -> Arrays:
        """What to start from: the parents' weights, or fresh ones."""
        from neuroevo.inherit import inherit, refit
        from neuroevo.inherit.embeddings import placed

        assert self.course is not None
        parents = [(parent.genome, parent.load()) for parent in self.course.parents if parent.genome is not None]
        arrays = placed(self.genome, inherit(self.genome, parents, rng), self.train.x, [genome for genome, _ in parents])
        if self.course.exact or not self.refits:
            return arrays
        rows = rng.choice(len(self.train), min(REFIT_SAMPLES, len(self.train)), replace=False)
        return refit(self.genome, arrays, parents, self.train.x[rows], rng)

    def go_on(self, network: Compiled, rng: np.random.Generator) -> Arrays:
        """Put the network and the generator where the continued trial left them; the channel ids of its weights.

        Raises:
            FileNotFoundError: the checkpoint is gone.
            ValueError: it is damaged, or not this network's.
        """
        assert self.course is not None and self.course.checkpoint is not None
        arrays, meta = self.course.checkpoint.load(), self.course.checkpoint.meta
        channels = {
            f"{name.removeprefix('channels/')}/channels": array for name, array in arrays.items() if name.startswith("channels/")
        }
        own = {name: array for name, array in arrays.items() if not name.startswith("channels/")}
        self.training = Checkpoint(own, meta).resume(network, rng)
        self.inherited, self.distilled = meta.get("inherited"), int(meta.get("distilled", 0))
        return channels

    def checkpoint(self, network: Compiled, rng: np.random.Generator, channels: Arrays) -> Artifact:
        """Where the training stands now."""
        assert self.course is not None
        taken = Checkpoint.of(network, self.training, rng)
        ids = {
            f"channels/{name.removesuffix('/channels')}": array for name, array in channels.items() if name.endswith("/channels")
        }
        more = {"begun": self.course.begun, "inherited": self.inherited, "distilled": self.distilled}
        return self.trial.left(self.individual, CHECKPOINT, arrays={**taken.arrays, **ids}, meta={**taken.meta, **more})

    def validation_score(self, network: Compiled) -> float:
        """What the learning curve shows: the task's selection score."""
        outputs = outputs_in_batches(network, self.validation.x)
        return self.task.scores(outputs, self.validation.y)[self.task.selection]

    def report(self, epoch: int, loss: float, score: float | None) -> bool:
        """After an epoch: give way to who measures, and ask the stop rule whether the training ends."""
        assert self.course is not None
        self.context.give_way()
        if self.rule is None or score is None or epoch >= self.course.epochs:
            return False
        done = self.training
        progress = Progress(
            epoch,
            self.course.epochs,
            self.course.schedule,
            done.scored,
            self._costs(done.validation),
            done.train_loss,
            self.inherited is not None,
        )
        self.stopped = self.rule.verdict(progress)
        if self.stopped:
            self.expected = self.rule.extrapolation(progress)
        return bool(self.stopped)

    def _costs(self, scores: Sequence[float]) -> list[float]:
        """Scores of the learning curve as rules take them: lower is better."""
        return [self.task.selection_sign * score for score in scores]

    @property
    def passes(self) -> float:
        """Passes over all of the training data that this trial has taken so far."""
        if self.course is None:
            return 0.0
        return max(0, len(self.training.train_loss) - self.course.done + self.taught) * self.course.share + self.beside

    def info(self) -> dict[str, Any]:
        """JSON: what the run records beside the objectives."""
        task, training = self.task, self.training
        recorded: dict[str, Any] = {
            "scores": {name: value for name, value in self.scores.items() if name not in task.objectives},
            "cache_hit": self.cache_hit,
            "started_from": "scratch" if self.course is None else self.course.start,
            "epochs": self.distilled + len(training.train_loss),
            "seconds": dict(self.seconds),
        }
        if self.folded:
            recorded["folds"] = dict(self.folded)
        if self.inherited is not None:
            recorded["inherited"] = {task.selection: self.inherited, "distilled_epochs": self.distilled}
        if self.course is None or not training.seconds or not np.isfinite([*training.train_loss, *training.validation]).all():
            return recorded
        recorded["seconds"] |= {"train": training.seconds["train"], "evaluate": training.seconds["evaluate"]}
        recorded["schedule"] = self.course.schedule
        if self.task.selection_sign < 0:
            recorded["curve_maximised"] = True
        recorded["curve"] = {
            "train_loss": [round(loss, 6) for loss in training.train_loss],
            "epochs": training.scored,
            task.selection: training.validation,
        }
        if self.expected:
            recorded["extrapolation"] = self._extrapolation()
        return recorded

    def _extrapolation(self) -> dict[str, Any]:
        """What the rule expected of the score that the learning curve shows, which may be one that is maximised."""
        found = dict(self.expected)
        if self.task.selection_sign < 0:
            found |= {name: -found[name] for name in ("mean", "to_beat") if name in found}
            found |= {name: -self.expected[other] for name, other in (("low", "high"), ("high", "low")) if other in found}
        return found


def _at_shape(genome: Genome, shape: Sequence[int]) -> Genome:
    """The same layers for inputs of another shape.

    Raises:
        ValueError: they are not legal there.
    """
    space = replace(genome.space, input_shape=tuple(shape))  # type: ignore[type-var]
    return space.from_genes(genome.genes())
