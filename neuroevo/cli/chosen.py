"""What the command line does with one network of a run: train it to the end, export it, predict with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.core.individual import Individual
from neuroevo.run.run import Run, load_run
from neuroevo.run.settings import task_from_settings

if TYPE_CHECKING:
    from neuroevo.deploy.final import FinalTraining
    from neuroevo.deploy.prediction import Prediction
    from neuroevo.tasks.supervised import Supervised


def train_to_the_end(run: Path, id: int, *, epochs: int, augment: bool, path: Path, always: bool = False) -> FinalTraining:
    """Train one network of a run on train + validation data and export it: as it was, where training on the training data alone makes it
    worse on the validation data, unless `always`."""
    from neuroevo.deploy import export
    from neuroevo.deploy.description import write_description
    from neuroevo.deploy.final import train_to_the_end as train

    loaded, task, individual = _individual(run, id)
    weights = None if individual.artifact is None else individual.artifact.load()
    seed = loaded.settings["seed"]
    final = train(individual.genome, task, weights=weights, epochs=epochs, augment=augment, seed=seed, try_first=not always)
    export(final.model, task.dataset, path)
    write_description(task.dataset, path)
    return final


def export_individual(run: Path, id: int, path: Path) -> Path | None:
    """Write one network of a run in the format of the path's suffix; one trained on data takes raw inputs.

    Returns:
        Where the model's inputs and outputs are described; None where it was not trained on data.

    Raises:
        ValueError: it cannot be written so; the sentence says what is possible.
    """
    from neuroevo.deploy.description import description_path
    from neuroevo.interop.exports import MODELS, dataset_of, export

    loaded = load_run(run)
    dataset = dataset_of(loaded) if path.suffix in MODELS else None
    export(loaded, path, id=id, dataset=dataset)
    return None if dataset is None else description_path(path)


def predictions(model: Path, file: Path, *, id: int | None = None) -> list[Prediction]:
    """Predictions of a run's network (its best, or `id`) or of a `.keras` file."""
    from neuroevo.deploy import predict, raw_model
    from neuroevo.deploy.keras_file import details

    if model.is_dir():
        loaded = load_run(model)
        _, task, individual = _individual(model, loaded.best.id if id is None else id)
        source: Any = (raw_model(individual.model(), task.dataset), details(task.dataset))
    else:
        source = model
    return predict(source, file)


def _individual(run: Path, id: int) -> tuple[Run, Supervised, Individual]:
    loaded = load_run(run)
    task: Any = task_from_settings(loaded.settings["task"])
    if not hasattr(task, "dataset"):
        raise ValueError(
            f"{run} is not a search on data; only networks trained on data can be trained on, exported or asked to predict"
        )
    return loaded, task, loaded[id]
