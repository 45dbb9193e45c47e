"""Records: the front that is kept as evaluations come in is the one that comparing all with all finds."""

import numpy as np
import pytest

from genomes import CellSpace
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import Evaluation
from neuroevo.run.records import Records

OBJECTIVES = {"accuracy": Objective("accuracy", "maximise"), "size": Objective("size")}
GENOME = CellSpace(nodes=2).build([0])


def given(
    id: int, values: tuple[float, float], limits: tuple[float, ...] = (), status: str = DONE
) -> tuple[Individual, Evaluation]:
    individual = Individual(id, GENOME, [1.0, -1.0], names=tuple(OBJECTIVES), limits=limits)
    evaluation = Evaluation(id, id, values, status)
    individual.take(evaluation)
    return individual, evaluation


def front_of(individuals: list[Individual]) -> list[int]:
    """Those that nobody stands before; of equal ones the first."""
    found: list[Individual] = []
    for one in individuals:
        beaten = any(other.fitness.dominates(one.fitness) for other in individuals)
        if not beaten and not any(other.fitness.wvalues == one.fitness.wvalues for other in found):
            found.append(one)
    return sorted(one.id for one in found)


@pytest.mark.parametrize("limits", [(), (2.0, -6.0)], ids=["free", "limits"])
@pytest.mark.parametrize("seed", range(12))
def test_the_front_is_that_of_all_comparisons(seed: int, limits: tuple[float, ...]) -> None:
    rng, records = np.random.default_rng(seed), Records(OBJECTIVES)
    members: dict[int, Individual] = {}
    for id in range(120):
        values = tuple(map(float, rng.integers(0, 10, size=2)))
        individual, evaluation = given(id, values, limits, FAILED if rng.random() < 0.05 else DONE)
        if id % 10 == 9:  # an individual that was known is evaluated again, and the front may fall
            again = int(rng.integers(id))
            individual, evaluation = given(again, values, limits)
            individual.trial = id
        members[individual.id] = individual
        before = sorted(one.id for one in records.front)
        changed = records.add(individual, evaluation)
        expected = front_of([one for one in members.values() if one.status == DONE])
        values_of = {one.id: one.fitness.wvalues for one in members.values()}
        found = sorted(one.id for one in records.front)
        assert sorted(values_of[id] for id in found) == sorted(values_of[id] for id in expected)
        assert changed or found == before
