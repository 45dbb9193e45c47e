"""Corrupted genome JSON and run settings: only clear ValueErrors, no crash, no hang, no memory."""

import copy
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neuroevo as ne
from genomes import CellSpace, NeatSpace, NetworkSpace
from genomes.base import Genome, space_class
from neuroevo import strategies
from neuroevo.run.settings import search_from_settings

MEGABYTES = 500


def samples() -> dict[str, Any]:
    """A grown genome of every encoding, and the settings of a search, as JSON."""
    rng = np.random.default_rng(4)
    spaces = [
        NeatSpace(inputs=3, outputs=2, recurrent=True, activations=("tanh", "sigmoid")),
        NetworkSpace((8, 8, 1), outputs=10),
        NetworkSpace((12,), outputs=3),
        CellSpace(),
    ]
    found: dict[str, Any] = {}
    for space in spaces:
        genome = space.random(rng)
        for clock in range(12):
            genome = genome.mutate(rng, clock=clock)
        found[f"{space.encoding} {len(found)}"] = genome.to_dict()
    for encoding in SPACES:
        found[encoding] = space_class(encoding)(**SPACES[encoding]).random(rng).to_dict()
    return {name: json.loads(json.dumps(data)) for name, data in found.items()}


SPACES: dict[str, dict[str, Any]] = {
    "cppn": {},
    "dag": {"input_shape": (8, 8, 1), "outputs": 10},
    "chain": {"input_shape": (8, 8, 1), "outputs": 10},
    "recurrent_cell": {"input_shape": (8, 1), "outputs": 10},
    "choice": {"options": (("a", "b"), ("c", "d", "e"))},
    "stack": {"input_shape": (8, 8, 1), "outputs": 10},
    "pyramid": {"input_shape": (128, 128, 3), "classes": 10},
    "backbone": {"input_shape": (128, 128, 3), "classes": 10},
}


def run_settings() -> Any:
    budget = ne.Budget(evaluations=2)
    task = ne.tasks.Classification("digits", seed=1)
    made = {
        "space": NetworkSpace((8, 8, 1), outputs=10).to_dict(),
        "task": task.settings(),
        "strategy": strategies.Nsga2(population=12).settings(),
        "estimation": task.estimation().settings(),
        "seed": 1,
        "record": "all",
        "budget": budget.settings(),
    }
    return json.loads(json.dumps(made))


def paths(value: Any, here: tuple = ()) -> list[tuple]:
    """Where the parts of a JSON value lie."""
    found = [here]
    if len(here) > 10:
        return found
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += paths(item, (*here, key))
    return found


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(
        [0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**30, 10**400, 1e308, -0.0, 1e-320, math.nan, math.inf, -math.inf]
    ),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "__import__('os').system('true')", "x" * 10_000, "\0", "../../etc/passwd"]),
    st.sampled_from([[], {}, nested(150), [0] * 5000, {"a": {"b": {}}}]),
    st.lists(st.integers(-5, 2**40), max_size=4),
)


def parent_of(value: Any, path: tuple) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


@st.composite
def corrupted(draw: st.DrawFn, originals: list[Any]) -> Any:
    """A JSON value with one to four corruptions: a part is replaced, removed, repeated, or swapped with another."""
    value = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(paths(value)[1:] or [()]))
        if not path:
            break
        parent, key = parent_of(value, path), path[-1]
        action = draw(st.sampled_from(["replace", "replace", "remove", "repeat", "swap"]))
        if action == "replace":
            parent[key] = copy.deepcopy(draw(STRANGE))
        elif action == "remove":
            del parent[key]
        elif action == "repeat" and isinstance(parent, list):
            parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[key]))
        else:
            other = draw(st.sampled_from(paths(value)[1:]))
            parent[key] = copy.deepcopy(parent_of(value, other)[other[-1]])
    return value


def check_genome(data: Any) -> None:
    try:
        genome = Genome.from_dict(data)
    except ValueError as error:
        assert str(error) and len(str(error)) < 2000
        return
    again = Genome.from_dict(json.loads(json.dumps(genome.to_dict())))
    assert again == genome


def check_settings(data: Any) -> None:
    try:
        search_from_settings(data)
    except ValueError as error:
        assert str(error) and len(str(error)) < 2000


def memory() -> float:
    """The most that this process has taken so far, in megabytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / (1 << 20)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def fuzz(check: Any, originals: list[Any], examples: int) -> None:
    before = memory()
    for original in originals:
        check(original)

    @settings(
        max_examples=examples,
        deadline=2000,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(corrupted(originals))
    def one(data: Any) -> None:
        check(data)

    one()
    assert memory() - before < MEGABYTES


def test_corrupted_genomes_are_refused_in_one_sentence() -> None:
    fuzz(check_genome, list(samples().values()), 400)


def test_corrupted_settings_are_refused_in_one_sentence() -> None:
    fuzz(check_settings, [run_settings()], 100)


@pytest.mark.slow
def test_ten_thousand_corruptions() -> None:
    fuzz(check_genome, list(samples().values()), 8000)
    fuzz(check_settings, [run_settings()], 2000)


def test_a_genome_file_that_nests_or_weighs_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "genome.json"
    for text in (
        "[" * 200_000 + "]" * 200_000,
        '{"encoding": "neat", "version": 1, "space": {}, "genes": ' + "[" * 5000 + "]" * 5000 + "}",
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"genome"):
            Genome.load(path)
    with open(path, "wb") as file:
        file.truncate(1 << 31)  # two gigabytes of nothing, without a disk that holds them
    before = memory()
    with pytest.raises(ValueError, match="is not larger than"):
        Genome.load(path)
    assert memory() - before < 50
