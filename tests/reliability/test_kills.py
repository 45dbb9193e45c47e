"""Kill the driver at random moments: nothing committed is lost, and every resumed run ends bit-identical to one never killed."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("short_run.py")


def contents(folder: Path) -> dict:
    """All that must be equal between two runs: births, scores and the final state; not the wall-clock."""
    database = sqlite3.connect(folder / "run.db")
    generation, state = database.execute("SELECT generation, json FROM state").fetchone()
    state = json.loads(state)
    state["run"].pop("seconds")
    found = {
        "individuals": database.execute("SELECT * FROM individuals ORDER BY id").fetchall(),
        "evaluations": database.execute(
            'SELECT individual, status, reason, "values", info FROM evaluations ORDER BY individual, id'
        ).fetchall(),
        "generation": generation,
        "state": state,
        "arrays": database.execute("SELECT arrays FROM state").fetchone(),
    }
    database.close()
    return found


def committed(folder: Path) -> dict:
    """Evaluations that a killed run had committed."""
    if not (folder / "run.db").exists():
        return {}
    database = sqlite3.connect(folder / "run.db")
    try:
        return dict(database.execute('SELECT individual, "values" FROM evaluations'))
    except sqlite3.OperationalError:  # killed before the tables were made
        return {}
    finally:
        database.close()


def finish(folder: Path, strategy: str) -> None:
    subprocess.run([sys.executable, str(SCRIPT), str(folder), strategy], check=True, stdout=subprocess.DEVNULL, timeout=120)


def kill_and_resume(folder: Path, strategy: str, wait: float) -> tuple[int, dict]:
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), strategy], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    time.sleep(wait)
    process.kill()
    process.wait()
    before = committed(folder)
    finish(folder, strategy)
    after = contents(folder)
    scores = {row[0]: row[3] for row in after["evaluations"]}
    lost = [id for id, values in before.items() if scores.get(id) != values]
    assert not lost, f"evaluations {lost} were committed and are lost or changed"
    return len(before), after


@pytest.mark.parametrize("strategy", ["nsga2", "regularized_evolution"])
def test_a_killed_run_resumes_bit_identical(strategy: str, tmp_path: Path) -> None:
    finish(tmp_path / "whole", strategy)
    count, resumed = kill_and_resume(tmp_path / "killed", strategy, wait=1.5)
    assert resumed == contents(tmp_path / "whole")
    assert 0 < count < 1500


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["nsga2", "regularized_evolution"])
def test_forty_kills_at_random_moments_resume_bit_identical(strategy: str, tmp_path: Path) -> None:
    start = time.monotonic()
    finish(tmp_path / "whole", strategy)
    seconds = time.monotonic() - start
    whole = contents(tmp_path / "whole")
    moments = random.Random(7)
    counts = []
    for kill in range(20):
        count, resumed = kill_and_resume(tmp_path / f"killed{kill}", strategy, moments.uniform(0.0, seconds))
        assert resumed == whole, f"kill {kill}"
        counts.append(count)
    assert sum(0 < count < 1500 for count in counts) >= 10, f"most kills must hit the run itself, not its start or end: {counts}"


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_never_killed(tmp_path: Path) -> None:
    finish(tmp_path / "whole", "nsga2")
    moments = random.Random(8)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, str(SCRIPT), str(tmp_path / "killed"), "nsga2"])
        time.sleep(moments.uniform(0.8, 1.6))
        process.kill()
        process.wait()
    finish(tmp_path / "killed", "nsga2")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
