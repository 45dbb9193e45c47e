"""Once: isomorphic genomes, or equal ones, are evaluated once; a run's cache from canonical keys or genes to individuals with their evaluations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.trial import FAILED, FULL, Evaluation, Result, Trial
from neuroevo.run.batch import measurement_of
from neuroevo.run.records import Records
from neuroevo.strategies.base import Search, Strategy

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Once:
    """The cache of a run that evaluates each network once.

    A *twin* has the canonical key and the cheap objectives (or the genes) of an individual that was evaluated before, or that comes earlier in the
    same batch. It is not evaluated: the strategy is told of that individual again, in the twin's place, with its fitness and its weights. So twins
    cost nothing and count for nothing in the budget. Where children inherit weights, the individual must still be among the living, since
    weights are not kept for longer; else the network is trained again, from its own parents. Trials that name a fidelity, that have several
    individuals, or that evaluate one again, or that start from a shared network are left alone. Not for asynchronous schedules.

    Args:
        search, strategy, records: of the run.
        genes: whether twins must have the same genes.
    """

    def __init__(self, search: Search, strategy: Strategy, records: Records, genes: bool = False) -> None:
        self._genes = genes
        self._strategy, self._records = strategy, records
        self._originals: dict[int, Individual] = {}
        self._twins: list[tuple[Trial, int]] = []
        self._coming: dict[int, Individual] = {}  # of the batch, by token
        self._cheap = [o.of for o in search.objectives.values() if o.kind == "cheap" and o.of is not None]

    @property
    def originals(self) -> list[Individual]:
        """The individuals whose evaluations are in the cache."""
        return list(self._originals.values())

    def without_twins(self, trials: Sequence[Trial]) -> list[Trial]:
        """Those of a batch's trials that must be run; `learn` answers the others."""
        self._twins, self._coming = [], {}
        fresh = []
        inherits = self._strategy.inheritance != "none"
        living = {individual.id for individual in self._strategy.living} if inherits else set()
        for trial in trials:
            token = self._token(trial.individuals[0]) if _may_be_twin(trial) else None
            known = token in self._originals and (not inherits or self._originals[token].id in living)
            if token is not None and (known or token in self._coming):
                self._twins.append((trial, token))
                continue
            if token is not None:
                self._coming[token] = trial.individuals[0]
            fresh.append(trial)
        return fresh

    def learn(self) -> list[Result]:
        """Remember the evaluations of the batch that came back; the results of its twins."""
        known = self._originals | self._coming
        for token, individual in self._coming.items():
            if self._records.counts(individual) or individual.status == FAILED:
                self._originals[token] = individual
        answers = [_again(trial, known[token]) for trial, token in self._twins]
        self._twins, self._coming = [], {}
        return answers

    def _token(self, individual: Individual) -> int:
        """Eight bytes that stand for the network."""
        # isomorphic genomes may differ in cost (edges without effect): then they are two networks
        cheap = [of(individual.genome) for of in self._cheap]
        text = json.dumps(individual.genome.genes()) if self._genes else f"{individual.genome.key()} {cheap}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What is in the cache, for the saved state."""
        tokens = sorted(self._originals)
        return {
            "once_tokens": np.array(tokens, dtype=np.uint64),
            "once_ids": np.array([self._originals[token].id for token in tokens], dtype=np.int64),
        }

    def restore(self, arrays: Arrays, individuals: Callable[[int], Individual]) -> dict[str, np.ndarray[Any, Any]]:
        """Take from a state's arrays what `arrays` put there; the others."""
        rest = dict(arrays)
        tokens, ids = rest.pop("once_tokens").tolist(), rest.pop("once_ids").tolist()
        self._originals = {token: individuals(id) for token, id in zip(tokens, ids, strict=True)}
        return rest


def _may_be_twin(trial: Trial) -> bool:
    alone = len(trial.individuals) == 1 and not trial.separable
    apart = trial.artifact("supernet") is not None  # it starts from other weights than a twin of its own would
    return alone and not apart and trial.job == "evaluate" and trial.fidelity == FULL and trial.repeat == 0


def _again(trial: Trial, original: Individual) -> Result:
    """A twin's result: the original's."""
    values = original.fitness.values
    evaluation = Evaluation(original.id, trial.id, values, original.status, original.reason, original.info)
    return Result(Trial(trial.id, (original,)), measurement_of([evaluation]), attempts=0)
