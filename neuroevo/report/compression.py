"""What compression brought: a row for each network that was made smaller, beside what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuroevo.run.derived import Derived
from neuroevo.run.run import Run


@dataclass(frozen=True)
class Point:
    """A network before or after compression.

    Attributes:
        name: its name in the run.
        method: what made it smaller; "" of one that was compressed.
        of: the name of the network that it was made from.
        size: parameters, or bytes.
        score: the run's first objective that was scored, on the validation part (of a fitness, its value).
        share: of the parent that is kept; None where none was given.
    """

    name: str
    method: str
    of: str
    size: float
    score: float
    share: float | None = None


def compressed_in(run: Run) -> list[Derived]:
    """The derived networks that compression made."""
    return [derived for derived in run.derived if "compression" in derived.details]


def compression_score(run: Run) -> str:
    """The name of the score that compression is judged by: the first objective that is not a size."""
    return next((name for name, objective in run.objectives.items() if objective.kind != "cheap"), next(iter(run.objectives)))


def compression_points(run: Run, size: str = "parameters") -> list[Point]:
    """Every network that compression made, after the network that it was made from.

    Args:
        size: "parameters", or "bytes" of the LiteRT files or of what lies on disk.

    Raises:
        ValueError: nothing was compressed.
    """
    score = compression_score(run)
    found: list[Point] = []
    for derived in compressed_in(run):
        details, before = derived.details, derived.details.get("before", {})
        known = details.get(size)
        if score not in derived.scores or (size == "parameters" and derived.parameters is None):
            continue
        name = str(derived.parent)
        if score in before and isinstance(known, list) and not any(point.name == name and not point.method for point in found):
            found.append(Point(name, "", name, float(known[0]), float(before[score])))
        mine = float(derived.parameters or 0) if size == "parameters" else float(derived.size)
        method = str(details["compression"])
        unit = details.get("unit")
        method += f" of {unit}" if unit in ("weights", "layers", "nodes") else ""
        found.append(Point(derived.name, method, name, mine, derived.scores[score], details.get("keep")))
    if not found:
        raise ValueError(f"nothing was compressed in {run.folder or 'this run'} yet: neuroevo compress RUN ID")
    return found


def comparison_rows(
    name: str, details: Mapping[str, Any], scores: Mapping[str, float], parameters: int | None, size: int
) -> dict[str, Any]:
    """One network that was made smaller, as JSON."""
    counted = details.get("parameters")
    return {
        "name": name,
        "method": details["compression"],
        "keep": details.get("keep"),
        "before": dict(details.get("before", {})),
        "after": {key: value for key, value in scores.items() if key != "parameters"},
        "parameters": [counted[0] if isinstance(counted, list) else parameters, parameters],
        "bytes": size,
        **({"bytes_before": details["bytes"][0]} if "bytes" in details else {}),
        **({"microseconds": details["microseconds"]} if "microseconds" in details else {}),
    }


def compression_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as text: every score from before to after."""
    from rich.table import Table

    from neuroevo.report.text import counted, rendered

    names = list(dict.fromkeys(name for row in rows for name in row["after"] if name in row["before"]))
    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    table.add_column("method")
    timed = any("microseconds" in row for row in rows)
    for column in ("kept", *names, "parameters", "bytes", *(["us a sample"] if timed else [])):
        table.add_column(column, justify="right")
    for row in rows:
        cells = [f"{_text(row['before'].get(name))} → {_text(row['after'].get(name))}" for name in names]
        size = counted("bytes", row["bytes"])
        size = f"{counted('bytes', row['bytes_before'])} → {size}" if "bytes_before" in row else size
        times = [" → ".join(f"{value:.3g}" for value in row["microseconds"]) if "microseconds" in row else "-"] if timed else []
        kept = "-" if row["keep"] is None else f"{row['keep']:g}"
        table.add_row(row["name"], row["method"], kept, *cells, " → ".join(_text(one) for one in row["parameters"]), size, *times)
    return rendered(table)


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
