"""A network as mathematics: SymPy expressions, and LaTeX."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from neuroevo.core.extras import how_to_install
from neuroevo.interop.node_equations import Equation, Equations

MOST_TERMS = 20_000  # of formulas in the inputs alone: what nodes share is written out again wherever it is used


def formulas(equations: Equations) -> tuple[Any, ...]:
    """Each output as a `sympy.Expr` in the inputs alone (symbols named as `Equations.input_names`).

    Raises:
        ValueError: a recurrent network, which has a state; or one whose formulas would have too many terms.
        ImportError: SymPy is not installed.
    """
    _refuse_recurrent(equations)
    terms = dict.fromkeys(range(equations.inputs + 1), 1)
    for equation in equations.equations:
        terms[equation.node] = 1 + sum(1 + terms[source] for source in equation.sources)
    many = sum(terms[output] for output in equations.outputs)
    if many > MOST_TERMS:
        raise ValueError(
            f"in the inputs alone this network's formulas have {many:,} terms, more than the {MOST_TERMS:,} that anyone would read: "
            "use node_formulas, one equation a node, or a .py file"
        )
    values = _sensors(equations)
    for equation in equations.equations:
        values[equation.node] = _value(equation, equations, values)
    return tuple(values[output] for output in equations.outputs)


def node_formulas(equations: Equations) -> list[tuple[Any, Any]]:
    """One equation a node, sources first: (symbol, `sympy.Expr` in the inputs and earlier symbols). Hidden nodes are h1, h2, ..., the
    outputs y0, y1, ...

    Raises:
        ValueError: a recurrent network, which has a state.
        ImportError: SymPy is not installed.
    """
    return _node_formulas(equations, held=False)


def _node_formulas(equations: Equations, held: bool) -> list[tuple[Any, Any]]:
    """The same; `held`: what goes into an activation stays a term of its own, as one would write it (SymPy would multiply it out)."""
    _refuse_recurrent(equations)
    sympy = _sympy()
    values = _sensors(equations)
    found = []
    hidden = 0
    for equation in equations.equations:
        expression = _value(equation, equations, values, held)
        if equation.node in equations.outputs:
            symbol = sympy.Symbol(f"y{equations.outputs.index(equation.node)}", real=True)
        else:
            hidden += 1
            symbol = sympy.Symbol(f"h{hidden}", real=True)
        values[equation.node] = symbol
        found.append((symbol, expression))
    return found


def latex(equations: Equations, digits: int = 6) -> str:
    """A LaTeX document with one equation a node.

    Args:
        equations: a feed-forward network.
        digits: significant digits of the weights.

    Raises:
        ValueError: a recurrent network.
        ImportError: SymPy is not installed.
    """
    sympy = _sympy()
    lines = []
    for symbol, expression in _node_formulas(equations, held=True):
        shown = expression.xreplace({number: sympy.Float(number, digits) for number in expression.atoms(sympy.Float)})
        lines.append(f"  {sympy.latex(symbol)} &= {sympy.latex(shown)} \\\\")
    return "\n".join(
        [
            "\\documentclass{article}",
            "\\usepackage{amsmath}",
            "\\allowdisplaybreaks",
            "\\begin{document}",
            f"\\noindent A neural network: {equations.described}.",
            "\\begin{align*}",
            *lines,
            "\\end{align*}",
            "\\end{document}",
            "",
        ]
    )


def _refuse_recurrent(equations: Equations) -> None:
    if equations.recurrent:
        raise ValueError("a recurrent network has a state, so its outputs are no formula of its inputs: write a .py file instead")


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise ImportError(f"formulas need SymPy: {how_to_install('export')}") from None
    return sympy


def _sensors(equations: Equations) -> dict[int, Any]:
    sympy = _sympy()
    values = {node: sympy.Symbol(name, real=True) for node, name in enumerate(equations.input_names)}
    if equations.bias_value is not None:
        values[equations.inputs] = sympy.Float(equations.bias_value)
    return values


def _value(equation: Equation, equations: Equations, values: dict[int, Any], held: bool = False) -> Any:
    sympy = _sympy()
    weighted = [sympy.Float(weight) * values[source] for weight, source in zip(equation.weights, equation.sources, strict=True)]
    gathered = _aggregated(equation.aggregation, weighted, equations) if weighted else sympy.Integer(0)
    if equation.response != 1.0:
        gathered *= sympy.Float(equation.response)
    total = gathered + sympy.Float(equation.bias) if equation.bias else gathered
    if held and total.free_symbols:  # a number that is held cannot be compared, and some activations compare
        total = sympy.UnevaluatedExpr(total)
    if equation.activation in equations.activations:
        return expression(equations.activations[equation.activation], x=total)
    return _activations(sympy)[equation.activation](total)


def _activations(s: Any) -> dict[str, Callable[[Any], Any]]:
    def either(condition: Any, then: Any, otherwise: Any) -> Any:
        return s.Piecewise((then, condition), (otherwise, True))

    return {
        "identity": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + s.exp(-x)),
        "steepened_sigmoid": lambda x: 1 / (1 + s.exp(-s.Float("4.9") * x)),
        "tanh": s.tanh,
        "relu": lambda x: s.Max(x, 0),
        "sine": s.sin,
        "cosine": s.cos,
        "gaussian": lambda x: s.exp(-(x**2)),
        "absolute": s.Abs,
        "square": lambda x: x**2,
        "step": lambda x: either(x > 0, 1, 0),
        "leaky_relu": lambda x: either(x > 0, x, s.Float("0.01") * x),
        "elu": lambda x: either(x > 0, x, s.exp(x) - 1),
        "selu": lambda x: s.Float("1.0507009873554805") * either(x > 0, x, s.Float("1.6732632423543772") * (s.exp(x) - 1)),
        "softplus": lambda x: s.log(1 + s.exp(x)),
        "cube": lambda x: x**3,
        "inverse": lambda x: either(s.Eq(x, 0), 0, 1 / x),
        "exp": s.exp,
        "log": lambda x: s.log(s.Max(x, s.Float("1e-7"))),
        "clamped": lambda x: s.Min(s.Max(x, -1), 1),
        "hat": lambda x: s.Max(0, 1 - s.Abs(x)),
        "sign": s.sign,
    }


def _aggregated(name: str, terms: Sequence[Any], equations: Equations) -> Any:
    sympy = _sympy()
    if name in equations.aggregations:
        start, step, finish = equations.aggregations[name].split(";")
        gathered = expression(start)
        for term in terms:
            gathered = expression(step, a=gathered, x=term)
        return expression(finish, a=gathered, n=sympy.Integer(len(terms)))
    if name in ("sum", "mean"):
        total = sympy.Add(*terms)
        return total if name == "sum" else total / len(terms)
    if name == "product":
        return sympy.Mul(*terms)
    if name in ("max", "min"):
        return (sympy.Max if name == "max" else sympy.Min)(*terms)
    if name == "max_absolute":
        largest = terms[0]
        for term in terms[1:]:
            largest = sympy.Piecewise((term, sympy.Abs(term) > sympy.Abs(largest)), (largest, True))
        return largest
    if len(terms) > 3:
        raise ValueError(f"the median of {len(terms)} inputs has no closed formula (of up to 3 it has): write a .py file instead")
    middle = sympy.Add(*terms) - (sympy.Max(*terms) + sympy.Min(*terms) if len(terms) == 3 else 0)
    return middle / 2 if len(terms) == 2 else middle


def expression(formula: str, **values: Any) -> Any:
    """A custom function's formula (see `genomes.neat.expressions`) as a `sympy.Expr`, its variables replaced by `values`."""
    return _expression(ast.parse(formula.strip(), mode="eval").body, values)


