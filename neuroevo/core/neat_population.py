"""NeatPopulation: a population of NEAT genomes as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from genomes.neat import operators as names
from genomes.neat.genes import Connections, Nodes, Pool, compact, genes_of, pool_of, starts
from genomes.neat.genome import NeatGenome, from_pool
from genomes.neat.network import PopulationNetwork
from genomes.neat.space import NeatSpace
from genomes.neat.threads import Threads
from genomes.neat.validation import check
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import FULL, Artifact

NO_PARENT = -1


class NeatPopulation(ArrayPopulation, encodings=("neat", "cppn")):
    """A population of NEAT genomes as arrays; `population[i]` makes the Individual.

    Attributes:
        space, pool: the genomes.
        parents: int64 [members, 2], birth ids of the parents, -1 where there is none.
        operators: int64 [members], what made each member, as bits (genomes.neat.operators).
        fitness: float64 [members] after `assign`: the first objective as a number to maximise, -inf for failed members.
        learned: the genomes with the weights that training gave them for their scores alone (Baldwinian), or None.
    """

    def __init__(
        self,
        space: NeatSpace,
        pool: Pool,
        first_id: int,
        generation: int,
        parents: npt.NDArray[np.int64],
        operators: npt.NDArray[np.int64],
        *,
        names: tuple[str, ...],
        weights: tuple[float, ...],
        threads: Threads | None = None,
    ) -> None:
        self.space, self.pool, self.first_id, self.generation = space, pool, first_id, generation
        self.parents, self.operators = parents, operators
        self.names, self.weights, self.threads = names, weights, threads or Threads(1)
        self.values: npt.NDArray[np.float64] | None = None
        self.reasons: Mapping[int, str] = {}
        self.fitness: npt.NDArray[np.float64] = np.full(len(operators), -np.inf)
        self.learned: Pool | None = None

    def __len__(self) -> int:
        return len(self.operators)

    @overload
    def __getitem__(self, index: int) -> Individual: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Individual]: ...
    def __getitem__(self, index: int | slice) -> Individual | Sequence[Individual]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        individual = Individual(
            self.first_id + position,
            self.genome(position),
            self.weights,
            names=self.names,
            parents=tuple(int(parent) for parent in self.parents[position] if parent != NO_PARENT),
            operators=names.names(int(self.operators[position])),
            generation=self.generation,
        )
        if self.values is not None:
            individual.fitness.values = self.values[position].tolist()
            individual.reason = self.reasons.get(position, "")
            individual.status = FAILED if position in self.reasons else DONE
            individual.trial, individual.fidelity, individual.asked = self.trial, FULL, 1
            if self.descriptors is not None:
                individual.descriptors = self.descriptors[position]
        if self.learned is not None:
            nodes, connections = genes_of(self.learned, position)
            learned = {"weights": connections.weight, "biases": nodes.bias}
            individual.artifact = Artifact(
                self.trial or 0, f"weights.{individual.id}", individual.genome, individual.id, arrays=learned
            )
        return individual

    def genome(self, position: int) -> NeatGenome:
        """One member's genome."""
        return from_pool(self.space, self.pool, position, int(self.operators[position]))

    def with_pool(self, pool: Pool) -> NeatPopulation:
        """The same members with other weights, not yet scored."""
        return NeatPopulation(
            self.space, pool, self.first_id, self.generation, self.parents, self.operators,
            names=self.names, weights=self.weights, threads=self.threads,
        )  # fmt: skip

    def learn(self, artifacts: Sequence[Artifact]) -> None:
        """Weights written back to the genes (Lamarckian), or kept beside them (Baldwinian)."""
        for artifact in artifacts:
            arrays = artifact.load()
            trained = with_weights(self.pool, arrays["weights"], arrays["biases"])
            if artifact.meta["inheritance"] == "lamarckian":
                self.pool = trained
            else:
                self.learned = trained

    def assign(
        self, values: npt.NDArray[np.float64], reasons: Mapping[int, str], descriptors: npt.NDArray[np.float64] | None = None
    ) -> None:
        if values.shape != (len(self), len(self.weights)):
            raise ValueError(f"scores must be [{len(self)}, {len(self.weights)}], got an array of shape {values.shape}")
        self.values, self.reasons, self.descriptors = values, reasons, descriptors
        self.fitness = values[:, 0] * self.weights[0]
        self.fitness[~np.isfinite(self.fitness)] = -np.inf
        if reasons:
            self.fitness[list(reasons)] = -np.inf

    def network(self) -> PopulationNetwork:
        return self.space.population_network(self.pool, self.threads)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        pool = compact(self.pool)
        learned = {}
        if self.learned is not None:
            beside = compact(self.learned)
            learned = {"learned.weights": beside.connections.weight, "learned.biases": beside.nodes.bias}
        return {
            **learned,
            **{f"nodes.{name}": array for name, array in pool.nodes._asdict().items()},
            **{f"connections.{name}": array for name, array in pool.connections._asdict().items()},
            "node_count": pool.node_count,
            "connection_count": pool.connection_count,
            "parents": self.parents,
            "operators": self.operators,
        }

    @classmethod
    def from_arrays(
        cls,
        space: Space,
        first_id: int,
        generation: int,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        names: tuple[str, ...],
        weights: tuple[float, ...],
    ) -> Self:
        if not isinstance(space, NeatSpace):
            raise ValueError(f"a NEAT population needs a NeatSpace, got {type(space).__name__}")
        pool, parents, operators = _read(arrays)
        _refuse_unsound(space, pool)
        population = cls(space, pool, first_id, generation, parents, operators, names=names, weights=weights)
        if "learned.weights" in arrays:
            population.learned = _read_learned(pool, arrays)
        return population

    @classmethod
    def of(
        cls,
        space: NeatSpace,
        genomes: Sequence[NeatGenome],
        first_id: int,
        generation: int,
        *,
        names: tuple[str, ...],
        weights: tuple[float, ...],
        parents: npt.NDArray[np.int64] | None = None,
        operators: npt.NDArray[np.int64] | None = None,
    ) -> Self:
        """The population of these genomes."""
        members = len(genomes)
        return cls(
            space,
            pool_of([(genome.nodes, genome.connections) for genome in genomes]),
            first_id,
            generation,
            np.full((members, 2), NO_PARENT, np.int64) if parents is None else parents,
            _bits_of(genomes) if operators is None else operators,
            names=names,
            weights=weights,
        )


