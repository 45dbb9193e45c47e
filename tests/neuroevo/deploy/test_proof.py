"""Every export is loaded again and compared with its model: what the encodings can be made of travels, and what computes otherwise is refused."""

import itertools
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace, DagSpace, NeatSpace, NetworkSpace, RecurrentCellSpace, StackSpace
from genomes.cell.vocabulary import VOCABULARIES
from genomes.layers import Layer
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS
from neuroevo.decode.layer_graph import _layer
from neuroevo.decode.node_functions import activate, gather
from neuroevo.deploy import raw_model
from neuroevo.deploy.proof import Rows, WrongExport, keras_network, prove, random_rows, rows_of
from neuroevo.interop import keras_files
from neuroevo.interop.keras_files import write_model
from neuroevo.run.travelling import travelling

RUNTIMES = [".tflite", ".onnx"]


@pytest.fixture(autouse=True)
def _runtimes(request):
    if ".onnx" in request.node.name:
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")


def filled(model, seed: int = 0):
    """Weights as a training leaves them."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        low, high = (0.5, 2.0) if "variance" in variable.path or "gamma" in variable.path else (-0.6, 0.6)
        variable.assign(rng.uniform(low, high, variable.shape).astype(np.float32))
    return model


def layers_of(axes: int):
    """Every kind of layer with spatial axes, in settings that genomes can give it: kernels that their strides step over among them."""
    yield from (Layer("relu"), Layer("norm"), Layer("zero"), Layer("global_average"), Layer("global_max"), Layer("flatten"))
    for kind, (kernel, stride) in itertools.product(
        ("conv", "separable", "max_pool", "average_pool"), ((1, 1), (1, 2), (1, 3), (2, 3), (2, 4), (3, 2), (5, 1))
    ):
        yield Layer(kind, kernel=kernel, stride=stride, **({"width": 3} if kind in ("conv", "separable") else {}))
    for kind, (height, width, stride) in itertools.product(
        ("plain_conv", "plain_separable"), ((3, 1, 2), (1, 3, 2), (1, 5, 3), (7, 1, 4), (1, 7, 4))
    ):
        yield Layer(kind, width=2, kernel=height, kernel_width=width if axes == 2 else 0, stride=stride, normalised=stride == 2)
    for kind in ("plain_conv", "plain_separable"):
        yield Layer(kind, width=2, kernel=3, dilation=2, normalised=True)


def every_layer(shape: tuple[int, ...]):
    """A model with a branch for each layer, joined."""
    inputs, axes = keras.Input(shape), len(shape) - 1
    branches = []
    for place, layer in enumerate(layers_of(axes)):

        def named(part: str, place: int = place):
            return {"name": f"{place}_{part}"}

        branches.append(_layer(layer, [inputs], [shape], named))
    branches.append(
        _layer(Layer("add", projected=True), [branches[-1], inputs], [(*shape[:-1], 2), shape], lambda part: {"name": part})
    )
    flat = [x if len(x.shape) == 2 else keras.layers.Flatten()(x) for x in branches]
    return filled(keras.Model(inputs, keras.layers.Concatenate()(flat)))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", RUNTIMES)
@pytest.mark.parametrize("shape", [(8, 7, 2), (9, 2)], ids=["images", "series"])
def test_every_layer_that_a_genome_can_have_travels(shape, suffix: str, tmp_path: Path) -> None:
    model = every_layer(shape)
    proof = write_model(model, tmp_path / f"net{suffix}")
    assert proof.difference < 1e-4 and proof.rows > 1 and (tmp_path / f"net{suffix}").exists()


def test_convolutions_and_poolings_that_step_over_a_part_of_their_input_travel(tmp_path: Path) -> None:
    """Without the cuts, TensorFlow's interpreter is off by about 1 on the convolutions."""
    inputs, layers = keras.Input((8, 9, 2)), keras.layers
    options = {"padding": "same"}
    branches = [
        *(
            layers.Conv2D(2, kernel, strides=stride, **options)(inputs)
            for kernel, stride in (((3, 1), 2), ((1, 3), 2), (3, 4), ((7, 1), 3))
        ),
        layers.SeparableConv2D(2, (1, 3), strides=2, **options)(inputs),
        layers.MaxPool2D(1, strides=2, **options)(inputs),
        layers.AveragePooling2D((3, 1), strides=4, **options)(inputs),
    ]
    model = filled(keras.Model(inputs, layers.Concatenate()([layers.Flatten()(branch) for branch in branches])))
    assert write_model(model, tmp_path / "net.tflite").difference < 1e-5


