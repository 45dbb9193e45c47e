"""WatchedRun: a run's folder that is read again when it has changed, and what a page that was here before still lacks of it."""

from __future__ import annotations

import html
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroevo.core.individual import Individual
from neuroevo.dashboard.drawings import Drawings
from neuroevo.dashboard.rest import Rest
from neuroevo.dashboard.versions import Versions
from neuroevo.dashboard.working import working_section
from neuroevo.plots.node_names import input_names
from neuroevo.report.html import MOST as WHOLE
from neuroevo.report.html import drawing, figures, sections
from neuroevo.report.page_data import curves_of, report_data, rows_of
from neuroevo.report.text import individual_table, state_words, test_scores
from neuroevo.run.run import Run, load_run
from neuroevo.store.connection import being_written

MOST = 4_000  # individuals that a page is told of, about, and the front
ANCESTORS = 200  # of an individual on its page
FILES = ("run.db", "run.db-wal", "config.json", "test.json", "baseline.json")
BY_KEY = ("said", "deviation", "curves")  # parts of the data whose entries change one by one


class WatchedRun:
    """A run as the dashboard shows it. Its methods may be called from several threads.

    Args:
        folder: the run's.
        base: the address below which the run's pages lie, ending in "/".
        most: how many individuals a page is told of, about.
    """

    def __init__(self, folder: Path, base: str, most: int = MOST) -> None:
        self.folder, self.base, self.most = folder, base, most
        self._lock = threading.RLock()
        self._token = secrets.token_hex(4)  # versions are of this object
        self._run: Run | None = None
        self._stamp: Any = None
        self._reading, self._drawing, self._working = Rest(), Rest(), Rest()
        self._work = ""
        self._names: list[str] = []
        self._parts: Versions[tuple[str, Any]] = Versions()
        self._sections: dict[str, str] = {}
        self._data: dict[tuple[str, Any], Any] = {}
        self._genomes = Drawings()
        self._figures: tuple[int, dict[str, str]] = (-1, {})
        self._figure_texts: dict[str, str] = {}

    def run(self) -> Run:
        """The run as it was last read, which is now where it has changed since and reading it is not too soon.

        Raises:
            StoreError, ValueError: it cannot be read.
        """
        with self._lock:
            stamp = [_stamp(self.folder / name) for name in FILES]
            if self._run is not None and (stamp == self._stamp or not self._reading.due):
                return self._run
            with self._reading.after():
                run = load_run(self.folder, lazy=True)
                data = report_data(run.thinned(self.most) if run.records.kept > WHOLE else run, self.most, self._names)
                self._sections = sections(run, data)
                self._data = _by_part(data)
            self._run, self._stamp = run, stamp
            return run

    def since(self, seen: str) -> dict[str, Any]:
        """JSON: what has changed since a version, as an earlier answer named it; all, where it is none of this object's.

        Raises:
            StoreError, ValueError: the run cannot be read.
        """
        with self._lock:
            run = self.run()
            state = state_words(run.ended, run.evaluations, self.folder)
            going = not run.ended and being_written(self.folder) is not False
            if going and self._working.due:
                with self._working.after():
                    self._work = working_section(self.folder)
            shown = {**self._sections, "now": self._work if going else ""}
            if not going and not run.ended:  # killed since it was read
                shown["state"] = shown["state"].replace(html.escape("going on"), html.escape(state))
            version = self._parts.update({**self._data, **{("sections", name): text for name, text in shown.items()}})
            token, _, number = seen.partition("-")
            whole = token != self._token or not number.isdigit()
            changed = self._parts.since(0 if whole else int(number))
        return {
            "version": f"{self._token}-{version}",
            "whole": whole,
            "going": going,
            "evaluated": run.evaluations,
            "said": "",
            "sections": {name: text for (part, name), text in changed.items() if part == "sections"},
            "data": _together(changed),
        }

    def individual(self, id: int) -> dict[str, Any]:
        """JSON: an individual and its ancestors, as a page takes them in; what it can be downloaded as; and all that is recorded, as text.

        Raises:
            KeyError: there is none.
        """
        with self._lock:
            run = self.run()
            one = run[id]
            family = _family(run, one)
            data = {
                **rows_of(run, family, self._names),
                "operators": list(self._names),
                "objectives": [{"name": o.name, "direction": o.direction, "log": o.log} for o in run.objectives.values()],
                "curves": curves_of(family),
                "test": {str(id): scores for id, scores in test_scores(run).items()},
                "inherited": sorted(
                    {
                        *(each.id for each in family if (each.info or {}).get("inherited")),
                        *self._data.get(("inherited", None), ()),
                    }
                ),
            }
            return {"data": data, "downloads": list(downloads_of(one)), "recorded": individual_table(run, id)}

    def genome(self, id: int) -> str:
        """The drawing of an individual's genome, an SVG.

        Raises:
            KeyError: there is no such individual.
        """
        run = self.run()
        individual = run[id]
        return self._genomes.drawn(id, lambda: drawing(individual, input_names(run)))

    def figures(self) -> dict[str, str]:
        """The sections of the page that are figures, as HTML by name; their pictures are asked for by `figure`."""
        run = self.run()
        with self._lock:
            drawn = self._figures[0]
            if drawn == run.evaluations or (drawn >= 0 and not self._drawing.due):
                return self._figures[1]
        texts: dict[str, str] = {}

        def show(name: str, figure: Any) -> str:
            from neuroevo.report.html import svg

            texts[name] = svg(figure, name)
            return f'<img class="figure" alt="{name}" src="{html.escape(self.base)}figures/{name}.svg?at={run.evaluations}">'

        with self._genomes.alone, self._drawing.after():
            found = figures(run, show)
        with self._lock:
            self._figures, self._figure_texts = (run.evaluations, found), texts
        return found

    def figure(self, name: str) -> str:
        """One of the figures that `figures` last named, an SVG.

        Raises:
            KeyError: there is none of this name.
        """
        with self._lock:
            return self._figure_texts[name]


