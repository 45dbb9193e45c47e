"""`neuroevo compress`: a network of a run, or a model in a file, made smaller: pruned, quantized, distilled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroevo.cli import completion as complete


def compress(
    what: Annotated[
        str,
        typer.Argument(
            help="A run's folder, or a .keras file that takes raw inputs (with --data).",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ],
    id: Annotated[
        str | None,
        typer.Argument(
            help="Of a run: the individual, or a network derived from one (17.1).",
            show_default="the best",
            autocompletion=complete.ids,
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="What decides which neurons go (several compare them): shapley, magnitude, taylor, activation, leave_one_out, random; or "
            "quantize; or distil.",
        ),
    ] = "shapley",
    keep: Annotated[
        str | None,
        typer.Option(help="The share that is kept, or several: 0.75,0.5,0.25.", show_default="0.5; with --max-loss none"),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            help="How much worse the validation score may become: the smallest network that holds it.", show_default=False
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="What goes as a whole: neurons (filters), layers or weights; of NEAT genomes connections or nodes.",
            show_default="neurons, connections",
        ),
    ] = None,
    measure: Annotated[
        str | None, typer.Option(help="What the share is of: parameters or neurons.", show_default="parameters")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="In how many steps, each with its own repair.", min=1, show_default="1")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Training after each step; 0 for none.", min=0, show_default="half of what a new network gets"),
    ] = None,
    refit: Annotated[
        bool, typer.Option(help="Fit the layers that lost inputs to what they computed, before training.")
    ] = True,
    permutations: Annotated[
        int | None, typer.Option(help="Orders that Shapley values are sampled from, at most.", min=2, show_default="120")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Of quantization: int8, dynamic, float16 (LiteRT files), keras_int8 (dense networks alone).", show_default="int8"
        ),
    ] = None,
    integers: Annotated[
        bool, typer.Option("--integers", help="An int8 file that also takes and gives integers.")
    ] = False,
    into: Annotated[
        int | None,
        typer.Option(
            help="Of distillation: the individual whose network learns.",
            show_default="the best of the front with half of the parameters",
        ),
    ] = None,
    teaching: Annotated[
        float | None,
        typer.Option(help="Of distillation: the share of the loss that comes from the teacher; 0 trains alone.", show_default="0.9"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Of distillation: by which both networks' logits are divided.", show_default="1"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Of a .keras file: the data to compress it on, as for search.", autocompletion=complete.data),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: the column to predict.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Of a .keras file: where to write; of several, their names begin so.", show_default="beside it"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides what is drawn.", min=0, show_default="the run's; 1")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was made as JSON.")] = False,
) -> None:
    """Make a network smaller: prune, quantize or distil it. Results are children in the run, or files beside the model."""
    from neuroevo.report.compression import comparison_rows, compression_table

    say = None if as_json else print
    shares = _shares(keep, max_loss)
    names = [name.strip() for name in method.split(",") if name.strip()]
    if not names:
        raise ValueError("--method names what is done, such as shapley or quantize, got an empty text")
    of_run = (Path(what) / "run.db").exists() or Path(what).is_dir()
    if of_run and (data is not None or target is not None or output is not None):
        raise ValueError("--data, --target and --output belong to a .keras file; a run has its data, and its children lie in its folder")
    rows: list[dict[str, Any]] = []
    for name in names:
        taught = {"teaching": teaching, "temperature": temperature}
        settings = _settings(name, measure, rounds, epochs, refit, permutations, kind, integers, taught)
        limits = _limits(name, shares, max_loss, given=keep is not None)
        if of_run:
            from neuroevo.compress.compression import compress as made

            extra = {"into": into} if name == "distil" else {}
            children = made(what, id, name, unit=_unit(name, unit), seed=seed, say=say, **limits, **extra, **settings)
            rows += [comparison_rows(child.name, child.details, child.scores, child.parameters, child.size) for child in children]
        else:
            rows += list(_files(what, name, data, target, output, unit, seed, say, limits, settings))
    print(json.dumps(rows, indent=2) if as_json else compression_table(rows))
    if of_run and not as_json:
        print(f"to see them: neuroevo show {what}; neuroevo plot {what} compression")


def _files(
    what: str,
    name: str,
    data: str | None,
    target: str | None,
    output: Path | None,
    unit: str | None,
    seed: int | None,
    say: Any,
    limits: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    from neuroevo.compress.compression import compress_file
    from neuroevo.report.compression import comparison_rows
    from neuroevo.run.search import SearchSettings, supervised_task

    path = Path(what)
    if path.suffix != ".keras":
        raise ValueError(f"a run's folder or a .keras file is compressed, got {what}")
    if data is None:
        raise ValueError(f"give the data that {what} is compressed on: --data digits, or a table, .npz or image folder")
    seed = 1 if seed is None else seed
    task = supervised_task(SearchSettings(data=data, target=target, seed=seed))
    for one, source in compress_file(path, task, name, unit=_unit(name, unit), seed=seed, say=say, **limits, **settings):
        share = one.details.get("keep")
        suffix = one.suffix or ".keras"
        stem = f"{path.stem}-{name}" + (f"-{share:g}" if share is not None else "")
        written = path.with_name(f"{stem}{suffix}")
        if output is not None:
            several = isinstance(limits.get("keep"), Sequence) and len(limits["keep"]) > 1
            written = output.with_name(f"{output.stem}-{share:g}{output.suffix}") if several and share is not None else output
        one.save(written, source.beside)
        if say is not None:
            say(f"written: {written}")
        yield comparison_rows(str(written), one.details, one.scores, one.parameters, written.stat().st_size)


def _shares(keep: str | None, max_loss: float | None) -> list[float]:
    if keep is None:
        return []
    if max_loss is not None:
        raise ValueError("give --keep or --max-loss, one of the two")
    try:
        shares = [float(part) for part in keep.split(",") if part.strip()]
    except ValueError:
        shares = []
    if not shares or not all(0 < share < 1 for share in shares):
        raise ValueError(f"--keep takes shares between 0 and 1, such as 0.5 or 0.75,0.5,0.25, got {keep!r}")
    return shares


def _limits(name: str, shares: list[float], max_loss: float | None, *, given: bool) -> dict[str, Any]:
    """What `compress` is told about size and loss."""
    if name == "quantize":
        return {"keep": shares or None, "max_loss": max_loss}
    if name == "distil":
        if max_loss is not None:
            raise ValueError("distillation takes no --max-loss: the network that learns decides the size")
        return {"keep": shares[0] if shares else None}
    return {"max_loss": max_loss} if max_loss is not None else {"keep": shares if given else 0.5}


def _unit(name: str, unit: str | None) -> str | None:
    return None if name in ("quantize", "distil") else unit


def _settings(
    name: str,
    measure: str | None,
    rounds: int | None,
    epochs: int | None,
    refit: bool,
    permutations: int | None,
    kind: str | None,
    integers: bool,
    taught: Mapping[str, float | None],
) -> dict[str, Any]:
    """The settings that were given and that the method has."""
    if name == "quantize" and not any(value is not None for value in taught.values()):
        return {**({"kind": kind} if kind is not None else {}), **({"integers": True} if integers else {})}
    if name != "quantize" and (kind is not None or integers):
        raise ValueError(f"--kind and --integers belong to --method quantize, got {name}")
    taught = {key: value for key, value in taught.items() if value is not None}
    if name == "distil":
        return taught | ({"epochs": epochs} if epochs else {})
    if taught:
        raise ValueError(f"--teaching and --temperature belong to --method distil, got {name}")
    given = {"measure": measure, "rounds": rounds, "epochs": epochs, "permutations": permutations, **({} if refit else {"refit": False})}
    return {key: value for key, value in given.items() if value is not None}


def add_to(app: typer.Typer) -> None:
    """Make this a command of the application."""
    app.command(cls=complete.Command)(compress)
