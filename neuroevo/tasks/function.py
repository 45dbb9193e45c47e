"""Any callable as a task."""

from __future__ import annotations

import hashlib
import inspect
import tokenize
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.core.functions import dotted_name, how_to_go_on, imported
from neuroevo.core.objectives import FLOPS, PARAMETERS, Direction, Objective, choose, recorded
from neuroevo.tasks.base import Context, Task

SomeCallable = TypeVar("SomeCallable", bound=Callable[..., Any])


def population_fitness(fitness: SomeCallable) -> SomeCallable:
    """Mark a fitness that scores a whole population at once.

    `fitness(population)` is given a callable that maps float [samples, inputs] or [population, samples, inputs] to float
    [population, samples, outputs]; it returns float [population], or a dict of such arrays when there are several objectives.

    >>> @population_fitness
    ... def small_outputs(population):
    ...     return -abs(population([[0.0, 1.0]])).max(axis=(1, 2))
    """
    fitness.__dict__["scores_population"] = True
    return fitness


def directions(objectives: Mapping[str, Direction | Objective] | None) -> dict[str, Objective]:
    """Objectives from a user's `{"reward": ne.maximise, "size": ne.minimise}`; None is one number, maximised."""
    if objectives is None:
        return {"fitness": Objective("fitness", "maximise")}
    return choose(
        [given if isinstance(given, Objective) else Objective(name, given) for name, given in objectives.items()], offered=()
    )


