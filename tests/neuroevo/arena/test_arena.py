"""The arena: who plays, what is kept, what is resumed, and what the page says."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from neuroevo.arena import Arena, Contest, data_contest, results
from neuroevo.arena.games import GAME, folder_name
from neuroevo.arena.page import write_results
from neuroevo.arena.text import results_table
from neuroevo.core.objectives import Objective
from neuroevo.run.search import SearchSettings
from neuroevo.tasks.base import Task
from neuroevo.tasks.function import as_task


def table(folder: Path) -> Path:
    """Every cell of six edges with threes and zeros alone, and what they score."""
    path = folder / "table.csv"
    rows = ["ops,threes,test"]
    for number in range(5**6):
        digits = np.base_repr(number, 5).zfill(6)
        rows.append(f"{digits},{digits.count('3') + number / 1e5},{digits.count('3') / 6}")
    path.write_text("\n".join(rows))
    return path


def table_task(path: Path, seed: int) -> Task:
    return ne.tasks.Table(path, key="ops", signal={"threes": Objective("threes", "maximise", ideal=7.0)}, report=("test",))


def cells(task: Task) -> CellSpace:
    return CellSpace()


@pytest.fixture(scope="module")
def contest(tmp_path_factory) -> Contest:
    path = table(tmp_path_factory.mktemp("table"))
    return Contest("threes", partial(table_task, path), cells, ne.Budget(evaluations=40), test="test")


@pytest.fixture(scope="module")
def played(contest, tmp_path_factory) -> Arena:
    arena = Arena([contest], ["local_search", "Nsga2(population=8)"], seeds=5, folder=tmp_path_factory.mktemp("arena"))
    arena.play()
    return arena


def test_random_search_takes_part_always(contest, tmp_path) -> None:
    arena = Arena([contest], ["local_search"], 2, tmp_path)
    assert {game.strategy for game in arena.games()} == {"local_search", "random_search"}
    assert len(list(arena.games())) == 4


def test_results_are_the_runs(played) -> None:
    found = results(played)
    (one,) = found.contests
    assert one.standings.names == ("local_search", "Nsga2(population=8)", "random_search")
    assert one.standings.ranks.shape == (5, 3) and one.standings.mean[0] < one.standings.mean[2]
    for place, player in enumerate(one.players):
        for seed in range(1, 6):
            game = next(game for game in played.games() if (game.strategy, game.seed) == (player.strategy, seed))
            run = ne.load_run(game.folder)
            assert player.final[seed - 1] == run.best.values["threes"]
            assert player.test[seed - 1] == run.best.info["scores"]["test"]
            assert player.evaluations == 40 and player.own_ms > 0
            assert one.anytime.names[place] == player.strategy and player.anytime[seed - 1] <= player.final[seed - 1]


def test_what_was_played_is_not_played_again_and_more_seeds_add_to_it(played) -> None:
    before = {game.folder: (game.folder / GAME).stat().st_mtime_ns for game in played.games()}
    told = []
    Arena(played.contests, played.strategies[:2], 6, played.folder).play(1, lambda game, outcome: told.append(game.seed))
    assert told == [6, 6, 6]
    assert before == {game.folder: (game.folder / GAME).stat().st_mtime_ns for game in played.games()}


def test_processes_play_the_same_games(played, contest, tmp_path) -> None:
    other = Arena([contest], played.strategies[:1], 2, tmp_path)
    other.play(2)
    for game in other.games():
        same = next(one for one in played.games() if (one.strategy, one.seed) == (game.strategy, game.seed))
        assert [each.values for each in ne.load_run(game.folder)] == [each.values for each in ne.load_run(same.folder)]


def test_a_game_that_was_killed_is_recorded_and_the_others_go_on(contest, tmp_path) -> None:
    arena = Arena([Contest("kills", kills, cells, ne.Budget(evaluations=4)), contest], ["local_search"], 1, tmp_path)
    told = {}
    arena.play(2, lambda game, outcome: told.update({(game.contest, game.strategy): outcome}))
    assert told["kills", "local_search"]["state"] == "failed" and "exit code -9" in told["kills", "local_search"]["reason"]
    assert told["threes", "local_search"]["state"] == told["threes", "random_search"]["state"] == "played"


def kills(seed: int) -> Task:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_failed_game_ranks_last_and_is_tried_again(contest, tmp_path) -> None:
    arena = Arena([contest], ["local_search"], 5, tmp_path)
    arena.play()
    game = next(game for game in arena.games() if game.strategy == "local_search" and game.seed == 2)
    (game.folder / GAME).write_text(json.dumps({"state": "failed", "reason": "the lights went out"}))
    (one,) = results(arena).contests
    assert np.isnan(one.players[0].final[1]) and one.standings.ranks[1].tolist() == [2, 1]
    assert one.players[0].failed == 1 and "the lights went out" in results_table(results(arena))
    again = []
    arena.play(1, lambda game, outcome: again.append((game.strategy, game.seed, outcome["state"])))
    assert again == [("local_search", 2, "played")]
    (game.folder / GAME).write_text("{")
    with pytest.raises(ValueError, match=r"is damaged .* delete it and play again"):
        results(arena)


def test_a_strategy_that_is_not_for_the_task_is_said_and_not_ranked(contest, tmp_path) -> None:
    arena = Arena([contest], ["local_search", "Neat(population=10)"], 1, tmp_path)
    arena.play()
    (one,) = results(arena).contests
    assert one.standings.names == ("local_search", "random_search")
    assert list(one.refused) == ["Neat(population=10)"] and "Neat" in one.refused["Neat(population=10)"]
    assert "Neat(population=10) does not play: " in results_table(results(arena))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strategies": ["nsga"]}, "did you mean nsga2|unknown"),
        ({"seeds": 0}, "seeds must be a whole number >= 1, got 0"),
        ({"contests": []}, "needs contests of different names"),
    ],
)
def test_what_cannot_be_played_is_a_sentence(contest, tmp_path, wrong, said) -> None:
    with pytest.raises(ValueError, match=said):
        Arena(**{"contests": [contest], "strategies": ["nsga2"], "seeds": 1, "folder": tmp_path, **wrong}).play()


def test_a_name_that_is_no_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="a contest's name is a folder's"):
        Contest("../up", kills, cells, ne.Budget(evaluations=1))


def test_texts_have_folders_of_their_own() -> None:
    names = [folder_name(text) for text in ("nsga2", "Nsga2(population=8)", "Nsga2(population=80)", "Nsga2( population=8)")]
    assert len(set(names)) == 4 and names[0] == "nsga2" and all(Path(name).name == name for name in names)


def test_the_page_and_the_numbers(played, tmp_path) -> None:
    page, numbers = write_results(results(played), tmp_path)
    text, found = page.read_text(), json.loads(numbers.read_text())
    assert "http" not in text.replace("http://www.w3.org", "") and "<script" not in text
    assert text.count("<svg") == 2 and "mean rank over 5 blocks" in text and "Random search takes part" in text
    players = found["results"]["threes"]["players"]
    assert len(players["local_search"]["final"]) == 5 and found["results"]["threes"]["standings"]["blocks"] == 5


def test_names_are_text_on_the_page(contest, tmp_path) -> None:
    known = {"<script>alert(1)</script>": ne.strategies.LocalSearch}
    odd = Contest(contest.name, contest.task, contest.space, ne.Budget(evaluations=5), known=known)
    arena = Arena([odd], list(known), 1, tmp_path)
    arena.play()
    assert "<script>" not in write_results(results(arena), tmp_path)[0].read_text()


def test_contests_count_alike_over_all(contest, tmp_path) -> None:
    two = [contest, Contest("again", contest.task, cells, ne.Budget(evaluations=15))]
    arena = Arena(two, ["local_search"], 2, tmp_path)
    arena.play()
    found = results(arena)
    assert found.overall is not None and found.overall.ranks.shape == (2, 2) and found.overall.pairs == ()
    assert "all contests: mean ranks of the 2 that play in each" in results_table(found)


def test_data_are_searched_as_the_command_does(tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(90, 3))
    lines = ["a,b,c,kind", *(f"{a:.3f},{b:.3f},{c:.3f},{'up' if a > b else 'down'}" for a, b, c in rows)]
    path = tmp_path / "points.csv"
    path.write_text("\n".join(lines))
    contest = data_contest(SearchSettings(data=str(path), target="kind", epochs=1), ne.Budget(evaluations=3))
    assert contest.name == "points" and contest.strategy("nsga2").population == 4, "the size that suits few networks"
    arena = Arena([contest], ["nsga2"], 1, tmp_path / "arena")
    arena.play()
    (one,) = results(arena).contests
    assert one.comparison.measure == "hypervolume" and all(0 <= player.test[0] <= 1 for player in one.players)


def test_a_name_has_sizes_that_suit_the_budget_and_an_expression_those_that_it_says(contest) -> None:
    assert (
        contest.strategy("regularized_evolution").settings() | {"population": 13, "sample": 6}
        == contest.strategy("regularized_evolution").settings()
    )
    assert (
        contest.strategy("RegularizedEvolution").population
        == contest.strategy("RegularizedEvolution(population=100)").population
        == 100
    )


def test_neat_plays_beside_others(tmp_path) -> None:
    xor = Contest("xor", xor_task, neat_space, ne.Budget(evaluations=60))
    arena = Arena([xor], ["Neat(population=20)"], 1, tmp_path)
    arena.play()
    (one,) = results(arena).contests
    assert one.standings.names == ("Neat(population=20)", "random_search")


def xor_task(seed: int) -> Task:
    return as_task(corner)


def corner(network) -> float:
    return float(network(np.ones((1, 2)))[0, 0])


def neat_space(task: Task) -> NeatSpace:
    return NeatSpace(inputs=2, outputs=1)
