"""neat-python's networks and configurations in our terms: its own networks are the oracle."""

from __future__ import annotations

import gzip
import json
import pickle
import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes.base import Genome
from neuroevo.interop import read_neat_python_config, read_neat_python_genome
from neuroevo.interop.neat_python_functions import ACTIVATIONS

neat = pytest.importorskip("neat")
export = pytest.importorskip("neat.export")

CONFIG = """
[NEAT]
fitness_criterion = max
fitness_threshold = 3.9
pop_size = 60
reset_on_extinction = True
no_fitness_termination = False
seed = 7

[{kind}Genome]
num_inputs = 3
num_outputs = 2
num_hidden = {hidden}
feed_forward = {feed_forward}
initial_connection = {initial}
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.5
conn_delete_prob = 0.1
node_add_prob = 0.4
node_delete_prob = 0.05
single_structural_mutation = False
structural_mutation_surer = default
bias_init_mean = {bias}
bias_init_stdev = 1.0
bias_init_type = gaussian
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
weight_init_mean = 0.0
weight_init_stdev = {spread}
weight_init_type = gaussian
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
enabled_default = True
enabled_mutate_rate = 0.02
enabled_rate_to_true_add = 0.0
enabled_rate_to_false_add = 0.0
{nodes}

[DefaultSpeciesSet]
compatibility_threshold = 3.0

[DefaultStagnation]
species_fitness_func = max
max_stagnation = 15
species_elitism = 1

[DefaultReproduction]
elitism = 1
survival_threshold = 0.25
min_species_size = 1
"""
NODES = """activation_default = random
activation_mutate_rate = 0.3
activation_options = {activations}
aggregation_default = sum
aggregation_mutate_rate = 0.2
aggregation_options = {aggregations}
response_init_mean = 1.0
response_init_stdev = {responses}
response_init_type = gaussian
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.1
response_mutate_rate = 0.2
response_replace_rate = 0.0
time_constant_init_mean = {constant}
time_constant_init_stdev = 0.2
time_constant_init_type = gaussian
time_constant_max_value = 10.0
time_constant_min_value = 0.2
time_constant_mutate_power = 0.1
time_constant_mutate_rate = 0.1
time_constant_replace_rate = 0.0"""
SPIKING = "\n".join(
    f"{name}_init_mean = {mean}\n{name}_init_stdev = {spread}\n{name}_init_type = gaussian\n{name}_max_value = {most}\n"
    f"{name}_min_value = {least}\n{name}_mutate_power = {spread}\n{name}_mutate_rate = 0.1\n{name}_replace_rate = 0.0"
    for name, mean, spread, least, most in (
        ("a", 0.02, 0.01, 0.01, 0.1), ("b", 0.2, 0.02, 0.1, 0.3), ("c", -65.0, 5.0, -70.0, -50.0), ("d", 8.0, 2.0, 0.05, 9.0)
    )
)  # fmt: skip


def write_config(
    path, feed_forward=True, hidden=2, initial="full_direct", activations=None, aggregations=None, responses=0.3, constant=1.0
):
    nodes = NODES.format(
        activations=" ".join(activations or ACTIVATIONS),
        aggregations=" ".join(aggregations or ["sum", "mean", "max", "min", "product", "maxabs", "median"]),
        responses=responses,
        constant=constant,
    )
    settings = {"hidden": hidden, "feed_forward": feed_forward, "initial": initial, "nodes": nodes, "bias": 0.0, "spread": 1.0}
    path.write_text(CONFIG.format(kind="Default", **settings))
    return path


def genomes_of_neat_python(config, count, mutations=6):
    """Random genomes of neat-python's, mutated a few times."""
    random.seed(3)
    config.genome_config.innovation_tracker = neat.innovation.InnovationTracker()
    for key in range(count):
        genome = config.genome_type(key)
        genome.configure_new(config.genome_config)
        for _ in range(mutations):
            genome.mutate(config.genome_config)
        yield genome


def parsed(path, genome_type=None):
    return neat.Config(
        genome_type or neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, str(path)
    )


