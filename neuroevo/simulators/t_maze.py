"""A T-maze as a task: where the reward was last must be remembered, and that it moves (Soltoggio et al. 2008; Risi, Hughes & Stanley 2010)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.objectives import Objective, choose, recorded
from neuroevo.core.signature import made
from neuroevo.simulators.simulation import Described, networks_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class TMaze(Described[Floats]):
    """A robot walks up the stem of a T to its turn and on to the end of an arm, trial after trial; one of the two arms holds the high reward, the
    other the low one, and once in a life they change places (after Soltoggio, Bullinaria, Mattiussi, Dürr & Floreano 2008). A network that
    remembers, from trial to trial, where it was and what it found there does better than any that does not: it has to be recurrent. To learn to
    do so is deceptive (Risi, Hughes & Stanley 2010): always one way is worth the mean of both rewards, and who begins to look the other way gets
    no more, until the whole of it works. A whole population of NEAT networks in one compiled call.

    A network sees, each as 0 or 1, whether it is at the turn, at the end of an arm, at home; and what it found, at the end of an arm: 4 inputs.
    Its output, 0 to 1, means left below 1/3, right above 2/3, else straight on. Straight on at the turn, and a turn anywhere else, is a crash:
    the trial is over. Behind the end of an arm the next trial begins at home; unlike in the papers, the robot need not walk back.

    Lives: for each of `swaps` one that begins with the high reward on the left and one with it on the right; it changes places after so many
    trials. A network begins each without memory.

    Descriptors: what each trial was worth, in their order, float64 [lives * trials]. Objective `reward`, maximised: their mean. Who always stays
    where the reward was high and looks on the other side where it was low reaches `target`: `Budget(target=task.target)`; who does not remember
    has at most `static`.

    Args:
        objectives: "reward".
        swaps: after how many trials the rewards change places, for each pair of lives.
        trials: of a life.
        corridor, arm: cells between home and the turn, and between the turn and the end of an arm.
        high, low: the two rewards.
        crash: what a trial that ends with a crash is worth.
        activations_per_step: how often a recurrent network is activated on what it sees.

    Attributes:
        inputs, outputs: what a space for this task needs.

    Raises:
        ValueError: a number out of its range.
    """

    inputs, outputs = 4, 1
    offered = (Objective("reward", "maximise"),)

    def __init__(
        self,
        objectives: str | Sequence[str | Objective] = "reward",
        *,
        swaps: Sequence[int] = (4, 5, 6),
        trials: int = 10,
        corridor: int = 1,
        arm: int = 1,
        high: float = 1.0,
        low: float = 0.2,
        crash: float = -0.4,
        activations_per_step: int = 3,
    ) -> None:
        for name, count, least in (
            ("trials", trials, 2), ("corridor", corridor, 0), ("arm", arm, 0), ("activations_per_step", activations_per_step, 1),
        ):  # fmt: skip
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {shown(count)}")
        self.swaps = tuple(swaps)
        if not self.swaps or any(isinstance(swap, bool) or swap not in range(1, trials) for swap in self.swaps):
            raise ValueError(f"swaps must be numbers of trials from 1 to {trials - 1}, got {shown(swaps)}")
        if (
            not all(isinstance(worth, (int, float)) and math.isfinite(worth) for worth in (high, low, crash))
            or not crash < low < high
        ):
            raise ValueError(
                f"a crash must be worth less than the low reward, and that less than the high one, got {shown((crash, low, high))}"
            )
        self.objectives: Mapping[str, Objective] = choose(objectives, self.offered)
        self.trials, self.corridor, self.arm = trials, corridor, arm
        self.high, self.low, self.crash = float(high), float(low), float(crash)
        self.activations_per_step = activations_per_step

    @property
    def sides(self) -> Ints:
        """Where the high reward is: int64 [lives, trials], 0 left, 1 right."""
        numbers = np.arange(self.trials)
        return np.array([side ^ (numbers >= swap) for swap in self.swaps for side in (0, 1)], np.int64)

    @property
    def target(self) -> float:
        """The reward of who stays where the reward is high and changes sides after a low one, for `Budget(target=...)`."""
        lives = 2 * len(self.swaps)
        missed = lives // 2 + lives  # the first trial of every other life, and the one after each swap
        return self.high - (self.high - self.low) * missed / (lives * self.trials) - 1e-9

    @property
    def static(self) -> float:
        """The most that a network without memory can have: one way in all trials."""
        return (self.high + self.low) / 2.0

    def play(self, network: Any) -> Floats:
        """What each trial of these networks (or of one genome) is worth: float64 [members, lives, trials].

        Raises:
            ValueError: not the networks of NEAT genomes, or with the wrong number of inputs or outputs.
        """
        from neuroevo.simulators.t_maze_kernels import lives

        network = networks_of(self, network)
        sides = self.sides
        rewards = np.empty((len(network), *sides.shape))
        network.threads.run(
            lives, len(network), network.networks, sides, self.corridor, self.arm, self.activations_per_step, self.high, self.low, self.crash,
            rewards, fewest=8,
        )  # fmt: skip
        return rewards

    def scores_of(self, played: Floats) -> Mapping[str, Floats]:
        return {"reward": played.mean(axis=(1, 2))}

    def descriptors_of(self, played: Floats) -> Floats:
        return played.reshape(len(played), -1)

    def settings(self) -> dict[str, Any]:
        return {
            "task": type(self).__name__,
            "objectives": [objective.settings() for objective in self.objectives.values()],
            "swaps": list(self.swaps),
            "trials": self.trials,
            "corridor": self.corridor,
            "arm": self.arm,
            "high": self.high,
            "low": self.low,
            "crash": self.crash,
            "activations_per_step": self.activations_per_step,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        given = {name: value for name, value in settings.items() if name != "task"}
        if "objectives" in given:
            given["objectives"] = recorded(given["objectives"], cls.offered)
        return made(cls, given)  # type: ignore[no-any-return]
