"""One-shot searches as runs: any number of workers, cut anywhere and resumed, what is recorded, and by one command."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace
from neuroevo.core.callbacks import Callback
from neuroevo.data import load
from neuroevo.estimation import SharedTraining
from neuroevo.run.loop import SearchFailed
from neuroevo.run.search import SearchSettings, epochs_of, estimation_by_names, strategy_by_name
from neuroevo.strategies import BayesNas, Darts, Enas, Nsga2, RandomSearch, SharedWeights, Xnas
from neuroevo.tasks import Classification, Context
from neuroevo.tasks.function import as_task
from neuroevo.train.supernet.rules import rule_from_json

SPACE = CellSpace("nasbench201", 2, (5, 5, 1), 3, 3, 1, 1)  # one edge: five cells


def data(samples=90, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(samples, 5, 5, 1)), rng.integers(3, size=samples)
    x[np.arange(samples), y, y] += 3.0
    return x.astype(np.float32), y


def task():
    return Classification(data(), ("error", "loss"), seed=1)


STRATEGIES = {
    "shared weights": lambda: SharedWeights(Nsga2(population=3), epochs=2, candidates=6),
    "darts": lambda: Darts(epochs=2, rate=0.1),
    "perturbation": lambda: Darts(epochs=1, begin=1, discretise="perturbation", tune=1),
    "xnas": lambda: Xnas(epochs=2),
    "bayesnas": lambda: BayesNas(epochs=2),
    "enas": lambda: Enas(epochs=2, steps=2, samples=2, candidates=3, hidden=8),
}


def search(strategy, folder=None, **options):
    return ne.evolve(
        SPACE, task(), strategy=strategy, estimation=SharedTraining(epochs=1), budget=ne.Budget(evaluations=100), seed=3, run=folder,
        version="of these tests", progress=False, **options,
    )  # fmt: skip


def outcome(run):
    trials = run.trials().drop(columns=[c for c in run.trials().columns if "second" in c or c in ("attempts", "completed", "finished", "started")])
    individuals = [(i.id, i.genome.genes(), i.parents, i.operators, i.fitness.values, i.trial, i.status) for i in run]
    return json.dumps(individuals), trials.to_json()


class Cut(Callback):
    """Ends the run behind so many results, as Ctrl-C would."""

    def __init__(self, results):
        self.left = results

    def on_result(self, run, result):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", [name if name == "xnas" else pytest.param(name, marks=pytest.mark.slow) for name in STRATEGIES])
def test_a_search_that_is_cut_between_any_two_trials_ends_as_if_it_had_not_been(name, tmp_path):
    whole = search(STRATEGIES[name](), tmp_path / "whole")
    assert whole.ended == "exhausted" and not whole.failures
    trials = len(whole.trials())
    run = None
    for _ in range(trials + 1):
        try:
            run = search(STRATEGIES[name](), tmp_path / "cut", callbacks=[Cut(2)])
            break
        except KeyboardInterrupt:
            continue
    assert run is not None and run.ended == "exhausted"
    assert outcome(run) == outcome(whole)
    for path in (tmp_path / "whole" / "artifacts").iterdir():
        from safetensors.numpy import load_file

        mine, theirs = load_file(tmp_path / "cut" / "artifacts" / path.name), load_file(path)
        assert mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in theirs)


def test_an_epoch_that_is_cut_begins_again(tmp_path, monkeypatch):
    from neuroevo.train.supernet.paths import Paths

    def make():
        return SharedWeights(RandomSearch(batch=3), epochs=3, candidates=3, finals="scratch")

    whole = search(make(), tmp_path / "whole")
    epoch, calls = Paths.epoch, []

    def cut(self, net, state, data, orders, options, rng):
        calls.append(options["epoch"])
        found = epoch(self, net, state, data, orders, options, rng)
        if len(calls) == 2:
            raise KeyboardInterrupt  # trained, and nothing of it was recorded
        return found

    monkeypatch.setattr(Paths, "epoch", cut)
    with pytest.raises(KeyboardInterrupt):
        search(make(), tmp_path / "cut")
    run = search(make(), tmp_path / "cut")
    assert calls == [1, 2, 2, 3]
    assert outcome(run) == outcome(whole)


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
import test_oneshot
from neuroevo.store import Store
from neuroevo.train.supernet.darts import DartsRule
from neuroevo.train.supernet.paths import Paths

def dies(owner, method, left):
    original = getattr(owner, method)

    def wrapped(*arguments, **named):
        answer = original(*arguments, **named)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, method, wrapped)

owner, method = {"epoch": (Paths if sys.argv[3] == "shared weights" else DartsRule, "epoch"), "commit": (Store, "commit")}[sys.argv[4]]
dies(owner, method, [int(sys.argv[5])])
test_oneshot.search(test_oneshot.STRATEGIES[sys.argv[3]](), pathlib.Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shared weights", "darts"])
def test_a_search_that_is_killed_in_an_epoch_or_at_a_commit_ends_as_if_it_had_not_been(name, tmp_path):
    whole = search(STRATEGIES[name](), tmp_path / "whole")
    for number, (what, passing) in enumerate([("epoch", 1), ("epoch", 2), ("commit", 2), ("commit", 4), ("commit", 6)]):
        folder = tmp_path / str(number)
        here = str(Path(__file__).parent)
        done = subprocess.run([sys.executable, "-c", KILLED, here, str(folder), name, what, str(passing)], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        run = search(STRATEGIES[name](), folder)
        assert run.ended == "exhausted" and outcome(run) == outcome(whole), (what, passing)


@pytest.mark.slow
def test_two_workers_give_the_same(tmp_path):
    for name in ("shared weights", "darts", "enas"):
        alone = search(STRATEGIES[name](), tmp_path / name / "one")
        assert outcome(alone) == outcome(search(STRATEGIES[name](), tmp_path / name / "two", workers=2))


def test_scores_are_those_of_the_network_that_is_taken_out():
    """A path's loss, against the Keras model with the weights that it inherits; and a finalist trained from them begins there."""
    from neuroevo.core.individual import Individual
    from neuroevo.core.trial import Trial
    from neuroevo.estimation.shared_training import SharedWork

    estimation, the_task, context = SharedTraining(epochs=0), task(), Context(seed=1)
    options = {"space": SPACE.to_dict(), "method": {}}
    epoch = {**options, "rule": {"rule": "paths"}, "epoch": 1, "epochs": 1, "learning_rate": 0.1, "final_rate": 0.0}
    trained = estimation.measure(Trial(0, (), "train_shared", options=epoch), the_task, context)
    genome = SPACE.from_genes(["convolution_3x3"])

    def one():
        return Individual(0, genome, (-1.0, -1.0), names=("error", "loss"))

    trial = Trial(1, (one(),), artifacts=trained.artifacts, options={**options, "shared": True})
    scored = estimation.measure(trial, the_task, context)
    model = SharedWork(trial, the_task, context, estimation._supernets)._model(genome)
    expected = the_task.part_scores(model, the_task.dataset.validation)
    assert scored.values[0] == pytest.approx([expected["error"], expected["loss"]], abs=1e-5)
    assert scored.epochs == 0 and scored.info[0]["started_from"] == "shared"
    heir = Trial(2, (one(),), artifacts=trained.artifacts, options={**options, "inheritance": "shared"})
    final = estimation.measure(heir, the_task, context)
    assert final.values[0] == pytest.approx(scored.values[0], abs=1e-5)  # no epochs: as it was inherited
    assert final.info[0]["started_from"] == "parents" and final.artifacts[0].kind == "weights"
    batch = estimation.measure(Trial(3, (one(),), artifacts=trained.artifacts, options={**options, "shared": True, "statistics": "batch"}), the_task, context)
    assert batch.values[0][1] != scored.values[0][1]


