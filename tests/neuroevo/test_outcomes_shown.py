"""Everything that shows a run knows what can become of an individual: done, at a lower fidelity, stopped, predicted, failed; several
evaluations, trials without individuals, descriptors, epochs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mixed_run import HIGH, LOW, SHARED_EPOCHS, Bent, Mixed, Rungs, mixed
from test_trials import Script, Told, born, search

import neuroevo as ne
from neuroevo import plots, strategies
from neuroevo.core.trial import Measurement
from neuroevo.estimation import Direct
from neuroevo.interop.notebook import individual_html, run_html
from neuroevo.interop.trackers import generation_numbers
from neuroevo.plots.outcomes import outcome
from neuroevo.report.comparison import compare, comparison_json, comparison_table
from neuroevo.report.html import page, report_data
from neuroevo.report.text import individual_table, run_json, run_table
from neuroevo.run.live import Live
from neuroevo.store import Store, StoreError
from neuroevo.testing.evaluator import NumberSpace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "run"
    mixed(path)
    return path


@pytest.fixture
def run(folder: Path) -> ne.Run:
    return ne.load_run(folder)


def of(run: ne.Run, kind: str) -> list[ne.Individual]:
    return [individual for individual in run if outcome(run, individual) == kind]


def pictured(figure: Any, folder: Path) -> None:
    figure.savefig(folder / "figure.png", dpi=40)
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


# Counts -----------------------------------------------------------------------------------------------------------------------


def test_counts_are_the_same_while_it_goes_on_afterwards_and_when_it_is_loaded(folder: Path, tmp_path: Path) -> None:
    made, loaded, in_memory = mixed(tmp_path / "run"), ne.load_run(folder), mixed(None)
    for seen in (made, loaded, in_memory):
        assert (seen.evaluations, seen.failures, seen.stopped, seen.predictions) == (60, 10, 10, 10)
        assert seen.epochs == sum(made.trials()["epochs"])
        last = seen.summaries[-1]
        assert last["stopped"] == 10 and last["predictions"] == 10 and last["epochs"] == seen.epochs
    statuses = made.trials()["status"].value_counts()
    assert statuses["stopped"] == 10 and statuses["predicted"] == 10 and statuses["failed"] == 10


def test_counts_go_on_with_a_run_that_was_cut(folder: Path, tmp_path: Path) -> None:
    for evaluations in (7, 23, 44):
        mixed(tmp_path / "run", evaluations)
    parts, whole = mixed(tmp_path / "run"), ne.load_run(folder)
    assert (parts.stopped, parts.predictions, parts.epochs) == (whole.stopped, whole.predictions, whole.epochs)
    curves = [compare([each]).groups[0].curves[0] for each in (parts, whole)]
    assert np.array_equal(curves[0].value, curves[1].value) and np.array_equal(curves[0].epochs, curves[1].epochs)


def test_epochs_of_members_that_were_scored_apart_are_on_record(tmp_path: Path) -> None:
    def ask(strategy: Script) -> list[Any]:
        members = [strategy.search.random() for _ in range(7)]
        return [replace(strategy.search.trial(members), separable=True)]

    def answer(trial: Any) -> Measurement:
        size = len(trial.individuals)
        return Measurement(np.arange(size, dtype=float)[:, None], epochs=2.0 * size, seconds=0.1 * size)

    run = search(Script(ask), Told(answer), run=tmp_path / "run")
    assert run.epochs == ne.load_run(tmp_path / "run").epochs == 14.0
    assert run.trials()["epochs"].tolist() == [14.0] and run.trials()["seconds"].tolist() == pytest.approx([0.7])


def test_a_folder_without_settings_is_not_begun_anew_where_all_were_stopped(tmp_path: Path) -> None:
    def answer(trial: Any) -> Measurement:
        return Measurement(np.zeros((1, 1)), stopped={0: "hopeless"})

    class Unsaved(Script):
        def state(self) -> Any:
            raise NotImplementedError

    search(Unsaved(born(3)), Told(answer), run=tmp_path / "run")
    (tmp_path / "run" / "config.json").unlink()
    with pytest.raises(StoreError, match=r"holds a run without its config\.json"):
        search(Unsaved(born(3)), Told(answer), run=tmp_path / "run")


# Text and JSON ----------------------------------------------------------------------------------------------------------------


def test_the_table_of_a_run_counts_every_outcome_and_says_why_trainings_were_stopped(run: ne.Run) -> None:
    text = run_table(run)
    assert f"60 evaluated, 10 failed, 10 stopped, 10 predicted, {run.epochs:.6g} epochs" in text
    assert f"trials without individuals: {SHARED_EPOCHS} train shared, {SHARED_EPOCHS} epochs" in text
    assert "stopped: 3: worse than half of the others after epoch 1" in text and "... and 5 more that were stopped" in text
    assert "... and 5 more failures" in text


def test_a_run_without_such_outcomes_does_not_speak_of_them() -> None:
    text = run_table(search(strategies.RandomSearch(batch=5), Direct(), 5))
    assert "5 evaluated, 0 failed, " in text
    assert "stopped" not in text and "predicted" not in text and "epochs" not in text and "trials without" not in text


def test_a_run_as_json_has_every_count(run: ne.Run) -> None:
    counts = json.loads(json.dumps(run_json(run)))["counts"]
    assert counts == {
        "evaluated": 60, "failed": 10, "stopped": 10, "predicted": 10, "trials_without_individuals": SHARED_EPOCHS,
        "epochs": run.epochs, "generations": run.generation,
    }  # fmt: skip


def test_an_individual_is_shown_with_a_line_for_each_of_its_trials(run: ne.Run) -> None:
    again = next(one for one in run if len(run.evaluations_of(one.id)) == 2)
    low, full = run.evaluations_of(again.id)
    assert low.fidelity == LOW and full.fidelity == HIGH and again.trial == full.trial
    text = individual_table(run, again.id)
    assert f"  trial {low.trial}, 2 epochs: done, miss {low.values[0]:.4g}" in text
    assert re.search(rf"  trial {full.trial}, 4 epochs: done, .*, the one that counts", text)
    stopped, predicted, failed = (of(run, kind)[0] for kind in ("stopped", "predicted", "failed"))
    text = individual_table(run, stopped.id)
    assert f"stopped (worse than half of the others after epoch 1), miss {stopped.values['miss']:.4g}" in text
    text = individual_table(run, predicted.id)
    assert f"miss: {predicted.values['miss']:.4g} ± 0.1\n" in text and ": predicted, miss" in text and "trained" not in text
    assert "miss" not in individual_table(run, failed.id)
    assert "descriptors: " in individual_table(run, again.id)


def test_a_run_in_memory_knows_the_evaluation_that_counts() -> None:
    run = mixed(None)
    (evaluation,) = run.evaluations_of(run.best.id)
    assert evaluation.values == run.best.fitness.values and evaluation.trial == run.best.trial
    with pytest.raises(KeyError, match="no individual 999"):
        run.evaluations_of(999)


# The course -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["folder", "memory", "workers"])
def test_a_value_counts_from_the_trial_that_found_it_at_full_fidelity(where: str, run: ne.Run) -> None:
    seen = run if where == "folder" else mixed(None, workers=2 if where == "workers" else None)
    trials = run.trials()
    spent = trials[(trials["members"] > 0) & (trials["status"] != "predicted")]
    curve = compare([seen], "miss").groups[0].curves[0]
    for axis, before in (("evaluations", lambda rows: len(rows)), ("epochs", lambda rows: rows["epochs"].sum())):
        for member in (one for one in run if run.records.counts(one)):
            upto = (spent if axis == "evaluations" else trials).query("id <= @member.trial")
            at = np.searchsorted(curve.over(axis), before(upto) + 1e-9) - 1
            assert curve.over(axis)[at] == pytest.approx(before(upto))
            assert curve.value[at] <= member.values["miss"], "found by then"
    assert np.isnan(curve.value[0]), "nothing was at full fidelity then"
    assert curve.evaluations[-1] == 60 and curve.epochs[-1] == run.epochs
    assert compare([seen]).groups[0].final[0] == pytest.approx(run.hypervolume)


def test_progress_is_drawn_and_compared_over_epochs(run: ne.Run, tmp_path: Path) -> None:
    figure = plots.progress(run, axis=("evaluations", "epochs", "seconds"))
    assert [axes.get_xlabel() for axes in figure.axes] == ["individuals evaluated", "training epochs", "seconds"]
    assert figure.axes[1].lines[0].get_xdata()[-1] == pytest.approx(run.epochs)
    pictured(figure, tmp_path)
    seeds = [mixed(None, 30, seed=seed) for seed in (1, 2, 3)]
    comparison = compare(seeds, axis="epochs")
    assert plots.progress(comparison).axes[0].get_xlabel() == "training epochs"
    head, row = comparison_table(comparison).splitlines()[:2]
    mean = sum(seed.epochs for seed in seeds) / 3
    assert head.split()[:3] == ["runs", "seeds", "epochs"] and row.split()[2] == f"{mean:,.0f}"
    assert comparison_json(comparison)["groups"][0]["epochs"] == [seed.epochs for seed in seeds]


def test_what_trained_nothing_has_no_epochs_to_count_in() -> None:
    run = search(strategies.RandomSearch(batch=5), Direct(), 5)
    for refused in (lambda: compare([run], axis="epochs"), lambda: plots.progress(run, axis="epochs")):
        with pytest.raises(ValueError, match="trained nothing, so it has no epochs to count in; use evaluations or seconds"):
            refused()
    with pytest.raises(ValueError, match="did you mean 'epochs'"):
        compare([run], axis="epoch")


def test_members_of_a_population_that_is_scored_as_a_whole_are_counted_one_by_one() -> None:
    from genomes import NeatSpace

    @ne.population_fitness
    def fitness(population: Any) -> Any:
        return -np.abs(population(np.ones((1, 2)))[:, 0, 0] - 0.3)

    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1), fitness, population=20, seed=1, budget=ne.Budget(generations=3), progress=False
    )
    curve = compare([run]).groups[0].curves[0]
    assert curve.evaluations.tolist() == list(range(1, run.evaluations + 1))
    values = [individual.fitness.values[0] for individual in run]
    assert np.array_equal(curve.value, np.maximum.accumulate(values))


# Figures ----------------------------------------------------------------------------------------------------------------------


def test_the_front_shows_beside_it_what_cannot_be_on_it(run: ne.Run, tmp_path: Path) -> None:
    data = plots.front_data(run)
    for kind in ("partial", "stopped", "predicted"):
        assert data.beside[kind].tolist() == [list(one.fitness.values) for one in of(run, kind)] != []
    assert set(data.ids) <= {one.id for one in of(run, "done")}
    assert len(data.dominated) == len(of(run, "done")) - len(data.ids)
    assert (data.deviation == [0.1, 2.0]).all() and len(data.deviation) == 10
    figure = plots.front(run)
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert {"at a lower fidelity", "stopped early", "predicted, with its deviation"} < set(labels)
    pictured(figure, tmp_path)


def test_one_objective_is_drawn_with_the_same_marks(tmp_path: Path) -> None:
    class Alone(Bent):
        def __init__(self) -> None:
            super().__init__()
            self.objectives = {"miss": self.objectives["miss"]}

    class One(Mixed):
        def plan(self, individual: Any) -> Any:
            plan = super().plan(individual)
            return (
                plan
                if isinstance(plan, ne.core.trial.Fidelity)
                else replace(plan, values=plan.values[:1], deviation=plan.deviation[:1])
            )

        def measure(self, trial: Any, task: Any, context: Any) -> Measurement:
            if trial.job == "train_shared":
                return replace(super().measure(trial, task, context), values=np.empty((0, 1)))
            measured = Direct.measure(self, trial, task, context)
            return replace(measured, stopped={0: "hopeless"}) if trial.individuals[0].id % 6 == 3 else measured

    run = ne.evolve(
        NumberSpace(), Alone(), estimation=One(), strategy=Rungs(), seed=4, budget=ne.Budget(evaluations=40), progress=False
    )
    labels = plots.front(run).axes[0].get_legend_handles_labels()[1]
    assert {"individuals", "best so far", "at a lower fidelity", "stopped early", "predicted, with its deviation"} <= set(labels)
    pictured(plots.front(run), tmp_path)


def test_other_figures_compare_only_what_is_done_at_full_fidelity(run: ne.Run, tmp_path: Path) -> None:
    full = {one.id for one in of(run, "done")}
    assert set(plots.parallel_data(run).ids) == full
    assert {id for at in plots.fronts_data(run) for id in at.ids} <= full
    assert plots.fronts_data(run)[-1].evaluated == sum(
        one.status != "predicted" for one in run if one.generation <= plots.fronts_data(run)[-1].generation
    )
    descent = plots.descent_data(run)
    assert descent.partial == {one.id for one in of(run, "partial")} and not descent.partial & descent.front
    pictured(plots.fronts(run), tmp_path)
    pictured(plots.lineage(run), tmp_path)


def test_a_lineage_names_what_was_stopped_or_is_at_a_lower_fidelity(run: ne.Run) -> None:
    for kind, said in (("stopped", "\nstopped"), ("partial", "\nat a lower fidelity"), ("predicted", "\npredicted")):
        figure = plots.lineage(run, of(run, kind)[-1].id)
        (text,) = [text.get_text() for text in figure.axes[0].texts if text.get_text().startswith(f"{of(run, kind)[-1].id}:")]
        assert text.endswith(said) and "miss" in text


def test_learning_curves_mark_where_a_training_was_stopped(run: ne.Run, tmp_path: Path) -> None:
    one = of(run, "stopped")[0]
    name, (curve,) = plots.curves_data([one])
    assert name == "miss" and curve.stopped == "worse than half of the others after epoch 1" and curve.epochs == (1,)
    figure = plots.curves(run)
    labels = figure.axes[1].get_legend_handles_labels()[1]
    assert sum("(stopped)" in label for label in labels) == 4 and len(labels) <= 12
    crosses = [line for line in figure.axes[1].lines if line.get_marker() == "X"]
    assert len(crosses) == 4 and (crosses[0].get_xdata()[0], crosses[0].get_ydata()[0]) == (1, curve.scores[-1])
    pictured(figure, tmp_path)


def test_operators_are_judged_on_equal_terms(run: ne.Run) -> None:
    parents = {one.id: one for one in run}
    judged = [
        one
        for one in run
        if one.parents and parents[one.parents[0]].status == "done" and one.status != "predicted"
        and (one.status != "done" or parents[one.parents[0]].fidelity == one.fidelity)
    ]  # fmt: skip
    (entry,) = plots.operators_data(run)
    assert entry.children == len(judged) < len([one for one in run if one.parents])
    assert entry.stopped == sum(one.status == "stopped" for one in judged) / len(judged) > 0
    assert entry.failed == sum(one.status == "failed" for one in judged) / len(judged) > 0
    assert any("stopped" in text.get_text() for text in plots.operators(run).axes[0].texts)


def test_descriptors_are_drawn_coloured_by_the_first_objective(run: ne.Run, tmp_path: Path) -> None:
    data = plots.descriptors_data(run)
    assert data.points.shape == (len(data.ids), 2) and data.ids[data.best] == run.best.id
    assert data.points[data.best].tolist() == run.best.descriptors.tolist()
    assert not {one.id for one in run if one.status in ("failed", "predicted")} & set(data.ids)
    figure = plots.descriptors(run)
    points = figure.axes[0].collections[0]
    assert sorted(points.get_array().tolist()) == sorted(data.values.tolist())
    assert points.get_array()[-1] == data.values.min(), "the best lie on top"
    pictured(figure, tmp_path)
    with pytest.raises(ValueError, match="no individual of this run has descriptors"):
        plots.descriptors(search(strategies.RandomSearch(batch=5), Direct(), 5))


def test_one_descriptor_is_drawn_against_the_objective(tmp_path: Path) -> None:
    def answer(trial: Any) -> Measurement:
        value = float(trial.individuals[0].genome.value)
        return Measurement(np.array([[value**2]]), descriptors=np.array([[value]]))

    run = search(strategies.RandomSearch(batch=10), Told(answer), 10)
    figure = plots.descriptors(run)
    assert figure.axes[0].get_xlabel() == "descriptor 0" and figure.axes[0].get_ylabel() == "score (higher is better)"
    pictured(figure, tmp_path)


# The page ---------------------------------------------------------------------------------------------------------------------


class Texts(HTMLParser):
    """The text of each section, by its heading."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._tags: list[str] = []
        self._heading = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._tags.append(tag)
        if tag == "h2":
            self._heading = ""

    def handle_data(self, data: str) -> None:
        if self._tags and self._tags[-1] == "h2" and not self._heading:
            self._heading = data
        self.found[self._heading] = f"{self.found.get(self._heading, '')} {data}"


