"""What stands at a node: its label, its own name in words, and the columns of the data at the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.run.run import Run

if TYPE_CHECKING:
    import networkx as nx

LINE = 46  # characters of a line of small text in a box


def node_name(node: Any, data: Mapping[str, Any] | None = None) -> str:
    """A node in words: its `label` or `name`, else the node itself, without the brackets and quotes of its Python value.

    >>> node_name(("input", 0)), node_name(7, {"label": "conv 3x3"}), node_name(("cell", ("add", 2)))
    ('input 0', 'conv 3x3', 'cell add 2')
    """
    for key in ("label", "name"):
        if data is not None and data.get(key) not in (None, ""):
            return node_name(data[key])
    if isinstance(node, Enum):
        return node.name.lower().replace("_", " ")
    if isinstance(node, (tuple, list)):
        return " ".join(node_name(part) for part in node)
    if isinstance(node, (set, frozenset)):
        return " ".join(sorted(node_name(part) for part in node))
    if isinstance(node, Mapping):
        return ", ".join(f"{node_name(key)} {node_name(value)}" for key, value in node.items())
    if isinstance(node, float):
        return f"{node:.4g}"
    return str(node)


def with_input_names(graph: nx.DiGraph[Any], names: Sequence[str]) -> nx.DiGraph[Any]:
    """The graph with the columns' names at its inputs: one at each input node, or all of them (`columns`) at the only one. Another number of
    inputs is left as it is."""
    inputs = [node for node, data in graph.nodes(data=True) if _is_input(node, data)]
    if not names or (len(inputs) not in (1, len(names))):
        return graph
    named = graph.copy()
    if len(inputs) == len(names):
        for node, name in zip(inputs, names, strict=True):
            named.nodes[node]["name"] = name
            named.nodes[node].pop("label", None)
    else:
        named.nodes[inputs[0]]["columns"] = tuple(names)
    return named


def columns_line(names: Sequence[str]) -> str:
    """As many of the columns' names as fit into a line, and how many more there are."""
    shown = ", ".join(names)
    if len(shown) <= LINE:
        return shown
    for count in range(len(names) - 1, 0, -1):
        shown = f"{', '.join(names[:count])} and {len(names) - count} more"
        if len(shown) <= LINE:
            return shown
    return f"{names[0][: LINE - 16]}... and {len(names) - 1} more" if len(names) > 1 else f"{names[0][: LINE - 3]}..."


def input_names(run: Run) -> tuple[str, ...]:
    """The features of a search on a table, by the columns that they come from; none of other runs, or where the data is gone."""
    from neuroevo.data import table
    from neuroevo.data.reading import is_table
    from neuroevo.run.settings import task_from_settings

    task: Any = run.task
    try:
        if task is None:
            described = run.settings.get("task", {})
            if not is_table(Path(str(described.get("data") or ""))):
                return ()
            task = task_from_settings(described)
        columns = task.dataset.columns if hasattr(task, "dataset") else None
        return () if columns is None else tuple(table.feature_names(columns))
    except (ValueError, OSError, AttributeError, KeyError, TypeError):  # a picture without names is better than none
        return ()


def _is_input(node: Any, data: Mapping[str, Any]) -> bool:
    kind = data.get("type", data.get("kind"))
    return kind == "input" or (kind is None and isinstance(node, tuple) and len(node) > 1 and node[0] == "input")