def test_what_cannot_be_done_is_said():
    from neuroevo.core.trial import Trial

    estimation, context = SharedTraining(), Context()
    with pytest.raises(ValueError, match="names its space"):
        estimation.measure(Trial(0, (), "train_shared", options={"epoch": 1}), task(), context)
    with pytest.raises(TypeError, match="has none"):
        estimation.measure(Trial(0, (), "train_shared"), as_task(lambda network: 0.0, None), context)
    with pytest.raises(ValueError, match="rule"):
        rule_from_json({"rule": "dart"})
    with pytest.raises(ValueError, match="cannot be made"):
        rule_from_json({"rule": "darts", "orders": 2})
    with pytest.raises(SearchFailed, match="train_shared"):
        ne.evolve(
            SPACE, task(), strategy=Darts(epochs=1), estimation=ne.estimation.FullTraining(epochs=1), budget=ne.Budget(evaluations=3),
            progress=False,
        )  # fmt: skip


FEATURES = ChainSpace((25,), 3, 1, 3, (2, 4, 8))


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(SharedWeights(RandomSearch(batch=3), epochs=2, candidates=6), id="shared weights", marks=[pytest.mark.slow]),
        pytest.param(Enas(epochs=1, steps=2, samples=2, candidates=3, hidden=8), id="enas"),
    ],
)
def test_chains_share_weights(strategy):
    """Without epochs of their own, the best and its heir of shared weights: one is as new, the other scores what its path had scored."""
    x, y = data()
    the_task = Classification((x.reshape(-1, 25), y), "loss", seed=1)
    scores = {}

    class Scores(Callback):
        def on_result(self, run, result):
            if result.trial.options.get("shared"):
                scores.update({one.genome.key(): one.values["loss"] for one in result.individuals})

    run = ne.evolve(
        FEATURES, the_task, strategy=strategy, estimation=SharedTraining(epochs=0), budget=ne.Budget(generations=40), seed=3,
        callbacks=[Scores()], progress=False,
    )  # fmt: skip
    assert not run.failures and len(scores) >= 3
    heir = next(one for one in run if one.operators == ("shared_weights",))
    assert heir.values["loss"] == pytest.approx(scores[heir.genome.key()], abs=1e-5)
    assert scores[heir.genome.key()] == min(scores.values())


