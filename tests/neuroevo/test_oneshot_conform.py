"""The conformance suite, on the one-shot strategies: what epochs report is made up, so nothing is trained."""

import zlib

import numpy as np
import pytest

from genomes import CellSpace, NeatSpace
from neuroevo.strategies import BayesNas, Darts, Enas, Nsga2, RandomSearch, RegularizedEvolution, SharedWeights, Xnas
from neuroevo.strategies.base import Search
from neuroevo.testing import StrategySuite
from neuroevo.testing.strategy import GenesTask

SPACE = CellSpace("nasbench201", 3, (8, 8, 1), 3, 4, 1, 1)


class Epochs(GenesTask):
    """Reports of epochs that the trial's number decides."""

    def shared(self, trial):
        graph, rule = SPACE.shared(), trial.options["rule"]
        rng = np.random.default_rng(zlib.crc32(f"{trial.id} {trial.options['epoch']}".encode()))
        if rule["rule"] == "path_scores":
            return {"scores": rng.random(len(rule["paths"])).tolist()}
        mixture = [rng.random(len(choice.options)).tolist() for choice in graph.choices]
        if rule["rule"] == "perturbation":
            if rule["choice"] < 0:
                return {"loss": 1.0, "worth": rng.random(len(graph.choices)).tolist()}
            mixture = [list(row) for row in trial.options["mixture"]]
            size = len(mixture[rule["choice"]])
            mixture[rule["choice"]] = np.eye(size)[1 + rng.integers(size - 1)].tolist()
        return {"loss": float(rng.random()), "mixture": mixture, "entropy": 0.5, "skip_share": 0.5, "eigenvalue": float(rng.random())}


class OneShotSuite(StrategySuite):
    tells = 7

    def space(self):
        return SPACE

    def task(self, failing=0.1, limit=None):
        return Epochs(failing, limit)

    test_limits_on_cheap_objectives_hold_for_every_trial = None  # whatever comes out of a mixture, comes out
    test_births_and_trials_are_numbered_in_the_order_of_asking = None  # by the test below

    def test_trials_are_numbered_in_the_order_of_asking(self):
        drive = self.drive()
        assert [trial.id for trial in drive.asked] == list(range(drive.search.next_trial))

    def test_every_epoch_starts_from_the_one_before(self):
        drive = self.drive()
        epochs = [trial for trial in drive.asked if trial.job == "train_shared" and trial.options["rule"]["rule"] != "path_scores"]
        assert len(epochs) >= 2
        for before, trial in zip([None, *epochs], epochs, strict=False):
            assert [a.name for a in trial.artifacts] == ([] if before is None else [(before.id, "supernet")])
        assert (epochs[-1].id, "supernet") in drive.strategy.needs()


class TestSharedWeights(OneShotSuite):
    def strategy(self):
        return SharedWeights(RegularizedEvolution(population=3, sample=2), epochs=2, candidates=5)


class TestSharedWeightsOfAFront(OneShotSuite):
    def strategy(self):
        return SharedWeights(Nsga2(population=4), epochs=2, candidates=12, finalists=3, finals="shared")


class TestSharedWeightsWithoutFinalists(OneShotSuite):
    def strategy(self):
        return SharedWeights(RandomSearch(batch=3), epochs=3, candidates=9, finalists=0, training="darts")


class MixtureSuite(OneShotSuite):
    test_the_seed_decides_and_nothing_else = None  # here the made-up reports decide, and the seed of a worker's epoch nothing

    def test_equal_searches_are_equal(self):
        assert self.drive().log == self.drive().log


class TestDarts(MixtureSuite):
    def strategy(self):
        return Darts(epochs=5)


class TestDartsByPerturbation(MixtureSuite):
    def strategy(self):
        return Darts(epochs=2, discretise="perturbation", finals="scratch")


class TestDartsThatStops(MixtureSuite):
    def strategy(self):
        return Darts(epochs=30, stop="skips", earliest=1, most_skips=1)


