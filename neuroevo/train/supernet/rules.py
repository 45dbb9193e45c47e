"""The rules of a shared network's epoch, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genomes.base import frozen_tuples, shown, unknown
from neuroevo.train.supernet.bayesnas import BayesNasRule
from neuroevo.train.supernet.darts import DartsRule, Still
from neuroevo.train.supernet.paths import Paths, PathScores
from neuroevo.train.supernet.perturbation import Perturbation
from neuroevo.train.supernet.rule import Rule
from neuroevo.train.supernet.xnas import XnasRule


def rules() -> dict[str, type[Rule]]:
    """Every rule by name."""
    return {rule.name: rule for rule in (Paths, PathScores, Still, DartsRule, Perturbation, XnasRule, BayesNasRule)}


def rule_from_json(data: Any) -> Rule:
    """The rule that `Rule.to_json` described.

    Raises:
        ValueError: an unknown rule, or settings that are not its own.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("rule"), str):
        raise ValueError(f"the rule of a shared network's epoch is a JSON object with its name under 'rule', got {shown(data)}")
    known = rules()
    if data["rule"] not in known:
        raise ValueError(unknown("rule", data["rule"], list(known)))
    try:
        return known[data["rule"]](**{name: frozen_tuples(value) for name, value in data.items() if name != "rule"})
    except TypeError as error:
        raise ValueError(f"the rule {data['rule']} cannot be made from {shown(dict(data))}: {error}") from error
