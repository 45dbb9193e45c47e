"""A whole population in gymnasium's CartPole, compiled: what each network would play alone, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.neat.network import PopulationNetwork
from genomes.neat.threads import Threads
from neuroevo.tasks.environment_spaces import FARTHEST

if TYPE_CHECKING:
    from neuroevo.tasks.environment_spaces import Actions, Observations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENTRY = "gymnasium.envs.classic_control.cartpole:CartPoleEnv"
FEWEST = 400  # episodes below which a second thread costs more than it saves
_FEWER = 0.75  # networks that are not compiled here are cut down to the members still playing once this share of them is left
_CHECKED = 40  # states in which the poles are compared with gymnasium's own before they are trusted
_CONSTANTS = (
    "gravity", "total_mass", "masspole", "length", "polemass_length", "force_mag", "tau", "x_threshold", "theta_threshold_radians",
)  # fmt: skip


class CartPoles:
    """The physics of a single CartPole of gymnasium, for many episodes at once.

    Args:
        single: the environment.
    """

    def __init__(self, single: Any) -> None:
        self.single = single.unwrapped
        self.constants = np.array([float(getattr(self.single, name)) for name in _CONSTANTS])
        self.euler = self.single.kinematics_integrator == "euler"
        self.gains = np.array([self._alone([0.0] * 4, 1)[1], self._alone([100.0, 0.0, 0.0, 0.0], 1)[1]])

    def agrees(self) -> bool:
        """Whether a step is the single environment's: in states drawn at random, of which some fall."""
        rng = np.random.default_rng(0)
        states = rng.normal(0.0, [1.2, 1.0, 0.1, 1.0], (_CHECKED, 4))
        action = rng.integers(2, size=_CHECKED).astype(np.int8)
        alone = [self._alone(state, int(one)) for state, one in zip(states, action, strict=True)]
        reward, lasted, playing = np.zeros(_CHECKED), np.zeros(_CHECKED, np.int64), np.arange(_CHECKED)
        count = self.step(playing, _CHECKED, states, action, reward, lasted)
        stand = [position for position, one in enumerate(alone) if not one[2]]
        return (
            bool(np.array_equal(states, [state for state, _, _ in alone]))
            and reward.tolist() == [gain for _, gain, _ in alone]
            and playing[:count].tolist() == stand
        )

    def _alone(self, state: Any, action: int) -> tuple[list[float], float, bool]:
        """The state, reward and end of a step of the single environment."""
        self.single.reset(seed=0)
        self.single.state = np.array(state, np.float64)
        _, reward, terminated, _, _ = self.single.step(np.int64(action))
        return np.array(self.single.state, np.float64).tolist(), float(reward), bool(terminated)

    def start(self, seeds: Ints) -> Floats:
        """Where the single environment begins with these seeds: float64 [seeds, 4]."""
        starts = {}
        for seed in dict.fromkeys(seeds.tolist()):
            self.single.reset(seed=seed)
            starts[seed] = np.array(self.single.state, np.float64)
        return np.array([starts[seed] for seed in seeds.tolist()])

    def step(self, playing: Ints, count: int, state: Floats, action: npt.NDArray[np.int8], reward: Floats, lasted: Ints) -> int:
        """One step of the episodes playing[:count]; how many of them go on: they come first then."""
        from neuroevo.tasks.cart_pole_kernels import step

        angle = state[playing[:count], 2]
        left: int = step(
            playing, count, state, np.cos(angle), np.sin(angle), action, self.constants, self.euler, self.gains, reward, lasted
        )
        return left


Decide = Callable[[Ints, int, Floats, npt.NDArray[np.int8], Floats], int]


