"""NEAT with gradients: what training learns is written back, or used for the score alone; runs stay exact."""

import numpy as np
import pytest

import neuroevo as ne
from genomes import CppnSpace, NeatSpace
from neuroevo.estimation import GradientTraining
from neuroevo.strategies import Neat, Nsga2

INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])
SPACE = NeatSpace(inputs=2, outputs=1, add_node_rate=0.2)
# shared by the tests, so that each layout is traced once
TRAINING = GradientTraining((INPUTS, ANSWERS[:, None]), steps=10, learning_rate=0.1)


@ne.population_fitness
def fitness(population):
    return 4.0 - np.abs(population(INPUTS)[:, :, 0] - ANSWERS).sum(axis=1)


def fitness_of(genome) -> float:
    return float(4.0 - np.abs(genome.network()(INPUTS)[:, 0] - ANSWERS).sum())


def evolve(inheritance: str, task=fitness, *, generations: int = 3, estimation=TRAINING, space=SPACE, **options) -> ne.Run:
    strategy = options.pop("strategy", None) or Neat(population=20, inheritance=inheritance)
    budget = ne.Budget(generations=generations)
    return ne.evolve(space, task, strategy=strategy, estimation=estimation, budget=budget, seed=4, progress=False, **options)


def assert_same(a: ne.Run, b: ne.Run) -> None:
    assert a.history().equals(b.history())
    assert [individual.genome for individual in a] == [individual.genome for individual in b]
    mine, theirs = a.strategy.state(), b.strategy.state()
    assert mine.json == theirs.json and mine.arrays.keys() == theirs.arrays.keys()
    assert all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in mine.arrays)


@pytest.fixture(scope="module")
def runs() -> dict[str, ne.Run]:
    return {mode: evolve(mode) for mode in ("none", "lamarckian", "baldwinian")}


def test_training_raises_the_scores_of_the_first_generation(runs) -> None:
    first = {mode: run.history().query("generation == 0")["fitness"].to_numpy() for mode, run in runs.items()}
    assert (first["lamarckian"] >= first["none"] - 1e-6).mean() > 0.8
    assert first["lamarckian"].mean() > first["none"].mean() + 0.1
    assert np.array_equal(first["lamarckian"], first["baldwinian"])


def test_lamarckian_genomes_hold_what_was_scored_and_children_inherit_it(runs) -> None:
    run, unlearned = runs["lamarckian"], runs["none"]
    for individual in run:
        assert fitness_of(individual.genome) == pytest.approx(individual.fitness.values[0])
    first = [(run[id].genome, unlearned[id].genome) for id in range(20)]
    assert all((a.connections.marking == b.connections.marking).all() for a, b in first)
    assert any((a.connections.weight != b.connections.weight).any() for a, b in first)


def test_baldwinian_genomes_keep_the_weights_they_were_born_with(runs) -> None:
    run, unlearned = runs["baldwinian"], runs["none"]
    assert all(run[id].genome == unlearned[id].genome for id in range(20))
    for individual in run:  # the phenotype is the trained one, the genome is not
        assert float(4.0 - np.abs(individual.network()(INPUTS)[:, 0] - ANSWERS).sum()) == pytest.approx(
            individual.fitness.values[0]
        )
    assert any(abs(fitness_of(individual.genome) - individual.fitness.values[0]) > 0.1 for individual in run)
    for individual in run:
        if individual.operators in (("elite",), ("copy",)):
            assert individual.genome == run[individual.parents[0]].genome


def test_without_inheritance_nothing_is_trained(runs) -> None:
    assert_same(runs["none"], evolve("none", estimation=None))


@pytest.mark.parametrize("mode", ["lamarckian", "baldwinian"])
def test_a_winner_is_a_trained_keras_model(runs, mode: str) -> None:
    best = runs[mode].best
    outputs = np.asarray(best.model()(INPUTS.astype(np.float32)))
    assert 4.0 - np.abs(outputs[:, 0] - ANSWERS).sum() == pytest.approx(best.fitness.values[0], abs=1e-4)


