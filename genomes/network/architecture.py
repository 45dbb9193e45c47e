"""Architecture: an acyclic graph of layer genes from one input to one output, in canonical order, with inferred shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from genomes import layers
from genomes.layers import Shape
from genomes.network.genes import Gene

# Layers whose output may be negative whatever comes in.
_SIGNED = frozenset({"norm", "periodic", "robust", "plain_depthwise", *layers.PLAIN, *layers.OUTPUTS})


@dataclass(frozen=True, eq=False)
class Architecture:
    """A valid layer graph; make one with `Architecture.of`.

    Attributes:
        input_shape: shape of one input sample.
        genes: every gene after its inputs. The order is the post-order of a walk back from the output along the ordered inputs, so it
            depends on the structure alone, not on markings.
        shapes: output shape of each gene, by marking.
    """

    input_shape: Shape
    genes: tuple[Gene, ...]
    shapes: Mapping[int, Shape]

    @classmethod
    def of(cls, input_shape: Shape, genes: Iterable[Gene]) -> Architecture:
        """The architecture that these genes make, in any order.

        Raises:
            ValueError: not exactly one input and one output gene (logits, or detect), an equal marking twice, an unknown input, a cycle, a gene that
                leads nowhere, a repeated input, or a layer that is not legal on its inputs' shapes.
        """
        by_marking: dict[int, Gene] = {}
        for gene in genes:
            if gene.marking in by_marking:
                raise ValueError(f"two genes have the marking {gene.marking}")
            by_marking[gene.marking] = gene
        for name, kinds in (("input", {"input"}), (" or ".join(sorted(layers.OUTPUTS, reverse=True)), layers.OUTPUTS)):
            count = sum([gene.layer.kind in kinds for gene in by_marking.values()])
            if count != 1:
                raise ValueError(f"a network has one {name} gene, got {count}")
        sink = next(gene.marking for gene in by_marking.values() if gene.layer.kind in layers.OUTPUTS)
        order = canonical_order(by_marking, sink)
        if len(order) < len(by_marking):
            lost = next(marking for marking in by_marking if marking not in {gene.marking for gene in order})
            raise ValueError(f"gene {lost} leads nowhere: every gene must reach the {by_marking[sink].kind}")
        return cls(input_shape, tuple(order), infer_shapes(input_shape, order))

    @cached_property
    def by_marking(self) -> Mapping[int, Gene]:
        """Genes by marking."""
        return {gene.marking: gene for gene in self.genes}

    @cached_property
    def consumers(self) -> Mapping[int, tuple[int, ...]]:
        """Markings of the genes that take each gene's output, in canonical order."""
        found: dict[int, list[int]] = {gene.marking: [] for gene in self.genes}
        for gene in self.genes:
            for source in gene.inputs:
                found[source].append(gene.marking)
        return {marking: tuple(targets) for marking, targets in found.items()}

    @cached_property
    def nonnegative(self) -> frozenset[int]:
        """Markings of the genes whose output is never negative: what ends in a ReLU, and what only passes such outputs on."""
        found: set[int] = set()
        for gene in self.genes:
            kind = gene.layer.kind
            if (
                kind in layers.WEIGHTED
                or kind in ("add", "relu", "zero")
                or (gene.inputs and kind not in _SIGNED and found.issuperset(gene.inputs))
            ):
                found.add(gene.marking)
        return frozenset(found)

    @cached_property
    def ancestors(self) -> Mapping[int, frozenset[int]]:
        """Markings of the genes from which each gene can be reached, itself included."""
        found: dict[int, frozenset[int]] = {}
        for gene in self.genes:
            found[gene.marking] = frozenset([gene.marking]).union(*[found[source] for source in gene.inputs])
        return found

    @cached_property
    def parameters(self) -> int:
        """Trainable weights."""
        return sum([layers.parameters(gene.layer, self.input_shapes(gene)) for gene in self.genes])

    @cached_property
    def flops(self) -> int:
        """Multiply-adds of one forward pass of one sample."""
        return sum([layers.multiply_adds(gene.layer, self.input_shapes(gene)) for gene in self.genes])

    @cached_property
    def depth(self) -> int:
        """Layers with filters or units on the longest path, the output not counted."""
        depths: dict[int, int] = {}
        for gene in self.genes:
            below = max([depths[source] for source in gene.inputs], default=0)
            depths[gene.marking] = below + (gene.layer.kind in layers.WEIGHTED)
        return max(depths.values())

    @cached_property
    def structure(self) -> str:
        """The graph without its markings: equal for architectures that decode to the same layers in the same order."""
        return structure_of(self.input_shape, self.genes)

    def __reduce__(self) -> Any:
        # What was computed on demand does not travel.
        return Architecture, (self.input_shape, self.genes, self.shapes)

    @property
    def output(self) -> Gene:
        """The gene that the network ends in: logits, or the head of a detector."""
        return self.genes[-1]

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Every (source, target), in canonical order of the targets; no pair occurs twice."""
        return [(source, gene.marking) for gene in self.genes for source in gene.inputs]

    def input_shapes(self, gene: Gene) -> list[Shape]:
        """The shapes that come into a gene, in order."""
        shapes = self.shapes
        return [shapes[source] for source in gene.inputs]


def canonical_order(genes: Mapping[int, Gene], sink: int) -> list[Gene]:
    """The genes that reach `sink`, each after its inputs: post-order of the walk back along the ordered inputs.

    Raises:
        ValueError: an input that is no gene, or a cycle.
    """
    order: list[Gene] = []
    open_genes: set[int] = {sink}
    done: set[int] = set()
    stack: list[tuple[int, int]] = [(sink, 0)]
    while stack:
        marking, index = stack.pop()
        gene = genes[marking]
        if index == len(gene.inputs):
            open_genes.discard(marking)
            done.add(marking)
            order.append(gene)
            continue
        stack.append((marking, index + 1))
        source = gene.inputs[index]
        if source in done:
            continue
        if source not in genes:
            raise ValueError(f"gene {marking} takes its input from {source}, which is no gene of this network")
        if source in open_genes:
            raise ValueError(f"genes {source} and {marking} lie on a cycle")
        open_genes.add(source)
        stack.append((source, 0))
    return order


def infer_shapes(input_shape: Shape, order: Iterable[Gene]) -> dict[int, Shape]:
    """Output shapes by marking; `order` lists every gene after its inputs.

    Raises:
        ValueError: a layer that is not legal on its inputs' shapes.
    """
    shapes: dict[int, Shape] = {}
    for gene in order:
        if gene.layer.kind == "input":
            if gene.inputs:
                raise ValueError("the input gene takes no inputs")
            shapes[gene.marking] = input_shape
            continue
        if len(gene.inputs) > 1 and len(set(gene.inputs)) < len(gene.inputs):
            raise ValueError(f"gene {gene.marking} ({gene.layer.kind}) takes one gene twice")
        try:
            shapes[gene.marking] = layers.output_shape(gene.layer, [shapes[source] for source in gene.inputs])
        except ValueError as error:
            raise ValueError(f"gene {gene.marking}: {error}") from error
    return shapes


def structure_of(input_shape: Shape, order: Iterable[Gene]) -> str:
    """A readable line for genes in a given order, with positions in place of markings."""
    position: dict[int, int] = {}
    words = ["x".join(map(str, input_shape))]
    for gene in order:
        position[gene.marking] = len(position)
        layer = gene.layer
        settings = [getattr(layer, name) for name in layers.SETTINGS[layer.kind]]
        words.append(f"{layer.kind}({','.join(map(_word, settings))})<{','.join(str(position[s]) for s in gene.inputs)}")
    return " ".join(words)


def _word(value: object) -> str:
    """A layer's setting: a number, or a recurrent cell."""
    return str(int(value)) if isinstance(value, int) else str(value)
