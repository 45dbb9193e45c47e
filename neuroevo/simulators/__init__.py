"""Built-in compiled worlds. A world is a task: give it to `evolve` where a fitness goes."""

from neuroevo.simulators.poles import CartPole, DoublePole
from neuroevo.simulators.retina import Retina
from neuroevo.simulators.visual_discrimination import VisualDiscrimination

__all__ = ["CartPole", "DoublePole", "Retina", "VisualDiscrimination"]
