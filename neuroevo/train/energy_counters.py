"""Energy counters: joules that the hardware itself has counted. A time multiplied by an assumed power is no energy, and is not offered.

Processors count by package (Intel's and AMD's RAPL), which Linux shows as files (powercap); since 2020 most kernels let root alone read them
(CVE-2020-8694: they give away what others compute), and virtual machines have none. NVIDIA's boards count since Volta, for everybody.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from neuroevo.core.extras import how_to_install

POWERCAP = Path("/sys/class/powercap")
INSTEAD = "name flops (known from the genome) or latency (measured) instead"


class NoCounter(ValueError):
    """A counter that cannot be read; the sentence says why."""


class Counter(ABC):
    """What counts joules.

    Attributes:
        name: what it counts the energy of, as sentences call it.
    """

    name: str

    @abstractmethod
    def joules(self) -> float:
        """What was counted since some moment: only differences mean anything.

        Raises:
            NoCounter: it cannot be read.
        """


class Packages(Counter):
    """The processor packages of this machine, together: cores, caches and, inside the package, graphics and memory controllers.

    Args:
        root: Linux's powercap folder. Domains inside packages (`intel-rapl:0:0`) are parts of them, `psys` is more than they are, and
            `intel-rapl-mmio` shows a package once more: none of these is summed.

    Raises:
        NoCounter: there are no packages, or not all of them can be read.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        self._files: dict[Path, tuple[int, int]] = {}  # what was last read of each, and where it begins again
        self._microjoules = 0
        names = []
        for domain in sorted(root.glob("intel-rapl:*")) if root.is_dir() else ():
            if domain.name.count(":") == 1 and (name := _text(domain / "name")).startswith("package"):
                file = domain / "energy_uj"
                self._files[file] = _number(file), _range(domain)
                names.append(name)
        if not names:
            raise NoCounter(
                f"there is no package in {root} (intel-rapl:*/energy_uj): most virtual machines have none, nor processors without RAPL, nor "
                "systems other than Linux"
            )
        self.name = f"the processor package{'s' if len(names) > 1 else ''} {' and '.join(names)}"

    def joules(self) -> float:
        for file, (last, largest) in self._files.items():
            now = _number(file)
            if now < last and not largest:
                raise NoCounter(
                    f"{file} fell from {last} to {now}, and max_energy_range_uj beside it does not say where it begins again"
                )
            self._microjoules += now - last + (largest if now < last else 0)
            self._files[file] = now, largest
        return self._microjoules / 1e6


class Board(Counter):
    """The whole board of the GPU that this process computes on: the first that CUDA may use.

    Args:
        nvml: NVIDIA's management library (`pynvml`, of nvidia-ml-py).
        variables: the environment, in which `CUDA_VISIBLE_DEVICES` names what CUDA may use.

    Raises:
        NoCounter: there is no such board; it does not count; it is divided (MIG), and its parts are not counted apart; or it cannot be told
            which board a number means.
    """

    def __init__(self, nvml: Any, variables: Mapping[str, str] | None = None) -> None:
        self._nvml = nvml
        try:
            nvml.nvmlInit()
            self._handle = _board(nvml, os.environ if variables is None else variables)
            self.name = f"the GPU {_name(nvml, self._handle)}"
        except nvml.NVMLError as error:
            raise NoCounter(f"NVIDIA's driver does not answer ({error})") from None
        divided = False
        with suppress(nvml.NVMLError):  # boards that cannot be divided
            divided = bool(nvml.nvmlDeviceGetMigMode(self._handle)[0])
        if divided:
            raise NoCounter(f"{self.name} is divided into parts (MIG), and the counter is of the whole board")
        self.joules()

    def joules(self) -> float:
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3
        except self._nvml.NVMLError as error:
            raise NoCounter(f"{self.name} counts no energy ({error}; boards since Volta do)") from None


def counter_for(
    gpu: bool, *, powercap: Path | None = None, nvml: Any = None, variables: Mapping[str, str] | None = None
) -> Counter:
    """The counter of what computes in this process.

    Args:
        gpu: whether that is a GPU; else it is the processor.
        powercap, nvml, variables: as for `Packages` and `Board`; default: those of this machine.

    Raises:
        NoCounter: it cannot be read; the sentence says why, and what can be used instead.
    """
    try:
        return Board(_nvml() if nvml is None else nvml, variables) if gpu else Packages(powercap or POWERCAP)
    except NoCounter as error:
        raise NoCounter(_refused(f" of the {'GPU' if gpu else 'processor'}", str(error))) from None


def no_board() -> str:
    """Why the counter of no GPU can be read here; empty where one can."""
    try:
        Board(_nvml())
    except NoCounter as error:
        return str(error)
    return ""


def no_package() -> str:
    """Why the counter of the processor cannot be read here; empty where it can."""
    try:
        Packages(POWERCAP)
    except NoCounter as error:
        return str(error)
    return ""


def none_of_them(board: str, package: str) -> NoCounter:
    """The error of a machine that has neither counter, for these reasons."""
    return NoCounter(_refused("", f"of a GPU, {board}; of the processor, {package}"))


def _refused(whose: str, why: str) -> str:
    return f"energy is what the hardware itself counts, and no counter{whose} can be read here: {why}; {INSTEAD}"


def _nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        raise NoCounter(f"it needs nvidia-ml-py (install it: {how_to_install('energy')})") from None
    return pynvml


def _board(nvml: Any, variables: Mapping[str, str]) -> Any:
    """The board that CUDA calls its first."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    if not handles:
        raise NoCounter("there is no NVIDIA GPU")
    chosen = variables.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if chosen in ("", "-1"):
        raise NoCounter("CUDA_VISIBLE_DEVICES hides every GPU")
    if chosen.startswith("MIG-"):
        raise NoCounter(f"{chosen!r} is a part of a GPU, and the counter is of the whole board")
    if chosen.startswith("GPU-"):
        found = [handle for handle in handles if _decoded(nvml.nvmlDeviceGetUUID(handle)).startswith(chosen)]
    else:
        found = handles[int(chosen) :][:1] if chosen.isdecimal() else []
        names = sorted({_name(nvml, handle) for handle in handles})
        if found and len(names) > 1 and variables.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
            raise NoCounter(
                f"the GPUs differ ({', '.join(names)}), and CUDA may number them otherwise than their driver does: set "
                "CUDA_DEVICE_ORDER=PCI_BUS_ID"
            )
    if not found:
        raise NoCounter(f"CUDA_VISIBLE_DEVICES names GPU {chosen!r}, which is not among the {len(handles)} of this machine")
    return found[0]


def _name(nvml: Any, handle: Any) -> str:
    return _decoded(nvml.nvmlDeviceGetName(handle))


def _decoded(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except PermissionError:
        everybody = file.parents[1] / "intel-rapl:*" / file.name
        raise NoCounter(
            f"{file} may be read by root only (sudo chmod a+r {everybody} lets everybody until the next start)"
        ) from None
    except OSError as error:
        raise NoCounter(f"{file} cannot be read: {error.strerror or error}") from None


def _number(file: Path) -> int:
    text = _text(file)
    if not text.isdecimal():
        raise NoCounter(f"{file} cannot be read as a number: {text[:50]!r}")
    return int(text)


def _range(domain: Path) -> int:
    """At which count a domain begins again at 0; 0 where that is not known."""
    try:
        return _number(domain / "max_energy_range_uj")
    except NoCounter:
        return 0
