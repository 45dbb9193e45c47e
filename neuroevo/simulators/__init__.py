"""Built-in compiled worlds. A world is a task: give it to `evolve` where a fitness goes."""

from neuroevo.simulators.poles import CartPole, DoublePole

__all__ = ["CartPole", "DoublePole"]
