"""Makes docs/measured.md, and the tables of README.md and docs/choose.md, from what scripts measured: no figure on them is typed.

    python experiments/xor.py --json xor.json && python docs/measured.py xor=xor.json     # take a measurement, and make the pages
    python docs/measured.py                                                               # make the pages

A script's JSON (`--json FILE`) is kept in docs/measured/NAME.json, without the single runs, with the day and the machine. docs/measured/rows.toml
says which figures of it stand where, and how they are written: `{ours[mean_generations]:.1f}`.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "measured"
TABLES = {"front": ROOT / "README.md", "choose": ROOT / "docs" / "choose.md"}  # which rows stand in a table of which page
HEADING = """# Measured

Every figure on this page comes out of the file that the command beside it wrote (`--json`); `docs/measured.py` puts them here. Times are
ratios of two things timed in one run on the same machine; where another program takes part, its version stands in the command's output.
What each method's paper published, and ours beside it: [Methods](methods.md).
"""
LEFT_OUT = ("runs", "searches", "curves")  # every single run: what the script itself prints and writes


def kept(report: Mapping[str, Any]) -> dict[str, Any]:
    """Of a script's report what pages show, with the day and the machine.

    Raises:
        ValueError: it has no figures.
    """
    if not isinstance(report.get("ours"), Mapping) or not report["ours"]:
        raise ValueError("a measurement is the JSON of a script in experiments/ or benchmarks/, with figures under 'ours'")
    shown = {key: value for key, value in report.items() if key not in LEFT_OUT}
    if isinstance(settings := shown.get("settings"), Mapping):  # where a file lay on that machine is nobody's concern
        shown["settings"] = {key: Path(value).name if isinstance(value, str) and value.startswith("/") else value for key, value in settings.items()}
    return shown | {"day": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}


def machine() -> str:
    """The processor and Python, in a few words."""
    cpu = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", cpu.read_text(), re.MULTILINE) if cpu.exists() else []
    return f"{len(names) or 'some'} cores of {names[0] if names else platform.processor() or platform.machine()}, Python {platform.python_version()}"


def measurements() -> dict[str, dict[str, Any]]:
    """What is kept, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def rows() -> list[dict[str, Any]]:
    """What rows.toml says of each row: file, what, ours, beside, command, group; `front` for those of README.md, `choose` for those of
    docs/choose.md."""
    found: list[dict[str, Any]] = tomllib.loads((FOLDER / "rows.toml").read_text())["row"]
    return found


def filled(template: str, measured: Mapping[str, Any]) -> str:
    """A text with the figures of a measurement in it.

    Raises:
        ValueError: it asks for a figure that the measurement does not have.
    """
    seeds = measured.get("seeds", ())
    count = (seeds.get("one_objective") or seeds.get("two_objectives")) if isinstance(seeds, Mapping) else seeds if isinstance(seeds, int) else len(seeds)
    figures = {name: measured.get(name, {}) for name in ("ours", "published", "settings")}
    try:
        return template.format(**figures, seeds=count, ranking=ranking(measured["ours"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{template!r} asks for {error}, which is not among {sorted(measured['ours'])}") from error


def ranking(ours: Mapping[str, float]) -> str:
    """Of an arena's contest: the strategies, the best mean rank first, with their ranks and what they reach, median."""
    found = [(rank, name.removeprefix("rank_").partition("_")) for name, rank in ours.items() if name.startswith("rank_")]
    medians = {name.removeprefix("median_"): value for name, value in ours.items() if name.startswith("median_")}
    said = []
    for rank, (contest, _, strategy) in sorted(found):
        reached = medians[f"{contest}_{strategy}"]
        said.append(f"{strategy.replace('_', ' ')} {rank:.2f} ({f'{reached:,.0f}' if reached >= 1000 else f'{reached:.4g}'})")
    return "; ".join(said)


def line(row: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    texts = (filled(row["what"], measured), filled(row["ours"], measured), filled(row.get("beside", ""), measured))
    return f"| {' | '.join(texts)} | `{row['command']}` |"


def table(chosen: list[dict[str, Any]], found: Mapping[str, Mapping[str, Any]]) -> str:
    heading = ["| what | ours | beside | command |", "| --- | --- | --- | --- |"]
    return "\n".join([*heading, *(line(row, found[row["file"]]) for row in chosen)]) + "\n"


def page() -> str:
    """docs/measured.md.

    Raises:
        ValueError: a row without a measurement, or a measurement without a row.
    """
    found, said = measurements(), rows()
    named = {row["file"] for row in said}
    if missing := sorted(named ^ set(found)):
        raise ValueError(f"rows.toml and docs/measured/*.json name different measurements: {missing} are in one of the two")
    parts = [HEADING]
    for group in dict.fromkeys(row["group"] for row in said):
        parts.append(f"## {group}\n\n{table([row for row in said if row['group'] == group], found)}")
    made = "\n".join(f"| `{name}` | {report['day']} | {report['machine']} |" for name, report in found.items())
    parts.append(f"## When and where\n\n| measurement | day | machine |\n| --- | --- | --- |\n{made}\n")
    return "\n".join(parts)


def with_table(mark: str) -> str:
    """A page of `TABLES` with its table of figures made anew.

    Raises:
        ValueError: the page has no place for it.
    """
    made = table([row for row in rows() if row.get(mark)], measurements())
    page = TABLES[mark]
    text, count = re.subn(r"(?<=<!-- docs/measured.py -->\n).*?(?=<!-- end -->)", lambda _: made, page.read_text(), flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{page.name} has no table between <!-- docs/measured.py --> and <!-- end -->")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("taken", nargs="*", metavar="NAME=FILE.json", help="what a script wrote, to be kept under this name")
    for given in parser.parse_args().taken:
        name, _, path = given.partition("=")
        (FOLDER / f"{name}.json").write_text(json.dumps(kept(json.loads(Path(path).read_text())), indent=1) + "\n")
    (FOLDER.parent / "measured.md").write_text(page())
    for mark, path in TABLES.items():
        path.write_text(with_table(mark))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"measured.py: {error}")
