"""Latency: milliseconds that do not depend on how busy the machine is at the moment."""

import errno
import json
import os

import numpy as np
import pytest

from neuroevo.core.backend import prepare
from neuroevo.train import latency
from neuroevo.train.compiled import Compiled, Method
from neuroevo.train.latency import FEWEST, MOST_SECONDS, LatencyMeter


class Machine:
    """A clock that predictions move on, by as much as the machine is slow at the moment; every seventh is disturbed."""

    def __init__(self):
        self.now, self.slowness, self.predictions = 0.0, 1.0, 0

    def perf_counter(self):
        return self.now


class Network(Compiled):  # the methods that a measurement does not need are none
    """Predicts in a given time."""

    def __init__(self, machine, seconds):
        super().__init__(None, Method())
        self.machine, self.seconds, self.predictions = machine, seconds, 0

    def outputs(self, x):
        self.predictions += 1
        self.machine.predictions += 1
        disturbed = 4.0 if self.machine.predictions % 7 == 0 else 1.0
        self.machine.now += self.seconds * self.machine.slowness * disturbed

    def place(self, array):
        return array

    reset = set_weights = weights = averages = set_averages = slots = set_slots = epoch = steps = None


SAMPLE = np.zeros((1, 1), np.float32)


@pytest.fixture
def machine(monkeypatch):
    made = Machine()
    monkeypatch.setattr(latency, "time", made)
    return made


@pytest.fixture
def meter(machine, tmp_path):
    """A meter whose reference takes 0.2 ms on this machine at its full speed."""
    made = LatencyMeter(tmp_path)
    made._reference = Network(machine, 2e-4), None, 0.2
    return made


def test_a_latency_is_in_milliseconds_and_disturbances_are_left_out(machine, meter):
    found = meter.measure(Network(machine, 1e-3), SAMPLE)
    assert found.milliseconds == pytest.approx(1.0) and found.spread == pytest.approx(0.0, abs=1e-9)
    assert found.blocks == FEWEST


def test_a_slower_moment_of_the_machine_changes_nothing(machine, meter):
    machine.slowness = 1.6
    assert meter.measure(Network(machine, 1e-3), SAMPLE).milliseconds == pytest.approx(1.0)


def test_blocks_go_on_until_they_agree_or_time_is_up(machine, meter, monkeypatch):
    rng = np.random.default_rng(0)
    plain = latency.fastest
    noise = 0.05
    monkeypatch.setattr(latency, "fastest", lambda *given: plain(*given) * (1 + noise * rng.normal()))
    found = meter.measure(Network(machine, 1e-3), SAMPLE)
    assert found.blocks > FEWEST and found.milliseconds == pytest.approx(1.0, rel=0.03) and 0 < found.spread < 0.2
    noise, start = 0.5, machine.now
    meter.measure(Network(machine, 1e-3), SAMPLE)
    assert MOST_SECONDS < machine.now - start < MOST_SECONDS + 0.1


def test_slow_networks_are_not_repeated_for_ever(machine, meter):
    network = Network(machine, 0.5)
    assert meter.measure(network, SAMPLE).milliseconds > 400
    assert network.predictions <= 12


def test_the_reference_is_measured_once_on_a_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(latency, "CALIBRATION_SECONDS", 0.05)
    prepare(1)
    first = LatencyMeter(tmp_path)._reference_network()[2]
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text()) == {"milliseconds": first} and first > 0
    assert LatencyMeter(tmp_path)._reference_network()[2] == first
    file.write_text("nonsense")
    assert LatencyMeter(tmp_path)._reference_network()[2] > 0


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_the_reference_is_kept_on_a_disk_without_hard_links(number, machine, tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    kept = LatencyMeter(tmp_path)._reference_milliseconds(Network(machine, 3e-4), None)
    (file,) = tmp_path.iterdir()
    assert file.suffix == ".json" and json.loads(file.read_text())["milliseconds"] == kept == pytest.approx(0.3)
    assert LatencyMeter(tmp_path)._reference_milliseconds(Network(machine, 9e-4), None) == kept
