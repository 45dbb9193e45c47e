"""Where a class is rare, it is said from another probability than a half on: chosen on validation data, shown, and used by predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import neuroevo
from sklearn.metrics import balanced_accuracy_score, f1_score

import neuroevo as ne
from neuroevo.deploy.examination import examination
from neuroevo.deploy.threshold import best_threshold, score_at
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish


def rare(seed: int, samples: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(samples) < 0.1).astype(np.int64)
    return 1 / (1 + np.exp(3.5 - 2.0 * y - rng.normal(size=samples))), y


@pytest.mark.parametrize(
    ("score", "oracle"),
    [
        ("f1", lambda y, said: f1_score(y, said, average="macro")), ("balanced_error", lambda y, said: 1 - balanced_accuracy_score(y, said)),
        ("error", lambda y, said: (y != said).mean()),
    ],
)  # fmt: skip
def test_no_threshold_scores_better(score, oracle) -> None:
    probability, y = rare(0)
    at = best_threshold(probability, y, score)
    found = score_at(probability, y, at, score)
    assert found == pytest.approx(oracle(y, (probability >= at).astype(int)))
    every = [oracle(y, (probability >= other).astype(int)) for other in np.linspace(0.001, 0.999, 400)]
    assert found >= max(every) - 1e-9 if score == "f1" else found <= min(every) + 1e-9
    if score != "error":
        assert at < 0.4, "a rare class is said sooner"


def test_of_equal_thresholds_a_half_is_taken() -> None:
    assert best_threshold(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]), "f1") == 0.5
    assert best_threshold(np.array([0.3, 0.3]), np.array([0, 1]), "f1") == 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("threshold")
    rng = np.random.default_rng(0)
    y = rng.random(700) < 0.12
    table = pd.DataFrame({"a": rng.normal(size=700) + 1.1 * y, "b": rng.normal(size=700) + 0.8 * y, "sick": np.where(y, "yes", "no")})
    table.to_csv(folder / "rare.csv", index=False)
    task = ne.tasks.Classification(folder / "rare.csv", ("f1", "parameters"), target="sick", seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(30, 100), embeddings=(), gates=False, dropout=False), task, strategy=ne.strategies.RandomSearch(),
        estimation=FullTraining(epochs=6), budget=ne.Budget(evaluations=1), seed=1, run=folder / "run",
    )  # fmt: skip
    finish(run)
    return folder


def test_show_says_it_and_predict_takes_it(folder: Path) -> None:
    run = ne.load_run(folder / "run")
    chosen = examination(run).threshold
    assert chosen is not None and (chosen.of, chosen.score, chosen.part) == ("yes", "f1", "test")
    assert chosen.validation[1] > chosen.validation[0] == pytest.approx(run.best.values["f1"], abs=1e-3) and chosen.at < 0.5
    shown = neuroevo("show", "run", run.best.id, folder=folder).stdout
    assert f"yes is best said from a probability of {chosen.at:.3g} on" in shown
    plain = neuroevo("predict", "run", "rare.csv", folder=folder).stdout.splitlines()
    moved = neuroevo("predict", "run", "rare.csv", "--threshold", f"{chosen.at:.6f}", folder=folder).stdout.splitlines()
    assert sum(": yes (" in line for line in moved) > sum(": yes (" in line for line in plain)
    probabilities = [float(line.partition("(")[2].partition(" %")[0]) for line in moved if ": yes (" in line]
    assert min(probabilities) >= 100 * chosen.at - 0.06, "probabilities stay what they are"


def test_a_threshold_of_something_else_is_one_sentence(folder: Path) -> None:
    done = neuroevo("predict", "run", "rare.csv", "--threshold", 1.5, folder=folder)
    assert done.returncode == 2 and "a probability between 0 and 1 of the second of two classes, got 1.5" in done.stderr
