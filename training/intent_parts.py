"""Answers about parts of a query, and how four of them make a row: the parse and one kind of rewrites each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, get_args

from pydantic import Field

from state.answers_intent import roles_of
from state.intent import REWRITE_KINDS, QueryKind, RewriteKind, Rewrites
from tools.labelled_queries import query_key
from training.examples import Example, IntentExample, Task, Text
from training.splits import Split, query_split

QueryPart = Literal["parse", RewriteKind]
QUERY_PARTS: tuple[QueryPart, ...] = get_args(QueryPart)


class IntentPart(Example):
    """One answer about a query. ``corrected``, ``roles`` and ``categories`` are the parse's, ``rewrites`` a kind's."""

    task: ClassVar[Task] = Task.INTENTS

    query: Text
    kind: QueryKind
    part: QueryPart
    corrected: str | None = None
    roles: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    rewrites: list[str] = Field(default_factory=list)

    @property
    def key(self) -> str:
        # A query's key has no line break: no query is mistaken for a part of another one.
        return f"{query_key(self.query)}\n{self.part}"

    @property
    def split(self) -> Split:
        return query_split(self.query)

    def agrees(self, row: IntentExample) -> bool:
        """Tell whether ``row``, of the same query, says the same as this part."""
        if self.part != "parse":
            wanted: Sequence[str] = getattr(row.rewrites, self.part)
            return [*helpful(self.rewrites, row.query, row.corrected)] == wanted
        said = roles_of(self.roles)
        return (self.corrected, said.product, said.brand, said.attributes, self.categories) == (
            row.corrected,
            row.product,
            row.brand,
            row.attributes,
            row.categories,
        )


def merged(parts: Iterable[IntentPart]) -> IntentExample | None:
    """Return the row that the parts of one query make, None while one of the four is missing."""
    by_part = {part.part: part for part in parts}
    if set(by_part) != set(QUERY_PARTS):
        return None
    parse = by_part["parse"]
    corrected = parse.corrected or parse.query
    roles = roles_of(parse.roles)
    rewrites = {kind: [*helpful(by_part[kind].rewrites, parse.query, corrected)] for kind in REWRITE_KINDS}
    return IntentExample(
        query=parse.query,
        corrected=corrected,
        kind=parse.kind,
        product=roles.product,
        brand=roles.brand,
        attributes=roles.attributes,
        categories=parse.categories,
        rewrites=Rewrites(**rewrites),
    )


def helpful(rewrites: Iterable[str], *queries: str) -> list[str]:
    """Return the rewrites, each once, that are none of ``queries`` but for case and spacing."""
    said = {query_key(query) for query in queries}
    return list(dict.fromkeys(text for text in (query_key(item) for item in rewrites) if text and text not in said))
