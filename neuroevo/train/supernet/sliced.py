"""The forward pass of networks that take parts of shared kernels: chains, whose feature maps differ in size from one to the next.

A map stands in the upper left corner of one as large as the network's input, with zeros around it, so that every path has the same shapes and
is compiled once. "same" padding becomes a window that begins where the path's numbers say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genomes.chain.shared import LAYER, TAKEN, SharedChains
from neuroevo.train.supernet.backends import Backend
from neuroevo.train.supernet.layout import Layout


class SlicedForward:
    """The outputs of one path; see `Forward.path`.

    Args:
        graph: the networks.
        layout: of the weights.
        backend: what computes.
    """

    def __init__(self, graph: SharedChains, layout: Layout, backend: Backend) -> None:
        self.graph, self.layout, self.backend = graph, layout, backend
        height, width, *_ = (*graph.space.input_shape[:-1], 1, 1)
        self.sides = (height, width)
        taps = (*graph.kernel, 1, 1)
        self.kernel = (taps[0], taps[1])
        self.flat = len(graph.space.input_shape) == 1
        self._bounds = graph.numbers_of_layers

    def path(self, vector: Any, path: Any, numbers: Any, x: Any, statistics: Any = None) -> tuple[Any, Any, Any]:
        backend, graph, layout = self.backend, self.graph, self.layout
        weights = backend.split(vector * self.used(path, numbers), layout.sizes)
        roles = {
            slot.name: backend.reshape(weight, slot.shape if len(slot.shape) < 3 else slot.as_images)
            for slot, weight in zip(layout.slots, weights, strict=True)
        }
        known = None
        if statistics is not None and layout.norms:
            known = [backend.split(one, list(layout.norms.values())) for one in statistics]
        values, ends, seen = list[Any](), list[Any](), list[tuple[Any, Any]]()
        for place, name in enumerate(graph.layers):
            told = self._told(numbers, place)
            if self.flat:
                joined = backend.concatenate([x, *reversed(values)], 1)  # rows of what is not taken are 0
                y = backend.relu(backend.matmul(joined, roles[f"{name}/kernel"]) + roles[f"{name}/bias"])
                ends.append(y)
            else:
                y = self._convolved(place, told, [x, *values], roles[f"{name}/kernel"])
                here = self._here(told)
                y, *found = self._normalised(y * here, told, None if known is None else (known[0][place], known[1][place]))
                seen.append((found[0], found[1]))
                y = backend.relu(y) * here
                ends.append(backend.averaged(y) * self._share(told))
            values.append(y)
        head = graph.architecture.output.marking
        logits = backend.matmul(backend.concatenate(ends, 1), roles[f"{head}/kernel"]) + roles[f"{head}/bias"]
        if not seen:
            nothing = backend.constant(np.zeros(0))
            return logits, nothing, nothing
        return logits, *[backend.concatenate([pair[at] for pair in seen], 0) for at in (0, 1)]

    def used(self, path: Any, numbers: Any) -> Any:
        """1 for each weight that is on a path, else 0: [weights]."""
        backend, graph, parts = self.backend, self.graph, list[Any]()
        every = [self._told(numbers, place) for place in range(len(graph.layers))]
        filters = [self._below(graph.width, told["width"]) for told in every]
        ends = [one * told["end"] for one, told in zip(filters, every, strict=True)]
        places = {name: place for place, name in enumerate(graph.layers)}
        for slot in self.layout.slots:
            place = places.get(int(slot.name.partition("/")[0]))
            if place is None:  # the logits
                rows = backend.concatenate(ends, 0)
                parts.append(self._outer(rows, backend.constant(np.ones(slot.shape[-1]))) if slot.role == "kernel" else backend.constant(np.ones(slot.shape)))
                continue
            if slot.role != "kernel":
                parts.append(filters[place])
                continue
            told, rows = every[place], list[Any]()
            for source in (-1, *reversed(range(place))):
                taken = backend.where(told[f"how {source}"] > 0, 1.0, 0.0)
                rows.append(taken * (backend.constant(np.ones(graph.channels(-1))) if source < 0 else filters[source]))
            found = self._outer(backend.concatenate(rows, 0), filters[place])
            for axis in reversed(range(len(slot.shape) - 2)):
                found = self._outer(self._middle(axis, told[f"taps_{axis}"]), found)
            parts.append(found)
        return backend.concatenate([backend.reshape(part, (-1,)) for part in parts], 0)

    # Numbers ----------------------------------------------------------------------------------------------------------------

    def _told(self, numbers: Any, place: int) -> dict[str, Any]:
        """The numbers of a layer by name, and of what it takes with the source behind the name."""
        first = self._bounds[place][0]
        found = {name: numbers[first + at] for at, name in enumerate(LAYER)}
        for source in range(-1, place):
            start = first + len(LAYER) + (source + 1) * len(TAKEN)
            found |= {f"{name} {source}": numbers[start + at] for at, name in enumerate(TAKEN)}
        return found

    def _below(self, size: int, count: Any) -> Any:
        """1 for the first `count` of `size`, else 0."""
        return self.backend.where(self.backend.constant(np.arange(size)) < count, 1.0, 0.0)

    def _middle(self, axis: int, taps: Any) -> Any:
        """1 for the taps of a kernel of this size along an axis, else 0."""
        most = self.kernel[axis]
        first = self.backend.whole(most - taps) // 2
        places = self.backend.constant(np.arange(most), "int32") - first
        return self.backend.where(places >= 0, 1.0, 0.0) * self.backend.where(places < self.backend.whole(taps), 1.0, 0.0)

    def _outer(self, first: Any, second: Any) -> Any:
        """[m, ...] of [m] and [...], flattened."""
        return self.backend.reshape(first, (-1, 1)) * self.backend.reshape(second, (1, -1))

    # Layers -----------------------------------------------------------------------------------------------------------------

    def _here(self, told: dict[str, Any]) -> Any:
        """1 where a layer's map is, else 0: [height, width, 1]."""
        rows, columns = (self._below(side, told[f"size_{axis}"]) for axis, side in enumerate(self.sides))
        return self.backend.reshape(rows, (-1, 1, 1)) * self.backend.reshape(columns, (1, -1, 1))

    def _share(self, told: dict[str, Any]) -> Any:
        """All positions for each of the map's own; 0 of a layer that the path does not have."""
        own = told["size_0"] * told["size_1"]
        return self.backend.where(own > 0, float(self.sides[0] * self.sides[1]), 0.0) / self.backend.where(own > 0, own, 1.0)

    def _normalised(self, y: Any, told: dict[str, Any], known: tuple[Any, Any] | None) -> tuple[Any, Any, Any]:
        """Behind a BatchNorm over the map's own positions, with the mean and variance that it saw, or that are known."""
        backend = self.backend
        if known is None:
            mean = self._mean(y, told)
            known = mean, self._mean((y - mean) ** 2 * self._here(told), told)
        return backend.with_statistics(y, *known), *known

    def _mean(self, y: Any, told: dict[str, Any]) -> Any:
        """The mean over samples and the map's own positions, of values that are 0 elsewhere: [channels]."""
        backend = self.backend
        each = backend.averaged(y) * self._share(told)
        count = backend.total(0.0 * each[:, :1] + 1.0, 0)
        return backend.reshape(backend.total(each, 0) / count, (-1,))

    def _convolved(self, place: int, told: dict[str, Any], sources: Sequence[Any], kernel: Any) -> Any:
        """The convolution of everything that a layer takes: a sum over its sources, of which only those that it takes are computed."""
        backend, graph = self.backend, self.graph
        begin = tuple([backend.whole(told[f"begin_{axis}"]) for axis in (0, 1)])
        strides, found = len(graph.strides), list[Any]()
        for source, x in zip(range(-1, place), sources, strict=True):
            row = graph.row(place, source)
            part = kernel[:, :, row : row + graph.channels(source)]
            tops = tuple([backend.whole(told[f"top_{axis} {source}"]) for axis in (0, 1)])
            given = (x, part, begin, tops, backend.whole(told[f"factor {source}"]))
            ways = (False,) if source < 0 else (False, True)
            branches = [self._nothing(x)] + [self._branch(stride, pooled, *given) for pooled in ways for stride in graph.strides]
            how = told[f"how {source}"]
            taken = backend.whole(backend.where(how > 0, 1.0 + (how - 1.0) * strides + told["stride"], 0.0))
            found.append(backend.switch(taken, branches)[0])
        total = found[0]
        for one in found[1:]:
            total = total + one
        return total

    def _nothing(self, x: Any) -> Callable[[], Any]:
        return lambda: (0.0 * x[..., :1] + self.backend.constant(np.zeros(self.graph.width)),)

    def _branch(self, stride: int, pooled: bool, x: Any, kernel: Any, begin: Any, tops: Any, factor: Any) -> Callable[[], Any]:
        """The convolution of one source with this stride, pooled before or as it is."""
        backend, (height, width) = self.backend, self.sides
        step = (stride, stride if len(self.graph.space.input_shape) == 3 else 1)
        counts = tuple([-(-side // one) for side, one in zip(self.sides, step, strict=True)])
        sizes = tuple([(count - 1) * one + taps for count, one, taps in zip(counts, step, self.kernel, strict=True)])

        def compute(x: Any, kernel: Any, row: Any, column: Any, top: Any, left: Any, factor: Any) -> tuple[Any, ...]:
            if pooled:
                rows, columns = ((backend.constant(np.arange(side), "int32") + first) // factor for side, first in ((height, top), (width, left)))
                x = backend.highest_of_each(x, rows, columns)
            x = backend.window(backend.padded(x, self.kernel, self.kernel), (row, column), (sizes[0], sizes[1]))
            y = backend.bare_convolution(x, kernel, step)
            return (backend.padded(y, (0, 0), (height - counts[0], width - counts[1])),)

        key = ("sliced", self.sides, self.kernel, tuple(kernel.shape), step, pooled)
        once = backend.once(key, compute)
        return lambda: tuple(once(x, kernel, *begin, *tops, factor))
