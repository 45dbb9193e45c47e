"""What a controller's step costs, beside the same LSTM in eager Keras.

A step draws the six decisions of a NAS-Bench-201 cell, has a reward, and changes the parameters; nothing is trained. Keras draws from two
`LSTMCell`s of 35 units, dense layers and softmaxes of the same sizes under a gradient tape, with Adam, in this process on the same machine. The
target is 3 ms a step. Takes about half a minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from genomes import CellSpace
from neuroevo.core.trial import Evaluation, Measurement, Result
from neuroevo.strategies import QLearning, Reinforce, Search, Strategy
from neuroevo.testing.strategy import GenesTask

DECISIONS, OPTIONS = 6, 5
CONTROLLERS: dict[str, Callable[[], Strategy]] = {
    "logits, REINFORCE": lambda: Reinforce(),
    "LSTM 2 x 35, REINFORCE": lambda: Reinforce(policy="lstm"),
    "LSTM 100, PPO, 20 networks": lambda: Reinforce(policy="lstm", rule="ppo", hidden=100, layers=1, batch=20),
    "Q-learning, 100 replayed": lambda: QLearning(distinct=False),
}


def ours(make: Callable[[], Strategy], steps: int) -> float:
    """Milliseconds a network."""
    strategy, times = make(), []
    strategy.start(Search(CellSpace(), GenesTask(0.0), 1))
    rng = np.random.default_rng(1)
    for _ in range(steps):
        start = time.perf_counter()
        trials = strategy.ask()
        asked = time.perf_counter()
        results = []
        for trial in trials:
            values = (float(rng.random()), 1.0)
            trial.individuals[0].take(Evaluation(trial.individuals[0].id, trial.id, values))
            results.append(Result(trial, Measurement(np.array([values]))))
        told = time.perf_counter()
        strategy.tell(results)
        times.append((asked - start + time.perf_counter() - told) / len(trials))
    return 1e3 * statistics.median(times[len(times) // 4 :])


def keras_eager(steps: int, hidden: int = 35) -> float:
    """Milliseconds a network, by layers and a tape."""
    import keras
    import tensorflow as tf

    cells = [keras.layers.LSTMCell(hidden) for _ in range(2)]
    embedding = keras.layers.Embedding(DECISIONS * OPTIONS + 1, hidden)
    heads = [keras.layers.Dense(OPTIONS) for _ in range(DECISIONS)]
    optimizer = keras.optimizers.Adam(6e-4)
    rng, times = np.random.default_rng(1), []
    for _ in range(steps):
        start = time.perf_counter()
        with tf.GradientTape() as tape:
            states = [[tf.zeros((1, hidden)), tf.zeros((1, hidden))] for _ in cells]
            token, log = DECISIONS * OPTIONS, 0.0
            for place, head in enumerate(heads):
                x = embedding(tf.constant([token]))
                for layer, cell in enumerate(cells):
                    x, states[layer] = cell(x, states[layer])
                logs = tf.nn.log_softmax(head(x))[0]
                probabilities = np.exp(logs.numpy())
                chosen = int(rng.choice(OPTIONS, p=probabilities / probabilities.sum()))
                log, token = log + logs[chosen], place * OPTIONS + chosen
            loss = -log * float(rng.random())
        variables = [v for layer in (*cells, embedding, *heads) for v in layer.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[len(times) // 4 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--keras-steps", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {name: ours(make, options.steps) for name, make in CONTROLLERS.items()}
    found["LSTM 2 x 35, REINFORCE, eager Keras"] = keras_eager(options.keras_steps)
    for name, milliseconds in found.items():
        print(f"{name:38s} {milliseconds:8.2f} ms a network")
    ratio = found["LSTM 2 x 35, REINFORCE, eager Keras"] / found["LSTM 2 x 35, REINFORCE"]
    print(f"{'eager Keras next to ours':38s} {ratio:8.1f} times")
    if options.json:
        names = {name: name.lower().replace(", ", "_").replace(" x ", "x").replace(" ", "_") for name in found}
        milliseconds = {f"milliseconds_{names[name]}": value for name, value in found.items()}
        settings = {"steps": options.steps, "keras_steps": options.keras_steps}
        report = {"method": "a step of a controller", "settings": settings, "seeds": [], "ours": {"ratio_eager_keras": ratio, **milliseconds}}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
