"""Episodes: the estimation of environments. Which episodes an individual plays, and who is tested on fresh ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.described import Descriptors
from neuroevo.estimation.direct import describe, objective_values, recorded
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.environment import FRESH_RUNGS, Environment, mean_reward
from neuroevo.tasks.environment_play import Bounds, Episode, Floats, Played


class Episodes(Estimation):
    """Every individual plays the task's episodes; who reaches `solved` is played on fresh ones. Recorded with each individual:
    `environment_steps`, `episodes` and, where it was tested, `fresh_episodes` and `search_reward`."""

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        if not isinstance(task, Environment):
            raise TypeError(f"Episodes estimates neuroevo.tasks.Environment, got {type(task).__name__}")
        start = time.perf_counter()
        with context.working():
            played = _together(trial, task, context) if task.population else _one_by_one(trial, task, context)
        scores, reasons = played.scores, played.reasons
        values = np.full((len(trial.individuals), len(task.objectives)), np.nan)
        info: list[Mapping[str, Any]] = []
        described = Descriptors(len(trial.individuals))
        for row, individual in enumerate(trial.individuals if _needs_genomes(task) else [None] * len(scores)):
            if row in reasons:
                info.append({})
                continue
            try:
                found = [scores[row]["reward"]] if individual is None else objective_values(scores[row], individual, task)
                described.add(row, None if task.describe is None else task.describe(played.episodes[row]))
                values[row] = found
            except Exception as error:
                reasons[row] = describe(error)
            info.append(recorded(scores[row], task.objectives))
        seconds = time.perf_counter() - start
        return Measurement(values, reasons, tuple(info), seconds=seconds, descriptors=described.array())


@dataclass
class _Play:
    """What a trial's individuals did: the scores of each, why some failed, and their episodes where these are kept."""

    scores: list[dict[str, float]] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    episodes: Sequence[Sequence[Episode]] = ()


def _needs_genomes(task: Environment) -> bool:
    return len(task.objectives) > 1


def _one_by_one(trial: Trial, task: Environment, context: Context) -> _Play:
    play, kept = _Play(), list[Sequence[Episode]]()
    for row, individual in enumerate(trial.individuals):
        play.scores.append({})
        kept.append(())
        context.give_way()
        try:
            play.scores[row], kept[row] = _played(individual, task, context, trial.repeat)
        except Exception as error:
            play.reasons[row] = describe(error)
    play.episodes = kept
    return play


def _played(
    individual: Individual, task: Environment, context: Context, repeat: int
) -> tuple[dict[str, float], Sequence[Episode]]:
    phenotype = task.phenotype(individual.genome)
    task.check(phenotype)
    seeds = task.search_seeds(context.seed, task.key(individual.id, individual.generation), repeat)
    played = _climb(task, phenotype, seeds, task.rungs, task.steps, task.keeps, task.clip_reward)
    scores = {
        "reward": mean_reward(played.rewards),
        "environment_steps": int(played.steps.sum()),
        "episodes": len(played.steps),
    }
    if task.curious:
        scores["curiosity"] = task.curiosity(played.episodes)
    if task.solved is None or scores["reward"] < task.solved or len(played.steps) < task.episodes:
        return scores, played.episodes
    rungs = [(count, task.solved) for count in FRESH_RUNGS if count < task.fresh_episodes]
    seeds = task.fresh_seeds(context.seed, individual.id, task.fresh_episodes, repeat)
    fresh = _climb(task, phenotype, seeds, rungs, task.full_steps)
    return _tested(scores, mean_reward(fresh.rewards), int(fresh.steps.sum()), len(fresh.steps)), played.episodes


def _climb(
    task: Environment,
    phenotype: Any,
    seeds: Sequence[int],
    rungs: Sequence[tuple[int, float]],
    limit: int,
    keep: bool = False,
    clip: Bounds | None = None,
) -> Played:
    """Episodes with these seeds, as many as the rungs let pass."""
    rewards, steps, kept = np.zeros(0), np.zeros(0, np.int64), list[Episode]()
    for count, needed in (*rungs, (len(seeds), -np.inf)):
        played = task.player.episodes(phenotype, seeds[len(rewards) : count], limit, keep, clip)
        rewards, steps = np.concatenate([rewards, played.rewards]), np.concatenate([steps, played.steps])
        kept += played.episodes
        if not rewards.mean() >= needed:  # also where it is no number
            break
    return Played(rewards, steps, kept)


