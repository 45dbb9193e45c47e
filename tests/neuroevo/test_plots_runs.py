"""Pictures of whole runs: progress, descent, operators, learning curves; and runs next to each other."""

from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.core.individual import Individual
from neuroevo.report.comparison import _gains_of_many, _gains_of_two, compare, comparison_json, comparison_table, runs_in
from neuroevo.report.text import run_table
from neuroevo.testing.evaluator import NumberSpace, SquareTask


def search(seed: int = 1, strategy=None, folder: Path | None = None, evaluations: int = 60) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        SquareTask(0.1),
        strategy=strategy or strategies.Nsga2(population=10),
        budget=ne.Budget(evaluations=evaluations),
        seed=seed,
        run=folder,
        progress=False,
    )


def is_picture(figure, folder: Path) -> bool:
    figure.savefig(folder / "figure.png", dpi=40)
    return (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


# Progress and comparison ------------------------------------------------------------------------------------------------------


def test_runs_that_differ_in_their_seed_alone_are_one_group(tmp_path):
    for seed in (1, 2, 3):
        search(seed, folder=tmp_path / f"nsga2-{seed}")
        search(seed, strategies.RandomSearch(), tmp_path / f"random-{seed}")
    comparison = compare(runs_in([tmp_path]))
    assert [(group.label, len(group.runs)) for group in comparison.groups] == [("Nsga2", 3), ("RandomSearch", 3)]
    (test,) = comparison.tests
    nsga2, random = (group.final for group in comparison.groups)
    assert test.better == np.mean(nsga2[:, None] > random) + 0.5 * np.mean(nsga2[:, None] == random)
    text = comparison_table(comparison)
    assert "Mann-Whitney p" in text and "hypervolume in the box" in text
    assert comparison_json(comparison)["groups"][0]["seeds"] == [1, 2, 3]
    assert is_picture(ne.plots.progress(comparison), tmp_path)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_the_gains_of_points_add_up_to_their_hypervolume(objectives):
    import moocore

    rng = np.random.default_rng(objectives)
    for trial in range(20):
        costs = rng.random((50, objectives)) * 1.2 - 0.05
        costs = np.round(costs, 1) if trial % 3 == 0 else costs  # with ties
        found = np.cumsum((_gains_of_two if objectives == 2 else _gains_of_many)(costs))
        for seen in (1, 10, 50):
            inside = costs[:seen][(costs[:seen] < 1).all(axis=1)]
            expected = moocore.hypervolume(inside, ref=np.ones(objectives)) if len(inside) else 0.0
            assert found[seen - 1] == pytest.approx(expected, abs=1e-9)


def test_hypervolume_never_falls_and_ends_at_the_fronts(tmp_path):
    import moocore

    run = search()
    comparison = compare([run])
    curve = comparison.groups[0].curves[0]
    assert len(curve.value) == run.evaluations and (np.diff(curve.value) >= 0).all()
    ideal, reference = comparison.box
    points = (run.records.costs(np.array([i.fitness.values for i in run.front])) - ideal) / (reference - ideal)
    assert curve.value[-1] == pytest.approx(moocore.hypervolume(points, ref=np.ones(2)))


def test_settings_that_differ_are_named_in_the_labels():
    runs = [search(strategy=strategies.Nsga2(population=size)) for size in (10, 20)]
    assert [group.label for group in compare(runs).groups] == ["Nsga2, population 10", "Nsga2, population 20"]


def test_runs_on_other_objectives_are_refused():
    other = ne.evolve(NeatSpace(inputs=2, outputs=1), lambda network: 1.0, budget=ne.Budget(evaluations=12), progress=False)
    with pytest.raises(ValueError, match="same objectives"):
        compare([search(), other])


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds none"):
        runs_in([tmp_path])


def test_a_run_that_kept_champions_only_still_shows_its_progress(tmp_path):
    def fitness(network) -> float:
        return -float(np.square(network(np.ones((1, 2))) - 0.3).sum())

    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        fitness,
        population=20,
        budget=ne.Budget(generations=5),
        record="champions",
        progress=False,
    )
    curve = compare([run]).groups[0].curves[0]
    assert curve.evaluations.tolist() == [row["evaluations"] for row in run.summaries]
    assert (np.diff(curve.value) >= 0).all()
    assert is_picture(ne.plots.progress(run), tmp_path)


