"""A run as one HTML page that needs no network: the front, its members, what was derived from them, progress, failures, settings."""

from __future__ import annotations

import html
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.core.files import write_whole
from neuroevo.core.individual import DONE, PREDICTED, STOPPED, Individual
from neuroevo.deploy.examination import examined
from neuroevo.deploy.reference_models import Reference, references_of
from neuroevo.deploy.verdict import verdict
from neuroevo.plots.node_names import input_names
from neuroevo.plots.outcomes import DOMINATED, PARTIAL
from neuroevo.plots.outcomes import MARKS as OUTCOMES
from neuroevo.report.derived import beside_parent
from neuroevo.report.page_data import evenly, report_data
from neuroevo.report.text import (
    box_text,
    counted,
    references_text,
    state_text,
    test_scores,
    threshold_text,
    trials_without_individuals,
    with_interval,
)
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.store import RecordedTrial

DRAWINGS = 24  # members of the front whose genomes are drawn, spread evenly over it
ELITES = 60  # of an archive, likewise
MODEL_FIGURES = ("predictions", "acquisition", "kernel", "landscape")
FIGURES = (
    "compression", "worth", "descriptors", "trails", "species", "decisions", "mirror", "mixtures", "brackets", *MODEL_FIGURES, "operators",
)  # fmt: skip
TITLES = {"mixtures": "Mixed operations", "worth": "Worth of genes"}
REASONS = 30  # kinds of failure that are listed
MOST = 20_000  # individuals on a page, about, where there are more
SHARED = 24  # trials without individuals that are listed, spread evenly
MARKS = {  # as page.js draws them
    "front": '<circle class="front" r="6"/>',
    DOMINATED: '<circle class="dominated" r="3"/>',
    PARTIAL: '<circle class="partial" r="3"/>',
    STOPPED: '<path class="stopped" d="M-4,-3L4,-3L0,4Z"/>',
    PREDICTED: '<path class="predicted" d="M-3,-3H3V3H-3ZM-7,0H-3M3,0H7M0,-7V-3M0,3V7"/>',
    "test": '<path class="test" d="M-4,-4L4,4M-4,4L4,-4"/>',
    "baseline": '<path class="baseline" d="M0,-7L7,0L0,7L-7,0Z"/>',
    "linear": '<path class="reference" d="M-5,-4L5,-4L0,5Z"/>',
    "forest": '<path class="reference" d="M-4.5,-4.5H4.5V4.5H-4.5Z"/>',
    "boosting": '<path class="reference" d="M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z"/>',
}


def write_report(run: Run, path: Path | None = None, *, refresh: int | None = None) -> Path:
    """Write the page.

    Args:
        run: a run, complete or not.
        path: where to; None: `report.html` in the run's folder.
        refresh: seconds after which a browser loads the page again, for a run that goes on.

    Returns:
        The path.

    Raises:
        ValueError: the run is in memory and no path was given.
    """
    if path is None:
        if run.folder is None:
            raise ValueError(
                "this run is in memory: say where its report should be written, as write_report(run, Path('report.html'))"
            )
        path = Path(run.folder) / "report.html"
    write_whole(path, page(run, refresh=refresh).encode())
    return path


def page(run: Run, *, refresh: int | None = None) -> str:
    """The page's text."""
    run = run.thinned(MOST)
    individuals = list(run)
    data = report_data(run, individuals=individuals)
    known = {individual.id: individual for individual in individuals}
    cells = data["archive"]
    elites = [] if cells is None else [known[cell["id"]] for cell in cells["cells"] if cell["id"] in known]
    drawn = {one.id: one for one in (*evenly(run.front, DRAWINGS), *evenly(elites, ELITES))}
    data |= {"drawings": drawings(run, drawn.values())}
    # "</" would end the script element, and "<!--" would let its end be overlooked
    held = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return document(
        _title(run),
        sections(run, data) | figures(run),
        style=f"<style>\n{asset('page.css')}\n</style>",
        script=f'<script type="application/json" id="run-data">{held}</script>\n'
        f"<script>\n{asset('charts.js')}{asset('page.js')}\n</script>",
        refresh=f'<meta http-equiv="refresh" content="{refresh}">' if refresh else "",
    )


def asset(name: str) -> str:
    """One of the files that the page is put together from."""
    return (resources.files("neuroevo.report") / "page" / name).read_text(encoding="utf-8")


