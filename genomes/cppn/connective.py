"""ConnectiveSubstrate: what fixed and evolvable substrates share: which questions a CPPN is asked, and what its answers mean."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import Settings, shown, unknown
from genomes.cppn.coordinates import AXES
from genomes.neat.functions import ACTIVATIONS

if TYPE_CHECKING:
    from genomes.cppn.expressed import ExpressedPopulation
    from genomes.cppn.pattern import PatternPopulation

Floats = npt.NDArray[np.float64]

_KINDS: dict[str, type[ConnectiveSubstrate]] = {}


class ConnectiveSubstrate(metaclass=Settings):
    """Nodes at coordinates, whose connections a CPPN gives: asked at (x1, y1, x2, y2), it answers with the weight of the connection from
    the first place to the second.

    Attributes:
        dimension: of the coordinates, 1 to 3.
        threshold: an answer w is a connection if |w| is larger; the rest of the range, up to 1, is scaled to +-`weight_range`.
        weight_range: see `threshold`.
        leo: whether a CPPN has a link expression output (Verbancsics & Stanley 2011): a connection is there where it is above 0, and
            the threshold is not used.
        bias: whether a CPPN has an output for the nodes' biases, asked with the first place at the origin.
        differences, length: whether it is also told x2 - x1, y2 - y1, ..., and the distance of the two places.
        activation, output_activation: what hidden nodes and outputs compute: names of built-in activations.
        activations_per_step: how often a recurrent network is activated on each input.
        inputs, outputs: float64 [nodes, dimension], the places of inputs and outputs.
    """

    kind: ClassVar[str]
    dimension: int
    inputs: Floats
    outputs: Floats

    def __init_subclass__(cls, kind: str, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls.kind = kind
        _KINDS[kind] = cls

    def __init__(
        self, *, threshold: float, weight_range: float, leo: bool, bias: bool, differences: bool, length: bool, activation: str,
        output_activation: str, activations_per_step: int,
    ) -> None:  # fmt: skip
        for name, value in (("leo", leo), ("bias", bias), ("differences", differences), ("length", length)):
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false, got {shown(value)}")
        number("threshold", threshold, 0.0, 0.999)
        number("weight_range", weight_range, 1e-6, 1e6)
        whole("activations_per_step", activations_per_step, 1, 1000)
        for name, function in (("activation", activation), ("output_activation", output_activation or activation)):
            if function not in ACTIVATIONS:
                raise ValueError(unknown(name, function, ACTIVATIONS))
        self._set(
            threshold=float(threshold), weight_range=float(weight_range), leo=leo, bias=bias, differences=differences, length=length,
            activation=activation, output_activation=output_activation or activation, activations_per_step=activations_per_step,
        )  # fmt: skip

    threshold: float
    weight_range: float
    leo: bool
    bias: bool
    differences: bool
    length: bool
    activation: str
    output_activation: str
    activations_per_step: int

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a substrate is immutable: {name} cannot be assigned")

    @property
    def input_count(self) -> int:
        """Inputs of the expressed network."""
        return len(self.inputs)

    @property
    def output_count(self) -> int:
        """Outputs of the expressed network."""
        return len(self.outputs)

    @property
    @abstractmethod
    def recurrent(self) -> bool:
        """Whether expressed networks may have cycles, and so a state."""

    @property
    def cppn_inputs(self) -> tuple[str, ...]:
        """What a CPPN is told of a connection."""
        axes = AXES[: self.dimension]
        names = [f"{axis}{end}" for end in (1, 2) for axis in axes]
        names += [f"{axis}2-{axis}1" for axis in axes] if self.differences else []
        return (*names, *(["length"] if self.length else []))

    @property
    def cppn_outputs(self) -> tuple[str, ...]:
        """What a CPPN answers."""
        return ("weight", *(["leo"] if self.leo else []), *(["bias"] if self.bias else []))

    @abstractmethod
    def express(self, cppns: PatternPopulation) -> ExpressedPopulation:
        """The networks that these CPPNs describe on this substrate.

        Raises:
            ValueError: CPPNs with other inputs or outputs than this substrate needs, or networks larger than memory.
        """

    def refuse_other_cppns(self, inputs: int, outputs: int) -> None:
        """Raises:
        ValueError: CPPNs with so many inputs and outputs cannot describe networks on this substrate.
        """
        needed, answered = self.cppn_inputs, self.cppn_outputs
        if (inputs, outputs) != (len(needed), len(answered)):
            raise ValueError(
                f"this substrate needs CPPNs with {len(needed)} inputs ({', '.join(needed)}) and {len(answered)} outputs "
                f"({', '.join(answered)}), got {inputs} inputs and {outputs} outputs: make the space with CppnSpace(substrate=...)"
            )

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments that make this substrate again, as JSON, beside those of `common`."""

    def to_dict(self) -> dict[str, Any]:
        """JSON: the kind and every argument."""
        common = ("threshold", "weight_range", "leo", "bias", "differences", "length", "activation", "output_activation")
        return {
            "kind": self.kind,
            **self.settings(),
            **{name: getattr(self, name) for name in (*common, "activations_per_step")},
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ConnectiveSubstrate:
        """The substrate that `to_dict` described.

        Raises:
            ValueError: not a substrate, an unknown argument, or a value that the substrate refuses.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
            raise ValueError(f"a substrate is a JSON object with a 'kind', got {shown(data)}")
        if data["kind"] not in _KINDS:
            raise ValueError(unknown("kind of substrate", data["kind"], sorted(_KINDS)))
        try:
            return _KINDS[data["kind"]](**{str(key): value for key, value in data.items() if key != "kind"})
        except TypeError as error:
            raise ValueError(f"a substrate of kind {data['kind']!r} cannot be made from {shown(data)}: {error}") from error

    @cached_property
    def _digest(self) -> str:
        return hashlib.blake2b(json.dumps(self.to_dict(), sort_keys=True).encode(), digest_size=16).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ConnectiveSubstrate) and self._digest == other._digest)

    def __hash__(self) -> int:
        return hash(self._digest)


def number(name: str, value: Any, least: float, most: float) -> float:
    """A setting that is a number in a range.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value) or not least <= value <= most:
        raise ValueError(f"{name} must be a number between {least:g} and {most:g}, got {shown(value)}")
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A setting that is a whole number in a range.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, got {shown(value)}")
    return value
