"""Strategy: which trials come next.

The life of a strategy: the run calls `start(search)` once, then `ask` and `tell` in turn. `ask` makes individuals and returns the
trials that evaluate them; `tell` receives the results of exactly those trials, sorted by id. A first strategy needs these two only; one
that can be resumed adds `state` and `restore`: after any `tell`, `state()` is all that a strategy made anew needs to go on
bit-identically; the individuals that the state names by id are looked up in the run.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genomes.base import Genome, Settings, Space
from neuroevo.core import registry
from neuroevo.core.functions import dotted_name
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives, weighted_limits
from neuroevo.core.population import ArrayPopulation, as_array_population
from neuroevo.core.state import State
from neuroevo.core.streams import SELECTION, VARIATION, stream
from neuroevo.core.trial import CHECKPOINT, FULL, WEIGHTS, Artifact, Fidelity, Result, Trial
from neuroevo.tasks.base import Task

if TYPE_CHECKING:
    from deap.base import Toolbox

    from neuroevo.strategies.screening import Screening


@dataclass
class Search:
    """What a strategy works on: the space, the task, the seed, and the counters of births and trials.

    Args:
        seed: decides everything.
        toolbox: DEAP's toolbox; entries named `mate`, `mutate` or `select` replace the strategy's own.
        next_id, next_trial: of the next birth and the next trial.
        by_birth: whether a trial has the id of its first individual, as in runs that were begun by a release that had no other.
        find_artifact: finds what a trial left, by its id and a kind; the run gives it.
        screen: which of several candidates for a birth is kept, or None: the first one is. `Breeding` asks it.
    """

    space: Space
    task: Task
    seed: int = 0
    toolbox: Toolbox | None = None
    next_id: int = 0
    next_trial: int = 0
    by_birth: bool = False
    find_artifact: Callable[[int, str], Artifact | None] | None = None
    screen: Screening | None = None

    @property
    def objectives(self) -> Objectives:
        return self.task.objectives

    def __post_init__(self) -> None:
        self.names = tuple(self.task.objectives)
        self.weights = tuple(objective.weight for objective in self.task.objectives.values())
        self.limits = weighted_limits(self.task.objectives)

    def reserve(self, count: int = 1) -> int:
        """Take `count` consecutive birth ids; returns the first."""
        first = self.next_id
        self.next_id += count
        return first

    def trial(
        self,
        individuals: Individual | Sequence[Individual] = (),
        *,
        job: str = "evaluate",
        fidelity: Fidelity = FULL,
        artifacts: Sequence[Artifact] = (),
        leaves: Sequence[str] = (),
        separable: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> Trial:
        """A new trial with the next number; see `Trial`.

        Args:
            individuals: one, several, or none. An individual may have several trials: each later one draws other random numbers, and its
                fitness is that of the highest fidelity, the latest of equal ones.
            fidelity: `FULL` leaves it to the estimation. With `previous`, the checkpoint of that trial is among what it starts from.

        Raises:
            ValueError: `fidelity.previous` names a trial that left no checkpoint, or one whose checkpoint is not kept.
        """
        members = (individuals,) if isinstance(individuals, Individual) else individuals
        population = as_array_population(members)
        if self.by_birth:  # the counter of births is that of trials too
            fresh = population is not None or (len(members) > 0 and not members[0].asked)
            id = self.reserve() if not fresh else members[0].id if population is None else population.first_id
        else:
            id = self.next_trial
            self.next_trial += 1
        repeat = 0
        if population is None:
            for individual in members:
                if individual.asked:
                    repeat = id + 1
                individual.asked += 1
        given = tuple(artifacts)
        if fidelity.previous is not None and not any(artifact.trial == fidelity.previous for artifact in given):
            given = (self.artifact(fidelity.previous, CHECKPOINT), *given)
        return Trial(
            id, members, job, fidelity, given, leaves=tuple(leaves), separable=separable, options=options or {}, repeat=repeat
        )

    def artifact(self, trial: int, kind: str = WEIGHTS) -> Artifact:
        """What a trial left: arrays that a later trial may start from.

        Raises:
            ValueError: it left nothing of this kind, or it is not kept (`Strategy.needs` says what is).
        """
        found = self.find_artifact(trial, kind) if self.find_artifact is not None else None
        if found is None:
            raise ValueError(
                f"trial {trial} has no {kind!r} that is kept; a trial leaves a checkpoint where it is asked for with "
                "leaves=('checkpoint',), and it is kept while the strategy's needs() name it"
            )
        return found

    def rng(self, id: int, purpose: int = VARIATION) -> np.random.Generator:
        """The stream of one birth."""
        return stream(self.seed, id, purpose)

    def selection_rng(self, generation: int) -> np.random.Generator:
        """The stream of one generation's selection."""
        return stream(self.seed, generation, SELECTION)

    def individual(
        self,
        id: int,
        genome: Genome,
        *,
        parents: Sequence[Individual] = (),
        operators: tuple[str, ...] | None = None,
        generation: int = 0,
    ) -> Individual:
        """A new individual, with the genome's own operators unless others are given."""
        return Individual(
            id,
            genome,
            self.weights,
            names=self.names,
            parents=tuple(parent.id for parent in parents),
            operators=genome.operators if operators is None else operators,
            generation=generation,
            limits=self.limits,
        )

    def random(self, generation: int = 0) -> Individual:
        """A random individual."""
        id = self.reserve()
        return self.individual(id, self.space.random(self.rng(id)), operators=("random",), generation=generation)

    def mutant(self, parent: Individual, generation: int = 0) -> Individual:
        """A mutant of an individual. `strategies.evolution.breeding.Breeding` also keeps limits on cheap objectives, avoids repeats, and uses
        a toolbox's operators."""
        id = self.reserve()
        genome = parent.genome.mutate(self.rng(id), clock=max(1, generation))
        return self.individual(id, genome, parents=(parent,), generation=generation)