@pytest.mark.parametrize("suffix", RUNTIMES)
def test_every_activation_and_aggregation_of_neat_travels(suffix: str, tmp_path: Path) -> None:
    inputs = keras.Input((5,))
    weighed = keras.layers.Dense(5)(inputs)
    outputs = [activate(name, weighed) for name in ACTIVATIONS]
    outputs += [gather(name, x) for name in AGGREGATIONS for x in (inputs, weighed[:, :1], weighed[:, :4])]
    model = filled(keras.Model(inputs, keras.layers.Concatenate()(outputs)))
    assert write_model(model, tmp_path / f"net{suffix}").difference < 0.01  # that of 1 / x, where x is almost nothing


def test_the_largest_absolute_input_is_the_first_of_equal_ones() -> None:
    rng = np.random.default_rng(0)
    for count in range(1, 9):
        x = rng.integers(-2, 3, (40, count)).astype(np.float32)
        expected = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
        assert np.array_equal(np.asarray(gather("max_absolute", keras.ops.convert_to_tensor(x))), expected)


SPACES = [
    ChainSpace(input_shape=(8, 8, 1), outputs=10),
    ChainSpace(input_shape=(11, 2), outputs=3),
    StackSpace(input_shape=(11, 2), outputs=3),
    RecurrentCellSpace(input_shape=(11, 2), outputs=3, base=4, units=6),
    DagSpace(input_shape=(9, 7, 1), outputs=3),
    NetworkSpace(input_shape=(7, 8, 2), outputs=3),
    NetworkSpace(input_shape=(13, 2), outputs=3),
    *(CellSpace(name, input_shape=(8, 8, 1), outputs=4, channels=4, repeats=1, stages=2) for name in VOCABULARIES),
    CellSpace("nasnet", input_shape=(12, 2), outputs=3, channels=4, repeats=1, stages=2),
]


def random_model(space, seed: int):
    genome = space.random(np.random.default_rng(seed))
    return filled(ne.decode.build(genome.mutate(np.random.default_rng(seed), clock=1)), seed)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", RUNTIMES)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"{type(space).__name__}{space.input_shape}")
def test_random_genomes_of_every_encoding_travel(space, suffix: str, tmp_path: Path) -> None:
    for seed in range(3):
        proof = write_model(random_model(space, seed), tmp_path / f"{seed}{suffix}")
        assert proof.difference <= 1e-4 * max(1.0, abs(proof.lowest), abs(proof.highest))


def test_a_chain_with_strides_over_its_kernels_travels(tmp_path: Path) -> None:
    space = ChainSpace(input_shape=(8, 8, 1), outputs=3, kernels=(1, 3), strides=(2,), widths=(4,), min_layers=2, max_layers=2)
    for seed in range(20):
        model = random_model(space, seed)
        if travelling(model) is not model:
            break
    assert write_model(model, tmp_path / "net.tflite").difference < 1e-4


def test_a_travelling_model_has_the_same_weights_and_leaves_the_model_alone() -> None:
    inputs = keras.Input((8, 9, 2))
    inner = keras.Model(inputs, keras.layers.Conv2D(3, (3, 1), strides=2, padding="same")(inputs))
    sequence = keras.Sequential(
        [keras.Input((8, 9, 2)), inner, keras.layers.MaxPool2D(1, strides=3, padding="same"), keras.layers.Flatten()]
    )
    filled(sequence)
    calls = [len(layer._inbound_nodes) for layer in (inner, *inner.layers)]
    made = travelling(sequence)
    x = np.random.default_rng(1).normal(size=(5, 8, 9, 2)).astype(np.float32)
    assert made is not sequence and np.array_equal(np.asarray(made(x)), np.asarray(sequence(x)))
    assert all(np.array_equal(a, b) for a, b in zip(made.get_weights(), sequence.get_weights(), strict=True))
    assert [len(layer._inbound_nodes) for layer in (inner, *inner.layers)][1:] == calls[1:]
    plain = filled(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, strides=2, padding="same")]))
    assert travelling(plain) is plain


# A wrong file is refused ------------------------------------------------------------------------------------------------------


def small(outputs: int = 3):
    return filled(keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs)]))