def _expression(node: ast.AST, values: dict[str, Any]) -> Any:
    s = _sympy()
    match node:
        case ast.Constant():
            return s.Float(node.value) if isinstance(node.value, float) else s.Integer(node.value)  # type: ignore[arg-type]
        case ast.Name():
            return values[node.id] if node.id in values else {"pi": s.pi, "e": s.E}[node.id]
        case ast.UnaryOp():
            operand = _expression(node.operand, values)
            return -operand if isinstance(node.op, ast.USub) else operand
        case ast.BinOp():
            return _binary(node.op, _expression(node.left, values), _expression(node.right, values))
        case ast.Compare():
            return s.Piecewise((1, _condition(node, values)), (0, True))
        case ast.IfExp():
            test = _condition(node.test, values)
            return s.Piecewise((_expression(node.body, values), test), (_expression(node.orelse, values), True))
        case ast.Call(func=ast.Name(id=name)):
            function = {"abs": s.Abs, "min": s.Min, "max": s.Max}.get(name) or getattr(s, name)
            return function(*[_expression(argument, values) for argument in node.args])
    raise ValueError(f"a formula has no place for {ast.unparse(node)}")


def _condition(node: ast.AST, values: dict[str, Any]) -> Any:
    s = _sympy()
    if not isinstance(node, ast.Compare):
        return s.Ne(_expression(node, values), 0)
    left, right = _expression(node.left, values), _expression(node.comparators[0], values)
    kinds: dict[type[ast.cmpop], Any] = {ast.Lt: s.Lt, ast.LtE: s.Le, ast.Gt: s.Gt, ast.GtE: s.Ge}
    return kinds[type(node.ops[0])](left, right)


def _binary(operator: ast.operator, left: Any, right: Any) -> Any:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
    return left**right