class TestXnas(MixtureSuite):
    def strategy(self):
        return Xnas(epochs=4)


class TestBayesNas(MixtureSuite):
    def strategy(self):
        return BayesNas(epochs=4)


class TestEnas(OneShotSuite):
    tells = 9

    def strategy(self):
        return Enas(epochs=2, steps=2, samples=3, candidates=4)


def drive(strategy, tells=40, task=None):
    from neuroevo.testing.strategy import Drive

    driven = Drive(strategy, SPACE, task or Epochs(0.0), 1)
    for _ in range(tells):
        driven.step()
    return driven


def test_finalists_are_trained_from_scratch_and_from_shared_weights():
    driven = drive(SharedWeights(RandomSearch(batch=5), epochs=2, candidates=10, finalists=2))
    scored = [t for t in driven.asked if t.options.get("shared")]
    finals = [t for t in driven.asked if t.job == "evaluate" and not t.options.get("shared")]
    assert len(scored) == 10 and {t.fidelity.epochs for t in scored} == {0}
    assert [t.options.get("inheritance") for t in finals] == [None, "shared", None, "shared"]
    for first, second in (finals[:2], finals[2:]):
        (one,), (heir,) = first.individuals, second.individuals
        assert heir.genome == one.genome and heir.id != one.id and heir.parents == (one.id,) and heir.operators == ("shared_weights",)
        assert not first.artifacts and [a.kind for a in second.artifacts] == ["supernet"]
    assert not driven.strategy.ask()


def test_evolution_learns_from_the_scores():
    best = {
        name: max(one.fitness.values[0] for one in drive(SharedWeights(strategy, epochs=1, candidates=60, finalists=0), 80).kept.values())
        for name, strategy in (("evolution", RegularizedEvolution(population=8, sample=4)), ("random", RandomSearch(batch=10)))
    }
    assert len(best) == 2 and best["evolution"] > 0.9


def test_the_rank_sum_decides_the_finalists():
    strategy = SharedWeights(RandomSearch(batch=10), epochs=1, candidates=20, finalists=1, ranked_by="checksum+parameters")
    driven = drive(strategy)
    scored = [driven.kept[t.individuals[0].id] for t in driven.asked if t.options.get("shared")]
    checksum = np.array([one.fitness.values[0] for one in scored])
    parameters = np.array([one.genome.parameters for one in scored])
    from scipy.stats import rankdata

    sums = rankdata(checksum) + rankdata(parameters)
    (chosen,) = [t.individuals[0] for t in driven.asked if t.job == "evaluate" and not t.options.get("shared") and not t.artifacts]
    assert sums[[one.id for one in scored].index(chosen.id)] == sums.max()
    with pytest.raises(ValueError, match="score to rank by"):
        drive(SharedWeights(RandomSearch(batch=10), epochs=1, candidates=10, ranked_by="checksums"))


class Collapsing(Epochs):
    """A mixture that goes over to skips after four epochs, and whose eigenvalue rises."""

    def shared(self, trial):
        epoch, graph = trial.options["epoch"], SPACE.shared()
        strong = [3, 3, 3] if epoch <= 4 else [1, 3, 3] if epoch <= 6 else [1, 1, 3] if epoch <= 8 else [1, 1, 1]
        mixture = [np.eye(len(choice.options))[option].tolist() for choice, option in zip(graph.choices, strong, strict=True)]
        return {"loss": 1.0, "mixture": mixture, "eigenvalue": 0.1 * max(1.0, epoch / 10)}


def test_a_stop_by_skips_takes_the_last_epoch_before():
    driven = drive(Darts(epochs=30, stop="skips", most_skips=1), task=Collapsing(0.0))
    report = driven.strategy.report()
    assert len([t for t in driven.asked if t.job == "train_shared"]) == 7
    (scratch, heir) = [t.individuals[0] for t in driven.asked if t.individuals]
    assert scratch.genome.genes() == ["skip", "convolution_3x3", "convolution_3x3"] == heir.genome.genes()
    assert "loss" in report
    never = drive(Darts(epochs=12), task=Collapsing(0.0))
    assert [t.individuals[0].genome.genes() for t in never.asked if t.individuals] == [["skip"] * 3] * 2


