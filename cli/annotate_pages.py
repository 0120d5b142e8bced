"""Pages to draw a sample from: files that hold a page a line, or the page store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from state.errors import StoreError
from state.placement import Page
from state.settings import Settings, load_settings

STORE = "store"


def read_sources(given: Sequence[str]) -> dict[str, list[Page]]:
    """Return pages by the name of what made them: ``store``, ``FILE``, or ``NAME=FILE``. One page a shopper each.

    Raises:
        typer.BadParameter: two sources have one name, or one holds no page.
        DatasetError: a file holds something else.
        StoreError: the page store cannot be read.
    """
    from training.exporting import read_pages

    found: dict[str, list[Page]] = {}
    for one in given:
        name, _, path = one.rpartition("=")
        name = name or (STORE if path == STORE else Path(path).stem)
        if name in found:
            raise typer.BadParameter(f"two sources are called '{name}': write NAME=FILE", param_hint="--pages")
        pages = asyncio.run(_stored(load_settings())) if path == STORE else read_pages(Path(path))
        found[name] = list({page.shopper_id: page for page in pages}.values())
        if not found[name]:
            raise typer.BadParameter(f"{path} holds no page", param_hint="--pages")
    return found


async def _stored(settings: Settings) -> list[Page]:
    """Return the newest stored page of every shopper among the latest runs."""
    from tools.page_backends import open_backend
    from tools.page_store import PageStore

    async with open_backend(settings) as backend:
        store = PageStore(backend.store, runs_kept=settings.store.runs_kept)
        runs = await store.recent(settings.store.runs_kept)
        pages = [await store.get(shopper) for shopper in sorted({run.shopper_id for run in runs})]
    if not any(pages):
        raise StoreError("the page store holds no page. Make some: shelfwise pages --sample 50")
    return [page for page in pages if page is not None]
