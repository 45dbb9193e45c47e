"""The baseline of a search: a plain network as one would write it by hand, trained and measured as every candidate was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import Genome
from genomes.layers import Layer
from genomes.markings import marking
from neuroevo.run.run import Run
from neuroevo.store import write_json_whole

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation
    from neuroevo.tasks.supervised import Supervised

BASELINE_FILE = "baseline.json"
BASELINE_ID = (1 << 62) - 3  # its random stream, apart from those of births
FILTERS = (16, 32)  # of its two convolutions
UNITS = 64  # of each of its two dense layers, on features


@dataclass(frozen=True)
class Baseline:
    """A plain network and what it scored.

    Attributes:
        about: its layers, in words.
        parameters: trainable weights.
        validation: objectives, as those of the run's individuals.
        test: scores on the test part.
    """

    about: str
    parameters: int
    validation: dict[str, float]
    test: dict[str, float]


def plain_detector(input_shape: tuple[int, ...], classes: int) -> tuple[Genome, str]:
    """The hand-made detector, and what it is: the top-down feature pyramid (Lin et al. 2017) of the space that a detection searches."""
    from genomes import PyramidSpace

    return PyramidSpace.for_data(input_shape, classes).fpn(), "a top-down feature pyramid (FPN) behind plain convolutions"


def plain_network(input_shape: tuple[int, ...], outputs: int) -> Genome:
    """The hand-made network: for features two dense layers of 64; otherwise two 3x3 convolutions of 16 and 32 filters (in one dimension
    of 3 taps), each followed by 2x2 max pooling where there is something to pool, then the mean over all positions and the logits."""
    from genomes.network import NetworkSpace
    from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, STARTER

    layers: list[Layer] = []
    if len(input_shape) == 1:
        layers += [Layer("dense", width=UNITS)] * 2
    else:
        side = min(input_shape[:-1])
        for width in FILTERS:
            layers.append(Layer("conv", width=width, kernel=3))
            if side >= 2:
                layers.append(Layer("max_pool", kernel=2, stride=2))
                side = -(-side // 2)
        layers.append(Layer("global_average"))
    names = [marking(0, STARTER, 9, place) for place in range(len(layers))]
    sources = [INPUT_MARKING, *names]
    genes: list[dict[str, Any]] = [{"marking": INPUT_MARKING, "kind": "input", "inputs": []}]
    for name, layer, source in zip(names, layers, sources, strict=False):
        genes.append({"marking": name, "kind": layer.kind, "inputs": [source], **_settings(layer)})
    genes.append({"marking": LOGITS_MARKING, "kind": "logits", "inputs": [sources[-1]], "width": outputs})
    return NetworkSpace(input_shape, outputs, max_parameters=1 << 30).from_genes(genes)


def _settings(layer: Layer) -> dict[str, int]:
    from genomes.layers import SETTINGS

    return {name: getattr(layer, name) for name in SETTINGS[layer.kind]}


def train_baseline(task: Supervised, estimation: Estimation, seed: int) -> Baseline:
    """Train the plain network from scratch, as the run's estimation trains a candidate, and score it on the validation and test parts.

    Raises:
        ValueError: its training failed.
    """
    from neuroevo.core.individual import Individual
    from neuroevo.core.trial import Evaluation, Trial
    from neuroevo.evaluators.base import Work
    from neuroevo.tasks.base import Context

    genome, about = _made_by_hand(task)
    names = tuple(task.objectives)
    individual = Individual(BASELINE_ID, genome, [o.weight for o in task.objectives.values()], names=names)
    measurement = Work(task, estimation, Context(seed=seed))(Trial(BASELINE_ID, (individual,)))
    if measurement.reasons:
        raise ValueError(f"the baseline could not be trained: {measurement.reasons[0]}")
    values = tuple(np.asarray(measurement.values)[0].tolist())
    left = measurement.artifacts[0] if measurement.artifacts else None
    individual.take(Evaluation(BASELINE_ID, BASELINE_ID, values), left)
    tested = {} if left is None else task.test_scores(individual.model())  # none of a network that was scored untrained
    return Baseline(about, int(genome.parameters), individual.values, tested)


def _made_by_hand(task: Supervised) -> tuple[Genome, str]:
    """The network, and its layers in words."""
    if task.kind == "detection":
        return plain_detector(task.dataset.input_shape, task.dataset.outputs)
    genome = plain_network(task.dataset.input_shape, task.dataset.outputs)
    return genome, ", ".join(data["label"] for _, data in genome.graph().nodes(data=True) if data["kind"] not in ("input", "logits"))


def write_baseline(run: Run, baseline: Baseline) -> None:
    """Record it in the run's folder."""
    assert run.folder is not None
    write_json_whole(Path(run.folder) / BASELINE_FILE, vars(baseline))


def baseline_of(run: Run) -> Baseline | None:
    """The baseline that a search recorded, if it did.

    Raises:
        ValueError: the file is damaged.
    """
    path = None if run.folder is None else Path(run.folder) / BASELINE_FILE
    if path is None or not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        validation, test = ({str(name): float(value) for name, value in data[part].items()} for part in ("validation", "test"))
        if missing := [name for name in run.objectives if name not in validation]:
            raise ValueError(f"it has no {missing[0]}")
        return Baseline(str(data["about"]), int(data["parameters"]), validation, test)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run the search's command with --baseline again") from None
