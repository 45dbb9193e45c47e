"""Figures that put things next to each other: genomes, objectives with architecture, fronts of several moments, times."""

from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import neuroevo as ne
from genomes import (
    BackboneSpace,
    CellSpace,
    ChainSpace,
    CppnSpace,
    DagSpace,
    NeatSpace,
    NetworkSpace,
    PyramidSpace,
    RecurrentCellSpace,
    StackSpace,
)
from genomes.testing import philox
from neuroevo import strategies
from neuroevo.core.objectives import PARAMETERS
from neuroevo.plots.palette import STATUS
from neuroevo.plots.parallel_figure import places
from neuroevo.plots.shared_genes import moved
from neuroevo.report.comparison import compare, seconds_at
from neuroevo.run.search import encodings, preset_by_name, space_by_encoding, strategy_by_name

SPACES = {
    "neat": NeatSpace(inputs=3, outputs=2, add_node_rate=0.4, add_connection_rate=0.5),
    "recurrent": NeatSpace(inputs=2, outputs=1, recurrent=True, add_node_rate=0.4, add_connection_rate=0.5),
    "cppn": CppnSpace(add_node_rate=0.4, add_connection_rate=0.5),
    "network": NetworkSpace(input_shape=(16, 16, 3), outputs=10),
    "dense": NetworkSpace(input_shape=(12,), outputs=3),
    "dag": DagSpace((8, 8, 1), 10),
    "chain": ChainSpace((16, 16, 3), 10),
    "stack": StackSpace((16, 16, 3), 10),
    "recurrent_cell": RecurrentCellSpace((12, 1), 3, base=4),
    "cell": CellSpace(),
    "blocks": CellSpace("nasnet", 3, (8, 8, 1), 10, channels=8, repeats=1, stages=2),
    "pyramid": PyramidSpace.for_data((64, 64, 1), 10),
    "backbone": BackboneSpace.for_data((64, 64, 1), 10),
}


def grown(space, mutations: int, seed: int = 1):
    genome = space.random(philox(seed, 0))
    for clock in range(1, mutations + 1):
        genome = genome.mutate(philox(seed, clock), clock=clock)
    return genome


