"""Energy: joules that a counter of the hardware gives, or a sentence where there is none; never a time times an assumed power."""

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import NetworkSpace
from neuroevo.estimation import FullTraining
from neuroevo.run.settings import task_from_settings
from neuroevo.tasks import Classification, Context, Regression
from neuroevo.tasks.supervised import ENERGY
from neuroevo.train import energy, energy_counters
from neuroevo.train.compiled import Compiled, Method
from neuroevo.train.energy import BLOCKS, REFRESHES, EnergyMeter, refresh_seconds
from neuroevo.train.energy_counters import Board, Counter, NoCounter, Packages, counter_for

RANGE = 262_143_328_850


def domain(root: Path, folder: str, name: str, microjoules: int = 5_000_000, largest: int | None = RANGE) -> Path:
    """A domain as Linux shows it: what it counted, and where its count begins again."""
    path = root / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    if largest is not None:
        (path / "max_energy_range_uj").write_text(f"{largest}\n")
    return path / "energy_uj"


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    if sys.platform == "win32":
        pytest.skip("no file there has a colon in its name")
    return tmp_path / "powercap"


class NVMLError(Exception):
    """What NVIDIA's library raises."""


class Nvml:
    """NVIDIA's library with some boards.

    Args:
        boards: their names.
        refused: the functions that this machine does not support.
        start: why it cannot be started.
    """

    NVMLError = NVMLError

    def __init__(self, *boards: str, refused: tuple[str, ...] = (), start: str = "", mig: bool = False) -> None:
        self.boards, self.refused, self.start, self.mig = boards, refused, start, mig
        self.millijoules = [7_000 * (1 + index) for index in range(len(boards))]

    def nvmlInit(self) -> None:
        if self.start:
            raise NVMLError(self.start)

    def nvmlDeviceGetCount(self) -> int:
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if not 0 <= index < len(self.boards):
            raise NVMLError("Invalid Argument")
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}abc-def"

    def nvmlDeviceGetName(self, handle: int) -> str:
        return self.boards[handle]

    def nvmlDeviceGetMigMode(self, handle: int) -> list[int]:
        if "mig" in self.refused:
            raise NVMLError("Not Supported")
        return [int(self.mig), 0]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        if "energy" in self.refused:
            raise NVMLError("Not Supported")
        return self.millijoules[handle]


# Processors -------------------------------------------------------------------------------------------------------------------


def test_the_joules_of_all_packages_are_summed_and_parts_and_copies_of_them_are_not(powercap: Path) -> None:
    first, second = domain(powercap, "intel-rapl:0", "package-0"), domain(powercap, "intel-rapl:1", "package-1")
    other = [
        domain(powercap, "intel-rapl:0:0", "core"), domain(powercap, "intel-rapl:2", "psys"),
        domain(powercap, "intel-rapl-mmio:0", "package-0"),
    ]  # fmt: skip
    counter = Packages(powercap)
    before = counter.joules()
    first.write_text("5500000\n")
    second.write_text("7000000\n")
    for file in other:
        file.write_text("900000000\n")
    assert counter.joules() - before == pytest.approx(2.5)
    assert counter.name == "the processor packages package-0 and package-1"


def test_a_package_of_several_dies_has_a_counter_for_each(powercap: Path) -> None:
    files = [domain(powercap, f"intel-rapl:{n}", f"package-0-die-{n}") for n in range(2)]
    counter = Packages(powercap)
    before = counter.joules()
    for file in files:
        file.write_text("6000000\n")
    assert counter.joules() - before == pytest.approx(2.0)


def test_a_count_that_begins_again_goes_on(powercap: Path) -> None:
    first, second = (domain(powercap, f"intel-rapl:{n}", f"package-{n}", RANGE - 1_000_000) for n in range(2))
    counter = Packages(powercap)
    before = counter.joules()
    first.write_text("2000000\n")
    assert counter.joules() - before == pytest.approx(3.0)
    second.write_text(f"{RANGE - 500_000}\n")
    assert counter.joules() - before == pytest.approx(3.5)
    second.write_text("0\n")
    first.write_text("2250000\n")
    assert counter.joules() - before == pytest.approx(4.25)


