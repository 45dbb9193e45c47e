"""Zero-cost proxies as columns: what an untrained network says of itself, for models that take vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np

from genomes.base import Genome
from genomes.distances.base import Matrix
from neuroevo.core.streams import TRAINING, stream
from neuroevo.predictors.base import text
from neuroevo.train.untrained import Untrained
from neuroevo.train.zero_cost import jacob_cov, naswot, synflow, zen

SAMPLES = 32
FURTHEST = 4.0  # deviations: where one stands that a proxy says nothing of


class ProxyColumns:
    """Proxies that need no labels, on samples of normal deviates, so that they are known without the data: naswot, jacob_cov, synflow and zen,
    and the logarithms of parameters and multiply-adds. Weights come from one stream, the same for every genome."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, ...]] = {}
        self._centre, self._unit = np.zeros(6), np.ones(6)

    def anew(self) -> Self:
        """Columns that have learned nothing; numbers of single genomes are kept."""
        made = type(self)()
        made._known = self._known
        return made

    def learn(self, genomes: Sequence[Genome]) -> Matrix:
        """The columns of observed genomes, by which all are standardised from now on: float64 [genomes, 6].

        Raises:
            ValueError: genomes whose networks are not trained.
        """
        found = self._numbers(genomes)
        finite = np.where(np.isfinite(found), found, np.nan)
        for column, values in enumerate(finite.T):
            known = values[~np.isnan(values)]
            self._centre[column] = known.mean() if len(known) else 0.0
            self._unit[column] = (known.std() if len(known) else 0.0) or 1.0
        return self._standardised(found)

    def rows(self, genomes: Sequence[Genome]) -> Matrix:
        """The columns of any genomes: float64 [genomes, 6].

        Raises:
            ValueError: genomes whose networks are not trained.
        """
        return self._standardised(self._numbers(genomes))

    def _standardised(self, found: Matrix) -> Matrix:
        return np.clip((found - self._centre) / self._unit, -FURTHEST, FURTHEST)

    def _numbers(self, genomes: Sequence[Genome]) -> Matrix:
        found = []
        for genome in genomes:
            name = text(genome)
            if name not in self._known:
                self._known[name] = _proxies(genome)
            found.append(self._known[name])
        return np.array(found, np.float64).reshape(len(found), 6)


def _proxies(genome: Genome) -> tuple[float, ...]:
    shape = getattr(genome.space, "input_shape", None)
    if shape is None or genome.evolves_weights:
        raise ValueError(
            f"proxies are features of networks that will be trained; a {type(genome).__name__} has none: use the features 'paths'"
        )
    x = stream(0, 1, TRAINING).standard_normal((SAMPLES, *shape), np.float32)
    network = Untrained(genome, x, np.zeros((SAMPLES, 1), np.float32), stream(0, 0, TRAINING))
    costs = (math.log(max(1, genome.parameters)), math.log(max(1, genome.flops)))
    return (*(proxy(network) for proxy in (naswot, jacob_cov, synflow, zen)), *costs)
