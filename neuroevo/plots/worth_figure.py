"""Worth: a NEAT genome with what each of its genes is worth as colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuroevo.core.individual import Individual
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def worth_data(run: Run, name: str | None = None) -> tuple[Any, dict[Any, float], Derived]:
    """The graph of the genome whose genes compression valued, what each node or connection (a pair of nodes) is worth, and the child that was made
    of it.

    Args:
        run: the run.
        name: of a derived network (17.1); None: the last one whose making valued genes.

    Raises:
        KeyError: there is no such network.
        ValueError: its making valued no genes.
    """
    valued = [one for one in run.derived if isinstance(one.details.get("values"), Mapping) and one.genome is not None]
    if name is not None:
        network_named(run, name)  # which says it where there is none
        valued = [one for one in valued if one.name == name]
    if not valued:
        raise ValueError(
            f"{'nothing in this run was' if name is None else f'{name} was not'} made by valuing genes: neuroevo compress RUN ID of a NEAT genome does, and what it makes has a "
            "name such as 17.1"
        )
    derived = valued[-1]
    parent = network_named(run, derived.parent)
    genome = parent.genome if isinstance(parent, (Individual, Derived)) else None
    if genome is None:
        raise ValueError(f"the genome that {derived.name} was made of is not there any more")
    graph, values = genome.graph(), derived.details["values"]
    worth: dict[Any, float] = {node: float(values[str(node)]) for node in graph.nodes if str(node) in values}
    worth |= {(a, b): float(values[str(data["marking"])]) for a, b, data in graph.edges(data=True) if str(data["marking"]) in values}
    return graph, worth, derived


def worth(run: Run, name: str | None = None) -> Figure:
    """Draw the genome that a pruned one was made of: blue what is worth most, orange what harms, as widths the weights.

    Raises:
        KeyError, ValueError: as `worth_data`.
    """
    from neuroevo.plots.neat import draw_network

    graph, values, derived = worth_data(run, name)
    unit, method = derived.details["unit"], str(derived.details["method"])
    named = {"shapley": "Shapley value"}.get(method, method.replace("_", " "))
    return draw_network(graph, f"{derived.parent}: {named} of its {unit} for {next(iter(run.objectives))}", worth=values)
