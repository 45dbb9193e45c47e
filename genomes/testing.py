"""The public conformance suite for a Genome: one line gives an encoding all the tests that every encoding must pass.

    from genomes.testing import GenomeSuite

    class TestMine(GenomeSuite):
        space = MySpace()

pytest finds the tests that the class inherits. `cyclic`, `check` and `isomorphic` are the points where an encoding says more.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import json
import math
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from genomes.base import Genome, Space

_CORRUPTIONS: tuple[Any, ...] = (None, "nonsense", -1, 10**30, 0.5, True, [], {}, [[]], {"a": 1}, "")

# What another process runs; the module that registers the encoding is imported by name.
_ANOTHER_PROCESS = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
from genomes.base import Space
from genomes.testing import digest, lineage
print(digest(lineage(Space.from_dict(json.loads(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]))))
"""


def philox(seed: int, id: int) -> np.random.Generator:
    """A counter-based stream for one birth."""
    return np.random.Generator(np.random.Philox(key=[seed, id]))


def lineage(space: Space, seed: int, steps: int, size: int = 6) -> list[Genome]:
    """Every genome of a small evolution without selection: `size` random ones, then `steps` mutations and crossovers.

    Each birth draws from its own stream; a crossover takes one to three further parents and is mutated in every second case.
    """
    born = [space.random(philox(seed, id)) for id in range(size)]
    living = list(born)
    for step in range(steps):
        rng = philox(seed, size + step)
        clock = 1 + step // size
        parents = [living[i] for i in rng.permutation(size)[: 1 + step % 4]]
        child = parents[0]
        if len(parents) > 1:
            child = child.crossover(parents[1:], rng, ranks=[int(rank) for rank in rng.integers(3, size=len(parents))])
        if len(parents) == 1 or rng.random() < 0.5:
            child = child.mutate(rng, clock=clock)
        living[int(rng.integers(size))] = child
        born.append(child)
    return born


