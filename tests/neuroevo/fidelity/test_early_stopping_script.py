"""What `experiments/early_stopping.py` computes of its searches."""

import argparse
import math
import runpy
from pathlib import Path

import pytest

from neuroevo.strategies import Asha, Hyperband, RandomSearch, SuccessiveHalving

SCRIPT = runpy.run_path(str(Path(__file__).parents[3] / "experiments" / "early_stopping.py"))
OPTIONS = argparse.Namespace(eta=3, epochs=27, schedule="whole")


def found(curve: list[tuple[float, float]], same: float) -> dict[str, object]:
    return {"curve": curve, "same_networks": same, "epochs": 100.0, "seconds": 1.0}


FULL = found([(27.0, 0.5), (54.0, 0.8), (81.0, 0.8)], 0.8)


def test_the_hypervolume_covers_the_box_from_a_hundred_parameters_to_a_hundred_thousand() -> None:
    curve = SCRIPT["hypervolumes"]([(10.0, 0.25, 10**3.5), (20.0, 0.6, 1e3), (30.0, 0.0, 1e2)])
    assert curve == [(10.0, pytest.approx(0.25)), (20.0, pytest.approx(0.25)), (30.0, pytest.approx(1.0))]


def test_a_method_is_measured_by_when_it_reaches_what_full_training_reached() -> None:
    beside = SCRIPT["compared"](
        {"full": FULL, "hyperband": found([(9.0, 0.4), (40.0, 0.8), (99.0, 0.84)], 0.6), "asha": found([], 0.0)}
    )
    assert beside["full"] == {"epoch_fraction": 0.54, "hypervolume_ratio": 1.0, "same_networks": 1.0}
    assert beside["hyperband"] == {
        "epoch_fraction": 0.4,
        "hypervolume_ratio": pytest.approx(1.05),
        "same_networks": pytest.approx(0.75),
    }
    assert beside["asha"] == {"epoch_fraction": math.inf, "hypervolume_ratio": 0.0, "same_networks": 0.0}


def test_the_median_of_the_fractions_and_the_worst_of_the_ratios_are_reported() -> None:
    fractions, ratios = (0.3, math.inf, 0.5), (1.1, 0.9, 1.0)
    seeds = [
        {"power_law": {"epoch_fraction": fraction, "hypervolume_ratio": ratio, "same_networks": ratio}}
        for fraction, ratio in zip(fractions, ratios, strict=True)
    ]
    ours = SCRIPT["summary"](seeds, "digits")
    assert (ours["epoch_fraction_digits"], ours["hypervolume_ratio_digits"]) == (0.5, 0.9)
    assert ours["power_law_same_networks_digits"] == 0.9
    assert SCRIPT["summary"](seeds[1:2], "digits")["epoch_fraction_digits"] is None, "JSON has no infinity"


def test_every_method_with_rungs_trains_to_the_same_end() -> None:
    made = {method: SCRIPT["strategy"](method, OPTIONS) for method in ("hyperband", "asha", "successive_halving")}
    assert made["hyperband"] == Hyperband(3, 1, 27, RandomSearch(batch=1))
    assert made["asha"] == Asha(3, 1, 4, RandomSearch(batch=1), batch=1)
    assert made["successive_halving"] == SuccessiveHalving(27, 3, 1, 4, RandomSearch(batch=1))
    assert {strategy.full.epochs for strategy in made.values()} == {27}
