"""Categories of a query: the model ranks the aisles that the query converts to, and can name no other."""

from __future__ import annotations

from collections.abc import Sequence

from agents.prompting import render
from state.answers_intent import NONE_FITS, CategoriesAnswer, categories_schema
from state.catalog import Category
from state.guard import Chat
from state.llm import Answer, Message

PHASE = "classify_category"
ROLE = "query_parser"


async def classify_query(
    chat: Chat, query: str, candidates: Sequence[Category]
) -> tuple[list[Category], Answer[CategoriesAnswer]]:
    """Ask which of ``candidates`` hold what ``query`` looks for, best first; none at all is an answer.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    schema = categories_schema([category.aisle for category in candidates])
    answer = await chat.ask(ROLE, category_messages(query, candidates), schema, phase=PHASE)
    by_aisle = {category.aisle: category for category in candidates}
    named = [aisle for aisle in (answer.value.best, *answer.value.also) if aisle != NONE_FITS]
    return [by_aisle[aisle] for aisle in dict.fromkeys(named)], answer


def category_messages(query: str, candidates: Sequence[Category]) -> list[Message]:
    """Return what the classifier is asked about ``query``."""
    return render("intent/categories", query=query, aisles=[category.aisle for category in candidates])