def exported(network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return json.loads(export.export_network_json(network))


INPUTS = np.random.default_rng(0).normal(size=(8, 3)) * 1.5


def test_feed_forward_networks_answer_as_neat_pythons_do(tmp_path):
    config = parsed(write_config(tmp_path / "config.ini"))
    for genome in genomes_of_neat_python(config, 40):
        network = neat.nn.FeedForwardNetwork.create(genome, config)
        data = exported(network)
        (tmp_path / "network.json").write_text(json.dumps(data))
        ours = read_neat_python_genome(tmp_path / "network.json")
        expected = [network.activate(x) for x in INPUTS]
        assert np.allclose(ours.network()(INPUTS), expected, rtol=1e-9, atol=1e-12)
        assert Genome.from_dict(ours.to_dict()).genes() == ours.genes()


@pytest.mark.parametrize("hidden", [1, 3])
def test_a_product_of_nothing_is_1_as_in_neat_python(tmp_path, hidden):
    path = write_config(tmp_path / "config.ini", hidden=hidden, initial="partial_direct 0.4", aggregations=["sum", "product"])
    config = parsed(path)
    empty = 0
    for genome in genomes_of_neat_python(config, 25, mutations=3):
        network = neat.nn.FeedForwardNetwork.create(genome, config)
        data = exported(network)
        targets = {edge["to"] for edge in data["connections"] if edge.get("enabled", True)}
        empty += any(node["id"] not in targets for node in data["nodes"] if node["type"] != "input")
        expected = [network.activate(x) for x in INPUTS]
        assert np.allclose(read_neat_python_genome(data).network()(INPUTS), expected, rtol=1e-9, atol=1e-12)
    assert empty > 2


@pytest.mark.parametrize("enabled", [(True, False), (False, True), (False, False), (True, True)])
def test_a_disabled_gene_is_inherited_as_often_as_in_neat_python(tmp_path, enabled):
    path = write_config(tmp_path / "config.ini", hidden=0)
    config = parsed(path)
    random.seed(1)
    config.genome_config.innovation_tracker = neat.innovation.InnovationTracker()
    parents = [config.genome_type(key) for key in (1, 2)]
    for parent, on, fitness in zip(parents, enabled, (2.0, 1.0), strict=True):
        parent.configure_new(config.genome_config)
        parent.fitness = fitness
        for gene in parent.connections.values():
            gene.enabled = on
    theirs = []
    for key in range(150):
        child = config.genome_type(10 + key)
        child.configure_crossover(*parents, config.genome_config)
        theirs += [not gene.enabled for gene in child.connections.values()]
    space = read_neat_python_config(path).space
    genes = space.random(np.random.default_rng(0)).genes()
    first, second = (
        space.from_genes({**genes, "connections": [[*row[:4], on] for row in genes["connections"]]}) for on in enabled
    )
    ours = [
        not on
        for seed in range(150)
        for on in first.crossover([second], np.random.default_rng(seed), ranks=[0, 1]).connections.enabled
    ]
    assert len(ours) == len(theirs) == 900
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.05)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("name", ["winner.pkl", "winner-feedforward", "best.pickle"])
def test_a_pickle_is_not_opened_and_the_export_is_named(tmp_path, name, protocol):
    config = parsed(write_config(tmp_path / "config.ini"))
    (genome,) = genomes_of_neat_python(config, 1)
    (tmp_path / name).write_bytes(pickle.dumps(genome, protocol=protocol))
    with pytest.raises(ValueError, match=r"neat\.export\.export_network_json\(neat\.nn\.FeedForwardNetwork\.create"):
        read_neat_python_genome(tmp_path / name)


def test_a_checkpoint_and_a_genome_of_neat_pythons_name_the_export_too(tmp_path):
    config = parsed(write_config(tmp_path / "config.ini"))
    (genome,) = genomes_of_neat_python(config, 1)
    with gzip.open(tmp_path / "neat-checkpoint-4", "wb") as file:
        pickle.dump((4, config, {1: genome}), file)
    with pytest.raises(ValueError, match=r"is a pickle, or a compressed checkpoint.*export_network_json"):
        read_neat_python_genome(tmp_path / "neat-checkpoint-4")
    with pytest.raises(ValueError, match=r"got a DefaultGenome; in neat-python.*export_network_json"):
        read_neat_python_genome(genome)


