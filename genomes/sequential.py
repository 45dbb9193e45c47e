"""SequentialSpace: a space whose genomes are described by decisions, one after the other, as controllers and tree searches make them.

An encoding says in one generator what is asked and in another what a genome answers; `choices`, `build` and `decisions` follow from
these two.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, Generic

import numpy as np

from genomes.base import SomeGenome, Space, shown
from genomes.questions import Question

# Prefixes of decisions that are remembered for a space: enough for the batch of a controller.
_REMEMBERED = 1 << 10


Asking = Generator[Question, int, SomeGenome]


class SequentialSpace(Space, Generic[SomeGenome]):
    """A space with sequential decisions: subclass it in place of `Space` and say what is asked (`ask`) and answered (`answers`)."""

    sequential: ClassVar[bool] = True

    @abstractmethod
    def ask(self) -> Asking[SomeGenome]:
        """Ask one question after the other, depending on the answers so far, and give the genome.

        A generator that yields questions, is sent the position of the chosen option of each, and returns the genome at the end. Every
        question has one option or more, their names are different, and whatever is answered the end is reached.
        """

    @abstractmethod
    def answers(self, genome: SomeGenome) -> Iterator[str]:
        """The names of the options that describe a genome, in the order in which `ask` asks for them."""

    def choices(self, prefix: Sequence[int]) -> tuple[str, ...]:
        question = self.question(prefix)
        return () if question is None else question.options

    def question(self, prefix: Sequence[int]) -> Question | None:
        answers = whole_decisions(prefix)
        memory = _memory(self)
        place = memory.places.get(answers)
        if place is None:
            # A controller goes on from the prefix before: what asks there has only one step to go.
            waiting = memory.waiting.pop(answers[:-1], None) if answers else None
            if waiting is None:
                asking = self.ask()
                place = self._after(asking, answers)
            else:
                question, asking = waiting
                try:
                    place = _step(asking, question, answers[-1])
                except ValueError:
                    memory.waiting[answers[:-1]] = waiting
                    raise
            memory.keep(answers, place, asking)
        return place if isinstance(place, Question) else None

    def build(self, decisions: Sequence[int]) -> SomeGenome:
        answers = whole_decisions(decisions)
        place = _memory(self).places.get(answers)
        if place is None:
            place = self._after(self.ask(), answers)
        if isinstance(place, Question):
            raise ValueError(
                f"the {self.encoding} is not complete after {len(answers)} decisions: go on while choices() offers any; "
                f"the next is on {place.about}"
            )
        return place

    def decisions(self, genome: SomeGenome) -> tuple[int, ...]:
        self._refuse_foreign(genome)
        asking, found = self.ask(), list[int]()
        place = _first(asking)
        for name in self.answers(genome):
            if not isinstance(place, Question):
                raise ValueError(
                    f"no decisions describe this genome: it goes on with {name} where the {self.encoding} is complete"
                )
            if name not in place.options:
                offered = ", ".join(place.options)
                raise ValueError(
                    f"no decisions describe this genome: {place.about} is {name}, which is not offered ({shown(offered)})"
                )
            found.append(place.options.index(name))
            place = _step(asking, place, found[-1])
        if isinstance(place, Question):
            raise ValueError(f"no decisions describe this genome: it has no answer on {place.about}")
        return tuple(found)

    def _after(self, asking: Asking[SomeGenome], answers: tuple[int, ...]) -> Question | SomeGenome:
        """The question that comes after these answers, or the genome that they describe.

        Raises:
            ValueError: an answer that is not among its options, or one too many.
        """
        place = _first(asking)
        for at, answer in enumerate(answers):
            if not isinstance(place, Question):
                raise ValueError(f"the {self.encoding} takes {at} decisions, got {len(answers)}")
            place = _step(asking, place, answer)
        return place


def whole_decisions(decisions: Sequence[int]) -> tuple[int, ...]:
    """Decisions as a tuple of Python's int.

    Raises:
        ValueError: one is no whole number.
    """
    given = tuple(decisions)
    if not set(map(type, given)) <= {int}:
        for place, answer in enumerate(given):
            if isinstance(answer, bool) or not isinstance(answer, (int, np.integer)):
                raise ValueError(f"a decision is the position of an option, a whole number; decision {place} is {shown(answer)}")
        given = tuple([int(answer) for answer in given])
    return given


def refuse_wrong(answer: int, options: Sequence[str], what: str) -> None:
    """Refuse a decision that is not the position of an option.

    Raises:
        ValueError: it is not.
    """
    if not 0 <= answer < len(options):
        raise ValueError(f"{what} must be 0 to {len(options) - 1}, got {answer}")


def _step(asking: Asking[SomeGenome], question: Question, answer: int) -> Question | SomeGenome:
    refuse_wrong(answer, question.options, f"the decision on {question.about}")
    try:
        return asking.send(answer)
    except StopIteration as end:
        genome: SomeGenome = end.value
        return genome


def _first(asking: Asking[SomeGenome]) -> Question | SomeGenome:
    """The first question, or the genome where there is nothing to decide."""
    try:
        return next(asking)
    except StopIteration as end:
        genome: SomeGenome = end.value
        return genome


class _Memory(Generic[SomeGenome]):
    """Where prefixes of decisions lead, so that a controller that asks for one decision after the other starts over with none.

    Attributes:
        places: the question after each prefix, or the genome.
        waiting: the questions that have not been answered yet, and what asks them. Each can be gone on with once.
    """

    def __init__(self) -> None:
        self.places: dict[tuple[int, ...], Question | SomeGenome] = {}
        self.waiting: dict[tuple[int, ...], tuple[Question, Asking[SomeGenome]]] = {}

    def keep(self, prefix: tuple[int, ...], place: Question | SomeGenome, asking: Asking[SomeGenome]) -> None:
        if len(self.places) >= _REMEMBERED:
            self.places.clear()
            self.waiting.clear()
        self.places[prefix] = place
        if isinstance(place, Question):
            self.waiting[prefix] = place, asking


@lru_cache(maxsize=16)
def _memory(space: SequentialSpace[SomeGenome]) -> _Memory[SomeGenome]:
    return _Memory()
