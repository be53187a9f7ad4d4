"""Pages in a real browser: Debian's Chromium, driven by Playwright, cut off from the network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenPage = Callable[..., "Page"]
HERE = ("file:", "data:", "blob:", "about:", "http://127.0.0.1", "http://localhost")
LOCAL_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "there is no chromium: `apt-get install chromium` brings it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[LOCAL_ONLY])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[OpenPage]:
    """``browser_page(width, height, dark=False)`` opens an empty page of that size.

    What any of them wrote to its console as an error, threw, failed to load, or asked of a machine
    that is not this one, fails the test in the end.
    """
    contexts, faults = [], []

    def open_page(width: int = 1600, height: int = 900, *, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        _listen(page, faults)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


def _listen(page: Page, faults: list[str]) -> None:
    def asked(url: str) -> None:
        if not url.startswith(HERE):
            faults.append(f"asked of another machine: {url}")

    page.on("console", lambda one: one.type == "error" and faults.append(f"console: {one.text}"))
    page.on("pageerror", lambda error: faults.append(f"threw: {error}"))
    page.on("request", lambda one: asked(one.url))
    page.on("websocket", lambda one: asked(one.url.replace("ws", "http", 1)))
    page.on(
        "response",
        lambda one: one.ok or one.status < 400 or faults.append(f"{one.status}: {one.url}"),
    )
    # a page may itself break off what it asked for, as a film does that is wound on
    page.on(
        "requestfailed",
        lambda one: one.failure == "net::ERR_ABORTED" or faults.append(f"{one.failure}: {one.url}"),
    )
