"""Playing episodes: one network in one environment, or a whole population at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.extras import how_to_install
from neuroevo.core.functions import dotted_name
from neuroevo.tasks.cart_poles import ENTRY, CartPoles, play
from neuroevo.tasks.environment_spaces import Actions, Observations

if TYPE_CHECKING:
    from neuroevo.tasks.environment import Environment

Floats = npt.NDArray[np.float64]
Bounds = tuple[float, float]

# Environments whose episodes depend on those that the same object played before, although their seeds say where they begin: gymnasium 1.4 makes
# BipedalWalker's Box2D world once, and rewards of the same seed and the same actions differ by what was in it.
REMEMBER = frozenset({"gymnasium.envs.box2d.bipedal_walker"})


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
        reward: the sum of rewards; of a task with `clip_reward`, of clipped ones.
    """

    observations: Floats
    reward: float

    @property
    def steps(self) -> int:
        """Environment steps that it lasted."""
        return len(self.observations) - 1


def plays_together(spec: Any) -> bool:
    """Whether a population's episodes of an environment are played at once; all others are played one by one."""
    return spec is not None and not spec.additional_wrappers and str(spec.entry_point) == ENTRY


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


def _episodes(seen: npt.NDArray[np.float32], rewards: Floats, steps: npt.NDArray[np.int64]) -> list[list[Episode]]:
    """Each member's episodes, of what was seen in all of them after each step: [steps + 1, members * episodes, inputs]."""
    members, episodes = rewards.shape
    return [
        [Episode(seen[: steps[i, j] + 1, i * episodes + j].astype(np.float64), float(rewards[i, j])) for j in range(episodes)]
        for i in range(members)
    ]


class Player:
    """Plays episodes of one task; makes the environments it needs where it is, once unless episodes would depend on those before (`REMEMBER`).

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
        inner = type(getattr(self.environment, "unwrapped", self.environment))
        self._remembers = any(kind.__module__ in REMEMBER for kind in inner.__mro__)

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
        self, controller: Any, seed: int, limit: int, environment: Any = None, seen: list[Any] | None = None, clip: Bounds | None = None
    ) -> tuple[float, int]:
        """One episode: its sum of rewards, each within `clip`, and how many environment steps it lasted; `seen` is given the observations, flattened."""
        least, most = clip or (-math.inf, math.inf)
        if environment is None:
            environment = self.single(self.task.options) if self._remembers else self.environment
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
                    value = float(0.0 + reward)  # a sum of float32 would be float32
                except (TypeError, ValueError):
                    raise TypeError(f"the environment's rewards must be numbers, it gave {shown(reward)}") from None
                total += value if clip is None or not math.isfinite(value) else min(max(value, least), most)
                lasted += 1
                if seen is not None:
                    seen.append(np.array(self.observations.flat(observation), np.float64))
                if terminated or truncated:
                    return float(total), lasted
        return float(total), lasted

    def episodes(self, phenotype: Any, seeds: Sequence[int], limit: int, keep: bool = False, clip: Bounds | None = None) -> Played:
        """One after the other, one for each seed; `keep` what happened in them; rewards of a step within `clip`."""
        controller = controller_of(phenotype)
        seen: list[list[Any] | None] = [[] if keep else None for _ in seeds]
        played = [self.episode(controller, int(seed), limit, None, into, clip) for seed, into in zip(seeds, seen, strict=True)]
        kept = [Episode(np.array(into), total) for into, (total, _) in zip(seen, played, strict=True)] if keep else ()
        return Played(np.array([total for total, _ in played]), np.array([lasted for _, lasted in played], np.int64), kept)

    @cached_property
    def poles(self) -> CartPoles | None:
        """The environment compiled; None where gymnasium's steps otherwise (another release, say)."""
        try:
            poles = CartPoles(self.environment)
        except AttributeError:
            return None
        return poles if poles.agrees() else None

    def together(self, network: Any, seeds: npt.ArrayLike, limit: int, keep: bool = False) -> Played:
        """Every member's episodes at once: what each would play alone, to the last bit.

        Args:
            network: a population's.
            seeds: int64 [members, episodes], of each episode.
            keep: what happened in them.
        """
        seeds = np.asarray(seeds, np.int64)
        if self.poles is None:
            member = network.member if hasattr(network, "member") else network.networks.__getitem__
            alone = [self.episodes(member(row), own.tolist(), limit, keep) for row, own in enumerate(seeds)]
            kept = [played.episodes for played in alone] if keep else ()
            return Played(np.array([played.rewards for played in alone]), np.array([played.steps for played in alone]), kept)
        seen: list[npt.NDArray[np.float32]] = []
        look = (lambda state: seen.append(state.astype(np.float32))) if keep else None
        rewards, steps = play(self.poles, network, seeds, limit, self.task.action_repeat, self.observations, self.actions, look)
        return Played(rewards, steps, _episodes(np.array(seen), rewards, steps) if keep else ())

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
