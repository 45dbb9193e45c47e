"""The Ray evaluator: trials run on the nodes of a cluster, or of a Ray started on this machine (extra `ray`).

Each worker is a Ray actor that holds one worker slot on its node, so limits, retries and reasons are the same as on one machine. An
actor that is lost, with its node or alone, costs its own trial a retry. Artifacts travel through Ray's object store: no shared disk.

Everybody who can reach a Ray cluster can run code on it: keep it in a network of people you trust.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from genomes.base import shown
from neuroevo.core.extras import how_to_install
from neuroevo.core.limits import is_number
from neuroevo.core.trial import Artifact, Measurement, Result, Trial
from neuroevo.evaluators.base import Evaluator, Work, pickled
from neuroevo.evaluators.serial import failure
from neuroevo.evaluators.slots import Slots

KEPT_ARTIFACTS = 256  # parents' weights that stay in the object store for further children
LOSSES = 5  # how often a trial whose node is lost is tried again: the candidate is not to blame


@dataclass
class _Job:
    trial: Trial
    losses: int = 0


class Ray(Evaluator):
    """Run trials on a Ray cluster.

    Args:
        workers: how many trials run at once; None: as many as the cluster has room for.
        address: of a running cluster ("auto", "host:6379", "ray://host:10001"); None starts Ray on this machine, and ends it.
        gpus_per_trial: share of a GPU for each trial, such as 0.5: Ray sets `CUDA_VISIBLE_DEVICES`.
        timeout, max_memory, retries, threads: as for `Slots`.

    Raises:
        ValueError: a setting out of its range.
        ImportError: Ray is not installed.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        address: str | None = None,
        gpus_per_trial: float = 0.0,
        timeout: float | None = None,
        max_memory: int | str | None = None,
        retries: int = 2,
        threads: int = 1,
    ) -> None:
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise ValueError(f"workers must be >= 1 and a whole number, got {shown(workers)}")
        if (
            not is_number(gpus_per_trial)
            or not gpus_per_trial >= 0
            or (gpus_per_trial > 1 and gpus_per_trial != int(gpus_per_trial))
        ):
            raise ValueError(f"gpus_per_trial must be a share from 0 to 1 or a whole number, got {shown(gpus_per_trial)}")
        self.settings = {"timeout": timeout, "max_memory": max_memory, "retries": retries, "threads": threads}
        Slots(1, **self.settings)  # type: ignore[arg-type]  # refuses impossible limits here, not on a node
        self.workers, self.address, self.gpus_per_trial, self.threads = workers, address, gpus_per_trial, threads
        self._actors: list[Any] = []
        self._running: dict[Any, tuple[int, _Job]] = {}  # what runs, by the reference to its outcome
        self._starting: dict[
            Any, int
        ] = {}  # actors that have no place on a node yet, by the reference to their first sign of life
        self._waiting: deque[_Job] = deque()
        self._artifacts: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._ours = False  # whether this evaluator started or joined Ray, and so leaves it

    def start(self, work: Work) -> None:
        self._ray = _imported()
        self._connect()
        self._objectives = len(work.task.objectives)
        context = replace(work.context, threads=self.threads)
        self._work = self._ray.put(pickled(replace(work, context=context)))
        self.capacity = self.workers or self._room()
        self._false_starts = 0
        self._actors = [None] * self.capacity
        for number in range(self.capacity):
            self._begin(number)

    def submit(self, trial: Trial) -> None:
        self._waiting.append(_Job(trial))
        self._hand_out()

    def as_completed(self) -> Iterator[Result]:
        while self._waiting or self._running:
            self._hand_out()
            ready, _ = self._ray.wait([*self._running, *self._starting], num_returns=1)
            for reference in ready:
                if reference in self._starting:
                    self._started(reference)
                    continue
                result = self._outcome(reference)
                if result is not None:
                    self._hand_out()
                    yield result

    def close(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors, self._running, self._starting, self._waiting = [], {}, {}, deque()
        self._artifacts.clear()
        if self._ours:
            self._ray.shutdown()
            self._ours = False

    def _connect(self) -> None:
        if self._ray.is_initialized():
            return  # by the user, who also ends it
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        if self.address is not None:
            self._ray.init(address=self.address, **quiet)
        else:
            cores = max(os.cpu_count() or 1, (self.workers or 1) * self.threads)
            self._ray.init(address="local", num_cpus=cores, include_dashboard=False, **quiet)
        self._ours = True

    def _room(self) -> int:
        """How many trials fit on the cluster."""
        found = self._ray.cluster_resources()
        room = int(found.get("CPU", 1) // self.threads)
        if self.gpus_per_trial:
            room = min(room, int(found.get("GPU", 0) / self.gpus_per_trial))
        if room < 1:
            needs = f"{self.threads} CPUs" + (f" and {self.gpus_per_trial:g} GPUs" if self.gpus_per_trial else "")
            raise ValueError(f"the cluster has no room for a trial, which needs {needs}; it has {shown(dict(found), 200)}")
        return room

    def _begin(self, number: int) -> None:
        """Start an actor; it is given work once it lives, so that no trial waits for a node that may never come."""
        kind = self._ray.remote(Host).options(num_cpus=self.threads, num_gpus=self.gpus_per_trial, max_restarts=0)
        self._actors[number] = kind.remote(self._work, self._objectives, self.settings, sys.path)
        self._starting[self._actors[number].alive.remote()] = number

    def _started(self, reference: Any) -> None:
        number = self._starting.pop(reference)
        try:
            self._ray.get(reference)
            self._false_starts = 0
        except self._ray.exceptions.RayError as error:
            self._false_starts += 1
            if self._false_starts > LOSSES + self.capacity:
                said = " ".join(str(error).split())[:300]
                raise RuntimeError(f"Ray's workers end before they are ready: {said}") from error
            self._begin(number)

    def _hand_out(self) -> None:
        busy = {number for number, _ in self._running.values()} | set(self._starting.values())
        for number, actor in enumerate(self._actors):
            if not self._waiting:
                return
            if number not in busy:
                job = self._waiting.popleft()
                self._running[self._sent(actor, job.trial)] = (number, job)

    def _sent(self, actor: Any, trial: Trial) -> Any:
        """Send a trial; its artifacts' arrays by reference."""
        import cloudpickle

        bare = tuple(replace(artifact, arrays=None, path=None) for artifact in trial.artifacts)
        try:
            arrays = [self._stored(artifact) for artifact in trial.artifacts]
        except (ValueError, OSError):  # gone or damaged: the worker says so as it would on this machine
            bare, arrays = trial.artifacts, []
        return actor.measure.remote(cloudpickle.dumps(replace(trial, artifacts=bare)), *arrays)

    def _stored(self, artifact: Artifact) -> Any:
        if artifact.name not in self._artifacts:
            self._artifacts[artifact.name] = self._ray.put(dict(artifact.load()))
        self._artifacts.move_to_end(artifact.name)
        while len(self._artifacts) > KEPT_ARTIFACTS:
            self._artifacts.popitem(last=False)
        return self._artifacts[artifact.name]

    def _outcome(self, reference: Any) -> Result | None:
        number, job = self._running.pop(reference)
        try:
            measurement, attempts = self._ray.get(reference)
            return Result(job.trial, measurement, attempts + job.losses)
        except self._ray.exceptions.RayTaskError as error:  # not the candidate: the host's own work
            raise RuntimeError(" ".join(str(error.cause or error).split())) from error
        except self._ray.exceptions.RayError as error:
            self._begin(number)
            self._artifacts.clear()  # what lay on the lost node went with it
            job.losses += 1
            if job.losses <= LOSSES:
                self._waiting.appendleft(job)
                return None
            reason = f"its node or worker was lost {job.losses} times ({type(error).__name__})"
            return Result(job.trial, failure(job.trial, self._objectives, reason), job.losses)


class Host:
    """What runs on a node: one worker slot."""

    def __init__(self, work: bytes, objectives: int, settings: dict[str, Any], import_path: list[str]) -> None:
        sys.path.extend(folder for folder in import_path if folder not in sys.path)
        self._slots = Slots(1, **settings)
        self._slots.start_pickled(work, objectives)

    def alive(self) -> bool:
        """A sign of life."""
        return True

    def measure(self, trial: bytes, *arrays: dict[str, Any]) -> tuple[Measurement, int]:
        """The measurement of a trial, and how often it was tried."""
        given: Trial = pickle.loads(trial)  # from our own driver
        if arrays:
            filled = [replace(artifact, arrays=found) for artifact, found in zip(given.artifacts, arrays, strict=True)]
            given = replace(given, artifacts=tuple(filled))
        self._slots.submit(given)
        result = next(iter(self._slots.as_completed()))
        return result.measurement, result.attempts


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(f"the Ray evaluator needs Ray: {how_to_install('ray')}") from error
    return ray
