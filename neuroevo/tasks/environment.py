"""Environment: networks act in a gymnasium environment and are scored by what they gain."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space, shown
from neuroevo.core.callbacks import Callback
from neuroevo.core.functions import dotted_name, how_to_go_on, imported
from neuroevo.core.limits import is_number
from neuroevo.core.objectives import FLOPS, PARAMETERS, Objective, choose, recorded
from neuroevo.core.signature import made
from neuroevo.core.streams import EPISODES, FRESH_EPISODES, stream
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.environment_play import Episode, Floats, Played, Player, gymnasium, limit_of, plays_together, refuse_made
from neuroevo.tasks.environment_spaces import Normalise
from neuroevo.tasks.function import described_again

if TYPE_CHECKING:
    from neuroevo.core.trial import Result
    from neuroevo.run.run import Run

SAMPLED_EPISODES, SAMPLED_STEPS = 20, 200  # of random play, for the statistics that normalise observations
INPUTS = "inputs"  # descriptors: what networks saw
FRESH_RUNGS = (10, 30)  # fresh episodes after which a candidate that falls short is tested no further


def _connections(genome: Genome) -> float:
    return float(genome.connections.enabled.sum())  # type: ignore[attr-defined]


REWARD = Objective("reward", "maximise")
CONNECTIONS = Objective("connections", "minimise", "cheap", of=_connections)
CURIOSITY = Objective("curiosity", "maximise")


class Environment(Task):
    """Networks act in a gymnasium environment. Objective `reward` (maximised): the mean, over episodes, of the sum of rewards.

    CartPole is compiled here: all individuals' episodes are stepped as one, to gymnasium's last bit. In every other environment, with `rungs`
    and with `clip_reward`, each individual plays for itself, and a run spreads them over its workers. Needs the extra `gym`.

    Which episodes: `seeds="generation"` (default) gives all individuals of a generation the same starts, new ones each generation, so that
    they are compared on equal terms and nothing is learnt by heart; "birth" gives every individual its own; "fixed" always the same. All
    derive from the run's seed, the generation and the birth id, never from workers.

    With `rungs`, such as ((1, -100), (2, -50)), an individual plays on only while its mean so far deserves it: after 1 episode it must be
    at least -100, after 2 at least -50; who falls short keeps the mean of what was played (a race; Maron & Moore 1994). Hopeless networks
    then cost one episode. Set rungs below what parents reach: else who missed one by luck beats who passed it and was measured better.

    With `solved`, an individual whose mean reaches it on these episodes is played on `fresh_episodes` that nobody has seen, under the
    environment's own time limit, and its reward becomes their mean; a candidate that falls short after 10 or 30 of them is tested no
    further. So a reward of at least `solved` is always the mean of that many fresh episodes, and `Budget(target=task.solved)` stops at a
    solution, not at luck.

    Objective `curiosity` (maximised; intra-life novelty, Stanton & Clune 2016): in how many different states a network was in an episode, the
    mean over episodes, whatever others did; a search by it needs no reward. A state is a cell of a grid over what networks see.

    A reward that is not a finite number, or a network whose outputs are not numbers, fails the evaluation.

    Args:
        id: the environment's id, such as "CartPole-v1", or a function that makes one (`options` are its arguments); every worker makes its
            own (and of BipedalWalker, whose episodes would depend on those before, one for every episode).
        episodes: of each individual.
        objectives: "reward", and any of "curiosity", "connections" (enabled ones of a NEAT genome), "parameters", "flops"; or `Objective`s. The
            first is the one that strategies of a single objective go by.
        rungs: numbers of episodes, ascending, each with the mean reward needed to play on; see above.
        steps: environment steps that an episode of the search may last; None: the environment's own limit, which one that a function makes
            says by `gymnasium.wrappers.TimeLimit` or its `spec`. A shorter limit saves time while most networks still fail.
        action_repeat: environment steps for which an action is kept.
        normalise: what networks see. "sampled": centred and scaled by the mean and standard deviation of observations of random play, drawn
            once and always the same; "bounds": the observation space's bounds scaled to -1 .. 1; "none". The first two clip to +-10.
        seeds: which episodes are played: "generation", "birth" or "fixed"; see above.
        solved: the mean reward that counts as a solution; None: nothing is tested further.
        fresh_episodes: how many test an individual that reached `solved`; see above.
        output_range: outputs that stand for the ends of a continuous action's box: (-1, 1) for tanh, (0, 1) for a sigmoid.
        options: keyword arguments of the environment.
        descriptors: what a network did, beside what it gained: a function that is given the episodes that it played, a sequence of
            `neuroevo.tasks.Episode` (`observations`, `steps`, `reward`), and returns numbers [d]; for example where it ended,
            `lambda episodes: np.mean([episode.observations[-1] for episode in episodes], axis=0)`. The episodes are those of the search,
            never the fresh ones; with `rungs`, as many as were played. "inputs": what networks saw, for strategies that go by it: how many
            observations, the mean of each input and its variance. None: nothing is kept.
        cell: side of a cell, for `curiosity`, in the unit of what networks see: with `normalise="sampled"` the standard deviation in random play.
        state: which numbers of an observation, from 0, are the state, for `curiosity`; None: all, which in more than a few dimensions makes
            nearly every step a new state.
        clip_reward: the least and the most that an environment step gives in the search, such as (-1, 1) (Mnih et al. 2015); None: what the
            environment says. Where a fall costs so much that standing still is best, a least reward lets networks try to walk. `reward`, `rungs`
            and what `descriptors` are given go by it; `play` and films go by the environment's own rewards, and so must whoever says that it is
            solved: not together with `solved`.

    Attributes:
        inputs, outputs: what a space for this task needs: `NeatSpace(task.inputs, task.outputs)`.
        describes_inputs: whether its descriptors are what networks saw.

    Raises:
        ImportError: gymnasium is not installed.
        ValueError: an unknown environment, a setting out of its range, or spaces that networks cannot act in.
    """

    estimated_by = "Episodes"
    offered = (REWARD, CONNECTIONS, PARAMETERS, FLOPS, CURIOSITY)

    def __init__(
        self,
        id: str | Callable[..., Any],
        episodes: int = 3,
        objectives: str | Sequence[str | Objective] = "reward",
        *,
        rungs: Sequence[tuple[int, float]] = (),
        steps: int | None = None,
        action_repeat: int = 1,
        normalise: Normalise = "sampled",
        seeds: Literal["generation", "birth", "fixed"] = "generation",
        solved: float | None = None,
        fresh_episodes: int = 100,
        output_range: tuple[float, float] = (-1.0, 1.0),
        options: Mapping[str, Any] | None = None,
        descriptors: Callable[[Sequence[Episode]], Any] | Literal["inputs"] | None = None,
        cell: float = 1.0,
        state: Sequence[int] | None = None,
        clip_reward: tuple[float, float] | None = None,
    ) -> None:
        self.describes_inputs = descriptors == INPUTS
        if descriptors is not None and not callable(descriptors) and not self.describes_inputs:
            raise TypeError(f"descriptors is a function of the episodes that were played, or {INPUTS!r}; got {shown(descriptors)}")
        self.describe: Callable[[Sequence[Episode]], Any] | None = descriptors if callable(descriptors) else None
        if self.describes_inputs:
            self.describe = self._inputs_seen
        for name, count in (("episodes", episodes), ("action_repeat", action_repeat), ("fresh_episodes", fresh_episodes)):
            _check_count(name, count)
        if steps is not None:
            _check_count("steps", steps)
        for name, chosen, allowed in (
            ("normalise", normalise, ("sampled", "bounds", "none")),
            ("seeds", seeds, ("generation", "birth", "fixed")),
        ):
            if chosen not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(chosen)}")
        self.id, self.episodes, self.action_repeat, self.seeds = id, episodes, action_repeat, seeds
        self.normalise, self.fresh_episodes, self.output_range = normalise, fresh_episodes, output_range
        if solved is not None and not is_number(solved):
            raise ValueError(f"solved must be a number, the mean reward that counts as a solution, or None, got {shown(solved)}")
        self.solved = None if solved is None else float(solved)
        self.options = dict(options or {})
        self.objectives = choose(objectives, self.offered)
        if "reward" not in self.objectives:
            raise ValueError(f"an environment's objectives include 'reward', got {', '.join(map(repr, self.objectives))}")
        self.curious = CURIOSITY.name in self.objectives
        if not is_number(cell) or not 0.0 < cell < math.inf:
            raise ValueError(f"cell must be a length > 0, got {shown(cell)}")
        self.cell, self.state = float(cell), None if state is None else tuple(state)
        if not self.curious and (self.cell != 1.0 or self.state is not None):
            raise ValueError(
                f"cell and state say what curiosity is; add it to the objectives {', '.join(map(repr, self.objectives))}"
            )
        if clip_reward is not None and not (
            isinstance(clip_reward, Sequence)
            and len(clip_reward) == 2
            and all(is_number(bound) and math.isfinite(bound) for bound in clip_reward)
            and clip_reward[0] < clip_reward[1]
        ):
            raise ValueError(
                f"clip_reward must be the least and the most that a step gives, two finite numbers such as (-1, 1), or None; got {shown(clip_reward)}"
            )
        if clip_reward is not None and solved is not None:
            raise ValueError(
                "clip_reward and solved do not go together: what is searched by is not what the environment calls solved; leave solved out and ask "
                "task.play(genome).rewards"
            )
        self.clip_reward = None if clip_reward is None else (float(clip_reward[0]), float(clip_reward[1]))
        refuse_made(id)
        spec = None if callable(id) else _spec(id)
        self.population = plays_together(spec) and not rungs and clip_reward is None
        self.rungs = tuple((int(count), float(needed)) for count, needed in rungs)
        counts = [0, *(count for count, _ in self.rungs), episodes]
        if any(a >= b for a, b in pairwise(counts)):
            raise ValueError(f"rungs must be ascending numbers of episodes below episodes={episodes}, got {shown(rungs)}")
        if any(a[1] > b[1] for a, b in pairwise(self.rungs)) or (self.rungs and self.rungs[-1][1] >= (solved or math.inf)):
            raise ValueError(f"the rewards that rungs need must ascend, and stay below solved={solved}, got {shown(rungs)}")
        player = self.player
        own = limit_of(player.environment) if spec is None else spec.max_episode_steps
        self.full_steps = own or steps or 0
        self.steps = steps or own or 0
        if not self.steps:
            raise ValueError(
                f"{id if isinstance(id, str) else dotted_name(id)} does not say after how many steps an episode ends at the latest: give the most that it may last, as in steps=1000 "
                "(where it ends earlier by itself, it does)"
            )
        self.inputs, self.outputs = player.observations.inputs, player.actions.outputs
        if self.state is not None and (not self.state or any(number not in range(self.inputs) for number in self.state)):
            raise ValueError(f"state must be positions in an observation, from 0 to {self.inputs - 1}, got {shown(state)}")
        if normalise == "sampled":
            player.observations.by_sample(player.sample(SAMPLED_EPISODES, SAMPLED_STEPS))
        elif normalise == "bounds":
            player.observations.by_bounds()
        self._statistics = player.observations.shift, player.observations.scale

    @cached_property
    def player(self) -> Player:
        """What plays: made where it is used, since environments do not travel between processes."""
        player = Player(self)
        if hasattr(self, "_statistics"):
            player.observations.shift, player.observations.scale = self._statistics
        return player

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "player"}

    def space(self, **settings: Any) -> Space:
        """A `NeatSpace` with the inputs and outputs that this task needs; outputs are tanh where actions are continuous."""
        from genomes import NeatSpace

        if self.player.actions.continuous and self.output_range == (-1.0, 1.0):
            settings = {"output_activation": "tanh", **settings}
        return NeatSpace(self.inputs, self.outputs, **settings)

    def check(self, network: Any) -> None:
        """Refuse a network whose inputs and outputs are not this task's.

        Raises:
            ValueError: it is.
        """
        space = getattr(network, "space", None)
        given = getattr(space, "inputs", self.inputs), getattr(space, "outputs", self.outputs)
        if given != (self.inputs, self.outputs):
            raise ValueError(
                f"{shown(self.id)} needs networks with {self.inputs} inputs and {self.outputs} outputs, got {given[0]} and {given[1]}; "
                "task.space() makes a space that fits"
            )

    def _inputs_seen(self, episodes: Sequence[Episode]) -> Floats:
        """How many observations there were, the mean and the variance of each input: float64 [1 + 2 inputs]. Where an episode ended, nothing was done.
        What is no finite number counts for nothing; an input that never was one is 0."""
        seen = self.player.observations.many(np.concatenate([episode.observations[: -1 : self.action_repeat] for episode in episodes]))
        known = np.isfinite(seen)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, seen, 0.0).sum(axis=0) / counts
        variance = ((np.where(known, seen, mean) - mean) ** 2).sum(axis=0) / counts
        return np.concatenate([[len(seen)], mean, variance])

    # Episodes -----------------------------------------------------------------------------------------------------------------

    def key(self, id: int, generation: int) -> int:
        """What the episodes of an individual with this birth id derive from, beside the run's seed."""
        return {"generation": generation, "birth": id, "fixed": 0}[self.seeds]

    def search_seeds(self, seed: int, key: int, repeat: int = 0) -> list[int]:
        """The environment's seeds of the episodes that everybody plays, for a run's seed and a `key`; others for a repeated evaluation,
        unless they are fixed."""
        repeat = 0 if self.seeds == "fixed" else repeat
        found: list[int] = stream(seed, key, EPISODES, repeat).integers(2**31, size=self.episodes).tolist()
        return found

    def fresh_seeds(self, seed: int, id: int, count: int, repeat: int = 0) -> list[int]:
        """Seeds of fresh episodes, for a run's seed and a birth id; others for a repeated evaluation."""
        found: list[int] = stream(seed, id, FRESH_EPISODES, repeat).integers(2**31, size=count).tolist()
        return found

    def play(self, network: Any, episodes: int = 100, seed: int = 0) -> Played:
        """Fresh episodes of one network (or genome), under the environment's own time limit.

        Args:
            seed: decides the episodes; no run plays the same ones.
        """
        if isinstance(network, Genome):
            network = self.phenotype(network)
        self.check(network)
        seeds = np.random.default_rng([seed, 0x706C6179]).integers(2**31, size=episodes).tolist()
        return self.player.episodes(network, seeds, self.full_steps)

    @property
    def keeps(self) -> bool:
        """Whether what happens in episodes is needed."""
        return self.curious or self.describe is not None

    def curiosity(self, episodes: Sequence[Episode]) -> float:
        """In how many different states one was in an episode: the mean over these."""
        counts = []
        for episode in episodes:
            seen = self.player.observations.many(episode.observations)
            cells = np.floor((seen if self.state is None else seen[:, list(self.state)]) / self.cell)
            counts.append(len(np.unique(cells, axis=0)))
        return float(np.mean(counts))

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        """The mean reward of one phenotype over the episodes of generation 0, the environment steps that it took, and its curiosity where that
        is an objective."""
        self.check(phenotype)
        played = self.player.episodes(phenotype, self.search_seeds(context.seed, 0), self.steps, self.curious, self.clip_reward)
        found = {"reward": mean_reward(played.rewards), "environment_steps": float(played.steps.sum())}
        return {**found, CURIOSITY.name: self.curiosity(played.episodes)} if self.curious else found

    def descriptors(self, phenotype: Any, context: Context) -> Any:
        """What one phenotype did in the episodes that `score` played."""
        if self.describe is None:
            return None
        played = self.player.episodes(phenotype, self.search_seeds(context.seed, 0), self.steps, True, self.clip_reward)
        return self.describe(played.episodes)

    def record(self, network: Any, path: str | os.PathLike[str], *, seed: int = 0, every: int = 2, width: int = 400) -> float:
        """Film an episode of one network (or genome) as an animated GIF; returns its reward.

        Args:
            path: the file, ending in .gif.
            seed: the environment's seed.
            every: keep one frame in so many.
            width: pixels.
        """
        from neuroevo.tasks.environment_film import film

        if isinstance(network, Genome):
            network = self.phenotype(network)
        self.check(network)
        return film(self, network, Path(path), seed=seed, every=every, width=width)

    def settings(self) -> dict[str, Any]:
        name = self.id if isinstance(self.id, str) else f"{self.id.__module__}.{getattr(self.id, '__qualname__', '')}"
        described: dict[str, Any] = {}
        if self.describe is not None:
            described = {"descriptors": INPUTS if self.describes_inputs else dotted_name(self.describe)}
        if self.curious:
            described |= {"cell": self.cell, "state": None if self.state is None else list(self.state)}
        if self.clip_reward is not None:
            described["clip_reward"] = list(self.clip_reward)
        return {
            "task": "Environment",
            "id": name,
            "episodes": self.episodes,
            "rungs": [list(rung) for rung in self.rungs],
            "steps": self.steps,
            "action_repeat": self.action_repeat,
            "normalise": self.normalise,
            "seeds": self.seeds,
            "solved": self.solved,
            "fresh_episodes": self.fresh_episodes,
            "output_range": list(self.output_range),
            "options": self.options,
            "origin": {
                "function": not isinstance(self.id, str),
                "objectives": [objective.settings() for objective in self.objectives.values()],
            },
            **described,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The task, in an environment that gymnasium knows or that a function of an imported module makes.

        Raises:
            ValueError: neither, or not such settings.
        """
        values = {name: value for name, value in settings.items() if name not in ("task", "origin")}
        origin = settings.get("origin")
        if isinstance(origin, Mapping):
            name = str(values.get("id"))
            if origin.get("function"):
                values["id"] = imported(name)
                if values["id"] is None:
                    raise ValueError(how_to_go_on("environment", name))
            values["objectives"] = recorded(origin.get("objectives"), cls.offered, named_only=True)
        if values.get("descriptors", INPUTS) != INPUTS:
            values["descriptors"] = described_again(values)
        return made(cls, values)  # type: ignore[no-any-return]


def mean_reward(rewards: npt.NDArray[np.float64]) -> float:
    """The mean of the sums of rewards of episodes: float64 [episodes].

    Raises:
        ValueError: it is not a finite number.
    """
    reward = float(rewards.mean())
    if not math.isfinite(reward):
        raise ValueError(
            f"the reward must be finite, it is {reward}: the environment gave a reward, or the network outputs, that are no finite numbers"
        )
    return reward


class StepCount(Callback):
    """Counts the environment steps of a run: `evolve(..., callbacks=[count])`, then `count.steps`.

    Attributes:
        steps: environment steps so far, tests on fresh episodes included.
        episodes: episodes so far.
    """

    def __init__(self) -> None:
        self.steps = self.episodes = 0

    def on_result(self, run: Run, result: Result) -> None:
        for info in result.measurement.info:
            scores = info.get("scores", {})
            self.steps += int(scores.get("environment_steps", 0))
            self.episodes += int(scores.get("episodes", 0))


def _spec(id: str) -> Any:
    package = gymnasium()
    try:
        return package.spec(id)
    except package.error.Error as error:
        raise ValueError(f"gymnasium knows no environment {shown(id)}: {error}") from error


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {shown(value)}")
