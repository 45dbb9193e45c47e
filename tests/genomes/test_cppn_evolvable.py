"""ES-HyperNEAT against the paper's pseudocode, one query at a time (Risi & Stanley 2012, section 3)."""

import json

import numpy as np
import pytest

from genomes import CppnGenome, CppnSpace, EvolvableSubstrate
from genomes.cppn.connective import ConnectiveSubstrate
from genomes.cppn.pattern import PatternPopulation
from genomes.neat.genes import pool_of
from genomes.neat.threads import Threads
from genomes.testing import philox

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5}
LINE = [(-1, -1), (0.3, -1)]
SUBSTRATES = {
    "any direction": EvolvableSubstrate(
        LINE, [(0, 1)], initial_depth=2, maximum_depth=3, division=0.05, band=0.15, iterations=2, forward=""
    ),
    "leo": EvolvableSubstrate(
        LINE, [(0, 1), (0.5, 1)], initial_depth=2, maximum_depth=3, division=0.1, band=0.1, leo=True, length=True, differences=True
    ),
    "octree": EvolvableSubstrate([(-1, -1, 0), (0.3, -1, 1)], [(0, 1, 0)], initial_depth=1, maximum_depth=2, division=0.05, band=0.1),
    "plane in 3-D": EvolvableSubstrate(
        [(-1, -1, 0), (0.3, -1, 1)], [(0, 1, 0)], ((-1, 1), (-1, 1), (0, 0)), initial_depth=2, maximum_depth=3, band=0.2
    ),
    "line": EvolvableSubstrate([(-1,), (1,)], [(0.5,)], initial_depth=3, maximum_depth=5, division=0.05, band=0.05, iterations=0),
}  # fmt: skip


def grown(space: CppnSpace, seed: int, steps: int = 12) -> CppnGenome:
    rng = philox(seed, 0)
    genome = space.random(rng)
    for clock in range(1, steps):
        genome = genome.mutate(rng, clock=clock)
    return genome


class Part:
    def __init__(self, centre: np.ndarray, width: float, level: int) -> None:
        self.centre, self.width, self.level = centre, width, level
        self.parts: list[Part] = []
        self.weight, self.leo = 0.0, 1.0

    def leaves(self) -> list[float]:
        return [weight for part in self.parts for weight in part.leaves()] if self.parts else [self.weight]


def told(substrate: EvolvableSubstrate, a: np.ndarray, b: np.ndarray) -> list[float]:
    return [*a, *b, *(b - a if substrate.differences else []), *([np.linalg.norm(b - a)] if substrate.length else [])]


def connections_of(
    genome: CppnGenome, substrate: EvolvableSubstrate, end: np.ndarray, outgoing: bool
) -> dict[tuple[float, ...], float]:
    low, high = np.array(substrate.region).T
    half, axes = (high - low) / 2, substrate.axes

    def ask(places: list[np.ndarray]) -> np.ndarray:
        return genome.query([told(substrate, end, place) if outgoing else told(substrate, place, end) for place in places])

    root = Part((low + high) / 2, 1.0, 0)
    waiting = [root]
    while waiting:
        part = waiting.pop(0)
        for choice in range(2 ** len(axes)):
            centre = part.centre.copy()
            for bit, axis in enumerate(axes):
                centre[axis] += (1 if choice >> bit & 1 else -1) * part.width / 2 * half[axis]
            part.parts.append(Part(centre, part.width / 2, part.level + 1))
        for child, answer in zip(part.parts, ask([child.centre for child in part.parts]), strict=True):
            child.weight, child.leo = answer[0], answer[1] if substrate.leo else 1.0
        level, differs = part.level + 1, np.var([child.weight for child in part.parts]) > substrate.division
        if level < substrate.initial_depth or (level < substrate.maximum_depth and differs):
            waiting += part.parts
    found = {}

    def prune(part: Part) -> None:
        for child in part.parts:
            if np.var(child.leaves()) > substrate.variance:
                prune(child)
                continue
            beside = []
            for axis in axes:
                step = np.zeros(len(low))
                step[axis] = part.width * half[axis]
                beside += [child.centre - step, child.centre + step]
            differences = np.abs(ask(beside)[:, 0] - child.weight).reshape(-1, 2)
            if differences.min(axis=1).max() > substrate.band and child.leo > 0 and child.weight != 0:
                weight = np.sign(child.weight) * min(abs(child.weight), 1.0) * substrate.weight_range
                found[tuple(np.round(child.centre, 9))] = float(weight)

    prune(root)
    return found


