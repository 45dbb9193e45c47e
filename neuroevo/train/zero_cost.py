"""Zero-cost proxies: numbers that an untrained network and one batch of data give, and that go along with what training would reach.

Each is a function of `Untrained`, deterministic, and larger where the network is expected to be better. One that says nothing of a network
(no signal comes through, or fewer patterns of activations than samples) gives minus infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.train.compiled import decayed, leaves
from neuroevo.train.detection_loss import detection_loss
from neuroevo.train.gradients import double_precision, input_gradients, outputs, weight_gradients
from neuroevo.train.untrained import Untrained

Proxy = Callable[[Untrained], float]

PARTS = ("naswot", "jacob_cov", "synflow", "grad_norm", "snip", "zen", "parameters", "flops")
FROM_GENOME = ("parameters", "flops")  # known without decoding: they are cheap objectives already
EIGENVALUE_OFFSET = 1e-5  # k of Mellor et al. 2020
STEP = 0.01  # alpha of Lin et al. 2021


def naswot(network: Untrained) -> float:
    """How differently the ReLUs see the samples (Mellor, Turner, Storkey & Crowley 2021, section 3).

    The logarithm of the determinant of the kernel that counts, for each pair of samples, the ReLUs that are both on or both off. BatchNorm takes the batch's statistics, as training does. With fewer ReLUs than samples the kernel is singular: minus infinity.
    """
    from keras import ops

    samples = len(network.x)
    kernel = np.zeros((samples, samples))
    relus = [layer.output for layer in leaves(network.model) if type(layer).__name__ == "ReLU"]
    for tensor in _inside(network.model, relus, network.x):
        on = ops.reshape(ops.cast(tensor > 0, "float32"), (samples, -1))
        both = np.asarray(ops.matmul(on, ops.transpose(on)), np.float64)  # counts below 2^24: exact in float32
        each = np.diagonal(both)
        kernel += on.shape[1] - each[:, None] - each[None, :] + 2 * both
    sign, logarithm = np.linalg.slogdet(kernel)
    return float(logarithm) if sign > 0 else -math.inf


def jacob_cov(network: Untrained) -> float:
    """How little the derivatives at different samples have in common (the first version of Mellor et al., 2020, section 3).

    By the eigenvalues v of the correlations between the rows of the Jacobian: -sum(log(v + k) + 1 / (v + k)). "jacob_cov" in Abdelfattah et
    al. 2021.
    """
    from keras import ops

    jacobian = np.asarray(input_gradients(network.model, network.x, ops.sum), np.float64).reshape(len(network.x), -1)
    centred = jacobian - jacobian.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        return -math.inf
    centred /= lengths
    values = np.maximum(np.linalg.eigvalsh(centred @ centred.T), 0) + EIGENVALUE_OFFSET
    return -float((np.log(values) + 1 / values).sum())


def synflow(network: Untrained) -> float:
    """How much flows through all weights together (Tanaka, Kunin, Yamins & Ganguli 2020, equation 2).

    The logarithm of the sum of weight times gradient over all kernels (summed as in Abdelfattah et al. 2021, section 3.2), where every weight
    is taken as positive, the input is 1 everywhere and normalisations are left out. It looks at no data. In float64: the sum exceeds the largest float32 number in networks of a few dozen layers.
    """
    from keras import ops

    with double_precision():
        linear = _linear(network.model)
        ones = np.ones((1, *network.model.input_shape[1:]))
        found = weight_gradients(linear, ones, ops.sum, training=False)
        total = math.fsum(
            float((np.asarray(variable.value) * gradient).sum())
            for variable, gradient, kernel in zip(linear.trainable_variables, found, decayed(linear), strict=True)
            if kernel
        )
    return math.log(total) if 0 < total < math.inf else -math.inf


def grad_norm(network: Untrained) -> float:
    """How large the loss's gradients are: the sum of their Euclidean norms by kernel (Abdelfattah et al. 2021, section 3.2)."""
    return _finite(sum(float(np.linalg.norm(gradient)) for _, gradient in _of_the_loss(network)))


def snip(network: Untrained) -> float:
    """How much the loss depends on the weights: the sum of |weight x gradient| (Lee, Ajanthan & Torr 2019, equation 4).

    Over all kernels, as in Abdelfattah et al. 2021, section 3.2.
    """
    return _finite(sum(float(np.abs(kernel * gradient).sum()) for kernel, gradient in _of_the_loss(network)))


