"""Picture of the annotation page for the docs: ``python benchmarks/annotation_picture.py --study DIR``.

Serves a copy of the study (made by ``shelfwise annotate sample``) on a free port, answers two questions by key, marks a
product, and takes a picture with Debian's Chromium: apt-get install chromium.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from playwright.sync_api import sync_playwright

from evaluation.study import Study
from serving.annotation.app import create_annotation_app
from state.http import HttpSettings

PATIENCE_MS = 600_000


def main(
    study: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the study; it stays as it is.")],
    out: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("docs/images/annotate.png"),
    item: Annotated[int, typer.Option(min=1, help="Item to show.")] = 1,
) -> None:
    """Take the picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed. apt-get install chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        copy = Path(shutil.copytree(study, Path(scratch) / "study", ignore=shutil.ignore_patterns("answers")))
        opened = Study.open(copy)
        server = uvicorn.Server(
            uvicorn.Config(create_annotation_app(opened, HttpSettings()), port=0, log_level="error")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        # Root, as in most containers, cannot have Chromium's sandbox; what is opened here is our own page.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox, timeout=PATIENCE_MS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"http://127.0.0.1:{port}/?annotator={opened.card.annotators[0]}")
        page.wait_for_selector("main[aria-busy=false]")
        for _ in range(item - 1):
            page.keyboard.press("ArrowRight")
        for key in ("y", "y", "2"):
            page.keyboard.press(key)
        page.locator("input:checked").wait_for()
        page.screenshot(path=out)
        browser.close()
        server.should_exit = True
        thread.join(30)
    print(f"wrote {out}")


if __name__ == "__main__":
    typer.run(main)
