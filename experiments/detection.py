"""Feature pyramids searched for scattered digits: who finds the wiring with the best average precision among equally many networks?

The space is NAS-FPN's (Ghiasi, Lin & Le 2019) on three levels: five merging cells between a small backbone and FCOS's head, about 64,000 parameters.
`fixed`: no search; the hand-made top-down pyramid (Lin et al. 2017), and NAS-FPN's published wiring mapped to three levels. `random`: random
search. `evolution`: regularized evolution whose children start from their parents' weights and are trained for half as many epochs. `ppo`: an
LSTM controller that learns by PPO, as NAS-FPN's did. `stacks`: NAS-FPN's published wiring and the one that evolution found (where `evolution` is
asked for, too), repeated one, two and three times, trained from scratch; `--stack-epochs 24` trains these for longer.

The backbone's space is DetNAS's (Chen et al. 2019) at this size, four blocks of ShuffleNetV2's kind with kernels of 3, 5, 7 or Xception's at each place.
`supernet`: one shared network is trained, one path a step; evolution (20 individuals, 10 generations) searches on its scores, and the best is trained
again from scratch. `supernet_random`: as many random ones are scored by the same kind of shared network. `shufflenet`: no search, ShuffleNetV2's own
choice.

The network is chosen by validation average precision (AP, .50 to .95) and tested once on 500 images. `first 10` and `last 10` are the mean
validation APs of the networks in the order of asking, `by half` the best validation AP by half of the epochs that as many networks from scratch take. A network of 12 epochs on 1,000 images takes about 25 seconds of a processor, a seed of
all methods with 40 networks each about an hour on one; `--methods`, `--train`, `--epochs` and `--candidates` take less. With `--run` the same command goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import neuroevo as ne
from genomes import BackboneSpace, Genome, PyramidSpace
from neuroevo import strategies
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Evaluation, Trial
from neuroevo.data import Part, load
from neuroevo.estimation import SharedTraining
from neuroevo.evaluators.base import Work
from neuroevo.tasks import Context, Detection

FIXED = {  # networks that are not searched, by method; the first is `ap_fixed`
    "fixed": ("fpn", "nas_fpn"), "stacks": tuple([f"nas_fpn_{times}" for times in (1, 2, 3)]), "shufflenet": ("shufflenet_v2",)
}  # fmt: skip
METHODS = (*FIXED, "random", "evolution", "ppo", "supernet", "supernet_random")
PUBLISHED = {
    "nas_fpn": "Ghiasi, Lin & Le 2019: COCO AP 48.3 (7 repeats, width 384, AmoebaNet); about 10,000 networks were trained",
    "fpn_to_nas_fpn": "the same, ResNet-50 at 640 pixels (as reported by later code): 37.9 to 40.5",
}
FIRST = (1 << 61) + 1  # ids of the fixed networks' trainings


def task_of(options: argparse.Namespace, seed: int) -> Detection:
    """The task, with as many training images as are asked for."""
    task = Detection("scattered_digits", ("ap", "parameters"), seed=seed)
    data = load("scattered_digits", seed=seed)
    task.dataset = replace(data, train=Part(data.train.x[: options.train], data.train.y[: options.train]))
    return task


def strategy(method: str, options: argparse.Namespace) -> strategies.Strategy:
    if method.startswith("supernet"):
        proposals = strategies.RandomSearch(batch=20) if method == "supernet_random" else strategies.GeneticAlgorithm(population=20)
        return strategies.SharedWeights(proposals, candidates=options.scored, finalists=1, epochs=options.shared_epochs)
    if method == "evolution":
        return strategies.RegularizedEvolution(population=10, sample=5, deduplicate="key", inheritance="lamarckian")
    if method == "ppo":
        return strategies.Reinforce(
            policy="lstm", rule="ppo", hidden=100, layers=1, initial=0.1, learning_rate=0.005, batch=4, passes=6, baseline=0.95,
            entropy=1e-5, attention="none",
        )  # fmt: skip
    return strategies.RandomSearch(batch=4)


def trained(task: Detection, genome: Genome, number: int, seed: int, epochs: int | None) -> dict[str, float]:
    """The scores of a genome's network, trained from scratch as the candidates are."""
    individual = Individual(FIRST + number, genome, [o.weight for o in task.objectives.values()], names=tuple(task.objectives))
    measured = Work(task, task.trained(epochs), Context(seed=seed))(Trial(FIRST + number, (individual,)))
    if measured.reasons:
        raise ValueError(measured.reasons[0])
    individual.take(Evaluation(FIRST + number, FIRST + number, tuple(np.asarray(measured.values)[0].tolist())), measured.artifacts[0])
    return {"validation_ap": individual.values["ap"], "test_ap": task.test_scores(individual.model())["ap"], "parameters": genome.parameters}


def spaces_of(task: Detection) -> tuple[PyramidSpace, BackboneSpace]:
    shape = task.dataset.input_shape
    return PyramidSpace.for_data(shape, len(task.dataset.label_names)), BackboneSpace.for_data(shape, len(task.dataset.label_names))


