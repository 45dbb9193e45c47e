"""gymnasium's environments, each by one command: LunarLander-v3 and BipedalWalker-v3 (Box2D), HalfCheetah-v5 (MuJoCo).

Two ways, alone or one after the other. `neat`: topologies and weights evolve (Stanley & Miikkulainen 2002); `es`: an evolution strategy on the weights
of one topology (Salimans et al. 2017; Mania, Guy & Recht 2018), here a network without hidden nodes; `neat_es`: NEAT's fittest after `--topology-generations`
is what the strategy tunes.

Of LunarLander (and of the walker by NEAT) an episode of the search is cut early, so that hovering and standing do not cost time; and in the evolution
strategy's (and in `neat_es`) a step costs at most 20 (1 for the walker), so that a crash is not feared more than a landing is wanted, nor a fall more than
what comes after it. Whoever seems to have solved the environment is played on 100 fresh episodes under the environment's own time limit and
rewards (NEAT: each candidate; evolution strategy: the centre, every 10 generations, further where 10 episodes are good enough), which ends the run if
their mean is at least the threshold (of an evolution strategy 10 more, since who just reached it once seldom reaches it again); the winner is then
played on another 100 fresh episodes, which are what is reported. A seed counts as solved if that second mean is at least the threshold. An evolution
strategy that has not solved LunarLander after 6 million environment steps begins anew, up to four times, with a seed 1,000 further; all steps count.
HalfCheetah has no threshold: there a run has a number of environment steps, and what is reported is the mean reward after them, and after how many the
mean of the last scores of the centre was that of the published figure.

    LunarLander-v3     threshold 200, gymnasium's
    BipedalWalker-v3   threshold 250 (gymnasium's is 300)
    HalfCheetah-v5     2,386: what the paper's evolution strategy reached after 2.88 million steps, mean of 6 seeds, of HalfCheetah-v1 (Salimans et al.
                       2017, table 3)

Settings were chosen on seeds from 101 on, NEAT's on LunarLander's seed 0, the decay of the walker's also in view of its seeds 1 and 2, which were not run to
their ends. Needs the extra `gym`. A seed of HalfCheetah takes 7 minutes on one core, one of LunarLander 4, one of BipedalWalker half an hour to more than an
hour (a million steps take 3 minutes).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import neuroevo as ne
from genomes import NeatGenome, NeatSpace
from neuroevo.core.callbacks import StopRun
from neuroevo.strategies import EvolutionStrategy, Neat, Strategy
from neuroevo.tasks import Environment, StepCount

MARGIN = 10.0  # above the threshold, for the test that ends a run: who just reached it once seldom reaches it again
EVERY = 10  # generations between two tests of the centre; and its last scores, whose mean is shown


@dataclass(frozen=True)
class Setup:
    """How an environment is searched.

    Args:
        threshold: the mean reward that is wanted.
        ends: whether a run ends there; else it has a number of environment steps.
        most: environment steps after which a seed ends at the latest.
        task: settings of the task, in the search by an evolution strategy. A least reward hides what a crash costs: where it is the whole 100, hovering
            and standing still are better than trying. All tests are without.
        es: settings of the evolution strategy.
        neat: settings of the task where NEAT is alone.
        output: activation of the networks' outputs.
        space: what else differs in the space of evolution strategies.
        tries: into how many searches of an evolution strategy `most` is cut: one that has not solved the environment after its share begins anew.
    """

    threshold: float
    ends: bool
    most: int
    task: dict[str, Any]
    es: dict[str, Any]
    neat: dict[str, Any]
    output: str = "tanh"
    space: dict[str, Any] = field(default_factory=dict)
    tries: int = 1


SETUPS = {
    "LunarLander-v3": Setup(
        200.0, True, 24_000_000, output="identity", tries=4,
        task={"episodes": 3, "steps": 600, "normalise": "sampled", "clip_reward": (-20.0, 100.0)},
        es={"pairs": 16, "deviation": 0.3, "learning_rate": 0.1, "decay": 0.995, "least": 0.2},
        neat={"episodes": 4, "steps": 400, "normalise": "none", "rungs": ((1, -120.0), (2, -60.0)), "solved": 200.0},
    ),
    "BipedalWalker-v3": Setup(
        250.0, True, 40_000_000, space={"output_activation": "identity", "weight_limit": 1000.0},
        task={"episodes": 1, "normalise": "sampled", "clip_reward": (-1.0, 1.0), "descriptors": "inputs"},
        es={
            "pairs": 16, "deviation": 0.06, "optimiser": "sgd", "learning_rate": 0.04, "shaping": "deviations", "normalise": "running",
            "decay": 0.998, "least": 0.5,
        },
        neat={"episodes": 2, "steps": 600, "normalise": "none", "rungs": ((1, -80.0),), "solved": 250.0},
    ),
    "HalfCheetah-v5": Setup(
        2385.79, False, 5_000_000,
        task={"episodes": 1, "normalise": "sampled"},
        es={"pairs": 32, "deviation": 0.03, "optimiser": "sgd", "learning_rate": 0.02, "shaping": "deviations", "best": 0.125},
        neat={"episodes": 1, "normalise": "sampled"},
    ),
}  # fmt: skip


def task_of(name: str, method: str) -> Environment:
    """What is played in a search."""
    return Environment(name, **(SETUPS[name].neat if method == "neat" else SETUPS[name].task))


def space_of(name: str, method: str, task: Environment) -> NeatSpace:
    """What evolves. Outputs that are compared, or cut at the ends of the actions' box, need no squashing."""
    setup = SETUPS[name]
    others = {} if method == "neat" else setup.space
    return NeatSpace(
        task.inputs, task.outputs, activations=("tanh",), **{"output_activation": setup.output, **others}, bias="input", perturbation="gaussian",
        weight_mutation_share=0.3, weight_replace_rate=0.005, weight_power=0.15, weight_range=1.0, add_node_rate=0.01, add_connection_rate=0.02,
    )  # fmt: skip


