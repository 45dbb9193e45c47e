"""NetworkGenome: a layer graph whose genes carry historical markings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes import layers
from genomes.network.architecture import Architecture
from genomes.network.crossover import crossed
from genomes.network.editing import with_layer
from genomes.network.graph import label
from genomes.network.layered import LayeredGenome, ranks_of
from genomes.network.operators import OPERATORS

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

# Sites that an operator tries before another is drawn; nearly every site is legal unless the limits are close.
_ATTEMPTS = 24


@dataclass(frozen=True, eq=False, repr=False)
class NetworkGenome(LayeredGenome):
    """A layer graph and the space that it lives in.

    Args:
        space: limits, vocabulary and rates.
        architecture: the layer genes with their shapes; legal in the space.
        operators: the network operators that made this genome, in order (see `genomes.network.EXACT` and `APPROXIMATE`).
    """

    space: NetworkSpace
    architecture: Architecture
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy after `space.mutations` operators, each drawn by rate among those that are legal for the genome it meets.

        Where no operator is legal, the copy is unchanged and its operators are ("unchanged",).
        """
        architecture, names = self.architecture, list[str]()
        for _ in range(self.space.mutations):
            drawn = _drawn(self.space, architecture, rng, clock)
            if drawn is None:
                break
            name, architecture = drawn
            names.append(name)
        return type(self)(self.space, architecture, tuple(names) or ("unchanged",))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child that has all genes of the fittest parent (one of the fittest, drawn, where several are), with settings and further
        genes of the others."""
        parents = [self, *others]
        given = ranks_of(len(parents), ranks)
        fittest = [i for i, rank in enumerate(given) if rank == min(given)]
        base = fittest[int(rng.integers(len(fittest)))]
        child = parents[base].architecture
        endings = "change_pooling" in self.space.operator_rates
        for i in sorted(range(len(parents)), key=lambda i: (given[i], i)):
            if i != base:
                other = parents[i].architecture
                further = given[i] == given[base]
                child = crossed(child, other, rng, lambda a: self.space.violated(a) is None, take_new_genes=further, endings=endings)
        return type(self)(self.space, child, ("crossover",))

    def with_widths(self, widths: Mapping[int, int]) -> Self:
        """The same genes with other numbers of filters or units, by marking: what pruning left, where both sides of every add lost the same
        channels, so that no add gets a projection for it.

        Raises:
            ValueError: the shapes do not fit then, or the network is beyond the limits of its space.
        """
        genes = [
            with_layer(gene, width=widths[gene.marking]) if gene.marking in widths else gene for gene in self.architecture.genes
        ]
        architecture = Architecture.of(self.space.input_shape, genes)
        if (reason := self.space.violated(architecture)) is not None:
            raise ValueError(f"the network is beyond the limits of its space: {reason}")
        return type(self)(self.space, architecture, ("prune",))

    def genes(self) -> list[dict[str, Any]]:
        """One JSON object for each layer gene, every one after its inputs."""
        return [gene.to_json() for gene in self.architecture.genes]

    def __repr__(self) -> str:
        weighted = [
            label(gene.layer, len(self.space.input_shape) - 1) for gene in self.architecture.genes if gene.kind in layers.WEIGHTED
        ]
        return f"<NetworkGenome {', '.join(weighted)}; {self.parameters} parameters>"


def _drawn(
    space: NetworkSpace, architecture: Architecture, rng: np.random.Generator, clock: int
) -> tuple[str, Architecture] | None:
    rates = dict(space.operator_rates)
    while rates:
        names = list(rates)
        total = np.cumsum([rates[name] for name in names])
        name = names[min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(names) - 1)]
        operator = OPERATORS[name]
        sites = operator.sites(architecture, space)
        for _ in range(min(_ATTEMPTS, 4 * len(sites))):
            site = sites[int(rng.integers(len(sites)))]
            try:
                changed = operator.apply(architecture, *site, clock=clock)
            except ValueError:
                continue  # the shapes do not allow it here
            if space.violated(changed) is None:
                return name, changed
        del rates[name]
    return None
