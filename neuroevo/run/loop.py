"""The loop of a run: ask -> plan -> evaluate -> commit -> tell, within a budget, resumable at any moment.

What makes a resume exact: strategies and births depend on the seed and the ids alone, so a run that is restored to its last saved
state asks for the same trials again; those that were committed are filled in from the database, as they were planned then, the others
are run.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from neuroevo.core.callbacks import Callback, StopRun
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import worst_values
from neuroevo.core.population import ArrayPopulation, as_array_population
from neuroevo.core.state import State
from neuroevo.core.trial import (
    DONE,
    FAILED,
    PENDING,
    PREDICTED,
    STOPPED,
    WEIGHTS,
    Artifact,
    Evaluation,
    Measurement,
    Prediction,
    Result,
    Trial,
    finite_only,
)
from neuroevo.estimation.base import Estimation
from neuroevo.evaluators.base import Evaluator
from neuroevo.run.batch import Batch, Found, measurement_of
from neuroevo.run.budget import Budget
from neuroevo.run.once import Once
from neuroevo.run.records import simulated_seconds
from neuroevo.run.run import Run, count_recorded
from neuroevo.run.shelf import IN_MEMORY, Shelf
from neuroevo.store import RecordedTrial, Store, StoreError
from neuroevo.store.errors import damaged
from neuroevo.strategies.base import Search, Strategy

STATE_SECONDS = 1.0  # state is saved at generation ends that are at least this far apart, and at the end
FRUITLESS = 1000  # asks in a row that may bring nothing to evaluate, only what is known or predicted
ESTIMATION = "estimation/"  # what the names of an estimation's arrays begin with in the saved state


class SearchFailed(RuntimeError):
    """Every candidate of the first generation failed: the fitness or the task is at fault, not the candidates."""


@dataclass
class Known:
    """What an interrupted session recorded beyond the state that a run goes on from.

    Args:
        trials: by id, pending ones included: what was planned for each.
        evaluations: by trial and individual.
        genomes: of individuals born since, as JSON by id.
        from_the_beginning: whether the run goes through all that it recorded: then artifacts that are gone were not needed any more.
        planned: what another run planned for each trial, which this one replays.
    """

    trials: dict[int, RecordedTrial] = field(default_factory=dict)
    evaluations: dict[tuple[int, int], Evaluation] = field(default_factory=dict)
    genomes: dict[int, str] = field(default_factory=dict)
    from_the_beginning: bool = False
    planned: dict[int, RecordedTrial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last = max(self.trials, default=-1)

    @classmethod
    def since(cls, store: Store, trial: int, birth: int, *, from_the_beginning: bool = False) -> Known:
        """What a store holds of the trials and births with these ids and later ones."""
        trials = store.trials(trial)
        found = {(one.trial, one.individual): one for one in store.evaluations(trial)}
        for one, _ in found:
            if one not in trials:
                raise StoreError(damaged(store.folder / "run.db", f"it has an evaluation of trial {one}, and no such trial"))
        return cls(trials, found, store.births_from(birth), from_the_beginning)


class Loop:
    """Drives one run; `neuroevo.evolve` makes it."""

    def __init__(
        self,
        run: Run,
        search: Search,
        strategy: Strategy,
        estimation: Estimation,
        evaluator: Evaluator,
        budget: Budget,
        *,
        store: Store | None = None,
        record: Literal["all", "champions"] = "all",
        once: Once | None = None,
        callbacks: Sequence[Callback] = (),
        known: Known | None = None,
        stale: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.search, self.strategy, self.estimation = run, search, strategy, estimation
        self.evaluator, self.budget, self.store, self.record = evaluator, budget, store, record
        self.callbacks, self.known, self.once, self.clock = callbacks, known or Known(), once, clock
        self.stale = stale  # generations without improvement
        self.artifacts: dict[tuple[int, str], Artifact] = {}  # of a run in memory
        self._batch: Batch | None = None
        self._member_seconds = 0.0
        self._submitted = 0  # individuals of the batch that were submitted or recalled, not yet in the records
        self._simulated = 0.0  # simulated seconds of the batch, not yet in the records
        self._epochs_ahead = 0.0  # epochs that the batch's submitted trials take at most, not yet in the records
        self._epochs = 0.0  # epochs that the batch's trials took, not yet in the records
        self._epochs_of: dict[int, float] = {}  # the same, by trial
        self._pieces: dict[int, list[float]] = {}  # what the pieces of each separable trial took
        self._trains = store is not None and store.trains()  # whether trials leave artifacts: then each is committed at once
        self._remakes = store is not None and store.remakes()  # whether artifacts are made again, of a repaired run
        self._shelf: Shelf | None = None  # of a run with many individuals
        self._recorded_populations: set[int] = set()  # array populations that the folder holds, by first id
        self._going_on = False  # whether a trial was run, after what was recorded
        self._fruitless = 0
        self._last_id = -1
        self._knows = bool(self.known.trials or self.known.planned)
        kind = type(self.estimation)
        self._plans = any(getattr(kind, name) is not getattr(Estimation, name) for name in ("full", "plan", "stop"))
        self._worst = worst_values(search.objectives)
        self._began = clock()
        self._seconds_before = run.seconds
        self._state_saved = -np.inf
        search.find_artifact = self._found_artifact

    def go(self) -> None:
        """Run until the budget is spent or the strategy has nothing more to try.

        Raises:
            SearchFailed: every candidate of the first generation failed.
            KeyboardInterrupt: on Ctrl-C, after everything finished was saved.
        """
        self.run.ended = ""
        try:
            for callback in self.callbacks:
                callback.on_start(self.run)
            self.run.ended = self._until_the_end()
        except StopRun:
            self.run.ended = "stopped"
        except BaseException as error:
            self.run.ended = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
            raise
        finally:
            self._finish()

    def _until_the_end(self) -> str:
        while True:
            ended = self._spent_after_generation()
            if ended and not (ended == "seconds" and self._recalls()):
                return ended
            asked = self._ask()
            if not asked:
                return "exhausted"
            trials, answers = self._split(asked)
            if self._fruitless > FRUITLESS:
                return "exhausted"
            results = self._evaluate(trials)
            if results is None:
                return self._spent_before_trial()
            self._tell(results, answers)

    # Ask and plan -------------------------------------------------------------------------------------------------------------

    def _ask(self) -> list[Trial]:
        """The trials that the strategy asks for, in the order of their ids."""
        if self._remakes and self.store is not None and not self._passing:
            self.store.made_again()
            self._remakes = False
        trials = sorted(self.strategy.ask(), key=lambda trial: trial.id)
        for trial in trials:
            if trial.id <= self._last_id:
                raise ValueError(
                    f"{type(self.strategy).__name__}.ask gave trial {trial.id} after trial {self._last_id}: trials are numbered in the order "
                    "of asking; make them by self.search.trial(individual, ...)"
                )
            self._last_id = trial.id
        return trials

    def _split(self, asked: Sequence[Trial]) -> tuple[list[Trial], list[Result]]:
        """What is to be evaluated, as it is planned; and the answers to the rest, which is known or predicted."""
        answers: list[Result] = []
        wanted = list(asked) if self.once is None else self.once.without_twins(asked)
        planned: list[tuple[Trial, Prediction | None]] = [self._planned(trial) for trial in wanted]
        trials = [trial for trial, prediction in planned if prediction is None]
        self._fruitless = 0 if trials else self._fruitless + 1
        if self.store is not None:
            self._record([trial for trial, _ in planned])
        for trial, prediction in planned:
            if prediction is not None:
                answers.append(self._answered(trial, prediction))
        if self.store is not None:  # what was asked for and what was predicted in one transaction: a pending trial is measured
            if self._trains:
                self.store.commit()
            elif answers:
                self.store.commit_when_due()
        return trials, answers

    def _planned(self, trial: Trial) -> tuple[Trial, Prediction | None]:
        """The trial as the estimation plans it, or what the estimation says in its place; what was recorded of it before holds."""
        if len(trial.individuals) != 1 or trial.job != "evaluate" or as_array_population(trial.individuals) is not None:
            return trial, None
        individual = trial.individuals[0]
        recorded = (self.known.trials.get(trial.id) or self.known.planned.get(trial.id)) if self._knows else None
        if recorded is not None:
            if recorded.individual != individual.id:
                raise StoreError(
                    f"trial {trial.id} of this run was recorded for individual {recorded.individual} and is asked for individual "
                    f"{individual.id} now: the code that decides has changed since; start a new run in another folder"
                )
            if recorded.status != PREDICTED:
                return replace(trial, fidelity=recorded.fidelity, stop=recorded.stop), None
            if (known := self.known.evaluations.get((trial.id, individual.id))) is not None:
                return replace(trial, fidelity=recorded.fidelity), Prediction(known.values, (), known.info)
        if not self._plans:
            return trial, None
        if trial.fidelity.unnamed:
            plan = self.estimation.plan(individual)
            if isinstance(plan, Prediction) and not plan.finite:
                plan = self.estimation.full
            if isinstance(plan, Prediction):
                return trial, plan
            if not plan.unnamed:
                trial = replace(trial, fidelity=plan)
        stop = self.estimation.stop(individual, trial.fidelity)
        return (trial if stop is None else replace(trial, stop=stop)), None

    def _answered(self, trial: Trial, prediction: Prediction) -> Result:
        """Take a prediction as the individual's evaluation."""
        (individual,) = trial.individuals
        info = dict(prediction.info)
        if prediction.deviation:
            info["deviation"] = list(prediction.deviation)
        evaluation = Evaluation(individual.id, trial.id, tuple(prediction.values), PREDICTED, "", info, trial.fidelity)
        individual.take(evaluation)
        known = self.known.evaluations.pop((trial.id, individual.id), None)
        if self.store is not None and known is None:
            self.store.completed(trial, PREDICTED, attempts=0, place=self._place(trial))
            self.store.evaluated([evaluation])
        self.run.records.add(individual, evaluation)
        return Result(trial, measurement_of([evaluation]), attempts=0)

    # Evaluate -----------------------------------------------------------------------------------------------------------------

    def _evaluate(self, trials: Sequence[Trial]) -> list[Result] | None:
        """Evaluate a batch; None when the budget was spent inside it."""
        batch = self._batch = Batch(
            trials,
            self._recall,
            self._recall_trial,
            self.evaluator.capacity,
            self._member_seconds,
            self._remaining,
            recalls=bool(self.known.evaluations or self.known.trials),
        )
        # a simulated clock runs one trial at a time; workers get one trial each and one waiting
        one_at_a_time = self.budget.simulated_seconds is not None or self.evaluator.capacity == 1
        room = 1 if one_at_a_time else 2 * self.evaluator.capacity
        self._pieces = {trial.id: [] for trial in trials if trial.separable}
        for id in self._pieces.keys() & self.known.trials.keys():
            if self._has_artifacts(id):  # else all of it is run again
                self._pieces[id].append(self.known.trials[id].epochs)
                self._took(id, self.known.trials[id].epochs)
        in_flight = 0
        while True:
            while in_flight < room and (piece := batch.waiting) is not None and not self._spent_before_trial():
                batch.take()
                self._submit_to_evaluator(piece)
                in_flight += 1
            if in_flight == 0:
                break
            result = next(iter(self.evaluator.as_completed()))
            in_flight -= 1
            result, evaluations = self._apply(result)
            batch.done(result, evaluations)
            for callback in self.callbacks:
                callback.on_result(self.run, result)
        self._member_seconds = batch.member_seconds
        if batch.waiting is not None:
            if self._recalls():  # behind what is missing
                batch.recall_the_rest()
            return None
        return batch.results()

    def _recalls(self) -> bool:
        """Whether there is something recorded that the run has not gone through again: that takes no time of the budget."""
        return bool(self.known.evaluations)

    def _submit_to_evaluator(self, trial: Trial) -> None:
        if self.store is not None and self.known.from_the_beginning:
            # what was named on the way through the record is needed from here on
            names = {artifact.name for artifact in trial.artifacts}
            refuse_missing_artifacts(self.store, names if self._going_on else names | self._needed_artifacts())
            self._going_on = True
        self._submitted += len(trial.individuals)
        if self.budget.epochs is not None:
            self._epochs_ahead += self._cost(trial)
        self.evaluator.submit(trial)

    def _took(self, trial: int, epochs: float) -> None:
        if epochs:
            self._epochs += epochs
            self._epochs_of[trial] = self._epochs_of.get(trial, 0.0) + epochs

    def _spend(self) -> None:
        """Take the epochs of what was finished into the records."""
        for trial in sorted(self._epochs_of):  # whichever worker was first: the sum is the same
            self.run.records.spend(trial, self._epochs_of[trial])
        self._epochs, self._epochs_of = 0.0, {}

    def _cost(self, trial: Trial) -> float:
        return 0.0 if self.budget.epochs is None else self.estimation.cost(trial, self.search.task)

    def _recall(self, trial: Trial, individual: Individual) -> Evaluation | None:
        """Give an individual the evaluation that an interrupted session already made, if it did."""
        evaluation = self._recorded(trial, individual) if self.known.evaluations else None
        if evaluation is not None:
            self._take_again(trial, individual, evaluation)
        return evaluation

    def _recall_trial(self, trial: Trial) -> tuple[Result, list[Evaluation]] | None:
        """The result of a trial that an interrupted session already ran, if it did: what a session that ran it was told."""
        recorded = self.known.trials.get(trial.id)
        if recorded is None or recorded.status == PENDING or not (trial.individuals or self._has_artifacts(trial.id)):
            return None
        found = [(one, self._recorded(trial, one)) for one in trial.individuals]
        evaluations = [evaluation for _, evaluation in found if evaluation is not None]
        if len(evaluations) < len(found):
            return None
        for individual, evaluation in zip(trial.individuals, evaluations, strict=True):
            self._take_again(trial, individual, evaluation)
        if not trial.individuals:
            self._trains = True
            self._epochs_ahead += self._cost(trial)
        ran = [self.known.trials[id] for id in sorted({e.trial for e in evaluations} or {trial.id})]
        for one in ran:
            self._took(one.id, one.epochs)
        measurement = replace(
            self._as_told(evaluations),
            artifacts=() if self.store is None else self._left(self.store, trial),
            epochs=math.fsum(one.epochs for one in ran),
            seconds=math.fsum(one.seconds for one in ran),
            report=recorded.report,
            error=recorded.reason,
        )
        return Result(trial, measurement, attempts=0), evaluations

    def _recorded(self, trial: Trial, individual: Individual) -> Evaluation | None:
        """The evaluation that an interrupted session made of an individual in a trial; where what it left is gone, the trial is run again."""
        found = self.known.evaluations.get((trial.id, individual.id))
        if found is None and self.search.by_birth and trial.repeat == 0:  # there, every individual had a trial of its own
            found = self.known.evaluations.get((individual.id, individual.id))
        return found if found is not None and self._has_artifacts(found.trial) else None

    def _take_again(self, trial: Trial, individual: Individual, evaluation: Evaluation) -> None:
        del self.known.evaluations[evaluation.trial, individual.id]
        artifact = None if self.store is None else self._weights(self.store, evaluation.trial, individual)
        individual.take(evaluation, artifact)
        self._trains |= artifact is not None
        self._submitted += 1
        self._epochs_ahead += self._cost(trial) / len(trial.individuals)
        self._simulated += simulated_seconds(evaluation)

    def _has_artifacts(self, trial: int) -> bool:
        """Whether what a trial left is there; where it is gone, the trial is run again."""
        return self.store is None or self.known.from_the_beginning or self.store.has_artifacts(trial)

    @property
    def _passing(self) -> bool:
        """Whether the run still goes through what it recorded: what later trials started from is then named, although it may be gone, and
        nothing is deleted."""
        return self._last_id < self.known.last

    def _weights(self, store: Store, trial: int, individual: Individual) -> Artifact | None:
        names = WEIGHTS, f"{WEIGHTS}.{individual.id}"
        found = (store.artifact(trial, kind, individual, deleted=True) for kind in names)
        return next((artifact for artifact in found if artifact is not None), None)

    def _left(self, store: Store, trial: Trial) -> tuple[Artifact, ...]:
        """What a recalled trial left, with the genomes of its individuals."""
        genomes = {individual.id: individual.genome for individual in trial.individuals}
        found = [store.artifact(trial.id, kind, deleted=True) for kind, _ in store.left(trial.id)]
        return tuple(
            replace(a, genome=genomes.get(a.individual) if a.individual is not None else None) for a in found if a is not None
        )

    def _found_artifact(self, trial: int, kind: str) -> Artifact | None:
        """What a trial left, with the genome of the individual that it belongs to."""
        if self.store is None:
            return self.artifacts.get((trial, kind))
        artifact = self.store.artifact(trial, kind, deleted=self._passing)
        if artifact is None or artifact.individual is None:
            return artifact
        try:
            return replace(artifact, genome=self.run.records.find(artifact.individual).genome)
        except KeyError:
            return artifact

    def _apply(self, result: Result) -> tuple[Result, list[Evaluation]]:
        """Give the individuals their fitness, keep artifacts, and record the evaluation."""
        trial, measurement = result.trial, finite_only(result.measurement, self.search.names)
        if measurement is not result.measurement:
            result = replace(result, measurement=measurement)
        self._took(trial.id, measurement.epochs)
        reasons, values = measurement.reasons, measurement.values
        if reasons:
            values = values.copy()
            values[list(reasons)] = self._worst
        population = as_array_population(trial.individuals)
        if population is not None:
            population.trial = trial.id
            population.learn(measurement.artifacts)
            population.assign(values, reasons, measurement.descriptors)
            if self.store is not None:
                self._record_completion(result, DONE)
                self.store.population(population, genomes=self.record == "all")
                if self.record == "all":
                    self._recorded_populations.add(population.first_id)
                self.store.commit_when_due()
            return result, []
        kept = self._kept_artifacts(result) if measurement.artifacts else ()
        weights = {a.individual: a for a in kept if a.kind.split(".")[0] == WEIGHTS and a.individual is not None} if kept else {}
        evaluations = []
        for row, (individual, found) in enumerate(zip(trial.individuals, values.tolist(), strict=True)):
            status, reason, described = DONE, "", measurement.descriptors
            if row in reasons:
                status, reason, described = FAILED, reasons[row], None
            elif row in measurement.stopped:
                status, reason = STOPPED, measurement.stopped[row]
            info = measurement.info[row] if measurement.info else {}
            evaluation = Evaluation(
                individual.id,
                trial.id,
                tuple(found),
                status,
                reason,
                info,
                trial.fidelity,
                None if described is None else described[row],
            )
            individual.take(evaluation, weights.get(individual.id) if kept else None)
            evaluations.append(evaluation)
            if info:
                self._simulated += simulated_seconds(evaluation)
        if self.store is not None:
            again = [e for e in evaluations if (e.trial, e.individual) in self.known.evaluations]
            self.store.evaluated(evaluations, again=again)
            if not trial.separable:
                status = evaluations[0].status if len(evaluations) == 1 else FAILED if measurement.error else DONE
                self._record_completion(result, status)
            elif measurement.epochs:
                self._pieces[trial.id].append(measurement.epochs)
                self.store.trial(self._whole(trial), epochs=math.fsum(self._pieces[trial.id]))
            if self._trains:
                self.store.commit()
            else:
                self.store.commit_when_due()
        as_measured = not (reasons or measurement.stopped or measurement.artifacts or measurement.info)
        if as_measured and evaluations and values.dtype == np.float64:
            return result, evaluations  # nothing is told otherwise
        told = self._as_told(
            evaluations, artifacts=kept, epochs=measurement.epochs, seconds=measurement.seconds, report=measurement.report,
            error=measurement.error,
        )  # fmt: skip
        return Result(trial, told, result.attempts), evaluations

    def _as_told(self, evaluations: Sequence[Evaluation], **taken: Any) -> Measurement:
        """What strategy and estimation are told of a trial with these evaluations: the same whether it was run now or is recalled.

        Args:
            taken: what it left and took.
        """
        if not evaluations:
            return Measurement(np.empty((0, len(self.search.objectives))), **taken)
        return measurement_of(evaluations, **taken)

    def _place(self, trial: Trial) -> int | None:
        """The place in the order of completion of a trial that is run again."""
        recorded = self.known.trials.get(trial.id)
        return None if recorded is None else recorded.completed

    def _whole(self, piece: Trial) -> Trial:
        assert self._batch is not None
        return next(trial for trial in self._batch.trials if trial.id == piece.id)

    def _record_completion(self, result: Result, status: str) -> None:
        assert self.store is not None
        measurement = result.measurement
        self.store.completed(
            result.trial,
            status,
            reason=measurement.error,
            report=measurement.report,
            epochs=measurement.epochs,
            seconds=measurement.seconds,
            attempts=result.attempts,
            place=self._place(result.trial),
        )

    def _kept_artifacts(self, result: Result) -> tuple[Artifact, ...]:
        """Keep what a trial left, apart from that of individuals that failed."""
        kept = []
        self._trains = True
        by_id = {individual.id: row for row, individual in enumerate(result.individuals)}
        for artifact in result.measurement.artifacts:
            if artifact.individual is not None:
                row = by_id.get(artifact.individual)
                if row is None or row in result.measurement.reasons:
                    continue
                artifact = replace(artifact, genome=result.individuals[row].genome)
            if self.store is None:
                self.artifacts[artifact.name] = artifact
            else:
                artifact = self.store.save_artifact(artifact)
            kept.append(artifact)
        return tuple(kept)

    # Tell ---------------------------------------------------------------------------------------------------------------------

    def _tell(self, results: list[Result], answers: list[Result]) -> None:
        records, batch = self.run.records, self._batch
        assert batch is not None
        first, improved = records.evaluations == 0, False
        for result in results:
            population = as_array_population(result.individuals)
            if population is not None:
                improved |= records.add_population(population, keep=self.record == "all")
            else:
                improved |= self._add(batch.finished.get(result.trial.id, ()))
            if self.store is not None and result.trial.separable:
                took = math.fsum(self._pieces[result.trial.id])
                self._record_completion(replace(result, measurement=replace(result.measurement, epochs=took)), DONE)
        self._spend()
        self._batch, self._submitted, self._simulated, self._epochs_ahead = None, 0, 0.0, 0.0
        if first:
            refuse_universal_failure(results)
        self._fix_box(results)
        self.estimation.observe(results)
        told = [*results, *answers]
        if self.once is not None:
            told += self.once.learn()
        before = self.strategy.generation
        self.strategy.tell(sorted(told, key=lambda result: result.trial.id) if len(told) > 1 else told)
        self.strategy.count_tell()
        self.run.generation = self.strategy.generation
        self.run.seconds = self._elapsed()
        if improved:
            self.stale = 0
        if self.strategy.generation > before:
            self.stale += not improved
            self._complete_generation()

    def _fix_box(self, results: Iterable[Result]) -> None:
        """Fix the box of the hypervolume by the first results in which something succeeded, and record it."""
        records = self.run.records
        if records.fixed_box is None:
            records.fix_box([result.individuals for result in results if result.individuals])
            if records.fixed_box is not None and self.store is not None:
                self.store.write_box(records.fixed_box.to_json())

    def _add(self, found: Sequence[Found]) -> bool:
        """Take individuals into the records, in the order of their ids; whether the front changed."""
        add, improved = self.run.records.add, False
        for individual, evaluation in sorted(found, key=_id) if len(found) > 1 else found:
            improved |= add(individual, evaluation)
        return improved

    def _complete_generation(self) -> None:
        records = self.run.records
        summary = {
            "best": None if records.best is None else list(records.best.fitness.values),
            "front": len(records.front),
            "hypervolume": records.hypervolume(),
            "failures": records.failures,
            "stopped": records.stopped,
            "predictions": records.predictions,
            "simulated_seconds": records.simulated_seconds,
            "epochs": records.epochs,
            **self.strategy.report(),
            **({} if self.search.screen is None else self.search.screen.report()),
        }
        row = {"generation": self.run.generation, "evaluations": records.evaluations, "seconds": self.run.seconds}
        self.run.summaries.append({**row, **summary})
        if self.record == "champions":
            self._keep_champions()
        if self.store is not None:
            if self._recorded_populations and records.in_memory > IN_MEMORY and not self.store.uncommitted:
                shelf = self._shelf or Shelf(self.store.folder, self.search.space, self.search.names, self.search.weights)
                records.shelve(shelf, self._recorded_populations)
                self._shelf = shelf
            self.store.generation(self.run.generation, records.evaluations, self.run.seconds, summary)
            if self._trains or self.clock() - self._state_saved >= STATE_SECONDS:
                self._save_state()
        elif self._trains:
            self._forget_artifacts(self._needed_artifacts())
        for callback in self.callbacks:
            callback.on_generation(self.run)

    def _forget_artifacts(self, needed: Collection[tuple[int, str]]) -> None:
        """Let go of what nobody needs any more: an individual that comes back to the front, since a member fell, is without its weights."""
        self.artifacts = {name: artifact for name, artifact in self.artifacts.items() if name in needed}
        for individual in self.run.records.individuals.values():
            if individual.artifact is not None and individual.artifact.name not in needed:
                individual.artifact = None

    def _keep_champions(self) -> None:
        living = self.strategy.living
        keep = list(self.run.records.front) if isinstance(living, ArrayPopulation) else [*self.run.records.front, *living]
        if self.once is not None:
            keep += self.once.originals
        if self.store is not None:  # in memory nobody could look at them later: do not make objects of every species' champion
            self.store.champions([*keep, *self.strategy.champions()])
        self.run.records.keep_only({individual.id for individual in keep})

    # Budget -------------------------------------------------------------------------------------------------------------------

    def _elapsed(self) -> float:
        return self._seconds_before + self.clock() - self._began

    def _remaining(self) -> int | None:
        """How many individuals the budget still allows, or None for no such limit."""
        limit = self.budget.evaluations
        return None if limit is None else limit - self.run.records.evaluations - self._submitted

    def _spent_before_trial(self) -> str:
        """The limit that forbids another trial, or ""."""
        budget, records = self.budget, self.run.records
        if budget.evaluations is not None and records.evaluations + self._submitted >= budget.evaluations:
            return "evaluations"
        if budget.epochs is not None and records.epochs + max(self._epochs, self._epochs_ahead) >= budget.epochs:
            return "epochs"
        if budget.simulated_seconds is not None and records.simulated_seconds + self._simulated >= budget.simulated_seconds:
            return "simulated_seconds"
        if budget.seconds is not None and self._elapsed() >= budget.seconds:
            return "seconds"
        return ""

    def _spent_after_generation(self) -> str:
        """The limit that forbids another batch, or ""."""
        budget = self.budget
        if budget.target is not None:
            first = next(iter(self.search.objectives.values()))
            within = [one.fitness.wvalues[0] for one in self.run.records.front if not one.fitness.violation]
            if within and max(within) >= budget.target * first.weight:
                return "target"
        if budget.generations is not None and self.run.generation >= budget.generations:
            return "generations"
        if budget.patience is not None and self.stale >= budget.patience:
            return "patience"
        return self._spent_before_trial()

    # Keep ---------------------------------------------------------------------------------------------------------------------

    def _record(self, trials: Sequence[Trial]) -> None:
        """Record what was asked for: births, and how each trial was planned."""
        assert self.store is not None
        for trial in trials:
            if trial.id not in self.known.trials:
                self.store.trial(trial)
            if not trial.separable and as_array_population(trial.individuals) is not None:
                continue  # recorded with its scores, in one row
            for individual in trial.individuals if self.known.genomes else ():
                text = self.known.genomes.get(individual.id)
                if text is not None and text != json.dumps(individual.genome.genes()):
                    raise StoreError(
                        f"individual {individual.id} of {self.store.folder} cannot be made again exactly as it was recorded: "
                        "the code that varies genomes has changed since, and the run needs a new folder; or its last state is damaged, and "
                        f"`neuroevo doctor {self.store.folder} --repair --without-state` lets it go through its record"
                    )
            self.store.births(trial.individuals, genomes=self.record == "all")

    def _save_state(self) -> None:
        """Save all that a resume needs; only between a `tell` and the next `ask`."""
        assert self.store is not None
        needed = self._needed_artifacts()
        state = self._state(needed)
        if state is not None:
            self.store.save_state(self.run.generation, state)
        self._state_saved = self.clock()
        if self._trains:
            self.store.commit()
            # without a state or a complete generation, nothing says later that what is gone was not needed
            if not self._passing and (state is not None or self.run.generation):
                self.store.keep_artifacts(needed)
            self._forget_artifacts(needed)

    def _state(self, needed: Iterable[tuple[int, str]]) -> State | None:
        """Strategy, estimation, cache and counters; None where the strategy cannot be resumed."""
        try:
            strategy = self.strategy.state()
        except NotImplementedError:
            return None
        records, estimation = self.run.records, self.estimation.state()
        counters: dict[str, Any] = {
            "next_id": self.search.next_id,
            "next_trial": self.search.next_trial,
            "evaluations": records.evaluations,
            "failures": records.failures,
            "stopped": records.stopped,
            "predictions": records.predictions,
            "simulated_seconds": records.simulated_seconds,
            "epochs": records.epochs,
            "seconds": self._elapsed(),
            "stale": self.stale,
            "counts": self.strategy.counts_itself,
        }
        if (
            self.record == "champions"
        ):  # whose individuals that were let go would stand on the front again, where an evaluation made it fall
            counters["front"] = [individual.id for individual in records.front]
        if self.search.screen is not None:
            counters["screening"] = self.search.screen.state()
        if self._trains:
            counters["artifacts"] = sorted(list(name) for name in needed)
        arrays = {
            **strategy.arrays,
            **({} if self.once is None else self.once.arrays()),
            **{f"{ESTIMATION}{name}": array for name, array in estimation.arrays.items()},
        }
        return State({"run": counters, "strategy": strategy.json, "estimation": estimation.json}, arrays)

    def _needed_artifacts(self) -> set[tuple[int, str]]:
        """The weights of the front, and what the strategy needs: what a later trial or a user may still ask for."""
        front = {individual.artifact.name for individual in self.run.records.front if individual.artifact is not None}
        return front | set(self.strategy.needs())

    def _finish(self) -> None:
        records, batch = self.run.records, self._batch
        if batch is not None:  # cut short: what was finished counts; a resume asks for the batch again
            for trial in sorted(batch.finished):
                self._add(batch.finished[trial])
            for population in batch.populations:
                records.add_population(population, keep=self.record == "all")
            self._spend()
        self.run.seconds = self._elapsed()
        try:
            if self.store is not None:
                if batch is not None and self.record == "champions":  # those of a batch that was cut short
                    self.store.champions(records.front)
                if batch is None and self.run.ended not in ("error", "interrupted"):
                    if self.record == "champions":  # also inside a generation: the state names the living
                        self._keep_champions()
                    self._save_state()
                if records.fixed_box is None and (box := records.box) is not None:
                    self.store.write_box(box.to_json())  # so that whoever looks at it later sees the same
                self.store.end(self.run.ended, self.run.seconds)
                self._count_recorded()
                self.store.log("end", ended=self.run.ended, evaluations=records.evaluations)
        except StoreError:
            if self.run.ended != "error":  # else what ended the run is said, not that this could not be recorded either
                raise
        finally:
            for callback in self.callbacks:
                callback.on_end(self.run)

    def _count_recorded(self) -> None:
        """Count what is in the database: a run that is interrupted between two steps then says what whoever looks at it later sees."""
        assert self.store is not None
        count_recorded(self.run, self.store)
        self.run.generation = self.store.generations_complete()


