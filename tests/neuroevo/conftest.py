"""Fixtures of several files of tests."""

from chromium import browser  # noqa: F401