@pytest.mark.parametrize("largest", [None, 0])
def test_a_count_that_falls_without_a_known_range_is_an_error(largest: int | None, powercap: Path) -> None:
    file = domain(powercap, "intel-rapl:0", "package-0", largest=largest)
    counter = Packages(powercap)
    file.write_text("1000\n")
    with pytest.raises(
        NoCounter, match=r"intel-rapl:0/energy_uj fell from 5000000 to 1000, and max_energy_range_uj beside it does not say"
    ):
        counter.joules()


def test_no_packages_are_said_to_be_absent(powercap: Path) -> None:
    with pytest.raises(NoCounter, match=r"there is no package in .*powercap \(intel-rapl:\*/energy_uj\): most virtual machines"):
        Packages(powercap)
    domain(powercap, "intel-rapl:0:0", "core")
    with pytest.raises(NoCounter, match="there is no package in"):
        Packages(powercap)


def test_files_that_only_root_may_read_are_said_to_be_that(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    domain(powercap, "intel-rapl:0", "package-0")
    forbidden = domain(powercap, "intel-rapl:1", "package-1")
    read = Path.read_text

    def reading(path: Path, *arguments: Any, **named: Any) -> str:
        if path == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *arguments, **named)

    monkeypatch.setattr(Path, "read_text", reading)
    with pytest.raises(
        NoCounter, match=r"intel-rapl:1/energy_uj may be read by root only \(sudo chmod a\+r .*/intel-rapl:\*/energy_uj"
    ):
        Packages(powercap)