@pytest.fixture(scope="module")
def run() -> ne.Run:
    def fitness(network) -> dict[str, float]:
        outputs = network(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
        return {"miss": float(np.abs(outputs[:, 0] - [0.0, 1.0, 1.0, 0.0]).sum())}

    return ne.evolve(
        NeatSpace(inputs=2, outputs=1, initial="none", add_node_rate=0.2, add_connection_rate=0.5),
        fitness,
        objectives={"miss": ne.minimise, "parameters": PARAMETERS},
        strategy=strategies.Nsga2(population=20),
        budget=ne.Budget(evaluations=160),
        seed=1,
        progress=False,
    )


# Difference -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SPACES))
def test_a_genome_shares_all_with_itself_and_the_statuses_cover_two(name: str, tmp_path: Path) -> None:
    first = grown(SPACES[name], 4)
    alone = ne.plots.difference_data(first, first)
    assert set(alone.nodes.values()) | set(alone.edges.values()) <= {"shared"} and not alone.changes
    second = first.mutate(philox(9, 1), clock=20).mutate(philox(9, 2), clock=21).mutate(philox(9, 3), clock=22)
    data = ne.plots.difference_data(first, second)
    assert set(data.nodes) == set(data.first) | set(data.second)
    assert set(data.edges) == set(data.first.edges) | set(data.second.edges)
    for node, status in data.nodes.items():
        assert (node in data.first, node in data.second) == {
            "only in the first": (True, False), "only in the second": (False, True),
        }.get(status, (True, True))  # fmt: skip
    back = ne.plots.difference_data(second, first)
    assert {key: value[::-1] for key, value in back.changes.items()} == data.changes
    ne.plots.difference(first, second).savefig(tmp_path / "difference.png", dpi=30)


def test_a_weight_a_new_node_and_a_layer_are_found() -> None:
    space = NeatSpace(inputs=1, outputs=1, bias="none")
    nodes = [[0, "input", 0.0, 1.0, "tanh", "sum"], [1, "output", 0.0, 1.0, "tanh", "sum"]]
    hidden = [100, "hidden", 0.0, 1.0, "tanh", "sum"]
    first = space.from_genes({"nodes": nodes, "connections": [[1000, 0, 1, 1.0, True]]})
    second = space.from_genes(
        {
            "nodes": [*nodes, hidden],
            "connections": [[1000, 0, 1, 2.0, True], [1001, 0, 100, 1.0, True], [1002, 100, 1, 1.0, True]],
        }
    )
    data = ne.plots.difference_data(first, second)
    assert data.nodes == {0: "shared", 1: "shared", 100: "only in the second"}
    assert data.edges == {(0, 1): "changed", (0, 100): "only in the second", (100, 1): "only in the second"}
    assert data.changes == {(0, 1): ("weight 1", "weight 2")}
    network = grown(SPACES["network"], 0)
    genes = network.genes()
    place, gene = next((place, gene) for place, gene in enumerate(genes) if gene["kind"] == "conv")
    other = network.space.from_genes([*genes[:place], {**gene, "width": gene["width"] + 1}, *genes[place + 1 :]])
    data = ne.plots.difference_data(network, other)
    assert [node for node, status in data.nodes.items() if status != "shared"] == [gene["marking"]]
    assert data.changes[gene["marking"]][0].endswith(f"{gene['width']} filters")


def test_shared_connections_stay_grey_with_the_change_of_their_weight_inside() -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_hex

    space = NeatSpace(inputs=4, outputs=1, bias="none")
    nodes = [[node, "input", 0.0, 1.0, "tanh", "sum"] for node in range(4)] + [[4, "output", 0.0, 1.0, "tanh", "sum"]]
    weights = [(4.0, 4.0), (4.0, 3.8), (4.0, -1.0)]  # the same, a little less, another sign
    switched = [[1003, 3, 4, 2.0, True], [1003, 3, 4, 2.0, False]]
    first, second = (
        space.from_genes(
            {
                "nodes": nodes,
                "connections": [*([1000 + a, a, 4, pair[each], True] for a, pair in enumerate(weights)), switched[each]],
            }
        )
        for each in (0, 1)
    )
    assert moved(ne.plots.difference_data(first, second)) == {(1, 4): pytest.approx(0.2), (2, 4): 5.0}
    drawn = [c for c in ne.plots.difference(first, second).axes[0].collections if isinstance(c, PathCollection)]
    lines, cores = [c for c in drawn if not len(c.get_facecolor())]  # the others are nodes
    purple = STATUS["changed"].lower()
    assert sorted(to_hex(colour) for colour in lines.get_edgecolor()) == sorted([STATUS["shared"].lower()] * 3 + [purple])
    thin, thick = sorted(cores.get_linewidth())
    assert {to_hex(colour) for colour in cores.get_edgecolor()} == {purple} and thick > 10 * thin > 0


def test_genomes_of_two_encodings_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="within one encoding only, got neat and dag"):
        ne.plots.difference(grown(SPACES["neat"], 0), grown(SPACES["dag"], 0))


# Architecture -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SPACES))
def test_features_follow_from_the_graph(name: str) -> None:
    genome = grown(SPACES[name], 4)
    found = ne.plots.architecture_features(genome)
    assert found["parameters"] == genome.parameters and found["depth"] >= 1
    graph = genome.graph()
    if name in ("network", "dense", "dag", "chain", "stack"):
        assert found["layers"] == graph.number_of_nodes() - 2
        assert found["depth"] == nx.dag_longest_path_length(graph, weight=None) - 1
    elif name in ("pyramid", "backbone"):
        assert found["attention"] == sum(merge.operation == "attention" for merge in genome.wiring)
        assert sum(count for feature, count in found.items() if "blocks" in feature) == (8 if name == "backbone" else 0)
        assert found["depth"] == nx.dag_longest_path_length(graph, weight=None)
    elif name == "recurrent_cell":
        assert found["additions"] + found["multiplications"] == len(genome.cell.nodes) + 1, "every node, and the injection"
        assert sum(found[activation] for activation in ("identity", "tanh", "sigmoid", "relu")) == len(genome.cell.nodes) + 1
    elif name in ("neat", "recurrent", "cppn"):
        assert found["connections"] + found["disabled"] == graph.number_of_edges()
        assert found["hidden nodes"] == genome.hidden
    else:
        operations = [
            data["kind"] for _, data in graph.nodes(data=True) if data["kind"] not in ("input", "output", "add", "concatenate")
        ]
        assert found["convolutions"] + found["poolings"] + found["skips"] == len(
            [kind for kind in operations if kind != "concat"]
        )


