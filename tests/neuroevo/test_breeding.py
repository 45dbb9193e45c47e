"""What the first strategies share, and what is particular to each."""

import itertools
from functools import partial

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core.objectives import FLOPS, Objective
from neuroevo.strategies import Lemonade, Nsga2, Nsga3, RandomSearch, RegularizedEvolution, Search
from neuroevo.strategies.evolution.breeding import Breeding
from neuroevo.testing.strategy import Drive, GenesTask, StrategySuite

SPACE = CellSpace()
SMALL = CellSpace(nodes=3)  # 125 cells


def convolutions(cell) -> float:
    return float(sum(name.startswith("convolution") for name in cell.genes()))


def two_objectives(limit: float | None = None) -> ne.tasks.Function:
    flops = Objective("flops", "minimise", "cheap", of=FLOPS.of, limit=limit)
    return ne.tasks.Function(convolutions, {"convolutions": ne.maximise, "flops": flops}, of="genome")


@pytest.mark.parametrize("deduplicate", ["genome", "key"])
@pytest.mark.parametrize("make", [RandomSearch, Nsga2, RegularizedEvolution])
def test_deduplication_evaluates_every_distinct_cell_of_a_small_space_at_most_once(make, deduplicate: str) -> None:
    run = ne.evolve(
        SMALL, two_objectives(), strategy=make(deduplicate=deduplicate), budget=ne.Budget(evaluations=1000), progress=False
    )
    cells = [individual.genome for individual in run]
    tokens = [cell if deduplicate == "genome" else (cell.key(), cell.flops) for cell in cells]
    assert len(set(tokens)) == len(tokens)
    everything = [SMALL.build(decisions) for decisions in itertools.product(range(5), repeat=3)]
    distinct = len({cell if deduplicate == "genome" else (cell.key(), cell.flops) for cell in everything})
    assert run.ended == "exhausted"
    assert 0.9 * distinct <= len(tokens) <= distinct


def test_a_cheaper_isomorphic_cell_is_not_a_duplicate() -> None:
    search = Search(SPACE, two_objectives())
    breeding = Breeding(search, "key")
    wasteful, cheap = SPACE.build([3, 0, 0, 1, 0, 0]), SPACE.build([0, 0, 0, 1, 0, 0])
    assert wasteful.key() == cheap.key()
    assert breeding.accepts(wasteful) and breeding.accepts(cheap)
    assert not breeding.accepts(SPACE.build([0, 3, 0, 1, 0, 0]))  # as wasteful as the first


def test_without_deduplication_small_spaces_repeat() -> None:
    run = ne.evolve(SMALL, two_objectives(), strategy=RandomSearch(), budget=ne.Budget(evaluations=300), progress=False)
    assert run.evaluations == 300 and len({individual.genome for individual in run}) < 130


def test_a_limit_that_nothing_respects_is_named() -> None:
    with pytest.raises(ValueError, match=r"none of 1000 random genomes respects flops <= 5; relax the limit"):
        ne.evolve(SPACE, two_objectives(limit=5), strategy=Nsga2(population=10), budget=ne.Budget(generations=2), progress=False)


def test_random_search_does_not_depend_on_its_batch() -> None:
    def genomes(batch: int) -> list:
        task = two_objectives()
        run = ne.evolve(SPACE, task, strategy=RandomSearch(batch=batch), budget=ne.Budget(evaluations=60), seed=3, progress=False)
        return [individual.genome for individual in run]

    assert genomes(1) == genomes(7) == genomes(60)


def test_regularized_evolution_lets_the_oldest_die_and_mutates_a_living_parent() -> None:
    drive = Drive(RegularizedEvolution(population=6, sample=2), SPACE, GenesTask(failing=0.0), 1)
    drive.step()
    for birth in range(6, 30):
        before = [individual.id for individual in drive.strategy.living]
        drive.step()
        after = [individual.id for individual in drive.strategy.living]
        assert after == [*before[1:], birth]
        (parent,) = drive.kept[birth].parents
        assert parent in before
        assert drive.kept[birth].genome.distance(drive.kept[parent].genome) == 1
    assert drive.strategy.generation == 5


def test_regularized_evolution_prefers_the_best_of_its_sample() -> None:
    drive = Drive(RegularizedEvolution(population=20, sample=200), SPACE, GenesTask(failing=0.0), 1)
    drive.step()
    best = max(drive.strategy.living, key=lambda individual: individual.fitness.wvalues)
    drive.step()
    assert drive.asked[-1].individuals[0].parents == (best.id,)


def test_a_failed_child_of_regularized_evolution_neither_joins_nor_displaces() -> None:
    drive = Drive(RegularizedEvolution(population=10, sample=3), SPACE, GenesTask(failing=0.3), 1)
    for _ in range(80):
        drive.step()
    failed = {id for id, individual in drive.kept.items() if individual.status == "failed"}
    assert failed and not failed & {individual.id for individual in drive.strategy.living}
    assert len(drive.strategy.living) == 10


@pytest.mark.parametrize("make", [Nsga2, Nsga3, RegularizedEvolution])
def test_lamarckian_children_start_from_their_parents_artifacts(make) -> None:
    drive = Drive(make(population=10, inheritance="lamarckian"), SPACE, GenesTask(failing=0.2), 1)
    for _ in range(5):
        drive.step()
    children = [trial for trial in drive.asked if trial.individuals[0].parents]
    assert children
    for trial in children:
        assert tuple(artifact.individual for artifact in trial.artifacts) == trial.individuals[0].parents
        assert trial.options == {"inheritance": "lamarckian"}
    assert all(not trial.artifacts for trial in drive.asked if not trial.individuals[0].parents)


