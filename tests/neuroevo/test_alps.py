"""ALPS: ages, layers and fresh blood, against what the paper says of them."""

from __future__ import annotations

import numpy as np
import pytest

import neuroevo as ne
from neuroevo.strategies import Alps, Nsga2, Strategy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace


class TestAlps(StrategySuite):
    def strategy(self) -> Strategy:
        return Alps(population=5, layers=3, gap=2, elites=2)


class TestAlpsWithoutElites(StrategySuite):
    def strategy(self) -> Strategy:
        return Alps(population=4, layers=2, gap=3, elites=0, scheme="linear", deduplicate="genome", crossover=0.9)


class Look(ne.Callback):
    """Keeps the layers, and the ages, of each generation."""

    def __init__(self) -> None:
        self.layers: list[list[list[int]]] = []
        self.ages: list[dict[int, int]] = []

    def on_generation(self, run: ne.Run) -> None:
        strategy = run.strategy
        self.layers.append([[one.id for one in layer] for layer in strategy.members])
        self.ages.append({one.id: strategy.age(one) for one in strategy.living})


def evolved(
    generations: int = 40, seed: int = 1, fitness=lambda genome: -abs(genome.value - 30.0), **settings
) -> tuple[ne.Run, Look]:
    look = Look()
    run = ne.evolve(
        NumberSpace(), ne.tasks.Function(fitness, of="genome"), strategy=Alps(**{"population": 6, "layers": 4, "gap": 3, "elites": 2, **settings}),
        budget=ne.Budget(generations=generations), seed=seed, progress=False, callbacks=[look],
    )  # fmt: skip
    return run, look


@pytest.mark.parametrize(
    ("scheme", "limits"),
    [
        ("linear", [3, 6, 9, 12, 15]),
        ("fibonacci", [3, 6, 9, 15, 24]),
        ("polynomial", [3, 6, 12, 27, 48]),
        ("exponential", [3, 6, 12, 24, 48]),
    ],
)
def test_the_limits_of_age_are_those_of_the_paper(scheme: str, limits: list[int]) -> None:
    assert Alps(layers=6, gap=3, scheme=scheme).limits == limits
    assert Alps(layers=2, gap=3, scheme=scheme).limits == limits[:1]


def test_ages_are_counted_from_the_oldest_genes_and_bounded_by_the_layers() -> None:
    run, look = evolved()
    origin: dict[int, int] = {}
    for one in run:
        origin[one.id] = min((origin[parent] for parent in one.parents), default=one.generation)
    limits = run.strategy.limits
    for number, (layers, ages) in enumerate(zip(look.layers, look.ages, strict=True), start=1):
        assert ages == {id: number - origin[id] for layer in layers for id in layer}
        for layer, limit in zip(layers, limits, strict=False):
            assert all(ages[id] <= limit for id in layer)
        assert all(len(layer) <= 6 for layer in layers)
    assert all(len(layer) == 6 for layer in look.layers[-1]), "all layers are filled in the end"
    assert max(look.ages[-1].values()) == 40, "the highest layer has no limit"


def test_the_lowest_layer_is_drawn_anew_and_those_of_before_try_to_move_up() -> None:
    run, look = evolved()
    for generation in range(40):
        random = [one.id for one in run if one.generation == generation and not one.parents]
        assert len(random) == (6 if generation % 3 == 0 else 0)
        if generation and generation % 3 == 0:
            before, now = look.layers[generation - 1], look.layers[generation]
            assert set(now[0]) == set(random)
            best = {id: run[id].fitness.ranking for id in before[0]}
            worst_above = min(run[id].fitness.ranking for id in now[1])
            assert all(id in now[1] for id in before[0] if best[id] > worst_above), "who is good enough has moved up"


def test_the_best_of_a_layer_lives_on_until_it_is_too_old() -> None:
    run, look = evolved()
    for earlier, later in zip(look.layers, look.layers[1:], strict=False):
        best = max((run[id].fitness.ranking for id in earlier[-1]), default=None)
        if best is not None:
            assert max(run[id].fitness.ranking for id in later[-1]) >= best


def test_parents_are_of_the_childs_layer_or_the_one_below() -> None:
    run, look = evolved()
    for one in run:
        if len(one.parents) == 2:
            layer = {id: number for number, layer in enumerate(look.layers[one.generation - 1]) for id in layer}
            assert abs(layer[one.parents[0]] - layer[one.parents[1]]) <= 1


def test_fresh_blood_finds_the_way_out_of_a_local_optimum_that_holds_an_elitist_search() -> None:
    def two_peaks(genome) -> float:
        return float(
            max(2.0 - 4.0 * abs(genome.value + 2.0), 6.0 - 1.5 * abs(genome.value - 8.5))
        )  # 2 at -2, soon found; 6 at 8.5

    found = {"alps": 0, "elitist": 0}
    for seed in range(3):
        run, _ = evolved(150, seed, two_peaks, crossover=0.0)
        found["alps"] += run.best.fitness.values[0] > 4
        run = ne.evolve(
            NumberSpace(), ne.tasks.Function(two_peaks, of="genome"), seed=seed, progress=False,
            strategy=Nsga2(population=24, deduplicate="none", crossover=0.0), budget=ne.Budget(evaluations=run.evaluations),
        )  # fmt: skip
        found["elitist"] += run.best.fitness.values[0] > 4
    assert found["alps"] == 3 and found["elitist"] <= 1, found


def test_a_setting_that_cannot_be_is_refused() -> None:
    for settings, sentence in (
        ({"layers": 1}, "layers must be a whole number >= 2, got 1"),
        ({"elites": 20}, "elites must be fewer than the population of 20"),
        ({"scheme": "cubic"}, "scheme must be one of 'linear', 'fibonacci', 'polynomial', 'exponential', got 'cubic'"),
        ({"gap": 0}, "gap must be a whole number >= 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Alps(**settings)
    assert np.isfinite(evolved(3)[0].best.fitness.values[0])
