"""The shared network of detectors' backbones: a path is the network that is taken out of it, and a step moves nothing beside its path."""

from dataclasses import replace

import numpy as np
import pytest

from genomes import BackboneSpace
from neuroevo.decode import build, set_weights
from neuroevo.inherit import inherit
from neuroevo.train.supernet import Supernet, Weights, fair_genomes

BLOCKS = ("shuffle_3x3", "shuffle_5x5", "xception_3x3")
SPACE = BackboneSpace((16, 32, 1), 2, levels=(2, 3), width=4, stem=4, depths=(2,), channels=(6,), blocks=BLOCKS, head=1)


def samples(count: int = 24) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *SPACE.input_shape)).astype(np.float32)


def test_paths_and_genomes_are_each_other() -> None:
    graph, rng = SPACE.shared(), np.random.default_rng(0)
    assert [choice.name for choice in graph.choices] == ["block 0 of stage 0", "block 1 of stage 0"]
    for _ in range(30):
        genome = SPACE.random(rng)
        path = graph.path(genome)
        assert graph.genome(path) == genome
    assert graph.strongest([[0, 1, 0], [0, 0, 1]]).blocks == ("shuffle_5x5", "xception_3x3")
    assert len(fair_genomes(SPACE, rng, 3)) == 3
    with pytest.raises(NotImplementedError, match="where the pyramid is fixed"):
        replace(SPACE, cells=4).shared()


def test_a_network_that_is_taken_out_computes_what_its_path_computed() -> None:
    net, rng = Supernet(SPACE.shared()), np.random.default_rng(1)
    vector, x = net.fresh(rng).vector, samples()
    bias = next(slot for slot in net.layout.slots if slot.role == "bias")
    assert np.allclose(net.layout.arrays(vector)[bias.name], [-np.log(99)] * 2 + [0] * 5, atol=1e-5)
    vector = vector + 0.1 * rng.normal(size=vector.shape).astype(np.float32)  # gammas and betas too
    for blocks in (("shuffle_5x5", "xception_3x3"), ("shuffle_3x3", "shuffle_5x5")):
        genome = SPACE.from_genes({"blocks": list(blocks), "cells": []})
        path = net.graph.path(genome)
        statistics = net.path_statistics(vector, path, x)
        expected = net.path_outputs(vector, path, x, statistics)
        model = build(genome)
        set_weights(model, genome, inherit(genome, [net.graph.parent(genome, net.arrays(vector, statistics))], rng))
        np.testing.assert_allclose(np.asarray(model(x, training=False)), expected, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(net.path_outputs(vector, path, x), expected, atol=1e-3)


@pytest.mark.slow
def test_a_step_moves_nothing_beside_its_path_and_kernels_of_three_and_five_are_others() -> None:
    from neuroevo.train.supernet.network import SharedMethod

    net, rng = Supernet(SPACE.shared(), SharedMethod("mean_squared_error")), np.random.default_rng(0)
    x = samples()
    weights = Weights(net.fresh(rng).vector, np.ones(net.layout.size, np.float32))
    path = net.graph.path(SPACE.uniform("shuffle_3x3"))
    order = rng.integers(24, size=(2, 16)).astype(np.int32)
    targets = rng.normal(size=(24, *net.path_outputs(weights.vector, path, x[:2]).shape[1:])).astype(np.float32)
    after, loss = net.train_paths(weights, x, targets, order, np.full(2, 0.1, np.float32), np.array([path, path], np.int32))
    assert np.isfinite(loss)
    moved, before = net.arrays(after.vector), net.arrays(weights.vector)
    for slot in net.layout.slots:
        assert np.array_equal(moved[slot.name], before[slot.name]) == (slot.option > 0), slot.name
    beside = np.repeat([slot.option > 0 for slot in net.layout.slots], net.layout.sizes)
    assert (after.velocity[beside] == 1).all()  # neither does momentum
    kernels = {slot.shape for slot in net.layout.slots if slot.role == "depthwise" and slot.choice == 0}
    assert {shape[0] for shape in kernels} == {3, 5}


@pytest.mark.slow
def test_an_epoch_learns_to_detect_and_a_path_scores_as_the_network_that_is_taken_out() -> None:
    from neuroevo.core.individual import Individual
    from neuroevo.core.trial import Trial
    from neuroevo.data.boxes import boxes_in
    from neuroevo.data.scattered_digits import scattered_digits
    from neuroevo.estimation import SharedTraining
    from neuroevo.estimation.shared_training import SharedWork
    from neuroevo.tasks import Context, Detection

    parts = scattered_digits({"train": 24, "validation": 8, "test": 8}, side=32)
    images = np.concatenate([x for x, _ in parts.values()])
    boxes = [boxes_in(rows) for _, y in parts.values() for rows in y]
    task = Detection((images, boxes), ("loss", "ap"), seed=1)
    space = BackboneSpace((32, 32, 1), 10, levels=(2, 3), width=4, stem=4, depths=(2,), channels=(6,), blocks=BLOCKS[:2], head=1)
    estimation, context, artifacts, losses = SharedTraining(epochs=0), Context(seed=1), (), []
    options = {"space": space.to_dict(), "method": {}}
    for epoch in range(1, 7):
        each = {
            "rule": {"rule": "paths"},
            "epoch": epoch,
            "epochs": 6,
            "learning_rate": 0.05,
            "final_rate": 0.0,
            "batch_size": 4,
            "augment": {"flip": True, "shift": 0},
        }
        trained = estimation.measure(
            Trial(epoch, (), "train_shared", artifacts=artifacts, options={**options, **each}), task, context
        )
        artifacts = trained.artifacts
        losses.append(trained.report["loss"])
    assert losses[-1] < 0.9 * losses[0]
    genome = space.from_genes({"blocks": ["shuffle_5x5", "shuffle_3x3"], "cells": []})

    def one() -> Individual:
        return Individual(0, genome, (-1.0, 1.0), names=("loss", "ap"))

    trial = Trial(7, (one(),), artifacts=artifacts, options={**options, "shared": True})
    scored = estimation.measure(trial, task, context)
    model = SharedWork(trial, task, context, estimation._supernets)._model(genome)
    expected = task.part_scores(model, task.dataset.validation)
    assert scored.values[0] == pytest.approx([expected["loss"], expected["ap"]], rel=1e-3, abs=1e-4)
    heir = Trial(8, (one(),), artifacts=artifacts, options={**options, "inheritance": "shared"})
    final = estimation.measure(heir, task, context)
    assert final.values[0] == pytest.approx(scored.values[0], rel=1e-3, abs=1e-4)