def play(
    poles: CartPoles,
    network: Any,
    seeds: Ints,
    limit: int,
    repeat: int,
    observations: Observations,
    actions: Actions,
    seen: Callable[[Floats], None] | None = None,
) -> tuple[Floats, Ints]:
    """Every member's episodes.

    Args:
        poles: the physics.
        network: a population's.
        seeds: int64 [members, episodes].
        limit: steps that an episode may last.
        repeat: steps for which an action is kept.
        observations, actions: how networks see and act.
        seen: is given the states before the first step and after each, float64 [members * episodes, 4]; those of episodes that are over stay
            as they were.

    Returns:
        Rewards float64 and steps int64, both [members, episodes].
    """
    if callable(getattr(network, "reset", None)):
        network.reset()
    state = poles.start(seeds.ravel())
    reward, lasted = np.zeros(seeds.size), np.zeros(seeds.size, np.int64)
    action = np.zeros(seeds.size, np.int8)
    episodes = seeds.shape[1]
    if seen is not None:
        seen(state)

    def some(begin: int, end: int) -> None:
        decide: Decide = (
            _compiled(network, episodes, observations)
            if isinstance(network, PopulationNetwork)
            else _asked(network, len(seeds), episodes, observations, actions)
        )
        playing, taken = np.arange(begin * episodes, end * episodes), 0
        count = len(playing)
        while count and taken < limit:
            count = decide(playing, count, state, action, reward)
            for _ in range(min(repeat, limit - taken)):
                count = poles.step(playing, count, state, action, reward, lasted)
                taken += 1
                if seen is not None:
                    seen(state)

    if isinstance(network, PopulationNetwork) and seen is None:
        threads: Threads = network.threads
        threads.run(some, len(seeds), fewest=-(-FEWEST // episodes), pieces=1)
    else:
        some(0, len(seeds))
    return reward.reshape(seeds.shape), lasted.reshape(seeds.shape)


def _compiled(network: PopulationNetwork, episodes: int, observations: Observations) -> Decide:
    """What NEAT's networks decide, in one call."""
    from neuroevo.tasks.cart_pole_kernels import decide

    networks, none = network.networks, np.zeros(0)
    rows = len(network) * episodes if networks.recurrent else 1
    shift = none if observations.shift is None else observations.shift
    scale = none if observations.scale is None else observations.scale
    fixed = (
        networks.integers, networks.numbers, networks.integer_start, networks.number_start, networks.step_count, networks.inputs,
        networks.sensors, networks.outputs, float(networks.bias_value), bool(networks.recurrent), network.activations_per_step,
        networks.activations, networks.aggregations, np.zeros((rows, networks.most_nodes)), np.empty(networks.most_nodes),
        np.empty(networks.most_edges),
    )  # fmt: skip

    def decided(playing: Ints, count: int, state: Floats, action: npt.NDArray[np.int8], reward: Floats) -> int:
        left: int = decide(playing, count, episodes, state, shift, scale, FARTHEST, *fixed, action, reward)
        return left

    return decided


def _asked(network: Any, members: int, episodes: int, observations: Observations, actions: Actions) -> Decide:
    """What networks decide that are called with what they see: [members, episodes, inputs]."""
    cuts = hasattr(network, "subset")
    actor, asked = network, np.arange(members)

    def decided(playing: Ints, count: int, state: Floats, action: npt.NDArray[np.int8], reward: Floats) -> int:
        nonlocal actor, asked
        episode = playing[:count]
        if cuts and count <= _FEWER * len(asked) * episodes:
            still = np.unique(episode // episodes)
            if len(still) <= _FEWER * len(asked):
                actor, asked = network.subset(still), still
        everybody = (asked[:, None] * episodes + np.arange(episodes)).ravel()
        look = observations.many(state[everybody].astype(np.float32)).reshape(len(asked), episodes, -1)
        outputs = np.asarray(actor(look)).reshape(len(everybody), -1)[np.searchsorted(everybody, episode)]
        lost = np.isnan(outputs).any(axis=1)
        if lost.any():
            reward[episode[lost]] = np.nan
            episode, outputs = episode[~lost], outputs[~lost]
            playing[: len(episode)] = episode
        action[episode] = actions.many(outputs)
        return len(episode)

    return decided
