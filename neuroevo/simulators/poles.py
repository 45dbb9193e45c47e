"""Balancing poles on a cart, as tasks: one pole, and the double-pole tasks of the NEAT paper."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.neat.network import PopulationNetwork
from neuroevo.core.objectives import Objective
from neuroevo.simulators.simulation import networks_of
from neuroevo.tasks.base import Context, Task

Floats = npt.NDArray[np.float64]

ONE_DEGREE = math.radians(1.0)
SOLVED = 1e6  # the fitness, without velocities, of a network that passed both tests: no damping reaches it
_GRID = (0.05, 0.25, 0.5, 0.75, 0.95)
_RANGES = (2.16, 1.35, math.radians(3.6), math.radians(8.6))  # of x, x', a1, a1' in the generalization test


class Poles(Task):
    """Poles on a cart, balanced by networks of NEAT genomes; a whole population in one compiled call.

    A network sees the cart's position, then each pole's angle, each with its velocity behind it if `velocities`; its one output, 0 to 1,
    is a push of -10 to 10 N for 0.02 s. Positions are scaled by 4.8 m, angles by 0.52 rad, velocities by 2.

    Args:
        velocities: whether networks see velocities.
        start_angle: of the long pole, radians; all else starts at rest in the middle.
        steps: decisions that an episode may last.
        activations_per_step: how often a recurrent network is activated before it decides.

    Attributes:
        inputs, outputs: what a space for this task needs.
    """

    population = True
    poles = 1
    outputs = 1

    def __init__(self, velocities: bool, start_angle: float, steps: int, activations_per_step: int = 1) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"steps must be a whole number >= 1, got {shown(steps)}")
        if not abs(start_angle) < math.pi:
            raise ValueError(f"start_angle must be in radians, between -pi and pi, got {shown(start_angle)}")
        if activations_per_step < 1:
            raise ValueError(f"activations_per_step must be >= 1, got {shown(activations_per_step)}")
        self.velocities, self.start_angle, self.steps = bool(velocities), float(start_angle), steps
        self.activations_per_step = activations_per_step
        self.inputs = (1 + self.poles) * (2 if velocities else 1)
        self.objectives: Mapping[str, Objective] = {"steps": Objective("steps", "maximise")}

    @property
    def start(self) -> Floats:
        """The start state (x, x', a1, a1', a2, a2')."""
        return np.array([0.0, 0.0, self.start_angle, 0.0, 0.0, 0.0])

    def play(self, network: PopulationNetwork, starts: Floats, steps: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """Episodes from every start state (float64 [starts, 6]) for every member.

        Returns:
            How many decisions each lasted, int64 [members, starts], and how restless its last 100 decisions were, float64 [members,
            starts]: the sum of |x| + |x'| + |a1| + |a1'|; infinite for shorter episodes.

        Raises:
            ValueError: the networks have the wrong number of inputs or outputs.
        """
        from neuroevo.simulators.pole_kernels import episodes

        network = networks_of(self, network)
        lasted = np.zeros((len(network), len(starts)), np.int64)
        restlessness = np.zeros((len(network), len(starts)))
        network.threads.run(
            episodes, len(network), network.networks, starts, steps, self.poles, self.velocities, self.activations_per_step, lasted,
            restlessness, fewest=2,
        )  # fmt: skip
        return lasted, restlessness

    def score_population(self, network: PopulationNetwork, context: Context) -> Floats:
        lasted, _ = self.play(network, self.start[None], self.steps)
        return lasted[:, 0].astype(np.float64)

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        (name,) = self.objectives
        return {name: float(self.score_population(phenotype, context)[0])}

    def settings(self) -> dict[str, Any]:
        return {
            "task": type(self).__name__,
            "velocities": self.velocities,
            "start_angle": self.start_angle,
            "steps": self.steps,
            "activations_per_step": self.activations_per_step,
        }


class CartPole(Poles):
    """One pole of 1 m on a cart; it fails beyond +-2.4 m or +-12 degrees. Objective: `steps`, maximised; solved at `steps`."""

    poles = 1

    def __init__(
        self, velocities: bool = True, start_angle: float = ONE_DEGREE, steps: int = 10_000, activations_per_step: int = 1
    ) -> None:
        super().__init__(velocities, start_angle, steps, activations_per_step)


class DoublePole(Poles):
    """A pole of 1 m and one of 0.1 m on a cart (Stanley & Miikkulainen 2002, section 4); fails beyond +-2.4 m or +-36 degrees.

    With velocities, the objective `steps` (maximised) is how many decisions the poles stay up, at most `steps`; a network that reaches
    `steps` has solved it. Networks have 6 inputs.

    Without velocities, the objective `fitness` (maximised) is Gruau's: 0.1 t / 1000 + 0.9 f, t the decisions out of 1,000 that the poles
    stay up, f = 0.75 / (sum of |x| + |x'| + |a1| + |a1'| over the last 100 decisions), 0 if t < 100: it rewards damping, so that
    wiggling the cart, which balances without knowing velocities, is no way out. The champion of every generation is tested: `steps`
    decisions from the start, then 1,000 from each of 625 other starts, of which it must master `generalization`; if it passes, its
    fitness is `neuroevo.simulators.poles.SOLVED`. Networks have 3 inputs, and need to be recurrent.

    Args:
        velocities: which of the two tasks.
        start_angle: of the long pole, radians. The paper has 1 degree, code in circulation 0.07 rad (4 degrees).
        steps: decisions to stay up (100,000 are 33 minutes).
        generalization: starts out of 625 to master, without velocities.
        activations_per_step: how often a recurrent network is activated before it decides.
    """

    poles = 2

    def __init__(
        self,
        velocities: bool = True,
        start_angle: float = ONE_DEGREE,
        steps: int = 100_000,
        generalization: int = 200,
        activations_per_step: int = 1,
    ) -> None:
        super().__init__(velocities, start_angle, steps, activations_per_step)
        if not 0 <= generalization <= 625:
            raise ValueError(f"generalization must be between 0 and 625 starts, got {shown(generalization)}")
        self.required = generalization
        if not velocities:
            self.objectives = {"fitness": Objective("fitness", "maximise")}

    @property
    def target(self) -> float:
        """The objective's value that solves the task, for `Budget(target=...)`."""
        return float(self.steps) if self.velocities else SOLVED

    def score_population(self, network: PopulationNetwork, context: Context) -> Floats:
        if self.velocities:
            return super().score_population(network, context)
        lasted, restlessness = self.play(network, self.start[None], 1000)
        fitness: Floats = 0.1 * lasted[:, 0] / 1000.0 + 0.9 * 0.75 / restlessness[:, 0]
        champion = int(np.argmax(fitness))
        if lasted[champion, 0] == 1000 and self.passes(network.member(champion)):
            fitness[champion] = SOLVED
        return fitness

    def passes(self, network: PopulationNetwork) -> bool:
        """Whether one network balances `steps` decisions and masters enough of the generalization starts."""
        lasted, _ = self.play(network, self.start[None], self.steps)
        return bool(lasted[0, 0] == self.steps) and self.generalization(network) >= self.required

    def generalization(self, network: PopulationNetwork) -> int:
        """Of the 625 starts of the paper's grid over x, x', a1 and a1', how many one network balances for 1,000 decisions."""
        grid = [[value * 2.0 * span - span for value in _GRID] for span in _RANGES]
        starts = np.array([[*state, 0.0, 0.0] for state in itertools.product(*grid)])
        lasted, _ = self.play(network, starts, 1000)
        return int((lasted[0] == 1000).sum())

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "generalization": self.required}