@pytest.mark.parametrize("suffix", [*RUNTIMES, ""])
def test_a_file_that_computes_other_numbers_is_not_written(suffix: str, tmp_path: Path, monkeypatch) -> None:
    right = keras_files._exported
    other = filled(keras.models.clone_model(small()), seed=1)
    monkeypatch.setattr(keras_files, "_exported", lambda model, path: right(other, path))
    with pytest.raises(
        WrongExport, match=r"was not written: what was written computes other numbers in .* on 64 of 64 rows drawn at random"
    ):
        write_model(small(), tmp_path / f"net{suffix}")
    assert not list(tmp_path.iterdir())


def test_a_keras_file_that_computes_other_numbers_is_not_written_and_the_old_one_stays(tmp_path: Path, monkeypatch) -> None:
    dataset = ne.data.load("breast_cancer", seed=1)
    model = filled(keras.Sequential([keras.Input(dataset.input_shape), keras.layers.Dense(dataset.outputs)]))
    path, said = tmp_path / "net.keras", []
    ne.deploy.export(model, dataset, path, say=said.append)
    (sentence,) = said
    assert re.search(
        r"net.keras: loaded again in Keras .*: on 64 rows of the validation data it differs from the model by at most 0 ",
        sentence,
    )
    before = path.read_bytes()
    load = keras.saving.load_model

    def damaged(*arguments, **options):
        loaded = load(*arguments, **options)
        filled(loaded, seed=2)
        return loaded

    monkeypatch.setattr(keras.saving, "load_model", damaged)
    with pytest.raises(WrongExport, match="of the validation data it differs"):
        ne.deploy.export(model, dataset, path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["net.keras"]


def grown(space, seed: int, mutations: int = 8):
    rng = np.random.default_rng(seed)
    genome = space.random(rng)
    for clock in range(mutations):
        genome = genome.mutate(rng, clock=clock)
    return genome


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_python_file_is_compared_with_the_genomes_network(recurrent: bool, tmp_path: Path, monkeypatch, capsys) -> None:
    from neuroevo.interop import python_file

    space = NeatSpace(inputs=3, outputs=2, recurrent=recurrent, activations=("tanh",), add_node_rate=0.9)
    genome = grown(space, 1)
    ne.interop.export(genome, tmp_path / "net.py")
    assert "net.py: loaded again in Python" in capsys.readouterr().out
    right = python_file.numpy_file
    monkeypatch.setattr(python_file, "numpy_file", lambda *a: right(*a).replace("np.tanh(a)", "np.tanh(a) + 1e-6"))
    with pytest.raises(WrongExport, match=r"wrong.py was not written: .*differs from the model by up to"):
        ne.interop.export(genome, tmp_path / "wrong.py")
    monkeypatch.setattr(python_file, "numpy_file", lambda *a: right(*a).replace("import numpy as np", "import numpy"))
    with pytest.raises(WrongExport, match=r"wrong.py was not written: .*cannot run what was written: NameError"):
        ne.interop.export(genome, tmp_path / "wrong.py")
    assert [file.name for file in tmp_path.iterdir()] == ["net.py"]


def test_an_operation_that_tensorflow_lite_lacks_is_named(tmp_path: Path) -> None:
    inputs = keras.Input((6, 6, 6, 1))
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.MaxPool3D(2)(inputs)))
    with pytest.raises(ValueError, match=r"TensorFlow Lite: it needs .*MaxPool3D.* not built into it"):
        write_model(model, tmp_path / "net.tflite")
    assert not list(tmp_path.iterdir())


