"""Shapley values: what each player of a game is worth, on average over all orders in which the players may join (Shapley 1953).

A game is a payoff: of a coalition of players, one number. `exact_values` asks for every coalition; `sampled_values` walks through drawn orders
(Castro, Gomez & Tejada 2009), in antithetic pairs (Mitchell, Cooper, Frank & Holmes 2022, section 4.2), cut short where a coalition is worth
what all are (Ghorbani & Zou 2019, algorithm 1), with a confidence interval for each player, and ends when more orders would hardly change the
ranking. Here players are neurons, filters, layers, or the genes of a network (Stier, Gianini, Granitzer & Ziegler 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Payoff = Callable[[Bools], Floats]  # bool [coalitions, players] to float64 [coalitions]

MOST_ENUMERATED = 20  # players whose coalitions are all asked for: a million
REMEMBERED = 20  # players up to which no coalition is asked for twice
FEWEST = 8  # independent samples before an order can be called settled
AGREEING = 2  # times in a row that it must be found so


@dataclass(frozen=True)
class ShapleyValues:
    """What the players are worth.

    Attributes:
        values: float64 [players]; their sum is `total`.
        low, high: float64 [players], the ends of each value's confidence interval; the value itself where all coalitions were asked for.
        total: the payoff of all players minus that of none.
        calls: coalitions whose payoff was asked for.
        permutations: orders that were walked through; 0 where all coalitions were asked for.
        agreement: rank correlation that the values have with those of as many other orders, as far as two halves of the orders tell; 1 where
            all coalitions were asked for, NaN where there is too little to tell by.
        settled: whether sampling ended because of that.
    """

    values: Floats
    low: Floats
    high: Floats
    total: float
    calls: int
    permutations: int
    agreement: float
    settled: bool


class Remembered:
    """A payoff that is asked once for each coalition, where there are few players, and counts its calls.

    Args:
        payoff: bool [coalitions, players] to float64 [coalitions].
        players: how many.
        at_once: coalitions in one call, most.
    """

    def __init__(self, payoff: Payoff, players: int, at_once: int = 256) -> None:
        self.calls = 0
        self._payoff, self._at_once = payoff, at_once
        self._known = np.full(1 << players, np.nan) if players <= REMEMBERED else None
        self._codes = 1 << np.arange(players, dtype=np.int64) if players <= REMEMBERED else None

    def __call__(self, coalitions: Bools) -> Floats:
        if self._known is None or self._codes is None:
            return self._asked(coalitions)
        codes = coalitions @ self._codes
        fresh, first = np.unique(codes, return_index=True)
        unknown = np.isnan(self._known[fresh])
        if unknown.any():
            self._known[fresh[unknown]] = self._asked(coalitions[first[unknown]])
        found: Floats = self._known[codes]
        return found

    def _asked(self, coalitions: Bools) -> Floats:
        self.calls += len(coalitions)
        parts = [
            np.asarray(self._payoff(coalitions[at : at + self._at_once]), np.float64)
            for at in range(0, len(coalitions), self._at_once)
        ]
        found = np.concatenate(parts) if parts else np.zeros(0)
        if not np.isfinite(found).all():
            raise ValueError("the payoff of a coalition is not a finite number")
        return found


def exact_values(payoff: Payoff, players: int) -> ShapleyValues:
    """Shapley values from the payoff of every coalition: 2 ** players calls.

    Args:
        payoff: bool [coalitions, players] to float64 [coalitions].
        players: at most 20.

    Raises:
        ValueError: more players, or a payoff that is not finite.
    """
    _refuse_no_players(players)
    if players > MOST_ENUMERATED:
        raise ValueError(
            f"{players} players have 2 ** {players} coalitions, too many to ask for all: sample orders (sampled_values), or at most "
            f"{MOST_ENUMERATED} players"
        )
    codes = np.arange(1 << players)
    coalitions = (codes[:, None] >> np.arange(players)) & 1 == 1
    asked = Remembered(payoff, MOST_ENUMERATED + 1)  # each coalition comes once: nothing to remember
    worth = asked(coalitions)
    sizes = coalitions.sum(axis=1)
    weights = np.array([math.factorial(size) * math.factorial(max(players - size - 1, 0)) for size in range(players + 1)])
    weights = weights / math.factorial(players)
    values = np.zeros(players)
    for player in range(players):
        without = codes[~coalitions[:, player]]
        values[player] = np.sum(weights[sizes[without]] * (worth[without | (1 << player)] - worth[without]))
    return ShapleyValues(values, values, values, float(worth[-1] - worth[0]), asked.calls, 0, 1.0, False)


def values_of_orders(payoff: Payoff, orders: npt.NDArray[np.integer], truncation: float = 0.0) -> Floats:
    """What each player adds on average when the players join in these orders: of all orders, the Shapley values.

    Args:
        payoff: bool [coalitions, players] to float64 [coalitions].
        orders: [orders, players], each a permutation of the players.
        truncation: as of `sampled_values`.

    Returns:
        float64 [players].
    """
    asked = payoff if isinstance(payoff, Remembered) else Remembered(payoff, orders.shape[1])
    worth = asked(np.repeat([[False], [True]], orders.shape[1], axis=1))
    total, at_once = np.zeros(orders.shape[1]), 1 << 16
    for at in range(0, len(orders), at_once):
        total += _marginals(asked, orders[at : at + at_once], worth[0], worth[1], truncation).sum(axis=0)
    return total / len(orders)


def sampled_values(
    payoff: Payoff,
    players: int,
    rng: np.random.Generator,
    *,
    permutations: int = 400,
    calls: int | None = None,
    antithetic: bool = True,
    truncation: float = 0.0,
    settle: float | None = None,
    confidence: float = 0.9,
    batch: int = 32,
) -> ShapleyValues:
    """Shapley values estimated from drawn orders, without bias (but for `truncation`).

    Args:
        payoff: bool [coalitions, players] to float64 [coalitions]; asked for many coalitions at once.
        players: how many.
        rng: draws the orders.
        permutations: orders, at most.
        calls: coalitions whose payoff is asked for, at most; none for no limit.
        antithetic: every order is followed by its reverse, in which a player that came early comes late.
        truncation: as soon as a growing coalition is worth what all players are, to within this, the rest of its order is not asked for: it
            gets the difference in equal shares, so that the values still sum to the total. 0: never.
        settle: end as soon as two estimates of so many orders would rank the players with this rank correlation (Spearman's); None: never
            before the limits.
        confidence: of each player's interval, in (0, 1).
        batch: orders that are walked through side by side.

    Raises:
        ValueError: no players, numbers out of range, too few calls for a single pair of orders, or a payoff that is not finite.
    """
    unit = 2 if antithetic else 1
    _refuse_settings(players, permutations, unit, truncation, settle, confidence, batch)
    asked = Remembered(payoff, players)
    none, everyone = asked(np.repeat([[False], [True]], players, axis=1))
    if calls is not None and calls < asked.calls + unit * (players - 1):
        least = asked.calls + unit * (players - 1)
        raise ValueError(f"calls must be >= {least} (one {'pair of orders' if antithetic else 'order'} of {players} players), got {calls}")
    samples: list[Floats] = []  # of each unit [players]: independent of each other
    walked, agreeing, settled = 0, 0, False
    while walked < permutations and not settled:
        count = min(batch, permutations - walked)
        if calls is not None:
            count = min(count, (calls - asked.calls) // max(players - 1, 1))
        count -= count % unit
        if count < unit:
            break
        drawn = rng.permuted(np.tile(np.arange(players), (count // unit, 1)), axis=1)
        orders = np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(count, players) if antithetic else drawn
        found = _marginals(asked, orders, none, everyone, truncation)
        samples += list(found.reshape(-1, unit, players).mean(axis=1))
        walked += count
        if settle is not None:
            agreeing = agreeing + 1 if agreement_of(np.array(samples)) >= settle else 0
            settled = agreeing >= AGREEING
    each = np.array(samples)
    values = each.mean(axis=0)
    low, high = _interval(each, values, confidence)
    return ShapleyValues(
        values, low, high, float(everyone - none), asked.calls, walked, agreement_of(each), settled and walked < permutations
    )


def agreement_of(samples: Floats) -> float:
    """The rank correlation between the mean of these samples and that of as many others: that of their two halves (Spearman's), stepped up by
    Spearman & Brown's formula; NaN of fewer than eight samples.

    Args:
        samples: float64 [samples, players].
    """
    from scipy.stats import spearmanr

    if len(samples) < FEWEST or samples.shape[1] < 2:
        return float("nan")
    first, second = samples[::2].mean(axis=0), samples[1::2].mean(axis=0)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    half = float(spearmanr(first, second).statistic)
    return 2 * half / (1 + half) if half > 0 else half


def _marginals(asked: Payoff, orders: npt.NDArray[np.integer], none: float, everyone: float, truncation: float) -> Floats:
    """What each player adds in each order: float64 [orders, players]. All orders go one step at a time, side by side."""
    count, players = orders.shape
    rows = np.arange(count)
    coalitions, before = np.zeros((count, players), bool), np.full(count, none)
    added = np.zeros((count, players))
    walking = rows
    for step in range(players):
        joined = orders[walking, step]
        coalitions[walking, joined] = True
        last = step == players - 1
        worth = np.full(len(walking), everyone) if last else asked(coalitions[walking])
        added[walking, joined] = worth - before[walking]
        before[walking] = worth
        if truncation > 0 and not last:
            done = np.abs(everyone - worth) <= truncation
            for row in walking[done]:
                rest = orders[row, step + 1 :]
                added[row, rest] = (everyone - before[row]) / len(rest)
            walking = walking[~done]
        if not len(walking):
            break
    return added


def _interval(samples: Floats, values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Student's interval of the mean of independent samples; infinite of one alone."""
    from scipy.stats import t

    if len(samples) < 2:
        return np.full(len(values), -np.inf), np.full(len(values), np.inf)
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    half = float(t.ppf((1 + confidence) / 2, len(samples) - 1)) * error
    return values - half, values + half


def _refuse_no_players(players: int) -> None:
    if players < 1:
        raise ValueError(f"players must be >= 1, got {players}")


def _refuse_settings(
    players: int, permutations: int, unit: int, truncation: float, settle: float | None, confidence: float, batch: int
) -> None:
    _refuse_no_players(players)
    if permutations < unit or batch < unit:
        raise ValueError(f"permutations and batch must be >= {unit}, got {permutations} and {batch}")
    if not truncation >= 0:
        raise ValueError(f"truncation must be >= 0, got {truncation}")
    if settle is not None and not 0 < settle < 1:
        raise ValueError(f"settle must be in (0, 1), a rank correlation, got {settle}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
