"""``shelfwise corpus``: build the keyword corpus with its index, show what is built, try concepts on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import TaskID

from cli.console import err, out, print_json, progress
from state.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Build the keyword corpus and its vector index; look into it.")


@app.command()
def build(
    terms: Annotated[
        int | None, typer.Option(min=1000, help="Size to fill up to; without it, every well-attested term.")
    ] = None,
    widen: Annotated[
        str | None, typer.Option(help="Names from outside the catalogue: 'usda' (needs the 'demo' extra).")
    ] = None,
) -> None:
    """Mine the terms of the catalogue in use, embed them, build the index, and embed the products.

    Can be killed and run again: it goes on where it stopped.
    """
    from tools.corpus_build import build_corpus

    with _bars() as step:
        record = build_corpus(load_settings(), max_terms=terms, widen=widen, progress=step)
    _print_record(record.model_dump())
    if terms is not None and record.terms < terms:
        more = "" if widen else " Widen it: --widen usda."
        err.print(f"asked for {terms:,} terms, the names give {record.terms:,}.{more}", highlight=False)


@app.command()
def status() -> None:
    """Show the corpus in use."""
    from tools.keyword_store import read_record

    _print_record(read_record(load_settings().corpus_dir).model_dump())


@app.command()
def show(
    concepts: Annotated[list[str], typer.Argument(help="What a theme is about, e.g. 'greek yogurt' 'berries'.")],
    limit: Annotated[int, typer.Option(min=1)] = 100,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show the candidates that a keyword writer would be given for these concepts."""
    from rich.table import Table

    from engines.embedder import load_embedder
    from tools.keywords import KeywordSearch

    settings = load_settings()
    found = KeywordSearch.open(settings, load_embedder(settings)).candidates(concepts, limit)
    if json_:
        print_json({"candidates": [candidate.model_dump() for candidate in found]})
        return
    table = Table("term", "kind", "products", "similarity", "concept")
    for candidate in found:
        row = (candidate.text, candidate.kind, f"{candidate.frequency:,}", f"{candidate.similarity:.3f}")
        table.add_row(*row, candidate.concept)
    out.print(table)


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    labels = {
        "mine": "reading names",
        "embed": "embedding terms",
        "index": "indexing",
        "products": "embedding products",
    }
    with progress(0, "starting") as (bar, first):
        bar.remove_task(first)
        tasks: dict[str, TaskID] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(labels[name], total=total)
            bar.advance(tasks[name], done)

        yield step


def _print_record(record: dict[str, object]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for field, value in record.items():
        table.add_row(field.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    out.print(table)