def oracle(genome: CppnGenome, substrate: EvolvableSubstrate) -> dict[tuple[object, object], float]:
    axis = "xyz".index(substrate.forward) if substrate.forward else None
    hidden: set[tuple[float, ...]] = set()
    edges = {}
    frontier = [(("input", number), place) for number, place in enumerate(substrate.inputs)]
    for wave in range(substrate.iterations + 1):
        fresh = []
        for name, place in frontier:
            for there, weight in connections_of(genome, substrate, place, True).items():
                if wave and axis is not None and not there[axis] > place[axis] + 1e-9:
                    continue
                if there not in hidden:
                    hidden.add(there)
                    fresh.append((there, np.array(there)))
                edges[name, there] = weight
        frontier = fresh
    for number, place in enumerate(substrate.outputs):
        for there, weight in connections_of(genome, substrate, place, False).items():
            if there in hidden:
                edges[there, ("output", number)] = weight
    useful = {("output", number) for number in range(len(substrate.outputs))}
    while more := {source for source, target in edges if target in useful} - useful:
        useful |= more
    return {(source, target): weight for (source, target), weight in edges.items() if target in useful}


def found(genome: CppnGenome, substrate: EvolvableSubstrate) -> dict[tuple[object, object], float]:
    wiring = genome.express().wiring
    inputs = len(substrate.inputs)

    def name(node: int) -> object:
        if wiring.layer[node] == 1:
            return tuple(np.round(wiring.coordinates[node], 9))
        return ("input", node) if node < inputs else ("output", node - inputs)

    rows = zip(wiring.source.tolist(), wiring.target.tolist(), wiring.weight.tolist(), strict=True)
    return {(name(source), name(target)): weight for source, target, weight in rows}


@pytest.mark.parametrize("name", SUBSTRATES)
def test_nodes_and_connections_are_those_of_the_pseudocode(name: str) -> None:
    substrate = SUBSTRATES[name]
    genomes = [grown(CppnSpace(substrate=substrate, **GROWING), seed) for seed in range(30)]
    genomes.sort(key=lambda genome: genome.express().connections)
    sizes = []
    for genome in (genomes[0], *genomes[-3:]):
        wanted, ours = oracle(genome, substrate), found(genome, substrate)
        assert ours.keys() == wanted.keys()
        for edge, weight in wanted.items():
            assert ours[edge] == pytest.approx(weight, abs=1e-9)
        sizes.append(len(wanted))
    assert max(sizes) > 3, "no network had connections: the test says nothing"


def largest(substrate: EvolvableSubstrate, **settings: object) -> CppnGenome:
    genomes = [grown(CppnSpace(substrate=substrate, **GROWING, **settings), seed) for seed in range(12)]
    return max(genomes, key=lambda genome: genome.express().connections)


