"""Kernels of genomes for a Gaussian process: sums of exp(-beta d^power) over distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from genomes.base import Settings, frozen_tuples, shown, unknown
from genomes.distances import Distance, Edit, Hamming, OptimalTransport, Paths, WeisfeilerLehman
from genomes.distances.base import Matrix
from neuroevo.core.registry import part

POWERS = (1, 2)
STEPS = 10  # how many betas are tried
NARROWEST, WIDEST = 8.0, 1 / 16  # beta times the median of d^power, between which they lie
NASBOT = (0.1, 0.25, 0.61, 1.5)  # weights of the structural term (Kandasamy et al. 2018, appendix)


@dataclass(frozen=True)
class Term(metaclass=Settings):
    """exp(-beta * (d_1^power + d_2^power + ...)).

    Args:
        distances: one or more.
        power: 1 or 2. With squares the kernel of most distances is not positive semi-definite.
        bounds: the least and the largest beta; None: by the distances that are observed.

    Raises:
        ValueError: no distances, another power, or bounds that are not 0 < least <= largest.
    """

    distances: tuple[Distance, ...]
    power: int = 1
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.distances, tuple) or not self.distances:
            raise ValueError(f"a term's distances are a tuple of one or more, got {shown(self.distances)}")
        object.__setattr__(self, "distances", tuple([distance_of(one) for one in self.distances]))
        if self.power not in POWERS:
            raise ValueError(f"power must be 1 or 2, got {shown(self.power)}")
        if self.bounds is not None:
            least, most = self.bounds if isinstance(self.bounds, tuple) and len(self.bounds) == 2 else (0.0, 0.0)
            if not 0 < least <= most < float("inf"):
                raise ValueError(f"bounds must be (least, largest) with 0 < least <= largest, got {shown(self.bounds)}")

    def summed(self, matrices: Sequence[Matrix]) -> Matrix:
        """d_1^power + d_2^power + ..., of the matrices of the distances in their order."""
        found: Matrix = np.sum([matrix**self.power for matrix in matrices], axis=0)
        return found

    def betas(self, among: Matrix) -> Matrix:
        """What is tried for beta: float64 [STEPS], of observed genomes' `summed`, from the smoothest kernel to the roughest."""
        apart = among[among > 0]
        median = float(np.median(apart)) if len(apart) else 1.0
        found = np.geomspace(WIDEST, NARROWEST, STEPS) / median
        return found if self.bounds is None else np.clip(found, *self.bounds)

    def settings(self) -> dict[str, Any]:
        """JSON: the distances' settings, the power and the bounds."""
        return {"distances": [one.settings() for one in self.distances], "power": self.power, "bounds": self.bounds}


@cache
def named_kernels() -> Mapping[str, tuple[Term, ...]]:
    """The kernels that have a name."""
    transports = {
        normalised: tuple([OptimalTransport(structure=structure, normalised=normalised) for structure in NASBOT])
        for normalised in (False, True)
    }
    return {
        "wl": (Term((WeisfeilerLehman(),), 2),),
        "edit": (Term((Edit(),)),),
        "otmann": (Term((OptimalTransport(),)),),
        "nasbot": (Term(transports[False], 1, (1e-9, 1e-3)), Term(transports[True], 2, (0.1, 100.0))),
        "hamming": (Term((Hamming(),)),),
        "paths": (Term((Paths(),)),),
    }


def distance_of(given: Any) -> Distance:
    """A distance that is given as itself, by its name or by its settings.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, str):
        given = part("distance", given)()
    elif isinstance(given, Mapping) and isinstance(given.get("distance"), str):
        given = part("distance", given["distance"]).from_settings(given)
    if not isinstance(given, Distance):
        raise ValueError(f"a distance is one of genomes.distances, its name or its settings, got {shown(given)}")
    return given


def checked_kernel(given: Any) -> str | tuple[Term, ...]:
    """A kernel as it is kept in settings: the name of one, or its terms.

    Args:
        given: a name, of a kernel or a distance; a distance; a `Term`; or a sequence of distances and terms.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(given, str) and given in named_kernels():
        return given
    if isinstance(given, str):
        from neuroevo.core.registry import find, names

        if find("distance", given) is None:
            raise ValueError(unknown("kernel", given, [*named_kernels(), *names("distance")]))
    several = given if isinstance(given, (tuple, list)) else [given]
    if not several:
        raise ValueError("a kernel is a sum of one term or more, got none")
    return tuple([_term(each) for each in several])


def terms_of(kernel: str | tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms of a checked kernel."""
    return named_kernels()[kernel] if isinstance(kernel, str) else kernel


def _term(given: Any) -> Term:
    if isinstance(given, Term):
        return given
    if isinstance(given, Mapping) and "distances" in given:
        try:
            return Term(**{name: frozen_tuples(value) for name, value in given.items()})
        except TypeError as error:
            raise ValueError(f"a term has distances, a power and bounds, got {shown(given)}: {error}") from None
    return Term((distance_of(given),))
