"""Saying that kernels are being compiled: the first NEAT run of an installation waits for that, and the ones after it do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NOTICE = "compiling NEAT's kernels, once for this installation (about half a minute)"
OURS = ("genomes.", "neuroevo.")  # packages whose kernels are kept on disk


@contextmanager
def compilation_noticed(say: Callable[[str], None]) -> Iterator[None]:
    """Say once that kernels are being compiled, at the moment when the first one is; nothing where all are found in numba's cache.

    numba reports a compilation only when a kernel is not in its cache. Kernels of the user's own are not ours to speak of, and what a
    worker process compiles is not seen here.

    Args:
        say: is given the sentence.
    """
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc,name-defined]
        said = False

        def on_start(self, event: Any) -> None:
            module = str(getattr(event.data["dispatcher"].py_func, "__module__", ""))
            if not self.said and module.startswith(OURS):
                self.said = True
                say(NOTICE)

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