def downloads_of(individual: Individual) -> tuple[str, ...]:
    """The suffixes of files that an individual may be downloaded as: a network needs weights."""
    weights = individual.genome.evolves_weights or individual.artifact is not None
    return (".json", ".keras", ".onnx") if weights else (".json",)


def _family(run: Run, individual: Individual) -> list[Individual]:
    """An individual and its nearest ancestors that are kept."""
    found: dict[int, Individual] = {}
    level = [individual.id]
    while level and len(found) <= ANCESTORS:
        following: list[int] = []
        for id in level:
            if id not in found and len(found) <= ANCESTORS:
                try:
                    found[id] = run[id]
                except KeyError:  # its record was not kept
                    continue
                following += found[id].parents
        level = following
    return [found[id] for id in sorted(found)]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _by_part(data: Mapping[str, Any]) -> dict[tuple[str, Any], Any]:
    """What `report_data` gives, by its smallest parts: rows, entries of what changes one by one, and the rest as it is."""
    columns = data["individuals"]
    rows = zip(*columns.values(), strict=True)
    parts: dict[tuple[str, Any], Any] = {
        ("row", row[0]): (row, data["said"].get(str(row[0])), data["deviation"].get(str(row[0]))) for row in rows
    }
    parts |= {("curves", id): curve for id, curve in data["curves"].items()}
    return parts | {(name, None): value for name, value in data.items() if name not in ("individuals", *BY_KEY)}


def _together(parts: Mapping[tuple[str, Any], Any]) -> dict[str, Any]:
    """The inverse, of some of the parts."""
    rows: list[tuple[Sequence[Any], Any, Any]] = [value for (part, _), value in parts.items() if part == "row"]
    data = {part: value for (part, key), value in parts.items() if key is None}
    if rows:
        columns = zip(*(row for row, _, _ in rows), strict=True)
        named = ("id", "generation", "status", "values", "parents", "operators")
        data["individuals"] = dict(zip(named, map(list, columns), strict=True))
        data["said"] = {str(row[0]): said for row, said, _ in rows if said is not None}
        data["deviation"] = {str(row[0]): spread for row, _, spread in rows if spread is not None}
    if curves := {key: value for (part, key), value in parts.items() if part == "curves"}:
        data["curves"] = curves
    return data
