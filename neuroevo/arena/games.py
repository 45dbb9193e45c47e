"""Games: every strategy on every contest with every seed, each a run in a folder of its own, several at a time, and resumed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from genomes.base import shown
from neuroevo.arena.contest import TEST_DATA, Contest
from neuroevo.core.files import write_json_whole

ALWAYS = "random_search"  # what every comparison shows
GAME = "game.json"
ARENA = "arena.json"
PLAYED, FAILED, REFUSED = "played", "failed", "refused"


class Game(NamedTuple):
    """One search of the arena.

    Attributes:
        contest: its name.
        strategy: as it was named.
        folder: of the run.
    """

    contest: str
    strategy: str
    seed: int
    folder: Path

    def outcome(self) -> dict[str, Any] | None:
        """What is known of it: `state` ("played", "failed", "refused"), `reason`, `test`, `own_seconds`; None before it ended.

        Raises:
            ValueError: its record is damaged.
        """
        path = self.folder / GAME
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["state"] not in (PLAYED, FAILED, REFUSED):
                raise ValueError(f"unknown state {shown(found['state'])}")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it and play again") from None
        return dict(found)


@dataclass
class Arena:
    """Strategies on the same spaces, tasks and budgets.

    Random search takes part always. A game is a run in `folder/CONTEST/STRATEGY-SEED`: the same arena again goes on where it was, and with
    more seeds, strategies or contests plays only what is new. A game that fails, or whose process is killed, is recorded and tried again the next time.

    Args:
        contests: of different names.
        strategies: names or expressions, as each contest's `strategy` takes them.
        seeds: the seeds 1 to this, >= 1.
        folder: where everything is kept.

    Raises:
        ValueError: nothing to play, or a name twice.

    >>> import neuroevo as ne, tempfile
    >>> from genomes import NeatSpace
    >>> from neuroevo.tasks.function import as_task
    >>> xor = Contest("xor", task=lambda seed: as_task(lambda network: float(network([[1, 1]])[0, 0])), space=lambda task: NeatSpace(2, 1),
    ...     budget=ne.Budget(evaluations=20))
    >>> arena = Arena([xor], ["Neat(population=5)"], seeds=1, folder=tempfile.mkdtemp())
    >>> [game.strategy for game in arena.games()]
    ['Neat(population=5)', 'random_search']
    """

    contests: Sequence[Contest]
    strategies: Sequence[str]
    seeds: int
    folder: Path

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        names = [contest.name for contest in self.contests]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"an arena needs contests of different names, got {shown(names)}")
        if isinstance(self.seeds, bool) or not isinstance(self.seeds, int) or self.seeds < 1:
            raise ValueError(f"seeds must be a whole number >= 1, got {shown(self.seeds)}")
        self.strategies = list(dict.fromkeys([*self.strategies, ALWAYS]))

    def contest(self, name: str) -> Contest:
        """The contest of this name."""
        return next(contest for contest in self.contests if contest.name == name)

    def games(self) -> Iterator[Game]:
        """All games, seed by seed, so that an interrupted arena has seen every strategy alike."""
        for seed in range(1, self.seeds + 1):
            for contest in self.contests:
                for strategy in self.strategies:
                    yield Game(contest.name, strategy, seed, self.folder / contest.name / f"{folder_name(strategy)}-{seed}")

    def check(self) -> None:
        """Refuse strategies that no contest knows.

        Raises:
            ValueError: there is one; the nearest name is suggested.
        """
        for contest in self.contests:
            for text in self.strategies:
                contest.strategy(text)

    def play(self, workers: int = 1, say: Callable[[Game, dict[str, Any]], None] | None = None) -> None:
        """Play what was not played yet.

        Args:
            workers: games at a time, each in a process of its own; 1 plays in this one.
            say: is told of each game that ended.

        Raises:
            ValueError: a strategy that no contest knows.
        """
        self.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json_whole(self.folder / ARENA, self.described())
        say = say or (lambda game, outcome: None)
        waiting = [game for game in self.games() if (game.outcome() or {}).get("state") not in (PLAYED, REFUSED)]
        if workers == 1:
            for game in waiting:
                say(game, play(self.contest(game.contest), game))
        else:
            self._play_in_processes(waiting, workers, say)

    def _play_in_processes(self, waiting: Sequence[Game], workers: int, say: Callable[[Game, dict[str, Any]], None]) -> None:
        import cloudpickle

        packed = cloudpickle.dumps(list(self.contests))
        left = list(reversed(waiting))
        players: list[_Player] = []
        try:
            players += [_Player(packed) for _ in range(min(workers, len(left)))]
            while True:
                for player in players:
                    if player.game is None and left:
                        player.begin(left.pop())
                busy = {player.connection: player for player in players if player.game is not None}
                if not busy:
                    return
                for ready in wait(list(busy)):
                    player = busy[ready]  # type: ignore[index]
                    game = player.game
                    assert game is not None
                    if player.ended():
                        outcome = game.outcome() or {}
                    else:
                        outcome = {"state": FAILED, "reason": f"its process ended with exit code {player.process.exitcode}"}
                        _record(game, outcome)
                        players[players.index(player)] = _Player(packed)
                    say(game, outcome)
        finally:
            for player in players:
                player.close()

    def described(self) -> dict[str, Any]:
        """JSON."""
        return {
            "contests": [
                {"name": contest.name, "budget": contest.budget.settings(), "axis": contest.axis, "measure": contest.measure,
                 "test": contest.test} for contest in self.contests
            ],
            "strategies": list(self.strategies),
            "seeds": self.seeds,
        }  # fmt: skip


def folder_name(strategy: str) -> str:
    """A folder's name for a strategy's text: readable, and different for different texts.

    >>> folder_name("nsga2"), folder_name("Bayesian(batch=4)")
    ('nsga2', 'Bayesian-batch-4-9187d7')
    """
    if strategy.isidentifier():
        return strategy
    readable = re.sub(r"[^A-Za-z0-9]+", "-", strategy).strip("-")[:40]
    return f"{readable}-{hashlib.sha256(strategy.encode()).hexdigest()[:6]}"


def play(contest: Contest, game: Game) -> dict[str, Any]:
    """Play one game, or go on with it, and record how it ended.

    Returns:
        What `Game.outcome` gives from then on.
    """
    from neuroevo.core.callbacks import Callback
    from neuroevo.evaluators import Serial
    from neuroevo.run.evolution import evolve
    from neuroevo.run.run import Run

    class Begun(Callback):
        begun = False

        def on_start(self, run: Run) -> None:
            self.begun = True

    begun = Begun()
    outcome: dict[str, Any]
    start = time.monotonic()
    try:
        task, strategy = contest.task(game.seed), contest.strategy(game.strategy)
        run = evolve(
            contest.space(task),
            task,
            strategy=strategy,
            estimation=None if contest.estimation is None else contest.estimation(task, strategy),
            budget=contest.budget,
            seed=game.seed,
            evaluator=Serial(),
            run=game.folder,
            progress=False,
            callbacks=[begun],
        )
        outcome = {"state": PLAYED, "test": _test(contest, run), **_spent(run, time.monotonic() - start)}
    except ValueError as error:  # before the start: this strategy is not for such a task; behind it, a failure
        outcome = {"state": FAILED if begun.begun else REFUSED, "reason": str(error)}
    except Exception as error:
        outcome = {"state": FAILED, "reason": f"{type(error).__name__}: {error}"}
    _record(game, outcome)
    return outcome


def _spent(run: Any, elapsed: float) -> dict[str, float]:
    """Seconds in all, and those that are neither training nor scoring: the strategy's, and the run's own."""
    from neuroevo.store import Store

    store = Store(run.folder, writable=False)
    try:
        trials = sum(store.seconds().values())
    finally:
        store.close()
    return {
        "seconds": run.seconds,
        "own_seconds": max(0.0, run.seconds - trials),
        "evaluations": run.evaluations,
        "epochs": run.epochs,
    }


def _test(contest: Contest, run: Any) -> float | None:
    """The score that decides nothing, of the network that the search ends with: the best by the first objective."""
    if contest.test is None or run.records.best is None:
        return None
    best = run.best
    if contest.test != TEST_DATA:
        found = best.info.get("scores", {}).get(contest.test)
        return None if found is None else float(found)
    if best.artifact is None and not best.genome.evolves_weights:
        return None
    return float(run.task.test_scores(best.model())[run.task.selection])


class _Player:
    """A process that plays one game after the other."""

    def __init__(self, packed: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_play_many, args=(theirs, packed, list(sys.path)), daemon=True)
        self.process.start()
        theirs.close()
        self.game: Game | None = None

    def begin(self, game: Game) -> None:
        self.game = game
        with suppress(OSError):  # it died between two games: `ended` finds that out
            self.connection.send(tuple(game))

    def ended(self) -> bool:
        """Whether the game ended by itself; otherwise the process did."""
        self.game = None
        try:
            self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return False
        return True

    def close(self) -> None:
        self.process.terminate()
        self.process.join()
        self.connection.close()


def _play_many(connection: Connection[Any, Any], packed: bytes, paths: Sequence[str]) -> None:
    import cloudpickle

    sys.path[:] = list(paths)
    contests = {contest.name: contest for contest in cloudpickle.loads(packed)}
    with suppress(EOFError, OSError):
        while True:
            game = Game(*connection.recv())
            play(contests[game.contest], game)
            connection.send(True)


def _record(game: Game, outcome: Mapping[str, Any]) -> None:
    game.folder.mkdir(parents=True, exist_ok=True)
    write_json_whole(game.folder / GAME, outcome)
