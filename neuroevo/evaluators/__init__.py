"""Where trials run: in this process, or in worker slots on this machine."""

from neuroevo.evaluators.base import Evaluator, Work
from neuroevo.evaluators.serial import Serial
from neuroevo.evaluators.slots import Slots

__all__ = ["Evaluator", "Serial", "Slots", "Work"]
