"""What a user waits for before anything happens: the help, a run that is shown, and the first NEAT generation of an installation.

Each is a process of its own, and counts the processor seconds, user and system, of that process and of those that it ends: other load on the
machine makes a wait longer, but these hardly. `neuroevo --help`; `neuroevo show RUN` of a small search on digits; and one generation of NEAT
on XOR where no kernel is compiled yet (numba's cache is an empty folder). The medians of several rounds are printed, of the last one of few
rounds, since it takes long.

With `--before FOLDER`: the same by the build in that folder, a checkout, in turn with this one, and the medians of the ratios. Takes about
2 minutes on 2 cores, 5 with `--before`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = "from neuroevo.cli import main; main()"
GENERATION = """
import neuroevo as ne
from genomes import NeatSpace

CASES = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


def fitness(network):
    return (4 - abs(network(CASES)[:, 0] - [0, 1, 1, 0]).sum()) ** 2


ne.evolve(NeatSpace(inputs=2, outputs=1), fitness, seed={seed}, budget=ne.Budget(generations=1), progress=False)
"""
WHAT = {"help": "neuroevo --help", "show": "neuroevo show RUN", "generation": "first NEAT generation"}


def python(build: Path, code: str, *arguments: str, **variables: str) -> float:
    """Processor seconds of a Python process that runs `code` with a build.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    environment = {**os.environ, "PYTHONPATH": str(build), "PYTHONDONTWRITEBYTECODE": "", **variables}  # as of an installation
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, cwd=build, capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        raise RuntimeError(f"{' '.join([code.strip().splitlines()[0], *arguments])} failed with {build}:\n{done.stderr}")
    return after.children_user + after.children_system - before.children_user - before.children_system


def seconds(what: str, build: Path, run: Path, seed: int) -> float:
    """Processor seconds of one start."""
    if what == "help":
        return python(build, COMMAND, "--help")
    if what == "show":
        return python(build, COMMAND, "show", str(run))
    with tempfile.TemporaryDirectory() as empty:
        return python(build, GENERATION.format(seed=seed), NUMBA_CACHE_DIR=empty)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of the help and of a run that is shown")
    parser.add_argument("--generations", type=int, default=2, help="rounds of the first generation")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="compare with the build in this folder, a checkout")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="the run that is shown; made here where there is none")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    builds = {"now": Path(__file__).resolve().parents[1]}
    if options.before is not None:
        builds["before"] = options.before.resolve()
    ours: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = (options.run or Path(folder) / "digits").resolve()
        if not (run / "run.db").exists():
            searched = ("search", "digits", "--evaluations", "4", "--epochs", "1", "--evaluator", "serial", "--seed", str(options.seed))
            python(builds.get("before", builds["now"]), COMMAND, *searched, "--run", str(run))
        for build in builds.values():  # so that its bytecode is there
            python(build, COMMAND, "show", str(run))
        for what, said in WHAT.items():
            rounds = options.generations if what == "generation" else options.rounds
            took: dict[str, list[float]] = {name: [] for name in builds}
            for turn in range(rounds):
                for name in sorted(builds, reverse=turn % 2 == 1):  # each of them is first as often as second
                    took[name].append(seconds(what, builds[name], run, options.seed))
            ours[f"{what}_seconds"] = statistics.median(took["now"])
            line = f"{said:24s}{ours[f'{what}_seconds']:8.2f} s of processor time"
            if "before" in took:
                ours[f"{what}_ratio"] = statistics.median(now / then for now, then in zip(took["now"], took["before"], strict=True))
                line += f", {ours[f'{what}_ratio']:.2f} of before ({statistics.median(took['before']):.2f} s)"
            print(line, flush=True)
    if options.json:
        settings = {"rounds": options.rounds, "generations": options.generations}
        report = {"method": "start", "settings": settings, "seeds": [options.seed], "ours": ours}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
