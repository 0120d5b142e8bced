"""Semantic roles of a query: which of its words are the product, the brand, and which attributes."""

from __future__ import annotations

from collections.abc import Sequence

from agents.prompting import render
from agents.shown_context import shown_context
from state.answers_intent import roles_of, roles_schema, shown_roles
from state.guard import Chat
from state.intent import LabelledQuery, Roles
from state.llm import Answer, Message
from state.query_context import QueryContext

PHASE = "parse_query"
ROLE = "query_parser"
MAX_EXAMPLES = 2
"""Labelled queries shown beside the question: more cost prompt tokens on the real-time path."""


async def parse_query(
    chat: Chat,
    query: str,
    *,
    examples: Sequence[LabelledQuery] = (),
    aisle: str | None = None,
    context: QueryContext | None = None,
) -> tuple[Roles, Answer]:
    """Ask the query parser for the roles of ``query``, a spelling-corrected one; every value stands in it.

    ``examples`` are labelled queries like it, ``aisle`` is the aisle that it most likely means. With ``context`` the
    full prompt is asked, which is for large models, and shows that instead.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    schema = roles_schema(query)
    messages = roles_messages(query, examples, aisle) if context is None else full_roles_messages(query, context)
    answer = await chat.ask(ROLE, messages, schema, phase=PHASE)
    return roles_of(answer.value.roles), answer


def roles_messages(query: str, examples: Sequence[LabelledQuery], aisle: str | None) -> list[Message]:
    """Return what the query parser is asked about ``query``: few tokens, for a tuned model."""
    shown = [{"query": example.corrected, "shown": shown_roles(example)} for example in examples[:MAX_EXAMPLES]]
    return render("intent/roles", query=query, examples=shown, aisle=aisle)


def full_roles_messages(query: str, context: QueryContext) -> list[Message]:
    """Return what a large model is asked for the roles of ``query``, a spelling-corrected one."""
    return render("intent/full_roles", query=query, context=shown_context(context, shown_roles))


def full_parse_messages(query: str, context: QueryContext) -> list[Message]:
    """Return what a large model is asked about the whole of ``query``, as it was typed; see ``parsed_schema``."""
    return render("intent/full_parse", query=query, context=shown_context(context, _shown_parse))


def _shown_parse(example: LabelledQuery) -> str:
    return " | ".join([shown_roles(example), *example.categories[:1]])
