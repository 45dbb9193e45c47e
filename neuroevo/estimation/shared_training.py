"""Estimation by a shared network: its epochs are trials, and its paths are scored with what it has learned."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space, shown
from neuroevo.core.backend import prepare
from neuroevo.core.individual import Individual
from neuroevo.core.streams import TRAINING, global_random_kept, stream
from neuroevo.core.trial import FULL, WEIGHTS, Artifact, Fidelity, Measurement, Trial
from neuroevo.data.dataset import Part
from neuroevo.data.fidelity import share_of
from neuroevo.estimation.direct import describe, objective_values
from neuroevo.estimation.training import FullTraining
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.augmentation import augmented
from neuroevo.train.loop import Diverged, sample_order
from neuroevo.train.recipe import Augmentation

SUPERNET = "supernet"  # the kind of artifact that an epoch leaves
SHARED = Fidelity(epochs=0)  # of a score with shared weights: nothing is trained for it
HALVES = (1 << 62) - 3  # the stream that splits the training samples into those of the weights and those of the architecture
CALIBRATION = (1 << 62) - 4  # the stream that chooses the samples of a path's BatchNorm statistics


class SharedTraining(FullTraining):
    """What one-shot strategies need: epochs of a shared network, scores of its paths, and full training of what is chosen.

    - A trial with the job "train_shared" is one epoch of the shared network of the space that its options name; it starts from the artifact
      "supernet" of the epoch before, or from fresh weights, and leaves its own. Its report has the loss.
    - A trial that evaluates individuals with `options["shared"]` scores each as a path of the network, without any training. BatchNorm statistics
      of a shared network are nobody's: they are taken anew for each path, from training samples ("recalibrated") or from the validation
      samples themselves ("batch").
    - Any other trial trains its individuals as `FullTraining` does: from scratch, or with `options["inheritance"]` "shared" from the weights of
      its path.

    Args:
        epochs, recipe, inherited, refit, distil, temperature, curve, structures: of full training, as for `FullTraining`.
    """

    jobs = ("evaluate", "train_shared")

    def cost(self, trial: Trial, task: Task) -> float:
        if not isinstance(task, Supervised) or trial.options.get("shared"):
            return 0.0
        if trial.job == "train_shared":
            return float(trial.options.get("passes", 1.0))
        return super().cost(self._inheriting(trial, None), task)

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        if not isinstance(task, Supervised):
            raise TypeError(
                f"a shared network is trained on data; {type(task).__name__} has none: use Classification or Regression"
            )
        if trial.job == "evaluate" and not trial.options.get("shared"):
            if trial.options.get("inheritance") != "shared":
                return super().measure(trial, task, context)
            return super().measure(self._inheriting(trial, self._work(trial, task, context)), task, context)
        start = time.perf_counter()
        if not self._prepared:
            prepare(context.threads)
            self._prepared = True
        with context.working(), global_random_kept():
            work = self._work(trial, task, context)
            found = work.trained() if trial.job == "train_shared" else work.scored()
        return replace(found, seconds=time.perf_counter() - start)

    def _work(self, trial: Trial, task: Supervised, context: Context) -> SharedWork:
        return SharedWork(trial, task, context, self._supernets)

    def _inheriting(self, trial: Trial, work: SharedWork | None) -> Trial:
        """The trial as one that starts from its parents' weights: those of its path in the shared network."""
        if trial.options.get("inheritance") != "shared":
            return trial
        artifacts = []
        for individual in trial.individuals:
            parent: Any = individual.genome
            arrays: Any = {}
            if work is not None:
                parent, arrays = work.parent(parent)
            artifacts.append(Artifact(trial.id, f"{WEIGHTS}.{individual.id}", parent, individual.id, arrays))
        if len(artifacts) != 1:
            raise ValueError(f"a trial that inherits shared weights has one individual, got {len(artifacts)}")
        return replace(trial, artifacts=tuple(artifacts), options={**trial.options, "inheritance": "lamarckian"})

    @property
    def _supernets(self) -> Supernets:
        """Those of this process."""
        kept = self.__dict__.get("_kept_supernets")
        if kept is None:
            kept = self.__dict__["_kept_supernets"] = Supernets()
        return kept  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_kept_supernets": None}


class Supernets:
    """The compiled shared network of a process, and the weights that were loaded last."""

    def __init__(self) -> None:
        self._key, self._net = "", None
        self._loaded: tuple[Any, dict[str, npt.NDArray[Any]]] | None = None

    def get(self, space: Mapping[str, Any], method: Any) -> Any:
        from neuroevo.train.supernet import Supernet

        key = json.dumps([space, vars(method)], sort_keys=True)
        if key != self._key:
            self._net, self._key = Supernet(Space.from_dict(space).shared(), method), key  # type: ignore[assignment]
        return self._net

    def load(self, artifact: Artifact) -> dict[str, npt.NDArray[Any]]:
        name = (artifact.name, str(artifact.path)) if artifact.arrays is None else id(artifact.arrays)
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = (name, dict(artifact.load()))
        return dict(self._loaded[1])