def document(
    title: str, parts: Mapping[str, str], *, style: str, script: str, above: str = "", place: str = "", refresh: str = ""
) -> str:
    """The page around its parts: HTML by name; a part that is not given is empty.

    Args:
        title: text.
        style, script: HTML that brings `page.css` and the scripts, inside the page or from beside it.
        above: HTML before the heading.
        place: attributes of the body, by which the scripts know where to ask.
        refresh: HTML for the head.
    """
    values = {
        **parts,
        "title": html.escape(title),
        "style": style,
        "script": script,
        "above": above,
        "place": place,
        "refresh": refresh,
    }
    return re.sub(r"\$(\w+)", lambda match: values.get(match[1], ""), asset("page.html"))


def sections(run: Run, data: Mapping[str, Any]) -> dict[str, str]:
    """The page's parts that are words and frames of charts, as HTML by name.

    Args:
        data: what `report_data` gave.
    """
    return {
        "state": html.escape(_state(run)),
        "counts": _counts(run),
        "front": _front(run, data, run.records.kept + run.records.left_out),
        "archive": _archive(data),
        "references": _references(run),
        "derived": _derived(run),
        "progress": _section("Progress", _progress_chart(data["progress"], run)),
        "curves": _learning_curves(run, data),
        "shared": _shared(trials_without_individuals(run)),
        "failures": _failures(list(run.records.cut_short())),
        "settings": _settings(run),
    }


def figures(run: Run, show: Callable[[str, Figure], str] | None = None) -> dict[str, str]:
    """The page's parts that are figures of `neuroevo.plots`, as HTML by name; those that this run has.

    Args:
        show: makes HTML of a figure's name and the figure; None: an SVG element.
    """
    shown = show or (lambda name, drawn: svg(drawn, name))
    names = [name for name in FIGURES if name not in MODEL_FIGURES or _has_model(run)]
    found = {name: text for name in names if (text := _figure(name, run, shown))}
    return found | {"examined": _examined(run, shown)}


def drawings(run: Run, individuals: Iterable[Individual]) -> dict[str, str]:
    """Their genomes as SVG elements, by id."""
    inputs = input_names(run)
    return {str(individual.id): drawing(individual, inputs) for individual in individuals}


def drawing(individual: Individual, inputs: Sequence[str] = ()) -> str:
    """The genome as an SVG element, its inputs named."""
    from neuroevo.plots.genome_figure import genome

    return svg(genome(individual.genome, inputs), f"genome-{individual.id}")


