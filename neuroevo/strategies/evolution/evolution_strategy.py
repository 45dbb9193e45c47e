"""EvolutionStrategy: the weights of one topology climb a gradient that is estimated from scores alone (Salimans et al. 2017; Mania, Guy & Recht 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from genomes.base import Genome, shown
from genomes.neat import operators
from genomes.neat.genes import pool_of
from genomes.neat.genome import NeatGenome
from genomes.neat.space import NeatSpace
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.neat_population import NO_PARENT, NeatPopulation, with_weights
from neuroevo.core.registry import part_from_text
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy, go_on, held
from neuroevo.strategies.evolution.breeding import check, check_count, check_share, given
from neuroevo.strategies.optimisers import Optimiser

Floats = npt.NDArray[np.float64]
INNER = "topologies"  # what the strategy inside remembers is called so
# The least unit of an input, so that one which hardly ever varied is not the direction in which a network changes most; and what is no variation, relative to
# its mean, but rounding.
LEAST_SPREAD, CONSTANT = 0.01, 1e-6


@dataclass
class EvolutionStrategy(Strategy):
    """An evolution strategy on the weights of one NEAT genome. Maximises (or minimises) the first objective.

    A generation is the centre and `pairs` mirrored pairs around it, centre + deviation * e and centre - deviation * e with e from a normal
    distribution in every weight; the centre then moves along the sum of the e, each weighted by how much better its + was than its - (Salimans, Ho, Chen,
    Sidor & Sutskever 2017, section 2; augmented random search, Mania, Guy & Recht 2018, is `shaping="deviations", optimiser="sgd"` with a share
    `best` of the pairs). Nothing is bred: every score says something about the direction in which all weights go, where mutation goes anywhere and
    selection keeps what was better. No gradient of the task is needed, so rewards and recurrent or spiking networks will do.

    The topology is that of `start_from`; or what `topologies`, another strategy such as `Neat`, has found in `topology_generations` of its
    generations: then the fittest of the last of these is the centre (where none of them can be tuned, it goes on until one can); or a random genome
    of the space.

    Args:
        pairs: mirrored pairs a generation, so 2 * pairs + 1 evaluations.
        deviation: standard deviation of the perturbations.
        learning_rate: of the optimiser.
        optimiser: "adam", or "sgd" for plain steps.
        shaping: what a score is worth. "ranks": its rank among all, from -0.5 to 0.5, so that outliers do not count; "deviations": the score
            itself, divided by the standard deviation of those that count (Mania, Guy & Recht 2018, algorithm 1).
        best: share of the pairs that count, those whose better half is the best.
        weight_decay: share of the centre that a step takes away, times the learning rate (beside the optimiser, as in AdamW).
        decay: by what the deviation and the learning rate are multiplied after every generation: far from a solution large steps pay, near to one,
            where scores are noisy, small ones do.
        least: the share of what they were at first that is left of them at the least.
        normalise: in which unit inputs are, for weights from them. "none": in their own; "running": in standard deviations from their mean, of all
            that networks have seen in this search so far (Mania, Guy & Recht 2018, algorithm 1, V2), so that inputs that vary little count as much as
            others. The network stays one for inputs as they are: the deviation of a weight is divided by its input's, and the bias of the node that it
            leads to makes up for the mean; so the space's `weight_limit` and `bias_limit` must leave room. Of a node without a bias, or that does not add
            up, the unit is the root of the input's mean square. An input that has not varied stays in its own unit, and the least unit is 0.01, so give
            inputs in much smaller ones `Environment(..., normalise="sampled")` too. Needs a task that says what networks see:
            `Environment(..., descriptors="inputs")`.
        start_from: the genome to start from, as `genome.to_dict()` gives it.
        topologies: the strategy that evolves topologies first, or its name.
        topology_generations: for how many generations.

    Raises:
        ValueError: a setting out of its range, or `topologies` that has no population to choose from; at the start, a space of other genomes, `start_from` of another space than the search's, or
            normalise="running" where the task does not say what networks see.
        TypeError: `topologies` is no strategy.
    """

    pairs: int = 32
    deviation: float = 0.1
    learning_rate: float = 0.05
    optimiser: Literal["adam", "sgd"] = "adam"
    shaping: Literal["ranks", "deviations"] = "ranks"
    best: float = 1.0
    weight_decay: float = 0.0
    decay: float = 1.0
    least: float = 0.1
    normalise: Literal["none", "running"] = "none"
    start_from: dict[str, Any] | None = None
    topologies: Strategy | str | None = None
    topology_generations: int = 0

    spaces = NeatSpace

    def __post_init__(self) -> None:
        check_count("pairs", self.pairs)
        check_count("topology_generations", self.topology_generations, 0)
        for name, most in (("deviation", 1e6), ("learning_rate", 1e6), ("best", 1.0), ("decay", 1.0), ("least", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= most:
                raise ValueError(f"{name} must be a number above 0 and up to {most:g}, got {shown(value)}")
        check_share("weight_decay", self.weight_decay)
        check("optimiser", self.optimiser, ("adam", "sgd"))
        check("shaping", self.shaping, ("ranks", "deviations"))
        check("normalise", self.normalise, ("none", "running"))
        if isinstance(self.topologies, str):
            self.topologies = part_from_text("strategy", self.topologies, "neat or Neat(population=100)")
        if self.topologies is not None and not isinstance(self.topologies, Strategy):
            raise TypeError(f"topologies must be a strategy such as Neat(), or its name; got {shown(self.topologies)}")
        if isinstance(self.topologies, Strategy) and (self.topologies.full is not None or self.topologies.estimated_by is not None):
            raise ValueError(no_population(self.topologies))
        if (self.topologies is None) != (self.topology_generations == 0):
            raise ValueError(
                "topologies and topology_generations go together: which strategy evolves topologies first, and for how many generations; "
                f"got {shown(self.topologies)} and {self.topology_generations}"
            )
        if self.topologies is not None and self.start_from is not None:
            raise ValueError("the topology is that of start_from, or what topologies finds: give one of the two")

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        return settings if self.normalise != "none" else {name: value for name, value in settings.items() if name != "normalise"}  # as in older runs

    def start(self, search: Search) -> None:
        super().start(search)
        if not isinstance(search.space, NeatSpace):
            raise ValueError(f"EvolutionStrategy tunes the weights of NEAT genomes: it needs a NeatSpace, got {type(search.space).__name__}")
        limited = [objective.name for objective in search.objectives.values() if objective.limit is not None]
        if limited:
            raise ValueError(
                f"EvolutionStrategy keeps no limits, but {limited[0]!r} has one: its topology does not change, so choose it so that the limit holds"
            )
        if self.normalise == "running" and not getattr(search.task, "describes_inputs", False):
            raise ValueError(
                f"normalise='running' goes by what networks see, and this {type(search.task).__name__} does not say it: "
                "Environment(..., descriptors='inputs') does"
            )
        self._space: NeatSpace = search.space
        self._seen = Moments(search.space.inputs)
        self._inner: Strategy | None = None
        if isinstance(self.topologies, Strategy):
            self._inner = replace(self.topologies)  # type: ignore[type-var]
            self._inner.start(search)
        self._genome: NeatGenome | None = None
        self._before: int = NO_PARENT  # the birth id of the last centre that did not fail
        self._centre: Floats = np.zeros(0)
        self._optimiser = Optimiser(self.optimiser, float(self.learning_rate))
        self._last: NeatPopulation | None = None
        self._scored: Individual | None = None
        self._moved, self._steps = 0.0, 0
        if self.start_from is not None:
            genome = given(self.start_from, search.space)
            assert isinstance(genome, NeatGenome)
            self._begin(genome)

    def _begin(self, genome: NeatGenome, id: int = NO_PARENT) -> None:
        """Make a genome the centre."""
        self._genome, self._before = genome, id
        self._weights, self._biases = varied(genome)
        self._centre = np.concatenate([genome.connections.weight[self._weights], genome.nodes.bias[self._biases]])
        self._limits = np.repeat([float(self._space.weight_limit), float(self._space.bias_limit)], [self._weights.sum(), self._biases.sum()])
        self._from_inputs = _from_inputs(genome, self._weights, self._biases)
        if not len(self._centre):
            raise ValueError("the topology to tune has no enabled connection: start from one that has")

    @property
    def _evolving(self) -> Strategy | None:
        """The strategy inside, while it evolves topologies."""
        return self._inner if self._genome is None else None

    @property
    def living(self) -> Sequence[Individual]:
        """The last centre that was scored and did not fail (at first, whoever the topology is of); before, who lives in the strategy inside."""
        if self._evolving is not None:
            return self._evolving.living
        return [] if self._scored is None else [self._scored]

    def champions(self) -> Sequence[Individual]:
        """The last centre that was scored and did not fail; before, the champions of the strategy inside."""
        return self.living if self._evolving is None else self._evolving.champions()

    # Ask ----------------------------------------------------------------------------------------------------------------------

    def ask(self) -> Sequence[Trial]:
        if self._evolving is not None:
            return self._evolving.ask()
        first_id = self.search.reserve(1 + 2 * self.pairs)
        if self._genome is None:
            self._begin(self._space.random(self.search.rng(first_id)))
        return [self.search.trial(self._population(first_id), separable=not self.search.task.population)]

    @property
    def _share(self) -> float:
        """What is left of the deviation and the learning rate."""
        return max(float(self.least), float(self.decay) ** self._steps)

    def _noise(self, first_id: int) -> Floats:
        """The directions of a generation: float64 [pairs, weights]."""
        return self.search.rng(first_id + 1).standard_normal((self.pairs, len(self._centre)))

    def _population(self, first_id: int) -> NeatPopulation:
        """The centre, its neighbours along every direction, and those against it."""
        genome = self._genome
        assert genome is not None
        members = 1 + 2 * self.pairs
        steps = self._share * float(self.deviation) * self._in_weights(self._noise(first_id))
        values = self._within_limits(self._centre + np.concatenate([np.zeros((1, len(self._centre))), steps, -steps]))
        pool = pool_of([(genome.nodes, genome.connections)] * members)
        weights = np.tile(genome.connections.weight, (members, 1))
        biases = np.tile(genome.nodes.bias, (members, 1))
        weights[:, self._weights], biases[:, self._biases] = np.split(values, [int(self._weights.sum())], axis=1)
        parents = np.full((members, 2), NO_PARENT, np.int64)
        parents[:, 0] = self._before
        done = np.full(members, operators.WEIGHTS | (operators.BIASES if self._biases.any() else 0), np.int64)
        if self._before == NO_PARENT and not self._steps:
            begun = operators.RANDOM if self.start_from is None else operators.IMPORTED
            done |= begun
            done[0] = begun
        return NeatPopulation(
            self._space, with_weights(pool, weights.ravel(), biases.ravel()), first_id, self.generation, parents, done,
            names=self.search.names, weights=self.search.weights,
        )  # fmt: skip

    def _in_weights(self, changes: Floats) -> Floats:
        """Changes of weights from normalised inputs as those of the weights that the genome has: float64 [..., weights]."""
        if self.normalise == "none" or not self._seen.count:
            return changes
        places, inputs, biases, shares = self._from_inputs
        mean, deviation = self._seen.mean[inputs], self._seen.deviation[inputs]
        varied = deviation > CONSTANT * np.maximum(1.0, np.abs(mean))
        unit = np.maximum(np.where(biases >= 0, deviation, np.hypot(deviation, mean)), LEAST_SPREAD)
        changed = changes.copy()
        changed[..., places] /= np.where(varied, unit, 1.0)
        centred = varied & (biases >= 0)
        shifts = changed[..., places[centred]] * (mean * shares)[centred]
        np.subtract.at(changed.T, biases[centred], shifts.T)
        return changed

    def _within_limits(self, numbers: Floats) -> Floats:
        """Weights and biases clipped to what the space allows: float64 [..., weights]."""
        return np.clip(numbers, -self._limits, self._limits)

    # Tell ---------------------------------------------------------------------------------------------------------------------

    def tell(self, results: Sequence[Result]) -> None:
        if self._evolving is not None:
            inner = self._evolving
            inner.tell(results)
            inner.count_tell()
            self.generation = inner.generation
            if not len(inner.living) and any(one.status == DONE for result in results for one in result.individuals):
                raise ValueError(no_population(inner))
            if self.generation >= self.topology_generations:
                self._choose(inner)
            return
        born = results[0].trial.individuals
        assert isinstance(born, NeatPopulation)
        self._last = born
        if born.fitness[0] > -np.inf:
            self._scored, self._before = born[0], born.first_id
        self._climb(born.fitness[1 : 1 + self.pairs], born.fitness[1 + self.pairs :], self._noise(born.first_id))
        if self.normalise == "running" and born.descriptors is not None:
            self._seen.add(born.descriptors)
        self._steps += 1
        self.generation += 1

    def _choose(self, inner: Strategy) -> None:
        """The fittest of a strategy's last generation whose weights can be tuned becomes the centre; where there is none, the strategy goes on."""
        living = inner.living
        if isinstance(living, NeatPopulation):  # by the objective, whatever score it was bred by
            assert living.values is not None
            worth = np.where(living.fitness > -np.inf, living.values[:, 0] * living.weights[0], -np.inf)
            order = [living[int(place)] for place in np.argsort(-worth, kind="stable")]
        else:
            order = sorted(living, key=lambda one: (tuple(-value for value in one.fitness.ranking), one.id))
        for one in order:
            assert isinstance(one.genome, NeatGenome)
            if one.status == DONE and any(tuned.any() for tuned in varied(one.genome)):
                self._begin(one.genome, one.id)
                self._scored = one
                return

    def _climb(self, plus: Floats, minus: Floats, noise: Floats) -> None:
        """Move the centre by the scores on both sides of it: float64 [pairs], -inf where an evaluation failed; such a pair counts for nothing."""
        worth = utilities(plus, minus, float(self.best), self.shaping)
        counted = np.count_nonzero(~np.isnan(worth))
        self._moved = 0.0
        if not counted:
            return
        rate = self._optimiser.rate = self._share * float(self.learning_rate)
        moved = {"centre": np.zeros(len(self._centre))}
        self._optimiser.step(moved, {"centre": np.nan_to_num(worth) @ noise / counted})
        centre = self._within_limits((1.0 - rate * float(self.weight_decay)) * self._centre + self._in_weights(moved["centre"]))
        self._moved = float(np.linalg.norm(centre - self._centre))
        self._centre = centre

    def report(self) -> dict[str, Any]:
        """The centre's score, the mean of its neighbours', how far the centre moved, how long it is (Euclidean norms of its weights), the next
        deviation; before, what the strategy inside reports."""
        if self._last is None:
            return {} if self._inner is None else self._inner.report()
        assert self._last.values is not None
        scores, valid = self._last.values[:, 0], self._last.fitness > -np.inf
        return {
            "centre": float(scores[0]) if valid[0] else None,
            "mean": float(scores[1:][valid[1:]].mean()) if valid[1:].any() else None,
            "step": self._moved,
            "norm": float(np.linalg.norm(self._centre)),
            "deviation": self._share * float(self.deviation),
        }

    # State --------------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        if self._evolving is not None:
            inner = held(self._evolving, INNER)
            return State({"generation": self.generation, **inner.json}, inner.arrays)
        json: dict[str, Any] = {
            "generation": self.generation,
            "before": self._before,
            "scored": None if self._scored is None else self._scored.id,
            "genome": None if self._genome is None else self._genome.to_dict(),
            "steps": self._steps,
            "optimiser_steps": self._optimiser.steps,
        }
        return State(json, {"centre": self._centre, **self._seen.arrays(), **self._optimiser.arrays()})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation = int(known["generation"])
        if INNER in known:
            assert self._inner is not None
            go_on(self._inner, INNER, state, individuals)
            return
        if known["genome"] is not None:
            genome = Genome.from_dict(known["genome"])
            assert isinstance(genome, NeatGenome)
            self._begin(genome, int(known["before"]))
            self._centre = np.array(state.arrays["centre"])
        self._scored = None if known["scored"] is None else individuals(known["scored"])
        self._steps = int(known["steps"])
        self._seen.restore(state.arrays)
        self._optimiser.restore(int(known["optimiser_steps"]), state.arrays)


