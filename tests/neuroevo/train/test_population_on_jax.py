"""A population is trained on JAX as on TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path


def test_population_training_holds_on_jax():
    file = Path(__file__).with_name("test_population_model.py")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    chosen = "one_by_one and adam and None or of_keras or divergence"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(file), "-k", chosen]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:]
