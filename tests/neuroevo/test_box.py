"""The hypervolume of a run: in one box, which is named, recorded and the same wherever the number is shown."""

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_run import evolve

import neuroevo as ne
from genomes import NeatSpace, NetworkSpace
from neuroevo.core.objectives import FLOPS, PARAMETERS, Objective
from neuroevo.report.comparison import _labels, compare, comparison_json, comparison_table
from neuroevo.report.html import page
from neuroevo.report.text import run_json, run_table
from neuroevo.run.box import Box, around, box_from_json, box_of
from neuroevo.run.run import Run
from neuroevo.selection import normalised_hypervolume
from neuroevo.store import StoreError
from neuroevo.testing.evaluator import SquareTask

ERROR = ne.tasks.Classification.offered[0]
TWO = {"near": Objective("near"), "score": Objective("score", "maximise")}


def values(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float64)


def test_declared_ends_and_limits_need_no_generation() -> None:
    objectives = {"error": ERROR, "parameters": PARAMETERS}
    box = box_of(objectives, values().reshape(0, 2), limits={"parameters": 1_000_000.0})
    assert box.described == "error 0 to 1 (declared), parameters 1 to 1,000,000 (declared; the space's limit, logarithmic)"
    assert box == box_of(objectives, values((0.3, 900.0), (0.9, 50.0)), limits={"parameters": 1_000_000.0})
    limited = {"error": ERROR, "parameters": Objective("parameters", kind="cheap", of=len, limit=500, log=True, ideal=1.0)}
    assert box_of(limited, values((0.3, 900.0)), limits={}).described.endswith("1 to 500 (declared; its limit, logarithmic)")


def test_what_is_not_declared_lies_a_deviation_beyond_the_first_generation() -> None:
    box = box_of(TWO, values((1.0, 5.0), (2.0, 9.0), (3.0, 7.0)), limits={})
    near, score = box.sides["near"], box.sides["score"]
    assert near.ideal == pytest.approx(1.0 - np.std([1, 2, 3])) and near.reference == pytest.approx(3.0 + np.std([1, 2, 3]))
    assert score.ideal == pytest.approx(9.0 + np.std([5, 7, 9])) and score.reference == pytest.approx(5.0 - np.std([5, 7, 9]))
    assert near.ideal_from == "first generation" and box.described.count("first generation") == 2
    grows = {"flops": FLOPS, "size": Objective("size", kind="cheap", of=len)}
    box = box_of(grows, values((10.0, 3.0), (1000.0, 2.0)), limits={})
    assert (box.sides["flops"].ideal, box.sides["flops"].reference) == (1.0, pytest.approx(10_000.0))
    assert (box.sides["size"].ideal, box.sides["size"].reference) == (1.5, 30.0)
    latency = {"latency": Objective("latency", kind="measured", log=True), "near": TWO["near"]}
    assert box_of(latency, values((0.1, 1.0), (10.0, 2.0)), limits={}).sides["latency"].ideal == pytest.approx(0.01)
    assert (
        box_of(TWO, values((np.nan, 1.0)), limits={}) is None and box_of({"near": TWO["near"]}, values((1.0,)), limits={}) is None
    )


@pytest.mark.parametrize("row", [(0.0, 0.0), (5.0, -3.0), (1e9, 1e-9), (-7.0, -7.0)])
def test_a_box_of_equal_values_has_room(row: tuple[float, float]) -> None:
    ideal, reference = box_of(TWO, values(row, row), limits={}).corners
    assert (reference > ideal).all() and np.isfinite(reference - ideal).all()
    beyond = {"near": Objective("near", ideal=0.0), "score": Objective("score", "maximise", reference=100.0)}
    ideal, reference = box_of(beyond, values((-4.0, 3.0), (-5.0, 2.0)), limits={}).corners
    assert (reference > ideal).all()


@pytest.mark.parametrize(("offset", "unit"), [(1e12, 1.0), (-1e15, 64.0), (0.0, 1e-300), (0.0, 1e300), (273.15, 1e-9)])
def test_a_box_depends_on_no_unit_and_no_offset(offset: float, unit: float) -> None:
    rows = values(*((offset + unit * k, 0.0) for k in (0.0, 1.0, 2.0)))
    side = box_of(TWO, rows, limits={}).sides["near"]
    spread = np.std([0.0, 1.0, 2.0])
    assert (side.ideal - offset) / unit == pytest.approx(-spread, rel=1e-3)
    assert (side.reference - offset) / unit == pytest.approx(2.0 + spread, rel=1e-3)
    first, last = box_of(TWO, rows, limits={}).described.split(" (")[0].removeprefix("near ").split(" to ")
    assert first != last


