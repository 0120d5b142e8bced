"""Phase 1 for a tuned small model: titles, needs and concepts are the model's, rationales are stated from facts.

A small model that is asked for a rationale invents counts; what the shopper bought of a theme is looked up instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agents.page_designer import PHASE, distinct_concepts, idea_messages
from agents.stated_facts import state_persona, state_rationale, tidy_title
from state.answers import TITLE_LENGTH, idea_schema
from state.guard import Chat
from state.placement import PageDesign, Theme
from state.shopper import ShopperContext
from state.vocabulary import Evidence

FindEvidence = Callable[[Sequence[Sequence[str]]], Awaitable[list[Evidence]]]
"""From the concepts of each theme to what the shopper bought of it."""


async def design_ideas(chat: Chat, shopper: ShopperContext, themes: int, find_evidence: FindEvidence) -> PageDesign:
    """Ask the designer for ``themes`` themes in one answer, then state each theme's rationale from the orders.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    answer = await chat.ask("designer", idea_messages(shopper, themes), idea_schema(themes), phase=PHASE)
    ideas = answer.value.themes
    concepts = [distinct_concepts(idea.concepts) for idea in ideas]
    found = await find_evidence(concepts)
    known = [item.name for item in shopper.products]
    return PageDesign(
        persona=" ".join(answer.value.persona.split()) or state_persona(shopper),
        themes=[
            Theme(
                id=f"{shopper.shopper_id}-{position}",
                position=position,
                title=tidy_title(idea.title, TITLE_LENGTH, known=[*known, *wanted]) or wanted[0].capitalize(),
                need=idea.need,
                rationale=state_rationale(shopper, evidence.bought, evidence.beside),
                concepts=wanted,
            )
            for position, (idea, wanted, evidence) in enumerate(zip(ideas, concepts, found, strict=True))
        ],
    )
