"""neat-python's configuration files as a NeatSpace and a Neat strategy.

Every option is either translated or named in `warnings`, with what happens instead: nothing is dropped silently. Networks are read by
`read_neat_python_genome`.
"""

from __future__ import annotations

import configparser
import math
import warnings as python_warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genomes import NeatSpace
from genomes.base import shown
from neuroevo.interop.neat_python_functions import activation, aggregation
from neuroevo.strategies import Neat

if TYPE_CHECKING:
    from neuroevo.run.budget import Budget

_ROOT_THREE = math.sqrt(3.0)  # a uniform distribution of +- this has the spread of a standard normal one
_YES = ("1", "yes", "true", "on")
# Options that ask for nothing at these values.
_NEUTRAL = {
    "single_structural_mutation": "false", "enabled_default": "true", "response_init_mean": 1.0, "response_init_stdev": 0.0,
    "response_replace_rate": 0.0, "bias_init_mean": 0.0, "weight_init_mean": 0.0, "enabled_rate_to_true_add": 0.0,
    "enabled_rate_to_false_add": 0.0, "min_species_size": 1.0,
}  # fmt: skip
_INITIAL = {
    "unconnected": "none",
    "fs_neat": "feature_selective",
    "fs_neat_nohidden": "feature_selective",
    "full": "full",
    "full_direct": "full",
    "full_nodirect": "full",
    "partial": "partial",
    "partial_direct": "partial",
    "partial_nodirect": "partial",
}


@dataclass(frozen=True)
class NeatPython:
    """What a configuration file of neat-python's asks for.

    Attributes:
        space, strategy: give them to `neuroevo.evolve`.
        target: the fitness that ends the run, or None (`no_fitness_termination`, or a criterion other than the best fitness).
        seed: of the run, or None where the file has none.
        warnings: one sentence for every option that has no exact twin.
    """

    space: NeatSpace
    strategy: Neat
    target: float | None
    seed: int | None
    warnings: tuple[str, ...]

    def budget(self, generations: int) -> Budget:
        """A budget of so many generations, which ends at the target."""
        from neuroevo.run.budget import Budget

        return Budget(generations=generations, target=self.target)


