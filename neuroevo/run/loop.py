"""The loop of a run: ask -> evaluate -> commit -> tell, within a budget, resumable at any moment.

What makes a resume exact: strategies and births depend on the seed and the ids alone, so a run that is restored to its last saved
state asks for the same trials again; those whose evaluations were committed are filled in from the database, the others are
evaluated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from neuroevo.core.callbacks import Callback, StopRun
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.objectives import worst_values
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import FULL, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.evaluators.base import Evaluator
from neuroevo.run.batch import Batch
from neuroevo.run.budget import Budget
from neuroevo.run.records import simulated_seconds
from neuroevo.run.run import Run
from neuroevo.store import Evaluated, Store, StoreError, restore_fitness
from neuroevo.strategies.base import Search, State, Strategy

STATE_SECONDS = 1.0  # state is saved at generation ends that are at least this far apart, and at the end


class SearchFailed(RuntimeError):
    """Every candidate of the first generation failed: the fitness or the task is at fault, not the candidates."""


@dataclass
class Known:
    """What an interrupted session recorded beyond its last saved state, by individual id: evaluations, and genomes as JSON."""

    evaluations: dict[int, Evaluated] = field(default_factory=dict)
    genomes: dict[int, str] = field(default_factory=dict)


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
        callbacks: Sequence[Callback] = (),
        known: Known | None = None,
        stale: int = 0,
    ) -> None:
        self.run, self.search, self.strategy, self.estimation = run, search, strategy, estimation
        self.evaluator, self.budget, self.store, self.record = evaluator, budget, store, record
        self.callbacks, self.known = callbacks, known or Known()
        self.stale = stale  # generations without improvement
        self._batch: Batch | None = None
        self._member_seconds = 0.0
        self._submitted = 0  # individuals of the batch that were submitted or recalled, not yet in the records
        self._simulated = 0.0  # simulated seconds of the batch, not yet in the records
        self._trains = False  # whether trials leave artifacts: then each is committed at once
        self._worst = worst_values(search.objectives)
        self._began = time.monotonic()
        self._seconds_before = run.seconds
        self._state_saved = -np.inf

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
            if ended:
                return ended
            trials = self.strategy.ask()
            if not trials:
                return "exhausted"
            if self.store is not None:
                self._record_births(trials)
            results = self._evaluate(trials)
            if results is None:
                return self._spent_before_trial()
            self._tell(results)

    # Evaluate -----------------------------------------------------------------------------------------------------------------

    def _evaluate(self, trials: Sequence[Trial]) -> list[Result] | None:
        """Evaluate a batch; None when the budget was spent inside it."""
        batch = self._batch = Batch(trials, self._recall, self.evaluator.capacity, self._member_seconds, self._remaining)
        # a simulated clock runs one trial at a time; workers get one trial each and one waiting
        one_at_a_time = self.budget.simulated_seconds is not None or self.evaluator.capacity == 1
        room = 1 if one_at_a_time else 2 * self.evaluator.capacity
        in_flight = 0
        while True:
            while in_flight < room and (piece := batch.waiting) is not None and not self._spent_before_trial():
                batch.take()
                self._submitted += len(piece.individuals)
                self.evaluator.submit(self._planned(piece))
                in_flight += 1
            if in_flight == 0:
                break
            result = next(iter(self.evaluator.as_completed()))
            in_flight -= 1
            self._apply(result)
            batch.done(result)
            for callback in self.callbacks:
                callback.on_result(self.run, result)
        self._member_seconds = batch.member_seconds
        return None if batch.waiting is not None else batch.results()

    def _planned(self, trial: Trial) -> Trial:
        if trial.fidelity is FULL and len(trial.individuals) == 1:
            fidelity = self.estimation.plan(trial.individuals[0])
            return trial if fidelity is FULL else replace(trial, fidelity=fidelity)
        return trial

    def _recall(self, individual: Individual) -> bool:
        """Fill in an individual that an interrupted session already evaluated; whether it did."""
        evaluated = self.known.evaluations.pop(individual.id, None) if self.known.evaluations else None
        if evaluated is None or not self._has_artifact(individual, evaluated):
            return False
        artifact = None if self.store is None else self.store.artifact(individual.id, individual.genome)
        restore_fitness(individual, evaluated, artifact)
        self._trains |= artifact is not None
        self._submitted += 1
        self._simulated += simulated_seconds(individual)
        return True

    def _has_artifact(self, individual: Individual, evaluated: Evaluated) -> bool:
        """Whether what an evaluation left is there; where it is gone, the individual is evaluated again."""
        return self.store is None or self.store.has_artifact(individual.id, evaluated)

    def _apply(self, result: Result) -> None:
        """Give the individuals their fitness, keep artifacts, and record the evaluation."""
        trial, measurement = result.trial, result.measurement
        reasons, values = measurement.reasons, measurement.values
        if reasons:
            values = values.copy()
            values[list(reasons)] = self._worst
        if isinstance(trial.individuals, ArrayPopulation):
            trial.individuals.learn(measurement.artifacts)
            trial.individuals.assign(values, reasons)
            if self.store is not None:
                self.store.population(trial.individuals, genomes=self.record == "all")
                self.store.commit_when_due()
            return
        for row, individual in enumerate(trial.individuals):
            individual.fitness.values = values[row].tolist()
            individual.status = FAILED if row in reasons else DONE
            individual.reason = reasons.get(row, "")
            individual.info = measurement.info[row] if measurement.info else {}
            self._simulated += simulated_seconds(individual)
        self._keep_artifacts(result)
        if self.store is not None:
            fidelity = "{}" if trial.fidelity is FULL else json.dumps(asdict(trial.fidelity))
            seconds = measurement.seconds / len(trial.individuals)
            self.store.evaluated(trial.individuals, fidelity=fidelity, attempts=result.attempts, seconds=seconds)
            if self._trains:
                self.store.commit()
            else:
                self.store.commit_when_due()

    def _keep_artifacts(self, result: Result) -> None:
        by_id = {individual.id: individual for individual in result.individuals} if result.measurement.artifacts else {}
        for artifact in result.measurement.artifacts:
            self._trains = True
            individual = by_id.get(artifact.id)
            if individual is None or individual.status == FAILED:
                continue
            kept = replace(artifact, genome=individual.genome)
            individual.artifact = kept if self.store is None else self.store.save_artifact(kept)

    # Tell ---------------------------------------------------------------------------------------------------------------------

    def _tell(self, results: list[Result]) -> None:
        records = self.run.records
        first, improved = records.evaluations == 0, False
        for result in results:
            if isinstance(result.individuals, ArrayPopulation):
                improved |= records.add_population(result.individuals, keep=self.record == "all")
            else:
                improved |= records.add(result.individuals)
        self._batch, self._submitted, self._simulated = None, 0, 0.0
        if first:
            refuse_universal_failure(results)
            records.set_scale(result.individuals for result in results)
        self.estimation.observe(results)
        before = self.strategy.generation
        self.strategy.tell(results)
        self.run.generation = self.strategy.generation
        self.run.seconds = self._elapsed()
        if improved:
            self.stale = 0
        if self.strategy.generation > before:
            self.stale += not improved
            self._complete_generation()

    def _complete_generation(self) -> None:
        records = self.run.records
        summary = {
            "best": None if records.best is None else list(records.best.fitness.values),
            "front": len(records.front),
            "hypervolume_in_first_box": records.hypervolume_in_first_box(),
            "failures": records.failures,
            "simulated_seconds": records.simulated_seconds,
            **self.strategy.report(),
        }
        row = {"generation": self.run.generation, "evaluations": records.evaluations, "seconds": self.run.seconds}
        self.run.summaries.append({**row, **summary})
        if self.record == "champions":
            self._keep_champions()
        if self.store is not None:
            self.store.generation(self.run.generation, records.evaluations, self.run.seconds, summary)
            if self._trains or time.monotonic() - self._state_saved >= STATE_SECONDS:
                self._save_state()
        elif self._trains:
            needed = self._needed_artifacts()
            for individual in records.individuals.values():
                if individual.id not in needed:
                    individual.artifact = None
        for callback in self.callbacks:
            callback.on_generation(self.run)

    def _keep_champions(self) -> None:
        living = self.strategy.living
        keep = list(self.run.records.front) if isinstance(living, ArrayPopulation) else [*self.run.records.front, *living]
        if self.store is not None:  # in memory nobody could look at them later: do not make objects of every species' champion
            self.store.champions([*keep, *self.strategy.champions()])
        self.run.records.keep_only({individual.id for individual in keep})

    # Budget -------------------------------------------------------------------------------------------------------------------

    def _elapsed(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    def _remaining(self) -> int | None:
        """How many individuals the budget still allows, or None for no such limit."""
        limit = self.budget.evaluations
        return None if limit is None else limit - self.run.records.evaluations - self._submitted

    def _spent_before_trial(self) -> str:
        """The limit that forbids another trial, or ""."""
        budget, records = self.budget, self.run.records
        if budget.evaluations is not None and records.evaluations + self._submitted >= budget.evaluations:
            return "evaluations"
        if budget.simulated_seconds is not None and records.simulated_seconds + self._simulated >= budget.simulated_seconds:
            return "simulated_seconds"
        if budget.seconds is not None and self._elapsed() >= budget.seconds:
            return "seconds"
        return ""

    def _spent_after_generation(self) -> str:
        """The limit that forbids another batch, or ""."""
        budget = self.budget
        if budget.target is not None and self.run.records.front:
            first = next(iter(self.search.objectives.values()))
            if max(individual.fitness.wvalues[0] for individual in self.run.records.front) >= budget.target * first.weight:
                return "target"
        if budget.generations is not None and self.run.generation >= budget.generations:
            return "generations"
        if budget.patience is not None and self.stale >= budget.patience:
            return "patience"
        return self._spent_before_trial()

    # Keep ---------------------------------------------------------------------------------------------------------------------

    def _record_births(self, trials: Sequence[Trial]) -> None:
        assert self.store is not None
        for trial in trials:
            if isinstance(trial.individuals, ArrayPopulation) and not trial.separable:
                continue  # recorded with its scores, in one row
            for individual in trial.individuals if self.known.genomes else ():
                text = self.known.genomes.get(individual.id)
                if text is not None and text != json.dumps(individual.genome.genes()):
                    raise StoreError(
                        f"individual {individual.id} of {self.store.folder} cannot be made again exactly as it was recorded: "
                        "the code that varies genomes has changed since; start a new run in another folder"
                    )
            self.store.births(trial.individuals, genomes=self.record == "all")
        if self._trains:
            self.store.commit()

    def _save_state(self) -> None:
        """Save all that a resume needs; only between a `tell` and the next `ask`."""
        assert self.store is not None
        records, state = self.run.records, self.strategy.state()
        counters: dict[str, Any] = {
            "next_id": self.search.next_id,
            "evaluations": records.evaluations,
            "failures": records.failures,
            "simulated_seconds": records.simulated_seconds,
            "seconds": self._elapsed(),
            "stale": self.stale,
            "scale": records.scale,
        }
        if self._trains:
            counters["artifacts"] = sorted(self._needed_artifacts())
        self.store.save_state(self.run.generation, State({"run": counters, "strategy": state.json}, state.arrays))
        self._state_saved = time.monotonic()
        if self._trains:
            self.store.keep_artifacts(self._needed_artifacts())

    def _needed_artifacts(self) -> set[int]:
        """Ids of the front and of living parents: what a later trial or a user may still ask for."""
        living = self.strategy.living
        return {individual.id for individual in [*self.run.records.front, *living]}

    def _finish(self) -> None:
        records = self.run.records
        if self._batch is not None:  # cut short: what was finished counts; a resume asks for the batch again
            records.add(sorted(self._batch.finished, key=lambda individual: individual.id))
            for population in self._batch.populations:
                records.add_population(population, keep=self.record == "all")
        self.run.seconds = self._elapsed()
        try:
            if self.store is not None:
                if self._batch is None and self.run.ended not in ("error", "interrupted"):
                    self._save_state()
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
        counts = self.store.counts()
        self.run.records.failures, self.run.records.evaluations = counts[FAILED], counts[FAILED] + counts[DONE]
        self.run.generation = self.store.generations_complete()


def refuse_missing_artifacts(store: Store, ids: Iterable[int]) -> None:
    """Refuse to go on without weights that the search needs."""
    missing = store.missing_artifacts(ids)
    if missing:
        raise StoreError(
            f"{store.folder} lacks the weights of {len(missing)} individuals of the front or the population, such as "
            f"{store.artifact_path(missing[0])}; restore them from a copy, or let the search go on without them: "
            f"neuroevo doctor {store.folder} --repair"
        )


def refuse_universal_failure(results: list[Result]) -> None:
    """End a search whose first candidates all failed."""
    reasons = [reason for result in results for reason in result.measurement.reasons.values()]
    if reasons and len(reasons) == sum(len(result.individuals) for result in results):
        raise SearchFailed(f"every one of the first {len(reasons)} candidates failed; the first: {reasons[0]}")
