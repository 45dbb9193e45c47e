"""Episodes: the estimation of environments. Which episodes an individual plays, and who is tested on fresh ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.described import Descriptors
from neuroevo.estimation.direct import describe, objective_values, recorded
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.environment import FRESH_RUNGS, Environment
from neuroevo.tasks.environment_play import Episode, Played

TESTED = 10  # members of a vectorised population that are tested on fresh episodes


class Episodes(Estimation):
    """Every individual plays the task's episodes; who reaches `solved` is played on fresh ones. Recorded with each individual:
    `environment_steps`, `episodes` and, where it was tested, `fresh_episodes` and `search_reward`."""

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        if not isinstance(task, Environment):
            raise TypeError(f"Episodes estimates neuroevo.tasks.Environment, got {type(task).__name__}")
        start = time.perf_counter()
        with context.working():
            played = _vectorised(trial, task, context) if task.population else _one_by_one(trial, task, context)
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
    seeds = task.search_seeds(context.seed, task.key(individual), repeat)
    played = _climb(task, phenotype, seeds, task.rungs, task.steps, keep=task.describe is not None)
    reward, steps, episodes = float(played.rewards.mean()), int(played.steps.sum()), len(played.steps)
    if task.solved is None or reward < task.solved or episodes < task.episodes:
        return {"reward": reward, "environment_steps": steps, "episodes": episodes}, played.episodes
    rungs = [(count, task.solved) for count in FRESH_RUNGS if count < task.fresh_episodes]
    seeds = task.fresh_seeds(context.seed, individual.id, task.fresh_episodes, repeat)
    fresh = _climb(task, phenotype, seeds, rungs, task.full_steps)
    scores = {
        "reward": float(fresh.rewards.mean()),
        "environment_steps": steps + int(fresh.steps.sum()),
        "episodes": episodes + len(fresh.steps),
        "fresh_episodes": len(fresh.steps),
        "search_reward": reward,
    }
    return scores, played.episodes


def _climb(
    task: Environment, phenotype: Any, seeds: Sequence[int], rungs: Sequence[tuple[int, float]], limit: int, keep: bool = False
) -> Played:
    """Episodes with these seeds, as many as the rungs let pass."""
    rewards, steps, kept = np.zeros(0), np.zeros(0, np.int64), list[Episode]()
    for count, needed in (*rungs, (len(seeds), -np.inf)):
        played = task.player.episodes(phenotype, seeds[len(rewards) : count], limit, keep)
        rewards, steps = np.concatenate([rewards, played.rewards]), np.concatenate([steps, played.steps])
        kept += played.episodes
        if rewards.mean() < needed:
            break
    return Played(rewards, steps, kept)


def _vectorised(trial: Trial, task: Environment, context: Context) -> _Play:
    network, first = _network(trial), trial.individuals[0]
    if not hasattr(network, "networks"):
        raise ValueError(f"{type(network).__name__} has no networks to play with")
    task.check(network)
    (seed,) = stream_of(task, context, first, trial.repeat)
    played = task.player.together(network, task.episodes, seed, task.steps, keep=task.describe is not None)
    rewards = played.rewards.mean(axis=1)
    steps, episodes = played.steps.sum(axis=1), np.full(len(rewards), task.episodes)
    scores = [
        {"reward": reward, "environment_steps": taken, "episodes": count}
        for reward, taken, count in zip(rewards.tolist(), steps.tolist(), episodes.tolist(), strict=True)
    ]
    if task.solved is not None and rewards.max() >= task.solved:
        _test_best(network, rewards, scores, task, context, first.id, trial.repeat)
    reasons = {int(row): "the sum of rewards is not finite" for row in np.flatnonzero(~np.isfinite(rewards))}
    return _Play(scores, reasons, played.episodes)


def _test_best(
    network: Any,
    rewards: npt.NDArray[np.float64],
    scores: list[dict[str, float]],
    task: Environment,
    context: Context,
    first: int,
    repeat: int,
) -> None:
    """Test the best members of a vectorised population on fresh episodes, all at once; hold the others below `solved`."""
    assert task.solved is not None
    order = np.argsort(-rewards, kind="stable")
    reached = [int(position) for position in order if rewards[position] >= task.solved]
    for position in reached[TESTED:]:
        scores[position]["reward"] = float(np.nextafter(task.solved, -np.inf))
    best = np.array(reached[:TESTED])
    (seed,) = task.fresh_seeds(context.seed, first, 1, repeat)
    played = task.player.together(network.subset(best), task.fresh_episodes, seed, task.full_steps)
    for row, position in enumerate(best.tolist()):
        scores[position] |= {
            "reward": float(played.rewards[row].mean()),
            "environment_steps": scores[position]["environment_steps"] + int(played.steps[row].sum()),
            "episodes": scores[position]["episodes"] + task.fresh_episodes,
            "fresh_episodes": task.fresh_episodes,
            "search_reward": float(rewards[position]),
        }


def stream_of(task: Environment, context: Context, first: Individual, repeat: int = 0) -> list[int]:
    """The one seed that a vectorised environment's starts come from."""
    return task.search_seeds(context.seed, task.key(first), repeat)[:1]


def _network(trial: Trial) -> Any:
    if isinstance(trial.individuals, ArrayPopulation):
        return trial.individuals.network()
    from neuroevo.decode import population_network

    return population_network([individual.genome for individual in trial.individuals])