def test_parallel_axes_hold_objectives_then_features_that_differ(run, tmp_path: Path) -> None:
    data = ne.plots.parallel_data(run)
    assert data.names[:2] == ("miss", "parameters") and "hidden nodes" in data.names
    assert len(set(data.names)) == len(data.names) and (np.ptp(data.values, axis=0) > 0).all()
    assert {id for id, on_front in zip(data.ids, data.front, strict=True) if on_front} == {i.id for i in run.front}
    best = data.ids.index(run.best.id)
    heights = places(data)
    assert heights[best, 0] == heights[:, 0].max() == 1, "the best first objective stands at the top"
    assert ((heights >= 0) & (heights <= 1)).all()
    few = ne.plots.parallel_data(run, others=5)
    assert len(few.ids) == 5 + len(run.front)
    ne.plots.parallel(run).savefig(tmp_path / "parallel.png", dpi=30)


# Fronts, progress, descent ----------------------------------------------------------------------------------------------------


def test_the_last_of_the_fronts_is_the_runs_and_none_is_beaten_by_an_earlier_one(run, tmp_path: Path) -> None:
    data = ne.plots.fronts_data(run, 4)
    assert [at.generation for at in data] == sorted({at.generation for at in data}) and len(data) == 4
    assert data[-1].evaluated == run.evaluations and len(run.front) > 1
    assert {tuple(row) for row in data[-1].values.tolist()} == {i.fitness.values for i in run.front}
    for earlier, later in pairwise(data):
        for row in later.values:
            assert not ((earlier.values <= row).all(axis=1) & (earlier.values < row).any(axis=1)).any()
    ne.plots.fronts(run).savefig(tmp_path / "fronts.png", dpi=30)


def test_progress_is_drawn_over_time_and_for_any_objective(run, tmp_path: Path) -> None:
    times = seconds_at(run, np.arange(0, run.evaluations + 1))
    assert times[0] == 0 and times[-1] == pytest.approx(run.seconds) and (np.diff(times) >= 0).all()
    for row in run.summaries:
        assert times[row["evaluations"]] == pytest.approx(row["seconds"], rel=0.01)
    curve = compare([run], "parameters").groups[0].curves[0]
    assert curve.value[-1] == min(i.values["parameters"] for i in run if i.status == "done")
    with pytest.raises(ValueError, match="did you mean 'miss'"):
        compare([run], "mis")
    with pytest.raises(ValueError, match="seconds"):
        ne.plots.progress(run, axis="second")
    assert len(ne.plots.progress(run, axis=("evaluations", "seconds")).axes) == 2
    ne.plots.progress(run, "miss", "seconds").savefig(tmp_path / "progress.png", dpi=30)


def test_the_descent_holds_the_best_ones_ancestors_with_what_made_them(run) -> None:
    data = ne.plots.descent_data(run)
    assert run.best.id in data.best
    for id in data.best:
        assert set(run[id].parents) <= data.best | {parent for parent in run[id].parents if parent not in data.place}
        assert data.operators[id] == ", ".join(name.replace("_", " ") for name in run[id].operators)
    assert {child for _, child in data.joined} == {i.id for i in run if i.status == "done" and i.parents}


# Searches ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", encodings())
def test_every_encoding_of_the_command_line_fits_images_or_sequences(encoding: str) -> None:
    shape = (12, 2) if encoding == "recurrent_cell" else (8, 8, 1)
    task = ne.tasks.Classification((np.zeros((40, *shape), np.float32), np.arange(40) % 2))
    if encoding in ("pyramid", "backbone"):
        with pytest.raises(ValueError, match="find objects in images, and this is a classification; take one of cell, chain"):
            space_by_encoding(encoding, task, None)
        task = ne.tasks.Detection((np.zeros((40, 16, 16, 1)), [[[2, 2, 9, 9, k % 2]] for k in range(40)]))
        with pytest.raises(ValueError, match="one answer for each sample, and this is a detection; take one of backbone, pyramid"):
            space_by_encoding("network", task, None)
    space = space_by_encoding(encoding, task, None)
    genome = space.random(philox(1, 1)).mutate(philox(1, 2), clock=1)
    assert space.encoding == encoding and 0 < genome.parameters < 300_000
    assert space.redundant is (encoding != "network"), "whether the command line evaluates each network once"
    assert isinstance(strategy_by_name("nsga2", "lamarckian"), strategies.Nsga2)


def test_a_preset_is_what_is_not_said_otherwise() -> None:
    assert (
        preset_by_name(None).evaluations == 60
        and preset_by_name("quick").evaluations < 60 < preset_by_name("thorough").evaluations
    )
    with pytest.raises(ValueError, match="did you mean 'thorough'"):
        preset_by_name("through")
