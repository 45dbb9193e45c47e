"""Files of networks to download. A model is written by another process, `neuroevo export`, so that the server never loads TensorFlow."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from neuroevo.run.run import Run

SUFFIXES = {".json": "application/json", ".keras": "application/octet-stream", ".onnx": "application/octet-stream"}
SECONDS = 300  # that writing a model may take
_alone = threading.Lock()  # one at a time: each takes a core and several hundred megabytes


def exported(run: Run, id: int, suffix: str, command: Sequence[str]) -> bytes:
    """An individual's genome (.json) or network (.keras, .onnx) as a file's bytes.

    Args:
        command: what runs the command line in another process, such as `(sys.executable, "-m", "neuroevo.cli.main")`.

    Raises:
        KeyError: there is no such individual.
        ValueError: it cannot be written so; the sentence is that of `neuroevo export`.
    """
    if suffix not in SUFFIXES:
        raise ValueError(f"an individual can be downloaded as {', '.join(SUFFIXES)}, got {suffix[:20]!r}")
    individual = run[id]
    assert run.folder is not None
    with tempfile.TemporaryDirectory(prefix="neuroevo-") as folder:
        path = Path(folder, f"individual-{id}{suffix}")
        if suffix == ".json":
            individual.genome.save(path)
            return path.read_bytes()
        call = [*command, "export", "--", str(run.folder.resolve()), str(id), str(path)]
        try:
            with _alone:
                ended = subprocess.run(
                    call, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, cwd=folder, check=False
                )
        except subprocess.TimeoutExpired:
            raise ValueError(f"writing individual {id} took more than {SECONDS} s; `neuroevo export` takes its time") from None
        if ended.returncode != 0 or not path.exists():
            lines = ended.stderr.decode(errors="replace").strip().split("\n")
            raise ValueError(lines[-1].removeprefix("neuroevo: ") or f"neuroevo export ended with the code {ended.returncode}")
        return path.read_bytes()
