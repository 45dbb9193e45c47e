"""What a run says of itself: on the console while it goes on and when it ends, and to whoever looks at it later."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_run import SHORT_RUN, evolve

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.report.comparison import compare
from neuroevo.report.html import page, report_data
from neuroevo.report.text import run_json, run_table
from neuroevo.run.live import Live
from neuroevo.testing.evaluator import SquareTask


def test_control_c_saves_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from short_run import *; "
        "ne.evolve(CellSpace(), ne.tasks.Function(fitness, {'loss': ne.minimise, 'size': ne.minimise}, of='genome'), "
        "strategy=STRATEGIES['nsga2'](), budget=ne.Budget(evaluations=100000), seed=3, run=sys.argv[2], progress=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(SHORT_RUN.parent), str(tmp_path / "run")],
        stderr=subprocess.PIPE,
        text=True,
        # a shell starts its background jobs with the signal ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _evaluations(tmp_path / "run"):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert f"to go on: neuroevo --import short_run resume {tmp_path / 'run'}" in errors
    run = ne.load_run(tmp_path / "run")
    assert run.ended == "interrupted"
    assert run.evaluations == _evaluations(tmp_path / "run") > 0
    assert said_at_the_end(errors) == shown_later(tmp_path / "run")


@pytest.mark.parametrize("moment", ["on_result", "on_generation"])
@pytest.mark.parametrize("whole", [False, True])
def test_an_interrupted_run_says_the_counts_that_are_shown_of_it_later(moment, whole, tmp_path, capsys) -> None:
    class Interrupting(ne.Callback):
        def stop(self, run) -> None:
            if run.generation == 3:
                raise KeyboardInterrupt

    setattr(Interrupting, moment, lambda self, run, *result: self.stop(run))

    def alone(network) -> dict[str, float]:
        return {"sum": float(network(np.ones((1, 2))).sum()), "first": float(network(np.eye(2))[0, 0])}

    def together(population) -> dict[str, np.ndarray]:
        return {"sum": population(np.ones((1, 2))).sum(axis=(1, 2)), "first": population(np.eye(2))[:, 0, 0]}

    with pytest.raises(KeyboardInterrupt):
        ne.evolve(
            NeatSpace(inputs=2, outputs=1),
            ne.population_fitness(together) if whole else alone,
            objectives={"sum": ne.maximise, "first": ne.minimise},
            strategy=strategies.Neat(population=20),
            budget=ne.Budget(generations=50),
            run=tmp_path / "run",
            callbacks=[Interrupting()],
            progress=True,
        )
    errors = capsys.readouterr().err
    assert "3 generations complete" in errors
    assert said_at_the_end(errors) == shown_later(tmp_path / "run")


def said_at_the_end(errors: str) -> list[str]:
    """Generations, individuals, failures and hypervolume in the console's last line."""
    line = next(line for line in errors.splitlines() if line.startswith("ended (interrupted)"))
    return sorted(re.findall(r"\d+ generations? complete|\d+ evaluated|\d+ failed|hypervolume [\d.]+", line))


def shown_later(folder: Path) -> list[str]:
    """The same of `neuroevo show`."""
    text = run_table(ne.load_run(folder, lazy=True))
    return sorted(re.findall(r"\d+ generations? complete|\d+ evaluated|\d+ failed|hypervolume [\d.]+", text))


def test_a_run_that_goes_on_says_how_many_were_evaluated_before(tmp_path, capsys) -> None:
    class Interrupting(ne.Callback):
        def on_result(self, run, result) -> None:
            if result.individuals[0].id == 37:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(SquareTask(), run=tmp_path / "run", callbacks=[Interrupting()])
    evolve(SquareTask(), run=tmp_path / "run", progress=True)
    assert f"going on with {tmp_path / 'run'}: 38 evaluated\n" in capsys.readouterr().err


def test_a_run_has_one_final_hypervolume_wherever_it_is_shown(tmp_path, capsys) -> None:
    run = evolve(SquareTask(), run=tmp_path / "run", progress=True)
    final = f"{compare([run]).groups[0].final[0]:.4f}"  # what `neuroevo compare` and the drawn curve end at
    loaded = ne.load_run(tmp_path / "run", lazy=True)
    assert f"· hypervolume {final} ·" in capsys.readouterr().err
    assert f"hypervolume {final}" in run_table(loaded)
    assert f"{run_json(loaded)['hypervolume']:.4f}" == final
    assert f"<b>{final}</b>hypervolume" in page(loaded)
    assert f"hypervolume {final} in the end" in ne.plots.progress(loaded).get_suptitle()
    assert f"{report_data(loaded)['progress']['value'][-1]:.4f}" == final


def test_a_live_hypervolume_never_falls_and_ends_as_the_run_does() -> None:
    lines = []

    class Lines(Live):
        def on_generation(self, run) -> None:
            super().on_generation(run)
            lines.append(self.line(run))

    run = evolve(SquareTask(), callbacks=[Lines(ne.Budget(evaluations=60))])
    shown = [float(re.search(r"hypervolume ([\d.]+)", line)[1]) for line in lines]
    assert shown == sorted(shown) and len(shown) == run.generation
    assert shown[-1] == round(run.hypervolume, 4)
    assert (
        run.generations()["hypervolume"].is_monotonic_increasing and run.generations()["hypervolume"].iloc[-1] == run.hypervolume
    )


def _evaluations(folder: Path) -> int:
    try:
        database = sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True)
        return int(database.execute("SELECT count(*) FROM evaluations").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