def test_what_is_no_number_is_an_error_in_a_sentence(powercap: Path) -> None:
    domain(powercap, "intel-rapl:0", "package-0").write_text("lots\n")
    with pytest.raises(NoCounter, match="intel-rapl:0/energy_uj cannot be read as a number: 'lots'"):
        Packages(powercap)
    (powercap / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(NoCounter, match="intel-rapl:0/energy_uj cannot be read: No such file"):
        Packages(powercap)


# GPUs -------------------------------------------------------------------------------------------------------------------------


def test_a_boards_joules_are_its_millijoules() -> None:
    nvml = Nvml("H200")
    counter = Board(nvml, {})
    assert counter.joules() == 7.0 and counter.name == "the GPU H200"
    nvml.millijoules[0] = 8_250
    assert counter.joules() == 8.25


@pytest.mark.parametrize(
    ("visible", "joules"),
    [(None, 7.0), ("1", 14.0), ("2,0", 21.0), ("GPU-1abc-def", 14.0), ("GPU-2a", 21.0), (" 1 , 2 ", 14.0)],
)
def test_the_board_is_the_first_that_cuda_may_use(visible: str | None, joules: float) -> None:
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert Board(Nvml("A100", "A100", "A100"), variables).joules() == joules


@pytest.mark.parametrize(
    ("nvml", "visible", "sentence"),
    [
        (Nvml(start="Driver Not Loaded"), None, r"NVIDIA's driver does not answer \(Driver Not Loaded\)"),
        (Nvml(), None, "there is no NVIDIA GPU"),
        (Nvml("T4"), "", "CUDA_VISIBLE_DEVICES hides every GPU"),
        (Nvml("T4"), "-1", "CUDA_VISIBLE_DEVICES hides every GPU"),
        (Nvml("T4"), "3", "CUDA_VISIBLE_DEVICES names GPU '3', which is not among the 1 of this machine"),
        (Nvml("T4"), "GPU-9", "CUDA_VISIBLE_DEVICES names GPU 'GPU-9', which is not among the 1 of this machine"),
        (Nvml("T4"), "MIG-1", "'MIG-1' is a part of a GPU, and the counter is of the whole board"),
        (Nvml("H100", mig=True), None, "the GPU H100 is divided into parts .MIG., and the counter is of the whole board"),
        (Nvml("K80", refused=("energy", "mig")), None, r"the GPU K80 counts no energy \(Not Supported; boards since Volta do\)"),
        (Nvml("T4", "H100"), "1", r"GPUs differ \(H100, T4\), and CUDA may number them .* set CUDA_DEVICE_ORDER=PCI_BUS_ID"),
    ],
)
def test_a_board_that_cannot_be_counted_says_why(nvml: Nvml, visible: str | None, sentence: str) -> None:
    with pytest.raises(NoCounter, match=sentence):
        Board(nvml, {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})


def test_boards_of_one_kind_and_boards_in_the_order_of_the_bus_are_counted_by_their_numbers() -> None:
    given = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert Board(Nvml("T4", "H100"), given).joules() == 14.0
    assert Board(Nvml("T4", "T4", refused=("mig",)), {"CUDA_VISIBLE_DEVICES": "1"}).joules() == 14.0


def test_a_board_that_is_lost_is_an_error_in_a_sentence() -> None:
    nvml = Nvml("T4")
    counter = Board(nvml, {})
    nvml.refused = ("energy",)
    with pytest.raises(NoCounter, match=r"the GPU T4 counts no energy \(Not Supported"):
        counter.joules()


# Which of them ----------------------------------------------------------------------------------------------------------------


def test_what_computes_decides_which_counter_is_read(powercap: Path) -> None:
    domain(powercap, "intel-rapl:0", "package-0")
    assert isinstance(counter_for(True, powercap=powercap, nvml=Nvml("T4"), variables={}), Board)
    assert isinstance(counter_for(False, powercap=powercap, nvml=Nvml("T4"), variables={}), Packages)


def test_the_sentence_names_what_was_looked_for_and_what_can_be_used(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoCounter) as on_cpu:
        counter_for(False, powercap=powercap, nvml=Nvml("T4"))
    with pytest.raises(NoCounter) as on_gpu:
        counter_for(True, powercap=powercap, nvml=Nvml("K80", refused=("energy",)), variables={})
    assert "counter of the processor" in str(on_cpu.value) and "there is no package in" in str(on_cpu.value)
    assert "counter of the GPU" in str(on_gpu.value) and "counts no energy" in str(on_gpu.value)
    for error in (on_cpu, on_gpu):
        assert "flops" in str(error.value) and "latency" in str(error.value) and "\n" not in str(error.value)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoCounter, match=r"needs nvidia-ml-py \(install it: .*\[energy\]"):
        counter_for(True, powercap=powercap)


# Measuring --------------------------------------------------------------------------------------------------------------------


class Machine:
    """A clock that predictions and looks at the counter move on, and the energy that was used meanwhile."""

    def __init__(self, idle: float = 20.0) -> None:
        self.now, self.used, self.idle = 0.0, 0.0, idle

    def perf_counter(self) -> float:
        return self.now

    def spend(self, seconds: float, watts: float) -> None:
        self.now += seconds
        self.used += seconds * watts


