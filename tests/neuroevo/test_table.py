import gzip
import itertools
import pickle
from pathlib import Path

import pytest

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core.objectives import FLOPS, Objective
from neuroevo.strategies import RandomSearch

SPACE = CellSpace()
HEADER = "idx,ops,val,test,seconds\n"


def written(path: Path, lines: list[str]) -> Path:
    text = HEADER + "".join(line + "\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def whole() -> list[str]:
    """Every cell of three edges' worth of freedom, and what a table would say of it."""
    lines = []
    for index, decisions in enumerate(itertools.product(range(5), repeat=6)):
        key = "".join(map(str, decisions))
        lines.append(f"{index},{key},{sum(decisions)},{sum(decisions) + 0.5},{1 + decisions[0]}")
    return lines


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_a_search_sees_signal_records_report_and_advances_the_clock(tmp_path: Path, name: str) -> None:
    task = ne.tasks.Table(
        written(tmp_path / name, whole()), key="ops", signal="val", report=("test",), cost="seconds", cost_factor=10
    )
    run = ne.evolve(SPACE, task, strategy=RandomSearch(), budget=ne.Budget(simulated_seconds=1000), seed=1, progress=False)
    spent = 0.0
    for individual in run:
        decisions = individual.genome.decisions
        assert individual.values == {"val": sum(decisions)}
        assert individual.info["scores"] == {"test": sum(decisions) + 0.5, "simulated_seconds": 10.0 * (1 + decisions[0])}
        assert spent < 1000
        spent += individual.info["scores"]["simulated_seconds"]
    assert spent >= 1000
    assert run.best.values["val"] == max(individual.values["val"] for individual in run)


def test_several_signals_have_directions_and_cheap_ones_need_no_column(tmp_path: Path) -> None:
    path = written(tmp_path / "table.csv", whole())
    task = ne.tasks.Table(path, key="ops", signal={"val": ne.maximise, "seconds": ne.minimise, "flops": FLOPS})
    run = ne.evolve(SPACE, task, budget=ne.Budget(evaluations=40), seed=1, progress=False)
    assert set(run.objectives) == {"val", "seconds", "flops"}
    for individual in run:
        assert individual.values["flops"] == individual.genome.flops
        assert individual.values["seconds"] == 1 + individual.genome.decisions[0]


def test_a_genome_without_a_row_is_a_recorded_failure(tmp_path: Path) -> None:
    lines = [line for line in whole() if line.split(",")[1][0] != "0"]
    task = ne.tasks.Table(written(tmp_path / "table.csv", lines), key="ops", signal="val")
    run = ne.evolve(SPACE, task, strategy=RandomSearch(), budget=ne.Budget(evaluations=100), seed=1, progress=False)
    failed = [individual for individual in run if individual.status == "failed"]
    assert failed and {individual.genome.decisions[0] for individual in failed} == {0}
    assert f"table.csv has no row with ops '{failed[0].genome.table_key}'" in failed[0].reason


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "table.csv has no rows"),
        (["0,000000,1,2"], "line 2 of table.csv has 4 values, its header names 5 columns"),
        (["0,000000,1,2,3", "1,000000,1,2,3"], "table.csv has two rows with ops '000000'; the second is on line 3"),
        (["0,000000,1,2,3", "1,000001,,2,3"], "line 3 of table.csv: val must be a finite number, got ''"),
        (["0,000000,good,2,3"], "line 2 of table.csv: val must be a finite number, got 'good'"),
        (["0,000000,nan,2,3"], "line 2 of table.csv: val must be a finite number, got 'nan'"),
    ],
)
def test_a_damaged_table_is_refused_in_a_sentence(tmp_path: Path, lines: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        ne.tasks.Table(written(tmp_path / "table.csv", lines), key="ops", signal="val")
    assert sentence in str(refused.value)


def test_wrong_columns_files_and_settings_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "table.csv", whole()[:3])
    with pytest.raises(ValueError, match=r"unknown column of table.csv 'vals'; did you mean 'val'\?"):
        ne.tasks.Table(path, key="ops", signal="vals")
    with pytest.raises(ValueError, match=r"unknown column of table.csv 'operations'"):
        ne.tasks.Table(path, key="operations", signal="val")
    with pytest.raises(FileNotFoundError, match="there is no table at"):
        ne.tasks.Table(tmp_path / "none.csv", key="ops", signal="val")
    with pytest.raises(ValueError, match="cost_factor must be > 0"):
        ne.tasks.Table(path, key="ops", signal="val", cost="seconds", cost_factor=0)
    (tmp_path / "plain.csv.gz").write_text(HEADER)
    with pytest.raises(ValueError, match=r"plain.csv.gz cannot be read as a table"):
        ne.tasks.Table(tmp_path / "plain.csv.gz", key="ops", signal="val")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match=r"bytes.csv cannot be read as a table"):
        ne.tasks.Table(tmp_path / "bytes.csv", key="ops", signal="val")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match=r"unknown column of empty.csv 'ops'"):
        ne.tasks.Table(tmp_path / "empty.csv", key="ops", signal="val")


def test_another_key_function_serves_other_genomes(tmp_path: Path) -> None:
    path = written(tmp_path / "table.csv", ["0,6,1,2,3"])
    task = ne.tasks.Table(path, key="ops", signal={"val": Objective("val", "minimise")}, key_of=lambda g: str(len(g.decisions)))
    assert task.score(SPACE.build([0] * 6), ne.tasks.Context()) == {"val": 1.0}


def test_a_changed_file_is_read_again_and_changes_the_settings(tmp_path: Path) -> None:
    path = written(tmp_path / "table.csv", ["0,000000,1,2,3"])
    before = ne.tasks.Table(path, key="ops", signal="val")
    written(path, ["0,000000,9,2,3"])
    after = ne.tasks.Table(path, key="ops", signal="val")
    cell = SPACE.build([0] * 6)
    assert after.score(cell, ne.tasks.Context()) == {"val": 9.0}
    assert before.settings() != after.settings()


def test_the_task_travels_without_its_rows(tmp_path: Path) -> None:
    task = ne.tasks.Table(written(tmp_path / "table.csv", whole()), key="ops", signal="val")
    packed = pickle.dumps(task)
    assert len(packed) < 2000
    cell = SPACE.build([4, 3, 2, 1, 0, 0])
    assert pickle.loads(packed).score(cell, ne.tasks.Context()) == {"val": 10.0}
