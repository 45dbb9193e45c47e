"""The co-evolution example: the game is tic-tac-toe, its judges are exact, and playing each other teaches networks to play."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "coevolution_tic_tac_toe.py"


@pytest.fixture(scope="module")
def contest():
    spec = importlib.util.spec_from_file_location("coevolution_tic_tac_toe", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_judges_know_the_games_theory(contest) -> None:
    # two random players: the first wins 58.5 % of games, the second 28.8 %
    assert contest.odds(contest.random_moves, contest.random_moves) == pytest.approx((0.43651, 0.12698, 0.43651), abs=1e-5)
    assert contest.odds(contest.perfect_moves, contest.perfect_moves) == (0.0, 1.0, 0.0)
    win, draw, loss = contest.odds(contest.perfect_moves, contest.random_moves)
    assert loss == 0.0 and win > 0.8 and win + draw == pytest.approx(1.0)


def test_games_of_two_players_share_one_point(contest) -> None:
    players = np.random.default_rng(1).random((4, len(contest.ROWS)))
    scores = np.array([contest.tournament(players, players[j : j + 1]) for j in range(4)]).T
    np.testing.assert_allclose(scores + scores.T, 1.0)
    assert scores.std() > 0.01


def test_the_compiled_game_is_played_by_the_rules(contest) -> None:
    takes_first = np.zeros(len(contest.ROWS))  # rates every move alike: takes the first free cell
    assert contest.game(takes_first, takes_first, np.array([4, 1])) == 1.0  # 4 0 3 6 against 1 2 5: 0 3 6 is a line
    assert contest.game(takes_first, takes_first, np.array([8, 0])) == 0.0  # 8 1 3 5 against 0 2 4 6: 2 4 6 is a line


def test_playing_each_other_teaches_to_play(contest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = {}
    for generations in (1, 12):
        path = tmp_path / f"{generations}.json"
        arguments = [
            "--seed",
            "1",
            "--population",
            "60",
            "--generations",
            str(generations),
            "--run",
            str(tmp_path / "run"),
            "--json",
            str(path),
        ]
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        monkeypatch.setattr(contest, "ProcessPoolExecutor", lambda *_: Here())
        contest.main()
        report[generations] = json.loads(path.read_text())["ours"]
    before, after = report[1], report[12]
    assert after["losses_to_random"] < before["losses_to_random"] and after["draws_with_perfect"] > before["draws_with_perfect"]
    assert after["wins_against_perfect"] == 0.0
    assert (tmp_path / "run" / "seed-1" / "champion.png").read_bytes().startswith(b"\x89PNG")


class Here:
    """A pool that is this process."""

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        return

    def map(self, function, jobs):
        return map(function, jobs)
