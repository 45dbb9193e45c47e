"""The picture of the dashboard on its page: a search on digits while it goes on, in headless Chromium.

It needs the extra `dashboard`, selenium, and the system's chromium and chromedriver; a minute or two.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

SWITCHES = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
COMMAND = (sys.executable, "-m", "neuroevo.cli.main")
SEARCH = ("search", "digits", "--evaluations", "60", "--workers", "2", "--seed", "1")
ENOUGH = "return document.querySelectorAll('#front circle').length >= 24 && document.querySelectorAll('#front circle.front').length > 3"


def picture(folder: Path, output: Path, width: int, height: int) -> None:
    """Start a search and the dashboard, wait until there is something to see, and write what a browser shows."""
    from selenium import webdriver

    chosen = webdriver.ChromeOptions()
    chosen.binary_location = shutil.which("chromium")
    for switch in SWITCHES:
        chosen.add_argument(switch)
    search = subprocess.Popen([*COMMAND, *SEARCH, "--run", str(folder / "runs" / "digits")], stdout=subprocess.DEVNULL)
    (folder / "runs").mkdir(exist_ok=True)
    server = subprocess.Popen([*COMMAND, "dashboard", str(folder / "runs"), "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().split()[-1]
    browser = webdriver.Chrome(options=chosen, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        phone = width < 600
        seen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", seen)
        browser.get(address)
        while not browser.find_elements("css selector", "#runs a"):
            time.sleep(0.2)
        browser.find_element("css selector", "#runs a").click()
        while not browser.execute_script(ENOUGH):
            time.sleep(0.2)
        browser.save_screenshot(str(output))
    finally:
        browser.quit()
        for process in (server, search):
            process.terminate()
            process.wait()
    # text and lines need few colours; the file is a third of the size
    Image.open(output).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(output, optimize=True)
    print(f"written: {output} ({output.stat().st_size / 1e3:.0f} kB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "assets" / "dashboard.png")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1250)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        picture(Path(temporary), options.output, options.width, options.height)


if __name__ == "__main__":
    main()
