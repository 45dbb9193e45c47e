"""Strategies with a population that is varied and selected."""
