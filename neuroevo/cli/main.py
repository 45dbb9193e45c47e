"""The command line: neuroevo demo | search | resume | show | report | dashboard | plot | compare | arena | fidelity | list | doctor | train
| ensemble | predict | compress | export.

What a user did wrong is one sentence on standard error and exit code 2; a search in which every candidate failed is 1; Ctrl-C is 130.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroevo.cli import completion as complete
from neuroevo.cli.arena import add_to as add_arena_to
from neuroevo.cli.compress import add_to as add_compress_to
from neuroevo.cli.demo import add_to as add_demo_to
from neuroevo.cli.fidelity import add_to as add_fidelity_to
from neuroevo.cli.imports import ImportsAnywhere, import_module_or_file
from neuroevo.cli.look import RunFolder, add_to

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

app = typer.Typer(
    cls=ImportsAnywhere,
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode=None,  # as plain text: drawing boxes takes longer than all else that --help does
    pretty_exceptions_enable=False,
)

EXPORTED = {  # what to do with an exported file
    ".keras": " (keras.saving.load_model opens it; of a search on data, inputs are raw, outputs are probabilities or values)",
    ".py": " (needs NumPy only: python FILE < inputs.csv)",
    ".json": " (neuroevo.load_genome reads it)",
    ".dot": " (Graphviz draws it: dot -Tsvg FILE)",
}

DESCRIBED = "(how a row becomes the model's inputs, and what its outputs are)"


Id = Annotated[
    str,
    typer.Argument(
        help="The individual's id, or a derived network's name (17.1), as `neuroevo show RUN` lists them.",
        show_default=False,
        autocompletion=complete.ids,
    ),
]


MaxSeconds = Annotated[
    float | None,
    typer.Option(
        "--max-seconds-per-candidate", "--timeout", help="A candidate that takes longer is stopped and recorded failed."
    ),
]
TotalEpochs = Annotated[
    float | None,
    typer.Option(help="End after this many training epochs of all candidates together, too.", show_default=False),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(help="The same for one whose process takes more memory, such as 4GB.", show_default="4/5 of the machine's"),
]
EvaluatorName = Annotated[
    str, typer.Option(help="Where candidates are trained: {evaluators}.", autocompletion=complete.evaluators)
]
Address = Annotated[
    str | None, typer.Option(help="Of a running Ray cluster, such as host:6379; else Ray starts on this machine.")
]
GpusPerTrial = Annotated[float, typer.Option(help="Share of a GPU for each trial on Ray, such as 0.5.", min=0.0)]


@app.callback()
def parts(
    imported: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="A module or FILE.py to import first: one that registers parts of your own, or that has a run's fitness. May be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Evolve neural networks towards several objectives at once."""
    for module in imported or ():
        import_module_or_file(module)


