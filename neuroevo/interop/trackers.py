"""Experiment trackers: callbacks that write a run's progress for TensorBoard and for MLflow."""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.callbacks import Callback
from neuroevo.core.extras import how_to_install
from neuroevo.core.files import write_json_whole

if TYPE_CHECKING:
    from neuroevo.run.run import Run

MLFLOW_FILE = "mlflow.json"  # in the run's folder: which MLflow run a resumed run goes on with
_BATCH = 100  # parameters in one request


def generation_numbers(run: Run) -> dict[str, float]:
    """What is known of the last generation, finite numbers by name: evaluations, failures, stopped, predictions, epochs, seconds, the best
    value of each objective (of the individual that is best in the first), members and hypervolume of the front, and the strategy's own."""
    if not run.summaries:
        return {}
    row = dict(run.summaries[-1])
    best = row.pop("best", None)
    named = {f"best_{name}": value for name, value in zip(run.objectives, best or (), strict=False)}
    found = {name: value for name, value in {**row, **named}.items() if name != "generation"}
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


class TensorBoard(Callback):
    """Writes a run for TensorBoard: `callbacks=[ne.interop.TensorBoard("logs/xor")]`, then `tensorboard --logdir logs`.

    After every generation its numbers (see `generation_numbers`), at the start the settings, at the end a drawing of the best genome.
    A resumed run goes on in the same folder. TensorFlow's own writer is used.

    Args:
        folder: where to.
        drawing: whether the best genome is drawn at the end.
    """

    def __init__(self, folder: str | os.PathLike[str], *, drawing: bool = True) -> None:
        self.folder = Path(folder)
        self.drawing = drawing
        self._writer: Any = None

    def on_start(self, run: Run) -> None:
        import tensorflow

        self._writer = tensorflow.summary.create_file_writer(str(self.folder))
        if run.generation == 0:
            settings = json.dumps(run.settings, indent=2, default=str)
            with self._writer.as_default(step=0):
                tensorflow.summary.text("settings", f"```\n{settings}\n```")

    def on_generation(self, run: Run) -> None:
        import tensorflow

        with self._writer.as_default(step=run.generation):
            for name, value in generation_numbers(run).items():
                tensorflow.summary.scalar(name, value)
        self._writer.flush()

    def on_end(self, run: Run) -> None:
        import tensorflow

        if self.drawing and run.records.best is not None:
            from neuroevo.plots import genome

            with self._writer.as_default(step=run.generation):
                tensorflow.summary.image("best", pixels(genome(run.records.best))[None])
        self._writer.close()


def pixels(figure: Any, dpi: int = 100) -> npt.NDArray[np.uint8]:
    """A matplotlib figure as pixels: uint8 [height, width, 4], red, green, blue, opacity."""
    from PIL import Image

    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=dpi)
    return np.asarray(Image.open(data).convert("RGBA"), np.uint8)


class MLflow(Callback):
    """Records a run in MLflow: `callbacks=[ne.interop.MLflow("xor")]`.

    The settings become parameters, every generation's numbers (see `generation_numbers`) metrics with the generation as step, and at
    the end the best genome (JSON) and its drawing artifacts. A run that is resumed from its folder goes on in the same MLflow run.

    Args:
        experiment: the MLflow experiment, made where there is none.
        name: of the MLflow run; default: that of the run's folder.
        tracking_uri: where MLflow keeps its runs; default: as MLflow says (`MLFLOW_TRACKING_URI`).
        drawing: whether the best genome is drawn at the end.

    Raises:
        ImportError: MLflow is not installed.
    """

    def __init__(
        self, experiment: str = "neuroevo", *, name: str | None = None, tracking_uri: str | None = None, drawing: bool = True
    ) -> None:
        try:
            from mlflow import MlflowClient
        except ImportError:
            raise ImportError(f"this callback needs MLflow: {how_to_install('mlflow')}") from None
        self.experiment, self.name, self.drawing = experiment, name, drawing
        self.client: Any = MlflowClient(tracking_uri=tracking_uri)
        self.run_id = ""

    def on_start(self, run: Run) -> None:
        self.run_id = self._earlier(run)
        if self.run_id:
            self.client.update_run(self.run_id, status="RUNNING")
            return
        found = self.client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found is not None else self.client.create_experiment(self.experiment)
        name = self.name or (None if run.folder is None else run.folder.name)
        self.run_id = self.client.create_run(experiment, run_name=name).info.run_id
        if run.folder is not None:
            write_json_whole(run.folder / MLFLOW_FILE, {"run_id": self.run_id})
        self._parameters(flattened(run.settings))

    def on_generation(self, run: Run) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, run.generation) for name, value in generation_numbers(run).items()]
        self.client.log_batch(self.run_id, metrics=metrics)

    def on_end(self, run: Run) -> None:
        if run.records.best is not None:
            self.client.log_text(self.run_id, json.dumps(run.records.best.genome.to_dict(), indent=1), "best.json")
            if self.drawing:
                from neuroevo.plots import genome

                self.client.log_figure(self.run_id, genome(run.records.best), "best.png")
        status = {"error": "FAILED", "interrupted": "KILLED"}.get(run.ended, "FINISHED")
        self.client.set_terminated(self.run_id, status)

    def _earlier(self, run: Run) -> str:
        """The MLflow run that an earlier part of this run was recorded in, where it is still there."""
        from mlflow.exceptions import MlflowException

        try:
            found = json.loads((run.folder / MLFLOW_FILE).read_text(encoding="utf-8")) if run.folder is not None else None
            return str(self.client.get_run(found["run_id"]).info.run_id) if isinstance(found, dict) else ""
        except (OSError, ValueError, KeyError, MlflowException):
            return ""

    def _parameters(self, settings: Mapping[str, str]) -> None:
        from mlflow.entities import Param
        from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, MAX_PARAM_VAL_LENGTH

        parameters = [
            Param(re.sub(r"[^\w\-. /:]", "_", name)[:MAX_ENTITY_KEY_LENGTH], value[:MAX_PARAM_VAL_LENGTH])
            for name, value in settings.items()
        ]
        for first in range(0, len(parameters), _BATCH):
            self.client.log_batch(self.run_id, params=parameters[first : first + _BATCH])


def flattened(settings: Any, name: str = "") -> dict[str, str]:
    """Nested settings as texts by dotted name.

    >>> flattened({"seed": 1, "space": {"inputs": 2}})
    {'seed': '1', 'space.inputs': '2'}
    """
    if isinstance(settings, Mapping):
        found: dict[str, str] = {}
        for key, value in settings.items():
            found |= flattened(value, f"{name}.{key}" if name else str(key))
        return found
    return {name: settings if isinstance(settings, str) else json.dumps(settings, default=str)}
