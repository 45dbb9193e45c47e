"""What variation did, as bits in the kernels and as names everywhere else."""

from __future__ import annotations

RANDOM, ELITE, CROSSOVER, INTERSPECIES = 1 << 0, 1 << 1, 1 << 2, 1 << 3
ADD_NODE, ADD_CONNECTION, REMOVE_NODE, REMOVE_CONNECTION = 1 << 4, 1 << 5, 1 << 6, 1 << 7
TOGGLE, REENABLE, WEIGHTS, BIASES = 1 << 8, 1 << 9, 1 << 10, 1 << 11
RESPONSES, ACTIVATION, AGGREGATION, IMPORTED = 1 << 12, 1 << 13, 1 << 14, 1 << 15
MUTATE = 1 << 16  # by an operator of a user's, which gave itself no name

_NAMES = {
    RANDOM: "random",
    ELITE: "elite",
    CROSSOVER: "crossover",
    INTERSPECIES: "interspecies",
    ADD_NODE: "add_node",
    ADD_CONNECTION: "add_connection",
    REMOVE_NODE: "remove_node",
    REMOVE_CONNECTION: "remove_connection",
    TOGGLE: "toggle_connection",
    REENABLE: "reenable_connection",
    WEIGHTS: "mutate_weights",
    BIASES: "mutate_biases",
    RESPONSES: "mutate_responses",
    ACTIVATION: "mutate_activation",
    AGGREGATION: "mutate_aggregation",
    IMPORTED: "imported",
    MUTATE: "mutate",
}
_BITS = {name: bit for bit, name in _NAMES.items()}


def names(bits: int) -> tuple[str, ...]:
    """The operators' names, in the order they are applied; "copy" where nothing was changed."""
    return tuple(name for bit, name in _NAMES.items() if bits & bit) or ("copy",)


def bits(names: tuple[str, ...]) -> int:
    """The names as bits; names that are not NEAT's own are left out."""
    found = 0
    for name in names:
        found |= _BITS.get(name, 0)
    return found
