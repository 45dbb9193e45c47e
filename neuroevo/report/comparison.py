"""Several runs next to each other: hypervolume and best value over evaluations, epochs or seconds, in one box."""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.core.individual import PENDING, PREDICTED, Individual
from neuroevo.run.box import Box, around
from neuroevo.run.run import Run, load_run

Floats = npt.NDArray[np.float64]
AXES = {"evaluations": "individuals evaluated", "epochs": "training epochs", "seconds": "seconds"}  # what a course is drawn over
FEWEST = 3  # runs a group, for a significance test


@dataclass(frozen=True)
class Curve:
    """One run's progress, a step an individual, where the evaluation was made that its fitness comes from.

    Attributes:
        evaluations: int64 [n], how many evaluations had been made at each step (1, 2, ..., n, where every individual has one).
        value: float64 [n], hypervolume of everything found so far at the run's full fidelity, as a share of the box; with one
            objective: the best value so far. NaN before the first success.
        epochs: float64 [n], training epochs of the trials up to each step, in the order of asking.
        seconds: float64 [n], wall-clock time at each step; between two generations, whose times were recorded, in equal steps.
    """

    evaluations: npt.NDArray[np.int64]
    value: Floats
    epochs: Floats
    seconds: Floats

    def over(self, axis: str) -> Floats:
        """Where each step lies on an axis: float64 [n]."""
        return np.asarray(getattr(self, axis), np.float64)


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone, one for each seed.

    Attributes:
        label: what distinguishes them from the other groups.
        runs: the runs, by seed.
        curves: one for each.
    """

    label: str
    runs: tuple[Run, ...]
    curves: tuple[Curve, ...]

    @property
    def final(self) -> Floats:
        """The last value of each run: float64 [runs]."""
        return np.array([curve.value[-1] if len(curve.value) else np.nan for curve in self.curves])


@dataclass(frozen=True)
class Test:
    """A Mann-Whitney U test of the runs' final values (two-sided; Mann & Whitney 1947).

    Attributes:
        first, second: the groups' labels.
        better: share of pairs in which the first group's run ends better; ties count half.
        p: the probability of a difference at least so large if the groups do not differ.
    """

    first: str
    second: str
    better: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """Groups of runs on the same objectives.

    Attributes:
        measure: "hypervolume", or the name of the only objective.
        axis: what the runs' efforts are counted in: "evaluations", "epochs" or "seconds".
        higher_is_better: of the measure.
        box: (ideal, reference) in which hypervolume is measured, by objective, as costs (logarithms where an objective asks for them); None
            with one objective.
        repeated: runs that were left out, since one of their group has the same seed.
        named_box: the same with its ends in the objectives' own units, and where they come from.
    """

    groups: tuple[Group, ...]
    measure: str
    higher_is_better: bool
    box: tuple[Floats, Floats] | None
    tests: tuple[Test, ...]
    axis: str = "evaluations"
    repeated: tuple[Run, ...] = ()
    named_box: Box | None = None


def runs_in(paths: Iterable[Path]) -> list[Run]:
    """The runs in these folders: each one a run, or a folder of runs.

    Raises:
        ValueError: a folder holds no run.
    """
    found: list[Run] = []
    for path in paths:
        folders = [path] if (path / "run.db").exists() else sorted(inner.parent for inner in path.glob("*/run.db"))
        if not folders:
            raise ValueError(f"{path} is no run and holds none; give the folders that searches wrote, such as runs/digits")
        found += [load_run(folder, lazy=True) for folder in folders]
    return found


def compare(
    runs: Sequence[Run], measure: str | None = None, axis: str = "evaluations", label: Callable[[Run], str] | None = None
) -> Comparison:
    """Put runs next to each other. Those that differ in their seed alone are one group; also those with other budgets, unless a seed is among
    them twice: then each budget is a group of its own. Of runs with the same seed and budget, the one that got furthest counts: a seed is one
    observation, however often it was run.

    Args:
        runs: of the same objectives.
        measure: "hypervolume", or an objective, whose best value is then compared; None: hypervolume where there are several objectives.
        axis: what the runs' efforts are counted in, in the table and in the figure: "evaluations", training "epochs" or "seconds".
        label: the name of a run's group, where the caller knows the groups; None: by the runs' settings.

    Hypervolume is measured in the box of the runs (`Run.box`): where they have the same one, as runs on one data set with declared or limited
    objectives do, each final value is the run's own `run.hypervolume`; where they have not, in the smallest box that holds them all. Failed and stopped individuals count
    as evaluations, predicted ones do not; a value counts once it was found at the run's full fidelity.

    Raises:
        ValueError: no runs; other objectives; a run in which nothing succeeded; or epochs of runs that trained nothing.
    """
    if not runs:
        raise ValueError("there are no runs to compare, got an empty list")
    names = list(runs[0].objectives)
    for run in runs:
        if list(run.objectives) != names:
            raise ValueError(
                f"runs can be compared on the same objectives only, got {', '.join(names)} and {', '.join(run.objectives)} ({run.folder})"
            )
        if not run.records.front:
            raise ValueError(f"{run.folder or 'a run'} has no successful individual; leave it out")
    if axis not in AXES:
        raise ValueError(unknown("axis of progress", axis, tuple(AXES)))
    refuse_no_epochs(runs, axis)
    measure = measure or ("hypervolume" if len(names) > 1 else names[0])
    if measure not in names and (measure != "hypervolume" or len(names) < 2):
        raise ValueError(unknown("measure", measure, (*(["hypervolume"] if len(names) > 1 else []), *names)))
    named_box = None if measure in names else _box(runs)
    box = None if named_box is None else named_box.corners
    only = runs[0].objectives[measure if measure in names else names[0]]
    grouped, repeated = _grouped(runs, label or _signature)
    labels = _labels([group[0] for group in grouped]) if label is None else [label(group[0]) for group in grouped]
    groups = tuple(
        Group(label, tuple(group), tuple(_curve(run, box, only.name) for run in group))
        for label, group in zip(labels, grouped, strict=True)
    )
    higher = box is not None or only.direction == "maximise"
    tests = tuple(
        _test(first, second, higher)
        for position, first in enumerate(groups)
        for second in groups[position + 1 :]
        if min(len(first.runs), len(second.runs)) >= FEWEST
    )
    return Comparison(groups, measure, higher, box, tests, axis, tuple(repeated), named_box)


def _grouped(runs: Sequence[Run], same: Callable[[Run], str]) -> tuple[list[list[Run]], list[Run]]:
    """The groups, each by seed; and the runs that were left out."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(same(run), []).append(run)
    grouped, repeated = list[list[Run]](), list[Run]()
    for group in alike.values():
        parts = {"": group}
        if len({_seed(run) for run in group}) < len(group):
            parts = {}
            for run in group:
                parts.setdefault(json.dumps(_budget(run), sort_keys=True), []).append(run)
        for part in parts.values():
            furthest: dict[int, Run] = {}
            for run in sorted(part, key=lambda run: -run.evaluations):
                if furthest.setdefault(_seed(run), run) is not run:
                    repeated.append(run)
            grouped.append([furthest[seed] for seed in sorted(furthest)])
    return grouped, repeated


