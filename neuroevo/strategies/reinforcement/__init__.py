"""Strategies that learn to design: controllers whose policy, or whose values of decisions, follow rewards."""
