"""Estimation by training: decode, inherit, train, score; in full, or at low fidelity."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.backend import prepare, suited_precision
from neuroevo.core.individual import Individual
from neuroevo.core.streams import global_random_kept
from neuroevo.core.trial import CHECKPOINT, FULL, WEIGHTS, Artifact, Fidelity, Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.candidate import Candidate
from neuroevo.estimation.course import Course, course_of, refuse_other_leaves
from neuroevo.estimation.described import Descriptors
from neuroevo.estimation.direct import describe, objective_values
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.compiled import Compiled, CompiledNetworks, Method
from neuroevo.train.loop import fit, model_outputs
from neuroevo.train.recipe import FORMERLY, FROM_SCRATCH, INHERITED, Recipe


class FullTraining(Estimation):
    """Train every candidate and score it on the validation part.

    A candidate whose parents left weights starts from them where the trial asks for it (`options["inheritance"]` is "lamarckian");
    otherwise its weights are drawn from its own stream. Compiled networks are kept by structure in each worker process.

    A trial that names a fidelity (epochs, data, resolution) is trained so; see `LowFidelity` for what a lower resolution means. One asked
    with `leaves=("checkpoint",)` leaves where its training stands, and one whose fidelity has a `previous` goes on from there: 5 epochs and
    5 more equal 10 bit for bit (on a CPU), where `Fidelity.schedule` keeps the learning rates the same. A trial's stop rule
    (`neuroevo.estimation.stopping`) is asked whenever the learning curve gets a point.

    Args:
        epochs: training epochs; None goes by the number of samples (40 at 1,000), and half as many for an inheriting candidate.
        recipe: how a candidate is trained from scratch; None: in the task's own way (`task.from_scratch`).
        inherited: how one that starts from inherited weights is; likewise (`task.inherited`).
        refit: whether layers behind an operator that is not exact are first fitted to what they computed in the parent. That repairs
            most of the damage at once and takes half a second; after three epochs of training nothing is left of the gain.
        distil: epochs for which a candidate made by such an operator first learns its parent's outputs (Elsken, Metzen & Hutter
            2019, section 3.2); they come before its training, and on top of it.
        temperature: of the parent's and the child's probabilities meanwhile (Hinton, Vinyals & Dean 2015). Values other than 1
            compile a network of their own for it, which takes about a second.
        curve: how often the validation score is taken during a training, for the learning curve.
        structures: how many compiled networks a worker keeps.
    """

    def __init__(
        self,
        epochs: int | None = None,
        recipe: Recipe | None = None,
        inherited: Recipe | None = None,
        *,
        refit: bool = False,
        distil: int = 0,
        temperature: float = 1.0,
        curve: int = 5,
        structures: int = 24,
    ) -> None:
        if curve < 1:
            raise ValueError(f"curve must be >= 1 (points), got {curve}")
        if distil < 0:
            raise ValueError(f"distil must be >= 0 (epochs), got {distil}")
        if not temperature > 0:
            raise ValueError(f"temperature must be > 0, got {temperature}")
        self.epochs = epochs
        self.refit = refit
        self.distil = distil
        self.temperature = temperature
        self.curve = curve
        self.recipe, self.inherited = _of_epochs(recipe, epochs), _of_epochs(inherited, epochs)
        self._own: tuple[Recipe, Recipe] | None = None  # the task's, where they are known
        self.structures = structures
        self._networks = CompiledNetworks(structures)
        self._prepared = False

    @property
    def full(self) -> Fidelity:
        return FULL if self.epochs is None else Fidelity(self.epochs)

    def suit(self, task: Task) -> None:
        self._own = (task.from_scratch, task.inherited) if isinstance(task, Supervised) else None

    def _recipes(self, task: Supervised) -> tuple[Recipe, Recipe]:
        """How candidates are trained from scratch, and how from inherited weights."""
        both = (self.recipe, FROM_SCRATCH, task.from_scratch), (self.inherited, INHERITED, task.inherited)
        scratch, inherited = (_of_epochs(own, self.epochs) if given is None else suited(given, usual, own, task) for given, usual, own in both)
        assert scratch is not None and inherited is not None
        return scratch, inherited

    def cost(self, trial: Trial, task: Task) -> float:
        if not isinstance(task, Supervised) or trial.job not in self.jobs:
            return 0.0
        passes = 0.0
        for individual in trial.individuals:
            with suppress(ValueError):  # it will fail before it is trained
                passes += self._course(trial, individual, task).passes
        return passes

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        refuse_other_leaves(trial, (WEIGHTS, CHECKPOINT))
        if not isinstance(task, Supervised):
            raise TypeError(
                f"{type(self).__name__} trains on data; {type(task).__name__} has none: use Classification or Regression"
            )
        start = time.perf_counter()
        if not self._prepared:
            prepare(context.threads)
            self._prepared = True
        values = np.full((len(trial.individuals), len(task.objectives)), np.nan)
        reasons: dict[int, str] = {}
        stopped: dict[int, str] = {}
        info: list[Mapping[str, Any]] = []
        artifacts: list[Artifact] = []
        described = Descriptors(len(trial.individuals))
        passes = 0.0
        with context.working(), global_random_kept():
            for row, individual in enumerate(trial.individuals):
                candidate = Candidate(individual, trial, task, context, self.refit)
                try:
                    left, descriptors = self._train(candidate)
                    found = objective_values(candidate.scores, individual, task)
                    described.add(row, descriptors)
                    values[row] = found
                    artifacts += left
                    if candidate.stopped:
                        stopped[row] = candidate.stopped
                except Exception as error:
                    reasons[row] = describe(error)
                info.append(candidate.info())
                passes += candidate.passes
        seconds = time.perf_counter() - start
        return Measurement(values, reasons, tuple(info), tuple(artifacts), seconds, stopped, described.array(), passes)

    def _course(self, trial: Trial, individual: Individual, task: Supervised) -> Course:
        scratch, inherited = self._recipes(task)
        return course_of(trial, individual, task.dataset, self.full, scratch, inherited, self.distil)

    def _train(self, candidate: Candidate) -> tuple[list[Artifact], Any]:
        """Train and score a candidate: what it leaves, and its descriptors."""
        from neuroevo.decode import weights_of

        task, trial, individual = candidate.task, candidate.trial, candidate.individual
        course = self._course(trial, individual, task)
        candidate.begin_course(course)
        genome, rng = candidate.genome, candidate.context.rng(individual.id, trial.repeat)
        untrained = candidate.timed("proxies", candidate.untrained_scores) if _asks_for_proxies(task) else {}
        begin = {} if course.checkpoint else candidate.timed("inherit", candidate.first_weights, rng)
        misses = self._networks.misses
        network = candidate.timed("decode", self._compiled, candidate)
        candidate.cache_hit = self._networks.misses == misses
        if not candidate.cache_hit:
            candidate.timed("tracing", network.trace)
        if course.checkpoint:
            begin = candidate.timed("weights", candidate.go_on, network, rng)
        else:
            candidate.timed("weights", _begin, network, genome, begin)
        if course.start == "parents":
            candidate.inherited = candidate.timed("score", candidate.validation_score, network)
            if course.distilled:
                candidate.timed("distil", self._distil, candidate, network, course.recipe, rng)
        left: list[Artifact] = []

        def leave() -> None:
            if CHECKPOINT in trial.leaves:
                left.append(candidate.checkpoint(network, rng, begin))

        fit(
            network,
            candidate.train.x,
            task.training_targets(candidate.train, network),
            course.recipe,
            rng,
            vary=task.varying(candidate.train, network),
            score=candidate.validation_score,
            score_every=max(1, course.epochs // self.curve),
            report=candidate.report,
            training=candidate.training,
            spread=course.schedule,
            leave=leave,
        )
        if course.reduced:
            candidate.scores = candidate.timed("score", self._reduced_scores, candidate, network)
        else:
            candidate.scores = dict(candidate.timed("score", task.score, network, candidate.context))
            left.insert(0, trial.left(individual, arrays=weights_of(network.synchronised(), genome, channels=begin)))
        candidate.scores |= untrained
        return left, task.descriptors(network, candidate.context)

    def _reduced_scores(self, candidate: Candidate, network: Compiled) -> dict[str, float]:
        """Scores of a network that was trained on smaller samples; what depends on the hardware is that of the full-size network, whose
        weights are fresh."""
        from neuroevo.decode import structure
        from neuroevo.inherit import initialise

        task, individual, context = candidate.task, candidate.individual, candidate.context
        scores = task.part_scores(network, candidate.validation) | task.model_scores(network)
        if any(objective.kind == "measured" for objective in task.objectives.values()):
            genome = individual.genome
            whole = self._network(genome, structure(genome), network.method)
            _begin(whole, genome, initialise(genome, context.rng(individual.id, candidate.trial.repeat)))
            scores |= task.measured(whole, context)
        return scores

    def _compiled(self, candidate: Candidate) -> Compiled:
        """The candidate's network, holding what one of its structure was trained to last."""
        from neuroevo.decode import structure

        assert candidate.course is not None
        method = Method.of(candidate.course.recipe, candidate.task.loss, len(candidate.train), weighted=candidate.task.weighted)
        return self._network(candidate.genome, structure(candidate.genome), method)

    def _network(self, genome: Genome, structure: str, method: Method) -> Compiled:
        def build() -> Any:
            from neuroevo.decode import build

            with suited_precision():
                return build(genome)

        return self._networks.get(structure, method, build)[0]

    def _distil(self, candidate: Candidate, network: Compiled, recipe: Recipe, rng: np.random.Generator) -> None:
        """Bring a candidate whose inheritance was not exact back to the outputs of the parent that gave most of its weights."""
        from neuroevo.decode import build, set_weights
        from neuroevo.inherit import nearest

        assert candidate.course is not None
        parents = [(artifact.genome, artifact) for artifact in candidate.course.parents if artifact.genome is not None]
        genome, artifact = parents[nearest(candidate.genome, [genome for genome, _ in parents])]
        parent = build(genome)
        set_weights(parent, genome, artifact.load())
        taught = replace(recipe, epochs=self.distil, label_smoothing=0.0)
        x = candidate.train.x

        def report(epoch: int, loss: float, score: float | None) -> None:
            candidate.taught = candidate.distilled = epoch
            candidate.context.give_way()

        loss = network.method.loss
        if recipe.augment or loss == "detection" or (self.temperature != 1.0 and loss == "cross_entropy"):
            method = replace(network.method, teaching=1.0, temperature=self.temperature)
            learner = self._networks.get(_structure(candidate.genome), method, lambda: build(candidate.genome))[0]
            learner.reset(network.weights())
            targets, vary = candidate.task.training_targets(candidate.train, learner), candidate.task.varying(candidate.train, learner)
            fit(learner, x, targets, taught, rng, teacher=lambda x: model_outputs(parent, x), report=report, vary=vary)
            network.reset(learner.weights())
        else:  # the parent's outputs are the targets of the ordinary loss, so nothing more is compiled
            outputs = model_outputs(parent, x)
            targets = softmax(outputs) if loss == "cross_entropy" else outputs
            fit(network, x, targets, taught, rng, report=report)
            network.reset(network.weights())

    def settings(self) -> dict[str, Any]:
        own = self._own or (None, None)
        recipe, inherited = (given or _of_epochs(one, self.epochs) for given, one in zip((self.recipe, self.inherited), own, strict=True))
        return {
            "estimation": type(self).__name__,
            "epochs": self.epochs,
            "recipe": None if recipe is None else recipe.to_dict(),
            "inherited": None if inherited is None else inherited.to_dict(),
            "refit": self.refit,
            "distil": self.distil,
            "temperature": self.temperature,
            "curve": self.curve,
            "structures": self.structures,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The estimation that `settings` described.

        Raises:
            ValueError: not such settings.
        """
        values = {name: value for name, value in settings.items() if name != "estimation"}
        for name in ("recipe", "inherited"):
            if values.get(name) is not None:
                values[name] = Recipe.from_dict(values[name])
        return super().from_settings(values)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_networks": None, "_prepared": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._networks = CompiledNetworks(self.structures)


class LowFidelity(FullTraining):
    """Train every candidate on less: fewer epochs, a share of the samples, smaller images.

    At less than the full resolution the trained network is not the individual's own: the same layers, for smaller samples. So it starts
    from scratch, its scores are those on smaller validation samples, functions of the trained model and `Task.descriptors` are given it as
    it is, and it leaves no weights (`individual.model()` says so). What depends on the hardware (`latency`, and objectives of kind
    "measured") is measured on the full-size network with fresh weights, on which it does not depend.

    Args:
        epochs: training epochs; None for full training's number.
        data: share of the training samples (the same ones for every candidate), in (0, 1].
        resolution: factor on height and width, in (0, 1].
        recipe, inherited, refit, distil, temperature, curve, structures: as for `FullTraining`.
    """

    def __init__(
        self,
        epochs: int | None = 5,
        data: float = 1.0,
        resolution: float = 1.0,
        recipe: Recipe | None = None,
        inherited: Recipe | None = None,
        *,
        refit: bool = False,
        distil: int = 0,
        temperature: float = 1.0,
        curve: int = 5,
        structures: int = 24,
    ) -> None:
        super().__init__(
            epochs, recipe, inherited, refit=refit, distil=distil, temperature=temperature, curve=curve, structures=structures
        )
        self.fidelity = Fidelity(epochs, data, resolution)

    @property
    def full(self) -> Fidelity:
        return self.fidelity

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "data": self.fidelity.data, "resolution": self.fidelity.resolution}


def suited(recipe: Recipe, usual: Recipe, own: Recipe, task: Supervised) -> Recipe:
    """The recipe that is asked for; of a detection its own in place of the usual one, which does not train it and which runs of earlier releases
    recorded in its place, with the epochs that are asked for."""
    if task.kind != "detection" or replace(recipe, epochs=None) not in (usual, *FORMERLY):
        return recipe
    return own if recipe.epochs is None else replace(own, epochs=recipe.epochs)


def _of_epochs(recipe: Recipe | None, epochs: int | None) -> Recipe | None:
    return recipe if recipe is None or epochs is None else replace(recipe, epochs=epochs)


def _asks_for_proxies(task: Supervised) -> bool:
    return any(objective.kind == "untrained" for objective in task.objectives.values())


def _begin(network: Compiled, genome: Genome, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Set the weights that a training begins with."""
    from neuroevo.decode import set_weights

    set_weights(network.model, genome, arrays)
    network.reset()


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities of the classes: float32 [samples, classes]."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def _structure(genome: Genome) -> str:
    from neuroevo.decode import structure

    return structure(genome)