class Moments:
    """Mean and standard deviation of inputs, put together from those of episodes (Chan, Golub & LeVeque 1983).

    Attributes:
        count: of observations.
        mean, deviation: float64 [inputs].
    """

    def __init__(self, inputs: int) -> None:
        self.count, self.mean, self._squares = 0.0, np.zeros(inputs), np.zeros(inputs)

    @property
    def deviation(self) -> Floats:
        deviation: Floats = np.sqrt(self._squares / self.count)
        return deviation

    def add(self, rows: Floats) -> None:
        """What individuals saw: float64 [individuals, 1 + 2 inputs], each how many observations, their means and their variances; NaN for nothing."""
        for count, *moments in rows[~np.isnan(rows).any(axis=1)]:
            mean, variance = np.split(np.array(moments), 2)
            whole = self.count + count
            apart = mean - self.mean
            self._squares += count * (variance + apart**2 * (self.count / whole))
            self.mean = self.mean + apart * (count / whole)
            self.count = whole

    def arrays(self) -> dict[str, Floats]:
        """For the saved state; nothing where nothing was added."""
        return {"seen": np.array([np.full(len(self.mean), self.count), self.mean, self._squares])} if self.count else {}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Go on from what `arrays` gave."""
        if "seen" in arrays:
            counts, mean, squares = np.array(arrays["seen"])
            self.count, self.mean, self._squares = float(counts[0]), mean, squares


def no_population(strategy: Strategy) -> str:
    """What is said of a strategy that cannot find the topology."""
    return (
        "topologies must be a strategy with a population whose fittest is tuned, and that leaves how it is scored to others, such as Neat() or "
        f"Nsga2(); {type(strategy).__name__} is none"
    )


def varied(genome: NeatGenome) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which of a genome's numbers are tuned: the weights of enabled connections, bool [connections], and biases where nodes have them, bool [nodes]."""
    biases = np.zeros(len(genome.nodes.marking), bool)
    if genome.space.bias == "node":
        biases[genome.space.sensors :] = True
    return genome.connections.enabled.copy(), biases