def zen(network: Untrained) -> float:
    """How much the last features move when the inputs do (Lin et al. 2021, algorithm 1).

    The logarithm of that movement, with the scales that BatchNorm took out put back. Inputs and kernels are normal deviates; it looks at no
    data. The features are what global pooling takes, or else the last layer.
    """
    model = network.model
    rng = network.rng.spawn(1)[0]
    kernels = iter(decayed(model))
    weights = [
        rng.standard_normal(variable.shape, np.float32) if next(kernels) else _at_rest(variable)
        for variable in model.trainable_variables
    ]
    x, further = (rng.standard_normal(network.x.shape, np.float32) for _ in range(2))
    norms = [layer.input for layer in leaves(model) if type(layer).__name__ == "BatchNormalization"]
    looked_at = [_features(model), *norms]
    features, *normalised = _inside(model, looked_at, x, weights)
    (moved,) = _inside(model, looked_at[:1], x + STEP * further, weights)
    movement = np.linalg.norm(
        (np.asarray(moved, np.float64) - np.asarray(features, np.float64)).reshape(len(x), -1), axis=1
    ).mean()
    if not 0 < movement < math.inf:
        return -math.inf
    epsilons = [layer.epsilon for layer in leaves(model) if type(layer).__name__ == "BatchNormalization"]
    scales = [
        0.5 * math.log(float(np.var(np.asarray(tensor, np.float64), axis=tuple(range(len(tensor.shape) - 1))).mean()) + epsilon)
        for tensor, epsilon in zip(normalised, epsilons, strict=True)
    ]
    return _finite(math.log(movement) + math.fsum(scales))


def parameters(network: Untrained) -> float:
    """How many trainable weights there are: the proxy that every other one must beat."""
    return float(network.genome.parameters)


def flops(network: Untrained) -> float:
    """How many multiply-adds a sample takes."""
    return float(network.genome.flops)


def proxies(names: str | Sequence[str]) -> dict[str, Proxy]:
    """The proxies of these names, those of one's own that are registered among them.

    Raises:
        ValueError: no names, or one that nobody has; the nearest is suggested.
    """
    from neuroevo.core import registry

    wanted = names.split(",") if isinstance(names, str) else list(names)
    found: dict[str, Proxy] = {}
    for name in wanted:
        named = name.strip() if isinstance(name, str) else name
        proxy = registry.find("proxy", named)
        if proxy is None:
            raise ValueError(unknown("proxy", str(named), registry.names("proxy")))
        found[registry.name_of(proxy)] = proxy
    if not found:
        raise ValueError(f"name at least one proxy: {', '.join(registry.names('proxy'))}")
    return found


def _inside(model: Any, tensors: Sequence[Any], x: npt.NDArray[np.float32], weights: Sequence[Any] | None = None) -> list[Any]:
    """The values of these tensors of a functional model for a batch, in training mode.

    Args:
        weights: in place of the model's own trainable ones, in its order.
    """
    import keras

    if not tensors:
        return []
    part = keras.Model(model.inputs, list(tensors))
    if weights is not None:
        by_variable = {id(variable): array for variable, array in zip(model.trainable_variables, weights, strict=True)}
        weights = [keras.ops.convert_to_tensor(by_variable[id(variable)]) for variable in part.trainable_variables]
    found = outputs(part, keras.ops.convert_to_tensor(x), training=True, trainable=weights)
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _of_the_loss(network: Untrained) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Each kernel and the loss's gradient by it."""
    from keras import ops

    model, targets = network.model, ops.convert_to_tensor(network.targets)

    def loss(given: Any) -> Any:
        if network.loss == "detection":
            return detection_loss(given, targets)
        if network.loss == "mean_squared_error":
            return ops.mean(ops.square(given - targets))
        return ops.mean(ops.categorical_crossentropy(targets, given, from_logits=True))

    found = weight_gradients(model, network.x, loss)
    return [
        (np.asarray(variable.value), gradient)
        for variable, gradient, kernel in zip(model.trainable_variables, found, decayed(model), strict=True)
        if kernel
    ]


def _linear(model: Any) -> Any:
    """A copy of the model in float64 whose weights are positive and whose normalisations and waves do nothing."""
    import keras

    def copied(layer: Any) -> Any:
        if type(layer).__name__ == "Sin":  # of an embedding, through which what flows may be negative
            return keras.layers.Identity(name=layer.name, dtype="float64")
        if not isinstance(layer, keras.Layer):  # the half of a block's channels
            return layer
        no_epsilon = {"epsilon": 0.0} if type(layer).__name__ == "BatchNormalization" else {}
        return type(layer).from_config({**layer.get_config(), "dtype": "float64", **no_epsilon})

    linear = keras.models.clone_model(model, clone_function=copied)
    named = {layer.name: layer for layer in model.layers}
    for layer in linear.layers:
        if type(layer).__name__ == "BatchNormalization":  # gamma 1, beta 0, mean 0, variance 1, epsilon 0: exactly the identity
            ones = {"gamma", "moving_variance"}
            layer.set_weights([np.full(variable.shape, float(variable.name in ones)) for variable in layer.weights])
        elif layer.weights:
            layer.set_weights([np.abs(np.asarray(array, np.float64)) for array in named[layer.name].get_weights()])
    return linear


def _features(model: Any) -> Any:
    """What global pooling takes, or else the input of the last layer; of several inputs (a detector's levels) the last."""
    pooling = [layer for layer in leaves(model) if type(layer).__name__.startswith("Global")]
    taken = (pooling[-1] if pooling else model.layers[-1]).input
    return taken[-1] if isinstance(taken, list) else taken


def _at_rest(variable: Any) -> npt.NDArray[np.float32]:
    """What zen gives a vector of weights: scales of normalisations are 1, biases 0."""
    return np.full(variable.shape, 1.0 if variable.name == "gamma" else 0.0, np.float32)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
