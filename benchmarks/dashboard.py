"""How long the page of a run of 50,000 individuals takes in `neuroevo dashboard`, in headless Chromium.

A run of NEAT on XOR is made first (populations of 1,000; seconds; a run made before is used again). Then the dashboard is started, and its page
is opened again and again: until the first paint, until the front and the curves are drawn, and how long drawing all charts again takes, as an
update does. The first opening reads the run as well, the others find it read. Processor seconds of the server are given beside the clock's,
which other work on the machine disturbs. It needs the extra `dashboard`, selenium, and the system's chromium and chromedriver.
The target: a first paint within 2 s.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import neuroevo as ne
from genomes import NeatSpace

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([0.0, 1.0, 1.0, 0.0])
SWITCHES = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
DRAWN = "return document.body.dataset.asked ? performance.now() : 0"
AGAIN = """
const began = performance.now();
show();
document.body.getBoundingClientRect();
return performance.now() - began;
"""


@ne.population_fitness
def exclusive_or(population: Any) -> np.ndarray:
    """Minus the squared error of every network."""
    return -((population(X)[:, :, 0] - Y) ** 2).sum(axis=1)


def make(folder: Path, individuals: int, seed: int) -> None:
    """The run that is shown."""
    if not (folder / "run.db").exists():
        budget = ne.Budget(generations=max(1, individuals // 1_000))
        ne.evolve(
            NeatSpace(inputs=2, outputs=1), exclusive_or, population=1_000, budget=budget, seed=seed, run=folder, progress=False
        )


def until(browser: Any, script: str) -> float:
    """What a script returns, once it is a number above 0."""
    while True:
        if found := browser.execute_script(script):
            return float(found)
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--individuals", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=Path, help="where to keep the run (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    from selenium import webdriver

    chosen = webdriver.ChromeOptions()
    chosen.binary_location = shutil.which("chromium")
    for switch in SWITCHES:
        chosen.add_argument(switch)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.run or Path(temporary) / "run"
        make(folder, options.individuals, options.seed)
        command = [sys.executable, "-m", "neuroevo.cli.main", "dashboard", str(folder), "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        browser = webdriver.Chrome(options=chosen, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            runs = []
            for _ in range(options.repeats):
                before = sum(psutil.Process(server.pid).cpu_times()[:2])
                browser.get(f"{address}runs/{folder.resolve().name}/")
                drawn = until(browser, DRAWN) / 1e3
                processor = sum(psutil.Process(server.pid).cpu_times()[:2]) - before
                again = statistics.median(browser.execute_script(AGAIN) for _ in range(5)) / 1e3
                rows = browser.execute_script("return run.individuals.id.length")
                runs.append(
                    {"paint": until(browser, PAINT) / 1e3, "drawn": drawn, "server": processor, "again": again, "rows": rows}
                )
        finally:
            browser.quit()
            server.terminate()
            server.wait()
    print(f"{'opening':>10s}{'first paint':>13s}{'drawn':>9s}{'server, processor':>19s}{'drawn again':>13s}{'rows':>8s}")
    for number, run in enumerate(runs, 1):
        print(
            f"{number:10d}{run['paint']:11.2f} s{run['drawn']:7.2f} s{run['server']:17.2f} s{run['again']:11.3f} s{run['rows']:8,d}"
        )
    if options.json:
        later = runs[1:] or runs
        numbers = {name: statistics.median(run[name] for run in later) for name in ("paint", "drawn", "server", "again")}
        result = {
            "method": "neuroevo dashboard",
            "paper": None,
            "settings": {"individuals": options.individuals, "repeats": options.repeats},
            "seeds": [options.seed],
            "published": {},
            "ours": {**numbers, "first_drawn": runs[0]["drawn"], "first_server": runs[0]["server"]},
            "runs": runs,
        }
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
