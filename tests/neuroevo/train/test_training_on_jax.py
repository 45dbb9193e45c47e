"""The training tests hold on JAX too, one by one and of a population."""

import os
import subprocess
import sys
from pathlib import Path


def test_training_holds_on_jax():
    here = Path(__file__)
    files = [str(here.with_name(name)) for name in ("test_training_loop.py", "test_checkpoint.py", "test_population_model.py")]
    alone = "test_training_loop and not another_process and not diverged"
    resumed = "test_checkpoint and not constant and not adamw and not stretched"
    together = "test_population_model and (one_by_one and adam and None or of_keras or divergence)"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *files,
        "-k",
        f"({alone}) or ({resumed}) or ({together})",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    assert done.returncode == 0, done.stdout[-3000:]
    assert "deselected" in done.stdout
