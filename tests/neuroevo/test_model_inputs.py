"""What a model of scores may be given in a search: every fault is a sentence or a recorded failure, and none comes out of linear algebra."""

import math
import warnings

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, NeatSpace, NetworkSpace
from neuroevo.core.objectives import PARAMETERS
from neuroevo.predictors import Ensemble, GaussianProcess, Neighbours
from neuroevo.strategies import Bayesian, Progressive

CELLS = CellSpace()
PREDICTORS = {
    "wl": GaussianProcess,
    "nasbot": lambda: GaussianProcess("nasbot"),
    "embedded": lambda: GaussianProcess("edit", embedding=True),
    "ensemble": lambda: Ensemble(epochs=3, layers=1),
    "neighbours": Neighbours,
}
STRATEGIES = {
    "bayesian": lambda model: Bayesian(model, initial=4, candidates=6),
    "batch": lambda model: Bayesian(model, initial=3, candidates=6, batch=3, acquisition="thompson"),
    "progressive": lambda model: Progressive(model, best=4, batches=2, initial=4, candidates=8),
}


def search(strategy, of, space=CELLS, evaluations=9, objectives=None):
    task = ne.tasks.Function(of, of="genome", objectives=objectives or {"loss": ne.minimise})
    return ne.evolve(space, task, strategy=strategy, budget=ne.Budget(evaluations=evaluations), seed=1, progress=False)


SCORES = {
    "constant": lambda genome: 3.0,
    "zero": lambda genome: 0.0,
    "negative": lambda genome: -float(len(genome.key())),
    "huge": lambda genome: 1e300 * len(genome.key()),
    "tiny": lambda genome: 1e-300 * len(genome.key()),
    "some NaN": lambda genome: math.nan if sum(genome.decisions) % 3 == 0 else 1.0 + sum(genome.decisions),
    "some infinite": lambda genome: math.inf if sum(genome.decisions) % 3 == 0 else 1.0 + sum(genome.decisions),
}


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("predictor", PREDICTORS)
def test_any_scores_are_searched(predictor: str, strategy: str, scores: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = search(STRATEGIES[strategy](PREDICTORS[predictor]()), SCORES[scores])
    failing = [sum(one.genome.decisions) % 3 == 0 for one in run] if scores.startswith("some") else [False] * 9
    assert ["must be finite" in one.reason for one in run] == failing
    assert len({one.genome.key() for one in run}) == 9


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_everything_fails_the_search_says_so(strategy: str) -> None:
    with pytest.raises(
        Exception, match=r"every one of the first \d+ candidates failed; the first: ValueError: loss must be finite"
    ):
        search(STRATEGIES[strategy](None), lambda genome: math.nan)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_several_objectives_one_of_which_is_constant_or_fails(predictor: str) -> None:
    def two(genome):
        return {"loss": 1.0}

    def three(genome):
        return {"loss": 1.0, "other": math.nan if genome.decisions[0] == 1 else float(genome.decisions[1])}

    model = PREDICTORS[predictor]()
    assert (
        search(
            Bayesian(model, initial=3, candidates=6), two, objectives={"loss": ne.minimise, "parameters": PARAMETERS}
        ).evaluations
        == 9
    )
    run = search(Bayesian(model, initial=4, candidates=6), three, objectives={"loss": ne.minimise, "other": ne.maximise})
    assert run.evaluations == 9 and run.failures == sum(one.genome.decisions[0] == 1 for one in run)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_few_observations_and_equal_genomes_with_different_scores(predictor: str) -> None:
    one, other = CELLS.build([1, 2, 3, 4, 1, 2]), CELLS.build([1, 2, 3, 4, 1, 3])
    largest = 1e300 if predictor == "neighbours" else 1e308
    for genomes, values in (
        ([one], [2.0]), ([one, one], [1.0, 9.0]), ([one, one, other], [1.0, 9.0, 3.0]), ([one, one], [1.0, 1.0]),
        ([one, other], [largest, -largest]), ([one] * 5 + [other] * 5, list(range(10))),
    ):  # fmt: skip
        model = PREDICTORS[predictor]()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(genomes, values)
            mean, deviation = model.predict([one, other])
        assert np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()
        assert min(values) - 1 <= mean[0] <= max(values) + 1


@pytest.mark.parametrize(
    ("strategy", "space", "sentence"),
    [
        (Bayesian(GaussianProcess("edit")), NeatSpace(2, 1), "Edit is for cells and layer graphs .* WeisfeilerLehman serves every encoding"),
        (Bayesian(GaussianProcess("nasbot")), NeatSpace(2, 1), "OptimalTransport is for cells and layer graphs"),
        (Bayesian(GaussianProcess("hamming")), NeatSpace(2, 1), "Hamming is for encodings with decisions"),
        (Bayesian(GaussianProcess("hamming")), NetworkSpace((8, 8, 1), 10), "Hamming compares decisions that answer the same questions"),
        (Bayesian(Ensemble("decisions")), NeatSpace(2, 1), "encodings with decisions"),
        (Progressive(GaussianProcess("hamming")), NetworkSpace((8, 8, 1), 10), "Hamming compares decisions"),
    ],
    ids=["edit", "nasbot", "hamming", "hamming of layers", "ensemble", "progressive"],
)  # fmt: skip
def test_a_model_that_is_not_for_the_encoding_is_refused_before_anything_is_evaluated(strategy, space, sentence: str) -> None:
    asked = []
    with pytest.raises(ValueError, match=sentence):
        search(strategy, asked.append, space)
    assert not asked


@pytest.mark.parametrize("make", [Bayesian, Progressive])
def test_a_model_that_takes_logarithms_itself_is_refused(make) -> None:
    for model in (GaussianProcess(log=True), Ensemble(log=True)):
        with pytest.raises(ValueError, match=r"scores of mean 0, which have no logarithms: give \w+\(log=False\)"):
            make(model)
