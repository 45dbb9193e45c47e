"""Built-in compiled worlds. A world is a task: give it to `evolve` where a fitness goes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.simulators.deceptive_maze import DeceptiveMaze
    from neuroevo.simulators.maze import Maze
    from neuroevo.simulators.poles import CartPole, DoublePole
    from neuroevo.simulators.retina import Retina
    from neuroevo.simulators.t_maze import TMaze
    from neuroevo.simulators.visual_discrimination import VisualDiscrimination

_WHERE = {
    "CartPole": "poles",
    "DeceptiveMaze": "deceptive_maze",
    "DoublePole": "poles",
    "Maze": "maze",
    "Retina": "retina",
    "TMaze": "t_maze",
    "VisualDiscrimination": "visual_discrimination",
}

PARTS = ("CartPole", "DeceptiveMaze", "DoublePole", "Retina", "TMaze", "VisualDiscrimination")
__all__ = ["CartPole", "DeceptiveMaze", "DoublePole", "Maze", "Retina", "TMaze", "VisualDiscrimination"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"neuroevo.simulators.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'neuroevo.simulators' has no attribute {name!r}")
