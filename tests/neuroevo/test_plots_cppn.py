import numpy as np
import pytest

import neuroevo as ne
from genomes import CppnGenome, CppnSpace, EvolvableSubstrate, NeatSpace, Substrate
from genomes.testing import philox

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5}


def grown(space: CppnSpace, seed: int = 1) -> CppnGenome:
    rng = philox(seed, 0)
    genome = space.random(rng)
    for clock in range(1, 12):
        genome = genome.mutate(rng, clock=clock)
    return genome


def test_a_pattern_is_the_picture_or_the_weights_from_one_place() -> None:
    painting = grown(CppnSpace(**GROWING))
    assert np.array_equal(ne.plots.pattern_data(painting, 16).values, painting.picture(16))
    colour = grown(CppnSpace(outputs=3, **GROWING))
    assert np.array_equal(ne.plots.pattern_data(colour, 16).values, colour.picture(16, colour=True))
    genome = grown(CppnSpace(substrate=Substrate.grid((3, 3), (3, 3), differences=True, length=True), **GROWING))
    data = ne.plots.pattern_data(genome, 8, source=(0.5, -0.5))
    place = np.array([2 * (5 + 0.5) / 8 - 1, 2 * (2 + 0.5) / 8 - 1])  # column 5, row 2
    step = place - [0.5, -0.5]
    assert data.values[2, 5] == pytest.approx(genome.query([[0.5, -0.5, *place, *step, np.linalg.norm(step)]])[0, 0])
    with pytest.raises(ValueError, match="2 coordinates"):
        ne.plots.pattern_data(genome, 8, source=(0.0,))
    with pytest.raises(ValueError, match="only a CPPN"):
        ne.plots.pattern(NeatSpace(inputs=2, outputs=1).random(philox(0, 0)))


def test_a_substrate_is_drawn_where_its_nodes_are() -> None:
    genome = grown(CppnSpace(substrate=Substrate.grid((3, 3), (3, 3)), **GROWING))
    data = ne.plots.substrate_data(genome, most=20)
    assert data.axes == ("x", "y", "layer") and len(data.weight) <= 20
    wiring = genome.express().wiring
    assert data.connections == len(wiring.weight)
    assert np.abs(data.weight).min() >= np.sort(np.abs(wiring.weight))[-20:].min()
    flat = EvolvableSubstrate([(-1, -1), (1, -1)], [(0, 1)], initial_depth=2, maximum_depth=3, band=0.1)
    assert ne.plots.substrate_data(grown(CppnSpace(substrate=flat, **GROWING))).axes == ("x", "y")


@pytest.mark.parametrize(
    "substrate",
    [
        Substrate.grid(3, 2),
        Substrate.grid((3, 3), 4, 2),
        Substrate.free([(-1, -1), (1, -1)], [(0, 1)], [(0, 0)], recurrent=True),
        EvolvableSubstrate([(-1, -1), (1, -1)], [(0, 1)], initial_depth=2, maximum_depth=3),
        EvolvableSubstrate([(-1, -1, 0), (1, -1, 1)], [(0, 1, 0)], initial_depth=1, maximum_depth=2),
    ],
)
def test_every_figure_can_be_drawn(substrate, tmp_path) -> None:
    genome = grown(CppnSpace(substrate=substrate, **GROWING))
    for number, figure in enumerate((ne.plots.genome(genome), ne.plots.pattern(genome, 32), ne.plots.substrate(genome))):
        figure.savefig(tmp_path / f"{number}.png", dpi=40)
        assert (tmp_path / f"{number}.png").stat().st_size > 1000


def test_a_contact_sheet_has_a_picture_a_genome_after_the_target() -> None:
    genomes = [grown(CppnSpace(**GROWING), seed) for seed in range(5)]
    figure = ne.plots.pictures(genomes, 16, target=np.eye(16))
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 6 and np.array_equal(shown[0], np.eye(16))
    assert np.array_equal(shown[3], genomes[2].picture(16))
    with pytest.raises(ValueError, match="1 to 400"):
        ne.plots.pictures([])