def fixed(method: str, seed: int, options: argparse.Namespace, wirings: dict[str, Genome]) -> list[dict[str, Any]]:
    """Networks that are not searched.

    Args:
        wirings: for `stacks`, further pyramids, by name.
    """
    task = task_of(options, seed)
    pyramids, backbones = spaces_of(task)
    made: dict[str, Genome] = {name: getattr(pyramids, name)() for name in FIXED["fixed"]} | {"shufflenet_v2": backbones.shufflenet_v2()}
    for name, genome in {"nas_fpn": pyramids.nas_fpn(), **wirings}.items():
        for times in (1, 2, 3):
            made[f"{name}_{times}"] = replace(pyramids, stacks=times).build(pyramids.decisions(genome))
    found = []
    for number, name in enumerate([*FIXED[method], *(f"{name}_{times}" for name in wirings for times in (1, 2, 3))]):
        epochs = options.stack_epochs if method == "stacks" else None
        kept = options.run and options.run / f"{method}-{name}-{seed}{f'-{epochs}' if epochs else ''}.json"
        if kept and kept.exists():
            found.append(json.loads(kept.read_text()))
            continue
        start = time.monotonic()
        scores = trained(task, made[name], number, seed, epochs or options.epochs)
        found.append({"method": method, "network": name, "seed": seed, **scores, "seconds": time.monotonic() - start})
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found[-1]))
    return found


def search(method: str, seed: int, options: argparse.Namespace) -> tuple[dict[str, Any], Genome]:
    """What a search found, and the genome of its best network."""
    task = task_of(options, seed)
    pyramids, backbones = spaces_of(task)
    shared = method.startswith("supernet")
    run = ne.evolve(
        backbones if shared else pyramids,
        task,
        strategy=strategy(method, options),
        estimation=SharedTraining(epochs=options.epochs) if shared else task.trained(options.epochs),
        budget=ne.Budget(evaluations=options.scored + 40 if shared else options.candidates),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{method}-{seed}",
        progress=True,
    )
    best = run.best
    trained = [] if shared else [one for one in run if one.status == "done"]  # shared scores are no APs of trained networks
    found = [one.values["ap"] for one in trained]
    outcome = {
        "method": method,
        "seed": seed,
        "failures": run.failures,
        "validation_ap": best.values["ap"],
        "test_ap": task.test_scores(best.model())["ap"],
        "parameters": best.genome.parameters,
        "epochs": run.epochs,
        "seconds": run.seconds,
    }
    if found:
        spent = np.cumsum([one.info["epochs"] for one in trained])
        half = options.candidates * trained[0].info["epochs"] / 2  # of the epochs that as many networks from scratch take
        outcome |= {"first_10": statistics.fmean(found[:10]), "last_10": statistics.fmean(found[-10:])}
        outcome["validation_ap_half"] = max(ap for ap, epochs in zip(found, spent, strict=True) if epochs <= half)
    return outcome, best.genome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--train", type=int, default=1000, help="images to train on")
    parser.add_argument("--epochs", type=int, help="of a network; by default 12 at 1,000 images, and half as many for one that inherits")
    parser.add_argument("--stack-epochs", type=int, help="the same of the networks of `stacks`")
    parser.add_argument("--scored", type=int, default=200, help="backbones that are scored on a shared network")
    parser.add_argument("--shared-epochs", type=int, default=40, help="of the shared network")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs: list[dict[str, Any]] = []
    ours: dict[str, float] = {}
    screen = Table("method", "test AP", "mean", "validation AP", "by half", "parameters", "first 10", "last 10", "seconds")
    wirings: dict[int, dict[str, Genome]] = {seed: {} for seed in seeds}
    for method in sorted(options.methods, key=lambda method: method == "stacks"):  # last: it takes what evolution found
        for seed in seeds:
            if method in FIXED:
                runs += fixed(method, seed, options, wirings[seed] if method == "stacks" else {})
            else:
                outcome, genome = search(method, seed, options)
                runs.append(outcome)
                if method == "evolution":
                    wirings[seed] = {"found": genome}
        for name in dict.fromkeys(one.get("network", method) for one in runs if one["method"] == method):
            mine = [one for one in runs if one.get("network", one["method"]) == name]
            ours[f"ap_{'fixed' if name == FIXED['fixed'][0] else name}"] = statistics.fmean(one["test_ap"] for one in mine)
            screen.add_row(
                name,
                ", ".join(f"{one['test_ap']:.3f}" for one in mine),
                f"{statistics.fmean(one['test_ap'] for one in mine):.3f}",
                ", ".join(f"{one['validation_ap']:.3f}" for one in mine),
                ", ".join(f"{one['validation_ap_half']:.3f}" for one in mine if "validation_ap_half" in one),
                ", ".join(f"{one['parameters']:,}" for one in mine),
                ", ".join(f"{one['first_10']:.3f}" for one in mine if "first_10" in one),
                ", ".join(f"{one['last_10']:.3f}" for one in mine if "last_10" in one),
                f"{sum(one['seconds'] for one in mine):.0f}",
            )
    Console(width=130).print(screen)
    if options.json:
        report = {
            "method": "detectors of scattered digits: pyramids by random search, evolution with inheritance, PPO; backbones by a shared network",
            "paper": "Ghiasi, Lin & Le 2019 (NAS-FPN); Chen et al. 2019 (DetNAS)",
            "settings": {name: value for name, value in vars(options).items() if name not in ("json", "run")},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
