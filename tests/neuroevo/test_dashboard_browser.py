"""The dashboard in a real browser (headless Chromium), also while a search runs: two widths, keyboard, no console errors, a large run."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra dashboard")
pytest.importorskip("uvicorn", reason="needs the extra dashboard")

from chromium import complaints, found, see_at
from dashboard_serving import HOSTILE, hostile_run, large_run, served, small_run

import neuroevo as ne
from neuroevo import strategies
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.html import write_report

pytestmark = pytest.mark.slow
SEARCH = """
import sys, time
import neuroevo as ne
from neuroevo import strategies
from neuroevo.testing.evaluator import NumberSpace, SquareTask

class Slow(SquareTask):
    def score(self, phenotype, context):
        time.sleep(0.15)
        return super().score(phenotype, context)

ne.evolve(NumberSpace(), Slow(0.05), strategy=strategies.Nsga2(population=10), budget=ne.Budget(evaluations=100_000), seed=1, run=sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dashboard") / "runs"
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    trained = ne.evolve(
        task.default_space(starter_parameters=(300, 2000)),
        task,
        strategy=strategies.Nsga2(population=4, inheritance="lamarckian"),
        estimation=FullTraining(epochs=4),
        budget=ne.Budget(evaluations=12),
        seed=1,
        run=root / "digits",
        progress=False,
    )
    finish(trained)
    for seed in (1, 2):
        small_run(root / "numbers" / f"seed-{seed}", seed=seed)
    return root


@pytest.fixture(scope="module")
def dashboard(folder):
    with served(folder) as answering:
        yield answering


def until(browser, script: str, seconds: float = 90.0):
    """What a script in the page returns, once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := browser.execute_script(script):
            return result
        time.sleep(0.1)
    raise AssertionError(f"never: {script}; the page says {browser.find_element('css selector', 'main').text[:500]}")


def asked(browser, times: int = 1) -> None:
    until(browser, f"return Number(document.body.dataset.asked ?? 0) >= {times}")


def no_sideways(browser, width: int) -> None:
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_list_to_a_run_to_an_individual(browser, dashboard, width):
    see_at(browser, dashboard.address, width)
    asked(browser)
    assert [link.text for link in found(browser, "#runs a")] == ["digits", "numbers/seed-1", "numbers/seed-2"]
    no_sideways(browser, width)
    found(browser, "#runs a")[0].click()
    asked(browser)
    dots = found(browser, "#front circle.front")
    assert len(dots) == len(found(browser, "#front-table tbody tr")) > 1
    assert found(browser, "#curves path.line") and found(browser, "#progress path.line")
    until(browser, "return document.querySelector('[data-part=operators] img')?.complete")
    assert browser.execute_script("return document.querySelector('[data-part=operators] img').naturalWidth > 0")
    id = dots[0].get_attribute("data-id")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", dots[0])
    dots[0].click()
    until(
        browser,
        "return !document.getElementById('detail').hidden && document.querySelector('#detail .drawing img')?.naturalWidth > 0",
    )
    detail = found(browser, "#detail")[0]
    assert f"Individual {id}" in detail.text and "on test data" in detail.text and "Lineage" in detail.text
    assert [link.text for link in found(browser, "#detail .downloads a")] == [
        "its own page",
        "download .json",
        "download .keras",
        "download .onnx",
    ]
    no_sideways(browser, width)
    link = found(browser, "#detail .downloads a")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    until(
        browser, "return document.body.dataset.asked === '1' && document.querySelector('#detail .drawing img')?.naturalWidth > 0"
    )
    assert browser.current_url.endswith(f"/runs/digits/individuals/{id}")
    assert "Learning curve" in found(browser, "#detail")[0].text and found(browser, "#detail details pre")
    no_sideways(browser, width)
    assert complaints(browser) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_runs_are_chosen_and_compared_by_keyboard(browser, dashboard, width):
    from selenium.webdriver.common.keys import Keys

    see_at(browser, dashboard.address, width)
    asked(browser)
    for tick in found(browser, "#runs input")[1:]:
        tick.send_keys(Keys.SPACE)
    asked(browser, 3)
    assert [tick.is_selected() for tick in found(browser, "#runs input")] == [False, True, True], (
        "asking again keeps what is ticked"
    )
    found(browser, "#go")[0].send_keys(Keys.ENTER)
    asked(browser)
    assert len(found(browser, "#progress path.line")) == 2 and "median" in found(browser, "#table")[0].text
    axis = found(browser, "#axis")[0]
    axis.send_keys("s")
    until(browser, "return [...document.querySelectorAll('#progress text')].some((text) => text.textContent === 'seconds')")
    no_sideways(browser, width)
    assert complaints(browser) == []


def test_an_individual_is_opened_by_keyboard_and_its_ancestor_from_there(browser, dashboard):
    from selenium.webdriver.common.keys import Keys

    see_at(browser, f"{dashboard.address}/runs/numbers/seed-1/", 1280)
    asked(browser)
    dot = found(browser, "#front circle.front")[-1]
    dot.send_keys("")
    until(browser, "return document.getElementById('tip').style.display === 'block'")
    dot.send_keys(Keys.ENTER)
    until(browser, "return document.querySelectorAll('#detail ol.lineage button').length > 1")
    ancestor = found(browser, "#detail ol.lineage button")[1]
    name = ancestor.text
    ancestor.send_keys(Keys.ENTER)
    until(browser, f"return document.querySelector('#detail h2')?.textContent === 'Individual {name}'")
    row = found(browser, "#front-table tbody button")[0]
    name = row.text
    row.send_keys(Keys.ENTER)
    until(browser, f"return document.querySelector('#detail h2')?.textContent === 'Individual {name}'")
    assert complaints(browser) == []


def test_a_run_is_seen_growing_and_is_paused_from_its_page(browser, tmp_path):
    search = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(tmp_path / "live")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with served(tmp_path, allow_start=True) as dashboard:
            see_at(browser, f"{dashboard.address}/?token={dashboard.token}", 1280)
            until(browser, "return document.querySelector('#runs tr.going a')").click()
            until(browser, "return document.querySelectorAll('#front circle.front').length > 0")
            browser.execute_script("window.sameAsBefore = true; document.querySelector('#front circle.front').focus()")
            focused = browser.execute_script("return document.activeElement.dataset.id")
            drawn = "return run.individuals.id.length"
            before = browser.execute_script(drawn)
            more = until(browser, f"return run.individuals.id.length > {before} + 5 ? run.individuals.id.length : 0")
            until(browser, f"return run.individuals.id.length > {more} + 5")
            assert browser.execute_script("return window.sameAsBefore"), "the page was loaded again"
            if browser.execute_script(f"return onFront.has({focused})"):
                assert browser.execute_script("return document.activeElement.dataset.id") == focused
            dots = browser.execute_script("return document.querySelectorAll('#front circle').length")
            assert dots > before / 2, "the chart has grown, too"
            now = found(browser, "[data-part=now]")[0].text
            assert "the search" in now and str(search.pid) in now and "trial" in now
            button = until(browser, "return document.querySelector('form.acts:not([hidden]) button')")
            assert button.text == "Pause this search"
            button.click()
            until(browser, "return document.querySelector('[data-part=state]')?.textContent.includes('interrupted')")
            until(
                browser,
                "return document.querySelector('form.acts:not([hidden]) button')?.textContent === 'Go on with this search'",
            )
            assert search.wait(30) is not None
            assert complaints(browser) == []
    finally:
        search.kill()
        search.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such file names")
def test_what_would_like_to_be_markup_is_seen_as_text(browser, tmp_path):
    hostile_run(tmp_path / "<b>&run")
    with served(tmp_path) as dashboard:
        see_at(browser, dashboard.address, 1280)
        asked(browser)
        link = found(browser, "#runs a")[0]
        assert link.text == "<b>&run"
        link.click()
        asked(browser)
        until(browser, "return document.querySelector('[data-part=operators] img')?.naturalWidth > 0")
        failures, settings = (
            found(browser, f"[data-part={name}]")[0].get_attribute("textContent") for name in ("failures", "settings")
        )
        assert HOSTILE in failures and HOSTILE in settings and HOSTILE in found(browser, "#front-table")[0].text
        browser.execute_script("choose(run.front[0])")
        until(browser, "return document.querySelector('#detail .drawing img')?.naturalWidth > 0")
        assert HOSTILE in found(browser, "#detail")[0].text
        assert (
            browser.execute_script("return document.querySelectorAll('img[src=x], [onerror], main script, b[onclick]').length")
            == 0
        )
        assert complaints(browser) == []
        report = write_report(ne.load_run(tmp_path / "<b>&run", lazy=True), tmp_path / "report.html")
        see_at(browser, report.as_uri(), 1280)
        assert HOSTILE in found(browser, "#front-table")[0].text, "the static page's script runs whatever the run holds"
        assert browser.execute_script("return document.querySelectorAll('img[src=x], [onerror]').length") == 0
        assert complaints(browser) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_fifty_thousand_individuals(browser, tmp_path, width):
    large_run(tmp_path / "large", 50_000)
    with served(tmp_path) as dashboard:
        see_at(browser, f"{dashboard.address}/runs/large/", width)
        asked(browser)
        rows, elements = browser.execute_script("return [run.individuals.id.length, document.querySelectorAll('*').length]")
        assert 3_000 < rows < 6_000 and elements < 3_000, "thinned, and dominated points are a few elements"
        assert "of 50,000 individuals are drawn" in found(browser, "[data-part=front]")[0].text.replace("\n", " ")
        found(browser, "#front circle.front")[0].click()
        until(browser, "return document.querySelectorAll('#detail ol.lineage li').length > 3")
        no_sideways(browser, width)
        assert complaints(browser) == []
