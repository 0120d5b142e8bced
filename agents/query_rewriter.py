"""Rewrites of a query: three questions, one for each kind."""

from __future__ import annotations

from collections.abc import Sequence

from agents.prompting import render
from state.answers_intent import RewritesAnswer
from state.guard import Chat
from state.intent import LabelledQuery, RewriteKind
from state.llm import Answer, Message

PHASE = "rewrite_query"
ROLE = "query_rewriter"


async def rewrite_query(
    chat: Chat,
    query: str,
    kind: RewriteKind,
    *,
    examples: Sequence[LabelledQuery] = (),
    aisle: str | None = None,
) -> tuple[list[str], Answer[RewritesAnswer]]:
    """Ask the query rewriter for other queries of one kind, best first, each once.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    messages = rewrite_messages(query, kind, examples, aisle)
    answer = await chat.ask(ROLE, messages, RewritesAnswer, phase=f"{PHASE}_{kind}")
    return list(dict.fromkeys(answer.value.rewrites)), answer


def rewrite_messages(
    query: str, kind: RewriteKind, examples: Sequence[LabelledQuery], aisle: str | None
) -> list[Message]:
    """Return what the query rewriter is asked for rewrites of ``kind``."""
    shown = [
        {"query": example.corrected, "shown": "; ".join(getattr(example.rewrites, kind)) or "none"}
        for example in examples[:1]
    ]
    return render(f"intent/rewrite_{kind}", query=query, examples=shown, aisle=aisle)
