"""Networks written down as NumPy files, formulas and graphs compute what the compiled networks compute."""

import json
import subprocess
import sys
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuroevo as ne
from genomes import CppnSpace, EvolvableSubstrate, Genome, NeatSpace, NetworkSpace, Substrate
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS

CUSTOM = (
    "swish = x / (1 + exp(-x))",
    "notch = x ** 2 if x > 0.5 else min(abs(x), pi / 4) - max(-1, floor(x)) * (x >= -1)",
    "constant = e",
)
GATHERED = ("root_mean_square = 0; a + x * x; sqrt(a / n)",)
EVERYTHING = {
    "activations": (*ACTIVATIONS, *CUSTOM),
    "aggregations": (*AGGREGATIONS, *GATHERED),
    "activation_mutation_rate": 1.0,
    "aggregation_mutation_rate": 1.0,
    "response_mutation_rate": 0.5,
    "add_node_rate": 1.0,
    "add_connection_rate": 1.0,
    "toggle_rate": 0.2,
    "weight_limit": 1.0,  # larger ones overflow in towers of exponentials
    "bias_limit": 1.0,
}


def grown(space, seed: int, mutations: int = 12) -> Genome:
    rng = np.random.default_rng(seed)
    genome = space.random(rng)
    for clock in range(mutations):
        genome = genome.mutate(rng, clock=clock)
    return genome


def loaded(text: str) -> dict:
    """The written file as a stranger's Python would run it: NumPy is all that it may import."""
    namespace: dict = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), namespace)
    return namespace


def agree(found, expected) -> None:
    finite = np.isfinite(expected)
    assert np.array_equal(np.isfinite(found), finite)
    assert np.allclose(found[finite], expected[finite], rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), bias=st.sampled_from(["input", "node", "none"]))
def test_a_numpy_file_computes_what_the_compiled_network_does(seed: int, bias: str) -> None:
    genome = grown(NeatSpace(inputs=3, outputs=2, bias=bias, **EVERYTHING), seed)
    x = np.random.default_rng(seed).normal(size=(20, 3)) * 2
    agree(loaded(ne.interop.numpy_file(ne.interop.equations(genome)))["network"](x), genome.network()(x))


def with_an_empty_product(bias: str, aggregation: str = "product", recurrent: bool = False) -> Genome:
    """Hidden and output nodes to which no enabled connection leads, with responses of their own."""
    space = NeatSpace(2, 2, bias=bias, recurrent=recurrent, initial_hidden=2, activations=("tanh",), aggregations=(aggregation,))
    genes = space.random(np.random.default_rng(3)).genes()
    for row in genes["nodes"]:
        if row[1] != "input" and row[1] != "bias":
            row[3] = 0.7
    hidden = [row[0] for row in genes["nodes"] if row[1] == "hidden"]
    for row in genes["connections"]:
        row[4] = row[2] != hidden[0] and row[2] != genes["nodes"][-3][0]
    return space.from_genes(genes)


@pytest.mark.parametrize("bias", ["input", "node", "none"])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_every_form_of_a_network_knows_what_is_gathered_of_nothing(bias: str, aggregation: str) -> None:
    genome = with_an_empty_product(bias, aggregation)
    x = np.random.default_rng(1).normal(size=(5, 2))
    expected = genome.network()(x)
    agree(loaded(ne.interop.numpy_file(ne.interop.equations(genome)))["network"](x), expected)
    model = ne.decode(genome, dtype="float64")
    assert np.allclose(model.predict(x, verbose=0), expected, rtol=1e-6, atol=1e-6)
    single = type(genome.space)(1, 1, initial="none", bias="none", activations=("tanh",), aggregations=(aggregation,))
    alone = single.random(np.random.default_rng(0))
    assert alone.network()([[2.0]]) == pytest.approx(np.tanh(1.0) if aggregation == "product" else 0.0)
    assert float(ne.interop.formulas(ne.interop.equations(alone))[0]) == pytest.approx(alone.network()([[2.0]])[0, 0])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_a_recurrent_numpy_file_keeps_the_same_state(seed: int) -> None:
    genome = grown(NeatSpace(inputs=2, outputs=2, recurrent=True, activations=("tanh", "sine"), add_node_rate=0.8), seed)
    written, network = loaded(ne.interop.numpy_file(ne.interop.equations(genome)))["network"], genome.network()
    rng = np.random.default_rng(seed)
    for step in range(8):
        x = rng.normal(size=(3, 2))
        agree(written(x), network(x))
        if step == 4:
            written.reset()
            network.reset()


