"""How networks for tables are best trained: recipes beside each other, on the tables of `tables.py`, the same networks from scratch, by five folds.

Random networks of the space of tables (`--networks`, the same for every recipe) are trained on four fifths of the rows that are not for the test, five
times, and asked about the rest. Of each recipe: the loss (cross-entropy, or the squared error of normalised values) as a share of that by the usual
recipe of images, the mean over networks and of the best network; geometric means over tables. The tables' recipe was chosen on the split of seed
101, which no other benchmark uses: another seed says what it is worth. A table that cannot be folded, since a text became the mean of the target, is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from tables import TABLES, WHEELS, table, task_of

from neuroevo.train.recipe import FROM_SCRATCH, TABLE, Recipe

USUAL = "images"
RECIPES: dict[str, Recipe] = {
    USUAL: FROM_SCRATCH,
    "tables": TABLE,
    "more decay": replace(TABLE, weight_decay=3 * TABLE.weight_decay),
    "less decay": replace(TABLE, weight_decay=TABLE.weight_decay / 3),
    "twice the rate": replace(TABLE, learning_rate=2 * TABLE.learning_rate),
    "half the rate": replace(TABLE, learning_rate=TABLE.learning_rate / 2),
    "images, more decay": replace(FROM_SCRATCH, weight_decay=5 * FROM_SCRATCH.weight_decay),
}
FOLDS = 5


def losses(name: str, recipe: str, networks: int, seed: int, cache: Path) -> list[float]:
    """By folds, of each network; NaN of one whose training diverged."""
    from neuroevo.deploy.folds import validate_by_folds

    task = task_of(name, seed, cache)
    space, found = task.default_space(), []
    for number in range(networks):
        genome = space.random(np.random.Generator(np.random.Philox(key=[seed, number])))
        try:
            found.append(validate_by_folds(genome, task, RECIPES[recipe], FOLDS, seed).scores["loss"])
        except ValueError:
            found.append(float("nan"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neuroevo-tables", help="keeps the tables")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    recipes = list(dict.fromkeys([USUAL, *options.recipes]))
    from neuroevo.tasks.folding import hindered

    names = []
    for name in options.tables:
        table(name, options.cache)
        if reason := hindered(task_of(name, options.seed, options.cache)):
            print(f"left out: {name}: {reason}")
        else:
            names.append(name)
    jobs = [(name, recipe) for name in names for recipe in recipes]
    with ProcessPoolExecutor(options.workers) as pool:
        arguments = [(name, recipe, options.networks, options.seed, options.cache) for name, recipe in jobs]
        found = dict(zip(jobs, pool.map(losses, *zip(*arguments, strict=True)), strict=True))
    print(f"{'':22s}{'mean':>7s}{'best':>7s}  of each table: mean/best")
    ours: dict[str, float] = {}
    for recipe in recipes:
        shares = {
            name: [float(of(found[name, recipe]) / of(found[name, USUAL])) for of in (np.nanmean, np.nanmin)] for name in names
        }
        mean, best = np.exp(np.log(list(shares.values())).mean(axis=0))
        ours |= {f"mean_{recipe}": float(mean), f"best_{recipe}": float(best)}
        print(f"{recipe:22s}{mean:7.3f}{best:7.3f}  {', '.join(f'{name} {a:.2f}/{b:.2f}' for name, (a, b) in shares.items())}", flush=True)
    if options.json:
        made = {
            "method": "recipes for tables",
            "settings": {"tables": names, "networks": options.networks, "folds": FOLDS, "packages": WHEELS},
            "seeds": [options.seed],
            "ours": ours,
            "runs": [{"table": name, **{recipe: found[name, recipe] for recipe in recipes}} for name in names],
        }
        options.json.write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
