"""Reading a run's folder, also while another process writes it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from neuroevo.core.files import LOST, fingerprint, intact
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import (
    DONE,
    FAILED,
    FULL,
    PENDING,
    PREDICTED,
    STATUSES,
    STOPPED,
    WEIGHTS,
    Arrays,
    Artifact,
    Evaluation,
    Fidelity,
)  # fmt: skip
from neuroevo.store.connection import RunDatabase
from neuroevo.store.derived import RecordedDerived, derived_rows
from neuroevo.store.errors import StoreError, damaged, reads
from neuroevo.store.recorded import RecordedIndividual

ANCESTRY = ("parents", "operators")  # what is kept of an array population whose genomes are not
_TRIAL = "id, job, individual, members, fidelity, stop, status, reason, report, epochs, seconds, attempts, completed"
_APART = "NOT EXISTS (SELECT 1 FROM populations p WHERE e.individual >= p.first_id AND e.individual < p.first_id + p.count)"


@dataclass(frozen=True)
class RecordedTrial:
    """A trial read back.

    Args:
        individual: its first one's id, or None; `members`: how many it has.
        stop: the rule that may end its training early, or None.
        status: "pending", "done", "failed", "stopped" or "predicted".
        reason: why it failed as a whole, or "".
        report: JSON about the trial as a whole.
        epochs, seconds: what it took in its worker.
        completed: its place in the order of completion, or None.
    """

    id: int
    job: str
    individual: int | None
    members: int
    fidelity: Fidelity
    stop: Mapping[str, Any] | None
    status: str
    reason: str
    report: Mapping[str, Any]
    epochs: float
    seconds: float
    attempts: int
    completed: int | None


@dataclass(frozen=True)
class Ask:
    """When an asynchronous search asked its strategy for more, from which its births can be made again in the same order.

    Args:
        number: counts the asks.
        told: how many results the strategy had been told of before.
        first: the next birth id at that moment.
        born: how many trials the strategy gave.
    """

    number: int
    told: int
    first: int
    born: int


class Reading(RunDatabase):
    """What can be asked of a run's folder."""

    def read_json(self, name: str) -> Any:
        """One of the folder's JSON files, or None where it is absent.

        Raises:
            StoreError: the file is damaged.
        """
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise StoreError(damaged(path, error)) from error

    @reads
    def ended(self) -> tuple[str, float]:
        """Why the run ended, or "", and its wall-clock seconds until then."""
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        return meta.get("ended", ""), float(meta.get("seconds", 0.0))

    @reads
    def box(self) -> Any:
        """The box in which the run's hypervolume is measured, as JSON; None where none was recorded.

        Raises:
            StoreError: it is damaged.
        """
        row = self._db.execute("SELECT value FROM meta WHERE key = 'box'").fetchone()
        try:
            return None if row is None else json.loads(row[0])
        except (ValueError, TypeError) as error:
            raise StoreError(damaged(self.folder / "run.db", error)) from error

    @reads
    def numbers_trials_by_birth(self) -> bool:
        """Whether this run was begun by a release in which a trial had the id of its first individual."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'trials'").fetchone()
        return row is not None and row[0] == "by birth"

    @reads
    def deletes_artifacts(self) -> bool:
        """Whether artifacts that are gone may have been deleted since nobody needed them: until the first state or generation none are."""
        (begun,) = self._db.execute("SELECT EXISTS (SELECT 1 FROM state) OR EXISTS (SELECT 1 FROM generations)").fetchone()
        return bool(begun) and not self.remakes()

    @reads
    def remakes(self) -> bool:
        """Whether the run was repaired without its state: then it makes again, on its way through the record, what artifacts are gone."""
        return self._db.execute("SELECT 1 FROM meta WHERE key = 'remake'").fetchone() is not None

    def artifact_path(self, trial: int, kind: str = WEIGHTS) -> Path:
        """Where an artifact lies."""
        return self.folder / "artifacts" / artifact_file(trial, kind)

    @reads
    def state(self) -> tuple[int, State] | None:
        """The generation and state last saved, or None."""
        from safetensors.numpy import load

        row = self._db.execute("SELECT generation, json, arrays FROM state").fetchone()
        if row is None:
            return None
        data = json.loads(row[1])
        if data.pop("arrays", fingerprint(row[2])) != fingerprint(row[2]):
            raise ValueError("the arrays of the state are not those that were written")
        return row[0], State(data, dict(load(row[2])) if row[2] else {})

    @reads
    def trials(self, since: int = 0) -> dict[int, RecordedTrial]:
        """The trials with ids from this one on, by id."""
        rows = self._db.execute(f"SELECT {_TRIAL} FROM trials WHERE id >= ? ORDER BY id", (since,))
        return {row[0]: _trial(row) for row in rows}

    @reads
    def pending_trials(self) -> list[RecordedTrial]:
        """Those that were asked for and have not come back, in the order of asking."""
        return [_trial(row) for row in self._db.execute(f"SELECT {_TRIAL} FROM trials WHERE status = 'pending' ORDER BY id")]

    @reads
    def descent(self, ids: Iterable[int]) -> dict[int, tuple[list[int], list[str]]]:
        """Parents and operators of individuals, by id (array populations apart)."""
        found = {}
        for id in ids:
            row = self._db.execute("SELECT parents, operators FROM individuals WHERE id = ?", (id,)).fetchone()
            if row is not None:
                found[id] = (json.loads(row[0]), json.loads(row[1]))
        return found

    @reads
    def evaluations(self, since: int = 0) -> list[Evaluation]:
        """The evaluations of the trials with ids from this one on, in the order in which they were recorded (array populations apart)."""
        special = {
            id: Fidelity.from_dict(json.loads(text))
            for id, text in self._db.execute("SELECT id, fidelity FROM trials WHERE fidelity != '{}' AND id >= ?", (since,))
        }
        rows = self._db.execute(
            'SELECT individual, trial, "values", status, reason, info, descriptors FROM evaluations WHERE trial >= ? ORDER BY id',
            (since,),
        )
        return [
            Evaluation(
                row[0], row[1], tuple(json.loads(row[2])), row[3], row[4], json.loads(row[5]) if row[5] != "{}" else {},
                special.get(row[1], FULL), None if row[6] is None else np.frombuffer(row[6], np.float64),
            )
            for row in rows
        ]  # fmt: skip

    @reads
    def without_trial(self) -> int | None:
        """The number of a trial that evaluations belong to and that is not recorded, or None: without it nobody knows their fidelity."""
        query = "SELECT trial FROM evaluations WHERE trial NOT IN (SELECT id FROM trials) LIMIT 1"
        row = self._db.execute(query).fetchone()
        return None if row is None else int(row[0])

    @reads
    def completions(self) -> list[int]:
        """Ids of trials in the order in which they were completed, apart from those that were only predicted."""
        rows = self._db.execute("SELECT id FROM trials WHERE completed IS NOT NULL AND status != 'predicted' ORDER BY completed")
        return [row[0] for row in rows]

    @reads
    def asks(self) -> list[Ask]:
        """When an asynchronous search asked for more; empty for a synchronous one."""
        return [Ask(*row) for row in self._db.execute("SELECT number, told, first, born FROM asks ORDER BY number")]

    @reads
    def seconds(self) -> dict[int, float]:
        """Seconds that the trials of every individual took in their workers, its share of those that it was not alone in."""
        rows = self._db.execute(
            "SELECT e.individual, sum(t.seconds / max(1, t.members)) FROM evaluations e JOIN trials t ON t.id = e.trial GROUP BY e.individual"
        )
        return dict(rows)

    @reads
    def individuals(
        self,
        space: Space,
        names: tuple[str, ...],
        weights: tuple[float, ...],
        *,
        limits: tuple[float, ...] = (),
        lazy: bool = False,
        before: int | None = None,
    ) -> dict[int, Individual]:
        """Every individual whose genome was kept, with its fitness, by id (array populations apart).

        Args:
            lazy: genomes are decoded when they are looked at.
            before: leave out the evaluations of trials with this id and later ones.
        """
        found: dict[int, Individual] = {}
        kept = {path.name for path in (self.folder / "artifacts").glob("*.safetensors")}
        database = self.folder / "run.db"
        for id, generation, parents, operators, genes in self._db.execute("SELECT * FROM individuals ORDER BY id"):
            if genes is None:
                continue
            born: dict[str, Any] = {
                "names": names,
                "parents": tuple(json.loads(parents)),
                "operators": tuple(json.loads(operators)),
                "generation": generation,
            }
            if lazy:
                found[id] = RecordedIndividual(id, weights, text=genes, space=space, database=database, limits=limits, **born)
            else:
                found[id] = Individual(id, space.from_genes(json.loads(genes)), weights, limits=limits, **born)
        for evaluation in self.evaluations():
            individual = found.get(evaluation.individual)
            if individual is None or (before is not None and evaluation.trial >= before):
                continue
            individual.asked += 1
            if individual.take(evaluation):
                self._give_weights(individual, evaluation.trial, kept)
        return found

    def _give_weights(self, individual: Individual, trial: int, kept: Collection[str]) -> None:
        if not kept:
            return
        for kind in (WEIGHTS, f"{WEIGHTS}.{individual.id}"):
            if artifact_file(trial, kind) in kept:
                path = self.artifact_path(trial, kind)
                if isinstance(individual, RecordedIndividual):
                    individual.left_weights(trial, kind, path)
                else:
                    individual.artifact = Artifact(trial, kind, individual.genome, individual.id, path=path)

    def artifact(
        self, trial: int, kind: str = WEIGHTS, individual: Individual | None = None, *, deleted: bool = False
    ) -> Artifact | None:
        """The artifact of this kind that a trial left, if it is kept (`deleted`: or was, until nobody needed it); with the genome of the
        individual that it belongs to."""
        path = self.artifact_path(trial, kind)
        kept = path.exists()
        if not kept and not deleted:
            return None
        row = self._db.execute(
            "SELECT individual, meta, fingerprint FROM artifacts WHERE trial = ? AND kind = ?", (trial, kind)
        ).fetchone()
        if not kept and (row is None or row[2] == LOST):
            return None
        owner, meta = (None, {}) if row is None else (row[0], json.loads(row[1]))
        if individual is not None:
            return Artifact(trial, kind, individual.genome, individual.id, path=path, meta=meta)
        return Artifact(trial, kind, None, owner, path=path, meta=meta)

    @reads
    def trains(self) -> bool:
        """Whether a trial left an artifact."""
        (recorded,) = self._db.execute("SELECT EXISTS (SELECT 1 FROM artifacts)").fetchone()
        return bool(recorded) or any((self.folder / "artifacts").glob("*.safetensors"))

    @reads
    def left(self, trial: int) -> list[tuple[str, int | None]]:
        """The kinds of artifacts that a trial left, with the individual that each belongs to."""
        return list(self._db.execute("SELECT kind, individual FROM artifacts WHERE trial = ? ORDER BY id", (trial,)))

    @reads
    def has_artifacts(self, trial: int) -> bool:
        """Whether what a trial left is there (also when it left nothing, or when that is known to be lost)."""
        rows = self._db.execute("SELECT kind, fingerprint FROM artifacts WHERE trial = ?", (trial,))
        return all(intact(self.artifact_path(trial, kind), fingerprint) for kind, fingerprint in rows)

    @reads
    def missing_artifacts(self, names: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
        """Those of these artifacts that were recorded and are gone, or are not the files that were written."""
        missing = []
        for trial, kind in sorted(set(names)):
            row = self._db.execute("SELECT fingerprint FROM artifacts WHERE trial = ? AND kind = ?", (trial, kind)).fetchone()
            if row is not None and not intact(self.artifact_path(trial, kind), row[0]):
                missing.append((trial, kind))
        return missing

    def populations(self, *, genes: bool = True) -> Iterator[RecordedPopulation]:
        """Array populations, oldest first, each read when it is its turn.

        Args:
            genes: whether their arrays are read; else these are empty, and populations whose genomes were not kept are left out.
        """
        for first in self._first_ids():
            if not genes and not self._keeps_genomes(first):
                continue
            recorded = self.population_of(first, genes=genes)
            if recorded is not None:
                yield recorded

    @reads
    def _first_ids(self) -> list[int]:
        return [first for (first,) in self._db.execute("SELECT first_id FROM populations ORDER BY first_id")]

    @reads
    def population_of(self, first_id: int, *, genes: bool = True) -> RecordedPopulation | None:
        """The array population whose first member has this id."""
        from safetensors.numpy import load

        row = self._db.execute(
            f'SELECT count, generation, {"arrays" if genes else "NULL"}, "values", reasons, trial, descriptors FROM populations WHERE first_id = ?',
            (first_id,),
        ).fetchone()
        if row is None:
            return None
        count, generation, arrays, values, reasons, trial, described = row
        return RecordedPopulation(
            first_id, count, generation, dict(load(arrays)) if genes else {}, np.frombuffer(values, np.float64).reshape(count, -1),
            {int(k): v for k, v in json.loads(reasons).items()}, trial,
            None if described is None else np.frombuffer(described, np.float64).reshape(count, -1),
        )  # fmt: skip

    @reads
    def _keeps_genomes(self, first_id: int) -> bool:
        """Whether the arrays of a population are more than parents and operators: by their names, which safetensors puts first."""
        with self._db.blobopen("populations", "arrays", first_id, readonly=True) as blob:
            length = int.from_bytes(blob.read(8), "little")
            if length > len(blob) - 8:
                raise ValueError(f"the arrays of the population of individual {first_id} are cut off")
            names = json.loads(blob.read(length))
        return bool(set(names) - {*ANCESTRY, "__metadata__"})

    @reads
    def last_generation(self) -> dict[str, Any] | None:
        """What was recorded of the latest generation, or None before the first is complete."""
        row = self._db.execute(
            "SELECT generation, evaluations, seconds, summary FROM generations ORDER BY generation DESC LIMIT 1"
        ).fetchone()
        return None if row is None else {"generation": row[0], "evaluations": row[1], "seconds": row[2], **json.loads(row[3])}

    @reads
    def generations(self) -> list[dict[str, Any]]:
        """What was recorded of every generation, oldest first."""
        rows = self._db.execute("SELECT generation, evaluations, seconds, summary FROM generations ORDER BY generation")
        return [{"generation": row[0], "evaluations": row[1], "seconds": row[2], **json.loads(row[3])} for row in rows]

    @reads
    def generations_complete(self) -> int:
        """How many generations are complete and recorded."""
        (last,) = self._db.execute("SELECT max(generation) FROM generations").fetchone()
        return int(last or 0)

    @reads
    def counts(self) -> dict[str, int]:
        """How many individuals are done, failed, stopped, predicted and pending: each by its evaluation at the highest fidelity."""
        counts = dict.fromkeys(STATUSES, 0)
        apart = "NOT EXISTS (SELECT 1 FROM populations p WHERE {0} >= p.first_id AND {0} < p.first_id + p.count)"
        once = (
            "SELECT status, count(*) FROM (SELECT status, count(*) AS times FROM evaluations e "
            f"WHERE {apart.format('e.individual')} GROUP BY individual) WHERE times = 1 GROUP BY status"
        )
        counts.update(dict(self._db.execute(once)))
        repeated = self._db.execute("SELECT individual FROM evaluations GROUP BY individual HAVING count(*) > 1").fetchall()
        for (id,) in repeated:
            counts[self._latest_status(id)] += 1
        (born,) = self._db.execute(f"SELECT count(*) FROM individuals i WHERE {apart.format('i.id')}").fetchone()
        counts[PENDING] = max(0, born - sum(count for status, count in counts.items() if status != PENDING))
        for count, reasons in self._db.execute("SELECT count, reasons FROM populations"):
            failed = len(json.loads(reasons))
            counts[FAILED] += failed
            counts[DONE] += count - failed
        return counts

    def _latest_status(self, individual: int) -> str:
        rows = self._db.execute(
            "SELECT e.status, t.fidelity FROM evaluations e JOIN trials t ON t.id = e.trial WHERE e.individual = ? ORDER BY e.trial",
            (individual,),
        ).fetchall()
        best = max(range(len(rows)), key=lambda at: (Fidelity.from_dict(json.loads(rows[at][1])).rank, at))
        return str(rows[best][0])

    @reads
    def evaluation_counts(self) -> dict[str, int]:
        """How many evaluations are done, failed, stopped and predicted; an individual may have several."""
        counts = dict.fromkeys((DONE, FAILED, STOPPED, PREDICTED), 0)
        counts.update(self._db.execute(f"SELECT status, count(*) FROM evaluations e WHERE {_APART} GROUP BY status"))
        for count, reasons in self._db.execute("SELECT count, reasons FROM populations"):
            failed = len(json.loads(reasons))
            counts[FAILED] += failed
            counts[DONE] += count - failed
        return counts

    def evaluated_count(self) -> tuple[int, int]:
        """How many evaluations there are, and how many of these failed; what was only predicted is not among them."""
        counts = self.evaluation_counts()
        return sum(counts.values()) - counts[PREDICTED], counts[FAILED]

    @reads
    def spent(self, before: int | None = None) -> list[tuple[int, int, float]]:
        """What trials (with ids below `before`) spent: the trial, how many evaluations it gave and how many epochs it took. A trial may have
        several rows."""
        limit = (1 << 62) if before is None else before
        given = f"SELECT trial, count(*) FROM evaluations e WHERE status != 'predicted' AND trial < ? AND {_APART} GROUP BY trial"
        whole = "SELECT coalesce(trial, first_id), count FROM populations WHERE coalesce(trial, first_id) < ?"
        rows = [(trial, count, 0.0) for query in (given, whole) for trial, count in self._db.execute(query, (limit,))]
        return [
            *rows,
            *(
                (id, 0, took)
                for id, took in self._db.execute("SELECT id, epochs FROM trials WHERE epochs != 0 AND id < ?", (limit,))
            ),
        ]

    @reads
    def trials_without_individuals(self) -> list[RecordedTrial]:
        """Those that worked for all individuals, such as the epochs of a shared network, in the order of asking."""
        return [_trial(row) for row in self._db.execute(f"SELECT {_TRIAL} FROM trials WHERE members = 0 ORDER BY id")]

    @reads
    def evaluations_of(self, individual: int) -> list[tuple[Evaluation, RecordedTrial]]:
        """Every evaluation of an individual (array populations apart), with its trial, in the order in which they were recorded."""
        rows = self._db.execute(
            'SELECT trial, "values", status, reason, info, descriptors FROM evaluations WHERE individual = ? ORDER BY id',
            (individual,),
        ).fetchall()
        found = []
        for trial, values, status, reason, info, described in rows:
            asked = self._db.execute(f"SELECT {_TRIAL} FROM trials WHERE id = ?", (trial,)).fetchone()
            if asked is None:
                continue
            of = _trial(asked)
            descriptors = None if described is None else np.frombuffer(described, np.float64)
            numbers = tuple(json.loads(values))
            found.append((Evaluation(individual, trial, numbers, status, reason, json.loads(info), of.fidelity, descriptors), of))
        return found

    @reads
    def epochs(self, before: int | None = None) -> float:
        """Training epochs of all trials (with ids below `before`), in passes over all of the training data."""
        where = "" if before is None else f" WHERE id < {int(before)}"
        (total,) = self._db.execute(f"SELECT sum(epochs) FROM trials{where}").fetchone()
        return float(total or 0.0)

    @reads
    def derived(self) -> list[RecordedDerived]:
        """The networks that were made from the run's, in that order."""
        return derived_rows(self._db)

    @reads
    def births_from(self, id: int) -> dict[int, str]:
        """Genomes as recorded, of individuals born from this id on: JSON text by id."""
        return dict(self._db.execute("SELECT id, genome FROM individuals WHERE id >= ? AND genome IS NOT NULL", (id,)))

    def disk_bytes(self) -> int:
        """Bytes that the folder takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class RecordedPopulation:
    """An array population read back.

    Args:
        arrays: what `ArrayPopulation.from_arrays` takes.
        values: float64 [count, objectives].
        reasons: why members failed, by position.
        descriptors: float64 [count, d], or None.
    """

    first_id: int
    count: int
    generation: int
    arrays: Arrays
    values: npt.NDArray[np.float64]
    reasons: dict[int, str]
    trial: int | None
    descriptors: npt.NDArray[np.float64] | None


def artifact_file(trial: int, kind: str) -> str:
    """The name of an artifact's file: that of the weights of a trial's only individual is the trial's number alone."""
    return f"{trial}.safetensors" if kind == WEIGHTS else f"{trial}.{kind}.safetensors"


def artifact_name(file: str) -> tuple[int, str] | None:
    """The trial and kind that a file's name says, or None."""
    number, _, rest = file.removesuffix(".safetensors").partition(".")
    return (int(number), rest or WEIGHTS) if number.isdigit() else None


def _trial(row: tuple[Any, ...]) -> RecordedTrial:
    id, job, individual, members, fidelity, stop, status, reason, report, epochs, seconds, attempts, completed = row
    return RecordedTrial(
        id, job, individual, members, FULL if fidelity == "{}" else Fidelity.from_dict(json.loads(fidelity)),
        None if stop is None else json.loads(stop), status, reason, json.loads(report), epochs, seconds, attempts, completed,
    )  # fmt: skip
