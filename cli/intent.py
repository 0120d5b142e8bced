"""``shelfwise intent`` and ``intents``: what typed queries ask for, one at a time and in files."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import err
from cli.phases import AtATime, Out, run_lines
from state.intent_state import IntentOptions, RewritePolicy

if TYPE_CHECKING:
    from serving.phase_files import AnswerLine, InputLine
    from state.intent import QueryIntent

app = typer.Typer()

RewritesOption = Annotated[
    str,
    typer.Option("--rewrites", help="needed: where they can help the results; always: all three kinds; never: none."),
]
CacheOption = Annotated[bool, typer.Option("--cache/--no-cache", help="Look into the head cache first.")]


@app.command()
def intent(
    query: Annotated[str, typer.Argument(help="What a shopper typed.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    rewrites: RewritesOption = "needed",
    cache: CacheOption = True,
    before: Annotated[
        list[str] | None, typer.Option(help="A query typed before this one; repeat it, oldest first.")
    ] = None,
) -> None:
    """Understand a search query: spelling, product, brand, attributes, categories, rewrites.

    JSON out: {"query", "corrected", "product", "brand", "attributes": [{"type", "value"}], "categories" (best first),
    "rewrites": {"synonym", "broader", "substitute"}, "source": cache|student|fallback, "confidence", "ms"}.

    Example: shelfwise intent "organic peanut buter no sugar"
    """
    from graph.intent import understand

    options = IntentOptions(rewrites=_policy(rewrites), use_cache=cache)
    understood = asyncio.run(understand(query, options, session=before or ()))
    if as_json:
        sys.stdout.write(json.dumps(understood.model_dump(), ensure_ascii=False) + "\n")
    else:
        _show(understood)


@app.command()
def intents(
    queries: Annotated[Path, typer.Option("--in", help="Queries: JSON objects with 'query', one a line.")],
    out_file: Out,
    rewrites: RewritesOption = "always",
    cache: CacheOption = True,
    concurrency: AtATime = 8,
) -> None:
    """Understand the queries of a file.

    A line in: {"query"}, and if you like "id", "session" (queries typed before, oldest first; a large model with full
    prompts reads them) and "at" (when it was sampled, for 'shelfwise heads drift'). A line out:
    what 'shelfwise intent --json' gives, with the line's id and at, in the order of the lines in. Rewrites are given
    for every query here, whether its results need them or not; the live path asks for those that can help
    (--rewrites needed).

    A line that cannot be answered gives {"line", "error"}; run again to ask only those and new ones. Exit codes:
    0 all answered, 1 some lines have an error, 2 wrong usage.

    Example: shelfwise intents --in queries.jsonl --out answers.jsonl
    """
    from serving.phase_files import read_input

    options = IntentOptions(rewrites=_policy(rewrites), use_cache=cache)
    lines = read_input(queries)
    run_lines(lines, out_file, _answerer(options), _basis(options), concurrency, "queries")


def _basis(options: IntentOptions) -> str:
    """Return what answers rest on: a file of others is not continued."""
    from graph.query_versions import answers_version
    from graph.services import shared_services

    return f"{answers_version(shared_services())} {options.model_dump_json()}"


def _answerer(options: IntentOptions) -> AnswerLine:
    from graph.intent import understand
    from serving.phase_files import LineRejected
    from state.errors import QueryError

    async def answer(line: InputLine) -> dict[str, Any]:
        try:
            asked = line.record or {}
            understood = await understand(asked.get("query", ""), options, session=_session(asked.get("session")))
        except QueryError as error:
            raise LineRejected(str(error)) from None
        sampled = {"at": line.record["at"]} if line.record and "at" in line.record else {}
        return understood.model_dump() | sampled

    return answer


def _session(told: object) -> list[str]:
    return [text for text in told if isinstance(text, str)] if isinstance(told, list) else []


def _policy(text: str) -> RewritePolicy:
    if text not in ("needed", "always", "never"):
        raise typer.BadParameter(f"{text!r} is none of needed, always, never.", param_hint="--rewrites")
    return text  # type: ignore[return-value]


def _show(understood: QueryIntent) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    if understood.corrected != understood.query:
        table.add_row("corrected", understood.corrected)
    for label, text in understood.spans():
        table.add_row(label, text)
    for place, path in enumerate(understood.categories):
        table.add_row("category" if place == 0 else "", path)
    for kind, texts in understood.rewrites:
        table.add_row(kind, ", ".join(texts) or "-")
    table.add_row("source", f"{understood.source}, confidence {understood.confidence:.2f}, {understood.ms:.0f} ms")
    err.print(table, highlight=False)
