"""`neuroevo arena`: what is typed, what is printed and written, and what is refused in a sentence."""

import json

from command_line import neuroevo

CONTESTS = """
import neuroevo as ne
from genomes import NeatSpace
from neuroevo.arena import Contest
from neuroevo.tasks.function import as_task


def corner(network):
    return float(network([[1.0, 1.0]])[0, 0])


poles = Contest("corner", lambda seed: as_task(corner), lambda task: NeatSpace(2, 1), ne.Budget(evaluations=30))
nothing = 3


def several():
    return [poles]
"""


def test_a_file_of_contests_is_played_and_goes_on(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(CONTESTS)
    typed = ["arena", "mine.py:poles", "--strategies", "Neat(population=10)", "--seeds", "1", "--workers", "1", "--run", "here"]
    found = neuroevo(*typed, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "corner: fitness (higher is better), 1 seeds" in found.stdout and "Neat(population=10)" in found.stdout
    assert (tmp_path / "here" / "arena.html").exists()
    again = neuroevo(*typed[:-2], "--run", "here", "--json", folder=tmp_path)
    assert json.loads(again.stdout)["results"]["corner"]["players"]["random_search"]["evaluations"] == 30
    several = neuroevo("arena", "mine.py:several", *typed[2:], folder=tmp_path)
    assert several.returncode == 0 and several.stdout == found.stdout


def test_what_is_wrong_is_a_sentence(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(CONTESTS)
    for typed, said in (
        (["mine.py:other"], "mine.py has no other"),
        (["mine.py:nothing"], "must be a neuroevo.arena.Contest or a list of them"),
        (["absent.py:poles"], "there is no such file"),
        (["mine.py:poles", "--strategies", "nsga7"], "nsga7"),
        (["mine.py:poles", "--evaluations", "5", "--total-epochs", "3"], "--evaluations or --total-epochs, not both"),
        (["mine.py:poles", "mine.py:poles"], "contests of different names"),
    ):
        found = neuroevo("arena", *typed, "--run", "here", folder=tmp_path)
        assert found.returncode == 2 and said in found.stderr, (typed, found.stderr)
        assert not (tmp_path / "here").exists()
