"""The framework that shared networks run on: that of Keras."""

from __future__ import annotations

from neuroevo.train.supernet.backends import Backend


def backend() -> Backend:
    """The operations of the Keras backend in use.

    Raises:
        ValueError: it is neither TensorFlow nor JAX.
    """
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        from neuroevo.train.supernet.tensorflow_backend import TensorflowBackend

        return TensorflowBackend()
    if name == "jax":
        from neuroevo.train.supernet.jax_backend import JaxBackend

        return JaxBackend()
    raise ValueError(f"shared networks run on the Keras backends tensorflow and jax, got {name!r}; set KERAS_BACKEND to one of them")
