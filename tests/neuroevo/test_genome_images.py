"""The drawing of one genome of every encoding, compared with the picture that was looked at (tests/neuroevo/baselines).

After a change that is meant, draw the pictures anew, look at them, and commit them:

    python tests/neuroevo/test_genome_images.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import neuroevo as ne
from genomes import (
    BackboneSpace,
    CellSpace,
    ChainSpace,
    CppnSpace,
    DagSpace,
    NeatSpace,
    NetworkSpace,
    PyramidSpace,
    RecurrentCellSpace,
    StackSpace,
)
from genomes.base import Genome, Space
from genomes.testing import philox

FOLDER = Path(__file__).parent / "baselines"
DPI = 60
BLOCK = 8  # pixels: pictures are compared by the means of such squares, in which the smoothing of single pixels cancels out
MOST = 0.01  # root mean square of their differences, of 1: half a pixel makes 0.005
WORST = 0.08  # and no square may differ by more: half a pixel makes 0.05, a missing word 0.1


def grown(space: Space, mutations: int, seed: int = 1) -> Genome:
    genome = space.random(philox(seed, 0))
    for clock in range(1, mutations + 1):
        genome = genome.mutate(philox(seed, clock), clock=clock)
    return genome


GROWING = {"add_node_rate": 0.4, "add_connection_rate": 0.5}
GENOMES = {
    "neat": lambda: grown(NeatSpace(inputs=3, outputs=2, bias="input", **GROWING), 8),
    "neat_recurrent": lambda: grown(NeatSpace(inputs=2, outputs=1, recurrent=True, **GROWING), 9),
    "neat_large": lambda: grown(NeatSpace(inputs=3, outputs=2, activations=("tanh", "sine"), activation_mutation_rate=0.3, **GROWING), 90),
    "cppn": lambda: grown(CppnSpace(**GROWING), 10),
    "network": lambda: grown(NetworkSpace(input_shape=(16, 16, 3), outputs=10), 6),
    "network_dense": lambda: grown(NetworkSpace(input_shape=(12,), outputs=3), 4),
    "dag": lambda: grown(DagSpace((8, 8, 1), 10), 6),
    "chain": lambda: grown(ChainSpace((32, 32, 3), 10), 5),
    "stack": lambda: grown(StackSpace((32, 32, 3), 10), 5),
    "recurrent_cell": lambda: RecurrentCellSpace((40, 1), 10).published(),
    "recurrent_cell_random": lambda: grown(RecurrentCellSpace((40, 1), 10), 3),
    "pyramid": lambda: grown(PyramidSpace.for_data((64, 64, 1), 10), 3),
    "backbone": lambda: grown(BackboneSpace.for_data((64, 64, 1), 10), 3),
    "cell_edges": lambda: CellSpace().random(philox(3, 0)),
    "cell_blocks": lambda: CellSpace("nasnet", 3, (8, 8, 1), 10, channels=8, repeats=1, stages=2).random(philox(2, 0)),
}  # fmt: skip


def difference_of(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Root mean square and largest difference of two pictures' squares: float arrays [height, width, 3] from 0 to 1."""
    if first.shape != second.shape:
        return 1.0, 1.0
    height, width = (size // BLOCK * BLOCK for size in first.shape[:2])
    apart = (first - second)[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).mean(axis=(1, 3))
    return float(np.sqrt((apart**2).mean())), float(np.abs(apart).max())


def picture(figure: Figure, path: Path) -> np.ndarray:
    """Draw a figure with matplotlib's own font and settings, on a sheet of its own size; float [height, width, 3] from 0 to 1."""
    with matplotlib.rc_context(
        {**matplotlib.rcParamsDefault, "backend": "Agg", "font.family": "DejaVu Sans", "text.hinting": "none"}
    ):
        figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None})
    return np.asarray(matplotlib.image.imread(path), dtype=np.float64)[..., :3]


def drawn(genome: Genome) -> Figure:
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "Agg"}):
        return ne.plots.genome(genome)


@pytest.mark.parametrize("name", list(GENOMES))
def test_the_drawing_is_the_one_that_was_looked_at(name: str, tmp_path: Path) -> None:
    found = picture(drawn(GENOMES[name]()), tmp_path / f"{name}.png")
    expected = np.asarray(matplotlib.image.imread(FOLDER / f"{name}.png"), dtype=np.float64)[..., :3]
    mean, worst = difference_of(found, expected)
    assert mean <= MOST and worst <= WORST, (
        f"the drawing of {name} changed (mean {mean:.3f}, worst {worst:.3f}): compare {tmp_path / name}.png with {FOLDER / name}.png; "
        "if the change is meant: python tests/neuroevo/test_genome_images.py"
    )


def test_a_changed_drawing_is_noticed(tmp_path: Path) -> None:
    """One label, one line, one colour: each is a difference that the comparison sees."""
    original = picture(drawn(GENOMES["network"]()), tmp_path / "original.png")

    def without_a_label(axes) -> None:
        next(text for text in axes.texts if text.get_text().startswith("conv")).set_text("")

    def without_an_arrow(axes) -> None:
        next(artist for artist in axes.get_children() if type(artist).__name__ == "FancyArrowPatch").remove()

    def with_another_colour(axes) -> None:
        box = next(artist for artist in axes.get_children() if type(artist).__name__ == "FancyBboxPatch")
        box.set_facecolor("#FFB0B0")

    for number, change in enumerate((without_a_label, without_an_arrow, with_another_colour)):
        figure = drawn(GENOMES["network"]())
        change(figure.axes[0])
        mean, worst = difference_of(picture(figure, tmp_path / f"{number}.png"), original)
        assert mean > MOST or worst > WORST, change.__name__


def test_half_a_pixel_is_not_a_change(tmp_path: Path) -> None:
    figure = drawn(GENOMES["network"]())
    original = picture(figure, tmp_path / "original.png")
    left, right = figure.axes[0].get_xlim()
    pixel = (right - left) / original.shape[1]
    figure.axes[0].set_xlim(left + 0.4 * pixel, right + 0.4 * pixel)
    mean, worst = difference_of(picture(figure, tmp_path / "moved.png"), original)
    assert mean <= MOST and worst <= WORST


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in sys.argv[1:] or GENOMES:
        picture(drawn(GENOMES[each]()), FOLDER / f"{each}.png")
        print(f"written: {FOLDER / each}.png; look at it")
