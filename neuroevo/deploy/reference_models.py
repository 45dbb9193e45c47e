"""References of a search: what usual models of scikit-learn reach on the same samples, so that a user sees when a network is not the answer.

A linear model, a forest and boosting, each with scikit-learn's default settings, are fitted on the training part, as the candidates are, and
scored on the validation and test parts; of a search that scores its candidates by folds, by the same folds in place of the validation part. Beside
them stands, always, what needs no model at all: the same answer for every sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.files import write_json_whole
from neuroevo.data.dataset import Part
from neuroevo.run.derived import task_of
from neuroevo.run.run import Run
from neuroevo.run.settings import search_folds
from neuroevo.tasks.folding import search_folds_of
from neuroevo.tasks.intervals import known

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset
    from neuroevo.tasks.intervals import Interval
    from neuroevo.tasks.supervised import Supervised

REFERENCES_FILE = "references.json"
MOST_FEATURES = 2048  # numbers of one sample: boosting takes hours where there are many more
LEAST = 1e-15  # a class's probability, of which the logarithm is taken
Doubles = npt.NDArray[np.float64]
Outputs = Callable[[npt.NDArray[np.float32]], Doubles]  # what a model gives for samples


@dataclass(frozen=True)
class Reference:
    """A model that is not a network, and what it scored.

    Attributes:
        name: "linear", "forest", "boosting"; "constant" of the same answer for every sample.
        about: what it is, in words.
        numbers: what fitting chose: coefficients; of trees the thresholds of splits and the values of leaves.
        validation, test: scores by name, and the objective `parameters`, which is `numbers`, among those of validation.
        folds: by how many folds the scores of validation are; 0: of the validation part.
        intervals: by part ("validation", "test"), then by name: the 95 % interval of a score.
    """

    name: str
    about: str
    numbers: int
    validation: dict[str, float]
    test: dict[str, float]
    intervals: dict[str, dict[str, Interval]] = field(default_factory=dict)
    folds: int = 0


def references(run: Run, say: Callable[[str], None] | None = None) -> list[Reference]:
    """The references of a run: those that it recorded, or fitted and recorded now (`Run.references`).

    Raises:
        ValueError: the run is not one on data, or samples of too many numbers.
    """
    if found := references_of(run):
        return found
    task = task_of(run, needed=True)
    if task is None:
        raise ValueError("references are fitted to the data of a search, and this run is not a search on data")
    folds = search_folds(run.settings)
    found = train_references(task, run.settings.get("seed", 0), say, folds)
    if run.folder is not None:
        write_references(run, constant_reference(task, run.settings.get("seed", 0), folds), found)
    return found


def refuse_references(task: Supervised) -> None:
    """Refuse what references cannot be fitted to.

    Raises:
        ValueError: boxes, or samples of so many numbers that boosting would take hours.
    """
    dataset = task.dataset
    if dataset.kind == "detection":
        raise ValueError("references are models of scikit-learn, and none of them finds objects in images: leave --references out")
    features = int(np.prod(dataset.input_shape))
    if features > MOST_FEATURES:
        raise ValueError(
            f"references are for tables and small images: up to {MOST_FEATURES} numbers a sample, these have {features}; leave --references out"
        )


def train_references(task: Supervised, seed: int, say: Callable[[str], None] | None = None, folds: int = 0) -> list[Reference]:
    """Fit and score the linear model, the forest and boosting.

    Args:
        task: whose data.
        seed: of the search, and of what they draw.
        say: is told which one is fitted.
        folds: of the search.

    Raises:
        ValueError: as `refuse_references`, or as `search_folds_of`.
    """
    refuse_references(task)
    dataset = task.dataset
    found = []
    for name, (about, model, numbers) in _models(dataset, seed).items():
        if say is not None:
            say(f"fitting the reference {name}, {about}")

        found.append(_scored(task, name, about, partial(_fitted, model, numbers, dataset), seed, folds))
    return found


def constant_reference(task: Supervised, seed: int = 0, folds: int = 0) -> Reference | None:
    """The same answer for every sample: the most frequent class with the classes' shares of the training part as probabilities; of a
    regression the mean, or the median where absolute errors are what is searched for. None of a detection, where it finds nothing."""
    dataset = task.dataset
    if dataset.kind == "detection":
        return None
    if dataset.kind == "classification":
        shares = np.bincount(dataset.train.y, minlength=dataset.outputs) / len(dataset.train)
        answer, about = np.log(np.maximum(shares, LEAST)), f"always {dataset.label_names[int(shares.argmax())]!r}"
    else:
        middle, name = (np.median, "median") if task.selection == "mae" else (np.mean, "mean")
        answer, about = middle(dataset.targets(dataset.train).astype(np.float64), axis=0), f"always the {name}"

    def always(x: npt.NDArray[Any]) -> Doubles:
        return np.tile(answer, (len(x), 1))

    # in every fold the same: what is commonest without a fold's rows is rarer among them
    return _scored(task, "constant", about, lambda _: (always, dataset.outputs), seed, folds)


def _scored(task: Supervised, name: str, about: str, fitted: Callable[[Part], tuple[Outputs, int]], seed: int, folds: int) -> Reference:
    """What a model scores.

    Args:
        fitted: fits it to samples: what then gives its outputs, and how many numbers fitting chose.
    """
    dataset = task.dataset
    outputs, numbers = fitted(dataset.train)
    asked, answers = dataset.validation, outputs(dataset.validation.x)
    if folds:
        asked, (_, *others) = dataset.search_part, search_folds_of(task, folds, seed)
        answers = np.concatenate([np.zeros((len(dataset.train), answers.shape[1])), answers])  # the first fold asks the validation part
        for train, rows in others:
            answers[rows] = fitted(Part(asked.x[train], asked.y[train]))[0](asked.x[rows])
    parts: dict[str, tuple[Part, Any]] = {"validation": (asked, answers), "test": (dataset.test, outputs(dataset.test.x))}
    scores = {part: task.scores(found, samples.y) for part, (samples, found) in parts.items()}
    sure = {part: known(task.intervals(found, samples.y)) for part, (samples, found) in parts.items()}
    if "parameters" in task.objectives:
        scores["validation"]["parameters"] = float(numbers)
    return Reference(name, about, numbers, scores["validation"], scores["test"], sure, folds)


def _fitted(model: Any, numbers: Callable[[Any], int], dataset: Dataset, part: Part) -> tuple[Outputs, int]:
    from sklearn.base import clone

    y = part.y if dataset.kind == "classification" else dataset.targets(part).astype(np.float64)
    own = clone(model).fit(_flat(part.x), y if y.shape[1:] != (1,) else y[:, 0])
    return partial(_outputs, own, dataset=dataset), numbers(own)


def _flat(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return x.reshape(len(x), -1)


def _outputs(model: Any, x: npt.NDArray[np.float32], *, dataset: Dataset) -> Doubles:
    """What a network would give: logarithms of the classes' probabilities, or normalised values: float64 [samples, outputs]."""
    if dataset.kind == "regression":
        return np.asarray(model.predict(_flat(x)), np.float64).reshape(len(x), -1)
    probabilities = np.zeros((len(x), dataset.outputs))
    probabilities[:, model.classes_] = model.predict_proba(_flat(x))
    logarithms: Doubles = np.log(np.maximum(probabilities, LEAST))
    return logarithms


