import numpy as np
import pytest

import neuroevo as ne
from genomes import CppnSpace, EvolvableSubstrate, Substrate
from genomes.cppn import ExpressedNetwork, Pattern
from genomes.testing import philox
from neuroevo.decode.substrates import node_groups, substrate_model
from neuroevo.simulators import Retina, VisualDiscrimination
from neuroevo.strategies import Neat, Nsga2

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5}
SIDE = [(-1, -1), (0.2, -1), (1, -1)]


def largest(space: CppnSpace, steps: int = 12) -> ExpressedNetwork:
    networks = []
    for seed in range(10):
        rng = philox(seed, 0)
        genome = space.random(rng)
        for clock in range(1, steps):
            genome = genome.mutate(rng, clock=clock)
        networks.append(genome.express())
    return max(networks, key=lambda network: network.connections)


# Evolution --------------------------------------------------------------------------------------------------------------------


def test_hyperneat_learns_visual_discrimination() -> None:
    substrate = Substrate.grid((11, 11), (11, 11), differences=True, output_activation="identity")
    task = VisualDiscrimination()
    run = ne.evolve(
        CppnSpace(substrate=substrate),
        task,
        strategy=Neat(population=60),
        budget=ne.Budget(generations=25),
        seed=0,
        progress=False,
    )
    first, last = run.summaries[0]["best"][0], run.best.values["distance"]
    assert last < 0.75 * first and last < task.guessing
    assert run.best.values["distance"] == pytest.approx(task.distances(run.best.network()(task.inputs)).mean())


def test_scoring_members_one_by_one_gives_the_same_search() -> None:
    substrate = Substrate.grid(4, 3)
    x = philox(1, 0).normal(size=(5, 4))

    @ne.population_fitness
    def together(population) -> np.ndarray:
        return -np.abs(population(x) - 0.5).mean(axis=(1, 2))

    def alone(network) -> float:
        assert isinstance(network, ExpressedNetwork)
        return -float(np.abs(network(x) - 0.5).mean())

    runs = [
        ne.evolve(CppnSpace(substrate=substrate), fitness, population=20, budget=ne.Budget(generations=4), seed=3, progress=False)
        for fitness in (together, alone)
    ]
    assert runs[0].best.genome == runs[1].best.genome
    assert runs[0].best.fitness == runs[1].best.fitness


def test_a_cppn_without_a_substrate_is_what_the_fitness_is_given() -> None:
    def fitness(network) -> float:
        assert isinstance(network, Pattern)
        return float(network.picture(8).mean())

    run = ne.evolve(CppnSpace(), fitness, population=10, budget=ne.Budget(generations=2), seed=1, progress=False)
    assert run.best.genome.picture(8).mean() == pytest.approx(run.best.values["fitness"])


def test_nsga2_evolves_networks_that_trade_connections_for_error() -> None:
    substrate = EvolvableSubstrate(SIDE, [(0, 1)], initial_depth=2, maximum_depth=3)
    x = philox(2, 0).normal(size=(20, 3))

    def fitness(network) -> dict[str, float]:
        return {"error": float(np.abs(network(x)[:, 0] - np.sign(x[:, 0])).mean()), "connections": network.connections}

    run = ne.evolve(
        CppnSpace(substrate=substrate, **GROWING), fitness, objectives={"error": ne.minimise, "connections": ne.minimise},
        strategy=Nsga2(population=16), budget=ne.Budget(generations=6), seed=1, progress=False,
    )  # fmt: skip
    assert run.failures == 0
    assert all(individual.values["connections"] == individual.network().connections for individual in run.front)


def test_a_run_is_recorded_and_resumed(tmp_path) -> None:
    space = CppnSpace(substrate=Substrate.grid(4, 3, bias=True))
    x = philox(3, 0).normal(size=(5, 4))

    def fitness(network) -> float:
        return -float(np.abs(network(x)).sum())

    def search(generations: int, folder) -> ne.Run:
        return ne.evolve(
            space, fitness, population=12, budget=ne.Budget(generations=generations), seed=5, run=folder, progress=False
        )

    search(2, tmp_path / "a")
    resumed, whole = search(4, tmp_path / "a"), search(4, tmp_path / "b")
    assert resumed.best.genome == whole.best.genome and resumed.best.id == whole.best.id
    assert ne.load_run(tmp_path / "a").best.genome == whole.best.genome


