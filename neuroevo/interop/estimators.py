"""scikit-learn estimators whose `fit` is a search: its best network predicts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from genomes.base import shown, unknown
from neuroevo.core.individual import Individual
from neuroevo.data import fitting, table
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import Dataset, InputWarning, Kind, Part
from neuroevo.data.encoded import targets_of
from neuroevo.data.frames import as_pandas, is_frame, typed
from neuroevo.data.loading import comparable, kept_apart, statistics
from neuroevo.data.normalisation import Normalisation
from neuroevo.data.roles import roles
from neuroevo.data.splitting import FEWEST, Apart, Rows, hold_back
from neuroevo.data.unlike import unlike
from neuroevo.estimation.folded import first_fold
from neuroevo.run.run import Run
from neuroevo.run.search import PRESETS, Preset, estimation_by_names, folds_for, space_by_encoding, strategy_by_name
from neuroevo.run.sizes import begun_settings, begun_strategy
from neuroevo.strategies.base import Strategy
from neuroevo.tasks.supervised import Supervised

Floats = npt.NDArray[np.float64]

EFFORTS = {"minimal": Preset(2, None), **PRESETS}
VALIDATION = 0.25  # of the samples of each class; the search chooses by them
ROWS = 4096  # predicted at once


@dataclass(frozen=True)
class _Inputs:
    """How what a user gives becomes normalised numbers.

    Args:
        columns: of a table with texts or holes (see `neuroevo.data.table`); None for numbers.
        shape: of one sample.
        normalisation: of features or channels.
    """

    columns: dict[str, Any] | None
    shape: tuple[int, ...]
    normalisation: Normalisation

    @staticmethod
    def of_numbers(x: Any, rows: npt.NDArray[np.int64], shape: tuple[int, ...] | None) -> tuple[_Inputs, Floats]:
        """Learned from the training rows alone; and all samples, normalised: float64 [samples, *shape]."""
        values = _numbers(x)
        shape = shape or values.shape[1:]
        inputs = _Inputs(None, shape, statistics(_shaped(values, shape)[rows]))
        return inputs, inputs(x)

    @staticmethod
    def of_table(
        values: npt.NDArray[Any], described: dict[str, Any], rows: npt.NDArray[np.int64], shape: tuple[int, ...] | None
    ) -> tuple[_Inputs, Floats]:
        """The same of a table's features, [samples, features]."""
        shape = shape or values.shape[1:]
        shaped = _shaped(values, shape)
        inputs = _Inputs(described, shape, statistics(shaped[rows], described if len(shape) == 1 else None))
        return inputs, inputs.normalisation.in_float64(shaped)

    def __call__(self, x: Any) -> Floats:
        """Normalised samples: float64 [samples, *shape]."""
        values = _numbers(x if self.columns is None else table.features(typed(as_pandas(x)), self.columns))
        return self.normalisation.in_float64(_shaped(values, self.shape))

    def unlike(self, x: Any) -> list[str]:
        """What samples of a table hold that those to train on did not, in sentences."""
        return [] if self.columns is None else unlike(typed(as_pandas(x)), self.columns)


def _numbers(x: Any) -> npt.NDArray[Any]:
    """Whole numbers as they are, which float64 may not hold apart (nanoseconds since 1970); all others as float64."""
    values = np.asarray(x)
    return values if values.dtype.kind in "iu" else values.astype(np.float64)


