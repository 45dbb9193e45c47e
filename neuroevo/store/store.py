"""Store: a run's folder as its writer sees it.

`runs/NAME/`: `run.db` (write-ahead log), `artifacts/<id>.safetensors`, `config.json`, `environment.json`, `log.jsonl`. Files are
written to a temporary name and renamed; rows are committed in transactions: at once for trials that train, in batches of at most a
second for cheap ones.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neuroevo.core.files import append_line, fingerprint, write_json_whole, write_whole
from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.state import State
from neuroevo.core.trial import Artifact
from neuroevo.store.errors import writes
from neuroevo.store.reading import Ask, Reading


class Store(Reading):
    """A run's folder, open for writing (one process) or reading (any number).

    Raises:
        StoreError: the folder is not a run, is open in another process, or its database is damaged or of a newer release.
    """

    def __init__(self, folder: str | os.PathLike[str], *, writable: bool) -> None:
        super().__init__(folder, writable=writable)
        self._fingerprints: dict[int, str] = {}  # of artifacts whose evaluation is not recorded yet

    @writes
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

    @writes
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

    @writes
    def evaluated(
        self, individuals: Iterable[Individual], *, fidelity: str = "{}", attempts: int = 1, seconds: float = 0.0
    ) -> None:
        """Record an evaluation of each individual, from its fitness, status and info, in the order in which they were completed."""
        taken = fidelity, attempts, seconds
        self._begin()
        self._db.executemany(
            'INSERT INTO evaluations (individual, status, reason, "values", info, fidelity, attempts, seconds, artifact) '
            "VALUES (?,?,?,?,?,?,?,?,?)",
            [
                (
                    i.id,
                    i.status,
                    i.reason,
                    json.dumps(i.fitness.values),
                    json.dumps(dict(i.info)),
                    *taken,
                    self._fingerprint(i.id),
                )
                for i in individuals
            ],
        )

    def _fingerprint(self, id: int) -> str:
        return self._fingerprints.pop(id, "")

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
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)",
            (generation, json.dumps(state.json), save(arrays) if arrays else b""),
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
        """Write an artifact's arrays to its file; returns the artifact that refers to the file."""
        from safetensors.numpy import save

        assert artifact.arrays is not None
        path = self.artifact_path(artifact.id)
        data = save({key: np.ascontiguousarray(value) for key, value in artifact.arrays.items()})
        write_whole(path, data)
        self._fingerprints[artifact.id] = fingerprint(data)
        return replace(artifact, arrays=None, path=path)

    @writes
    def keep_artifacts(self, ids: set[int]) -> None:
        """Delete the artifact files of every other individual."""
        for path in (self.folder / "artifacts").glob("*.safetensors"):
            if path.stem.isdigit() and int(path.stem) not in ids:
                path.unlink(missing_ok=True)

    @writes
    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Record what decides the run: in `config.json`, and in the database from which that file can be made again."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('settings', ?)", (json.dumps(settings),))
        self.commit()
        write_json_whole(self.folder / "config.json", settings)

    @writes
    def write_json(self, name: str, data: Any) -> None:
        """Write one of the folder's JSON files, whole or not at all."""
        write_json_whole(self.folder / name, data)

    @writes
    def log(self, event: str, **details: Any) -> None:
        """Append one line to `log.jsonl`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        append_line(self.folder / "log.jsonl", json.dumps({"at": at, "event": event, **details}))
