"""What a controller is asked: one decision after the other, each with its options and with what a policy needs to know of it."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import NamedTuple

STOP = "stop"  # the option that completes a network that grows layer by layer
NO_OR_YES = ("no", "yes")
DEPTH = "the number of layers"  # what is asked for first where it is not found by stopping


class Question(NamedTuple):
    """What is decided next.

    Attributes:
        about: for example "the kernel of layer 2"; no two questions of one sequence with the same answers before them have the same.
        options: the names of what may be chosen, all different.
        part: the layer, block or node of the network that is described, by its place; -1 for what belongs to none.
        refers: the earlier parts that are chosen from, one for each option; or the single one that the question is about, where the options
            are "no" and "yes" or operations on it. Negative numbers are the network's (or the cell's) inputs, -1 the last. () for none.
        state: what Q-learning tells apart: two questions of the same state and the same options have the same values. None: what is
            decided and the answer before it.
    """

    about: str
    options: tuple[str, ...]
    part: int = -1
    refers: tuple[int, ...] = ()
    state: Hashable = None

    @property
    def kind(self) -> str:
        """What is decided, the same in every part: questions of one kind may share what is learned about their options.

        >>> Question("the kernel of layer 2", ("1", "3")).kind
        'the kernel of layer #'
        """
        return re.sub(r"\d+", "#", self.about)
