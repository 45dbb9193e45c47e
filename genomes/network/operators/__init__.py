"""Network operators: each a pure function from an architecture and a site to an architecture.

`EXACT` operators have weights with which the child computes what the parent computed (`neuroevo.inherit` makes them);
`APPROXIMATE` ones need not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genomes.network.architecture import Architecture
from genomes.network.operators.embed import embed_features, embed_features_sites, remove_embedding, remove_embedding_sites
from genomes.network.operators.features import (
    insert_dropout,
    insert_dropout_sites,
    insert_gate,
    insert_gate_sites,
    insert_norm,
    insert_norm_sites,
    remove_dropout,
    remove_dropout_sites,
    remove_gate,
    remove_gate_sites,
    remove_norm,
    remove_norm_sites,
)
from genomes.network.operators.insert_layer import (
    insert_first_layer,
    insert_first_layer_sites,
    insert_layer,
    insert_layer_sites,
)
from genomes.network.operators.kernel_size import grow_kernel, grow_kernel_sites, shrink_kernel, shrink_kernel_sites
from genomes.network.operators.pooling import (
    change_pooling,
    change_pooling_sites,
    insert_pooling,
    insert_pooling_sites,
    move_pooling,
    move_pooling_sites,
    remove_pooling,
    remove_pooling_sites,
)
from genomes.network.operators.prune import prune, prune_sites
from genomes.network.operators.remove_layer import remove_layer, remove_layer_sites
from genomes.network.operators.separable import separate, separate_sites, unite, unite_sites
from genomes.network.operators.skips import (
    add_skip,
    add_skip_sites,
    concatenate_skip,
    concatenate_skip_sites,
    remove_skip,
    remove_skip_sites,
)
from genomes.network.operators.widen import widen, widen_sites

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


@dataclass(frozen=True)
class Operator:
    """A network operator.

    Attributes:
        apply: `apply(architecture, *site, clock=clock)` gives the new architecture; ValueError where it would not be legal.
        sites: `sites(architecture, space)` lists where it may be tried.
        exact: whether the function can be preserved.
        rate: how often it is drawn among the operators that are legal, relative to the others, where the space names no rate; 0: only where it
            does.
    """

    apply: Callable[..., Architecture]
    sites: Callable[[Architecture, NetworkSpace], Sequence[tuple[Any, ...]]]
    exact: bool
    rate: float


OPERATORS: dict[str, Operator] = {
    "insert_layer": Operator(insert_layer, insert_layer_sites, exact=True, rate=2.0),
    "widen": Operator(widen, widen_sites, exact=True, rate=2.0),
    "add_skip": Operator(add_skip, add_skip_sites, exact=True, rate=1.0),
    "concatenate_skip": Operator(concatenate_skip, concatenate_skip_sites, exact=True, rate=1.0),
    "grow_kernel": Operator(grow_kernel, grow_kernel_sites, exact=True, rate=0.5),
    "unite": Operator(unite, unite_sites, exact=True, rate=0.5),
    "insert_first_layer": Operator(insert_first_layer, insert_first_layer_sites, exact=False, rate=1.0),
    "remove_layer": Operator(remove_layer, remove_layer_sites, exact=False, rate=1.0),
    "prune": Operator(prune, prune_sites, exact=False, rate=2.0),
    "remove_skip": Operator(remove_skip, remove_skip_sites, exact=False, rate=0.5),
    "shrink_kernel": Operator(shrink_kernel, shrink_kernel_sites, exact=False, rate=0.5),
    "separate": Operator(separate, separate_sites, exact=False, rate=1.0),
    "insert_pooling": Operator(insert_pooling, insert_pooling_sites, exact=False, rate=0.5),
    "move_pooling": Operator(move_pooling, move_pooling_sites, exact=False, rate=0.5),
    "remove_pooling": Operator(remove_pooling, remove_pooling_sites, exact=False, rate=0.5),
    "change_pooling": Operator(change_pooling, change_pooling_sites, exact=False, rate=0.0),
    "embed_features": Operator(embed_features, embed_features_sites, exact=True, rate=1.0),
    "remove_embedding": Operator(remove_embedding, remove_embedding_sites, exact=False, rate=0.5),
    "insert_norm": Operator(insert_norm, insert_norm_sites, exact=True, rate=1.0),
    "remove_norm": Operator(remove_norm, remove_norm_sites, exact=False, rate=0.5),
    "insert_gate": Operator(insert_gate, insert_gate_sites, exact=True, rate=0.5),
    "remove_gate": Operator(remove_gate, remove_gate_sites, exact=False, rate=0.5),
    "insert_dropout": Operator(insert_dropout, insert_dropout_sites, exact=True, rate=1.0),
    "remove_dropout": Operator(remove_dropout, remove_dropout_sites, exact=True, rate=0.5),
}
EXACT = frozenset(name for name, operator in OPERATORS.items() if operator.exact)
APPROXIMATE = frozenset(OPERATORS) - EXACT
TRAINED_FURTHER = "train_further"  # what a strategy calls a network that is born again unchanged, with its weights
PRESERVING = EXACT | {TRAINED_FURTHER}  # behind which a child computes what its parent did
