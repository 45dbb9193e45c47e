"""Compression of genomes that hold their weights (NEAT): what hidden nodes and connections are worth to the fitness, and genomes without those that
are worth least."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.compress.pruning import checked_share
from neuroevo.compress.shapley import ShapleyValues, exact_values, sampled_values
from neuroevo.compress.values import ENUMERATED, Sampling
from neuroevo.core.streams import COMPRESSION, stream
from neuroevo.tasks.base import Context, Task

if TYPE_CHECKING:
    from genomes.neat import NeatGenome

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
UNITS = ("connections", "nodes")
METHODS = ("shapley", "leave_one_out", "magnitude", "random")


@dataclass(frozen=True)
class GenePruning:
    """How a genome is pruned.

    Args:
        method: what decides which genes go first: "shapley", "leave_one_out", "magnitude" (of a connection's weight; of a node the largest that
            leaves it) or "random".
        unit: "connections" or hidden "nodes", which go with all their connections.
        sampling: of Shapley values.

    Raises:
        ValueError: an unknown name.
    """

    method: str = "shapley"
    unit: str = "connections"
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(unknown("method for genes", self.method, METHODS))
        if self.unit not in UNITS:
            raise ValueError(unknown("unit of a genome", self.unit, UNITS))


@dataclass(frozen=True, eq=False)
class PrunedGenome:
    """A genome without some of its genes.

    Attributes:
        genome: what is left.
        values: what each gene was worth, by its marking as text (of a connection; of a hidden node).
        scores: what it scores now, by objective.
        operators, details: what was done; JSON.
    """

    genome: NeatGenome
    values: dict[str, float]
    scores: dict[str, float]
    operators: tuple[str, ...]
    details: dict[str, Any]


class GenePruner:
    """Prunes one genome of NEAT's, or of an encoding with the same genes.

    Args:
        genome: whose genes are players.
        task: whose first objective is the payoff.
        settings: how.
        seed, id: key what is drawn, by the fitness as well: every coalition meets the same.

    Raises:
        ValueError: nothing of the genome can go.
    """

    def __init__(self, genome: NeatGenome, task: Task, settings: GenePruning = GenePruning(), *, seed: int = 0, id: int = 0) -> None:
        self.genome, self.task, self.settings, self.seed, self.id = genome, task, settings, seed, id
        self.objective = next(iter(task.objectives.values()))
        if settings.unit == "nodes":
            self.markings = genome.nodes.marking[genome.space.fixed :].copy()
        else:
            self.markings = genome.connections.marking[genome.connections.enabled].copy()
        if not len(self.markings):
            raise ValueError(f"the genome has no {'hidden nodes' if settings.unit == 'nodes' else 'enabled connections'} that could go")
        self.scores = self._scores([genome])[0]

    def payoff(self, coalitions: Bools) -> Floats:
        """The first objective (the higher, the better) of the genome with these genes alone: bool [coalitions, genes] to float64."""
        scores = self._scores([self.without(~kept) for kept in coalitions])
        return np.array([self._worth(one) for one in scores])

    def without(self, gone: Bools) -> NeatGenome:
        """The genome in which these genes are disabled: bool [genes]."""
        genes = self.genome.connections
        markings = self.markings[gone]
        if self.settings.unit == "nodes":
            off = np.isin(genes.source, markings) | np.isin(genes.target, markings)
        else:
            off = np.isin(genes.marking, markings)
        return type(self.genome)(self.genome.space, self.genome.nodes, genes._replace(enabled=genes.enabled & ~off), ("prune",))

    def values(self) -> Floats:
        """What each gene is worth: float64 [genes]."""
        how, rng = self.settings, stream(self.seed, self.id, COMPRESSION, repeat=5)
        count = len(self.markings)
        if how.method == "shapley":
            return self.shapley().values
        if how.method == "leave_one_out":
            worth = self.payoff(np.concatenate([np.ones((1, count), bool), ~np.eye(count, dtype=bool)]))
            return np.asarray(worth[0] - worth[1:], np.float64)
        if how.method == "random":
            return rng.random(count)
        genes = self.genome.connections
        sizes = np.where(genes.enabled, np.abs(genes.weight), 0.0)
        if how.unit == "nodes":
            return np.array([sizes[genes.source == marking].max(initial=0.0) for marking in self.markings])
        return np.asarray(sizes[genes.enabled], np.float64)

    def shapley(self) -> ShapleyValues:
        """Shapley values of the genes; of up to 8 from every coalition."""
        how = self.settings.sampling
        if len(self.markings) <= ENUMERATED:
            return exact_values(self.payoff, len(self.markings))
        return sampled_values(
            self.payoff, len(self.markings), stream(self.seed, self.id, COMPRESSION, repeat=6), permutations=how.permutations,
            truncation=how.truncation, settle=how.settle, confidence=how.confidence,
        )  # fmt: skip

    def pruned(self, keep: float | None = None, max_loss: float | None = None) -> PrunedGenome:
        """The genome without its least valuable genes.

        Args:
            keep: the share of the genes that is kept, in (0, 1); or
            max_loss: how much worse the first objective may become, in its own unit: genes are tried from the least valuable on, and stay where
                it would become worse than that. 0 keeps the fitness.

        Raises:
            ValueError: neither or both, or out of range.
        """
        if (keep is None) == (max_loss is None):
            raise ValueError(f"give the share that is kept or max_loss, one of the two, got {keep} and {max_loss}")
        values, count = self.values(), len(self.markings)
        order = np.argsort(values, kind="stable")
        gone = np.zeros(count, bool)
        if keep is not None:
            gone[order[: count - max(1, round(checked_share(keep) * count))]] = True
        else:
            assert max_loss is not None
            if not max_loss >= 0:
                raise ValueError(f"max_loss must be >= 0, got {max_loss}")
            least = self._worth(self.scores) - max_loss
            for number in order:
                gone[number] = True
                if not self.payoff(~gone[None])[0] >= least:
                    gone[number] = False
        smaller = _tidied(self.without(gone))
        scores = self._scores([smaller])[0]
        by_marking = {str(int(marking)): float(value) for marking, value in zip(self.markings, values, strict=True)}
        details = {
            "method": self.settings.method, "unit": self.settings.unit, "keep": keep, "max_loss": max_loss,
            "genes": [count, int(count - gone.sum())], "parameters": [self.genome.parameters, smaller.parameters],
            "before": self.scores, "values": by_marking,
        }  # fmt: skip
        return PrunedGenome(smaller, by_marking, scores, ("prune",), details)

    def _worth(self, scores: Mapping[str, float]) -> float:
        return self.objective.weight * scores[self.objective.name]

    def _scores(self, genomes: Sequence[NeatGenome]) -> list[dict[str, float]]:
        """The objectives of genomes that are not trained."""
        task, context = self.task, Context(seed=self.seed)
        names = list(task.objectives)
        cheap = [task.cheap(genome) for genome in genomes]
        if task.population:
            answer = task.score_population(self.genome.space.networks(genomes), context)  # type: ignore[attr-defined]
            columns = answer if isinstance(answer, Mapping) else {next(name for name in names if name not in cheap[0]): answer}
            found = [{name: float(np.asarray(column)[row]) for name, column in columns.items()} for row in range(len(genomes))]
        else:
            extra: Callable[[], dict[str, Any]] = lambda: (  # noqa: E731
                {"rng": context.rng(self.id)} if getattr(task, "takes_rng", False) else {}
            )
            found = [dict(task.score(task.phenotype(genome), context, **extra())) for genome in genomes]
        rows = [{name: float((scores | own)[name]) for name in names} for scores, own in zip(found, cheap, strict=True)]
        for row in rows:
            if not all(math.isfinite(value) for value in row.values()):
                raise ValueError(f"the fitness of a part of the genome is not a finite number: {shown(row)}")
        return rows


def _tidied(genome: NeatGenome) -> NeatGenome:
    """The genome without disabled connections, and without hidden nodes from which no connection leads to an output: it computes the same."""
    genes = genome.genes()
    used = {row[0] for row in genes["nodes"][: genome.space.fixed]}
    enabled = [row for row in genes["connections"] if row[4]]
    outputs = {row[0] for row in genes["nodes"][genome.space.sensors : genome.space.fixed]}
    reached, waiting = set(outputs), list(outputs)
    while waiting:
        target = waiting.pop()
        for _, source, to, _, _ in enabled:
            if to == target and source not in reached:
                reached.add(source)
                waiting.append(source)
    used |= reached
    kept = {
        "nodes": [row for row in genes["nodes"] if row[0] in used],
        "connections": [row for row in enabled if row[1] in used and row[2] in used],
    }
    smaller = genome.space.from_genes(kept)
    return type(genome)(smaller.space, smaller.nodes, smaller.connections, ("prune",))