@pytest.mark.parametrize("strategy", [Darts(epochs=1), Xnas(epochs=1), SharedWeights(training="even")], ids=["darts", "xnas", "even"])
def test_chains_are_not_mixed(strategy):
    x, y = data()
    with pytest.raises(ValueError, match="one path at a time"):
        ne.evolve(FEATURES, Classification((x.reshape(-1, 25), y), "error"), strategy=strategy, budget=ne.Budget(evaluations=3), progress=False)


def test_a_loss_that_is_not_finite_ends_the_search():
    with pytest.raises(SearchFailed, match="loss became"):
        ne.evolve(
            SPACE, task(), strategy=SharedWeights(epochs=4, learning_rate=1e30, clip=0.0, candidates=3), budget=ne.Budget(evaluations=9),
            seed=1, progress=False,
        )  # fmt: skip


def test_halves_are_of_every_class_and_do_not_overlap():
    from neuroevo.estimation.shared_training import halves

    the_task = Classification("digits", "error", seed=1)
    first, second = halves(the_task, 1)
    train = load("digits", seed=1).train
    assert abs(len(first) - len(second)) <= 10 and len(first) + len(second) == len(train)
    assert np.abs(np.bincount(first.y) - np.bincount(second.y)).max() <= 1
    together = {x.tobytes() for x in first.x} | {x.tobytes() for x in second.x}
    assert together == {x.tobytes() for x in train.x}


def test_names_and_settings_of_the_command_line():
    strategy = strategy_by_name("shared_weights", "lamarckian", settings={"proposals": "nsga2", "epochs": "3"})
    assert isinstance(strategy, SharedWeights) and strategy.proposals.inheritance == "none" and strategy.epochs == 3
    assert strategy.candidates == 200 and strategy.within(16).candidates == 3, 'twelve are proposed at once, two are trained'
    estimation = estimation_by_names(task(), 5, None, strategy)
    assert isinstance(estimation, SharedTraining) and estimation.epochs == 5
    assert epochs_of(SearchSettings("digits", epochs=4, strategy="darts"), task(), Darts()) == 4
    with pytest.raises(ValueError, match="stop-early"):
        estimation_by_names(task(), 5, "median", strategy)


@pytest.mark.slow
def test_a_search_by_command(tmp_path, capsys):
    from typer.testing import CliRunner

    from neuroevo.cli.main import app

    x, y = data(60)
    np.savez(tmp_path / "tiny.npz", x=x, y=y)
    arguments = [
        "search", str(tmp_path / "tiny.npz"), "--encoding", "cell", "--strategy", "darts", "--set", "vocabulary=nasbench201",
        "--set", "nodes=2", "--set", "strategy.epochs=1", "--set", "stages=1", "--evaluations", "5", "--epochs", "1", "--workers", "1",
        "--run", str(tmp_path / "run"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    run = ne.load_run(tmp_path / "run")
    assert [i.operators for i in run] == [("argmax",), ("shared_weights",)]
    assert run.trials()["job"].tolist() == ["train_shared", "evaluate", "evaluate"]


def test_mixtures_are_drawn_from_what_the_run_recorded(tmp_path):
    """At the end of an epoch of XNAS's last step everybody but the best is wiped out: nothing is left to win."""
    run = search(Xnas(epochs=2, finals="none"), tmp_path / "run")
    read = ne.load_run(tmp_path / "run")
    for one in (run, read):
        data = ne.plots.mixtures_data(one)
        assert data.epochs.tolist() == [1, 2] and [w.shape for w in data.weights] == [(2, 5)]
        np.testing.assert_allclose(data.weights[0].sum(axis=1), 1, atol=1e-5)
        assert sorted(data.wiped[0].tolist()) == [0, 2, 2, 2, 2] and data.lines["experts left"].tolist() == [1.0, 0.2]
        assert data.weights[0][1, data.wiped[0].tolist().index(0)] == pytest.approx(1.0)
    figure = ne.plots.mixtures(run)
    texts = {text.get_text() for axes in figure.axes for text in [axes.title, *axes.texts]}
    assert {"epoch 1", "epoch 2", "in"} <= texts
    from neuroevo.report.html import page

    assert "Mixed operations" in page(read)


def test_a_run_without_a_mixture_is_not_drawn():
    run = search(SharedWeights(RandomSearch(batch=2), epochs=1, candidates=2, finals="none"))
    with pytest.raises(ValueError, match="SharedWeights mixes no operations"):
        ne.plots.mixtures(run)