def test_a_stop_by_the_eigenvalue_takes_the_epoch_before_it_rose():
    """Means of five: 1.3 times that of four epochs before."""
    driven = drive(Darts(epochs=40, stop="eigenvalue"), tells=60, task=Collapsing(0.0))
    values = [0.1 * max(1.0, epoch / 10) for epoch in range(1, 41)]
    expected = next(
        epoch for epoch in range(10, 41) if np.mean(values[epoch - 5 : epoch]) > 1.3 * np.mean(values[epoch - 9 : epoch - 4])
    )
    assert len([t for t in driven.asked if t.job == "train_shared"]) == expected
    assert driven.strategy._taken_epoch == expected - 4


def test_perturbation_decides_every_choice_once():
    driven = drive(Darts(epochs=2, discretise="perturbation", tune=1))
    decided = [t.options["rule"]["choice"] for t in driven.asked if t.options.get("rule", {}).get("rule") == "perturbation"]
    assert sorted(decided[:-1]) == [0, 1, 2] and decided[-1] == -1
    last = [t for t in driven.asked if t.job == "train_shared"][-1].options["mixture"]
    (genome, _) = [t.individuals[0].genome for t in driven.asked if t.individuals]
    assert SPACE.shared().path(genome) == tuple(int(np.argmax(row)) for row in last)


def test_enas_trains_what_its_controller_draws_and_learns_between():
    strategy = Enas(epochs=2, steps=3, samples=4, candidates=5, rate=0.1)
    driven = drive(strategy)
    rules = [t.options["rule"]["rule"] for t in driven.asked if t.job == "train_shared"]
    assert rules == (["paths"] + ["path_scores"] * 3) * 2
    assert all(len(t.options["rule"]["paths"]) == 4 for t in driven.asked if t.options.get("part"))
    assert len([t for t in driven.asked if t.options.get("shared")]) == 5
    drawn = [t.options["rule"]["paths"] for t in driven.asked if t.job == "train_shared" and "part" not in t.options]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SharedWeights("nsga"), "nsga"),
        (lambda: SharedWeights(Darts()), "leaves that to others"),
        (lambda: SharedWeights(3), "must be a strategy"),
        (lambda: SharedWeights(ranked_by="loss+"), "ranked_by"),
        (lambda: Darts(order=3), "order"),
        (lambda: Darts(stop="never"), "stop"),
        (lambda: Darts(epochs=0), "epochs"),
        (lambda: Darts(learning_rate=-1.0), "learning_rate"),
        (lambda: Xnas(bound=0), "bound"),
        (lambda: BayesNas(discretise="perturbation"), "discretise"),
        (lambda: BayesNas(alone=1.0), "alone"),
        (lambda: Enas(baseline=1.0), "baseline"),
        (lambda: Darts().start(Search(NeatSpace(2, 1), GenesTask())), "one-shot search needs CellSpace"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


class Wiped(Epochs):
    """XNAS's report where "none" is all that is left."""

    def shared(self, trial):
        graph = SPACE.shared()
        mixture = [[1.0, 0.0, 0.0, 0.0, 0.0] for _ in graph.choices]
        return {"loss": 1.0, "mixture": mixture, "strengths": [[0.0, -9.0, -7.0, -5.0, -8.0] for _ in graph.choices]}


def test_behind_none_the_best_of_the_wiped_out_is_taken():
    driven = drive(Xnas(epochs=2, finals="scratch"), task=Wiped(0.0))
    assert [t.individuals[0].genome.genes() for t in driven.asked if t.individuals] == [["convolution_3x3"] * 3]
