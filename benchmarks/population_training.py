"""Gradient training of 1,000 NEAT topologies: one PopulationModel next to one Keras model each.

Every genome is another topology (4 inputs, 2 outputs, grown by 12 mutations) and is trained by Adam on the same batches. The other way is
what a user would write without it: the genome as a plain Keras model of its own, `compile` and `fit` with all steps in one epoch, the
fastest that `fit` goes; timed on 20 genomes and scaled. "Steady" compares steps of networks that were traced before; "200 steps" compares
everything from the genomes on: building, tracing, 200 steps. For comparison, this package's own compiled epoch of one network (without
Keras's `fit`) is timed, too. Takes about three minutes on 2 cores.

`--memory SAMPLES` measures instead by how much a training of so many samples a step raises the peak of the process's memory, beside the weights with
their optimizer's slots and the values of all nodes for all samples (Linux).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from neuroevo.core.backend import prepare

STEPS = 200
RATE = 0.01
RATIOS = {"steady": "a_step", "200_steps": "200_steps"}


def topologies(count: int, seed: int):
    from genomes import NeatSpace

    space = NeatSpace(
        inputs=4, outputs=2, add_node_rate=0.4, add_connection_rate=0.6, weight_range=1.0, activations=("tanh",),
        output_activation="identity",
    )  # fmt: skip
    found = []
    for number in range(count):
        rng = np.random.Generator(np.random.Philox(key=[seed, number]))
        genome = space.random(rng)
        for clock in range(1, 13):
            genome = genome.mutate(rng, clock=clock)
        found.append(genome)
    return found


def data(samples: int, seed: int):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 4)).astype(np.float32)
    return x, np.stack([np.sin(2 * x[:, 0]) * x[:, 1], np.tanh(x[:, 2] - x[:, 3])], axis=1).astype(np.float32)


def clocks() -> np.ndarray:
    """Wall-clock seconds, and processor seconds of this process: the latter hardly depend on what else the machine does."""
    return np.array([time.perf_counter(), time.process_time()])


def together(genomes, x, y, repeats: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Seconds (`clocks`) from the genomes to 200 trained steps of all; median seconds of 200 steps more; bytes planned."""
    from neuroevo.train import PopulationModel
    from neuroevo.train.population_model import bytes_of

    start = clocks()
    model = PopulationModel(genomes)
    model.train(x, y, steps=STEPS, learning_rate=RATE)
    whole = clocks() - start
    took = []
    for _ in range(repeats):
        start = clocks()
        model.train(x, y, steps=STEPS, learning_rate=RATE)
        took.append(clocks() - start)
    return whole, np.median(took, axis=0), sum(bytes_of(part.arrangement, len(x), "float32") for part in model._parts)


def alone(genome, x, y) -> tuple[np.ndarray, np.ndarray]:
    """The same for one genome as a Keras model of its own, by `fit`."""
    import keras

    import neuroevo as ne

    many_x, many_y = np.tile(x, (STEPS, 1)), np.tile(y, (STEPS, 1))
    start = clocks()
    model = ne.decode(genome)
    model.compile(keras.optimizers.Adam(RATE), "mean_squared_error")
    model.fit(many_x, many_y, batch_size=len(x), shuffle=False, verbose=0)
    whole = clocks() - start
    start = clocks()
    model.fit(many_x, many_y, batch_size=len(x), shuffle=False, verbose=0)
    return whole, clocks() - start


def alone_compiled(genome, x, y) -> tuple[np.ndarray, np.ndarray]:
    """The same by this package's compiled epoch of one network."""
    import neuroevo as ne
    from neuroevo.train import Method, compile_network

    order, rates = np.tile(np.arange(len(x), dtype=np.int32), (STEPS, 1)), np.full(STEPS, RATE, np.float32)
    start = clocks()
    network = compile_network(ne.decode(genome), Method("mean_squared_error", len(x), "adam", 0.0))
    network.reset()
    placed = network.place(x), network.place(y)
    network.epoch(*placed, order, rates)
    whole = clocks() - start
    start = clocks()
    network.epoch(*placed, order, rates)
    return whole, clocks() - start


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def memory(genomes, samples: int, seed: int) -> dict[str, float]:
    """Bytes by which a training's steps raise the peak, and what it cannot do without."""
    from neuroevo.train import PopulationModel
    from neuroevo.train.population_model import bytes_of

    x, y = data(samples, seed)
    PopulationModel(genomes[:10]).train(x[:64], y[:64], steps=2, learning_rate=RATE)  # what the framework takes once
    model = PopulationModel(genomes)
    model.train(x[:64], y[:64], steps=2, learning_rate=RATE)
    before = peak()
    model.train(x, y, steps=2, learning_rate=RATE)
    raised = peak() - before
    needed = sum(4 * len(part.arrangement.nodes) * samples + 12 * (len(part.arrangement.genes) + len(part.arrangement.nodes)) for part in model._parts)
    planned = sum(bytes_of(part.arrangement, samples, "float32") for part in model._parts)
    return {"raised_megabytes": raised / 1e6, "needed_megabytes": needed / 1e6, "planned_megabytes": planned / 1e6, "raised_over_needed": raised / needed}


