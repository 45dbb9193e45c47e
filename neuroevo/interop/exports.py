"""`export`: what evolved, written for another program; the suffix says which."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown, unknown
from genomes.equations import Equations
from neuroevo.core.files import write_whole
from neuroevo.core.individual import Individual
from neuroevo.decode.keras_model import decoder_of
from neuroevo.deploy.proof import Network, Proof, WrongExport, prove, random_rows, rows_for
from neuroevo.interop.derived_exports import export_derived
from neuroevo.run.derived import Derived, network_named
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset

GENES = {".json": "genome", ".graphml": "GraphML", ".dot": "DOT", ".gv": "DOT"}
WRITTEN = {".py": "NumPy file", ".tex": "LaTeX formula"}
MODELS = {".keras": "Keras", ".onnx": "ONNX", ".tflite": "TensorFlow Lite", "": "SavedModel folder"}
KINDS = {**GENES, **WRITTEN, **MODELS}
STEPS = 4  # time steps over which a recurrent network's file is compared
MOVED_FLOAT64 = 1e-12  # the share by which inputs are moved to see where such a network jumps


def export(
    what: Run | Individual | Genome | Derived,
    path: str | os.PathLike[str],
    *,
    id: int | str | None = None,
    dataset: Dataset | None = None,
    say: Callable[[str], None] | None = print,
) -> Path:
    """Write a genome or its network in the format that the path's suffix names, whole or not at all.

    A network's file is loaded again, in the runtime that it is for, and compared with the network on rows of the data, or on random ones
    where the data is not known. The largest difference is said; a file that computes other numbers is not written.

    | suffix | what | of |
    | --- | --- | --- |
    | .json | the genome, which `neuroevo.load_genome` reads | every genome |
    | .graphml, .dot, .gv | its graph, for graph programs | every genome |
    | .py | a NumPy file of its own: `python net.py < inputs.csv` | NEAT, CPPN and others that say their `equations` |
    | .tex | LaTeX, one equation a node | the same, feed-forward |
    | .keras, .onnx, .tflite, none (a SavedModel folder) | the network | the same, feed-forward; trained networks |

    A CPPN with a substrate is written as the network that it describes there (`.json`, `.graphml` and `.dot`: as the CPPN itself).

    Args:
        what: an individual, a derived network, a bare genome, or a run, of which the best is written.
        path: where to.
        id: of a run, another network than its best: an individual's id, or a derived network's name.
        dataset: the data that the network was trained on: a model then takes raw inputs and gives probabilities or values in their own
            units, and a file beside it (of net.onnx, net.inputs.json) says how the columns of a table become its inputs and what its
            outputs are. A run knows its own; without any, a model takes normalised inputs and gives logits or normalised values. A `.py`
            file always does, and the file beside it says by what.
        say: what to do with the sentence about what the file was found to compute; None: nothing.

    Returns:
        The path.

    Raises:
        ValueError: a suffix that this genome cannot be written in (the sentence names those it can), or a network that the format
            cannot hold, or whose file would compute other numbers.
        ImportError: a library that the format needs is not installed.
    """
    target = Path(path)
    run = what if isinstance(what, Run) else None
    if isinstance(what, Run):
        what = what.best if id is None else network_named(what, id)
    if isinstance(what, Derived) and what.genome is not None and (target.suffix in GENES or what.weights() is None):
        what = what.genome  # which says all that is written
    if isinstance(what, Derived):
        if run is not None and dataset is None:
            dataset = dataset_of(run)
        return export_derived(what, target, dataset, say)
    if not isinstance(what, (Individual, Genome)):
        raise ValueError(f"export writes a run, an individual or a genome, got {shown(what)}")
    genome = what.genome if isinstance(what, Individual) else what
    _refuse_impossible(what, target)
    if target.suffix in MODELS:
        if run is not None and dataset is None:
            dataset = dataset_of(run)
        _write_model(what, target, dataset, say)
    elif target.suffix == ".json":
        genome.save(target)
    elif target.suffix == ".py":
        proof = _write_program(_network_genome(what), target)
        if dataset is not None:
            from neuroevo.deploy.description import write_description

            write_description(dataset, target, raw=False)
        if say is not None:
            say(f"{target}: {proof or f'not compared, since a {type(genome).__name__} has no network() of its own'}")
    else:
        write_whole(target, _text(what, target).encode())
    return target


def suffixes_of(what: Individual | Genome) -> tuple[str, ...]:
    """The suffixes that `export` can write this in; "" is a SavedModel folder."""
    genome = what.genome if isinstance(what, Individual) else what
    network, _ = _written_down(genome)
    found = list(GENES)
    if network is not None:
        found += [".py"] if network.recurrent else [".py", ".tex"]
    return (*found, *MODELS) if _why_no_model(what) == "" else tuple(found)


def _written_down(genome: Genome) -> tuple[Equations | None, str]:
    """The equations of a genome's network, or None and why there are none."""
    try:
        return genome.equations(), ""
    except NotImplementedError:
        if genome.evolves_weights:
            return None, "it does not say its equations (Genome.equations)"
        return None, "its network is made of layers, not of nodes with equations"
    except ValueError as error:
        return None, str(error)