class Refreshed(Counter):
    """Counts the machine's energy, and shows what it counted at the last refresh."""

    name = "a counter"

    def __init__(self, machine: Machine, seconds: float, look: float = 1e-4) -> None:
        self.machine, self.seconds, self.look, self.shown, self.due = machine, seconds, look, 0.0, 0.0

    def joules(self) -> float:
        self.machine.spend(self.look, self.machine.idle)
        if self.machine.now >= self.due:
            self.shown, self.due = self.machine.used, (self.machine.now // self.seconds + 1) * self.seconds
        return self.shown


class Network(Compiled):  # the methods that a measurement does not need are none
    """Predicts in a given time with a given power."""

    def __init__(self, machine: Machine, seconds: float, watts: float | Callable[[], float] = 100.0) -> None:
        super().__init__(None, Method())
        self.machine, self.seconds, self.watts = machine, seconds, watts

    def outputs(self, x: Any) -> None:
        self.machine.spend(self.seconds, self.watts() if callable(self.watts) else self.watts)

    def place(self, array: Any) -> Any:
        return array

    reset = set_weights = weights = averages = set_averages = slots = set_slots = epoch = steps = None  # type: ignore[assignment]


SAMPLE = np.zeros((1, 1), np.float32)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(energy, "time", made)
    return made


@pytest.mark.parametrize("refresh", [1e-3, 0.02, 0.1])
@pytest.mark.parametrize("seconds", [2e-4, 3e-3, 0.05])
def test_the_joules_of_an_inference_are_within_two_percent_whatever_the_counters_refresh(
    refresh: float, seconds: float, machine: Machine
) -> None:
    for phase in (0.0, 0.3, 0.77):
        machine.spend(phase * refresh, machine.idle)
        found = EnergyMeter(Refreshed(machine, refresh)).measure(Network(machine, seconds, 150.0), SAMPLE)
        assert found.joules == pytest.approx(150.0 * seconds, rel=0.02)
        assert found.blocks == BLOCKS and found.spread >= 0


def test_a_measurement_takes_no_longer_than_the_counter_needs(machine: Machine) -> None:
    meter = EnergyMeter(Refreshed(machine, 0.1))
    meter.measure(Network(machine, 1e-3), SAMPLE)
    start = machine.now
    meter.measure(Network(machine, 1e-3), SAMPLE)
    assert machine.now - start < 1.1 * REFRESHES * 0.1


def test_the_spread_is_that_of_the_blocks(machine: Machine) -> None:
    rng = np.random.default_rng(0)
    steady = EnergyMeter(Refreshed(machine, 1e-3)).measure(Network(machine, 1e-3, 100.0), SAMPLE)
    drifting = EnergyMeter(Refreshed(machine, 1e-3)).measure(
        Network(machine, 1e-3, lambda: 100.0 + 40.0 * np.sin(machine.now * 7) + rng.normal()), SAMPLE
    )
    assert steady.spread < 0.02 * steady.joules < drifting.spread


def test_a_counter_that_does_not_move_is_an_error_in_a_sentence(machine: Machine) -> None:
    class Still(Refreshed):
        def joules(self) -> float:
            super().joules()
            return 5.0

    with pytest.raises(NoCounter, match=r"a counter did not move within 2 seconds.* flops .* latency"):
        EnergyMeter(Still(machine, 0.1)).measure(Network(machine, 1e-3), SAMPLE)
    with pytest.raises(NoCounter, match="did not move"):
        refresh_seconds(Still(machine, 0.1))


def test_a_counter_that_stops_while_it_is_read_is_an_error(machine: Machine) -> None:
    class Stops(Refreshed):
        def joules(self) -> float:
            found = super().joules()
            self.kept = found if self.machine.now < 0.5 else self.kept
            return self.kept

    meter = EnergyMeter(Stops(machine, 1e-3))
    meter.measure(Network(machine, 1e-4), SAMPLE)
    machine.spend(1.0, 1.0)
    with pytest.raises(NoCounter, match="a counter did not move"):
        meter.measure(Network(machine, 1e-3), SAMPLE)


# Searches ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def none_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without counters, whatever the tests run on."""
    monkeypatch.setattr(energy_counters, "POWERCAP", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "pynvml", None)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a counter that counts two joules at every look."""
    looks = iter(range(10**9))
    counter = SimpleNamespace(name="a counter", joules=lambda: 2.0 * next(looks))
    monkeypatch.setattr(energy, "counter_for", lambda gpu: counter)
    monkeypatch.setattr(energy, "no_board", lambda: "there is no NVIDIA GPU")
    monkeypatch.setattr(energy, "no_package", lambda: "")
    monkeypatch.setattr(energy, "LEAST_SECONDS", 0.01)


def test_energy_is_measured_beside_its_spread(counted: None) -> None:
    task = Classification("iris", "error,energy", seed=1)
    assert task.objectives["energy"] == ENERGY and ENERGY.kind == "measured" and ENERGY.log
    scores = task.score(task.phenotype(task.default_space().random(np.random.default_rng(0))), Context())
    assert scores["energy"] > 0 and scores["energy_spread"] >= 0
    assert pickle.loads(pickle.dumps(task)).objectives == task.objectives


def test_a_search_for_energy_records_it(counted: None, tmp_path: Path) -> None:
    task = Regression("diabetes", "mae,energy", seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(20, 60)), task, strategy=ne.strategies.RandomSearch(batch=2),
        estimation=FullTraining(epochs=1), budget=ne.Budget(evaluations=2), run=tmp_path / "run", progress=False,
    )  # fmt: skip
    assert run.failures == 0 and all(one.values["energy"] > 0 and "energy_spread" in one.info["scores"] for one in run)


@pytest.mark.parametrize(("on_gpu", "package", "sentence"), [
    (True, False, "the counter of the GPU T4 did not move"), (True, True, "the counter of the GPU T4 did not move"),
    (False, True, "the counter of the processor package package-0 did not move"),
    (False, False, "of a GPU, Keras computes on the processor here; of the processor, there is no package"),
])  # fmt: skip
def test_a_search_looks_at_the_counter_of_what_will_compute(
    on_gpu: bool, package: bool, sentence: str, powercap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if package:
        domain(powercap, "intel-rapl:0", "package-0")
    monkeypatch.setattr(energy_counters, "POWERCAP", powercap)
    monkeypatch.setitem(sys.modules, "pynvml", Nvml("T4"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(energy, "has_gpu", lambda backend: on_gpu)
    monkeypatch.setattr(energy, "DEAD_SECONDS", 0.01)
    with pytest.raises(NoCounter, match=sentence):
        Classification("iris", "error,energy")


@pytest.mark.parametrize("objectives", ["error,energy", ("energy<0.5", "parameters")])
def test_a_task_for_energy_is_refused_where_there_is_no_counter(objectives: Any, none_here: None) -> None:
    with pytest.raises(ValueError, match=r"energy.* GPU.*nvidia-ml-py.* processor.*there is no package in .*flops .*latency"):
        Classification("iris", objectives)


def test_an_objective_of_ones_own_may_be_called_energy(none_here: None) -> None:
    own = ne.Objective("energy", kind="measured", of=lambda model: 3.0)
    task = Classification("iris", ["error", own])
    assert task.measured(None, Context()) == {"energy": 3.0}


def test_a_run_is_read_where_there_is_no_counter_and_only_a_search_is_refused(none_here: None, tmp_path: Path) -> None:
    settings = Classification("iris", ["error", replace(ENERGY, limit=0.5)], seed=1).settings()
    task = task_from_settings(settings)
    assert task.objectives["energy"] == replace(ENERGY, limit=0.5)
    with pytest.raises(ValueError, match=r"no counter .*there is no package in"):
        ne.evolve(NetworkSpace((4,), 3), task, budget=ne.Budget(evaluations=2), run=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_the_command_says_it_before_anything_is_written(none_here: None, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = neuroevo("search", "iris", "--objectives", "error,energy", folder=tmp_path / "here")
    assert done.returncode == 2 and not list((tmp_path / "here").iterdir())
    (line,) = done.stderr.splitlines()
    assert line.startswith("neuroevo: energy") and "--objectives" not in line.split("latency")[0]
    for part in ("nvidia-ml-py", "intel-rapl", "flops", "latency"):
        assert part in line
    assert "energy" in neuroevo("list", "objectives", folder=tmp_path).stdout
