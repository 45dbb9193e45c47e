"""Results: what the games of an arena say, contest by contest and over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.arena.contest import Contest
from neuroevo.arena.games import FAILED, PLAYED, REFUSED, Arena
from neuroevo.arena.standings import Standings, standings
from neuroevo.report.comparison import Comparison, Curve, compare
from neuroevo.run.run import Run, load_run

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Player:
    """A strategy in a contest.

    Attributes:
        strategy: as it was named.
        final: float64 [seeds], its last values, NaN where it failed.
        anytime: float64 [seeds], its values' mean over the whole budget.
        test: float64 [seeds], of the chosen network; NaN where there is none.
        own_ms: milliseconds an evaluation that are neither training nor scoring, the mean over seeds.
        failed: games that failed, with the last reason.
    """

    strategy: str
    final: Floats
    anytime: Floats
    test: Floats
    own_ms: float
    evaluations: float
    epochs: float
    failed: int
    reason: str = ""


@dataclass(frozen=True)
class ContestResult:
    """What a contest says.

    Attributes:
        players: those who played, in the arena's order.
        refused: sentences, by strategy, of those that are not for such a task.
        standings: over seeds; `anytime`: the same of the means over the budget.
        comparison: the runs, for figures.
    """

    contest: Contest
    players: tuple[Player, ...]
    refused: dict[str, str]
    standings: Standings
    anytime: Standings
    comparison: Comparison


@dataclass(frozen=True)
class Results:
    """What an arena says.

    Attributes:
        seeds: that were played in every contest.
        overall: over contests, of the mean ranks of the strategies that played in each; None for one contest.
    """

    contests: tuple[ContestResult, ...]
    seeds: int
    overall: Standings | None
    described: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """JSON, with null for what is not known."""
        return {
            **self.described,
            "overall": None if self.overall is None else self.overall.to_json(),
            "results": {
                result.contest.name: {
                    "measure": result.comparison.measure,
                    "higher_is_better": result.comparison.higher_is_better,
                    "box": None if result.comparison.named_box is None else result.comparison.named_box.to_json(),
                    "standings": result.standings.to_json(),
                    "anytime": result.anytime.to_json(),
                    "refused": result.refused,
                    "players": {
                        player.strategy: {
                            "final": _numbers(player.final),
                            "anytime": _numbers(player.anytime),
                            "test": _numbers(player.test),
                            "own_ms": player.own_ms,
                            "evaluations": player.evaluations,
                            "epochs": player.epochs,
                            "failed": player.failed,
                        }
                        for player in result.players
                    },
                }
                for result in self.contests
            },
        }


def results(arena: Arena) -> Results:
    """What was played so far, of the seeds that every strategy of a contest has ended.

    Raises:
        ValueError: no seed was played by all yet, or nobody succeeded.
    """
    found = tuple(_contest(arena, contest) for contest in arena.contests)
    return Results(found, min(len(one.standings.ranks) for one in found), _overall(found), arena.described())


def _contest(arena: Arena, contest: Contest) -> ContestResult:
    games = [game for game in arena.games() if game.contest == contest.name]
    outcomes = {(game.strategy, game.seed): game.outcome() for game in games}
    refused = {
        strategy: str(first["reason"])
        for strategy in arena.strategies
        if (first := outcomes[strategy, 1]) is not None and first["state"] == REFUSED
    }
    playing = [strategy for strategy in arena.strategies if strategy not in refused]
    seeds = [seed for seed in range(1, arena.seeds + 1) if all(outcomes[strategy, seed] is not None for strategy in playing)]
    if not seeds or not playing:
        raise ValueError(f"{contest.name}: no seed was played by every strategy yet; go on with the same command")
    runs: dict[tuple[str, int], Run] = {}
    for game in games:
        outcome = outcomes[game.strategy, game.seed]
        if game.seed in seeds and outcome is not None and outcome["state"] == PLAYED:
            run = load_run(game.folder, lazy=True)
            if run.records.front:
                runs[game.strategy, game.seed] = run
    if not runs:
        last = next(
            (str(one["reason"]) for one in reversed(list(outcomes.values())) if one and one.get("reason")),
            "every candidate failed",
        )
        raise ValueError(f"{contest.name}: nobody found a network: {last} (the games are in {arena.folder / contest.name})")
    strategy_of = {id(run): strategy for (strategy, _), run in runs.items()}
    comparison = compare(list(runs.values()), contest.measure, contest.axis, label=lambda run: strategy_of[id(run)])
    curves = {strategy_of[id(run)]: dict[int, Curve]() for group in comparison.groups for run in group.runs}
    for group in comparison.groups:
        for run, curve in zip(group.runs, group.curves, strict=True):
            curves[strategy_of[id(run)]][int(run.settings.get("seed", 0))] = curve
    players = tuple(
        _player(strategy, seeds, curves.get(strategy, {}), [outcomes[strategy, seed] or {} for seed in seeds], contest)
        for strategy in playing
    )
    names = [player.strategy for player in players]
    higher = comparison.higher_is_better
    return ContestResult(
        contest,
        players,
        refused,
        standings(names, np.array([player.final for player in players]).T, higher_is_better=higher),
        standings(names, np.array([player.anytime for player in players]).T, higher_is_better=higher),
        comparison,
    )


def _player(
    strategy: str, seeds: list[int], curves: dict[int, Curve], outcomes: list[dict[str, Any]], contest: Contest
) -> Player:
    final = np.array([curves[seed].value[-1] if seed in curves else np.nan for seed in seeds])
    anytime = np.array([_mean_over(curves[seed], contest) if seed in curves else np.nan for seed in seeds])
    test = np.array([np.nan if one.get("test") is None else float(one["test"]) for one in outcomes])
    played = [one for one in outcomes if one.get("state") == PLAYED]
    failures = [one for one in outcomes if one.get("state") == FAILED]
    evaluations = sum(one["evaluations"] for one in played)
    own = 1000 * sum(one["own_seconds"] for one in played) / evaluations if evaluations else float("nan")
    count = max(1, len(played))
    return Player(
        strategy, final, anytime, test, own, evaluations / count, sum(one["epochs"] for one in played) / count, len(failures),
        str(failures[-1]["reason"]) if failures else "",
    )  # fmt: skip


def _mean_over(curve: Curve, contest: Contest) -> float:
    """A curve's mean over the budget, from its first success on: each value holds until the next, the last to the budget's end."""
    at = curve.over(contest.axis)
    known = np.isfinite(curve.value)
    if not known.any():
        return float("nan")
    at, value = at[known], curve.value[known]
    limit = getattr(contest.budget, contest.axis) or at[-1]
    widths = np.diff(at, append=max(at[-1], limit))
    return float((value * widths).sum() / widths.sum()) if widths.sum() > 0 else float(value[-1])


def _overall(found: tuple[ContestResult, ...]) -> Standings | None:
    if len(found) < 2:
        return None
    first = [player.strategy for player in found[0].players]
    names = [name for name in first if all(name in [player.strategy for player in one.players] for one in found)]
    if not names:
        return None
    means = [[one.standings.mean[one.standings.names.index(name)] for name in names] for one in found]
    return standings(names, means, higher_is_better=False)


def _numbers(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
