"""Rewrites of a query: three questions, one for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.prompting import render
from agents.shown_context import shown_context
from state.answers_intent import NONE_FITS, ReasonedRewrites, RewritesAnswer
from state.guard import Chat
from state.intent import LabelledQuery, RewriteKind
from state.llm import Answer, Message
from state.query_context import QueryContext

PHASE = "rewrite_query"
ROLE = "query_rewriter"


async def rewrite_query(
    chat: Chat,
    query: str,
    kind: RewriteKind,
    *,
    examples: Sequence[LabelledQuery] = (),
    aisle: str | None = None,
    context: QueryContext | None = None,
) -> tuple[list[str], Answer[Any]]:
    """Ask the query rewriter for other queries of one kind, best first, each once.

    With ``context`` the full prompt is asked, which is for large models: it reasons first, and shows the context
    instead of ``examples`` and ``aisle``.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    phase = f"{PHASE}_{kind}"
    answer: Answer[Any]
    if context is None:
        answer = await chat.ask(ROLE, rewrite_messages(query, kind, examples, aisle), RewritesAnswer, phase=phase)
    else:
        answer = await chat.ask(ROLE, full_rewrite_messages(query, kind, context), ReasonedRewrites, phase=phase)
    return list(dict.fromkeys(answer.value.rewrites)), answer


def rewrite_messages(
    query: str, kind: RewriteKind, examples: Sequence[LabelledQuery], aisle: str | None
) -> list[Message]:
    """Return what the query rewriter is asked for rewrites of ``kind``: few tokens, for a tuned model."""
    shown = [
        {"query": example.corrected, "shown": "; ".join(getattr(example.rewrites, kind)) or "none"}
        for example in examples[:1]
    ]
    return render(f"intent/rewrite_{kind}", query=query, examples=shown, aisle=aisle)


def full_rewrite_messages(query: str, kind: RewriteKind, context: QueryContext) -> list[Message]:
    """Return what a large model is asked for rewrites of ``kind``; it answers :class:`ReasonedRewrites`."""

    def shown(example: LabelledQuery) -> str:
        return "; ".join(getattr(example.rewrites, kind)) or NONE_FITS

    return render(f"intent/full_rewrite_{kind}", query=query, context=shown_context(context, shown))
