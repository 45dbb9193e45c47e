"""Versions: what of some values a page that has seen an earlier version still lacks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Versions(Generic[Key]):
    """Values by key, each with the version in which it last changed.

    >>> kept = Versions()
    >>> first = kept.update({"a": 1, "b": 2})
    >>> second = kept.update({"a": 1, "b": 3})
    >>> kept.since(first), kept.since(0)
    ({'b': 3}, {'a': 1, 'b': 3})
    >>> kept.update({"a": 1, "b": 3}) == second
    True
    """

    def __init__(self) -> None:
        self.version = 0
        self._kept: dict[Key, tuple[Any, int]] = {}

    def update(self, values: Mapping[Key, Any]) -> int:
        """These are the values now; returns their version, a new one if anything is new or has changed."""
        kept, following = self._kept, self.version + 1
        self._kept = {
            key: kept[key] if key in kept and kept[key][0] == value else (value, following) for key, value in values.items()
        }
        if any(at == following for _, at in self._kept.values()):
            self.version = following
        return self.version

    def since(self, version: int) -> dict[Key, Any]:
        """The values that changed after a version; of 0, all."""
        return {key: value for key, (value, at) in self._kept.items() if at > version}
