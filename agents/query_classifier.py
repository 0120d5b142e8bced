"""Categories of a query: the model ranks the aisles that the query converts to, and can name no other."""

from __future__ import annotations

from collections.abc import Sequence

from agents.prompting import render
from agents.shown_context import shown_context
from state.answers_intent import NONE_FITS, CategoriesAnswer, categories_schema
from state.catalog import Category
from state.guard import Chat
from state.intent import LabelledQuery
from state.llm import Answer, Message
from state.query_context import QueryContext

PHASE = "classify_category"
ROLE = "query_parser"


async def classify_query(
    chat: Chat, query: str, candidates: Sequence[Category], *, context: QueryContext | None = None
) -> tuple[list[Category], Answer[CategoriesAnswer]]:
    """Ask which of ``candidates`` hold what ``query`` looks for, best first; none at all is an answer.

    With ``context`` the full prompt is asked, which is for large models.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    schema = categories_schema([category.aisle for category in candidates])
    messages = full_category_messages(query, candidates, context) if context else category_messages(query, candidates)
    answer = await chat.ask(ROLE, messages, schema, phase=PHASE)
    by_aisle = {category.aisle: category for category in candidates}
    named = [aisle for aisle in (answer.value.best, *answer.value.also) if aisle != NONE_FITS]
    return [by_aisle[aisle] for aisle in dict.fromkeys(named)], answer


def category_messages(query: str, candidates: Sequence[Category]) -> list[Message]:
    """Return what the classifier is asked about ``query``: few tokens, for a tuned model."""
    return render("intent/categories", query=query, aisles=[category.aisle for category in candidates])


def full_category_messages(query: str, candidates: Sequence[Category], context: QueryContext) -> list[Message]:
    """Return what a large model is asked for the aisles of ``query``."""

    def shown(example: LabelledQuery) -> str:
        return "; ".join(path.rpartition(" > ")[2] for path in example.categories) or NONE_FITS

    aisles = [category.aisle for category in candidates]
    return render("intent/full_categories", query=query, options=aisles, context=shown_context(context, shown))