def _together(trial: Trial, task: Environment, context: Context) -> _Play:
    """What `_one_by_one` would find, with everybody's episodes at once."""
    network = _network(trial)
    if not hasattr(network, "networks"):
        raise ValueError(f"{type(network).__name__} has no networks to play with")
    task.check(network)
    born = _born(trial.individuals)
    keys = [task.key(*one) for one in born]
    seeds = {key: task.search_seeds(context.seed, key, trial.repeat) for key in dict.fromkeys(keys)}
    each = [seeds[key] for key in keys]
    played = task.player.together(network, each, task.steps, keep=task.keeps)
    play = _Play(episodes=played.episodes)
    for row, (rewards, steps) in enumerate(zip(played.rewards, played.steps, strict=True)):
        play.scores.append({"reward": _reward(rewards, row, play), "environment_steps": int(steps.sum()), "episodes": len(steps)})
        if task.curious and row not in play.reasons:
            play.scores[row]["curiosity"] = task.curiosity(played.episodes[row])
    if task.solved is not None:
        reached = [row for row, one in enumerate(play.scores) if row not in play.reasons and one["reward"] >= task.solved]
        _test(network, reached, play, task, context, [id for id, _ in born], trial.repeat)
    return play


def _test(
    network: Any, reached: Sequence[int], play: _Play, task: Environment, context: Context, ids: Sequence[int], repeat: int
) -> None:
    """Test members of a population on fresh episodes, all at once, as far as each of them gets."""
    assert task.solved is not None
    seeds = {row: task.fresh_seeds(context.seed, ids[row], task.fresh_episodes, repeat) for row in reached}
    rewards: dict[int, Floats] = {row: np.zeros(0) for row in reached}
    steps = dict.fromkeys(reached, 0)
    left, before = list(reached), 0
    for count in (*[count for count in FRESH_RUNGS if count < task.fresh_episodes], task.fresh_episodes):
        if not left:
            break
        part = network.subset(np.array(left))
        played = task.player.together(part, [seeds[row][before:count] for row in left], task.full_steps)
        for position, row in enumerate(left):
            rewards[row] = np.concatenate([rewards[row], played.rewards[position]])
            steps[row] += int(played.steps[position].sum())
        left, before = [row for row in left if rewards[row].mean() >= task.solved], count
    for row in reached:
        play.scores[row] = _tested(play.scores[row], _reward(rewards[row], row, play), steps[row], len(rewards[row]))


def _reward(rewards: Floats, row: int, play: _Play) -> float:
    """The mean reward of a member; where it is no finite number, the member has failed."""
    try:
        return mean_reward(rewards)
    except ValueError as error:
        play.reasons[row] = describe(error)
        return np.nan


def _tested(scores: dict[str, float], reward: float, steps: int, episodes: int) -> dict[str, float]:
    """The scores of an individual that was played on fresh episodes."""
    return {
        **scores,
        "reward": reward,
        "environment_steps": scores["environment_steps"] + steps,
        "episodes": scores["episodes"] + episodes,
        "fresh_episodes": episodes,
        "search_reward": scores["reward"],
    }


def _born(individuals: Sequence[Individual]) -> list[tuple[int, int]]:
    """The birth id and the generation of each, without making objects of an array population."""
    if isinstance(individuals, ArrayPopulation):
        return [(individuals.first_id + row, individuals.generation) for row in range(len(individuals))]
    return [(individual.id, individual.generation) for individual in individuals]


def _network(trial: Trial) -> Any:
    if isinstance(trial.individuals, ArrayPopulation):
        return trial.individuals.network()
    from neuroevo.decode import population_network

    return population_network([individual.genome for individual in trial.individuals])
