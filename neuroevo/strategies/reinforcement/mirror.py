"""Mirror: what is learned from a network that human experts designed, added to the reward (Guo et al. 2019, IRLAS)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import Genome, Space, shown
from genomes.questions import Question
from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.strategies.reinforcement.rewards import Power, Reward, Scorer, finite_number, reward_from_settings

if TYPE_CHECKING:
    from neuroevo.strategies.base import Search

Feature = tuple[str, ...]
Counts = dict[Feature, float]

MIRROR = 7  # the streams of the networks that an expert is compared with
RANDOM = 200  # networks of the uniform policy; from their mean counts the search for the weights starts
MUTANTS = 200  # of the expert, by one to four mutations: those that are hardest to tell from it
STEPS = 1000  # of the search at most


@dataclass(frozen=True)
class Mirror(Reward):
    """Another reward, and how much a network is like an expert's: reward + weight * likeness.

    A decision's feature is what was chosen and how far it reaches (the length of a cell's edge, the distance of a layer that is taken), with
    `span` 2 beside what was chosen in the part before. The feature counts of a network are discounted from its first decision on. Weights of
    norm 1 under which the expert scores more than every other network, by as large a margin as possible, are found by the projection method
    (Abbeel & Ng 2004, section 3.1) from the mean counts of random networks on; where that takes the best policy under the weights, here it is
    the best of 200 random networks and 200 mutants of the expert. The likeness is the weighted count, scaled so that random networks have 0 on average and the expert 1,
    and kept within -1 and 1.

    Args:
        expert: a network of the search's space, as a genome, or as `genome.to_dict()` gives it.
        weight: of the likeness.
        discount: of the features of each further decision, above 0 and at most 1.
        span: 1, or 2.
        base: the other reward; None for the accuracy.
    """

    expert: Genome | Mapping[str, Any]
    weight: float = 0.2
    discount: float = 0.9
    span: int = 1
    base: Reward | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.expert, (Genome, Mapping)):
            raise ValueError(f"expert must be a genome of the search's space, got {shown(self.expert)}")
        finite_number("weight", self.weight)
        finite_number("discount", self.discount)
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount must be above 0 and at most 1, got {shown(self.discount)}")
        if self.span not in (1, 2):
            raise ValueError(f"span must be 1 or 2, got {shown(self.span)}")
        if self.base is not None and not isinstance(self.base, Reward):
            raise ValueError(f"base must be a reward such as Power(3), or None, got {shown(self.base)}")

    def __hash__(self) -> int:
        return hash((self.weight, self.discount, self.span, self.base))

    def begin(self, search: Search) -> Scorer:
        """Find the weights.

        Raises:
            ValueError: the expert is no genome of the search's space, or none that its decisions describe.
        """
        super().begin(search)
        base = (self.base or Power(objective=self.objective, scale=self.scale, last=self.last)).begin(search)
        return Mirrored(base, self.weight, self.likeness(search.space, search.seed))

    def likeness(self, space: Space, seed: int = 0) -> Likeness:
        """What measures how much a genome of the space is like the expert.

        Raises:
            ValueError: the expert is no genome of the space.
        """
        expert = self.expert if isinstance(self.expert, Genome) else Genome.from_dict(self.expert)
        if expert.space != space:
            raise ValueError("the expert is a genome of another space than the search's; make it with the same settings")
        return Likeness(space, expert, self.discount, self.span, seed)

    def settings(self) -> dict[str, Any]:
        expert = self.expert.to_dict() if isinstance(self.expert, Genome) else dict(self.expert)
        return {**super().settings(), "expert": expert, "base": None if self.base is None else self.base.settings()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return super().from_settings({**settings, "base": reward_from_settings(settings.get("base"))})


@dataclass(frozen=True)
class Mirrored:
    """The reward of a search with a mirror."""

    base: Scorer
    weight: float
    likeness: Likeness

    def __call__(self, individual: Individual) -> float:
        return self.base(individual) + self.weight * self.likeness.of(individual.genome)


class Likeness:
    """Weights of features under which an expert is the best network.

    Args:
        space, expert, discount, span: see `Mirror`.
        seed: of the random networks.

    Attributes:
        weights: by feature, of norm 1 together.
        steps: how many networks were compared with the expert.
        margin: by how much the expert scores more than the mixture of the networks compared with; 0 where nothing tells it from them.
    """

    def __init__(self, space: Space, expert: Genome, discount: float, span: int, seed: int = 0) -> None:
        self.space, self.discount, self.span = space, discount, span
        wanted = self.counts(space.decisions(expert))
        drawn = [self.counts(self._random(seed, place)) for place in range(RANDOM)]
        others = [*drawn, *[self.counts(decisions) for decisions in self._mutants(expert, seed)]]
        features = sorted({feature for counts in (wanted, *others) for feature in counts})
        self._places = {feature: place for place, feature in enumerate(features)}
        mine, rivals = self._vector(wanted), np.array([self._vector(counts) for counts in others])
        mixture = random = rivals[:RANDOM].mean(axis=0)
        rivals = rivals[np.abs(rivals - mine).max(axis=1) > 1e-9]
        weights, self.steps = mine - random, 0
        for self.steps in range(1, STEPS + 1):
            if not len(rivals) or not weights.any():
                break  # nothing tells the expert from what it is compared with
            best = rivals[int((rivals @ weights).argmax())]
            direction = best - mixture
            if not direction.any() or weights @ direction <= 1e-9:
                break  # the margin is as large as it can be
            share = float(np.clip(direction @ weights / (direction @ direction), 0.0, 1.0))
            mixture = mixture + share * direction
            weights = mine - mixture
        self.margin = float(np.linalg.norm(weights))
        weights = weights / self.margin if self.margin > 0 else np.zeros_like(weights)
        self.weights: Counts = {feature: float(weights[place]) for feature, place in self._places.items()}
        self._zero, self._one = float(weights @ random), float(weights @ mine)

    def of(self, genome: Genome) -> float:
        """How much a genome is like the expert: at most 1."""
        between = self._one - self._zero
        if between <= 0.0:
            return 0.0
        counts = self.counts(self.space.decisions(genome))
        score = sum(self.weights.get(feature, 0.0) * count for feature, count in counts.items())
        return float(np.clip((score - self._zero) / between, -1.0, 1.0))

    def counts(self, decisions: tuple[int, ...]) -> Counts:
        """The discounted feature counts of a network."""
        found: Counts = {}
        for place, feature in enumerate(self._features(decisions)):
            if feature is not None:
                found[feature] = found.get(feature, 0.0) + self.discount**place
        return found

    def _features(self, decisions: tuple[int, ...]) -> Iterator[Feature | None]:
        before: dict[str, str] = {}
        for place, answer in enumerate(decisions):
            question = self.space.question(decisions[:place])
            assert question is not None
            yield self._feature(question, answer, before)
            before[question.kind] = question.options[answer]

    def _feature(self, question: Question, answer: int, before: Mapping[str, str]) -> Feature:
        """What a decision is known by. Options that are parts are known by their distance alone."""
        kind, option = question.kind, question.options[answer]
        if len(question.refers) == len(question.options):
            reach = question.part - question.refers[answer] if question.refers[answer] >= 0 else question.refers[answer]
            return kind, f"{reach} away" if reach >= 0 else f"input {reach}"
        reached = (f"over {question.part - question.refers[0]}",) if question.refers else ()
        earlier = (f"after {before.get(kind, 'nothing')}",) if self.span == 2 else ()
        return (kind, option, *reached, *earlier)

    def _vector(self, counts: Counts) -> Any:
        found = np.zeros(len(self._places))
        for feature, count in counts.items():
            if feature in self._places:
                found[self._places[feature]] = count
        return found

    def _random(self, seed: int, place: int) -> tuple[int, ...]:
        rng, answers = stream(seed, place, MIRROR), list[int]()
        while options := self.space.choices(answers):
            answers.append(int(rng.integers(len(options))))
        return tuple(answers)

    def _mutants(self, expert: Genome, seed: int) -> Iterator[tuple[int, ...]]:
        for place in range(MUTANTS):
            rng, genome = stream(seed, RANDOM + place, MIRROR), expert
            for _ in range(1 + place % 4):
                genome = genome.mutate(rng, clock=1)
            with suppress(ValueError):  # what no decisions describe
                yield self.space.decisions(genome)