class _FromInputs(NamedTuple):
    """The tuned weights of connections from inputs: their places among what is tuned, which inputs; where what makes up for an input's mean stands, the bias of
    the node that each leads to, -1 where there is none, and how much of it a unit of the weight takes: arrays [connections]."""

    places: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    biases: npt.NDArray[np.int64]
    shares: Floats


def _from_inputs(genome: NeatGenome, weights: npt.NDArray[np.bool_], biases: npt.NDArray[np.bool_]) -> _FromInputs:
    space, nodes = genome.space, genome.nodes
    source, target = genome.connections.source[weights], genome.connections.target[weights]
    places = np.flatnonzero(source < space.inputs)
    found = dict[int, tuple[int, float]]()
    if space.bias == "input" and space.bias_value:
        found = {int(target[place]): (int(place), 1.0 / space.bias_value) for place in np.flatnonzero(source == space.inputs)}
    elif space.bias == "node":
        which = np.flatnonzero(biases)
        found = {int(nodes.marking[node]): (len(source) + place, float(nodes.response[node])) for place, node in enumerate(which)}
    adding = set(nodes.marking[nodes.aggregation == space.aggregation_functions.codes.get("sum", -1)].tolist())
    each = [found[int(node)] if int(node) in adding and int(node) in found else (-1, 0.0) for node in target[places]]
    return _FromInputs(places, source[places], np.array([place for place, _ in each], np.int64), np.array([share for _, share in each], np.float64))


def utilities(plus: Floats, minus: Floats, best: float, shaping: str) -> Floats:
    """What each direction is worth, by the scores on both sides of the centre: float64 [pairs], NaN for a pair that does not count.

    Args:
        plus, minus: float64 [pairs], larger is better, -inf for an evaluation that failed.
        best: share of the pairs that count, at least one.
        shaping: "ranks" or "deviations"; see `EvolutionStrategy`.
    """
    worth = np.full(len(plus), np.nan)
    whole = np.flatnonzero((plus > -math.inf) & (minus > -math.inf))
    if not len(whole):
        return worth
    better = np.maximum(plus[whole], minus[whole])
    counted = whole[np.argsort(-better, kind="stable")[: max(1, math.ceil(best * len(plus) - 1e-9))]]
    both = np.concatenate([plus[counted], minus[counted]])
    values = (rankdata(both) - 1.0) / (len(both) - 1) - 0.5 if shaping == "ranks" else both / (both.std() or 1.0)
    worth[counted] = values[: len(counted)] - values[len(counted) :]
    return worth