@pytest.mark.parametrize("value", [1e-9, 3e-12, 2e9])
def test_a_box_of_equal_values_is_as_large_as_they_are(value: float) -> None:
    side = box_of(TWO, values((value, 1.0), (value, 1.0)), limits={}).sides["near"]
    assert (side.ideal, side.reference) == (pytest.approx(0.0), pytest.approx(2 * value))


def test_an_ideal_that_is_not_better_than_the_reference_is_refused() -> None:
    for direction, ideal, reference in (
        ("minimise", 1.0, 1.0),
        ("minimise", 2.0, 1.0),
        ("maximise", 0.0, 1.0),
        ("minimise", np.inf, None),
    ):
        with pytest.raises(ValueError, match="ideal must be a better finite value"):
            Objective("x", direction, ideal=ideal, reference=reference)


def pairs(*points: tuple[float, float], seed: int = 1) -> Run:
    """A run in memory whose individuals score these points, in this order."""
    left = iter(points)

    def fitness(network) -> dict[str, float]:
        near, score = next(left)
        return {"near": near, "score": score}

    return ne.evolve(
        NeatSpace(inputs=1, outputs=1), fitness, objectives={"near": ne.minimise, "score": ne.maximise},
        strategy=ne.strategies.RandomSearch(), budget=ne.Budget(evaluations=len(points)), seed=seed,
    )  # fmt: skip


def test_a_front_of_one_or_two_says_how_far_it_came() -> None:
    one = [pairs((1.0, 5.0), (2.0, 3.0), (9.0, worst)).hypervolume for worst in (1.0, 2.0, 2.9)]
    two = [pairs((1.0, 1.0), (2.0, 5.0), (9.0, worst)).hypervolume for worst in (0.0, 0.5, 0.9)]
    assert len({round(value, 4) for value in one}) == 3 and len({round(value, 4) for value in two}) == 3
    assert not {1.0, 0.1736} & {round(value, 4) for value in (*one, *two)}


def test_the_box_is_the_same_live_at_the_end_and_wherever_it_is_shown(tmp_path: Path, capsys) -> None:
    seen: list[tuple[Box, float]] = []

    class Watching(ne.Callback):
        def on_generation(self, run) -> None:
            seen.append((run.box.to_json(), run.hypervolume))

    run = evolve(SquareTask(), run=tmp_path / "run", callbacks=[Watching()])
    assert all(box == run.box.to_json() for box, _ in seen) and [hv for _, hv in seen] == sorted(hv for _, hv in seen)
    loaded = ne.load_run(tmp_path / "run", lazy=True)
    assert loaded.box.sides == run.box.sides and loaded.hypervolume == run.hypervolume == seen[-1][1]
    ideal, reference = run.box.corners
    front = run.records.costs(np.array([one.fitness.values for one in run.front]))
    assert run.hypervolume == pytest.approx(normalised_hypervolume(front, ideal, reference))
    assert run.box.described in run_table(loaded) and run.box.described in page(loaded)
    assert run_json(loaded)["hypervolume_box"] == run.box.to_json() == json.loads(json.dumps(run.box.to_json()))
    figure = ne.plots.progress(loaded)
    assert "".join(figure.get_supxlabel().split()) == "".join(f"hypervolume in the box {run.box.described}".split())


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_a_resumed_run_keeps_its_box(schedule: str, tmp_path: Path) -> None:
    def searched(evaluations: int, folder: Path | None) -> Run:
        return ne.evolve(
            NetworkSpace((4,), 2), ne.tasks.Function(lambda genome: {"size": float(genome.parameters) % 97, "depth": len(genome.genes())},
            {"size": ne.minimise, "depth": ne.minimise}, of="genome"), strategy=ne.strategies.Nsga2(population=6),
            budget=ne.Budget(evaluations=evaluations), seed=3, run=folder, schedule=schedule,
        )  # fmt: skip

    first = searched(12, tmp_path / "run")
    again = searched(40, tmp_path / "run")
    whole = searched(40, None)
    assert first.box.sides == again.box.sides == whole.box.sides and again.hypervolume == whole.hypervolume >= first.hypervolume


def test_a_run_of_an_older_release_keeps_the_box_of_its_first_generation(tmp_path: Path) -> None:
    evolve(SquareTask(), evaluations=30, run=tmp_path / "run")
    database = sqlite3.connect(tmp_path / "run" / "run.db")
    database.execute("DELETE FROM meta WHERE key = 'box'")
    column = [row[1] for row in database.execute("PRAGMA table_info(state)")][2]
    (text,) = database.execute(f"SELECT {column} FROM state").fetchone()
    state = json.loads(text)
    state["run"]["scale"] = [[0.0, -4.0], [9.0, -1.0]]
    database.execute(f"UPDATE state SET {column} = ?", (json.dumps(state),))
    database.commit()
    database.close()
    again = evolve(SquareTask(), evaluations=60, run=tmp_path / "run")
    assert again.box.described == "square 0 to 9 (first generation), distance 4 to 1 (first generation)"


