"""An encoding of one's own is first class: nothing in the toolkit asks what it is called."""

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import networkx
import numpy as np
import pytest

import neuroevo as ne
from genomes import Genome, NeatSpace, NetworkSpace, Space
from neuroevo.core.objectives import PARAMETERS
from neuroevo.evaluators import Slots
from neuroevo.plots.drawing import Drawing

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))
own = importlib.import_module("own_genome")

X = np.random.default_rng(1).normal(size=(7, 2))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    return ne.evolve(
        own.TernarySpace(inputs=2, outputs=1),
        own.larger_of_two,
        objectives={"error": ne.minimise, "parameters": PARAMETERS},
        population=12,
        budget=ne.Budget(generations=3),
        seed=1,
        run=tmp_path_factory.mktemp("own") / "ternary",
        progress=False,
    )


def test_its_networks_are_called_alone_and_together(run: ne.Run) -> None:
    individual = run.best
    expected = individual.genome.network()(X)
    assert np.array_equal(individual.network()(X), expected)
    together = ne.decode.population_network([individual.genome, individual.genome])
    assert np.array_equal(together(X), np.stack([expected, expected]))


def test_its_equations_are_a_keras_model_a_file_and_a_formula(run: ne.Run, tmp_path: Path) -> None:
    individual = run.best
    expected = individual.genome.network()(X)
    assert np.allclose(np.asarray(individual.model()(X.astype("float32"))), expected, atol=1e-6)
    for suffix in (".json", ".graphml", ".dot", ".py", ".tex", ".keras"):
        assert ne.interop.export(individual, tmp_path / f"net{suffix}").stat().st_size > 0
    namespace: dict = {"__name__": "net"}
    exec(compile((tmp_path / "net.py").read_text(), "net.py", "exec"), namespace)
    assert np.allclose(namespace["network"](X), expected)
    assert ne.load_genome(tmp_path / "net.json") == individual.genome


def test_it_is_drawn_described_and_compared(run: ne.Run, tmp_path: Path) -> None:
    first, second = run[0], run.best
    ne.plots.genome(second).savefig(tmp_path / "genome.png", dpi=30)
    ne.plots.difference(first, second).savefig(tmp_path / "difference.png", dpi=30)
    ne.plots.parallel(run).savefig(tmp_path / "parallel.png", dpi=30)
    graph, found = second.genome.graph(), ne.plots.architecture_features(second.genome)
    assert found == {"nodes": len(graph), "edges": graph.number_of_edges(), "depth": 2, "parameters": second.genome.parameters}
    data = ne.plots.difference_data(first, second)
    assert set(data.nodes) == set(first.genome.graph()) | set(graph)


def test_its_runs_are_read_shown_and_reported(run: ne.Run) -> None:
    from neuroevo.report.html import write_report
    from neuroevo.report.text import run_table

    loaded = ne.load_run(run.folder)
    assert loaded.best.genome == run.best.genome
    assert "encoding ternary" in write_report(loaded).read_text()
    assert "TernarySpace" in run_table(loaded) or run_table(loaded)


def test_the_default_strategy_suits_any_encoding() -> None:
    one = ne.evolve(
        own.TernarySpace(inputs=2, outputs=1),
        lambda network: float(network(X).mean()),
        population=6,
        budget=ne.Budget(evaluations=9),
    )
    assert type(one.strategy).__name__ == "RegularizedEvolution"


@dataclass(frozen=True)
class LinkedSpace(NeatSpace, encoding="linked"):
    """NEAT's genes under another name."""


def test_an_encoding_made_of_anothers_has_what_that_one_offers(tmp_path: Path) -> None:
    def fitness(network) -> float:
        return float(network(X)[:, 0].sum())

    run = ne.evolve(
        LinkedSpace(inputs=2, outputs=1),
        fitness,
        population=8,
        budget=ne.Budget(generations=2),
        run=tmp_path / "run",
        progress=False,
    )
    assert type(run.strategy).__name__ == "Neat"
    loaded = ne.load_run(tmp_path / "run")
    assert loaded.best.genome == run.best.genome and loaded.best.genome.space.encoding == "linked"
    assert np.allclose(np.asarray(loaded.best.model()(X.astype("float32"))), run.best.network()(X), atol=1e-5)
    names = {node for node, data in loaded.best.genome.graph().nodes(data=True) if data["type"] == "hidden"}
    assert ne.plots.architecture_features(loaded.best.genome)["hidden nodes"] == len(names)


