"""The page of a run: what it holds, that it needs no network, and that nothing in a run can break out of it."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.report.html import DRAWINGS, page, write_report
from neuroevo.testing.evaluator import NumberSpace, SquareTask


def search(folder: Path | None = None, evaluations: int = 60, task=None) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        task or SquareTask(0.1),
        strategy=strategies.Nsga2(population=20),
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        run=folder,
        progress=False,
    )


class Collector(HTMLParser):
    """Every element's name and attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script":
            self.scripts.append(data)


def data_of(text: str) -> dict:
    return json.loads(Collector(text).scripts[0])


def test_the_page_holds_the_run(tmp_path):
    run = search(tmp_path / "run")
    path = write_report(run)
    assert path == tmp_path / "run" / "report.html"
    data = data_of(path.read_text())
    assert data["front"] == [individual.id for individual in run.front]
    assert len(data["individuals"]["id"]) == run.evaluations
    assert data["individuals"]["status"].count("failed") == run.failures > 0
    row = data["individuals"]["id"].index(run.best.id)
    assert data["individuals"]["values"][row] == pytest.approx(list(run.best.fitness.values))
    assert set(data["drawings"]) <= {str(id) for id in data["front"]} and len(data["drawings"]) == min(DRAWINGS, len(run.front))
    assert data["progress"]["value"] == sorted(data["progress"]["value"])


def test_values_that_are_not_finite_stay_valid_json():
    data = data_of(page(search()))
    failed = data["individuals"]["status"].index("failed")
    assert data["individuals"]["values"][failed] == [None, None]


def test_the_page_loads_nothing_from_elsewhere():
    for tag, attributes in Collector(page(search())).elements:
        for name in ("src", "href", "xlink:href", "srcset"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:", "#")) or not value, f"{tag} loads {value}"
    assert not re.search(r"@import|url\((?!#)", page(search()))


WINDOWS = sys.platform == "win32" or hasattr(sys.modules.get("sitecustomize"), "FORBIDDEN")  # which has no such file names


@pytest.mark.parametrize(
    "name", ["&lt;b&gt;run", pytest.param("<b>run", marks=pytest.mark.skipif(WINDOWS, reason="no such name"))]
)
def test_text_from_a_run_cannot_become_markup(name, tmp_path):
    class Sometimes(SquareTask):
        def score(self, phenotype, context):
            if float(phenotype.value) > 0:
                raise ValueError("</script><script>alert(1)</script> <img src=x onerror=alert(2)>")
            return super().score(phenotype, context)

    run = search(tmp_path / name, task=Sometimes(0.0))
    assert run.failures
    found = Collector(page(run))
    assert [tag for tag, _ in found.elements].count("script") == 2
    assert not any(tag in ("img", "b") and attributes for tag, attributes in found.elements if tag == "img")


def test_the_species_of_a_neat_run_are_drawn(tmp_path):
    def fitness(network) -> float:
        return -abs(float(network([[1.0, 0.5]])[0, 0]) - 0.3)

    run = ne.evolve(NeatSpace(inputs=2, outputs=1), fitness, population=30, budget=ne.Budget(generations=4), progress=False)
    text = page(run)
    assert "<h2>Species</h2>" in text
    data = data_of(text)
    assert data["front"] == [run.best.id]
    assert data["drawings"][str(run.best.id)].startswith("<svg")


@pytest.mark.slow
def test_a_large_run_fits_into_a_small_page():
    run = ne.evolve(
        NumberSpace(),
        SquareTask(0.1),
        strategy=strategies.RandomSearch(),
        budget=ne.Budget(evaluations=10_000),
        seed=1,
        progress=False,
    )
    text = page(run)
    assert len(text) < 15e6
    assert len(data_of(text)["individuals"]["id"]) == 10_000


def test_a_page_of_a_run_that_goes_on_reloads_itself():
    assert '<meta http-equiv="refresh" content="5">' in page(search(), refresh=5)


def test_a_run_in_memory_needs_a_path():
    with pytest.raises(ValueError, match="say where its report should be written"):
        write_report(search())
