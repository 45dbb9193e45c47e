"""Networks on evolvable substrates: each member has nodes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.cppn.expressed import ExpressedNetwork, ExpressedPopulation, Wiring
from genomes.cppn.pattern import WORTH_A_THREAD, PatternPopulation
from genomes.neat.functions import ACTIVATIONS
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    from genomes.cppn.evolvable import EvolvableSubstrate
    from genomes.cppn.kernels.exploration import Region
    from genomes.neat.kernels.networks import Networks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Found(NamedTuple):
    """One member: nodes are numbered inputs, outputs, hidden nodes."""

    hidden: Floats  # float64 [hidden, dimension]
    source: Ints
    target: Ints
    weight: Floats
    bias: Floats  # float64 [nodes]
    integers: npt.NDArray[np.int32]
    numbers: Floats


class ExploredPopulation(ExpressedPopulation):
    """The networks that CPPNs describe on an evolvable substrate; see `ExpressedPopulation`."""

    substrate: EvolvableSubstrate

    def __init__(self, substrate: EvolvableSubstrate, cppns: PatternPopulation) -> None:
        substrate.refuse_other_cppns(cppns.space.inputs, cppns.space.outputs)
        self.substrate = substrate
        self._threads = cppns.threads
        self._state: Floats | None = None
        region = region_of(substrate)
        found: list[_Found | None] = [None] * len(cppns)

        def work(begin: int, end: int) -> None:
            for position in range(begin, end):
                found[position] = _explored(substrate, region, cppns, position)

        self._threads.run(work, len(cppns), fewest=8)
        self._found = [one for one in found if one is not None]
        self._networks = _joined(substrate, self._found)

    def __len__(self) -> int:
        return len(self._found)

    def _run(self, batch: Floats) -> Floats:
        samples = batch.shape[1]
        y = np.empty((len(self), samples, self.substrate.output_count))
        if not self.substrate.recurrent:
            from genomes.cppn.kernels.query import BLOCK, forward

            blocks = (samples + BLOCK - 1) // BLOCK
            self._threads.run(forward, len(self) * blocks, self._networks, batch, y, fewest=WORTH_A_THREAD // BLOCK)
            return y
        from genomes.neat.kernels.networks import advance

        if self._state is None:
            self._state = np.zeros((int(self._networks.width.sum()), samples))
        if self._state.shape[1] != samples:
            raise ValueError(
                f"the networks hold the state of {self._state.shape[1]} samples, got {samples}; call reset() between episodes"
            )
        times = self.substrate.activations_per_step
        self._threads.run(advance, len(self), self._networks, batch, y, self._state, times, fewest=8)
        return y

    def reset(self) -> None:
        self._state = None

    def member(self, position: int) -> ExpressedNetwork:
        one = object.__new__(ExploredPopulation)
        one.substrate, one._threads, one._state = self.substrate, Threads(1), None
        one._found = [self._found[position]]
        one._networks = _joined(self.substrate, one._found)
        return ExpressedNetwork(one)

    @property
    def connections(self) -> Ints:
        return np.array([len(one.weight) for one in self._found], np.int64)

    @property
    def hidden(self) -> Ints:
        return np.array([len(one.hidden) for one in self._found], np.int64)

    def wiring(self, position: int = 0) -> Wiring:
        substrate, one = self.substrate, self._found[position]
        counts = (len(substrate.inputs), len(substrate.outputs), len(one.hidden))
        return Wiring(
            np.concatenate([substrate.inputs, substrate.outputs, one.hidden]),
            np.repeat(np.array([0, 2, 1]), counts),
            one.source.copy(),
            one.target.copy(),
            one.weight.copy(),
            one.bias.copy(),
            substrate.activation,
            substrate.output_activation,
        )


def region_of(substrate: EvolvableSubstrate) -> Region:
    """The substrate's settings as the kernels take them."""
    from genomes.cppn.coordinates import AXES
    from genomes.cppn.kernels.exploration import Region

    low, high = np.array(substrate.region, np.float64).T.copy()
    parts = 1 << len(substrate.axes)
    return Region(
        axes=np.array(substrate.axes, np.int64),
        low=low,
        step=(high - low) / 2.0 ** (substrate.maximum_depth + 1),
        initial_depth=substrate.initial_depth,
        maximum_depth=substrate.maximum_depth,
        most_nodes=sum(parts**depth for depth in range(substrate.maximum_depth + 1)),
        division=substrate.division,
        variance=substrate.variance,
        band=substrate.band,
        iterations=substrate.iterations,
        forward=AXES.index(substrate.forward) if substrate.forward else -1,
        differences=substrate.differences,
        length=substrate.length,
        leo=substrate.leo,
        bias=substrate.bias,
        threshold=substrate.threshold,
        weight_range=substrate.weight_range,
    )


def _explored(substrate: EvolvableSubstrate, region: Region, cppns: PatternPopulation, position: int) -> _Found:
    from genomes.cppn.kernels.exploration import biases_at, explore, places_of, program

    inputs, outputs = substrate.inputs, substrate.outputs
    codes, source, target, weight = explore(cppns.networks, position, inputs, outputs, region)
    hidden: Floats = places_of(codes, region)
    fixed = len(inputs) + len(outputs)
    bias = np.zeros(fixed + len(hidden))
    if substrate.bias:
        place = np.concatenate([outputs, hidden])
        bias[len(inputs) :] = biases_at(cppns.networks, position, place, region, substrate.cppn_outputs.index("bias"))
    order = np.argsort(hidden[:, region.forward], kind="stable") if region.forward >= 0 else np.arange(len(hidden))
    nodes = np.concatenate([fixed + order, np.arange(len(inputs), fixed)]).astype(np.int64)
    codes_of = ACTIVATIONS.index(substrate.activation), ACTIVATIONS.index(substrate.output_activation)
    steps = program(source, target, weight, bias, nodes, len(inputs), *codes_of, len(outputs))
    return _Found(hidden, source, target, weight, bias, *steps)


def _joined(substrate: EvolvableSubstrate, found: list[_Found]) -> Networks:
    """The members' programs end to end."""
    from genomes.neat.kernels.networks import Networks

    def starts(sizes: list[int]) -> Ints:
        return (np.cumsum(sizes) - sizes).astype(np.int64)

    width = np.array([len(one.bias) for one in found], np.int64)
    integers = np.concatenate([one.integers for one in found])
    return Networks(
        integer_start=starts([len(one.integers) for one in found]),
        number_start=starts([len(one.numbers) for one in found]),
        value_start=starts(width.tolist()),
        step_count=width - len(substrate.inputs),
        width=width,
        integers=integers,
        numbers=np.concatenate([one.numbers for one in found]),
        activations=len(integers),
        aggregations=len(integers),
        most_nodes=int(width.max()),
        most_edges=max(1, max(len(one.weight) for one in found)),
        inputs=len(substrate.inputs),
        outputs=len(substrate.outputs),
        sensors=len(substrate.inputs),
        bias_value=1.0,
        recurrent=substrate.recurrent,
    )
