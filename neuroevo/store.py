"""The run on disk: one SQLite database and a folder of artifact files.

`runs/NAME/`: `run.db` (write-ahead log), `artifacts/<id>.safetensors`, `config.json`, `environment.json`, `log.jsonl`. One writer
(an advisory lock that dies with its process), any number of readers. Files are written to a temporary name and renamed; rows are
committed in transactions: at once for trials that train, in batches of at most a second for cheap ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space
from neuroevo.individual import DONE, FAILED, PENDING, Individual
from neuroevo.population import ArrayPopulation
from neuroevo.strategies.base import State
from neuroevo.trial import Arrays, Artifact

SCHEMA = 1
BATCH_SECONDS = 0.5

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE individuals (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, parents TEXT NOT NULL, operators TEXT NOT NULL, genome TEXT);
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY, individual INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, "values" TEXT NOT NULL,
    info TEXT NOT NULL, fidelity TEXT NOT NULL, attempts INTEGER NOT NULL, seconds REAL NOT NULL);
CREATE INDEX evaluations_individual ON evaluations (individual);
CREATE TABLE populations (
    first_id INTEGER PRIMARY KEY, count INTEGER NOT NULL, generation INTEGER NOT NULL, arrays BLOB NOT NULL,
    "values" BLOB, reasons TEXT NOT NULL);
CREATE TABLE generations (generation INTEGER PRIMARY KEY, evaluations INTEGER NOT NULL, seconds REAL NOT NULL, summary TEXT NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, json TEXT NOT NULL, arrays BLOB NOT NULL);
"""