@dataclass
class SharedWork:
    """One trial of a shared network."""

    trial: Trial
    task: Supervised
    context: Context
    supernets: Supernets

    def __post_init__(self) -> None:
        from neuroevo.train.supernet import SharedMethod

        options = self.trial.options
        if not isinstance(options.get("space"), Mapping):
            raise ValueError(f"a trial of a shared network names its space among its options, got {shown(dict(options))}")
        method = SharedMethod(self.task.loss, **options.get("method", {}))
        self.net = self.supernets.get(options["space"], method)
        found = self.trial.artifact(SUPERNET)
        self.state = None if found is None else self.supernets.load(found)

    def trained(self) -> Measurement:
        """An epoch."""
        from neuroevo.train.supernet.rules import rule_from_json

        options, context, dataset = self.trial.options, self.context, self.task.dataset
        epoch = int(options["epoch"])
        rng = stream(context.seed, epoch, TRAINING, 1 + int(options.get("part", 0)))
        rule = rule_from_json(options["rule"])
        state = rule.fresh(self.net, stream(context.seed, 0, TRAINING, 1)) if self.state is None else self.state
        parts = {"train": dataset.train}
        if rule.halves:
            parts = dict(zip(("train", "architecture"), halves(self.task, context.seed), strict=True))
        augment = Augmentation(**options["augment"]) if options.get("augment") else None
        batch = min(int(options.get("batch_size", 64)), *[len(part) for part in parts.values()])
        data = {name: self._samples(part, augment, rng) for name, part in parts.items()}
        steps = max(1, round(len(parts["train"]) / batch))
        orders = {name: sample_order(len(part), steps, batch, rng) for name, part in parts.items()}
        state, report = rule.epoch(self.net, state, data, orders, options, rng)
        if not np.isfinite(report["loss"]):
            raise Diverged(f"the shared network's loss became {report['loss']} in epoch {epoch}; a lower learning rate may help")
        if not rule.trains:
            return Measurement(np.empty((0, len(self.task.objectives))), report=report)
        left = Artifact(self.trial.id, SUPERNET, arrays=state)
        passes = steps * batch * len(parts) / len(dataset.train)
        return Measurement(np.empty((0, len(self.task.objectives))), artifacts=(left,), epochs=passes, report=report)

    def _samples(
        self, part: Part, augment: Augmentation | None, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Samples and what they are trained towards, varied where that is asked for."""
        vary = self.task.varying(part, self.net)
        if augment and vary is not None:
            return vary(augment, rng)
        return augmented(part.x, augment, rng) if augment else part.x, self.task.plain_targets(part, self.net)

    def scored(self) -> Measurement:
        """Every individual as a path."""
        task, individuals = self.task, self.trial.individuals
        values, reasons, info = np.full((len(individuals), len(task.objectives)), np.nan), dict[int, str](), []
        for row, individual in enumerate(individuals):
            self.context.give_way()
            recorded: dict[str, Any] = {"started_from": "shared"}
            try:
                scores = self._scores(individual)
                values[row] = objective_values(scores, individual, task)
                recorded["scores"] = {name: value for name, value in scores.items() if name not in task.objectives}
            except Exception as error:
                reasons[row] = describe(error)
            info.append(recorded)
        return Measurement(values, reasons, tuple(info))

    def _scores(self, individual: Individual) -> dict[str, float]:
        task, part = self.task, self.task.dataset.validation
        path, vector = self.net.graph.path(individual.genome), self._vector()
        outputs = self.net.path_outputs(vector, path, part.x, self._statistics(path))
        if not np.isfinite(outputs).all():
            raise ValueError("the outputs of this path are not finite (NaN or infinity)")
        scores = task.scores(outputs, part.y)
        kinds = {objective.kind for objective in task.objectives.values()}
        if "untrained" in kinds:
            scores |= task.untrained_scores(individual.genome, self.context, individual.id, self.trial.repeat)
        if "measured" in kinds or any(o.kind == "trained" and o.of is not None for o in task.objectives.values()):
            model = self._model(individual.genome)
            scores |= task.model_scores(model) | task.measured(model, self.context)
        return scores

    def _model(self, genome: Genome) -> Any:
        """The `keras.Model` of a path, with its weights."""
        from neuroevo.decode import build, set_weights
        from neuroevo.inherit import inherit

        model = build(genome)
        set_weights(model, genome, inherit(genome, [self.parent(genome)], np.random.default_rng(0)))
        return model

    def _vector(self) -> npt.NDArray[np.float32]:
        if self.state is None:
            raise ValueError(f"trial {self.trial.id} scores paths of a shared network, but was given none among its artifacts")
        return self.state["weights"]

    def _statistics(self, path: tuple[int, ...]) -> Any:
        if self.trial.options.get("statistics", "recalibrated") == "batch":
            return None
        train, count = self.task.dataset.train, int(self.trial.options.get("calibration", 512))
        rows = stream(self.context.seed, CALIBRATION, TRAINING).permutation(len(train))[:count]
        return self.net.path_statistics(self._vector(), path, train.x[np.sort(rows)])

    def parent(self, genome: Genome) -> tuple[Any, Mapping[str, npt.NDArray[Any]]]:
        """What a genome's network inherits from, and its weights: the shared ones, with the statistics of the genome's path."""
        path = self.net.graph.path(genome)
        statistics = self._statistics(path)
        if statistics is None:
            statistics = self.net.path_statistics(self._vector(), path, self.task.dataset.validation.x)
        arrays: Mapping[str, npt.NDArray[Any]] = self.net.arrays(self._vector(), statistics)
        return self.net.graph.parent(genome, arrays)  # type: ignore[no-any-return]


def halves(task: Supervised, seed: int) -> tuple[Part, Part]:
    """The training samples of a task in two halves, of every class alike: for the weights and for the architecture."""
    dataset, rng = task.dataset, stream(seed, HALVES, TRAINING)
    first = share_of(dataset, Part(np.arange(len(dataset.train), dtype=np.float32), dataset.train.y), 0.5, rng).x.astype(int)
    rest = np.setdiff1d(np.arange(len(dataset.train)), first)
    return tuple(Part(dataset.train.x[rows], dataset.train.y[rows]) for rows in (first, rest))  # type: ignore[return-value]


__all__ = ["FULL", "SHARED", "SUPERNET", "SharedTraining"]
