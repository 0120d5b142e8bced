"""Phase 2: the keywords of a placement, chosen from the retrieved vocabulary and from nothing else."""

from __future__ import annotations

from agents.prompting import render
from state.answers import KeywordAnswer, keyword_schema
from state.guard import Chat
from state.llm import Message
from state.placement import Placement
from state.vocabulary import Vocabulary

PHASE = "write_keywords"


async def write_keywords(chat: Chat, placement: Placement, vocabulary: Vocabulary) -> KeywordAnswer:
    """Ask the keyword writer for what to search with for ``placement``.

    Every text of the answer stands in ``vocabulary``: the schema is built from it, for this call. All lists may be
    empty ("none fits"); texts are distinct, best first. ``placement.feedback`` tells what was wrong with the last try.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    messages = keyword_messages(placement, vocabulary)
    schema = keyword_schema(vocabulary.keywords, vocabulary.categories, vocabulary.filters)
    answer = await chat.ask("keyword_writer", messages, schema, phase=PHASE)
    chosen = answer.value
    return KeywordAnswer(
        keywords=list(dict.fromkeys(chosen.keywords)),
        categories=list(dict.fromkeys(chosen.categories)),
        filters=list(dict.fromkeys(chosen.filters)),
    )


def keyword_messages(placement: Placement, vocabulary: Vocabulary) -> list[Message]:
    """Return what the keyword writer is asked for ``placement``."""
    return render("keywords", placement=placement, vocabulary=vocabulary)
