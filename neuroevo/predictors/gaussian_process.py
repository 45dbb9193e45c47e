"""A Gaussian process over genomes: what is known of a score, by how far a genome is from those that were observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from genomes.distances import Distance
from genomes.distances.base import Matrix
from neuroevo.predictors.base import Predictor, Scores, checked_genomes, texts
from neuroevo.predictors.distances import Distances, distances_to
from neuroevo.predictors.embedding import anchors, embedded
from neuroevo.predictors.intervals import calibrated, logarithms, of_logarithms
from neuroevo.predictors.kernels import STEPS, Term, checked_kernel, terms_of

LIKELIHOODS = 41  # at most, in one fit
NOISES = np.geomspace(0.01, 10, 13)  # the noise's variance, relative to the process's
PRIOR = 1.3  # steps on the grid of betas, whose logarithms are normal about its middle with this deviation (a factor of 2)
SHARES = np.linspace(0.1, 0.9, 9)  # of the first of several terms
LARGEST = float(np.finfo(np.float64).max) / 4  # a deviation, so that an interval has ends
ROUNDING = 1e-12  # of the largest eigenvalue: less is no eigenvalue at all
GAIN = 1e-6  # in the logarithm of the likelihood: less is rounding


class _Spectrum(NamedTuple):
    """A kernel matrix K = U diag(values) U', without what is rounding or negative.

    Attributes:
        values: float64 [kept], > 0.
        vectors: float64 [observations, kept].
        removed: how many eigenvalues were negative.
    """

    values: Scores
    vectors: Matrix
    removed: int


class _Likeliest(NamedTuple):
    likelihood: float
    noise: float
    scale: float
    spectrum: _Spectrum


@dataclass
class GaussianProcess(Predictor):
    """Gaussian-process regression with a kernel of genomes (Rasmussen & Williams 2006, algorithm 2.1; for networks: Kandasamy et al. 2018).

    The kernel is a weighted sum of exp(-beta d^power) over distances. Betas, weights and the noise are those of the largest marginal
    likelihood on a grid, which is climbed from its middle: at most 41 kernels, each with 13 noises; the process's variance follows from them.
    Betas about one by the median of d^power are more likely than others before anything is seen (a factor of 2 off: one standard
    deviation), which few observations need, and the noise is at least a hundredth of the process. Values are centred and brought to
    variance 1 before.

    Squared distances, and some others, give matrices that are not positive semi-definite. Such a matrix is mended: the negative part of its
    spectrum is removed, from the covariances with new genomes as well, and what a new genome's variance must be at least for both to be one
    kernel's, it is. (Mending the observed matrix alone clips most predictive variances to zero.) So nothing here can fail for what was
    observed, and variances are never negative.

    Deviations include the noise, and are widened or narrowed so that nine of ten leave-one-out errors lie within 1.645 of them. With one
    observation, or equal values, nothing is known of the spread: the deviation is then the largest value's size, at least 1, divided by the
    number of observations, and larger far from them.

    Distances among observed genomes are measured once, also when they are fitted again with others. Everything else is computed anew from
    the observations, in the order of their genes: a restored process predicts the same to the last bit.

    Args:
        kernel: "wl" (Weisfeiler-Lehman features, for every encoding), "edit", "otmann" (optimal transport, normalised), "nasbot" (the
            paper's: four structural weights, powers 1 and 2, and its bounds), "hamming" or "paths"; a distance of `genomes.distances` or its
            name; a `Term`, or several of them.
        log: whether logarithms are fitted, of values that must be positive: errors, which span orders of magnitude. Predictions are
            then medians, in the values' own unit.
        embedding: whether the distances are taken between the genomes' Bourgain embeddings (Jin, Song & Hu 2019, section 3.1), in which
            squares are positive semi-definite.

    Attributes:
        mended: how many eigenvalues of the last fit's kernel matrix were negative; 0 for a matrix that needed no mending.

    Raises:
        ValueError: an unknown kernel, or settings of other types.
    """

    kernel: str | Distance | Term | tuple[Distance | Term, ...] = "wl"
    log: bool = False
    embedding: bool = False

    def __post_init__(self) -> None:
        self.kernel = checked_kernel(self.kernel)
        for name in ("log", "embedding"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        self._terms = terms_of(self.kernel)
        # distances that are multiples of one are measured as that one, once
        self._unscaled = {one: one.unscaled() for term in self._terms for one in term.distances}
        self._distances = {distance: Distances(distance) for distance in dict.fromkeys(self._unscaled.values())}
        self.mended = 0

    @property
    def several_spaces(self) -> bool:
        return all(distance.several_spaces for distance in self._distances)

    def settings(self) -> dict[str, Any]:
        kernel = self.kernel if isinstance(self.kernel, str) else [term.settings() for term in self._terms]
        return {**super().settings(), "kernel": kernel}

    def learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        with one_thread():
            self._learn(genomes, values)

    def _learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        fitted = logarithms(values) if self.log else values
        # in the order of their genes, so that the order in which they were observed does not matter, not even to the last bit
        named = sorted(zip(texts(genomes), fitted.tolist(), range(len(genomes)), strict=True))
        names = list(dict.fromkeys(name for name, _, _ in named))
        by_text = {name: genomes[position] for name, _, position in named}
        different = [by_text[name] for name in names]
        measured = {distance: known.among(different, names) for distance, known in self._distances.items()}
        matrices = self._rescaled(measured, different, different)
        place = {name: row for row, name in enumerate(names)}
        self._different, self._rows = different, np.array([place[name] for name, _, _ in named])
        self._anchors = anchors(len(different)) if self.embedding else ()
        self._anchored = (
            {distance: embedded(matrix, self._anchors) for distance, matrix in matrices.items()} if self.embedding else {}
        )
        self._standardise(np.array([value for _, value, _ in named]))
        if self.embedding:
            matrices = {distance: _apart(points, points) for distance, points in self._anchored.items()}
        self._summed = [term.summed([matrices[distance] for distance in term.distances]) for term in self._terms]
        self._betas = [term.betas(summed) for term, summed in zip(self._terms, self._summed, strict=True)]
        self._climb()
        self._calibrate()

    def _standardise(self, ordered: Scores) -> None:
        low, high = float(ordered.min()), float(ordered.max())
        half = high / 2 - low / 2  # from -1 to 1 first, so that no square overflows
        narrowed = (ordered - (low / 2 + high / 2)) / half if half > 0 else np.zeros(len(ordered))
        mean, deviation = float(narrowed.mean()), float(narrowed.std())
        self._centre = low / 2 + high / 2 + half * mean
        self._unit = half * deviation
        self._scores = (narrowed - mean) / deviation if half > 0 else narrowed
        self._size = max(abs(low), abs(high), 1.0)

    def _climb(self) -> None:
        """Find the kernel of the largest likelihood: from the middle of the grid to the best neighbour, until none is better."""
        sizes = [STEPS] * len(self._terms) + [len(SHARES)] * (len(self._terms) - 1)
        place = tuple([size // 2 for size in sizes])
        tried = {place: self._likeliest(place)}
        while self._unit > 0:
            around = [
                (*place[:axis], place[axis] + step, *place[axis + 1 :])
                for axis, size in enumerate(sizes)
                for step in (-1, 1)
                if 0 <= place[axis] + step < size
            ]
            new = [one for one in around if one not in tried][: LIKELIHOODS - len(tried)]
            tried.update({one: self._likeliest(one) for one in new})
            known = [one for one in around if one in tried]
            best = max(known, key=lambda one: tried[one].likelihood) if known else place
            if tried[best].likelihood <= tried[place].likelihood + GAIN:
                break
            place = best
        self._place, self._found = place, tried[place]
        self.mended = self._found.spectrum.removed

    def _likeliest(self, place: tuple[int, ...]) -> _Likeliest:
        """The noise of the largest likelihood, times the prior, for a kernel of the grid."""
        spectrum = spectrum_of(self._kernel(self._summed, place)[np.ix_(self._rows, self._rows)])
        count = len(self._scores)
        squares = (spectrum.vectors.T @ self._scores) ** 2
        rest = max(float(self._scores @ self._scores - squares.sum()), 0.0)  # of the scores, where the kernel is 0
        prior = -sum([((step - STEPS // 2) / PRIOR) ** 2 for step in place[: len(self._terms)]]) / 2
        best = _Likeliest(-math.inf, 1.0, 1.0, spectrum)
        for noise in NOISES.tolist():
            scale = max((float((squares / (spectrum.values + noise)).sum()) + rest / noise) / count, 1e-300)
            logarithm = float(np.log(spectrum.values + noise).sum()) + (count - len(squares)) * math.log(noise)
            likelihood = prior - (count * math.log(scale) + logarithm) / 2
            if likelihood > best.likelihood + GAIN:
                best = _Likeliest(likelihood, noise, scale, spectrum)
        return best

    def _kernel(self, summed: Sequence[Matrix], place: tuple[int, ...]) -> Matrix:
        """The kernel of the grid's place, of each term's summed distances."""
        count = len(summed)
        found, left = np.zeros_like(summed[0]), 1.0
        for number, each in enumerate(summed):
            weight = left * (float(SHARES[place[count + number]]) if number < count - 1 else 1.0)
            found += weight * np.exp(-float(self._betas[number][place[number]]) * each)
            left -= weight
        return found

    def _calibrate(self) -> None:
        """Scale the deviations by the errors of predicting each observation from the others (Rasmussen & Williams 2006, section 5.4.2)."""
        (_, noise, scale, spectrum), self._factor = self._found, 1.0
        weights = spectrum.vectors.T @ self._scores
        self._weights = weights / (spectrum.values + noise)
        if self._unit == 0:
            return
        gain = 1 / (spectrum.values + noise) - 1 / noise  # the inverse of K + noise, less that of the noise alone
        precision = 1 / noise + spectrum.vectors**2 @ gain
        errors = (self._scores / noise + spectrum.vectors @ (gain * weights)) / precision
        sizes = np.sort(np.abs(errors) * np.sqrt(precision / scale))
        if sizes[-1] > 0:
            self._factor = calibrated(sizes)

    def correlations(self, genomes: Sequence[Genome]) -> Matrix:
        """The kernel that was fitted, among any genomes: float64 [genomes, genomes], from 0 to 1, which is each genome with itself.

        Raises:
            ValueError: nothing was fitted yet, or genomes of another space.
        """
        asked = checked_genomes(genomes)
        if not self._genomes:
            raise ValueError("a kernel's betas are those that fit: call fit(genomes, values) before correlations(genomes)")
        if not asked:
            return np.empty((0, 0))
        self._check_spaces(asked, self._genomes[0])
        matrices = self._matrices(asked, self._different if self.embedding else asked)
        if self.embedding:
            points = {distance: embedded(matrix, self._anchors) for distance, matrix in matrices.items()}
            matrices = {distance: _apart(each, each) for distance, each in points.items()}
        summed = [term.summed([matrices[distance] for distance in term.distances]) for term in self._terms]
        return self._kernel(summed, self._place)

    def distances(self, genomes: Sequence[Genome]) -> Matrix:
        """How far apart genomes are by the kernel's distances, fitted or not: float64 [genomes, genomes], 1 for a median pair. Of a term of
        several distances the root of the sum of their powers; of several terms the mean."""
        asked = checked_genomes(genomes)
        found, matrices = np.zeros((len(asked), len(asked))), self._matrices(asked, asked)
        for term in self._terms:
            apart = term.summed([matrices[distance] for distance in term.distances]) ** (1 / term.power)
            positive = apart[apart > 0]
            found += apart / (float(np.median(positive)) if len(positive) else 1.0) / len(self._terms)
        return found

    def _matrices(self, genomes: Sequence[Genome], others: Sequence[Genome]) -> dict[Distance, Matrix]:
        """Every distance of the kernel from some genomes to others."""
        measured = {distance: distances_to(genomes, others, distance) for distance in self._distances}
        return self._rescaled(measured, genomes, others)

    def _rescaled(
        self, measured: Mapping[Distance, Matrix], genomes: Sequence[Genome], others: Sequence[Genome]
    ) -> dict[Distance, Matrix]:
        kept = {distance: distance for distance in self._distances}  # of equal ones, that which knows the genomes already
        return {one: one.rescaled(measured[of], kept[of], genomes, others) for one, of in self._unscaled.items()}

    def estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        with one_thread():
            return self._estimate(genomes)

    def _estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        matrices = self._matrices(genomes, self._different)
        if self.embedding:
            matrices = {
                distance: _apart(embedded(matrix, self._anchors), self._anchored[distance])
                for distance, matrix in matrices.items()
            }
        summed = [term.summed([matrices[distance] for distance in term.distances]) for term in self._terms]
        covariance = self._kernel(summed, self._place)
        _, noise, scale, spectrum = self._found
        along = covariance[:, self._rows] @ spectrum.vectors
        explained = along**2
        prior = np.maximum((explained / spectrum.values).sum(axis=1), 1)
        variance = np.maximum(prior - (explained / (spectrum.values + noise)).sum(axis=1), 0)
        if self._unit > 0:
            mean = self._centre + self._unit * (along @ self._weights)
            deviation = self._factor * self._unit * np.sqrt(scale * (variance + noise))
        else:
            mean = np.full(len(genomes), self._centre)
            deviation = self._size / len(self._rows) * np.sqrt(1 + variance)
        return of_logarithms(mean, deviation) if self.log else (mean, np.minimum(deviation, LARGEST))


def one_thread() -> AbstractContextManager[Any]:
    """Linear algebra by one thread: several give other last bits on another machine, and for matrices of this size are no faster (where
    other work runs beside, ten times slower)."""
    return _pools().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@cache
def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def spectrum_of(kernel: Matrix) -> _Spectrum:
    """The positive part of a symmetric matrix's spectrum. Of a matrix with a negative part, what is not larger than that is noise as well,
    and goes too.

    Args:
        kernel: float64 [observations, observations], finite.
    """
    values, vectors = np.linalg.eigh(kernel)
    least = ROUNDING * float(values[-1])
    kept = values > max(least, -float(values[0]))
    return _Spectrum(values[kept], np.ascontiguousarray(vectors[:, kept]), int((values < -least).sum()))


def _apart(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> Matrix:
    """Euclidean distances of points: float64 [first, second]."""
    found: Matrix = np.sqrt(((first[:, None, :] - second[None, :, :]) ** 2).sum(axis=2))
    return found