def _id(found: Found) -> int:
    return found[0].id


def restored(
    state: State, strategy: Strategy, estimation: Estimation, once: Once | None, find: Callable[[int], Individual]
) -> None:
    """Give strategy, estimation and cache what `Loop` saved of them."""
    arrays: Mapping[str, Any] = state.arrays
    learned = {name.removeprefix(ESTIMATION): array for name, array in arrays.items() if name.startswith(ESTIMATION)}
    rest = {name: array for name, array in arrays.items() if not name.startswith(ESTIMATION)}
    if once is not None:
        rest = once.restore(rest, find)
    strategy.restore(State(state.json["strategy"], rest), find)
    if "estimation" in state.json:
        estimation.restore(State(state.json["estimation"], learned))


def refuse_missing_artifacts(store: Store, names: Iterable[tuple[int, str]]) -> None:
    """Refuse to go on without artifacts that the search needs."""
    missing = store.missing_artifacts(names)
    if missing:
        store.note_missing(missing)  # for the doctor
        raise StoreError(
            f"{store.folder} lacks {len(missing)} artifacts that the front or the search needs, such as the weights in "
            f"{store.artifact_path(*missing[0])}; restore them from a copy, or let the search go on without them: "
            f"neuroevo doctor {store.folder} --repair"
        )


def refuse_universal_failure(results: list[Result]) -> None:
    """End a search whose first candidates all failed."""
    reasons = [reason for result in results for reason in result.measurement.reasons.values()]
    reasons += [result.measurement.error for result in results if result.measurement.error and not result.individuals]
    tried = sum(len(result.individuals) or bool(result.measurement.error) for result in results)
    if reasons and len(reasons) == tried:
        raise SearchFailed(f"every one of the first {len(reasons)} candidates failed; the first: {reasons[0]}")
