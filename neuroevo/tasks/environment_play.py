"""Playing episodes: one network in one environment, or a whole population in one vectorised environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroevo.core.extras import how_to_install
from neuroevo.tasks.environment_spaces import Actions, Observations

if TYPE_CHECKING:
    from neuroevo.tasks.environment import Environment

Floats = npt.NDArray[np.float64]

_FEWER = 0.75  # a vectorised environment is cut down to the members still playing once this share of them is left


class Played(NamedTuple):
    """Episodes that were played.

    Attributes:
        rewards: float64 [episodes], the sum of rewards of each (or [members, episodes]).
        steps: int64, likewise: how many environment steps each lasted.
        episodes: what happened in each, where that was kept (of a population: a list for each member).
    """

    rewards: Floats
    steps: npt.NDArray[np.int64]
    episodes: Sequence[Any] = ()


class Episode(NamedTuple):
    """What happened in an episode.

    Attributes:
        observations: float64 [steps + 1, inputs], as the environment gave them (flattened, not normalised): where it began, and after every
            environment step; the last one is where it ended.
        reward: the sum of rewards.
    """

    observations: Floats
    reward: float

    @property
    def steps(self) -> int:
        """Environment steps that it lasted."""
        return len(self.observations) - 1


class _Valid:
    """In place of a vectorised action space: `Actions` makes valid ones only, and a check of thousands costs as much as a step."""

    def contains(self, actions: Any) -> bool:
        return True


def _cut_cartpole(environment: Any, kept: npt.NDArray[np.bool_]) -> None:
    environment.state = environment.state[:, kept]
    environment.steps, environment.prev_done = environment.steps[kept], environment.prev_done[kept]
    environment.num_envs = int(kept.sum())


# How a vectorised environment goes on with some of its episodes only; without it, those that ended are stepped to the very end.
_CUTS: dict[str, Callable[[Any, npt.NDArray[np.bool_]], None]] = {"CartPoleVectorEnv": _cut_cartpole}


def gymnasium() -> Any:
    """The package.

    Raises:
        ImportError: it is not installed; the sentence says how to.
    """
    try:
        import gymnasium as package
    except ImportError as error:
        raise ImportError(f"environments need gymnasium, which is not installed: {how_to_install('gym')}") from error
    return package


def controller_of(phenotype: Any) -> Callable[[npt.NDArray[Any]], Floats]:
    """A phenotype as something that is given one observation and answers one vector, with `reset()` between episodes."""
    if hasattr(phenotype, "controller"):
        made: Callable[[npt.NDArray[Any]], Floats] = phenotype.controller()
        return made
    return _OneByOne(phenotype)


class _OneByOne:
    """Any callable on batches, called with batches of one."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self._reset = getattr(network, "reset", None)

    def reset(self) -> None:
        if callable(self._reset):
            self._reset()

    def __call__(self, observation: npt.NDArray[Any]) -> Floats:
        outputs: Floats = np.asarray(self.network(np.asarray(observation, np.float64)[None]), np.float64)
        first: Floats = outputs.reshape(len(outputs), -1)[0]
        return first


class _Seen:
    """What a population's members see, step by step; members that stopped playing are no longer among those that see."""

    def __init__(self, members: int, episodes: int, observations: npt.NDArray[Any]) -> None:
        self._shape = (members, episodes)
        self._steps = [np.array(observations, np.float32).reshape(members, episodes, -1)]

    def add(self, observations: npt.NDArray[Any], playing: npt.NDArray[np.int64]) -> None:
        """After an environment step: [members playing * episodes, ...]."""
        everybody = np.zeros_like(self._steps[0])
        everybody[playing] = np.reshape(observations, (len(playing), self._shape[1], -1))
        self._steps.append(everybody)

    def episodes(self, rewards: Floats, steps: npt.NDArray[np.int64]) -> list[list[Episode]]:
        """Each member's episodes."""
        seen = np.array(self._steps)
        members, episodes = self._shape
        return [
            [Episode(seen[: steps[i, j] + 1, i, j].astype(np.float64), float(rewards[i, j])) for j in range(episodes)]
            for i in range(members)
        ]