# Descent ----------------------------------------------------------------------------------------------------------------------


def test_a_lineage_holds_every_ancestor_above_its_children(tmp_path):
    run = search()
    youngest = max(run, key=lambda individual: (individual.generation, individual.id))
    data = ne.plots.lineage_data(run, youngest.id, generations=50)
    expected, frontier = set(), [youngest.id]
    while frontier:
        member = frontier.pop()
        if member not in expected:
            expected.add(member)
            frontier += run[member].parents
    assert set(data.individuals) == expected and data.missing == 0
    assert all(data.depth[parent] > data.depth[child] for parent, child in data.edges)
    assert len(set(data.position.values())) == len(expected)  # no two boxes in one place
    assert is_picture(ne.plots.lineage(run, youngest.id), tmp_path)
    assert is_picture(ne.plots.lineage(run), tmp_path)


def test_a_lineage_says_how_many_ancestors_it_leaves_out():
    run = search()
    youngest = max(run, key=lambda individual: (individual.generation, individual.id))
    data = ne.plots.lineage_data(run, youngest.id, generations=1)
    assert set(data.individuals) == {youngest.id, *youngest.parents}
    assert data.missing == len({g for p in youngest.parents for g in run[p].parents} - set(data.individuals))


# Operators and learning curves ------------------------------------------------------------------------------------------------


def made(id: int, values, parents=(), operators=(), info=None, status="done") -> Individual:
    individual = Individual(id, None, (-1.0, -1.0), names=("error", "size"), parents=parents, operators=operators)  # type: ignore[arg-type]
    individual.fitness.values, individual.status, individual.info = values, status, info or {}
    return individual


def test_an_operator_is_judged_by_children_that_beat_their_parents():
    individuals = [
        made(0, (0.2, 100)),
        made(1, (0.1, 200), (0,), ("widen",)),  # better error, not dominated
        made(2, (0.2, 100), (0,), ("widen",)),  # no better in anything
        made(3, (0.3, 50), (0,), ("prune",)),  # worse error, not dominated
        made(4, (9, 9), (0,), ("prune",), status="failed"),
        made(5, (0.0, 10), (99,), ("prune",)),  # its parent was not kept
    ]
    found = {entry.operator: entry for entry in ne.plots.operators_data(individuals)}
    assert (found["widen"].children, found["widen"].improved, found["widen"].undominated) == (2, 0.5, 0.5)
    assert (found["prune"].children, found["prune"].improved, found["prune"].undominated, found["prune"].failed) == (
        2,
        0.0,
        0.5,
        0.5,
    )


def test_the_operators_of_a_run_are_drawn(tmp_path):
    assert is_picture(ne.plots.operators(search()), tmp_path)


def test_a_learning_curve_of_an_heir_starts_right_after_inheriting():
    curve = {"train_loss": [1.0, 0.5], "epochs": [1, 2], "error": [0.3, 0.2]}
    individuals = [
        made(0, (0.2, 1), info={"curve": curve}),
        made(1, (0.2, 1), info={"curve": curve, "inherited": {"error": 0.25, "distilled_epochs": 0}}),
        made(2, (0.2, 1)),
    ]
    name, (first, heir) = ne.plots.curves_data(individuals)
    assert name == "error"
    assert (first.epochs, first.inherited) == ((1, 2), False)
    assert (heir.epochs, heir.scores, heir.inherited) == ((0, 1, 2), (0.25, 0.3, 0.2), True)


def test_a_run_without_training_has_no_learning_curves():
    with pytest.raises(ValueError, match="did not come from training"):
        ne.plots.curves(search())


def test_a_front_of_two_covers_something():
    """The first two that are on the front; a box that ended at them would have no room for either."""
    run = search()
    ideal, reference = run.box.corners
    first = run.records.costs(np.array([one.fitness.values for one in run if one.generation == 0 and run.records.counts(one)]))
    assert (reference > first.max(axis=0)).all() and (ideal < first.min(axis=0)).all()
    beyond = run.box.beyond(run.records.costs(np.array([one.fitness.values for one in run.front])))
    assert (f"{beyond} of the front lie" in run_table(run)) is (beyond > 0)
