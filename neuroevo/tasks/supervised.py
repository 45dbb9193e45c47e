"""What classification, regression and detection share: data, objectives, and scoring a trained network on a part of the data."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space, shown
from neuroevo.core.objectives import FLOPS, PARAMETERS, Objective, choose, recorded
from neuroevo.core.registry import part
from neuroevo.core.streams import TRAINING, stream
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import Dataset, Kind, Part
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.intervals import Interval, known
from neuroevo.train.compiled import Compiled
from neuroevo.train.energy import EnergyMeter, refuse_without_counter
from neuroevo.train.latency import LatencyMeter
from neuroevo.train.loop import Vary, model_outputs, outputs_in_batches
from neuroevo.train.recipe import FROM_SCRATCH, INHERITED, TABLE, TABLE_INHERITED, Recipe
from neuroevo.train.untrained import SAMPLES, Untrained, batch_of
from neuroevo.train.zero_cost import grad_norm, jacob_cov, naswot, snip, synflow, zen

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation

LATENCY = Objective("latency", "minimise", "measured", log=True)
ENERGY = Objective("energy", "minimise", "measured", log=True)
PROXIES = tuple(
    Objective(proxy.__name__, "maximise", "untrained", of=proxy) for proxy in (naswot, jacob_cov, synflow, grad_norm, snip, zen)
)
BATCH = (1 << 62) - 2  # the stream that draws the batch which proxies look at: the same one for every individual of a run
SENT_ALONG = (
    64 * 1024 * 1024
)  # bytes: data up to this size travels to the workers with the task, larger data is loaded there again

ObjectiveLike = str | Objective | Callable[[Any], float]


class Supervised(Task):
    """Networks that are trained on samples with known answers. Use `Classification`, `Regression` or `Detection`.

    Args:
        data: what `neuroevo.data.load` takes: a name, a path, a data frame, a pair of arrays, or a Dataset.
        objectives: names of what is offered, with limits ("parameters<20000"); an `Objective` whose `of` is a function of the
            genome (kind "cheap"), of a `neuroevo.train.Untrained` (kind "untrained") or of the trained `keras.Model` (the other
            kinds); or any function of the trained model, which is minimised under its own name.
        target: the column of a table to predict; of a regression, perhaps several.
        seed: decides the split of the data.
        missing: texts of a table that mean that nothing is known, beside the empty cell.
        columns: what is done with a table's columns (`neuroevo.data.Columns`), as a mapping such as {"group": "patient"} as well.

    Raises:
        ValueError: an objective that is not offered (the nearest is suggested); or `energy` by its name, on a machine where nothing counts
            it. Data is loaded when it is first needed; what is
            wrong with it is raised then (`task.dataset`).
    """

    estimated_by = "FullTraining"
    kind: ClassVar[Kind]
    loss: ClassVar[str]
    encoding: ClassVar[str] = "network"  # what evolves where nobody says otherwise
    selection: (
        str  # the score of learning curves, and that decides which of two networks is better: the first objective that is one
    )

    def __init__(
        self,
        data: Any,
        objectives: str | Sequence[ObjectiveLike] | None = None,
        target: str | Sequence[str] | None = None,
        seed: int = 0,
        missing: Sequence[str] = (),
        columns: Columns | Mapping[str, Any] | None = None,
    ) -> None:
        self.data = os.fspath(data) if isinstance(data, os.PathLike) else data
        self.target = target if target is None or isinstance(target, str) else tuple(target)
        self.missing = missing if isinstance(missing, str) else tuple(missing)
        self.columns = Columns.of(columns)
        self.seed = seed
        wanted = (self.selection, "parameters") if objectives is None else objectives
        named = wanted if isinstance(wanted, str) else [_as_objective(item) for item in wanted]
        self.objectives = choose(named, self.offered)
        if not any(isinstance(item, Objective) and item.name == "energy" for item in named):
            self.refuse_here()  # named by a user; what a run recorded is read on any machine
        scored = {o.name for o in self.offered if o.kind == "trained"}
        asked = (o.name for o in self.objectives.values() if o.name in scored and o.kind == "trained" and o.of is None)
        self.selection = next(asked, self.selection)
        self._dataset: Dataset | None = None

    def refuse_here(self) -> None:
        energy = self.objectives.get("energy")
        if energy is not None and energy.of is None:
            refuse_without_counter()

    @property
    def selection_sign(self) -> float:
        """1 where a lower `selection` score is better, -1 where a higher one is."""
        return -next(o.weight for o in (*self.objectives.values(), *self.offered) if o.name == self.selection)

    @property
    def dataset(self) -> Dataset:
        """The data, loaded once in each process.

        Raises:
            DataError: it cannot be used.
        """
        if self._dataset is None:
            self._dataset = self._load()
        return self._dataset

    @dataset.setter
    def dataset(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def _load(self) -> Dataset:
        from neuroevo.data import load

        return load(self.data, target=self.target, seed=self.seed, kind=self.kind, missing=self.missing, columns=self.columns)

    def default_space(self, **settings: Any) -> Space:
        """The space of layer graphs for this data's inputs and outputs."""
        from genomes.network import NetworkSpace

        return replace(NetworkSpace.for_data(self.dataset.input_shape, self.dataset.outputs), **settings)

    def estimation(self) -> Estimation:
        """Full training; or none, `ZeroCost`, where proxies are asked for and nothing else that needs training."""
        kinds = {objective.kind for objective in self.objectives.values()}
        if "untrained" not in kinds or "trained" in kinds:
            return self.trained() if self.estimated_by == Supervised.estimated_by else super().estimation()
        return part("estimation", "ZeroCost")()  # type: ignore[no-any-return]

    @property
    def from_scratch(self) -> Recipe:
        """How candidates are trained where nobody says otherwise: as suits tables, or images and sequences."""
        return TABLE if len(self.dataset.input_shape) == 1 else FROM_SCRATCH

    @property
    def inherited(self) -> Recipe:
        """How they are trained from their parents' weights, likewise."""
        return TABLE_INHERITED if len(self.dataset.input_shape) == 1 else INHERITED

    def trained(self, epochs: int | None = None, **settings: Any) -> Estimation:
        """Full training by the task's own recipes, of so many epochs (None: by the size of the data); further settings are those of
        `neuroevo.estimation.FullTraining`."""
        return part("estimation", Supervised.estimated_by)(epochs, self.from_scratch, self.inherited, **settings)  # type: ignore[no-any-return]

    def untrained(self, genome: Genome, context: Context, id: int, repeat: int = 0, samples: int = SAMPLES) -> Untrained:
        """What zero-cost proxies look at: the individual's network as its training from scratch would begin, and a batch of training data,
        the same for every individual of a run."""
        batch = batch_of(self.dataset, stream(context.seed, BATCH, TRAINING), samples)
        return Untrained(genome, batch.x, lambda model: self.plain_targets(batch, model), context.rng(id, repeat), self.loss)

    def untrained_scores(
        self, genome: Genome, context: Context, id: int, repeat: int = 0, samples: int = SAMPLES
    ) -> dict[str, float]:
        """The objectives of kind "untrained", of a network that is trained from scratch or not at all.

        Raises:
            ValueError: a proxy says nothing of the network.
        """
        asked = {name: o.of for name, o in self.objectives.items() if o.kind == "untrained" and o.of is not None}
        if not asked:
            return {}
        network = self.untrained(genome, context, id, repeat, samples)
        scores = {name: float(proxy(network)) for name, proxy in asked.items()}
        for name, score in scores.items():
            if not np.isfinite(score):
                raise ValueError(
                    f"{name} says nothing of this network ({score}): nothing comes through it, or it has fewer ReLUs than the batch has "
                    "samples"
                )
        return scores

    def phenotype(self, genome: Genome) -> Any:
        """The untrained `keras.Model`."""
        from neuroevo.decode import build

        return build(genome)

    def score(self, phenotype: Any, context: Context) -> dict[str, float]:
        """Validation scores of a trained network (a `keras.Model` or a compiled one), and the objectives that need the model."""
        scores = self.part_scores(phenotype, self.dataset.validation)
        return scores | self.model_scores(phenotype) | self.measured(phenotype, context)

    def model_scores(self, phenotype: Any) -> dict[str, float]:
        """The objectives that are functions of the trained model."""
        return self._functions(phenotype, "trained")

    def measured(self, phenotype: Any, context: Context) -> dict[str, float]:
        """The objectives that depend on the hardware, while nothing else of a search works on this machine. They are those of the network
        whatever its weights. Beside `latency` stands `latency_spread`, the interquartile range of its repetitions in milliseconds, and
        beside `energy` `energy_spread`, that of its parts in joules."""
        if not any(objective.kind == "measured" for objective in self.objectives.values()):
            return {}
        with context.alone():
            scores = self._functions(phenotype, "measured")
            if "latency" in self.objectives:
                found = self.meter.measure(phenotype, self.dataset.validation.x[:1])
                scores |= {"latency": found.milliseconds, "latency_spread": found.spread}
            if "energy" in self.objectives and "energy" not in scores:
                counted = self.energy_meter.measure(phenotype, self.dataset.validation.x[:1])
                scores |= {"energy": counted.joules, "energy_spread": counted.spread}
        return scores

    def _functions(self, phenotype: Any, kind: str) -> dict[str, float]:
        chosen = {name: o.of for name, o in self.objectives.items() if o.kind == kind and o.of is not None}
        if not chosen:
            return {}
        model: Any = phenotype.synchronised() if isinstance(phenotype, Compiled) else phenotype
        return {name: float(function(model)) for name, function in chosen.items()}

    @property
    def weighted(self) -> bool:
        """Whether samples count by weights in the training loss (`training_targets`)."""
        return False

    def training_targets(self, part: Part, network: Any = None) -> npt.NDArray[np.float32]:
        """What a network is trained towards: one-hot classes, times the sample's weight where the task is `weighted`, or normalised values:
        float32 [samples, outputs]; of a detection float32 [samples, locations, 6].

        Args:
            network: the `keras.Model` or compiled network, on whose grids the targets of a detection depend.
        """
        return self.dataset.targets(part)

    def plain_targets(self, part: Part, network: Any) -> npt.NDArray[np.float32]:
        """The same without weights of samples."""
        return self.dataset.targets(part)

    def output_shape(self, of: tuple[int, ...]) -> tuple[int, ...]:
        """What a network for the task gives for a sample.

        Args:
            of: what one gives, of which a detection fixes the last alone.
        """
        return (self.dataset.outputs,)

    def varying(self, part: Part, network: Any) -> Vary | None:
        """What varies samples and their targets together in each epoch of an augmented training; None where targets stay as they are."""
        return None

    def test_scores(self, phenotype: Any) -> dict[str, float]:
        """Scores on the test part: look once, at the end."""
        return self.part_scores(phenotype, self.dataset.test)

    def part_scores(self, phenotype: Any, part: Part) -> dict[str, float]:
        """Scores of a trained network on one part of the data.

        Raises:
            ValueError: its outputs are not finite.
        """
        return self.scores(self._finite_outputs(phenotype, part), part.y)

    def _finite_outputs(self, phenotype: Any, part: Part) -> npt.NDArray[np.float32]:
        outputs = outputs_of(phenotype, part.x)
        if not np.isfinite(outputs).all():
            raise ValueError("the network's outputs are not finite (NaN or infinity)")
        return outputs

    def assessed(self, phenotype: Any, part: Part) -> tuple[dict[str, float], dict[str, Interval]]:
        """The same, and how sure each score is (`intervals`).

        Raises:
            ValueError: its outputs are not finite.
        """
        outputs = self._finite_outputs(phenotype, part)
        return self.scores(outputs, part.y), known(self.intervals(outputs, part.y))

    @abstractmethod
    def scores(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, float]:
        """Scores by name.

        Args:
            outputs: float32 [samples, outputs], as the network gives them: logits, or normalised values; of a detection [samples, locations,
                classes + 5].
            y: the part's `y`.
        """

    def intervals(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> dict[str, Interval]:
        """The 95 % interval of each of `scores` whose is known (`neuroevo.tasks.intervals`): (low, high) by name.

        Args:
            outputs, y: as for `scores`.
        """
        return {}

    def latency(self, phenotype: Any) -> float:
        """Milliseconds that the prediction of one sample takes."""
        return self.meter.measure(phenotype, self.dataset.validation.x[:1]).milliseconds

    @cached_property
    def meter(self) -> LatencyMeter:
        """What measures latencies in this process."""
        return LatencyMeter()

    @cached_property
    def energy_meter(self) -> EnergyMeter:
        """What measures energies in this process."""
        return EnergyMeter()

    def settings(self) -> dict[str, Any]:
        """JSON; `from_settings` reads it back. Data from a file is named by its absolute path."""
        return {
            "task": type(self).__name__,
            "data": self._data_name(),
            "target": self.target if self.target is None or isinstance(self.target, str) else list(self.target),
            **({"missing": list(self.missing)} if self.missing else {}),
            **({"columns": self.columns.to_dict()} if self._tells_columns() else {}),
            "seed": self.seed,
            "digest": self.dataset.digest(),
            "objectives": [objective.settings() for objective in self.objectives.values()],
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The task that `settings` described.

        Raises:
            ValueError: made from arrays or with objectives that are Python functions, which JSON cannot hold; or not such settings.
        """
        data, chosen = cls._recorded(settings)
        missing, columns = settings.get("missing", ()), Columns.recorded(settings.get("columns"))
        return cls(data, chosen, settings.get("target"), settings.get("seed", 0), missing, columns)

    @classmethod
    def _recorded(cls, settings: Mapping[str, Any]) -> tuple[str, list[Objective]]:
        """The data and the objectives of settings."""
        data, objectives = settings.get("data"), settings.get("objectives")
        if not isinstance(data, str) or not isinstance(objectives, list) or not objectives:
            raise ValueError(f"a {cls.__name__} is made from a data name or path and objectives, got {shown(dict(settings))}")
        if data == "arrays":
            raise ValueError("this run's data were arrays in memory; run the script that started it again to go on")
        return data, recorded(objectives, cls.offered, named_only=True)

    def _tells_columns(self) -> bool:
        """Whether the settings say how columns are read: those of a table, unless an older release began the run, which said nothing."""
        return self.dataset.columns is not None and self.columns != Columns(rules=1)

    def _data_name(self) -> str:
        if not isinstance(self.data, str):
            return self.data.name if isinstance(self.data, Dataset) else "arrays"
        path = Path(self.data)
        return str(path.resolve()) if path.exists() else self.data

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name not in ("meter", "energy_meter")}
        if self._dataset is not None and isinstance(self.data, str) and self._dataset.nbytes > SENT_ALONG:
            state["_dataset"] = None
        return state


def outputs_of(phenotype: Any, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A network's outputs for any number of samples: float32 [samples, outputs], or what else it gives for each."""
    return outputs_in_batches(phenotype, x) if isinstance(phenotype, Compiled) else model_outputs(phenotype, x)


def _as_objective(item: ObjectiveLike) -> str | Objective:
    if isinstance(item, (str, Objective)):
        return item
    if not callable(item):
        raise ValueError(f"an objective is a name, an Objective or a function of the trained model, got {shown(item)}")
    return Objective(getattr(item, "__name__", type(item).__name__), "minimise", "trained", of=item)


CHEAP = (PARAMETERS, FLOPS)