@pytest.mark.parametrize("mode", ["lamarckian", "baldwinian"])
def test_a_resumed_run_is_the_one_that_was_never_stopped(runs, mode: str, tmp_path) -> None:
    evolve(mode, generations=1, run=tmp_path / "run", estimation=GradientTraining(TRAINING.data, steps=10, learning_rate=0.1))
    resumed = evolve(mode, run=tmp_path / "run")
    assert_same(resumed, runs[mode])
    loaded = ne.load_run(tmp_path / "run")
    assert [i.genome for i in loaded] == [i.genome for i in runs[mode]]
    assert np.array_equal(loaded.best.network()(INPUTS), runs[mode].best.network()(INPUTS))


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(runs) -> None:
    assert_same(evolve("lamarckian", workers=2), runs["lamarckian"])


def test_a_genome_whose_training_diverges_is_a_recorded_failure_and_the_others_go_on() -> None:
    space = NeatSpace(inputs=2, outputs=1, activations=("exp",), weight_range=8.0, bias_range=0.0)
    x = np.array([[6.0, 0.0], [0.0, 6.0], [1.0, 1.0]])  # exp of 48 squared is too large for a float32

    @ne.population_fitness
    def smallest(population):
        return -np.log1p(population(x)[:, :, 0].max(axis=1))

    run = evolve("lamarckian", smallest, space=space, estimation=GradientTraining((x, x[:, :1]), steps=2, learning_rate=1e-3))
    failed = [individual for individual in run if individual.status == "failed"]
    assert failed and len(failed) == run.failures < run.evaluations
    assert all("Diverged" in individual.reason and "lower learning rate" in individual.reason for individual in failed)
    assert all(np.isfinite(individual.genome.connections.weight).all() for individual in failed)
    assert not {individual.id for individual in failed} & {id for individual in run for id in individual.parents}


def test_a_task_with_data_is_trained_on_its_training_part() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)).astype(np.float32)
    task = ne.tasks.Classification((x, (x[:, 0] > x[:, 1]).astype(int)), objectives=("error", "loss", "parameters"))
    space = NeatSpace(inputs=2, outputs=2, activations=("tanh",), output_activation="identity", weight_range=1.0)
    run = evolve("lamarckian", task, space=space, generations=2, estimation=GradientTraining(steps=40, batch_size=20))
    assert run.best.values["error"] < 0.1 and run.best.values["parameters"] == run.best.genome.parameters
    part = task.dataset.validation
    logits = run.best.network()(part.x).astype(np.float32)
    assert task.scores(logits, part.y)["loss"] == pytest.approx(run.best.values["loss"], rel=1e-5)


def test_members_may_be_scored_one_by_one(runs) -> None:
    def alone(network) -> float:
        return float(4.0 - np.abs(network(INPUTS)[:, 0] - ANSWERS).sum())

    run = evolve("lamarckian", alone)
    assert [individual.genome for individual in run] == [individual.genome for individual in runs["lamarckian"]]


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="inheritance must be 'none', 'lamarckian' or 'baldwinian', got 'darwinian'"):
        Neat(inheritance="darwinian")
    with pytest.raises(ValueError, match="needs an estimation that trains"):
        evolve("lamarckian", estimation=None)
    with pytest.raises(ValueError, match="trains networks, but recurrent"):
        evolve("baldwinian", space=NeatSpace(inputs=2, outputs=1, recurrent=True))
    with pytest.raises(ValueError, match="trains networks, but genomes of the encoding 'cppn'"):
        evolve("baldwinian", space=CppnSpace())
    with pytest.raises(ne.SearchFailed, match="has no data to train on"):
        evolve("lamarckian", estimation=GradientTraining())
    with pytest.raises(ne.SearchFailed, match=r"x must be numbers of shape \[samples, 3\]"):
        evolve("lamarckian", space=NeatSpace(inputs=3, outputs=1))
    run = evolve("", strategy=Nsga2(population=4, inheritance="lamarckian"), task=_parted)
    reasons = {individual.reason for individual in run if individual.parents}
    assert len(reasons) == 1 and "only the strategy Neat writes trained weights back" in reasons.pop()
    for settings, sentence in (
        ({"steps": -1}, "steps must be"),
        ({"learning_rate": 0.0}, "learning_rate must be > 0"),
        ({"data": INPUTS}, r"data must be \(x, y\)"),
        ({"data": (INPUTS, ANSWERS)}, r"y \[samples, outputs\], got shapes"),
    ):
        with pytest.raises(ValueError, match=sentence):
            GradientTraining(**settings)


def _parted(network) -> float:
    return float(network(INPUTS).sum())
