"""What to ask the teacher about queries: four requests each, with what the shop knows of the query beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.query_parser import full_parse_messages
from agents.query_rewriter import full_rewrite_messages
from state.errors import QueryError
from state.intent import REWRITE_KINDS, QueryKind
from state.query_context import QueryContext
from tools.labelled_queries import query_key
from tools.query_text import clean_query
from training.datasets import DatasetError, first_fault, read_lines
from training.exporting import Asked
from training.intent_subjects import IntentSubject
from training.requests import batch_request
from training.splits import Split, query_split

KINDS: tuple[QueryKind, ...] = get_args(QueryKind)


class AskedQuery(BaseModel):
    """A query to ask about, as shoppers type it, and how frequent it is."""

    model_config = ConfigDict(extra="ignore")

    query: str
    kind: QueryKind = "head"


class Contexts(Protocol):
    """Finds what is known of a query."""

    def of(self, query: str) -> QueryContext: ...


def intent_requests(contexts: Contexts, queries: Iterable[AskedQuery], model: str) -> Iterator[Asked]:
    """Yield four requests for each query: its parse, and each kind of rewrites."""
    for asked in queries:
        context = contexts.of(asked.query)
        parse = IntentSubject(query=asked.query, kind=asked.kind, part="parse", paths=context.paths)
        yield parse, batch_request(parse, full_parse_messages(asked.query, context), model)
        for kind in REWRITE_KINDS:
            rewrites = IntentSubject(query=asked.query, kind=asked.kind, part=kind)
            yield rewrites, batch_request(rewrites, full_rewrite_messages(asked.query, kind, context), model)


def choose_queries(
    queries: Sequence[AskedQuery], split: Split | None, limit: int | None
) -> tuple[list[AskedQuery], list[str]]:
    """Return distinct queries of ``split`` (all without), cleaned, at most ``limit``; and why others were left out."""
    chosen: dict[str, AskedQuery] = {}
    left_out = []
    for asked in queries:
        try:
            cleaned = clean_query(asked.query)
        except QueryError as error:
            left_out.append(str(error))
            continue
        if split is None or query_split(cleaned) == split:
            chosen.setdefault(query_key(cleaned), asked.model_copy(update={"query": cleaned}))
    return list(chosen.values())[:limit], left_out


def read_queries(path: Path) -> list[AskedQuery]:
    """Return the queries of a file: a query a line, or JSON objects with ``query`` and, if you like, ``kind``.

    Raises:
        DatasetError: the file cannot be read, or a line of JSON has no query.
    """
    if path.suffix not in (".jsonl", ".gz"):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"cannot read {path}: {error}. Give a file with one query a line.") from error
        return [AskedQuery(query=line) for line in lines if line.strip()]
    records, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}.")
    queries = []
    for record in records:
        try:
            queries.append(AskedQuery.model_validate(record.record))
        except ValidationError as error:
            raise DatasetError(f"{path}, line {record.number} is no query ({first_fault(error)}).") from None
    return queries
