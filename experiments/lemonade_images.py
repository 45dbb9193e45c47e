"""LEMONADE on images: any `keras.datasets` name, `.npz` file or folder with one sub-folder a class (Elsken, Metzen & Hutter 2019).

Published on CIFAR-10, for orientation: 4.57 % error with 0.5 million parameters, 3.69 % with 1.1 million, after 80 GPU-days on 50,000 images.
Two cheap objectives, parameters and multiply-adds, guide the density sampling. The whole search may spend `--epochs` training epochs, first
population and distillation included. With `--final-epochs` the network with the best validation error and the best one under `--small`
parameters are trained to the end on train + validation data, as a user would before using them; test data is looked at only then and for
the front. On 10,000 MNIST images the defaults take about 15 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import neuroevo as ne
from neuroevo.deploy.final import train_to_the_end
from neuroevo.estimation import FullTraining
from neuroevo.estimation.training import FROM_SCRATCH, INHERITED
from neuroevo.report.finish import finish
from neuroevo.report.inheritance import inheritance_report, inheritance_table
from neuroevo.report.text import run_json, run_table

PUBLISHED = {"cifar10_error_half_million": 0.0457, "cifar10_error_1.1_million": 0.0369}


def search(seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    task = ne.tasks.Classification(
        options.data, objectives=("error", f"parameters<{options.max_parameters}", f"flops<{options.max_flops}"), seed=seed
    )
    first = options.population * options.scratch_epochs
    run = ne.evolve(
        task.default_space(starter_parameters=(1_000, options.max_parameters // 4), max_parameters=options.max_parameters),
        task,
        strategy=ne.strategies.Lemonade(population=options.population, proposals=4 * options.accepted, accepted=options.accepted),
        estimation=FullTraining(
            recipe=replace(FROM_SCRATCH, epochs=options.scratch_epochs),
            inherited=replace(INHERITED, epochs=options.child_epochs),
            distil=options.distil,
        ),
        budget=ne.Budget(evaluations=options.population + (options.epochs - first) // (options.child_epochs + options.distil)),
        seed=seed,
        workers=options.workers,
        run=folder / f"{Path(options.data).stem}-{seed}",
    )
    finish(run)
    print(run_table(run))
    print(inheritance_table(run))
    front = run_json(run)["front"]
    spent = sum(individual.info.get("epochs", 0) for individual in run)
    print(f"{spent} training epochs")
    found: dict[str, float] = {"seed": seed, "epochs": spent, "seconds": run.seconds, "front": len(front)}
    _, exact = inheritance_report(run)
    found |= {"exact_children": exact.children, "exact_children_near": exact.near} if exact else {}
    small = [member for member in front if member["parameters"] < options.small]
    for name, members in (("best", front), ("small", small)):
        if not members:
            continue
        chosen = min(members, key=lambda member: member["validation"]["error"])
        found |= {f"{name}_test_error": chosen["test"]["error"], f"{name}_parameters": chosen["parameters"]}
        if options.final_epochs:
            individual = run[chosen["id"]]
            final = train_to_the_end(
                individual.genome,
                task,
                weights=individual.artifact.load() if individual.artifact is not None else None,
                epochs=options.final_epochs,
                augment=options.augment,
                seed=seed,
            )
            found[f"{name}_final_test_error"] = final.after["error"]
            print(
                f"{name}: network {chosen['id']}, {chosen['parameters']:,} parameters: test error {chosen['test']['error']:.2%} after the ",
                end="",
            )
            print(f"search, {final.after['error']:.2%} after {options.final_epochs} epochs more on train + validation")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist", help="a keras.datasets name, a .npz file or a folder of images")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 1 to this")
    parser.add_argument("--epochs", type=int, default=250, help="training epochs of the whole search")
    parser.add_argument("--scratch-epochs", type=int, default=10, help="of a network of the first population")
    parser.add_argument("--child-epochs", type=int, default=4, help="of a child")
    parser.add_argument("--distil", type=int, default=1, help="epochs of distillation after an operator that is not exact")
    parser.add_argument("--population", type=int, default=6, help="networks trained from scratch at first")
    parser.add_argument("--accepted", type=int, default=6, help="children trained a generation, of four times as many proposals")
    parser.add_argument("--max-parameters", type=int, default=100_000)
    parser.add_argument("--max-flops", type=int, default=2_000_000, help="multiply-adds of the largest network, for one image")
    parser.add_argument("--small", type=int, default=10_000, help="the best network under so many parameters is reported too")
    parser.add_argument("--final-epochs", type=int, default=20, help="of the chosen networks at the end; 0: none")
    parser.add_argument("--augment", action="store_true", help="shift and stretch the images in that last training")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.epochs <= options.population * options.scratch_epochs:
        parser.error("--epochs must be more than the first population costs: --population times --scratch-epochs")

    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    with tempfile.TemporaryDirectory() as temporary:
        runs = [search(seed, options, options.run or Path(temporary)) for seed in seeds]
    if options.json:
        settings = {
            key: str(value) for key, value in vars(options).items() if key not in ("json", "run", "workers", "seed", "seeds")
        }
        names = [name for name in runs[0] if name.endswith(("error", "parameters", "near"))]
        report = {
            "method": "LEMONADE on images",
            "paper": "Elsken, Metzen & Hutter 2019",
            "settings": settings,
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": {f"mean_{name}": sum(run[name] for run in runs) / len(runs) for name in names},
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
