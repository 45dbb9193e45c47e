"""How networks evolve: strategies, selection, tasks, training, inheritance, runs that resume.

Start with `evolve`; every name here is imported when first used, so `import neuroevo` is instant.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo import compress, data, decode, evaluators, interop, plots, selection, strategies, tasks
    from neuroevo.core import registry
    from neuroevo.core.callbacks import Callback, StopRun
    from neuroevo.core.individual import Fitness, Individual
    from neuroevo.core.objectives import Objective, maximise, minimise
    from neuroevo.interop.toolbox import register
    from neuroevo.run.budget import Budget
    from neuroevo.run.evolution import evolve, load_genome
    from neuroevo.run.loop import SearchFailed
    from neuroevo.run.run import Run, load_run
    from neuroevo.tasks.function import population_fitness

_WHERE = {
    "Budget": "neuroevo.run.budget",
    "Callback": "neuroevo.core.callbacks",
    "Fitness": "neuroevo.core.individual",
    "Individual": "neuroevo.core.individual",
    "Objective": "neuroevo.core.objectives",
    "Run": "neuroevo.run.run",
    "SearchFailed": "neuroevo.run.loop",
    "StopRun": "neuroevo.core.callbacks",
    "evolve": "neuroevo.run.evolution",
    "load_genome": "neuroevo.run.evolution",
    "load_run": "neuroevo.run.run",
    "maximise": "neuroevo.core.objectives",
    "minimise": "neuroevo.core.objectives",
    "population_fitness": "neuroevo.tasks.function",
    "register": "neuroevo.interop.toolbox",
}
_MODULES = {"registry": "neuroevo.core.registry"}
_ROOMS = (
    "arena",
    "compress",
    "core",
    "data",
    "decode",
    "deploy",
    "estimation",
    "evaluators",
    "inherit",
    "interop",
    "plots",
    "predictors",
    "run",
    "selection",
    "simulators",
    "store",
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
    "compress",
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
    "registry",
    "selection",
    "strategies",
    "tasks",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
        globals()[name] = value  # a function may share its module's name (evolve): the function wins
        return value
    if name in _ROOMS or name in _MODULES:
        return import_module(_MODULES.get(name, f"neuroevo.{name}"))
    raise AttributeError(f"module 'neuroevo' has no attribute {name!r}")


if "IPython" in sys.modules:  # in a notebook: genomes are shown as tables with drawings, figures as pictures
    from neuroevo.interop.notebook import show_in_notebooks as _show_in_notebooks

    _show_in_notebooks()
