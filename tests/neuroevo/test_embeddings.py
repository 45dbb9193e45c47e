"""Embeddings of features: what they compute, where training samples put their ramps, that they travel with the network, and what they are worth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import neuroevo
from sklearn.preprocessing import KBinsDiscretizer

import neuroevo as ne
from genomes import NetworkSpace
from genomes.layers import Layer
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING
from genomes.testing import philox
from neuroevo.cli.search import evolve_networks
from neuroevo.decode import build, set_weights, weights_of
from neuroevo.deploy import export
from neuroevo.estimation import FullTraining
from neuroevo.evaluators import Serial
from neuroevo.inherit import inherit, initialise
from neuroevo.inherit.embeddings import placed
from neuroevo.run.search import SearchSettings
from neuroevo.train.zero_cost import grad_norm, naswot, snip, synflow

FEATURES = 3


def embedded(kind: str, width: int):
    """Logits that take embedded features alone."""
    genes = [
        {"marking": INPUT_MARKING, "kind": "input", "inputs": []},
        {"marking": 5, "kind": kind, "inputs": [INPUT_MARKING], **({"width": width} if width else {})},
        {"marking": LOGITS_MARKING, "kind": "logits", "inputs": [5], "width": 2},
    ]
    return NetworkSpace((FEATURES,), 2, embeddings=("periodic", "piecewise", "robust")).from_genes(genes)


def values(genome, arrays, x):
    """What the embedding gives."""
    model = build(genome)
    set_weights(model, genome, arrays)
    return np.asarray(keras.Model(model.inputs, model.layers[-2].output)(x))


def test_ramps_climb_over_the_quantiles_of_the_training_samples() -> None:
    """As Gorishniy et al. 2022, equation 1: below its bin 0, above it 1, in it the share of the way; the features stay beside them."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=200), rng.exponential(size=200), rng.integers(0, 2, 200)], axis=1).astype(np.float32)
    genome = embedded("piecewise", 4)
    arrays = placed(genome, initialise(genome, philox(1, 1)), x)
    found = values(genome, arrays, x)
    assert found.shape == (200, FEATURES * 5) == (200, genome.architecture.shapes[5][0])
    assert (found[:, :FEATURES] == x).all()
    ramps = found[:, FEATURES:].reshape(200, FEATURES, 4)
    assert ramps.min() == 0 and ramps.max() == pytest.approx(1, abs=1e-5)
    bins = KBinsDiscretizer(4, encode="ordinal", strategy="quantile", quantile_method="linear").fit(x[:, :2])
    for feature in (0, 1):
        edges = bins.bin_edges_[feature]
        for k in range(4):
            expected = np.clip((x[:, feature] - edges[k]) / (edges[k + 1] - edges[k]), 0, 1)
            assert ramps[:, feature, k] == pytest.approx(expected, abs=1e-4)
    assert np.ptp(ramps[:, 2], axis=0).max() in (0.0, pytest.approx(1.0)), "two values leave no ramp of width 0"
    assert np.isfinite(values(genome, placed(genome, arrays, np.ones((9, FEATURES), np.float32)), x)).all(), "a feature that never changes"


def test_waves_are_sines_and_cosines_of_the_same_frequencies() -> None:
    genome = embedded("periodic", 6)
    arrays = initialise(genome, philox(1, 1))
    x = np.random.default_rng(0).normal(size=(50, FEATURES)).astype(np.float32)
    waves = values(genome, arrays, x)[:, FEATURES:].reshape(50, FEATURES, 3, 2)
    assert (waves**2).sum(axis=-1) == pytest.approx(1, abs=1e-4)
    frequencies = arrays["5/kernel"][:, ::2]
    assert waves[..., 0] == pytest.approx(np.sin(x[..., None] * frequencies), abs=1e-4)
    assert len(np.unique(frequencies)) == FEATURES * 3 and frequencies.min() >= 0.3 and frequencies.max() <= 10


