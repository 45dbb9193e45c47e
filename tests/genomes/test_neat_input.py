"""NEAT genes and settings from outside: refused in a sentence, or right."""

import copy
import json
from pathlib import Path

import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.testing import philox

SPACE = NeatSpace(inputs=2, outputs=1, bias="input", activations=("tanh",))


def node(marking: int, kind: str, bias: float = 0.0, activation: str = "tanh") -> list:
    return [marking, kind, bias, 1.0, activation, "sum"]


NODES = [node(0, "input"), node(1, "input"), node(2, "bias"), node(3, "output"), node(70, "hidden"), node(80, "hidden")]
CONNECTIONS = [[100, 0, 3, 0.5, True], [110, 1, 70, 1.0, True], [120, 70, 80, -2.0, True], [130, 80, 3, 1.5, False]]


def genes(*more: list, nodes=NODES, connections=CONNECTIONS) -> dict:
    return copy.deepcopy({"nodes": nodes, "connections": [*connections, *more]})


def changed(part: str, row: int, column: int, value) -> dict:
    given = genes()
    given[part][row][column] = value
    return given


def test_the_genes_that_the_others_are_made_of_are_accepted() -> None:
    genome = SPACE.from_genes(genes())
    assert genome.hidden == 2 and genome.genes() == genes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (genes([140, 80, 70, 1.0, True]), "the connections form a cycle; a feed-forward genome has none"),
        (genes([140, 80, 70, 1.0, False]), "the connections form a cycle"),
        (genes([140, 70, 70, 1.0, True]), "the connections form a cycle"),
        (genes([130, 2, 3, 1.0, True]), "connection marking 130 occurs twice: markings are unique"),
        (genes([125, 2, 3, 1.0, True]), "connection genes must be sorted by marking"),
        (genes([140, 0, 3, 1.0, True]), "two connections have the same source and target"),
        (genes([140, 0, 1, 1.0, True]), "leads into node 1, an input"),
        (genes([140, 0, 2, 1.0, True]), "leads into node 2, an input"),
        (genes([140, 0, 99, 1.0, True]), "connection 4 has target 99, which is no node of the genome"),
        (genes([140, 99, 3, 1.0, True]), "connection 4 has source 99, which is no node of the genome"),
        (genes([140, 2, 3, 1.0]), r"connection 4 must be \[marking, source, target, weight, enabled\], got \[140, 2, 3, 1.0\]"),
        (genes(nodes=[*NODES[:5], node(70, "hidden")]), "node marking 70 occurs twice"),
        (genes(nodes=[*NODES[:4], NODES[5], NODES[4]]), "node genes must be sorted by marking"),
        (genes(nodes=NODES[:3]), "starts with node genes of markings 0 to 3"),
        (changed("nodes", 4, 4, "tahn"), "unknown activation 'tahn'; did you mean 'tanh'?"),
        (changed("nodes", 4, 5, "summ"), "unknown aggregation 'summ'; did you mean 'sum'?"),
        (changed("nodes", 4, 1, "output"), "node 4 must be of type 'hidden'"),
        (changed("nodes", 4, 2, float("inf")), "the bias of node 4 must be a finite number, got inf"),
        (changed("nodes", 4, 3, float("nan")), "the response of node 4 must be a finite number, got nan"),
        (changed("connections", 1, 3, float("nan")), "the weight of connection 1 must be a finite number, got nan"),
        (changed("connections", 1, 3, 10**400), "the weight of connection 1 must be a finite number"),
        (changed("connections", 1, 3, "1.0"), "the weight of connection 1 must be a number, got '1.0'"),
        (changed("connections", 1, 4, 1), "connection 1 must be enabled: true or false, got 1"),
        (changed("connections", 1, 0, -5), "a marking in connection 1 must be a whole number from 0 to"),
        (changed("connections", 3, 0, 2**63), "a marking in connection 3 must be a whole number from 0 to"),
        ({"nodes": NODES}, "NEAT genes are an object with 'nodes' and 'connections'"),
        ({"nodes": NODES, "connections": "none"}, "connections must be a list of genes, got 'none'"),
    ],
)  # fmt: skip
def test_bad_genes_are_refused_in_a_sentence(given: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        SPACE.from_genes(given)
    saved = json.loads(json.dumps({**SPACE.from_genes(genes()).to_dict(), "genes": given}))
    (tmp_path / "genome.json").write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=message):
        ne.load_genome(tmp_path / "genome.json")


def test_recurrent_genomes_may_have_cycles() -> None:
    space = NeatSpace(inputs=2, outputs=1, bias="input", activations=("tanh",), recurrent=True)
    assert space.from_genes(genes([140, 80, 70, 1.0, True], [150, 70, 70, 1.0, True])).hidden == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": -1}, "inputs must be a whole number >= 0, got -1"),
        ({"outputs": 0}, "outputs must be a whole number >= 1, got 0"),
        ({"inputs": 2.0}, "inputs must be a whole number >= 0, got 2.0"),
        ({"add_node_rate": 1.5}, "add_node_rate must be a number between 0 and 1, got 1.5"),
        ({"weight_power": float("nan")}, "weight_power must be a number between 0 and 1e\\+06, got nan"),
        ({"bias": "nodes"}, "unknown bias 'nodes'; did you mean 'node'?"),
        ({"initial": "ful"}, "unknown initial 'ful'; did you mean 'full'?"),
        ({"activations": ("steepened_sigmoyd",)}, "unknown activation 'steepened_sigmoyd'; did you mean 'steepened_sigmoid'?"),
        ({"activations": "tanh"}, "activations must be a non-empty tuple of names or formulas, got 'tanh'"),
        ({"activations": ("tanh = x",)}, "'tanh' cannot name a custom activation: use a new identifier"),
        ({"activations": ("mine = __import__('os')",)}, "."),
        ({"activations": ("mine = y + 1",)}, "."),
        ({"aggregations": ("mine = a + x",)}, "a custom aggregation is 'name = start; step in a and x; finish in a and n'"),
        ({"initial_hidden": 3, "initial": "none"}, "initial_hidden goes with initial='full' or 'random', not with 'none'"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NeatSpace(**{"inputs": 2, "outputs": 1, **settings})


def test_clocks_beyond_the_last_are_refused() -> None:
    with pytest.raises(ValueError, match="clock must be between 0 and 1048575"):
        SPACE.random(philox(1, 0)).mutate(philox(1, 1), clock=2**20)
