"""``shelfwise heads``: the cache that answers frequent queries without a model, and what fills it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table

from cli.console import err, print_json
from cli.heads_report import drift, report
from state.settings import PROJECT_ROOT, load_settings

if TYPE_CHECKING:
    from tools.intent_cache import IntentCache
    from tools.intent_counts import CacheChange
    from tools.teacher_queue import QueuedQuery

T = TypeVar("T")
SHIPPED = PROJECT_ROOT / "models" / "intents" / "labelled_queries.jsonl.gz"
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

app = typer.Typer(no_args_is_help=True, help="Answers of frequent queries: the head cache, and the teacher's queue.")
app.command()(report)
app.command()(drift)


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
    source: Annotated[str, typer.Option(help="What 'heads status' counts them under.")] = "labelled",
    json_: JsonOption = False,
) -> None:
    """Fill the cache from labelled queries. What is there under the same query is replaced.

    Exit codes: 0 all are in, 1 some were left out (a category or role that does not exist), 2 wrong usage.
    """
    change = fill(answers or load_settings().intent.labelled, source)
    _print_change("kept", change, json_)
    if change.dropped:
        raise typer.Exit(1)


def fill(labelled: Path, source: str) -> CacheChange:
    """Put the labelled queries of a file into the head cache and return what became of them.

    Raises:
        LabelledQueriesError, StoreError, CatalogMissing: the file, the store or the catalogue is not there.
    """
    from tools.labelled_queries import read_labelled

    rows = read_labelled(labelled)
    return _with_cache(lambda cache: cache.put(rows, source=source))


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
                "by_kind": dict(content.by_kind),
                "other_version": content.other_version,
                "expired": content.expired,
                "damaged": content.damaged,
            }
        )
        return
    table = Table("answers in the head cache", "count")
    for source, count in sorted(content.by_source.items()):
        table.add_row(f"from {source}", f"{count:,}")
    for kind, count in sorted(content.by_kind.items()):
        table.add_row(f"{kind} queries", f"{count:,}")
    table.add_row("of other categories (run 'heads refresh')", f"{content.other_version:,}")
    table.add_row("expired", f"{content.expired:,}")
    table.add_row("damaged", f"{content.damaged:,}")
    err.print(table)


@app.command()
def queue(
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the queries as JSON lines.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, most often asked first.")] = None,
    remove: Annotated[
        Path | None, typer.Option(help="Take the queries of this file (one a line, or JSON lines) off the queue.")
    ] = None,
) -> None:
    """Write the queries that wait for the teacher: those that were answered with low confidence.

    They are what people typed, with a count and the lowest confidence; nothing of who typed them. Ask the teacher about
    them with 'teach export --task intents --queue'; 'teach import --publish' takes the answered ones off.
    """
    from training.intent_exporting import read_queries

    if remove is not None:
        asyncio.run(_take_off([asked.query for asked in read_queries(remove)]))
    waiting = asyncio.run(_waiting(limit))
    lines = [
        {"query": entry.query, "kind": "tail", "count": entry.count, "confidence": entry.confidence}
        for entry in waiting
    ]
    if out_file is not None:
        from training.datasets import write_whole

        write_whole(out_file, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode())
    else:
        for line in lines:
            print_json(line)
    err.print(f"{len(lines):,} queries wait for the teacher", highlight=False)


async def _waiting(limit: int | None) -> list[QueuedQuery]:
    from tools.teacher_queue import TeacherQueue

    async with TeacherQueue.open(load_settings()) as waiting:
        return await waiting.entries(limit)


async def _take_off(queries: list[str]) -> None:
    from tools.teacher_queue import TeacherQueue

    async with TeacherQueue.open(load_settings()) as waiting:
        await waiting.remove(queries)


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