def svg(figure: Figure, salt: str) -> str:
    """A matplotlib figure as an SVG element that can stand in a page with others."""
    from matplotlib import rc_context

    text = io.StringIO()
    # text stays text: smaller, and readable for a screen reader; a salt of its own keeps two figures' ids apart
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    found = text.getvalue()
    found = found[found.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", found, flags=re.DOTALL)


# Sections of the page ---------------------------------------------------------------------------------------------------------


def _title(run: Run) -> str:
    name = Path(run.folder).name if run.folder is not None else "run"
    task = run.settings.get("task", {})
    data = task.get("data") or task.get("fitness") or task.get("task") or ""
    return f"{name}: {Path(str(data)).name}" if data and Path(str(data)).name != name else name


def _state(run: Run) -> str:
    ended = state_text(run)
    strategy = run.settings.get("strategy", {})
    strategy = strategy.get("strategy", "") if isinstance(strategy, dict) else strategy
    space = run.settings.get("space", {})
    encoding = space.get("encoding", "") if isinstance(space, dict) else ""
    return ", ".join(part for part in (strategy and f"strategy {strategy}", encoding and f"encoding {encoding}", ended) if part)


def _counts(run: Run) -> str:
    best = run.records.best
    numbers: list[tuple[str, str]] = [
        ("evaluated", f"{run.evaluations:,}"),
        ("failed", f"{run.failures:,}"),
        *([("stopped", f"{run.stopped:,}")] if run.stopped else []),
        *([("predicted", f"{run.predictions:,}")] if run.predictions else []),
        *([("training epochs", f"{run.epochs:,.6g}")] if run.epochs else []),
        ("generations complete", f"{run.generation:,}"),
        ("on the front", f"{len(run.front):,}"),
        ("seconds", f"{run.seconds:,.0f}"),
    ]
    if run.hypervolume is not None:
        numbers.append(("hypervolume", f"{run.hypervolume:.4f}"))
    if best is not None:
        name = next(iter(run.objectives))
        numbers.append((f"best {name}", f"{best.values[name]:.4g}"))
    last = run.summaries[-1] if run.summaries else {}
    if "qd_score" in last:
        numbers += [("of the archive's cells filled", f"{last['coverage']:.1%}"), ("QD score", f"{last['qd_score']:,.4g}")]
    return "".join(f"<div><b>{html.escape(value)}</b>{html.escape(name)}</div>" for name, value in numbers)


def _front(run: Run, data: Mapping[str, Any], everyone: int) -> str:
    if not data["front"]:
        return _section("Front", "<p>No individual has succeeded yet.</p>")
    several = len(run.objectives) > 1
    axes = '<label>across <select id="x-axis"></select></label><label>up <select id="y-axis"></select></label>' if several else ""
    tested = _legend("test", "the same networks on test data") if data["test"] else ""
    drawings = sum(str(id) in data["drawings"] for id in data["front"]) if data.get("drawings") else len(data["front"])
    left_out = len(data["front"]) - drawings
    baseline = _legend("baseline", "baseline, made by hand") if data["baseline"] else ""
    note = "Point at a member of the front to see its genome, click it for its lineage and learning curve."
    note += " What was stopped or only predicted is never on the front." if run.stopped or run.predictions else ""
    note += f" {drawings} of {len(data['front'])} genomes are drawn." if left_out else ""
    drawn = len(data["individuals"]["id"])
    some = f" {drawn:,} of {everyone:,} individuals are drawn: the front, some that it descends from, and an even share of the others."
    note += some if drawn < everyone else ""
    present = set(data["individuals"]["status"]) - {DONE}
    others = "".join(_legend(kind, mark.label) for kind, mark in OUTCOMES.items() if kind == DOMINATED or kind in present)
    references = "".join(_legend(one["name"], f"{one['name']} (scikit-learn)") for one in data["references"] if one["name"] in MARKS)
    legend = f'<p class="legend">{_legend("front", "front")}{others}{tested}{baseline}{references}</p>'
    chart = '<svg id="front" class="chart" viewBox="0 0 560 400" role="group" aria-label="the front"></svg>'
    return _section(
        "Front",
        f'{_verdict(run)}<p class="note">{note}</p><div class="columns"><div>{axes}{chart}{legend}</div>'
        '<div class="scroll"><table id="front-table"></table></div></div>',
    )


def _archive(data: Mapping[str, Any]) -> str:
    """The map of an archive; nothing where the run keeps none."""
    cells = data["archive"]
    if cells is None:
        return ""
    drawn = sum(str(cell["id"]) in data["drawings"] for cell in cells["cells"]) if data.get("drawings") else len(cells["cells"])
    better = "lower" if cells["direction"] == "minimise" else "higher"
    note = "The best individual of each kind: point at a cell to see its genome, click it for its lineage. Cells where nothing was found are white."
    note += f" Seen over the first two of {cells['of']} axes." if cells["of"] > 2 else ""
    note += f" {drawn} of {len(cells['cells'])} genomes are drawn." if drawn < len(cells["cells"]) else ""
    low, high = (f"{end:.4g}" for end in cells["ends"])
    steps = cells["scale"]
    bars = "".join(f'<rect x="{at}" width="1.02" height="1" fill="{colour}"/>' for at, colour in enumerate(steps))
    scale = f'<svg class="scale" viewBox="0 0 {len(steps)} 1" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
    legend = f'<p class="legend">{html.escape(cells["objective"])} ({better} is better): {low} {scale} {high}</p>'
    chart = '<svg id="archive" class="chart" viewBox="0 0 560 400" role="group" aria-label="the archive"></svg>'
    return _section("Archive", f'<p class="note">{note}</p>{chart}{legend}')


def _verdict(run: Run) -> str:
    """What a user should know before a network of the front is used."""
    return "".join(f'<p class="verdict">{html.escape(said[:1].upper() + said[1:])}.</p>' for said in verdict(run, test_scores(run)))


def _references(run: Run) -> str:
    """What models of scikit-learn score on the same samples; nothing where the search was compared with none."""
    found = references_of(run)
    if not found:
        return ""
    scores = [name for name in run.objectives if any(name in one.validation for one in found)]
    columns: list[tuple[str, Callable[[Reference], str]]] = []
    for name in scores:
        for part in ("validation", "test") if any(name in one.test for one in found) else ("validation",):
            asked = f"{found[0].folds} folds" if part == "validation" and found[0].folds else part
            columns.append((f"{name} ({asked})" if name in found[0].test else name, partial(_reference_score, name=name, part=part)))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("name", *(title for title, _ in columns), "numbers", "what it is"))
    rows = "".join(
        f"<tr><td>{html.escape(one.name)}</td>{''.join(f'<td>{html.escape(cell(one))}</td>' for _, cell in columns)}"
        f"<td>{one.numbers:,}</td><td>{html.escape(one.about)}</td></tr>"
        for one in found
    )
    note = f'<p class="note">{html.escape(references_text(run)[0])}; in brackets 95 % intervals.</p>'
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _section("References", f'{note}<div class="scroll">{table}</div>')


