"""How long `neuroevo report` takes for a run of 10,000 individuals, and how large its page is.

A run of layer graphs is made first (nothing is trained: the error is a formula of the genome, so it takes a minute and little memory; a
run made before is used again). Then the command is started as a user would start it: the seconds count Python's start, the loading of the
run, the drawings of the front and the writing. Processor seconds are given beside the clock's, which other work on the machine disturbs.
The targets: under 5 s and under 15 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes import NetworkSpace
from genomes.base import Genome
from neuroevo import strategies
from neuroevo.core.objectives import Objective
from neuroevo.tasks.base import Context, Task


class Formula(Task):
    """An error that falls with the number of parameters, with noise that is the genome's own; one genome in seventy fails."""

    def __init__(self) -> None:
        self.objectives = {"error": Objective("error"), "parameters": Objective("parameters", log=True)}

    def phenotype(self, genome: Genome) -> Genome:
        return genome

    def score(self, phenotype: Any, context: Context) -> dict[str, float]:
        noise = np.random.default_rng(zlib.crc32(phenotype.key().encode())).normal()
        if noise > 2.2:
            raise ValueError("the training loss became NaN in epoch 3")
        return {"error": 0.02 + 2 / phenotype.parameters**0.5 * float(np.exp(0.15 * noise)), "parameters": phenotype.parameters}


def make(folder: Path, individuals: int, seed: int) -> None:
    """The run that is reported."""
    if (folder / "run.db").exists() and ne.load_run(folder, lazy=True).evaluations == individuals:
        return
    print(f"making a run of {individuals:,} individuals ...", flush=True)
    ne.evolve(
        NetworkSpace(input_shape=(8, 8, 1), outputs=10),
        Formula(),
        strategy=strategies.Nsga2(population=100),
        budget=ne.Budget(evaluations=individuals),
        seed=seed,
        run=folder,
        progress=False,
    )


def report(folder: Path) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "neuroevo.cli.main", "report", str(folder)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--individuals", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, help="where to keep the run (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.run or Path(temporary) / "run"
        make(folder, options.individuals, options.seed)
        runs = [report(folder) for _ in range(options.repeats)]
        megabytes = (folder / "report.html").stat().st_size / 1e6
    clock, processor = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"{'individuals':>12s}{'seconds':>10s}{'fastest':>10s}{'processor':>11s}{'MB':>8s}")
    print(f"{options.individuals:12,d}{clock:10.2f}{min(s for s, _ in runs):10.2f}{processor:11.2f}{megabytes:8.2f}")
    if options.json:
        numbers = {"seconds": clock, "processor_seconds": processor, "megabytes": megabytes}
        result = {
            "method": "neuroevo report",
            "paper": None,
            "settings": {"individuals": options.individuals, "repeats": options.repeats},
            "seeds": [options.seed],
            "published": {},
            "ours": numbers,
            "runs": [{"seconds": s, "processor_seconds": p} for s, p in runs],
        }
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
