"""The training tests hold on JAX too."""

import os
import subprocess
import sys
from pathlib import Path


def test_training_holds_on_jax():
    file = Path(__file__).with_name("test_training_loop.py")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(file), "-k", "not another_process and not diverged"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:]