def _examined(run: Run, show: Callable[[str, Figure], str]) -> str:
    """What was found about chosen networks on held-out samples, a section for each."""
    from neuroevo import plots

    sections = []
    for name in sorted(examined(run), key=lambda name: [int(part) for part in name.split(".")]):
        figures = []
        for what, draw in (
            ("confusion", plots.confusion), ("residuals", plots.residuals), ("calibration", plots.calibration), ("importance", plots.importance),
            ("detections", plots.detections),
        ):  # fmt: skip
            with suppress(ValueError, KeyError):  # the figure is of another kind of data, or the network is gone
                figures.append(f'<div class="scroll figure">{show(f"{what}-{name}", draw(run, name))}</div>')
        if figures:
            best = run.records.best is not None and name == str(run.records.best.id)
            said = "".join(f'<p class="note">{html.escape(line)}</p>' for line in threshold_text(run, name))
            content = f'{said}<div class="columns">{"".join(figures)}</div>'
            sections.append(_section(f"Network {name}{', the best' if best else ''}", content))
    return "".join(sections)


def _reference_score(reference: Reference, *, name: str, part: str) -> str:
    scores = reference.validation if part == "validation" else reference.test
    return with_interval(scores.get(name), reference.intervals.get(part, {}).get(name))


def _legend(kind: str, says: str) -> str:
    """An entry of the front's legend, with the mark that the chart draws (`MARKS`)."""
    return f'<span><svg class="mark" viewBox="-8 -8 16 16" aria-hidden="true">{MARKS[kind]}</svg>{html.escape(says)}</span>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>"


def _figure(name: str, run: Run, show: Callable[[str, Figure], str]) -> str:
    """A section with a figure of `neuroevo.plots`; nothing where the run has none."""
    from neuroevo import plots

    try:
        figure = getattr(plots, name)(run)
    except ValueError:
        return ""
    title = TITLES.get(name, name.capitalize())
    if name != "operators":
        return _section(title, f'<div class="scroll figure">{show(name, figure)}</div>')
    narrow = show(f"{name}-narrow", plots.operators(run, narrow=True))
    return _section(title, f'<div class="scroll wide">{show(name, figure)}</div><div class="narrow">{narrow}</div>')


def _has_model(run: Run) -> bool:
    """Whether the run's strategy learned a model of the scores."""
    strategy: Any = run.settings.get("strategy")
    return isinstance(strategy, dict) and "predictor" in strategy


def _failures(cut_short: Sequence[tuple[int, str, str]]) -> str:
    """Why individuals failed, and why the training of others was ended early: of each its id, status and reason."""
    if not cut_short:
        return _section("Failures", '<p class="note">None.</p>')
    counted = Counter((status, reason) for _, status, reason in cut_short)
    first = {(status, reason): id for id, status, reason in reversed(cut_short)}
    rows = "".join(
        f"<tr><td>{count:,}</td><td>{status}</td><td>{_choice(first[status, reason])}</td><td>{html.escape(reason)}</td></tr>"
        for (status, reason), count in counted.most_common(REASONS)
    )
    more = f'<p class="note">{len(counted) - REASONS} further reasons are not listed.</p>' if len(counted) > REASONS else ""
    head = "<thead><tr><th>how many</th><th>status</th><th>for example</th><th>reason</th></tr></thead>"
    title = "Failed and stopped" if any(status == STOPPED for _, status, _ in cut_short) else "Failures"
    return _section(title, f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>{more}')


def _choice(id: int) -> str:
    """An individual's id, which shows the individual when it is clicked."""
    return f'<button class="link" data-choose="{id}">{id}</button>'


def _derived(run: Run) -> str:
    """What was made from the run's networks, each number beside the parent's; nothing where nothing was."""
    if not run.derived:
        return ""
    tested = test_scores(run)
    rows = [(derived, beside_parent(run, derived, tested)) for derived in run.derived]
    titles = list(dict.fromkeys(beside.title for _, found in rows for beside in found))
    titles.sort(key=lambda title: title not in ("parameters", "bytes"))  # the size, then what it costs
    lines = []
    for derived, found in rows:
        cells = {beside.title: beside for beside in found}
        of = _choice(derived.parent) if isinstance(derived.parent, int) else _anchor(derived.parent)
        numbers = [
            f"<td>{_pair(cells[title].name, cells[title].parent, cells[title].mine) if title in cells else '-'}</td>"
            for title in titles
        ]
        made = html.escape(", ".join(derived.operators))
        lines.append(
            f'<tr id="derived-{html.escape(derived.name)}"><td>{html.escape(derived.name)}</td><td>{of}</td>{"".join(numbers)}<td>{made}</td></tr>'
        )
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("name", "parent", *titles, "made by"))
    note = '<p class="note">Made from the networks of this run after it; beside each number, in grey, the parent\'s.</p>'
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return _section("Derived networks", f'{note}<div class="scroll">{table}</div>')


