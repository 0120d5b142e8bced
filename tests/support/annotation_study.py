"""A study of placements of the small shop, and its page on a port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from support.http_app import small_page
from support.servers import free_port
from support.small_shop import SmallCatalog, SmallShoppers

from evaluation.sampling import sample_items, sources_of
from evaluation.study import Study
from serving.annotation.app import create_annotation_app
from state.annotation import Level
from state.http import HttpSettings
from state.placement import Page

PATIENCE_S = 300.0


def small_study(
    folder: Path,
    *,
    pages: Sequence[Page] | None = None,
    level: Level = "placement",
    size: int = 100,
    annotators: Sequence[str] = ("ann", "bob"),
) -> Study:
    """Make a study of ``pages`` (one page of two placements without) in ``folder``."""
    made = {"base": list(pages or [small_page("7")])}
    load = SmallShoppers(SmallCatalog()).load
    items, keys = sample_items(made, load, level=level, size=size, seed=1)
    drawn = items, keys, sources_of(keys, made, load)
    return Study.create(folder, drawn, annotators=annotators, min_products=3, drawn_from="base", seed=1)


def titled(title: str, shopper_id: str = "7", **changes: Any) -> Page:
    """Return a page of one placement with this title."""
    page = small_page(shopper_id)
    return page.model_copy(update={"placements": [page.placements[0].model_copy(update={"title": title, **changes})]})


@contextmanager
def annotation_site(study: Study, settings: HttpSettings | None = None) -> Iterator[str]:
    """Serve the study's page from a thread; yield its address."""
    app = create_annotation_app(study, settings or HttpSettings(requests_per_s=1000, burst=1000))
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run, name="annotation site", daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join(60)