def _why_no_model(what: Individual | Genome) -> str:
    """Why there is no `keras.Model` with this genome's weights; "" where there is one."""
    genome = what.genome if isinstance(what, Individual) else what
    if not genome.evolves_weights:
        if isinstance(what, Individual) and what.artifact is not None:
            return ""
        return "its weights are not there: only those of the front and of living parents of a run are kept (export an individual of a run)"
    try:
        decoder_of(genome)
    except TypeError as error:
        return str(error)
    if type(genome).equations is Genome.equations:
        return ""
    network, why = _written_down(genome)
    if network is None:
        return why
    return "its network is recurrent: it has a state between calls" if network.recurrent else ""


def _refuse_impossible(what: Individual | Genome, target: Path) -> None:
    suffix = target.suffix
    if suffix not in KINDS:
        raise ValueError(
            f"{target}: {unknown('suffix', suffix, [kind for kind in KINDS if kind])}; without any, a SavedModel folder"
        )
    possible = suffixes_of(what)
    if suffix in possible:
        return
    genome = what.genome if isinstance(what, Individual) else what
    kind = type(genome).__name__
    if suffix in WRITTEN:
        network, why = _written_down(genome)
        why = "its network is recurrent: it has a state between calls" if network is not None else why
    else:
        why = _why_no_model(what)
    allowed = ", ".join(suffix or "a folder" for suffix in possible)
    raise ValueError(f"this {kind} cannot be written as {KINDS[suffix]} ({target}): {why}. Possible: {allowed}")


def _network_genome(what: Individual | Genome) -> Genome:
    """Of an individual whose weights were trained for its score alone, the genome with those weights."""
    from neuroevo.decode import trained_genome

    return trained_genome(what) if isinstance(what, Individual) else what


def _text(what: Individual | Genome, target: Path) -> str:
    from neuroevo.interop import formula, graph_files

    genome = _network_genome(what)
    if target.suffix == ".graphml":
        return graph_files.graphml(genome)
    if target.suffix in (".dot", ".gv"):
        return graph_files.dot(genome)
    return formula.latex(genome.equations())


def _write_program(genome: Genome, target: Path) -> Proof | None:
    """A NumPy file, after its network was compared with the genome's (None: it has none): float64, of a recurrent one over several time
    steps."""
    from neuroevo.interop.python_file import numpy_file

    equations = genome.equations()
    text = numpy_file(equations, target.name)
    steps = STEPS if equations.recurrent else 1

    def stepped(network: Any) -> Network:
        def outputs(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            if callable(getattr(network, "reset", None)):
                network.reset()
            return np.stack([np.asarray(network(x)) for _ in range(steps)], axis=1)

        return outputs

    def load() -> Network:
        namespace: dict[str, Any] = {"__name__": "net"}
        exec(compile(text, target.name, "exec"), namespace)
        return stepped(namespace["network"])

    proof = None
    try:
        rows = random_rows((equations.inputs,), np.float64)
        if genome.evolves_weights:
            proof = prove(stepped(genome.network()), load, rows, f"Python with NumPy {np.__version__}", moved=MOVED_FLOAT64)
    except WrongExport as error:
        raise WrongExport(f"{target} was not written: {error}") from error
    write_whole(target, text.encode())
    return proof


def _write_model(what: Individual | Genome, target: Path, dataset: Dataset | None, say: Callable[[str], None] | None) -> None:
    from neuroevo.decode import build
    from neuroevo.deploy.description import WITHOUT_DOUBLES, write_description
    from neuroevo.interop.keras_files import write_model

    genome = _network_genome(what)
    if genome.evolves_weights:
        try:
            model = build(genome)
        except ValueError as error:
            held = "; a .py file can hold this " + type(genome).__name__ if ".py" in suffixes_of(what) else ""
            raise ValueError(f"{error}{held}") from None
    else:
        assert isinstance(what, Individual)
        model = what.model()
    if dataset is not None and target.suffix == ".keras":
        from neuroevo.deploy import export as export_keras

        export_keras(model, dataset, target, say=say)
    else:
        from neuroevo.deploy import raw_model

        written = model if dataset is None else raw_model(model, dataset, doubles=target.suffix not in WITHOUT_DOUBLES)
        proof = write_model(written, target, rows_for(written, dataset))
        if say is not None:
            say(f"{target}: {proof}")
    if dataset is not None:
        write_description(dataset, target)


def dataset_of(run: Run) -> Dataset | None:
    """The data of a search on data; None where the run's task has none."""
    from neuroevo.run.settings import task_from_settings
    from neuroevo.tasks.supervised import Supervised

    task: Any = run.task
    if task is None:
        try:
            task = task_from_settings(run.settings["task"])
        except ValueError:  # the fitness is a Python function
            return None
    return task.dataset if isinstance(task, Supervised) else None