def refuse_no_epochs(runs: Iterable[Run], axis: str) -> None:
    """Refuse to count in epochs what took none.

    Raises:
        ValueError: a run that trained nothing.
    """
    for run in runs:
        if axis == "epochs" and not run.epochs:
            raise ValueError(
                f"{run.folder or 'a run'} trained nothing, so it has no epochs to count in; use evaluations or seconds"
            )


def amount(run: Run, axis: str) -> float:
    """What a run spent, on an axis."""
    return float({"evaluations": run.evaluations, "epochs": run.epochs, "seconds": run.seconds}[axis])


def comparison_table(comparison: Comparison) -> str:
    """The comparison as text."""
    width = max(len("runs"), *(len(group.label) for group in comparison.groups))
    alone = len(comparison.groups) == 1 and len(comparison.groups[0].runs) == 1
    named = comparison.measure if comparison.box is None or alone else "hypervolume (in one box for all of them)"
    spent = comparison.axis
    lines = [f"{'runs':{width}s}{'seeds':>7s}{spent:>13s}{'failed':>8s}{'median':>12s}{'quartiles':>26s}   {named}"]
    for group in comparison.groups:
        final = group.final[np.isfinite(group.final)]
        low, middle, high = np.percentile(final, [25, 50, 75])
        mean = sum(amount(run, spent) for run in group.runs) / len(group.runs)
        failed = sum(run.failures for run in group.runs)
        lines.append(
            f"{group.label:{width}s}{len(group.runs):7d}{mean:13,.0f}{failed:8d}{middle:12.4g}{f'{low:.4g} to {high:.4g}':>26s}"
        )
    for test in comparison.tests:
        lines.append(
            f"{test.first} ends better than {test.second} in {test.better:.0%} of the pairs of runs (Mann-Whitney p = {test.p:.2g})"
        )
    if comparison.repeated:
        named = ", ".join(f"{run.folder or 'a run'} (seed {_seed(run)})" for run in comparison.repeated)
        lines.append(f"left out, since another run has the same seed and settings: {named}")
    if not comparison.tests and len(comparison.groups) > 1:
        lines.append(f"no significance test: it needs {FEWEST} seeds or more of each")
    if comparison.named_box is not None:
        every = [run for group in comparison.groups for run in group.runs]
        same = all(run.box is not None and run.box.sides == comparison.named_box.sides for run in every)
        whose = "" if alone else ", that of each run" if same else ", which holds those of the runs"
        lines.append(f"hypervolume in the box {comparison.named_box.described}{whose}")
    return "\n".join(lines)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison for scripts."""
    return {
        "measure": comparison.measure,
        "axis": comparison.axis,
        **({} if comparison.named_box is None else {"box": comparison.named_box.to_json()}),
        "groups": [
            {
                "label": group.label,
                "seeds": [_seed(run) for run in group.runs],
                "folders": [str(run.folder) for run in group.runs],
                comparison.axis: [amount(run, comparison.axis) for run in group.runs],
                "final": group.final.tolist(),
            }
            for group in comparison.groups
        ],
        "tests": [vars(test) for test in comparison.tests],
        "left_out": [str(run.folder) for run in comparison.repeated],
    }


def _box(runs: Sequence[Run]) -> Box:
    boxes = [box for run in runs if (box := run.box) is not None]
    return around(boxes, runs[0].objectives)


def own_curve(run: Run, individuals: Sequence[Individual]) -> tuple[Curve, str]:
    """A run's progress in its own box, as `compare([run])` gives it, and the measure; of individuals that were already read.

    Raises:
        ValueError: nothing has succeeded.
    """
    if not run.records.front:
        raise ValueError(f"{run.folder or 'a run'} has no successful individual")
    first = next(iter(run.objectives))
    box = _box([run]).corners if len(run.objectives) > 1 else None
    return _curve(run, box, first, individuals), "hypervolume" if box is not None else first


def _curve(run: Run, box: tuple[Floats, Floats] | None, objective: str, individuals: Sequence[Individual] | None = None) -> Curve:
    place = list(run.objectives).index(objective)
    few = run.settings.get("record") == "champions" or run.records.left_out > 0
    own = box is not None and run.box is not None and all(map(np.array_equal, box, run.box.corners))
    if few and run.summaries and ((box is None and place == 0) or (own and run.records.left_out > 0)):
        # few of its individuals are here, but it says of each generation what was best by then
        rows = [row for row in run.summaries if row.get("best") is not None]
        births = np.array([row["evaluations"] for row in rows], np.int64)
        epochs = np.array([row.get("epochs", 0.0) for row in rows], np.float64)
        best = [row["best"][0] if box is None else row["hypervolume"] for row in rows]
        if run.records.left_out and (not rows or births[-1] < run.evaluations):  # it was cut short inside a generation, or has none
            births, epochs = np.append(births, run.evaluations), np.append(epochs, run.epochs)
            best.append(run.best.values[objective] if box is None else run.hypervolume)
        return Curve(births, np.array(best, np.float64), epochs, seconds_at(run, births))
    everyone = run if individuals is None else individuals
    individuals = [individual for individual in everyone if individual.status not in (PREDICTED, PENDING)]
    order, evaluations, epochs = run.records.course.places(individuals)
    individuals = [individuals[position] for position in order]
    values = _best_values(run, individuals, place) if box is None else _hypervolumes(run, individuals, *box)
    if len(values) and (evaluations[-1] < run.evaluations or epochs[-1] < run.epochs - 1e-9):  # what came later changed nothing
        evaluations = np.append(evaluations, run.evaluations)
        epochs, values = np.append(epochs, run.epochs), np.append(values, values[-1])
    return Curve(evaluations.astype(np.int64), values, epochs, seconds_at(run, evaluations))


def seconds_at(run: Run, evaluations: npt.NDArray[np.int64]) -> Floats:
    """Wall-clock seconds after so many evaluations, between those recorded of the generations and of the run: float64 as given."""
    rows = [(0, 0.0), *[(row["evaluations"], row["seconds"]) for row in run.summaries], (run.evaluations, run.seconds)]
    known = np.maximum.accumulate(np.array(sorted(rows), dtype=np.float64), axis=0)
    return np.interp(evaluations, known[:, 0], known[:, 1])


def _counts(run: Run, individual: Individual) -> bool:
    """Whether it is done at the run's full fidelity and within the limits."""
    return run.records.counts(individual) and individual.fitness.violation == 0.0


