"""One browser for the tests of the hub and the operator page, one app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.browser import chromium
from support.hub_site import HubSite, hub_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # While it is open its event loop runs in this thread, and no asynchronous test of another module could.
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubSite]:
    with hub_site(tmp_path_factory.mktemp("hub")) as site:
        yield site


@pytest.fixture
def site(running_site: HubSite) -> Iterator[HubSite]:
    """The app, at rest: what a test keeps waiting ends with it. A test stores the pages that it looks at."""
    yield running_site
    running_site.chat.go.set()
    running_site.settle()
