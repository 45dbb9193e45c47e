"""Activations and aggregations: built-in ones against NumPy, custom formulas against Python, and what a formula may not be."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genomes import NeatSpace
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS, activation_functions, aggregation_functions
from genomes.neat.kernels.functions import activate, aggregated

X = np.concatenate([np.linspace(-8, 8, 401), [1e3, -1e3, 0.5, -0.5]])
NUMPY = {
    "identity": lambda x: x,
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
    "steepened_sigmoid": lambda x: np.exp(-np.logaddexp(0, -4.9 * x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sine": np.sin,
    "cosine": np.cos,
    "gaussian": lambda x: np.exp(-(x**2)),
    "absolute": np.abs,
    "square": np.square,
    "step": lambda x: (x > 0).astype(float),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.logaddexp(0, x),
    "cube": lambda x: x**3,
    "inverse": lambda x: np.divide(1.0, x, out=np.zeros_like(x), where=x != 0),
    "exp": lambda x: np.exp(np.minimum(x, 700)),
    "log": lambda x: np.log(np.maximum(x, 1e-7)),
    "clamped": lambda x: np.clip(x, -1, 1),
    "hat": lambda x: np.maximum(0, 1 - np.abs(x)),
    "sign": np.sign,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_what_they_are_called(name: str) -> None:
    code = ACTIVATIONS.index(name)
    ours = np.array([activate(code, x) for x in X])
    assert np.allclose(ours, NUMPY[name](X), rtol=1e-9, atol=1e-12)
    assert np.isfinite(ours).all()


PLAIN = {
    "sum": np.sum,
    "mean": np.mean,
    "product": np.prod,
    "max": np.max,
    "min": np.min,
    "max_absolute": lambda v: v[int(np.argmax(np.abs(v)))],
    "median": np.median,
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=9), st.sampled_from(AGGREGATIONS))
def test_aggregations_are_what_they_are_called(values: list[float], name: str) -> None:
    none = np.zeros(0, np.int32)
    ours = aggregated(AGGREGATIONS.index(name), np.array(values), len(values), none, np.zeros(0), 0)
    assert ours == pytest.approx(PLAIN[name](np.array(values)), rel=1e-12, abs=1e-12)
    empty = 1.0 if name == "product" else 0.0
    assert aggregated(AGGREGATIONS.index(name), np.zeros(1), 0, none, np.zeros(0), 0) == empty


def formula(depth: int = 3) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["x", "pi", "2", "0.5", "1e-3"])
    if depth == 0:
        return leaves
    inner = formula(depth - 1)
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(st.sampled_from(["abs", "tanh", "sin", "cos", "floor"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(inner, inner, st.sampled_from(["<", "<=", ">", ">="]), inner).map(
            lambda p: f"({p[0]} if {p[1]} {p[2]} {p[0]} else {p[3]})"
        ),
        inner.map(lambda p: f"-{p}"),
    )


def network_of(activation: str, aggregation: str = "sum", inputs: int = 1):
    """A genome whose one output is the activation of the aggregated inputs: every weight 1, no bias."""
    space = NeatSpace(inputs, 1, activations=(activation,), aggregations=(aggregation,), bias="none")
    genes = space.random(np.random.default_rng(0)).genes()
    for gene in genes["connections"]:
        gene[3] = 1.0
    return space.from_genes(genes).network()


@settings(max_examples=60, deadline=None)
@given(formula(), st.floats(-5, 5))
def test_a_custom_formula_is_what_python_says(text: str, x: float) -> None:
    assume(len(text) <= 300)
    names = {"x": x, "pi": math.pi, "tanh": math.tanh, "sin": math.sin, "cos": math.cos, "floor": math.floor}
    expected = float(eval(text, {"__builtins__": {"abs": abs, "min": min, "max": max}}, names))
    for samples in (1, 40):  # a few samples and many are evaluated by different kernels
        outputs = network_of(f"mine = {text}")(np.full((samples, 1), x))
        assert outputs == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_custom_aggregations_gather_and_finish() -> None:
    x = np.array([[3.0, 4.0], [0.0, -2.0], [1.0, 1.0]])
    norm = network_of("identity", "norm = 0; a + x * x; sqrt(a)", inputs=2)
    assert norm(x)[:, 0] == pytest.approx([5.0, 2.0, math.sqrt(2.0)])
    mean = network_of("double = 2 * x", "own_mean = 0; a + x; a / n", inputs=2)
    assert mean(x)[:, 0] == pytest.approx([7.0, -2.0, 2.0])


def test_a_formula_that_is_undefined_somewhere_gives_not_a_number_there() -> None:
    assert np.isnan(network_of("mine = sqrt(x)")(np.array([[-1.0]]))).all()
    assert np.isnan(network_of("mine = log(x) * 0 / x")(np.array([[0.0]]))).all()


def test_custom_functions_travel_with_their_space() -> None:
    space = NeatSpace(2, 1, activations=("swish = x / (1 + exp(-x))", "tanh"), activation_mutation_rate=0.5, add_node_rate=0.5)
    genome = space.random(np.random.default_rng(1))
    for clock in range(1, 20):
        genome = genome.mutate(np.random.default_rng(clock), clock=clock)
    again = type(genome).from_dict(genome.to_dict())
    x = np.random.default_rng(0).normal(size=(5, 2))
    assert np.array_equal(again.network()(x), genome.network()(x))
    assert {gene[4] for gene in genome.genes()["nodes"][2:]} == {"swish", "tanh"}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("tahn", "unknown activation 'tahn'; did you mean 'tanh'?"),
        ("tanh = x", "'tanh' cannot name a custom activation"),
        ("f = y", "unknown name in a formula 'y'"),
        ("f = sinh(x)", "unknown function in a formula 'sinh'"),
        ("f = __import__('os').system('true')", "unknown function in a formula '__import__'|has no place"),
        ("f = x.real", "has no place for 'x.real'"),
        ("f = [x][0]", "has no place"),
        ("f = (lambda: x)()", "has no place"),
        ("f = 'a' * 1000000", "has no place"),
        ("f = 10 ** 10 ** 10 ** x +", "cannot read the formula"),
        ("f = 1e999 * x", "a number in a formula must be finite"),
        ("f = min(x)", "min takes 2 arguments, got 1"),
        ("f = " + "x + " * 200 + "x", "at most 300 characters"),
        ("f = " + "(" * 140 + "x" + ")" * 140, "cannot read|nested too deeply|$"),
        ("f = " + "1+(" * 60 + "x" + ")" * 60, "nested too deeply"),
        ("f = x = 2", "cannot read the formula"),
        ("f = x if x < 0 < 1 else 1", "has no place"),
    ],
)
def test_bad_formulas_are_refused_in_a_sentence(definition: str, message: str) -> None:
    if "$" in message:  # deep parentheses alone are harmless: they leave nothing to compute
        activation_functions((definition,))
        return
    with pytest.raises(ValueError, match=message if "|" in message else re.escape(message)):
        activation_functions((definition,))


def test_bad_aggregations_are_refused_in_a_sentence() -> None:
    for definition, message in (
        ("sun", "did you mean 'sum'?"),
        ("mine = a + x", "start; step in a and x; finish in a and n"),
        ("mine = x; a + x; a", "unknown name in a formula 'x'"),
        ("mine = 0; a + n; a", "unknown name in a formula 'n'"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            aggregation_functions((definition,))
    with pytest.raises(ValueError, match="non-empty tuple"):
        activation_functions(())
