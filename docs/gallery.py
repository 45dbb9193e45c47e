"""Make every figure of the gallery (docs/gallery/ and docs/gallery.md) from small runs.

    python docs/gallery.py [--only NAME ...] [--runs FOLDER]

Takes about four minutes on 2 cores. With --runs the runs are kept, and used again the next time.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import neuroevo as ne
from genomes import CellSpace, ChainSpace, CppnSpace, DagSpace, NeatSpace, PyramidSpace, Substrate
from genomes.base import Genome, Space
from genomes.testing import philox
from neuroevo import plots, strategies
from neuroevo.core.objectives import PARAMETERS
from neuroevo.report.comparison import compare
from neuroevo.report.text import test_scores
from neuroevo.selection import Novelty
from neuroevo.simulators import DeceptiveMaze

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
LARGEST = 150_000  # bytes of a figure
INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])


def xor(network: Any) -> float:
    return float((4 - np.abs(network(INPUTS)[:, 0] - ANSWERS).sum()) ** 2)


def wave(network: Any) -> dict[str, float]:
    """How far a network of two inputs is from a wave on a slope."""
    side = np.linspace(-1, 1, 9)
    x = np.array([(a, b) for a in side for b in side])
    return {"miss": float(np.abs(network(x)[:, 0] - 0.5 * np.sin(4 * x[:, 0]) - 0.4 * x[:, 1]).mean())}


class Runs:
    """The runs that the figures are made of, each made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _evolve(self, name: str, *arguments: Any, **options: Any) -> ne.Run:
        print(f"run {name} ...", flush=True)
        ne.evolve(*arguments, run=self.folder / name, progress=False, **options)
        return ne.load_run(self.folder / name)

    @cached_property
    def xor(self) -> ne.Run:
        space = NeatSpace(inputs=2, outputs=1)
        return self._evolve(
            "xor", space, xor, strategy=strategies.Neat(population=100), budget=ne.Budget(generations=40, target=15.5), seed=4
        )

    @cached_property
    def wave(self) -> ne.Run:
        return self._wave("nsga2", strategies.Nsga2(population=60), 1)

    def _wave(self, name: str, strategy: Any, seed: int) -> ne.Run:
        space = NeatSpace(
            inputs=2, outputs=1, bias="input", activations=("tanh", "sine", "gaussian"), output_activation="identity",
            activation_mutation_rate=0.1, perturbation="gaussian", weight_power=0.4, weight_range=2.0, weight_mutation_share=0.0,
            add_node_rate=0.15, add_connection_rate=0.2, remove_node_rate=0.05, remove_connection_rate=0.15,
        )  # fmt: skip
        objectives = {"miss": ne.minimise, "parameters": PARAMETERS}
        budget = ne.Budget(evaluations=2400)
        return self._evolve(
            f"wave-{name}-{seed}", space, wave, objectives=objectives, strategy=strategy, budget=budget, seed=seed
        )

    @cached_property
    def compared(self) -> list[ne.Run]:
        seeds = (1, 2, 3)
        return [
            *[self.wave if seed == 1 else self._wave("nsga2", strategies.Nsga2(population=60), seed) for seed in seeds],
            *[self._wave("random", strategies.RandomSearch(), seed) for seed in seeds],
        ]

    @cached_property
    def archive(self) -> ne.Run:
        """Curves, described by where they begin and end."""
        sys.path.insert(0, str(HERE / "examples"))
        from archive import main as archive

        print("run archive ...", flush=True)
        archive(self.folder / "archive")
        return ne.load_run(self.folder / "archive")

    @cached_property
    def elites(self) -> ne.Run:
        """The same curves, by the built-in strategy."""
        sys.path.insert(0, str(HERE / "examples"))
        from archive import Curves

        space = NeatSpace(inputs=1, outputs=1, activations=("tanh", "sigmoid"))
        strategy = strategies.MapElites(cells=(20, 20), worst=-1.0)
        return self._evolve("elites", space, Curves(), strategy=strategy, budget=ne.Budget(evaluations=4000), seed=1)

    @cached_property
    def maze(self) -> ne.Run:
        """Robots that look for what no robot did before."""
        space = NeatSpace(10, 2, recurrent=True, bias="input", initial_hidden=1, weight_power=0.8, weight_range=1.0)
        scoring = Novelty(threshold=6.0, floor=0.25, distance="mean_absolute")
        strategy = strategies.Neat(
            population=250, weight=3.0, target_species=16, survival=0.4, stagnation=2000, refocus=0, scoring=scoring
        )
        task = DeceptiveMaze("hard")
        budget = ne.Budget(evaluations=20_000, target=task.target)
        return self._evolve("maze", space, task, strategy=strategy, budget=budget, seed=1)

    @cached_property
    def networks(self) -> ne.Run:
        """Networks for a table of 178 wines, with inherited weights and a baseline."""
        from sklearn.datasets import load_wine

        from neuroevo.cli.search import evolve_networks
        from neuroevo.evaluators import Serial
        from neuroevo.run.search import SearchSettings

        table = self.folder / "wines.csv"
        data = load_wine()
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*data.feature_names, "cultivar"])
            writer.writerows([*row, f"cultivar {target}"] for row, target in zip(data.data, data.target, strict=True))
        settings = SearchSettings(str(table), "loss,parameters", target="cultivar", epochs=12, kind="classification")
        folder = self.folder / "wines"
        print("run wines ...", flush=True)
        evolve_networks(settings, folder, evaluations=48, evaluator=Serial(), baseline=True, references=True)
        return ne.load_run(folder)

    @cached_property
    def numbers(self) -> ne.Run:
        """Networks for a number: how far the diabetes of 442 patients went on within a year."""
        from neuroevo.cli.search import evolve_networks
        from neuroevo.evaluators import Serial
        from neuroevo.run.search import SearchSettings

        print("run diabetes ...", flush=True)
        evolve_networks(SearchSettings("diabetes", epochs=12), self.folder / "diabetes", evaluations=24, evaluator=Serial())
        return ne.load_run(self.folder / "diabetes")

    @cached_property
    def study(self) -> ne.Run:
        """Random networks for digits at several fidelities."""
        task = ne.tasks.Classification("digits", "loss", seed=1)
        cheaper = [{"epochs": 1}, {"epochs": 2}, {"epochs": 4}, {"epochs": 2, "schedule": 8}, {"epochs": 8, "data": 0.25}, {"epochs": 8, "resolution": 0.5}]  # fmt: skip
        strategy = strategies.FidelityStudy(cheaper, 16, {"epochs": 8})
        return self._evolve("study", task.default_space(), task, strategy=strategy, budget=ne.Budget(evaluations=200), seed=1)

    @cached_property
    def compressed(self) -> ne.Run:
        """A network for the wines from the middle of the front, made smaller in three ways."""
        run = self.networks
        if not run.derived:
            for method in ("shapley", "magnitude", "random"):
                ne.compress(run, run.front[len(run.front) // 2].id, method, keep=(0.75, 0.5, 0.35, 0.25), epochs=5)
        return run

    @cached_property
    def valued(self) -> ne.Run:
        """The best network for XOR, of whose connections it is known what they are worth."""
        run = self.xor
        if not run.derived:
            run.task = ne.tasks.Function(xor)  # this script's own
            ne.compress(run, None, "shapley", max_loss=0.0)
        return run

    @cached_property
    def designed(self) -> ne.Run:
        """Chains of dense layers for the wines, designed by a controller."""
        strategy = strategies.Reinforce(policy="lstm", learning_rate=0.05, batch=3, reward=strategies.Power(3))
        return self._wines("designed", strategy)

    @cached_property
    def mixed(self) -> ne.Run:
        """Cells for digits, whose operations are experts."""
        task = ne.tasks.Classification("digits", "loss", seed=1)
        space = CellSpace("nasbench201", 4, (8, 8, 1), 10, channels=4, repeats=1, stages=2)
        strategy = strategies.Xnas(epochs=16, rate=0.05, finals="none")
        return self._evolve("mixed", space, task, strategy=strategy, budget=ne.Budget(evaluations=9), seed=1)

    @cached_property
    def mirrored(self) -> ne.Run:
        """The same by Q-learning, with an expert's chain beside the accuracy: three layers that grow, and a skip."""
        genes = [
            {"marking": place + 10, "width": width, "inputs": inputs}
            for place, (width, inputs) in enumerate([(8, []), (16, [10]), (32, [11, 10])])
        ]
        expert = self._chains.from_genes(genes)
        schedule = ((1.0, 30), (0.5, 30), (0.1, 60))
        reward = strategies.Mirror(expert, 0.5)
        return self._wines("mirrored", strategies.QLearning(alpha=0.1, shaping="equal", schedule=schedule, reward=reward))

    @cached_property
    def promised(self) -> ne.Run:
        """The same by Bayesian optimization."""
        return self._wines("promised", strategies.Bayesian(), "loss")

    @cached_property
    def halved(self) -> ne.Run:
        """Hyperband's brackets on the wines' chains."""
        return self._wines("halved", strategies.Hyperband(maximum=27), "loss", ne.Budget(generations=4))

    @cached_property
    def boxes(self) -> ne.Run:
        """Two random feature pyramids, trained to find digits on noisy canvases."""
        task = ne.tasks.Detection("scattered_digits", ("ap",), seed=1)
        return self._evolve("boxes", task.default_space(), task, strategy=strategies.RandomSearch(batch=2), budget=ne.Budget(evaluations=2), seed=1)

    _chains = ChainSpace((13,), 3, min_layers=3, max_layers=3, widths=(2, 4, 8, 16, 32))

    def _wines(self, name: str, strategy: Any, objective: str = "error", budget: ne.Budget | None = None) -> ne.Run:
        from sklearn.datasets import load_wine

        from neuroevo.estimation import FullTraining

        data = load_wine()
        task = ne.tasks.Classification((data.data, data.target), objectives=(objective,))
        budget = budget or ne.Budget(evaluations=120)
        return self._evolve(name, self._chains, task, strategy=strategy, estimation=FullTraining(epochs=8), budget=budget, seed=1)


def grown(space: Space, mutations: int, seed: int = 1) -> Genome:
    """A random genome after so many mutations."""
    genome = space.random(philox(seed, 0))
    for clock in range(1, mutations + 1):
        genome = genome.mutate(philox(seed, clock), clock=clock)
    return genome


@dataclass(frozen=True)
class Picture:
    """A figure of the gallery.

    Attributes:
        name: of its file.
        title: its heading.
        caption: what a reader sees in it, who knows nothing of the project.
        code: how it was drawn.
        draw: draws it.
    """

    name: str
    title: str
    caption: str
    code: str
    draw: Callable[[Runs], Figure]


GROWING = {"add_node_rate": 0.4, "add_connection_rate": 0.5}
PAINTING = CppnSpace(outputs=3, **GROWING)
WIRING = CppnSpace(substrate=Substrate.grid((5, 5), (3, 3)), **GROWING)
NASNET = CellSpace("nasnet", 4, (32, 32, 3), 10, channels=8, repeats=1, stages=2)

PICTURES = (
    Picture(
        "front", "The front",
        "Every point is a network trained on the chemistry of 178 wines: its size across, its loss on data it was not trained on up. "
        "Blue are the networks that no other beats in both; crosses, what the same networks score on data that the search never "
        "saw; the orange diamond is a plain network made by hand and trained the same way; pink are models that are no networks, of scikit-learn.",
        "plots.front(run, test)", lambda runs: plots.front(runs.networks, test_scores(runs.networks)),
    ),
    Picture(
        "fronts", "The front by generation",
        "The same kind of picture for small networks that imitate a wave on a slope, at six moments of the search: the later, the darker. The "
        "front moves towards the lower left, where networks are both small and right.",
        "plots.fronts(run)", lambda runs: plots.fronts(runs.wave),
    ),
    Picture(
        "progress", "Progress of several searches",
        "How large a part of all possible trade-offs a search covers (its hypervolume), against the networks it has tried and against "
        "time. Lines are medians of three repetitions, bands their quartiles: evolution (NSGA-II) against random search.",
        'plots.progress(runs, axis=("evaluations", "seconds"))', lambda runs: plots.progress(compare(runs.compared), axis=("evaluations", "seconds")),
    ),
    Picture(
        "parallel", "Objectives and architecture side by side",
        "Each line is one network, crossing an axis for each of its properties; on the bold axes, which are the objectives, up is better. "
        "The front (blue) shows which sizes and depths good networks have.",
        "plots.parallel(run)", lambda runs: plots.parallel(runs.wave),
    ),
    Picture(
        "species", "Species",
        "Networks of similar structure compete among themselves only, as a species, so that a new structure has time to improve. Each band "
        "is a species, as high as it has members; bands begin and end as species are born and die out.",
        "plots.species(run)", lambda runs: plots.species(runs.xor),
    ),
    Picture(
        "operators", "Which mutations help",
        "For each kind of change: how often the changed network was better than its parent, and how often no parent was at least as good "
        "in everything.",
        "plots.operators(run)", lambda runs: plots.operators(runs.networks),
    ),
    Picture(
        "decisions", "What a controller learned",
        "A controller designs networks decision by decision and learns from how good they are. Each panel is one decision, each colour an "
        "option: the wider its band, the likelier it is taken. From left to right the controller makes up its mind.",
        "plots.decisions(run)", lambda runs: plots.decisions(runs.designed),
    ),
    Picture(
        "mixtures", "Many networks at once",
        "A search that trains all networks in one: every connection has several operations, mixed by weights that learn. On top the strongest of "
        "each connection, the wider the surer; in the middle the shares of all of them; crosses mark operations that were given up.",
        "plots.mixtures(run)", lambda runs: plots.mixtures(runs.mixed),
    ),
    Picture(
        "mirror", "Towards an expert's design",
        "A search that is also rewarded for being like a network that a human designed. Left: what the expert has and others have not "
        "(blue), and the other way round (orange). Right: how like the expert each network of the search is.",
        "plots.mirror(run)", lambda runs: plots.mirror(runs.mirrored),
    ),
    Picture(
        "brackets", "Who is trained on",
        "Many networks are trained a little, the better ones more. Each panel is a tournament, each line a network on its way from one round to "
        "the next, where a third of them are trained three times as long; orange, the winners. The panels differ in how soon they let go.",
        "plots.brackets(run)", lambda runs: plots.brackets(runs.halved),
    ),
    Picture(
        "predictions", "What a model expected",
        "Bayesian optimization learns a model of the scores and tries what it promises. Each point is a network: up, what was expected of it before "
        "it was trained, with the interval that should hold it nine times out of ten; across, what it scored. On the dashed line the two agree.",
        "plots.predictions(run)", lambda runs: plots.predictions(runs.promised),
    ),
    Picture(
        "acquisition", "Why networks were tried",
        "The acquisition says how much better than the best so far a network may be. As the search goes on the model expects less and less; the "
        "gap to a typical candidate is what the model knows.",
        "plots.acquisition(run)", lambda runs: plots.acquisition(runs.promised),
    ),
    Picture(
        "kernel", "Families of networks",
        "How alike every two networks of the search are to the model, ordered so that families stand together as blocks. At the right their "
        "scores: a good family is where the model looks further.",
        "plots.kernel(run)", lambda runs: plots.kernel(runs.promised),
    ),
    Picture(
        "landscape", "A map of the search",
        "Networks as points of a plane, the nearer the more alike, coloured by score. The orange line leads over the best so far, from the first "
        "network to the best. It needs no model: `neuroevo plot RUN landscape` draws any search.",
        "plots.landscape(run)", lambda runs: plots.landscape(runs.promised),
    ),
    Picture(
        "curves", "Learning curves",
        "Training loss and validation error of the networks on the front. Those that inherited weights start, at epoch 0, near where "
        "their parents ended.",
        "plots.curves(run)", lambda runs: plots.curves(runs.networks),
    ),
    Picture(
        "fidelity", "Where cheap training stops ranking",
        "The same networks trained in full and in cheaper ways. Left: how well each cheap training ranks them; middle: how many of the best "
        "it finds; right: what it costs. The grey band is what a second full training reaches: more cannot be expected.",
        "plots.fidelity(run)", lambda runs: plots.fidelity(runs.study),
    ),
    Picture(
        "compression", "Networks made smaller",
        "What pruning makes of one network (the star): parameters and bytes on disk against the validation loss, a line for each way to "
        "choose the neurons that go, each point refitted and trained for 5 epochs. Random neurons are what every other way must beat. The grey "
        "steps are the front.",
        "plots.compression(run)", lambda runs: plots.compression(runs.compressed),
    ),
    Picture(
        "worth", "What connections are worth",
        "The connections of a NEAT network by their Shapley value for the fitness: blue what it needs most, grey what it does without, orange "
        "what harms it. Widths are weights.",
        "plots.worth(run)", lambda runs: plots.worth(runs.valued),
    ),
    Picture(
        "descriptors", "What networks do",
        "Every point is a network that draws a curve: where its curve begins across, where it ends up; the lighter, the smoother. The search "
        "(MAP-Elites) looks for a smooth curve of every kind, not for one best curve.",
        "plots.descriptors(run)", lambda runs: plots.descriptors(runs.archive),
    ),
    Picture(
        "archive", "The best of every kind",
        "MAP-Elites cuts what networks do into cells, here by where a curve begins and where it ends, and keeps the best network of each.",
        "plots.archive(run)", lambda runs: plots.archive(runs.elites),
    ),
    Picture(
        "trails", "Robots in a maze",
        "Straight towards the goal is a dead end. Left: where each robot of the run ended; the search rewards places where none had ended "
        "before. Right: how the robots of the last generation went, and in blue the one that came nearest to the goal.",
        "plots.trails(run)", lambda runs: plots.trails(runs.maze),
    ),
    Picture(
        "lineage", "The ancestors of one network",
        "From the random networks at the top down to the best: what was changed at each step, and what it scored. Green: it started from "
        "its parents' trained weights.",
        "plots.lineage(run, id)", lambda runs: plots.lineage(runs.networks, runs.networks.best.id),
    ),
    Picture(
        "descent", "The descent of a whole run",
        "Every network at its birth (across) and its loss (up), joined to its parents. The line that led to the best one is drawn out, "
        "with the changes that made its members.",
        "plots.lineage(run)", lambda runs: plots.lineage(runs.networks),
    ),
    Picture(
        "neat", "A NEAT network",
        "A network whose wiring and weights evolved until it computed the exclusive or. Inputs left, output right; blue connections have "
        "positive, orange ones negative weights, the thicker the larger; dashed ones are switched off.",
        "plots.genome(run.best)", lambda runs: plots.genome(runs.xor.best),
    ),
    Picture(
        "neat_large", "A large NEAT network",
        "With more than thirty hidden nodes, shapes say what a node computes, and what is switched off is left out.",
        "plots.genome(genome)",
        lambda runs: plots.genome(
            grown(NeatSpace(inputs=4, outputs=2, activations=("tanh", "sine", "gaussian"), activation_mutation_rate=0.3, **GROWING), 110)
        ),
    ),
    Picture(
        "difference", "Two networks compared",
        "A network and one of its descendants in one drawing. Grey: what both have, with a purple line inside where its weight differs, the "
        "wider the more; purple: what was switched on or off; blue and orange: what only one of them has. Parts are matched by their historical marking, the number that a part keeps through all descent.",
        "plots.difference(first, second)", lambda runs: plots.difference(_ancestor(runs.xor), runs.xor.best),
    ),
    Picture(
        "network", "A deep network that grew",
        "The best network for the wines, layer by layer from the input at the top, with the sizes that flow between the layers.",
        "plots.genome(run.best)", lambda runs: plots.genome(runs.networks.best),
    ),
    Picture(
        "difference_layers", "Two deep networks compared",
        "The same comparison for layers: two networks of one descent next to each other, shared layers in grey.",
        "plots.difference(first, second)", lambda runs: plots.difference(_ancestor(runs.networks), runs.networks.best),
    ),
    Picture(
        "dag", "A graph of layers",
        "A network whose layers form a free graph. Green lines join a path that is there already.",
        "plots.genome(genome)", lambda runs: plots.genome(grown(DagSpace((16, 16, 3), 10), 8)),
    ),
    Picture(
        "chain", "A chain of layers with skips",
        "Convolutions one after the other, some of which also read earlier ones.",
        "plots.genome(genome)", lambda runs: plots.genome(grown(ChainSpace((32, 32, 3), 10, max_layers=5), 4)),
    ),
    Picture(
        "cell", "A cell of five operations",
        "A small pattern of operations between feature maps, of which a whole network is stacked (the kind of NAS-Bench-201).",
        "plots.genome(genome)", lambda runs: plots.genome(CellSpace().build([int(digit) for digit in "431210"])),
    ),
    Picture(
        "cell_blocks", "A normal and a reduction cell",
        "The kind of NASNet: every block applies two operations to earlier results and joins them; the reduction cell halves the "
        "resolution.",
        "plots.genome(genome)", lambda runs: plots.genome(NASNET.random(philox(2, 0))),
    ),
    Picture(
        "pyramid", "A feature pyramid",
        "How the maps of a backbone (left) are merged into those in which a detector looks for large and small objects (right): NAS-FPN's published "
        "wiring, on three levels. Green cells add two maps, pink ones weigh one by the other.",
        "plots.genome(genome)", lambda runs: plots.genome(PyramidSpace.for_data((64, 64, 1), 10).nas_fpn()),
    ),
    Picture(
        "detections", "What a detector finds",
        "Digits scattered over noisy canvases, among strokes and halves of digits: dashed, where they are; orange, what a small network found, "
        "which digit it takes it for, and how sure it is in per cent.",
        "plots.detections(run)", lambda runs: plots.detections(runs.boxes),
    ),
    Picture(
        "confusion", "Which classes a network takes for which",
        "A row for each of three kinds of wine, a column for each that the best network says, counted on data that the search never saw.",
        "plots.confusion(run, 17)", lambda runs: plots.confusion(runs.networks),
    ),
    Picture(
        "residuals", "How far off its numbers are",
        "The best network's predictions of how far a disease went on: what was observed over what was predicted, and what is left of it. Where "
        "the orange line leaves 0, the network is wrong in the same way each time.",
        "plots.residuals(run, 17)", lambda runs: plots.residuals(runs.numbers),
    ),
    Picture(
        "calibration", "Whether its probabilities are what they say",
        "Of the wines to which the best network gives a class with a probability of 0.9, nine of ten should be of that class: then the points lie "
        "on the grey line. Bars are 95 % intervals: the fewer samples, the less is known.",
        "plots.calibration(run, 17)", lambda runs: plots.calibration(runs.networks),
    ),
    Picture(
        "importance", "Which columns it needs",
        "By how much the best network's score gets worse where one column is shuffled among the wines, so that it says nothing any more.",
        "plots.importance(run, 17)", lambda runs: plots.importance(runs.networks),
    ),
    Picture(
        "cppn", "A network that paints",
        "A CPPN computes the colour of each point of a picture from its coordinates.",
        "plots.genome(genome)", lambda runs: plots.genome(grown(PAINTING, 14, 3)),
    ),
    Picture(
        "pictures", "What such networks paint",
        "Twelve of them after a few random mutations each.",
        "plots.pictures(genomes)", lambda runs: plots.pictures([grown(PAINTING, 14, seed) for seed in range(12)], 64, columns=6),
    ),
    Picture(
        "pattern", "Weights as a picture",
        "In HyperNEAT the CPPN paints the weights of another network. This is what connects the middle of one layer with every place of the "
        "next.",
        "plots.pattern(genome)", lambda runs: plots.pattern(grown(WIRING, 20, 59), 128),
    ),
    Picture(
        "substrate", "The network that was painted",
        "The same CPPN's network, with its nodes where their coordinates say.",
        "plots.substrate(genome)", lambda runs: plots.substrate(grown(WIRING, 20, 59)),
    ),
)  # fmt: skip


def _ancestor(run: ne.Run) -> Any:
    """The farthest ancestor of the best whose record was kept, along first parents."""
    individual = run.best
    for _ in range(6):
        if not individual.parents:
            break
        individual = run[individual.parents[0]]
    return individual


def write(picture: Picture, runs: Runs) -> Path:
    """Draw one figure into its file: as SVG where that is small, else as PNG."""
    from matplotlib import rc_context

    figure = picture.draw(runs)
    target = HERE / "gallery" / picture.name
    tries: list[tuple[str, dict[str, Any]]] = [("png", {"dpi": dpi, "metadata": {"Software": None}}) for dpi in (90, 60)]
    if picture.name not in ("pictures", "pattern", "substrate"):
        tries.insert(0, ("svg", {"metadata": {"Date": None}}))
    for suffix in ("svg", "png"):
        target.with_suffix(f".{suffix}").unlink(missing_ok=True)
    with rc_context({"svg.hashsalt": picture.name, "svg.fonttype": "none"}):
        for suffix, options in tries:
            path = target.with_suffix(f".{suffix}")
            figure.savefig(path, **options)
            if suffix == "png" and path.stat().st_size > LARGEST:
                fewer_colours(path)
            if path.stat().st_size <= LARGEST:
                return path
            path.unlink()
    raise SystemExit(f"{target.name} is larger than {LARGEST:,} bytes as a PNG, too: draw less")


def fewer_colours(path: Path) -> None:
    """Save a PNG again with a palette: a third of the bytes for pictures of noise."""
    from PIL import Image

    with Image.open(path) as image:
        paletted = image.convert("RGB").quantize(128)
    paletted.save(path, optimize=True)


def page() -> str:
    """docs/gallery.md."""
    parts = [
        "# Gallery",
        "Every kind of figure, made by `python docs/gallery.py` from small runs; `from neuroevo import plots` and the line below each "
        "draw it, or `neuroevo plot RUN NAME` for those of a run. Every one is saved as a vector file by `figure.savefig('name.svg')` "
        "or `.pdf`.",
    ]
    for picture in PICTURES:
        (path,) = sorted((HERE / "gallery").glob(f"{picture.name}.*"))
        parts += [f"## {picture.title}", f"![{picture.title}](gallery/{path.name})", picture.caption, f"`{picture.code}`"]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    names = [picture.name for picture in PICTURES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"these figures alone: {', '.join(names)}")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    options = parser.parse_args()
    (HERE / "gallery").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.runs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = Runs(folder)
        for picture in PICTURES:
            if options.only is None or picture.name in options.only:
                path = write(picture, runs)
                print(f"written: {path} ({path.stat().st_size / 1000:.0f} kB)", flush=True)
    (HERE / "gallery.md").write_text(page())


if __name__ == "__main__":
    sys.exit(main())
