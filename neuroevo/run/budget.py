"""Budget: when a search ends."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from genomes.base import Settings, shown


@dataclass(frozen=True)
class Budget(metaclass=Settings):
    """When a search ends: at the first limit that is reached.

    Args:
        evaluations: evaluations made (failed ones count, and each one of an individual that has several). A fitness that scores a whole
            population at once finishes the population.
        epochs: training epochs, in passes over all of the training data: five epochs on half of it are 2.5. A trial begins where the epochs
            of those before it leave room, whatever it then takes.
        generations: complete generations.
        seconds: wall-clock seconds, earlier sessions of a resumed run included. Trials in flight are finished.
        simulated_seconds: seconds of the task's simulated clock; the evaluation that crosses it counts. Trials then run one at
            a time.
        target: a value of the first objective that is good enough, at full fidelity and within all limits; looked at after every generation.
        patience: generations without improvement (of the best value; of the front with several objectives).

    Raises:
        ValueError: no limit at all, or one that is not positive.
    """

    evaluations: int | None = None
    epochs: float | None = None
    generations: int | None = None
    seconds: float | None = None
    simulated_seconds: float | None = None
    target: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        limits = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        if all(value is None for value in limits.values()):
            raise ValueError(f"a budget needs a limit: one of {', '.join(limits)}")
        for name, value in limits.items():
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
                raise ValueError(f"budget {name} must be a number, got {shown(value)}")
            if name != "target" and value <= 0:
                raise ValueError(f"budget {name} must be > 0, got {value}")
            if name in ("evaluations", "generations", "patience") and value != int(value):
                raise ValueError(f"budget {name} must be a whole number, got {value}")

    def settings(self) -> dict[str, Any]:
        """JSON."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
