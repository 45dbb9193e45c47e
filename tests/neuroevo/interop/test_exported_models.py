"""Exported models run in other runtimes and give the same numbers."""

import functools
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import CppnSpace, NeatSpace, NetworkSpace, Substrate
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Artifact

RAW = np.random.default_rng(1).uniform(0, 16, (7, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def individual() -> Individual:
    """A convolutional network with weights as a training leaves them: BatchNorms that have seen data."""
    from neuroevo.inherit import initialise

    rng = np.random.default_rng(4)
    genome = NetworkSpace(input_shape=(8, 8, 1), outputs=10).random(rng)
    weights = {
        name: rng.uniform(0.5, 2.0, array.shape).astype(array.dtype) if name.endswith(("variance", "gamma")) else array
        for name, array in initialise(genome, rng).items()
    }
    individual = Individual(0, genome, (-1.0,))
    individual.artifact = Artifact(0, genome, arrays=weights)
    return individual


@pytest.fixture(scope="module")
def dataset():
    return ne.data.load("digits")


@pytest.fixture(scope="module")
def expected(individual: Individual, dataset) -> np.ndarray:
    logits = np.array(individual.model()(dataset.normalisation(RAW)))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_onnx_runs_in_onnxruntime(individual: Individual, dataset, expected: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = ne.interop.export(individual, tmp_path / "net.onnx", dataset=dataset)
    session = onnxruntime.InferenceSession(str(path))
    (given,) = session.get_inputs()
    assert given.shape[1:] == [8, 8, 1]
    for samples in (1, 7):
        (found,) = session.run(None, {given.name: RAW[:samples]})
        assert np.abs(found - expected[:samples]).max() < 1e-5


def test_tflite_runs_in_its_interpreter(individual: Individual, dataset, expected: np.ndarray, tmp_path: Path) -> None:
    import tensorflow

    path = ne.interop.export(individual, tmp_path / "net.tflite", dataset=dataset)
    interpreter = tensorflow.lite.Interpreter(str(path))
    (given,), (returned,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], RAW.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], RAW)
    interpreter.invoke()
    assert np.abs(interpreter.get_tensor(returned["index"]) - expected).max() < 1e-5


def test_a_saved_model_is_served_and_not_overwritten(
    individual: Individual, dataset, expected: np.ndarray, tmp_path: Path
) -> None:
    import tensorflow

    path = ne.interop.export(individual, tmp_path / "served", dataset=dataset)
    assert np.abs(tensorflow.saved_model.load(str(path)).serve(RAW).numpy() - expected).max() < 1e-5
    with pytest.raises(ValueError, match="exists already"):
        ne.interop.export(individual, path, dataset=dataset)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["served", "served.inputs.json"]


def test_a_keras_file_takes_raw_inputs_with_the_data_and_normalised_ones_without(
    individual: Individual, dataset, expected: np.ndarray, tmp_path: Path
) -> None:
    import keras

    raw = keras.saving.load_model(ne.interop.export(individual, tmp_path / "raw.keras", dataset=dataset))
    assert np.abs(np.array(raw(RAW)) - expected).max() < 1e-5
    plain = keras.saving.load_model(ne.interop.export(individual, tmp_path / "plain.keras"))
    assert np.allclose(np.array(plain(RAW)), np.array(individual.model()(RAW)), atol=1e-4)


@pytest.mark.parametrize(
    "space",
    [
        CppnSpace(substrate=Substrate.grid((3, 3), (2, 2), activation="tanh")),
        NeatSpace(inputs=9, outputs=2, activations=("tanh", "gaussian"), activation_mutation_rate=0.5, add_node_rate=0.9),
    ],
    ids=["cppn", "neat"],
)
def test_evolved_weights_become_onnx(space, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    genome = space.random(rng)
    for clock in range(10):
        genome = genome.mutate(rng, clock=clock)
    session = onnxruntime.InferenceSession(str(ne.interop.export(genome, tmp_path / "net.onnx")))
    x = rng.normal(size=(5, 9)).astype(np.float32)
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    assert np.abs(found - genome.network()(x)).max() < 1e-5


def test_a_function_of_the_users_own_stays_out_of_keras(tmp_path: Path) -> None:
    genome = NeatSpace(inputs=2, outputs=1, activations=("swish = x / (1 + exp(-x))",)).random(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"a \.py file can hold this NeatGenome"):
        ne.interop.export(genome, tmp_path / "net.keras")


def test_a_model_that_onnx_would_break_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    import keras

    from neuroevo.interop.keras_files import write_model

    model = keras.Sequential([keras.Input((3,)), keras.layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 2, 3])])
    with pytest.raises(ValueError, match="replace it by Rescaling"):
        write_model(model, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_line_exports_a_run_of_ones_own_fitness(tmp_path: Path) -> None:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        lambda network: 4 - float(np.abs(network(x)[:, 0] - [0, 1, 1, 0]).sum()),
        population=20,
        budget=ne.Budget(generations=3),
        run=tmp_path / "xor",
    )

    typed = functools.partial(neuroevo, "export", "xor", run.best.id, folder=tmp_path)
    done = typed("net.py")
    assert done.returncode == 0 and "net.py" in done.stdout, done.stderr
    namespace: dict = {"__name__": "net"}
    exec((tmp_path / "net.py").read_text(), namespace)
    assert np.allclose(namespace["network"](x), run.best.network()(x), atol=1e-12)
    refused = typed("net.exe")
    assert refused.returncode == 2 and "Possible" not in refused.stdout and ".graphml" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert ne.interop.export(run, tmp_path / "best.json") and ne.load_genome(tmp_path / "best.json") == run.best.genome