# A decoder and a drawing of one's own ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RingSpace(Space, encoding="ring"):
    """One hidden layer, whose width is the only gene."""

    decoded_as = "ring_model"
    drawn_as = "ring_drawing"

    def random(self, rng):
        return RingGenome(self, int(rng.integers(1, 9)), ("random",))

    def from_genes(self, genes):
        if type(genes) is not int or not 1 <= genes <= 64:
            raise ValueError(f"genes must be a width from 1 to 64, got {genes!r}")
        return RingGenome(self, genes)


@dataclass(frozen=True, eq=False)
class RingGenome(Genome):
    space: RingSpace
    width: int
    operators: tuple = ()

    def mutate(self, rng, *, clock):
        return RingGenome(self.space, 1 + (self.width + int(rng.integers(3))) % 9, ("turn",))

    def crossover(self, others, rng, *, ranks=None):
        return RingGenome(self.space, self.width, ("copy",))

    def distance(self, other):
        return abs(self.width - other.width)

    def key(self):
        return str(self.width)

    def genes(self):
        return self.width

    def graph(self):
        return networkx.DiGraph([(node, (node + 1) % (self.width + 2)) for node in range(self.width + 2)])


def ring_model(genome, *, dtype=None, name=None):
    """A dense layer of the genome's width."""
    import keras

    inputs = keras.Input((2,), dtype=dtype)
    return keras.Model(inputs, keras.layers.Dense(genome.width, dtype=dtype)(inputs), name=name)


class RingDrawing(Drawing):
    """A ring."""

    def features(self, genome):
        return {"circumference": float(genome.width)}


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ne.registry, "_registered", {})
    ne.registry.register("decoder", ring_model)
    ne.registry.register("drawing", RingDrawing)


def width_of(model) -> float:
    return float(model.output_shape[-1])


def test_a_decoder_of_ones_own_makes_models_here_and_in_workers(registered: None) -> None:
    genome = RingSpace().random(np.random.default_rng(0))
    assert width_of(ne.decode.build(genome)) == genome.width
    here = ne.evolve(RingSpace(), width_of, population=4, budget=ne.Budget(evaluations=6), seed=2)
    there = ne.evolve(RingSpace(), width_of, population=4, budget=ne.Budget(evaluations=6), seed=2, evaluator=Slots(1))
    assert not here.failures and [i.values for i in there] == [i.values for i in here]


def test_a_drawing_of_ones_own_describes_and_a_circle_can_be_drawn(registered: None, tmp_path: Path) -> None:
    first, second = (RingGenome(RingSpace(), width) for width in (3, 5))
    assert ne.plots.architecture_features(first) == {"circumference": 3.0}
    ne.plots.genome(first).savefig(tmp_path / "ring.png", dpi=30)
    ne.plots.difference(first, second).savefig(tmp_path / "rings.png", dpi=30)


def test_a_genome_that_offers_nothing_to_decode_says_what_is_missing() -> None:
    class Bare(RingGenome):
        """Its space names no decoder."""

        space = own.TernarySpace(inputs=2, outputs=1)

    with pytest.raises(TypeError, match=r"neither a layer graph \(architecture\) nor equations"):
        ne.decode.build(Bare.__new__(Bare))


def test_layers_of_ones_own_are_trained_and_written(tmp_path: Path) -> None:
    space = NetworkSpace(input_shape=(4,), outputs=3)
    assert not space.random(np.random.default_rng(0)).evolves_weights
    config = json.loads(json.dumps(space.to_dict()))
    assert not {"drawn_as", "decoded_as", "evolved_by", "population", "redundant"} & set(config), "capabilities are not recorded"
