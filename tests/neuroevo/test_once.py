"""`evolve(once=True)`: isomorphic genomes are evaluated once, whatever the strategy."""

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core.objectives import PARAMETERS, Objective
from neuroevo.core.trial import Fidelity
from neuroevo.estimation import Direct
from neuroevo.strategies import HillClimb, Lemonade, RandomSearch, RegularizedEvolution
from neuroevo.tasks.base import Task


class CountedTask(Task):
    """The number of convolutions, to be minimised; remembers which genomes it saw."""

    def __init__(self) -> None:
        self.objectives = {"convolutions": Objective("convolutions"), "parameters": PARAMETERS}
        self.seen: list[tuple[str, int]] = []

    def phenotype(self, genome):
        return genome

    def score(self, phenotype, context):
        self.seen.append((phenotype.key(), phenotype.parameters))
        return {"convolutions": float(sum(d >= 3 for d in phenotype.decisions) + phenotype.decisions[0] / 10)}

    def settings(self):
        return {"task": "CountedTask"}


def evolved(strategy, evaluations=60, **options):
    task = CountedTask()
    run = ne.evolve(
        CellSpace(nodes=3), task, strategy=strategy, budget=ne.Budget(evaluations=evaluations), seed=1, progress=False, **options
    )
    return task, run


def test_a_network_is_never_trained_twice() -> None:
    task, _ = evolved(Lemonade(population=6, proposals=12, accepted=4, inheritance="none"))
    assert len(set(task.seen)) < len(task.seen) == 60
    task, run = evolved(Lemonade(population=6, proposals=12, accepted=4, inheritance="none"), once=True)
    assert len(set(task.seen)) == len(task.seen) == run.evaluations


def test_by_genes_isomorphic_networks_are_evaluated_apart_and_equal_ones_are_not() -> None:
    genes: list[str] = []

    class Apart(CountedTask):
        def score(self, phenotype, context):
            genes.append(str(phenotype.genes()))
            return super().score(phenotype, context)

    task = Apart()
    run = ne.evolve(
        CellSpace(nodes=3), task, strategy=RandomSearch(batch=30), budget=ne.Budget(evaluations=10_000), seed=1, progress=False, once="genome"
    )
    assert run.ended == "exhausted" and len(set(genes)) == len(genes) == run.evaluations
    assert len(set(task.seen)) < len(genes)
    with pytest.raises(ValueError, match="once must be True, False or 'genome', got 'key'"):
        evolved(RandomSearch(), once="key")


def test_where_weights_are_inherited_a_twin_stands_for_a_living_network_only() -> None:
    again: list[int] = []

    class Watched(RegularizedEvolution):
        def tell(self, results):
            told = {result.individuals[0].id for result in results if result.individuals[0].trial == result.trial.id}
            twins = [result.individuals[0].id for result in results if result.individuals[0].trial != result.trial.id]
            assert set(twins) <= {individual.id for individual in self.living} | told  # the weights of all others may be gone
            again.extend(twins)
            super().tell(results)

    task, _ = evolved(Watched(population=6, sample=3, inheritance="lamarckian"), once=True, evaluations=120)
    assert again and len(set(task.seen)) < len(task.seen)


def test_a_search_that_has_seen_every_network_ends() -> None:
    task, run = evolved(RandomSearch(batch=30), once=True, evaluations=10_000)
    assert run.ended == "exhausted" and len(task.seen) == len(set(task.seen)) <= 125


def test_hill_climbing_still_trains_its_current_network_on() -> None:
    task, _ = evolved(HillClimb(neighbours=3, mutations=1), once=True, evaluations=12)
    assert len(task.seen) == 12 > len(set(task.seen))


def test_its_settings_make_it_again() -> None:
    _, run = evolved(Lemonade(population=6, accepted=4), once=True)
    assert run.settings["once"] is True and "once" not in evolved(Lemonade(population=6, accepted=4))[1].settings


def test_every_generation_is_told_to_callbacks_and_summaries() -> None:
    """Also one in which every child is a twin."""

    class Counting(ne.Callback):
        def __init__(self) -> None:
            self.seen: list[int] = []

        def on_generation(self, run: ne.Run) -> None:
            self.seen.append(run.generation)

    counting = Counting()
    _, run = evolved(RegularizedEvolution(population=4, sample=2), evaluations=40, once=True, callbacks=[counting])
    assert counting.seen == list(range(1, run.generation + 1)) == [row["generation"] for row in run.summaries]


def test_a_low_fidelity_of_the_estimation_is_no_obstacle() -> None:
    """The fidelity that an estimation plans is not what tells twins apart."""

    class Short(Direct):
        full = Fidelity(epochs=1)

    task, run = evolved(RandomSearch(batch=6), evaluations=30, once=True, estimation=Short())
    assert run.evaluations == 30 == len(set(task.seen)) and run.front


def test_the_asynchronous_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule='synchronous'"):
        evolved(RandomSearch(), once=True, schedule="asynchronous")


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path) -> None:
    def found(run):
        return [(i.id, i.genome.genes(), list(i.fitness.values)) for i in run]

    def search(folder, evaluations):
        return ne.evolve(
            CellSpace(),
            CountedTask(),
            strategy=Lemonade(population=6, proposals=12, accepted=4, inheritance="none"),
            once=True,
            budget=ne.Budget(evaluations=evaluations),
            seed=3,
            run=folder,
            progress=False,
        )

    whole = search(tmp_path / "whole", 50)
    search(tmp_path / "parts", 23)
    assert found(search(tmp_path / "parts", 50)) == found(whole)
    assert np.isfinite([i.fitness.values[0] for i in whole]).all()
