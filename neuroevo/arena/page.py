"""The results of an arena as one HTML page that needs no network."""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path

import numpy as np

from neuroevo.arena.results import ContestResult, Results
from neuroevo.arena.standings import FEWEST, Standings
from neuroevo.arena.text import median, overall_table, quartiles, verdict
from neuroevo.core.files import write_json_whole, write_whole
from neuroevo.plots import critical_difference, progress
from neuroevo.report.html import svg

PAGE, NUMBERS = "arena.html", "results.json"
STYLE = """
table.arena :is(th, td):first-child { text-align: left; }
table.arena :is(th, td):last-child { text-align: right; min-width: 0; }
pre { overflow-x: auto; }
"""

CHECKLIST = (  # Lindauer & Hutter 2020
    "Every strategy of a contest searches the same space, on the same task, with the same training and the same budget.",
    "Random search takes part.",
    "Every seed decides one search of each strategy, and the split of the data; seeds are never left out because of their values.",
    "Networks are chosen by the search's own scores. Test scores are looked at once, behind the end, and rank nobody.",
    "The strategies' own time is shown beside what they find.",
)


def write_results(results: Results, folder: Path) -> list[Path]:
    """Write the page and the numbers.

    Args:
        folder: the arena's.

    Returns:
        The paths of both.
    """
    page, numbers = folder / PAGE, folder / NUMBERS
    write_whole(page, results_page(results).encode())
    write_json_whole(numbers, results.to_json())
    return [page, numbers]


def results_page(results: Results) -> str:
    """The page's text."""
    style = (resources.files("neuroevo.report") / "page" / "page.css").read_text(encoding="utf-8")
    parts = ["<h1>Which strategy?</h1>", f"<p class=note>{_counted(results)}</p>"]
    if results.overall is not None:
        found = results.overall
        title = f"All {len(results.contests)} contests, each counting alike"
        drawn = critical_difference(found.names, _overall_ranks(results), None if found.critical_difference is None else found.critical_difference,
                                    len(results.contests), title)  # fmt: skip
        parts += ["<h2>All contests</h2>", svg(drawn, "all"), f"<pre>{html.escape(overall_table(results))}</pre>"]
    for one in results.contests:
        parts.append(_contest(one))
    parts += ["<h2>How this was compared</h2><ul>", *(f"<li>{html.escape(line)}</li>" for line in CHECKLIST), "</ul>"]
    described = html.escape(json.dumps(results.described, indent=2))
    parts.append(f"<details><summary>Settings</summary><pre>{described}</pre></details>")
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Which strategy?</title><style>{style}{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _counted(results: Results) -> str:
    count = len(results.contests)
    contests = "one contest" if count == 1 else f"{count} contests"
    return html.escape(f"{contests}, {results.seeds} seeds; ranks: 1 is best")


def _overall_ranks(results: Results) -> list[float]:
    assert results.overall is not None
    return [
        float(np.mean([one.standings.mean[one.standings.names.index(name)] for one in results.contests]))
        for name in results.overall.names
    ]


def _contest(result: ContestResult) -> str:
    comparison, found = result.comparison, result.standings
    better = "higher" if comparison.higher_is_better else "lower"
    budget = ", ".join(f"{value:,g} {name.replace('_', ' ')}" for name, value in result.contest.budget.settings().items())
    note = f"{comparison.measure} ({better} is better) after a budget of {budget}; {len(found.ranks)} seeds"
    title = f"{result.contest.name}: {comparison.measure} at the end"
    ranks = critical_difference(found.names, found.mean.tolist(), found.critical_difference, len(found.ranks), title)
    rest = [f"<p>{html.escape(strategy)} does not play: {html.escape(reason)}</p>" for strategy, reason in result.refused.items()]
    rest += [
        f"<p>{html.escape(player.strategy)} failed in {player.failed} of {len(found.ranks)} games: {html.escape(player.reason)}</p>"
        for player in result.players
        if player.failed
    ]
    return "\n".join(
        [
            f"<h2>{html.escape(result.contest.name)}</h2>",
            f"<p class=note>{html.escape(note)}</p>",
            svg(ranks, f"ranks-{result.contest.name}"),
            f"<p>{html.escape(verdict(found))}</p>",
            _table(result),
            svg(progress(comparison, axis=result.contest.axis), f"progress-{result.contest.name}"),
            *rest,
            _pairs(found),
        ]
    )


def _table(result: ContestResult) -> str:
    heads = [
        "strategy",
        "mean rank",
        "median",
        "quartiles",
        "rank of the mean over the budget",
        "networks",
        "epochs",
        "own ms a network",
    ]
    if result.contest.test is not None:
        heads.insert(5, "test, median")
    rows = []
    for place in result.standings.order:
        player = result.players[place]
        cells = [player.strategy, f"{result.standings.mean[place]:.2f}", median(player.final), quartiles(player),
                 f"{result.anytime.mean[place]:.2f}", f"{player.evaluations:,.0f}", f"{player.epochs:,.0f}", f"{player.own_ms:.1f}"]  # fmt: skip
        if result.contest.test is not None:
            cells.insert(5, median(player.test))
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{html.escape(one)}</th>" for one in heads)
    return f'<div class="scroll"><table class="arena"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _pairs(found: Standings) -> str:
    if not found.pairs:
        return f"<p class=note>Pairs are tested from {FEWEST} seeds on.</p>"
    rows = [
        f"<tr><td>{html.escape(found.names[pair.first])}</td><td>{html.escape(found.names[pair.second])}</td><td>{pair.wins}</td>"
        f"<td>{pair.ties}</td><td>{pair.losses}</td><td>{pair.p:.2g}</td><td>{pair.adjusted:.2g}</td></tr>"
        for pair in sorted(found.pairs, key=lambda pair: pair.adjusted)
    ]
    return (
        "<details><summary>Pairs (Wilcoxon's signed-rank test; Holm's correction)</summary><div class=scroll><table class=arena><thead><tr>"
        "<th>first</th><th>second</th><th>wins of the first</th><th>ties</th><th>losses</th><th>p</th><th>p, corrected</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div></details>"
    )
