"""What notebooks show: well-formed HTML, everything escaped; and a real notebook that shows it."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, CppnSpace, NeatSpace, NetworkSpace
from neuroevo.core.individual import FAILED, Individual
from neuroevo.interop.notebook import genome_html, individual_html, run_html
from neuroevo.run.live import in_notebook, progress_html

EVIL = "</td><script>alert('\"&')</script>"


def parsed(text: str) -> ElementTree.Element:
    """The HTML as a tree (ours is XML, too); images in it are pictures."""
    tree = ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", text))
    assert {element.tag for element in tree.iter()} <= {"div", "b", "table", "thead", "tbody", "tr", "th", "td", "img"}
    for image in tree.iter("img"):
        kind, _, code = image.get("src").partition(";base64,")
        data = base64.b64decode(code, validate=True)
        if kind == "data:image/png":
            assert data.startswith(b"\x89PNG")
        else:
            assert kind == "data:image/svg+xml" and ElementTree.fromstring(data).tag.endswith("svg") and b"<script" not in data
    return tree


@pytest.mark.parametrize(
    "space", [NeatSpace(inputs=2, outputs=1), CppnSpace(), CellSpace(), NetworkSpace(input_shape=(8, 8, 1), outputs=10)],
    ids=lambda space: space.encoding,
)  # fmt: skip
def test_a_genome_is_a_table_and_a_picture(space) -> None:
    genome = space.random(np.random.default_rng(0))
    tree = parsed(genome_html(genome))
    assert len(list(tree.iter("img"))) == 1 and type(genome).__name__ in "".join(tree.itertext())


def test_a_large_genome_is_pixels() -> None:
    genome = NeatSpace(inputs=60, outputs=30).random(np.random.default_rng(0))
    assert "data:image/png" in genome_html(genome) and len(genome_html(genome)) < 2_000_000


def test_an_individual_says_where_it_comes_from_and_escapes_what_others_wrote() -> None:
    genome = NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(0))
    individual = Individual(7, genome, (1.0,), names=(EVIL,), parents=(3, 4), operators=("crossover", EVIL), generation=2)
    individual.fitness.values = (0.25,)
    text = "".join(parsed(individual_html(individual)).itertext())
    assert "individual 7" in text and "3, 4" in text and "0.25" in text and EVIL in text
    individual.status, individual.reason = FAILED, EVIL
    assert EVIL in "".join(parsed(individual._repr_html_()).itertext())


def test_a_run_is_its_counts_its_front_and_its_best(tmp_path: Path) -> None:
    folder = tmp_path / "a&lt;b&c'd"
    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        lambda network: {"a": float(network(np.ones((1, 2)))[0, 0]), "b": float(-network(np.zeros((1, 2)))[0, 0])},
        objectives={"a": ne.maximise, "b": ne.maximise},
        population=20,
        budget=ne.Budget(evaluations=60),
        run=folder,
    )
    for shown in (run, ne.load_run(folder)):
        tree = parsed(run_html(shown))
        text = "".join(tree.itertext())
        assert str(folder) in text and "60" in text and len(list(tree.iter("img"))) == 1
        assert len(list(tree.iter("th"))) == 3
    parsed(ne.Run(run.space, run.objectives, {})._repr_html_())  # nothing was evaluated yet


def test_progress_in_a_notebook_escapes_its_line() -> None:
    assert progress_html("a < b", 0.5) == '<div><progress max="100" value="50.0"></progress> <code>a &lt; b</code></div>'
    assert "value" not in progress_html("", None) and not in_notebook()


@pytest.mark.slow
def test_a_real_notebook_shows_progress_runs_and_genomes() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    cells = [
        "import numpy as np, neuroevo as ne\nfrom genomes import NeatSpace\n"
        "run = ne.evolve(NeatSpace(inputs=2, outputs=1), lambda network: float(network(np.ones((1, 2)))[0, 0]), population=20, "
        "budget=ne.Budget(generations=3))",
        "run",
        "run.best",
        "run.best.genome",
        "ne.plots.progress(run)",
        "import matplotlib.pyplot\nne.plots.progress(run)",
    ]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(Path(__file__).parents[3])}}
    ).execute()
    for cell in notebook.cells[-2:]:  # with pyplot's own way of showing figures, and without
        assert [output["data"].get("image/png", "")[:8] for output in cell.outputs] == ["iVBORw0K"]
    progress, *shown = [[output.get("data", {}).get("text/html", "") for output in cell.outputs] for cell in notebook.cells[:-2]]
    assert len(progress) == 1 and "<progress" in progress[0] and "3 generations" in progress[0] and 'value="100.0"' in progress[0]
    for found, words in zip(shown, ("front", "individual", "NeatGenome"), strict=True):
        assert len(found) == 1 and words in "".join(parsed(found[0]).itertext())
