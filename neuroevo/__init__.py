"""How networks evolve: strategies, selection, tasks, training, inheritance, runs that resume.

Start with `evolve`; every name here is imported when first used, so `import neuroevo` is instant.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo import data, decode, evaluators, interop, plots, selection, strategies, tasks
    from neuroevo.budget import Budget
    from neuroevo.callbacks import Callback, StopRun
    from neuroevo.evolution import evolve, load_genome
    from neuroevo.individual import Fitness, Individual
    from neuroevo.loop import SearchFailed
    from neuroevo.objectives import Objective, maximise, minimise
    from neuroevo.run import Run, load_run
    from neuroevo.tasks.function import population_fitness
    from neuroevo.toolbox import register

_WHERE = {
    "Budget": "neuroevo.budget",
    "Callback": "neuroevo.callbacks",
    "Fitness": "neuroevo.individual",
    "Individual": "neuroevo.individual",
    "Objective": "neuroevo.objectives",
    "Run": "neuroevo.run",
    "SearchFailed": "neuroevo.loop",
    "StopRun": "neuroevo.callbacks",
    "evolve": "neuroevo.evolution",
    "load_genome": "neuroevo.evolution",
    "load_run": "neuroevo.run",
    "maximise": "neuroevo.objectives",
    "minimise": "neuroevo.objectives",
    "population_fitness": "neuroevo.tasks.function",
    "register": "neuroevo.toolbox",
}
_ROOMS = (
    "data",
    "decode",
    "estimation",
    "evaluators",
    "inherit",
    "interop",
    "plots",
    "selection",
    "simulators",
    "strategies",
    "tasks",
    "train",
)

__all__ = [
    "Budget",
    "Callback",
    "Fitness",
    "Individual",
    "Objective",
    "Run",
    "SearchFailed",
    "StopRun",
    "data",
    "decode",
    "evaluators",
    "evolve",
    "interop",
    "load_genome",
    "load_run",
    "maximise",
    "minimise",
    "plots",
    "population_fitness",
    "register",
    "selection",
    "strategies",
    "tasks",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
        globals()[name] = value  # a function may share its module's name (evolve): the function wins
        return value
    if name in _ROOMS:
        return import_module(f"neuroevo.{name}")
    raise AttributeError(f"module 'neuroevo' has no attribute {name!r}")


if "IPython" in sys.modules:  # in a notebook: genomes are shown as tables with drawings
    from neuroevo.interop.notebook import show_genomes as _show_genomes

    _show_genomes()