def _best_values(run: Run, individuals: Sequence[Individual], place: int) -> Floats:
    sign = list(run.objectives.values())[place].weight
    gains = [individual.fitness.wvalues[place] if _counts(run, individual) else -np.inf for individual in individuals]
    best = np.maximum.accumulate(np.array(gains, dtype=np.float64))
    return np.where(np.isfinite(best), best * sign, np.nan)


def _hypervolumes(run: Run, individuals: Sequence[Individual], ideal: Floats, reference: Floats) -> Floats:
    """Hypervolume after each individual, in the box from `ideal` to `reference` brought to [0, 1]: float64 [individuals].

    Each point of the front adds what it dominates alone: for two objectives the rectangles between its neighbours, otherwise its box
    without the hypervolume of the front inside it (While, Bradstreet & Barone 2012, section III).
    """
    done = np.array([_counts(run, individual) for individual in individuals], dtype=bool)
    values = np.zeros(len(individuals))
    if done.any():
        rows = [individual.fitness.values for individual, evaluated in zip(individuals, done, strict=True) if evaluated]
        costs = (run.records.costs(np.array(rows, dtype=np.float64)) - ideal) / (reference - ideal)
        values[done] = _gains_of_two(costs) if len(ideal) == 2 else _gains_of_many(costs)
    return np.cumsum(values)


