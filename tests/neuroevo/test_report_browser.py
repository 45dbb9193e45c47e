"""The page of a run in a real browser (headless Chromium): hover, click, sort, narrow screens, no console errors."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from chromium import SWITCHES, complaints, found, see_at

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.core.files import write_json_whole
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.html import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(300, 2000)),
        task,
        strategy=strategies.Nsga2(population=4, inheritance="lamarckian"),
        estimation=FullTraining(epochs=4),
        budget=ne.Budget(evaluations=12),
        seed=1,
        run=folder / "run",
        progress=False,
    )
    finish(run)  # scores the front on test data, too
    return write_report(run)


def open_at(browser, page: Path, width: int) -> None:
    see_at(browser, page.as_uri(), width)


@pytest.mark.parametrize("width", [1280, 390])
def test_hover_click_and_sort(browser, page, width):
    from selenium.webdriver.common.action_chains import ActionChains

    open_at(browser, page, width)
    dots = found(browser, "#front circle.front")
    rows = found(browser, "#front-table tbody tr")
    assert len(dots) == len(rows) > 1

    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", dots[0])
    ActionChains(browser).move_to_element(dots[0]).perform()
    tip = found(browser, "#tip")[0]
    assert tip.is_displayed() and f"individual {dots[0].get_attribute('data-id')}" in tip.text
    assert found(browser, "#tip svg")

    id = dots[0].get_attribute("data-id")
    dots[0].click()
    detail = found(browser, "#detail")[0]
    assert detail.is_displayed() and f"Individual {id}" in detail.text and "Lineage" in detail.text
    assert found(browser, "#detail svg.chart path.line"), "no learning curve"

    header = found(browser, "#front-table th button")[2]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", header)
    header.click()
    values = [row.find_elements("css selector", "td")[2].text.split("\n")[0] for row in found(browser, "#front-table tbody tr")]
    numbers = [float(value.replace(",", "")) for value in values]
    assert numbers == sorted(numbers)
    found(browser, "#front-table th button")[2].click()
    values = [row.find_elements("css selector", "td")[2].text.split("\n")[0] for row in found(browser, "#front-table tbody tr")]
    assert [float(value.replace(",", "")) for value in values] == sorted(numbers, reverse=True)

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert complaints(browser) == []


@pytest.mark.parametrize("width", [1200, 1000])
def test_the_table_of_the_front_needs_no_scrollbar(browser, page, width):
    open_at(browser, page, width)
    names = [cell.text for cell in found(browser, "#front-table th")]
    assert "error (test)" in [" ".join(name.split()) for name in names]
    scrolled, seen = browser.execute_script(
        "const box = document.querySelector('#front-table').parentElement; return [box.scrollWidth, box.clientWidth]"
    )
    assert scrolled <= seen


def test_the_legend_shows_the_marks_of_the_chart(browser, page):
    open_at(browser, page, 1280)
    look = "const s = getComputedStyle(arguments[0]); return [arguments[0].tagName, s.fill, s.stroke, s.fillOpacity]"
    for kind in ("circle.front", "circle.dominated", "path.test"):
        drawn, explained = (found(browser, f"{where} {kind}")[0] for where in ("#front", ".legend"))
        assert browser.execute_script(look, drawn) == browser.execute_script(look, explained)


def test_an_ancestor_in_a_lineage_can_be_opened(browser, page):
    open_at(browser, page, 1280)
    for dot in range(len(found(browser, "#front circle.front"))):
        found(browser, "#front circle.front")[dot].click()
        links = found(browser, "#detail ol.lineage button")
        if len(links) > 1:
            name = links[1].text
            links[1].click()
            assert f"Individual {name}" in found(browser, "#detail h2")[0].text
            return
    pytest.fail("no member of the front has an ancestor")


@pytest.mark.parametrize("objectives", [("error", "size"), ("error",)])
def test_every_test_point_is_drawn_inside_the_axes(objectives, tmp_path):
    """Also those that are far from all validation values, and of a search with one objective; by the page as a browser has made it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium from the system's packages")
    values = iter([0.01, 0.02, 0.03, 0.011, 0.025, 0.04])

    def fitness(network):
        value = next(values)
        return {name: value if name == "error" else 1 / value for name in objectives}

    run = ne.evolve(
        NeatSpace(inputs=1, outputs=1), fitness, objectives=dict.fromkeys(objectives, ne.minimise), strategy=strategies.RandomSearch(),
        budget=ne.Budget(evaluations=6), run=tmp_path / "run",
    )  # fmt: skip
    far = {individual.id: {"error": 0.2 + at} for at, individual in enumerate(run.front)}
    write_json_whole(tmp_path / "run" / "test.json", far)
    page = write_report(ne.load_run(tmp_path / "run"))
    shown = subprocess.run(
        [chromium, *SWITCHES, "--virtual-time-budget=3000", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    front = shown[shown.index('<svg id="front"') : shown.index("</svg>", shown.index('<svg id="front"'))]
    crosses = re.findall(r'<path class="test" d="M([-\d.]+),([-\d.]+)L', front)
    assert len(crosses) == len(run.front)
    assert all(62 <= float(x) <= 545 and 6 <= float(y) <= 345 for x, y in crosses)
