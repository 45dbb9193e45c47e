"""The conformance suite for scorings: whoever writes one runs the same tests as the built-in ones.

    class TestMine(ScoringSuite):
        def scoring(self):
            return Mine(k=3)

The suite plays a drifting population of points in the plane, some of whom live on.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from neuroevo.core.objectives import Objective
from neuroevo.core.streams import SCORING, stream
from neuroevo.selection.scoring import Generation, Scores, Scoring
from neuroevo.testing.evaluator import Number, NumberSpace
from neuroevo.testing.strategy import through_disk


def generation(seed: int, number: int, members: int = 30, dimensions: int = 2) -> Generation:
    """A generation of points around a centre that moves on; a third have lived before, and some are equal."""
    rng = np.random.default_rng([seed, number])
    points = rng.normal(size=(members, dimensions)) + 0.5 * number
    points[members // 2] = points[0]
    new = np.arange(members) >= (members // 3 if number else 0)
    return Generation(
        points, new, stream(seed, number, SCORING), points[:, 0] ** 2, lambda at: Number(NumberSpace(), points[at, 0])
    )


class ScoringSuite(ABC):
    """Inherit, and say how to make the scoring.

    Attributes:
        generations: how many a search of the suite takes.
    """

    generations: int = 8

    @abstractmethod
    def scoring(self) -> Scoring:
        """A fresh scoring."""

    def shape(self, scoring: Scoring, members: int) -> tuple[int, ...]:
        """Of the scores of so many."""
        return (members,) if len(scoring.columns) == 1 else (members, len(scoring.columns))

    def play(self, seed: int = 1, generations: int | None = None) -> list[Any]:
        """The scores of a search."""
        scoring = self.scoring()
        scoring.start()
        return [
            scoring.scores(generation(seed, n)).tolist() for n in range(self.generations if generations is None else generations)
        ]

    def test_every_member_has_a_finite_score_that_is_not_negative(self) -> None:
        scoring = self.scoring()
        scoring.start()
        for number, members in enumerate((30, 30, 1, 2, 7, 60)):
            given = generation(1, number, members)
            before = given.descriptors.copy(), given.new.copy()
            scores = scoring.scores(given)
            assert scores.dtype == np.float64 and scores.shape == self.shape(scoring, members)
            assert np.isfinite(scores).all() and (scores >= 0).all()
            assert np.array_equal(before[0], given.descriptors) and np.array_equal(before[1], given.new), (
                "what it is given is changed"
            )

    def test_descriptors_of_any_width_are_scored(self) -> None:
        for dimensions in (1, 3, 12):
            scoring = self.scoring()
            scoring.start()
            for number in range(3):
                scores = scoring.scores(generation(1, number, dimensions=dimensions))
                assert scores.shape == self.shape(scoring, 30) and np.isfinite(scores).all()

    def test_the_generations_decide_and_nothing_else(self) -> None:
        before = self.play()
        random.seed(99)
        np.random.seed(99)  # noqa: NPY002
        assert self.play() == before
        assert self.play(seed=2) != before

    def test_a_search_stopped_after_any_generation_goes_on_bit_identically(self) -> None:
        whole, scoring = self.play(), self.scoring()
        scoring.start()
        for number, expected in enumerate(whole):
            resumed = self.scoring()
            resumed.start()
            resumed.restore(through_disk(scoring.state()))
            assert resumed.scores(generation(1, number)).tolist() == expected, f"stopped after {number} generations"
            assert resumed.report() == (scoring.scores(generation(1, number)).tolist(), scoring.report())[1]

    def test_a_new_start_forgets_the_search_before(self) -> None:
        scoring, whole = self.scoring(), self.play()
        for _ in range(2):
            scoring.start()
            assert [scoring.scores(generation(1, number)).tolist() for number in range(self.generations)] == whole

    def test_settings_and_report_are_json(self) -> None:
        scoring = self.scoring()
        settings = json.loads(json.dumps(scoring.settings(), allow_nan=False))
        again = type(scoring).from_settings(settings)
        assert json.loads(json.dumps(again.settings())) == settings and settings["scoring"] == type(scoring).__name__
        scoring.start()
        for number in range(4):
            scoring.scores(generation(1, number))
            report = json.loads(json.dumps(scoring.report(), allow_nan=False))
            assert all(isinstance(value, (int, float)) for value in report.values())

    def test_who_failed_scores_less_than_anybody_and_is_not_compared_with(self) -> None:
        failed = np.zeros(30, bool)
        failed[[3, 7]] = True
        given, fitness = generation(1, 0), np.ones((30, 1))
        found = []
        for wild in (np.nan, 1e6):
            did = given.descriptors.copy()
            did[failed] = wild
            scores = Scores(self.scoring(), {"fitness": Objective("fitness", "maximise")})
            found.append(
                [scores.of(fitness, failed, did, given.new, stream(1, n, SCORING), given.genome).tolist() for n in range(3)]
            )
            assert np.isneginf(np.array(found[-1])[:, failed]).all() and np.isfinite(np.array(found[-1])[:, ~failed]).all()
        assert found[0] == found[1], "what those who failed did plays a part"