@pytest.mark.parametrize(
    "substrate",
    [
        Substrate.grid((3, 3), (2, 2), bias=True),
        EvolvableSubstrate([(-1, -1), (1, -1)], [(0, 1)]),
        EvolvableSubstrate([(-1, -1), (1, -1)], [(0, 1)], forward="", activations_per_step=2),
    ],
    ids=["grid", "evolvable", "recurrent"],
)
def test_the_network_on_a_substrate_is_written(substrate) -> None:
    for seed in range(3):
        genome = grown(CppnSpace(substrate=substrate), seed)
        network = genome.network()
        written = loaded(ne.interop.numpy_file(ne.interop.equations(genome)))["network"]
        rng = np.random.default_rng(seed)
        for _ in range(3):
            x = rng.normal(size=(4, substrate.input_count))
            agree(written(x), network(x))


def test_a_cppn_without_a_substrate_is_written_as_a_function_of_coordinates(tmp_path: Path) -> None:
    genome = grown(CppnSpace(), 1)
    points = np.random.default_rng(0).uniform(-1, 1, (30, 3))
    ne.interop.export(genome, tmp_path / "pattern.py")
    agree(loaded((tmp_path / "pattern.py").read_text())["network"](points), genome.query(points))
    assert {str(s) for f in ne.interop.formulas(ne.interop.equations(genome)) for s in f.free_symbols} <= {"x", "y", "d"}
    model = ne.decode.build(genome)
    assert np.allclose(np.asarray(model(points.astype("float32"))), genome.query(points), atol=1e-5)


def test_a_stranger_runs_the_file_without_this_package(tmp_path: Path) -> None:
    genome = grown(NeatSpace(inputs=2, outputs=1), 3)
    path = ne.interop.export(genome, tmp_path / "net.py")
    x = np.random.default_rng(0).normal(size=(5, 2))
    lines = "\n".join(",".join(map(repr, row)) for row in x.tolist())
    run = [sys.executable, "-I", "-c", "import runpy; runpy.run_path('net.py', run_name='__main__')"]
    done = subprocess.run(run, input=lines, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    agree(np.array([[float(v) for v in line.split(",")] for line in done.stdout.split()]), genome.network()(x))
    imports = [line for line in path.read_text().splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import sys", "import numpy as np"]
    wrong = subprocess.run(run, input="1,2,3\n", cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 1 and "must hold 2 numbers" in wrong.stderr and "Traceback" not in wrong.stderr


def formulas_agree(space: NeatSpace, seed: int) -> None:
    import sympy

    equations = ne.interop.equations(grown(space, seed, 4))
    network = loaded(ne.interop.numpy_file(equations))["network"]
    for point in np.random.default_rng(seed).normal(size=(3, space.inputs)):
        values = {sympy.Symbol(f"x{i}", real=True): sympy.Float(v) for i, v in enumerate(point.tolist())}
        expected = network(point[None])[0]
        found = [float(formula.xreplace(values).evalf()) for formula in ne.interop.formulas(equations)]
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-9)
        for symbol, formula in ne.interop.node_formulas(equations):
            values[symbol] = formula.xreplace(values).evalf()
        found = [float(values[sympy.Symbol(f"y{i}", real=True)]) for i in range(space.outputs)]
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, *CUSTOM], ids=lambda text: text.split(" ")[0])
def test_a_formula_with_any_activation_gives_the_networks_outputs(activation: str) -> None:
    space = NeatSpace(inputs=2, outputs=2, activations=(activation,), weight_range=1.0, weight_power=0.3, bias_range=1.0)
    formulas_agree(space, 1)


@pytest.mark.parametrize("aggregation", [*AGGREGATIONS, *GATHERED], ids=lambda text: text.split(" ")[0])
def test_a_formula_with_any_aggregation_gives_the_networks_outputs(aggregation: str) -> None:
    for bias in ("input", "none"):
        formulas_agree(NeatSpace(inputs=2, outputs=1, bias=bias, activations=("tanh",), aggregations=(aggregation,)), 2)


def test_latex_says_every_weight(tmp_path: Path) -> None:
    genome = grown(NeatSpace(inputs=2, outputs=1, activations=("tanh",), add_node_rate=0.5), 3)
    text = ne.interop.export(genome, tmp_path / "net.tex").read_text()
    assert text.startswith("\\documentclass") and text.rstrip().endswith("\\end{document}")
    equations = ne.interop.equations(genome)
    assert text.count("&= \\tanh") == len(equations.equations) > 1
    for equation in equations.equations:
        for weight in (*equation.weights, equation.bias):
            assert f"{abs(weight):.6g}" in text


