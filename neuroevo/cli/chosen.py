"""What the command line does with one network of a run: train it to the end, export it, predict with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.core.individual import Individual
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.run import Run, load_run
from neuroevo.run.settings import task_from_settings
from neuroevo.store import StoreError

if TYPE_CHECKING:
    from neuroevo.deploy.ensembles import Ensemble
    from neuroevo.deploy.final import FinalTraining
    from neuroevo.deploy.prediction import Prediction
    from neuroevo.tasks.supervised import Supervised


def train_to_the_end(
    run: Path, name: str, *, epochs: int, augment: bool, path: Path, always: bool = False, every_row: bool = False
) -> tuple[FinalTraining, Derived | StoreError | None]:
    """Train one network of a run on train + validation data, export it and record it as a child of what it was: as it was, and without a
    child, where training on the training data alone makes it worse on the validation data, unless `always`.

    Returns:
        The training; and the child, or why it could not be recorded, or None for a network that was left as it was.
    """
    from neuroevo.deploy import export
    from neuroevo.deploy.description import write_description
    from neuroevo.deploy.final import arrays_of
    from neuroevo.deploy.final import train_to_the_end as train

    loaded, task, chosen = _network(run, name)
    genome = chosen.genome
    if genome is None:
        assert isinstance(chosen, Derived)
        raise ValueError(
            f"{name} is a {chosen.kind} without a genome: only networks with a genome can be trained on here; train it in Keras, and record "
            "it by run.derive"
        )
    if isinstance(chosen, Derived):
        weights: Any = chosen.weights()
    else:
        weights = None if chosen.artifact is None else chosen.artifact.load()
    seed = loaded.settings["seed"]
    final = train(genome, task, weights=weights, epochs=epochs, augment=augment, seed=seed, try_first=not always, every_row=every_row)
    export(final.model, task.dataset, path)  # it says by how much the file differs
    write_description(task.dataset, path)
    if final.left_alone:
        return final, None
    details: dict[str, Any] = {"trained_on": "train + validation + test" if every_row else "train + validation", "epochs": epochs, "augmented": augment}
    if final.validation_after:
        details["validation_scores"] = "of the same training on the training data alone"
    try:
        arrays = arrays_of(final.model, genome, weights)
        made = {"operators": ("train",), "scores": final.validation_after, "details": details, "tested": not every_row}
        return final, loaded.derive(name, genome, weights=arrays, **made)  # type: ignore[arg-type]
    except StoreError as error:  # its training is not lost: the file is written
        return final, error


def chosen_ensemble(run: Path, *, rounds: int, of: str, path: Path | None) -> Ensemble:
    """Choose an ensemble of a run's networks, record it, and write it where a path is given, with the description of its inputs."""
    from neuroevo.deploy.description import write_description
    from neuroevo.deploy.ensembles import ensemble

    loaded, task, _ = _network(run, None)
    loaded.task = task
    found = ensemble(loaded, rounds=rounds, of=of, path=path, say=print)  # type: ignore[arg-type]
    if found.path is not None:
        write_description(task.dataset, found.path)
    return found


def export_network(run: Path, name: str, path: Path) -> Path | None:
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
    export(loaded, path, id=name, dataset=dataset)
    return None if dataset is None else description_path(path)


def predictions(
    model: Path, file: Path, *, name: str | None = None, missing: Sequence[str] = (), threshold: float | None = None
) -> list[Prediction]:
    """Predictions of a run's network (its best, or that named) or of a `.keras` file.

    Args:
        missing: further texts of a table that mean that nothing is known.
        threshold: of two classes: the probability from which on the second is said; None: a half.
    """
    from neuroevo.deploy import predict, raw_model
    from neuroevo.deploy.derived import raw_network
    from neuroevo.deploy.keras_file import details

    if model.is_dir():
        _, task, chosen = _network(model, name)
        network = raw_network(chosen, task.dataset) if isinstance(chosen, Derived) else raw_model(chosen.model(), task.dataset)
        source: Any = (network, details(task.dataset, doubles=False))
    else:
        source = model
    return predict(source, file, missing=missing, threshold=threshold)


def _network(run: Path, name: str | None) -> tuple[Run, Supervised, Individual | Derived]:
    loaded = load_run(run)
    task: Any = task_from_settings(loaded.settings["task"])
    if not hasattr(task, "dataset"):
        raise ValueError(
            f"{run} is not a search on data; only networks trained on data can be trained on, exported or asked to predict"
        )
    recorded = loaded.settings["task"].get("digest")
    if recorded not in (None, task.dataset.digest()):
        raise ValueError(
            f"the data {loaded.settings['task'].get('data')} are not those of the search any more (or are read in another way now), so its "
            "networks would be given other inputs than they were trained on; put the data back, or search again"
        )
    return loaded, task, loaded.best if name is None else network_named(loaded, name)
