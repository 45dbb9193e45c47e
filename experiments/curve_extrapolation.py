"""Early stopping by extrapolated learning curves: epochs saved, and whether the best is kept (Domhan, Springenberg & Hutter 2015).

Draws of 100 complete learning curves are gone through one after the other, as a search would train them, with `neuroevo.estimation.LearningCurve`
asked after every epoch. Reported for each rule: how many times fewer epochs than training all to the end, the share of draws whose best
was trained to the end, and, with the number of parameters as a second objective, the same and the share of the front's members that were.
"last_value" stops a training that is worse after a fifth of its epochs than the best one was then. Successive halving (eta 3, from 2 epochs)
stands beside as a reference: it knows all 100 from the beginning.

Then the extrapolations themselves, from 5, 10, 20 and 30 epochs: mean absolute error against that of the last value; the share of the final
scores within the 90 % interval, of the families alone and after the corrections learned from 20 other curves; milliseconds a curve.

`--curves` is an .npz file with the array named by `--scores` (float [curves, epochs], lower is better) and `parameters` [curves], or the folder
of a run with complete learning curves (`FullTraining(curve=1000)`): those of the most frequent kind. 30 draws take two minutes of processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Screen

import neuroevo as ne
from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.core.trial import FULL, Measurement, Result, Trial
from neuroevo.estimation import Direct, LearningCurve
from neuroevo.estimation.extrapolation import extrapolate
from neuroevo.estimation.lessons import learned
from neuroevo.estimation.stopping import Progress, rule_from_json
from neuroevo.tasks import Function

RULES = ("power_law", "domhan", "median", "last_value", "successive_halving")
EPOCHS = (5, 10, 20, 30)
TAUGHT = 20  # curves that the corrections are learned from
POINTS = 3  # scores that are extrapolated at least, as by LearningCurve


class Size:
    """Stands for a genome of which only the size is known."""

    def __init__(self, parameters: float) -> None:
        self.parameters = parameters


def read(path: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Learning curves float64 [curves, epochs], and the networks' parameters float64 [curves]."""
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return stored[name].astype(np.float64), stored["parameters"].astype(np.float64)
    found = []
    for individual in ne.load_run(path):
        curve = individual.info.get("curve")
        if curve and individual.status == "done" and curve["epochs"] == list(range(1, len(curve["train_loss"]) + 1)):
            kind = (individual.info["schedule"], "inherited" in individual.info, len(curve["epochs"]))
            scores = next(values for key, values in curve.items() if key not in ("train_loss", "epochs"))
            found.append((kind, scores, individual.genome.parameters))
    most = Counter(kind for kind, _, _ in found).most_common(1)[0][0]
    alike = [(scores, parameters) for kind, scores, parameters in found if kind == most]
    return np.array([scores for scores, _ in alike]), np.array([parameters for _, parameters in alike], np.float64)


def task(two: bool) -> Function:
    """A search for a low score, or for a low score and few parameters."""
    size = ne.Objective("parameters", "minimise", "cheap", of=lambda genome: genome.parameters)
    return Function(len, objectives={"score": ne.minimise, **({"parameters": size} if two else {})})


