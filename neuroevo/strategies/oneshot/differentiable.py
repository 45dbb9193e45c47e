"""What strategies share whose architecture is a mixture that learns: discretisation, and stopping before it collapses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from genomes.base import Genome, shown
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search
from neuroevo.strategies.evolution.breeding import check, check_count
from neuroevo.strategies.oneshot.base import OneShot

Mixture = list[list[float]]
EARLIEST = {"skips": 3, "eigenvalue": 10}  # epochs before which a stop looks at nothing; the second from Zela et al. 2020
WINDOW, FACTOR, BACK = 5, 1.3, 4  # Zela et al. 2020, section 4.2: mean of 5, 1.3 times that of 4 epochs before, from where it is taken


@dataclass(kw_only=True)
class Differentiable(OneShot):
    """A mixture of operations that learns while the weights do; in the end one operation of each choice is kept.

    Args:
        discretise: "argmax" keeps the strongest operation of each choice; "top_2" that, and of each node the two strongest edges (cells of the
            darts vocabulary have no other way); "perturbation" what the network misses most (Wang et al. 2021), choice after choice. "none" is
            never kept.
        measure, tune, tune_rate: of "perturbation": "accuracy" or "loss", the epochs after each choice, and their learning rate.
        stop: ends the training early: "skips" where the cell that it would keep has more than `most_skips` skips, and takes the last
            epoch that had not (Liang et al. 2019, DARTS+); "eigenvalue" where the largest eigenvalue of the architecture's Hessian has risen
            by 1.3 within four epochs, and takes the one before (Zela et al. 2020).
        most_skips: see `stop`.
        earliest: the first epoch that a stop looks at; None: 3 for skips, 10 for the eigenvalue.
    """

    discretise: Literal["argmax", "top_2", "perturbation"] = "argmax"
    measure: Literal["accuracy", "loss"] = "accuracy"
    tune: int = 5
    tune_rate: float = 0.01
    stop: Literal["skips", "eigenvalue"] | None = None
    most_skips: int = 2
    earliest: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check("discretise", self.discretise, ("argmax", "top_2", "perturbation"))
        check("measure", self.measure, ("accuracy", "loss"))
        if self.stop is not None:
            check("stop", self.stop, ("skips", "eigenvalue"))
        check_count("tune", self.tune, 0)
        check_count("most_skips", self.most_skips, 0)
        if self.earliest is not None:
            check_count("earliest", self.earliest)
        if isinstance(self.tune_rate, bool) or not isinstance(self.tune_rate, (int, float)) or not self.tune_rate >= 0:
            raise ValueError(f"tune_rate must be a number >= 0, got {shown(self.tune_rate)}")

    def start(self, search: Search) -> None:
        super().start(search)
        if not self._graph.mixable:
            raise ValueError(
                f"{type(self).__name__} mixes operations, and the networks of {type(search.space).__name__} share weights one path at a time: "
                "take SharedWeights() or Enas()"
            )
        self._mixtures: list[Mixture] = []  # of each epoch
        self._strengths: list[Mixture] = []  # what is compared: the mixture, or what tells apart its zeros too
        self._eigenvalues: list[float] = []
        self._taken: Mixture = []  # that of the network that comes out
        self._taken_epoch = 0
        self._order: list[int] = []  # in which choices are decided by perturbation; those that still are
        self._worth: list[float] = []

    # Training ---------------------------------------------------------------------------------------------------------------

    def learned(self, report: Mapping[str, Any]) -> bool:
        self._mixtures.append([list(map(float, row)) for row in report["mixture"]])
        self._strengths.append([list(map(float, row)) for row in report.get("strengths", report["mixture"])])
        self._eigenvalues.append(float(report.get("eigenvalue", 0.0)))
        epoch = len(self._mixtures)
        stopped_at = self._stopped()
        self._taken_epoch = stopped_at or epoch
        self._taken = self._mixtures[self._taken_epoch - 1]
        if stopped_at or self.generation + 1 >= self.epochs:
            self._order = self._perturbed_choices()
            return True
        return False

    def _stopped(self) -> int:
        """The epoch (from 1) whose mixture is taken, where the training stops now; 0 where it goes on."""
        epoch = len(self._mixtures)
        earliest = self.earliest or EARLIEST.get(self.stop or "", 1)
        if self.stop == "skips" and epoch > earliest and self.skips(self._strengths[-1]) > self.most_skips:
            sound = [at for at in range(earliest, epoch) if self.skips(self._strengths[at - 1]) <= self.most_skips]
            return sound[-1] if sound else 0
        if self.stop == "eigenvalue" and epoch >= max(earliest, WINDOW + BACK):
            now, before = (sum(self._eigenvalues[end - WINDOW : end]) / WINDOW for end in (epoch, epoch - BACK))
            if before > 0 and now > FACTOR * before:
                return epoch - BACK
        return 0

    def skips(self, strengths: Mixture) -> int:
        """How many skips the (normal) cell would have."""
        first = self._graph.choices[0].cell
        path = self._graph.path(self.discrete(strengths))
        return sum(option in choice.skips for option, choice in zip(path, self._graph.choices, strict=True) if choice.cell == first)

    def discrete(self, strengths: Mixture) -> Genome:
        """The network of the strongest operations."""
        return self._graph.strongest(strengths, edges=2 if self.discretise == "top_2" else None)

    # Perturbation -----------------------------------------------------------------------------------------------------------

    def _perturbed_choices(self) -> list[int]:
        if self.discretise != "perturbation":
            return []
        order = self.search.selection_rng(self.generation).permutation(len(self._graph.choices)).tolist()
        return [*order, -1]

    def propose(self) -> Sequence[Trial]:
        if not self._order:
            return ()
        rule = {"rule": "perturbation", "choice": self._order[0], "measure": self.measure, "tune": self.tune}
        options = {
            **self.sharing(), "rule": rule, "mixture": self._taken, "epoch": self.generation + 1, "epochs": self.generation + 1,
            "learning_rate": self.tune_rate, "final_rate": self.tune_rate, "batch_size": self.batch_size,
        }  # fmt: skip
        return [self.search.trial(job="train_shared", artifacts=self.shared(), options=options)]

    def observe(self, results: Sequence[Result]) -> None:
        (result,) = results
        if result.failed:
            raise ValueError(f"a choice by perturbation failed: {result.measurement.error}")
        report = result.measurement.report
        self._supernet = result.trial.id
        if self._order.pop(0) < 0:
            self._worth = list(map(float, report["worth"]))
        else:
            self._taken = [list(map(float, row)) for row in report["mixture"]]
        self._last = dict(report)

    def choose(self) -> Sequence[Individual]:
        search, genome = self.search, self._found()
        return [search.individual(search.reserve(), genome, operators=(self.discretise,), generation=self.generation)]

    def _found(self) -> Genome:
        """The network of the mixture that is taken, as far as it is decided."""
        mixture = self._taken if self.discretise == "perturbation" else self._strengths[self._taken_epoch - 1]
        if self._worth:
            least = min(self._worth) - 1.0  # of what was not decided for
            mixture = [
                [value if weight == max(row) else least for weight in row] for row, value in zip(mixture, self._worth, strict=True)
            ]
        return self.discrete(mixture)

    # State ------------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        own = super().state()
        json = {
            **own.json,
            "mixtures": self._mixtures,
            "strengths": self._strengths,
            "eigenvalues": self._eigenvalues,
            "taken": self._taken,
            "taken_epoch": self._taken_epoch,
            "order": self._order,
            "worth": self._worth,
        }
        return State(json, own.arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        super().restore(state, individuals)
        known = state.json
        self._mixtures, self._strengths = known["mixtures"], known["strengths"]
        self._eigenvalues, self._taken = known["eigenvalues"], known["taken"]
        self._taken_epoch, self._order, self._worth = known["taken_epoch"], known["order"], known["worth"]

    def report(self) -> dict[str, Any]:
        """The loss, the mixture with its entropy and its share of skips, the network that it stands for (its genes), and which epoch's
        mixture is taken."""
        report = super().report()
        if self._mixtures and self._stage != "over":
            report |= {"genes": self._found().genes(), "taken_epoch": self._taken_epoch}
        return report
