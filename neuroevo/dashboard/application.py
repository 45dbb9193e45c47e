"""The dashboard as a web application: which address shows what."""

from __future__ import annotations

import json
import math
import secrets
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from neuroevo.dashboard import pages
from neuroevo.dashboard.comparing import comparison_data
from neuroevo.dashboard.exporting import SUFFIXES, exported
from neuroevo.dashboard.folders import NoSuchRun, RunsFolder
from neuroevo.dashboard.guard import LOOPBACK, Guard, new_token
from neuroevo.dashboard.searches import Searches
from neuroevo.dashboard.summary import Summaries
from neuroevo.dashboard.watched import WatchedRun
from neuroevo.run import search

KEPT = 8  # runs that are held in memory, those that were asked for last
TYPES = {".css": "text/css", ".js": "text/javascript"}
# an SVG that is opened by itself: it may look as it says, and act in no way
DRAWING = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cache-control": "private, max-age=60",
}
FORM_BYTES = 10_000
COMMAND = (sys.executable, "-m", "neuroevo.cli.main")

Handler = Callable[["Dashboard", Request], Response]


class Dashboard:
    """What the addresses show of a folder of runs.

    Args:
        runs: the folder.
        allow_start: whether searches may be started, paused and gone on with.
        command: what runs the command line in another process.
        here: the folder below which a search's data may lie.
    """

    def __init__(
        self, runs: RunsFolder, *, allow_start: bool = False, command: Sequence[str] = COMMAND, here: Path | None = None
    ) -> None:
        self.runs, self.command = runs, tuple(command)
        self.searches = Searches(runs, self.command, here or Path.cwd()) if allow_start else None
        self._secret = secrets.token_urlsafe(16)  # in every form: what another page sends does not know it
        self._summaries = Summaries()
        self._watched: OrderedDict[str, WatchedRun] = OrderedDict()
        self._lock = threading.Lock()

    def application(self) -> Starlette:
        """The ASGI application; `Guard` stands before it."""
        run = "/runs/{name:path}/"  # takes in as much as it can: what is longer stands before
        routes = [
            Route("/", self._answer(Dashboard.list)),
            Route("/runs.json", self._answer(Dashboard.list_data)),
            Route("/compare", self._answer(Dashboard.compare)),
            Route("/compare.json", self._answer(Dashboard.compare_data)),
            Route("/static/{file}", self._answer(Dashboard.static)),
            Route(run + "individuals/{id:int}/data.json", self._answer(Dashboard.individual_data)),
            Route(run + "individuals/{id:int}/genome.svg", self._answer(Dashboard.genome)),
            Route(run + "individuals/{id:int}/download{suffix}", self._answer(Dashboard.download)),
            Route(run + "individuals/{id:int}", self._answer(Dashboard.individual)),
            Route(run + "data.json", self._answer(Dashboard.data)),
            Route(run + "figures.json", self._answer(Dashboard.figures)),
            Route(run + "figures/{figure}.svg", self._answer(Dashboard.figure)),
        ]
        if self.searches is not None:
            routes += [
                Route("/start", self._act(self._start), methods=["POST"]),
                Route(run + "pause", self._act(self._pause), methods=["POST"]),
                Route(run + "resume", self._act(self._resume), methods=["POST"]),
            ]
        routes.append(Route(run, self._answer(Dashboard.run)))
        application = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})
        application.router.redirect_slashes = False
        return application

    def watched(self, name: str) -> WatchedRun:
        """A run, as it is held in memory.

        Raises:
            NoSuchRun: there is none of this name.
        """
        folder = self.runs.folder(name)
        with self._lock:
            if name not in self._watched:
                self._watched[name] = WatchedRun(folder, pages.run_address(name))
            self._watched.move_to_end(name)
            while len(self._watched) > KEPT:
                self._watched.popitem(last=False)
            return self._watched[name]

    # What each address shows --------------------------------------------------------------------------------------------------

    def list(self, request: Request) -> Response:
        starts = pages.start_form(self._secret, list(search.strategies()), list(search.encodings())) if self.searches else ""
        return HTMLResponse(pages.list_page(starts=starts))

    def list_data(self, request: Request) -> Response:
        names = self.runs.names()
        rows = [
            {**self._summaries.of(name, self.runs.folder(name)).to_json(), "address": pages.run_address(name)} for name in names
        ]
        going = {row["name"] for row in rows if row["going"]}
        said = [self.searches.said(name, name in going) for name in self.searches.names()] if self.searches else []
        return _json({"runs": rows, "said": [text for text in said if text]})

    def compare(self, request: Request) -> Response:
        return HTMLResponse(pages.compare_page())

    def compare_data(self, request: Request) -> Response:
        names = list(dict.fromkeys(request.query_params.getlist("run")))
        runs = [self.watched(name).run() for name in names]
        return _json(comparison_data(runs, request.query_params.get("axis", "evaluations")))

    def static(self, request: Request) -> Response:
        file = request.path_params["file"]
        return Response(pages.asset(file), media_type=TYPES[Path(file).suffix])

    def run(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.runs.folder(name)
        return HTMLResponse(pages.run_page(name, acts=pages.acts_form(name, self._secret) if self.searches else ""))

    def data(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = self.watched(name).since(request.query_params.get("since", ""))
        return _json(found | {"said": self.searches.said(name, found["going"])} if self.searches else found)

    def figures(self, request: Request) -> Response:
        return _json({"sections": self.watched(request.path_params["name"]).figures()})

    def figure(self, request: Request) -> Response:
        text = self.watched(request.path_params["name"]).figure(request.path_params["figure"])
        return Response(text, media_type="image/svg+xml", headers=DRAWING)

    def individual(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.runs.folder(name)
        return HTMLResponse(pages.run_page(name, request.path_params["id"]))

    def individual_data(self, request: Request) -> Response:
        return _json(self.watched(request.path_params["name"]).individual(request.path_params["id"]))

    def genome(self, request: Request) -> Response:
        text = self.watched(request.path_params["name"]).genome(request.path_params["id"])
        return Response(text, media_type="image/svg+xml", headers=DRAWING)

    def download(self, request: Request) -> Response:
        name, id, suffix = (request.path_params[key] for key in ("name", "id", "suffix"))
        run = self.watched(name).run()
        artifact = run[id].artifact
        if artifact is not None and artifact.path is not None and not self.runs.holds(artifact.path):
            raise ValueError(f"the weights of individual {id} lie outside the folder that is shown")
        data = exported(run, id, suffix, self.command)
        file = quote(f"{name.rpartition('/')[2]}-{id}{suffix}")
        return Response(
            data, media_type=SUFFIXES[suffix], headers={"content-disposition": f"attachment; filename*=UTF-8''{file}"}
        )

    # What changes something ---------------------------------------------------------------------------------------------------

    def _start(self, name: str, form: dict[str, str]) -> str:
        assert self.searches is not None
        self.searches.start(form)
        return "/"

    def _pause(self, name: str, form: dict[str, str]) -> str:
        assert self.searches is not None
        self.searches.pause(name)
        return pages.run_address(name)

    def _resume(self, name: str, form: dict[str, str]) -> str:
        assert self.searches is not None
        self.searches.resume(name, form.get("evaluations", ""))
        return pages.run_address(name)

    def _act(self, act: Callable[[str, dict[str, str]], str]) -> Callable[[Request], Awaitable[Response]]:
        """An address that takes a form, and leads to the page that shows what became of it."""

        async def asked(request: Request) -> Response:
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > FORM_BYTES:
                    return _said(request, "the form is too long", 413)
            form = _form_of(body)
            if not secrets.compare_digest(form.get("secret", "").encode(), self._secret.encode()):
                return _said(request, "this form is of an earlier start of the dashboard; load its page again", 403)
            try:
                there = await run_in_threadpool(act, request.path_params.get("name", ""), form)
            except (LookupError, ValueError, OSError) as error:
                return _said(request, _sentence(error), 404 if isinstance(error, NoSuchRun) else 422)
            except Exception:
                return _unforeseen(request)
            return RedirectResponse(there, status_code=303)

        return asked

    def _answer(self, handler: Handler) -> Callable[[Request], Response]:
        """A handler whose errors are sentences."""

        @wraps(handler)
        def answered(request: Request) -> Response:
            try:
                return handler(self, request)
            except LookupError as error:
                return _said(request, _sentence(error), 404)
            except (ValueError, OSError, ImportError) as error:
                return _said(request, _sentence(error), 422)
            except Exception:
                return _unforeseen(request)

        return answered


def guarded(
    root: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_start: bool = False,
    token: str | None = None,
    command: Sequence[str] | None = None,
) -> tuple[Guard, str | None]:
    """The whole application for a folder of runs, and the token that it asks for: None where it listens on the loopback interface alone and
    starts nothing.

    Args:
        root, host, port, allow_start, token, command: as for `neuroevo.dashboard.server.serve`.

    Raises:
        ValueError: there is no such folder.
    """
    local = host in LOOPBACK
    needed = (token or new_token()) if allow_start or not local else None
    dashboard = Dashboard(RunsFolder(root), allow_start=allow_start, command=command or COMMAND)
    return Guard(dashboard.application(), token=needed, local=local, port=port), needed


def _form_of(body: bytes) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))


def _sentence(error: Exception) -> str:
    said = error.args[0] if isinstance(error, LookupError) and error.args else error
    return " ".join(str(said).split())[:1_000]


def _said(request: Request, sentence: str, status: int) -> Response:
    """A sentence about what went wrong, as JSON or as a page."""
    if request.url.path.endswith(".json"):
        return _json({"error": sentence}, status)
    return HTMLResponse(pages.error_page(sentence), status)


def _unforeseen(request: Request) -> Response:
    """What nobody thought of: for whoever runs the dashboard, in full; the page goes on."""
    traceback.print_exc()
    return _said(request, "this failed inside the dashboard; the terminal in which it runs says how", 500)


async def _not_found(request: Request, error: Exception) -> Response:
    return _said(request, "there is no such page", getattr(error, "status_code", 404))


def _json(data: Any, status: int = 200) -> Response:
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:  # a run's files may hold any number
        text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)
    return Response(text, status, media_type="application/json")


def _finite(data: Any) -> Any:
    """JSON with null for every number that is not finite."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, (list, tuple)) else data
