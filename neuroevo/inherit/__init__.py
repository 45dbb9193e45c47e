"""Weights from parents to children by historical marking.

`inherit` is pure and needs no data; `refit` repairs what operators that are not exact broke, with a few hundred samples. What is left is
for distillation: train the child on the outputs of `parents[nearest(child, parents)]`.
"""

from neuroevo.inherit.donor import nearest
from neuroevo.inherit.inheritance import inherit, initialise
from neuroevo.inherit.refit import Refit, needs_refit, refit

__all__ = ["Refit", "inherit", "initialise", "nearest", "needs_refit", "refit"]