def strategy_of(name: str, method: str, options: argparse.Namespace, space: NeatSpace) -> Strategy:
    """NEAT in one species that does not stagnate: rewards of one generation are noisy, so small species lose what they found, and no improvement
    says little. The evolution strategy alone begins at weights of 0."""
    neat = Neat(population=options.population, threshold=1000.0, stagnation=1000, refocus=0, threads=1)
    if method == "neat":
        return neat
    if method == "neat_es":
        return EvolutionStrategy(**SETUPS[name].es, topologies=neat, topology_generations=options.topology_generations)
    linear = space.random(np.random.default_rng(0))
    return EvolutionStrategy(**SETUPS[name].es, start_from=linear.with_weights(np.zeros(len(linear.connections.weight))).to_dict())


class Watch(ne.Callback):
    """Counts environment steps, tests the centre of an evolution strategy, ends the run, and says something now and then, since this is a long run.

    Args:
        most: environment steps at which a search ends.
        path: a file to which what it knows is written in every generation, before and after the centre is tested, so that a run that is there goes on
            as if it had not stopped; or None.
    """

    def __init__(
        self, name: str, seed: int, task: Environment, most: float, path: Path | None, every: float = 30.0
    ) -> None:
        self.setup, self.seed, self.task, self.path, self.every = SETUPS[name], seed, task, path, every
        self.most, self.count, self.last = most, StepCount(), time.monotonic()
        self.known: dict[str, Any] = {"steps": 0, "recent": [], "reached": None, "ended": "", "generation": 0, "judged": True}
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self.before = [json.loads(line) for line in lines if line.endswith("}")]

    @property
    def ended(self) -> int | None:
        """The generation in which it ended the run, in a process before this one."""
        return self.before[-1]["generation"] if self.before and self.before[-1]["ended"] else None

    def on_start(self, run: ne.Run) -> None:
        """Go on where the run stands: with what was known in its last generation, which may not have been judged, or not even been noted."""
        noted = [one for one in self.before if one["generation"] <= run.generation]
        if not noted:
            return
        self.known = {"judged": True, **noted[-1]}
        if self.known["generation"] < run.generation:
            self._note(run)
        if not self.known["judged"]:
            self._judge(run)

    def on_generation(self, run: ne.Run) -> None:
        self._note(run)
        self._judge(run)

    def _note(self, run: ne.Run) -> None:
        """What this generation adds."""
        known, report = self.known, run.strategy.report()
        known |= {"steps": known["steps"] + self.count.steps, "generation": run.generation, "judged": False}
        self.count.steps = 0
        if report.get("centre") is not None:
            known["recent"] = [*known["recent"], report["centre"]][-EVERY:]
        if self._mean >= self.setup.threshold and known["reached"] is None:
            known["reached"] = known["steps"]
        self._write()
        if time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            shown = {"centre": self._mean if known["recent"] else None, "mean": report.get("mean")}
            print(
                f"seed {self.seed}: generation {run.generation}, "
                + "".join(f"{name} {value:.0f}, " for name, value in shown.items() if value is not None)
                + f"{known['steps']:,} environment steps, {run.seconds:.0f} s",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def _judge(self, run: ne.Run) -> None:
        """Whether this generation ends the run."""
        known, tested = self.known, run.strategy.report().get("centre") is not None and run.generation % EVERY == 0
        if self.setup.ends and tested and self._holds(run):
            known["ended"] = "solved"
        elif known["steps"] >= self.most:
            known["ended"] = "steps"
        known["judged"] = True
        self._write()
        if known["ended"]:
            raise StopRun

    def _write(self) -> None:
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(self.known) + "\n")

    @property
    def _mean(self) -> float:
        """Of the centre's last scores."""
        recent = self.known["recent"]
        return statistics.fmean(recent) if len(recent) == EVERY else -np.inf

    def _holds(self, run: ne.Run) -> bool:
        """Whether the centre's mean reward on 100 fresh episodes is above what is wanted; after 10 and 30 it may fall short for good."""
        centre, rewards, steps = run.strategy.living[0], np.zeros(0), 0
        for count in (10, 20, 70):
            played = self.task.play(centre.genome, episodes=count, seed=1_000_000 * (self.seed + 1) + 100 * run.generation + len(rewards))
            steps += int(played.steps.sum())
            rewards = np.concatenate([rewards, played.rewards])
            if rewards.mean() < self.setup.threshold + MARGIN:
                break
        self.known["steps"] += steps
        return len(rewards) == 100 and bool(rewards.mean() >= self.setup.threshold + MARGIN)


