"""The hand-written forward pass of a shared network: one path through it, or all of it with mixed operations."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from genomes.layers import BOX, Layer
from genomes.network.genes import Gene
from genomes.shared import Branch, Mixed, SharedGraph
from neuroevo.train.supernet.backends import Backend
from neuroevo.train.supernet.layout import Layout, normalises

Normalised = Literal["none", "poolings", "all"]
Pair = tuple[Any, Any]


class Forward:
    """The outputs of a shared network.

    Args:
        graph: the network.
        layout: of its weights.
        backend: what computes.
        normalised: which candidates are standardised by their batch before they are mixed, beside the BatchNorms that they have: "none", the
            "poolings" (Liu, Simonyan & Yang 2019), or "all" that hand something on. A single path is not touched by it: it is the network that
            is taken out.
    """

    def __init__(self, graph: SharedGraph, layout: Layout, backend: Backend, normalised: Normalised = "none") -> None:
        self.graph, self.layout, self.backend, self.normalised = graph, layout, backend, normalised
        genes = graph.architecture.by_marking
        self.segments = {
            marking: [[Segment(graph, layout, branch) for branch in group.branches] for group in groups]
            for marking, groups in graph.mixed.items()
        }
        self.backbone = [gene for gene in graph.architecture.genes if gene.marking not in graph.owners]
        self._zero = {
            end for groups in graph.mixed.values() for group in groups for b in group.branches for end in b.ends if genes[end].kind == "zero"
        }

    def mixed(self, vector: Any, mixture: Any, x: Any) -> Any:
        """The logits of the whole network, each sum's candidates weighed; BatchNorms take the batch's statistics.

        Args:
            vector: [weights].
            mixture: [choices, widest], the weight of every option.
            x: [samples, height, width, channels].
        """
        walk = Walk(self, vector, x, None)
        return walk.outputs(lambda group, segments, marking: self._mixture(walk, segments, mixture[group.choice]), None)

    def path(self, vector: Any, path: Any, gates: Any, x: Any, statistics: Any = None) -> tuple[Any, Any, Any]:
        """The logits of one path, and the mean and variance of every BatchNorm that it goes through, in the order of `Layout.norms`.

        Args:
            path: [choices], known when it runs.
            gates: [gates], see `SharedGraph.path_numbers`.
            statistics: mean and variance of all BatchNorms, [channels of all] each; None takes the batch's.
        """
        walk = Walk(self, vector, x, statistics)
        logits = walk.outputs(
            lambda group, segments, marking: self._taken(walk, segments, path[group.choice], marking), gates
        )
        return logits, *walk.statistics()

    def used(self, path: Any, numbers: Any) -> Any:
        """1 for each weight that is on a path, else 0: [weights]."""
        backend, (choices, options) = self.backend, self.layout.owners()
        taken = backend.gather(path, backend.constant(np.maximum(choices, 0), "int32"))
        on_path = backend.equal(taken, backend.constant(options, "int32"))
        everywhere = backend.constant(choices < 0)
        return backend.gather(everywhere + (1.0 - everywhere) * on_path, backend.constant(self.layout.segments(), "int32"))

    def _mixture(self, walk: Walk, segments: Sequence[Segment], weights: Any) -> list[Any]:
        found = []
        for option, segment in enumerate(segments):
            if not segment.branch.ends or self._zero.issuperset(segment.branch.ends):
                continue
            value = walk.computed(segment)[0]
            if self.normalised == "all" or (self.normalised == "poolings" and segment.pools):
                value = self.backend.standardised(value)[0]
            found.append(weights[option] * value)
        return found

    def _taken(self, walk: Walk, segments: Sequence[Segment], taken: Any, marking: int) -> list[Any]:
        """The value of the option on the path. What a branch's BatchNorms saw comes out of it in as many numbers for every branch."""
        room = 0 if walk.given is not None else max(segment.channels for segment in segments)

        def computing(segment: Segment) -> Callable[[], Any]:
            def compute() -> Any:
                if not segment.branch.ends:
                    value, seen = walk.zeros(marking), []
                else:
                    value, *seen = walk.computed(segment)
                if not room:
                    return (value,)
                spare = room - segment.channels
                padding = [self.backend.constant([0.0] * spare)] if spare else []
                return (value, *[self.backend.concatenate([*parts, *padding], 0) for parts in (seen[0::2], seen[1::2])])

            return compute

        value, *seen = self.backend.switch(taken, [computing(segment) for segment in segments])
        if room:
            walk.switched.append((segments, taken, seen[0], seen[1]))
        return [value]