# Tasks ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [11, 33])
def test_the_large_boxs_centre_is_at_distance_0(resolution: int) -> None:
    task = VisualDiscrimination(resolution)
    fields = task.inputs.reshape(75, resolution, resolution)
    scale = (resolution // 11) ** 2
    assert set(fields.sum(axis=(1, 2))) == {10.0 * scale}
    # A box filter of the large box's size is a perfect answer: its highest output is the large box's centre.
    edge = 3 * resolution // 11
    padded = np.pad(fields, ((0, 0), (edge // 2, edge // 2), (edge // 2, edge // 2)))
    sums = np.lib.stride_tricks.sliding_window_view(padded, (edge, edge), axis=(1, 2)).sum(axis=(3, 4))
    assert task.distances(sums.reshape(75, -1)).max() < 1e-12
    assert task.distances(-sums.reshape(75, -1)).mean() > 0.2


def test_guessing_is_the_mean_over_all_pixels() -> None:
    task = VisualDiscrimination()
    outputs = np.eye(121)[:, None, :].repeat(75, axis=1)
    assert task.guessing == pytest.approx(task.distances(outputs).mean())
    with pytest.raises(ValueError, match="multiple of 11"):
        VisualDiscrimination(20)
    with pytest.raises(ValueError, match="one for each pixel"):
        task.distances(np.zeros((75, 5)))


def test_the_retina_has_eight_objects_a_side_and_mirrored() -> None:
    task = Retina()
    assert task.answers.sum(axis=0).tolist() == [128, 128]
    pixels = (task.inputs > 0).reshape(256, 2, 4)
    by_pattern = {p.tobytes(): tuple(a) for p, a in zip(pixels, task.answers.tolist(), strict=True)}
    for pattern, (left, right) in zip(pixels, task.answers.tolist(), strict=True):
        assert by_pattern[np.ascontiguousarray(pattern[:, ::-1]).tobytes()] == (right, left)
        side = pattern[:, :2]
        assert left == (side.sum() <= 1 or (side[:, 1].all() and not side[:, 0].all()))


def test_only_a_faultless_retina_is_solved() -> None:
    task = Retina()
    perfect = np.where(task.answers, 0.1, -0.1)
    assert task.fitness(perfect) == 1000.0
    wrong = perfect.copy()
    wrong[17, 1] *= -1
    assert task.fitness(wrong) < 1000.0
    confident = np.where(task.answers, 1.0, -1.0)
    confident[17, 1] *= -1
    assert task.fitness(wrong) < task.fitness(confident) < 1000.0
    assert task.fitness(np.stack([perfect, wrong])).shape == (2,)
    with pytest.raises(ValueError, match="256 patterns"):
        task.fitness(np.zeros((256, 3)))


# Keras ------------------------------------------------------------------------------------------------------------------------

MODELS = {
    "layers": Substrate.grid((2, 3), 4, 2, bias=True),
    "skips": Substrate.free(
        SIDE, [(0, 1)], [(0, 0), (0.5, 0.3)], bias=True, activation="sine", output_activation="steepened_sigmoid"
    ),
    "explored": EvolvableSubstrate(SIDE, [(0, 1), (1, 1)], initial_depth=2, maximum_depth=3, iterations=1, bias=True, band=0.1),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_model_computes_what_the_network_does_and_loads_in_plain_keras(name: str, tmp_path) -> None:
    import keras

    network = largest(CppnSpace(substrate=MODELS[name], **GROWING))
    assert network.connections > 0
    x = philox(4, 0).normal(size=(30, network.substrate.input_count)).astype("float32")
    model = substrate_model(network)
    np.testing.assert_allclose(model(x), network(x), atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(again(x), network(x), atol=1e-4)
    assert all(type(layer).__module__.startswith("keras.") for layer in again.layers)


def test_an_individuals_model_is_its_networks() -> None:
    def fitness(network) -> float:
        return float(network(np.ones((1, 4)))[0, 0])

    run = ne.evolve(
        CppnSpace(substrate=Substrate.grid(4, 2)), fitness, population=8, budget=ne.Budget(generations=2), progress=False
    )
    x = np.ones((1, 4), "float32")
    np.testing.assert_allclose(run.best.model()(x), run.best.network()(x), atol=1e-5)
    np.testing.assert_allclose(ne.decode.build(run.best.genome)(x), run.best.network()(x), atol=1e-5)


def test_a_recurrent_network_is_no_model() -> None:
    substrate = Substrate.free(SIDE, [(0, 1)], [(0, 0)], recurrent=True)
    with pytest.raises(ValueError, match="has a state"):
        substrate_model(largest(CppnSpace(substrate=substrate)))


def test_node_groups_go_from_inputs_to_outputs() -> None:
    wiring = largest(CppnSpace(substrate=MODELS["explored"], **GROWING)).wiring
    groups = node_groups(wiring)
    place = {int(node): number for number, group in enumerate(groups) for node in group}
    assert sorted(place) == list(range(len(wiring.layer)))
    assert all(place[a] < place[b] for a, b in zip(wiring.source.tolist(), wiring.target.tolist(), strict=True))
