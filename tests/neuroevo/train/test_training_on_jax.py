"""The training tests hold on JAX too, one by one and of a population."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHOSEN = {
    "one network": "test_training_loop and not another_process and not diverged",
    "gone on with": "test_checkpoint and not constant and not adamw and not stretched",
    "a shared network": "test_supernet and not chain and (moves_nothing or (taken_out and nasbench201)) or test_an_epoch_of_every_rule",
    "chains that share weights": "test_supernet_chains and taken_out and (features or stride)",
    "a detection": "test_detection_training and (loss or teacher)",
    "a population": "test_population_model and (one_by_one and adam and None or of_keras or divergence or pieces)",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", CHOSEN)
def test_training_holds_on_jax(what: str) -> None:
    here = Path(__file__)
    files = [str(here.with_name(name)) for name in ("test_training_loop.py", "test_checkpoint.py", "test_population_model.py", "test_supernet.py", "test_supernet_chains.py", "test_detection_training.py")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *files,
        "-k",
        CHOSEN[what],
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    assert done.returncode == 0, done.stdout[-3000:]
    assert "deselected" in done.stdout