def digest(genomes: list[Genome]) -> str:
    """A fingerprint of the genomes' JSON, keys and operators."""
    text = json.dumps([[genome.to_dict(), genome.key(), list(genome.operators)] for genome in genomes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def json_leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of every place in a JSON value, containers included."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from json_leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from json_leaves(item, (*path, index))


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = _replaced(value[path[0]], path[1:], new)
    return changed


class GenomeSuite:
    """Inherit as `class TestMine(GenomeSuite)` and name the space.

    Attributes:
        space: the space under test; give each interesting setting a class of its own.
        steps: mutations and crossovers in the lineage that the tests look at.
        cyclic: whether genomes of this space may have cycles (recurrent networks).
        most_decisions: where the space is sequential: the most decisions that a genome takes.
    """

    space: ClassVar[Space]
    steps: ClassVar[int] = 200
    cyclic: ClassVar[bool] = False
    most_decisions: ClassVar[int] = 10_000

    def check(self, genome: Genome) -> None:
        """What else holds for every valid genome of this encoding; raise AssertionError where it does not."""

    def isomorphic(self, genome: Genome, rng: np.random.Generator) -> Genome | None:
        """Another genome with the same phenotype, or None where the encoding has no such freedom."""
        return None

    def genomes(self) -> list[Genome]:
        """The lineage that the tests look at, made once for each class."""
        made: list[Genome] | None = type(self).__dict__.get("_lineage")
        if made is None:
            made = lineage(self.space, 1, self.steps)
            type(self)._lineage = made  # type: ignore[attr-defined]
        return made

    def test_every_descendant_is_valid(self) -> None:
        for genome in self.genomes():
            assert genome.space == self.space, "variation moved the genome to another space"
            assert isinstance(genome.operators, tuple), f"operators must be a tuple, got {genome.operators!r}"
            assert all(isinstance(name, str) for name in genome.operators), f"operators must be names: {genome.operators!r}"
            again = self.space.from_genes(json.loads(json.dumps(genome.genes(), allow_nan=False)))
            assert again == genome, "from_genes(genes()) gives another genome"
            self.check(genome)

    def test_variation_varies(self) -> None:
        genomes = self.genomes()
        assert len({genome.key() for genome in genomes}) > len(genomes) // 20, "nearly all descendants have one key"
        parent = genomes[0]
        children = [parent.mutate(philox(2, id), clock=1) for id in range(20)]
        assert any(child != parent for child in children), "20 mutations changed nothing"
        assert all(child.operators for child in children), "mutate must name its operators"

    def test_the_same_stream_gives_the_same_genomes(self) -> None:
        assert digest(lineage(self.space, 1, self.steps)) == digest(self.genomes())
        assert digest(lineage(self.space, 2, self.steps)) != digest(self.genomes())

    def test_another_process_with_another_hash_seed_gives_the_same_genomes(self) -> None:
        steps = min(self.steps, 60)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONHASHSEED": "4711"}
        arguments = [type(self.space).__module__, json.dumps(self.space.to_dict()), "3", str(steps)]
        ran = subprocess.run(
            [sys.executable, "-c", _ANOTHER_PROCESS, *arguments], env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split()[-1] == digest(lineage(self.space, 3, steps))

    def test_variation_draws_from_its_stream_only(self) -> None:
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]  # noqa: NPY002
        lineage(self.space, 4, 20)
        assert np.random.get_state()[1].tolist() == before, "variation drew from NumPy's global generator"  # type: ignore[index,union-attr]  # noqa: NPY002

    def test_a_genome_is_immutable(self) -> None:
        genomes = self.genomes()[:20]
        for index, genome in enumerate(genomes):
            before = genome.to_dict()
            genome.mutate(philox(5, index), clock=1)
            genome.crossover([genomes[index - 1]], philox(6, index))
            assert genome.to_dict() == before, "variation changed its parent"
            for name in ("space", "operators", "anything"):
                try:
                    setattr(genome, name, None)
                except (AttributeError, TypeError):
                    continue
                raise AssertionError(f"{type(genome).__name__}.{name} can be assigned")
            for name, value in attributes(genome):
                if isinstance(value, np.ndarray):
                    assert not value.flags.writeable, f"the array {name} can be written"
            genes = json.loads(json.dumps(genome.genes()))
            spoil(genome.genes())
            spoil(genome.to_dict())
            assert genome.genes() == genes, "genes() hands out the genome's own lists"
            assert copy.copy(genome) is genome and copy.deepcopy(genome) is genome

    def test_json_round_trip(self) -> None:
        for genome in self.genomes()[::5]:
            data = json.loads(json.dumps(genome.to_dict(), allow_nan=False))
            for again in (Genome.from_dict(data), type(genome).from_dict(data)):
                assert type(again) is type(genome)
                assert again == genome and hash(again) == hash(genome) and again.key() == genome.key()
                assert json.loads(json.dumps(again.to_dict())) == data
        assert Space.from_dict(json.loads(json.dumps(self.space.to_dict()))) == self.space
        assert hash(Space.from_dict(self.space.to_dict())) == hash(self.space)
        with tempfile.TemporaryDirectory() as folder:
            genome = self.genomes()[-1]
            genome.save(Path(folder) / "genome.json")
            assert type(genome).load(Path(folder) / "genome.json") == genome

    def test_a_genome_travels_between_processes(self) -> None:
        for genome in self.genomes()[::20]:
            again = pickle.loads(pickle.dumps(genome))
            assert again == genome and again.operators == genome.operators

    def test_corrupted_json_is_refused_in_a_sentence(self) -> None:
        genome = self.genomes()[-1]
        data = json.loads(json.dumps(genome.to_dict()))
        for name in ("encoding", "version", "space", "genes"):
            for wrong in (None, "nonsense", 99):
                assert refused({**data, name: wrong}), f"{name}={wrong!r} was accepted"
            assert refused({key: value for key, value in data.items() if key != name}), f"JSON without {name} was accepted"
        assert refused({**data, "space": {**data["space"], "no_such_field": 1}}), "an unknown field of the space was accepted"

    def test_corrupted_genes_are_refused_or_give_a_valid_genome(self) -> None:
        rng = philox(7, 0)
        data = [json.loads(json.dumps(genome.to_dict())) for genome in self.genomes()[::20]]
        for _ in range(200):
            whole = data[int(rng.integers(len(data)))]
            paths = list(json_leaves(whole["genes"]))
            path = paths[int(rng.integers(len(paths)))]
            wrong = copy.deepcopy(_CORRUPTIONS[int(rng.integers(len(_CORRUPTIONS)))])
            corrupted = _replaced(whole["genes"], path, wrong)
            if not refused({**whole, "genes": corrupted}):
                genome = Genome.from_dict({**whole, "genes": corrupted})
                assert Genome.from_dict(json.loads(json.dumps(genome.to_dict(), allow_nan=False))) == genome
                assert isinstance(genome.key(), str)
                self.check(genome)

    def test_distance_is_a_dissimilarity(self) -> None:
        sample = self.genomes()[:: max(self.steps // 12, 1)]
        for a in sample:
            assert a.distance(a) == 0
            for b in sample:
                distance = a.distance(b)
                assert math.isfinite(distance) and distance >= 0
                assert math.isclose(distance, b.distance(a), rel_tol=1e-9, abs_tol=1e-12), "distance is not symmetric"
        assert any(a.distance(b) > 0 for a in sample for b in sample), "every distance is 0"

    def test_the_key_is_canonical(self) -> None:
        by_genes: dict[str, str] = {}
        for index, genome in enumerate(self.genomes()):
            key = genome.key()
            assert isinstance(key, str)
            assert by_genes.setdefault(json.dumps(genome.genes(), sort_keys=True), key) == key, "equal genes, different keys"
            twin = self.isomorphic(genome, philox(8, index))
            if twin is not None:
                assert twin.key() == key, f"isomorphic genomes have different keys: {genome.genes()} and {twin.genes()}"

    def test_crossover_takes_any_number_of_parents(self) -> None:
        genomes = self.genomes()
        for others in range(1, 5):
            for ranks in (None, [0] * (others + 1), list(range(others + 1)), list(range(others, -1, -1))):
                child = genomes[0].crossover(genomes[-others:], philox(9, others), ranks=ranks)
                assert self.space.from_genes(json.loads(json.dumps(child.genes()))) == child

    def test_graph(self) -> None:
        networkx = importlib.import_module("networkx")
        for genome in self.genomes()[::10]:
            graph = genome.graph()
            assert isinstance(graph, networkx.DiGraph) and graph.number_of_nodes() > 0
            assert self.cyclic or networkx.is_directed_acyclic_graph(graph), "the graph has a cycle"
            before = genome.genes()
            graph.clear()
            assert genome.genes() == before and genome.graph().number_of_nodes() > 0

    def test_parameters_and_flops_are_counts(self) -> None:
        for genome in self.genomes()[::10]:
            for name in ("parameters", "flops"):
                try:
                    count = getattr(genome, name)
                except NotImplementedError:
                    continue
                assert isinstance(count, int) and count >= 0, f"{name} is {count!r}"

    def test_sequential_decisions_are_there_or_refused_in_a_sentence(self) -> None:
        if self.space.sequential:
            return
        genome = self.genomes()[0]
        for ask in (lambda: self.space.choices(()), lambda: self.space.build(()), lambda: self.space.decisions(genome)):
            try:
                ask()
            except NotImplementedError as error:
                assert str(error), "the NotImplementedError says nothing"
            else:
                raise AssertionError("a space with choices, build and decisions sets sequential = True")

    def test_sequential_decisions_build_valid_genomes(self) -> None:
        for index in range(20 if self.space.sequential else 0):
            decisions = self.walk(philox(10, index))
            genome = self.space.build(decisions)
            assert self.space.choices(decisions) == (), "choices() offers more than build() needs"
            assert Genome.from_dict(json.loads(json.dumps(genome.to_dict(), allow_nan=False))) == genome
            assert self.space.build(json.loads(json.dumps(decisions))) == genome, "the same decisions build another genome"
            assert self.space.build(self.space.decisions(genome)).key() == genome.key()
            self.check(genome)

    def test_sequential_decisions_describe_every_genome(self) -> None:
        for genome in self.genomes() if self.space.sequential else []:
            decisions = self.space.decisions(genome)
            assert isinstance(decisions, tuple), f"decisions() must give a tuple, got {type(decisions).__name__}"
            assert {type(answer) for answer in decisions} <= {int}, f"decisions are Python's int, got {decisions!r}"
            again = self.space.build(json.loads(json.dumps(decisions)))
            assert again.space == self.space
            assert again.key() == genome.key(), f"decisions() of {genome.genes()} describe {again.genes()}"

    def test_wrong_decisions_are_refused_in_a_sentence_that_says_which(self) -> None:
        for genome in self.genomes()[:: max(self.steps // 4, 1)] if self.space.sequential else []:
            right = list(self.space.decisions(genome))
            assert str(len(right) - 1) in self.refusal(right[:-1], "build"), "the sentence does not say how many are too few"
            for call in ("build", "choices"):
                assert str(len(right) + 1) in self.refusal([*right, 0], call), "the sentence does not say how many are too many"
            for place in sorted({int(place) for place in np.linspace(0, len(right) - 1, 9)}):
                count = len(self.space.choices(right[:place]))
                for wrong in (count, -1, 10**9, True, 0.5, "first", None):
                    for call in ("build", "choices"):
                        sentence = self.refusal([*right[:place], wrong, *right[place + 1 :]], call)
                        assert str(wrong) in sentence, f"the sentence does not say that {wrong} is wrong: {sentence}"

    def test_decisions_of_a_genome_of_another_space_are_refused(self) -> None:
        if not self.space.sequential:
            return
        other = Space.from_dict({"encoding": "cppn" if self.space.encoding == "cell" else "cell"})
        for foreign in (other.random(philox(11, 0)), None):
            try:
                self.space.decisions(foreign)
            except ValueError as error:
                assert str(error), "the ValueError says nothing"
            else:
                raise AssertionError(f"decisions() took {foreign!r}")

    def walk(self, rng: np.random.Generator) -> list[int]:
        """Decisions at random until none is left, as a controller makes them."""
        decisions: list[int] = []
        while options := self.space.choices(decisions):
            assert isinstance(options, tuple) and all(isinstance(name, str) for name in options), (
                f"options are names: {options!r}"
            )
            assert len(set(options)) == len(options), f"two options have one name: {options!r}"
            assert len(decisions) < self.most_decisions, f"no end after {self.most_decisions} decisions"
            question = self.space.question(decisions)
            assert question is not None and question.options == options, (
                f"question() and choices() differ: {question!r}, {options!r}"
            )
            assert len(question.refers) in (0, 1, len(options)), f"refers names one part, or one for each option: {question!r}"
            assert all(part < question.part for part in question.refers), f"refers names earlier parts: {question!r}"
            hash(question.state)
            decisions.append(int(rng.integers(len(options))))
        return decisions

    def refusal(self, decisions: list[Any], call: str) -> str:
        """The sentence with which `build` or `choices` refuses wrong decisions."""
        try:
            getattr(self.space, call)(decisions)
        except ValueError as error:
            return str(error)
        raise AssertionError(f"{call}() took {decisions!r}")


def attributes(value: object) -> Iterator[tuple[str, Any]]:
    """The stored attributes of an object, from `__dict__` and `__slots__`."""
    names = {*getattr(value, "__dict__", {}), *(name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ()))}
    for name in sorted(names):
        if hasattr(value, name):
            yield name, getattr(value, name)


def spoil(value: Any) -> None:
    """Empty every list and object of a JSON value, in place."""
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            spoil(item)
        value.clear()


def refused(data: Any) -> bool:
    """Whether `Genome.from_dict` refuses the JSON with a ValueError that says something; any other exception passes on."""
    try:
        Genome.from_dict(data)
    except ValueError as error:
        assert str(error), "the ValueError says nothing"
        return True
    return False