def test_a_formula_that_nobody_would_read_is_refused() -> None:
    space = NeatSpace(inputs=8, outputs=4, initial_hidden=8, add_connection_rate=1.0, add_node_rate=0.5)
    with pytest.raises(ValueError, match="node_formulas"):
        ne.interop.formulas(ne.interop.equations(grown(space, 0, 80)))
    with pytest.raises(ValueError, match="recurrent"):
        ne.interop.formulas(ne.interop.equations(grown(NeatSpace(inputs=1, outputs=1, recurrent=True), 0)))


def test_graphml_holds_the_whole_network(tmp_path: Path) -> None:
    genome = grown(NeatSpace(inputs=3, outputs=2, activations=("tanh",), add_node_rate=1.0, toggle_rate=0.3), 5)
    graph = networkx.read_graphml(ne.interop.export(genome, tmp_path / "net.graphml"))
    used = networkx.DiGraph([(a, b, data) for a, b, data in graph.edges(data=True) if data["enabled"]])
    used.add_nodes_from(graph.nodes)
    x = np.random.default_rng(0).normal(size=(6, 3))
    values = {str(node): x[:, node] for node in range(3)}
    for node in networkx.topological_sort(used):
        if graph.nodes[node]["type"] != "input":
            total = sum(used.edges[source, node]["weight"] * values[source] for source in used.predecessors(node))
            values[node] = np.tanh(graph.nodes[node]["bias"] + graph.nodes[node]["response"] * total + np.zeros(6))
    outputs = [node for node, data in graph.nodes(data=True) if data["type"] == "output"]
    agree(np.stack([values[node] for node in outputs], axis=1), genome.network()(x))


def test_dot_draws_every_gene_and_escapes_names() -> None:
    genome = grown(NeatSpace(inputs=3, outputs=2, add_node_rate=1.0, toggle_rate=0.3), 5)
    text, graph = ne.interop.dot(genome), genome.graph()
    assert text.count(" -> ") == graph.number_of_edges() and text.count("label=") == len(graph) + graph.number_of_edges()
    assert text.count("dashed") == sum(not data["enabled"] for *_, data in graph.edges(data=True)) > 0
    layers = NetworkSpace(input_shape=(8, 8, 1), outputs=10).random(np.random.default_rng(0))
    assert 'label="conv' in ne.interop.dot(layers)
    assert networkx.parse_graphml(ne.interop.graphml(layers)).number_of_nodes() == len(layers.graph())

    class Named:
        def graph(self):
            graph = networkx.DiGraph()
            graph.add_node(0, label='"]; evil [label="\n')
            return graph

    assert '[label="\\"]; evil [label=\\"\\n"];' in ne.interop.dot(Named())


def test_the_genome_itself_is_written_as_json(tmp_path: Path) -> None:
    genome = grown(NeatSpace(inputs=3, outputs=2), 5)
    path = ne.interop.export(genome, tmp_path / "genome.json")
    assert ne.load_genome(path) == genome and json.loads(path.read_text())["encoding"] == "neat"


def test_what_cannot_be_written_says_what_can(tmp_path: Path) -> None:
    layers = NetworkSpace(input_shape=(4,), outputs=2).random(np.random.default_rng(0))
    recurrent = grown(NeatSpace(inputs=1, outputs=1, recurrent=True), 0)
    for genome, name, sentence in (
        (layers, "net.py", "layers.*Possible: .json, .graphml, .dot, .gv$"),
        (layers, "net.onnx", "weights are not there.*Possible: .json"),
        (recurrent, "net.tex", "recurrent.*Possible: .json, .graphml, .dot, .gv, .py$"),
        (recurrent, "net.keras", "recurrent.*Possible: .json, .graphml, .dot, .gv, .py$"),
        (recurrent, "net.grahpml", "did you mean '.graphml'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ne.interop.export(genome, tmp_path / name)
    with pytest.raises(ValueError, match="a run, an individual or a genome, got 3"):
        ne.interop.export(3, tmp_path / "net.py")
    assert not list(tmp_path.iterdir())


def test_nodes_with_dynamics_of_their_own_are_not_written_as_equations(tmp_path: Path) -> None:
    genome = grown(NeatSpace(inputs=1, outputs=1, recurrent=True, dynamics="leaky"), 0)
    with pytest.raises(ValueError, match=r"leaky.*Possible: .json, .graphml, .dot, .gv$"):
        ne.interop.export(genome, tmp_path / "net.py")
    with pytest.raises(ValueError, match="leaky"):
        ne.interop.equations(genome)