class _Options:
    """The options of all sections, ticked off as they are translated."""

    def __init__(self, parser: configparser.ConfigParser) -> None:
        self.values = {key: value for section in parser.sections() for key, value in parser.items(section)}
        self.left = set(self.values)
        self.warnings: list[str] = []

    def text(self, name: str, default: str) -> str:
        self.left.discard(name)
        return self.values.get(name, default).strip()

    def number(self, name: str, default: float) -> float:
        text = self.text(name, repr(default))
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{name} must be a number, got {shown(text)}") from None
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {shown(text)}")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        if name not in self.values and default is None:
            raise ValueError(f"the configuration has no {name}")
        value = self.number(name, float(default or 0))
        if value != int(value):
            raise ValueError(f"{name} must be a whole number, got {value:g}")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        return self.text(name, str(default)).lower() in _YES

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def read_neat_python_config(path: str | Path, *, functions: Mapping[str, str] | None = None) -> NeatPython:
    """A configuration file of neat-python's (`.ini`), translated. Warns once (`UserWarning`) if anything has no exact twin.

    Args:
        path: the file.
        functions: formulas of your own activations and aggregations, by name: {"my_relu": "max(0, x)"}.

    Raises:
        ValueError: not such a file, a value that is no number, or a function that is not known.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"), source=str(path))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no configuration file: {' '.join(str(error).split())}") from error
    if not parser.has_section("NEAT"):
        raise ValueError(f"{path} has no section [NEAT]: it is no configuration of neat-python's")
    options = _Options(parser)
    dynamics = _dynamics(options, parser)
    space = NeatSpace(**_genes(options), **_rates(options), **_functions(options, functions, dynamics), **dynamics)
    strategy, target, seed = _strategy(options)
    for name in sorted(options.left):
        if name in _NEUTRAL and options.values[name].strip().lower() == str(_NEUTRAL[name]).lower():
            continue
        if name in _NEUTRAL and _equal(options.values[name], _NEUTRAL[name]):
            continue
        options.warn(f"{name} = {options.values[name].strip()}: no twin, ignored")
    if options.warnings:
        listed = "\n- ".join(options.warnings)
        python_warnings.warn(f"{path}: options of neat-python without an exact twin:\n- {listed}", UserWarning, stacklevel=2)
    return NeatPython(space, strategy, target, seed, tuple(options.warnings))


def _equal(text: str, neutral: Any) -> bool:
    try:
        return isinstance(neutral, float) and float(text) == neutral
    except ValueError:
        return False


def _genes(options: _Options) -> dict[str, Any]:
    """Sizes, the initial topology and the ranges of weights."""
    hidden = options.whole("num_hidden", 0)
    kind, *share = options.text("initial_connection", "unconnected").split()
    if kind not in _INITIAL and kind != "fs_neat_hidden":
        raise ValueError(f"initial_connection must be one of {', '.join(_INITIAL)}, got {shown(kind)}")
    initial = _INITIAL.get(kind, "feature_selective")
    if hidden and initial != "full":
        options.warn(f"num_hidden = {hidden} with initial_connection = {kind}: first genomes have no hidden nodes")
        hidden = 0
    elif hidden and kind in ("full", "full_direct"):
        options.warn(
            f"initial_connection = {kind} with num_hidden = {hidden}: inputs are connected to hidden nodes, not to outputs too"
        )
    settings: dict[str, Any] = {
        "inputs": options.whole("num_inputs"),
        "outputs": options.whole("num_outputs"),
        "recurrent": not options.flag("feed_forward", True),
        "bias": "node",
        "initial": initial,
        "initial_hidden": hidden,
    }
    if initial == "partial":
        settings["initial_share"] = float(share[0]) if share else 0.5
    for gene in ("weight", "bias"):
        low, high = options.number(f"{gene}_min_value", -30.0), options.number(f"{gene}_max_value", 30.0)
        if low != -high:
            options.warn(f"{gene}_min_value = {low:g}, {gene}_max_value = {high:g}: clipped to +-{max(abs(low), abs(high)):g}")
        settings[f"{gene}_limit"] = max(abs(low), abs(high))
        spread = options.number(f"{gene}_init_stdev", 1.0)
        normal = "uniform" not in options.text(f"{gene}_init_type", "gaussian").lower()
        settings[f"{gene}_range"] = spread * (_ROOT_THREE if normal else 2.0)
        if normal and spread:
            options.warn(
                f"{gene}_init_type = gaussian: new ones are uniform in +-{settings[f'{gene}_range']:.3g}, which has the same spread"
            )
    return settings


def _rates(options: _Options) -> dict[str, Any]:
    """Probabilities of mutation."""
    replaced, mutated = options.number("weight_replace_rate", 0.1), options.number("weight_mutate_rate", 0.8)
    share = min(1.0, replaced + mutated)
    settings: dict[str, Any] = {
        "weight_mutation_rate": 1.0 if share else 0.0,
        "weight_mutation_share": share or 1.0,
        "weight_replace_rate": replaced / share if share else 0.0,
        "perturbation": "gaussian",
        "weight_power": options.number("weight_mutate_power", 0.5),
        "bias_power": options.number("bias_mutate_power", 0.5),
        "add_node_rate": options.number("node_add_prob", 0.2),
        "remove_node_rate": options.number("node_delete_prob", 0.2),
        "add_connection_rate": options.number("conn_add_prob", 0.5),
        "remove_connection_rate": options.number("conn_delete_prob", 0.5),
        "average_rate": 0.0,
        "reenable_rate": 0.0,
        "response_power": options.number("response_mutate_power", 0.0),
        # there a matching gene is enabled as in either parent, and then disabled with 3/4 where it is disabled in one of them
        "disabled_rate": 0.875,
        "disabled_in_both_rate": 1.0,
    }
    bias_replaced, bias_mutated = options.number("bias_replace_rate", 0.1), options.number("bias_mutate_rate", 0.7)
    settings["bias_mutation_rate"] = min(1.0, bias_replaced + bias_mutated)
    if bias_replaced or bias_mutated:
        options.warn(
            f"bias_mutate_rate = {bias_mutated:g}, bias_replace_rate = {bias_replaced:g}: a child's biases mutate all together, in "
            f"{settings['bias_mutation_rate']:.0%} of children; {settings['weight_replace_rate']:.0%} of them are drawn anew, as of weights"
        )
    responses = options.number("response_mutate_rate", 0.0)
    settings["response_mutation_rate"] = min(1.0, responses)
    if options.values.get("response_init_stdev", "0").strip() in ("0", "0.0"):
        options.left.discard("response_init_type")
    low, high = options.number("response_min_value", -30.0), options.number("response_max_value", 30.0)
    if responses:
        options.warn(
            f"response_mutate_rate = {responses:g}: a child's responses mutate all together, clipped to the limit of weights "
            f"instead of {low:g} to {high:g}"
        )
    toggled = options.number("enabled_mutate_rate", 0.0)
    settings["toggle_rate"] = min(1.0, toggled)
    if toggled:
        options.warn(
            f"enabled_mutate_rate = {toggled:g}: one connection of a child is toggled with this probability, not each connection"
        )
    if options.text("structural_mutation_surer", "default").lower() in _YES:
        options.warn("structural_mutation_surer = true: no twin, ignored")
    return settings


def _functions(options: _Options, functions: Mapping[str, str] | None, dynamics: dict[str, Any]) -> dict[str, Any]:
    """Activations and aggregations, the default first."""
    if dynamics.get("dynamics") == "spiking":
        return {}
    settings: dict[str, Any] = {}
    for kind, standard, translate in (("activation", "sigmoid", activation), ("aggregation", "sum", aggregation)):
        names = options.text(f"{kind}_options", standard).split()
        first = options.text(f"{kind}_default", standard)
        rate = options.number(f"{kind}_mutate_rate", 0.0)
        if first in ("random", "none", ""):
            first = names[0]
            options.warn(f"{kind}_default = random: first genomes have {first!r}")
        settings[f"{kind}s"] = tuple(dict.fromkeys(translate(name, functions) for name in [first, *names]))
        settings[f"{kind}_mutation_rate"] = min(1.0, rate)
        if rate:
            options.warn(f"{kind}_mutate_rate = {rate:g}: one node of a child mutates with this probability, not each node")
    return settings


def _dynamics(options: _Options, parser: configparser.ConfigParser) -> dict[str, Any]:
    """Continuous-time and spiking genomes."""
    if parser.has_section("IZGenome"):
        for name in [key for key in options.values if key.split("_")[0] in "abcd" and "_" in key]:
            options.left.discard(name)
        options.warn(
            "a, b, c, d: kinds of neurons do not mutate one number at a time; name those to choose from in `activations`"
        )
        options.warn("[IZGenome]: nodes are 'regular_spiking', a time step is 0.05 ms, 20 a call: set them in the space")
        return {"dynamics": "spiking", "time_step": 0.05, "steps_a_call": 20}
    mutated, replaced = options.number("time_constant_mutate_rate", 0.0), options.number("time_constant_replace_rate", 0.0)
    mean, spread = options.number("time_constant_init_mean", 1.0), options.number("time_constant_init_stdev", 0.0)
    power = options.number("time_constant_mutate_power", 0.0)
    options.left -= {f"time_constant_{name}" for name in ("init_type", "min_value", "max_value")}
    if (mutated, replaced, mean, spread) != (0.0, 0.0, 1.0, 0.0):
        options.warn(
            f"time_constant_*: networks have no time constants unless the space has dynamics='ctrnn'; there the response gene is the time "
            f"constant (here: mean {mean:g}, mutated with rate {mutated:g} and power {power:g}): set response_mutation_rate and response_power"
        )
    return {}


def _strategy(options: _Options) -> tuple[Neat, float | None, int | None]:
    """Population, species and reproduction."""
    population = options.whole("pop_size")
    target: float | None = options.number("fitness_threshold", 0.0) if "fitness_threshold" in options.values else None
    criterion = options.text("fitness_criterion", "max")
    if options.flag("no_fitness_termination", False):
        target = None
    elif criterion != "max":
        options.warn(f"fitness_criterion = {criterion}: a run ends by its best fitness, or by its budget; no target is set")
        target = None
    if not options.flag("reset_on_extinction", True):
        options.warn("reset_on_extinction = False: species cannot all die out, the best one always has children")
    options.left.discard("reset_on_extinction")
    if options.text("species_fitness_func", "max") != "max":
        options.warn(
            f"species_fitness_func = {options.values['species_fitness_func']}: a species improves when its best member does"
        )
    spared = options.whole("species_elitism", 0)
    if spared != 1:
        options.warn(f"species_elitism = {spared}: the species with the best genome is always spared, no other is")
    elites = options.whole("elitism", 0)
    if elites > 1:
        options.warn(f"elitism = {elites}: one champion of each species is copied")
    disjoint = options.number("compatibility_disjoint_coefficient", 1.0)
    weight = options.number("compatibility_weight_coefficient", 0.5)
    options.warn(
        "compatibility_*: the distance counts connection genes and their weights (and biases), divided by the number of genes; "
        "neat-python counts node genes, responses and functions too"
    )
    seed = options.whole("seed") if "seed" in options.values and options.text("seed", "") not in ("", "None") else None
    strategy = Neat(
        population=population,
        threshold=options.number("compatibility_threshold", 3.0),
        excess=disjoint,
        disjoint=disjoint,
        weight=weight,
        normalise=True,
        survival=options.number("survival_threshold", 0.2),
        stagnation=options.whole("max_stagnation", 15),
        refocus=0,
        elitism=0 if elites else population,
        crossover=1.0,
        interspecies=0.0,
        mutate_crossed=1.0,
    )
    return strategy, target, seed
