"""Novelty, surprise and chance: each against what its definition says, computed plainly; and all against the suite."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core import registry
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.objectives import Objective
from neuroevo.selection import Chance, FitnessSharing, Generation, LocalCompetition, Novelty, Scoring, Surprise
from neuroevo.selection.neighbours import nearest, nearest_distances
from neuroevo.selection.scoring import Scores, checked_scoring, scored
from neuroevo.selection.surprise import cluster_centres
from neuroevo.testing import ScoringSuite
from neuroevo.testing.evaluator import Number, NumberSpace


class TestNovelty(ScoringSuite):
    def scoring(self) -> Scoring:
        return Novelty(k=5, threshold=0.6, patience=2, most=3)


class TestNoveltyWithAnArchiveByProbability(ScoringSuite):
    def scoring(self) -> Scoring:
        return Novelty(archive="probability", probability=0.2, distance="mean_absolute")


class TestNoveltyAmongTheLiving(ScoringSuite):
    def scoring(self) -> Scoring:
        return Novelty(archive="none")


class TestLocalCompetition(ScoringSuite):
    def scoring(self) -> Scoring:
        return LocalCompetition(k=4, threshold=0.6)


class TestLocalCompetitionWithAnArchiveByProbability(ScoringSuite):
    def scoring(self) -> Scoring:
        return LocalCompetition(k=40, archive="probability", probability=0.2)


class TestSurprise(ScoringSuite):
    def scoring(self) -> Scoring:
        return Surprise(clusters=6)


class TestFitnessSharing(ScoringSuite):
    def scoring(self) -> Scoring:
        return FitnessSharing(sigma=1.5)


class TestFitnessSharingAmongGenomes(ScoringSuite):
    def scoring(self) -> Scoring:
        return FitnessSharing(sigma=0.5, alpha=2.0, distance="genomes")


class TestChance(ScoringSuite):
    def scoring(self) -> Scoring:
        return Chance()


def generation(points: np.ndarray, new: np.ndarray | None = None, seed: int = 0) -> Generation:
    points = np.asarray(points, float).reshape(len(points), -1)
    newly = np.ones(len(points), bool) if new is None else new
    return Generation(points, newly, np.random.default_rng(seed), points[:, 0], lambda at: Number(NumberSpace(), points[at, 0]))


def started(scoring: Scoring):
    scoring.start()
    return scoring


# Neighbours -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["euclidean", "mean_absolute"])
@pytest.mark.parametrize("dimensions", [1, 2, 5, 20])
def test_the_nearest_are_the_nearest(measure: str, dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroevo.selection.neighbours.ROWS", 8)
    rng = np.random.default_rng(dimensions)
    points, among = rng.integers(0, 4, (20, dimensions)).astype(float), rng.integers(0, 4, (30, dimensions)).astype(float)
    apart = points[:, None] - among[None]
    all_of = np.sqrt((apart**2).sum(axis=2)) if measure == "euclidean" else np.abs(apart).mean(axis=2)
    for count in (1, 7, 30, 99):
        found = nearest_distances(points, among, count, measure)
        assert found == pytest.approx(np.sort(all_of, axis=1)[:, :count], abs=1e-12)
        distances, who = nearest(points, among, count, measure)
        assert np.array_equal(distances, found) and np.take_along_axis(all_of, who, axis=1) == pytest.approx(found, abs=1e-12)
        assert all(len(set(row)) == len(row) for row in who.tolist())
    assert nearest_distances(points, among[:0], 3, measure).shape == (20, 0)


# Novelty ----------------------------------------------------------------------------------------------------------------------


def test_novelty_is_the_mean_distance_from_the_nearest_of_the_others_and_the_archive() -> None:
    rng = np.random.default_rng(3)
    novelty = started(Novelty(k=15, threshold=0.5))
    archive = np.zeros((0, 2))
    for _ in range(6):
        points = rng.normal(size=(40, 2)) * 2
        scores = novelty.scores(generation(points))
        for member in range(40):
            others = np.concatenate([np.delete(points, member, axis=0), archive])
            assert scores[member] == pytest.approx(np.sort(np.linalg.norm(others - points[member], axis=1))[:15].mean())
        archive = novelty.archived
    assert 10 < len(archive) < 240
    apart = cdist(archive, archive)[np.triu_indices(len(archive), 1)]
    assert apart.min() > 0.5


def test_of_equal_ones_one_is_archived_and_those_who_live_on_are_not_archived_again() -> None:
    novelty = started(Novelty(threshold=1.0))
    novelty.scores(generation([[0.0, 0.0]] * 20 + [[3.0, 0.0]] * 20))
    assert novelty.archived.tolist() == [[0.0, 0.0], [3.0, 0.0]]
    novelty.scores(generation([[9.0, 9.0], [20.0, 0.0], [0.5, 0.0]], np.array([False, True, True])))
    assert novelty.archived.tolist() == [[0.0, 0.0], [3.0, 0.0], [20.0, 0.0]]


def test_the_threshold_falls_without_entries_and_rises_with_many() -> None:
    novelty = started(Novelty(threshold=6.0, floor=5.5))
    still = generation(np.zeros((5, 2)))
    thresholds = []
    for _ in range(31):
        novelty.scores(still)
        thresholds.append(novelty.report()["archive_threshold"])
    # one entry in the first, then ten without: lowered, and ten more; 6 * 0.95 ** 2 is below the floor
    assert thresholds[:10] == [6.0] * 10 and thresholds[10:20] == [pytest.approx(5.7)] * 10 and thresholds[20:] == [5.5] * 11
    novelty.scores(generation(np.arange(1, 5)[:, None] * 100.0 * np.ones(2)))
    assert (novelty.report()["archive_threshold"], len(novelty.archived)) == (5.5, 5), "four entries are not many"
    novelty.scores(generation(np.arange(1, 6)[:, None] * -100.0 * np.ones(2)))
    assert (novelty.report()["archive_threshold"], len(novelty.archived)) == (pytest.approx(6.6), 10)


def test_without_a_threshold_the_first_generation_sets_one_in_the_descriptors_own_unit() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 2))
    sizes = []
    for scale in (1e-3, 1.0, 1e4):
        novelty = started(Novelty())
        scores = novelty.scores(generation(points * scale))
        assert novelty.report()["archive_threshold"] in (scores.mean(), scores.mean() * 1.2)
        sizes.append(len(novelty.archived))
    assert len(set(sizes)) == 1 and sizes[0] > 1


def test_an_archive_by_probability_takes_its_share_of_the_newly_born() -> None:
    novelty = started(Novelty(archive="probability", probability=0.1))
    novelty.scores(generation(np.arange(4000), np.arange(4000) < 3000))
    assert 240 < len(novelty.archived) < 360 and novelty.archived.max() < 3000
    among_the_living = started(Novelty(archive="none"))
    among_the_living.scores(generation(np.arange(4000)))
    assert not len(among_the_living.archived)


def test_the_authors_distance_is_the_mean_of_the_absolute_differences() -> None:
    scores = started(Novelty(k=1, distance="mean_absolute")).scores(generation([[0.0, 0.0], [4.0, 2.0]]))
    assert scores.tolist() == [3.0, 3.0]


# Local competition ------------------------------------------------------------------------------------------------------------


def test_local_competition_is_with_the_nearest_of_the_living_and_the_archive() -> None:
    rng = np.random.default_rng(5)
    competition, novelty = started(LocalCompetition(k=6, threshold=0.4)), started(Novelty(k=6, threshold=0.4))
    archive, archived_fitness = np.zeros((0, 2)), np.zeros(0)
    for _ in range(5):
        points, fitness = rng.normal(size=(30, 2)), rng.normal(size=30)
        given = Generation(points, np.ones(30, bool), np.random.default_rng(0), fitness, genome)
        scores = competition.scores(given)
        assert scores[:, 0].tolist() == novelty.scores(given).tolist(), "the first score is the novelty"
        for member in range(30):
            others = np.concatenate([np.delete(points, member, axis=0), archive])
            worth = np.concatenate([np.delete(fitness, member), archived_fitness])
            near = np.argsort(np.linalg.norm(others - points[member], axis=1))[:6]
            assert scores[member, 1] == (worth[near] < fitness[member]).sum()
        new = competition.archived[len(archive) :]
        whose = [int(np.flatnonzero((points == one).all(axis=1))[0]) for one in new]
        archive, archived_fitness = competition.archived, np.concatenate([archived_fitness, fitness[whose]])
    assert len(archive) > 20


def test_nobody_competes_with_himself_where_many_are_at_one_place() -> None:
    given = Generation(np.zeros((9, 2)), np.ones(9, bool), np.random.default_rng(0), np.arange(9.0), genome)
    scores = started(LocalCompetition(k=20)).scores(given)
    assert scores[:, 1].tolist() == list(range(9))
    few = started(LocalCompetition(k=3)).scores(given)[:, 1]
    assert few.max() <= 3 and few[0] == 0


def test_a_strategy_that_goes_by_one_number_refuses_two_scores() -> None:
    with pytest.raises(
        ValueError, match=r"LocalCompetition gives 2 scores \(novelty, local_competition\), and Neat goes by one: use Nsga2"
    ):
        ne.strategies.Neat(scoring="LocalCompetition")


def test_local_competition_keeps_the_good_of_every_kind() -> None:
    def slope(genome) -> dict:
        return {"fitness": -abs(genome.value) - 5.0 * (genome.value % 1.0), "place": [np.floor(genome.value)]}

    kept = []
    for scoring, joins in (("LocalCompetition(k=5)", False), (None, True)):
        strategy = ne.strategies.Nsga2(population=30, deduplicate="none", crossover=0.0, scoring=scoring, scoring_joins=joins)
        run = ne.evolve(
            NumberSpace(), ne.tasks.Function(slope, {"fitness": ne.maximise}, of="genome", descriptors="place"), strategy=strategy, seed=1,
            budget=ne.Budget(generations=30), progress=False,
        )  # fmt: skip
        ends = np.array([one.genome.value for one in run.strategy.living])
        good = ends[ends % 1.0 < 0.25]  # near the best of its kind
        kept.append(len(np.unique(np.floor(good))))
    assert kept[0] >= 6 and kept[0] > 2 * kept[1], kept


# Surprise ---------------------------------------------------------------------------------------------------------------------


def test_what_goes_on_as_before_does_not_surprise() -> None:
    rng = np.random.default_rng(2)
    groups = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    moves = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    around = np.concatenate([rng.normal(size=(20, 2)) * 0.1 for _ in groups])
    around -= np.repeat(around.reshape(3, 20, 2).mean(axis=1), 20, axis=0)
    surprise = started(Surprise(clusters=3, nearest=1))
    for number in range(6):
        points = np.repeat(groups + number * moves, 20, axis=0) + around
        if number == 4:
            points[0] += [10.0, 10.0]
        scores = surprise.scores(generation(points, seed=7))
        if number < 2:
            assert not scores.any(), "nothing is predicted yet"
        elif number < 5:
            expected = np.linalg.norm(points[:, None] - (groups + number * moves)[None], axis=2).min(axis=1)
            assert scores == pytest.approx(expected, abs=1e-9)
            assert scores.argmax() == 0 or number < 4
        if number == 0:
            assert sorted(cdist(surprise._centres[0], groups).min(axis=1).round(6)) == [0.0, 0.0, 0.0], (
                "each group has its centre"
            )


def test_clusters_are_those_of_k_means_that_begins_at_the_same_seeds() -> None:
    rng = np.random.default_rng(4)
    for dimensions in (1, 2, 6):
        points = rng.normal(size=(200, dimensions))
        seeds = points[:20]
        oracle = KMeans(20, init=seeds, n_init=1, tol=0.0, algorithm="lloyd").fit(points).cluster_centers_
        assert cluster_centres(points, seeds) == pytest.approx(oracle, abs=1e-9)
    far = np.array([[0.0, 0.0], [1e6, 0.0]])
    assert cluster_centres(points[:, :2], far)[1].tolist() == [1e6, 0.0], "a centre without points stays"


# Sharing ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ["descriptors", "genomes"])
def test_those_who_are_alike_share_their_fitness(distance: str) -> None:
    sharing = started(FitnessSharing(sigma=2.0, alpha=2.0, distance=distance))
    given = generation([3.0, 4.0, 4.0, 10.0])
    # 3 and 4 are 1 apart: 1 - (1 / 2) ** 2
    assert sharing.scores(given) == pytest.approx([3 / (1 + 2 * 0.75), 4 / (2 + 0.75), 4 / (2 + 0.75), 10.0])
    assert sharing.scores(generation([-1.0, 4.0])).tolist() == [0.0, 5.0], "raised so that the worst has nothing"


def test_a_shared_fitness_keeps_two_peaks_where_the_fitness_itself_keeps_one() -> None:
    def two_peaks(genome) -> float:
        return float(np.exp(-((genome.value - 4) ** 2)) + 0.9 * np.exp(-((genome.value + 4) ** 2)))

    kept = []
    for scoring in (None, FitnessSharing(sigma=2.0)):
        run = ne.evolve(
            NumberSpace(), ne.tasks.Function(two_peaks, of="genome", descriptors=lambda genome: [genome.value]), seed=1, progress=False,
            strategy=ne.strategies.Nsga2(population=30, deduplicate="none", crossover=0.2, scoring=scoring, scoring_joins=False),
            budget=ne.Budget(generations=30),
        )  # fmt: skip
        ends = np.array([one.genome.value for one in run.strategy.living])
        kept.append(min((ends > 3).sum(), (ends < -3).sum()))
    assert kept[0] == 0 and kept[1] >= 4


# Criterion, scores and selection -----------------------------------------------------------------------------------------------


def genome(member: int) -> Number:
    return Number(NumberSpace(), float(member))


OBJECTIVES = {"reward": Objective("reward", "maximise"), "error": Objective("error", "minimise")}


def test_who_falls_short_of_the_criterion_scores_nothing_and_is_nobodys_neighbour() -> None:
    points = np.array([[0.0], [1.0], [2.0], [100.0]])
    values = np.array([[60.0, 0.1], [50.0, 0.2], [49.0, 0.1], [70.0, 0.3]])
    scores = Scores(Novelty(k=1, threshold=0.5, criterion="reward>50,error<0.2"), OBJECTIVES)
    rng = np.random.default_rng(0)
    found = scores.of(values, np.zeros(4, bool), points, np.ones(4, bool), rng, genome)
    assert found.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert scores.scoring.archived.tolist() == [[0.0], [1.0]]
    assert scores.of(values - [100, 0], np.zeros(4, bool), points, np.ones(4, bool), rng, genome).tolist() == [0.0] * 4
    with pytest.raises(ValueError, match="unknown objective of the criterion 'rewards>50' 'rewards'; did you mean 'reward'"):
        Scores(Novelty(criterion="rewards>50"), OBJECTIVES)
    with pytest.raises(ValueError, match="needs a limit for each objective, such as 'reward>50'"):
        Novelty(criterion="reward")


def test_a_task_that_says_nothing_of_what_was_done_is_refused() -> None:
    values, nobody = np.zeros((3, 2)), np.zeros(3, bool)
    with pytest.raises(ValueError, match="Novelty scores individuals by what they did, and this task does not say"):
        Scores(Novelty(), OBJECTIVES).of(values, nobody, None, ~nobody, np.random.default_rng(0), genome)
    assert (Scores(Chance(), OBJECTIVES).of(values, nobody, None, ~nobody, np.random.default_rng(0), genome) > 0).all()
    assert np.isneginf(Scores(Novelty(), OBJECTIVES).of(values, ~nobody, None, ~nobody, np.random.default_rng(0), genome)).all()


def individual(id: int, values: tuple[float, float], limits: tuple[float, ...] = ()) -> Individual:
    one = Individual(id, CellSpace().random(np.random.default_rng(id)), (1.0, -1.0), names=("reward", "error"), limits=limits)
    one.fitness.values, one.status, one.descriptors = values, DONE, np.array([float(id)])
    return one


def test_a_score_joins_the_objectives_or_replaces_them() -> None:
    individuals = [individual(id, (float(id), 0.5), (5.0, -np.inf)) for id in range(3)]
    for joins, names, weights in ((True, ("reward", "error", "score"), (1.0, -1.0, 1.0)), (False, ("score",), (1.0,))):
        seen = scored(individuals, np.array([3.0, 2.0, 1.0]), joins=joins)
        assert [one.id for one in seen] == [0, 1, 2] and seen[0].names == names and seen[0].fitness.weights == weights
        assert [one.values["score"] for one in seen] == [3.0, 2.0, 1.0]
        assert (seen[0].fitness.violation > 0) == joins, "a limit is one of the objectives that it is about"
    assert individuals[0].names == ("reward", "error") and individuals[0].fitness.values == (0.0, 0.5)
    assert (
        Scores(Novelty(k=1), OBJECTIVES).of_individuals(individuals, individuals, np.random.default_rng(0)).tolist() == [1.0] * 3
    )


def test_a_scoring_is_written_as_a_text() -> None:
    assert checked_scoring("Novelty") == Novelty() and checked_scoring(None) is None
    assert checked_scoring("Novelty(k=10, archive='none')") == Novelty(k=10, archive="none")
    assert checked_scoring("surprise(clusters=9)") == Surprise(clusters=9)
    assert Scoring.from_settings(Surprise(nearest=3).settings()) == Surprise(nearest=3)
    assert registry.names("scoring")[:5] == ["Chance", "FitnessSharing", "LocalCompetition", "Novelty", "Surprise"]
    for text, sentence in (
        ("Novelti", "unknown scoring 'Novelti'; did you mean 'Novelty'"),
        ("Novelty(k=0)", "k must be a whole number >= 1"),
        ("Novelty(kk=1)", "a scoring is written as Novelty or Novelty.k=10., got 'Novelty.kk=1.'"),
        ("__import__('os').system('x')", "a scoring is written as"),
    ):
        with pytest.raises(ValueError, match=sentence):
            checked_scoring(text)
    with pytest.raises(TypeError, match=r"scoring must be a neuroevo\.selection\.Scoring such as Novelty"):
        checked_scoring(3)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Novelty(archive="all"), "archive must be one of 'threshold', 'probability', 'none', got 'all'"),
        (lambda: Novelty(distance="cosine"), "distance must be one of 'euclidean', 'mean_absolute', got 'cosine'"),
        (lambda: Novelty(raised=0.9), "raised must be a number from 1 to"),
        (lambda: Novelty(probability=2), "probability must be a number from 0 to 1, got 2"),
        (lambda: Surprise(clusters=0), "clusters must be a whole number >= 1, got 0"),
        (lambda: Surprise(distance="cosine"), "distance must be one of"),
        (lambda: FitnessSharing(sigma=0), "sigma must be a number > 0, got 0"),
        (lambda: FitnessSharing(distance="keys"), "distance must be 'descriptors' or 'genomes', got 'keys'"),
        (lambda: Novelty(criterion=5), "criterion must be a text"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
