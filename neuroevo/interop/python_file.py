"""A network as a Python file of its own that needs nothing but NumPy."""

from __future__ import annotations

import ast
from importlib import metadata

from neuroevo.interop.node_equations import Equations

# What the file's functions do to float64 [samples], as the compiled kernels do it; `a` below is what a node gathered.
_ACTIVATIONS = {
    "identity": "a",
    "sigmoid": "1.0 / (1.0 + np.exp(np.minimum(-a, 700.0)))",
    "steepened_sigmoid": "1.0 / (1.0 + np.exp(np.minimum(-4.9 * a, 700.0)))",
    "tanh": "np.tanh(a)",
    "relu": "np.maximum(a, 0.0)",
    "sine": "np.sin(a)",
    "cosine": "np.cos(a)",
    "gaussian": "np.exp(-a * a)",
    "absolute": "np.abs(a)",
    "square": "a * a",
    "step": "np.heaviside(a, 0.0)",
    "leaky_relu": "np.where(a > 0.0, a, 0.01 * a)",
    "elu": "np.where(a > 0.0, a, np.expm1(np.minimum(a, 0.0)))",
    "selu": "1.0507009873554805 * np.where(a > 0.0, a, 1.6732632423543772 * np.expm1(np.minimum(a, 0.0)))",
    "softplus": "np.maximum(a, 0.0) + np.log1p(np.exp(-np.abs(a)))",
    "cube": "a * a * a",
    "inverse": "np.where(a == 0.0, 0.0, 1.0 / np.where(a == 0.0, 1.0, a))",
    "exp": "np.exp(np.minimum(a, 700.0))",
    "log": "np.log(np.maximum(a, 1e-7))",
    "clamped": "np.clip(a, -1.0, 1.0)",
    "hat": "np.maximum(0.0, 1.0 - np.abs(a))",
    "sign": "np.sign(a)",
}
# To float64 [edges, samples], at least one edge.
_AGGREGATIONS = {
    "sum": "w.sum(axis=0)",
    "mean": "w.mean(axis=0)",
    "product": "w.prod(axis=0)",
    "max": "w.max(axis=0)",
    "min": "w.min(axis=0)",
    "max_absolute": "np.take_along_axis(w, np.abs(w).argmax(axis=0)[None], axis=0)[0]",
    "median": "np.median(w, axis=0)",
}
_CALLS = {"abs": "abs", "min": "minimum", "max": "maximum"}
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_NUMBERS = {"pi": "np.pi", "e": "np.e"}

_FILE = '''#!/usr/bin/env python3
"""A neural network: {described}. Needs NumPy only.

    python {file} < inputs.csv        {how}
    from {module} import network      network(x): float [samples, {inputs}] to float64 [samples, {outputs}]

Evolved and written by neuroevo {version}.
"""

import sys

import numpy as np

INPUTS = {inputs}
OUTPUTS = {output_nodes}

{functions}
# (node, activation, aggregation, bias, response, sources, weights): the nodes 0 to {last_input} are the inputs{bias_note}
NODES = [
{nodes}
]


def node_value(values, activation, aggregation, bias, response, sources, weights):
    """activation(bias + response * aggregation(weights * values of the sources)): float64 [samples]."""
    with np.errstate(all="ignore"):
        gathered = np.zeros(len(values[-1]))
        if sources:
            gathered = aggregation(np.stack([values[source] for source in sources]) * np.array(weights)[:, None])
        return activation(bias + response * gathered)


def checked(x):
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or x.shape[1] != INPUTS:
        raise ValueError(f"x must be [samples, {{INPUTS}}], got an array of shape {{x.shape}}")
    return x


{network}

if __name__ == "__main__":
    rows = [line.replace(",", " ").split() for line in sys.stdin if line.strip()]
    try:
        samples = np.array([[float(cell) for cell in row] for row in rows]).reshape(len(rows), -1)
        {run}
    except ValueError as error:
        sys.exit(f"each line must hold {{INPUTS}} numbers: {{error}}")
    for row in results:
        print(",".join(repr(float(value)) for value in row))
'''

_FEED_FORWARD = '''def network(x):
    """The outputs: float64 [samples, {outputs}]."""
    x = checked(x)
    values = {{-1: np.zeros(len(x)), **{{node: x[:, node] for node in range(INPUTS)}}}}
{bias}    for node, *equation in NODES:
        values[node] = node_value(values, *equation)
    return np.stack([values[node] for node in OUTPUTS], axis=1)
'''

_RECURRENT = '''class Network:
    """Recurrent: a call is one time step of every sample; reset() starts anew."""

    def __init__(self):
        self.values = None

    def reset(self):
        self.values = None

    def __call__(self, x):
        x = checked(x)
        if self.values is None:
            self.values = {{node: np.zeros(len(x)) for node, *_ in NODES}}
        if len(x) != len(self.values[NODES[0][0]]):
            raise ValueError(f"the network holds the state of other samples than these {{len(x)}}; call reset()")
        for _ in range({times}):
            values = {{**self.values, -1: np.zeros(len(x)), **{{node: x[:, node] for node in range(INPUTS)}}}}
{bias}            self.values = {{node: node_value(values, *equation) for node, *equation in NODES}}
        return np.stack([self.values[node] for node in OUTPUTS], axis=1)


network = Network()
'''