def _gains_of_two(costs: Floats) -> Floats:
    """What each point adds to the area that those before it dominate, below (1, 1): float64 [points]."""
    xs, ys = [-np.inf, 1.0], [1.0, -np.inf]  # of the front, x rising and y falling, between two sentinels
    gains = np.zeros(len(costs))
    for position, (x, y) in enumerate(costs.tolist()):
        at = bisect.bisect_right(xs, x)
        if x >= 1 or y >= 1 or ys[at - 1] <= y:
            continue
        first = at - 1 if xs[at - 1] == x else at
        last, left, top, area = first, x, ys[first - 1], 0.0
        while ys[last] >= y:  # points that the new one dominates; above each the area was free up to the one before
            area += (xs[last] - left) * (top - y)
            left, top = xs[last], ys[last]
            last += 1
        gains[position] = area + (xs[last] - left) * (top - y)
        xs[first:last], ys[first:last] = [x], [y]
    return gains


def _gains_of_many(costs: Floats) -> Floats:
    import moocore

    front = np.empty((0, costs.shape[1]))
    gains = np.zeros(len(costs))
    one = np.ones(costs.shape[1])
    for position, cost in enumerate(costs):
        if not (cost < 1).all() or (front <= cost).all(axis=1).any():
            continue
        gain = float(np.prod(1 - cost))
        if len(front):
            inside = np.maximum(front, cost)
            gain -= float(moocore.hypervolume(moocore.filter_dominated(inside), ref=one))
        gains[position] = max(0.0, gain)
        front = np.concatenate([front[~(front >= cost).all(axis=1)], cost[None]])
    return gains


