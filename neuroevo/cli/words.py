"""What the command line says in the words that are typed there: parts by their names for the shell, settings without Python's brackets."""

from __future__ import annotations

import ast
import re
from typing import Any

from neuroevo.core import registry

PARTS = ("strategy", "estimation", "predictor")  # of which messages name classes
OPTIONS = ("schedule", "inheritance", "evaluator", "encoding", "strategy")  # which Python writes as name='value'


def in_typed_words(text: str) -> str:
    """A message of the package as the command line says it: no class names, no printed dicts and lists.

    >>> in_typed_words("HillClimb has no asynchronous schedule; use Nsga2 or RandomSearch, or schedule='synchronous'")
    'hill_climb has no asynchronous schedule; use nsga2 or random_search, or --schedule synchronous'
    >>> in_typed_words("this NetworkGenome is no chain; got {'width': 3, 'kinds': ['conv', 'dense']} and ['a', 'b']")
    'this network genome is no chain; got width 3, kinds conv, dense and a, b'
    >>> in_typed_words("cannot be made from {'strategy': 'Nsga2', 'population': 'x', 'off...: it")
    'cannot be made from strategy nsga2, population x, off...: it'
    """
    text = _without_literals(re.sub(rf"\b({'|'.join(OPTIONS)})='(\w+)'", r"--\1 \2", text))
    text = re.sub(r"\b(the run's|now): None\b", r"\1: not set", text)
    # not a part of a path, a call that shows how to write Python, a module's attribute or something quoted
    text = re.sub(r"(?<![\w./'\"-])([A-Z][A-Za-z0-9]*?)(Genome|Space)\b(?![(/'\"])(?!\.\w)", _encoding, text)
    known = sorted({name for kind in PARTS for name in registry.names(kind)}, key=len, reverse=True)
    return re.sub(
        rf"(?<![\w./'\"-])({'|'.join(map(re.escape, known))})\b(?![(/'\"\w])(?!\.\w)",
        lambda found: registry.command_name(found[1]),
        text,
    )


def _encoding(found: re.Match[str]) -> str:
    name = registry.command_name(found[1])
    return f"{name} genome" if found[2] == "Genome" else name


def _without_literals(text: str) -> str:
    """The text with the dicts and lists that Python printed into it written as words; what is cut short stays as it is."""
    parts, at = [], 0
    for start in [place for place, character in enumerate(text) if character in "{["]:
        if start < at:
            continue
        for end in (place + 1 for place in range(start, len(text)) if text[place] in "}]"):
            try:
                value = ast.literal_eval(text[start:end])
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, (str, dict)) for one in value)):
                parts += [text[at:start], words_of(value)]
                at = end
            break
        else:
            cut = text.find("...", start)
            if text.startswith(("{'", "[{'"), start) and cut >= 0:  # a dict that was cut to a readable length
                parts += [text[at:start], re.sub(r"[{}\[\]']", "", text[start:cut]).replace(": ", " ")]
                at = cut
    return "".join([*parts, text[at:]])


def words_of(value: Any) -> str:
    """A setting as words: names and values with commas between.

    >>> words_of({"name": "parameters", "limit": 500, "log": True}), words_of([1, "a", None])
    ('name parameters, limit 500, log True', '1, a, nothing')
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {words_of(inner)}" for name, inner in value.items()) or "nothing"
    if isinstance(value, (list, tuple)):
        return ", ".join(words_of(inner) for inner in value) or "nothing"
    return "nothing" if value is None else str(value)
