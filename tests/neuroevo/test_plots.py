"""Pictures of fronts, layer graphs and cells: what is computed for them, and that they are drawn from it."""

from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, NetworkSpace
from genomes.testing import philox
from neuroevo import strategies
from neuroevo.plots.layer_graph import layer_layout
from neuroevo.testing.evaluator import NumberSpace, SquareTask


def search(task=None, evaluations: int = 40) -> ne.Run:
    strategy = strategies.Nsga2(population=10)
    return ne.evolve(
        NumberSpace(),
        task or SquareTask(0.2),
        strategy=strategy,
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        progress=False,
    )


def is_picture(figure, folder: Path) -> bool:
    figure.savefig(folder / "figure.png", dpi=40)
    return (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


# Fronts -----------------------------------------------------------------------------------------------------------------------


def test_front_data_splits_what_succeeded_into_front_and_dominated() -> None:
    run = search()
    data = ne.plots.front_data(run)
    assert data.names == ("square", "distance")
    assert data.ids == tuple(individual.id for individual in run.front)
    assert run.failures > 0 and len(data.front) + len(data.dominated) == run.evaluations - run.failures
    costs = np.array([1.0, -1.0])  # square is minimised, distance maximised
    for row in data.dominated * costs:
        assert any((other <= row).all() for other in data.front * costs)
    assert data.ids[data.chosen] == run.best.id
    assert data.front[data.chosen].tolist() == list(run.best.fitness.values)


def test_test_scores_stand_beside_the_validation_scores_where_they_are_known() -> None:
    run = search()
    first, *others = run.front
    data = ne.plots.front_data(run, {first.id: {"square": 123.0}})
    assert data.test is not None
    assert data.test[0].tolist() == [123.0, first.values["distance"]]
    assert data.test[1:].tolist() == [list(other.fitness.values) for other in others]
    assert ne.plots.front_data(run).test is None


def test_no_success_is_nothing_to_draw() -> None:
    run = search()
    run.records.front.clear()
    with pytest.raises(ValueError, match=r"there is no front to draw: 40 individuals were evaluated and \d+ of them failed"):
        ne.plots.front_data(run)


def test_a_panel_for_every_pair_of_objectives(tmp_path: Path) -> None:
    objectives = {name: ne.minimise for name in "abc"}
    task = ne.tasks.Function(lambda g: {"a": g.value, "b": -g.value, "c": g.value**2}, objectives, of="genome")
    run = search(task)
    figure = ne.plots.front(run, {run.best.id: {"a": 1.0, "b": 2.0, "c": 3.0}})
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 3
    assert {axes.get_xlabel().split()[0] + axes.get_ylabel().split()[0] for axes in shown} == {"ba", "ca", "cb"}
    assert f"best a: individual {run.best.id}" in [text.get_text() for text in shown[0].get_legend().get_texts()]
    assert is_picture(figure, tmp_path)


def test_one_objective_is_drawn_as_progress(tmp_path: Path) -> None:
    run = search(ne.tasks.Function(lambda g: -(g.value**2), of="genome"))
    figure = ne.plots.front(run)
    (line,) = figure.axes[0].lines
    best = line.get_ydata()
    assert (np.diff(best) >= 0).all() and best[-1] == run.best.fitness.values[0]
    assert is_picture(figure, tmp_path)


# Layer graphs -----------------------------------------------------------------------------------------------------------------


def test_a_layers_row_is_the_longest_path_to_it() -> None:
    graph = nx.DiGraph([("in", "a"), ("a", "b"), ("b", "sum"), ("a", "sum"), ("sum", "out"), ("in", "out")])
    layout = layer_layout(graph)
    assert {node: row for node, (_, row) in layout.position.items()} == {"in": 0, "a": 1, "b": 2, "sum": 3, "out": 4}
    assert set(layout.lanes) == {("a", "sum"), ("in", "out")}
    assert layout.lanes[("a", "sum")] != layout.lanes[("in", "out")]
    with pytest.raises(ValueError, match="only an acyclic layer graph"):
        layer_layout(nx.DiGraph([("a", "b"), ("b", "a")]))


def test_evolved_layer_graphs_are_drawn_without_overlap(tmp_path: Path) -> None:
    genome = NetworkSpace(input_shape=(8, 8, 1), outputs=10).random(philox(1, 0))
    for clock in range(1, 40):
        genome = genome.mutate(philox(1, clock), clock=clock)
    graph = genome.graph()
    layout = layer_layout(graph)
    assert len(set(layout.position.values())) == graph.number_of_nodes()
    rows = {node: row for node, (_, row) in layout.position.items()}
    assert all(rows[a] < rows[b] for a, b in graph.edges)
    assert set(layout.lanes) == {(a, b) for a, b in graph.edges if rows[b] - rows[a] > 1} and layout.lanes
    for (first, lane), (second, other) in combinations(layout.lanes.items(), 2):
        if lane == other:
            assert rows[first[1]] <= rows[second[0]] or rows[second[1]] <= rows[first[0]]
    figure = ne.plots.genome(genome)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert all(str(data["label"]) in texts for _, data in graph.nodes(data=True))
    assert is_picture(figure, tmp_path)


# Cells ------------------------------------------------------------------------------------------------------------------------


def test_a_cells_operations_are_the_names_on_its_arrows(tmp_path: Path) -> None:
    for number in range(4):
        cell = CellSpace().random(philox(2, number))
        graph = cell.graph()
        operations = sorted(
            data["kind"].replace("_", " ")
            for _, data in graph.nodes(data=True)
            if data["kind"] not in ("input", "output", "add", "concat")
        )
        figure = ne.plots.genome(cell)
        texts = [text.get_text() for text in figure.axes[0].texts]
        assert sorted(text for text in texts if text in operations) == operations
        assert {"in", "out"} <= set(texts)
        assert is_picture(figure, tmp_path)
