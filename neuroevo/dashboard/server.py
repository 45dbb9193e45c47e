"""The server: a dashboard on an address, until it is ended."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from neuroevo.core.extras import how_to_install

PORT = 8517


def serve(
    root: Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    allow_start: bool = False,
    token: str | None = None,
    command: Sequence[str] | None = None,
    ready: Callable[[str], None] = print,
) -> None:
    """Show a folder of runs until Ctrl-C.

    Args:
        root: the folder.
        host: where to listen; anything but the loopback interface needs a token, and so does `allow_start`.
        port: 0: any that is free.
        allow_start: whether searches may be started, paused and gone on with from the page.
        token: the token, where one is needed; None: a new one.
        command: what runs the command line in another process; None: this package's.
        ready: told the address, with the token, once there is an answer on it.

    Raises:
        ImportError: the extra `dashboard` is not installed.
        ValueError: there is no such folder, or the address is taken or none of this machine's.
    """
    try:
        import uvicorn

        from neuroevo.dashboard.application import guarded
    except ImportError as error:
        raise ImportError(f"the dashboard needs starlette and uvicorn: {how_to_install('dashboard')}") from error
    with _listening(host, port) as listening:
        port = listening.getsockname()[1]
        app, needed = guarded(root, host=host, port=port, allow_start=allow_start, token=token, command=command)
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", access_log=False, server_header=False, proxy_headers=False, ws="none",
            timeout_graceful_shutdown=3,
        )  # fmt: skip
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{port}/" + (f"?token={needed}" if needed else ""))
        with suppress(KeyboardInterrupt):  # uvicorn has ended in order by then, and passes it on
            uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise ValueError(f"the dashboard cannot listen on {host}, port {port} ({said}); give another --port or --host") from error
