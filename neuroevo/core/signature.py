"""What a part is made with, read from its signature and its docstring, and how a part is made of settings that were recorded or typed."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from genomes.base import Genome, frozen_tuples, shown, unknown

REQUIRED = inspect.Parameter.empty
GENOME = frozenset({"encoding", "version", "space", "genes"})  # the keys of a genome's JSON


@dataclass(frozen=True)
class Setting:
    """One setting of a part.

    Args:
        name: as the part's signature has it.
        default: `REQUIRED` where there is none.
        type: the annotation, evaluated where that is possible, else its text.
        says: one line of help.
        annotation: its text.
    """

    name: str
    default: Any
    type: Any
    says: str
    annotation: str = ""

    @property
    def allowed(self) -> str:
        """What it may be, in words; the annotation where a text can stand for some of it only."""
        if all(_typable(one) for one in _parts_of(self.type)):
            return _in_words(self.type)
        return self.annotation.replace(" | ", " or ")

    @property
    def default_text(self) -> str:
        """The default as it would be typed; "" where there is none."""
        if self.default is REQUIRED:
            return ""
        if isinstance(self.default, bool) or self.default is None:
            return str(self.default).lower()
        if isinstance(self.default, (tuple, list)):
            return ",".join(":".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in self.default)
        return shown(self.default, 40) if not isinstance(self.default, (str, int, float)) else str(self.default)

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            ValueError: it stands for none that is allowed here.
        """
        try:
            return _read(self.type, text.strip())
        except _Unreadable:
            raise ValueError(f"{self.name} must be {self.allowed}, got {shown(text)}") from None
        except _Untypable:
            raise ValueError(
                f"{self.name} ({self.allowed}) cannot be given as a text: set it in Python, where the part is made"
            ) from None


def settings_of(part: Any) -> tuple[Setting, ...]:
    """The settings of a class or function, in the order of its signature."""
    helps = _helps(part)
    return tuple(
        Setting(
            name,
            parameter.default,
            _evaluated(part, name, parameter.annotation),
            helps.get(name, ""),
            parameter.annotation if isinstance(parameter.annotation, str) else inspect.formatannotation(parameter.annotation),
        )
        for name, parameter in inspect.signature(part).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


def read_settings(part: Any, texts: Mapping[str, str], what: str) -> dict[str, Any]:
    """Arguments of a part from texts by name.

    Args:
        what: the part in words, for the message.

    Raises:
        ValueError: an unknown name (the nearest is suggested), or a text that stands for nothing allowed.
    """
    known = {setting.name: setting for setting in settings_of(part)}
    for name in texts:
        if name not in known:
            raise ValueError(unknown(f"setting of {what}", name, list(known)))
    return {name: known[name].read(text) for name, text in texts.items()}


def made(part: Any, recorded: Mapping[str, Any]) -> Any:
    """A part of the settings that JSON holds: lists become tuples, and genomes genomes.

    Raises:
        ValueError: they are not its settings.
    """
    known = {setting.name: setting for setting in settings_of(part)}
    for name in recorded:
        if name not in known:
            raise ValueError(
                f"the settings of {part.__name__} do not fit this release: {unknown('setting', name, list(known) or ['none'])}"
            )
    values = {name: value if _is_mapping(known[name].type) else _restored(value) for name, value in recorded.items()}
    try:
        return part(**values)
    except TypeError as error:
        raise ValueError(f"the settings of {part.__name__} do not fit this release: {error}") from None


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    if isinstance(value, Mapping) and value.keys() >= GENOME:
        return Genome.from_dict(value)
    return frozen_tuples(value)


# Docstrings -------------------------------------------------------------------------------------------------------------------


def _helps(part: Any) -> dict[str, str]:
    """One line of help by argument, from the `Args:` of the docstrings of a class and those that it inherits from."""
    sources = part.__mro__ if isinstance(part, type) else (part,)
    found: dict[str, str] = {}
    for source in reversed(sources):
        found.update(_arguments(inspect.cleandoc(source.__doc__ or "")))
    return found


def _arguments(text: str) -> dict[str, str]:
    _, _, after = text.partition("\nArgs:\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in after.splitlines():
        if line.strip() and not line.startswith("    "):
            break
        entry = re.fullmatch(r"    (\w+(?:, \w+)*): (.*)", line)
        if entry is not None:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2]))
        else:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return {name: help.partition(". ")[0].strip().rstrip(".") for name, help in found.items()}


