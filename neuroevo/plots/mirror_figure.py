"""Mirror: what an expert's network pulls a search towards, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from neuroevo.plots.palette import BLUE, GREY, INK, MUTED, ORANGE
from neuroevo.run.run import Run
from neuroevo.strategies.reinforcement.mirror import Mirror
from neuroevo.strategies.reinforcement.rewards import reward_from_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 18  # features that are drawn: those of the largest weights


@dataclass(frozen=True)
class MirrorData:
    """What the mirror's figure shows.

    Attributes:
        features: names of the features with the largest weights, falling.
        weights: float64 [features].
        ids: int64 [individuals].
        likeness: float64 [individuals], of each network to the expert: 1 for the expert, 0 for random networks on average.
    """

    features: tuple[str, ...]
    weights: npt.NDArray[np.float64]
    ids: npt.NDArray[np.int64]
    likeness: npt.NDArray[np.float64]


def mirror_data(run: Run) -> MirrorData:
    """The numbers behind `mirror`.

    Raises:
        ValueError: the run's reward has no mirror.
    """
    strategy: Any = run.settings.get("strategy", {})
    reward = strategy.get("reward") if isinstance(strategy, dict) else None
    if not isinstance(reward, dict) or reward.get("reward") != "Mirror":
        raise ValueError(
            "there is no mirror to draw: the reward of this run's strategy is not neuroevo.strategies.Mirror(expert)"
        )
    mirror = reward_from_settings(reward)
    assert isinstance(mirror, Mirror)
    likeness = mirror.likeness(Space.from_dict(run.settings["space"]), run.settings.get("seed", 0))
    most = sorted(sorted(likeness.weights.items()), key=lambda item: -abs(item[1]))[:MOST]
    most.sort(key=lambda item: -item[1])
    members = list(run)
    return MirrorData(
        tuple(_named(feature) for feature, _ in most),
        np.array([weight for _, weight in most]),
        np.array([member.id for member in members], np.int64),
        np.array([likeness.of(member.genome) for member in members]),
    )


def mirror(run: Run) -> Figure:
    """Draw what the mirror of an expert pulls towards: the weights of what networks are made of, and each network's likeness to the expert in
    the order of birth."""
    from matplotlib.figure import Figure

    data = mirror_data(run)
    figure = Figure(figsize=(9.6, 0.7 + 0.26 * max(10, len(data.features))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    places = np.arange(len(data.features))
    left.barh(places, data.weights, color=[BLUE if weight > 0 else ORANGE for weight in data.weights], height=0.7)
    left.set_yticks(places, [shorten(name, 46) for name in data.features], fontsize=7.5)
    left.invert_yaxis()
    left.axvline(0, color=INK, linewidth=0.8)
    left.set_xlabel("weight: to the right, what the expert has", fontsize=8.5)
    left.set_title("what the mirror pulls towards", fontsize=10)
    right.scatter(data.ids, data.likeness, s=10, color=GREY, linewidths=0)
    window = max(1, min(20, len(data.ids) // 4))
    if len(data.ids) > window:
        mean = np.convolve(data.likeness, np.ones(window) / window, "valid")
        right.plot(data.ids[window - 1 :], mean, color=BLUE, linewidth=1.8, label=f"mean of the last {window}")
        right.legend(frameon=False, fontsize=8, loc="lower right")
    right.axhline(1, color=ORANGE, linewidth=1, linestyle="--")
    right.text(data.ids[0] if len(data.ids) else 0, 1.02, "the expert", fontsize=8, color=ORANGE, va="bottom")
    right.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    right.set_ylim(min(-1.0, float(data.likeness.min(initial=0))) - 0.05, 1.15)
    right.set_xlabel("network, in the order of birth", fontsize=8.5)
    right.set_ylabel("likeness to the expert (random networks: 0)", fontsize=8.5)
    right.set_title("how like the expert the networks are", fontsize=10)
    for axes in (left, right):
        axes.tick_params(labelsize=7.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure


def _named(feature: tuple[str, ...]) -> str:
    """A feature in words; the kind of a decision that is made of places alone says nothing."""
    kind, *rest = feature
    kind = kind.replace(" #", "")
    return " ".join([*([kind] if any(letter.isalpha() for letter in kind) else []), *rest])