def test_recurrent_networks_answer_as_neat_pythons_do(tmp_path):
    config = parsed(
        write_config(tmp_path / "config.ini", feed_forward=False, initial="unconnected", aggregations=["sum", "mean", "max"])
    )
    for genome in genomes_of_neat_python(config, 30, mutations=12):
        network = neat.nn.RecurrentNetwork.create(genome, config)
        ours = read_neat_python_genome(exported(network)).network()
        for x in INPUTS:
            expected = network.activate(x)
            if not np.all(np.abs(expected) < 1e6):
                break
            assert np.allclose(ours(x[None])[0], expected, rtol=1e-9, atol=1e-12)


def test_continuous_time_networks_answer_as_neat_pythons_do(tmp_path):
    path = write_config(
        tmp_path / "config.ini",
        feed_forward=False,
        activations=["sigmoid", "tanh", "gauss"],
        aggregations=["sum", "mean", "maxabs"],
    )
    config = parsed(path)
    for genome in genomes_of_neat_python(config, 20, mutations=10):
        network = neat.ctrnn.CTRNN.create(genome, config)
        ours = read_neat_python_genome(exported(network), time_step=0.0625, steps_a_call=4).network()
        for x in INPUTS:
            assert np.allclose(ours(x[None])[0], network.advance(x, 0.25, 0.0625), rtol=1e-9, atol=1e-12)


def test_spiking_networks_fire_when_neat_pythons_do(tmp_path):
    path = tmp_path / "config.ini"
    settings = {"hidden": 2, "feed_forward": False, "initial": "full_direct", "nodes": SPIKING, "bias": 8.0, "spread": 12.0}
    path.write_text(CONFIG.format(kind="IZ", **settings))
    config = parsed(path, neat.iznn.IZGenome)
    fired = 0
    for genome in genomes_of_neat_python(config, 10):
        network = neat.iznn.IZNN.create(genome, config)
        ours = read_neat_python_genome(exported(network), time_step=0.25).network()
        network.set_inputs([1.0, 0.5, 2.0])
        expected = np.array([network.advance(0.25) for _ in range(800)])
        found = np.array([ours([[1.0, 0.5, 2.0]])[0] for _ in range(800)])
        assert np.array_equal(found, expected)
        fired += int(expected.sum())
    assert fired > 50


def test_imported_genomes_share_markings_and_vary(tmp_path):
    config = parsed(write_config(tmp_path / "config.ini", activations=["sigmoid"], aggregations=["sum"], responses=0.0))
    first, second = (
        read_neat_python_genome(exported(neat.nn.FeedForwardNetwork.create(genome, config)))
        for genome in genomes_of_neat_python(config, 2, 1)
    )
    shared = set(first.connections.marking.tolist()) & set(second.connections.marking.tolist())
    assert len(shared) >= 3
    child = first.crossover([second], np.random.default_rng(0)).mutate(np.random.default_rng(1), clock=3)
    assert np.isfinite(child.network()(INPUTS)).all()


def test_a_configuration_becomes_a_space_and_a_strategy(tmp_path):
    with pytest.warns(UserWarning, match="without an exact twin"):
        config = read_neat_python_config(
            write_config(tmp_path / "config.ini", activations=["tanh", "relu"], aggregations=["sum", "maxabs"], hidden=0)
        )
    space, strategy = config.space, config.strategy
    assert (space.inputs, space.outputs, space.recurrent, space.initial, space.bias) == (3, 2, False, "full", "node")
    assert (space.add_node_rate, space.add_connection_rate) == (0.4, 0.5)
    assert (space.remove_node_rate, space.remove_connection_rate) == (0.05, 0.1)
    assert [name.split(" ")[0] for name in space.activations] == ["neat_tanh", "relu"]
    assert space.aggregations == ("sum", "max_absolute")
    assert space.weight_mutation_share == pytest.approx(0.9)
    assert (strategy.population, strategy.threshold, strategy.survival, strategy.stagnation) == (60, 3.0, 0.25, 15)
    assert (config.target, config.seed) == (3.9, 7)
    assert config.budget(5).target == 3.9


def test_an_imported_configuration_runs(tmp_path):
    with pytest.warns(UserWarning, match="twin"):
        config = read_neat_python_config(write_config(tmp_path / "config.ini"))
    run = ne.evolve(
        config.space,
        lambda network: -float(np.abs(network(INPUTS)[:, 0] - 0.5).mean()),
        strategy=config.strategy,
        budget=config.budget(3),
        seed=config.seed,
        progress=False,
    )
    assert run.generation == 3
    assert len(run.strategy.living) == 60


