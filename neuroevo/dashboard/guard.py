"""Guard: who may ask the dashboard, and what a browser may do with an answer."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application around another.

    On the loopback interface, only requests that name it are answered: a page elsewhere whose name was made to lead here (DNS rebinding)
    names itself. Where there is a token, it is asked for: in the address (`?token=`), which a cookie then takes the place of, or as
    `Authorization: Bearer`. What changes something is asked by POST, from a page of this server alone.

    Args:
        app: what answers.
        token: the token, or None where none is needed.
        local: whether the server listens on the loopback interface only.
        port: the server's, by which cookies of several servers on one machine are told apart.
    """

    def __init__(self, app: App, *, token: str | None, local: bool, port: int) -> None:
        self._app, self._token, self._local, self._cookie = app, token, local, f"neuroevo-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self._local and _host_of(host) not in LOOPBACK:
            await _refuse(send, 421, "This dashboard answers on 127.0.0.1 and localhost only.")
            return
        asked = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        if self._token is not None and not self._known(headers):
            if not _same(asked.get("token", ""), self._token):
                await _refuse(send, 403, "This dashboard needs its token: open the address that it printed when it was started.")
                return
            await self._remember(scope, send)
            return
        if scope["method"] not in ("GET", "HEAD") and not _of_this_page(headers, host):
            await _refuse(send, 403, "This was not asked for by a page of this dashboard.")
            return
        await self._app(scope, receive, _with_headers(send))

    def _known(self, headers: MutableMapping[str, str]) -> bool:
        assert self._token is not None
        bearer = headers.get("authorization", "")
        if bearer.startswith("Bearer ") and _same(bearer.removeprefix("Bearer "), self._token):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self._cookie in cookies and _same(cookies[self._cookie].value, self._token)

    async def _remember(self, scope: Scope, send: Send) -> None:
        """Give the browser a cookie, and the address without the token."""
        rest = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
        # a path that begins with // would be another server's
        there = "/" + quote(scope["path"].lstrip("/")) + (f"?{urlencode(rest)}" if rest else "")
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Lax"
        headers = [(b"location", there.encode()), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await _with_headers(send)({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _of_this_page(headers: MutableMapping[str, str], host: str) -> bool:
    """Whether a browser says that a page of this very server asks."""
    origin = headers.get("origin", "")
    site = headers.get("sec-fetch-site", "same-origin")
    return site == "same-origin" and bool(host) and urlsplit(origin).netloc == host


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
