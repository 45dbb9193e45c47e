"""Historical markings: the id a gene is born with and keeps through all descent.

A marking is *derived*, not drawn from a shared counter: it is a pure function of the clock (the generation), the kind of
innovation and the markings of the genes that it touches. So the same structural innovation in the same generation gets the
same marking in any process, with no registry to lock, save or restore, and markings sort by age (Stanley & Miikkulainen 2002,
section 3.2, asks for both).

Layout of the int64: 20 bits of clock above 43 bits of hash; the sign bit stays 0.
"""

from __future__ import annotations

CLOCK_BITS = 20
HASH_BITS = 43
MAX_CLOCK = (1 << CLOCK_BITS) - 1
HASH_MASK = (1 << HASH_BITS) - 1
_MASK64 = (1 << 64) - 1


def mix(state: int, value: int) -> int:
    """Fold one 64-bit value into a hash state (the finaliser of SplitMix64, Steele, Lea & Flood 2014); both unsigned 64 bits."""
    z = (state ^ (value & _MASK64)) & _MASK64
    z = (z + 0x9E3779B97F4A7C15) & _MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return z ^ (z >> 31)


def marking(clock: int, kind: int, *touched: int, occurrence: int = 0) -> int:
    """The marking of a gene born at `clock` by an innovation of `kind` on the genes `touched`.

    Args:
        clock: generation of the birth, 0 to 2**20 - 1. Genes that every genome of a space starts with are born at clock 0.
        kind: a small integer that names the sort of innovation inside its encoding.
        touched: markings of the genes the innovation refers to, in a fixed order.
        occurrence: 0 for the first time this innovation happens in one genome at one clock, 1 for the second, ...

    Returns:
        A non-negative int64; a later clock gives a larger marking.

    Raises:
        ValueError: the clock is out of range.

    >>> marking(3, 1, 10, 20) == marking(3, 1, 10, 20)
    True
    >>> marking(2, 1, 10, 20) < marking(3, 1, 10, 20)
    True
    """
    if not 0 <= clock <= MAX_CLOCK:
        raise ValueError(f"clock must be between 0 and {MAX_CLOCK} (generations), got {clock}")
    state = mix(kind, occurrence)
    for gene in touched:
        state = mix(state, gene)
    return (clock << HASH_BITS) | (state & HASH_MASK)


def birth_clock(marking: int) -> int:
    """The generation in which the gene with this marking was born."""
    return marking >> HASH_BITS