def test_every_option_is_translated_or_named_in_a_warning(tmp_path):
    path = write_config(tmp_path / "config.ini")
    text = path.read_text()
    for change, named in (
        (("species_elitism = 1", "species_elitism = 3"), "species_elitism = 3"),
        (("min_species_size = 1", "min_species_size = 2"), "min_species_size = 2"),
        (("elitism = 1\nsurvival", "elitism = 4\nsurvival"), "elitism = 4"),
        (("species_fitness_func = max", "species_fitness_func = mean"), "species_fitness_func = mean"),
        (("fitness_criterion = max", "fitness_criterion = mean"), "fitness_criterion = mean"),
        (("weight_init_mean = 0.0", "weight_init_mean = 1.5"), "weight_init_mean = 1.5"),
        (("enabled_default = True", "enabled_default = False"), "enabled_default = False"),
        (("single_structural_mutation = False", "single_structural_mutation = True"), "single_structural_mutation = True"),
        (("weight_max_value = 30", "weight_max_value = 20"), "weight_max_value = 20"),
        (("[NEAT]", "[NEAT]\nmy_option = 5"), "my_option = 5"),
    ):
        assert change[0] in text
        path.write_text(text.replace(*change))
        with pytest.warns(UserWarning, match="twin"):
            assert any(named in sentence for sentence in read_neat_python_config(path).warnings), named


def test_own_functions_are_given_as_formulas(tmp_path):
    path = write_config(tmp_path / "config.ini", activations=["sigmoid", "my_step"])
    with pytest.raises(ValueError, match="unknown activation of neat-python 'my_step'"):
        read_neat_python_config(path)
    with pytest.warns(UserWarning, match="twin"):
        config = read_neat_python_config(path, functions={"my_step": "1 if x > 0.25 else 0"})
    assert config.space.activations[1] == "neat_own_my_step = 1 if x > 0.25 else 0"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network_type": "lstm"}, "network_type must be one of"),
        ({"format_version": "9"}, "only format_version '1.0'"),
        ({"topology": {}}, "topology.input_keys must be a list"),
        ({"nodes": [{"id": "a"}]}, "'id' must be a whole number"),
        ({"nodes": [{"id": 0, "type": "output", "bias": float("nan")}]}, "'bias' must be a finite number"),
        ({"connections": [{"from": 99, "to": 77, "weight": 1.0, "enabled": True}]}, "leads to or from a node"),
    ],
)
def test_damaged_networks_are_refused(tmp_path, change, sentence):
    config = parsed(write_config(tmp_path / "config.ini", activations=["sigmoid"]))
    network = neat.nn.FeedForwardNetwork.create(next(genomes_of_neat_python(config, 1)), config)
    with pytest.raises(ValueError, match=sentence):
        read_neat_python_genome({**exported(network), **change})


def test_files_that_are_nothing_of_neat_pythons_are_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a configuration")
    with pytest.raises(ValueError, match="is no configuration file"):
        read_neat_python_config(file)
    file.write_text("[DefaultGenome]\nnum_inputs = 3")
    with pytest.raises(ValueError, match=r"no section \[NEAT\]"):
        read_neat_python_config(file)
    with pytest.raises(ValueError, match="is not JSON"):
        read_neat_python_genome(file)
    with pytest.raises(ValueError, match="export_network_json"):
        read_neat_python_genome({"nodes": []})


def test_the_page_for_those_who_come_from_neat_python_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "neat_python.md").read_text(encoding="utf-8")
    there, here, configuration, networks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    export_there, import_here = networks.split("# in neuroevo")
    text = write_config(tmp_path / "xor.ini", activations=["sigmoid"], aggregations=["sum"], hidden=0).read_text()
    (tmp_path / "xor.ini").write_text(
        text.replace("num_inputs = 3", "num_inputs = 2").replace("num_outputs = 2", "num_outputs = 1")
    )
    monkeypatch.chdir(tmp_path)
    theirs: dict = {}
    ours: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(there.replace("300", "3") + export_there, theirs)
        exec(here + configuration.replace("300", "3") + import_here.replace("50", "3"), ours)
    network = theirs["neat"].nn.FeedForwardNetwork.create(theirs["winner"], theirs["config"])
    assert np.allclose(ours["genome"].network()([[0, 1]])[0], network.activate([0, 1]))
