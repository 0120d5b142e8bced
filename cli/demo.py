"""``shelfwise demo``: from nothing to pages to look at, each step skipped when it is done already."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli import catalog as catalog_commands
from cli import corpus as corpus_commands
from cli import heads as heads_commands
from cli import models as models_commands
from cli import serve as serve_commands
from cli.console import err, out
from cli.page import make_many, sample_shoppers, write_pages
from cli.page_report import page_table
from state.errors import CatalogMissing, CorpusMissing
from state.options import PageOptions
from state.settings import Settings, load_settings

app = typer.Typer()
UNKNOWN_SHOPPER = "new-shopper"
HTML_FILE = "demo.html"


@app.command()
def demo(
    shoppers: Annotated[int, typer.Option(min=1, max=50, help="Shoppers of the demo shop to make pages for.")] = 5,
    prepare_only: Annotated[
        bool, typer.Option("--prepare-only", help="Fetch weights, import the shop, build the corpus; make no pages.")
    ] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Then serve the Shopping Hub until Ctrl-C.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of --serve.")] = None,
) -> None:
    """Fetch weights, import the demo shop, build its corpus, make pages, write them as one HTML file, serve the hub.

    The head cache of search queries is filled with the labelled ones that ship.

    What is there already is kept: a second run takes seconds. A catalogue of your own that is in use stays in use.
    """
    settings = load_settings()
    prepare(settings)
    if prepare_only:
        return
    change = heads_commands.fill(settings.intent.labelled, "labelled")
    err.print(f"head cache: {change.kept:,} queries with known answers", highlight=False)
    ids = [*sample_shoppers(shoppers), UNKNOWN_SHOPPER]
    pages, failed = asyncio.run(make_many(ids, PageOptions(), cached=True))
    write_pages(pages, settings.home / HTML_FILE)
    out.print(page_table(pages))
    out.print(f"Open {settings.home / HTML_FILE} in a browser.", soft_wrap=True, markup=False, highlight=False)
    out.print(f"Why a page is as it is: shelfwise trace {ids[0]}", markup=False, highlight=False)
    if failed and not serve:
        raise typer.Exit(1)
    if serve:
        serve_commands.serve(host=None, port=port, demo=True)


def prepare(settings: Settings) -> None:
    """Bring weights, catalogue and corpus into place; what is there already is left alone."""
    models_commands.fetch_command(names=None, source=None)
    if not _has_catalog(settings):
        catalog_commands.demo()
    if not _has_corpus(settings):
        corpus_commands.build(terms=None, widen=None)


def _has_catalog(settings: Settings) -> bool:
    from catalog.publishing import read_current

    try:
        record = read_current(settings.catalog_dir)
    except CatalogMissing:
        return False
    err.print(f"catalogue: already there, {record.products:,} products", highlight=False)
    return True


def _has_corpus(settings: Settings) -> bool:
    """Tell whether the corpus in use was built from the catalogue in use."""
    from catalog.publishing import read_current
    from tools.keyword_store import read_record

    try:
        record = read_record(settings.corpus_dir)
    except CorpusMissing:
        return False
    if record.catalog != read_current(settings.catalog_dir).version:
        return False
    err.print(f"corpus: already there, {record.terms:,} terms", highlight=False)
    return True
