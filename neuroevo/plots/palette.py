"""The palette of every figure: colour-blind safe (Okabe & Ito 2008), one colour for one meaning."""

BLUE = "#0072B2"  # the front, inputs
ORANGE = "#D55E00"  # what was chosen, outputs
GREEN = "#009E73"  # test scores, hidden
PINK = "#CC79A7"
YELLOW = "#E69F00"
SKY = "#56B4E9"
GREY = "#9A9A9A"  # dominated, disabled, structure
INK = "#222222"
CYCLE = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
MUTED = "#555555"  # captions

SHARED = "shared"
CHANGED = "changed"
PURPLE = "#9C3A77"  # PINK, darker: told from grey by its lightness alone, too
STATUS = {SHARED: "#C8C8C8", CHANGED: PURPLE, "only in the first": BLUE, "only in the second": ORANGE}  # of genes of two genomes
