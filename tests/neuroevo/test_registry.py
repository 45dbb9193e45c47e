"""One table of parts: what is listed is offered everywhere, says what it is, and a part of one's own joins it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import NeatSpace
from genomes.testing import philox
from neuroevo.cli.completion import filled
from neuroevo.core import registry
from neuroevo.core.objectives import Objective
from neuroevo.core.signature import REQUIRED, read_settings, settings_of
from neuroevo.run.search import (
    encodings,
    parse_settings,
    space_by_encoding,
    split_settings,
    strategies,
    strategy_by_name,
)
from neuroevo.strategies import Asha, Hyperband, Nsga2, RandomSearch
from neuroevo.tasks import Classification

ROOT = Path(__file__).parents[2]


def process(*arguments: object, folder: Path, path: str = "") -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), path]))}
    command = [sys.executable, "-m", "neuroevo.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


# What parts say of themselves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_part_says_what_it_is_and_every_setting_what_it_does(kind: str) -> None:
    assert registry.built_in(kind)
    for name in registry.built_in(kind):
        said = registry.described(kind, name)
        assert said and "\n" not in said, name
        part = registry.part(kind, name)
        if isinstance(part, type):
            for setting in settings_of(part):
                assert setting.says or kind == "population", f"{name}.{setting.name} is not in the docstring"
                assert setting.allowed


def test_settings_are_read_from_the_signature_and_the_docstring() -> None:
    by_name = {setting.name: setting for setting in registry.settings("strategy", "Nsga3")}
    assert by_name["population"].default == 30 and by_name["population"].allowed == "a whole number"
    assert by_name["deduplicate"].allowed == "none, genome or key"
    assert by_name["divisions"].default_text == "none" and by_name["divisions"].allowed == "a whole number or none"
    assert by_name["divisions"].says.startswith("how finely each axis is divided by the reference points")
    wrapper = registry.settings("task", "Table")[0]
    assert (wrapper.name, wrapper.default, wrapper.default_text) == ("path", REQUIRED, "")


@dataclass
class Sampler(RandomSearch):
    """Draws, in one way or another. And more about it.

    Args:
        way, other: how it draws;
            in two lines. More.
        sizes: some numbers.
    """

    way: Literal["fast", "slow"] = "fast"
    other: float | None = None
    sizes: tuple[int, ...] = (1, 2)
    on: bool = True
    table: dict[str, int] = field(default_factory=dict)
    rates: tuple[tuple[str, float], ...] = (("one", 1.0),)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("way", "slow", "slow"),
        ("other", "1e-2", 0.01),
        ("other", "none", None),
        ("sizes", "3, 4,5", (3, 4, 5)),
        ("sizes", "", ()),
        ("on", "False", False),
        ("batch", " 7 ", 7),
        ("rates", "one:2, two:.5", (("one", 2.0), ("two", 0.5))),
        ("rates", "", ()),
    ],
)
def test_a_text_becomes_the_value_that_the_setting_may_be(name: str, text: str, value: object) -> None:
    assert read_settings(Sampler, {name: text}, "the sampler") == {name: value}
    assert {setting.name: setting.says for setting in settings_of(Sampler)}["other"] == "how it draws; in two lines"
    assert {setting.name: setting.says for setting in settings_of(Sampler)}["batch"].startswith("genomes of one generation")
    assert {setting.name: setting.default_text for setting in settings_of(Sampler)}["rates"] == "one:1.0"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("way", "quick", "way must be fast or slow, got 'quick'"),
        ("other", "much", "other must be a number or none, got 'much'"),
        ("batch", "1.5", "batch must be a whole number, got '1.5'"),
        ("sizes", "3,x", "sizes must be a whole number .several: with commas between., got '3,x'"),
        ("on", "yes", "on must be true or false, got 'yes'"),
        ("table", "{}", r"table .dict\[str, int\]. cannot be given as a text: set it in Python"),
        ("rates", "one", "rates must be a text and a number, with a colon between .several: with commas between., got 'one'"),
        ("rates", "one:two", "rates must be a text and a number, with a colon between"),
        ("bach", "3", "unknown setting of the sampler 'bach'; did you mean 'batch'"),
    ],
)
def test_a_text_that_a_setting_may_not_be_is_refused_in_a_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_settings(Sampler, {name: text}, "the sampler")


# Parts of one's own -----------------------------------------------------------------------------------------------------------


def test_a_part_of_ones_own_is_listed_and_found_by_both_its_names() -> None:
    assert registry.register("strategy", Sampler) is Sampler
    assert registry.names("strategy")[-1] == "Sampler"
    assert registry.part("strategy", "Sampler") is registry.part("strategy", "sampler") is Sampler
    assert registry.described("strategy", "Sampler") == "Draws, in one way or another"
    assert "sampler" in strategies() and "sampler" in filled("{strategies}")
    assert strategy_by_name("sampler", "none", settings={"way": "slow"}) == Sampler(way="slow")


def test_what_is_no_part_or_has_a_built_in_name_is_refused() -> None:
    class Nsga2(RandomSearch):
        pass

    with pytest.raises(ValueError, match="the strategy 'Nsga2' is built in; give yours another name"):
        registry.register("strategy", Nsga2)
    with pytest.raises(ValueError, match=r"a part of the kind 'task' is a neuroevo\.tasks\.base\.Task, got"):
        registry.register("task", Sampler)
    with pytest.raises(ValueError, match="a part of the kind 'decoder' is a callable, got 3"):
        registry.register("decoder", 3)
    with pytest.raises(ValueError, match="unknown kind of part 'stategy'; did you mean 'strategy'"):
        registry.register("stategy", Sampler)
    with pytest.raises(ValueError, match="unknown strategy 'Lemonad'; did you mean 'Lemonade'"):
        registry.part("strategy", "Lemonad")


def test_an_objective_of_ones_own_is_offered_by_name_and_read_back() -> None:
    depth = Objective("depth", "minimise", "cheap", of=lambda genome: float(len(genome.genes())))
    registry.register("objective", depth)
    task = Classification("iris", "error,depth<9")
    assert task.objectives["depth"].of is depth.of and task.objectives["depth"].limit == 9
    assert Classification.from_settings(task.settings()).objectives == task.objectives
    assert registry.described("objective", "depth") == "minimised, cheap"
    registry._registered.clear()
    with pytest.raises(ValueError, match=r"the objective 'depth' is a Python function; .* or register the objective"):
        Classification.from_settings(task.settings())


def test_data_of_ones_own_is_loaded_by_name() -> None:
    def moons() -> tuple:
        """Two half circles."""
        angle = np.linspace(0, np.pi, 40)
        x = np.concatenate([np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]])
        return x, np.repeat([0, 1], 40)

    registry.register("data", moons)
    loaded = ne.data.load("moons")
    assert (loaded.input_shape, loaded.outputs, loaded.name) == ((2,), 2, "moons")
    task = Classification("moons", seed=3)
    assert Classification.from_settings(task.settings()).dataset.digest() == task.dataset.digest()
    registry.register("data", lambda: 3)
    with pytest.raises(ValueError, match=r"a function that returns \(x, y\), two arrays; it returned 3"):
        ne.data.load("<lambda>")


def test_a_figure_of_ones_own_is_plotted_by_the_command(tmp_path: Path) -> None:
    ne.evolve(NeatSpace(2, 1), lambda network: 1.0, population=4, budget=ne.Budget(generations=1), run=tmp_path / "run")
    (tmp_path / "my_figures.py").write_text(
        "import neuroevo as ne\n"
        "def ages(run):\n"
        "    'Draw how old everybody is.'\n"
        "    from matplotlib.figure import Figure\n"
        "    figure = Figure()\n"
        "    figure.add_subplot().plot([i.generation for i in run])\n"
        "    return figure\n"
        "ne.registry.register('figure', ages)\n"
    )
    done = process("--import", "my_figures", "plot", "run", "ages", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "figures" / "ages.png").exists()
    listed = process("--import", "my_figures.py", "list", "figures", folder=tmp_path).stdout
    assert re.search(r"^ages +Draw how old everybody is$", listed, re.MULTILINE)


def test_an_installed_package_has_parts_by_entry_points(tmp_path: Path) -> None:
    (tmp_path / "bees.py").write_text(
        "from dataclasses import dataclass\n"
        "from genomes import NeatSpace\n"
        "from neuroevo.strategies import RandomSearch\n"
        "@dataclass\n"
        "class Bees(RandomSearch):\n"
        "    'Many small ones.'\n"
        "    stings: int = 3\n"
        "@dataclass(frozen=True)\n"
        "class HiveSpace(NeatSpace, encoding='hive'):\n"
        "    'Networks of bees.'\n"
    )
    info = tmp_path / "bees-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bees\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[neuroevo.parts]\nstrategy.Bees = bees:Bees\nencoding.hive = bees:HiveSpace\nstrategy.Wasps = bees:Bees\n"
    )
    listed = process("list", "strategies", "bees", folder=tmp_path, path=str(tmp_path))
    assert listed.returncode == 0, listed.stderr
    assert "Bees: Many small ones" in listed.stdout and "--strategy bees" in listed.stdout and "stings" in listed.stdout
    spaces = process("list", "encodings", folder=tmp_path, path=str(tmp_path)).stdout
    assert "hive HiveSpace: Networks of bees" in " ".join(spaces.split())
    assert "Wasps                 cannot be loaded" in process("list", "strategies", folder=tmp_path, path=str(tmp_path)).stdout
    wrong = process("list", "strategies", "wasps", folder=tmp_path, path=str(tmp_path))
    assert wrong.returncode == 2 and "leads to 'Bees': both must have one name" in wrong.stderr
    code = "from genomes import Space; print(type(Space.from_dict({'encoding': 'hive', 'inputs': 1, 'outputs': 1})).__name__)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout == "HiveSpace\n", done.stderr


# The command line ------------------------------------------------------------------------------------------------------------


def test_names_on_the_command_line_are_those_of_the_parts_that_suit() -> None:
    assert set(strategies()) == {
        "alps", "asha", "bayes_nas", "bayesian", "crowding", "darts", "enas", "genetic_algorithm", "hill_climb", "hyperband", "lemonade", "local_search",
        "map_elites", "nsga2", "nsga3", "progressive", "q_learning", "random_search", "regularized_evolution", "reinforce", "shared_weights",
        "successive_halving", "xnas",
    }  # fmt: skip
    assert set(encodings()) == {"backbone", "cell", "chain", "dag", "network", "pyramid", "recurrent_cell", "stack"}
    with pytest.raises(ValueError, match=r"unknown strategy 'neat' .*\(allowed: alps, asha, bayes_nas, bayesian, .*nsga2"):
        strategy_by_name("neat", "none")
    with pytest.raises(ValueError, match="unknown encoding 'neat'"):
        space_by_encoding("neat", Classification("iris"), None)


def test_a_strategy_inside_another_is_given_by_its_name() -> None:
    made = strategy_by_name("hyperband", "lamarckian", settings={"proposals": "nsga2", "maximum": "9"})
    assert made == Hyperband(maximum=9, proposals=Nsga2(population=12, inheritance="lamarckian"))
    made = strategy_by_name("asha", "lamarckian", settings={"proposals": "Nsga2(population=20)"})
    assert made == Asha(proposals=Nsga2(population=20)), "what is written out is taken as it is"
    with pytest.raises(ValueError, match="unknown strategy 'nsga'"):
        strategy_by_name("hyperband", "none", settings={"proposals": "nsga"})


def test_settings_go_to_the_strategy_or_the_encoding_that_has_them() -> None:
    given = parse_settings(["population=20", "encoding.widths=4,8", "max_nodes = 5"])
    split = split_settings(given, "nsga2", "dag")
    assert split == {"strategy": {"population": "20"}, "encoding": {"widths": "4,8", "max_nodes": "5"}}
    strategy = strategy_by_name("nsga2", "none", settings=split["strategy"])
    assert (strategy.population, strategy.inheritance) == (20, "none")
    space = space_by_encoding("dag", Classification("iris"), None, split["encoding"])
    assert (space.widths, space.max_nodes, space.min_nodes) == ((4, 8), 5, 3)
    assert space.random(philox(0, 0)).space == space


@pytest.mark.parametrize(
    ("given", "strategy", "sentence"),
    [
        (
            ["populaton=3"],
            "nsga2",
            "unknown setting of the strategy nsga2 and the encoding network 'populaton'; did you mean 'population'",
        ),
        (
            ["mutations=3"],
            "lemonade",
            "both the strategy and the encoding have a setting 'mutations': say strategy.mutations or encoding",
        ),
        (["space.inputs=3"], "nsga2", "unknown part to set 'space'"),
        (["population"], "nsga2", "a setting is given as NAME=VALUE, such as population=20; got 'population'"),
        (["population=3", "population=4"], "nsga2", "the setting 'population' is given twice"),
        (["strategy.outputs=4"], "nsga2", "unknown setting of the strategy nsga2 'outputs'"),
        (["population=few"], "nsga2", "population must be a whole number, got 'few'"),
        (["population=0"], "nsga2", "population must be"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_a_sentence(given: list[str], strategy: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        strategy_by_name(strategy, "none", settings=split_settings(parse_settings(given), strategy, "network")["strategy"])


def test_set_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    done = neuroevo("search", "iris", "--set", "popsize=3", folder=tmp_path)
    assert done.returncode == 2 and "unknown setting of the strategy nsga2 and the encoding network 'popsize'" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("strategy", sorted(strategies()))
def test_a_strategy_by_name_has_sizes_for_dozens_of_candidates(strategy: str) -> None:
    made = strategy_by_name(strategy, "lamarckian")
    assert getattr(made, "population", 0) <= 12 and registry.command_name(type(made).__name__) == strategy
    from_scratch = ("asha", "bayes_nas", "darts", "enas", "hyperband", "q_learning", "random_search", "reinforce", "shared_weights", "successive_halving", "xnas")
    assert made.inheritance == ("none" if strategy in from_scratch else "lamarckian")


@pytest.mark.parametrize("strategy", sorted(strategies()))
@pytest.mark.parametrize("evaluations", [12, 24, 60])
def test_a_small_budget_is_three_generations_or_more(strategy: str, evaluations: int) -> None:
    made = strategy_by_name(strategy, "lamarckian", evaluations=evaluations)
    for size in ("population", "accepted", "initial", "batch"):
        children = getattr(made, "offspring", None) or getattr(made, size, None) or 1
        assert (getattr(made, size, None) or 1) + 2 * children <= evaluations, size
    assert strategy_by_name(strategy, "lamarckian", evaluations=6).settings(), "every one can be made"


def test_a_strategy_inside_another_has_sizes_that_suit_the_budget_too() -> None:
    made = strategy_by_name("shared_weights", "none", settings={"proposals": "nsga2"}, evaluations=12)
    assert (made.proposals.population, made.proposals.offspring) == (6, 3) and made.candidates <= 12 - 2 * made.finalists
    assert made.candidates > made.proposals.population, "so that there are children"
    begun = json.loads(json.dumps(made.settings()))
    again = strategy_by_name("shared_weights", "none", settings={"proposals": "nsga2"}, evaluations=60, begun=begun)
    assert again.settings() == made.settings()


def test_sizes_that_a_run_began_with_stay_when_it_goes_on_with_more() -> None:
    begun = strategy_by_name("nsga2", "none", evaluations=12).settings()
    assert (begun["population"], begun["offspring"]) == (6, 3)
    for evaluations in (12, 60, None):
        assert strategy_by_name("nsga2", "none", evaluations=evaluations, begun=begun).settings() == begun
    assert (
        strategy_by_name("nsga2", "none", settings={"population": "9"}, evaluations=60, begun=begun).settings()["population"] == 9
    )
    formerly = begun | {"population": 4, "offspring": None}  # sizes that were a third of the budget
    assert strategy_by_name("nsga2", "none", evaluations=12, begun=formerly).settings() == formerly
    assert strategy_by_name("nsga3", "none", evaluations=60, begun=begun).settings()["population"] == 12


@pytest.mark.parametrize("strategy", sorted(strategies()))
def test_every_strategy_goes_on_with_the_sizes_that_it_began_with(strategy: str) -> None:
    begun = json.loads(json.dumps(strategy_by_name(strategy, "none", evaluations=12).settings()))
    for evaluations in (12, 60, None):
        again = json.loads(json.dumps(strategy_by_name(strategy, "none", evaluations=evaluations, begun=begun).settings()))
        assert again == begun


def test_children_follow_the_budget_only_where_the_population_does() -> None:
    made = strategy_by_name("nsga2", "none", settings={"population": "9"}, evaluations=12)
    assert (made.population, made.offspring) == (9, None)
    for children, evaluations, population in ((1, 12, 6), (12, 24, 8), (30, 60, 12), (3, 1000, 12)):
        made = strategy_by_name("nsga2", "none", settings={"offspring": str(children)}, evaluations=evaluations)
        assert (made.population, made.offspring) == (population, children)


def test_help_names_what_there_is_to_choose_from(tmp_path: Path) -> None:
    said = " ".join(re.sub(r"[^\w,:.=;()`' -]", " ", neuroevo("search", "--help", folder=tmp_path).stdout).split())
    for name in (*strategies(), *encodings(), "quick", "thorough", "asynchronous", "lamarckian", "ray"):
        assert name in said, name
    assert "{" not in said.replace("{data}", "")


def test_the_settings_of_a_part_are_listed(tmp_path: Path) -> None:
    said = neuroevo("list", "strategies", "Lemonade", folder=tmp_path).stdout
    assert "Lemonade: LEMONADE" in said and "neuroevo search DATA --strategy lemonade --set NAME=VALUE" in said
    assert re.search(r"^proposals +64 +children made a generation .*\[a whole number\]$", said, re.MULTILINE)
    assert "outputs      (needed)" in neuroevo("list", "encodings", "chain", folder=tmp_path).stdout
    assert re.search(r"rates +\(none\)", neuroevo("list", "encodings", "network", folder=tmp_path).stdout)
    assert "did you mean 'Lemonade'" in neuroevo("list", "strategies", "Lemonad", folder=tmp_path).stderr


def test_a_module_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    for name, sentence in (("nosuch.py", "there is no such file"), ("nosuch", "there is no module 'nosuch' here")):
        done = neuroevo("--import", name, "list", "data", folder=tmp_path)
        assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
