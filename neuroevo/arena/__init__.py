"""The arena: strategies on the same spaces, tasks and budgets, with the statistics of who is better."""

from neuroevo.arena.contest import Contest, data_contest
from neuroevo.arena.games import Arena
from neuroevo.arena.results import ContestResult, Results, results
from neuroevo.arena.standings import Pair, Standings, standings

__all__ = ["Arena", "Contest", "ContestResult", "Pair", "Results", "Standings", "data_contest", "results", "standings"]
