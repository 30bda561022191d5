"""The page in a real browser: nothing missing, nothing cut off, by day and by night."""

import re
import shutil
from pathlib import Path

import pytest

webdriver = pytest.importorskip("selenium.webdriver")

PUBLISHED = Path(__file__).parents[2] / "docs" / "report" / "report.html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver on the PATH (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # Containers run as root, without the kernel's sandbox and with little shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def emulate(browser, width, scheme):
    """Give the browser the width of a device, and day or night."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture(params=["new", "published"])
def page(request):
    if request.param == "published":
        return PUBLISHED
    return request.getfixturevalue("shortened")[0] / "report.html"


HIDDEN = """
return [...document.querySelectorAll("table, td, th, figure, svg, img, h2, h3, p")].filter(e => {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    const isBlank = e.tagName == "IMG" && !e.naturalWidth;
    return isBlank || !box.width || !box.height || style.visibility != "visible";
}).map(e => e.outerHTML.slice(0, 80))
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_everything_is_visible(browser, page, width, scheme):
    emulate(browser, width, scheme)
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    assert browser.execute_script(HIDDEN) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    text = browser.find_element("tag name", "body").text
    for number in ("I", "II", "III", "IV", "V", "VI"):
        assert f"Table {number}: " in text
    for heading in ("What was varied", "Learning curves", "The best network", "surest mistakes"):
        assert heading in text
    assert len(browser.find_elements("css selector", ".mistakes img")) == 24


def test_dark_is_dark(browser, page):
    colours = []
    for scheme in ("light", "dark"):
        emulate(browser, 1200, scheme)
        browser.get(page.as_uri())
        style = "getComputedStyle(document.querySelector('{}')).{}"
        script = f"return [{style.format('body', 'backgroundColor')}, "
        script += f"{style.format('svg text', 'fill')}]"
        colours.append([sum(map(int, re.findall(r"\d+", c)[:3])) for c in
                        browser.execute_script(script)])  # fmt: skip
    (paper, ink), (dark_paper, dark_ink) = colours
    assert paper > 700 > 400 > ink
    assert dark_paper < 150 < 500 < dark_ink


def test_links_lead_somewhere(browser, page):
    browser.get(page.as_uri())
    for link in browser.find_elements("css selector", "nav a"):
        assert browser.find_elements("css selector", link.get_attribute("hash"))


def test_needs_no_network(page):
    text = page.read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(set(re.findall(r'\bid="([^"]*)"', text))) == len(re.findall(r'\bid="', text))