def test_robust_scaling_is_scikit_learns_drawn_in_where_it_is_far() -> None:
    """Holzmüller, Grinsztajn & Steinwart 2024: the median is 0, the middle half one wide, and no value is further away than 3."""
    from sklearn.preprocessing import RobustScaler

    rng = np.random.default_rng(0)
    x = np.stack([rng.standard_cauchy(400), rng.exponential(size=400), rng.random(400) < 0.1], axis=1).astype(np.float32)
    genome = embedded("robust", 0)
    arrays = placed(genome, initialise(genome, philox(1, 1)), x)
    found = values(genome, arrays, x)
    assert found.shape == (400, 2 * FEATURES) == (400, genome.architecture.shapes[5][0])
    assert (found[:, :FEATURES] == x).all()
    z = RobustScaler().fit_transform(x[:, :2])
    assert found[:, FEATURES : FEATURES + 2] == pytest.approx(z / np.sqrt(1 + (z / 3) ** 2), abs=1e-3)
    assert np.abs(found[:, FEATURES:]).max() <= 3 and np.abs(x).max() > 30
    rare = found[:, -1]
    assert rare[x[:, 2] == 0] == pytest.approx(0) and (rare[x[:, 2] == 1] > 1).all(), "half of the range, where the quartiles are equal"
    assert genome.parameters == (2 * FEATURES + 1) * 2 and genome.flops == FEATURES + 2 * FEATURES * 2
    assert np.isfinite(values(genome, placed(genome, arrays, np.ones((9, FEATURES), np.float32)), x)).all(), "a feature that never changes"


def test_an_embedding_costs_no_trainable_weights_and_stays_as_it_is_in_training() -> None:
    genome = embedded("piecewise", 4)
    model = build(genome)
    assert genome.parameters == sum(int(np.prod(v.shape)) for v in model.trainable_variables) == (FEATURES * 5 + 1) * 2
    assert genome.flops == FEATURES * 4 + FEATURES * 5 * 2