class StoreError(ValueError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Evaluated:
    """An evaluation read back: what it takes to give an individual its fitness again."""

    status: str
    reason: str
    values: tuple[float, ...]
    info: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """A run's folder, open for writing (one process) or reading (any number).

    Raises:
        StoreError: the folder is not a run, is open in another process, or its database is damaged or of a newer release.
    """

    def __init__(self, folder: str | os.PathLike[str], *, writable: bool) -> None:
        self.folder = Path(folder)
        self.writable = writable
        path = self.folder / "run.db"
        fresh = not path.exists()
        if not writable and fresh:
            raise StoreError(f"{self.folder} is not a run: it has no run.db")
        self._lock: int | None = None
        if writable:
            self._make_folder()
            self._take_lock()
        self._dirty_since: float | None = None
        try:
            self._connect(path)
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(
                f"{path} cannot be read as a run's database ({error}); restore it from a copy, or start a new run in another folder"
            ) from error
        except OSError as error:
            self.close()
            raise StoreError(f"{path} cannot be opened: {error}") from error

    def _make_folder(self) -> None:
        try:
            (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the run folder {self.folder} cannot be made: {error.strerror}; choose another with run="
            ) from error

    def _take_lock(self) -> None:
        try:
            self._lock = os.open(self.folder / "run.lock", os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)  # type: ignore[arg-type]
            self._lock = None
            raise StoreError(f"{self.folder} is being written by another process; wait for it, or use another folder") from None
        except OSError as error:
            raise StoreError(
                f"the run folder {self.folder} cannot be written: {error.strerror}; choose another with run="
            ) from error

    def _connect(self, path: Path) -> None:
        if path.exists() and path.stat().st_size == 0 and (self.folder / "config.json").exists():
            raise sqlite3.DatabaseError("it is empty")
        if self.writable:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        else:
            self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA busy_timeout = 10000")
        tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if self.writable and not tables:
            self._db.executescript("BEGIN;" + _TABLES + f"INSERT INTO meta VALUES ('schema', '{SCHEMA}');COMMIT;")
        elif "meta" not in tables:
            raise sqlite3.DatabaseError("it has no 'meta' table" if tables else "it is empty")
        else:
            damage = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise sqlite3.DatabaseError(str(damage).splitlines()[0])
        (schema,) = self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() or ("missing",)
        if schema != str(SCHEMA):
            self.close()
            raise StoreError(f"{path} has schema {schema}; this release reads schema {SCHEMA}")

    # Transactions -------------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._dirty_since is None:
            self._db.execute("BEGIN")
            self._dirty_since = time.monotonic()

    def commit(self) -> None:
        """Make everything recorded so far durable."""
        if self._dirty_since is not None:
            self._db.execute("COMMIT")
            self._dirty_since = None

    def commit_when_due(self) -> None:
        """Commit if the oldest uncommitted record is half a second old."""
        if self._dirty_since is not None and time.monotonic() - self._dirty_since >= BATCH_SECONDS:
            self.commit()

    def close(self) -> None:
        """Commit, and let go of the folder."""
        if getattr(self, "_db", None) is not None:
            try:
                self.commit()
            finally:
                self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Writing ------------------------------------------------------------------------------------------------------------------

    def births(self, individuals: Iterable[Individual], *, genomes: bool = True) -> None:
        """Record births; those already recorded stay as they are. `genomes=False` writes the compact record only."""
        self._begin()
        self._db.executemany(
            "INSERT OR IGNORE INTO individuals VALUES (?, ?, ?, ?, ?)",
            [
                (
                    i.id,
                    i.generation,
                    json.dumps(i.parents),
                    json.dumps(i.operators),
                    json.dumps(i.genome.genes()) if genomes else None,
                )
                for i in individuals
            ],
        )

    def champions(self, individuals: Iterable[Individual]) -> None:
        """Keep the genomes (and, from array populations, the evaluations) of these individuals (`record="champions"`)."""
        individuals = list(individuals)
        self.births(individuals)
        self._db.executemany(
            "UPDATE individuals SET genome = ? WHERE id = ? AND genome IS NULL",
            [(json.dumps(i.genome.genes()), i.id) for i in individuals],
        )
        known = {
            row[0]
            for i in individuals
            for row in self._db.execute("SELECT individual FROM evaluations WHERE individual = ?", (i.id,))
        }
        self.evaluated({i.id: i for i in individuals if i.id not in known and i.fitness.valid}.values())

    def evaluated(
        self, individuals: Iterable[Individual], *, fidelity: str = "{}", attempts: int = 1, seconds: float = 0.0
    ) -> None:
        """Record an evaluation of each individual, from its fitness, status and info."""
        self._begin()
        self._db.executemany(
            'INSERT INTO evaluations (individual, status, reason, "values", info, fidelity, attempts, seconds) VALUES (?,?,?,?,?,?,?,?)',
            [
                (i.id, i.status, i.reason, json.dumps(i.fitness.values), json.dumps(dict(i.info)), fidelity, attempts, seconds)
                for i in individuals
            ],
        )

    def population(self, population: ArrayPopulation, *, genomes: bool = True) -> None:
        """Record a whole array population with its scores, in one row."""
        from safetensors.numpy import save

        assert population.values is not None
        kept = {
            key: np.ascontiguousarray(value)
            for key, value in population.arrays().items()
            if genomes or key in ("parents", "operators")
        }
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO populations VALUES (?, ?, ?, ?, ?, ?)",
            (
                population.first_id,
                len(population),
                population.generation,
                save(kept),
                np.ascontiguousarray(population.values).tobytes(),
                json.dumps({str(k): v for k, v in population.reasons.items()}),
            ),
        )

    def generation(self, generation: int, evaluations: int, seconds: float, summary: Mapping[str, Any]) -> None:
        """Record what a complete generation looked like."""
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO generations VALUES (?, ?, ?, ?)",
            (generation, evaluations, seconds, json.dumps(dict(summary))),
        )

    def save_state(self, generation: int, state: State) -> None:
        """Replace the state from which a resumed run goes on, and commit."""
        from safetensors.numpy import save

        arrays = {key: np.ascontiguousarray(value) for key, value in state.arrays.items()}
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)",
            (generation, json.dumps(state.json), save(arrays) if arrays else b""),
        )
        self.commit()

    def end(self, ended: str, seconds: float) -> None:
        """Record why and when the run ended ("" while it goes on), and commit."""
        self._begin()
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [("ended", ended), ("seconds", repr(seconds))])
        self.commit()

    def ended(self) -> tuple[str, float]:
        """Why the run ended, or "", and its wall-clock seconds until then."""
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        return meta.get("ended", ""), float(meta.get("seconds", 0.0))

    def save_artifact(self, artifact: Artifact) -> Artifact:
        """Write an artifact's arrays to its file; returns the artifact that refers to the file."""
        from safetensors.numpy import save

        assert artifact.arrays is not None
        path = self.artifact_path(artifact.id)
        write_whole(path, save({key: np.ascontiguousarray(value) for key, value in artifact.arrays.items()}))
        return replace(artifact, arrays=None, path=path)

    def keep_artifacts(self, ids: set[int]) -> None:
        """Delete the artifact files of every other individual."""
        for path in (self.folder / "artifacts").glob("*.safetensors"):
            if path.stem.isdigit() and int(path.stem) not in ids:
                path.unlink(missing_ok=True)

    def artifact_path(self, id: int) -> Path:
        """Where the artifact of an individual lies."""
        return self.folder / "artifacts" / f"{id}.safetensors"

    def write_json(self, name: str, data: Any) -> None:
        """Write one of the folder's JSON files, whole or not at all."""
        write_json_whole(self.folder / name, data)

    def read_json(self, name: str) -> Any:
        """One of the folder's JSON files, or None where it is absent.

        Raises:
            StoreError: the file is damaged.
        """
        path = self.folder / name
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise StoreError(
                f"{path} is damaged ({error}); restore it from a copy, or start a new run in another folder"
            ) from error

    def log(self, event: str, **details: Any) -> None:
        """Append one line to `log.jsonl`."""
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **details}) + "\n")

    # Reading ------------------------------------------------------------------------------------------------------------------

    def state(self) -> tuple[int, State] | None:
        """The generation and state last saved, or None."""
        from safetensors.numpy import load

        row = self._db.execute("SELECT generation, json, arrays FROM state").fetchone()
        if row is None:
            return None
        return row[0], State(json.loads(row[1]), dict(load(row[2])) if row[2] else {})

    def evaluations(self) -> dict[int, Evaluated]:
        """The last evaluation of every individual, by id (array populations apart)."""
        rows = self._db.execute('SELECT individual, status, reason, "values", info FROM evaluations ORDER BY id')
        return {row[0]: Evaluated(row[1], row[2], tuple(json.loads(row[3])), json.loads(row[4])) for row in rows}

    def seconds(self) -> dict[int, float]:
        """Seconds that the last evaluation of every individual took in its worker."""
        return dict(self._db.execute("SELECT individual, seconds FROM evaluations ORDER BY id"))

    def individuals(self, space: Space, names: tuple[str, ...], weights: tuple[float, ...]) -> dict[int, Individual]:
        """Every individual whose genome was kept, with its fitness, by id (array populations apart)."""
        evaluations = self.evaluations()
        found: dict[int, Individual] = {}
        for id, generation, parents, operators, genes in self._db.execute("SELECT * FROM individuals ORDER BY id"):
            if genes is None:
                continue
            genome = space.from_genes(json.loads(genes))
            individual = Individual(
                id,
                genome,
                weights,
                names=names,
                parents=tuple(json.loads(parents)),
                operators=tuple(json.loads(operators)),
                generation=generation,
            )
            if id in evaluations:
                restore_fitness(individual, evaluations[id], self.artifact(id, genome))
            found[id] = individual
        return found

    def artifact(self, id: int, genome: Genome) -> Artifact | None:
        """The artifact that an individual left, if it is kept."""
        path = self.artifact_path(id)
        return Artifact(id, genome, path=path) if path.exists() else None

    def population_rows(self) -> list[tuple[int, int, int, Arrays, npt.NDArray[np.float64], dict[int, str]]]:
        """Array populations: (first id, count, generation, arrays, values float64 [count, objectives], reasons)."""
        from safetensors.numpy import load

        rows: list[tuple[int, int, int, Arrays, npt.NDArray[np.float64], dict[int, str]]] = []
        for first, count, generation, arrays, values, reasons in self._db.execute("SELECT * FROM populations ORDER BY first_id"):
            table = np.frombuffer(values, dtype=np.float64).reshape(count, -1)
            rows.append(
                (first, count, generation, dict(load(arrays)), table, {int(k): v for k, v in json.loads(reasons).items()})
            )
        return rows

    def generations(self) -> list[dict[str, Any]]:
        """What was recorded of every generation, oldest first."""
        rows = self._db.execute("SELECT generation, evaluations, seconds, summary FROM generations ORDER BY generation")
        return [{"generation": row[0], "evaluations": row[1], "seconds": row[2], **json.loads(row[3])} for row in rows]

    def counts(self) -> dict[str, int]:
        """How many individuals are done, failed and pending."""
        counts = {DONE: 0, FAILED: 0, PENDING: 0}
        apart = "NOT EXISTS (SELECT 1 FROM populations p WHERE {0} >= p.first_id AND {0} < p.first_id + p.count)"
        query = (
            f"SELECT status, count(DISTINCT individual) FROM evaluations e WHERE {apart.format('e.individual')} GROUP BY status"
        )
        counts.update(dict(self._db.execute(query)))
        (born,) = self._db.execute(f"SELECT count(*) FROM individuals i WHERE {apart.format('i.id')}").fetchone()
        counts[PENDING] = max(0, born - counts[DONE] - counts[FAILED])
        for count, reasons in self._db.execute("SELECT count, reasons FROM populations"):
            failed = len(json.loads(reasons))
            counts[FAILED] += failed
            counts[DONE] += count - failed
        return counts

    def births_from(self, id: int) -> dict[int, str]:
        """Genomes as recorded, of individuals born from this id on: JSON text by id."""
        return dict(self._db.execute("SELECT id, genome FROM individuals WHERE id >= ? AND genome IS NOT NULL", (id,)))

    def disk_bytes(self) -> int:
        """Bytes that the folder takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def restore_fitness(individual: Individual, evaluated: Evaluated, artifact: Artifact | None) -> None:
    """Give an individual the fitness that it had when its evaluation was recorded."""
    individual.fitness.values = evaluated.values
    individual.status, individual.reason, individual.info = evaluated.status, evaluated.reason, evaluated.info
    individual.artifact = artifact


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it exists whole or not at all: a temporary name, fsync, rename."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_json_whole(path: Path, data: Any) -> None:
    """Write a JSON file so that it exists whole or not at all."""
    write_whole(path, (json.dumps(data, indent=2) + "\n").encode())
