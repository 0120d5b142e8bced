"""What the student learns of queries: roles, categories and rewrites, each as the intent graph asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agents.query_classifier import category_messages
from agents.query_parser import MAX_EXAMPLES, roles_messages
from agents.query_rewriter import rewrite_messages
from state.answers_intent import (
    MAX_CATEGORIES,
    MAX_REWRITES,
    NONE_FITS,
    RewritesAnswer,
    categories_schema,
    role_texts,
    roles_schema,
)
from state.catalog import Category
from state.intent import REWRITE_KINDS, LabelledQuery
from state.llm import Message
from tools.labelled_queries import LabelledQueries, own_keys
from tools.query_categories import OFFERED, QueryCategories


@dataclass(frozen=True)
class QueryEvidence:
    """What the intent graph injects into its prompts."""

    labelled: LabelledQueries
    categories: QueryCategories


@dataclass(frozen=True)
class QueryQuestion:
    """One question about a query: its part of the task, what is asked, and the answer to learn."""

    part: str
    messages: list[Message]
    answer: dict[str, Any]
    schema: type[BaseModel]


def query_questions(evidence: QueryEvidence, row: LabelledQuery) -> Iterator[QueryQuestion]:
    """Yield the five questions about ``row``: roles, categories, and each kind of rewrite.

    The row's own label takes no part in what is injected.
    """
    query, own = row.corrected, own_keys(row)
    examples, offered = _injected(evidence, query, own)
    aisle = offered[0].aisle if offered else None
    roles = roles_messages(query, examples, aisle)
    yield QueryQuestion("roles", roles, {"roles": role_texts(query, row)}, roles_schema(query))
    yield QueryQuestion(
        "categories",
        category_messages(query, offered),
        _categories(offered, row),
        categories_schema([category.aisle for category in offered]),
    )
    for kind in REWRITE_KINDS:
        wanted = {"rewrites": getattr(row.rewrites, kind)[:MAX_REWRITES]}
        messages = rewrite_messages(query, kind, examples, aisle)
        yield QueryQuestion(f"rewrite_{kind}", messages, wanted, RewritesAnswer)


def _injected(evidence: QueryEvidence, query: str, own: set[str]) -> tuple[list[LabelledQuery], list[Category]]:
    near = evidence.labelled.nearest(query, MAX_EXAMPLES, without=own)
    offered = evidence.categories.candidates(query, OFFERED, without=own)
    return [found.example for found in near], [entry.category for entry in offered]


def _categories(offered: Sequence[Category], row: LabelledQuery) -> dict[str, Any]:
    """Return the best of the offered aisles, and the others that the row names in the order of the offer."""
    aisles = {category.path: category.aisle for category in offered}
    known = [path for path in row.categories if path in aisles]
    if not known:
        return {"best": NONE_FITS, "also": []}
    others = set(known[1:MAX_CATEGORIES])
    return {"best": aisles[known[0]], "also": [aisle for path, aisle in aisles.items() if path in others]}
