"""Cells, graphs of layers, chains and stacks as Keras models: counts, inheritance by marking, training, and searches with every strategy."""

import json
from pathlib import Path

import numpy as np
import pytest
from trained_weights import trained_like

import neuroevo as ne
from genomes import CellSpace, ChainSpace, DagSpace, Genome, StackSpace
from genomes.cell import CellGenome
from genomes.network.genes import INPUT_MARKING
from genomes.testing import philox
from neuroevo import strategies
from neuroevo.decode import build, set_weights, weights_of
from neuroevo.estimation import FullTraining
from neuroevo.inherit import inherit, initialise

pytestmark = pytest.mark.usefixtures("compiled_once")

BENCHMARK = CellSpace(input_shape=(8, 8, 1), outputs=10, channels=4, repeats=1, stages=2)
SPACES = {
    "nasbench201": BENCHMARK,
    "nasnet": CellSpace("nasnet", 2, (8, 8, 1), 10, channels=4, repeats=1, stages=2),
    "darts": CellSpace("darts", 2, (12, 2), 3, channels=4, repeats=1, stages=2),
    "dag": DagSpace((8, 8, 1), 10, max_nodes=6, widths=(4, 8), kernels=(1, 3)),
    "dag, sequences": DagSpace((20, 2), 3, max_nodes=6, widths=(4, 8)),
    "dag, features": DagSpace((30,), 3, max_nodes=6),
    "chain": ChainSpace((9, 9, 1), 10, max_layers=4, widths=(4, 8)),
    "chain, sequences": ChainSpace((20, 2), 3, max_layers=4, widths=(4, 8)),
    "chain, features": ChainSpace((30,), 3, max_layers=4),
    "stack": StackSpace((9, 9, 1), 10, max_layers=5, widths=(4, 8), units=(16, 8), sizes=(10, 4)),
    "stack, sequences": StackSpace((20, 2), 3, max_layers=5, widths=(4, 8), units=(16, 8), sizes=(24, 8)),
}


def samples(genome: Genome, count: int = 12) -> np.ndarray:
    shape = genome.space.input_shape  # type: ignore[attr-defined]
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def outputs(genome: Genome, arrays: dict[str, np.ndarray]) -> np.ndarray:
    model = build(genome)
    set_weights(model, genome, arrays)
    return np.asarray(model(samples(genome), training=False))


def train_a_step(genome: Genome) -> None:
    """Counts as the genome says, finite gradients, and weights that change."""
    import tensorflow as tf

    model = build(genome)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == genome.parameters
    set_weights(model, genome, initialise(genome, philox(1, 1)))
    x = samples(genome)
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        labels = np.arange(len(x)) % logits.shape[-1]
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    assert all(np.isfinite(np.asarray(gradient)).all() for gradient in gradients)
    assert any(np.abs(np.asarray(gradient)).max() > 0 for gradient in gradients)
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(0.01 * gradient)
    after = model(x, training=True)
    assert np.isfinite(np.asarray(after)).all()
    assert float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, after))) != float(loss)


@pytest.mark.parametrize("name", list(SPACES))
def test_random_genomes_decode_and_train_a_step(name: str) -> None:
    for index in range(2):
        train_a_step(SPACES[name].random(philox(2, index)))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPACES))
def test_two_hundred_random_genomes_decode_and_train_a_step(name: str) -> None:
    import keras

    for index in range(200):
        train_a_step(SPACES[name].random(philox(3, index)))
        keras.backend.clear_session()


