"""A search on data, from names to the parts that `evolve` takes: what the command line and the estimators share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genomes.base import Space, unknown
from neuroevo.strategies.base import Strategy

if TYPE_CHECKING:
    from neuroevo.tasks.supervised import Supervised

STRATEGIES = ("lemonade", "nsga2", "nsga3", "random_search", "regularized_evolution")
ENCODINGS = ("network", "dag", "cell", "chain")
EVALUATIONS = 60  # where neither the user nor a preset says otherwise


@dataclass(frozen=True)
class Preset:
    """How much a search spends; what a user says about one of these goes before it.

    Attributes:
        evaluations: candidates to train.
        epochs: of each; None goes by the size of the data.
    """

    evaluations: int
    epochs: int | None


PRESETS = {"quick": Preset(16, 5), "thorough": Preset(300, None)}


def preset_by_name(name: str | None) -> Preset:
    """The preset of a command-line name; None: the usual effort.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    if name is None:
        return Preset(EVALUATIONS, None)
    if name not in PRESETS:
        raise ValueError(unknown("preset", name, tuple(PRESETS)))
    return PRESETS[name]


@dataclass(frozen=True)
class SearchSettings:
    """What a search on data is: all that decides its outcome, beside the budget."""

    data: str
    objectives: str = "error,parameters"
    target: str | None = None
    kind: str | None = None
    encoding: str = "network"
    strategy: str = "nsga2"
    inheritance: str = "lamarckian"
    epochs: int | None = None
    max_parameters: int | None = None
    seed: int = 1


def space_by_encoding(encoding: str, task: Supervised, max_parameters: int | None) -> Space:
    """The space of an encoding's networks for a task's data, of sizes that train in seconds.

    Raises:
        ValueError: an unknown encoding; one that does not fit the data; or `max_parameters` with an encoding that has no such limit.
    """
    if encoding not in ENCODINGS:
        raise ValueError(unknown("encoding", encoding, ENCODINGS))
    if encoding == "network":
        return task.default_space(**({} if max_parameters is None else {"max_parameters": max_parameters}))
    if max_parameters is not None:
        raise ValueError(
            f"--max-parameters is a limit of the encoding network; with {encoding} limit the objective instead: "
            f"--objectives '{task.selection},parameters<{max_parameters}'"
        )
    shape, outputs = task.dataset.input_shape, task.dataset.outputs
    if encoding == "dag":
        from genomes.dag import DagSpace

        return DagSpace(shape, outputs, min_nodes=3, max_nodes=8, widths=(8, 16, 32), kernels=(1, 3))
    if encoding == "chain":
        from genomes.chain import ChainSpace

        return ChainSpace(shape, outputs, max_layers=6, widths=(8, 16, 32), kernels=(1, 3, 5), strides=(1, 2))
    from genomes.cell import CellSpace

    stages = 1 if len(shape) < 2 or min(shape[:-1]) < 2 else 2
    return CellSpace("nasnet", 3, shape, outputs, channels=8, repeats=1, stages=stages)


def supervised_task(settings: SearchSettings) -> Supervised:
    """Classification or regression, as the data and the objectives say."""
    from neuroevo import tasks

    arguments: dict[str, Any] = {"objectives": settings.objectives, "target": settings.target, "seed": settings.seed}
    kind = settings.kind or ("Regression" if {"mae", "rmse"} & set(_names(settings.objectives)) else "Classification")
    if kind not in ("Classification", "Regression"):
        raise ValueError(unknown("kind of task", kind, ("Classification", "Regression")))
    task: Supervised = getattr(tasks, kind)(settings.data, **arguments)
    _ = task.dataset  # read the data now: what is wrong with it is said before anything is written
    return task


def strategy_by_name(name: str, inheritance: str) -> Strategy:
    """The strategy of a command-line name.

    Args:
        name: one of `STRATEGIES`.
        inheritance: "lamarckian" or "none".

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    from neuroevo import strategies

    if name not in STRATEGIES:
        raise ValueError(unknown("strategy", name, STRATEGIES))
    if inheritance not in ("lamarckian", "none"):
        raise ValueError(unknown("inheritance", inheritance, ("lamarckian", "none")))
    inherits: Any = {"inheritance": inheritance}
    strategy: Strategy = strategies.RandomSearch()
    if name == "lemonade":
        strategy = strategies.Lemonade(proposals=32, accepted=8, **inherits)
    elif name == "nsga2":
        strategy = strategies.Nsga2(population=12, **inherits)
    elif name == "nsga3":
        strategy = strategies.Nsga3(population=12, **inherits)
    elif name == "regularized_evolution":
        strategy = strategies.RegularizedEvolution(population=12, sample=4, **inherits)
    return strategy


def _names(objectives: str) -> Sequence[str]:
    from neuroevo.core.objectives import parse_limits

    return [name for name, _ in parse_limits(objectives)]
