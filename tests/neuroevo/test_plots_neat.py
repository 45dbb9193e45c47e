"""NEAT's pictures: what is computed for them, and that they are drawn from it."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.testing import philox
from neuroevo import strategies
from neuroevo.plots.neat import MANY, neat_caption
from neuroevo.plots.neat_layout import columns_of, neat_layout
from neuroevo.plots.species_figure import SpeciesData, species_data

GROWING = {"add_node_rate": 0.4, "add_connection_rate": 0.5}
FORWARD = NeatSpace(inputs=3, outputs=2, bias="input", **GROWING)
RECURRENT = NeatSpace(inputs=3, outputs=2, bias="node", recurrent=True, **GROWING)
FIRST_HIDDEN, SECOND_HIDDEN, THIRD_HIDDEN = 100, 200, 300


def evolved(space: NeatSpace, mutations: int, seed: int = 1):
    genome = space.random(philox(seed, 0))
    for clock in range(1, mutations + 1):
        genome = genome.mutate(philox(seed, clock), clock=clock)
    return genome


def wired(edges, *, recurrent: bool = False, disabled=()):
    """A genome of one input (0), one output (1) and hidden nodes 100, 200, 300 with these connections."""
    space = NeatSpace(inputs=1, outputs=1, bias="none", recurrent=recurrent)
    hidden = sorted({node for edge in edges for node in edge if node >= FIRST_HIDDEN})
    kinds = {0: "input", 1: "output", **dict.fromkeys(hidden, "hidden")}
    nodes = [[node, kind, 0.0, 1.0, "steepened_sigmoid", "sum"] for node, kind in kinds.items()]
    connections = [[1000 + i, a, b, 1.0, (a, b) not in disabled] for i, (a, b) in enumerate(edges)]
    return space.from_genes({"nodes": nodes, "connections": connections})


@pytest.mark.parametrize(("mutations", "space"), [(0, FORWARD), (8, FORWARD), (80, FORWARD), (8, RECURRENT), (80, RECURRENT)])
def test_inputs_stand_left_outputs_right_and_nodes_apart(mutations: int, space: NeatSpace) -> None:
    genome = evolved(space, mutations)
    graph = genome.graph()
    layout = neat_layout(graph)
    assert set(layout.position) == set(graph)
    for node, data in graph.nodes(data=True):
        x, _ = layout.position[node]
        if data["type"] in ("input", "bias"):
            assert x == 0
        elif data["type"] == "output":
            assert x == layout.columns - 1
        else:
            assert 0 < x < layout.columns - 1
    for (xa, ya), (xb, yb) in combinations(layout.position.values(), 2):
        assert xa != xb or abs(ya - yb) >= 1 - 1e-9
    inputs = [layout.position[node][1] for node, data in graph.nodes(data=True) if data["type"] in ("input", "bias")]
    assert inputs == sorted(inputs, reverse=True), "inputs stand in their order, the first on top"


@pytest.mark.parametrize("space", [FORWARD, RECURRENT])
def test_connections_run_between_nodes_and_never_through_them(space: NeatSpace) -> None:
    layout = neat_layout(evolved(space, 60).graph())
    for (a, b), route in layout.routes.items():
        assert route[0] == layout.position[a] and route[-1] == layout.position[b]
        if a == b:
            continue
        columns = [x for x, _ in route]
        steps = np.diff(columns)
        assert layout.position[a][0] == layout.position[b][0] or (np.abs(steps) == 1).all()
        assert all((step > 0) == ((a, b) not in layout.backward) for step in steps if step)
        for x, y in route[1:-1]:
            assert all(abs(y - other) > 0.5 for column, other in layout.position.values() if column == x)


def test_a_hidden_nodes_column_is_the_longest_path_to_it() -> None:
    edges = [(0, 1), (0, FIRST_HIDDEN), (FIRST_HIDDEN, SECOND_HIDDEN), (0, THIRD_HIDDEN), (FIRST_HIDDEN, 1),
             (SECOND_HIDDEN, THIRD_HIDDEN), (THIRD_HIDDEN, 1)]  # fmt: skip
    assert columns_of(wired(edges).graph()) == {0: 0, FIRST_HIDDEN: 1, SECOND_HIDDEN: 2, THIRD_HIDDEN: 3, 1: 4}


def test_feed_forward_genomes_lead_only_to_the_right() -> None:
    for seed in range(5):
        graph = evolved(FORWARD, 40, seed).graph()
        column = columns_of(graph)
        assert all(column[a] < column[b] for a, b in graph.edges)
        assert not neat_layout(graph).backward


def test_what_leads_back_is_told_apart() -> None:
    edges = [(0, FIRST_HIDDEN), (FIRST_HIDDEN, SECOND_HIDDEN), (SECOND_HIDDEN, FIRST_HIDDEN), (SECOND_HIDDEN, 1), (1, 1),
             (1, FIRST_HIDDEN), (SECOND_HIDDEN, SECOND_HIDDEN)]  # fmt: skip
    layout = neat_layout(wired(edges, recurrent=True).graph())
    assert layout.backward == {
        (SECOND_HIDDEN, FIRST_HIDDEN), (1, 1), (1, FIRST_HIDDEN), (SECOND_HIDDEN, SECOND_HIDDEN)
    }  # fmt: skip
    assert [layout.position[node][0] for node in (0, FIRST_HIDDEN, SECOND_HIDDEN, 1)] == [0, 1, 2, 3]


def test_hidden_nodes_that_nothing_leads_to_still_have_a_place() -> None:
    layout = neat_layout(wired([(0, 1), (FIRST_HIDDEN, 1)]).graph())
    assert layout.position[FIRST_HIDDEN][0] == 1


def test_the_caption_counts() -> None:
    graph = wired([(0, 1), (0, FIRST_HIDDEN), (FIRST_HIDDEN, 1)], disabled={(0, 1)}).graph()
    assert neat_caption(graph) == "1 input, 1 hidden node, 1 output, 2 connections and 1 disabled"
    assert neat_caption(FORWARD.random(philox(1, 1)).graph()) == "3 inputs and a bias, 0 hidden nodes, 2 outputs, 8 connections"


def test_the_drawing_shows_sign_size_disabled_and_activations() -> None:
    genome = evolved(NeatSpace(inputs=2, outputs=1, activations=("tanh", "sine"), activation_mutation_rate=0.3, **GROWING), 12)
    figure = ne.plots.genome(genome)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    activations = genome.genes()["nodes"]
    for name in ("tanh", "sine"):
        assert texts.count(name) == sum(node[1] in ("hidden", "output") and node[4] == name for node in activations)
    assert {"input 0", "input 1", "output"} <= set(texts)
    legend = {text.get_text().split(" (")[0] for text in axes.get_legend().get_texts()}
    assert legend == {"positive weight", "negative weight", "disabled"}
    (lines,) = [found for found in axes.collections if type(found).__name__ == "PathCollection" and len(found.get_paths()) > 1][
        :1
    ]
    dashed = [pattern is not None for _, pattern in lines.get_linestyle()]
    assert len(dashed) == len(genome.connections.enabled) and sum(dashed) == int((~genome.connections.enabled).sum()) > 0
    widths = {width for width, is_dashed in zip(lines.get_linewidth(), dashed, strict=True) if not is_dashed}
    assert len(widths) == len(set(np.abs(genome.connections.weight[genome.connections.enabled])))


def test_many_hidden_nodes_are_told_by_shapes_and_their_disabled_connections_left_out() -> None:
    space = NeatSpace(inputs=2, outputs=1, activations=("tanh", "sine"), activation_mutation_rate=0.3, **GROWING)
    genome = evolved(space, 200)
    assert genome.hidden > MANY
    (axes,) = ne.plots.genome(genome).axes
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"hidden: tanh", "hidden: sine"} <= set(legend) and "disabled" not in legend
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("tanh") + texts.count("sine") == 1, "only the output is named"
    assert any(text.endswith("(not drawn)") for text in texts)
    assert min(text.get_fontsize() for text in axes.texts) >= 7


@pytest.mark.parametrize(
    "space", [FORWARD, RECURRENT, NeatSpace(inputs=2, outputs=1, initial="none"), NeatSpace(inputs=0, outputs=1)]
)
def test_every_genome_becomes_a_picture(space: NeatSpace, tmp_path: Path) -> None:
    for mutations in (0, 50):
        ne.plots.genome(evolved(space, mutations)).savefig(tmp_path / "genome.png", dpi=40)
        assert (tmp_path / "genome.png").read_bytes().startswith(b"\x89PNG")


def test_an_individuals_scores_stand_above_its_picture() -> None:
    run = evolve(generations=2)
    figure = ne.plots.genome(run.best)
    assert f"individual {run.best.id}, fitness" in figure.axes[0].texts[-2].get_text()


# Species ----------------------------------------------------------------------------------------------------------------------


def evolve(generations: int, **options) -> ne.Run:
    strategy = strategies.Neat(population=30, threshold=1.0)
    x = np.eye(2)
    return ne.evolve(
        NeatSpace(inputs=2, outputs=1), lambda network: float(network(x).sum()), strategy=strategy,
        budget=ne.Budget(generations=generations), seed=2, progress=False, **options,
    )  # fmt: skip


def test_species_are_those_that_the_strategy_reported(tmp_path: Path) -> None:
    run = evolve(6, run=tmp_path / "run")
    data = species_data(run)
    assert data.generations.tolist() == list(range(1, 7))
    assert (data.sizes.sum(axis=0) == 30).all()
    assert data.ids.tolist() == sorted(set(data.ids.tolist()))
    table = run.generations()
    for column, (ids, sizes) in enumerate(zip(table["species_ids"], table["species_sizes"], strict=True)):
        alive = data.sizes[:, column] > 0
        assert dict(zip(data.ids[alive].tolist(), data.sizes[alive, column].tolist(), strict=True)) == dict(
            zip(ids, sizes, strict=True)
        )
    assert same(species_data(ne.load_run(tmp_path / "run")), data)


def same(a: SpeciesData, b: SpeciesData) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("generations", "ids", "sizes"))


def test_the_species_figure_fills_the_population(tmp_path: Path) -> None:
    for generations in (1, 6):
        run = evolve(generations)
        figure = ne.plots.species(run)
        (axes,) = figure.axes
        areas = sum(area(path.vertices) for bands in axes.collections for path in bands.get_paths())
        assert areas == pytest.approx(30 * generations)
        assert f"in {generations} generation" in axes.get_title()
        figure.savefig(tmp_path / "species.png", dpi=40)
        assert (tmp_path / "species.png").read_bytes().startswith(b"\x89PNG")


def area(points: np.ndarray) -> float:
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def test_runs_without_species_say_so() -> None:
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1), lambda network: 0.0, strategy=strategies.Nsga2(population=4),
        budget=ne.Budget(generations=2), progress=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="there are no species to draw: Nsga2 keeps no species"):
        species_data(run)
    run.summaries.clear()
    with pytest.raises(ValueError, match="no generation is complete"):
        species_data(run)
