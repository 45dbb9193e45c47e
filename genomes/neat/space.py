"""NeatSpace: what NEAT may encode and how it varies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Space, shown, unknown
from genomes.equations import numbered
from genomes.neat.dynamics import DYNAMICS, neurons
from genomes.neat.functions import Functions, activation_functions, aggregation_functions, name_of

if TYPE_CHECKING:
    from genomes.neat.genes import Pool
    from genomes.neat.genome import NeatGenome
    from genomes.neat.network import PopulationNetwork
    from genomes.neat.threads import Threads

BIASES = ("input", "node", "none")
TOPOLOGIES = ("full", "partial", "feature_selective", "none", "random")
PERTURBATIONS = ("uniform", "gaussian", "cauchy")


class Rates(NamedTuple):
    """A space's settings as the kernels take them."""

    inputs: int
    sensors: int
    fixed: int
    first_varied: int
    recurrent: bool
    most_nodes: int
    most_connections: int
    weights: float
    weight_share: float
    weight_replace: float
    weight_power: float
    weight_range: float
    weight_limit: float
    perturbation: int
    biases: float
    bias_power: float
    bias_range: float
    bias_limit: float
    responses: float
    response_power: float
    activation: float
    aggregation: float
    add_node: float
    add_connection: float
    remove_node: float
    remove_connection: float
    toggle: float
    reenable: float
    average: float
    disabled: float
    disabled_in_both: float
    activations: npt.NDArray[np.int16]
    aggregations: npt.NDArray[np.int16]