class Strategy(metaclass=Settings):
    """Decides which trials come next. Subclass as a dataclass whose fields are its settings. Only `ask` and `tell` must be written.

    Attributes:
        search: what it works on, from `start`.
        generation: how many generations are complete: what the strategy sets it to, or else the number of tells.
        toolbox_entries: which of a DEAP toolbox's `mate`, `mutate` and `select` replace its own; others are refused.
        models_scores: whether it fits a model to the scores as they are, which those of lower fidelities would mislead.
        estimated_by: the name of the estimation that its trials need; None: the task says.
        screens: whether all its individuals are made by `Breeding`, so that candidates can be screened before training.
    """

    search: Search
    inheritance: str = "none"  # "lamarckian": children start from their parents' weights
    toolbox_entries: ClassVar[tuple[str, ...]] = ()
    screens: ClassVar[bool] = False
    estimated_by: ClassVar[str | None] = None
    spaces: ClassVar[type[Any]] = Space  # whose genomes it can vary
    models_scores: ClassVar[bool] = False

    def start(self, search: Search) -> None:
        """Begin a search; called once, before the first `ask` (or before `restore`)."""
        self.search = search
        self._generation, self._counts = 0, False

    @property
    def generation(self) -> int:
        return self._generation

    @generation.setter
    def generation(self, generation: int) -> None:
        self._generation, self._counts = generation, True

    @property
    def counts_itself(self) -> bool:
        """Whether the strategy counts its generations, as far as it has shown."""
        return self._counts

    @counts_itself.setter
    def counts_itself(self, counts: bool) -> None:
        self._counts = counts

    def count_tell(self) -> None:
        """The run calls it after every `tell`: a generation is over, unless the strategy counts them itself."""
        if not self._counts:
            self._generation += 1

    @abstractmethod
    def ask(self) -> Sequence[Trial]:
        """The trials to evaluate next, made by `self.search.trial(...)`; empty when the strategy has nothing more to try."""

    @abstractmethod
    def tell(self, results: Sequence[Result]) -> None:
        """The results of the trials last asked for: all of them, sorted by id, their individuals carrying fitness."""

    def state(self) -> State:
        """All that is needed to go on, taken after a `tell`.

        Raises:
            NotImplementedError: the strategy cannot be resumed; its run in a folder is then gone through again from its beginning, with the
                recorded evaluations.
        """
        raise NotImplementedError(f"{type(self).__name__} has no state()")

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        """Go on from a state; `individuals(id)` finds an individual of the run."""
        raise NotImplementedError(f"{type(self).__name__} has a state() and no restore()")

    @property
    def living(self) -> Sequence[Individual]:
        """The individuals that the next generation would be made from (`population` is the name of a size, among the settings). None by
        default: then nobody's weights are kept but those of the front, and what `needs` names."""
        return ()

    @property
    def full(self) -> Fidelity | None:
        """The highest fidelity that it asks for, where it names fidelities itself: at it an individual counts for the front, the best and the
        target. None: the estimation says."""
        return None

    def within(self, evaluations: int) -> Strategy:
        """The strategy with its sizes fitted to a budget, where what comes last (the training of finalists) would else not be reached."""
        return self

    def needs(self) -> Collection[tuple[int, str]]:
        """The artifacts that later trials may start from, by trial and kind; the run keeps these and the front's weights, and deletes the
        others. By default what the living left."""
        if isinstance(self.living, ArrayPopulation):
            return ()  # genomes that hold their weights
        return [individual.artifact.name for individual in self.living if individual.artifact is not None]

    def steady_state(self) -> Strategy:
        """A fresh strategy of these settings for the asynchronous schedule: after its first `ask`, each `ask` gives a trial or few and may
        come before earlier trials were told; `tell` is given one result at a time.

        Raises:
            ValueError: the strategy works in whole generations only.
        """
        default = Strategy.steady_state
        able = [
            name for name, kind in registry.parts("strategy").items() if getattr(kind, "steady_state", default) is not default
        ]
        raise ValueError(f"{type(self).__name__} has no asynchronous schedule; use {', '.join(able)}, or schedule='synchronous'")

    @property
    def settled(self) -> bool:
        """Whether `state()` is all that it needs to go on, in its steady state and with nothing under way: false while it gathers results."""
        return True

    def report(self) -> dict[str, Any]:
        """JSON numbers about the last complete generation, recorded with it (species sizes, baselines, ...)."""
        return {}

    def champions(self) -> Sequence[Individual]:
        """Individuals whose genomes are kept even when a run records champions only (`record="champions"`)."""
        return ()

    def settings(self) -> dict[str, Any]:
        """JSON: the strategy's name and settings, by default the fields of a dataclass."""
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        return {"strategy": type(self).__name__, **{f.name: _as_json(f.name, getattr(self, f.name)) for f in fields if f.init}}


def held(strategy: Strategy, name: str) -> State:
    """What a strategy that works within another remembers, for the state of the one around it, under a name of its own; see `go_on`."""
    inner = strategy.state()
    json = {name: inner.json, "counts": strategy.counts_itself, f"{name}_generation": strategy.generation}
    return State(json, {f"{name}.{key}": array for key, array in inner.arrays.items()})


def go_on(strategy: Strategy, name: str, state: State, individuals: Callable[[int], Individual]) -> None:
    """Restore a strategy that works within another from what `held` put into the state of the one around it."""
    arrays = {key.removeprefix(f"{name}."): array for key, array in state.arrays.items() if key.startswith(f"{name}.")}
    strategy.restore(State(state.json[name], arrays), individuals)
    if not state.json["counts"]:
        strategy.generation = state.json[f"{name}_generation"]
    strategy.counts_itself = state.json["counts"]


def _as_json(name: str, value: Any) -> Any:
    """A setting as JSON: a part among them (a reward, a predictor) by its own settings, a Python function by its name."""
    if hasattr(value, "settings"):
        return value.settings()
    return {name: "function", "name": dotted_name(value)} if callable(value) else value
