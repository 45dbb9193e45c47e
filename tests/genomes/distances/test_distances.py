"""Every distance: the axioms that it claims, over random genomes of every encoding that it is for, and what it refuses."""

import json
import pickle
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import (
    CellSpace,
    ChainSpace,
    CppnSpace,
    DagSpace,
    Genome,
    NeatSpace,
    NetworkSpace,
    Space,
    StackSpace,
)
from genomes.distances import Distance, Edit, Hamming, OptimalTransport, Paths, WeisfeilerLehman
from genomes.testing import lineage
from neuroevo.core import registry

SHAPE = {"input_shape": (8, 8, 1), "outputs": 10}
CELLS = (CellSpace(), CellSpace("nasnet", 3, channels=8), CellSpace("darts", 2, channels=8))
SMALL = (CellSpace(repeats=1, stages=1),)
LAYERS = (NetworkSpace(**SHAPE), DagSpace(**SHAPE), ChainSpace(**SHAPE), StackSpace(**SHAPE))
NODES = (NeatSpace(inputs=3, outputs=2), NeatSpace(inputs=2, outputs=1, recurrent=True), CppnSpace())
DISTANCES = (
    (WeisfeilerLehman(), CELLS + LAYERS + NODES),
    (WeisfeilerLehman(iterations=0), CELLS),
    (Paths(), CELLS + LAYERS + NODES),
    (Paths(most=3), CELLS + NODES),
    (Hamming(), CELLS),
    (Edit(), CELLS + LAYERS),
    (Edit(skips=0.1), CELLS),
    (Edit(network=True), SMALL),
    (OptimalTransport(network=True), SMALL),
    (OptimalTransport(), CELLS + LAYERS),
    (OptimalTransport(structure=1.5, normalised=False), CELLS + LAYERS),
    (OptimalTransport(mislabel=0, structure=0), CELLS),
)
CASES = [(distance, space) for distance, spaces in DISTANCES for space in spaces]
NAMES = [f"{distance}-{space.encoding}-{getattr(space, 'vocabulary', '')}" for distance, space in CASES]


@cache
def population(space: Space) -> tuple[Genome, ...]:
    return tuple(lineage(space, 1, 24, size=6))


@pytest.mark.parametrize(("distance", "space"), CASES, ids=NAMES)
def test_a_distance_keeps_the_axioms_that_it_claims(distance: Distance, space: Space) -> None:
    genomes = population(space)
    among = distance.matrix(genomes)
    assert among.dtype == np.float64 and among.shape == (len(genomes), len(genomes))
    assert np.isfinite(among).all() and (among >= 0).all()
    assert np.array_equal(among, among.T), "symmetric, to the last bit"
    assert (np.diag(among) == 0).all(), "0 to itself"
    assert among.max() > 0 or len(set(genomes)) == 1
    if distance.metric:
        detours = (among[:, :, None] + among[None, :, :]).min(axis=1)
        assert (among <= detours + 1e-9).all(), "a detour is never shorter"


@pytest.mark.parametrize(("distance", "space"), CASES, ids=NAMES)
def test_a_pair_is_measured_alike_in_any_company(distance: Distance, space: Space) -> None:
    genomes = population(space)
    among = distance.matrix(genomes)
    assert np.array_equal(distance.matrix(genomes[:3], genomes[3:]), among[:3, 3:])
    assert distance.between(genomes[2], genomes[-1]) == among[2, -1]
    fresh = type(distance).from_settings(json.loads(json.dumps(distance.settings())))
    assert fresh == distance and np.array_equal(fresh.matrix(genomes[::-1]), among[::-1, ::-1])
    assert distance.matrix([], genomes).shape == (0, len(genomes)) and distance.matrix(genomes, []).shape == (len(genomes), 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_axioms_hold_for_any_three_cells(data: st.DataObject) -> None:
    space = data.draw(st.sampled_from(CELLS))
    cells = [
        space.build([data.draw(st.integers(0, len(space.questions[place].options) - 1)) for place in space.asked])
        for _ in range(3)
    ]
    for distance in (WeisfeilerLehman(), Paths(), Hamming(), Edit(), OptimalTransport(), OptimalTransport(normalised=False)):
        found = distance.matrix(cells)
        assert (found >= 0).all() and np.array_equal(found, found.T) and not np.diag(found).any()
        if distance.metric:
            assert found[0, 2] <= found[0, 1] + found[1, 2] + 1e-9, distance


def test_hamming_is_the_cells_own_distance() -> None:
    cells = population(CELLS[0])
    own = [[a.distance(b) for b in cells] for a in cells]
    assert np.array_equal(Hamming().matrix(cells), own)


def test_decisions_without_effect_do_not_count_where_the_network_is_compared() -> None:
    space = CELLS[0]
    dead, other = space.build([0, 3, 3, 3, 0, 2]), space.build([0, 3, 4, 3, 0, 2])  # node 1 has no input
    for distance in (WeisfeilerLehman(), Paths(), Edit(), OptimalTransport()):
        assert distance.between(dead, other) == 0
    assert Hamming().between(dead, other) == 1


@pytest.mark.parametrize(
    ("distance", "space", "sentence"),
    [
        (
            Edit(),
            NeatSpace(inputs=2, outputs=1),
            "Edit is for cells and layer graphs .* got a NeatGenome; WeisfeilerLehman serves",
        ),
        (OptimalTransport(), CppnSpace(), "OptimalTransport is for cells and layer graphs"),
        (Hamming(), NeatSpace(inputs=2, outputs=1), "Hamming is for encodings with decisions"),
    ],
)
def test_a_wrong_encoding_is_a_sentence(distance: Distance, space: Space, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        distance.matrix([space.random(np.random.default_rng(1))])


def test_hamming_refuses_decisions_that_answer_different_questions() -> None:
    genomes = list({genome.key(): genome for genome in population(LAYERS[2])}.values())
    with pytest.raises(ValueError, match="Hamming compares decisions that answer the same questions"):
        Hamming().matrix(genomes)


def test_what_is_no_genome_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="Edit compares genomes, got 3"):
        Edit().matrix([3])


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (WeisfeilerLehman, {"iterations": -1}),
        (WeisfeilerLehman, {"iterations": True}),
        (Paths, {"most": 0}),
        (Edit, {"skips": -0.5}),
        (Edit, {"network": 1}),
        (OptimalTransport, {"structure": float("nan")}),
        (OptimalTransport, {"mislabel": "1"}),
        (OptimalTransport, {"normalised": None}),
    ],
)
def test_settings_out_of_range_are_refused(make, wrong: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        make(**wrong)


def test_distances_are_found_by_name() -> None:
    assert registry.names("distance") == ["Edit", "Hamming", "OptimalTransport", "Paths", "WeisfeilerLehman"]
    assert registry.part("distance", "optimal_transport") is OptimalTransport
    with pytest.raises(ValueError, match="do not fit this release"):
        Edit.from_settings({"distance": "Edit", "radius": 3})


def test_what_was_prepared_does_not_travel() -> None:
    distance = Edit()
    distance.matrix(population(CELLS[0]))
    assert len(pickle.dumps(distance)) < 200 and pickle.loads(pickle.dumps(distance)) == distance
