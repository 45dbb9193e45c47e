"""The objectives that the built-in tasks offer by name."""

from __future__ import annotations

from neuroevo import simulators, tasks
from neuroevo.core.objectives import Objective

PARTS: dict[str, Objective] = {
    objective.name: objective for room in (tasks, simulators) for name in room.PARTS for objective in getattr(room, name).offered
}
