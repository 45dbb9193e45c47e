"""Rows of choices: the genome suite, tables, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import ChoiceGenome, ChoiceSpace
from genomes.testing import GenomeSuite, philox

MACRO = ChoiceSpace.alike(8, ("0", "1", "2"), separator="")


class TestChoices(GenomeSuite):
    space = ChoiceSpace((("16", "32", "64"), ("relu", "tanh"), ("one",)), ("width", "activation", "always"), mutation=0.3)
    steps = 60


class TestChoicesAlike(GenomeSuite):
    space = MACRO
    steps = 60


def test_a_mutation_changes_one_choice() -> None:
    parent = MACRO.random(philox(1, 0))
    children = [parent.mutate(philox(1, id), clock=1) for id in range(1, 200)]
    assert {round(8 * parent.distance(child)) for child in children} == {1}
    assert {place for child in children for place in range(8) if child.taken[place] != parent.taken[place]} == set(range(8))


def test_every_choice_of_a_child_is_one_of_its_parents() -> None:
    parents = [MACRO.build([option] * 8) for option in range(3)]
    child = parents[0].crossover(parents[1:], philox(3, 0))
    assert set(child.taken) == {0, 1, 2}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A grid of widths and depths, of which one combination is missing."""
    rows = [f"{width},{depth},{abs(width - 32) + depth}" for width in (8, 16, 32, 128) for depth in (1, 2, 3) if (width, depth) != (8, 3)]
    path = tmp_path / "grid.csv"
    path.write_text("width,depth,loss\n" + "\n".join(rows) + "\n")
    return path


def test_a_table_of_two_columns_is_searched(table: Path) -> None:
    space = ChoiceSpace.of_table(table, ("width", "depth"))
    assert space.options == (("8", "16", "32", "128"), ("1", "2", "3")) and space.size == 12
    task = ne.tasks.Table(table, key=("width", "depth"), signal={"loss": ne.minimise})
    run = ne.evolve(space, task, strategy="local_search", budget=ne.Budget(evaluations=12), seed=1)
    assert type(run.strategy) is ne.strategies.LocalSearch
    best = run.best.genome
    assert isinstance(best, ChoiceGenome) and best.chosen == ("32", "1") and run.best.values == {"loss": 1.0}
    reasons = [individual.reason for individual in run if individual.status == "failed"]
    assert all("has no row with width, depth '8 3'" in reason for reason in reasons)
    again = type(task).from_settings(task.settings())
    assert again.rows() == task.rows()


@pytest.mark.parametrize(
    "strategy",
    [
        ne.strategies.RegularizedEvolution(population=5, sample=2),
        ne.strategies.Reinforce(),
        ne.strategies.Bayesian('GaussianProcess("hamming")', initial=6),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_strategies_of_every_kind_search_choices(table: Path, strategy: ne.strategies.Strategy) -> None:
    task = ne.tasks.Table(table, key=("width", "depth"), signal={"loss": ne.minimise})
    run = ne.evolve(ChoiceSpace.of_table(table, ("width", "depth")), task, strategy=strategy, budget=ne.Budget(evaluations=10), seed=2)
    assert run.evaluations == 10 and run.best.values["loss"] <= 18


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"options": ()}, "options must be a tuple of names for each of 1 to 10,000 choices"),
        ({"options": (("a", "a"),)}, "the options of choice 0 must be different"),
        ({"options": (("a",), ())}, "the options of choice 1 must be a tuple of one or more texts"),
        ({"options": (("a", "b"),), "names": ("x", "y")}, "there must be 1 different names"),
        ({"options": (("a", "b"),), "mutation": 1.5}, "mutation must be a share from 0 to 1"),
    ],
)
def test_what_is_no_space_is_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ChoiceSpace(**settings)


def test_a_column_that_is_not_there_is_named(table: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown column of grid\.csv 'widths'; did you mean 'width'"):
        ChoiceSpace.of_table(table, ("widths",))
    with pytest.raises(ValueError, match="unknown option of choice 0 '7'"):
        MACRO.from_genes(["7"] * 8)


def test_random_genomes_are_spread_evenly() -> None:
    counts = np.bincount([MACRO.random(philox(5, id)).taken[3] for id in range(600)])
    assert len(counts) == 3 and counts.min() > 150


def test_a_strategy_by_a_name_that_nobody_has(table: Path) -> None:
    task = ne.tasks.Table(table, key=("width", "depth"), signal={"loss": ne.minimise})
    with pytest.raises(ValueError, match="did you mean"):
        ne.evolve(ChoiceSpace.of_table(table, ("width", "depth")), task, strategy="lokal_search", budget=ne.Budget(evaluations=2))
