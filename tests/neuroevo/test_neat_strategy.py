"""NEAT as a search: exact populations, species by the paper, failures, and runs that go on exactly where they stopped."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.base import Space
from neuroevo import strategies
from neuroevo.strategies import Neat, Strategy
from neuroevo.testing import StrategySuite

GROWING = {"add_node_rate": 0.2, "add_connection_rate": 0.3}
FORWARD = NeatSpace(inputs=2, outputs=1, bias="input", **GROWING)
RECURRENT = NeatSpace(inputs=2, outputs=1, bias="node", recurrent=True, **GROWING)
POPULATION = 24


class TestNeat(StrategySuite):
    def strategy(self) -> Strategy:
        return Neat(population=12, threshold=1.0, elitism=2, stagnation=3)

    def space(self) -> Space:
        return FORWARD

    def test_limits_on_cheap_objectives_hold_for_every_trial(self) -> None:
        with pytest.raises(ValueError, match="Neat keeps no limits"):  # rather than breaking them silently
            self.drive(task=self.task(limit=500.0))


class TestNeatWithATargetNumberOfSpecies(StrategySuite):
    def strategy(self) -> Strategy:
        return Neat(population=15, threshold=1.0, target_species=3, interspecies=0.3, mutate_crossed=0.5, refocus=3, survival=0.5)

    def space(self) -> Space:
        return RECURRENT

    def test_limits_on_cheap_objectives_hold_for_every_trial(self) -> None:
        with pytest.raises(ValueError, match="Neat keeps no limits"):  # rather than breaking them silently
            self.drive(task=self.task(limit=500.0))


def xor() -> Callable[..., float]:
    """A fitness that a worker process can be sent."""

    def fitness(network) -> float:
        x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        return float((4 - np.abs(network(x)[:, 0] - [0, 1, 1, 0]).sum()) ** 2)

    return fitness


@ne.population_fitness
def xor_of_all(population):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return (4 - np.abs(population(x)[:, :, 0] - [0, 1, 1, 0]).sum(axis=1)) ** 2


FITNESS = {"network": xor(), "population": xor_of_all}


def evolve(fitness=FITNESS["network"], *, generations: int = 8, space: NeatSpace = FORWARD, **options) -> ne.Run:
    strategy = options.pop("strategy", None) or Neat(population=POPULATION, threshold=1.5)
    budget = options.pop("budget", None) or ne.Budget(generations=generations)
    return ne.evolve(space, fitness, strategy=strategy, budget=budget, seed=options.pop("seed", 5), progress=False, **options)


def assert_same(a: ne.Run, b: ne.Run) -> None:
    """Everything that a run leaves: individuals, fronts, reports, the strategy's state."""
    assert (a.evaluations, a.failures, a.generation) == (b.evaluations, b.failures, b.generation)
    assert a.history().equals(b.history())
    assert [i.genome for i in a] == [i.genome for i in b]
    assert [i.id for i in a.front] == [i.id for i in b.front]
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.summaries] for run in (a, b)]
    assert timeless[0] == timeless[1]
    if a.strategy is not None and b.strategy is not None:
        mine, theirs = a.strategy.state(), b.strategy.state()
        assert mine.json == theirs.json and mine.arrays.keys() == theirs.arrays.keys()
        assert all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in mine.arrays)


# Generations ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{}, {"survival": 0.01}, {"threshold": 0.05}, {"threshold": 1e9}, {"crossover": 1.0, "elitism": 0}]
)
def test_every_generation_has_exactly_the_population(settings: dict) -> None:
    run = evolve(strategy=Neat(population=POPULATION, **settings))
    assert run.history().groupby("generation").size().tolist() == [POPULATION] * 8
    assert all(sum(sizes) == POPULATION for sizes in run.generations()["species_sizes"])


def test_neat_solves_xor() -> None:
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        xor(),
        population=150,
        seed=1,
        budget=ne.Budget(generations=150, target=15.0),
        progress=False,
    )
    assert run.solved and run.best.genome.hidden >= 1
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert ((run.best.network()(x)[:, 0] > 0.5) == [False, True, True, False]).all()


def test_parents_are_of_the_generation_before_and_operators_say_what_happened() -> None:
    run = evolve(strategy=Neat(population=60, threshold=1.5))
    for individual in run:
        if individual.generation == 0:
            assert individual.parents == () and individual.operators == ("random",)
            continue
        parents = [run[id] for id in individual.parents]
        assert all(parent.generation == individual.generation - 1 for parent in parents)
        assert len(parents) == 1 + ("crossover" in individual.operators)
        if len(parents) == 2:  # the fitter first: disjoint and excess genes are its own
            assert parents[0].fitness >= parents[1].fitness
        if individual.operators in (("elite",), ("copy",)):
            assert individual.genome == parents[0].genome
    done = {name for individual in run for name in individual.operators}
    assert {"random", "elite", "crossover", "add_node", "add_connection", "mutate_weights"} <= done


