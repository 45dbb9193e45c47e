"""The conformance suite for predictors: whoever writes one runs the same tests as the built-in ones.

    class TestMine(PredictorSuite):
        def predictor(self):
            return Mine(k=3)

        def spaces(self):
            return CellSpace(), NeatSpace(inputs=3, outputs=2)

The observations are the members of a small evolution; each is scored by its distance to one of them, which is smooth in any space.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space
from genomes.cell import CellSpace
from genomes.testing import lineage
from neuroevo.core.state import State
from neuroevo.predictors.base import Predictor, Scores, text
from neuroevo.testing.evaluator import NumberSpace
from neuroevo.testing.refusal import refused
from neuroevo.testing.strategy import through_disk

# What another process runs.
_ANOTHER_PROCESS = """
import json, sys
import cloudpickle
predictions = []
for predictor, genomes, values, asked in cloudpickle.load(sys.stdin.buffer):
    predictor.fit(genomes, values)
    predictions.append([numbers.tolist() for numbers in predictor.predict(asked)])
print(json.dumps(predictions))
"""
NOISE = 1e-6  # the largest relative difference that the order of sums may make


@dataclass(frozen=True)
class Observations:
    """Genomes with their scores, and others that nobody scored.

    Args:
        genomes: different ones, of one space.
        values: float64 [genomes].
        others: different ones of the same space.
    """

    genomes: tuple[Genome, ...]
    values: Scores
    others: tuple[Genome, ...]

    @property
    def everybody(self) -> tuple[Genome, ...]:
        return self.genomes + self.others


@cache
def relatives(space: Space, count: int) -> tuple[Genome, ...]:
    """Different genomes of a small evolution without selection: random ones, mutants and crossovers."""
    born = lineage(space, 1, 6 * count, size=max(count // 2, 2))
    different = {text(genome): genome for genome in born}
    return tuple(different.values())[:count]


class PredictorSuite(ABC):
    """Inherit, and say how to make the predictor; small enough that it is fitted some thirty times in each space.

    Attributes:
        observed: how many genomes it is fitted on; half as many others are predicted.
    """

    observed: int = 24

    @abstractmethod
    def predictor(self) -> Predictor:
        """A fresh predictor, not fitted."""

    def spaces(self) -> Sequence[Space]:
        """Where it predicts."""
        return (CellSpace(),)

    def target(self, genomes: Sequence[Genome]) -> Scores:
        """A smooth score of each genome: float64 [genomes]."""
        return -np.sqrt([0.3 + genome.distance(genomes[0]) for genome in genomes])

    def observations(self) -> Iterator[Observations]:
        """What it is fitted on, for each of the spaces."""
        for space in self.spaces():
            genomes = relatives(space, self.observed + self.observed // 2)
            values = self.target(genomes)
            yield Observations(genomes[: self.observed], values[: self.observed], genomes[self.observed :])

    def fitted(self, genomes: Sequence[Genome], values: npt.ArrayLike) -> Predictor:
        predictor = self.predictor()
        predictor.fit(genomes, values)
        return predictor

    def test_each_genome_gets_a_mean_and_a_deviation(self) -> None:
        for seen in self.observations():
            predictor = self.fitted(seen.genomes, seen.values)
            for asked in (seen.everybody, seen.others[:1], ()):
                check(predictor.predict(asked), len(asked))

    def test_a_prediction_does_not_depend_on_its_company(self) -> None:
        for seen in self.observations():
            predictor = self.fitted(seen.genomes, seen.values)
            together = predictor.predict(seen.everybody)
            backwards = [numbers[::-1] for numbers in predictor.predict(seen.everybody[::-1])]
            alone = [np.concatenate(each) for each in zip(*[predictor.predict([one]) for one in seen.everybody], strict=True)]
            assert alike(together, backwards), "genomes in another order are predicted otherwise"
            assert alike(together, alone), "a genome alone is predicted otherwise than among others"

    def test_the_order_of_the_observations_does_not_matter(self) -> None:
        for seen in self.observations():
            order = np.random.default_rng(1).permutation(len(seen.genomes)).tolist()
            shuffled = self.fitted([seen.genomes[i] for i in order], seen.values[order])
            assert alike(self.fitted(seen.genomes, seen.values).predict(seen.everybody), shuffled.predict(seen.everybody)), (
                "the same observations in another order predict otherwise"
            )

    def test_predicting_changes_nothing(self) -> None:
        for seen in self.observations():
            predictor = self.fitted(seen.genomes, seen.values)
            before = predictor.state()
            first = predictor.predict(seen.everybody)
            assert identical(predictor.predict(seen.everybody), first), "the second prediction is another"
            assert same_state(predictor.state(), before), "predicting changed the state"

    def test_an_earlier_fit_is_forgotten(self) -> None:
        for seen in self.observations():
            half = len(seen.genomes) // 2
            fresh = self.fitted(seen.genomes[:half], seen.values[:half])
            again = self.fitted(seen.genomes[half:], -seen.values[half:])
            before = fresh.predict(seen.everybody)
            again.fit(seen.genomes[:half], seen.values[:half])
            assert identical(again.predict(seen.everybody), before), "what was fitted before shows in the predictions"
            self.fitted(seen.genomes[half:], -seen.values[half:])
            assert identical(fresh.predict(seen.everybody), before), "a predictor learns from what another one is fitted on"

    def test_global_random_states_neither_matter_nor_change(self) -> None:
        for seen in self.observations():
            before = self.fitted(seen.genomes, seen.values).predict(seen.everybody)
            random.seed(99)
            np.random.seed(99)  # noqa: NPY002
            drawn = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]  # noqa: NPY002
            after = self.fitted(seen.genomes, seen.values).predict(seen.everybody)
            assert identical(before, after), "the predictions depend on a global random state"
            left = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]  # noqa: NPY002
            assert drawn == left, "the predictor drew from a global random state"

    def test_another_process_with_another_hash_seed_predicts_the_same(self) -> None:
        import cloudpickle

        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        observations = list(self.observations())
        sent = cloudpickle.dumps([(self.predictor(), seen.genomes, seen.values, seen.everybody) for seen in observations])
        said = []
        for seed in ("1", "4711"):  # two of them: linear algebra may have another number of threads there than here
            ran = subprocess.run(
                [sys.executable, "-c", _ANOTHER_PROCESS],
                input=sent,
                env={**environment, "PYTHONHASHSEED": seed},
                capture_output=True,
            )
            assert ran.returncode == 0, ran.stderr.decode()
            said.append(json.loads(ran.stdout.decode().splitlines()[-1]))
        for seen, one, other in zip(observations, *said, strict=True):
            mine = self.fitted(seen.genomes, seen.values).predict(seen.everybody)
            assert identical(one, other) and alike(mine, one), "another process with another hash seed predicts otherwise"

    def test_a_state_goes_through_files_and_predicts_to_the_last_bit(self) -> None:
        for seen in self.observations():
            predictor = self.fitted(seen.genomes, seen.values)
            state = through_disk(predictor.state())
            genomes = [Genome.from_dict(json.loads(json.dumps(genome.to_dict()))) for genome in seen.genomes]
            for restored in (self.predictor(), self.fitted(seen.genomes[:3], -seen.values[:3])):
                restored.restore(state, genomes)
                assert identical(restored.predict(seen.everybody), predictor.predict(seen.everybody)), (
                    "restored, it predicts otherwise"
                )
                assert same_state(restored.state(), predictor.state()), "restored, its state is another"
                assert len(restored.genomes) == len(predictor.genomes) == len(seen.genomes)
                restored.restore(through_disk(self.predictor().state()), ())
                refused("a prediction after the state of a predictor that saw nothing", restored.predict, genomes)
            for wrong in (genomes[1:], genomes[::-1], [*genomes[1:], genomes[0]]):
                refused("a state with other genomes than its own", self.predictor().restore, state, wrong)

    def test_settings_are_json_and_make_it_again(self) -> None:
        predictor = self.predictor()
        settings = json.loads(json.dumps(predictor.settings(), allow_nan=False))
        assert settings["predictor"] == type(predictor).__name__
        again = type(predictor).from_settings(settings)
        assert type(again) is type(predictor) and json.loads(json.dumps(again.settings())) == settings
        for seen in self.observations():
            again.fit(seen.genomes, seen.values)
            mine = self.fitted(seen.genomes, seen.values).predict(seen.everybody)
            assert identical(again.predict(seen.everybody), mine), "made from its settings, it predicts otherwise"
        refused("an unknown setting", type(predictor).from_settings, {**settings, "no_such_setting": 1})

    def test_bad_observations_are_refused_and_change_nothing(self) -> None:
        for seen in self.observations():
            predictor = self.fitted(seen.genomes, seen.values)
            before = predictor.predict(seen.everybody)
            few, two = list(seen.genomes[:3]), [1.0, 2.0]
            for genomes, values, what in self._wrong(few, two):
                refused(what, predictor.fit, genomes, values)
                refused(what, self.predictor().fit, genomes, values)
                assert identical(predictor.predict(seen.everybody), before), f"{what} was refused, and changed the predictions"
            if not predictor.several_spaces:
                refused("a genome of another space", predictor.predict, [*few, stranger(few[0].space)])

    def _wrong(self, few: list[Genome], two: list[float]) -> list[tuple[list[Any], Any, str]]:
        wrong: list[tuple[list[Any], Any, str]] = [
            ([], [], "a fit without genomes"),
            (few, two, "a value too few"),
            (few[:1], two, "a value too many"),
            (few[:2], [1.0, float("nan")], "a value that is NaN"),
            (few[:2], [1.0, float("inf")], "an infinite value"),
            (few[:2], [two, two], "two values for each genome"),
            ([few[0], "text"], two, "something that is no genome"),
        ]
        if not self.predictor().several_spaces:
            wrong.append(([few[0], stranger(few[0].space)], two, "genomes of two spaces"))
        return wrong

    def test_a_prediction_before_any_fit_is_refused(self) -> None:
        for seen in self.observations():
            refused("a prediction before any fit", self.predictor().predict, seen.others)

    def test_few_repeated_and_equal_observations_are_survived(self) -> None:
        for seen in self.observations():
            count = len(seen.genomes)
            cases = {
                "one observation": (seen.genomes[:1], [0.25]),
                "two observations": (seen.genomes[:2], [0.25, 0.75]),
                "equal values": (seen.genomes, np.full(count, 93.7)),
                "values that are 0": (seen.genomes, np.zeros(count)),
                "one genome with several values": (seen.genomes[:1] * 5, np.arange(5.0)),
                "repeated genomes with other values": (seen.genomes * 2, np.concatenate([seen.values, seen.values + 1])),
                "large values": (seen.genomes, 1e9 + 1e6 * seen.values),
                "small values": (seen.genomes, 1e-9 * seen.values),
                "one value far from all others": (seen.genomes, np.r_[np.zeros(count - 1), 1.0]),
            }
            for what, (genomes, values) in cases.items():
                check(self.fitted(genomes, values).predict(seen.everybody), len(seen.everybody), what)

    def test_observed_genomes_are_predicted_better_than_by_the_mean_of_all(self) -> None:
        for seen in self.observations():
            mean, _ = self.fitted(seen.genomes, seen.values).predict(seen.genomes)
            error, of_mean = np.abs(mean - seen.values).mean(), np.abs(seen.values.mean() - seen.values).mean()
            assert error < of_mean, f"observed genomes are missed by {error:.3g}, by {of_mean:.3g} where all get the mean"

    def test_genomes_and_values_are_left_as_they_are_and_may_change_later(self) -> None:
        for seen in self.observations():
            genomes, values = list(seen.genomes), seen.values.copy()
            before = [json.dumps(genome.to_dict()) for genome in seen.everybody]
            predictor = self.fitted(genomes, values)
            first = predictor.predict(seen.everybody)
            assert [json.dumps(genome.to_dict()) for genome in seen.everybody] == before, "the genomes are others now"
            assert len(genomes) == len(seen.genomes), "the list of genomes is another now"
            assert all(a is b for a, b in zip(genomes, seen.genomes, strict=True)), "the list of genomes is another now"
            assert np.array_equal(values, seen.values), "the values are others now"
            genomes.reverse()
            values[:] = 0.0
            assert identical(predictor.predict(seen.everybody), first), (
                "the caller changed his arrays, and the predictions followed"
            )
            assert len(predictor.state().arrays.get("values", seen.values)) == len(seen.values)
            again = self.predictor()
            again.restore(through_disk(predictor.state()), seen.genomes)
            assert identical(again.predict(seen.everybody), first), "the caller changed his arrays, and the state followed"


def stranger(space: Space) -> Genome:
    """A genome of another space."""
    other: Space = NumberSpace() if isinstance(space, CellSpace) else CellSpace()
    return other.random(np.random.default_rng(1))


def check(predicted: Any, count: int, what: str = "") -> None:
    """That a prediction is two arrays of finite numbers, the second one not negative."""
    said = f"{what}: " if what else ""
    assert isinstance(predicted, tuple) and len(predicted) == 2, f"a prediction is a mean and a deviation, got {predicted!r}"
    for numbers, name in zip(predicted, ("mean", "deviation"), strict=True):
        assert isinstance(numbers, np.ndarray) and numbers.dtype == np.float64, f"{said}the {name} is float64, got {numbers!r}"
        assert numbers.shape == (count,), f"{said}{count} genomes have a {name} of shape {numbers.shape}"
        assert np.isfinite(numbers).all(), f"{said}a {name} is not finite: {numbers}"
    assert (predicted[1] >= 0).all(), f"{said}a deviation is negative: {predicted[1]}"


def identical(first: Sequence[npt.ArrayLike], second: Sequence[npt.ArrayLike]) -> bool:
    """Whether two predictions are the same to the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def alike(first: Sequence[Scores], second: Sequence[Scores]) -> bool:
    """Whether two predictions are the same but for the rounding of sums."""
    scale = max(float(np.abs(numbers).max()) for numbers in first)
    return all(np.allclose(a, b, rtol=0, atol=NOISE * scale) for a, b in zip(first, second, strict=True))


def same_state(first: State, second: State) -> bool:
    """Whether two states hold the same."""
    return (
        json.dumps(first.json, sort_keys=True) == json.dumps(second.json, sort_keys=True)
        and first.arrays.keys() == second.arrays.keys()
        and all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)
    )
