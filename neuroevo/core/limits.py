"""Limits: what one candidate may take before its worker is stopped, and how that is measured."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from genomes import system
from genomes.base import Settings, shown

OUTPUT = 64 << 20  # bytes that one candidate may print
MACHINE_SHARE = 0.8  # of the machine's memory: what one worker may take where no limit is given
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True)
class Limits(metaclass=Settings):
    """What one candidate may take.

    Args:
        seconds: wall-clock time; None for no limit.
        memory: bytes of resident memory of its worker (the interpreter and its libraries included); None for four fifths of the
            machine's, so that a candidate that takes everything ends its worker and not the search.
        output: bytes printed.

    Raises:
        ValueError: a limit that is not positive.
    """

    seconds: float | None = None
    memory: int | None = None
    output: int = OUTPUT

    def __post_init__(self) -> None:
        if self.seconds is not None and not (is_number(self.seconds) and 0 < self.seconds < math.inf):
            raise ValueError(f"timeout must be > 0 seconds, got {shown(self.seconds)}")
        if self.memory is not None and not (is_number(self.memory) and self.memory > 0):
            raise ValueError(f"max_memory must be > 0 bytes (or text such as '4GB'), got {shown(self.memory)}")

    def broken(self, seconds: float, memory: int, output: int) -> str | None:
        """Why a candidate that took so much is stopped, or None."""
        if self.seconds is not None and seconds > self.seconds:
            return f"took longer than {self.seconds:g} seconds; its worker was stopped"
        most = self.memory or int(MACHINE_SHARE * system.machine_bytes())
        if memory > most:
            return f"needed more than {size_text(most)} of memory ({size_text(memory)}); its worker was stopped"
        if output > self.output:
            return f"printed more than {size_text(self.output)}; its worker was stopped"
        return None


def memory_bytes(given: int | float | str | None) -> int | None:
    """A memory limit in bytes, from bytes or from text.

    Raises:
        ValueError: not a size.

    >>> memory_bytes("1.5GB"), memory_bytes("500 MB"), memory_bytes(4096)
    (1610612736, 524288000, 4096)
    """
    if given is None:
        return None
    if isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given):
        return int(given)
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]?)i?b?\s*", given.lower()) if isinstance(given, str) else None
    if match is None:
        raise ValueError(f"a memory limit is a number of bytes or text such as '4GB' or '500MB', got {shown(given)}")
    return int(float(match.group(1)) * _UNITS[match.group(2)])


def size_text(size: int) -> str:
    """Bytes as people say them.

    >>> size_text(2 << 30), size_text(300 << 20)
    ('2 GB', '300 MB')
    """
    return f"{size / (1 << 30):.3g} GB" if size >= 1 << 30 else f"{size / (1 << 20):.3g} MB"


def is_number(value: Any) -> bool:
    """Whether a setting is a number, and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
