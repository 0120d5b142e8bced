"""``shelfwise heads``: the cache that answers frequent queries without a model, and what fills it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table

from cli.console import err, print_json
from state.settings import PROJECT_ROOT, load_settings

if TYPE_CHECKING:
    from tools.intent_cache import IntentCache
    from tools.intent_counts import CacheChange

T = TypeVar("T")
SHIPPED = PROJECT_ROOT / "models" / "intents" / "labelled_queries.jsonl.gz"
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

app = typer.Typer(no_args_is_help=True, help="Answers of frequent queries: the head cache, and the teacher's queue.")


@app.command()
def labelled(
    out_file: Annotated[Path, typer.Option("--out", help="File to write (.gz: compressed).")] = SHIPPED,
) -> None:
    """Write the labelled queries that ship in models/intents: the training split of the project's labels.

    Queries of dev and test, and those that read as one of them once corrected, are left out. The same labels give the
    same bytes.
    """
    from training.head_answers import write_labelled

    count, digest = write_labelled(out_file)
    err.print(f"{count:,} labelled queries in {out_file}, sha256 {digest}", highlight=False, soft_wrap=True)


@app.command()
def warm(
    answers: Annotated[
        Path | None, typer.Option("--in", help="Labelled queries (JSON lines, .gz too). Default: intent.labelled.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Fill the cache from labelled queries. What is there under the same query is replaced.

    Exit codes: 0 all are in, 1 some were left out (a category or role that does not exist), 2 wrong usage.
    """
    from tools.labelled_queries import read_labelled

    rows = read_labelled(answers or load_settings().intent.labelled)
    change = _with_cache(lambda cache: cache.put(rows, source="labelled"))
    _print_change("kept", change, json_)
    if change.dropped:
        raise typer.Exit(1)


@app.command()
def refresh(json_: JsonOption = False) -> None:
    """Validate every cached answer against the categories in force; drop expired, damaged and faulty ones.

    Run it after an import of the catalogue that changes its categories: until then their answers are not found.
    """
    _print_change("valid", _with_cache(lambda cache: cache.refresh()), json_)


@app.command()
def forget(query: Annotated[str, typer.Argument(help="The query whose answer goes.")]) -> None:
    """Take the answer of one query out of the cache."""
    _with_cache(lambda cache: cache.delete(query))


@app.command()
def status(json_: JsonOption = False) -> None:
    """Say what lies in the cache."""
    content = _with_cache(lambda cache: cache.content())
    if json_:
        print_json(
            {
                "answers": content.answers,
                "by_source": dict(content.by_source),
                "other_version": content.other_version,
                "expired": content.expired,
                "damaged": content.damaged,
            }
        )
        return
    table = Table("answers in the head cache", "count")
    for source, count in sorted(content.by_source.items()):
        table.add_row(f"from {source}", f"{count:,}")
    table.add_row("of other categories (run 'heads refresh')", f"{content.other_version:,}")
    table.add_row("expired", f"{content.expired:,}")
    table.add_row("damaged", f"{content.damaged:,}")
    err.print(table)


def _with_cache(call: Callable[[IntentCache], Awaitable[T]]) -> T:
    """Return what ``call`` makes of the opened cache."""
    from tools.intent_cache import IntentCache

    async def opened() -> T:
        async with IntentCache.open(load_settings()) as cache:
            return await call(cache)

    return asyncio.run(opened())


def _print_change(word: str, change: CacheChange, as_json: bool) -> None:
    if as_json:
        print_json({word: change.kept, "dropped": dict(change.dropped)})
        return
    err.print(f"{change.kept:,} answers {word}", highlight=False)
    for reason, count in change.dropped.most_common():
        err.print(f"{count:,} dropped: {reason}", highlight=False)
