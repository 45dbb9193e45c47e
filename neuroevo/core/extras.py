"""Extras: how to install the libraries that only some parts need. neuroevo comes as a checkout, not from a package index."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def how_to_install(extra: str) -> str:
    """The command that installs an extra (an `[options.extras_require]` of setup.cfg) into this Python.

    Args:
        extra: such as "export".

    Returns:
        A command that works in any folder where this is a checkout's code; otherwise one for the folder of a checkout.
    """
    python, checkout = shlex.quote(sys.executable), Path(__file__).parents[2]
    if (checkout / "setup.cfg").exists():
        return f"{python} -m pip install -e {shlex.quote(f'{checkout}[{extra}]')}"
    return f"{python} -m pip install -e '.[{extra}]' (in the folder of neuroevo's checkout)"