def _test(first: Group, second: Group, higher: bool) -> Test:
    from scipy.stats import mannwhitneyu

    mine, theirs = first.final, second.final
    u, p = mannwhitneyu(mine, theirs, alternative="two-sided")
    share = float(u) / (len(mine) * len(theirs))
    return Test(first.label, second.label, share if higher else 1 - share, float(p))


def _seed(run: Run) -> int:
    return int(run.settings.get("seed", 0))


def _parts(run: Run) -> dict[str, Any]:
    """What decides a run beside its seed (data sets are split by it, too) and its budget."""
    parts = {key: value for key, value in run.settings.items() if key not in ("seed", "budget", "record")}
    task = parts.get("task")
    if isinstance(task, dict):
        parts["task"] = {key: value for key, value in task.items() if key not in ("seed", "digest", "origin")}
    code = parts.pop("code", None)
    if isinstance(code, dict):
        parts["code"] = {key: code[key] for key in (["version"] if "version" in code else ["parts", "leads_to"]) if key in code}
    return parts


def _budget(run: Run) -> Any:
    """What limits a run; of one in memory, whose settings do not say it, what it spent."""
    return run.settings.get("budget", {"evaluations": run.evaluations})


def _signature(run: Run) -> str:
    return json.dumps(_parts(run), sort_keys=True, default=str)


def _labels(runs: Sequence[Run]) -> list[str]:
    """Short names: of the strategy, then whatever else differs between the groups, budgets where nothing else does."""
    parts = [_parts(run) for run in runs]
    alike = [json.dumps(one, sort_keys=True, default=str) for one in parts]
    flat = [
        _flat({**one, **({"budget": _budget(run)} if alike.count(same) > 1 else {})})
        for run, one, same in zip(runs, parts, alike, strict=True)
    ]
    differing = sorted({key for one in flat for key in one if any(other.get(key) != one[key] for other in flat)})
    names = []
    for run, one in zip(runs, flat, strict=True):
        strategy = _strategy(run)
        rest = [key for key in differing if key not in ("strategy.strategy", "strategy.name")]
        same_strategy = [other for other in runs if _strategy(other) == strategy]
        if len(same_strategy) == 1 or not rest:
            names.append(strategy)
            continue
        mine = [flat[position] for position, other in enumerate(runs) if _strategy(other) == strategy]
        told = dict.fromkeys(_setting(key, one.get(key)) for key in rest if any(other.get(key) != one.get(key) for other in mine))
        names.append(", ".join([strategy, *list(told)[:3]]))
    return [name if names.count(name) == 1 else f"{name} ({position + 1})" for position, name in enumerate(names)]


def _setting(key: str, value: Any) -> str:
    """A setting in a label: "population 20", "parameters limit 2000"."""
    named = key.split(".")[-2:] if ".objectives." in f".{key}" else key.split(".")[-1:]
    return f"{' '.join(named)} {'none' if value is None else shown(value)}"


def _strategy(run: Run) -> str:
    described = run.settings.get("strategy", {})
    name = described.get("strategy") or described.get("name") if isinstance(described, dict) else described
    return str(name or "search")


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(settings, list) and settings and all(isinstance(one, dict) and "name" in one for one in settings):
        return {f"{prefix}.{one['name']}.{name}": value for one in settings for name, value in one.items() if name != "name"}
    if not isinstance(settings, dict):
        return {prefix: settings}
    return {key: value for name, inner in settings.items() for key, value in _flat(inner, f"{prefix}.{name}".lstrip(".")).items()}