class Segment:
    """The genes of an option, apart from where they stand: segments that are alike are traced once.

    Attributes:
        externals: markings of the genes whose values come in.
        slots: the places of its weights in the layout.
        norms: markings of its genes with a BatchNorm; `channels` of all of them.
    """

    def __init__(self, graph: SharedGraph, layout: Layout, branch: Branch) -> None:
        self.graph, self.layout, self.branch = graph, layout, branch
        by_marking, own = graph.architecture.by_marking, set(branch.genes)
        self.genes = [by_marking[marking] for marking in branch.genes]
        needed = [source for gene in self.genes for source in gene.inputs] + list(branch.ends)
        self.externals = list(dict.fromkeys([source for source in needed if source not in own]))
        self.slots = [place for gene in self.genes for place in layout.of(gene.marking)]
        self.norms = [gene.marking for gene in self.genes if normalises(gene.layer)]
        self.channels = sum([layout.norms[marking] for marking in self.norms])
        self.pools = bool(self.genes) and self.genes[-1].kind.endswith("_pool")

    @cached_property
    def key(self) -> Hashable:
        """Equal for segments that compute the same of equal weights."""
        places = {marking: place for place, marking in enumerate([*self.externals, *self.branch.genes])}
        shapes = self.graph.architecture.shapes
        return (
            tuple([(gene.layer, tuple([places[s] for s in gene.inputs]), gene.marking in self.graph.searched) for gene in self.genes]),
            tuple([shapes[marking] for marking in self.externals]),
            tuple([places[end] for end in self.branch.ends]),
        )


