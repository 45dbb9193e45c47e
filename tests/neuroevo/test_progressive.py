"""Progressive search: sizes, what is wider, and the most promising by a predictor."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace, DagSpace, NeatSpace, NetworkSpace, StackSpace
from neuroevo.predictors import Ensemble, GaussianProcess, Neighbours
from neuroevo.run.settings import strategy_from_settings
from neuroevo.strategies import Progressive
from neuroevo.strategies.bayesian.widening import widening
from neuroevo.testing import StrategySuite
from neuroevo.testing.strategy import Drive, GenesTask

CELLS = CellSpace()
CHAINS = ChainSpace((8, 8, 1), 10, min_layers=2, max_layers=6)
STACKS = StackSpace((8, 8, 1), 10, max_layers=5)
NASNET = CellSpace("nasnet", 3, (8, 8, 1), 10, 4, 1, 2)
DARTS = CellSpace("darts", 3, (8, 8, 1), 10, 4, 1, 2)
SPACES = [CHAINS, STACKS, DagSpace((8, 8, 1), 10), NetworkSpace((8, 8, 1), 10)]


class TestProgressive(StrategySuite):
    def strategy(self):
        return Progressive(Neighbours(), best=8, batches=2, candidates=300)


class TestProgressiveOfChains(StrategySuite):
    def strategy(self):
        return Progressive(Neighbours(), best=4, batches=2, initial=4, candidates=10, inheritance="lamarckian")

    def space(self):
        return CHAINS


class TestProgressiveOfStacks(StrategySuite):
    tells = 8

    def strategy(self):
        return Progressive(Neighbours(), best=3, batches=1, initial=6, candidates=10)

    def space(self):
        return STACKS


class TestProgressiveOfBlocks(StrategySuite):
    tells = 5

    def strategy(self):
        return Progressive(best=4, batches=2, initial=5, candidates=10, inheritance="lamarckian")

    def space(self):
        return NASNET


def active(cell) -> set[int]:
    """The nodes of a cell that an operation other than "none" joins."""
    return {node for edge in cell.edges() if edge.operation != "none" for node in (edge.source, edge.target)}


def test_cells_grow_node_by_node_until_every_cell_there_is() -> None:
    grown = widening(CELLS)
    assert (grown.smallest, grown.largest) == (2, 4)
    two = list(grown.first())
    assert len(two) == 5 and all(active(cell) <= {0, 3} for cell in two)
    three = [cell for _, cell in grown.all_wider(two, 3, 1000)]
    assert len(set(three)) == 125 and all(active(cell) <= {0, 1, 3} for cell in three)
    four = [cell for _, cell in grown.all_wider(three, 4, 20_000)]
    assert len(set(four)) == 15_625
    assert grown.all_wider(three, 4, 15_624) is None
    rng = np.random.default_rng(1)
    for place, cell in grown.all_wider(two, 3, 1000):
        assert cell.decisions[3] == two[place].decisions[3]
    for _ in range(50):
        small = grown.random(3, rng)
        wide = grown.wider(small, 4, rng)
        assert active(small) <= {0, 1, 3}
        assert [wide.decisions[place] for place in (0, 3, 4)] == [small.decisions[place] for place in (0, 3, 4)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.encoding)
def test_networks_grow_by_a_layer_behind_those_they_have(space) -> None:
    grown, rng = widening(space), np.random.default_rng(1)
    for _ in range(20):
        genome, size = grown.random(grown.smallest, rng), grown.smallest
        for _ in range(3):
            size += 1
            wide = grown.wider(genome, size, rng)
            if wide is None:
                break
            before, after = space.decisions(genome), space.decisions(wide)
            kept, now = (before[1:], after[1:]) if grown.largest is not None else (before[:-1], after)
            assert len(after) > len(before)
            if space.encoding != "network":  # there equal networks have one description, which another layer may change
                assert now[: len(kept)] == kept
            genome = wide


def test_a_space_without_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a space in which the size of a network is decided"):
        Drive(Progressive(), NeatSpace(2, 1), GenesTask(), 1)


@pytest.mark.parametrize("space", [NASNET, DARTS], ids=lambda space: space.vocabulary)
def test_cells_grow_by_a_block_in_each_of_both(space) -> None:
    grown, rng = widening(space), np.random.default_rng(1)
    assert (grown.smallest, grown.largest) == (1, 3)
    for _ in range(20):
        genome = grown.random(1, rng)
        assert len(genome.cells[0].nodes) == len(genome.cells[1].nodes) == 1
        for size in (2, 3):
            wide = grown.wider(genome, size, rng)
            for before, after in zip(genome.cells, wide.cells, strict=True):
                assert after.nodes[: size - 1] == before.nodes and len(after.nodes) == size
            genome = wide
        assert genome.space is space
    options = {tuple(grown.wider(grown.random(1, rng), 2, rng).genes()) for _ in range(30)}
    assert len(options) == 30


def test_a_predictor_that_compares_one_space_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(ValueError, match=r"cells of fewer blocks are genomes of another space.*use GaussianProcess"):
        Drive(Progressive(Neighbours()), NASNET, GenesTask(), 1)
    with pytest.raises(ValueError, match="cells of fewer blocks"):
        Drive(Progressive(GaussianProcess("hamming")), NASNET, GenesTask(), 1)


def size(genome) -> float:
    return abs(math.log(genome.parameters / 20_000))


@pytest.mark.parametrize("space", [NASNET, DARTS, *SPACES], ids=lambda space: getattr(space, "vocabulary", space.encoding))
def test_every_space_with_sizes_is_searched_with_the_default_predictor(space, tmp_path) -> None:
    task = ne.tasks.Function(size, of="genome", objectives={"loss": ne.minimise})
    strategy = Progressive(best=4, batches=2, initial=4, candidates=20)
    run = ne.evolve(
        space, task, strategy=strategy, budget=ne.Budget(evaluations=12), seed=1, run=tmp_path / "run", progress=False
    )
    assert run.evaluations == 12 and not run.failures
    sizes = [row["size"] for row in run.summaries]
    assert sizes == sorted(sizes) and set(sizes) >= {sizes[0], sizes[0] + 1, sizes[0] + 2}
    read = ne.load_run(tmp_path / "run")
    assert [one.genome for one in read] == [one.genome for one in run] and [one.values for one in read] == [
        one.values for one in run
    ]
    assert (
        len(ne.plots.predictions_data(read).ids)
        == sum(row["size"] > sizes[0] for row in run.summaries for _ in row["predicted"])
        > 6
    )
    assert len(ne.plots.landscape_data(read).ids) == 12


def test_an_ensemble_learns_from_cells_of_several_sizes() -> None:
    task = ne.tasks.Function(size, of="genome", objectives={"loss": ne.minimise})
    for features in ("paths", "decisions"):
        strategy = Progressive(Ensemble(features, epochs=5, layers=2), best=4, batches=1, initial=4, candidates=10)
        run = ne.evolve(NASNET, task, strategy=strategy, budget=ne.Budget(evaluations=12), seed=1, progress=False)
        assert run.evaluations == 12 and run.summaries[-1]["size"] == 3


def test_every_size_is_evaluated_from_the_best_of_the_one_below() -> None:
    drive = Drive(Progressive(Neighbours(), best=20, batches=4, candidates=400), CELLS, GenesTask(failing=0.0), 1)
    sizes = []
    while not drive.log or drive.log[-1] != "[]":
        drive.step()
        sizes.append(drive.strategy.report()["size"])
    assert sizes[0] == 2 and sizes == sorted(sizes) and sizes[-1] == 4
    assert [len(json.loads(batch)) for batch in drive.log] == [5, *[5] * 4, *[5] * 4, 0]
    cells = [trial.individuals[0] for trial in drive.asked]
    assert len({one.genome.key() + str(one.fitness.values[1]) for one in cells}) == len(cells)
    assert all(len(one.parents) == (one.id >= 5) for one in cells)


def test_the_most_promising_by_the_predictor_come_first() -> None:
    count = ne.tasks.Function(lambda genome: sum(name == "convolution_3x3" for name in genome.genes()) / 6, of="genome")
    strategy = Progressive(Neighbours(), best=20, batches=4)
    run = ne.evolve(CELLS, count, strategy=strategy, budget=ne.Budget(evaluations=100), seed=1, progress=False)
    values = [one.values["fitness"] for one in run]
    chance = np.mean(
        [sum(name == "convolution_3x3" for name in CELLS.random(np.random.default_rng(s)).genes()) / 6 for s in range(50)]
    )
    assert np.mean(values[-5:]) > 2 * chance and run.ended == "exhausted"


def test_by_default_the_predictor_is_asked_about_every_wider_cell() -> None:
    asked = []

    @dataclass
    class Counting(Neighbours):
        def estimate(self, genomes):
            asked.append({genome.key() for genome in genomes})
            return super().estimate(genomes)

    count = ne.tasks.Function(lambda genome: sum(name == "convolution_3x3" for name in genome.genes()) / 6, of="genome")
    run = ne.evolve(
        CELLS,
        count,
        strategy=Progressive(Counting(), best=30, batches=1),
        budget=ne.Budget(evaluations=90),
        seed=3,
        progress=False,
    )
    cells = [one.genome for one in run]
    small = [cell for cell in cells if active(cell) <= {0, 1, 3}]
    wider = {cell.key() for _, cell in widening(CELLS).all_wider([one for one in small if 1 in active(one)], 4, 10_000)}
    assert wider - {cell.key() for cell in small} <= max(asked, key=len)


def test_settings_make_the_same_strategy_again() -> None:
    strategy = Progressive(Neighbours(k=2), best=7, log=False)
    assert strategy_from_settings(json.loads(json.dumps(strategy.settings()))) == strategy


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: Progressive(3), TypeError, "predictor must be"),
        (lambda: Progressive(best=0), ValueError, "best must be a whole number >= 1"),
        (lambda: Progressive(candidates=0), ValueError, "candidates must be a whole number >= 1"),
        (lambda: Progressive(batches=0), ValueError, "batches must be a whole number >= 1"),
        (lambda: Progressive(log=1), ValueError, "log must be true, false or None"),
    ],
)
def test_settings_out_of_range_are_refused(make, error, sentence) -> None:
    with pytest.raises(error, match=sentence):
        make()
