"""What one-shot strategies share: the epochs of a shared network, and the training of what comes out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from genomes.base import shown
from genomes.cell import CellSpace
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Fidelity, Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import check, check_count

SUPERNET = "supernet"  # the kind of artifact that an epoch of a shared network leaves
SHARED = Fidelity(epochs=0)  # of a score with shared weights
Starts = Literal["both", "scratch", "shared", "none"]
TRAINING, SEARCHING, FINAL, OVER = "training", "searching", "final", "over"


@dataclass(kw_only=True)
class OneShot(Strategy):
    """A shared network is trained for some epochs, a trial each; then something is taken out of it, and that is trained.

    The stages: "training", "searching" (scores with the shared weights), "final" (full training of the finalists) and "over". An epoch whose
    loss is not finite ends the search.

    Args:
        epochs: of the shared network.
        learning_rate, final_rate: of its weights, on a cosine from the first to the last epoch.
        momentum, weight_decay, clip: of its weights' SGD; decay of kernels alone, and the longest gradient (0: any).
        batch_size: samples of a step.
        flip, shift: how its training samples are varied: mirrored, moved by up to so many pixels.
        finals: what a finalist is trained from: "scratch", the weights that it has in the shared network ("shared"), or "both", the second as an
            individual of its own; "none" trains nothing: what came out is in `report`.
        statistics: of the BatchNorms on a path that is scored: "recalibrated" on training samples, or those of the validation "batch".
        calibration: how many training samples that takes.

    Raises:
        ValueError: a setting out of its range; at the start, a space without a shared graph.
    """

    estimated_by: ClassVar[str | None] = "SharedTraining"
    spaces: ClassVar[type[Any]] = CellSpace
    epochs: int = 50
    learning_rate: float = 0.05
    final_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    batch_size: int = 64
    flip: bool = False
    shift: int = 0
    finals: Starts = "both"
    statistics: Literal["recalibrated", "batch"] = "recalibrated"
    calibration: int = 512

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "calibration"):
            check_count(name, getattr(self, name))
        check_count("shift", self.shift, 0)
        check("finals", self.finals, ("both", "scratch", "shared", "none"))
        check("statistics", self.statistics, ("recalibrated", "batch"))
        for name in ("learning_rate", "final_rate", "momentum", "weight_decay", "clip"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number >= 0, got {shown(value)}")

    def start(self, search: Search) -> None:
        super().start(search)
        try:
            self._graph = search.space.shared()
        except NotImplementedError as error:
            raise ValueError(str(error)) from None
        self._stage, self._supernet = TRAINING, -1  # the trial that left the shared network
        self._finalists: list[Individual] = []
        self._trained: list[Individual] = []  # the finalists, and their heirs
        self._last: dict[str, Any] = {}
        self.generation = 0

    # Training ---------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def rule(self) -> dict[str, Any]:
        """JSON: what the next epoch does (`neuroevo.train.supernet.rules`)."""

    def learned(self, report: Mapping[str, Any]) -> bool:
        """Take what an epoch reported; whether the training is over before its time."""
        return False

    def ask(self) -> Sequence[Trial]:
        if self._stage == TRAINING:
            return [self._epoch()]
        if self._stage == SEARCHING:
            found = self.propose()
            if found:
                return found
            self._finish(self.choose() if self.finals != "none" else ())
        return self._training_of_finalists() if self._stage == FINAL else []

    def tell(self, results: Sequence[Result]) -> None:
        if self._stage == TRAINING:
            self._told(results[0])
        elif self._stage == SEARCHING:
            self.observe(results)
        else:
            self._stage, self._trained = OVER, [one for result in results for one in result.individuals]
        self.generation += 1

    def _epoch(self) -> Trial:
        options: dict[str, Any] = {
            **self.sharing(),
            "rule": self.rule(),
            "epoch": self.generation + 1,
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "final_rate": self.final_rate,
            "batch_size": self.batch_size,
        }
        if self.flip or self.shift:
            options["augment"] = {"flip": self.flip, "shift": self.shift}
        return self.search.trial(job="train_shared", artifacts=self.shared(), options=options)

    def shared(self) -> tuple[Any, ...]:
        """The shared network as it is now; nothing before its first epoch."""
        return () if self._supernet < 0 else (self.search.artifact(self._supernet, SUPERNET),)

    def sharing(self) -> dict[str, Any]:
        """JSON: the options by which a worker knows the shared network."""
        return {
            "space": self.search.space.to_dict(),
            "method": {"momentum": self.momentum, "weight_decay": self.weight_decay, "clip": self.clip, **self.method()},
        }

    def method(self) -> dict[str, Any]:
        """JSON: what else is compiled into the shared network."""
        return {}

    def _told(self, result: Result) -> None:
        if result.failed:
            self._stage, self._last = OVER, {}  # the trial says why
            return
        self._supernet = result.trial.id
        self._last = dict(result.measurement.report)
        if self.learned(result.measurement.report) or self.generation + 1 >= self.epochs:
            self._stage = SEARCHING

    # Searching --------------------------------------------------------------------------------------------------------------

    def propose(self) -> Sequence[Trial]:
        """The trials of the next candidates, behind the training; none when the search is over."""
        return ()

    def observe(self, results: Sequence[Result]) -> None:
        """Take the results of `propose`."""

    @abstractmethod
    def choose(self) -> Sequence[Individual]:
        """The finalists."""

    def scoring(self) -> dict[str, Any]:
        """JSON: the options of a trial that scores paths."""
        return {**self.sharing(), "shared": True, "statistics": self.statistics, "calibration": self.calibration}

    # Finalists --------------------------------------------------------------------------------------------------------------

    def _finish(self, finalists: Sequence[Individual]) -> None:
        self._finalists = list(finalists)
        self._stage = FINAL if finalists else OVER

    def _training_of_finalists(self) -> list[Trial]:
        trials = []
        for one in self._finalists:
            if self.finals in ("both", "scratch"):
                trials.append(self.search.trial(one))
            if self.finals in ("both", "shared"):
                heir = self.heir(one) if self.finals == "both" else one
                options = {**self.scoring(), "shared": False, "inheritance": "shared"}
                trials.append(self.search.trial(heir, artifacts=self.shared(), options=options))
        return trials

    def heir(self, one: Individual) -> Individual:
        """The same network, to be trained from shared weights."""
        search, parents = self.search, (one,) if one.status == DONE else ()
        return search.individual(
            search.reserve(), one.genome, parents=parents, operators=("shared_weights",), generation=self.generation
        )

    # State ------------------------------------------------------------------------------------------------------------------

    def needs(self) -> Collection[tuple[int, str]]:
        """The shared network, and the weights of all finalists: those that are not on the front are compared too."""
        shared = [] if self._supernet < 0 else [(self._supernet, SUPERNET)]
        return [*shared, *[one.artifact.name for one in self._trained if one.artifact is not None]]

    def champions(self) -> Sequence[Individual]:
        return self._finalists

    def state(self) -> State:
        return State(
            {
                "generation": self.generation,
                "stage": self._stage,
                "supernet": self._supernet,
                "finalists": [one.id for one in self._finalists],
                "trained": [one.id for one in self._trained],
                "last": self._last,
            }
        )

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation, self._stage, self._supernet = known["generation"], known["stage"], known["supernet"]
        self._finalists = [individuals(id) for id in known["finalists"]]
        self._trained = [individuals(id) for id in known["trained"]]
        self._last = dict(known["last"])

    def report(self) -> dict[str, Any]:
        """Of the last epoch its loss and what is known of the architecture."""
        return dict(self._last)
