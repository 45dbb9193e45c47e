"""The dashboard's pages as HTML: the list, a run, an individual, a comparison, and the sentence of what went wrong."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources
from string import Template
from urllib.parse import quote

from neuroevo.core import registry
from neuroevo.report.html import document

SHARED = ("page.css", "charts.js", "page.js", "live.js")  # files of the report's page


def asset(name: str) -> str:
    """A file that a page loads.

    Raises:
        KeyError: there is none of this name.
    """
    if name in SHARED:
        return (resources.files("neuroevo.report") / "page" / name).read_text(encoding="utf-8")
    if name in ("dashboard.css", "list.js", "compare.js"):
        return (resources.files("neuroevo.dashboard") / "page" / name).read_text(encoding="utf-8")
    raise KeyError(name)


def run_address(name: str) -> str:
    """Where a run's page lies."""
    return f"/runs/{quote(name)}/"


def run_page(name: str, individual: int | None = None, *, acts: str = "") -> str:
    """The page of a run, or of one of its individuals: the report's page, which asks for what it shows.

    Args:
        acts: HTML, what can be done with it.
    """
    base = run_address(name)
    one = "" if individual is None else f' data-individual="{individual}"'
    up = '<a href="/">all runs</a>' + ("" if individual is None else f' <a href="{html.escape(base)}">{html.escape(name)}</a>')
    return document(
        name if individual is None else f"{name}: individual {individual}",
        {"state": "reading the run" if individual is None else ""},
        style=_styles(),
        script=_scripts("charts.js", "page.js", "live.js"),
        above=f'<nav aria-label="pages">{up}</nav><p id="said" class="said" role="status"></p>{acts}',
        place=f' data-base="{html.escape(base)}"{one}',
    )


def list_page(*, starts: str = "") -> str:
    """The list of runs.

    Args:
        starts: HTML, the form that starts a search.
    """
    return _page("list.html", "Runs", scripts=("list.js",), starts=starts)


def compare_page() -> str:
    """Runs next to each other; which, the address says."""
    return _page("compare.html", "Compare runs", scripts=("charts.js", "compare.js"))


def error_page(sentence: str, back: str = "/") -> str:
    """What went wrong, and a way back."""
    return _page("error.html", "This did not work", sentence=html.escape(sentence), back=html.escape(back))


def start_form(secret: str, strategies: Sequence[str], encodings: Sequence[str]) -> str:
    """The form that starts a search."""

    def options(names: Sequence[str], chosen: str) -> str:
        return "".join(f"<option{' selected' if name == chosen else ''}>{html.escape(name)}</option>" for name in names)

    text = (resources.files("neuroevo.dashboard") / "page" / "start.html").read_text(encoding="utf-8")
    return Template(text).substitute(
        secret=html.escape(secret),
        strategies=options(strategies, "nsga2"),
        encodings='<option value="" selected>as the data ask</option>' + options(encodings, ""),
        data="".join(f"<option>{html.escape(name)}</option>" for name in registry.names("data")),
    )


def acts_form(name: str, secret: str) -> str:
    """The buttons that pause a run and go on with it; the page's script shows the one that fits."""
    base = html.escape(run_address(name))
    hidden = f'<input type="hidden" name="secret" value="{html.escape(secret)}">'
    return (
        f'<form class="acts" data-when="going" method="post" action="{base}pause" hidden>{hidden}<button>Pause this search</button></form>'
        f'<form class="acts" data-when="resting" method="post" action="{base}resume" hidden>{hidden}'
        '<label>evaluations in all <input name="evaluations" inputmode="numeric" pattern="[0-9]*" placeholder="as before"></label>'
        "<button>Go on with this search</button></form>"
    )


def _page(file: str, title: str, scripts: Sequence[str] = (), **parts: str) -> str:
    text = (resources.files("neuroevo.dashboard") / "page" / file).read_text(encoding="utf-8")
    return Template(text).substitute(title=title, style=_styles(), script=_scripts(*scripts), **parts)


def _styles() -> str:
    return '<link rel="stylesheet" href="/static/page.css"><link rel="stylesheet" href="/static/dashboard.css">'


def _scripts(*names: str) -> str:
    return "".join(f'<script src="/static/{name}" defer></script>' for name in names)
