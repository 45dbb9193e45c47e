"""Strategies that learn a model of scores and evaluate what it promises."""