def test_nsga2_finds_the_exact_front() -> None:
    run = ne.evolve(SPACE, two_objectives(), strategy=Nsga2(), budget=ne.Budget(evaluations=900), seed=1, progress=False)
    expected = [(float(n), float(SPACE.build([2] * n + [0] * (6 - n)).flops)) for n in range(7)]
    assert sorted(individual.fitness.values for individual in run.front) == expected


def test_nsga2_keeps_the_elite_and_counts_it() -> None:
    drive = Drive(Nsga2(population=12, offspring=4), SPACE, GenesTask(failing=0.2), 1)
    best: list[float] = []
    for _ in range(15):
        drive.step()
        best.append(max(individual.fitness.wvalues[0] for individual in drive.strategy.living))
    assert best == sorted(best)
    values = np.array([[-w for w in individual.fitness.wvalues] for individual in drive.strategy.living])
    dominated = [any((other <= row).all() and (other < row).any() for other in values) for row in values]
    assert drive.strategy.report() == {"population": 12, "non_dominated": dominated.count(False)}


def test_nsga3_keeps_a_point_for_nearly_every_reference_direction() -> None:
    def fitness(cell) -> dict[str, float]:
        counts = np.bincount(cell.decisions, minlength=5).astype(float)
        ones, threes, pools = counts[2:] + 7.0 * counts[:2].sum()  # cells without "none" and "skip" lie on a plane
        return {"ones": ones, "threes": threes, "pools": pools}

    objectives = dict.fromkeys(("ones", "threes", "pools"), ne.minimise)
    task = ne.tasks.Function(fitness, objectives, of="genome")
    strategy = Nsga3(population=28, divisions=6)  # 28 directions, 28 ways to fill six edges with three operations
    run = ne.evolve(SPACE, task, strategy=strategy, budget=ne.Budget(evaluations=1500), seed=1, progress=False)
    assert len({individual.fitness.values for individual in run.front}) == 28
    assert len({individual.fitness.values for individual in strategy.living}) >= 26


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RandomSearch(batch=0), "batch must be a whole number >= 1, got 0"),
        (lambda: RegularizedEvolution(population=0), "population must be a whole number >= 1"),
        (lambda: RegularizedEvolution(sample=2.5), "sample must be a whole number >= 1, got 2.5"),
        (lambda: Nsga2(crossover=1.5), "crossover must be a probability between 0 and 1, got 1.5"),
        (lambda: Nsga2(deduplicate="phenotype"), "deduplicate must be one of 'none', 'genome', 'key', got 'phenotype'"),
        (lambda: Nsga2(inheritance="lamarkian"), "inheritance must be one of 'none', 'lamarckian', got 'lamarkian'"),
        (lambda: Nsga3(divisions=0), "divisions must be a whole number >= 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("make", [partial(Nsga2, deduplicate="none"), partial(Nsga2, deduplicate="key"), Nsga3, Lemonade])
def test_a_spread_first_generation_is_wider_than_a_random_one(make) -> None:
    def begun(first: str) -> list[float]:
        strategy = make(population=6, first=first)
        strategy.start(Search(SPACE, two_objectives(), seed=3))
        return sorted(trial.individuals[0].genome.flops for trial in strategy.ask())

    random, spread = begun("random"), begun("spread")
    assert len(random) == len(spread) == 6
    assert spread[-1] - spread[0] >= random[-1] - random[0]
    assert min(np.diff(spread)) > min(np.diff(random))


def test_candidates_that_a_spread_generation_leaves_out_may_be_born_later_and_none_is_born_twice() -> None:
    breeding = Breeding(Search(SMALL, two_objectives(), seed=1), "key", "spread")
    born = breeding.first(4)
    assert breeding.seen == {breeding.token(individual.genome) for individual in born}
    while more := breeding.first(9):  # as where all of the first failed
        born += more
    tokens = [breeding.token(individual.genome) for individual in born]
    assert len(set(tokens)) == len(tokens) == 70, "until nothing is left"


def test_candidates_whose_cost_is_not_finite_are_chosen_last() -> None:
    def cost(cell) -> float:
        return float("inf") if cell.decisions[0] == 1 else float(sum(cell.decisions))

    costs = Objective("cost", "minimise", "cheap", of=cost)
    task = ne.tasks.Function(convolutions, {"convolutions": ne.maximise, "cost": costs}, of="genome")
    run = ne.evolve(SPACE, task, strategy=Nsga2(population=8, first="spread"), budget=ne.Budget(evaluations=8), seed=2, progress=False)
    values = sorted(individual.values["cost"] for individual in run)
    assert all(individual.status == "done" for individual in run) and min(np.diff(values)) > 0


def test_a_spread_first_generation_needs_a_cheap_objective(tmp_path) -> None:
    task = ne.tasks.Function(convolutions, {"convolutions": ne.maximise}, of="genome")
    for strategy in (Nsga2(population=4, first="spread"), Lemonade(first="spread")):
        with pytest.raises(ValueError, match=r"first='spread' chooses by cheap objectives, which are known without a training, and the task has none"):
            ne.evolve(SPACE, task, strategy=strategy, budget=ne.Budget(evaluations=8), run=tmp_path / "run", progress=False)
        assert not (tmp_path / "run").exists(), "nothing was begun"


class TestNsga2ThatBeginsSpread(StrategySuite):
    def strategy(self):
        return Nsga2(population=8, first="spread", deduplicate="genome")


@pytest.mark.parametrize("kind", [Nsga2, Nsga3, Lemonade])
def test_runs_from_before_there_was_this_choice_have_its_usual_value(kind) -> None:
    assert "first" not in kind().settings() and kind(first="spread").settings()["first"] == "spread"
