"""Strategies that go from one network to its neighbours."""
