"""What other libraries would do silently, and what keeps them from it: each test fails without the guard that it names."""

import random
from pathlib import Path
from typing import Any

import deap.base
import deap.tools
import numpy as np
import pytest
import safetensors.numpy

import neuroevo as ne
from genomes import NeatSpace
from genomes.network import NetworkSpace
from neuroevo.core.population import population_class
from neuroevo.core.state import State
from neuroevo.core.trial import Artifact
from neuroevo.store import Store
from neuroevo.strategies import Neat, Nsga2, RegularizedEvolution

SPACE = NeatSpace(inputs=2, outputs=1)
NOT_CONTIGUOUS = {
    "transposed": np.arange(12.0).reshape(3, 4).T,
    "in Fortran's order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "every second": np.arange(12.0)[::2],
    "reversed": np.arange(6, dtype=np.int32)[::-1],
}


@pytest.fixture
def strict_save(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """safetensors before 0.8 wrote the memory of an array whatever its strides: it is given contiguous ones only."""
    saved: list[str] = []
    save = safetensors.numpy.save

    def checked(arrays: Any, *given: Any, **named: Any) -> bytes:
        for name, array in arrays.items():
            assert array.flags["C_CONTIGUOUS"], f"{name} is not contiguous"
            saved.append(name)
        return save(arrays, *given, **named)

    monkeypatch.setattr(safetensors.numpy, "save", checked)
    return saved


@pytest.mark.parametrize("kind", NOT_CONTIGUOUS)
def test_arrays_reach_safetensors_contiguous(kind: str, tmp_path: Path, strict_save: list[str]) -> None:
    array = NOT_CONTIGUOUS[kind]
    store = Store(tmp_path / "run", writable=True)
    kept = store.save_artifact(Artifact(0, arrays={"weights": array}))
    assert np.array_equal(kept.load()["weights"], array)
    store.save_state(1, State({}, {"table": array}))
    saved = store.state()
    assert saved is not None and np.array_equal(saved[1].arrays["table"], array)
    store.close()
    assert strict_save == ["weights", "table"]


def test_the_arrays_of_a_population_reach_safetensors_contiguous(
    tmp_path: Path, strict_save: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = population_class(SPACE)
    arrays = kind.arrays

    def strided(self: Any) -> dict[str, Any]:
        return {name: np.repeat(array, 2, axis=0)[::2] for name, array in arrays(self).items()}

    monkeypatch.setattr(kind, "arrays", strided)
    ne.evolve(
        SPACE, lambda network: float(network([[1.0, 2.0]])[0, 0]), strategy=Neat(population=6), run=tmp_path / "run",
        budget=ne.Budget(generations=2), progress=False,
    )  # fmt: skip
    assert "parents" in strict_save and len(list(ne.load_run(tmp_path / "run"))) == 12


def two(network: Any) -> dict[str, float]:
    answer = network([[0.0, 1.0], [1.0, 0.5]])[:, 0]
    return {"a": float(answer[0]), "b": float(-abs(answer[1]))}


def nsga3(seed: int) -> list[Any]:
    """A search whose survivors DEAP's NSGA-III chooses, begun with global generators in another state each time."""
    toolbox = deap.base.Toolbox()
    toolbox.register("select", deap.tools.selNSGA3, ref_points=deap.tools.uniform_reference_points(2, 4))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    run = ne.evolve(
        SPACE, two, objectives={"a": ne.maximise, "b": ne.maximise}, strategy=Nsga2(population=10), toolbox=toolbox, seed=3,
        budget=ne.Budget(generations=5), progress=False,
    )  # fmt: skip
    assert np.random.get_state()[1].tolist() == state, "the user's generator is as it was"  # noqa: NPY002
    return [individual.id for individual in run.strategy.living] + [i.values for i in run]


def test_deaps_nsga3_draws_from_the_runs_stream_and_not_from_numpys_global_generator() -> None:
    assert nsga3(1) == nsga3(2) == nsga3(3)


def chosen_by(select: Any) -> deap.base.Toolbox:
    toolbox = deap.base.Toolbox()
    toolbox.register("select", select)
    return toolbox


WRONG_NUMBERS = {
    "fewer": lambda individuals, k: individuals[: k - 1],
    "more": lambda individuals, k: [individuals[0]] * (k + 1),
    "none": lambda individuals, k: [],
    "genomes": lambda individuals, k: [individuals[0].genome] * k,
}
STRATEGIES = {
    "Nsga2": lambda: Nsga2(population=4),
    "Neat": lambda: Neat(population=6),
    "RegularizedEvolution": lambda: RegularizedEvolution(population=4, sample=2),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("wrong", WRONG_NUMBERS)
def test_a_toolbox_that_selects_another_number_is_told_so(strategy: str, wrong: str) -> None:
    with pytest.raises(
        ValueError, match=r"select\(individuals, k\) returns k of the individuals .* asked for \d+ of \d+, it returned \d+"
    ):
        ne.evolve(
            SPACE, lambda network: float(network([[1.0, 2.0]])[0, 0]), strategy=STRATEGIES[strategy](),
            toolbox=chosen_by(WRONG_NUMBERS[wrong]), budget=ne.Budget(generations=8), progress=False,
        )  # fmt: skip


def test_the_weights_of_a_derived_network_reach_safetensors_contiguous(tmp_path: Path, strict_save: list[str]) -> None:
    from neuroevo.run import derived

    space = NetworkSpace(input_shape=(4,), outputs=2)
    genome = space.random(np.random.default_rng(0))
    from neuroevo.inherit import initialise

    weights = {name: np.repeat(array, 2, axis=0)[::2] for name, array in initialise(genome, np.random.default_rng(1)).items()}
    made = derived._of_genome(genome, weights)
    assert made.parameters and strict_save