def test_champions_of_species_of_more_than_five_are_copied() -> None:
    run = evolve(strategy=Neat(population=60, threshold=6.0, elitism=5), generations=6)
    strategy = run.strategy
    assert isinstance(strategy, Neat)
    champions = [champion.genome for champion, size in zip(strategy.champions(), strategy.species.size, strict=True) if size > 5]
    (trial,) = strategy.ask()
    elites = [individual.genome for individual in trial.individuals if individual.operators == ("elite",)]
    assert champions and elites and all(elite in champions for elite in elites)
    best = max(strategy.living, key=lambda individual: individual.fitness)
    assert best.genome in elites


def test_only_the_fittest_share_of_a_species_has_children() -> None:
    run = evolve(strategy=Neat(population=60, threshold=1e9, survival=0.1, interspecies=0.0))
    for generation in range(7):
        ranked = sorted((i for i in run if i.generation == generation), key=lambda i: i.fitness, reverse=True)
        parents = {id for i in run if i.generation == generation + 1 for id in i.parents}
        assert parents <= {i.id for i in ranked if i.fitness >= ranked[5].fitness} and len(parents) <= 6


def test_stagnant_species_have_no_children() -> None:
    def flat(genome) -> float:  # nobody ever improves: only the best species goes on
        return 1.0 + (genome.hidden == 0)

    task = ne.tasks.Function(flat, of="genome")
    run = evolve(task, strategy=Neat(population=40, threshold=1.0, stagnation=2, refocus=0), generations=5)
    strategy = run.strategy
    assert isinstance(strategy, Neat) and len(strategy.species) > 1
    (trial,) = strategy.ask()
    species = strategy.species
    stale = strategy.generation - 1 - species.improved >= 2
    stale[int(np.argmax([champion.fitness.values[0] for champion in strategy.champions()]))] = False
    assert stale.any()
    first = strategy.living[0].id
    mothers = {species.label[individual.parents[0] - first] for individual in trial.individuals}
    assert not mothers & set(np.flatnonzero(stale).tolist())


# Failures ---------------------------------------------------------------------------------------------------------------------


def breaking(kind: str) -> Callable[..., object]:
    def fitness(network) -> object:
        value = float(network(np.ones((1, 2)))[0, 0])
        if value > 0.5:
            return value
        return (
            {"nan": float("nan"), "infinite": float("inf"), "none": None, "long": np.array([1.0, 2.0])}[kind]
            if kind != "error"
            else 1 / 0
        )

    return fitness


@pytest.mark.parametrize("kind", ["nan", "infinite", "none", "long", "error"])
def test_what_a_fitness_breaks_is_recorded_and_never_a_parent(kind: str) -> None:
    run = evolve(breaking(kind))
    failed = {individual.id for individual in run if individual.status == "failed"}
    assert failed and run.failures == len(failed)
    assert all(run[id].reason and run[id].fitness.values == (-np.inf,) for id in failed)
    assert not any(failed & set(individual.parents) for individual in run)
    assert run.best.id not in failed


def test_not_a_number_in_a_population_fitness_costs_its_member_only() -> None:
    @ne.population_fitness
    def fitness(population):
        values = population(np.ones((1, 2)))[:, 0, 0]
        return np.where(values > 0.5, values, np.nan)

    run = evolve(fitness)
    failed = {individual.id for individual in run if individual.status == "failed"}
    assert 0 < len(failed) == run.failures < run.evaluations
    assert all("the fitness must be finite" in run[id].reason for id in failed)
    assert not any(failed & set(individual.parents) for individual in run)