def tries_of(name: str, method: str, options: argparse.Namespace) -> int:
    """In how many searches a seed may be solved: one of NEAT, whose task tests on its own, and where the user says when to stop."""
    return 1 if method == "neat" or options.generations or options.seconds else SETUPS[name].tries


def search(name: str, method: str, seed: int, options: argparse.Namespace) -> tuple[ne.Run, Watch]:
    """One search, and who watched it."""
    folder = options.run and options.run / f"{name}-{method}-{seed}"
    if folder:
        folder.parent.mkdir(parents=True, exist_ok=True)
    task = task_of(name, method)
    space = space_of(name, method, task)
    most = SETUPS[name].most / tries_of(name, method, options)
    watch = Watch(name, seed, task, most, folder and folder.with_name(f"{folder.name}.watch.jsonl"))
    generations = watch.ended or options.generations or 1_000_000  # the watch counts environment steps, so this budget is generous
    run = ne.evolve(
        space, task, strategy=strategy_of(name, method, options, space), seed=seed, workers=options.workers, record="champions",
        budget=ne.Budget(generations=generations, seconds=options.seconds, target=task.solved),
        run=folder, callbacks=[watch.count, watch], progress=False,
    )  # fmt: skip
    return run, watch


def solve(name: str, method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One seed: searches, one after the other, until one of them ends with a solution. Each has a seed of its own, 1,000 further than the last one's."""
    setup = SETUPS[name]
    spent, seconds = np.zeros(3, np.int64), 0.0
    for number in range(tries_of(name, method, options)):
        run, watch = search(name, method, seed + 1000 * number, options)
        spent += (run.generation, run.evaluations, watch.known["steps"])
        seconds += run.seconds
        ended = bool(watch.known["ended"] == "solved" or run.solved)
        if ended:
            break
    winner = (run.strategy.living[0] if watch.known["recent"] else run.best).genome
    rewards = watch.task.play(winner, episodes=100, seed=seed).rewards
    return {
        "environment": name, "method": method, "seed": seed, "solved": ended and bool(rewards.mean() >= setup.threshold), "searches": number + 1,
        "reward": float(rewards.mean()), "worst_reward": float(rewards.min()), "reached_after_steps": None if setup.ends else watch.known["reached"],
        **dict(zip(("generations", "evaluations", "environment_steps"), spent.tolist(), strict=True)), "hidden": winner.hidden,
        "connections": int(winner.connections.enabled.sum()), "seconds": seconds, "genome": winner.to_dict(),
    }  # fmt: skip


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """What is reported."""
    solved, reached = [run for run in runs if run["solved"]], [run["reached_after_steps"] for run in runs if run["reached_after_steps"]]
    ours: dict[str, float] = {"solved_seeds": len(solved), "seeds": len(runs)}
    for name in ("reward", "searches", "generations", "environment_steps", "connections", "hidden", "seconds"):
        ours[f"mean_{name}"] = statistics.fmean(run[name] for run in runs)
    ours["least_reward"] = min(run["reward"] for run in runs)
    if solved:
        ours["mean_environment_steps_to_solve"] = statistics.fmean(run["environment_steps"] for run in solved)
    if reached:
        ours |= {"seeds_that_reached": len(reached), "mean_steps_to_reach": statistics.fmean(reached)}
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", choices=SETUPS)
    parser.add_argument("--method", choices=("neat", "es", "neat_es"), default="es")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 up to this")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--population", type=int, default=150, help="NEAT's")
    parser.add_argument("--topology-generations", type=int, default=20, help="neat_es: of NEAT")
    parser.add_argument("--generations", type=int, help="stop a seed after so many; no search begins anew then")
    parser.add_argument("--seconds", type=float, help="stop a seed after so long; no search begins anew then")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; a run that is there goes on")
    parser.add_argument("--film", type=Path, help="film every winner as GIF: FILM-SEED.gif")
    parser.add_argument("--json", type=Path, help="write the numbers to this file, after every seed")
    options = parser.parse_args()

    name, method = options.environment, options.method
    seeds = [options.seed] if options.seed is not None else list(range(options.first_seed, options.first_seed + options.seeds))
    task = task_of(name, method)
    space = space_of(name, method, task)
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        runs.append(solve(name, method, seed, options))
        shown = {key: value for key, value in runs[-1].items() if key != "genome"}
        print(f"seed {seed}: {json.dumps(shown)}", file=sys.stderr, flush=True)
        report = {
            "method": f"{method} on {name}",
            "paper": "Stanley & Miikkulainen 2002; Salimans et al. 2017; Mania, Guy & Recht 2018 (the methods)",
            "settings": {
                "space": space.to_dict(),
                "strategy": strategy_of(name, method, options, space).settings(),
                "task": task.settings(),
                "most_environment_steps": SETUPS[name].most,
                "tries": tries_of(name, method, options),
            },
            "seeds": seeds[: len(runs)],
            "published": {"reward": SETUPS[name].threshold},
            "ours": summary(runs),
            "runs": runs,
        }
        if options.json:
            options.json.write_text(json.dumps(report, indent=2))
        if options.film:  # last, so that nothing is lost where nothing can be drawn
            path = options.film.with_name(f"{options.film.stem}-{seed}.gif")
            try:
                task.record(NeatGenome.from_dict(runs[-1]["genome"]), path, seed=seed)
            except RuntimeError as error:
                print(f"no film: {error}", file=sys.stderr)
    table = Table("measure", "ours", title=f"{method} on {name} ({len(runs)} seeds; wanted: {SETUPS[name].threshold:,.0f})")
    for key, value in summary(runs).items():
        table.add_row(key.replace("_", " "), f"{value:,.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
