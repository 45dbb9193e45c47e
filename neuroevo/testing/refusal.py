"""What the suites take as a refusal: a ValueError whose text is a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


def attempted(call: Callable[..., Result], *arguments: Any) -> tuple[Result | None, str]:
    """What a call returns, or the sentence with which it refuses.

    Raises:
        AssertionError: it raises anything else than a ValueError, or one that says nothing.
    """
    try:
        return call(*arguments), ""
    except ValueError as error:
        said = str(error)
        assert len(said.split()) > 3, f"a refusal is a sentence that says what is wrong, this one is {said!r}"
        return None, said
    except Exception as error:
        raise AssertionError(f"a refusal is a ValueError with a sentence, this is {type(error).__name__}: {error}") from error


def refused(what: str, call: Callable[..., Any], *arguments: Any) -> None:
    """That a call refuses what it is given."""
    _, said = attempted(call, *arguments)
    assert said, f"{what} is accepted"
