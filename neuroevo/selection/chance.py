"""Chance: a score without meaning, beside which others show what theirs is worth."""

from __future__ import annotations

from dataclasses import dataclass

from neuroevo.selection.neighbours import Floats
from neuroevo.selection.scoring import Generation, Scoring


@dataclass
class Chance(Scoring):
    """Random selection, the control of experiments on diversity: every member's score is drawn anew, uniform from 0 to 1 (Lehman & Stanley
    2011)."""

    @property
    def needs_descriptors(self) -> bool:
        return False

    def scores(self, generation: Generation) -> Floats:
        drawn: Floats = generation.rng.random(len(generation))
        return drawn
