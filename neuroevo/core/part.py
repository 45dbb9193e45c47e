"""Part: what is named, and made again of the JSON of its settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from genomes.base import Settings, frozen_tuples, shown
from neuroevo.core.registry import part


class Part(metaclass=Settings):
    """A registered part whose settings are the fields of its dataclass. The class that sets `part_kind` is the base of its kind.

    Attributes:
        part_kind: of which kind it is in the registry ("predictor"); its settings have its name under this key.
    """

    part_kind: ClassVar[str]

    def settings(self) -> dict[str, Any]:
        """JSON: its name and settings."""
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        return {self.part_kind: type(self).__name__, **{f.name: getattr(self, f.name) for f in fields if f.init}}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The part, as new, that `settings` described; of the base of its kind, the class is found by its name.

        Raises:
            ValueError: nothing has this name, or the settings do not fit it.
        """
        kind = cls.part_kind
        if not isinstance(settings, Mapping) or not isinstance(settings.get(kind), str):
            raise ValueError(f"a {kind}'s settings are a JSON object with its name under {kind!r}, got {shown(settings)}")
        if "part_kind" in vars(cls):
            return part(kind, settings[kind]).from_settings(settings)  # type: ignore[no-any-return]
        try:
            return cls(**{name: frozen_tuples(value) for name, value in settings.items() if name != kind})
        except TypeError as error:
            raise ValueError(f"the settings of {kind} {settings[kind]!r} do not fit this release: {error}") from None
