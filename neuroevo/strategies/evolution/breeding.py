"""Breeding: how a strategy makes individuals, each from its own random stream.

A child is made by the genomes' own `crossover` and `mutate`, or by `mate` and `mutate` of a DEAP toolbox where the user registered
them. It is made again, a bounded number of times, while it breaks a limit on a cheap objective or repeats one made before. Where the
search has a screen, several are made so for each birth, and the best by a zero-cost proxy is born.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space, shown
from neuroevo.core.individual import Individual
from neuroevo.core.streams import python_random
from neuroevo.core.trial import Trial
from neuroevo.selection.density import farthest_points
from neuroevo.strategies.base import Search

Deduplicate = Literal["none", "genome", "key"]
Inheritance = Literal["none", "lamarckian"]
First = Literal["random", "spread"]
Parents = Callable[[np.random.Generator], tuple[Sequence[Individual], Sequence[int] | None]]

SPREAD = 4  # random individuals that are looked at for each one of a spread first generation
ATTEMPTS = 100  # how often a random individual is drawn again before the birth is given up
CHILD_ATTEMPTS = 20  # how often a child is
LONGEST_WALK = 32  # a repeated child is mutated on: not at first, then 1, 3, 7, ... times, at most so often


class Made(NamedTuple):
    """A genome that may be born: how it was made, and of whom."""

    genome: Genome
    operators: tuple[str, ...]
    parents: Sequence[Individual]


class Breeding:
    """Makes the individuals of one strategy.

    Args:
        search: space, task and streams.
        deduplicate: "none"; "genome" never makes the same genes twice; "key" never makes two genomes with the same canonical key
            and the same cheap objectives, so no network is trained twice.
        first: what `first` makes: "random" individuals, or a "spread" of them.

    Raises:
        ValueError: a spread where no objective is cheap.
    """

    def __init__(self, search: Search, deduplicate: Deduplicate = "none", first: First = "random") -> None:
        self.search = search
        self.deduplicate = deduplicate
        self._first = first
        self.seen: set[int] = set()
        cheap = {name: o.of for name, o in search.objectives.items() if o.kind == "cheap" and o.of is not None}
        self._cheap: Mapping[str, Callable[[Genome], float]] = cheap
        if first == "spread" and not cheap:
            raise ValueError(
                "first='spread' chooses by cheap objectives, which are known without a training, and the task has none: add one (of networks "
                "'parameters' or 'flops'), or say first='random'"
            )
        self._limited = [(o, o.of) for o in search.objectives.values() if o.name in cheap and o.limit is not None and o.of]
        self._free = deduplicate == "none" and not self._limited

    def random(self, generation: int) -> Individual | None:
        """A random individual, or None when none was found."""
        search = self.search
        id = search.reserve()
        rng = search.rng(id)
        made = self._screened(id, lambda: self._drawn(rng))
        return None if made is None else search.individual(id, made.genome, operators=made.operators, generation=generation)

    def _drawn(self, rng: np.random.Generator) -> Made | None:
        for _ in range(ATTEMPTS):
            genome = self.search.space.random(rng)
            if self.accepts(genome):
                return Made(genome, ("random",), ())
        return None

    def _screened(self, id: int, make: Callable[[], Made | None]) -> Made | None:
        """What is born: what was made, or the best of several where the search screens; the others may be made again later."""
        screen = self.search.screen
        if screen is None:
            return make()
        found = [made for made in (make() for _ in range(screen.candidates)) if made is not None]
        if not found:
            return None
        chosen = found[screen.best(id, [made.genome for made in found])]
        if self.deduplicate != "none":
            self.seen -= {self.token(made.genome) for made in found if made is not chosen}
            self.seen.add(self.token(chosen.genome))
        return chosen

    def first(self, count: int, generation: int = 0) -> list[Individual]:
        """Up to `count` random individuals; "spread": of several times as many those that lie farthest apart by the cheap objectives.

        Raises:
            ValueError: not one random genome respects the limits.
        """
        if self._first == "random":
            return self._random(count, generation)
        made = self._random(SPREAD * count, generation)
        chosen = sorted(farthest_points(self.costs(made), count))
        left_out = set(range(len(made))).difference(chosen)
        if self.deduplicate != "none":
            self.seen -= {self.token(made[position].genome) for position in left_out}  # they may be born later
        return [made[position] for position in chosen]

    def _random(self, count: int, generation: int) -> list[Individual]:
        made = [individual for individual in (self.random(generation) for _ in range(count)) if individual is not None]
        if count and not made and self._limited and not self.seen:
            raise ValueError(self.too_tight(count * ATTEMPTS))
        return made

    def costs(self, individuals: Sequence[Individual]) -> npt.NDArray[np.float64]:
        """Cheap objectives, logarithms where an objective asks for them: float64 [individuals, cheap objectives, or a single 0 where none is]."""
        rows = [[self._cost(name, individual) for name in self._cheap] or [0.0] for individual in individuals]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._cheap) or 1)

    def _cost(self, name: str, individual: Individual) -> float:
        value = self._cheap[name](individual.genome)
        return float(np.log10(max(value, 1e-12))) if self.search.objectives[name].log else float(value)

    def too_tight(self, tried: int) -> str:
        """The sentence for limits that no genome of so many respects."""
        limits = ", ".join(f"{o.name} {'<=' if o.weight < 0 else '>='} {o.limit:g}" for o, _ in self._limited)
        return f"none of {tried} random genomes respects {limits}; relax the limit or choose a space with smaller genomes"

    def child(
        self, choose: Parents, generation: int, *, mutation: float = 1.0, mutations: int = 1, again: float = 0.0
    ) -> tuple[Individual, Sequence[Individual]] | None:
        """A new individual and its parents, or None when none was found.

        Args:
            choose: draws the parents (one, or several that are crossed over) and their ranks from the child's stream.
            generation: the clock at birth.
            mutation: probability that a child of several parents is also mutated; a child of one always is.
            mutations: how many times a child that is mutated is, at least.
            again: probability of once more, after each.
        """
        search = self.search
        id = search.reserve()
        rng = search.rng(id)

        def times() -> int:
            return mutations + int(rng.geometric(1.0 - again)) - 1 if again else mutations

        made = self._screened(id, lambda: self._child(id, rng, choose, generation, mutation, times))
        if made is None:
            return None
        genome, operators, parents = made
        return search.individual(id, genome, parents=parents, operators=operators, generation=generation), parents

    def _child(
        self, id: int, rng: np.random.Generator, choose: Parents, generation: int, mutation: float, times: Callable[[], int]
    ) -> Made | None:
        for attempt in range(CHILD_ATTEMPTS):
            parents, ranks = choose(rng)
            genome, operators = self._crossed(id, parents, ranks, rng, generation)
            if len(parents) == 1 or mutation >= 1.0 or rng.random() < mutation:
                for _ in range(times()):
                    genome, further = self.mutated(id, genome, parents, rng, generation)
                    operators += further
            accepted = self.accepts(genome)
            for _ in range(0 if accepted else min(2**attempt - 1, LONGEST_WALK)):
                if not self.within_limits(genome):
                    break
                genome, further = self.mutated(id, genome, parents, rng, generation)
                operators += further
                accepted = self.accepts(genome)
                if accepted:
                    break
            if accepted:
                return Made(genome, operators, parents)
        return None

    def _crossed(
        self, id: int, parents: Sequence[Individual], ranks: Sequence[int] | None, rng: np.random.Generator, generation: int
    ) -> tuple[Genome, tuple[str, ...]]:
        """A child of all parents, or the genome of an only one; and the operators."""
        first, *others = [parent.genome for parent in parents]
        if not others:
            return first, ()
        toolbox = self.search.toolbox
        if toolbox is not None and hasattr(toolbox, "mate"):
            return self._by_toolbox(toolbox.mate, id, [first, others[0]], parents, rng, generation)
        genome = first.crossover(others, rng, ranks=ranks)
        return genome, genome.operators

    def mutated(
        self, id: int, genome: Genome, parents: Sequence[Individual], rng: np.random.Generator, generation: int
    ) -> tuple[Genome, tuple[str, ...]]:
        """A mutant, and the operators.

        Args:
            id: of the birth that it is for.
            parents: the individuals that it descends from.
        """
        toolbox = self.search.toolbox
        if toolbox is not None and hasattr(toolbox, "mutate"):
            return self._by_toolbox(toolbox.mutate, id, [genome], parents, rng, generation)
        genome = genome.mutate(rng, clock=generation)
        return genome, genome.operators

    def _by_toolbox(
        self,
        operator: Callable[..., Any],
        id: int,
        genomes: Sequence[Genome],
        parents: Sequence[Individual],
        rng: np.random.Generator,
        generation: int,
    ) -> tuple[Genome, tuple[str, ...]]:
        """What a toolbox's operator makes of fresh individuals with these genomes; DEAP's convention: it changes them in place and
        returns a tuple of individuals."""
        make = self.search.individual
        given = [make(id, genome, parents=parents, operators=(), generation=generation) for genome in genomes]
        with python_random(rng):
            answer = operator(*given)
        varied = answer[0] if isinstance(answer, (tuple, list)) and answer else None
        if not isinstance(varied, Individual):
            raise TypeError(f"a toolbox's mate and mutate return a tuple of individuals (DEAP's convention), got {shown(answer)}")
        changed = varied.genome is not genomes[0]
        return varied.genome, varied.operators or (varied.genome.operators if changed else ())

    def accepts(self, genome: Genome) -> bool:
        """Whether the genome is within the limits and new; if so it counts as seen."""
        if self._free:
            return True
        if not self.within_limits(genome):
            return False
        if self.deduplicate == "none":
            return True
        token = self.token(genome)
        if token in self.seen:
            return False
        self.seen.add(token)
        return True

    def within_limits(self, genome: Genome) -> bool:
        """Whether the genome respects the limits on cheap objectives."""
        return all([objective.within_limit(of(genome)) for objective, of in self._limited])

    def token(self, genome: Genome) -> int:
        """Eight bytes that stand for the genome in `seen`."""
        if self.deduplicate == "genome":
            text = json.dumps(genome.genes())
        else:
            # isomorphic genomes may differ in cost (edges without effect): the cheaper one is worth an evaluation
            text = f"{genome.key()} {[of(genome) for of in self._cheap.values()]}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What was seen, for the strategy's state: uint64 [seen]."""
        return {} if self.deduplicate == "none" else {"seen": np.array(sorted(self.seen), dtype=np.uint64)}

    def restore(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Remember what `arrays` described."""
        self.seen = set(arrays["seen"].tolist()) if "seen" in arrays else set()


def trial(search: Search, individual: Individual, parents: Sequence[Individual], inheritance: Inheritance) -> Trial:
    """The trial that evaluates an individual; with "lamarckian" it starts from what its parents' training left."""
    if inheritance == "none" or not parents:
        return search.trial(individual)
    artifacts = tuple(parent.artifact for parent in parents if parent.artifact is not None)
    return search.trial(individual, artifacts=artifacts, options={"inheritance": inheritance})


def trials(search: Search, born: Sequence[tuple[Individual, Sequence[Individual]]], inheritance: Inheritance) -> Sequence[Trial]:
    """A trial for each individual that was born of these parents, or one for all where the task scores a whole population at once."""
    if search.task.population and born:
        return [search.trial(tuple(individual for individual, _ in born))]
    return [trial(search, individual, parents, inheritance) for individual, parents in born]


def selected(search: Search, individuals: Sequence[Individual], count: int) -> list[Individual]:
    """What the toolbox's `select(individuals, count)` chose; to be called inside `python_random`.

    Raises:
        ValueError: not as many as asked for, or not individuals.
    """
    chosen = list(search.toolbox.select(individuals, count))  # type: ignore[union-attr]
    if len(chosen) != count or not all(isinstance(one, Individual) for one in chosen):
        raise ValueError(
            f"a toolbox's select(individuals, k) returns k of the individuals that it is given (one may be among them twice); asked for {count} of "
            f"{len(individuals)}, it returned {len(chosen)}: {shown(chosen)}"
        )
    return chosen


def given(start_from: Mapping[str, Any], space: Space) -> Genome:
    """The genome that a search is to start from, as `genome.to_dict()` gives it.

    Raises:
        ValueError: it is no such genome, or one of another space than the search's.
    """
    genome = Genome.from_dict(start_from)
    if genome.space != space:
        raise ValueError("start_from is a genome of another space than the search's; make it with the same settings")
    return genome


def check(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse a setting that is not among the allowed names."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}")


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Refuse a setting that is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {shown(value)}")


def check_share(name: str, value: Any) -> None:
    """Refuse a setting that is not a probability."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a probability between 0 and 1, got {shown(value)}")
