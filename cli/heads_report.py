"""``shelfwise heads report`` and ``drift``: what the head cache answers, and how well the student still agrees."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, out, print_json
from state.errors import SettingsError
from state.settings import load_settings

if TYPE_CHECKING:
    from evaluation.bootstrap import Interval
    from evaluation.head_share import HeadShare, Share, Stream
    from state.intent import QueryKind

EXIT_ALARM = 3


def report(
    exponent: Annotated[float, typer.Option(min=0, help="Exponent of Zipf's law: how fast frequency falls.")] = 1.0,
    distinct: Annotated[int, typer.Option(min=3, help="Different queries that shoppers type.")] = 100_000,
    head: Annotated[int, typer.Option(min=1, help="The last rank of the head.")] = 5_000,
    torso: Annotated[int, typer.Option(min=2, help="The last rank of the torso.")] = 30_000,
    length: Annotated[int, typer.Option(min=1, help="Queries drawn for each seed.")] = 20_000,
    seeds: Annotated[int, typer.Option(min=2, help="Streams drawn.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Say what share of a query stream the cache answers, if frequencies follow Zipf's law.

    The law is an assumption, and so is how frequent the cached queries are: two cases are told, that they are the most
    frequent ones, and that each stands somewhere in the band (head, torso, tail) that its label names. Intervals are
    the middle 95 % of the seeds. What the cache does not answer goes to the student.
    """
    from evaluation.head_share import PLACINGS, Stream, head_share

    cached = asyncio.run(_cached_kinds())
    try:
        stream = Stream(exponent=exponent, distinct=distinct, head=head, torso=torso, length=length)
        found = [head_share(cached, stream, placing, seeds) for placing in PLACINGS]
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if as_json:
        shares = [dataclasses.asdict(share) for share in found]
        print_json({"assumed": dataclasses.asdict(stream), "seeds": seeds, "cached": dict(cached), "shares": shares})
    else:
        _print_shares(found, stream, cached, seeds)


def drift(
    answers: Annotated[Path, typer.Option("--answers", help="The student's answers: JSON lines with 'query', 'at'.")],
    teacher: Annotated[Path, typer.Option("--teacher", help="The teacher's answers: a data set of intents (.gz too).")],
    days: Annotated[float, typer.Option(min=0.01, help="Length of a window.")] = 7.0,
    least: Annotated[int, typer.Option(min=1, help="Queries that a window needs to tell anything.")] = 30,
    roles: Annotated[float, typer.Option(min=0, max=1, help="Alarm under this F1 of roles.")] = 0.8,
    category: Annotated[
        float, typer.Option(min=0, max=1, help="Alarm under this share of equal best categories.")
    ] = 0.7,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Compare the student's answers with the teacher's, window by window.

    Exit codes: 0 the latest window agrees, 1 no window has enough queries, 2 wrong usage, 3 the latest window is under
    a bound.
    """
    from evaluation.intent_drift import DriftBounds, drift_report, read_timed
    from tools.labelled_queries import query_key, read_labelled

    gold = {query_key(row.query): row for row in read_labelled(teacher)}
    found = drift_report(read_timed(answers), gold, timedelta(days=days), DriftBounds(roles, category, least))
    if as_json:
        windows = [
            {**dataclasses.asdict(item), "start": item.start.isoformat(), "end": item.end.isoformat()}
            for item in found.windows
        ]
        print_json({"windows": windows, "without_teacher": found.without_teacher, "alarm": found.alarm})
    else:
        table = Table("from", "until", "queries", "roles F1", "category@1", "alarm")
        for item in found.windows:
            span = (f"{item.start:%Y-%m-%d %H:%M}", f"{item.end:%Y-%m-%d %H:%M}", f"{item.queries:,}")
            table.add_row(*span, _interval(item.roles), _interval(item.category), "; ".join(item.alarms))
        out.print(table)
        err.print(f"{found.without_teacher:,} answers are not among the teacher's", highlight=False)
    if not found.windows:
        err.print(f"no window has {least} queries that the teacher answered", highlight=False)
        raise typer.Exit(1)
    if found.alarm:
        raise typer.Exit(EXIT_ALARM)


async def _cached_kinds() -> Counter[QueryKind]:
    from tools.intent_cache import IntentCache

    async with IntentCache.open(load_settings()) as cache:
        content = await cache.content()
    return content.by_kind


def _print_shares(found: list[HeadShare], stream: Stream, cached: Counter[QueryKind], seeds: int) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in cached.items())
    out.print(
        f"Assumed: {stream.distinct:,} different queries, the r-th most frequent typed in proportion to "
        f"1 / r^{stream.exponent:g}; head to rank {stream.head:,}, torso to {stream.torso:,}.",
        f"Cached: {cached.total():,} ({kinds}). {seeds} streams of {stream.length:,} queries.",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(
        "if the cached queries are",
        "answered by the cache",
        "to the student",
        *(f"of the {b}" for b in ("head", "torso", "tail")),
    )
    for share in found:
        rest = f"{100 * (1 - share.hits.mean):.1f} %"
        table.add_row(share.placing, _share(share.hits), rest, *(_share(item) for item in share.hits_of.values()))
    out.print(table)
    traffic = ", ".join(f"{band} {_share(item)}" for band, item in found[0].traffic.items())
    out.print(f"Share of the queries typed: {traffic}", highlight=False, soft_wrap=True)


def _share(share: Share) -> str:
    return f"{100 * share.mean:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _interval(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
