"""NEAT genomes: what their genes are worth, and genomes without those that are worth nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.testing import philox
from neuroevo.compress import GenePruner, GenePruning
from neuroevo.tasks.function import Function

SPACE = NeatSpace(inputs=3, outputs=1, activations=("identity",), output_activation="identity", bias="node")
X = philox(1, 0).normal(size=(40, 3))


def fitness(network: Any) -> float:
    """The first input twice, less half of the second; the third says nothing."""
    return -float(np.mean((np.asarray(network(X))[:, 0] - 2 * X[:, 0] + 0.5 * X[:, 1]) ** 2))


@ne.population_fitness
def all_at_once(population: Any) -> np.ndarray:
    return -np.mean((np.asarray(population(X))[:, :, 0] - 2 * X[:, 0] + 0.5 * X[:, 1]) ** 2, axis=1)


def genome() -> Any:
    """2 of the first input through a hidden node, the second directly, and a useless path from the third and between hidden nodes."""
    nodes = [
        [0, "input", 0.0, 1.0, "identity", "sum"], [1, "input", 0.0, 1.0, "identity", "sum"], [2, "input", 0.0, 1.0, "identity", "sum"],
        [3, "output", 0.0, 1.0, "identity", "sum"], [10, "hidden", 0.0, 1.0, "identity", "sum"], [11, "hidden", 0.0, 1.0, "identity", "sum"],
    ]  # fmt: skip
    connections = [
        [20, 0, 10, 2.0, True], [21, 10, 3, 1.0, True], [22, 1, 3, -0.5, True], [23, 2, 3, 0.0, True], [24, 1, 11, 1.5, True],
        [25, 11, 3, 0.0, True], [26, 2, 10, 3.0, False],
    ]  # fmt: skip
    return SPACE.from_genes({"nodes": nodes, "connections": connections})


@pytest.mark.parametrize("score", [fitness, all_at_once])
def test_connections_are_worth_what_the_fitness_loses_without_them(score: Any) -> None:
    pruner = GenePruner(genome(), Function(score), GenePruning())
    values = dict(zip(pruner.markings.tolist(), pruner.values(), strict=True))
    assert set(values) == {20, 21, 22, 23, 24, 25}, "what is disabled is no player"
    assert values[20] == pytest.approx(values[21]) and values[20] > values[22] > 0, "either is worth nothing without the other"
    assert max(abs(values[name]) for name in (23, 24, 25)) < 1e-9
    assert sum(values.values()) == pytest.approx(fitness(genome().network()) + np.mean((2 * X[:, 0] - 0.5 * X[:, 1]) ** 2))


def test_what_is_worth_nothing_goes_and_the_fitness_stays() -> None:
    before = genome()
    pruned = GenePruner(before, Function(fitness), GenePruning()).pruned(max_loss=1e-9)
    assert pruned.genome.connections.marking.tolist() == [20, 21, 22] and pruned.genome.hidden == 1
    assert np.allclose(pruned.genome.network()(X), before.network()(X), atol=1e-12)
    assert pruned.scores["fitness"] == pytest.approx(pruned.details["before"]["fitness"])
    assert pruned.details["parameters"] == [before.parameters, pruned.genome.parameters]
    assert SPACE.from_genes(pruned.genome.genes()).key() == pruned.genome.key()


def test_hidden_nodes_go_with_their_connections() -> None:
    pruner = GenePruner(genome(), Function(fitness), GenePruning(unit="nodes"))
    assert pruner.markings.tolist() == [10, 11]
    values = pruner.values()
    assert values[0] > 1 and abs(values[1]) < 1e-9
    pruned = pruner.pruned(keep=0.5)
    assert pruned.genome.hidden == 1 and pruned.genome.connections.marking.tolist() == [20, 21, 22, 23]


@pytest.mark.parametrize("method", ["leave_one_out", "magnitude", "random"])
def test_other_methods_value_genes_too(method: str) -> None:
    pruner = GenePruner(genome(), Function(fitness), GenePruning(method))
    values = dict(zip(pruner.markings.tolist(), pruner.values().tolist(), strict=True))
    if method == "magnitude":
        assert values == {20: 2.0, 21: 1.0, 22: 0.5, 23: 0.0, 24: 1.5, 25: 0.0}
    elif method == "leave_one_out":
        assert values[20] == values[21] > values[22] > 1e-6 > abs(values[24])
    assert len(pruner.pruned(keep=0.5).genome.connections.marking) <= 3


def test_many_genes_are_sampled_and_the_same_seed_gives_the_same() -> None:
    space = NeatSpace(inputs=12, outputs=1)
    big = space.random(philox(2, 0))

    @ne.population_fitness
    def score(population: Any) -> np.ndarray:
        return np.asarray(population(np.eye(12))).sum(axis=(1, 2))

    found = [GenePruner(big, Function(score), seed=4, id=1).shapley() for _ in range(2)]
    assert len(found[0].values) == 12 and found[0].permutations > 0 and np.array_equal(found[0].values, found[1].values)
    assert found[0].values.sum() == pytest.approx(found[0].total)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda p: p.pruned(), "one of the two, got None and None"),
        (lambda p: p.pruned(keep=0.5, max_loss=0.1), "one of the two"),
        (lambda p: p.pruned(keep=1.2), "the share that is kept lies between 0 and 1"),
        (lambda p: p.pruned(max_loss=-1), "max_loss must be >= 0"),
        (lambda p: GenePruning("taylor"), "method for genes"),
        (lambda p: GenePruning(unit="neurons"), "unit of a genome"),
    ],
)
def test_what_cannot_be_pruned_is_refused(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(GenePruner(genome(), Function(fitness)))


def test_a_genome_without_hidden_nodes_has_none_to_lose() -> None:
    with pytest.raises(ValueError, match="no hidden nodes that could go"):
        GenePruner(SPACE.random(philox(1, 0)), Function(fitness), GenePruning(unit="nodes"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    folder: Path = tmp_path_factory.mktemp("neat") / "run"
    return ne.evolve(
        NeatSpace(inputs=3, outputs=1), fitness, population=30, budget=ne.Budget(generations=8), seed=1, run=folder, progress=False
    )


def test_a_run_keeps_the_pruned_genome_as_a_child_and_draws_what_genes_are_worth(run: ne.Run) -> None:
    from neuroevo.plots import worth, worth_data

    (child,) = ne.compress(run, None, "shapley", max_loss=0.0, permutations=8)
    best = run.best
    assert child.parent == best.id and child.operators == ("prune",) and child.kind == "genome"
    assert child.scores["fitness"] >= best.values["fitness"] - 1e-12
    assert child.parameters <= best.genome.parameters
    graph, values, derived = worth_data(run, child.name)
    assert derived.name == child.name and {part for part in values if isinstance(part, tuple)} == {
        (a, b) for a, b, data in graph.edges(data=True) if data["enabled"]
    }
    texts = {text.get_text() for axes in worth(run).axes for text in axes.get_legend().get_texts()}
    assert any(text.startswith("worth most (+") for text in texts) and "worth nothing" in texts
    with pytest.raises(KeyError):
        worth(run, "99.1")


def test_a_run_without_valued_genes_says_how_to_value_them(tmp_path: Path) -> None:
    from neuroevo.plots import worth

    other = ne.evolve(SPACE, fitness, population=8, budget=ne.Budget(generations=1), seed=1, progress=False)
    with pytest.raises(ValueError, match="neuroevo compress RUN ID"):
        worth(other)
    with pytest.raises(ValueError, match="quantize is for networks of layers"):
        ne.compress(other, None, "quantize")
