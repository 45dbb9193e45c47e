"""CppnGenome: a NEAT genome that is asked at coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.cppn.connective import ConnectiveSubstrate
from genomes.cppn.expressed import node_groups
from genomes.cppn.pattern import Pattern
from genomes.cppn.space import CppnSpace
from genomes.equations import Equation, Equations, numbered
from genomes.neat.genome import NeatGenome
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    import networkx as nx

    from genomes.cppn.expressed import ExpressedNetwork

Floats = npt.NDArray[np.float64]


class CppnGenome(NeatGenome):
    """A CPPN: genes as NEAT's, each node with a function of its own.

    >>> import numpy as np
    >>> from genomes.cppn import CppnSpace
    >>> genome = CppnSpace().random(np.random.default_rng(0))
    >>> genome.picture(32).shape, genome.picture((90, 160)).shape
    ((32, 32), (90, 160))
    """

    space: CppnSpace

    def query(self, points: npt.ArrayLike) -> Floats:
        """The CPPN's answers: float64 [points, outputs] at float [points, inputs].

        Raises:
            ValueError: points of the wrong dimension, or more than memory holds.
        """
        answers: Floats = Pattern(self, Threads(None))(points)
        return answers

    def picture(self, size: int | Sequence[int] = 64, *, colour: bool = False) -> Floats:
        """The picture that a CPPN with the inputs x, y, d paints, at any resolution.

        Args:
            size: pixels of a square, or (height, width).
            colour: from three outputs: hue, saturation and brightness.

        Returns:
            float64 [height, width], the size of the first output, 0 black to 1 white; or [height, width, 3], red, green, blue.

        Raises:
            ValueError: a CPPN with other inputs or too few outputs, or a picture larger than memory.
        """
        return Pattern(self, Threads(None)).picture(size, colour=colour)

    def express(self, substrate: ConnectiveSubstrate | None = None) -> ExpressedNetwork:
        """The network that the CPPN describes on a substrate: its own space's by default, or any other of the same dimension, such as
        the same layers at another resolution.

        Raises:
            ValueError: no substrate, one that needs CPPNs with other inputs or outputs, or a network larger than memory.

        >>> import numpy as np
        >>> from genomes.cppn import CppnSpace, Substrate
        >>> genome = CppnSpace(substrate=Substrate.grid((3, 3), (3, 3))).random(np.random.default_rng(0))
        >>> genome.express(Substrate.grid((8, 8), (8, 8)))(np.ones((1, 64))).shape
        (1, 64)
        """
        wanted = substrate if substrate is not None else self.space.substrate
        if wanted is None:
            raise ValueError("this CPPN's space has no substrate: give one, such as Substrate.grid((11, 11), (11, 11))")
        if not isinstance(wanted, ConnectiveSubstrate):
            raise ValueError(f"express takes a Substrate or an EvolvableSubstrate, got {type(wanted).__name__}")
        wanted.refuse_other_cppns(self.space.inputs, self.space.outputs)
        return wanted.express(Pattern(self, Threads(None))).member(0)

    def network(self, activations_per_step: int = 1) -> Any:
        """What a fitness is given: the expressed network (`ExpressedNetwork`), or without a substrate the CPPN itself (`Pattern`)."""
        if self.space.substrate is None:
            return Pattern(self)
        return self.space.substrate.express(Pattern(self)).member(0)

    def equations(self) -> Equations:
        """Of the network that it describes on its space's substrate; without one, of the CPPN itself."""
        if self.space.substrate is None:
            return super().equations()
        network = self.express()
        wiring, recurrent = network.wiring, network.substrate.recurrent
        last = int(wiring.layer.max())
        order = np.flatnonzero(wiring.layer > 0) if recurrent else np.concatenate(node_groups(wiring)[1:])
        by_target = np.argsort(wiring.target, kind="stable")
        ends = np.searchsorted(wiring.target[by_target], np.arange(len(wiring.layer) + 1))

        def equation(node: int) -> Equation:
            edges = by_target[ends[node] : ends[node + 1]]
            activation = wiring.output_activation if wiring.layer[node] == last else wiring.activation
            sources, weights = wiring.source[edges].tolist(), wiring.weight[edges].tolist()
            return Equation(node, activation, "sum", float(wiring.bias[node]), 1.0, tuple(sources), tuple(weights))

        inputs = int((wiring.layer == 0).sum())
        return Equations(
            inputs=inputs,
            input_names=numbered(inputs),
            bias_value=None,
            outputs=tuple(np.flatnonzero(wiring.layer == last).tolist()),
            equations=tuple(equation(int(node)) for node in order),
            recurrent=recurrent,
            activations_per_step=network.substrate.activations_per_step,
        )

    @cached_property
    def _expressed_counts(self) -> tuple[int, int]:
        """Connections and biases of the expressed network."""
        network = self.express()
        biases = int(np.count_nonzero(network.wiring.bias)) if network.substrate.bias else 0
        return network.connections, biases

    @property
    def parameters(self) -> int:
        """With a substrate, the connections and biases of the expressed network; otherwise the CPPN's enabled connections (and biases)."""
        return super().parameters if self.space.substrate is None else sum(self._expressed_counts)

    @property
    def flops(self) -> int:
        """Multiply-adds of one sample, or of one point."""
        return super().flops if self.space.substrate is None else self._expressed_counts[0]

    def graph(self) -> nx.DiGraph[Any]:
        """The CPPN's nodes and connections, the inputs and outputs with their names (`name`)."""
        graph = super().graph()
        for node, name in enumerate(self.space.node_names):
            graph.nodes[node]["name"] = name
        return graph
