"""The context of a query as full prompts show it: at most so many of each kind, labelled queries on a line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from state.intent import LabelledQuery
from state.query_context import QueryContext

MOST_SIMILAR = 4
MOST_NAMES = 12


def shown_context(context: QueryContext, line: Callable[[LabelledQuery], str]) -> dict[str, Any]:
    """Return what a full prompt's templates take; ``line`` writes what a labelled query answers."""
    return {
        "paths": context.paths,
        "brands": context.brands[:MOST_NAMES],
        "products": context.products[:MOST_NAMES],
        "clicked": context.clicked[:MOST_NAMES],
        "session": context.session,
        "similar": [{"query": row.corrected, "shown": line(row)} for row in context.similar[:MOST_SIMILAR]],
    }
