"""Reading a run's folder, also while another process writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space
from neuroevo.core.files import intact
from neuroevo.core.individual import DONE, FAILED, PENDING, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Arrays, Artifact
from neuroevo.store.connection import RunDatabase
from neuroevo.store.errors import StoreError, damaged, reads
from neuroevo.store.recorded import RecordedIndividual


@dataclass(frozen=True)
class Evaluated:
    """An evaluation read back: what it takes to give an individual its fitness again.

    Args:
        artifact: fingerprint of the artifact that it left, "lost" where that is gone for good, "" for none.
    """

    status: str
    reason: str
    values: tuple[float, ...]
    info: Mapping[str, Any] = field(default_factory=dict)
    artifact: str = ""


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
            return json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise StoreError(damaged(path, error)) from error

    @reads
    def ended(self) -> tuple[str, float]:
        """Why the run ended, or "", and its wall-clock seconds until then."""
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        return meta.get("ended", ""), float(meta.get("seconds", 0.0))

    def artifact_path(self, id: int) -> Path:
        """Where the artifact of an individual lies."""
        return self.folder / "artifacts" / f"{id}.safetensors"

    @reads
    def state(self) -> tuple[int, State] | None:
        """The generation and state last saved, or None."""
        from safetensors.numpy import load

        row = self._db.execute("SELECT generation, json, arrays FROM state").fetchone()
        if row is None:
            return None
        return row[0], State(json.loads(row[1]), dict(load(row[2])) if row[2] else {})

    @reads
    def evaluations(self) -> dict[int, Evaluated]:
        """The last evaluation of every individual, by id (array populations apart)."""
        left = "artifact" if self.schema > 1 else "''"
        rows = self._db.execute(f'SELECT individual, status, reason, "values", info, {left} FROM evaluations ORDER BY id')
        return {row[0]: Evaluated(row[1], row[2], tuple(json.loads(row[3])), json.loads(row[4]), row[5]) for row in rows}

    @reads
    def completions(self) -> list[int]:
        """Ids of evaluated individuals in the order in which their evaluations were completed."""
        return [row[0] for row in self._db.execute("SELECT individual FROM evaluations GROUP BY individual ORDER BY min(id)")]

    @reads
    def asks(self) -> list[Ask]:
        """When an asynchronous search asked for more; empty for a synchronous one."""
        if self.schema < 2:
            return []
        return [Ask(*row) for row in self._db.execute("SELECT number, told, first, born FROM asks ORDER BY number")]

    @reads
    def seconds(self) -> dict[int, float]:
        """Seconds that the last evaluation of every individual took in its worker."""
        return dict(self._db.execute("SELECT individual, seconds FROM evaluations ORDER BY id"))

    @reads
    def individuals(
        self,
        space: Space,
        names: tuple[str, ...],
        weights: tuple[float, ...],
        *,
        limits: tuple[float, ...] = (),
        lazy: bool = False,
    ) -> dict[int, Individual]:
        """Every individual whose genome was kept, with its fitness, by id (array populations apart); with `lazy`, genomes are decoded
        when they are looked at."""
        evaluations = self.evaluations()
        found: dict[int, Individual] = {}
        kept = {path.name for path in (self.folder / "artifacts").glob("*.safetensors")} if lazy else set()
        for id, generation, parents, operators, genes in self._db.execute("SELECT * FROM individuals ORDER BY id"):
            if genes is None:
                continue
            if lazy:
                file = self.artifact_path(id)
                recorded = RecordedIndividual(
                    id, weights, text=genes, space=space, database=self.folder / "run.db", names=names, generation=generation,
                    weights_file=file if file.name in kept and id in evaluations else None,
                    parents=tuple(json.loads(parents)), operators=tuple(json.loads(operators)),
                )  # fmt: skip
                recorded.fitness.limits = limits
                if id in evaluations:
                    restore_scores(recorded, evaluations[id])
                found[id] = recorded
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
                limits=limits,
            )
            if id in evaluations:
                restore_fitness(individual, evaluations[id], self.artifact(id, genome))
            found[id] = individual
        return found

    def artifact(self, id: int, genome: Genome) -> Artifact | None:
        """The artifact that an individual left, if it is kept."""
        path = self.artifact_path(id)
        return Artifact(id, genome, path=path) if path.exists() else None

    def has_artifact(self, id: int, evaluated: Evaluated) -> bool:
        """Whether what an evaluation left is there (also when it left nothing, or is known to be lost)."""
        return intact(self.artifact_path(id), evaluated.artifact)

    def missing_artifacts(self, ids: Iterable[int]) -> list[int]:
        """Those of these individuals whose evaluation left an artifact that is gone, or not the file that was written."""
        evaluations = self.evaluations()
        wanted = [(id, evaluations[id].artifact) for id in sorted(set(ids)) if id in evaluations]
        return [id for id, left in wanted if not intact(self.artifact_path(id), left)]

    @reads
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

    def evaluated_count(self) -> int:
        """How many individuals were evaluated, failed ones included."""
        counts = self.counts()
        return counts[DONE] + counts[FAILED]

    @reads
    def births_from(self, id: int) -> dict[int, str]:
        """Genomes as recorded, of individuals born from this id on: JSON text by id."""
        return dict(self._db.execute("SELECT id, genome FROM individuals WHERE id >= ? AND genome IS NOT NULL", (id,)))

    def disk_bytes(self) -> int:
        """Bytes that the folder takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def restore_fitness(individual: Individual, evaluated: Evaluated, artifact: Artifact | None) -> None:
    """Give an individual the fitness that it had when its evaluation was recorded."""
    restore_scores(individual, evaluated)
    individual.artifact = artifact


def restore_scores(individual: Individual, evaluated: Evaluated) -> None:
    """The same, all but its artifact."""
    individual.fitness.values = evaluated.values
    individual.status, individual.reason, individual.info = evaluated.status, evaluated.reason, evaluated.info
