"""Store: a run's folder as its writer sees it.

`runs/NAME/`: `run.db` (write-ahead log), `artifacts/<id>.safetensors`, `derived/<name>.keras`, `config.json`, `environment.json`,
`log.jsonl`. Files are written to a temporary name and renamed; rows are committed in transactions: at once for trials that train, in
batches of at most a second for cheap ones.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np

from neuroevo.core.files import append_line, fingerprint, write_json_whole, write_whole
from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, PENDING, Artifact, Evaluation, Trial
from neuroevo.store.derived import COLUMNS, FOLDER, RecordedDerived, next_name
from neuroevo.store.errors import writes
from neuroevo.store.reading import ANCESTRY, Ask, Reading, artifact_name


class Store(Reading):
    """A run's folder, open for writing (one process) or reading (any number).

    Births, trials and evaluations are kept back until the next commit and written together: a statement for each would cost more than a
    cheap fitness function.

    Raises:
        StoreError: the folder is not a run, is open in another process, or its database is damaged or of a newer release.
    """

    def _keep_back(self) -> None:
        self._births: list[tuple[Any, ...]] = []
        self._trials: dict[int, tuple[Any, ...]] = {}
        self._evaluations: list[tuple[Any, ...]] = []
        self._completed: int | None = None

    def _write_buffered(self) -> None:
        births, trials, evaluations = self._births, self._trials, self._evaluations
        self._births, self._trials, self._evaluations = [], {}, []
        if births:
            self._db.executemany("INSERT OR IGNORE INTO individuals VALUES (?, ?, ?, ?, ?)", births)
        if trials:
            marks = ", ".join("?" * 13)
            self._db.executemany(f"INSERT OR REPLACE INTO trials VALUES ({marks})", list(trials.values()))
        if evaluations:
            self._db.executemany(
                'INSERT INTO evaluations (trial, individual, status, reason, "values", info, descriptors) VALUES (?,?,?,?,?,?,?)',
                evaluations,
            )

    def abandon(self) -> None:
        self._births, self._trials, self._evaluations, self._completed = [], {}, [], None
        super().abandon()

    @writes
    def births(self, individuals: Iterable[Individual], *, genomes: bool = True) -> None:
        """Record births; those already recorded stay as they are. `genomes=False` writes the compact record only."""
        self._begin()
        self._births.extend(
            (
                i.id,
                i.generation,
                _whole_numbers(i.parents),
                _names(tuple(i.operators)),
                json.dumps(i.genome.genes()) if genomes else None,
            )
            for i in individuals
        )

    @writes
    def trial(self, trial: Trial, *, epochs: float = 0.0) -> None:
        """Record that a trial was asked for, and what was planned for it; `epochs`: that a part of it took already."""
        self._begin()
        self._trials[trial.id] = (*_asked(trial), PENDING, "", "{}", epochs, 0.0, 0, None)

    @writes
    def completed(
        self,
        trial: Trial,
        status: str,
        *,
        reason: str = "",
        report: Mapping[str, Any] | None = None,
        epochs: float = 0.0,
        seconds: float = 0.0,
        attempts: int = 1,
        place: int | None = None,
    ) -> None:
        """Record that a trial came back, and what it took; `place`: in the order of completion, of one that is run again."""
        if self._completed is None:
            (last,) = self._db.execute("SELECT max(completed) FROM trials").fetchone()
            self._completed = int(last or 0)
        self._begin()
        self._completed += place is None
        took = epochs, seconds, attempts, self._completed if place is None else place
        self._trials[trial.id] = (*_asked(trial), status, reason, json.dumps(dict(report)) if report else "{}", *took)

    @writes
    def evaluated(self, evaluations: Iterable[Evaluation], *, again: Iterable[Evaluation] = ()) -> None:
        """Record evaluations, in the order in which they were completed; `again`: those of them that take the place of recorded ones."""
        self._begin()
        if replaced := [(e.individual, e.trial) for e in again]:
            self._db.executemany("DELETE FROM evaluations WHERE individual = ? AND trial = ?", replaced)
        self._evaluations.extend(
            (
                e.trial,
                e.individual,
                e.status,
                e.reason,
                _numbers(e.values),
                json.dumps(dict(e.info)) if e.info else "{}",
                None if e.descriptors is None else np.ascontiguousarray(e.descriptors, np.float64).tobytes(),
            )
            for e in evaluations
        )

    @writes
    def champions(self, individuals: Iterable[Individual]) -> None:
        """Keep the genomes (and, from array populations, the evaluations) of these individuals (`record="champions"`)."""
        individuals = list(individuals)
        self.births(individuals)
        self._write_buffered()
        known = {individual.id: individual for individual in individuals}
        bare = self._among("SELECT id FROM individuals WHERE genome IS NULL AND id", known)
        self._db.executemany(
            "UPDATE individuals SET genome = ? WHERE id = ?", [(json.dumps(known[id].genome.genes()), id) for id in sorted(bare)]
        )
        # others without an evaluation lost it with a commit that failed, and are run again
        evaluated = self._among("SELECT individual FROM evaluations WHERE individual", known)
        ranges = self._db.execute(
            "SELECT first_id, first_id + count FROM populations WHERE first_id <= ? AND first_id + count > ?",
            (max(known, default=-1), min(known, default=0)),
        ).fetchall()
        missing = {
            id: one
            for id, one in known.items()
            if one.fitness.valid and id not in evaluated and any(first <= id < end for first, end in ranges)
        }
        self.evaluated(
            Evaluation(i.id, i.trial or 0, i.fitness.values, i.status, i.reason, i.info, i.fidelity or FULL, i.descriptors)
            for i in missing.values()
        )

    def _among(self, query: str, ids: Iterable[int]) -> set[int]:
        """What a query that ends in a column's name answers for these ids."""
        found, waiting = set[int](), list(ids)
        for at in range(0, len(waiting), 500):  # SQLite takes 999 values or more
            some = waiting[at : at + 500]
            found |= {id for (id,) in self._db.execute(f"{query} IN ({', '.join('?' * len(some))})", some)}
        return found

    @writes
    def asked(self, ask: Ask) -> None:
        """Record one ask of an asynchronous search."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO asks VALUES (?, ?, ?, ?)", (ask.number, ask.told, ask.first, ask.born))

    @writes
    def population(self, population: ArrayPopulation, *, genomes: bool = True) -> None:
        """Record a whole array population with its scores, in one row."""
        from safetensors.numpy import save

        assert population.values is not None
        kept = {
            key: np.ascontiguousarray(value)
            for key, value in population.arrays().items()
            if genomes or key in ANCESTRY
        }
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO populations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                population.first_id,
                len(population),
                population.generation,
                save(kept),
                np.ascontiguousarray(population.values).tobytes(),
                json.dumps({str(k): v for k, v in population.reasons.items()}),
                population.trial,
                None if population.descriptors is None else np.ascontiguousarray(population.descriptors, np.float64).tobytes(),
            ),
        )

    @writes
    def generation(self, generation: int, evaluations: int, seconds: float, summary: Mapping[str, Any]) -> None:
        """Record what a complete generation looked like."""
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO generations VALUES (?, ?, ?, ?)",
            (generation, evaluations, seconds, json.dumps(dict(summary))),
        )

    @writes
    def save_state(self, generation: int, state: State) -> None:
        """Replace the state from which a resumed run goes on, and commit."""
        from safetensors.numpy import save

        arrays = {key: np.ascontiguousarray(value) for key, value in state.arrays.items()}
        data = save(arrays) if arrays else b""
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)",
            (generation, json.dumps({**state.json, "arrays": fingerprint(data)}), data),
        )
        self.commit()

    @writes
    def end(self, ended: str, seconds: float) -> None:
        """Record why and when the run ended ("" while it goes on), and commit."""
        self._begin()
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [("ended", ended), ("seconds", repr(seconds))])
        self.commit()

    @writes
    def save_artifact(self, artifact: Artifact) -> Artifact:
        """Write an artifact's arrays to its file and record it; returns the artifact that refers to the file."""
        from safetensors.numpy import save

        assert artifact.arrays is not None
        path = self.artifact_path(artifact.trial, artifact.kind)
        data = save({key: np.ascontiguousarray(value) for key, value in artifact.arrays.items()})
        write_whole(path, data)
        self._begin()
        self._db.execute("DELETE FROM artifacts WHERE trial = ? AND kind = ?", artifact.name)
        self._db.execute(
            "INSERT INTO artifacts (trial, kind, individual, fingerprint, meta) VALUES (?, ?, ?, ?, ?)",
            (*artifact.name, artifact.individual, fingerprint(data), json.dumps(dict(artifact.meta))),
        )
        return replace(artifact, arrays=None, path=path)

    @writes
    def made_again(self) -> None:
        """Record that the artifacts of a repaired run were made again as far as it needs them."""
        self._begin()
        self._db.execute("DELETE FROM meta WHERE key = 'remake'")

    @writes
    def note_missing(self, names: Iterable[tuple[int, str]]) -> None:
        """Record which artifacts keep the run from going on, and commit."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('missing', ?)", (json.dumps(sorted(names)),))
        self.commit()

    @writes
    def keep_artifacts(self, names: Collection[tuple[int, str]]) -> None:
        """Delete the files of every other artifact."""
        for path in (self.folder / "artifacts").glob("*.safetensors"):
            name = artifact_name(path.name)
            if name is not None and name not in names:
                with suppress(PermissionError):  # Windows deletes no file that somebody reads: the next time, then
                    path.unlink(missing_ok=True)

    @writes
    def derive(self, made: RecordedDerived, suffix: str, data: bytes) -> RecordedDerived:
        """Record a network that was made from one of the run's, and commit; returns it with its name.

        Args:
            made: all but its name, file and fingerprint.
            suffix: of its file, or "" for none.
            data: what the file holds.
        """
        name = next_name(made.parent, (row[0] for row in self._db.execute("SELECT name FROM derived")))
        named = replace(
            made, name=name, file=f"{name}{suffix}" if suffix else "", fingerprint=fingerprint(data) if suffix else ""
        )
        path = self.folder / FOLDER / named.file
        try:
            if suffix:
                path.parent.mkdir(exist_ok=True)
                write_whole(path, data)
            self._begin()
            self._db.execute(f"INSERT INTO derived ({COLUMNS}) VALUES ({', '.join('?' * 11)})", named.row())
            self.commit()
        except Exception:
            if suffix:
                with suppress(OSError):
                    path.unlink()
            raise
        return named

    @writes
    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Record what decides the run: in `config.json`, and in the database from which that file can be made again."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('settings', ?)", (json.dumps(settings),))
        self.commit()
        write_json_whole(self.folder / "config.json", settings)

    @writes
    def write_box(self, box: Mapping[str, Any]) -> None:
        """Record the box in which the run's hypervolume is measured, with what is committed next."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('box', ?)", (json.dumps(box),))

    @writes
    def write_json(self, name: str, data: Any) -> None:
        """Write one of the folder's JSON files, whole or not at all."""
        write_json_whole(self.folder / name, data)

    @writes
    def log(self, event: str, **details: Any) -> None:
        """Append one line to `log.jsonl`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        append_line(self.folder / "log.jsonl", json.dumps({"at": at, "event": event, **details}))


def _asked(trial: Trial) -> tuple[Any, ...]:
    """What is known of a trial when it is asked for."""
    members = len(trial.individuals)
    first = None
    if members:
        first = getattr(trial.individuals, "first_id", None)  # of an array population, without making its first individual
        first = trial.individuals[0].id if first is None else first
    fidelity = "{}" if trial.fidelity is FULL else json.dumps(trial.fidelity.to_dict())
    stop = None if trial.stop is None else json.dumps(dict(trial.stop))
    return trial.id, trial.job, first, members, fidelity, stop


@lru_cache(maxsize=1 << 10)
def _names(names: tuple[str, ...]) -> str:
    """Names as JSON: a search has few different operators."""
    return json.dumps(names)


def _whole_numbers(values: Iterable[int]) -> str:
    """Whole numbers as JSON: as Python writes them."""
    return f"[{', '.join(map(int.__repr__, values))}]"


def _numbers(values: tuple[float, ...]) -> str:
    """Numbers as JSON; finite floats are written as Python writes them."""
    try:
        return f"[{', '.join(map(float.__repr__, values))}]" if isfinite(sum(values)) else json.dumps(values)
    except TypeError:  # whole numbers among them
        return json.dumps(values)
