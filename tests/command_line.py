"""The command line in this process: what `neuroevo ARGUMENTS` prints, complains about and ends with, without another Python to start.

What only a process of its own shows (an encoding, notes of a library that starts, a registry that is empty) is tested with one.
"""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from neuroevo.cli.main import main


def neuroevo(
    *arguments: object, folder: Path | str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the console script's function as if it had been typed in `folder`.

    Args:
        arguments: what stands after `neuroevo`.
        folder: where it is typed.
        variables: of the environment, beside those of this process.

    Returns:
        What a process would have given: its exit code, and its text on standard output and standard error.
    """
    typed = ["neuroevo", *map(str, arguments)]
    printed, complained, code = io.StringIO(), io.StringIO(), 0
    script = mock.patch.object(sys.modules["__main__"], "__package__", None, create=True)  # so the program is called as argv says
    with (
        script, mock.patch.object(sys, "argv", typed), mock.patch.dict(os.environ, variables or {}), chdir(folder), redirect_stdout(printed),
        redirect_stderr(complained),
    ):  # fmt: skip
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return subprocess.CompletedProcess(typed, code, printed.getvalue(), complained.getvalue())
