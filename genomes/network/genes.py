"""Layer genes: a layer, its historical marking and its ordered inputs; and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genomes.base import shown, unknown
from genomes.layers import SETTINGS, Layer
from genomes.markings import marking

MAX_MARKING = (1 << 63) - 1
KINDS = SETTINGS.keys() - {"recurrent"}  # of the layers that are genes of their own

# What happened when a gene was born; part of its marking.
INPUT, LOGITS, STARTER, INSERTED, POOLED, ADDED, CONCATENATED, IMPORTED, EMBEDDED, NORMALISED, DETECT, GATED, DROPPED, ENDED = range(14)

INPUT_MARKING = marking(0, INPUT)
LOGITS_MARKING = marking(0, LOGITS)
DETECT_MARKING = marking(0, DETECT)


@dataclass(frozen=True, slots=True)
class Gene:
    """A layer gene.

    Args:
        marking: historical marking, an int64 >= 0.
        layer: kind and settings.
        inputs: markings of the genes it takes, in order; the first is the path that was there before a merge was inserted.
    """

    marking: int
    layer: Layer
    inputs: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        return self.layer.kind

    def to_json(self) -> dict[str, Any]:
        """The gene as JSON, with the settings that its kind has."""
        settings = {name: getattr(self.layer, name) for name in SETTINGS[self.layer.kind]}
        return {"marking": self.marking, "kind": self.layer.kind, "inputs": list(self.inputs), **settings}

    @classmethod
    def from_json(cls, data: Any) -> Gene:
        """The gene that `to_json` described.

        Raises:
            ValueError: a missing, unknown or ill-typed field.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a layer gene is a JSON object, got {shown(data)}")
        kind = data.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(unknown("layer kind", kind, sorted(KINDS)))
        expected = ("marking", "kind", "inputs", *SETTINGS[kind])
        for name in data:
            if name not in expected:
                raise ValueError(unknown(f"field of a {kind} gene", name, expected))
        for name in expected:
            if name not in data:
                raise ValueError(f"a {kind} gene needs {name!r}, got {shown(data)}")
        inputs = data["inputs"]
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"a gene's inputs are a list of markings, got {shown(inputs)}")
        settings: dict[str, Any] = {}
        for name in SETTINGS[kind]:
            value = data[name]
            if name == "projected":
                if not isinstance(value, bool):
                    raise ValueError(f"projected must be true or false, got {shown(value)}")
                settings[name] = value
            elif name == "rate":
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise ValueError(f"the rate of a dropout is a number above 0 and below 1, got {shown(value)}")
                settings[name] = float(value)
            else:
                settings[name] = _whole(name, value, 1 << 31)
        return cls(
            marking=_whole("marking", data["marking"], MAX_MARKING),
            layer=Layer(kind, **settings),
            inputs=tuple([_whole("a marking in inputs", source, MAX_MARKING) for source in inputs]),
        )


def _whole(name: str, value: Any, largest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise ValueError(f"{name} must be a whole number from 0 to {largest}, got {shown(value)}")
    return value
