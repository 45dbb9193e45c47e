"""DEAP's own algorithms, unchanged, on our individuals."""

import json
import pickle
import random
import runpy
from pathlib import Path

import numpy as np
import pytest
from deap import algorithms, tools
from deap.base import Toolbox

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core.individual import DONE, FAILED
from neuroevo.strategies import Nsga2, RegularizedEvolution

SPACE = CellSpace()


def convolutions(cell) -> float:
    return float(sum(name.startswith("convolution") for name in cell.genes()))


def trade_off(cell) -> dict[str, float]:
    return {"convolutions": convolutions(cell), "flops": float(cell.flops)}


def single(**options) -> Toolbox:
    toolbox = Toolbox()
    ne.register(toolbox, SPACE, ne.tasks.Function(convolutions, of="genome"), **options)
    return toolbox


def double(**options) -> Toolbox:
    toolbox = Toolbox()
    task = ne.tasks.Function(trade_off, {"convolutions": ne.maximise, "flops": ne.minimise}, of="genome")
    ne.register(toolbox, SPACE, task, **options)
    return toolbox


def test_ea_simple_finds_the_best_cell_with_statistics_and_hall_of_fame() -> None:
    toolbox = single(seed=1)
    statistics = tools.Statistics(lambda individual: individual.fitness.values)
    statistics.register("max", np.max)
    hall = tools.HallOfFame(5)
    random.seed(1)
    population, logbook = algorithms.eaSimple(
        toolbox.population(n=40), toolbox, cxpb=0.5, mutpb=0.3, ngen=15, stats=statistics, halloffame=hall, verbose=False
    )
    assert hall[0].fitness.values == (6.0,) and logbook.select("max")[-1] == 6.0
    assert len(population) == 40 and len({individual.genome for individual in hall}) == 5


def test_ea_mu_plus_lambda_finds_the_exact_front() -> None:
    toolbox = double(seed=2)
    front = tools.ParetoFront(similar=lambda a, b: a.fitness == b.fitness)
    random.seed(2)
    algorithms.eaMuPlusLambda(
        toolbox.population(n=30), toolbox, mu=30, lambda_=30, cxpb=0.4, mutpb=0.5, ngen=30, halloffame=front, verbose=False
    )
    # a convolution costs least as a 1x1, so the exact front is 0 to 6 of them
    expected = [(float(n), SPACE.build([2] * n + [0] * (6 - n)).flops) for n in range(7)]
    assert sorted(individual.fitness.values for individual in front) == expected


def test_ea_mu_comma_lambda_runs_too() -> None:
    toolbox = double(seed=2)
    random.seed(2)
    population, _ = algorithms.eaMuCommaLambda(
        toolbox.population(n=10), toolbox, mu=10, lambda_=20, cxpb=0.4, mutpb=0.5, ngen=3, verbose=False
    )
    assert all(isinstance(individual, ne.Individual) and individual.fitness.valid for individual in population)


def test_runs_repeat_by_seed() -> None:
    def result(seed: int) -> list:
        toolbox = double(seed=seed)
        random.seed(7)
        population, _ = algorithms.eaMuPlusLambda(
            toolbox.population(n=12), toolbox, mu=12, lambda_=12, cxpb=0.4, mutpb=0.5, ngen=4, verbose=False
        )
        return [(i.id, i.genome.table_key, i.parents, i.operators) for i in population]

    assert result(1) == result(1)
    assert result(1) != result(2)


def test_registered_entries_draw_nothing_from_global_generators() -> None:
    toolbox = single(seed=3)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before, numpy_before = random.getstate(), np.random.random()  # noqa: NPY002
    population = toolbox.population(n=10)
    for individual in population:
        individual.fitness.values = toolbox.evaluate(individual)
    parents = [toolbox.clone(individual) for individual in toolbox.select(population, 4)]
    toolbox.mate(parents[0], parents[1])
    toolbox.mutate(parents[2])
    assert random.getstate() == before
    np.random.seed(1)  # noqa: NPY002
    assert np.random.random() == numpy_before  # noqa: NPY002


def test_the_clone_of_an_evaluated_individual_is_born_anew() -> None:
    toolbox = single(seed=3)
    first, second = toolbox.population(n=2)
    for individual in (first, second):
        individual.fitness.values = toolbox.evaluate(individual)
    a, b = toolbox.clone(first), toolbox.clone(second)
    toolbox.mate(a, b)
    assert (a.id, b.id) == (2, 3) and a.parents == (0, 1) and b.parents == (1, 0)
    assert a.operators == ("crossover",) and not a.fitness.valid and a.generation == 1 and a.status == "pending"
    before = a.genome
    toolbox.mutate(a)
    assert a.id == 2 and a.parents == (0, 1) and a.operators == ("crossover", "change_operation") and a.genome != before
    assert first.fitness.valid and first.id == 0  # the parent is untouched
    mutant = toolbox.clone(first)
    toolbox.mutate(mutant)
    assert mutant.id == 4 and mutant.parents == (0,)


