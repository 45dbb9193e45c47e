"""What a study of fidelities found: how well each ranks networks, beside what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.core.individual import DONE
from neuroevo.core.trial import Evaluation, Fidelity
from neuroevo.run.run import Run
from neuroevo.store import Store

DRAWS = 1000  # bootstrap samples of networks
STUDY = "FidelityStudy"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A number, and its 95 % bootstrap interval over networks."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} .. {self.high:.2f})"


@dataclass(frozen=True)
class Step:
    """One fidelity beside the reference.

    Attributes:
        name: in words.
        kind: what it saves: "epochs", "data", "resolution", several of these joined by "+", or "again" for the reference's second training.
        schedule: "rung" (the learning rate falls to this training's end) or "whole" (it is the first part of a longer one).
        networks: that were trained at both, successfully.
        correlation: Spearman's rank correlation with the reference.
        overlap: share of the reference's best `top` that are among its own best `top`.
        loss: how much worse, by the reference, the network is that it finds best than the best one; 0 or more, in the objective's unit.
        epochs, seconds: what one network takes: passes over all training data, and wall-clock seconds of training.
        cost: its epochs as a share of the reference's, weighted by the resolution's share of positions.
    """

    name: str
    kind: str
    schedule: str
    networks: int
    correlation: Interval
    overlap: Interval
    loss: float
    epochs: float
    seconds: float
    cost: float


@dataclass(frozen=True)
class FidelityReport:
    """What a study found.

    Attributes:
        objective: by which networks are ranked.
        reference: the full training in words, and `epochs`, `seconds` what it takes of each network.
        networks: that were trained at the reference; `failed`: trainings of the study that failed.
        top: how many networks the overlap looks at.
        steps: the cheapest first; the reference's second training, where there is one, last.
    """

    objective: str
    reference: str
    epochs: float
    seconds: float
    networks: int
    failed: int
    top: int
    steps: tuple[Step, ...]

    @property
    def again(self) -> Step | None:
        """The second training at the reference: what no fidelity can be expected to exceed."""
        return next((step for step in self.steps if step.kind == "again"), None)

    @property
    def sufficient(self) -> Step | None:
        """The cheapest fidelity whose rank correlation is not below the interval of the second full training; None where there is none,
        no second training, or too few networks for its interval to leave out that it does not agree at all."""
        again = self.again
        if again is None or again.correlation.low <= 0:
            return None
        good = [step for step in self.steps if step is not again and step.correlation.value >= again.correlation.low]
        return min(good, key=lambda step: step.cost, default=None)


def fidelity_report(run: Run, objective: str | None = None, top: int | None = None) -> FidelityReport:
    """Compare the fidelities of a study.

    Args:
        run: of the strategy FidelityStudy, in a folder; it may be going on.
        objective: by which networks are ranked; None: the first.
        top: how many of the best are compared; None: a fifth, at least 3.

    Raises:
        ValueError: another run, nothing to compare yet, or no such objective.
    """
    strategy = run.settings.get("strategy", {})
    if strategy.get("strategy") != STUDY or run.folder is None:
        raise ValueError(
            f"{run.folder or 'a run in memory'} is no study of fidelities in a folder; make one: neuroevo fidelity {run.folder or 'DATA'}"
        )
    names = list(run.objectives)
    chosen = names[0] if objective is None else objective
    if chosen not in names:
        raise ValueError(unknown("objective of the study", chosen, names))
    sign = -run.objectives[chosen].weight
    store = Store(run.folder, writable=False)
    try:
        evaluations = store.evaluations()
    finally:
        store.close()
    reference, low, again = _sorted(evaluations, Fidelity.from_dict(strategy.get("reference") or {}))
    column = names.index(chosen)
    done = {id: sign * found.values[column] for id, found in reference.items() if found.status == DONE}
    size = max(3, len(done) // 5) if top is None else top
    if len(done) < 3 or not (low or again):
        raise ValueError(
            f"{run.folder}: nothing to compare yet: {len(done)} networks are trained in full, and {len(low)} lower fidelities were begun; "
            f"go on with {run.resume_command}"
        )
    if not 1 <= size < len(done):
        raise ValueError(f"top must be from 1 to {len(done) - 1}, below the number of networks; got {size}")
    whole = _cost(reference.values(), Fidelity())
    axes = max(1, len(getattr(run.space, "input_shape", ())) - 1)
    steps = []
    for fidelity, found in [*low.items(), *([(None, again)] if again else [])]:
        both = [id for id, one in found.items() if one.status == DONE and id in done]
        if len(both) < 3:
            continue
        truth = np.array([done[id] for id in both])
        cheap = np.array([sign * found[id].values[column] for id in both])
        epochs, seconds = _cost([found[id] for id in both], fidelity or Fidelity())
        steps.append(
            Step(
                _name(fidelity, whole[0]) if fidelity is not None else "full, trained again",
                "again" if fidelity is None else _kind(fidelity, whole[0]),
                "rung" if fidelity is None or fidelity.schedule is None else "whole",
                len(both),
                _interval(truth, cheap, _correlations),
                _interval(truth, cheap, partial(_overlaps, top=min(size, len(both) - 1))),
                float(truth[np.argmin(cheap)] - truth.min()),
                epochs,
                seconds,
                epochs * (1.0 if fidelity is None else fidelity.resolution**axes) / max(whole[0], 1e-12),
            )
        )
    ordered = sorted(steps, key=lambda step: (step.kind == "again", step.cost))
    failed = sum(one.status != DONE for one in evaluations)
    return FidelityReport(chosen, f"{whole[0]:g} epochs", *whole, len(done), failed, size, tuple(ordered))


Found = dict[int, Evaluation]


def _sorted(evaluations: Sequence[Evaluation], full: Fidelity) -> tuple[Found, dict[Fidelity, Found], Found]:
    """By individual: the first evaluation at the reference, those at each lower fidelity, and the second at the reference."""
    reference, again, low = Found(), Found(), dict[Fidelity, Found]()
    for one in sorted(evaluations, key=lambda one: one.trial):
        if one.fidelity != full:
            low.setdefault(one.fidelity, {})[one.individual] = one
        elif one.individual in reference:
            again[one.individual] = one
        else:
            reference[one.individual] = one
    return reference, low, again


def _cost(found: Any, fidelity: Fidelity) -> tuple[float, float]:
    """Passes over all training data, and seconds of training, that one network takes."""
    infos = [one.info for one in found if one.status == DONE]
    epochs = [float(info.get("epochs", 0)) * fidelity.data for info in infos]
    seconds = [float(info.get("seconds", {}).get("train", 0.0)) for info in infos]
    return float(np.mean(epochs)), float(np.median(seconds))


def _interval(truth: Floats, cheap: Floats, of: Callable[[Floats, Floats], Floats]) -> Interval:
    rows = np.random.default_rng(0).integers(len(truth), size=(DRAWS, len(truth)))
    low, high = np.quantile(of(truth[rows], cheap[rows]), (0.025, 0.975))
    return Interval(float(of(truth[None], cheap[None])[0]), float(low), float(high))


def _correlations(truth: Floats, cheap: Floats) -> Floats:
    """Spearman's rank correlation of each row, 0 where one side is constant: float64 [rows] from float64 [rows, networks] each."""
    from scipy.stats import rankdata

    first, second = (rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (truth, cheap))
    spread = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray((first * second).sum(axis=1) / np.where(spread > 0, spread, 1.0), np.float64)


def _overlaps(truth: Floats, cheap: Floats, top: int) -> Floats:
    """The share of each row's best `top` that both sides have; of equal values the first."""
    best, found = np.zeros(truth.shape, bool), np.zeros(truth.shape, bool)
    for marked, values in ((best, truth), (found, cheap)):
        np.put_along_axis(marked, np.argsort(values, axis=1, kind="stable")[:, :top], True, axis=1)
    return np.asarray((best & found).sum(axis=1) / top, np.float64)


def _kind(fidelity: Fidelity, epochs: float) -> str:
    """What it saves, where the reference has so many epochs."""
    saved = {
        "epochs": fidelity.epochs is not None and fidelity.epochs < epochs,
        "data": fidelity.data < 1,
        "resolution": fidelity.resolution < 1,
    }
    return "+".join(name for name, less in saved.items() if less) or "none"


def _name(fidelity: Fidelity, epochs: float) -> str:
    parts = []
    if "epochs" in _kind(fidelity, epochs).split("+"):
        parts.append(_epochs(fidelity.epochs or 0) + (f" of {fidelity.schedule}" if fidelity.schedule is not None else ""))
    if fidelity.data < 1:
        parts.append(f"{fidelity.data:.0%} of the data")
    if fidelity.resolution < 1:
        parts.append(f"{fidelity.resolution:.0%} of the resolution")
    return ", ".join(parts) or _epochs(fidelity.epochs or 0)


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def fidelity_json(report: FidelityReport) -> Mapping[str, Any]:
    """The report as JSON."""
    sufficient = report.sufficient
    return {
        **asdict(report),
        "steps": [asdict(step) for step in report.steps],
        "sufficient": None if sufficient is None else sufficient.name,
    }


def fidelity_table(report: FidelityReport) -> str:
    """The report as a table, with a sentence on what it says."""
    from rich.table import Table

    from neuroevo.report.text import rendered

    table = Table(box=None, pad_edge=False)
    table.add_column("fidelity")
    for name in ("schedule", "cost", "epochs", "seconds", "networks", "rank correlation (95 %)", f"top {report.top} kept (95 %)",
                 f"{report.objective} lost"):  # fmt: skip
        table.add_column(name, justify="right")
    for step in report.steps:
        table.add_row(
            step.name, step.schedule, f"{step.cost:.0%}", f"{step.epochs:.3g}", f"{step.seconds:.2f}", str(step.networks),
            str(step.correlation), str(step.overlap), f"{step.loss:.4g}",
        )  # fmt: skip
    failed = f", {report.failed} trainings failed" if report.failed else ""
    lines = [
        f"{report.networks} networks ranked by {report.objective}, beside full training ({report.reference}, {report.seconds:.2f} s each){failed}",
        rendered(table),
        "schedule: rung, the learning rate falls to the end of this training; whole, it is the first part of a longer one",
    ]
    again, sufficient = report.again, report.sufficient
    if again is not None:
        lines.append(
            f"a second full training agrees with the first at {again.correlation}: no fidelity can be expected to rank better"
        )
        lines.append(
            "which fidelity ranks as well cannot be said: that interval does not leave out that full training disagrees with itself; "
            "take more networks (--networks)"
            if again.correlation.low <= 0
            else "none of the fidelities ranks as well"
            if sufficient is None
            else f"the cheapest that ranks as well, within that interval: {sufficient.name} ({sufficient.schedule}), {sufficient.cost:.0%} of the cost"
        )
    return "\n".join(lines)
