"""Feed-forward NEAT genomes as `keras.Model`s of plain Keras layers: only the connections that are there, each with its own weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from genomes.base import Genome
from genomes.neat import NeatGenome
from genomes.neat.functions import CUSTOM
from genomes.neat.network import Step
from neuroevo.decode.neat_functions import activate, gather


def neat_model(genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
    """The network of a NEAT genome as a trainable `keras.Model`: float [samples, inputs] to [samples, outputs].

    Nodes that read the same values and compute the same stand in one Dense layer; every weight of the model is a connection (or a bias)
    of the genome, so training keeps the topology. A response other than 1 is multiplied into its node's weights; where a node does not sum
    its inputs, it becomes a weight behind the aggregation, trained with the others. The file that `model.save` writes loads in plain Keras.

    Args:
        dtype: Keras dtype or policy of every layer, or None for Keras's default.
        name: the model's name.

    Raises:
        TypeError: the genome is no NEAT genome.
        ValueError: a recurrent genome, or a node with a formula of the user's.
    """
    if not isinstance(genome, NeatGenome):
        raise TypeError(f"this model is made of a NeatGenome, got {type(genome).__name__}")
    space = genome.space
    if space.recurrent:
        raise ValueError(
            "a recurrent genome's network keeps a state from call to call and is no keras.Model: use genome.network(), "
            "or a space with recurrent=False"
        )
    _refuse_formulas(genome)
    import keras

    policy = keras.dtype_policies.get(dtype) if dtype is not None else keras.config.dtype_policy()
    inputs = keras.Input((space.inputs,), name="inputs", dtype=policy.compute_dtype)
    values = _Values(inputs, space.inputs, policy)
    if space.bias == "input":
        values.add([space.inputs], keras.ops.add(values.zero(), space.bias_value))
    for number, group in enumerate(_groups(genome.steps(), space.sensors)):
        values.add([step.node for step in group], _layer(genome, group, values, number))
    outputs = values.columns(list(range(space.sensors, space.fixed)), "outputs")
    return keras.Model(inputs, outputs, name=name)


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


def _groups(steps: Sequence[Step], sensors: int) -> list[list[Step]]:
    """Steps that one layer can compute: of equal depth, with the same sources, activation and aggregation; sources first."""
    depth = dict.fromkeys(range(sensors), 0)
    groups: dict[Any, list[Step]] = {}
    for step in steps:
        depth[step.node] = 1 + max((depth[source] for source in step.sources), default=0)
        alone = step.node if step.aggregation != 0 else -1  # one node's weighted inputs are not another's
        groups.setdefault((depth[step.node], frozenset(step.sources), step.activation, step.aggregation, alone), []).append(step)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], groups[key][0].node))]


def _layer(genome: NeatGenome, group: list[Step], values: _Values, number: int) -> Any:
    """The values of a group's nodes."""
    import keras

    space, name, first = genome.space, f"nodes_{number}", group[0]
    sources = sorted(first.sources)
    taken = values.columns(sources, name) if sources else values.zero()
    aggregation = space.aggregation_functions.names[first.aggregation]
    if aggregation == "sum" or not sources:
        kernel = np.array([[_weight(step, source) for step in group] for source in sources] or [[0.0] * len(group)])
        total = _dense(genome, group, kernel * np.array([step.response for step in group]), taken, values, name)
    else:
        weighing = keras.layers.EinsumDense("bn,n->bn", output_shape=(len(sources),), name=f"{name}_weights", dtype=values.policy)
        weighed = weighing(taken)
        weighing.set_weights([np.array([_weight(first, source) for source in sources])])
        total = _dense(genome, group, np.array([[first.response]]), gather(aggregation, weighed), values, name)
    return activate(space.activation_functions.names[first.activation], total)


def _dense(genome: NeatGenome, group: list[Step], kernel: Any, taken: Any, values: _Values, name: str) -> Any:
    """A linear layer with this kernel [sources, nodes], and with the nodes' biases where the space has bias genes."""
    import keras

    biases = np.array([step.bias for step in group])
    biased = genome.space.bias == "node" or bool(biases.any())
    layer = keras.layers.Dense(len(group), use_bias=biased, name=name, dtype=values.policy)
    total = layer(taken)
    layer.set_weights([kernel, biases] if biased else [kernel])
    return total


def _weight(step: Step, source: int) -> float:
    return step.weights[step.sources.index(source)]


def _refuse_formulas(genome: NeatGenome) -> None:
    """Refuse nodes with formulas of the user's, which plain Keras cannot load."""
    for what, functions, codes in (
        ("activation", genome.space.activation_functions, [step.activation for step in genome.steps()]),
        ("aggregation", genome.space.aggregation_functions, [step.aggregation for step in genome.steps()]),
    ):
        for code in codes:
            if code >= CUSTOM:
                allowed = ", ".join(name for name, known in functions.codes.items() if known < CUSTOM)
                raise ValueError(
                    f"a keras.Model cannot have the {what} {functions.names[code]!r}, a formula, without this package's code "
                    f"(allowed: {allowed})"
                )
