"""Strategies that look for many different individuals, each good in its own way."""
