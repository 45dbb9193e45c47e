"""What notebooks show of runs, individuals and genomes: a small table and a drawing, as HTML that holds no scripts.

Every text is escaped, and drawings are images (data URIs), so nothing in a run's folder can act in the page.
"""

from __future__ import annotations

import base64
import html
import io
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genomes.base import Genome, shown
from neuroevo.core.individual import FAILED, PREDICTED, STOPPED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.core.individual import Individual
    from neuroevo.run.run import Run

MEMBERS = 12  # of the front that are listed
VECTOR = 1500  # genes; a drawing of more is pixels, which are smaller then
WIDEST = 1000  # pixels
_CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top"


def genome_html(genome: Genome) -> str:
    """A genome: its kind, sizes, and a drawing."""
    return _beside(_facts(_sizes(genome)), _drawing(genome), type(genome).__name__)


def individual_html(individual: Individual) -> str:
    """An individual of a run: scores, descent, sizes of its genome, and a drawing."""
    from neuroevo.plots.outcomes import deviations

    facts: dict[str, Any] = dict(individual.values)
    if individual.status == FAILED:
        facts = {"failed": individual.reason}
    elif individual.status in (STOPPED, PREDICTED):
        spread = deviations(individual.info, len(facts))
        facts = {name: _text(value) + _off(by) for (name, value), by in zip(facts.items(), spread, strict=True)}
        facts |= {individual.status: individual.reason or "nothing was trained"}
    facts |= {
        "born in generation": individual.generation,
        "parents": ", ".join(map(str, individual.parents)) or "none",
        "made by": ", ".join(individual.operators) or "chance",
        **_sizes(individual.genome),
    }
    title = f"individual {individual.id}, {type(individual.genome).__name__}"
    return _beside(_facts(facts), _drawing(individual.genome), title)


def run_html(run: Run) -> str:
    """A run: counts, the best of its front, and a drawing of its best genome."""
    outcomes = [(run.failures, "failed"), (run.stopped, "stopped"), (run.predictions, "predicted")]
    facts = {
        "state": run.ended or "going on",
        "evaluated": ", ".join([f"{run.evaluations:,}", *(f"{count:,} {name}" for count, name in outcomes if count)]),
        **({"training epochs": f"{run.epochs:,.6g}"} if run.epochs else {}),
        "generations": run.generation,
        "seconds": f"{run.seconds:.1f}",
        "folder": run.folder or "in memory",
    }
    front = run.front
    drawing = _drawing(front[0].genome) if front else ""
    listed = _table(["id", *run.objectives], ([i.id, *i.values.values()] for i in front[:MEMBERS])) if front else ""
    more = f"<div>and {len(front) - MEMBERS} more on the front</div>" if len(front) > MEMBERS else ""
    made = _derived(run) if run.derived else ""
    return _beside(f"{_facts(facts)}<div><b>front</b></div>{listed}{more}{made}" if front else _facts(facts), drawing, "run")


def _derived(run: Run) -> str:
    """What was made from its networks: the latest of it."""
    latest = run.derived[-MEMBERS:]
    names = [name for name in run.objectives if any(name in one.scores for one in latest)]
    rows = ([one.name, *[one.scores.get(name, "-") for name in names], ", ".join(one.operators)] for one in latest)
    more = f"<div>and {len(run.derived) - MEMBERS} before these</div>" if len(run.derived) > MEMBERS else ""
    return f"<div><b>derived</b></div>{_table(['name', *names, 'made by'], rows)}{more}"


def _off(deviation: float) -> str:
    return f" ± {_text(deviation)}" if math.isfinite(deviation) else ""


def show_in_notebooks() -> None:
    """Let IPython show genomes so, which know nothing of drawings themselves, and figures as pictures, which it does by itself only after
    `matplotlib.pyplot` was imported. Nothing happens outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is not None:
        formatters = shell.display_formatter.formatters
        formatters["text/html"].for_type_by_name("genomes.base", "Genome", genome_html)
        pictures = formatters["image/png"]
        try:
            pictures.lookup_by_type("matplotlib.figure.Figure")
        except KeyError:
            pictures.for_type_by_name("matplotlib.figure", "Figure", figure_png)


def figure_png(figure: Figure) -> bytes:
    """A figure as a PNG file, of the size of pyplot's in notebooks."""
    written = io.BytesIO()
    figure.savefig(written, format="png", bbox_inches="tight", dpi=72)
    return written.getvalue()


def _sizes(genome: Genome) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("hidden", "parameters", "flops"):
        try:
            found[name] = f"{int(getattr(genome, name)):,}"
        except (AttributeError, NotImplementedError, TypeError):
            continue
    return found


def _facts(facts: Mapping[str, Any]) -> str:
    return _table((), ([f"{name}", value] for name, value in facts.items()))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = "".join(
        f"<tr>{''.join(f'<td style={_quoted(_CELL)}>{html.escape(_text(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    names = "".join(f"<th style={_quoted(_CELL)}>{html.escape(name)}</th>" for name in head)
    return f"<table>{f'<thead><tr>{names}</tr></thead>' if head else ''}<tbody>{lines}</tbody></table>"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return shown(value, 300) if not isinstance(value, (str, int)) and not hasattr(value, "__fspath__") else str(value)[:300]


def _quoted(text: str) -> str:
    return f'"{html.escape(text)}"'


def _beside(left: str, right: str, title: str) -> str:
    drawing = f'<div style="max-width:640px">{right}</div>' if right else ""
    return (
        f"<div><b>{html.escape(title)}</b>"
        f'<div style="display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start"><div>{left}</div>{drawing}</div></div>'
    )


def _drawing(genome: Genome) -> str:
    """The genome's picture as an image element."""
    from neuroevo.plots import genome as drawn

    graph = genome.graph()
    vector = graph.number_of_nodes() + graph.number_of_edges() <= VECTOR
    kind, data = ("svg+xml", _svg(drawn(genome))) if vector else ("png", _png(drawn(genome)))
    code = base64.b64encode(data).decode()
    return f'<img style="max-width:100%" alt="the genome" src="data:image/{kind};base64,{code}">'


def _svg(figure: Figure) -> bytes:
    from neuroevo.report.html import svg

    return svg(figure, "genome").encode()


def _png(figure: Figure) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=min(110.0, WIDEST / max(figure.get_size_inches())))
    return data.getvalue()