class Player:
    """Plays episodes of one task; makes the environments it needs once, where it is.

    Attributes:
        actions, observations: how networks act and see.
        limit: environment steps that an episode may last at most.
    """

    def __init__(self, task: Environment) -> None:
        self.task = task
        self.environment = self.single(task.options)
        self.actions = Actions(self.environment.action_space, task.output_range)
        self.observations = Observations(self.environment.observation_space)

    def single(self, options: dict[str, Any]) -> Any:
        """An environment without a time limit of its own (the player keeps it), and without checks at every step."""
        if callable(self.task.id):
            return self.task.id(**options)
        made = gymnasium().make(self.task.id, disable_env_checker=True, max_episode_steps=-1, **options)
        return made if made.spec is not None and made.spec.additional_wrappers else made.unwrapped

    def episode(
        self, controller: Any, seed: int, limit: int, environment: Any = None, seen: list[Any] | None = None
    ) -> tuple[float, int]:
        """One episode: its sum of rewards, and how many environment steps it lasted; `seen` is given the observations, flattened."""
        environment = self.environment if environment is None else environment
        step, see, act, repeat = environment.step, self.observations.one, self.actions.one, self.task.action_repeat
        controller.reset()
        observation, _ = environment.reset(seed=seed)
        if seen is not None:
            seen.append(np.array(self.observations.flat(observation), np.float64))
        total, lasted = 0.0, 0
        while lasted < limit:
            action = act(controller(see(observation)))
            for _ in range(min(repeat, limit - lasted)):
                observation, reward, terminated, truncated, _ = step(action)
                total += reward
                lasted += 1
                if seen is not None:
                    seen.append(np.array(self.observations.flat(observation), np.float64))
                if terminated or truncated:
                    return float(total), lasted
        return float(total), lasted

    def episodes(self, phenotype: Any, seeds: Sequence[int], limit: int, keep: bool = False) -> Played:
        """One after the other, one for each seed; `keep` what happened in them."""
        controller = controller_of(phenotype)
        seen: list[list[Any] | None] = [[] if keep else None for _ in seeds]
        played = [self.episode(controller, int(seed), limit, None, into) for seed, into in zip(seeds, seen, strict=True)]
        kept = [Episode(np.array(into), total) for into, (total, _) in zip(seen, played, strict=True)] if keep else ()
        return Played(np.array([total for total, _ in played]), np.array([lasted for _, lasted in played], np.int64), kept)

    def together(self, network: Any, episodes: int, seed: int, limit: int, keep: bool = False) -> Played:
        """`episodes` of every member at once, in one vectorised environment: [members, episodes]. All starts come from the seed. `keep`
        what happened in them."""
        members, repeat = len(network), self.task.action_repeat
        environment = self._vectorised(members * episodes)
        cut = _CUTS.get(type(environment).__name__) if hasattr(network, "subset") else None
        if callable(getattr(network, "reset", None)):
            network.reset()
        observations, _ = environment.reset(seed=seed)
        seen = _Seen(members, episodes, observations) if keep else None
        rewards, steps = np.zeros((members, episodes)), np.zeros((members, episodes), np.int64)
        playing, actor, lasted = np.arange(members), network, 0
        alive, gained, lasting = np.ones(members * episodes, np.bool_), np.zeros(members * episodes), np.zeros(members * episodes)
        while lasted < limit:
            outputs = actor(self.observations.many(observations).reshape(len(playing), episodes, -1))
            actions = self.actions.many(outputs.reshape(len(alive), -1))
            for _ in range(min(repeat, limit - lasted)):
                observations, reward, terminated, truncated, _ = environment.step(actions)
                gained += reward * alive
                lasting += alive
                lasted += 1
                if seen is not None:
                    seen.add(observations, playing)
                alive &= ~(terminated | truncated)
            living = np.count_nonzero(alive)
            if living == 0:
                break
            if cut is None or living > _FEWER * len(alive):
                continue
            still: npt.NDArray[np.bool_] = np.any(alive.reshape(-1, episodes), axis=1)
            if np.count_nonzero(still) > _FEWER * len(still):
                continue
            rewards[playing], steps[playing] = gained.reshape(-1, episodes), lasting.reshape(-1, episodes)
            kept = np.repeat(still, episodes)
            cut(environment, kept)
            observations, alive, gained, lasting = observations[kept], alive[kept], gained[kept], lasting[kept]
            playing = playing[still]
            actor = network.subset(playing)
        rewards[playing], steps[playing] = gained.reshape(-1, episodes), lasting.reshape(-1, episodes)
        return Played(rewards, steps, () if seen is None else seen.episodes(rewards, steps))

    def _vectorised(self, count: int) -> Any:
        options = dict(self.task.options)
        made = gymnasium().make_vec(self.task.id, num_envs=count, vectorization_mode="vector_entry_point", vector_kwargs=options)
        made.unwrapped.action_space = _Valid()
        return made.unwrapped

    def sample(self, episodes: int, limit: int) -> Floats:
        """What random play sees: float64 [observations, inputs], always the same for the same environment."""
        self.environment.action_space.seed(0)
        seen = []
        for seed in range(episodes):
            observation, _ = self.environment.reset(seed=seed)
            seen.append(self.observations.flat(observation))
            for _ in range(limit):
                observation, _, terminated, truncated, _ = self.environment.step(self.environment.action_space.sample())
                seen.append(self.observations.flat(observation))
                if terminated or truncated:
                    break
        return np.array(seen, np.float64)
