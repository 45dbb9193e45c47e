"""The results of an arena as text."""

from __future__ import annotations

import numpy as np

from neuroevo.arena.results import ContestResult, Player, Results
from neuroevo.arena.standings import ALPHA, FEWEST, Floats, Standings


def results_table(results: Results) -> str:
    """The results as text: each contest, then all of them together."""
    parts = [contest_table(one) for one in results.contests]
    if results.overall is not None:
        parts.append(overall_table(results))
    return "\n\n".join(parts)


def contest_table(result: ContestResult) -> str:
    """One contest: a line for each strategy, the best mean rank first."""
    comparison, found = result.comparison, result.standings
    names = [player.strategy for player in result.players]
    width = max(len("strategy"), *map(len, names))
    better = "higher" if comparison.higher_is_better else "lower"
    tested = result.contest.test is not None
    lines = [
        f"{result.contest.name}: {comparison.measure} ({better} is better), {len(found.ranks)} seeds",
        f"{'strategy':{width}s}{'rank':>7s}{'median':>11s}{'quartiles':>24s}{'anytime':>11s}"
        + (f"{'test':>10s}" if tested else "")
        + f"{'networks':>10s}{'epochs':>9s}{'own ms':>9s}{'failed':>8s}",
    ]
    for place in found.order:
        player = result.players[place]
        lines.append(
            f"{player.strategy:{width}s}{found.mean[place]:7.2f}{median(player.final):>11s}{quartiles(player):>24s}"
            f"{median(player.anytime):>11s}"
            + (f"{median(player.test):>10s}" if tested else "")
            + f"{player.evaluations:10.0f}{player.epochs:9.0f}{player.own_ms:9.1f}{player.failed:8d}"
        )
    lines += [f"{strategy} does not play: {reason}" for strategy, reason in result.refused.items()]
    lines += [f"{player.strategy} failed: {player.reason}" for player in result.players if player.failed]
    lines.append(verdict(found))
    return "\n".join(lines)


def overall_table(results: Results) -> str:
    """Mean ranks over all contests, each counting alike."""
    found = results.overall
    assert found is not None
    width = max(len("strategy"), *map(len, found.names))
    heads = [one.contest.name for one in results.contests]
    columns = [max(8, len(head) + 2) for head in heads]
    lines = [
        f"all contests: mean ranks of the {len(found.names)} that play in each",
        f"{'strategy':{width}s}{'mean':>8s}" + "".join(f"{head:>{size}s}" for head, size in zip(heads, columns, strict=True)),
    ]
    for place in found.order:
        ranks = [one.standings.mean[one.standings.names.index(found.names[place])] for one in results.contests]
        cells = "".join(f"{rank:{size}.2f}" for rank, size in zip(ranks, columns, strict=True))
        mean = float(np.mean(ranks))
        lines.append(f"{found.names[place]:{width}s}{mean:8.2f}{cells}")
    return "\n".join(lines)


def verdict(found: Standings) -> str:
    """What the tests say, in a sentence."""
    if not found.pairs:
        return f"nothing is tested: that takes {FEWEST} seeds or more and two strategies"
    best = found.order[0]
    beaten = []
    for pair in found.pairs:
        if best in (pair.first, pair.second) and pair.adjusted < ALPHA:
            ahead = pair.wins > pair.losses if pair.first == best else pair.losses > pair.wins
            if ahead:
                beaten.append(found.names[pair.second if pair.first == best else pair.first])
    friedman = "" if found.friedman is None else f"Friedman p = {found.friedman:.2g}; "
    if not beaten:
        return f"{friedman}nobody is significantly worse than {found.names[best]} (Wilcoxon, Holm, {ALPHA})"
    return f"{friedman}{found.names[best]} is significantly better than {', '.join(beaten)} (Wilcoxon, Holm, {ALPHA})"


def quartiles(player: Player) -> str:
    """First to third quartile of the final values."""
    final = player.final[np.isfinite(player.final)]
    if not len(final):
        return "-"
    low, high = np.percentile(final, [25, 75])
    return f"{low:.4g} to {high:.4g}"


def median(values: Floats) -> str:
    """The median of what is known."""
    known = values[np.isfinite(values)]
    return f"{np.median(known):.4g}" if len(known) else "-"