@app.command(cls=complete.Command)
def search(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set's name, as `neuroevo list data` lists them, or a table (.csv, .xlsx, .parquet, ...), .npz, image folder, or folder of "
            "images with COCO's annotations.json.",
            show_default=False,
            autocompletion=complete.data,
        ),
    ],
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Names, with limits: 'error,parameters<20000'.",
            show_default="error,parameters; of a regression mae,parameters; of a detection ap,parameters",
            autocompletion=complete.objectives,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="How much is spent: {efforts}.",
            show_default=False,
            autocompletion=complete.presets,
        ),
    ] = None,
    evaluations: Annotated[int | None, typer.Option(help="Candidates to train.", min=1, show_default="60")] = None,
    workers: Annotated[int, typer.Option(help="Processes that train candidates.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Decides everything.", min=0)] = 1,
    run: Annotated[str | None, typer.Option(help="The run's folder; default runs/DATA.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="The column to predict, of a table; several columns of numbers as a,b or by repeating it.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Whether the target is classes, numbers, or boxes in images: classification, regression, detection.", show_default="by the data"
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Of a detection: what images are fitted into, boxes with them: pixels, or width x height as 128x96.",
            show_default="their own where that is small, else up to 128",
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="A text of a table that means that nothing is known, such as '?'; may be repeated. An empty cell always does.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column that stays although it numbers the rows or never changes; may be repeated.",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column that is left out; may be repeated.", show_default=False)
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="COLUMN=KIND",
            help="What a column is: number, category, date (or date:%d/%m/%Y), target (its texts' mean of the target) or hash; may be repeated.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Rows of one value of it stay in one part of the split: a patient, a device.",
            show_default=False,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Rows are split by it: the latest are held back to validate and to test.", show_default=False
        ),
    ] = None,
    class_weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="balanced|CLASS=WEIGHT",
            help="By how much the rows of a class count in training: balanced, so that rare classes count as much; CLASS=WEIGHT may be repeated.",
            show_default=False,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="What evolves: {encodings}; `neuroevo list encodings` says what they are.",
            show_default="network; of a detection pyramid",
            autocompletion=complete.encodings,
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="Which candidates come next: {strategies}; `neuroevo list strategies` says what they do.",
            show_default="nsga2; with one objective regularized_evolution",
            autocompletion=complete.strategies,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of the strategy or the encoding, as `neuroevo list strategies NAME` lists them; may be repeated.",
            show_default=False,
            autocompletion=complete.settings,
        ),
    ] = None,
    inheritance: Annotated[
        str,
        typer.Option(
            help="Whether children start from their parents' weights (lamarckian): {inheritances}.",
            autocompletion=complete.inheritances,
        ),
    ] = "lamarckian",
    epochs: Annotated[
        int | None, typer.Option(help="Training epochs a candidate; default by the size of the data.", min=1)
    ] = None,
    stop_early: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Stop trainings early whose learning curves say that their outcome is unlikely to matter: {stop_rules}.",
            show_default=False,
            autocompletion=complete.stop_rules,
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="End after this many seconds, too.")] = None,
    total_epochs: TotalEpochs = None,
    max_parameters: Annotated[int | None, typer.Option(help="The largest network allowed.", min=1)] = None,
    timeout: MaxSeconds = None,
    max_memory: MaxMemory = None,
    evaluator: EvaluatorName = "slots",
    address: Address = None,
    gpus_per_trial: GpusPerTrial = 0.0,
    schedule: Annotated[
        str,
        typer.Option(
            help="Whether generations are waited for, or a free worker takes the next child at once (asynchronous): {schedules}.",
            autocompletion=complete.schedules,
        ),
    ] = "synchronous",
    screen: Annotated[
        str | None,
        typer.Option(
            metavar="PROXY",
            help="Draw several candidates for each to be trained, and keep the best by this zero-cost proxy: {proxies}.",
            show_default=False,
            autocompletion=complete.proxies,
        ),
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(help="With --screen: how many are drawn, of which one is trained.", min=2, show_default="4")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Also train a plain hand-made network in the same way, to compare with.")
    ] = False,
    search_folds: Annotated[
        int | None,
        typer.Option(
            help="Score each candidate by so many folds of all rows but the test's, for which it is trained as often; 0: by the validation part.",
            min=0,
            show_default="5 of tables of fewer than 2,000 rows, kept apart by no group or time, where more than 16 candidates are trained in full; else 0",
        ),
    ] = None,
    references: Annotated[
        bool, typer.Option("--references", help="Also fit a linear model, a forest and boosting (scikit-learn), to compare with.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Validate the front by so many folds of all rows but the test's, each network trained anew on each; 0: not.",
            min=0,
            show_default="5 of tables of fewer than 2,000 rows; 0 where the search itself goes by folds",
        ),
    ] = None,
) -> None:
    """Evolve a Pareto front of trained Keras networks for DATA. The same command again goes on, or shows a complete run."""
    from neuroevo.cli.search import evolve_networks
    from neuroevo.data.columns import Columns, parse_types
    from neuroevo.data.reading import stem
    from neuroevo.evaluators import by_name
    from neuroevo.run.search import SearchSettings, parse_class_weights, parse_settings, preset_by_name
    from neuroevo.strategies import Screen

    effort = preset_by_name(preset)
    where = by_name(evaluator, workers, timeout=timeout, max_memory=max_memory, address=address, gpus_per_trial=gpus_per_trial)

    if run is not None and not run.strip():
        raise ValueError("--run is a folder such as runs/digits ('.' for the current one), got an empty text")
    folder = Path("runs") / stem(Path(data)) if run is None else Path(run)
    if candidates is not None and screen is None:
        raise ValueError(
            "--candidates are drawn to be screened: give the proxy that they are screened by, such as --screen synflow"
        )
    screened = None if screen is None else Screen(screen) if candidates is None else Screen(screen, candidates)
    asked = SearchSettings(
        data=data,
        objectives=objectives,
        target=target[0] if target and len(target) == 1 else target,
        kind=kind,
        missing=missing or (),
        columns=Columns(tuple(keep or ()), tuple(drop or ()), parse_types(types or ()), group, time),
        class_weights=parse_class_weights(class_weights or ()),
        image_size=image_size,
        encoding=encoding,
        strategy=strategy,
        inheritance=inheritance,
        epochs=epochs,
        preset_epochs=effort.epochs,
        stop_early=stop_early,
        folds=search_folds,
        max_parameters=max_parameters,
        seed=seed,
        screen=screened,
        settings=parse_settings(settings or ()),
    )
    evolve_networks(
        asked,
        folder,
        evaluations=evaluations or effort.evaluations,
        seconds=seconds,
        total_epochs=total_epochs,
        evaluator=where,
        schedule=_schedule(schedule),
        baseline=baseline,
        references=references,
        folds=folds,
    )
    _summary(folder)


