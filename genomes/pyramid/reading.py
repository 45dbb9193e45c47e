"""The genes of a detector as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genomes.base import shown, unknown
from genomes.pyramid.wiring import OPERATIONS, Merge, Wiring

if TYPE_CHECKING:
    from genomes.pyramid.space import PyramidSpace

_FIELDS = ("inputs", "level", "operation")


def json_of(blocks: tuple[str, ...], wiring: Wiring) -> dict[str, Any]:
    """The names of the blocks in order, and an object for each merging cell."""
    cells = [{"inputs": [merge.first, merge.second], "level": merge.level, "operation": merge.operation} for merge in wiring]
    return {"blocks": list(blocks), "cells": cells}


def genes_of(genes: Any, space: PyramidSpace) -> tuple[tuple[str, ...], Wiring]:
    """The blocks and the wiring that JSON describes.

    Raises:
        ValueError: not such genes, or genes that the space does not allow.
    """
    if not isinstance(genes, Mapping) or set(genes) != {"blocks", "cells"}:
        raise ValueError(f"the genes of a detector are a JSON object with 'blocks' and 'cells', got {shown(genes)}")
    blocks, cells = genes["blocks"], genes["cells"]
    if not isinstance(blocks, (list, tuple)) or len(blocks) != sum(space.depths):
        raise ValueError(f"the blocks are a list of {sum(space.depths)} names, got {shown(blocks)}")
    for name in blocks:
        if not isinstance(name, str) or name not in space.blocks:
            raise ValueError(unknown("block of this space", name, space.blocks))
    if not isinstance(cells, (list, tuple)) or len(cells) != space.cells:
        raise ValueError(f"the cells are a list of {space.cells} merging cells, got {shown(cells)}")
    wiring = tuple([_merge(data, index, space) for index, data in enumerate(cells)])
    made = [merge.level for merge in wiring[space.inner :]]
    if len(set(made)) < len(made):
        raise ValueError(f"the last {len(made)} cells are the outputs, one for each level, got the levels {shown(made)}")
    return tuple(blocks), wiring


def _merge(data: Any, index: int, space: PyramidSpace) -> Merge:
    if not isinstance(data, Mapping) or set(data) != set(_FIELDS):
        raise ValueError(f"a merging cell is a JSON object with {', '.join(_FIELDS)}, got {shown(data)}")
    inputs, level, operation = (data[name] for name in _FIELDS)
    most = len(space.levels) + index - 1
    if not isinstance(inputs, (list, tuple)) or len(inputs) != 2 or not all(_is_whole(c) and 0 <= c <= most for c in inputs):
        raise ValueError(f"the inputs of cell {index} are two whole numbers from 0 to {most}, got {shown(inputs)}")
    if inputs[0] == inputs[1]:
        raise ValueError(f"cell {index} takes two different inputs, got {inputs[0]} twice")
    if not _is_whole(level) or level not in space.levels:
        raise ValueError(f"the level of cell {index} must be one of {', '.join(map(str, space.levels))}, got {shown(level)}")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise ValueError(unknown(f"operation of cell {index}", operation, OPERATIONS))
    return Merge(inputs[0], inputs[1], level, operation)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
