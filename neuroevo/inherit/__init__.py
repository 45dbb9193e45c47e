"""Weights from parents to children by historical marking."""

from neuroevo.inherit.inheritance import inherit, initialise

__all__ = ["inherit", "initialise"]