@dataclass(frozen=True)
class NeatSpace(Space, encoding="neat"):
    """Networks of node and connection genes (NEAT, Stanley & Miikkulainen 2002).

    There are no sequential decisions: the weights are real numbers, which no list of options holds, and genes are added and split in any
    order, with no bound on their number.

    Args:
        inputs: numbers that the network is given.
        outputs: numbers that it returns.
        recurrent: whether cycles are allowed; the network then has a state and is advanced one time step a call.
        dynamics: how the nodes of a recurrent network hold their values in time. "none": a node is what it computes. "leaky": each time step
            it moves by 1 / time constant towards that (time constants of at least 1). "ctrnn": time constant * value' = activation(bias +
            aggregation) - value, by Euler's method (Beer 1995); "ctrnn_alternating" as neat-python 2.0 integrates it. In all these the
            response gene is the time constant, 1 at first; `response_mutation_rate` evolves it. "spiking": Izhikevich's neurons (2003), in
            milliseconds; `activations` are kinds of neurons ("regular_spiking", ..., or "name = a, b, c, d").
        time_step: of "ctrnn" (in the unit of the time constants) and "spiking" (milliseconds).
        steps_a_call: time steps that a call advances the network by.
        bias: "input": a bias node beside the inputs, connected like them (the paper); "node": every node but the inputs has a bias
            gene; "none".
        bias_value: what the bias node holds.
        initial: the first genomes' connections. "full": every input to every output; "partial": each of these with probability
            `initial_share`; "feature_selective": one input, to every output (the bias node too); "none"; "random": 1 to
            `initial_hidden` hidden nodes on random connections.
        initial_share: of the possible connections, with "partial".
        initial_hidden: with "full", hidden nodes between inputs and outputs, fully connected; with "random", the most.
        activations: what hidden nodes may compute, the first is the default; a built-in name or "name = formula in x".
        output_activation: what the outputs compute; "" for the first of `activations`. Outputs vary only if it is "".
        aggregations: how nodes gather their weighted inputs, the first is the default; a name or "name = start; step; finish".
        weight_mutation_rate: share of children whose connection weights mutate.
        weight_mutation_share: share of the weights that mutate in such a child; 0 draws it anew for every child.
        weight_replace_rate: probability that a mutating weight is drawn anew instead of perturbed.
        perturbation: "uniform" in +-power, "gaussian" with standard deviation power, or "cauchy" with scale power (mostly small, at
            times large).
        weight_power: size of a perturbation.
        weight_range: new weights are uniform in +-range.
        weight_limit: weights are clipped to +-limit.
        bias_mutation_rate, bias_power, bias_range, bias_limit: the same for bias genes, used with bias="node".
        response_mutation_rate, response_power: perturbation of response genes; off by default.
        activation_mutation_rate: probability that one node draws another activation; hidden nodes are then born with a random one.
        aggregation_mutation_rate: the same for aggregations.
        add_node_rate, add_connection_rate, remove_node_rate, remove_connection_rate, toggle_rate, reenable_rate: probability that a
            child undergoes the structural mutation.
        average_rate: share of matings in which matching genes are averaged instead of drawn from either parent.
        disabled_rate: probability that a matching gene disabled in either parent is disabled in the child.
        disabled_in_both_rate: the same for one disabled in both; None: as `disabled_rate` (the paper makes no difference).
        max_hidden, max_connections: growth ends here.

    Raises:
        ValueError: a value out of its range, or an unknown name (the nearest is suggested).
    """

    inputs: int
    outputs: int
    recurrent: bool = False
    bias: str = "node"
    bias_value: float = 1.0
    initial: str = "full"
    initial_share: float = 0.5
    initial_hidden: int = 0
    activations: tuple[str, ...] = ("steepened_sigmoid",)
    output_activation: str = ""
    aggregations: tuple[str, ...] = ("sum",)
    weight_mutation_rate: float = 0.8
    weight_mutation_share: float = 1.0
    weight_replace_rate: float = 0.1
    perturbation: str = "uniform"
    weight_power: float = 2.5
    weight_range: float = 8.0
    weight_limit: float = 8.0
    bias_mutation_rate: float = 0.8
    bias_power: float = 1.0
    bias_range: float = 8.0
    bias_limit: float = 8.0
    response_mutation_rate: float = 0.0
    response_power: float = 0.5
    activation_mutation_rate: float = 0.0
    aggregation_mutation_rate: float = 0.0
    add_node_rate: float = 0.03
    add_connection_rate: float = 0.1
    remove_node_rate: float = 0.0
    remove_connection_rate: float = 0.0
    toggle_rate: float = 0.0
    reenable_rate: float = 0.05
    average_rate: float = 0.4
    disabled_rate: float = 0.75
    max_hidden: int = 1000
    max_connections: int = 10000
    dynamics: str = "none"
    time_step: float = 0.1
    steps_a_call: int = 1
    disabled_in_both_rate: float | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("inputs", 0), ("outputs", 1), ("initial_hidden", 0), ("max_hidden", 0), ("max_connections", 0), ("steps_a_call", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {shown(value)}")
            if value > 1_000_000:
                raise ValueError(f"{name} must be at most 1,000,000, got {shown(value)}")
        if not isinstance(self.recurrent, bool):
            raise ValueError(f"recurrent must be true or false, got {shown(self.recurrent)}")
        for name, allowed in (("bias", BIASES), ("initial", TOPOLOGIES), ("perturbation", PERTURBATIONS), ("dynamics", DYNAMICS)):
            if getattr(self, name) not in allowed:
                raise ValueError(unknown(name, getattr(self, name), allowed))
        for name in self.__dataclass_fields__:
            if name == "disabled_in_both_rate" and self.disabled_in_both_rate is None:
                continue
            if name.endswith(("_rate", "_share")):
                self._number(name, 0.0, 1.0)
            elif name.endswith(("_power", "_range", "_limit")):
                self._number(name, 0.0, 1e6)
        self._number("bias_value", -1e6, 1e6)
        if self.initial == "random" and self.initial_hidden < 1:
            raise ValueError("initial='random' needs initial_hidden >= 1, the most hidden nodes a first genome may have")
        if self.initial_hidden and self.initial not in ("full", "random"):
            raise ValueError(f"initial_hidden goes with initial='full' or 'random', not with {self.initial!r}")
        if self.initial_hidden > self.max_hidden:
            raise ValueError(f"initial_hidden ({self.initial_hidden}) exceeds max_hidden ({self.max_hidden})")
        if not isinstance(self.output_activation, str):
            raise ValueError(f"output_activation must be a name, got {shown(self.output_activation)}")
        if len(name_of(self.aggregations[0] if self.aggregations else "")) == 0:
            raise ValueError("aggregations must name at least one aggregation")
        self._check_dynamics()
        _ = self.activation_functions, self.aggregation_functions

    def _check_dynamics(self) -> None:
        self._number("time_step", 1e-9, 1e6)
        if self.dynamics == "none":
            return
        if not self.recurrent:
            raise ValueError(f"dynamics={self.dynamics!r} needs recurrent=True: the network keeps a state between calls")
        if self.dynamics == "spiking":
            if self.activations == NeatSpace.activations:
                object.__setattr__(self, "activations", ("regular_spiking",))
            if self.aggregations != ("sum",):
                raise ValueError(f"spiking nodes add up currents: aggregations must be ('sum',), got {shown(self.aggregations)}")

    def to_dict(self) -> dict[str, Any]:
        """JSON: the encoding's name and every field; those about dynamics where there are any."""
        values = super().to_dict()
        if self.disabled_in_both_rate is None:
            del values["disabled_in_both_rate"]
        if self.dynamics == "none":
            for name in ("dynamics", "time_step", "steps_a_call"):
                del values[name]
        return values

    def _number(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most or math.isnan(value):
            raise ValueError(f"{name} must be a number between {least:g} and {most:g}, got {shown(value)}")

    drawn_as = "nodes"
    evolved_by = "Neat"
    population = "NeatPopulation"

    @property
    def genome_type(self) -> type[NeatGenome]:
        """The class of this space's genomes."""
        from genomes.neat.genome import NeatGenome

        return NeatGenome

    @property
    def input_names(self) -> tuple[str, ...]:
        """What the inputs are called, in order."""
        return numbered(self.inputs)

    @property
    def sensors(self) -> int:
        """Nodes that compute nothing: the inputs, and the bias node if there is one."""
        return self.inputs + (self.bias == "input")

    @property
    def fixed(self) -> int:
        """Nodes that every genome has: sensors and outputs."""
        return self.sensors + self.outputs

    @cached_property
    def activation_functions(self) -> Functions:
        """The activations of this space: names, codes, programs."""
        output = (self.output_activation,) if self.output_activation else ()
        if self.dynamics == "spiking":
            return neurons((*self.activations, *output) if isinstance(self.activations, tuple) else self.activations)
        return activation_functions((*self.activations, *output) if isinstance(self.activations, tuple) else self.activations)

    @cached_property
    def aggregation_functions(self) -> Functions:
        """The aggregations of this space: names, codes, programs."""
        return aggregation_functions(self.aggregations)

    @cached_property
    def output_activation_code(self) -> int:
        """The code of the outputs' first activation."""
        return self.activation_functions.codes[name_of(self.output_activation or self.activations[0])]

    @cached_property
    def rates(self) -> Rates:
        """The settings as the kernels take them."""
        activations = [self.activation_functions.codes[name_of(name)] for name in self.activations]
        aggregations = [self.aggregation_functions.codes[name_of(name)] for name in self.aggregations]
        return Rates(
            inputs=self.inputs,
            sensors=self.sensors,
            fixed=self.fixed,
            first_varied=self.fixed if self.output_activation else self.sensors,
            recurrent=self.recurrent,
            most_nodes=self.fixed + self.max_hidden,
            most_connections=self.max_connections,
            weights=float(self.weight_mutation_rate),
            weight_share=float(self.weight_mutation_share),
            weight_replace=float(self.weight_replace_rate),
            weight_power=float(self.weight_power),
            weight_range=float(self.weight_range),
            weight_limit=float(self.weight_limit),
            perturbation=PERTURBATIONS.index(self.perturbation),
            biases=float(self.bias_mutation_rate) if self.bias == "node" else 0.0,
            bias_power=float(self.bias_power),
            bias_range=float(self.bias_range),
            bias_limit=float(self.bias_limit),
            responses=float(self.response_mutation_rate),
            response_power=float(self.response_power),
            activation=float(self.activation_mutation_rate),
            aggregation=float(self.aggregation_mutation_rate),
            add_node=float(self.add_node_rate),
            add_connection=float(self.add_connection_rate),
            remove_node=float(self.remove_node_rate),
            remove_connection=float(self.remove_connection_rate),
            toggle=float(self.toggle_rate),
            reenable=float(self.reenable_rate),
            average=float(self.average_rate),
            disabled=float(self.disabled_rate),
            disabled_in_both=float(self.disabled_rate if self.disabled_in_both_rate is None else self.disabled_in_both_rate),
            activations=np.array(activations, np.int16),
            aggregations=np.array(aggregations, np.int16),
        )

    def population_network(self, pool: Pool, threads: Threads | None = None) -> PopulationNetwork:
        """The networks of a pool of genomes as one callable: a `PopulationNetwork`, or a `PopulationInTime`."""
        if self.dynamics != "none":
            from genomes.neat.dynamics import PopulationInTime

            return PopulationInTime(self, pool, threads)  # type: ignore[return-value]  # called alike, but kernels of steps refuse it
        from genomes.neat.network import PopulationNetwork

        return PopulationNetwork(self, pool, threads)

    def networks(self, genomes: Sequence[NeatGenome]) -> Any:
        from genomes.neat.network import population_network

        return population_network(genomes)

    def random(self, rng: np.random.Generator) -> NeatGenome:
        """A first genome: the initial topology with random weights."""
        from genomes.neat.genome import from_pool
        from genomes.neat.initial import random_pool
        from genomes.neat.operators import RANDOM

        pool = random_pool(self, np.array([rng.integers(2**64, dtype=np.uint64)], np.uint64))
        return from_pool(self, pool, 0, RANDOM)

    def from_genes(self, genes: Any) -> NeatGenome:
        from genomes.neat.validation import read

        return self.genome_type(self, *read(self, genes))
