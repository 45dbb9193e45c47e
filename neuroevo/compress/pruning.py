"""Structured pruning: neurons, filters or whole layers go, the least valuable first, at once or in rounds, and what is left is repaired."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.compress.channels import Channels, channels_of
from neuroevo.compress.cutting import cut
from neuroevo.compress.payoff import WORTHS, MaskedPayoff
from neuroevo.compress.refit import refit_cut
from neuroevo.compress.retraining import retrained
from neuroevo.compress.shapley import ShapleyValues
from neuroevo.compress.values import METHODS, Sampling, Valued, shapley_values
from neuroevo.core.streams import COMPRESSION, stream
from neuroevo.tasks.supervised import Supervised

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
UNITS = ("neurons", "layers")
MEASURES = ("parameters", "neurons")


@dataclass(frozen=True)
class Pruning:
    """How a network is pruned.

    Args:
        method: what decides which go: "shapley", "leave_one_out", "magnitude", "activation", "taylor" or "random".
        unit: what goes as a whole: "neurons" (also filters, with all that is tied to them) or "layers".
        measure: what the share that is kept is of: "parameters" or "neurons".
        worth: for Shapley values and leave_one_out, what a network is worth: "accuracy" or "likelihood".
        rounds: in how many equal steps; each values what is left anew, and repairs it.
        refit: whether layers that lose inputs are fitted to what they computed before (see `refit_cut`).
        epochs: of training after each round; 0 for none, None for as many as a candidate that inherits its weights gets. Training that makes
            the validation score worse is undone.
        samples: training samples, at most, on which players are valued.
        sampling: of Shapley values.

    Raises:
        ValueError: an unknown name, or a number out of range.
    """

    method: str = "shapley"
    unit: str = "neurons"
    measure: str = "parameters"
    worth: str = "accuracy"
    rounds: int = 1
    refit: bool = True
    epochs: int | None = None
    samples: int = 512
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        for name, allowed in (("method", tuple(METHODS)), ("unit", UNITS), ("measure", MEASURES), ("worth", WORTHS)):
            if getattr(self, name) not in allowed:
                raise ValueError(unknown(name, getattr(self, name), allowed))
        if self.rounds < 1 or self.samples < 1:
            raise ValueError(f"rounds and samples must be >= 1, got {self.rounds} and {self.samples}")
        if self.epochs is not None and self.epochs < 0:
            raise ValueError(f"epochs must be >= 0, got {self.epochs}")

    @property
    def repairs(self) -> bool:
        return self.refit or self.epochs != 0


@dataclass(frozen=True, eq=False)
class Pruned:
    """A pruned network.

    Attributes:
        model: a `keras.Model`.
        channels: by the name of each layer with filters or units that is left, the places of its channels before: int64.
        neurons, neurons_before: how many can go and are left, and were there.
        parameters, parameters_before: trainable weights.
        operators: what was done.
        details: JSON: the settings, and what the repair brought.
    """

    model: Any
    channels: dict[str, Ints]
    neurons: int
    neurons_before: int
    parameters: int
    parameters_before: int
    operators: tuple[str, ...]
    details: dict[str, Any]


def checked_share(keep: float) -> float:
    """A share that is kept.

    Raises:
        ValueError: not between 0 and 1.
    """
    if isinstance(keep, bool) or not isinstance(keep, (int, float)) or not 0 < keep < 1:
        raise ValueError(f"the share that is kept lies between 0 and 1, such as 0.5, got {keep}")
    return float(keep)


class Pruner:
    """Prunes one network to any share; what its neurons are worth is asked for once.

    Args:
        model: functional or sequential; normalised inputs to logits or normalised values. It is left as it is.
        task: which data.
        settings: how.
        seed: decides everything that is drawn.
        id: keys the streams: the network's.

    Raises:
        ValueError: none of its channels can be cut out, or there are no validation samples to see what pruning does.
    """

    def __init__(self, model: Any, task: Supervised, settings: Pruning = Pruning(), *, seed: int = 0, id: int = 0) -> None:
        refuse_without_validation(task)
        self.task, self.settings, self.seed, self.id = task, settings, seed, id
        self.channels = channels_of(model)
        self.parameters = self.channels.parameters(np.ones(self.channels.players, bool))
        part = task.dataset.train
        drawn = np.sort(self._stream(0).permutation(len(part))[: settings.samples])
        self._first_calls = 0
        self._x, self._targets = part.x[drawn], task.dataset.targets(part)[drawn]

    @cached_property
    def values(self) -> npt.NDArray[np.float64]:
        """What each unit is worth: float64 [units]."""
        if self.settings.method == "shapley":
            found = self.shapley.values
        else:
            found = METHODS[self.settings.method](self._valued(self.channels, self._payoff, None, 1))
        self._first_calls = self._payoff.calls
        return found

    @cached_property
    def shapley(self) -> ShapleyValues:
        """Shapley values of the units, with intervals, whatever the method."""
        return shapley_values(self._valued(self.channels, self._payoff, None, 1))

    @cached_property
    def units(self) -> tuple[Ints, ...]:
        """The players that go together."""
        return _units(self.channels, self.settings.unit)

    @cached_property
    def _payoff(self) -> MaskedPayoff:
        return MaskedPayoff(self.channels, self._x, self._targets, self.task.loss, self.settings.worth)

    def pruned(self, keep: float, *, say: Callable[[str], None] | None = None) -> Pruned:
        """The network with this share kept.

        Args:
            keep: in (0, 1), of what `measure` counts.
            say: told of each round.

        Raises:
            ValueError: a share out of range, or one that cannot be reached; the sentence says why.
        """
        checked_share(keep)
        how, rounds = self.settings, self.settings.rounds
        channels, payoff = self.channels, self._payoff
        alive = np.ones(channels.players, bool)
        places = {made.layer.name: np.arange(len(made.players)) for made in channels.made}
        total = channels.players if how.measure == "neurons" else self.parameters
        model, repairs, calls = channels.model, list[dict[str, Any]](), 0
        for number in range(1, rounds + 1):
            target = total * (1 - (1 - keep) * number / rounds)
            if number == 1:
                units, values = self.units, self.values
                calls = self._first_calls
            else:
                units = _units(channels, how.unit)
                before, valued = payoff.calls, self._valued(channels, payoff, alive, number)
                open_values, values = METHODS[how.method](valued), np.full(len(units), np.inf)
                values[valued.open] = open_values
                calls += payoff.calls - before
            alive = _removed(channels, units, alive, values, target, how)
            if say is not None:
                say(f"round {number} of {rounds}: {int(alive.sum())} of {len(alive)} neurons stay")
            if how.repairs or number == rounds:
                found = cut(channels, alive)
                living = np.append(alive, True)
                places = {
                    made.layer.name: places[made.layer.name][living[made.players]]
                    for made in channels.made
                    if living[made.players].any()
                }
                if how.refit:
                    refit_cut(channels, alive, found, self._x, self._stream(number, 1))
                model = found.model
                if how.epochs != 0:
                    repairs.append(retrained(model, self.task, self._stream(number, 2), epochs=how.epochs))
                if number < rounds:
                    channels = channels_of(model)
                    payoff = MaskedPayoff(channels, self._x, self._targets, self.task.loss, how.worth)
                    alive = np.ones(channels.players, bool)
        after = channels_of(model) if channels_left(model) else None
        left = after.players if after is not None else 0
        operators = ("prune", *(["refit"] if how.refit else []), *(["train"] if any(one["kept"] for one in repairs) else []))
        details = {
            "method": how.method, "keep": keep, "of": how.measure, "unit": how.unit, "rounds": rounds,
            "neurons": [self.channels.players, left], "parameters": [self.parameters, _trainable(model)],
            **({"worth": how.worth if self.task.loss == "cross_entropy" else self.task.loss} if how.method in ("shapley", "leave_one_out") else {}),
            **({"calls": calls} if how.method in ("shapley", "leave_one_out") else {}),
            **({"agreement": _number(self.shapley.agreement)} if how.method == "shapley" else {}),
            **({"trained": repairs} if repairs else {}),
        }  # fmt: skip
        return Pruned(
            model, places, left, self.channels.players, _trainable(model), self.parameters, operators, details
        )

    def _valued(self, channels: Channels, payoff: MaskedPayoff, alive: Bools | None, number: int) -> Valued:
        alive = np.ones(channels.players, bool) if alive is None else alive
        units = _units(channels, self.settings.unit)
        return Valued(channels, payoff, units, alive, self._x, self._stream(number), self.settings.sampling)

    def _stream(self, number: int, kind: int = 0) -> np.random.Generator:
        return stream(self.seed, self.id, COMPRESSION, repeat=8 * number + kind)


def refuse_without_validation(task: Supervised) -> None:
    """Compression says what it costs on the validation part.

    Raises:
        ValueError: that part is empty.
    """
    if not len(task.dataset.validation):
        raise ValueError(
            f"{task.dataset.name} has no validation samples, on which it is seen what compression costs: give data with a validation part"
        )


def channels_left(model: Any) -> bool:
    """Whether any of a model's channels can still go."""
    try:
        channels_of(model)
    except ValueError:
        return False
    return True


