"""Untrained: a network as its training would begin, and one batch of training data; what zero-cost proxies look at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.core.backend import start_quietly
from neuroevo.core.streams import global_random_kept
from neuroevo.data.dataset import Dataset, Part

SAMPLES = 64  # of a batch, as in Abdelfattah et al. 2021; Mellor et al. 2021 take 128

Floats = npt.NDArray[np.float32]


class Untrained:
    """A network as its training would begin, and one batch of training data. It is decoded when a proxy first looks at its layers.

    Args:
        network: a genome, whose weights are drawn from `rng`; or a `keras.Model`, whose weights are taken as they are.
        x: float32 [samples, *input_shape]; no sample twice, because two equal ones make every kernel of samples singular.
        targets: float32 [samples, outputs]: probabilities of the classes, or values; or what makes them for the `keras.Model`, where they depend
            on its grids.
        rng: the stream that the training would draw its first weights from.
        loss: "cross_entropy", "mean_squared_error" or "detection".
    """

    def __init__(
        self,
        network: Any,
        x: Floats,
        targets: Floats | Callable[[Any], Floats],
        rng: np.random.Generator | None = None,
        loss: str = "cross_entropy",
    ) -> None:
        given = len(x) if callable(targets) else len(targets)
        if len(x) != given or len(x) < 2:
            raise ValueError(f"a batch is two samples or more, each with its target, got {len(x)} samples and {given} targets")
        self.network, self.x, self.loss = network, x, loss
        self._targets = targets
        self.rng = np.random.default_rng(0) if rng is None else rng

    @property
    def genome(self) -> Genome:
        """The genome.

        Raises:
            TypeError: it was made from a model.
        """
        if not isinstance(self.network, Genome):
            raise TypeError(f"this proxy is known from the genome, and the network was given as {shown(self.network)}")
        return self.network

    @cached_property
    def targets(self) -> Floats:
        """What the samples are: float32 [samples, outputs]; of a detection [samples, locations, 6]."""
        return self._targets(self.model) if callable(self._targets) else self._targets

    @cached_property
    def model(self) -> Any:
        """The `keras.Model` in float32, with its first weights.

        Raises:
            TypeError: a genome that holds its own weights, or that no network with layers can be made of.
        """
        if not isinstance(self.network, Genome):
            return self.network
        if self.network.evolves_weights:
            raise TypeError(
                f"proxies look at networks that will be trained; a {type(self.network).__name__} holds its own weights: score it by "
                "what it does"
            )
        start_quietly()
        from neuroevo.decode import build, set_weights
        from neuroevo.inherit import initialise

        with global_random_kept():
            model = build(self.network, dtype="float32")
            set_weights(model, self.network, initialise(self.network, self.rng))
        return model


def batch_of(dataset: Dataset, rng: np.random.Generator, samples: int = SAMPLES) -> Part:
    """Different samples of the training part, as proxies take them; fewer where there are not so many different ones."""
    part, seen = dataset.train, dict[bytes, int]()
    for row in rng.permutation(len(part)).tolist():
        seen.setdefault(part.x[row].tobytes(), row)
        if len(seen) == samples:
            break
    rows = list(seen.values())
    return Part(np.asarray(part.x[rows], np.float32), part.y[rows])