def _bits_of(genomes: Sequence[NeatGenome]) -> npt.NDArray[np.int64]:
    return np.array([names.bits(genome.operators) for genome in genomes], np.int64)


_DTYPES = {
    **{f"nodes.{name}": dtype for name, dtype in zip(Nodes._fields, ("i8", "f8", "f8", "i2", "i2"), strict=True)},
    **{f"connections.{name}": dtype for name, dtype in zip(Connections._fields, ("i8", "i8", "i8", "f8", "?"), strict=True)},
    "node_count": "i8",
    "connection_count": "i8",
    "parents": "i8",
    "operators": "i8",
}


def _read(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Pool, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    read: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in _DTYPES.items():
        if name not in arrays:
            raise ValueError(f"a NEAT population needs the array {name!r}; found {', '.join(sorted(arrays)) or 'nothing'}")
        array = np.ascontiguousarray(arrays[name])
        if array.dtype != np.dtype(dtype) or array.ndim != (2 if name == "parents" else 1):
            raise ValueError(
                f"the array {name!r} must be {np.dtype(dtype)} with one dimension (parents: two), got {array.dtype} {array.shape}"
            )
        read[name] = array.copy()
    members = len(read["operators"])
    if len(read["node_count"]) != members or len(read["connection_count"]) != members or read["parents"].shape != (members, 2):
        raise ValueError("the arrays of a NEAT population disagree about how many members it has")
    for kind, fields in (("node", Nodes._fields), ("connection", Connections._fields)):
        count = read[f"{kind}_count"]
        if members == 0 or count.min() < 0 or any(len(read[f"{kind}s.{field}"]) != count.sum() for field in fields):
            raise ValueError(f"the {kind} genes of a NEAT population do not add up to its {kind} counts")
    pool = Pool(
        Nodes(*[read[f"nodes.{field}"] for field in Nodes._fields]),
        Connections(*[read[f"connections.{field}"] for field in Connections._fields]),
        starts(read["node_count"]),
        read["node_count"],
        starts(read["connection_count"]),
        read["connection_count"],
    )
    return pool, read["parents"], read["operators"]


def _read_learned(pool: Pool, arrays: Mapping[str, npt.NDArray[Any]]) -> Pool:
    weights, biases = arrays["learned.weights"], arrays.get("learned.biases")
    for name, array, like in (("weights", weights, pool.connections.weight), ("biases", biases, pool.nodes.bias)):
        if array is None or array.dtype != like.dtype or array.shape != like.shape or not np.isfinite(array).all():
            raise ValueError(f"the learned {name} of a NEAT population must be {len(like)} finite numbers, one for each gene")
    assert biases is not None
    return with_weights(pool, weights, biases)


def with_weights(pool: Pool, weights: npt.NDArray[Any], biases: npt.NDArray[Any]) -> Pool:
    """The pool with other weights and biases: float64, one for each place in its arrays."""
    return pool._replace(connections=pool.connections._replace(weight=weights), nodes=pool.nodes._replace(bias=biases))


def _refuse_unsound(space: NeatSpace, pool: Pool) -> None:
    from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS
    from genomes.neat.genes import genes_of
    from genomes.neat.kernels.validity import first_unsound

    custom = len(space.activation_functions.names) - len(ACTIVATIONS), len(space.aggregation_functions.names) - len(AGGREGATIONS)
    wrong = first_unsound(pool, space.sensors, space.fixed, space.recurrent, *custom)
    if wrong >= 0:
        check(space, *genes_of(pool, wrong))
        raise ValueError(f"member {wrong} of the population is no genome of its space")
