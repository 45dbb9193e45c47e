"""Our own code runs without what only POSIX systems have: in the whole, on this machine, with `other_systems/sitecustomize.py`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEART = {
    "genomes/test_system.py": (),
    "neuroevo/test_turns.py": (  # all but those that train
        "test_while_one_measures_nobody_works_or_measures",
        "test_who_measures_waits_for_one_piece_of_work_however_many_follow",
        "test_a_killed_process_gives_its_turn_back",
        "test_turns_travel_as_their_folder",
        "test_a_run_takes_turns_only_where_it_measures_with_several_workers",
        "test_where_no_turns_can_be_taken_a_run_says_so",
        "test_a_folder_that_cannot_be_made_is_said_at_once",
    ),
    "neuroevo/test_worker_process.py": (
        "test_with_a_worker_all_that_it_started_is_killed_and_nothing_else",
        "test_a_candidate_reads_nothing_from_standard_input_nor_does_what_it_starts",
        "test_who_prints_without_end_is_stopped_between_two_looks[stdout]",
        "test_a_candidate_that_needs_too_much_memory_is_stopped",
        "test_workers_start_with_what_windows_offers",
    ),
    "neuroevo/test_evaluators.py": (
        "test_a_killed_worker_costs_its_own_trial_a_retry_and_nothing_else",
        "test_a_trial_that_takes_too_long_is_stopped_and_not_tried_again",
        "test_a_worker_that_cannot_start_says_why",
        "test_no_worker_outlives_a_killed_driver",
    ),
    "neuroevo/test_store.py": (
        "test_a_writer_makes_an_older_database_one_of_today",
        "test_a_run_of_a_newer_release_is_refused",
        "test_a_full_disk_is_one_sentence_and_what_was_committed_stays_readable",
        "test_a_read_only_folder_is_read_and_not_written",
        "test_a_line_torn_by_a_crash_does_not_swallow_the_next",
        "test_a_killed_writer_leaves_a_lock_that_holds_nobody_back",
    ),
    "neuroevo/test_run.py": (
        "test_a_run_under_a_larger_budget_goes_on_as_if_it_had_never_stopped",
        "test_a_second_writer_is_refused",
        "test_a_damaged_database_is_one_sentence_and_stays_as_it_is",
    ),
    "reliability/test_failures.py": ("test_what_a_candidate_started_ends_with_it",),
    "reliability/test_damage.py": (
        "test_weights_that_rotted_are_found_by_their_digest",
        "test_a_folder_in_use_is_looked_at_and_left_alone",
        "test_a_truncated_database_is_said_to_be_and_the_repaired_run_ends_as_if_nothing_had_happened",
    ),
}


def elsewhere() -> dict[str, str]:
    """The environment in which our own code finds what Windows has."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "other_systems"), str(ROOT)])}


def passing(*arguments: str, folder: Path, seconds: float) -> int:
    """How many tests pass there; all must."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=elsewhere(), timeout=seconds)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found = re.search(r"(\d+) passed", done.stdout)
    return int(found[1]) if found else 0


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this is such a system")


@pytest.mark.slow
def test_stores_workers_kills_and_limits_hold_without_what_only_posix_has(tmp_path: Path) -> None:
    chosen = [f"tests/{file}{'::' if name else ''}{name}" for file, names in HEART.items() for name in names or ("",)]
    assert passing("-o", "addopts=-m 'not slow'", *chosen, folder=tmp_path / "tests", seconds=600) >= 40


@pytest.mark.slow
def test_the_fast_suite_holds_without_what_only_posix_has(tmp_path: Path) -> None:
    ignored = f"--ignore={Path(__file__).relative_to(ROOT)}"
    assert passing("tests", "genomes", "neuroevo", ignored, folder=tmp_path / "tests", seconds=3600) > 1000


LACKING = """
import os, signal, sys
from pathlib import Path
import genomes.system, neuroevo.core.turns, neuroevo.evaluators.process as ours
assert ours.fcntl is None and neuroevo.core.turns.fcntl is None, "fcntl"
assert hasattr(os, "killpg") and not hasattr(ours.os, "killpg") and not hasattr(ours.signal, "SIGKILL"), "names"
assert Path("/proc/self/status").exists()
def refused(*code):
    try:
        exec(compile("\\n".join(code), str(Path(ours.__file__)), "exec"), {"__file__": ours.__file__, "__name__": "neuroevo.tried"})
    except (OSError, ImportError) as error:
        return type(error).__name__
assert refused("from pathlib import Path", "Path('/proc/self/status').read_text()") == "FileNotFoundError", "/proc"
assert refused("import resource") == refused("from os import sysconf") == refused("from fcntl import flock") == "ImportError"
assert refused("from pathlib import Path", "Path(FOLDER, 'a:b').write_text('')".replace("FOLDER", repr(sys.argv[1]))) == "OSError"
held = Path(sys.argv[1], "held"); file = held.open("w")
assert refused("from pathlib import Path", f"Path({str(held)!r}).unlink()") == "PermissionError", "an open file is deleted"
assert refused("import os", f"os.replace({str(held)!r}, {str(held) + '2'!r})") == "PermissionError", "an open file is replaced"
file.close()
assert refused("from pathlib import Path", f"Path({str(held)!r}).unlink()") is None
import resource, fcntl
from neuroevo.estimation.direct import Direct
from neuroevo.evaluators import Slots, Work
from neuroevo.tasks.base import Context
from neuroevo.tasks.function import Function
from neuroevo.testing.evaluator import trials
def fitness(genome):
    from neuroevo.evaluators import process
    return float(process.fcntl is None and not hasattr(process.os, "killpg"))
task = Function(fitness, of="genome")
with Slots(1) as slots:
    slots.start(Work(task, Direct(), Context()))
    slots.submit(trials(1, task)[0])
    assert next(slots.as_completed()).measurement.values[0, 0] == 1.0, "in a worker"
"""


def test_what_is_taken_away_is_away_for_our_own_code_alone_and_in_workers_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LACKING, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, env=elsewhere(), timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
