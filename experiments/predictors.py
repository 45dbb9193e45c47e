"""Predictors of scores on NAS-Bench-201: how well they rank cells that nobody trained, from 50 and from 200 that were (Dong & Yang 2020).

Each seed draws other cells to fit on, and others to predict. Reported are Spearman's rank correlation of the predicted means with the scores,
and the share of the scores within the 90 % interval of the prediction. The score is the logarithm of the validation error after 200 epochs:
errors lie between 8 and 90 %, most of them below 15.

The table is a CSV file (`--table`), with a row for each cell: `ops` (six digits, one an edge) and the accuracy named by `--signal`.
A Gaussian process with Weisfeiler-Lehman features, optimal transport ("nasbot": with the kernel of Kandasamy et al. 2018), the edit distance
(also squared, and between Bourgain embeddings as in Jin, Song & Hu 2019) or Hamming distances; and BANANAS's ensemble (White, Neiswanger
& Savani 2021) on paths or on decisions; PNAS's LSTMs and its MLPs on averages over the blocks (Liu et al. 2018). `--predictors wl otmann --seeds 5` takes half a minute, all of them with 30 seeds half an hour
("nasbot" half of it) on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Screen

import neuroevo as ne
from genomes import CellGenome, CellSpace
from genomes.distances import Edit
from neuroevo.predictors import Ensemble, GaussianProcess, LstmEnsemble, Neighbours, Predictor, Term, held_out

PREDICTORS: dict[str, Callable[[], Predictor]] = {
    "neighbours": Neighbours,
    "wl": GaussianProcess,
    "otmann": lambda: GaussianProcess("otmann"),
    "edit": lambda: GaussianProcess("edit"),
    "edit_squared": lambda: GaussianProcess(Term((Edit(),), 2)),
    "edit_embedded": lambda: GaussianProcess(Term((Edit(),), 2), embedding=True),
    "nasbot": lambda: GaussianProcess("nasbot"),
    "hamming": lambda: GaussianProcess("hamming"),
    "ensemble_paths": Ensemble,
    "ensemble_decisions": lambda: Ensemble("decisions"),
    "lstm": LstmEnsemble,
    "mlp_blocks": lambda: Ensemble("blocks", layers=1, width=100),
}


def read(table: Path, signal: str) -> tuple[list[CellGenome], np.ndarray]:
    """Every cell of the benchmark, and the logarithm of its error: float64 [cells]."""
    rows = ne.tasks.Table(table, key="ops", signal=signal).rows()
    space = CellSpace()
    genomes = [space.build([int(digit) for digit in ops]) for ops in rows]
    return genomes, np.log([100.0 - accuracy for (accuracy,) in rows.values()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--table", type=Path, default=Path("../shared/data/nb201_cifar10.csv.gz"), help="CSV file of the benchmark"
    )
    parser.add_argument(
        "--predictors", nargs="+", choices=list(PREDICTORS), default=list(PREDICTORS), help="which of them are fitted"
    )
    parser.add_argument("--signal", default="c10_val200", help="the column of accuracies, in per cent")
    parser.add_argument("--fitted", type=int, nargs="*", default=[50, 200], help="cells to fit on")
    parser.add_argument("--held-out", type=int, default=1000, help="cells to predict")
    parser.add_argument("--seeds", type=int, default=30, help="draws of cells")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if not options.table.is_file():
        sys.exit(f"there is no table at {options.table}: give the benchmark's CSV file with --table (its columns: see --help)")

    genomes, values = read(options.table, options.signal)
    ours: dict[str, float] = {}
    runs = []
    screen = Screen("predictor", "fitted on", "rank correlation", "deviation", "coverage of 90 %")
    for name, make in [(name, PREDICTORS[name]) for name in options.predictors]:
        for fitted in options.fitted:
            found = []
            for seed in range(options.seeds):
                drawn = np.random.default_rng(seed).permutation(len(genomes))[: fitted + options.held_out]
                each = held_out(make(), [genomes[i] for i in drawn], values[drawn], fitted=fitted, seed=seed)
                found.append((each.rank_correlation, each.coverage))
                runs.append(
                    {
                        "predictor": name,
                        "fitted": fitted,
                        "seed": seed,
                        "rank_correlation": found[-1][0],
                        "coverage": found[-1][1],
                    }
                )
            ranks, covered = np.mean(found, axis=0).tolist()
            ours[f"{name}_rank_correlation_{fitted}"], ours[f"{name}_coverage_{fitted}"] = ranks, covered
            screen.add_row(name, str(fitted), f"{ranks:.3f}", f"{np.std(found, axis=0)[0]:.3f}", f"{covered:.3f}")
    Console(width=110).print(screen)
    if options.json:
        report = {
            "method": "predictors of scores on NAS-Bench-201",
            "paper": "Dong & Yang 2020; Kandasamy et al. 2018; Jin, Song & Hu 2019; White, Neiswanger & Savani 2021; Dudani 1976",
            "settings": {
                "signal": f"log error of {options.signal}",
                "held_out": options.held_out,
                **{name: PREDICTORS[name]().settings() for name in options.predictors},
            },
            "seeds": options.seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