def test_a_population_fitness_of_the_wrong_length_says_so() -> None:
    @ne.population_fitness
    def fitness(population):
        return np.zeros(len(population) + 1)

    with pytest.raises(ne.SearchFailed, match=rf"one number for each of the {POPULATION} members, got an array of shape \(25,\)"):
        evolve(fitness)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 0}, "population must be a whole number >= 1, got 0"),
        ({"survival": 1.5}, "survival must be a number from 0 to 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold must be a number from 0 to inf, got nan"),
        (
            {"population": 1, "initial": [FORWARD.random(np.random.default_rng(n)) for n in range(2)]},
            "initial has 2 genomes, more than",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Neat(**settings)


def test_neat_needs_neat_genomes() -> None:
    from genomes import CellSpace

    with pytest.raises(ValueError, match="it needs a NeatSpace, got CellSpace"):
        ne.evolve(CellSpace(), lambda network: 1.0, strategy=Neat(), budget=ne.Budget(generations=1), progress=False)


# Reproducibility --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ["all", "champions"])
@pytest.mark.parametrize("kind", FITNESS)
def test_a_run_that_was_stopped_goes_on_bit_identically(record: str, kind: str, tmp_path: Path) -> None:
    whole = evolve(FITNESS[kind], run=tmp_path / "whole", record=record)
    for generations in (3, 5, 8):
        parts = evolve(FITNESS[kind], run=tmp_path / "parts", record=record, generations=generations)
        assert parts.generation == generations
    assert_same(parts, whole)
    assert_same(ne.load_run(tmp_path / "parts"), ne.load_run(tmp_path / "whole"))
    if record == "all":
        assert_same(ne.load_run(tmp_path / "parts"), whole)


@pytest.mark.parametrize("after", [5, 3 * POPULATION + 7])
def test_a_run_that_was_interrupted_inside_a_generation_goes_on_bit_identically(after: int, tmp_path: Path) -> None:
    calls = {"left": after}

    def fitness(network) -> float:
        calls["left"] -= 1
        if calls["left"] == 0:
            raise KeyboardInterrupt
        return float(network(np.eye(2)).sum())

    with pytest.raises(KeyboardInterrupt):
        evolve(fitness, run=tmp_path / "parts")
    resumed = evolve(fitness, run=tmp_path / "parts")
    assert calls["left"] < -5 * POPULATION + after, "the rest was evaluated, and only the rest"
    assert_same(resumed, evolve(fitness, run=tmp_path / "whole"))


def test_the_folder_changes_nothing(tmp_path: Path) -> None:
    assert_same(evolve(), evolve(run=tmp_path / "run"))


def test_one_and_two_workers_are_identical() -> None:
    assert_same(evolve(generations=4), evolve(generations=4, workers=2))


def test_a_population_at_once_and_one_by_one_are_identical() -> None:
    single, together = evolve(FITNESS["network"]), evolve(FITNESS["population"])
    assert [i.genome for i in single] == [i.genome for i in together]
    assert [i.fitness.values for i in single] == [i.fitness.values for i in together]


def test_threads_change_nothing() -> None:
    runs = [
        evolve(FITNESS["population"], strategy=Neat(population=3200, threads=threads), generations=4, record="champions")
        for threads in (1, 3)
    ]
    assert_same(*runs)


def test_numbas_thread_count_changes_nothing(tmp_path: Path) -> None:
    script = (
        "import numpy as np, neuroevo as ne, genomes\n"
        "@ne.population_fitness\n"
        "def fitness(population):\n"
        "    return population(np.eye(2)).sum(axis=(1, 2))\n"
        "run = ne.evolve(genomes.NeatSpace(inputs=2, outputs=1), fitness, population=1600, seed=3, budget=ne.Budget(generations=3),"
        " progress=False)\n"
        "print(repr(run.best.fitness.values[0]), run.best.genome.key(), run.summaries[-1]['species_sizes'])\n"
    )
    printed = set()
    for threads in ("1", "2"):
        environment = {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": str(Path(ne.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1


def test_another_seed_is_another_run() -> None:
    assert [i.genome for i in evolve(seed=5)] != [i.genome for i in evolve(seed=6)]


# Keeping winners --------------------------------------------------------------------------------------------------------------


def test_a_saved_winner_is_the_winner(tmp_path: Path) -> None:
    run = evolve(space=RECURRENT)
    run.best.genome.save(tmp_path / "winner.json")
    again = ne.load_genome(tmp_path / "winner.json")
    assert again == run.best.genome and again.space == RECURRENT
    x = np.array([[0.25, -1.0], [3.0, 0.5]])
    np.testing.assert_array_equal(again.network()(x), run.best.network()(x))
    assert xor()(again.network()) == run.best.fitness.values[0]


def test_evolution_continues_from_saved_genomes(tmp_path: Path) -> None:
    before = evolve()
    winners = [individual.genome for individual in sorted(before, key=lambda i: i.fitness, reverse=True)[:3]]
    for number, winner in enumerate(winners):
        winner.save(tmp_path / f"{number}.json")
    initial = [ne.load_genome(tmp_path / f"{number}.json") for number in range(3)]
    after = evolve(strategy=Neat(population=POPULATION, initial=initial, elitism=0))
    first = [individual for individual in after if individual.generation == 0]
    assert [individual.genome for individual in first[:3]] == winners
    assert [individual.operators for individual in first[:3]] == [("imported",)] * 3
    assert len(first) == POPULATION and after.best.fitness >= before.best.fitness
    old = max(int(genome.connections.marking.max()) for genome in winners)
    new = [gene for individual in after for gene in individual.genome.connections.marking.tolist() if gene not in
           {gene for genome in winners for gene in genome.connections.marking.tolist()}]  # fmt: skip
    assert new and min(new) > old, "innovations of the new run are younger than all that the saved genomes know"
    resumed = evolve(strategy=Neat(population=POPULATION, initial=initial, elitism=0), run=tmp_path / "run", generations=3)
    assert resumed.generation == 3
    assert_same(evolve(strategy=Neat(population=POPULATION, initial=initial, elitism=0), run=tmp_path / "run"), after)


# DEAP -------------------------------------------------------------------------------------------------------------------------


def halved(individual):
    """DEAP's convention: changes the Individual in place, returns a tuple."""
    genes = individual.genome.genes()
    connections = [[*row[:3], row[3] / 2, row[4]] for row in genes["connections"]]
    individual.genome = individual.genome.space.from_genes({**genes, "connections": connections})
    return (individual,)


def test_a_toolbox_replaces_mate_mutate_and_select() -> None:
    from deap.base import Toolbox

    asked: list[tuple[int, int]] = []

    def fittest(individuals, k):
        asked.append((len(individuals), k))
        return [max(individuals, key=lambda individual: individual.fitness)] * k

    toolbox = Toolbox()
    toolbox.register("mutate", halved)
    toolbox.register("select", fittest)
    run = evolve(
        strategy=Neat(population=POPULATION, threshold=1e9, elitism=POPULATION, survival=0.5), toolbox=toolbox, generations=3
    )
    for generation in (1, 2):
        best = max((i for i in run if i.generation == generation - 1), key=lambda i: i.fitness)
        for child in (i for i in run if i.generation == generation):
            assert child.parents == (best.id,)
            np.testing.assert_array_equal(child.genome.connections.weight, best.genome.connections.weight / 2)
    assert asked == [(POPULATION // 2, 2 * POPULATION)] * 2

    def second(a, b):
        a.genome = b.genome
        return a, b

    toolbox = Toolbox()
    toolbox.register("mate", second)
    run = evolve(
        strategy=Neat(population=POPULATION, threshold=1e9, mutate_crossed=0.0, survival=1.0), toolbox=toolbox, generations=2
    )
    crossed = [i for i in run if "crossover" in i.operators]
    assert crossed and all(i.genome == run[i.parents[1]].genome for i in crossed)


def test_a_toolboxs_mutation_that_changes_nothing_is_recorded_as_a_copy() -> None:
    from deap.base import Toolbox

    def nothing(individual):
        return (individual,)

    for mutate, expected in ((nothing, "copy"), (halved, "mutate")):
        toolbox = Toolbox()
        toolbox.register("mutate", mutate)
        run = evolve(strategy=Neat(population=POPULATION, crossover=0.0, elitism=POPULATION), toolbox=toolbox, generations=3)
        children = [individual for individual in run if individual.generation > 0]
        assert children and {individual.operators for individual in children} == {(expected,)}


def test_a_toolbox_draws_from_the_runs_streams() -> None:
    import random

    from deap.base import Toolbox

    def jitter(individual):
        genes = individual.genome.genes()
        connections = [[*row[:3], row[3] + random.gauss(0.0, 1.0), row[4]] for row in genes["connections"]]
        individual.genome = individual.genome.space.from_genes({**genes, "connections": connections})
        return (individual,)

    toolbox = Toolbox()
    toolbox.register("mutate", jitter)
    random.seed(1)
    first = evolve(toolbox=toolbox, generations=4)
    random.seed(2)
    state = random.getstate()
    assert_same(evolve(toolbox=toolbox, generations=4), first)
    assert random.getstate() == state


def test_deaps_statistics_and_hall_of_fame_take_the_living_population() -> None:
    from deap.tools import HallOfFame, Statistics

    run = evolve()
    assert run.strategy is not None
    living = run.strategy.living
    statistics = Statistics(lambda individual: individual.fitness.values[0])
    statistics.register("mean", np.mean)
    assert statistics.compile(living)["mean"] == pytest.approx(run.generations()["mean"].iloc[-1])
    hall = HallOfFame(3)
    hall.update(living)
    distinct = {individual.genome: individual.fitness.values[0] for individual in living}
    assert [i.fitness.values[0] for i in hall] == sorted(distinct.values(), reverse=True)[:3]


def test_neat_is_the_default_for_one_objective_on_neat_genomes() -> None:
    run = ne.evolve(FORWARD, lambda network: 1.0, population=7, budget=ne.Budget(generations=1), progress=False)
    assert isinstance(run.strategy, strategies.Neat) and run.evaluations == 7