@app.command(cls=complete.Command)
def resume(
    run: RunFolder,
    evaluations: Annotated[int | None, typer.Option(help="A larger budget than the run's.", min=1)] = None,
    generations: Annotated[int | None, typer.Option(help="A larger budget than the run's.", min=1)] = None,
    seconds: Annotated[float | None, typer.Option(help="The same in seconds, those of earlier sessions included.")] = None,
    total_epochs: TotalEpochs = None,
    version: Annotated[
        str | None,
        typer.Option(help="The name of your Python code that the run was given (evolve(version=...)).", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that evaluate.", min=1)] = 2,
    timeout: MaxSeconds = None,
    max_memory: MaxMemory = None,
    evaluator: EvaluatorName = "slots",
    address: Address = None,
    gpus_per_trial: GpusPerTrial = 0.0,
) -> None:
    """Go on with an interrupted run, or with a complete one under a larger budget."""
    from dataclasses import replace

    from neuroevo.cli.search import announced
    from neuroevo.evaluators import by_name
    from neuroevo.report.finish import finish
    from neuroevo.run.evolution import evolve
    from neuroevo.run.settings import search_from_settings
    from neuroevo.store import Store

    store = Store(run, writable=False)
    settings = store.read_json("config.json")
    store.close()
    if settings is None:
        raise ValueError(f"{run} has no config.json: it is not a run")
    arguments = search_from_settings(settings)
    given = (("evaluations", evaluations), ("generations", generations), ("seconds", seconds), ("epochs", total_epochs))
    larger = {name: value for name, value in given if value is not None}
    arguments["budget"] = replace(arguments["budget"], **larger)
    where = by_name(
        evaluator, workers, timeout=timeout, max_memory=max_memory, address=address, gpus_per_trial=gpus_per_trial,
        threads=settings.get("threads", 1),
    )  # fmt: skip
    finish(evolve(**arguments, run=run, version=version, evaluator=where, progress=True), say=announced)
    _summary(run)


@app.command()
def show(
    run: RunFolder,
    id: Annotated[
        str | None,
        typer.Argument(
            help="One individual of it, or a network derived from one (17.1).", show_default=False, autocompletion=complete.ids
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Settings, counts and front as JSON.")] = False,
) -> None:
    """Show a run (also while it goes on), or one of its networks."""
    from neuroevo.report.text import network_table, run_json, run_table
    from neuroevo.run.run import load_run

    loaded = load_run(run, lazy=True)
    if as_json:
        print(json.dumps(run_json(loaded), indent=2))
    elif id is None:
        print(run_table(loaded))
    else:
        print(network_table(loaded, id))


@app.command()
def doctor(
    run: RunFolder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; nothing that could be kept is lost.")
    ] = False,
    without_state: Annotated[
        bool,
        typer.Option("--without-state", help="With --repair: set the last state aside; the search then goes through its record."),
    ] = False,
) -> None:
    """Say what is wrong with a run's folder, and repair it. Exit code 1 while something is wrong."""
    from neuroevo.store.doctor import examine

    if without_state and not repair:
        raise typer.BadParameter("it changes the folder: give --repair, too", param_hint="--without-state")
    found = examine(run, repair=repair, without_state=without_state)
    for finding in found.findings:
        print(f"wrong: {finding.what}")
        if not repair and not found.busy and finding.remedy:
            print(f"  --repair: {finding.remedy}")
    for done in found.repaired:
        print(f"repaired: {done}")
    for finding in found.left if repair else ():
        print(f"still wrong: {finding.what}")
    if found.busy:
        print(found.busy)
    if not found.left and not found.busy:
        print(f"{run} is in order{'; to go on: neuroevo resume ' + str(run) if found.repaired else ''}")
    if found.left:
        raise SystemExit(1)


@app.command()
def train(
    run: RunFolder,
    id: Id,
    epochs: Annotated[int, typer.Option(help="Training epochs.", min=1)] = 60,
    augment: Annotated[bool, typer.Option(help="Train on shifted copies of the images, too.")] = False,
    every_row: Annotated[
        bool,
        typer.Option("--all", help="Train on every row, the test data's, too: for use, when all choices are made; it cannot be tested then."),
    ] = False,
    always: Annotated[
        bool, typer.Option("--always", help="Do not try first: write the trained network even where training makes it worse.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Where to write the model; default RUN/ID.keras.")] = None,
) -> None:
    """Train one network of a run to the end, on train and validation data; test it before and after.

    First the same training is tried on the training data alone: where that makes the validation score worse, the network is written as it
    was. Else the trained network is also recorded in the run, as a child of what it was (17.1 of 17).
    """
    from neuroevo.cli.chosen import train_to_the_end
    from neuroevo.deploy.description import description_path, notes_beside
    from neuroevo.store import StoreError

    path = output or run / f"{id}.keras"
    final, child = train_to_the_end(run, id, epochs=epochs, augment=augment, path=path, always=always, every_row=every_row)
    for name, score in final.validation_before.items():
        after = final.validation_after[name]
        print(f"validation {name}: {score:.4g} before, {after:.4g} after {epochs} more epochs on the training data alone")
    if final.left_alone:
        print("training makes it worse on the validation data: it is written as it was (--always writes the trained one)")
    if every_row and not final.left_alone:
        print(f"trained for {epochs} more epochs on every row, the test data's, too: what it scores on new data, no row is left to tell")
        for name, score in final.before.items():
            print(f"test {name}: {score:.4g} before")
    for name, score in final.after.items():
        before = f"{final.before[name]:.4g} before, " if name in final.before else ""
        trained = f"{before}{score:.4g} after {epochs} more epochs on train + validation"
        print(f"test {name}: {f'{score:.4g} as it was' if final.left_alone else trained}")
    print(f"written: {path}")
    print(f"written: {description_path(path)} {DESCRIBED}")
    for note in notes_beside(path):
        print(f"note: {note}")
    if isinstance(child, StoreError):
        print(f"not recorded in the run: {child}")
    elif child is not None:
        print(f"recorded: {child.name} (neuroevo show {run} {child.name})")


@app.command()
def ensemble(
    run: RunFolder,
    rounds: Annotated[int, typer.Option(help="Networks that are added at most, each perhaps several times.", min=1)] = 20,
    of: Annotated[
        str, typer.Option(help="Which networks: front, or kept (every one whose weights the run still has).", metavar="front|kept")
    ] = "front",
    output: Annotated[
        Path | None, typer.Option(help="A .keras file to write as well; it takes raw inputs.", show_default=False)
    ] = None,
) -> None:
    """Choose networks of a run that are better together than each alone, as one model: greedily, by what the search chose by (validation data, or folds).

    In each round the network is added, or added again, with which the mean of all answers scores best. The ensemble is recorded in the run as a
    child of the first one, with the size of all; show, export and predict know it by its name.
    """
    from neuroevo.cli.chosen import chosen_ensemble

    found = chosen_ensemble(run, rounds=rounds, of=of, path=output)
    name, (first, *_) = found.score, found.members
    asked = f"{found.folds} folds" if found.folds else "validation"
    if found.derived is None:
        print(f"no combination is better by {asked} than {first} alone ({name} {found.single[name]:.4g}): nothing was made")
        return
    listed = ", ".join(f"{id}{f' ({times} times)' if times > 1 else ''}" for id, times in found.members.items())
    print(f"chosen: {listed}")
    for score, value in found.scores.items():
        print(f"{asked} {score}: {found.single[score]:.4g} of {first} alone, {value:.4g} of the ensemble")
    for score, value in found.derived.test.items():
        print(f"test {score}: {value:.4g} of the ensemble")
    print(f"parameters: {found.derived.parameters:,}, {found.derived.size:,} bytes")
    if found.path is not None:
        print(f"written: {found.path}{EXPORTED['.keras']}")
    print(f"recorded: {found.derived.name} (neuroevo show {run} {found.derived.name})")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A run's folder (its best network), or a .keras file.", show_default=False)],
    file: Annotated[
        Path, typer.Argument(help="Raw inputs: a table, .npz, .npy, an image or a folder of images.", show_default=False)
    ],
    id: Annotated[
        str | None, typer.Option(help="Another network of the run than its best: an individual, or a derived one (17.1).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            help="Write a .csv instead: a row for each input, with its class and the probability of every class; of a detection one for each box.",
            show_default=False,
        ),
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Of a detection: also write each image with the boxes drawn on it.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Of two classes: the probability from which on the second is said. `neuroevo show RUN ID` says which is best by validation data. "
            "Of a detection: the score from which on a box is said.",
            show_default="the more probable class; of a detection 0.3",
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="A text of a table that means that nothing is known, beside those of the search; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Predict with a run's network, or with an exported one: one line for each input."""
    from neuroevo.cli.chosen import predictions
    from neuroevo.core.files import write_whole
    from neuroevo.data import InputWarning
    from neuroevo.deploy import predictions_csv, predictions_json

    if output is not None and output.suffix != ".csv":
        raise ValueError(f"predictions are written to a .csv file, got {output}; for JSON: --json")
    with warnings.catch_warnings(record=True) as odd:
        warnings.simplefilter("always", UserWarning)
        found = predictions(model, file, name=id, missing=missing or (), threshold=threshold)
    for note in odd:
        if note.category is InputWarning:
            print(f"note: {note.message}", file=sys.stderr)
    if draw is not None:
        from neuroevo.plots.drawn_boxes import draw_predictions

        if any(one.boxes is None for one in found):
            raise ValueError("--draw is of a detection, and this network finds no boxes")
        drawn = draw_predictions(found, file, draw)
        print(f"written: {len(drawn)} images with their boxes in {draw}", file=sys.stderr)
    if output is not None:
        write_whole(output, predictions_csv(found).encode())
    if as_json:
        print(json.dumps(predictions_json(found), indent=2))
    elif output is not None:
        print(f"written: {output} ({len(found)} predictions)")
    else:
        for prediction in found:
            print(prediction)


@app.command()
def export(
    run: RunFolder,
    id: Id,
    path: Annotated[
        Path,
        typer.Argument(
            help="What to write: .keras, .onnx, .tflite or a new folder (SavedModel); .json, .graphml or .dot; of NEAT and CPPNs also "
            ".py (NumPy alone) and .tex (a formula).",
            show_default=False,
        ),
    ],
) -> None:
    """Write one network for other programs, in the format of FILE's suffix; a network trained on data takes raw inputs."""
    from neuroevo.cli.chosen import export_network
    from neuroevo.deploy.description import notes_beside

    description = export_network(run, id, path)
    print(f"written: {path}{EXPORTED.get(path.suffix, '')}")
    if description is not None:
        print(f"written: {description} {DESCRIBED}")
        for note in notes_beside(path):
            print(f"note: {note}")


add_to(app)
add_fidelity_to(app)
add_arena_to(app)
add_compress_to(app)
add_demo_to(app)


def _schedule(name: str) -> Any:
    from neuroevo.run.search import SCHEDULES

    if name not in SCHEDULES:
        raise ValueError(f"schedule must be {' or '.join(SCHEDULES)}, got {name!r}")
    return name


def _summary(folder: Path) -> None:
    from neuroevo.report.text import run_table
    from neuroevo.run.run import load_run

    print(run_table(load_run(folder, lazy=True)))


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn what a user can mend into one sentence and an exit code."""
    try:
        yield
    except RuntimeError as error:
        from neuroevo.run.loop import SearchFailed

        if not isinstance(error, SearchFailed):
            raise
        _fail(error, 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except KeyError as error:
        _fail(error.args[0] if error.args else error, 2)
    except (ValueError, FileNotFoundError, PermissionError, ImportError) as error:
        if os.environ.get("NEUROEVO_TRACEBACK"):
            raise
        _fail(error, 2)
    except OSError as error:
        _fail(error, 2)


def _fail(error: Any, code: int) -> None:
    from neuroevo.cli.words import in_typed_words

    if isinstance(error, OSError) and error.strerror and error.filename is not None:  # else it is a sentence of ours
        error = f"{str(error.filename).removesuffix('.tmp')}: {error.strerror}"
    print(f"neuroevo: {in_typed_words(' '.join(str(error).split()))}", file=sys.stderr)
    raise SystemExit(code)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Windows writes to files and pipes in an encoding that lacks arrows
            stream.reconfigure(errors="backslashreplace")
    with _one_sentence():
        app()


if __name__ == "__main__":
    main()