def _anchor(name: str) -> str:
    named = html.escape(name)
    return f'<a class="link" href="#derived-{named}">{named}</a>'


def _pair(name: str, parent: float | None, mine: float | None) -> str:
    return f'{html.escape(counted(name, mine))} <span class="parent">{html.escape(counted(name, parent))}</span>'


def _shared(trials: Sequence[RecordedTrial]) -> str:
    """The trials without individuals: what was done for all of them, such as the epochs of a shared network."""
    if not trials:
        return ""
    shown = evenly(trials, SHARED)
    names = list(
        dict.fromkeys(name for trial in shown for name, value in trial.report.items() if isinstance(value, (int, float)))
    )
    rows = "".join(
        f"<tr><td>{trial.id}</td><td>{html.escape(trial.job.replace('_', ' '))}</td><td>{html.escape(trial.status)}</td>"
        f"<td>{trial.epochs:.4g}</td><td>{trial.seconds:.3g}</td>"
        + "".join(f"<td>{counted(name, trial.report.get(name))}</td>" for name in names)
        + f"<td>{html.escape(trial.reason)}</td></tr>"
        for trial in shown
    )
    columns = ("trial", "job", "status", "epochs", "seconds", *names, "")
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    total = sum(trial.epochs for trial in trials)
    note = f"{len(trials):,} trials worked for all individuals together, {total:,.4g} epochs in all."
    note += f" {len(shown)} of them are listed." if len(shown) < len(trials) else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _section("Trials without individuals", f'<p class="note">{note}</p><div class="scroll">{table}</div>')


def _progress_chart(progress: dict[str, Any], run: Run) -> str:
    options = "".join(f"<option>{axis}</option>" for axis in progress["over"])
    select = f'<label>over <select id="progress-axis">{options}</select></label>' if len(progress["over"]) > 1 else ""
    box = run.box
    note = "" if box is None else f'<p class="note">hypervolume in the run\'s box: {html.escape(box_text(run, box))}</p>'
    return f'{select}<svg id="progress" class="chart" viewBox="0 0 560 400" role="img" aria-label="progress"></svg>{note}'


def _learning_curves(run: Run, data: Mapping[str, Any]) -> str:
    """The frame of the learning curves; nothing where nothing was trained."""
    if not data["curves"]:
        return ""
    kinds = {"line": "on the front", "other-curve": "others, ancestors and the latest"}
    kinds |= {"stopped-curve": "stopped early"} if run.stopped else {}
    legend = "".join(
        f'<span><svg class="mark" viewBox="-8 -8 16 16" aria-hidden="true"><path class="{kind}" d="M-8,0H8"/></svg>{says}</span>'
        for kind, says in kinds.items()
    )
    chart = '<svg id="curves" class="chart" viewBox="0 0 560 400" role="img" aria-label="learning curves"></svg>'
    return _section("Learning curves", f'{chart}<p class="legend">{legend}</p>')


def _settings(run: Run) -> str:
    """The command, and what decides the run."""
    texts = {"Settings": json.dumps(run.settings, indent=2, default=str), "Environment": json.dumps(_environment(run), indent=2)}
    folded = "".join(
        f"<details><summary>{title}</summary><pre>{html.escape(text)}</pre></details>" for title, text in texts.items()
    )
    return f"<h2>The command that ran it</h2><pre>{html.escape(_command(run))}</pre>{folded}"


def _environment(run: Run) -> dict[str, Any]:
    path = None if run.folder is None else Path(run.folder) / "environment.json"
    if path is None or not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {"damaged": os.fspath(path)}
    return found


def _command(run: Run) -> str:
    command = _environment(run).get("command")
    if command:
        return str(command)
    return (
        f"{run.resume_command}  # goes on with this run; its settings are below" if run.folder else "this run was made in memory"
    )
