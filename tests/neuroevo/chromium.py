"""A real browser for the tests of pages: headless Chromium, driven by selenium."""

import shutil

import pytest

SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def browser():
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium (pip install selenium)")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver from the system's packages")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield opened
    opened.quit()


def see_at(browser, address: str, width: int) -> None:
    """Open an address in a window of this width; one of less than 600 is a phone's."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    )
    browser.get(address)


def found(browser, selector: str):
    return browser.find_elements("css selector", selector)


def complaints(browser) -> list[dict]:
    """What the browser's console says of errors since it was last asked."""
    return [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
