"""Fixtures for pages: headless Chromium, which a page must please.

The browser is the system's own (Debian's package `chromium`), driven by playwright. A
test that takes `page` fails if its page says an error, or asks for anything but files.
Where either is missing, such tests are skipped.
"""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A running Chromium, one for the tests of a module."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium on the PATH: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page, 1280 pixels wide; at the end, it must not have complained."""
    size = {"width": 1280, "height": 800}
    with browser.new_context(viewport=size, has_touch=True) as context:
        opened = context.new_page()
        complaints: list[str] = []
        addresses: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on(
            "console",
            lambda said: said.type == "error" and complaints.append(said.text),
        )
        opened.on("request", lambda request: addresses.append(request.url))
        yield opened
        assert complaints == []
        assert [a for a in addresses if not a.startswith(("file:", "data:"))] == []


def overflow(page: Any, width: int) -> int:
    """By how many pixels the page is wider than a window of that width."""
    page.set_viewport_size({"width": width, "height": 740})
    inside = (
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return int(page.evaluate(inside))
