"""Debian's Chromium under Playwright, and an accessibility scan of what it shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from support.servers import program

PATIENCE_MS = 120_000
"""How long a step may take: a slow machine must not fail a test."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window.

    Raises:
        ServerMissing: it is not installed.
    """
    # Root, as in most containers, cannot have Chromium's sandbox; what is opened here is our own page.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        path = program("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=path, args=arguments, timeout=2 * PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """Open ``address`` in a context of its own and wait until it has drawn itself.

    A script that fails, or something that the page's policy refuses, fails the test.
    """
    faults: list[str] = []
    opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **context})
    opened.set_default_timeout(PATIENCE_MS)
    page = opened.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(address)
    settled(page)
    try:
        yield page
    finally:
        opened.close()
    assert not faults, faults


def eventually(page: Page, true: Callable[[], bool]) -> None:
    """Wait, with the page going on, until ``true`` is."""
    for _ in range(PATIENCE_MS // 100):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come true")


def settled(page: Page) -> None:
    """Wait until the page shows what it has loaded."""
    page.wait_for_selector("main[aria-busy=false]")


def accessibility_faults(page: Page) -> list[str]:
    """Return what axe finds at fault, one line for each rule broken, with its impact and first place."""
    found = Axe().run(page).response["violations"]
    return [f"{fault['impact']}: {fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}" for fault in found]
