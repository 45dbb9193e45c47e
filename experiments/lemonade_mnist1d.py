"""LEMONADE on MNIST-1D: a front of small one-dimensional convolutional networks (Elsken, Metzen & Hutter 2019; Greydanus & Kobak 2024).

MNIST-1D are 5,000 synthetic signals of 40 steps in ten classes, made by the data set's own program; its authors report 94 % test accuracy
for their convolutional network of 5,210 parameters (68 % for an MLP, 32 % for logistic regression). The search sees 60 % of the signals for
training and 20 % for validation; the test part is looked at once, at the end. `--final-epochs` trains the chosen network (best validation
error with fewer parameters than that network) to the end on both parts. Takes about 10 minutes a seed on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import neuroevo as ne
from neuroevo.deploy.final import train_to_the_end
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.inheritance import inheritance_report, inheritance_table
from neuroevo.report.text import run_json, run_table

PUBLISHED = {"test_accuracy": 0.94, "parameters": 5210}


def search(seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    task = ne.tasks.Classification("mnist1d", objectives=("error", f"parameters<{options.max_parameters}"), seed=seed)
    run = ne.evolve(
        task.default_space(starter_parameters=(300, 5_000)),
        task,
        strategy=ne.strategies.Lemonade(population=options.population, proposals=4 * options.accepted, accepted=options.accepted),
        estimation=FullTraining(distil=options.distil),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=folder / f"mnist1d-{seed}",
    )
    finish(run)
    print(run_table(run))
    print(inheritance_table(run))
    smaller = [member for member in run_json(run)["front"] if member["parameters"] < PUBLISHED["parameters"]]
    chosen = min(smaller, key=lambda member: member["validation"]["error"])
    individual = run[chosen["id"]]
    found = {
        "seed": seed,
        "test_accuracy": 1 - chosen["test"]["error"],
        "parameters": chosen["parameters"],
        "seconds": run.seconds,
    }
    _, exact = inheritance_report(run)
    found |= {"exact_children": exact.children, "exact_children_near": exact.near} if exact else {}
    if options.final_epochs:
        weights = individual.artifact.load() if individual.artifact is not None else None
        final = train_to_the_end(individual.genome, task, weights=weights, epochs=options.final_epochs, augment=False, seed=seed)
        found["final_test_accuracy"] = 1 - final.after["error"]
        print(f"network {individual.id} trained {options.final_epochs} epochs more on train + validation: test accuracy ", end="")
        print(f"{found['final_test_accuracy']:.2%}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--evaluations", type=int, default=80, help="networks trained, the first population included")
    parser.add_argument("--population", type=int, default=8, help="networks trained from scratch at first")
    parser.add_argument("--accepted", type=int, default=8, help="children trained a generation, of four times as many proposals")
    parser.add_argument("--max-parameters", type=int, default=20_000)
    parser.add_argument("--distil", type=int, default=1, help="epochs of distillation after an operator that is not exact")
    parser.add_argument("--final-epochs", type=int, default=40, help="of the chosen network at the end; 0: none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    with tempfile.TemporaryDirectory() as temporary:
        runs = [search(seed, options, options.run or Path(temporary)) for seed in seeds]
    names = [name for name in ("test_accuracy", "parameters", "final_test_accuracy") if name in runs[0]]
    ours = {f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in names}
    print(f"\nbest by validation with fewer parameters than the published network, mean of {len(runs)} seeds (published):")
    for name, value in ours.items():
        published = PUBLISHED.get(name.removeprefix("mean_"))
        print(f"{name:28s}{value:10.4g}" + (f"   ({published:g})" if published is not None else ""))
    if options.json:
        settings = ("evaluations", "population", "accepted", "max_parameters", "distil", "final_epochs")
        report = {
            "method": "LEMONADE on MNIST-1D",
            "paper": "Elsken, Metzen & Hutter 2019; baseline: Greydanus & Kobak 2024",
            "settings": {name: getattr(options, name) for name in settings},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