def numpy_file(equations: Equations, name: str = "net.py") -> str:
    """The text of a Python file whose function `network` computes the same, and which works on lines of numbers as a program.

    Args:
        equations: what to write down.
        name: the file's name, for its own description.
    """
    bias = ""
    if equations.bias_value is not None:
        indent = " " * (12 if equations.recurrent else 4)
        bias = f"{indent}values[INPUTS] = np.full(len(x), {equations.bias_value!r})\n"
    shared = {"outputs": len(equations.outputs), "bias": bias, "times": equations.activations_per_step}
    module = name.removesuffix(".py")
    return _FILE.format(
        described=equations.described,
        file=name,
        module=module if module.isidentifier() else "net",
        how="each line is the next time step" if equations.recurrent else "a line of numbers for each sample",
        version=metadata.version("neuroevo"),
        inputs=equations.inputs,
        outputs=len(equations.outputs),
        output_nodes=list(equations.outputs),
        functions=_functions(equations),
        last_input=equations.inputs - 1,
        bias_note="" if equations.bias_value is None else f", the node {equations.inputs} holds {equations.bias_value!r}",
        nodes="\n".join(
            f"    ({e.node}, activation_{e.activation}, aggregation_{e.aggregation}, {e.bias!r}, {e.response!r}, "
            f"{list(e.sources)!r}, {list(e.weights)!r}),"
            for e in equations.equations
        ),
        network=(_RECURRENT if equations.recurrent else _FEED_FORWARD).format(**shared),
        run=(
            "results = [network(sample[None])[0] for sample in samples]" if equations.recurrent else "results = network(samples)"
        ),
    )


def _functions(equations: Equations) -> str:
    used = sorted({equation.activation for equation in equations.equations})
    parts = [f"def activation_{name}(a):\n    return {_activation(name, equations)}\n\n" for name in used]
    for name in sorted({equation.aggregation for equation in equations.equations}):
        if name not in equations.aggregations:
            parts.append(f"def aggregation_{name}(w):\n    return {_AGGREGATIONS[name]}\n\n")
            continue
        start, step, finish = (numpy_expression(text) for text in equations.aggregations[name].split(";"))
        parts.append(
            f"def aggregation_{name}(w):\n    a, n = np.full(w.shape[1], {start}), float(len(w))\n    for x in w:\n"
            f"        a = np.broadcast_to({step}, a.shape)\n    return np.broadcast_to({finish}, a.shape)\n\n"
        )
    return "\n" + "\n".join(parts)


def _activation(name: str, equations: Equations) -> str:
    if name not in equations.activations:
        return _ACTIVATIONS[name]
    return f"np.broadcast_to((lambda x: {numpy_expression(equations.activations[name])})(a), a.shape)"


def numpy_expression(formula: str) -> str:
    """A custom function's formula (see `genomes.neat.expressions`) in NumPy.

    >>> numpy_expression("x if x > 0 else exp(x) ** 2")
    'np.where(np.where((x > 0.0), 1.0, 0.0) != 0.0, x, np.power(np.exp(x), 2.0))'
    """
    return _numpy(ast.parse(formula.strip(), mode="eval").body)


def _numpy(node: ast.AST) -> str:
    """What `genomes.neat.expressions.parse` accepted, in NumPy; it refused everything else when the space was made."""
    match node:
        case ast.Constant():
            return repr(float(node.value))  # type: ignore[arg-type]
        case ast.Name():
            return _NUMBERS.get(node.id, node.id)
        case ast.UnaryOp():
            return f"(-{_numpy(node.operand)})" if isinstance(node.op, ast.USub) else _numpy(node.operand)
        case ast.BinOp(op=ast.Div()):
            return f"np.divide({_numpy(node.left)}, {_numpy(node.right)})"
        case ast.BinOp(op=ast.Pow()):
            return f"np.power({_numpy(node.left)}, {_numpy(node.right)})"
        case ast.BinOp():
            return f"({_numpy(node.left)} {_OPERATORS[type(node.op)]} {_numpy(node.right)})"
        case ast.Compare():
            return f"np.where(({_numpy(node.left)} {_OPERATORS[type(node.ops[0])]} {_numpy(node.comparators[0])}), 1.0, 0.0)"
        case ast.IfExp():
            return f"np.where({_numpy(node.test)} != 0.0, {_numpy(node.body)}, {_numpy(node.orelse)})"
        case ast.Call(func=ast.Name(id=name)):
            return f"np.{_CALLS.get(name, name)}({', '.join(_numpy(argument) for argument in node.args)})"
    raise ValueError(f"a formula has no place for {ast.unparse(node)}")
