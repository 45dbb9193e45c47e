"""Callbacks watch a run, cannot harm it, and write what happened for TensorBoard and MLflow."""

from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)


def fitness(network) -> float:
    return 4 - float(np.abs(network(X)[:, 0] - [0, 1, 1, 0]).sum())


def evolve(**settings) -> ne.Run:
    budget = ne.Budget(generations=settings.pop("generations", 4))
    return ne.evolve(NeatSpace(inputs=2, outputs=1), fitness, population=20, seed=1, budget=budget, progress=False, **settings)


class Faulty(ne.Callback):
    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattribute__(self, name: str):
        if name.startswith("on_"):
            self.called.append(name)

            def fail(*arguments) -> None:
                raise RuntimeError(f"{name} is broken")

            return fail
        return super().__getattribute__(name)


def test_a_callback_that_raises_does_not_lose_the_run(tmp_path: Path) -> None:
    faulty = Faulty()
    with pytest.warns(RuntimeWarning) as warned:
        run = evolve(callbacks=[faulty], run=tmp_path / "run")
    assert run.ended == "generations" and run.generation == 4
    assert faulty.called.count("on_generation") == 4 and {"on_start", "on_result", "on_end"} < set(faulty.called)
    said = sorted(str(warning.message).split(" failed")[0] for warning in warned)
    assert said == ["Faulty.on_end", "Faulty.on_generation", "Faulty.on_result", "Faulty.on_start"]
    assert "RuntimeError: on_end is broken" in "".join(str(warning.message) for warning in warned)
    undisturbed = evolve()
    assert [i.values for i in run] == [i.values for i in undisturbed]


def test_a_callback_can_end_the_run_which_can_go_on_later(tmp_path: Path) -> None:
    class Enough(ne.Callback):
        def on_generation(self, run: ne.Run) -> None:
            if run.generation == 2:
                raise ne.StopRun

    stopped = evolve(callbacks=[Enough()], run=tmp_path / "run")
    assert stopped.ended == "stopped" == ne.load_run(tmp_path / "run").ended and stopped.generation == 2
    complete = evolve(run=tmp_path / "run")
    assert complete.ended == "generations" and [i.values for i in complete] == [i.values for i in evolve()]


def test_something_else_than_a_callback_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_generation"):
        evolve(callbacks=[print], run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_generation_is_recorded_when_its_callback_is_called(tmp_path: Path) -> None:
    seen = []

    class Look(ne.Callback):
        def on_generation(self, run: ne.Run) -> None:
            seen.append((run.generation, run.summaries[-1]["generation"], run.evaluations))

    evolve(callbacks=[Look()], run=tmp_path / "run")
    assert seen == [(g, g, 20 * g) for g in (1, 2, 3, 4)]


def test_tensorboard_reads_what_was_written_over_a_resume(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorflow import make_ndarray

    logs = tmp_path / "logs"
    evolve(callbacks=[ne.interop.TensorBoard(logs)], run=tmp_path / "run", generations=2)
    run = evolve(callbacks=[ne.interop.TensorBoard(logs)], run=tmp_path / "run")
    events = EventAccumulator(str(logs), size_guidance={"tensors": 0})
    events.Reload()
    for name in ("best_fitness", "evaluations", "species", "failures"):
        found = {event.step: float(make_ndarray(event.tensor_proto)) for event in events.Tensors(name)}
        column = run.summaries[0] if name != "best_fitness" else None
        expected = [row["best"][0] if column is None else row[name] for row in run.summaries]
        assert sorted(found) == [1, 2, 3, 4] and np.allclose([found[step] for step in sorted(found)], expected)
    assert "settings" in events.Tags()["tensors"] and "best" in events.Tags()["tensors"]
    assert not [name for name in events.Tags()["tensors"] if name.startswith("species_")]


def test_mlflow_reads_what_was_written_over_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "mlruns").as_uri()
    evolve(callbacks=[ne.interop.MLflow("xor", tracking_uri=uri)], run=tmp_path / "first", generations=2)
    run = evolve(callbacks=[ne.interop.MLflow("xor", tracking_uri=uri)], run=tmp_path / "first")
    client = MlflowClient(tracking_uri=uri)
    (found,) = client.search_runs([client.get_experiment_by_name("xor").experiment_id])
    assert found.info.run_name == "first" and found.info.status == "FINISHED"
    assert found.data.params["seed"] == "1" and found.data.params["space.inputs"] == "2"
    history = {metric.step: metric.value for metric in client.get_metric_history(found.info.run_id, "best_fitness")}
    assert history == {row["generation"]: row["best"][0] for row in run.summaries}
    kept = client.download_artifacts(found.info.run_id, "best.json", str(tmp_path))
    assert ne.load_genome(kept) == run.best.genome
    assert {file.path for file in client.list_artifacts(found.info.run_id)} == {"best.json", "best.png"}


def test_mlflow_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"pip install -e .*\[mlflow\]"):
        ne.interop.MLflow()


def test_mlflow_keeps_as_much_of_a_parameter_as_it_takes() -> None:
    validation = pytest.importorskip("mlflow.utils.validation")
    most, longest = validation.MAX_PARAM_VAL_LENGTH, validation.MAX_ENTITY_KEY_LENGTH
    assert most >= 6000
    tracker = ne.interop.MLflow(tracking_uri="http://localhost:1")
    tracker.client = kept = type(
        "Client", (), {"log_batch": lambda self, run, params: self.params.extend(params), "params": []}
    )()
    values = {"short": "a", "whole": "b" * most, "long": "c" * (most + 1), "k" * 300: "d", "odd (name) ü?": "e"}
    tracker._parameters(values)
    found = {param.key: param.value for param in kept.params}
    assert found["short"] == "a" and found["whole"] == "b" * most and found["long"] == "c" * most
    assert found["k" * longest] == "d" and found["odd _name_ ü_"] == "e"
    for param in kept.params:
        validation._validate_param(param.key, param.value)
