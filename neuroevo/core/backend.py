"""The process that trains: its threads, its accelerator, its precision."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache


def prepare(threads: int = 1) -> None:
    """Set the CPU threads that training uses in this process; call it before the first training.

    One thread is the default: more give other float sums, so another result, and small networks are no faster. Once the backend
    has started in this process, its threads stay as they are.

    Raises:
        ValueError: fewer than one thread.
    """
    if threads < 1:
        raise ValueError(f"threads must be >= 1, got {threads}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    if threads == 1 and "xla_cpu_multi_thread_eigen" not in os.environ.get("XLA_FLAGS", ""):
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    start_quietly()
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    with suppress(RuntimeError):  # already started
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # several workers may share one


@cache
def start_quietly() -> None:
    """Import Keras and its backend without the notes that these write while they start; call it before the first `import keras`.

    What was written is shown after all where starting fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_messages_held():
        import keras

        if keras.backend.backend() != "tensorflow":
            return
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
    tf.get_logger().setLevel("ERROR")  # a search traces thousands of functions on purpose: no warning about each


@contextmanager
def native_messages_held() -> Iterator[None]:
    """Hold what libraries write to the process's standard error itself (TensorFlow's notes about missing GPUs, before any setting of it
    is read), and show it only where an exception follows."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def precision() -> str:
    """The Keras dtype policy that suits the device: "mixed_bfloat16" where a GPU computes it natively, else "float32"."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            capability = tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
            return "mixed_bfloat16" if capability >= (8, 0) else "float32"
        return "float32"
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    capable = gpus and float(getattr(gpus[0], "compute_capability", "0") or 0) >= 8.0
    return "mixed_bfloat16" if capable else "float32"


@contextmanager
def suited_precision() -> Iterator[None]:
    """Layers built inside the block compute in the precision that suits the device; Keras's own setting is put back."""
    import keras

    wanted, before = precision(), keras.config.dtype_policy()
    if wanted == before.name:
        yield
        return
    keras.config.set_dtype_policy(wanted)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
