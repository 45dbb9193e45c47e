"""Pictures of what a model of the scores sees: predictions, acquisitions, the kernel, the landscape."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import norm, spearmanr

import neuroevo as ne
from genomes import CellSpace, NetworkSpace
from neuroevo import plots
from neuroevo.core.objectives import PARAMETERS
from neuroevo.plots.landscape_figure import scaled
from neuroevo.plots.scored import scored
from neuroevo.predictors import GaussianProcess, Neighbours
from neuroevo.report.html import page
from neuroevo.strategies import Bayesian, Progressive, RandomSearch
from neuroevo.strategies.bayesian.forecasts import Forecast, Forecasts

CELLS = CellSpace()
NETWORKS = NetworkSpace((8, 8, 1), 10)
FIGURES = ("predictions", "acquisition", "kernel", "landscape")
BAYESIAN = Bayesian(initial=4, candidates=12)
WORDS = ["skip", "convolution_1x1", "convolution_3x3", "average_pooling_3x3", "none"]


def loss(genome) -> float:
    return 1.0 + sum(WORDS.index(name) * (place + 1) for place, name in enumerate(genome.genes()))


def size(genome) -> float:
    return abs(math.log(genome.parameters / 5_000)) + 0.1


def searched(strategy=BAYESIAN, space=CELLS, of=loss, evaluations=16, folder=None, **options):
    task = ne.tasks.Function(of, of="genome", objectives=options.pop("objectives", {"loss": ne.minimise}))
    return ne.evolve(
        space, task, strategy=strategy, budget=ne.Budget(evaluations=evaluations), seed=1, run=folder, progress=False, **options
    )


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> ne.Run:
    """A run read back from its folder."""
    folder = tmp_path_factory.mktemp("models") / "cells"
    searched(folder=folder)
    return ne.load_run(folder)


def test_what_was_expected_is_what_the_model_says_of_the_records_before(cells) -> None:
    data = plots.predictions_data(cells)
    individuals = list(cells)
    assert data.ids.tolist() == [one.id for one in individuals[4:]]
    values = np.array([one.values["loss"] for one in individuals])
    for place, one in enumerate(individuals[4:]):
        before = -np.log(values[: 4 + place])
        model = GaussianProcess()
        model.fit([other.genome for other in individuals[: 4 + place]], (before - before.mean()) / before.std())
        mean, deviation = (float(found[0]) for found in model.predict([one.genome]))
        ends = np.exp(-(before.mean() + before.std() * (mean + np.array([0, 1.6448536, -1.6448536]) * deviation)))
        assert [data.predicted[place], data.low[place], data.high[place]] == pytest.approx(ends.tolist(), rel=1e-6)
        assert data.observed[place] == one.values["loss"]
    assert data.coverage == np.mean((data.observed >= data.low) & (data.observed <= data.high))
    assert data.rank_correlation == pytest.approx(spearmanr(data.predicted, data.observed)[0])


def test_the_acquisition_is_that_of_the_record(cells) -> None:
    data = plots.acquisition_data(cells)
    known, predicted = list(cells), plots.predictions_data(cells)
    assert data.name == "log expected improvement" and data.generations.tolist() == list(range(2, 14))
    for place in range(len(data.ids)):
        before = -np.log([one.values["loss"] for one in known[: 4 + place]])
        mean, low = [(-math.log(each[place]) - before.mean()) / before.std() for each in (predicted.predicted, predicted.high)]
        deviation, best = (mean - low) / 1.6448536, float((before.max() - before.mean()) / before.std())
        z = (mean - best) / deviation
        assert math.exp(data.chosen[place]) == pytest.approx(deviation * (norm.pdf(z) + z * norm.cdf(z)), rel=1e-3)
    assert (data.typical <= data.chosen).all() and data.best.tolist() == data.chosen.tolist()


def test_a_batch_has_a_best_and_every_way_to_choose_has_a_name() -> None:
    run = searched(Bayesian(Neighbours(), initial=4, candidates=12, batch=3), evaluations=16)
    data = plots.acquisition_data(run)
    assert data.best.tolist() == [data.chosen[data.generations == each].max() for each in (2, 3, 4, 5)]
    names = {
        kind: plots.acquisition_data(
            searched(Bayesian(Neighbours(), initial=4, candidates=8, acquisition=kind), evaluations=6)
        ).name
        for kind in ("ucb", "thompson", "hypervolume")
    }
    assert names == {
        "ucb": "upper confidence bound of the score",
        "thompson": "score drawn from the model",
        "hypervolume": "log expected improvement",  # with one objective they are the same
    }


def test_two_objectives_show_the_one_that_is_predicted() -> None:
    both = {"parameters": PARAMETERS, "loss": ne.minimise}
    run = searched(of=lambda genome: {"loss": loss(genome)}, objectives=both, evaluations=10)
    data = plots.predictions_data(run)
    assert data.objective.name == "loss" and data.observed.tolist() == [one.values["loss"] for one in list(run)[4:]]
    assert plots.acquisition_data(run).name == "log expected hypervolume improvement"
    assert plots.kernel_data(run).objective.name == "loss"


def test_a_progressive_search_is_drawn_by_what_it_predicted() -> None:
    run = searched(Progressive(best=8, batches=2), evaluations=21)
    data = plots.predictions_data(run)
    assert data.ids.tolist() == list(range(5, 21)) and (data.low <= data.predicted).all() and (data.predicted <= data.high).all()
    chosen = plots.acquisition_data(run)
    assert chosen.name == "predicted score" and (np.diff(chosen.chosen[:4]) <= 0).all()
    assert all(plots.PARTS.count(name) == 1 and getattr(plots, name)(run) for name in FIGURES)


def test_a_search_that_takes_results_as_they_come_records_the_same() -> None:
    run = searched(Bayesian(Neighbours(), initial=3, candidates=8), schedule="asynchronous", evaluations=12)
    assert plots.predictions_data(run).ids.tolist() == list(range(3, 12))


def test_the_kernel_is_in_the_order_of_clusters(cells) -> None:
    data = plots.kernel_data(cells)
    known = {one.id: one for one in cells}
    assert sorted(data.ids.tolist()) == sorted(known) and data.values.tolist() == [
        known[id].values["loss"] for id in data.ids.tolist()
    ]
    model = GaussianProcess()
    everybody = list(known.values())
    model.fit([one.genome for one in everybody], [one.values["loss"] for one in everybody])
    np.testing.assert_allclose(data.kernel, model.correlations([known[id].genome for id in data.ids.tolist()]))
    assert np.diag(data.kernel) == pytest.approx(1) and data.values[data.best] == cells.best.values["loss"]
    birth = np.argsort(data.ids)
    in_order = np.diag(data.kernel, 1).sum()
    assert in_order > np.diag(data.kernel[np.ix_(birth, birth)], 1).sum() and len(data.linkage) == len(data.ids) - 1


def test_a_kernels_correlations_are_what_predictions_are_made_of() -> None:
    rng = np.random.default_rng(1)
    genomes = [CELLS.random(rng) for _ in range(8)]
    for model in (GaussianProcess(), GaussianProcess("edit", embedding=True), GaussianProcess(("Edit", "WeisfeilerLehman"))):
        with pytest.raises(ValueError, match="call fit"):
            model.correlations(genomes)
        model.fit(genomes[:6], [loss(genome) for genome in genomes[:6]])
        found = model.correlations(genomes)
        np.testing.assert_allclose(found, found.T)
        assert found.shape == (8, 8) and np.diag(found) == pytest.approx(1) and (found >= 0).all() and (found < 1 + 1e-12).all()
        assert model.correlations([]).shape == (0, 0)
        apart = model.distances(genomes)
        assert np.median(apart[apart > 0]) == pytest.approx(1, rel=0.4)


def test_a_plane_of_points_is_found_again_and_a_solid_is_not_kept_whole() -> None:
    rng = np.random.default_rng(2)
    flat = rng.normal(size=(20, 2))
    points, share = scaled(squareform(pdist(flat)))
    np.testing.assert_allclose(pdist(points), pdist(flat))
    assert share == pytest.approx(1)
    solid = rng.normal(size=(30, 6))
    assert 0.3 < scaled(squareform(pdist(solid)))[1] < 0.7
    assert scaled(np.zeros((3, 3)))[1] == 1.0


@pytest.mark.parametrize(("space", "of"), [(CELLS, loss), (NETWORKS, size)], ids=["cells", "networks"])
@pytest.mark.parametrize("strategy", [RandomSearch(batch=5), BAYESIAN], ids=["random", "bayesian"])
def test_the_way_of_the_search_leads_over_those_that_were_best(space, of, strategy) -> None:
    run = searched(strategy, space, of, evaluations=15)
    data = plots.landscape_data(run)
    best, leaders = math.inf, []
    for place, one in enumerate(run):
        if one.values["loss"] < best:
            best = one.values["loss"]
            leaders.append(place)
    assert list(data.leaders) == leaders and data.ids[leaders[-1]] == run.best.id
    assert data.points.shape == (15, 2) and 0 < data.share <= 1
    drawn = plots.landscape(run).axes[0]
    assert "of the squared distances" in drawn.get_xlabel()


def test_many_networks_are_thinned_but_for_those_that_led() -> None:
    run = searched(RandomSearch(batch=40), evaluations=40)
    found, whole = scored(run, 12), scored(run, 100)
    assert len(found.ids) == 12 and len(whole.ids) == 40
    assert {int(whole.ids[place]) for place in whole.leaders} <= set(found.ids.tolist())


def test_what_cannot_be_drawn_is_a_sentence() -> None:
    run = searched(RandomSearch(batch=4), evaluations=4)
    for name in ("predictions", "acquisition"):
        with pytest.raises(ValueError, match="no predictions were recorded in this run: RandomSearch predicts none"):
            getattr(plots, name)(run)
    early = searched(evaluations=4)
    with pytest.raises(ValueError, match="Bayesian had predicted nothing before the run ended"):
        plots.predictions(early)
    alone = searched(RandomSearch(batch=1), evaluations=1)
    for name in ("kernel", "landscape"):
        with pytest.raises(ValueError, match="two evaluated networks are needed"):
            getattr(plots, name)(alone)


def test_equal_scores_and_one_network_many_times_are_drawn_too() -> None:
    run = searched(of=lambda genome: 1.0, evaluations=7)
    for name in FIGURES:
        getattr(plots, name)(run).savefig("/dev/null", format="png", dpi=30)


def test_the_report_shows_them_where_a_model_chose(cells) -> None:
    shown = page(cells)
    assert all(f"<h2>{title}</h2>" in shown for title in ("Predictions", "Acquisition", "Kernel", "Landscape"))
    other = page(searched(RandomSearch(batch=4), evaluations=4))
    assert not any(f"<h2>{title}</h2>" in other for title in ("Predictions", "Acquisition", "Kernel", "Landscape"))


def test_the_command_draws_them(cells) -> None:
    from tests.command_line import neuroevo

    for name in ("predictions", "kernel"):
        done = neuroevo("plot", cells.folder, name, folder=Path(cells.folder).parent)
        assert done.returncode == 0 and (Path(cells.folder) / "figures" / f"{name}.png").stat().st_size > 5_000


def test_forecasts_are_reported_once_told_and_are_json() -> None:
    kept = Forecasts(2)
    kept.add(3, Forecast.of((1.0, 0.5, 2.0), -math.inf, [-math.inf, 1.0]))
    kept.add(4, Forecast.of((1.0, 0.5, math.inf), 1.0, []))
    assert kept.report(1) == {"predicted": [], "predicted_objective": 1}
    kept.told([3, 4, 5])
    assert json.loads(json.dumps(kept.report(0), allow_nan=False))["predicted"] == [[3, 1.0, 0.5, 2.0, None, 1.0]]