def test_a_childs_embedding_stays_where_its_parents_is_and_a_new_one_is_placed() -> None:
    rng = philox(3, 1)
    x = rng.normal(size=(100, FEATURES)).astype(np.float32)
    parent = embedded("piecewise", 4)
    arrays = placed(parent, initialise(parent, rng), x)
    other = x * 5 + 1
    child = placed(parent, inherit(parent, [(parent, arrays)], rng), other, [parent])
    assert (child["5/kernel"] == arrays["5/kernel"]).all() and (child["5/bias"] == arrays["5/bias"]).all()
    assert (placed(parent, initialise(parent, rng), other)["5/kernel"] != arrays["5/kernel"]).all()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    """Networks for a wave and a step, all of which embed their features."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (500, 2)).astype(np.float32)
    y = np.sin(3 * x[:, :1]) + (x[:, 1:] > 0.5)
    task = ne.tasks.Regression((x, y), ("mae", "parameters"), seed=1)
    space = task.default_space(starter_parameters=(50, 300), rates=(("embed_features", 20.0),))
    assert set(space.embeddings) == {"periodic", "piecewise", "robust"}, "tables are offered all"
    return ne.evolve(
        space, task, strategy=ne.strategies.Nsga2(population=6, inheritance="lamarckian"), estimation=FullTraining(epochs=12),
        budget=ne.Budget(evaluations=14), seed=1, run=tmp_path_factory.mktemp("embedded") / "run",
    )  # fmt: skip


def test_the_search_finds_them_where_they_pay(searched: ne.Run) -> None:
    kinds = {individual.id: {gene.kind for gene in individual.genome.architecture.genes} for individual in searched}
    assert searched.failures == 0
    with_them = [i.values["mae"] for i in searched if kinds[i.id] & {"periodic", "piecewise"}]
    without = [i.values["mae"] for i in searched if not kinds[i.id] & {"periodic", "piecewise"}]
    assert kinds[searched.best.id] & {"periodic", "piecewise"} and min(with_them) < 0.6 * min(without)
    born = [i for i in searched if i.operators == ("embed_features",)]
    assert born, "variation puts them in"
    for child in born:
        parent = next(i for i in searched if i.id == child.parents[0])
        assert child.info["inherited"]["mae"] == pytest.approx(parent.values["mae"], rel=1e-3), "and changes nothing right away"


@pytest.mark.parametrize("kind", ["periodic", "piecewise"])
def test_an_exported_network_holds_its_embedding_and_loads_in_plain_keras(searched: ne.Run, kind: str, tmp_path: Path) -> None:
    chosen = next(i for i in searched if any(gene.kind == kind for gene in i.genome.architecture.genes) and i.artifact is not None)
    data = searched.task.dataset
    path = export(chosen.model(), data, tmp_path / "model.keras", say=None)
    raw = data.normalisation.inverse(data.test.x).astype(np.float32)
    expected = data.target_normalisation.inverse(np.asarray(chosen.model()(data.test.x)))
    assert np.asarray(keras.saving.load_model(path, safe_mode=True)(raw)) == pytest.approx(expected, abs=1e-4)
    done = neuroevo("export", searched.folder, chosen.id, tmp_path / "genome.json", folder=tmp_path)
    assert done.returncode == 0 and f'"{kind}"' in (tmp_path / "genome.json").read_text()


def test_weights_travel_by_marking(searched: ne.Run) -> None:
    best = searched.best
    arrays = best.artifact.load()
    again = weights_of(best.model(), best.genome, channels=arrays)
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        assert np.asarray(again[name]) == pytest.approx(np.asarray(array))


def test_proxies_and_pictures_take_them(searched: ne.Run) -> None:
    from neuroevo.train.untrained import Untrained

    chain = [("gate", {}), ("piecewise", {"width": 4}), ("dense", {"width": 64}), ("dropout", {"rate": 0.3})]
    x, targets = searched.task.dataset.train.x[:4], searched.task.dataset.targets(searched.task.dataset.train)[:4]
    space = searched.task.default_space()
    for kind, settings in (("piecewise", {"width": 4}), ("periodic", {"width": 4}), ("robust", {})):
        genes, before = [{"marking": INPUT_MARKING, "kind": "input", "inputs": []}], INPUT_MARKING
        chain[1] = (kind, settings)
        for number, (each, given) in enumerate([*chain, ("logits", {"width": 1})], 5):
            marking = LOGITS_MARKING if each == "logits" else number
            genes.append({"marking": marking, "kind": each, "inputs": [before], **given})
            before = marking
        genome = space.from_genes(genes)
        for proxy in (naswot, synflow, grad_norm, snip):
            scores = [proxy(Untrained(genome, x, targets, philox(1, 2), "mean_squared_error")) for _ in range(2)]
            assert np.isfinite(scores).all() and scores[0] == scores[1]
        texts = " ".join(text.get_text() for text in ne.plots.genome(genome).axes[0].texts)
        assert "feature" in texts and "dropout, 30 %" in texts and "gate" in texts


def test_a_run_that_an_older_release_began_goes_on_without_embeddings(tmp_path: Path) -> None:
    def search(folder: str, evaluations: int, **settings: str) -> ne.Run:
        asked = SearchSettings("wine", epochs=1, settings=settings)
        return evolve_networks(asked, tmp_path / folder, evaluations=evaluations, evaluator=Serial(), folds=0)

    search("run", 2, embeddings="", norms="false", gates="false", dropout="false")
    config = tmp_path / "run" / "config.json"
    settings = json.loads(config.read_text())
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    for name in ("embeddings", "norms", "gates", "dropout"):
        del settings["space"][name]
    config.write_text(json.dumps(settings))
    assert search("run", 3).evaluations == 3
    assert json.loads(config.read_text())["space"]["embeddings"] == []
    assert search("run", 4).evaluations == 4, "and again, now that the folder says so"
    with pytest.raises(ValueError, match="embeddings"):
        search("other", 3, embeddings="periodic")


def test_a_layer_of_positions_has_no_embedding() -> None:
    from genomes.layers import output_shape

    with pytest.raises(ValueError, match="takes \\(features,\\)"):
        output_shape(Layer("periodic", width=2), [(8, 3)])