class Function(Task):
    """A custom fitness: `fitness(network) -> float` (maximised), or `-> dict` with declared objectives.

    Args:
        fitness: the callable. If it has a parameter named `rng` it is also given a NumPy generator that depends on the run's
            seed and the individual alone: draw from it, and the run is reproducible with any number of workers.
        objectives: `{"reward": ne.maximise, "size": ne.minimise}`; cheap objectives (`Objective(..., of=...)`) are computed from
            the genome and need not be returned.
        of: "network" gives the fitness the phenotype (a fast callable, or an untrained `keras.Model`), "genome" the genome.
        descriptors: what a network did, beside how well: a function that is given what the fitness is given and returns numbers [d] (of a
            fitness that scores a whole population: [members, d]); or the name under which the fitness returns them in its dict, where
            finding out twice would cost twice.

    Where an objective is `measured` (`Objective("energy", kind="measured")`), the fitness runs alone: other workers of the machine wait.

    Raises:
        TypeError: the fitness, or `descriptors`, is not callable.
        ValueError: `of` is neither, a direction is not one, or `descriptors` names an objective.
    """

    def __init__(
        self,
        fitness: Callable[..., Any],
        objectives: Mapping[str, Direction | Objective] | None = None,
        *,
        of: Literal["network", "genome"] = "network",
        descriptors: Callable[[Any], npt.ArrayLike] | str | None = None,
    ) -> None:
        if not callable(fitness):
            raise TypeError(f"a fitness is a callable that takes a network, got {shown(fitness)}")
        if of not in ("network", "genome"):
            raise ValueError(f"of must be 'network' or 'genome', got {of!r}")
        if descriptors is not None and not isinstance(descriptors, str) and not callable(descriptors):
            raise TypeError(
                f"descriptors is a function of the network, or a name in the fitness's dict, got {shown(descriptors)}"
            )
        self.fitness = fitness
        self.objectives = directions(objectives)
        if isinstance(descriptors, str) and descriptors in self.objectives:
            raise ValueError(f"descriptors={descriptors!r} is an objective; return what the network did under another name")
        self.of = of
        self.describe = descriptors
        self._measures = any(objective.kind == "measured" for objective in self.objectives.values())
        self._answer: Any = None
        self.population = bool(getattr(fitness, "scores_population", False))
        self.returned = [name for name, objective in self.objectives.items() if objective.of is None]
        self._returned = frozenset(self.returned)
        self.takes_rng = _has_parameter(fitness, "rng")

    def phenotype(self, genome: Genome) -> Any:
        return genome if self.of == "genome" else super().phenotype(genome)

    def score(self, phenotype: Any, context: Context, rng: np.random.Generator | None = None) -> Mapping[str, float]:
        """The fitness of one phenotype, by objective; what the fitness returns beside them is recorded too.

        Args:
            rng: the individual's own stream, for a fitness with a parameter of that name.

        Raises:
            ValueError: the fitness returned one number for several objectives, or a dict without one of them.
        """
        if self._measures:
            with context.alone():
                answer = self.fitness(phenotype, rng=rng) if self.takes_rng else self.fitness(phenotype)
        else:
            answer = self.fitness(phenotype, rng=rng) if self.takes_rng else self.fitness(phenotype)
        return self._named(self._remembered(answer))

    def descriptors(self, phenotype: Any, context: Context) -> npt.ArrayLike | None:
        if self.describe is None:
            return None
        if not isinstance(self.describe, str):
            return self.describe(phenotype)
        answer, self._answer = self._answer, None
        if not isinstance(answer, Mapping) or self.describe not in answer:
            raise ValueError(
                f"the fitness returned no {self.describe!r}, by which the descriptors go; it returned {shown(answer)}"
            )
        return answer[self.describe]  # type: ignore[no-any-return]

    def descriptors_population(self, population: Any, context: Context) -> npt.ArrayLike | None:
        return self.descriptors(population, context)

    def _remembered(self, answer: Any) -> Any:
        """The answer, kept where the descriptors are in it."""
        if isinstance(self.describe, str):
            self._answer = answer
        return answer

    def score_population(self, network: Any, context: Context) -> npt.NDArray[np.float64] | Mapping[str, npt.NDArray[np.float64]]:
        """The fitness of a whole population.

        Args:
            network: maps float [samples, inputs] or [members, samples, inputs] to float [members, samples, outputs].

        Returns:
            float64 [members], or a dict of such arrays, by objective.
        """
        with context.alone() if self._measures else nullcontext():
            answer: npt.NDArray[np.float64] | Mapping[str, npt.NDArray[np.float64]] = self._remembered(self.fitness(network))
        return answer

    def _named(self, answer: Any) -> Mapping[str, Any]:
        if type(answer) is dict and answer.keys() >= self._returned:
            return answer
        if isinstance(answer, Mapping):
            missing = [name for name in self.returned if name not in answer]
            if missing:
                raise ValueError(
                    f"the fitness returned a dict with {_listed(answer)} but the objectives are {_listed(self.objectives)}; "
                    f"missing: {_listed(missing)}"
                )
            return answer
        if len(self.returned) != 1:
            raise ValueError(
                f"the fitness returned {shown(answer)} but the objectives are {_listed(self.objectives)}: return a dict with them"
            )
        return {self.returned[0]: answer}

    def settings(self) -> dict[str, Any]:
        described = (
            {}
            if self.describe is None
            else {"descriptors": self.describe if isinstance(self.describe, str) else dotted_name(self.describe)}
        )
        return {
            "task": "Function",
            "fitness": dotted_name(self.fitness),
            "of": self.of,
            "objectives": [objective.settings() for objective in self.objectives.values()],
            **described,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The task, where the fitness is a function of a module that this process has imported.

        Raises:
            ValueError: it is not; the sentence says how to go on.
        """
        name = str(settings.get("fitness"))
        fitness = imported(name)
        if fitness is None:
            raise ValueError(how_to_go_on("fitness", name))
        objectives = recorded(settings.get("objectives"), (PARAMETERS, FLOPS))
        return cls(
            fitness,
            {objective.name: objective for objective in objectives},
            of=settings.get("of", "network"),
            descriptors=described_again(settings),
        )


def described_again(settings: Mapping[str, Any]) -> Any:
    """The function that describes phenotypes, as a task's settings name it; None where they name none.

    Raises:
        ValueError: it is not a function of a module that this process has imported.
    """
    name = settings.get("descriptors")
    if name is None:
        return None
    function = imported(str(name))
    if function is None:
        raise ValueError(how_to_go_on("descriptors", str(name)))
    return function


def _listed(names: Any) -> str:
    return ", ".join(repr(str(name)) for name in names) or "nothing"


def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def source_digest(function: Callable[..., Any]) -> str:
    """A digest of a fitness's source text, which older releases recorded; "" where there is none."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        code = getattr(function, "__code__", None)
        source = repr((code.co_code, code.co_names)) if code is not None else ""
    return hashlib.sha256(source.encode()).hexdigest()[:16] if source else ""


def as_task(fitness: Any, objectives: Mapping[str, Direction | Objective] | Sequence[str] | None = None) -> Task:
    """A task as it is, or any callable as one."""
    if isinstance(fitness, Task):
        if objectives is not None:
            raise ValueError(f"{type(fitness).__name__} has its own objectives; name them where the task is made")
        return fitness
    if objectives is not None and not isinstance(objectives, Mapping):
        raise ValueError(
            f"objectives of a custom fitness need a direction each, such as {{'reward': ne.maximise}}; got {shown(objectives)}"
        )
    return Function(fitness, objectives)