def ends(rule: str, curves: np.ndarray, parameters: np.ndarray, two: bool) -> np.ndarray:
    """After how many epochs each training ends: int64 [curves]."""
    total, last = curves.shape[1], np.full(len(curves), curves.shape[1])
    if rule == "successive_halving":
        alive, epochs = np.arange(len(curves)), 2
        while epochs < total:
            last[alive] = epochs
            alive = alive[np.argsort(curves[alive, epochs - 1], kind="stable")][: max(1, len(alive) // 3)]
            epochs = min(total, 3 * epochs)
        last[alive] = total
        return last
    if rule == "last_value":
        early, best = total // 5, 0
        for place in range(1, len(curves)):
            if curves[place, early - 1] > curves[best, early - 1]:
                last[place] = early
            elif curves[place, -1] < curves[best, -1]:
                best = place
        return last
    estimation, of_search = LearningCurve(Direct(), rule), task(two)
    estimation.start(of_search)
    for place, (scores, size) in enumerate(zip(curves.tolist(), parameters.tolist(), strict=True)):
        genome: Genome = Size(size)  # type: ignore[assignment]
        individual = Individual(place, genome, (-1.0, -1.0)[: 1 + two], names=tuple(of_search.objectives))
        stop = estimation.stop(individual, FULL)
        made = None if stop is None else rule_from_json(stop)
        for epoch in range(1, total) if made is not None else ():
            seen = Progress(epoch, total, total, range(1, epoch + 1), scores[:epoch], [0.0] * epoch)
            if made is not None and made.verdict(seen):
                last[place] = epoch
                break
        epochs = int(last[place])
        info = {"curve": {"train_loss": [], "epochs": list(range(1, epochs + 1)), "score": scores[:epochs]}, "schedule": total}
        values = np.array([[scores[epochs - 1], size][: 1 + two]])
        measured = Measurement(values, info=(info,))
        measured = measured if epochs == total else replace(measured, stopped={0: "stopped"})
        estimation.observe([Result(Trial(place, (individual,)), measured)])
    return last


def front(scores: np.ndarray, sizes: np.ndarray) -> list[int]:
    """Places of the non-dominated, of equal ones the first."""
    found: list[int] = []
    for place in np.lexsort((scores, sizes)).tolist():
        if not found or scores[place] < scores[found[-1]]:
            found.append(place)
    return found


def stopping(rule: str, curves: np.ndarray, parameters: np.ndarray, two: bool) -> dict[str, float]:
    last = ends(rule, curves, parameters, two)
    complete = last == curves.shape[1]
    kept = [complete[place] for place in (front(curves[:, -1], parameters) if two else [int(np.argmin(curves[:, -1]))])]
    return {"fewer": last.size * curves.shape[1] / float(last.sum()), "kept": float(np.mean(kept))}


def extrapolations(families: str, curves: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Errors, coverage and milliseconds of extrapolations."""
    total, final, found = curves.shape[1], curves[:, -1], {}
    order = rng.permutation(len(curves))
    teachers, others = order[: min(TAUGHT, len(order) // 2)], order[min(TAUGHT, len(order) // 2) :]
    lesson = learned(curves[teachers], range(1, total + 1), schedule=total, inherited=False, families=families, points=POINTS)
    for epoch in (epoch for epoch in EPOCHS if epoch < total):
        scores = lesson.compared(curves[:, :epoch])
        alone = extrapolate(scores, range(1, epoch + 1), total, families=families, scale=lesson.scale)
        corrected = lesson.extrapolated(scores[others], families)
        said, wanted = lesson.scores(alone.quantile(0.5)), lesson.compared(final)
        found[f"error_{epoch}"] = float(np.abs(said - final).mean())
        found[f"error_of_last_value_{epoch}"] = float(np.abs(curves[:, epoch - 1] - final).mean())
        found[f"median_error_{epoch}"] = float(np.median(np.abs(said - final)))
        found[f"median_error_of_last_value_{epoch}"] = float(np.median(np.abs(curves[:, epoch - 1] - final)))
        found[f"coverage_{epoch}"] = within(alone.below(wanted))
        found[f"corrected_coverage_{epoch}"] = within(corrected.below(wanted[others]))
    epoch = min(10, total - 1)
    for name, one in (("alone", curves[:1, :epoch]), ("together", curves[:, :epoch])):
        times = []
        for _ in range(200 if name == "alone" else 10):
            start = time.perf_counter()
            extrapolate(one, range(1, epoch + 1), total, families=families).below(final.min())
            times.append((time.perf_counter() - start) / len(one) * 1e3)
        found[f"milliseconds_{name}"] = float(np.median(times))
    return found


def within(probabilities: np.ndarray) -> float:
    """The share of final scores within the 90 % interval."""
    return float(((probabilities > 0.05) & (probabilities < 0.95)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--curves",
        type=Path,
        default=Path("../shared/data/nasbench_nlp_wikitext2_curves.npz"),
        help="an .npz file with learning curves, or a run's folder",
    )
    parser.add_argument("--scores", default="validation", help="the name of the curves in the .npz file")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES), help="which of them are tried")
    parser.add_argument("--draws", type=int, default=100, help="curves in a draw")
    parser.add_argument("--seeds", type=int, default=30, help="draws")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if not options.curves.exists():
        sys.exit(f"there are no learning curves at {options.curves}: give a file or a run's folder with --curves (see --help)")

    curves, parameters = read(options.curves, options.scores)
    console, ours, runs = Console(width=120), {}, []
    console.print(f"{len(curves)} curves of {curves.shape[1]} epochs")
    screen = Screen("rule", "times fewer epochs", "best kept", "with parameters: times fewer", "front kept")
    for rule in options.rules:
        found = []
        for seed in range(options.seeds):
            drawn = np.random.default_rng(seed).permutation(len(curves))[: options.draws]
            each = {}
            for name, two in (("", False), ("_two", True)):
                if not two or rule in ("power_law", "domhan"):
                    each |= {key + name: value for key, value in stopping(rule, curves[drawn], parameters[drawn], two).items()}
            found.append(each)
            runs.append({"rule": rule, "seed": seed, **each})
        means = {key: float(np.mean([each[key] for each in found])) for key in found[0]}
        ours |= {f"{rule}_{key}": value for key, value in means.items()}
        screen.add_row(rule, *(f"{means[key]:.2f}" if key in means else "" for key in ("fewer", "kept", "fewer_two", "kept_two")))
    console.print(screen)
    screen = Screen(
        "families",
        "epochs",
        "mean error",
        "of the last value",
        "median",
        "of the last value",
        "coverage",
        "corrected",
        "ms alone, together",
    )
    for families in [rule for rule in options.rules if rule in ("power_law", "domhan")]:
        each = extrapolations(families, curves, np.random.default_rng(0))
        ours |= {f"{families}_{key}": value for key, value in each.items()}
        for epoch in [epoch for epoch in EPOCHS if epoch < curves.shape[1]]:
            names = (
                "error",
                "error_of_last_value",
                "median_error",
                "median_error_of_last_value",
                "coverage",
                "corrected_coverage",
            )
            cost = f"{each['milliseconds_alone']:.3f}, {each['milliseconds_together']:.3f}"
            screen.add_row(families, str(epoch), *(f"{each[f'{name}_{epoch}']:.4f}" for name in names), cost)
    console.print(screen)
    if options.json:
        report = {
            "method": "early stopping by extrapolated learning curves",
            "paper": "Domhan, Springenberg & Hutter 2015; Golovin et al. 2017",
            "settings": {"curves": options.curves.name, "draws": min(options.draws, len(curves))},
            "seeds": options.seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
