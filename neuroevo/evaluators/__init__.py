"""Where trials run: in this process, in worker slots on this machine, or on a Ray cluster."""

from typing import Any

from genomes.base import unknown
from neuroevo.evaluators.base import Evaluator, Work
from neuroevo.evaluators.cluster import Ray
from neuroevo.evaluators.serial import Serial
from neuroevo.evaluators.slots import Slots

__all__ = ["Evaluator", "Ray", "Serial", "Slots", "Work", "by_name"]

EVALUATORS = ("serial", "slots", "ray")


def by_name(
    name: str,
    workers: int = 2,
    *,
    timeout: float | None = None,
    max_memory: int | str | None = None,
    address: str | None = None,
    gpus_per_trial: float = 0.0,
    threads: int = 1,
) -> Evaluator:
    """The evaluator of a command-line name; `threads` are each candidate's.

    Raises:
        ValueError: an unknown name (the nearest is suggested), or a setting that the evaluator does not have.
    """
    if name not in EVALUATORS:
        raise ValueError(unknown("evaluator", name, EVALUATORS))
    if name != "ray" and (address is not None or gpus_per_trial):
        raise ValueError("address and gpus-per-trial are settings of the Ray evaluator: give --evaluator ray with them")
    limits: dict[str, Any] = {"timeout": timeout, "max_memory": max_memory}
    if name == "ray":
        return Ray(workers, address=address, gpus_per_trial=gpus_per_trial, threads=threads, **limits)
    if name == "slots":
        return Slots(workers, threads=threads, **limits)
    if threads != 1:
        raise ValueError(f"the serial evaluator leaves a candidate one thread, got threads={threads}; give --evaluator slots")
    if timeout is not None or max_memory is not None:
        raise ValueError("the serial evaluator cannot stop a candidate; give --evaluator slots with limits on seconds and memory")
    return Serial()
