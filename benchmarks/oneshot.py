"""How fast shared networks train, as ratios in one process on one thread.

A shared network of NAS-Bench-201's cells on digits: an epoch of one path a step beside one of all operations mixed, second-order DARTS beside first order, and
the hand-written graph beside the same graph of Keras layers (all operations added up, BatchNorms with gamma and beta and moving statistics). Each is
the shortest of several epochs, taken in turn; tracing is apart. About five minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Screen

from genomes import CellSpace
from neuroevo.core.backend import prepare
from neuroevo.data import load
from neuroevo.train.loop import sample_order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--steps", type=int, default=16, help="steps of an epoch")
    parser.add_argument("--repeats", type=int, default=7, help="epochs of each, in turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    prepare(1)

    from neuroevo.decode.layer_graph import layers_model
    from neuroevo.train.compiled import Method, compile_network
    from neuroevo.train.supernet import Supernet
    from neuroevo.train.supernet.darts import DartsRule, Still
    from neuroevo.train.supernet.paths import Paths

    data = load("digits", seed=options.seed)
    x, targets = data.train.x, data.targets(data.train)
    rng = np.random.default_rng(options.seed)
    space = CellSpace("nasbench201", 4, data.input_shape, data.outputs, channels=options.channels, repeats=1)
    net = Supernet(space.shared())
    parts = {"train": (x, targets), "architecture": (x, targets)}
    orders = {name: sample_order(len(x), options.steps, 64, rng) for name in parts}
    settings = {"epoch": 1, "epochs": 1, "learning_rate": 0.025, "final_rate": 0.001}

    def epochs_of(rule: Any) -> Callable[[], Any]:
        state = rule.fresh(net, np.random.default_rng(0))
        return lambda: rule.epoch(net, state, parts, orders, settings, np.random.default_rng(0))

    graph: Any = net.graph
    keras = compile_network(layers_model(graph), Method(batch_size=64, momentum=0.9, weight_decay=3e-4, clip=5.0))
    placed, placed_targets = keras.place(x), keras.place(targets)
    rates = np.full(options.steps, 0.01, np.float32)
    timed: dict[str, Callable[[], Any]] = {
        "one path": epochs_of(Paths()),
        "mixed": epochs_of(Still()),
        "DARTS, first order": epochs_of(DartsRule(order=1)),
        "DARTS, second order": epochs_of(DartsRule(order=2)),
        "mixed, Keras layers": lambda: keras.epoch(placed, placed_targets, orders["train"], rates),
    }
    first: dict[str, float] = {}
    best: dict[str, float] = {}
    for repeat in range(options.repeats + 1):
        for name, epoch in timed.items():
            start = time.perf_counter()
            epoch()
            spent = time.perf_counter() - start
            if repeat == 0:
                first[name] = spent
            else:
                best[name] = min(best.get(name, spent), spent)
    ours = {
        "ratio_path_mixed": best["one path"] / best["mixed"],
        "ratio_second_first_order": best["DARTS, second order"] / best["DARTS, first order"],
        "ratio_graph_keras": best["mixed"] / best["mixed, Keras layers"],
        "ratio_tracing_graph_keras": (first["mixed"] - best["mixed"]) / (first["mixed, Keras layers"] - best["mixed, Keras layers"]),
    }
    screen = Screen("epoch", "ms", "first call, s")
    for name in timed:
        screen.add_row(name, f"{1000 * best[name]:.0f}", f"{first[name]:.1f}")
    Console().print(screen)
    for name, value in ours.items():
        print(f"{name:28s} {value:.2f}")
    if options.json:
        report = {
            "method": "shared networks: speed", "paper": "Liu, Simonyan & Yang 2019; Guo et al. 2020",
            "settings": {k: v for k, v in vars(options).items() if k != "json"}, "seeds": [options.seed], "published": {}, "ours": ours,
            "runs": [{"epochs": best, "first": first}],
        }  # fmt: skip
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
