"""Make every figure of the gallery (docs/gallery/, docs/gallery.md) from small real runs.

The runs go into a folder that is kept (--runs) or thrown away; together they take about three minutes on 2 cores. `--only NAME` makes
one figure again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window

import neuroevo as ne  # noqa: E402
from experiments.xor import XOR_X, XOR_Y  # noqa: E402
from genomes import CellSpace, ChainSpace, CppnSpace, DagSpace, NeatSpace, NetworkSpace, Substrate  # noqa: E402
from genomes.testing import philox  # noqa: E402
from neuroevo import plots, strategies  # noqa: E402

HERE = Path(__file__).parent / "gallery"