def test_the_page_tells_outcomes_apart_and_says_why(run: ne.Run) -> None:
    data = report_data(run)
    by_id = dict(zip(data["individuals"]["id"], data["individuals"]["status"], strict=True))
    assert all(by_id[one.id] == outcome(run, one) for one in run) and {"partial", "stopped", "predicted"} < set(by_id.values())
    stopped, partial, predicted = (of(run, kind)[0] for kind in ("stopped", "partial", "predicted"))
    assert data["said"][str(stopped.id)] == "worse than half of the others after epoch 1"
    assert data["said"][str(partial.id)] == "2 epochs" and str(run.best.id) not in data["said"]
    assert data["deviation"][str(predicted.id)] == [0.1, 2.0] and len(data["deviation"]) == 10
    assert data["progress"]["over"]["epochs"][-1] == run.epochs and len(data["progress"]["over"]) == 3
    text = page(run)
    for mark in ("at a lower fidelity", "stopped early", "predicted, with its deviation"):
        assert f"</svg>{mark}</span>" in text
    sections = Texts(text).found
    assert re.search(r"10 stopped\s+3\s+worse than half", sections["Failed and stopped"])
    assert "3 trials worked for all individuals together, 3 epochs" in sections["Trials without individuals"]
    assert "loss" in sections["Trials without individuals"] and "0.3333" in sections["Trials without individuals"]
    assert "descriptor 1" in sections["Descriptors"]
    assert "<b>10</b>stopped" in text and "<b>10</b>predicted" in text and f"<b>{run.epochs:,.6g}</b>training epochs" in text