class Walk:
    """One pass through the genes, each after its inputs."""

    def __init__(self, forward: Forward, vector: Any, x: Any, given: Any) -> None:
        self.forward, self.backend, self.graph, self.layout = forward, forward.backend, forward.graph, forward.layout
        self.weights = self.backend.split(vector, self.layout.sizes)
        self.x, self.given = x, given
        self.values: dict[int, Any] = {}
        self.seen: dict[int, Pair] = {}
        self.switched: list[tuple[Sequence[Segment], Any, Any, Any]] = []
        self._known: dict[int, Pair] = {}
        if given is not None:
            sizes = list(self.layout.norms.values())
            means, variances = (self.backend.split(one, sizes) for one in given)
            self._known = dict(zip(self.layout.norms, zip(means, variances, strict=True), strict=True))

    def outputs(self, group_values: Callable[[Mixed, Sequence[Segment], int], list[Any]], gates: Any) -> Any:
        """The logits; `group_values` gives the summands of a group."""
        graph = self.graph
        for gene in self.forward.backbone:
            marking = gene.marking
            if marking in graph.mixed:
                groups = zip(graph.mixed[marking], self.forward.segments[marking], strict=True)
                summands = [value for group, segments in groups for value in group_values(group, segments, marking)]
                self.values[marking] = total(summands) if summands else self.zeros(marking)
                continue
            taken = [self.x] if gene.kind == "input" else [self.values[source] for source in gene.inputs]
            if marking in graph.gates and gates is not None:
                taken = [gates[place] * one for place, one in zip(graph.gates[marking], taken, strict=True)]
            weights = [self.weights[place] for place in self.layout.of(marking)]
            self.values[marking], seen = self.applied(gene, taken, weights, self._known.get(marking))
            if seen is not None:
                self.seen[marking] = seen
        return self.values[graph.architecture.output.marking]

    def computed(self, segment: Segment) -> tuple[Any, ...]:
        """The value of an option; behind it, without given statistics, the mean and variance that each of its BatchNorms saw."""
        known = [one for marking in segment.norms for one in self._known.get(marking, ())]
        external = [self.values[marking] for marking in segment.externals]
        weights = [self.weights[place] for place in segment.slots]
        if not segment.genes:
            return (total([self.values[end] for end in segment.branch.ends]),)
        layout, apply = self.layout, self.applied

        def compute(external: Sequence[Any], weights: Sequence[Any], known: Sequence[Any]) -> tuple[Any, ...]:
            values, left, given, seen = dict(zip(segment.externals, external, strict=True)), list(weights), list(known), list[Any]()
            for gene in segment.genes:
                own = [left.pop(0) for _ in layout.of(gene.marking)]
                pair = (given.pop(0), given.pop(0)) if given and normalises(gene.layer) else None
                values[gene.marking], found = apply(gene, [values[source] for source in gene.inputs], own, pair)
                seen += found or ()
            return (total([values[end] for end in segment.branch.ends]), *seen)

        once = self.backend.once((segment.key, bool(known)), compute)
        return tuple(once(external, weights, known))

    def zeros(self, marking: int) -> Any:
        """Zeros of the shape that a gene gives."""
        *positions, channels = self.graph.architecture.shapes[marking]
        height, width = (*positions, 1)[:2]
        return 0.0 * self.x[:, :1, :1, :1] + self.backend.constant([[[0.0] * channels] * width] * height)

    def applied(self, gene: Gene, taken: Sequence[Any], weights: Sequence[Any], known: Pair | None) -> tuple[Any, Pair | None]:
        """A gene's value, and the mean and variance that its BatchNorm saw where none are known.

        Args:
            weights: flat, in the order of `Layout.of`.
        """
        layer, kind, backend, x = gene.layer, gene.kind, self.backend, taken[0]
        roles = {
            slot.role: backend.reshape(weight, slot.as_images)
            for slot, weight in zip([self.layout.slots[place] for place in self.layout.of(gene.marking)], weights, strict=True)
        }
        if kind == "relu":
            x = backend.relu(x)
        elif kind == "sum":
            x = total(taken)
        elif kind == "zero":
            x = 0.0 * x
        elif kind == "concat":
            x = backend.concatenate(taken, 3)
        elif kind.endswith("_pool"):
            flat = len(self.graph.architecture.input_shape) == 2  # a sequence has a width of 1
            x = backend.pooling(x, kind, (layer.kernel, 1 if flat else layer.kernel), (layer.stride, 1 if flat else layer.stride))
        elif kind == "global_average":
            x = backend.averaged(x)
        elif kind == "logits":
            x = backend.matmul(x, roles["kernel"]) + roles["bias"]
        elif kind == "half":
            x = x[..., layer.part :: 2]
        elif kind == "upsample":
            x = backend.upsampled(x, layer.stride)
        elif kind == "plain_depthwise":
            x = backend.depthwise(x, roles["depthwise"], layer.stride, 1)
        elif kind == "detect":
            return self._detected(layer, taken, roles, known)
        elif kind == "conv":
            x = backend.convolution(x, roles["kernel"], layer.stride, 1)
        elif kind == "plain_conv":
            x = backend.convolution(x, roles["kernel"], layer.stride, layer.dilation)
        elif kind == "plain_separable":
            x = backend.depthwise(x, roles["depthwise"], layer.stride, layer.dilation)
            x = backend.convolution(x, roles["pointwise"], 1, 1)
        if not normalises(layer):
            return x, None
        x, seen = self._normalised(x, roles.get("gamma"), roles.get("beta"), known)
        return (backend.relu(x) if kind == "conv" else x), seen

    def _normalised(self, x: Any, gamma: Any, beta: Any, known: Pair | None) -> tuple[Any, Pair | None]:
        """The values behind a BatchNorm (without gamma and beta where they are None), and the mean and variance that it saw where none are
        known."""
        seen = None
        if known is not None:
            x = self.backend.with_statistics(x, *known)
        else:
            x, *found = self.backend.standardised(x)
            seen = (found[0], found[1])
        return (x if gamma is None else x * gamma + beta), seen

    def _detected(self, layer: Layer, maps: Sequence[Any], roles: Mapping[str, Any], known: Pair | None) -> tuple[Any, Pair | None]:
        """The outputs of a detector's head, as `neuroevo.decode.detection` computes them; its BatchNorms' statistics lie one after the other."""
        backend, values, seen = self.backend, list(maps), list[Pair]()
        sizes = [maps[0].shape[-1]] * (layer.repeats * layer.levels)
        given = None if known is None else [backend.split(one, sizes) for one in known]
        for step in range(layer.repeats):
            for level, x in enumerate(values):
                place = step * layer.levels + level
                pair = None if given is None else (given[0][place], given[1][place])
                x = backend.convolution(x, roles[f"kernel_{step}"], 1, 1)
                x, found = self._normalised(x, roles[f"gamma_{step}_{level}"], roles[f"beta_{step}_{level}"], pair)
                seen += [found] if found is not None else []
                values[level] = backend.relu(x)
        flat = []
        for x in values:
            x = backend.convolution(x, roles["kernel"], 1, 1) + roles["bias"]
            flat.append(backend.reshape(x, (-1, x.shape[1] * x.shape[2], layer.width + BOX)))
        pair = None
        if seen:
            mean, variance = (backend.concatenate([one[at] for one in seen], 0) for at in (0, 1))
            pair = (mean, variance)
        return backend.concatenate(flat, 1), pair

    def statistics(self) -> Pair:
        """Mean and variance that every BatchNorm saw, in the order of `Layout.norms`; of those beside the path, 0 and 1."""
        if self.given is not None:
            return self.given[0], self.given[1]
        found: dict[int, Pair] = dict(self.seen)
        for segments, taken, means, variances in self.switched:
            for option, segment in enumerate(segments):
                here, first = self.backend.equal(taken, option), 0
                for marking in segment.norms:
                    rows = slice(first, first + self.layout.norms[marking])
                    found[marking] = (here * means[rows], here * variances[rows] + (1.0 - here))
                    first = rows.stop
        pairs: list[Mapping[int, Any]] = [{marking: pair[at] for marking, pair in found.items()} for at in (0, 1)]
        mean, variance = (self.backend.concatenate([pair[marking] for marking in self.layout.norms], 0) for pair in pairs)
        return mean, variance


def total(values: Sequence[Any]) -> Any:
    """The sum of tensors."""
    found = values[0]
    for value in values[1:]:
        found = found + value
    return found