def test_an_operation_that_onnx_lacks_is_named(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    inputs = keras.Input((4,))
    picked = keras.ops.take_along_axis(inputs, keras.ops.argmax(inputs, axis=-1, keepdims=True), axis=-1)
    with pytest.raises(WrongExport, match=r"net.onnx was not written: onnxruntime .* cannot run what was written"):
        write_model(keras.Model(inputs, picked), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["onnxruntime", "tf2onnx"])
def test_what_onnx_needs_is_one_sentence(missing: str, tmp_path: Path, monkeypatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == missing else find(name, *a))
    with pytest.raises(ImportError, match=rf"ONNX needs {missing}.*pip install -e"):
        write_model(small(), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


# What is compared -------------------------------------------------------------------------------------------------------------


def found(model, file, x) -> float:
    return prove(model, lambda: file, Rows(np.asarray(x, np.float32), "given"), "a runtime").difference


def test_outputs_of_little_spread_are_compared_within_it() -> None:
    """All probabilities near one half: a network that answers with others within their range is still another network."""
    x = np.linspace(-1, 1, 20)[:, None]
    with pytest.raises(WrongExport, match=r"differs from the model by up to 0\.0002"):
        found(lambda x: 0.5 + 1e-4 * x, lambda x: 0.5 - 1e-4 * x, x)
    with pytest.raises(WrongExport):
        found(lambda x: 1.7e9 + 5e4 * x.astype(float), lambda x: 1.7e9 - 5e4 * x.astype(float), x)
    assert found(lambda x: 1.7e9 + 5e4 * x.astype(float), lambda x: 1.7e9 + 5e4 * x.astype(float) + 120, x) == 120


def test_a_row_where_the_model_itself_jumps_may_differ_and_others_may_not() -> None:
    def step(x):
        return (x > 1.0).astype(np.float32)

    x = np.array([[1.0], [0.5], [2.0]])
    assert found(step, lambda x: (x >= 1.0).astype(np.float32), x) == 1.0
    with pytest.raises(WrongExport, match="on 1 of 3 rows given"):
        found(step, lambda x: (x > 0.4).astype(np.float32), x)


def test_numbers_that_are_not_finite_must_be_so_in_both() -> None:
    x = np.array([[1.0], [200.0], [2.0]])
    with np.errstate(all="ignore"):
        assert found(np.exp, np.exp, x) == 0.0
        for wrong in (np.nan, np.inf):
            with pytest.raises(WrongExport, match="by NaN or infinity"):
                found(np.exp, lambda x, wrong=wrong: np.where(x == 2.0, wrong, np.exp(x)), x)
        with pytest.raises(WrongExport):
            found(np.exp, lambda x: np.minimum(np.exp(x), 1e30), x)
    assert np.isnan(prove(lambda x: x * np.nan, lambda: lambda x: x * np.nan, random_rows((2,)), "a runtime").highest)


def test_a_file_for_one_sample_at_a_time_or_of_another_shape_is_refused() -> None:
    x = np.zeros((4, 2))
    with pytest.raises(WrongExport, match=r"outputs of another shape: \[4, 1\] in place of \[4, 2\]"):
        found(lambda x: x, lambda x: x[:, :1], x)
    with pytest.raises(WrongExport, match="cannot run what was written: ValueError: one at a time"):

        def single(x):
            if len(x) > 1:
                raise ValueError("one at a time")
            return x

        found(lambda x: x, single, x)


def test_rows_are_real_ones_where_the_data_is_known() -> None:
    dataset = ne.data.load("diabetes", seed=1)
    rows = rows_of(dataset)
    raw = dataset.normalisation.inverse(dataset.validation.x)
    assert len(rows.x) == 64 and all((np.abs(raw - row) < 1e-6).all(axis=1).any() for row in rows.x)
    assert rows.origin == "of the validation data" and np.array_equal(random_rows((3,)).x, random_rows((3,)).x)


@pytest.mark.parametrize(
    ("offset", "spread"), [(1_700_000_000_000.0, 1e5), (273.15e6, 1e-1), (-4e9, 20.0)], ids=["milliseconds", "kelvin", "negative"]
)
@pytest.mark.parametrize("suffix", [".onnx", ".keras", ".tflite"])
def test_numbers_that_float32_cannot_hold_are_compared_as_the_model_takes_and_gives_them(tmp_path, suffix, offset, spread):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 2)) * [1.0, spread] + [0.0, offset]
    dataset = ne.data.load((x, offset + spread * x[:, 0]))
    rows = rows_of(dataset)
    assert rows.x.dtype == np.float32
    assert np.abs(rows.x).max() < 10  # 'subtract' and 'divide' beside the model come first
    model = filled(keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]))
    raw = raw_model(model, dataset, doubles=suffix != ".tflite")
    proof = write_model(raw, tmp_path / f"net{suffix}", rows)
    assert proof.difference <= 1e-3 * spread


@pytest.mark.parametrize(("offset", "spread"), [(1.7e9, 20.0), (-3e12, 1.0), (1e6, 1e-3)])
def test_a_wrong_file_is_found_however_far_its_values_are_from_zero(offset, spread):
    x = np.random.default_rng(3).normal(size=(60, 2))
    dataset = ne.data.load((x, offset + spread * x[:, 0]))
    model = filled(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    raw = raw_model(model, dataset)

    def of(share):
        return lambda rows: (keras_network(raw)(rows) - offset) * share + offset

    with pytest.raises(WrongExport, match="other numbers"):
        prove(keras_network(raw), lambda: of(1.01), rows_of(dataset), "a runtime")
    assert prove(keras_network(raw), lambda: of(1.0), rows_of(dataset), "a runtime").difference <= 1e-3 * spread
