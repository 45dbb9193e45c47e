"""What goes wrong with a run's folder, as one sentence."""

from __future__ import annotations

import errno
import functools
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

SomeMethod = TypeVar("SomeMethod", bound=Callable[..., Any])


class StoreError(ValueError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


def writes(method: SomeMethod) -> SomeMethod:
    """For a method that writes: what fails is undone to the last commit and said in one sentence."""

    @functools.wraps(method)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except (sqlite3.Error, OSError) as error:
            self.abandon()
            raise StoreError(_unwritten(self.folder, error)) from error

    return wrapped  # type: ignore[return-value]


def reads(method: SomeMethod) -> SomeMethod:
    """For a method that reads rows: damaged ones are said in one sentence."""

    @functools.wraps(method)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except StoreError:
            raise
        except (sqlite3.Error, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise StoreError(damaged(self.folder / "run.db", error)) from error
        except Exception as error:
            if type(error).__name__ != "SafetensorError":
                raise
            raise StoreError(damaged(self.folder / "run.db", error)) from error

    return wrapped  # type: ignore[return-value]


def damaged(path: Any, error: object) -> str:
    """The sentence about a file that cannot be read."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return f"{path} is damaged ({text}); `neuroevo doctor {path.parent} --repair` recovers what it can, or restore it from a copy"


def unusable_state(folder: Any, error: object) -> str:
    """The sentence about a last state that can be read, and that the search cannot take up."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"the search cannot take up the last state of {folder} ({text}): the state is damaged, or the code has changed since; "
        f"`neuroevo doctor {folder} --repair --without-state` sets it aside, and the search goes through its record from the beginning"
    )


def _unwritten(folder: Any, error: Exception) -> str:
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "full" in str(error)
    if full:
        return f"the disk that holds {folder} is full; what was committed is kept: free some space and run the same command again"
    if getattr(error, "errno", None) == errno.EFBIG:
        return f"a file in {folder} may not grow further (a limit of the system); what was committed is kept"
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return f"{folder} could not be written ({text}); what was committed is kept: run the same command again once that is mended"