def test_a_damaged_box_is_one_sentence(tmp_path: Path) -> None:
    evolve(SquareTask(), evaluations=30, run=tmp_path / "run")
    for damage in ('{"square": 3}', '{"square": {}}', "[]", '{"square": {"ideal": "x"}}'):
        database = sqlite3.connect(tmp_path / "run" / "run.db")
        database.execute("UPDATE meta SET value = ? WHERE key = 'box'", (damage,))
        database.commit()
        database.close()
        with pytest.raises(StoreError, match="damaged"):
            ne.load_run(tmp_path / "run")


def test_runs_with_one_box_are_compared_in_it_and_others_in_the_box_around_theirs() -> None:
    def scored(offset: float, seed: int) -> Run:
        return pairs(*((offset + near, near) for near in (3.0, 1.0, 2.0)), seed=seed)

    def declared(seed: int) -> Run:
        objectives = [Objective("near", ideal=0.0, reference=10.0), Objective("score", "maximise", ideal=1.0, reference=0.0)]
        task = ne.tasks.Function(
            lambda network: {"near": abs(float(network([[1.0]])[0, 0])), "score": 0.5}, objectives={o.name: o for o in objectives}
        )
        return ne.evolve(
            NeatSpace(inputs=1, outputs=1),
            task,
            strategy=ne.strategies.RandomSearch(),
            budget=ne.Budget(evaluations=5),
            seed=seed,
        )

    runs = [declared(seed) for seed in (1, 2)]
    found = compare(runs)
    assert found.groups[0].final.tolist() == pytest.approx([run.hypervolume for run in runs])
    assert "near 0 to 10 (declared), score 1 to 0 (declared), that of each run" in comparison_table(found)
    others = [scored(0.0, 1), scored(50.0, 2)]
    found = compare(others)
    ideals, references = zip(*(run.box.corners for run in others), strict=True)
    assert np.array_equal(found.box[0], np.min(ideals, axis=0)) and np.array_equal(found.box[1], np.max(references, axis=0))
    assert "which holds those of the runs" in comparison_table(found)
    assert comparison_json(found)["box"]["near"]["ideal"] == others[0].box.sides["near"].ideal
    assert around([run.box for run in reversed(others)], TWO).to_json() == found.named_box.to_json()
    alone = compare(others[:1])
    assert alone.groups[0].final[0] == pytest.approx(others[0].hypervolume)


def test_a_first_generation_that_was_cut_short_has_a_box_so_far_and_then_the_whole_ones(tmp_path: Path) -> None:
    begun = evolve(SquareTask(), evaluations=4, run=tmp_path / "run")
    assert begun.box.provisional and "so far" in begun.box.described
    loaded = ne.load_run(tmp_path / "run")
    assert loaded.box == begun.box and loaded.hypervolume == begun.hypervolume
    again, whole = evolve(SquareTask(), evaluations=60, run=tmp_path / "run"), evolve(SquareTask(), evaluations=60)
    assert again.box == whole.box and not whole.box.provisional


def test_what_lies_beyond_the_reference_point_is_counted_and_said(tmp_path: Path) -> None:
    run = pairs((1.0, 5.0), (2.0, 3.0), (9.0, 50.0))
    box = box_of(TWO, values((1.0, 5.0), (2.0, 3.0)), limits={})
    assert box.beyond(run.records.costs(values((1.0, 5.0), (9.0, 50.0), (1.5, 1.0)))) == 2
    run.records.fixed_box = box
    assert "; 1 of the front lies beyond its reference point and adds nothing" in run_table(run)
    assert run.hypervolume == pytest.approx(normalised_hypervolume([[1.0, -5.0]], *(corner.tolist() for corner in box.corners)))


def test_a_box_survives_json() -> None:
    box = box_of(TWO, values((1.0, 5.0), (2.5, 9.0)), limits={})
    again = box_from_json(TWO, json.loads(json.dumps(box.to_json())))
    assert again.sides == box.sides and np.array_equal(again.corners, box.corners)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((2000.0, None), ("parameters limit 2000.0", "parameters limit none")),
        ((1.0, 2.5), ("parameters limit 1.0", "parameters limit 2.5")),
    ],
)
def test_groups_that_differ_in_a_limit_are_called_by_it(limits: tuple[float | None, ...], said: tuple[str, str]) -> None:
    def run(limit: float | None) -> SimpleNamespace:
        objectives = [{"name": "error", "limit": None}, {"name": "parameters", "limit": limit}]
        return SimpleNamespace(
            settings={"strategy": {"strategy": "Nsga2"}, "task": {"objectives": objectives}, "objectives": objectives}
        )

    assert _labels([run(limit) for limit in limits]) == [f"Nsga2, {words}" for words in said]