def device() -> str:
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = [
            tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
            for gpu in tf.config.list_physical_devices("GPU")
        ]
    else:
        import jax

        gpus = [found.device_kind for found in jax.devices() if found.platform == "gpu"]
    return gpus[0] if gpus else f"CPU ({platform.processor() or platform.machine()})"


def run_of(way: str, whole: np.ndarray, steady: np.ndarray) -> dict:
    """One way's seconds (`clocks`) for 200 steps with tracing, and for one step of 200 more."""
    return {
        "way": way,
        "seconds_200_steps": float(whole[0]),
        "processor_200_steps": float(whole[1]),
        "seconds_a_step": float(steady[0]) / STEPS,
        "processor_a_step": float(steady[1]) / STEPS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--genomes", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=64, help="of every step")
    parser.add_argument("--baseline", type=int, default=20, help="genomes that are trained one by one")
    parser.add_argument("--compiled", type=int, default=5, help="genomes for the comparison with this package's own epoch")
    parser.add_argument("--repeats", type=int, default=3, help="of the steady measurement of PopulationModel")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", type=int, metavar="SAMPLES", help="measure memory in place of time")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    prepare(options.threads)
    import keras

    genomes, (x, y) = topologies(options.genomes, options.seed), data(options.samples, options.seed)
    if options.memory:
        ours = memory(genomes, options.memory, options.seed)
        print(", ".join(f"{name} {value:,.1f}" for name, value in ours.items()))
        if options.json:
            settings = {"genomes": len(genomes), "samples": options.memory, "threads": options.threads}
            options.json.write_text(json.dumps({"method": "memory of training a population", "settings": settings, "seeds": [options.seed], "ours": ours}, indent=2))
        return
    edges = statistics.mean(int(genome.connections.enabled.sum()) for genome in genomes)
    settings = {
        "genomes": len(genomes), "samples": len(x), "connections_a_genome": edges, "steps": STEPS, "threads": options.threads,
        "backend": keras.backend.backend(), "device": device(),
    }  # fmt: skip
    print(", ".join(f"{name} {value}" for name, value in settings.items()))
    alone(topologies(1, options.seed + 1)[0], x, y)  # imports and first calls are nobody's cost
    whole, steady, planned = together(genomes, x, y, options.repeats)
    print(f"PopulationModel: {whole[0]:.1f} s, then {1e3 * steady[0] / STEPS:.1f} ms a step")
    one_by_one = []
    for number in range(options.baseline):
        one_by_one.append(alone(genomes[number], x, y))
        print(f"\r{number + 1} of {options.baseline} Keras models", end="", flush=True)
    compiled = [alone_compiled(genome, x, y) for genome in genomes[: options.compiled]]
    runs = [run_of("PopulationModel", whole, steady) | {"planned_bytes": planned}]
    for way, times in (("a Keras model each (fit)", one_by_one), ("a compiled epoch each", compiled)):
        if times:
            runs.append(run_of(way, *np.mean(times, axis=0) * len(genomes)) | {"timed": len(times)})
    print(f"\r{'':28s}{'200 steps with tracing':>24s}{'steady, a step':>18s}   (processor seconds in brackets)")
    for run in runs:
        print(
            f"{run['way']:28s}{run['seconds_200_steps']:13,.1f} s ({run['processor_200_steps']:,.1f})"
            f"{1e3 * run['seconds_a_step']:13,.1f} ms ({1e3 * run['processor_a_step']:,.1f})"
        )
    ours = {f"ratio_{name}": runs[1][f"seconds_{key}"] / runs[0][f"seconds_{key}"] for name, key in RATIOS.items()}
    ours |= {f"processor_ratio_{name}": runs[1][f"processor_{key}"] / runs[0][f"processor_{key}"] for name, key in RATIOS.items()}
    if compiled:
        ours["processor_ratio_steady_compiled_epoch"] = runs[2]["processor_a_step"] / runs[0]["processor_a_step"]
    print(", ".join(f"{name} {value:,.1f}" for name, value in ours.items()))
    if options.json:
        report = {"method": "training a population", "settings": settings, "seeds": [options.seed], "ours": ours, "runs": runs}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