# Types ------------------------------------------------------------------------------------------------------------------------


class _Unreadable(Exception):
    """The text is not of this type."""


class _Untypable(Exception):
    """No text is of this type."""


def _evaluated(part: Any, name: str, annotation: Any) -> Any:
    """An annotation as a type, in the module of the class that has it; its text where that is not possible."""
    if not isinstance(annotation, str):
        return Any if annotation is REQUIRED else annotation
    owners = [owner for owner in getattr(part, "__mro__", ()) if name in inspect.get_annotations(owner)]
    places = [*owners, getattr(part, "__init__", part) if isinstance(part, type) else part]
    for module in dict.fromkeys(getattr(place, "__module__", "") for place in places):
        try:
            return eval(annotation, dict(vars(sys.modules[module])))  # the source's own annotation
        except Exception:
            continue
    return annotation


def _parts_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _is_mapping(kind: Any) -> bool:
    if isinstance(kind, str):
        return "dict[" in kind or "Mapping[" in kind
    return any(
        isinstance(get_origin(one) or one, type) and issubclass(get_origin(one) or one, Mapping) for one in _parts_of(kind)
    )


def _item(kind: Any) -> Any:
    """What a sequence holds, or None where the type is none."""
    if get_origin(kind) in (tuple, list, Sequence):
        arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
        return arguments[0] if arguments and all(argument == arguments[0] for argument in arguments) else None
    return None


def _pair(kind: Any) -> tuple[Any, Any] | None:
    """The two types of a pair such as a name and a number, or None where the type is none."""
    arguments = get_args(kind) if get_origin(kind) is tuple else ()
    return (arguments[0], arguments[1]) if len(arguments) == 2 and set(arguments) <= set(_WORDS) and _item(kind) is None else None


def _typable(kind: Any) -> bool:
    return (
        get_origin(kind) is Literal
        or _pair(kind) is not None
        or (_item(kind) is not None and _typable(_item(kind)))
        or (_item(kind) is None and kind in _WORDS)
    )


def _in_words(kind: Any) -> str:
    words = []
    for one in _parts_of(kind):
        if get_origin(one) is Literal:
            words += [str(value) for value in get_args(one)]
        elif _item(one) is not None:
            words.append(f"{_in_words(_item(one))} (several: with commas between)")
        elif (pair := _pair(one)) is not None:
            words.append(f"{_WORDS[pair[0]]} and {_WORDS[pair[1]]}, with a colon between")
        else:
            words.append(_WORDS[one])
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


_WORDS: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "none"}


def _read(kind: Any, text: str) -> Any:
    untypable = True
    for one in sorted(_parts_of(kind), key=lambda one: one is str):  # a text is anything: it comes last
        try:
            return _read_one(one, text)
        except _Unreadable:
            untypable = False
        except _Untypable:
            continue
    raise _Untypable if untypable else _Unreadable


def _read_one(kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        for value in get_args(kind):
            if str(value) == text:
                return value
        raise _Unreadable
    if kind is str:
        return text
    if kind is bool or kind is type(None):
        values: dict[str, Any] = {"true": True, "false": False} if kind is bool else {"none": None}
        if text.lower() not in values:
            raise _Unreadable
        return values[text.lower()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise _Unreadable from None
    if _item(kind) is not None:
        return tuple(_read(_item(kind), item.strip()) for item in text.split(",") if item.strip())
    if (pair := _pair(kind)) is not None:
        first, colon, second = text.rpartition(":")
        if not colon:
            raise _Unreadable
        return (_read(pair[0], first.strip()), _read(pair[1], second.strip()))
    raise _Untypable
