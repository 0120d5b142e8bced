"""Pictures of the Shopping Hub and the operator page for the docs: ``python benchmarks/screenshots.py``.

Serves the pages that are stored (``make demo`` makes some) on a free port and takes pictures of them with Debian's
Chromium: apt-get install chromium. ``--run FOLDER`` takes one of the report that ``shelfwise evaluate`` wrote there
instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from serving.http.app import create_app
from state.settings import load_settings

PATIENCE_S = 600
PATIENCE_MS = 1000 * PATIENCE_S
DESKTOP = {"viewport": {"width": 1280, "height": 860}, "device_scale_factor": 1.5}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


@contextmanager
def served() -> Iterator[str]:
    """Serve the app of the settings in force from a thread; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(create_app(load_settings()), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            sys.exit("the server did not start; its messages are above")
        time.sleep(0.05)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE_S
    while httpx.get(f"{url}/health/ready", timeout=PATIENCE_S).status_code != httpx.codes.OK:
        if time.monotonic() > deadline:
            sys.exit(f"the shop does not open: {httpx.get(f'{url}/health/ready', timeout=PATIENCE_S).text}")
        time.sleep(0.5)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(30)


def with_page(url: str) -> str:
    """Return the shopper of the latest run that made a page by models, of one with orders if there is any."""
    runs = httpx.get(f"{url}/v1/operator/runs", timeout=PATIENCE_S).raise_for_status().json()["runs"]
    made = [run for run in runs if run["error"] is None and not run["fell_back"]]
    if not made:
        sys.exit("no page is stored. Make some: make demo")
    return str(min(made, key=lambda run: run["cold"])["shopper_id"])


@contextmanager
def opened(browser: Browser, address: str, scheme: str, **context: object) -> Iterator[Page]:
    """Open ``address`` in the colours of ``scheme``, drawn and at rest."""
    window = browser.new_context(color_scheme=scheme, reduced_motion="reduce", **context)  # type: ignore[arg-type]
    window.set_default_timeout(PATIENCE_MS)
    page = window.new_page()
    page.goto(address)
    page.wait_for_selector("main[aria-busy=false]")
    page.wait_for_load_state("networkidle")
    try:
        yield page
    finally:
        window.close()


def take(browser: Browser, url: str, shopper: str, folder: Path) -> None:
    """Write the pictures into ``folder``."""
    hub = f"{url}/?shopper={shopper}"
    with opened(browser, hub, "light", **DESKTOP) as page:
        page.screenshot(path=folder / "hub.png")
        page.locator(".why").first.click()
        page.screenshot(path=folder / "why.png")
    with opened(browser, hub, "dark", **PHONE) as page:
        page.screenshot(path=folder / "hub-phone.png")
    with opened(browser, f"{url}/operator", "light", **DESKTOP) as page:
        page.screenshot(path=folder / "operator.png")
    with opened(browser, f"{url}/operator?shopper={shopper}", "light", **DESKTOP) as page:
        page.screenshot(path=folder / "trace.png")


def take_report(browser: Browser, run: Path, folder: Path) -> None:
    """Write a picture of the report in ``run``, its worst placement opened, into ``folder``."""
    with opened(browser, (run / "report.html").absolute().as_uri(), "light", **DESKTOP) as page:
        page.locator(".worst summary").first.click()
        page.screenshot(path=folder / "evaluation.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder (default docs/images)")
    parser.add_argument("--shopper", help="whose page (default: the latest one made)")
    parser.add_argument("--run", type=Path, help="folder of an evaluation: a picture of its report alone")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed. apt-get install chromium")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Root, as in most containers, cannot have Chromium's sandbox; what is opened here is our own page.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox, timeout=PATIENCE_MS)
        if arguments.run:
            take_report(browser, arguments.run, arguments.out)
            taken = "evaluation.png"
        else:
            with served() as url:
                take(browser, url, arguments.shopper or with_page(url), arguments.out)
            taken = "hub.png, why.png, hub-phone.png, operator.png, trace.png"
        browser.close()
    print(f"wrote {taken} to {arguments.out}")


if __name__ == "__main__":
    main()
