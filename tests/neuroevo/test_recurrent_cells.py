"""Recurrent cells as Keras models: NASCell's equations, counts, inheritance, files that plain Keras loads, and a search."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import Genome, RecurrentCellGenome, RecurrentCellSpace
from genomes.chain import CellNode, RecurrentCell
from genomes.chain.recurrent_genome import CELL_MARKING
from genomes.testing import philox
from neuroevo import strategies
from neuroevo.decode import build, set_weights, weights_of
from neuroevo.estimation import FullTraining
from neuroevo.inherit import inherit, initialise
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import fit, outputs_in_batches
from neuroevo.train.recipe import Recipe

Arrays = dict[str, np.ndarray]


def spread(genome: Genome, seed: int, dtype: str = "float32") -> Arrays:
    """Weights with no zeros among them."""
    rng = philox(seed, 0)
    return {
        name: array if name.endswith("channels") else rng.normal(0, 0.7, array.shape).astype(dtype)
        for name, array in initialise(genome, rng).items()
    }


def outputs(genome: Genome, arrays: Arrays, x: np.ndarray, dtype: str | None = None) -> np.ndarray:
    model = build(genome, dtype=dtype)
    set_weights(model, genome, arrays)
    return np.asarray(model(x, training=False))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def nascell(x: np.ndarray, w: np.ndarray, u: np.ndarray, bias: np.ndarray | float) -> np.ndarray:
    """The hidden states of the published NASCell, [samples, steps, units]: its equations, written out.

    Gates 0, 2, 5 and 7 are sigmoids and 4 and 6 tangents of sums, 1 is a ReLU of a sum and 3 a ReLU of a product.
    """
    units = u.shape[0]
    hidden = state = np.zeros((len(x), units))
    found = []
    for t in range(x.shape[1]):
        i, m = np.split(x[:, t] @ w, 8, axis=1), np.split(hidden @ u + bias, 8, axis=1)
        first = [
            sigmoid(i[0] + m[0]),
            np.maximum(i[1] + m[1], 0),
            sigmoid(i[2] + m[2]),
            np.maximum(i[3] * m[3], 0),
            np.tanh(i[4] + m[4]),
            sigmoid(i[5] + m[5]),
            np.tanh(i[6] + m[6]),
            sigmoid(i[7] + m[7]),
        ]
        second = [
            np.tanh(np.tanh(first[0] * first[1]) + state),
            np.tanh(first[2] + first[3]),
            np.tanh(first[4] * first[5]),
            sigmoid(first[6] + first[7]),
        ]
        state = second[0] * second[1]
        hidden = np.tanh(state * np.tanh(second[2] + second[3]))
        found.append(hidden)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("biased", [False, True])
def test_the_published_cell_computes_the_equations_of_nascell_and_has_as_many_weights(biased: bool) -> None:
    features, units, steps = 3, 6, 5
    space = RecurrentCellSpace((steps, features), 4, units=units, biased=biased, every_step=True)
    genome = space.published()
    assert genome.parameters - (units + 1) * 4 == 8 * units * (features + units + biased)
    for seed in range(10):
        arrays = spread(genome, seed, "float64")
        w, u = (arrays[f"{CELL_MARKING}/{role}"] for role in ("kernel", "recurrent_kernel"))
        x = philox(seed, 1).normal(size=(7, steps, features))
        hidden = nascell(x, w, u, arrays.get(f"{CELL_MARKING}/bias", 0.0))
        logits = next(name.split("/")[0] for name, array in arrays.items() if array.shape == (units, 4))
        expected = hidden @ arrays[f"{logits}/kernel"] + arrays[f"{logits}/bias"]
        found = outputs(genome, arrays, x, "float64")
        np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
        last = outputs(replace(space, every_step=False).published(), arrays, x, "float64")
        np.testing.assert_allclose(last, expected[:, -1], atol=1e-6, rtol=0)


def test_the_example_of_the_paper_is_computed_as_it_says() -> None:
    """Zoph & Le 2017, section 3.4: a base of 2, with the old state injected at node 0 and the new one read from node 1."""
    space = RecurrentCellSpace((4, 2), 1, base=2, units=3, every_step=True)
    nodes = (CellNode("add", "tanh"), CellNode("multiply", "relu"), CellNode("multiply", "sigmoid"))
    genome = RecurrentCellGenome(space, RecurrentCell(nodes, CellNode("add", "relu"), injected=0, read=1))
    arrays = spread(genome, 1, "float64")
    w, u = (np.split(arrays[f"{CELL_MARKING}/{role}"], 2, axis=1) for role in ("kernel", "recurrent_kernel"))
    x = philox(1, 1).normal(size=(5, 4, 2))
    hidden = state = np.zeros((5, 3))
    expected = []
    for t in range(4):
        a0 = np.maximum(np.tanh(x[:, t] @ w[0] + hidden @ u[0]) + state, 0)
        product = (x[:, t] @ w[1]) * (hidden @ u[1])
        hidden, state = sigmoid(a0 * np.maximum(product, 0)), product
        expected.append(hidden)
    head = next(name.split("/")[0] for name, array in arrays.items() if array.shape == (3, 1))
    logits = np.stack(expected, axis=1) @ arrays[f"{head}/kernel"] + arrays[f"{head}/bias"]
    np.testing.assert_allclose(outputs(genome, arrays, x, "float64"), logits, atol=1e-6, rtol=0)


SPACES = {
    "paper": RecurrentCellSpace((6, 2), 3, units=5),
    "biased, every step": RecurrentCellSpace((6, 2), 3, base=4, units=5, biased=True, every_step=True),
}


@pytest.mark.parametrize("name", list(SPACES))
def test_counts_are_those_of_keras(name: str) -> None:
    for index in range(3):
        genome = SPACES[name].random(philox(2, index))
        model = build(genome)
        assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == genome.parameters == model.count_params()
        assert model.output_shape[1:] == ((6, 3) if genome.space.every_step else (3,))


@pytest.mark.parametrize("name", list(SPACES))
def test_children_inherit_every_weight_whatever_their_nodes_become(name: str) -> None:
    space = SPACES[name]
    parent, other = space.random(philox(3, 0)), space.random(philox(3, 1))
    arrays, others = spread(parent, 1), spread(other, 2)
    for index in range(20):
        child = parent.mutate(philox(4, index), clock=1)
        found = inherit(child, [(parent, arrays)], philox(5, index))
        assert found.keys() == arrays.keys() and all(np.array_equal(found[key], arrays[key]) for key in arrays)
    child = parent.crossover([other], philox(6, 0))
    found = inherit(child, [(parent, arrays), (other, others)], philox(7, 0))
    assert any(all(np.array_equal(found[key], given[key]) for key in given) for given in (arrays, others)), (
        "one parent gives them"
    )
    model = build(child)
    set_weights(model, child, found)
    back = weights_of(model, child, channels=found)
    assert back.keys() == found.keys() and all(np.array_equal(back[key], found[key]) for key in found)


def test_more_units_keep_those_that_were_there() -> None:
    small, large = (RecurrentCellSpace((6, 2), 3, base=2, units=units) for units in (3, 5))
    genes = small.random(philox(1, 0)).genes()
    parent, child = small.from_genes(genes), large.from_genes(genes)
    arrays = spread(parent, 1)
    found = inherit(child, [(parent, arrays)], philox(2, 0))
    for role in ("kernel", "recurrent_kernel"):
        new, old = found[f"{CELL_MARKING}/{role}"], arrays[f"{CELL_MARKING}/{role}"]
        for leaf in range(2):
            np.testing.assert_array_equal(new[: len(old), 5 * leaf : 5 * leaf + 3], old[:, 3 * leaf : 3 * leaf + 3])
    back = inherit(parent, [(child, found)], philox(3, 0))
    assert all(np.array_equal(back[key], arrays[key]) for key in arrays)


@pytest.mark.slow
def test_the_file_of_a_trained_cell_loads_in_plain_keras(tmp_path: Path) -> None:
    genome = RecurrentCellSpace((12, 2), 3, units=4).random(philox(1, 0))
    model = build(genome)
    set_weights(model, genome, spread(genome, 1))
    x = philox(1, 1).normal(size=(5, 12, 2)).astype(np.float32)
    model.save(tmp_path / "cell.keras")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, keras, numpy as np; m = keras.models.load_model('cell.keras'); "
        "np.save('y.npy', np.asarray(m(np.load('x.npy')))); assert not {'genomes', 'neuroevo'} & set(sys.modules)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.asarray(model(x)), atol=1e-6)


@pytest.mark.slow
def test_jax_computes_what_tensorflow_does(tmp_path: Path) -> None:
    code = (
        "import sys, json, numpy as np; from genomes import RecurrentCellSpace; from genomes.testing import philox; "
        "from neuroevo.decode import build, set_weights; from neuroevo.inherit import initialise; "
        "from neuroevo.train.compiled import Method, compile_network; "
        "g = RecurrentCellSpace((5, 2), 3, units=4).published(); m = build(g); set_weights(m, g, initialise(g, philox(1, 0))); "
        "n = compile_network(m, Method(batch_size=8)); rng = philox(1, 1); "
        "x = n.place(rng.normal(size=(16, 5, 2)).astype('f')); y = n.place(np.eye(3, dtype='f')[rng.integers(3, size=16)]); "
        "order = np.arange(16, dtype=np.int32).reshape(2, 8); rates = np.full(2, 0.1, np.float32); "
        "losses = [n.epoch(x, y, order, rates) for _ in range(3)]; print(json.dumps([losses, n.outputs(x).tolist()]))"
    )
    found = []
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.splitlines()[-1]))
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-4)
    assert found[0][0][0] > found[0][0][-1], "three epochs lower the loss"


@pytest.mark.slow
def test_a_search_over_cells_on_the_rows_of_mnist1d_trains_and_inherits() -> None:
    task = ne.tasks.Classification("mnist1d", objectives=("error", "loss"), seed=1)
    assert task.dataset.input_shape == (40, 1)
    run = ne.evolve(
        RecurrentCellSpace(task.dataset.input_shape, task.dataset.outputs, base=2, units=8),
        task,
        strategy=strategies.RegularizedEvolution(population=2, sample=2, batch=1, inheritance="lamarckian"),
        estimation=FullTraining(epochs=1),
        budget=ne.Budget(evaluations=3),
        seed=2,
        progress=False,
    )
    assert run.evaluations == 3 and run.failures == 0
    children = [i for i in run if i.parents]
    assert children and all(child.info["started_from"] == "parents" for child in children)
    assert run.best.model().count_params() == run.best.genome.parameters


def test_a_trained_cell_remembers() -> None:
    """Whether a sequence's steps sum to more than 0 cannot be told from the last of them."""
    x = philox(1, 0).normal(size=(800, 6, 1)).astype(np.float32)
    y = (x.sum(axis=(1, 2)) > 0).astype(np.int64)
    genome = RecurrentCellSpace((6, 1), 2, units=8).published()
    model = build(genome)
    set_weights(model, genome, initialise(genome, philox(1, 1)))
    recipe = Recipe(epochs=20, batch_size=32, optimizer="adam", learning_rate=0.02, weight_decay=0.0, clip=1.0)
    network = compile_network(model, Method.of(recipe, "cross_entropy", 600))
    fit(network, x[:600], np.eye(2, dtype=np.float32)[y[:600]], recipe, philox(1, 2))
    wrong = outputs_in_batches(network, x[600:]).argmax(axis=1) != y[600:]
    assert wrong.mean() < 0.1, "the sign of the last step errs in a third"
