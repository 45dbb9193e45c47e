"""Estimation by training: decode, inherit, train, score; in full, or at low fidelity."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.core.backend import prepare, suited_precision
from neuroevo.core.individual import Individual
from neuroevo.core.streams import TRAINING, stream
from neuroevo.core.trial import Artifact, Fidelity, Measurement, Trial
from neuroevo.data.dataset import Part
from neuroevo.data.fidelity import resized, resized_shape, share_of
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.direct import describe, objective_values
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.compiled import Compiled, CompiledNetworks, Method
from neuroevo.train.loop import Training, fit, model_outputs, outputs_in_batches
from neuroevo.train.recipe import Recipe

# From scratch, small data wants a high rate, small batches and softened labels. A slow start and short gradients keep networks whose
# dense layers have no normalisation alive at that rate. An inherited network is near a good one already: half the rate.
FROM_SCRATCH = Recipe(learning_rate=0.1, weight_decay=2e-3, label_smoothing=0.1, clip=1.0, warmup=3)
INHERITED = Recipe(learning_rate=0.05, weight_decay=2e-3, label_smoothing=0.1, clip=1.0, warmup=1)
SUBSET = (1 << 62) - 1  # the stream that chooses a share of the data: the same share for every individual of a run
REFIT_SAMPLES = 400


class FullTraining(Estimation):
    """Train every candidate and score it on the validation part.

    A candidate whose parents left weights starts from them where the trial asks for it (`options["inheritance"]` is "lamarckian");
    otherwise its weights are drawn from its own stream. Compiled networks are kept by structure in each worker process.

    Args:
        epochs: training epochs; None goes by the number of samples (40 at 1,000), and half as many for an inheriting candidate.
        recipe: how a candidate is trained from scratch.
        inherited: how one that starts from inherited weights is.
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
        recipe: Recipe = FROM_SCRATCH,
        inherited: Recipe = INHERITED,
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
        self.recipe = recipe if epochs is None else replace(recipe, epochs=epochs)
        self.inherited = inherited if epochs is None else replace(inherited, epochs=epochs)
        self.structures = structures
        self._networks = CompiledNetworks(structures)
        self._prepared = False

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
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
        info: list[Mapping[str, Any]] = []
        artifacts: list[Artifact] = []
        for row, individual in enumerate(trial.individuals):
            candidate = _Candidate(individual, trial, task, context, self.refit)
            try:
                arrays = self._train(candidate)
                values[row] = objective_values(candidate.scores, individual, task)
                artifacts.append(trial.left(individual, arrays=arrays))
            except Exception as error:
                reasons[row] = describe(error)
            info.append(candidate.info(task))
        return Measurement(values, reasons, tuple(info), tuple(artifacts), time.perf_counter() - start)

    def _train(self, candidate: _Candidate) -> dict[str, npt.NDArray[Any]]:
        from neuroevo.decode import structure, weights_of
        from neuroevo.inherit import needs_refit

        task, genome, rng = candidate.task, candidate.genome, candidate.context.rng(candidate.individual.id)
        begin = candidate.timed("inherit", candidate.first_weights, rng)
        recipe = self._recipe(candidate)
        method = Method.of(recipe, task.loss, len(candidate.train))
        misses = self._networks.misses
        network = candidate.timed("decode", self._network, genome, structure(genome), method, candidate)
        candidate.cache_hit = self._networks.misses == misses
        if not candidate.cache_hit:
            candidate.timed("tracing", network.trace)
        candidate.timed("weights", _begin, network, genome, begin)
        if candidate.started_from == "parents":
            candidate.inherited = candidate.timed("score", candidate.validation_score, network)
            if self.distil and needs_refit(candidate.individual.operators):
                candidate.timed("distil", self._distil, candidate, network, recipe, rng)
        epochs = recipe.epochs or 0
        candidate.training = fit(
            network,
            candidate.train.x,
            task.dataset.targets(candidate.train),
            recipe,
            rng,
            score=candidate.validation_score,
            score_every=max(1, epochs // self.curve),
        )
        candidate.scores = candidate.timed("score", candidate.score, network)
        return weights_of(network.synchronised(), genome, channels=begin)

    def _network(self, genome: Genome, structure: str, method: Method, candidate: _Candidate) -> Compiled:
        def build() -> Any:
            from neuroevo.decode import build

            with suited_precision():
                return build(genome)

        return self._networks.get(structure, method, build)[0]

    def _recipe(self, candidate: _Candidate) -> Recipe:
        samples, epochs = len(candidate.train), candidate.trial.fidelity.epochs
        if candidate.started_from == "scratch":
            return self.recipe.sized(samples, epochs)
        if epochs is None and self.inherited.epochs is None:
            epochs = max(1, (self.inherited.sized(samples).epochs or 0) // 2)
        return self.inherited.sized(samples, epochs)

    def _distil(self, candidate: _Candidate, network: Compiled, recipe: Recipe, rng: np.random.Generator) -> None:
        """Bring a candidate whose inheritance was not exact back to the outputs of the parent that gave most of its weights."""
        from neuroevo.decode import build, set_weights
        from neuroevo.inherit import nearest

        parents = [(artifact.genome, artifact) for artifact in candidate.trial.artifacts if artifact.genome is not None]
        genome, artifact = parents[nearest(candidate.genome, [genome for genome, _ in parents])]
        parent = build(genome)
        set_weights(parent, genome, artifact.load())
        taught = replace(recipe, epochs=self.distil, label_smoothing=0.0)
        x, dataset = candidate.train.x, candidate.task.dataset
        if recipe.augment or (self.temperature != 1.0 and network.method.loss == "cross_entropy"):
            method = replace(network.method, teaching=1.0, temperature=self.temperature)
            learner = self._networks.get(_structure(candidate.genome), method, lambda: build(candidate.genome))[0]
            learner.reset(network.weights())
            training = fit(learner, x, dataset.targets(candidate.train), taught, rng, teacher=lambda x: model_outputs(parent, x))
            network.reset(learner.weights())
        else:  # the parent's outputs are the targets of the ordinary loss, so nothing more is compiled
            outputs = model_outputs(parent, x)
            targets = softmax(outputs) if network.method.loss == "cross_entropy" else outputs
            training = fit(network, x, targets, taught, rng)
            network.reset()
        candidate.distilled = len(training.train_loss)

    def settings(self) -> dict[str, Any]:
        return {
            "estimation": type(self).__name__,
            "epochs": self.epochs,
            "recipe": self.recipe.to_dict(),
            "inherited": self.inherited.to_dict(),
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
            if name in values:
                values[name] = Recipe.from_dict(values[name])
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"{cls.__name__} cannot be made from {shown(dict(settings))}: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_networks": None, "_prepared": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._networks = CompiledNetworks(self.structures)


class LowFidelity(FullTraining):
    """Train every candidate on less: fewer epochs, a share of the samples, smaller images.

    Args:
        epochs: training epochs; None for full training's number.
        data: share of the training samples (the same ones for every candidate), in (0, 1].
        resolution: factor on height and width, in (0, 1]. Below 1 candidates start from scratch and leave no weights.
        recipe, inherited, refit, distil, temperature, curve, structures: as for `FullTraining`.
    """

    def __init__(
        self,
        epochs: int | None = 5,
        data: float = 1.0,
        resolution: float = 1.0,
        recipe: Recipe = FROM_SCRATCH,
        inherited: Recipe = INHERITED,
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

    def plan(self, individual: Individual) -> Fidelity:
        return self.fidelity

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "data": self.fidelity.data, "resolution": self.fidelity.resolution}


@dataclass
class _Candidate:
    """One individual on its way through training, and what is recorded of it."""

    individual: Individual
    trial: Trial
    task: Supervised
    context: Context
    refits: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    training: Training | None = None
    cache_hit: bool = False
    started_from: str = "scratch"
    inherited: float | None = None
    distilled: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fidelity = self.trial.fidelity
        if fidelity.width < 1:
            raise ValueError(f"training does not scale the number of filters; width must be 1, got {fidelity.width}")
        dataset = self.task.dataset
        subset = stream(self.context.seed, SUBSET, TRAINING)
        self.reduced = fidelity.resolution < 1 and len(dataset.input_shape) > 1
        self.train = share_of(dataset, dataset.train, fidelity.data, subset)
        self.validation = dataset.validation
        self.genome = self.individual.genome
        if self.reduced:
            self.train = Part(resized(self.train.x, fidelity.resolution), self.train.y)
            self.validation = Part(resized(self.validation.x, fidelity.resolution), self.validation.y)
            self.genome = _at_shape(self.genome, resized_shape(dataset.input_shape, fidelity.resolution))

    def timed(self, what: str, action: Any, *arguments: Any) -> Any:
        """Do something, adding its wall-clock time to `seconds`."""
        start = time.perf_counter()
        try:
            return action(*arguments)
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start

    def first_weights(self, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """What to start from: the parents' weights, or those that this trial continues, or fresh ones."""
        from neuroevo.inherit import inherit, needs_refit, refit

        continues = self.trial.fidelity.continues is not None
        parents: list[tuple[Genome, Mapping[str, npt.NDArray[Any]]]] = []
        if (continues or self.trial.options.get("inheritance") == "lamarckian") and not self.reduced:
            parents = [(parent.genome, parent.load()) for parent in self.trial.artifacts if parent.genome is not None]
        arrays = inherit(self.genome, parents, rng)
        if not parents:
            return arrays
        self.started_from = "checkpoint" if continues else "parents"
        if continues or not self.refits or not needs_refit(self.individual.operators):
            return arrays
        rows = rng.choice(len(self.train), min(REFIT_SAMPLES, len(self.train)), replace=False)
        return refit(self.genome, arrays, parents, self.train.x[rows], rng)

    def validation_score(self, network: Compiled) -> float:
        """What the learning curve shows: the task's selection score."""
        outputs = outputs_in_batches(network, self.validation.x)
        return self.task.scores(outputs, self.validation.y)[self.task.selection]

    def score(self, network: Compiled) -> dict[str, float]:
        if self.reduced:
            return self.task.part_scores(network, self.validation)
        return dict(self.task.score(network, self.context))

    def info(self, task: Supervised) -> dict[str, Any]:
        """JSON: what the run records beside the objectives."""
        recorded: dict[str, Any] = {
            "scores": {name: value for name, value in self.scores.items() if name not in task.objectives},
            "cache_hit": self.cache_hit,
            "started_from": self.started_from,
            "epochs": self.distilled + (len(self.training.train_loss) if self.training is not None else 0),
            "seconds": dict(self.seconds),
        }
        if self.inherited is not None:
            recorded["inherited"] = {task.selection: self.inherited, "distilled_epochs": self.distilled}
        if self.training is not None:
            training = self.training
            recorded["seconds"] |= {"train": training.seconds["train"], "evaluate": training.seconds["evaluate"]}
            recorded["curve"] = {
                "train_loss": [round(loss, 6) for loss in training.train_loss],
                "epochs": training.scored,
                task.selection: training.validation,
            }
        return recorded


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


def _at_shape(genome: Genome, shape: Sequence[int]) -> Genome:
    """The same layers for inputs of another shape.

    Raises:
        ValueError: they are not legal there.
    """
    space = replace(genome.space, input_shape=tuple(shape))  # type: ignore[type-var]
    return space.from_genes(genome.genes())