def test_the_page_of_a_plain_run_has_none_of_that() -> None:
    text = page(search(strategies.RandomSearch(batch=5), Direct(), 5))
    for absent in (
        "stopped early",
        "predicted, with",
        "lower fidelity</span>",
        "Descriptors",
        "Trials without",
        "Derived networks",
        "training epochs<",
    ):
        assert absent not in text, absent


def test_the_page_has_what_was_derived_beside_its_parent(tmp_path: Path) -> None:
    run = mixed(tmp_path / "run", 30)
    best = run.best
    store = Store(tmp_path / "run", writable=True)
    from neuroevo.store import RecordedDerived

    store.derive(RecordedDerived("", str(best.id), ("<prune>",), parameters=7, scores={"miss": 0.125}), ".keras", b"0123456789")
    store.derive(RecordedDerived("", f"{best.id}.1", ("train",), scores={"miss": 0.25}), ".tflite", b"01234")
    store.close()
    text = page(ne.load_run(tmp_path / "run"))
    found = Texts(text).found["Derived networks"]
    assert f"0.125  {best.values['miss']:.4g}" in found and "0.25  0.125" in found and "5 bytes  10 bytes" in found
    assert f'<button class="link" data-choose="{best.id}">' in text and f'href="#derived-{best.id}.1"' in text
    assert "<prune>" not in text and "&lt;prune&gt;" in text
    table = run_table(ne.load_run(tmp_path / "run"))
    assert re.search(rf"^{best.id}\.1 .* {best.values['miss']:.4g} → 0.125 .* → 7 .* → 10 bytes  <prune>$", table, re.MULTILINE)
    shown = run_html(ne.load_run(tmp_path / "run"))
    assert f"{best.id}.1.1" in shown and "&lt;prune&gt;" in shown