@pytest.mark.parametrize("count", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_decoded_benchmark_networks_have_exactly_the_published_parameters(count: int) -> None:
    space = CellSpace()
    for index in range(count):
        genome = space.random(philox(4, index))
        threes, ones = genome.decisions.count(3), genome.decisions.count(2)
        counted = sum(int(np.prod(v.shape)) for v in build(genome).trainable_variables)
        assert counted == genome.parameters == 73306 + 243040 * threes + 28000 * ones


@pytest.mark.parametrize("name", list(SPACES))
def test_children_keep_the_weights_of_the_genes_that_they_share(name: str) -> None:
    parent = SPACES[name].random(philox(5, 0))
    arrays = trained_like(parent, 6)
    same = inherit(parent, [(parent, arrays)], philox(7, 0))
    assert set(same) == set(arrays) and all(np.array_equal(same[key], arrays[key]) for key in arrays)
    child = parent.mutate(philox(8, 0), clock=1)
    inherited = inherit(child, [(parent, arrays)], philox(9, 0))
    kept = [key for key in inherited if key in arrays and inherited[key].shape == arrays[key].shape]
    assert kept, "nothing was inherited"
    unchanged = sum(np.array_equal(inherited[key], arrays[key]) for key in kept)
    assert unchanged >= 0.5 * len(kept)
    model = build(child)
    set_weights(model, child, inherited)
    back = weights_of(model, child, channels=inherited)
    assert all(np.array_equal(back[key], inherited[key]) for key in inherited)


def benchmark_cell(*operations: str) -> CellGenome:
    return BENCHMARK.from_genes(list(operations))


def test_an_operation_in_place_of_none_starts_closed() -> None:
    parent = benchmark_cell("convolution_3x3", "none", "convolution_1x1", "skip", "none", "convolution_3x3")
    child = benchmark_cell("convolution_3x3", "none", "convolution_1x1", "skip", "convolution_3x3", "convolution_3x3")
    arrays = trained_like(parent, 1)
    inherited = inherit(child, [(parent, arrays)], philox(2, 0))
    np.testing.assert_allclose(outputs(child, inherited), outputs(parent, arrays), atol=1e-5)
    assert sum(not inherited[key].any() for key in inherited if key.endswith("/gamma")) == 2  # one in each cell


def test_an_operation_in_place_of_the_only_skip_starts_as_the_identity() -> None:
    # The skip hands on what a pooling gave behind a ReLU-free sum; a convolution is ReLU first, so inputs that are positive pass.
    parent = benchmark_cell("none", "none", "none", "skip", "none", "none")
    child = benchmark_cell("none", "none", "none", "convolution_3x3", "none", "none")
    arrays = trained_like(parent, 3)
    inherited = inherit(child, [(parent, arrays)], philox(4, 0))
    assert all(inherited[key].any() for key in inherited if key.endswith("/gamma"))
    correlation = np.corrcoef(outputs(child, inherited).ravel(), outputs(parent, arrays).ravel())[0, 1]
    fresh = np.corrcoef(outputs(child, trained_like(child, 5)).ravel(), outputs(parent, arrays).ravel())[0, 1]
    assert correlation > 0.7 > fresh


@pytest.mark.parametrize("name", ["dag", "dag, features"])
def test_an_added_edge_into_a_merge_keeps_the_function(name: str) -> None:
    space, checked = SPACES[name], 0
    for index in range(60):
        parent = space.random(philox(10, index))
        child = parent.mutate(philox(11, index), clock=1)
        grown = [
            node for node, old in zip(child.nodes, parent.nodes, strict=False) if child.operators == ("add_edge",) and node != old
        ]
        mains = {node.marking: node for node in parent.nodes}
        if any(node.merge == "add" and mains[node.marking].inputs == (INPUT_MARKING,) for node in grown):
            continue  # the network's input is the main path of no addition: the new edge becomes it
        if not grown or any(a != b for a, b in zip(shapes(child), shapes(parent), strict=False)):
            continue  # another change, or the new edge brought another size
        arrays = trained_like(parent, 12)
        np.testing.assert_allclose(
            outputs(child, inherit(child, [(parent, arrays)], philox(13, 0))), outputs(parent, arrays), atol=1e-4
        )
        checked += 1
        if checked == 3:
            break
    assert checked == 3


def shapes(genome: Genome) -> list[tuple[int, ...]]:
    """Positions of the nodes' outputs, and whether each goes to the logits."""
    architecture = genome.architecture  # type: ignore[attr-defined]
    taken = {source for node in genome.nodes for source in node.inputs}  # type: ignore[attr-defined]
    return [(*architecture.shapes[node.marking][:-1], node.marking in taken) for node in genome.nodes]  # type: ignore[attr-defined]


def data(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, *shape)).astype(np.float32)
    return x, (x.reshape(60, -1).sum(axis=1) > 0).astype(np.int64)


TINY = {
    "cell": CellSpace("darts", 1, (6, 1), 2, channels=2, repeats=1, stages=2),
    "dag": DagSpace((9,), 2, max_nodes=4, widths=(4, 8)),
    "chain": ChainSpace((9,), 2, max_layers=3, widths=(4, 8)),
    "stack": StackSpace((9, 1), 2, max_layers=4, widths=(2, 4), units=(8, 4)),
}
STRATEGIES = {
    "random_search": lambda: strategies.RandomSearch(batch=3),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=3, sample=2, batch=2, inheritance="lamarckian"),
    "nsga2": lambda: strategies.Nsga2(population=3, inheritance="lamarckian"),
    "nsga3": lambda: strategies.Nsga3(population=3, inheritance="lamarckian"),
    "lemonade": lambda: strategies.Lemonade(population=3, proposals=6, accepted=2),
    "hill_climb": lambda: strategies.HillClimb(neighbours=2, mutations=1),
}


FAST = [("cell", "nsga2")]


@pytest.mark.parametrize(
    ("encoding", "strategy"),
    [("dag", name) for name in STRATEGIES]
    + FAST
    + [
        pytest.param(encoding, name, marks=pytest.mark.slow)
        for encoding in ("cell", "chain", "stack")
        for name in STRATEGIES
        if (encoding, name) not in FAST
    ],
)
def test_a_search_on_data_trains_and_inherits(encoding: str, strategy: str, tmp_path: Path) -> None:
    space = TINY[encoding]
    task = ne.tasks.Classification(data(space.input_shape), objectives=("error", "parameters"))
    run = ne.evolve(
        space,
        task,
        strategy=STRATEGIES[strategy](),
        estimation=FullTraining(epochs=1),
        budget=ne.Budget(evaluations=4),
        seed=1,
        progress=False,
    )
    assert run.evaluations == 4 and run.failures == 0
    children = [i for i in run if i.parents]
    if strategy != "random_search":
        assert children and all(child.info["started_from"] == "parents" for child in children)
    genome = run.best.genome
    genome.save(tmp_path / "genome.json")
    assert Genome.from_dict(json.loads((tmp_path / "genome.json").read_text())) == genome
    assert run.best.model().count_params() >= genome.parameters


@pytest.mark.slow
def test_stacks_on_digits_inherit_what_their_parents_learned() -> None:
    run = ne.evolve(
        StackSpace.for_data((8, 8, 1), 10),
        ne.tasks.Classification("digits", objectives=("error", "parameters")),
        strategy=strategies.RegularizedEvolution(population=3, sample=2, batch=2, inheritance="lamarckian"),
        estimation=FullTraining(epochs=2),
        budget=ne.Budget(evaluations=7),
        seed=2,
        progress=False,
    )
    assert run.evaluations == 7 and run.failures == 0
    children = [i for i in run if i.parents]
    assert children and all(child.info["started_from"] == "parents" for child in children)
    # A child that its parent's weights did not reach would guess among ten classes: an error of 0.9.
    assert min(child.info["inherited"]["error"] for child in children) < 0.5
    assert run.best.values["error"] < 0.2