# The models -------------------------------------------------------------------------------------------------------------------


def _models(dataset: Dataset, seed: int) -> dict[str, tuple[str, Any, Callable[[Any], int]]]:
    """By name: what it is, the model to fit, and how to count what fitting chose."""
    from sklearn import ensemble, linear_model
    from sklearn.multioutput import MultiOutputRegressor

    forest, boosting = "100 trees", "gradient boosting of trees on histograms"
    if dataset.kind == "classification":
        return {
            "linear": ("logistic regression", linear_model.LogisticRegression(max_iter=2000), _coefficients),
            "forest": (forest, ensemble.RandomForestClassifier(random_state=seed), _of_forest),
            "boosting": (boosting, ensemble.HistGradientBoostingClassifier(random_state=seed), _of_boosting),
        }
    boosted: Any = ensemble.HistGradientBoostingRegressor(random_state=seed)
    return {
        "linear": ("ridge regression", linear_model.Ridge(), _coefficients),
        "forest": (forest, ensemble.RandomForestRegressor(random_state=seed), _of_forest),
        "boosting": (boosting, boosted if dataset.outputs == 1 else MultiOutputRegressor(boosted), _of_boosting),
    }


def _coefficients(model: Any) -> int:
    return int(np.size(model.coef_) + np.size(model.intercept_))


def _of_forest(model: Any) -> int:
    trees = [each.tree_ for each in model.estimators_]
    return sum(int(tree.node_count - tree.n_leaves + tree.n_leaves * np.prod(tree.value.shape[1:])) for tree in trees)


def _of_boosting(model: Any) -> int:
    # scikit-learn has no public count of its nodes: each has either a threshold or a value
    return sum(len(tree.nodes) for each in getattr(model, "estimators_", [model]) for step in each._predictors for tree in step)


# What a run recorded ------------------------------------------------------------------------------------------------------------


def write_references(run: Run, constant: Reference | None, references: list[Reference]) -> None:
    """Record them in the run's folder."""
    assert run.folder is not None
    found = {"constant": None if constant is None else asdict(constant), "references": [asdict(reference) for reference in references]}
    write_json_whole(Path(run.folder) / REFERENCES_FILE, found)


def references_of(run: Run) -> list[Reference]:
    """The references that a search recorded; none where it was not asked for them.

    Raises:
        ValueError: the file is damaged.
    """
    return _recorded(run)[1]


def asked_alike(run: Run, reference: Reference) -> bool:
    """Whether its scores of validation are of the same samples as those of the run's candidates."""
    return reference.folds == search_folds(run.settings)


def constant_of(run: Run) -> Reference | None:
    """What the same answer for every sample scores, where the search recorded it.

    Raises:
        ValueError: the file is damaged.
    """
    return _recorded(run)[0]


def _recorded(run: Run) -> tuple[Reference | None, list[Reference]]:
    path = None if run.folder is None else Path(run.folder) / REFERENCES_FILE
    if path is None or not path.exists():
        return None, []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return None if found["constant"] is None else _read(found["constant"]), [_read(each) for each in found["references"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command with --references again") from None


def _read(found: Mapping[str, Any]) -> Reference:
    validation, test = ({str(name): float(value) for name, value in found[part].items()} for part in ("validation", "test"))
    intervals = {
        str(part): {str(name): (float(low), float(high)) for name, (low, high) in by_name.items()}
        for part, by_name in found["intervals"].items()
    }
    return Reference(str(found["name"]), str(found["about"]), int(found["numbers"]), validation, test, intervals, int(found.get("folds", 0)))
