"""The palette of every figure: colour-blind safe (Okabe & Ito 2008), one colour for one meaning."""

import colorsys

BLUE = "#0072B2"  # the front, inputs
ORANGE = "#D55E00"  # what was chosen, outputs
GREEN = "#009E73"  # test scores, hidden
PINK = "#CC79A7"
YELLOW = "#E69F00"
SKY = "#56B4E9"
GREY = "#9A9A9A"  # dominated, disabled, structure
INK = "#222222"
CYCLE = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
SHADES = ((0.0, 1.0), (0.45, 1.0), (0.0, 0.62))  # of each of CYCLE: towards white by a share, or darker by a factor
MUTED = "#555555"  # captions

SHARED = "shared"
CHANGED = "changed"
PURPLE = "#9C3A77"  # PINK, darker: told from grey by its lightness alone, too
STATUS = {SHARED: "#C8C8C8", CHANGED: PURPLE, "only in the first": BLUE, "only in the second": ORANGE}  # of genes of two genomes


def distinct(count: int) -> list[str]:
    """So many colours, no two of them equal; neighbours differ much in hue, and the first are those of `CYCLE`."""
    found = [_shade(colour, towards_white, factor) for towards_white, factor in SHADES for colour in CYCLE]
    for place in range(len(found), count):  # hues by the golden ratio, lightness in three steps
        hue, lightness = (place * 0.6180339887498949) % 1.0, (0.42, 0.62, 0.8)[place % 3]
        red, green, blue = colorsys.hls_to_rgb(hue, lightness - 0.0005 * (place // 3), 0.55)
        found.append(_hexadecimal(red, green, blue))
    return found[:count]


def dark(colour: str) -> bool:
    """Whether text on a colour, drawn at three quarters of its strength, is read better in white."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.3


def _shade(colour: str, towards_white: float, factor: float) -> str:
    parts = [int(colour[at : at + 2], 16) / 255 * factor for at in (1, 3, 5)]
    return _hexadecimal(*(part + towards_white * (1 - part) for part in parts))


def _hexadecimal(*parts: float) -> str:
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)
