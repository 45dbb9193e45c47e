"""Local search: the neighbours of the best, all of them, and a new start in a local optimum."""

import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace
from neuroevo.strategies import LocalSearch
from neuroevo.testing import StrategySuite
from neuroevo.testing.strategy import Drive, GenesTask

CHAINS = ChainSpace((8, 8, 1), 10, min_layers=1, max_layers=4)


class TestLocalSearch(StrategySuite):
    tells = 60

    def strategy(self):
        return LocalSearch(initial=3)


class TestLocalSearchOfWholeNeighbourhoods(StrategySuite):
    def strategy(self):
        return LocalSearch(move="best")


class TestLocalSearchOfMutants(StrategySuite):
    tells = 30

    def strategy(self):
        return LocalSearch(move="best", mutants=6, batch=4, inheritance="lamarckian")

    def space(self):
        return CHAINS


class TestLocalSearchInBatchesThatInherits(StrategySuite):
    tells = 30

    def strategy(self):
        return LocalSearch(batch=5, inheritance="lamarckian")


counted = ne.tasks.Function(lambda genome: sum(name == "convolution_3x3" for name in genome.genes()) / 6, of="genome")


@pytest.mark.parametrize("batch", [1, 7, None])
def test_a_climb_ends_where_no_neighbour_is_better(batch) -> None:
    space = CellSpace()
    drive = Drive(LocalSearch(move="best", batch=batch), space, GenesTask(failing=0.0), 3)
    optimum = None
    for _ in range(400):
        before = drive.strategy._current
        drive.step()
        if before is not None and drive.asked[-1].individuals[0].parents == ():
            optimum = before
            break
    assert optimum is not None and drive.strategy._climbs >= 1
    scores = {one.genome.key(): one.fitness.values[0] for one in drive.kept.values()}
    around = [scores[cell.key()] for cell in optimum.genome.neighbours()]
    assert optimum.fitness.values[0] > max(value for value in around if value != optimum.fitness.values[0])


def test_no_network_is_evaluated_twice_and_neighbours_differ_in_one_decision() -> None:
    drive = Drive(LocalSearch(batch=4), CellSpace(), GenesTask(failing=0.0), 1)
    for _ in range(25):
        drive.step()
    cells = [trial.individuals[0] for trial in drive.asked]
    keys = [f"{one.genome.key()} {one.fitness.values[1]}" for one in cells]
    assert len(set(keys)) == len(keys)
    for one in cells:
        for parent in one.parents:
            assert one.genome.distance(drive.kept[parent].genome) == 1


def test_the_first_better_neighbour_is_gone_on_from() -> None:
    drive = Drive(LocalSearch(), CellSpace(), GenesTask(failing=0.0), 1)
    for _ in range(120):
        before = drive.strategy._current
        drive.step()
        told = drive.asked[-1].individuals[0]
        if before is not None and told.parents == (before.id,) and told.fitness.values[0] > before.fitness.values[0]:
            assert drive.strategy._current is told


def test_one_hill_is_climbed_decision_by_decision() -> None:
    budget = ne.Budget(evaluations=160, target=1.0)
    run = ne.evolve(CellSpace(), counted, strategy=LocalSearch(), budget=budget, seed=2, progress=False)
    assert run.best.values["fitness"] == 1.0 and run.summaries[-1]["climbs"] == 1


def test_a_second_climb_goes_over_known_networks_without_evaluating_them_again() -> None:
    drive = Drive(LocalSearch(), CellSpace(nodes=3), GenesTask(failing=0.0), 1)
    while not drive.log or drive.log[-1] != "[]":
        drive.step()
    assert drive.strategy._climbs > 1
    ids = [trial.individuals[0].id for trial in drive.asked]
    assert len(set(ids)) == len(ids)


def test_workers_that_are_free_take_neighbours() -> None:
    space, budget = CellSpace(), ne.Budget(evaluations=60)
    run = ne.evolve(
        space, counted, strategy=LocalSearch(initial=4), schedule="asynchronous", budget=budget, seed=1, progress=False
    )
    assert run.evaluations == 60 and run.best.values["fitness"] > 0.5


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LocalSearch(move="worst"), "move must be one of 'best', 'first'"),
        (lambda: LocalSearch(initial=0), "initial must be a whole number >= 1"),
        (lambda: LocalSearch(batch=0), "batch must be a whole number >= 1"),
    ],
)
def test_settings_out_of_range_are_refused(make, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
