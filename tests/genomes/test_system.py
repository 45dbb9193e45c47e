"""What differs between machines and systems: memory, and replacing a file that somebody reads."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from genomes import NeatSpace, system
from genomes.system import group_limits, machine_bytes

GROUPS = {
    "a container of today": ("0::/\n", {"memory.max": "5000\n"}, {5000}),
    "a service": ("0::/system.slice/search.service\n", {"system.slice/search.service/memory.max": "700"}, {700}),
    "a group inside a narrower one": (
        "0::/batch/job/step\n",
        {"batch/memory.max": "600", "batch/job/step/memory.max": "900"},
        {600, 900},
    ),
    "a container told of its host": ("0::/docker/5f3a\n", {"memory.max": "800"}, {800}),
    "no limit": ("0::/user.slice\n", {"user.slice/memory.max": "max\n"}, set()),
    "an older kernel": (
        "9:name=systemd:/\n5:cpu,memory:/batch/17\n1:cpu:/elsewhere\n0::/\n",
        {"memory/batch/17/memory.limit_in_bytes": "300", "memory/elsewhere/memory.limit_in_bytes": "1"},
        {300},
    ),
    "an older container": ("4:memory:/docker/5f3a\n", {"memory/memory.limit_in_bytes": "400"}, {400}),
    "no Linux": ("", {}, set()),
}


@pytest.mark.parametrize("name", GROUPS)
def test_the_limits_of_every_group_that_confines_a_process_are_found(name: str, tmp_path: Path) -> None:
    groups, files, expected = GROUPS[name]
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="ascii")
    assert set(group_limits(groups, tmp_path)) == expected


def test_memory_is_the_machines_or_less() -> None:
    assert 1 << 24 < machine_bytes() <= psutil.virtual_memory().total


def busy(times: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Somebody has the file open for so many tries; returns the seconds that were slept."""
    tries, slept = iter(range(times)), list[float]()
    replaced = os.replace

    def replace(*paths: Path) -> None:
        if next(tries, None) is not None:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        replaced(*paths)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(system, "time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.mark.parametrize("times", [0, 1, 4, 7])
def test_on_windows_a_file_that_is_read_is_replaced_when_its_reader_is_done(times: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(system, "sys", SimpleNamespace(platform="win32"))
    slept = busy(times, monkeypatch)
    genome = NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(1))
    genome.save(tmp_path / "genome.json")
    assert type(genome).load(tmp_path / "genome.json") == genome
    assert len(slept) == times and sum(slept) < 2.0


def test_a_file_that_stays_open_is_an_error_and_elsewhere_at_once(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "source").touch()
    slept = busy(100, monkeypatch)
    for platform, tries in (("win32", len(system.PAUSES)), ("linux", 0), ("darwin", 0)):
        slept.clear()
        monkeypatch.setattr(system, "sys", SimpleNamespace(platform=platform))
        with pytest.raises(PermissionError):
            system.replace(tmp_path / "source", tmp_path / "target")
        assert len(slept) == tries
