"""Feed-forward networks of nodes as `keras.Model`s of plain Keras layers: only the connections that are there, each with its own weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from genomes.base import Genome
from genomes.equations import Equation, Equations
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS
from neuroevo.decode.node_functions import activate, gather


def equations_model(genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
    """The network of a genome that says its `equations` (NEAT's do) as a trainable `keras.Model`: float [samples, inputs] to [samples,
    outputs].

    Nodes that read the same values and compute the same stand in one Dense layer; every weight of the model is a connection (or a bias)
    of the genome, so training keeps the topology. A response other than 1 is multiplied into its node's weights; where a node does not sum
    its inputs, it becomes a weight behind the aggregation, trained with the others. The file that `model.save` writes loads in plain Keras.

    Args:
        dtype: Keras dtype or policy of every layer, or None for Keras's default.
        name: the model's name.

    Raises:
        NotImplementedError: the genome does not say its equations.
        ValueError: a recurrent network, or a node with a formula of the user's.
    """
    network = genome.equations()
    if network.recurrent:
        raise ValueError(
            "a recurrent genome's network keeps a state from call to call and is no keras.Model: use genome.network(), "
            "or a space with recurrent=False"
        )
    _refuse_formulas("activation", (each.activation for each in network.equations), network.activations, ACTIVATIONS)
    _refuse_formulas("aggregation", (each.aggregation for each in network.equations), network.aggregations, AGGREGATIONS)
    import keras

    policy = keras.dtype_policies.get(dtype) if dtype is not None else keras.config.dtype_policy()
    inputs = keras.Input((network.inputs,), name="inputs", dtype=policy.compute_dtype)
    values = _Values(inputs, network.inputs, policy)
    if network.bias_value is not None:
        values.add([network.inputs], keras.ops.add(values.zero(), network.bias_value))
    for number, group in enumerate(_groups(network)):
        values.add([equation.node for equation in group], _layer(group, values, number, network.biased))
    return keras.Model(inputs, values.columns(list(network.outputs), "outputs"), name=name)


class _Values:
    """The values computed so far: tensors [samples, width], and where each node's column lies."""

    def __init__(self, inputs: Any, count: int, policy: Any) -> None:
        self.tensors: list[Any] = [inputs]
        self.members: list[list[int]] = [list(range(count))]
        self.policy = policy

    def add(self, nodes: Sequence[int], tensor: Any) -> None:
        """Nodes whose values were computed: the columns of a tensor, in order."""
        self.tensors.append(tensor)
        self.members.append(list(nodes))

    def columns(self, nodes: list[int], name: str) -> Any:
        """The values of these nodes, in this order: [samples, nodes]."""
        import keras

        if nodes in self.members:
            return self.tensors[self.members.index(nodes)]
        needed = [place for place, members in enumerate(self.members) if any(node in members for node in nodes)]
        joined = [node for place in needed for node in self.members[place]]
        tensor = self.tensors[needed[0]]
        if len(needed) > 1:
            tensor = keras.layers.Concatenate(name=f"{name}_joined", dtype=self.policy)([self.tensors[place] for place in needed])
        return tensor if joined == nodes else keras.ops.take(tensor, [joined.index(node) for node in nodes], axis=-1)

    def zero(self) -> Any:
        """[samples, 1] of zeros, for nodes that nothing leads to."""
        from keras import ops

        return ops.zeros_like(ops.sum(self.tensors[0], axis=-1, keepdims=True))


def _groups(network: Equations) -> list[list[Equation]]:
    """Equations that one layer can compute: of equal depth, with the same sources, activation and aggregation; sources first."""
    depth = dict.fromkeys(range(network.sensors), 0)
    groups: dict[Any, list[Equation]] = {}
    for each in network.equations:
        depth[each.node] = 1 + max((depth[source] for source in each.sources), default=0)
        alone = each.node if each.aggregation != "sum" else -1  # one node's weighted inputs are not another's
        groups.setdefault((depth[each.node], frozenset(each.sources), each.activation, each.aggregation, alone), []).append(each)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], groups[key][0].node))]


def _layer(group: list[Equation], values: _Values, number: int, biased: bool) -> Any:
    """The values of a group's nodes."""
    import keras

    name, first = f"nodes_{number}", group[0]
    sources = sorted(first.sources)
    taken = values.columns(sources, name) if sources else values.zero()
    if first.aggregation == "sum" or not sources:
        kernel = np.array([[_weight(each, source) for each in group] for source in sources] or [[0.0] * len(group)])
        total = _dense(group, kernel * np.array([each.response for each in group]), taken, values, name, biased)
    else:
        weighing = keras.layers.EinsumDense("bn,n->bn", output_shape=(len(sources),), name=f"{name}_weights", dtype=values.policy)
        weighed = weighing(taken)
        weighing.set_weights([np.array([_weight(first, source) for source in sources])])
        total = _dense(group, np.array([[first.response]]), gather(first.aggregation, weighed), values, name, biased)
    return activate(first.activation, total)


def _dense(group: list[Equation], kernel: Any, taken: Any, values: _Values, name: str, biased: bool) -> Any:
    """A linear layer with this kernel [sources, nodes], and with the nodes' biases where they have some."""
    import keras

    biases = np.array([each.bias for each in group])
    biased = biased or bool(biases.any())
    layer = keras.layers.Dense(len(group), use_bias=biased, name=name, dtype=values.policy)
    total = layer(taken)
    layer.set_weights([kernel, biases] if biased else [kernel])
    return total


def _weight(equation: Equation, source: int) -> float:
    return equation.weights[equation.sources.index(source)]


def _refuse_formulas(what: str, used: Iterable[str], formulas: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse nodes with formulas of the user's, which plain Keras cannot load."""
    for name in used:
        if name in formulas:
            raise ValueError(
                f"a keras.Model cannot have the {what} {name!r}, a formula, without this package's code "
                f"(allowed: {', '.join(allowed)})"
            )
