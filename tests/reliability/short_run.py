"""A search of a few seconds that is killed and resumed by the tests: `python short_run.py FOLDER STRATEGY [WORKERS] [POINT COUNT]`.

With POINT and COUNT the process kills itself at the COUNT-th passing of a named point around a commit or a file's rename (`POINTS`).

`python short_run.py --serve` imports everything once and then starts a process for each line of these arguments that it reads, so that
hundreds of searches need not wait for hundreds of imports; for the line "wait PROCESS" it says how that one ended.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import neuroevo as ne
from genomes import CellSpace, NeatSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.testing.evaluator import NumberSpace

STRATEGIES = {
    "nsga2": lambda: strategies.Nsga2(population=20),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=20, sample=5),
    "random_search": lambda: strategies.RandomSearch(),
}
EVALUATIONS = {
    "neat": 20 * 64, "lemonade": 96, "nsga2": 900, "regularized_evolution": 900, "halving": 150, "steady_halving": 120, "shared": 80,
}  # fmt: skip
POINTS = (
    "before a commit", "after a commit", "before a rename", "after a rename", "before an fsync", "before a file is deleted",
    "before a state", "after a state", "before an evaluation is recorded", "after an evaluation is recorded",
    "after trials are recorded as pending", "after pending trials are committed", "between an artifact's file and its row",
    "between a batch's last evaluation and the tell",
)  # fmt: skip


def fitness(genome):
    """Depends on the genome alone, and takes a millisecond."""
    time.sleep(0.001)
    digits = [int(digit) for digit in genome.table_key]
    return {"loss": sum((digit - 2.5) ** 2 for digit in digits) / 7.0, "size": float(genome.parameters)}


@ne.population_fitness
def xor(population):
    """NEAT's first task; the whole population at once, in a tenth of a second."""
    import numpy as np

    time.sleep(0.1)
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    return 4.0 - np.abs(population(inputs)[:, :, 0] - np.array([0, 1, 1, 0])).sum(axis=1)


def xor_of_one(network):
    """The same, network by network."""
    import numpy as np

    time.sleep(0.001)
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    return 4.0 - float(np.abs(network(inputs)[:, 0] - np.array([0, 1, 1, 0])).sum())


def search(folder: str | None, strategy: str, workers: int = 1, evaluations: int | None = None, **options) -> ne.Run:
    options = {"seed": 3, "run": folder, "progress": False, **({} if "evaluator" in options else {"workers": workers}), **options}
    options["budget"] = ne.Budget(evaluations=evaluations or EVALUATIONS.get(strategy, 900))
    if strategy in ("neat", "neat_one_by_one"):
        task = xor if strategy == "neat" else xor_of_one
        return ne.evolve(NeatSpace(inputs=2, outputs=1), task, strategy=strategies.Neat(population=64), **options)
    if strategy == "lemonade":
        sys.path.insert(0, str(Path(__file__).parent))
        from tiny_training import TinyTask, TinyTraining

        space = NetworkSpace((8,), outputs=3, starter_parameters=(50, 2000), max_parameters=20_000)
        made = strategies.Lemonade(population=8, proposals=16, accepted=8)
        return ne.evolve(space, TinyTask(), strategy=made, estimation=TinyTraining(0.005), **options)
    if strategy in ("halving", "steady_halving", "shared"):
        return checkpointed_search(strategy, options)
    objectives = {"loss": ne.minimise, "size": ne.minimise}
    return ne.evolve(CellSpace(), ne.tasks.Function(fitness, objectives, of="genome"), strategy=STRATEGIES[strategy](), **options)


def checkpointed_search(strategy: str, options) -> ne.Run:
    """Several trials an individual, each from the checkpoint of the one before; or trials without individuals."""
    sys.path.insert(0, str(Path(__file__).parent))
    from tiny_halving import Descent, Epochs, Loss, Rungs, Shared, SteadyRungs

    if strategy == "shared":
        return ne.evolve(NumberSpace(), Loss(), strategy=Epochs(together=True), estimation=Shared(0.005), **options)
    if strategy == "steady_halving":
        options["schedule"] = "asynchronous"
    made = Rungs(candidates=12) if strategy == "halving" else SteadyRungs()
    return ne.evolve(NumberSpace(), Loss(), strategy=made, estimation=Descent(0.002), **options)


def kill_at(point: str, count: int) -> Counter[str]:
    """Kill this process at the `count`-th passing of a point ("none": only count the passings of each)."""
    import neuroevo.core.files as files
    import neuroevo.store.store as stores
    from neuroevo.run.asynchronous import AsynchronousLoop
    from neuroevo.run.loop import Loop
    from neuroevo.store import Store

    left, passed = [count], Counter[str]()

    def passing(name: str) -> None:
        if not name:
            return
        passed[name] += 1
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(owner, method: str, before: str, after: str = "") -> None:
        original = getattr(owner, method)

        def wrapped(*arguments, **named):
            passing(before)
            answer = original(*arguments, **named)
            passing(after)
            return answer

        setattr(owner, method, wrapped)

    assert point in (*POINTS, "none"), point
    around(Store, "commit", "before a commit", "after a commit")
    around(Store, "save_state", "before a state", "after a state")
    around(Store, "evaluated", "before an evaluation is recorded", "after an evaluation is recorded")
    around(Store, "population", "before an evaluation is recorded", "after an evaluation is recorded")
    around(files.os, "replace", "before a rename", "after a rename")
    around(files.os, "fsync", "before an fsync")
    around(Path, "unlink", "before a file is deleted")
    around(Loop, "_record", "", "after trials are recorded as pending")
    around(Loop, "_split", "", "after pending trials are committed")
    around(stores, "write_whole", "", "between an artifact's file and its row")
    around(Loop, "_tell", "between a batch's last evaluation and the tell")
    around(AsynchronousLoop, "_tell_one", "between a batch's last evaluation and the tell")
    return passed


def run_by_arguments(arguments: list[str]) -> None:
    """One search, killed at a point where the arguments say so."""
    folder, strategy, workers, *rest = [*arguments, "1"] if len(arguments) < 3 else arguments
    passed = kill_at(rest[0], int(rest[1])) if rest else None
    search(folder, strategy, int(workers))
    if passed is not None and rest[0] == "none":
        Path(folder, "passings.json").write_text(json.dumps(passed))


def serve() -> None:
    """Start a process for each line, until there are no more."""
    import moocore  # noqa: F401
    import numba  # noqa: F401
    import tiny_halving  # noqa: F401
    import tiny_training  # noqa: F401

    import neuroevo.decode
    import neuroevo.inherit
    import neuroevo.strategies.evolution.neat.strategy  # noqa: F401

    for line in sys.stdin:
        arguments = line.rstrip("\n").split("\t")
        if arguments[0] == "wait":
            _, status = os.waitpid(int(arguments[1]), 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        process = os.fork()
        if process == 0:
            status = 1
            try:
                run_by_arguments(arguments)
                status = 0
            finally:
                os._exit(status)
        print(process, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        print("started", flush=True)
        run_by_arguments(sys.argv[1:])
