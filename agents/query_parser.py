"""Semantic roles of a query: which of its words are the product, the brand, and which attributes."""

from __future__ import annotations

from collections.abc import Sequence

from agents.prompting import render
from state.answers_intent import roles_of, roles_schema, shown_roles
from state.guard import Chat
from state.intent import LabelledQuery, Roles
from state.llm import Answer, Message

PHASE = "parse_query"
ROLE = "query_parser"
MAX_EXAMPLES = 2
"""Labelled queries shown beside the question: more cost prompt tokens on the real-time path."""


async def parse_query(
    chat: Chat, query: str, *, examples: Sequence[LabelledQuery] = (), aisle: str | None = None
) -> tuple[Roles, Answer]:
    """Ask the query parser for the roles of ``query``, a spelling-corrected one; every value stands in it.

    ``examples`` are labelled queries like it, ``aisle`` is the aisle that it most likely means.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    schema = roles_schema(query)
    answer = await chat.ask(ROLE, roles_messages(query, examples, aisle), schema, phase=PHASE)
    return roles_of(answer.value.roles), answer


def roles_messages(query: str, examples: Sequence[LabelledQuery], aisle: str | None) -> list[Message]:
    """Return what the query parser is asked about ``query``."""
    shown = [{"query": example.corrected, "shown": shown_roles(example)} for example in examples[:MAX_EXAMPLES]]
    return render("intent/roles", query=query, examples=shown, aisle=aisle)