def test_a_network_computes_what_its_wiring_says() -> None:
    substrate = EvolvableSubstrate(
        LINE, [(0, 1), (0.5, 1)], initial_depth=2, maximum_depth=3, band=0.1, iterations=2, bias=True, output_activation="sigmoid"
    )
    genome = largest(substrate)
    network = genome.network()
    wiring = network.wiring
    assert network.hidden > 1 and np.count_nonzero(wiring.bias[2:])
    full = np.zeros((len(wiring.layer), len(wiring.layer)))
    full[wiring.source, wiring.target] = wiring.weight
    x = philox(1, 0).normal(size=(70, 2))
    values = np.zeros((70, len(full)))
    values[:, :2] = x
    hidden = np.flatnonzero(wiring.layer == 1)
    for node in [*hidden[np.argsort(wiring.coordinates[hidden, 1], kind="stable")], 2, 3]:
        total = values @ full[:, node] + wiring.bias[node]
        values[:, node] = np.tanh(total) if node > 3 else 1 / (1 + np.exp(-total))
    np.testing.assert_allclose(network(x), values[:, 2:4], atol=1e-12)


def test_biases_are_asked_from_the_origin() -> None:
    substrate = EvolvableSubstrate(LINE, [(0, 1)], initial_depth=2, maximum_depth=2, band=0.1, bias=True, threshold=0.1)
    genome = largest(substrate)
    wiring = genome.express().wiring
    answers = genome.query([told(substrate, np.zeros(2), place) for place in wiring.coordinates])[:, 1]
    size = np.minimum(np.abs(answers), 1.0)
    wanted = np.where(size > 0.1, np.sign(answers) * 3.0 * (size - 0.1) / 0.9, 0.0)
    np.testing.assert_allclose(wiring.bias[2:], wanted[2:], atol=1e-9)
    assert not wiring.bias[:2].any()


def test_a_recurrent_network_advances_one_step_a_call() -> None:
    genome = largest(SUBSTRATES["any direction"])
    network, wiring = genome.network(), genome.express().wiring
    full = np.zeros((len(wiring.layer), len(wiring.layer)))
    full[wiring.source, wiring.target] = wiring.weight
    state = np.zeros((4, len(full)))
    for step in range(4):
        x = philox(2, step).normal(size=(4, 2))
        state[:, :2] = x
        state[:, 2:] = np.tanh(state @ full)[:, 2:]
        np.testing.assert_allclose(network(x), state[:, 2:3], atol=1e-9)


def test_threads_and_company_do_not_change_a_bit() -> None:
    substrate = EvolvableSubstrate(LINE, [(0, 1)], initial_depth=2, maximum_depth=4)
    space = CppnSpace(substrate=substrate, **GROWING)
    genomes = [grown(space, seed) for seed in range(20)]
    pool = pool_of([(genome.nodes, genome.connections) for genome in genomes])
    x = philox(3, 0).normal(size=(100, 2))
    one, four = (substrate.express(PatternPopulation(space, pool, Threads(count)))(x) for count in (1, 4))
    assert np.array_equal(one, four)
    for genome, outputs in zip(genomes, one, strict=True):
        assert np.array_equal(genome.network()(x), outputs)


@pytest.mark.parametrize("name", SUBSTRATES)
def test_a_substrate_survives_json(name: str) -> None:
    substrate = SUBSTRATES[name]
    assert ConnectiveSubstrate.from_dict(json.loads(json.dumps(substrate.to_dict()))) == substrate


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: EvolvableSubstrate([], [(0, 1)]), "inputs of the substrate has no nodes"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1, 2)]), "one dimension, got 2 and 3"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], initial_depth=4, maximum_depth=3), "must not exceed maximum_depth"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], maximum_depth=15), "parts, more than memory should hold: at most 9"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], ((0, 0), (1, 1))), "no extent"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], ((1, 0), (0, 1))), "low <= high"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], forward="z"), "axes x, y"),
        (lambda: EvolvableSubstrate([(0, 1)], [(0, 1)], iterations=-1), "iterations must be a whole number"),
        (
            lambda: grown(CppnSpace(), 0).express(EvolvableSubstrate([(0, 1)], [(0, 1)])),
            r"needs CPPNs with 4 inputs \(x1, y1, x2, y2\).*got 3 inputs",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(act, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        act()