def _units(channels: Channels, unit: str) -> tuple[Ints, ...]:
    if unit == "layers":
        return tuple(channels.layers())
    return tuple(np.array([player]) for player in range(channels.players))


def _removed(
    channels: Channels, units: tuple[Ints, ...], alive: Bools, values: npt.NDArray[np.float64], target: float, how: Pruning
) -> Bools:
    """Which players stay when units go, the lowest first, until the target is reached: bool [players]. Every layer keeps a neuron; where layers
    go as a whole, what reads them keeps another to read."""
    alive = alive.copy()
    size = _size(channels, alive, how)
    for number in np.argsort(values, kind="stable"):
        if size <= target + 1e-9:
            break
        unit = units[number]
        if not alive[unit].any():
            continue
        alive[unit] = False
        if not _whole(channels, alive, how.unit):
            alive[unit] = True
            continue
        size = _size(channels, alive, how)
    if size > target + 1e-9:
        held = "; ".join(f"{name}: {why}" for name, why in channels.stays.items())
        what = "layers none of which anything reads alone" if how.unit == "layers" else "one neuron of every layer"
        raise ValueError(
            f"the share cannot be reached: with {what} left there are {size:,.0f} {how.measure}, and {max(target, 0):,.0f} are asked for; keep more"
            + (f", or change the layers that cannot be cut ({held})" if held else "")
        )
    return alive


def _size(channels: Channels, alive: Bools, how: Pruning) -> float:
    return float(alive.sum()) if how.measure == "neurons" else float(channels.parameters(alive))


def _whole(channels: Channels, alive: Bools, unit: str) -> bool:
    """Whether the network still works without the players that are gone."""
    living = np.append(alive, True)
    if unit == "neurons":
        return all(living[made.players].any() for made in channels.made)
    gives = {id(made.layer): bool(living[made.players].any()) for made in channels.made}
    return all(living[axis.players].any() for axis in channels.axes if axis.reads and gives[id(axis.layer)])


def _trainable(model: Any) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
