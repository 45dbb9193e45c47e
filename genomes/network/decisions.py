"""The decisions that describe a layer graph, layer by layer, each after its inputs, in canonical order.

For each layer: its kind, or "stop", which joins what no layer has taken in front of the logits; its width, first roughly and then exactly; its
kernel and its stride; of a dropout its rate; and its inputs, the nearest first. An addition is asked for its main path and its skip, and whether the
skip is projected where their shapes are equal; a concatenation for its inputs one by one. An option is offered only while a legal network
can still come of it (see `genomes.network.draft`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from genomes.layers import MERGES, POOLINGS, SETTINGS, Layer
from genomes.network.architecture import Architecture
from genomes.network.draft import Draft
from genomes.network.operators.features import RATES
from genomes.questions import NO_OR_YES, STOP, Question

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

KINDS = ("conv", "separable", "dense", "max_pool", "average_pool", "global_average", "global_max", "flatten", "add", "concat")
STRIDES = (1, 2)
POOL_KERNELS = (2, 3)
_WIDTHS = 128  # the most exact widths that are offered at once
SHORTCUTS = ("identity", "projection")  # of an addition's skip (He et al. 2016, section 3.3)

Asked = Generator[Question, int, None]
_layer = lru_cache(maxsize=1 << 14)(Layer)


def ask_architecture(space: NetworkSpace) -> Generator[Question, int, Architecture]:
    """Ask for the layers of a network of the space."""
    draft = Draft(space)
    while not draft.complete:
        here = f"layer {len(draft.layers)}"
        kinds = _kinds(draft)
        kind = kinds[(yield Question(f"the kind of {here}", kinds, len(draft.layers)))]
        if kind == STOP:
            break
        if kind == "add":
            yield from _ask_addition(draft, here)
        elif kind == "concat":
            yield from _ask_concatenation(draft, here)
        else:
            yield from _ask_layer(draft, kind, here)
    return draft.architecture()


def _kinds(draft: Draft) -> tuple[str, ...]:
    """The kinds of layers that may come next, and "stop"."""
    sources = draft.sources()
    single, merged = _samples(draft, draft.beside((), sources), 1), _samples(draft, sources, 2)
    found = []
    for kind in (*KINDS, *draft.space.embeddings, *draft.space.between):
        if kind == "add":
            offered = any(_skip_fits(draft, main, merged) for main in merged)
        elif kind == "concat":
            offered = any(_can_begin(draft, source, merged) for source in merged)
        else:
            offered = _any_fits(draft, _smallest(draft.space, kind), single)
        if offered:
            found.append(kind)
    if draft.can_stop or not found:
        found.append(STOP)
    return tuple(found)


def _samples(draft: Draft, sources: Iterable[int], most: int) -> list[int]:
    """The sources without those that are like `most` before them."""
    seen: Counter[object] = Counter()
    found = []
    for source in sources:
        alike = draft.alike(source)
        if seen[alike] < most:
            found.append(source)
        seen[alike] += 1
    return found


def _where(draft: Draft, sources: Iterable[int], holds: Callable[[int], bool]) -> list[int]:
    """The sources for which something holds; it holds for all that are alike or for none."""
    known: dict[object, bool] = {}
    found = []
    for source in sources:
        alike = draft.alike(source)
        if alike not in known:
            known[alike] = holds(source)
        if known[alike]:
            found.append(source)
    return found


def _any_fits(draft: Draft, layers: Iterable[Layer], sources: Iterable[int]) -> bool:
    return any(draft.fits(layer, (source,)) for source in sources for layer in layers)


def _smallest(space: NetworkSpace, kind: str, width: int = 1, kernel: int = 0) -> list[Layer]:
    """The layers of a kind with the fewest parameters, with each stride."""
    settings = SETTINGS[kind]
    kernel = kernel or (POOL_KERNELS[0] if kind in POOLINGS else min(space.kernels))
    if kind == "dropout":
        return [_layer(kind, rate=RATES[0])]
    return [
        _layer(kind, width if "width" in settings else 0, kernel if "kernel" in settings else 0, stride)
        for stride in (STRIDES if "stride" in settings else (1,))
    ]


def _ask_layer(draft: Draft, kind: str, here: str) -> Asked:
    space, settings, sources = draft.space, SETTINGS[kind], draft.beside((), draft.sources())
    samples = _samples(draft, sources, 1)
    width = 1
    if "width" in settings:
        width = yield from _ask_width(draft, _most_width(draft, kind, samples), here)
    layers = _smallest(space, kind, width)
    if "kernel" in settings:
        sizes = dict.fromkeys(POOL_KERNELS if kind in POOLINGS else space.kernels)
        kernels = [size for size in sizes if _any_fits(draft, _smallest(space, kind, width, size), samples)]
        kernel = kernels[(yield Question(f"the kernel of {here}", tuple(map(str, kernels)), len(draft.layers)))]
        layers = [layer for layer in _smallest(space, kind, width, kernel) if _any_fits(draft, [layer], samples)]
        layers = [
            layers[(yield Question(f"the stride of {here}", tuple([str(layer.stride) for layer in layers]), len(draft.layers)))]
        ]
    layer = layers[0]
    if "rate" in settings:
        layer = _layer(kind, rate=RATES[(yield Question(f"the rate of {here}", tuple(map(str, RATES)), len(draft.layers)))])
    sources = _where(draft, sources, lambda source: draft.fits(layer, (source,)))
    chosen = sources[(yield _asked_for_source(draft, f"the input of {here}", sources))]
    draft.add(layer, (chosen,))


def _ask_width(draft: Draft, most: int, here: str) -> Generator[Question, int, int]:
    steps, about = _width_steps(draft.space.max_width), f"the width of {here}"
    while True:
        offered = [step for step in steps if step[0] <= most]
        first, last = offered[(yield Question(about, tuple([_step_name(*step) for step in offered]), len(draft.layers)))]
        if first == last:
            return first
        steps, about = _finer_steps(first, last), f"the exact width of {here}"


def _most_width(draft: Draft, kind: str, samples: Sequence[int]) -> int:
    """The largest width with which a layer of this kind fits somewhere; 1 does."""
    low, high = 1, draft.space.max_width
    middle = high
    while low < high:
        if _any_fits(draft, _smallest(draft.space, kind, middle), samples):
            low = middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    return low


def _addition(draft: Draft, main: int, skip: int) -> Layer:
    return _layer("add", projected=draft.shapes[main] != draft.shapes[skip])


def _skip_fits(draft: Draft, main: int, skips: Sequence[int]) -> bool:
    return any(draft.fits(_addition(draft, main, skip), (main, skip)) for skip in draft.beside((main,), skips))


def _ask_addition(draft: Draft, here: str) -> Asked:
    sources = draft.sources()
    samples = _samples(draft, sources, 2)
    mains = _where(draft, sources, lambda source: _skip_fits(draft, source, samples))
    main = mains[(yield _asked_for_source(draft, f"the main path of {here}", mains))]
    others = [source for source in sources if source != main]
    skips = _where(draft, others, lambda source: draft.fits(_addition(draft, main, source), (main, source)))
    skip = skips[(yield _asked_for_source(draft, f"the skip of {here}", skips))]
    layer = _addition(draft, main, skip)
    if not layer.projected:
        shortcuts = [_layer("add", projected=projected) for projected in (False, True)]
        fitting = [shortcut for shortcut in shortcuts if draft.fits(shortcut, (main, skip))]
        layer = fitting[
            (yield Question(f"the shortcut of {here}", tuple([SHORTCUTS[add.projected] for add in fitting]), len(draft.layers)))
        ]
    draft.add(layer, (main, skip))


def _fits_joined(draft: Draft, chosen: list[int]) -> bool:
    return len(chosen) > 1 and draft.fits(_layer("concat"), chosen)


def _can_go_on(draft: Draft, chosen: list[int]) -> bool:
    """Whether a concatenation that takes these sources fits, maybe with further ones. Those that help are the ends."""
    positions = draft.shapes[chosen[0]][:-1]
    if any([draft.shapes[source][:-1] != positions for source in chosen]):
        return False
    ends = [end for end in draft.ends if draft.shapes[end][:-1] == positions and end not in chosen]
    return _fits_joined(draft, [*chosen, *ends]) or _fits_joined(draft, chosen)


def _can_begin(draft: Draft, first: int, sources: Sequence[int]) -> bool:
    return any(_can_go_on(draft, [first, source]) for source in draft.beside((first,), sources))


def _ask_concatenation(draft: Draft, here: str) -> Asked:
    sources = draft.sources()
    samples = _samples(draft, sources, 2)
    options, chosen = _where(draft, sources, lambda source: _can_begin(draft, source, samples)), list[int]()
    while True:
        asked = _asked_for_source(draft, f"input {len(chosen)} of {here}", options)
        chosen.append(options[(yield asked)])
        others = [source for source in sources if source not in chosen]
        options = _where(draft, others, lambda source: _can_go_on(draft, [*chosen, source]))
        if len(chosen) > 1:
            further = [False] * _fits_joined(draft, chosen) + [True] * bool(options)
            if not further[
                (yield Question(f"another input of {here}", tuple([NO_OR_YES[more] for more in further]), len(draft.layers)))
            ]:
                break
    draft.add(_layer("concat"), chosen)


def answers_of(architecture: Architecture, space: NetworkSpace) -> Iterator[str]:
    """The names of the options that describe a network."""
    place = {gene.marking: index for index, gene in enumerate(architecture.genes)}
    for gene in architecture.genes[1:-1]:
        layer, names = gene.layer, _source_names([place[source] for source in gene.inputs])
        yield layer.kind
        if layer.kind not in MERGES:
            if "width" in SETTINGS[layer.kind]:
                yield from _width_answers(layer.width, space.max_width)
            if "kernel" in SETTINGS[layer.kind]:
                yield str(layer.kernel)
                yield str(layer.stride)
            if "rate" in SETTINGS[layer.kind]:
                yield str(layer.rate)
        for index, name in enumerate(names):
            if index > 1:
                yield NO_OR_YES[True]
            yield name
        if layer.kind == "concat":
            yield NO_OR_YES[False]
        main, *skips = [architecture.shapes[source] for source in gene.inputs]
        if layer.kind == "add" and main == skips[0]:
            yield SHORTCUTS[layer.projected]
    if len(architecture.genes) - 2 < space.max_layers:
        yield STOP


def _width_steps(max_width: int) -> list[tuple[int, int]]:
    """The first and the last width of each step: 1, 2, 3, 4 to 5, 6 to 7, 8 to 11, 12 to 15, 16 to 23, ..."""
    starts = sorted({start for power in range(max_width.bit_length()) for start in (1 << power, 3 << power >> 1)})
    within = [start for start in starts if start <= max_width]
    return list(zip(within, [*[start - 1 for start in within[1:]], max_width], strict=True))


def _finer_steps(first: int, last: int) -> list[tuple[int, int]]:
    """At most `_WIDTHS` steps of equal length."""
    length = -(-(last - first + 1) // _WIDTHS)
    return [(start, min(start + length - 1, last)) for start in range(first, last + 1, length)]


def _width_answers(width: int, max_width: int) -> Iterator[str]:
    first, last, steps = 0, 1, _width_steps(max_width)
    while first < last:
        first, last = next(step for step in steps if width <= step[1])
        yield _step_name(first, last)
        steps = _finer_steps(first, last)


def _step_name(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _asked_for_source(draft: Draft, about: str, sources: Sequence[int]) -> Question:
    return Question(about, _source_names(sources), len(draft.layers), tuple([source or -1 for source in sources]))


def _source_names(sources: Iterable[int]) -> tuple[str, ...]:
    return tuple([f"layer {source}" if source else "input" for source in sources])
