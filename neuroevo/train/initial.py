"""Initial weights from a NumPy stream: the same numbers on every backend, whatever was built or trained before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def initial_weights(model: Any, rng: np.random.Generator) -> list[npt.NDArray[np.float32]]:
    """Fresh weights for every variable of a `keras.Model`, in the order of `model.weights`.

    Each variable follows the initializer of its layer (variance scaling such as He and Glorot, normal, uniform, constants),
    drawn from `rng`. The fan-in of a depthwise kernel is that of one channel, which is what He et al. 2015 derive; Keras counts
    all channels.

    Raises:
        ValueError: a layer has an initializer that is not known here.
    """
    found: dict[int, npt.NDArray[np.float32]] = {}
    for layer in leaves(model):
        for variable in layer.weights:
            if id(variable) not in found:
                found[id(variable)] = _drawn(layer, variable, rng)
    return [found[id(variable)] for variable in model.weights]


def leaves(model: Any) -> list[Any]:
    """The layers of a model, those inside nested models included."""
    return [leaf for layer in model.layers for leaf in (leaves(layer) if hasattr(layer, "layers") else [layer])]


def _drawn(layer: Any, variable: Any, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    name = variable.name.split("/")[-1]
    shape = tuple(int(n) for n in variable.shape)
    for attribute in (f"{name}_initializer", f"{name.removesuffix('_kernel')}_initializer"):
        initializer = getattr(layer, attribute, None)
        if initializer is not None:
            return draw(type(initializer).__name__, initializer.get_config(), shape, rng, depthwise=name == "depthwise_kernel")
    return np.asarray(variable, dtype=np.float32)  # a layer's own constants, such as a Normalization's statistics


def draw(
    name: str,
    config: Mapping[str, Any],
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    depthwise: bool = False,
) -> npt.NDArray[np.float32]:
    """One array as the Keras initializer of this class name and configuration would draw it: float32 of the given shape."""
    if name in ("Zeros", "Ones", "Constant"):
        value = {"Zeros": 0.0, "Ones": 1.0}.get(name, config.get("value", 0.0))
        return np.full(shape, value, np.float32)
    if name == "RandomNormal":
        return np.asarray(config["mean"] + config["stddev"] * rng.standard_normal(shape), np.float32)
    if name == "RandomUniform":
        return np.asarray(rng.uniform(config["minval"], config["maxval"], shape), np.float32)
    scaled = _variance_scaling(name, config)
    if scaled is None:
        raise ValueError(f"initial weights by {name} cannot be drawn here; use He, Glorot, LeCun, normal, uniform or constant")
    scale, mode, distribution = scaled
    fan_in, fan_out = _fans(shape, depthwise)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    deviation = math.sqrt(scale / max(1.0, fan))
    if distribution == "uniform":
        return rng.uniform(-math.sqrt(3) * deviation, math.sqrt(3) * deviation, shape).astype(np.float32)
    normal = rng.standard_normal(shape)
    if distribution == "truncated_normal":
        while (outside := np.abs(normal) > 2).any():
            normal[outside] = rng.standard_normal(int(outside.sum()))
        deviation /= 0.87962566103423978  # a normal cut at two deviations has this deviation
    return (deviation * normal).astype(np.float32)


def _variance_scaling(name: str, config: Mapping[str, Any]) -> tuple[float, str, str] | None:
    if name == "VarianceScaling":
        return config["scale"], config["mode"], config["distribution"]
    scale, mode = {"He": (2.0, "fan_in"), "Glorot": (1.0, "fan_avg"), "Lecun": (1.0, "fan_in")}.get(
        name.removesuffix("Normal").removesuffix("Uniform"), (0.0, "")
    )
    if not scale:
        return None
    return scale, mode, "uniform" if name.endswith("Uniform") else "truncated_normal"


def _fans(shape: tuple[int, ...], depthwise: bool) -> tuple[float, float]:
    if len(shape) < 2:
        return (float(shape[0]) if shape else 1.0,) * 2
    field = math.prod(shape[:-2])
    if depthwise:
        return float(field), float(field * shape[-1])
    return float(field * shape[-2]), float(field * shape[-1])