def test_varying_an_unevaluated_individual_again_is_not_the_same_variation() -> None:
    toolbox = single(seed=3)
    individual = toolbox.individual()
    genomes = [individual.genome]
    for _ in range(12):
        toolbox.mutate(individual)
        genomes.append(individual.genome)
    assert individual.id == 0 and len(set(genomes)) > 6


def test_an_evaluation_that_fails_gets_the_worst_values_and_a_reason() -> None:
    toolbox = Toolbox()

    def fitness(network) -> float:
        raise RuntimeError("no luck")

    ne.register(toolbox, SPACE, ne.tasks.Function(fitness, of="genome"))
    individual = toolbox.individual()
    assert toolbox.evaluate(individual) == (-np.inf,)
    assert individual.status == FAILED and individual.reason == "RuntimeError: no luck"
    good = single().individual()
    assert single().evaluate(good) == (convolutions(good.genome),) and good.status == DONE


def test_evaluate_and_individuals_pickle() -> None:
    toolbox = Toolbox()
    ne.register(toolbox, SPACE, ne.tasks.Function(convolutions, of="genome"))
    evaluate = pickle.loads(pickle.dumps(toolbox.evaluate.func))
    individual = pickle.loads(pickle.dumps(toolbox.individual()))
    assert isinstance(individual, ne.Individual)
    assert evaluate(individual) == (convolutions(individual.genome),)


def test_a_toolbox_replaces_a_strategys_variation() -> None:
    toolbox = Toolbox()

    def mutate(individual):
        decisions = list(individual.genome.decisions)
        decisions[random.randrange(6)] = 2
        individual.genome = SPACE.build(decisions)
        return (individual,)

    def mate(a, b):
        decisions = [random.choice(pair) for pair in zip(a.genome.decisions, b.genome.decisions, strict=True)]
        a.genome, b.genome = SPACE.build(decisions), b.genome
        a.operators += ("my_crossover",)
        return a, b

    toolbox.register("mutate", mutate)
    toolbox.register("mate", mate)
    task = ne.tasks.Function(trade_off, {"convolutions": ne.maximise, "flops": ne.minimise}, of="genome")

    def search(random_seed: int) -> ne.Run:
        random.seed(random_seed)
        strategy = Nsga2(population=10, deduplicate="none")
        return ne.evolve(
            SPACE, task, strategy=strategy, toolbox=toolbox, budget=ne.Budget(evaluations=60), seed=1, progress=False
        )

    run = search(1)
    children = [individual for individual in run if individual.parents]
    assert len(children) == 50
    assert all(individual.operators in (("built",), ("my_crossover", "built")) for individual in children)
    again = search(2)  # the user's operators draw from global random, which is set from each birth's stream
    assert [i.genome for i in again] == [i.genome for i in run]


def test_a_toolbox_replaces_a_strategys_selection() -> None:
    toolbox = Toolbox()
    toolbox.register("select", tools.selWorst)
    worst = ne.evolve(
        SPACE,
        ne.tasks.Function(convolutions, of="genome"),
        strategy=RegularizedEvolution(population=10, sample=5),
        toolbox=toolbox,
        budget=ne.Budget(evaluations=150),
        progress=False,
    )
    assert worst.strategy is not None
    assert np.mean([individual.fitness.values[0] for individual in worst.strategy.living]) < 1.0


@pytest.mark.parametrize("select", [tools.selNSGA2, tools.selSPEA2])
def test_deaps_selections_drive_our_nsga2(select) -> None:
    toolbox = Toolbox()
    toolbox.register("select", select)
    task = ne.tasks.Function(trade_off, {"convolutions": ne.maximise, "flops": ne.minimise}, of="genome")
    run = ne.evolve(
        SPACE, task, strategy=Nsga2(population=16), toolbox=toolbox, budget=ne.Budget(evaluations=320), seed=4, progress=False
    )
    assert len(run.front) >= 6


def test_an_operator_that_returns_no_tuple_is_named() -> None:
    toolbox = Toolbox()
    toolbox.register("mutate", lambda individual: None)
    with pytest.raises(TypeError, match="return a tuple of individuals"):
        ne.evolve(
            SPACE,
            ne.tasks.Function(convolutions, of="genome"),
            strategy=RegularizedEvolution(population=4, sample=2),
            toolbox=toolbox,
            budget=ne.Budget(evaluations=10),
            progress=False,
        )


def test_the_example_script_finds_its_exact_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Path(__file__).parents[2] / "experiments" / "deap_algorithms.py"
    monkeypatch.setattr("sys.argv", [str(script), "--json", str(tmp_path / "out.json")])
    runpy.run_path(str(script), run_name="__main__")
    runs = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert sorted(run["depth"] for run in runs) == [0, 1, 2, 3, 4]
