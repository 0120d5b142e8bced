"""One browser for the tests of the annotation page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # While it is open its event loop runs in this thread, and no asynchronous test of another module could.
    with chromium() as browser:
        yield browser
