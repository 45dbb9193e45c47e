"""Playing episodes: one network in one environment, or a whole population in one vectorised environment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.extras import how_to_install
from neuroevo.core.functions import dotted_name
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


class _CartPoles:
    """Gymnasium's vectorised CartPole, begun where single ones of the same seeds begin. (It draws all starts from one seed, ends episodes by
    itself after 500 steps, and counts a step too many in each but the first: so it is given its starts, and every episode is its first.)"""

    def begin(self, environment: Any, starts: Sequence[Any]) -> npt.NDArray[Any]:
        """Put as many episodes as there are starts at their beginning; their first observations."""
        environment.reset(seed=0)
        environment.state = np.ascontiguousarray(np.transpose(starts))
        environment.max_episode_steps = np.iinfo(np.int32).max
        observations: npt.NDArray[Any] = environment.state.T.astype(np.float32)
        return observations

    def start(self, single: Any, seed: int) -> Any:
        """Where a single environment begins."""
        single.reset(seed=seed)
        return single.unwrapped.state

    def cut(self, environment: Any, kept: npt.NDArray[np.bool_]) -> None:
        """Go on with these episodes only."""
        environment.state = np.ascontiguousarray(environment.state[:, kept])
        environment.steps, environment.prev_done = environment.steps[kept], environment.prev_done[kept]
        environment.num_envs = int(kept.sum())


# Pairs of a single and a vectorised environment that are known to step alike to the last bit, and how the second is begun and cut down. All
# others are played one by one, whatever gymnasium has: what a network is scored must not depend on how it is played.
_ALIKE = {
    (
        "gymnasium.envs.classic_control.cartpole:CartPoleEnv",
        "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv",
    ): _CartPoles()
}


def vectorised(spec: Any, options: Mapping[str, Any]) -> _CartPoles | None:
    """How the environment is played vectorised; None where it is played one by one."""
    alike = (
        None if spec is None or spec.additional_wrappers else _ALIKE.get((str(spec.entry_point), str(spec.vector_entry_point)))
    )
    if alike is not None:
        try:
            _vector_environment(spec.id, 1, options)
        except TypeError:  # an option that single environments alone have
            return None
    return alike


def _vector_environment(id: str, count: int, options: Mapping[str, Any]) -> Any:
    made = gymnasium().make_vec(id, num_envs=count, vectorization_mode="vector_entry_point", **options)
    made.unwrapped.action_space = _Valid()
    return made.unwrapped


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
        if callable(task.id):
            refuse_other_answers(self.environment, task.id)

    def single(self, options: Mapping[str, Any]) -> Any:
        """An environment without a time limit of its own (the player keeps it), and without checks at every step."""
        if callable(self.task.id):
            return checked(self.task.id(**options), self.task.id)
        try:
            made = gymnasium().make(self.task.id, disable_env_checker=True, max_episode_steps=-1, **options)
        except TypeError as error:
            reason = str(error).partition(" was raised from")[0].partition("() ")[2] or str(error)
            named = ", ".join(map(repr, options)) or "none"
            raise ValueError(
                f"{shown(self.task.id)} cannot be made with options {named} ({reason}): options are what gymnasium.make takes for it"
            ) from error
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
            outputs = controller(see(observation))
            square = outputs.dot(outputs)
            if square != square:  # NaN: such an episode is over, and its reward is no number
                return math.nan, lasted
            action = act(outputs)
            for _ in range(min(repeat, limit - lasted)):
                observation, reward, terminated, truncated, _ = step(action)
                try:
                    total += reward
                    float(total)
                except (TypeError, ValueError):
                    raise TypeError(f"the environment's rewards must be numbers, it gave {shown(reward)}") from None
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

    def together(self, network: Any, seeds: npt.ArrayLike, limit: int, keep: bool = False) -> Played:
        """Every member's episodes at once, in one vectorised environment: what each would play alone, to the last bit.

        Args:
            network: a population's.
            seeds: int64 [members, episodes], of each episode.
            keep: what happened in them.
        """
        seeds, alike = np.asarray(seeds, np.int64), self.task.vectorised
        assert alike is not None
        (members, episodes), repeat = seeds.shape, self.task.action_repeat
        environment = _vector_environment(str(self.task.id), seeds.size, self.task.options)
        starts = {seed: alike.start(self.environment, seed) for seed in dict.fromkeys(seeds.ravel().tolist())}
        if callable(getattr(network, "reset", None)):
            network.reset()
        observations = alike.begin(environment, [starts[seed] for seed in seeds.ravel().tolist()])
        seen = _Seen(members, episodes, observations) if keep else None
        rewards, steps = np.zeros((members, episodes)), np.zeros((members, episodes), np.int64)
        playing, actor, lasted, cuts = np.arange(members), network, 0, hasattr(network, "subset")
        alive, gained, lasting = np.ones(members * episodes, np.bool_), np.zeros(members * episodes), np.zeros(members * episodes)
        while lasted < limit:
            outputs = actor(self.observations.many(observations).reshape(len(playing), episodes, -1)).reshape(len(alive), -1)
            lost = np.isnan(outputs).any(axis=1) & alive
            if lost.any():  # such an episode is over, and its reward is no number
                gained[lost], alive = np.nan, alive & ~lost
            actions = self.actions.many(outputs)
            for _ in range(min(repeat, limit - lasted)):
                observations, reward, terminated, truncated, _ = environment.step(actions)
                gained += np.where(alive, reward, 0.0)
                lasting += alive
                lasted += 1
                if seen is not None:
                    seen.add(observations, playing)
                alive &= ~(terminated | truncated)
            living = np.count_nonzero(alive)
            if living == 0:
                break
            if not cuts or living > _FEWER * len(alive):
                continue
            still: npt.NDArray[np.bool_] = np.any(alive.reshape(-1, episodes), axis=1)
            if np.count_nonzero(still) > _FEWER * len(still):
                continue
            rewards[playing], steps[playing] = gained.reshape(-1, episodes), lasting.reshape(-1, episodes)
            kept = np.repeat(still, episodes)
            alike.cut(environment, kept)
            observations, alive, gained, lasting = observations[kept], alive[kept], gained[kept], lasting[kept]
            playing = playing[still]
            actor = network.subset(playing)
        rewards[playing], steps[playing] = gained.reshape(-1, episodes), lasting.reshape(-1, episodes)
        return Played(rewards, steps, () if seen is None else seen.episodes(rewards, steps))

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


def refuse_made(id: Any) -> None:
    """Refuse what is neither an environment's id nor a function that makes one.

    Raises:
        ValueError: it is such; the sentence says how to give it.
    """
    package = gymnasium()
    if isinstance(id, (package.Env, package.vector.VectorEnv)):
        spec = getattr(id, "spec", None)
        named = f"Environment({spec.id!r})" if spec is not None else f"Environment({type(id).__name__})"
        what = "a vector environment" if isinstance(id, package.vector.VectorEnv) else "an environment that is made already"
        raise ValueError(
            f"an environment is given by its id or by a function that makes it, since every worker makes its own; got {what} "
            f"({type(id).__name__}): write {named}, or Environment(make) with a function make()"
        )
    if not isinstance(id, str) and not callable(id):
        raise ValueError(
            f"an environment is given by its id, such as 'CartPole-v1', or by a function that makes it, got {shown(id)}"
        )


def checked(made: Any, by: Any) -> Any:
    """What a user's function made, where it is one environment of gymnasium's kind.

    Raises:
        ValueError: it is something else.
    """
    package = gymnasium()
    if isinstance(made, package.vector.VectorEnv):
        raise ValueError(
            f"{dotted_name(by)} makes a vector environment ({type(made).__name__}); give a function that makes a single one (gymnasium.make): every "
            "network plays its own episodes"
        )
    missing = [name for name in ("reset", "step", "action_space", "observation_space") if not hasattr(made, name)]
    if missing:
        raise ValueError(
            f"{dotted_name(by)} must make an environment of gymnasium's kind, with reset, step, action_space and observation_space; it made "
            f"{shown(made)}, which has no {missing[0]}"
        )
    return made


def refuse_other_answers(environment: Any, by: Any) -> None:
    """Refuse an environment whose `reset` and `step` do not answer as gymnasium's do.

    Raises:
        ValueError: they do not.
    """
    try:
        begun = environment.reset(seed=0)
        stepped = environment.step(environment.action_space.sample()) if isinstance(begun, tuple) and len(begun) == 2 else ()
    except TypeError as error:
        raise ValueError(
            f"the environment of {dotted_name(by)} cannot be reset and stepped as gymnasium's can: {error}"
        ) from error
    for name, answer, wanted in (
        ("reset(seed=...)", begun, ("observation", "info")),
        ("step(action)", stepped, ("observation", "reward", "terminated", "truncated", "info")),
    ):
        if not isinstance(answer, tuple) or len(answer) != len(wanted):
            raise ValueError(
                f"{name} of an environment returns ({', '.join(wanted)}), as gymnasium's do; that of {dotted_name(by)} returned {shown(answer)}"
            )


def limit_of(environment: Any) -> int | None:
    """After how many steps an environment ends an episode at the latest, where it says so: by a `TimeLimit` around it, else by its
    specification."""
    limits, specified = [], getattr(getattr(environment, "spec", None), "max_episode_steps", None)
    while environment is not None:
        if isinstance(environment, gymnasium().wrappers.TimeLimit):
            limits.append(int(environment._max_episode_steps))
        environment = getattr(environment, "__dict__", {}).get("env")
    return min(limits) if limits else specified