def _shaped(values: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if values[:1].size not in (0, int(np.prod(shape))):
        raise ValueError(f"input_shape {shape} needs {int(np.prod(shape))} features, X has {values.shape[1]}")
    return values.reshape(len(values), *shape)


def split(y: npt.NDArray[Any] | None, samples: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to train on and to validate on: a quarter of the samples of each class; of few samples, all for both.

    Args:
        y: int [samples], classes; None for a regression.
        samples: how many.
        seed: decides.
    """
    rng = np.random.default_rng(seed)
    groups = [np.arange(samples)] if y is None else [np.flatnonzero(y == label) for label in np.unique(y)]
    train, validation = [], []
    for group in groups:
        shuffled = rng.permutation(group)
        held = round(VALIDATION * len(group))
        validation.append(shuffled[:held])
        train.append(shuffled[held:])
    rows = np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))
    return rows if len(rows[1]) else (rows[0], rows[0])


def split_apart(y: npt.NDArray[Any] | None, samples: int, seed: int, apart: Apart | None) -> tuple[Rows, Rows]:
    """The same where copies of a row, or a group, are in one of the two, or where the latest are held back.

    Args:
        apart: None: nothing belongs together.
    """
    if apart is not None and apart.times is not None:
        later = apart.times >= np.quantile(apart.times, 1 - VALIDATION)
        return (np.flatnonzero(~later), np.flatnonzero(later)) if not later.all() else (np.arange(samples),) * 2
    if apart is None or apart.together is None or len(np.unique(apart.together)) < FEWEST:
        return split(y, samples, seed)
    held = hold_back(apart.together, y, VALIDATION, np.random.default_rng(seed))
    return np.flatnonzero(~held), np.flatnonzero(held)


def _is_table(x: Any) -> bool:
    """Whether this is a data frame with texts, booleans, dates or holes, which becomes features as a .csv does."""
    return is_frame(x) and not table.numeric_frame(as_pandas(x))


class _NeuroEvoEstimator(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share."""

    _kind: ClassVar[Kind]

    best_: Individual
    run_: Run
    dataset_: Dataset
    n_features_in_: int

    def __init__(
        self,
        preset: str = "quick",
        *,
        evaluations: int | None = None,
        epochs: int | None = None,
        strategy: str | Strategy = "nsga2",
        objectives: str | Sequence[Any] | None = None,
        encoding: str = "network",
        max_parameters: int | None = None,
        input_shape: tuple[int, ...] | None = None,
        columns: Columns | Mapping[str, Any] | None = None,
        workers: int = 1,
        run: str | Path | None = None,
        progress: bool = False,
        random_state: Any = None,
    ) -> None:
        self.preset = preset
        self.evaluations = evaluations
        self.epochs = epochs
        self.strategy = strategy
        self.objectives = objectives
        self.encoding = encoding
        self.max_parameters = max_parameters
        self.input_shape = input_shape
        self.columns = columns
        self.workers = workers
        self.run = run
        self.progress = progress
        self.random_state = random_state

    def _search(self, x: Any, y: npt.NDArray[Any], names: tuple[str, ...], columns: bool) -> None:
        """Search for networks for samples whose targets are `y` (classes by number, or values [samples, outputs])."""
        from neuroevo.run.budget import Budget
        from neuroevo.run.evolution import evolve

        if self.preset not in EFFORTS:
            raise ValueError(unknown("preset", self.preset, tuple(EFFORTS)))
        effort = EFFORTS[self.preset]
        evaluations = effort.evaluations if self.evaluations is None else self.evaluations
        epochs = effort.epochs if self.epochs is None else self.epochs
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.dataset_ = self._dataset(x, y, names, columns, seed)
        task = self._task(seed)
        strategy = self.strategy
        if not isinstance(strategy, Strategy):
            strategy = strategy_by_name(strategy, "lamarckian", evaluations=evaluations, begun=begun_strategy(self.run))
        self.run_ = evolve(
            space_by_encoding(self.encoding, task, self.max_parameters),
            task,
            strategy=strategy,
            estimation=estimation_by_names(task, epochs, None, strategy, self._folds(task, strategy, evaluations), begun_settings(self.run)),
            budget=Budget(evaluations=evaluations),
            seed=seed,
            workers=self.workers,
            run=self.run,
            progress=self.progress,
        )
        self.best_ = self.run_.best
        self._weights = dict(first_fold(self.best_.artifact.load())) if self.best_.artifact is not None else {}
        self._built: list[Any] = []  # the network, once it was needed

    def _folds(self, task: Supervised, strategy: Strategy, evaluations: int) -> int:
        """By how many folds the search scores its candidates: not where groups or times say what may be asked together, which the task does not know."""
        said = Columns.of(self.columns)
        apart = said.group is not None or said.time is not None
        return folds_for(0 if apart else None, task, strategy, evaluations, begun_settings(self.run))

    def _task(self, seed: int) -> Supervised:
        from neuroevo import tasks

        kind = tasks.Classification if self._kind == "classification" else tasks.Regression
        task: Supervised = kind(self.dataset_, self.objectives, seed=seed)
        return task

    def _dataset(self, x: Any, y: npt.NDArray[Any], names: tuple[str, ...], columns: bool, seed: int) -> Dataset:
        """Training and validation samples; the user keeps the test samples."""
        classes = y if self._kind == "classification" else None
        notes: list[str] = []
        if columns:
            values, described, train, validation, notes = self._table(typed(x), y, names, seed)
            self._inputs, normalised = _Inputs.of_table(values, described, train, self.input_shape)
        else:
            train, validation = split(classes, len(y), seed)
            self._inputs, normalised = _Inputs.of_numbers(x, train, self.input_shape)
        inputs = normalised.astype(np.float32)
        held = Part(inputs[validation], y[validation])
        return Dataset(
            name="arrays",
            kind=self._kind,
            train=Part(inputs[train], y[train]),
            validation=held,
            test=held,
            label_names=names,
            normalisation=self._inputs.normalisation,
            target_normalisation=statistics(y[train], rounded=True) if self._kind == "regression" else None,
            columns=self._inputs.columns,
            notes=tuple(notes),
        )

    def _table(
        self, x: Any, y: npt.NDArray[Any], names: tuple[str, ...], seed: int
    ) -> tuple[Floats, dict[str, Any], Rows, Rows, list[str]]:
        """The features of a data frame, how they are made, the rows to train on and to validate on, and notes."""
        classes = self._kind == "classification"
        said = Columns.of(self.columns).resolved(list(x.columns), ())
        given = np.array(names)[y] if classes else y[:, 0] if y.shape[1] == 1 else None
        found, notes = roles(x, said, given, ("y",))
        apart, more = kept_apart(x, found, said, y, self._kind, len(names))
        train, validation = split_apart(y if classes else None, len(y), seed, apart)
        targets = targets_of(y, len(names), classes)
        of = names if targets.shape[1] == len(names) else names[1:]
        described, learned = fitting.fit(x, train, (), found, said=said, targets=targets, target_names=of)
        values = table.features(x, described)
        together = np.arange(len(y)) if apart is None or apart.together is None else apart.together
        values[train] = table.training_features(x.iloc[train], described, targets[train], together[train], seed)
        return values, described, train, validation, [*notes, *more, *learned]

    def _fitted_inputs(self, x: Any, y: Any = "no_validation", **checks: Any) -> tuple[Any, Any, bool]:
        """What was given to fit, checked: samples, targets, and whether the samples are a table."""
        columns = _is_table(x) or (self.columns is not None and is_frame(x))
        x = as_pandas(x) if columns else x
        checked = validate_data(self, x, y, ensure_min_samples=2, skip_check_array=columns, **({} if columns else checks))
        return (*checked, columns)

    def _outputs(self, x: Any) -> Floats:
        """The best network's outputs for new samples: float64 [samples, outputs], logits or normalised values."""
        check_is_fitted(self, "best_")
        columns = self._inputs.columns is not None
        if columns and not hasattr(x, "columns"):
            raise ValueError(
                "this estimator was fitted to a data frame with texts or holes: give it a data frame with the same columns"
            )
        x = validate_data(self, as_pandas(x) if columns else x, reset=False, skip_check_array=columns)
        for note in self._inputs.unlike(x):
            warnings.warn(note, InputWarning, stacklevel=3)
        inputs = self._inputs(x)
        model = self._network()
        parts = [np.asarray(model(inputs[at : at + ROWS], training=False)) for at in range(0, len(inputs), ROWS)]
        outputs: Floats = np.concatenate(parts).astype(np.float64)
        return outputs

    def _network(self) -> Any:
        """The best network in double precision: what it says of a sample does not depend on the others in the batch."""
        if not self._built:
            from neuroevo.decode import build, set_weights

            model = build(self.best_.genome, dtype="float64")
            set_weights(model, self.best_.genome, self._weights)
            self._built.append(model)
        return self._built[0]

    @property
    def model_(self) -> Any:
        """The best network as a `keras.Model` that takes raw features (of a table: see `dataset_.columns`) and gives probabilities, or
        values in their own units. Features that float32 cannot hold (milliseconds since 1970) it takes as
        `dataset_.normalisation.before_float32` makes them. `neuroevo.interop.export(estimator.best_, path, dataset=estimator.dataset_)` writes it."""
        check_is_fitted(self, "best_")
        from neuroevo.decode import build, set_weights
        from neuroevo.deploy import raw_model

        model = build(self.best_.genome)
        set_weights(model, self.best_.genome, self._weights)
        return raw_model(model, self.dataset_)

    def __getstate__(self) -> Any:
        """For joblib and pickle: the network without the search, whose objectives are functions."""
        state = {name: value for name, value in super().__getstate__().items() if name != "run_"}
        return {**state, "_built": []} if "_built" in state else state


class NeuroEvoClassifier(ClassifierMixin, _NeuroEvoEstimator):  # type: ignore[misc]
    """A classifier that evolves networks for the data that it is fitted to: `NeuroEvoClassifier().fit(X, y).predict(X)`.

    X is an array, or a data frame, which may have columns of texts and dates, and holes. Classes may be of any type. A quarter of the samples of
    each class is held back to choose the network by; of a table of fewer than 2,000 rows of which more than 16 networks are trained, five folds ask all
    rows.

    Args:
        preset: how much is spent: "minimal" (2 networks), "quick" or "thorough"; see `neuroevo.run.search.PRESETS`.
        evaluations: networks to train, instead of the preset's.
        epochs: of each training, instead of the preset's.
        strategy: a name such as "nsga2", "lemonade" or "random_search", or a `neuroevo.strategies.Strategy`.
        objectives: what is searched for; the first decides which network predicts. Default: "error,parameters".
        encoding: what evolves, such as "network" or "dag": those that `neuroevo search --help` names.
        max_parameters: the largest network allowed.
        input_shape: of one sample, where features are the pixels of images or steps of sequences, such as (8, 8, 1).
        columns: of a data frame, what is done with its columns (`neuroevo.data.Columns`, or a mapping such as {"group": "patient"}).
        workers: processes that train.
        run: a folder to record the search in.
        progress: whether progress is shown.
        random_state: decides everything: a number, a `RandomState`, or None for a new one at each fit.

    Attributes:
        best_: the individual whose network predicts.
        model_: that network as a `keras.Model`, from raw features to probabilities.
        run_: the search, with its front; a pickled estimator leaves it out.
        dataset_: the data as the search saw it.
        n_features_in_, feature_names_in_: as scikit-learn says.
        classes_: the classes.
    """

    _kind: ClassVar[Kind] = "classification"
    classes_: npt.NDArray[Any]

    def fit(self, X: Any, y: Any) -> Self:
        """Search.

        Args:
            X: numbers [samples, features], or a data frame.
            y: [samples], the class of each.

        Raises:
            ValueError: data or settings that cannot be used.
            SearchFailed: no network could be trained.
        """
        x, y, columns = self._fitted_inputs(X, y)
        y = comparable(np.asarray(y))
        check_classification_targets(y)
        self.classes_, numbers = np.unique(np.asarray(y).reshape(-1), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {shown(self.classes_[0])}: a classifier needs at least two")
        self._search(x, numbers.astype(np.int64), tuple(str(label) for label in self.classes_), columns)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """The probability of each class: float64 [samples, classes], in the order of `classes_`."""
        outputs = self._outputs(X)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each sample: [samples]."""
        places = self._outputs(X).argmax(axis=1)
        chosen: npt.NDArray[Any] = self.classes_[places]
        return chosen


class NeuroEvoRegressor(RegressorMixin, _NeuroEvoEstimator):  # type: ignore[misc]
    """A regressor that evolves networks for the data that it is fitted to: `NeuroEvoRegressor().fit(X, y).predict(X)`.

    X is an array, or a data frame, which may have columns of texts, and holes; y one number or several for each sample. A quarter of the
    samples is held back to choose the network by; of a table of fewer than 2,000 rows of which more than 16 networks are trained, five folds ask all rows.

    Args:
        preset: how much is spent: "minimal" (2 networks), "quick" or "thorough"; see `neuroevo.run.search.PRESETS`.
        evaluations: networks to train, instead of the preset's.
        epochs: of each training, instead of the preset's.
        strategy: a name such as "nsga2", "lemonade" or "random_search", or a `neuroevo.strategies.Strategy`.
        objectives: what is searched for; the first decides which network predicts. Default: "mae,parameters".
        encoding: what evolves, such as "network" or "dag": those that `neuroevo search --help` names.
        max_parameters: the largest network allowed.
        input_shape: of one sample, where features are the pixels of images or steps of sequences, such as (8, 8, 1).
        columns: of a data frame, what is done with its columns (`neuroevo.data.Columns`, or a mapping such as {"group": "patient"}).
        workers: processes that train.
        run: a folder to record the search in.
        progress: whether progress is shown.
        random_state: decides everything: a number, a `RandomState`, or None for a new one at each fit.

    Attributes:
        best_: the individual whose network predicts.
        model_: that network as a `keras.Model`, from raw features to values.
        run_: the search, with its front; a pickled estimator leaves it out.
        dataset_: the data as the search saw it.
        n_features_in_, feature_names_in_: as scikit-learn says.
    """

    _kind: ClassVar[Kind] = "regression"

    def fit(self, X: Any, y: Any) -> Self:
        """Search.

        Args:
            X: numbers [samples, features], or a data frame.
            y: float [samples] or [samples, values].

        Raises:
            ValueError: data or settings that cannot be used.
            SearchFailed: no network could be trained.
        """
        x, y, columns = self._fitted_inputs(X, y, multi_output=True, y_numeric=True)
        values = np.asarray(y, np.float64)
        self._single = values.ndim == 1
        values = values.reshape(len(values), -1)
        names = ("value",) if values.shape[1] == 1 else tuple(f"value {number}" for number in range(values.shape[1]))
        self._search(x, values, names, columns)
        return self

    def predict(self, X: Any) -> Floats:
        """Values in their own units: float64 [samples], or [samples, values] where y had two axes."""
        outputs = self._outputs(X)
        scale = self.dataset_.target_normalisation
        assert scale is not None
        values = scale.inverse(outputs)
        return values[:, 0] if self._single else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