# Live, notebooks, trackers ----------------------------------------------------------------------------------------------------


def test_the_live_view_counts_epochs_against_their_budget() -> None:
    budget = ne.Budget(epochs=100)
    seen: list[tuple[str, float | None]] = []

    class Watch(Live):
        def on_result(self, run: ne.Run, result: Any) -> None:
            super().on_result(run, result)
            seen.append((self.line(run), self._share(run)))

    run = mixed(None, budget=budget, callbacks=[Watch(budget)])
    assert run.ended == "epochs"
    epochs = [float(re.search(r"([\d.]+) epochs", line)[1]) for line, _ in seen]
    assert epochs == sorted(epochs) and epochs[-1] == run.epochs
    assert [share for _, share in seen] == pytest.approx([min(1.0, count / 100) for count in epochs])
    last = seen[-1][0]
    assert f"{run.stopped} stopped" in last and f"{run.predictions} predicted" in last and "left" in seen[-2][0]


def test_notebooks_show_what_became_of_an_individual(run: ne.Run) -> None:
    stopped, predicted = of(run, "stopped")[0], of(run, "predicted")[0]
    assert "worse than half of the others" in individual_html(stopped) and f"{stopped.values['miss']:.6g}" in individual_html(
        stopped
    )
    assert f"{predicted.values['miss']:.6g} ± 0.1" in individual_html(predicted) and "nothing was trained" in individual_html(
        predicted
    )
    assert "60, 10 failed, 10 stopped, 10 predicted" in run_html(run) and f"{run.epochs:,.6g}" in run_html(run)


def test_trackers_are_given_every_count(run: ne.Run) -> None:
    numbers = generation_numbers(run)
    assert (numbers["stopped"], numbers["predictions"], numbers["failures"], numbers["epochs"]) == (10, 10, 10, run.epochs)
