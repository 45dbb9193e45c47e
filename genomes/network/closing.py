"""How the ends of a layer graph in the making can be joined: what it takes at least.

An *end* is what no layer has taken yet. In a network every layer leads to the logits, so all ends must be brought together, to one
without positions, before the layers or the parameters run out. (The depth does not matter: poolings and merges bring ends together.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

from genomes.layers import Shape, projection_stride


@lru_cache(maxsize=1 << 12)
def closing_layers(positions: tuple[tuple[int, ...], ...]) -> int:
    """The least number of layers that bring ends together to one without positions.

    Ends of equal positions are concatenated and pooled globally, and what comes of that is concatenated. Where all ends have positions,
    and can be added to the ones with the fewest and pooled together, that takes a layer less.

    Args:
        positions: of each end; () where it has none.
    """
    groups = Counter(positions)
    flat = groups.pop((), 0)
    layers = len(groups) + sum([count > 1 for count in groups.values()])
    together = not flat and _smallest_positions(groups) is not None
    return layers if together or flat + len(groups) == 1 else layers + 1


def _smallest_positions(groups: Collection[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Those to which an addition can bring all the others, if there are such."""
    return next((main for main in groups if all([_addable(main, skip) for skip in groups])), None)


@lru_cache(maxsize=1 << 12)
def _addable(main: tuple[int, ...], skip: tuple[int, ...]) -> bool:
    try:
        projection_stride((*main, 1), (*skip, 1))
    except ValueError:
        return False
    return True


def least_parameters(ends: Sequence[Shape], outputs: int, spare: int) -> int:
    """A number of parameters that whatever joins the ends and leads them to the logits has at least.

    The logits have `outputs` for each channel that reaches them and `outputs` biases. What makes channels fewer on the way there has
    one for each that it takes and two beside (a dense layer of one unit has that many); only an addition of two ends of one channel has one.

    Args:
        ends: the ends' shapes.
        outputs: of the logits.
        spare: layers that are left beside those that join the ends.
    """
    channels = [end[-1] for end in ends]
    total, pairs = sum(channels), max(channels.count(1) - 1, 0)
    bound = min((total + 1) * outputs, (total - pairs + 1) * outputs + 2 * pairs, total + 2 * outputs + 1)
    return bound if spare else max(bound, _least_without_spare(ends, outputs))


def _least_without_spare(ends: Sequence[Shape], outputs: int) -> int:
    """The same where no layer is spare: only an addition makes channels fewer then, in place of a concatenation of two ends."""
    flat, groups = list[int](), dict[tuple[int, ...], list[int]]()
    for end in ends:
        (groups.setdefault(end[:-1], []) if len(end) > 1 else flat).append(end[-1])
    if len(groups) < 2:
        return _least_of_last([[(width, 0)] for width in flat] + [_joined(group) for group in groups.values()], outputs)
    widths = [width for group in groups.values() for width in group]
    separate = (sum(flat) + 1) * outputs + sum(widths) + min(widths) * (outputs - 1)
    if len(flat) > 1 or (main := _smallest_positions(groups)) is None:
        return separate
    # What has positions may be added together: then it has the channels of the ends with the fewest positions.
    added = [(width, sum(widths) - sum(groups[main]) + count) for width, count in _joined(groups[main])]
    return min(separate, _least_of_last([*[[(width, 0)] for width in flat], added], outputs))


def _least_of_last(last: list[list[tuple[int, int]]], outputs: int) -> int:
    """The parameters of what joins the last ends and of the logits, at least.

    Args:
        last: for each of the ends the channels that it may have, with the parameters that these take.
        outputs: of the logits.
    """
    if len(last) == 2:
        last = [[(width, a + b + more) for x, a in last[0] for y, b in last[1] for width, more in _joined([x, y])]]
    return outputs + sum([min([width * outputs + count for width, count in options]) for options in last])


def _joined(widths: Sequence[int]) -> list[tuple[int, int]]:
    """The channels of ends that one layer joins, and its parameters at least, for these widths or any larger ones: the ends are
    concatenated, or where they are two added, with a projection or, once they are equally wide, without."""
    joined = [(sum(widths), 0)]
    if len(widths) == 2:
        narrow, wide = sorted(widths)
        joined += [(narrow, 2 * narrow + narrow * wide), (wide, 2 * wide)]
    return joined
